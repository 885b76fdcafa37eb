"""Singular values, enclosed: floats propose, an interval Cholesky decides."""

from __future__ import annotations

from functools import reduce

import numpy as np
from flint import arb, arb_mat, ctx

from ..arithmetic import midpoint, norm, root, square

ROUGH = 192
"""Bits that decide about half of what float64 knows: its square has 106."""


def smallest_singular_value(matrix: arb_mat) -> arb:
    """s_min of a matrix (N, d) with N >= d.

    Upper bound: ||M v|| / ||v|| at a proposed v (refined by inverse iteration in balls). Lower bound: the
    largest proposed t for which M'M - t is certified positive definite; 0 if none is. nan where the matrix is not
    enclosed.
    """
    d = matrix.ncols()
    gram = matrix.transpose() * matrix
    table = np.array([midpoint(v) for v in matrix.entries()]).reshape(matrix.nrows(), d)
    if not np.isfinite(table).all():
        return arb("nan")
    v = arb_mat(d, 1, [arb(float(x)) for x in np.linalg.svd(table, full_matrices=False)[2][-1]])
    for _ in range(4):
        try:
            v = gram.mid().solve(v, algorithm="approx")
        except ZeroDivisionError:
            break
        v = (v * (1 / reduce(arb.max, (x.abs_upper() for x in v.entries())))).mid()
    upper = norm((matrix * v).entries()) / norm(v.entries())
    target = upper * upper
    for bits in ((3 * ctx.prec) // 4, (3 * ctx.prec) // 8, 60, 45, 30, 20, 10, 2):
        candidate = arb((target * (1 - arb(2) ** -bits)).lower())
        if candidate > 0 and positive_definite(gram, candidate):
            return root(candidate).union(upper)
    return arb(0).union(upper)


def singular_above(matrix: arb_mat) -> arb:
    """A number from 0 to s_min of a matrix (N, d) with N >= d: half of it where float64 knows it, else the lower end of
    `smallest_singular_value`."""
    table = np.array([midpoint(v) for v in matrix.entries()]).reshape(matrix.nrows(), matrix.ncols())
    if np.isfinite(table).all() and table.size:
        proposed = arb(float(np.linalg.svd(table, compute_uv=False)[-1]) / 2)
        with ctx.workprec(min(ctx.prec, ROUGH)):
            if proposed > 0 and positive_definite(matrix.transpose() * matrix, proposed * proposed):
                return proposed
    return arb(smallest_singular_value(matrix).lower()).max(arb(0))


def positive_definite(gram: arb_mat, shift: arb) -> bool:
    """Whether gram - shift I is certified positive definite, by elimination with positive pivots."""
    d = gram.nrows()
    # The matrix is symmetric, and so is what is left of it: its upper triangle is enough, row i from place i on.
    table = [[gram[i, j] - (shift if i == j else 0) for j in range(i, d)] for i in range(d)]
    for k, (pivot, *row) in enumerate(table):
        if not pivot > 0:
            return False
        for i, top in enumerate(row):
            factor = top / pivot
            table[k + 1 + i] = [a - factor * b for a, b in zip(table[k + 1 + i], row[i:], strict=True)]
    return True


def largest_eigenvalue(gram: arb_mat) -> arb:
    """The largest eigenvalue of a symmetric positive semidefinite matrix (d, d).

    Lower bound: the Rayleigh quotient of a proposed vector, refined by powers. Upper bound: the smallest proposed t for
    which t - M is certified positive definite; at worst the trace.
    """
    d = gram.nrows()
    table = np.array([midpoint(v) for v in gram.entries()]).reshape(d, d)
    trace = sum((gram[j, j] for j in range(d)), start=arb(0)).nonnegative_part()
    if not np.isfinite(table).all():
        return arb(0).union(arb(trace.upper()))
    vector = np.linalg.eigh((table + table.T) / 2)[1][:, -1]
    v = arb_mat(d, 1, [arb(float(x)) for x in vector])
    for _ in range(4):
        v = (gram * v).mid()
        largest = reduce(arb.max, (x.abs_upper() for x in v.entries()), arb(0))
        if largest == 0:
            return arb(0).union(arb(trace.upper()))
        v = (v * (1 / largest)).mid()
    moved, size = gram * v, sum((x * x for x in v.entries()), start=arb(0))
    lower = (v.transpose() * moved)[0, 0] / size
    # Of rank one the Rayleigh quotient is exact: then nearly all bits can be had, of the matrix' own precision. Else
    # the eigenvalue is above it by rest / trace or more, rest the square of M v - lower v for ||v|| = 1.
    rest = sum((square(x) for x in (moved - v * lower).entries()), start=arb(0)) / size
    for bits in ((3 * ctx.prec) // 4, (3 * ctx.prec) // 8, 60, 45, 30, 20, 10, 2):
        candidate = arb((lower * (1 + arb(2) ** -bits)).upper())
        if (candidate - lower) * trace < rest:
            continue
        if candidate > 0 and positive_definite(-gram, -candidate):
            return arb(lower.lower()).max(arb(0)).union(candidate)
    return arb(lower.lower()).max(arb(0)).union(arb(trace.upper()))
