r"""Matrix products by BLAS for proofs: tried before the first, and each compared with itself along random signs.

The radii of `optimum/stack` and `optimum/convexity` hold for any BLAS that adds products up, in any order. Some builds
are known to compute wrong products on some processors, and that no radius covers. So:

at first use    integer matrices of awkward shapes, whose products float64 holds exactly: every entry must be right.
every product   C = AB, with r of random signs (Freivalds): for E = C - AB and any i, j, |E r|_i >= |E_ij| with
                probability at least 1/2, as one of r_j and -r_j does not make it less. A right product has
                    |C r - A(B r)|_i <= gamma_(k+n) (2 |A|(|B|1) + |C|1)_i,   gamma_m = mu/(1 - mu),
                (k terms of each entry of C and of A times B r, n of each of C r and B r), in O(kn + mk + mn) operations
                of numpy's own loops. |C| <= (1 + gamma_k)|A||B| and |B|1 <= n^(1/2) times the norms of the rows of B
                make it 3 (|A|s)_i with no matrix of sizes of B or C; squares below 2^-1000 may underflow. Whoever knows
                more of |A|(|B|1) says so; of A, B >= 0 it is C1/(1 - gamma_k), whose excess SMALL holds. Of a vector,
                the sum of its entries with signs, with X'r known beforehand.

What differs by more is a defect (DefectError), no wide radius: nothing that this machine multiplies is believed then.
Overflow and nan pass here: no verdict comes of them.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from .arithmetic import Array
from .bracket import DefectError

SHAPES = (
    (1, 1, 1), (1, 7, 3), (3, 1, 33), (2, 16, 65), (7, 33, 2), (16, 16, 16), (31, 65, 33), (65, 130, 7), (130, 31, 97),
    (64, 128, 96), (33, 513, 17),
)  # fmt: skip
"""(m, k, n) of the matrices that are tried: beside what kernels are unrolled by, and what they are cut into."""
DIGITS = 2**21
"""Beyond the largest entry of the matrices that are tried: 513 products of two add up below 2^53."""
SMALL = 2.0**-52
"""Twice the unit roundoff."""
UNDER = 2.0**-490
"""At least the norm of what is below 2^-500."""
GENERATOR = np.random.default_rng(20260101)
"""Of the signs; whoever builds a BLAS does not know them."""


@cache
def tried() -> bool:
    """That BLAS multiplies integers right: matrices, their transposes and parts, and vectors. Errors: DefectError."""
    draw = np.random.default_rng(0)
    for m, k, n in SHAPES:
        a, b = draw.integers(-DIGITS, DIGITS, (m, k)), draw.integers(-DIGITS, DIGITS, (k, n))
        wide = np.zeros((k, 2 * n))
        wide[:, ::2] = b
        x, y = a.astype(float), b.astype(float)
        for got, right in (
            (_multiplied(x, y), a @ b),
            (_multiplied(y.T, x.T), (a @ b).T),
            (_multiplied(np.asfortranarray(x), y), a @ b),
            (_multiplied(x, wide[:, ::2]), a @ b),
            (_multiplied(x, x.T), a @ a.T),
            (_multiplied(x.T, x), a.T @ a),
            (_multiplied(x, y[:, 0]), a @ b[:, 0]),
            (_multiplied(y[:, 0], y), b[:, 0] @ b),
        ):
            if not np.array_equal(got, right):
                raise _defect(f"a product of integer matrices {m} x {k} and {k} x {n}")
    return True


def _defect(what: str) -> DefectError:
    """The error that says so."""
    return DefectError(f"{what} is wrong: the BLAS of numpy does not multiply right on this machine; install another")


def signs(count: int) -> Array:
    """A vector of random signs [count]."""
    return GENERATOR.integers(0, 2, count) * 2.0 - 1


def product(a: Array, b: Array, size: Array | None = None, positive: bool = False) -> Array:
    """a @ b (m, k)(k, n), compared with itself. Errors: DefectError.

    size: at least |A|(|B|1) (m,), where it is known; positive: A and B are >= 0, so that it is C1 but for its rounding.
    """
    tried()
    found = _multiplied(a, b)
    r = signs(b.shape[1])
    if positive:
        size = found.sum(1)
    if size is None:
        rows = np.sqrt(b.shape[1] * np.einsum("ij,ij->i", b, b, optimize=False)) + UNDER
        if not np.isfinite(rows).all():
            rows = np.abs(b).sum(1)
        size = _along(np.abs(a), rows)
    what = f"a product of matrices {a.shape[0]} x {a.shape[1]} and {b.shape}"
    compared(_along(found, r), _along(a, _along(b, r)), 3 * size, sum(b.shape), what)
    return found


def compared(left: Array, right: Array, size: Array, terms: int, what: str) -> None:
    """Nothing, if two ways to add up terms of that size agree within their rounding. Errors: DefectError."""
    room = (terms + 8) * SMALL * size + np.finfo(float).tiny
    if (np.abs(left - right) > room).any():
        raise _defect(what)


def _multiplied(a: Array, b: Array) -> Array:
    return a @ b


def _along(a: Array, r: Array) -> Array:
    """a r (m,) by numpy's own loops."""
    return np.einsum("ij,j->i", a, r, optimize=False)
