r"""Matrix products by the BLAS, enclosed: one product, and radii from the norms of rows and columns.

For any order of summation, with or without fused products, threads or blocking, fl(a'b) is within gamma_n |a|'|b| of
a'b, gamma_n = n u/(1 - n u), and |a|'|b| <= ||a|| ||b||. With radii r_a, r_b of the entries

    |fl(a'b) - x'y| <= gamma_n ||a|| ||b|| + ||r_a|| (||b|| + ||r_b||) + ||a|| ||r_b||,  |x - a| <= r_a, |y - b| <= r_b,

so that the radii of a product cost its entries, not another product. Norms are computed with every rounding in them.

What this cannot know is whether the BLAS adds products up at all: some builds are wrong on some processors, and
products of Strassen's kind would not keep to gamma_n. So integer matrices of awkward shapes must come out exactly, once
a run, and each product C of matrices large enough to matter is compared with A(B s) for random signs s (Freivalds): a
wrong entry goes unnoticed with probability at most 1/2, and one of many wrong ones hardly ever. A failure is a
`WrongProductError`: it stops, it is no wide radius.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ...arithmetic import Array
from ...midrad import GUARD, UP, MidRad, U

CHECKED = 2**14
"""Multiplications from which a product is compared."""
TINY = 2.0**-500
"""Covers the squares that underflow below a root."""


class WrongProductError(ArithmeticError):
    """The machine's matrix product is wrong: nothing that was computed with it can be trusted."""


def product(a: MidRad, b: MidRad, unit: float = U) -> MidRad:
    """a b for (..., i, n) and (..., n, j), stacked; `unit` is that of the arithmetic whose roundings are covered.

    Errors: WrongProductError.
    """
    tested()
    left, right = np.broadcast_to(a.mid, a.shape), np.broadcast_to(b.mid, b.shape)
    mid = np.matmul(left, right)
    count = left.shape[-1]
    rows, columns = _norms(left, -1)[..., :, None], _norms(right, -2)[..., None, :]
    if left.size * right.shape[-1] >= CHECKED:
        _compare(left, right, mid, rows, columns)
    gamma = (count + 2) * unit * (1 + 2 * (count + 2) * unit)
    rad = gamma * rows * columns
    if b.rad.any():
        own = _norms(np.broadcast_to(b.rad, b.shape), -2)[..., None, :]
        rad = rad + rows * own
        columns = columns + own
    if a.rad.any():
        rad = rad + _norms(np.broadcast_to(a.rad, a.shape), -1)[..., :, None] * columns
    if not np.isfinite(mid).all():
        rad = rad + 0 * mid  # nan where a sum has overflowed
    return MidRad(mid, rad * UP + (count + 1) * GUARD)


def _norms(table: Array, axis: int) -> Array:
    """At least the Euclidean norms along an axis; 0 only of what is 0."""
    squares: Array = np.einsum("...ij,...ij->...i" if axis == -1 else "...ij,...ij->...j", table, table)
    found: Array = np.sqrt(squares) * (1 + (table.shape[axis] + 16) * U)
    # An entry whose square underflows is at most TINY; without one, TINY would make exact zeros inexact.
    return found + np.where(squares < TINY, TINY * _any(table, axis), 0.0)


def _any(table: Array, axis: int) -> Array:
    found: Array = (table != 0).any(axis) * np.sqrt(float(table.shape[axis]))
    return found


def _compare(a: Array, b: Array, c: Array, rows: Array, columns: Array) -> None:
    """Freivalds' comparison, against the sum of the roundings. Errors: WrongProductError."""
    signs = np.where(np.random.default_rng(c.size).integers(0, 2, c.shape[-1]) > 0, 1.0, -1.0)
    inner, outer = a.shape[-1], c.shape[-1]
    # |C s - A(B s)|: each of the three sums rounds; every intermediate is at most sum_j ||a_i|| ||b_j||.
    room = (4 * inner + 4 * outer + 32) * U * rows[..., 0] * columns.sum(-1) + (inner + outer) * GUARD
    off = np.abs(np.einsum("...ij,j->...i", c, signs)
                 - np.einsum("...ij,...j->...i", a, np.einsum("...ij,j->...i", b, signs)))  # fmt: skip
    if np.isfinite(off).all() and not (off <= room).all():
        raise WrongProductError(f"a matrix product {a.shape} x {b.shape} of this machine's BLAS is wrong: {_HELP}")


_HELP = "install another build of numpy (or set OPENBLAS_CORETYPE=Haswell) and run again"


@cache
def tested() -> bool:
    """The self-test, once a run: integers, so that every sum is exact. Errors: WrongProductError."""
    rng = np.random.default_rng(7)
    for i, n, j in ((1, 1, 1), (3, 17, 5), (33, 7, 65), (65, 129, 31), (128, 257, 129), (1, 513, 100), (100, 513, 1)):
        a, b = rng.integers(-512, 513, (i, n)), rng.integers(-512, 513, (n, j))
        exact = np.einsum("in,nj->ij", a, b)
        for left in (a.astype(float), np.asfortranarray(a.astype(float))):
            if not (np.matmul(left, b.astype(float)) == exact).all():
                raise WrongProductError(f"integer matrices {i} x {n} x {j} come out wrong from the BLAS: {_HELP}")
    return True
