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

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...arithmetic import Array
from ...blas import product as multiplied
from ...midrad import GUARD, UP, MidRad, U

LEAST = 2.0**-1074
"""The least positive number: at least what underflow takes from a product."""
TINY = 2.0**-500
"""Covers the squares that underflow below a root."""


@dataclass(frozen=True)
class Moved:
    """A factor made of an array's entries, each perhaps several times, and of zeros: `move(array)` (..., n, j).

    columns   the sums (np.add), or the largest (np.maximum), of the columns of `move` of an array >= 0 (..., j)
    """

    move: Callable[[Array], Array]
    columns: Callable[[Array, np.ufunc], Array]


PLAIN = Moved(lambda x: x, lambda x, join: np.asarray(join.reduce(x, axis=-2)))


def product(a: MidRad, b: MidRad, more: float = 0.0, moved: Moved = PLAIN) -> MidRad:
    """a b' for (..., i, n) and (..., n, j), b' = moved b, stacked; `more` is added to gamma_n.

    Sizes and radii of b are put together before they are moved: it may be much smaller than b'. Errors: DefectError.
    """
    (left, left_rad), (plain, plain_rad) = _whole(a), _whole(b)
    right = moved.move(plain)
    count = left.shape[-1]
    gamma = (count + 2) * U * (1 + 2 * (count + 2) * U) + more
    first, second = bool(a.rad.any()), bool(b.rad.any())
    sizes: Array | None = None
    if not first and not second:
        mid = _stacked(left, right)
        rad = gamma * _norms(left, -1)[..., :, None] * _norms(right, -2)[..., None, :]
    else:
        rad, sizes = _radii(np.abs(left), left_rad, np.abs(plain), plain_rad, gamma, moved, first, second)
        mid = _stacked(left, right, sizes)
        rad *= 1 + 2 * (2 * count + 8) * U
    if not np.isfinite(mid).all():
        rad = rad + 0 * mid  # nan where a sum has overflowed
    rad *= UP
    rad += (count + 1) * GUARD
    return MidRad(mid, rad)


def _whole(a: MidRad) -> tuple[Array, Array]:
    """Midpoints and radii, both of the shape."""
    if a.mid.shape == a.rad.shape:
        return a.mid, a.rad
    return np.broadcast_to(a.mid, a.shape), np.broadcast_to(a.rad, a.shape)


def _radii(left: Array, left_rad: Array, right: Array, right_rad: Array, gamma: float, moved: Moved, first: bool,
           second: bool) -> tuple[Array, Array | None]:  # fmt: skip
    """|a|'(r_b + gamma |b|) + r_a'(|b| + r_b), the sum that weighs less by its bound; of sizes and radii.

    Also at least |a||b|1, where that is at hand. No radii of a (first), of b (second): one sum.
    """
    if not second:
        found = _stacked(left_rad + _share(gamma, left), moved.move(right), positive=True)
        return found, found.sum(-1) / gamma
    if not first or left_rad.sum() * right.sum() <= right_rad.sum() * left.sum():
        found = _stacked(left, moved.move(right_rad + _share(gamma, right)), positive=True)
        sizes = found.sum(-1) / gamma
        if first:
            right += right_rad
            found += left_rad.max(-1)[..., :, None] * moved.columns(right, np.add)[..., None, :]
        return found, sizes
    spread = moved.columns(right_rad + _share(gamma, right), np.maximum)
    right += right_rad
    found = _stacked(left_rad, moved.move(right), positive=True)
    found += left.sum(-1)[..., :, None] * spread[..., None, :]
    return found, None


def _share(gamma: float, sizes: Array) -> Array:
    """At least gamma |b|. Where that underflows it still counts, as the other factor may be huge; 0 only of 0."""
    found: Array = gamma * sizes
    found += np.minimum(sizes, LEAST)
    return found


def _norms(table: Array, axis: int) -> Array:
    """At least the Euclidean norms along an axis; 0 only of what is 0."""
    squares: Array = np.einsum("...ij,...ij->...i" if axis == -1 else "...ij,...ij->...j", table, table)
    found: Array = np.sqrt(squares) * (1 + (table.shape[axis] + 16) * U)
    # An entry whose square underflows is at most TINY; without one, TINY would make exact zeros inexact.
    return found + np.where(squares < TINY, TINY * _any(table, axis), 0.0)


def _any(table: Array, axis: int) -> Array:
    return (table != 0).any(axis) * np.sqrt(float(table.shape[axis]))


def _stacked(a: Array, b: Array, sizes: Array | None = None, positive: bool = False) -> Array:
    """The products of matrices in stacks. Errors: DefectError."""
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if stack in ((), (1,)) and a.ndim == b.ndim:
        one = multiplied(
            a[(0,) * len(stack)], b[(0,) * len(stack)], sizes if sizes is None else sizes.reshape(-1), positive
        )
        return one[None] if stack else one
    found = np.empty((*stack, a.shape[-2], b.shape[-1]))
    left, right = (np.broadcast_to(x, (*stack, *x.shape[-2:])) for x in (a, b))
    for place in np.ndindex(*stack):
        found[place] = multiplied(left[place], right[place], None if sizes is None else sizes[place], positive)
    return found
