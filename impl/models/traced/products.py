r"""Matrix products by the BLAS, enclosed.

For any order of summation, with or without fused products, threads or blocking, fl(a'b) is within gamma_n |a|'|b| of
a'b, gamma_n = n u/(1 - n u). With radii r_a, r_b of the entries, entry by entry,

    |fl(a'b) - x'y| <= |a|'(r_b + gamma_n |b|) + r_a'(|b| + r_b),  |x - a| <= r_a, |y - b| <= r_b,

products of matrices >= 0, whose own sums lose at most gamma_n of themselves, their entries some roundings: 2(2n + 8)u
of the whole cover both. An exact b leaves (r_a + gamma_n |a|)'|b|, an exact a the first term; with both exact
|a|'|b| <= ||a|| ||b||. With neither exact, only the term whose radii are relatively larger is multiplied out; the other
is bounded, r_a's <= max(r_a) sum(s) or |a|'t <= sum|a| max(t). Norms are computed with every rounding in them.

That BLAS adds products up at all is what `impl.blas` watches: each product, of radii too, is compared with itself.
"""

from __future__ import annotations

import numpy as np

from ...arithmetic import Array
from ...blas import product as multiplied
from ...midrad import GUARD, UP, MidRad, U

TINY = 2.0**-500
"""Covers the squares that underflow below a root."""


def product(a: MidRad, b: MidRad, more: float = 0.0) -> MidRad:
    """a b for (..., i, n) and (..., n, j), stacked; `more` is added to gamma_n.

    Errors: DefectError.
    """
    left, right = np.broadcast_to(a.mid, a.shape), np.broadcast_to(b.mid, b.shape)
    mid = _stacked(left, right)
    count = left.shape[-1]
    gamma = (count + 2) * U * (1 + 2 * (count + 2) * U) + more
    first, second = a.rad.any(), b.rad.any()
    if not first and not second:
        rad = gamma * _norms(left, -1)[..., :, None] * _norms(right, -2)[..., None, :]
    elif not second:
        rad = _stacked(a.rad + gamma * np.abs(left), np.abs(right)) * (1 + 2 * (count + 8) * U)
    elif not first:
        rad = _stacked(np.abs(left), b.rad + gamma * np.abs(right)) * (1 + 2 * (count + 8) * U)
    else:
        first_rad, second_rad = np.broadcast_to(a.rad, a.shape), np.broadcast_to(b.rad, b.shape)
        rad = _both(np.abs(left), first_rad, np.abs(right), second_rad, gamma) * (1 + 2 * (2 * count + 8) * U)
    if not np.isfinite(mid).all():
        rad = rad + 0 * mid  # nan where a sum has overflowed
    return MidRad(mid, rad * UP + (count + 1) * GUARD)


def _both(left: Array, left_rad: Array, right: Array, right_rad: Array, gamma: float) -> Array:
    """|a|'(r_b + gamma |b|) + r_a'(|b| + r_b), the sum that weighs less by its bound; of sizes and radii."""
    if left_rad.sum() * right.sum() <= right_rad.sum() * left.sum():
        columns = (right.sum(-2) + right_rad.sum(-2))[..., None, :]
        right *= gamma
        right += right_rad
        return _stacked(left, right) + left_rad.max(-1)[..., :, None] * columns
    spread = right_rad.max(-2) + gamma * right.max(-2)
    right += right_rad
    return _stacked(left_rad, right) + left.sum(-1)[..., :, None] * spread[..., None, :]


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
        found[place] = multiplied(left[place], right[place])
    return found
