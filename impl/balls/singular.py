"""Singular values, enclosed: floats propose, an interval Cholesky decides."""

from __future__ import annotations

import numpy as np
from flint import arb, arb_mat

from ..arithmetic import midpoint, norm, root


def smallest_singular_value(matrix: arb_mat) -> arb:
    """s_min of a matrix (N, d) with N >= d.

    Upper bound: ||M v|| / ||v|| at a proposed v (refined by inverse iteration in balls). Lower bound: the
    largest proposed t for which M'M - t is certified positive definite; 0 if none is.
    """
    d = matrix.ncols()
    gram = matrix.transpose() * matrix
    table = np.array([midpoint(v) for v in matrix.entries()]).reshape(matrix.nrows(), d)
    v = arb_mat(d, 1, [arb(float(x)) for x in np.linalg.svd(table)[2][-1]])
    for _ in range(4):
        try:
            v = gram.mid().solve(v).mid()
        except ZeroDivisionError:
            break
        largest = max(float(x.abs_upper()) for x in v.entries())
        v = (v * (1 / arb(largest))).mid()
    upper = norm((matrix * v).entries()) / norm(v.entries())
    target = upper * upper
    for bits in (90, 60, 45, 30, 20, 10, 2):
        candidate = arb((target * (1 - arb(2) ** -bits)).lower())
        if candidate > 0 and positive_definite(gram, candidate):
            return root(candidate).union(upper)
    return arb(0).union(upper)


def positive_definite(gram: arb_mat, shift: arb) -> bool:
    """Whether gram - shift I is certified positive definite, by elimination with positive pivots."""
    d = gram.nrows()
    table = [[gram[i, j] - (shift if i == j else 0) for j in range(d)] for i in range(d)]
    for k in range(d):
        pivot = table[k][k]
        if not pivot > 0:
            return False
        for i in range(k + 1, d):
            factor = table[i][k] / pivot
            for j in range(k + 1, d):
                table[i][j] = table[i][j] - factor * table[k][j]
    return True
