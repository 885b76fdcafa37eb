"""Midpoint-radius float64 as a system of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from flint import arb

from ...arithmetic import Array, bounds
from ...elementary import MidRads
from ...midrad import GUARD, UP, MidRad, U
from .products import PLAIN, Moved, product
from .systems import FUNCTIONS, Operation, System, Value, each, parts

OWN: dict[str, Callable[[MidRad], MidRad]] = {
    "exp": MidRads.exp,
    "sqrt": MidRads.sqrt,
    "tanh": MidRads.tanh,
    "sigmoid": MidRads.sigmoid,
}


class Middles(System):
    """Midpoint-radius float64."""

    name = "midpoint-radius"

    def of(self, array: Array) -> MidRad:
        values = np.asarray(array, dtype=float)
        return MidRad(values, 0.0)

    def combined(self, operation: Operation, a: Value, b: Value) -> Value:
        return operation(a, b)

    def neg(self, a: Value) -> Value:
        return -a

    def sum(self, a: Value, axes: tuple[int, ...], keep: bool) -> Value:
        if not axes:
            return a
        found = a.sum(axes)
        return each(lambda x: np.expand_dims(x, axes), found) if keep else found

    def product(self, a: Value, b: Value, moved: Moved = PLAIN) -> Value:
        return product(a, b, moved=moved)

    def solve(self, a: Value, b: Value) -> Value:
        near = inverse(self.middle(a))
        at, back = self.of(near @ self.middle(b)), self.of(near)
        off = self.sub(self.of(np.eye(a.shape[-1])), self.product(back, a))
        rest = self.product(back, self.sub(b, self.product(a, at))).size
        most = MidRad(off.size).sum(-1).high.max(-1)[..., None, None]
        share = np.where(most < 1, most / (1 - most) * UP, np.nan)
        return MidRad(at.mid, (rest + share * rest.max(-2, keepdims=True)) * UP + GUARD)

    def apply(self, name: str, a: Value) -> Value:
        flat = a.reshape(-1)
        if name in OWN:
            found = OWN[name](flat)
        else:
            function = FUNCTIONS[name]
            found = self.from_balls([function(x) for x in self.balls(flat)], flat.shape)
        return found.reshape(*a.shape)

    def larger(self, a: Value, b: Value) -> Value:
        """|max(x, y) - max(a, b)| <= max(|x - a|, |y - b|); the one that is certainly larger is itself."""
        rad: Array = np.where(b.low >= a.high, b.rad, a.rad)
        if b.rad.any():
            open_ = ~(a.low >= b.high) & ~(b.low >= a.high)
            rad = np.where(open_, np.maximum(a.rad, b.rad), rad)
        return MidRad(np.maximum(a.mid, b.mid), rad)

    def hull(self, a: Value, b: Value) -> Value:
        same = (a.mid == b.mid) & (a.rad == 0) & (b.rad == 0)
        found = MidRad.between(np.minimum(a.low, b.low), np.maximum(a.high, b.high))
        return MidRad(np.where(same, a.mid, found.mid), np.where(same, 0.0, found.rad))

    def signs(self, a: Value) -> tuple[Array, Array]:
        # The sign of a rounded difference is that of the difference.
        size = np.abs(a.mid) - a.rad
        found = np.broadcast_to((a.mid > 0).view(np.int8) * np.int8(2) - np.int8(1), size.shape)
        known = (size > 0) & (size < np.inf)
        if not known.all():
            found = np.where(known, found, np.where((a.mid == 0) & (a.rad == 0), np.int8(0), np.int8(2)))
        size *= 1 - 4 * U
        return found, size

    def finite(self, a: Value) -> Array:
        return np.isfinite(a.mid) & np.isfinite(a.rad)

    def infinite(self, a: Value) -> Array:
        return np.zeros(a.shape, dtype=int)  # an infinite midpoint stands for anything

    def middle(self, a: Value) -> Array:
        return np.broadcast_to(a.mid, a.shape)

    def balls(self, a: Value) -> list[arb]:
        mids, rads = (p.ravel().tolist() for p in parts(a))
        return [arb(m, r) for m, r in zip(mids, rads, strict=True)]

    def from_balls(self, entries: Sequence[arb], shape: tuple[int, ...]) -> MidRad:
        ends = np.array([bounds(x) for x in entries], dtype=float).reshape(len(entries), 2)
        low, high = ends[:, 0], ends[:, 1]
        mid = low / 2 + high / 2
        return MidRad(
            mid.reshape(shape), (np.maximum(high - mid, mid - low) * UP + (high - low > 0) * GUARD).reshape(shape)
        )


def inverse(table: Array) -> Array:
    """A proposal for the inverses of (..., n, n)."""
    try:
        found: Array = np.linalg.inv(table)
    except np.linalg.LinAlgError:
        return np.full(table.shape, np.nan)
    return found
