r"""Matrix products by the BLAS, enclosed.

For any order of summation, with or without fused products, threads or blocking, fl(a'b) is within gamma_n |a|'|b| of
a'b, gamma_n = n u/(1 - n u). With radii r_a, r_b of the entries, entry by entry,

    |fl(a'b) - x'y| <= |a|'(r_b + gamma_n |b|) + r_a'(|b| + r_b),  |x - a| <= r_a, |y - b| <= r_b,

one product of matrices >= 0, (|a|, r_a) and (r_b + gamma_n |b|, |b| + r_b), whose own sums of 2n terms lose at most
gamma_2n of themselves, and their entries three roundings. An exact b leaves (r_a + gamma_n |a|)'|b|, an exact a the
first term; with both exact |a|'|b| <= ||a|| ||b||. Norms are computed with every rounding in them.

That BLAS adds products up at all is what `impl.blas` watches: each product, of radii too, is compared with itself.
"""

from __future__ import annotations

import numpy as np

from ... import blas
from ...arithmetic import Array
from ...midrad import GUARD, UP, MidRad, U

TINY = 2.0**-500
"""Covers the squares that underflow below a root."""


def product(a: MidRad, b: MidRad, unit: float = U) -> MidRad:
    """a b for (..., i, n) and (..., n, j), stacked; `unit` is that of the arithmetic whose roundings are covered.

    Errors: DefectError.
    """
    left, right = np.broadcast_to(a.mid, a.shape), np.broadcast_to(b.mid, b.shape)
    mid = _stacked(left, right)
    count = left.shape[-1]
    gamma = (count + 2) * unit * (1 + 2 * (count + 2) * unit)
    first, second = a.rad.any(), b.rad.any()
    if not first and not second:
        rad = gamma * _norms(left, -1)[..., :, None] * _norms(right, -2)[..., None, :]
    elif not second:
        rad = _stacked(a.rad + gamma * np.abs(left), np.abs(right)) * (1 + 2 * (count + 8) * U)
    else:
        sizes, spreads = _beside(left, a.rad if first else None), _over(right, b.rad, gamma, bool(first))
        rad = _stacked(sizes, spreads) * (1 + 2 * (2 * count + 8) * U)
    if not np.isfinite(mid).all():
        rad = rad + 0 * mid  # nan where a sum has overflowed
    return MidRad(mid, rad * UP + (count + 1) * GUARD)


def _beside(left: Array, spread: Array | None) -> Array:
    """|a| and r_a side by side: one product for both terms."""
    if spread is None:
        return np.abs(left)
    found = np.empty((*left.shape[:-1], 2 * left.shape[-1]))
    np.abs(left, out=found[..., : left.shape[-1]])
    found[..., left.shape[-1] :] = spread
    return found


def _over(right: Array, spread: Array, gamma: float, both: bool) -> Array:
    """r_b + gamma |b|, over |b| + r_b if both are asked for."""
    count = right.shape[-2]
    found = np.empty((*right.shape[:-2], (1 + both) * count, right.shape[-1]))
    upper = found[..., :count, :]
    if both:
        lower = found[..., count:, :]
        np.abs(right, out=lower)
        np.multiply(lower, gamma, out=upper)
        lower += spread
    else:
        np.abs(right, out=upper)
        upper *= gamma
    upper += spread
    return found


def _norms(table: Array, axis: int) -> Array:
    """At least the Euclidean norms along an axis; 0 only of what is 0."""
    squares: Array = np.einsum("...ij,...ij->...i" if axis == -1 else "...ij,...ij->...j", table, table)
    found: Array = np.sqrt(squares) * (1 + (table.shape[axis] + 16) * U)
    # An entry whose square underflows is at most TINY; without one, TINY would make exact zeros inexact.
    return found + np.where(squares < TINY, TINY * _any(table, axis), 0.0)


def _any(table: Array, axis: int) -> Array:
    found: Array = (table != 0).any(axis) * np.sqrt(float(table.shape[axis]))
    return found


def _stacked(a: Array, b: Array) -> Array:
    """The products of matrices in stacks. Errors: DefectError."""
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    found = np.empty((*stack, a.shape[-2], b.shape[-1]))
    left, right = (np.broadcast_to(x, (*stack, *x.shape[-2:])) for x in (a, b))
    for place in np.ndindex(*stack):
        found[place] = blas.product(left[place], right[place])
    return found
