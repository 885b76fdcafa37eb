"""Midpoint-radius float64 as a system of numbers; with a dtype's own rounding, proved, or drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from flint import arb

from ...arithmetic import Array, bounds
from ...midrad import GUARD, UP, MidRad, MidRads, U
from .products import product
from .systems import FUNCTIONS, System, Value, each, parts

OWN: dict[str, Callable[[MidRad], MidRad]] = {
    "exp": MidRads.exp,
    "sqrt": MidRads.sqrt,
    "tanh": MidRads.tanh,
    "sigmoid": MidRads.sigmoid,
}


class Middles(System):
    """Midpoint-radius float64. `unit`: further relative error of every result, as of a dtype that rounds so."""

    name = "midpoint-radius"

    def __init__(self, unit: float = 0.0) -> None:
        self.unit = unit

    def _rounded(self, a: MidRad, count: int = 1) -> MidRad:
        if not self.unit:
            return a
        return MidRad(a.mid, (a.rad + count * self.unit * (np.abs(a.mid) + a.rad)) * UP)

    def of(self, array: Array) -> MidRad:
        values = np.asarray(array, dtype=float)
        return MidRad(values, 0.0)

    def add(self, a: Value, b: Value) -> Value:
        return self._rounded(a + b)

    def sub(self, a: Value, b: Value) -> Value:
        return self._rounded(a - b)

    def mul(self, a: Value, b: Value) -> Value:
        return self._rounded(a * b)

    def div(self, a: Value, b: Value) -> Value:
        return self._rounded(a / b)

    def neg(self, a: Value) -> Value:
        return -a

    def sum(self, a: Value, axes: tuple[int, ...], keep: bool) -> Value:
        if not axes:
            return a
        found = a.sum(axes)
        if self.unit:
            count = int(np.prod([a.shape[k] for k in axes]))
            found = found.within((count + 1) * self.unit * MidRad(np.broadcast_to(a.size, a.shape)).sum(axes).high)
        return each(lambda x: np.expand_dims(x, axes), found) if keep else found

    def product(self, a: Value, b: Value) -> Value:
        return product(a, b, U + self.unit)

    def solve(self, a: Value, b: Value) -> Value:
        near = _inverse(self.middle(a))
        at, inverse = self.of(near @ self.middle(b)), self.of(near)
        off = self.sub(self.of(np.eye(a.shape[-1])), self.product(inverse, a))
        rest = self.product(inverse, self.sub(b, self.product(a, at))).size
        most = MidRad(off.size).sum(-1).high.max(-1)[..., None, None]
        share = np.where(most < 1, most / (1 - most) * UP, np.nan)
        # How a dtype eliminates is nobody's theorem here: with a unit, nothing is claimed.
        return MidRad(at.mid, (rest + share * rest.max(-2, keepdims=True)) * UP + (np.inf if self.unit else GUARD))

    def apply(self, name: str, a: Value) -> Value:
        flat = a.reshape(-1)
        if name in OWN:
            found = OWN[name](flat)
        else:
            function = FUNCTIONS[name]
            found = self.from_balls([function(x) for x in self.balls(flat)], flat.shape)
        return self._rounded(found.reshape(*a.shape), 4)

    def larger(self, a: Value, b: Value) -> Value:
        """|max(x, y) - max(a, b)| <= max(|x - a|, |y - b|); the one that is certainly larger is itself."""
        first, second = a.low >= b.high, b.low >= a.high
        rad = np.where(first, a.rad, np.where(second, b.rad, np.maximum(a.rad, b.rad)))
        return MidRad(np.maximum(a.mid, b.mid), rad)

    def hull(self, a: Value, b: Value) -> Value:
        same = (a.mid == b.mid) & (a.rad == 0) & (b.rad == 0)
        found = MidRad.between(np.minimum(a.low, b.low), np.maximum(a.high, b.high))
        return MidRad(np.where(same, a.mid, found.mid), np.where(same, 0.0, found.rad))

    def signs(self, a: Value) -> tuple[Array, Array]:
        # The sign of a rounded difference is that of the difference.
        size = np.abs(a.mid) - a.rad
        found = np.where((size > 0) & (size < np.inf), np.sign(a.mid), 2).astype(np.int8)
        found[np.broadcast_to((a.mid == 0) & (a.rad == 0), found.shape)] = 0
        return found, np.maximum(size * (1 - 4 * U), 0.0)

    def finite(self, a: Value) -> Array:
        found: Array = np.isfinite(a.mid) & np.isfinite(a.rad)
        return found

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


def _inverse(table: Array) -> Array:
    """A proposal for the inverses of (..., n, n)."""
    try:
        found: Array = np.linalg.inv(table)
    except np.linalg.LinAlgError:
        return np.full(table.shape, np.nan)
    return found


class Noisy(Middles):
    """One way that a dtype may round: every result moved at random by its unit. Encloses nothing: numbers propose.

    Sums of n terms are moved by up to sqrt(n) units of the size of what is added, as independent roundings would.
    """

    name = "one rounding"

    def __init__(self, unit: float, seed: int) -> None:
        super().__init__(unit)
        self._random = np.random.default_rng(seed)

    def _moved(self, mid: Array, size: Array | float) -> MidRad:
        return MidRad(mid + self.unit * self._random.uniform(-1, 1, np.shape(mid)) * size, 0.0)

    def _rounded(self, a: MidRad, count: int = 1) -> MidRad:
        return self._moved(a.mid, count * np.abs(a.mid))

    def sum(self, a: Value, axes: tuple[int, ...], keep: bool) -> Value:
        if not axes:
            return a
        count = float(np.prod([a.shape[k] for k in axes]))
        size = np.sqrt(count) * np.abs(a.mid).sum(axes, keepdims=keep)
        return self._moved(np.broadcast_to(a.mid, a.shape).sum(axes, keepdims=keep), size)

    def product(self, a: Value, b: Value) -> Value:
        rows, columns = np.linalg.norm(a.mid, axis=-1)[..., :, None], np.linalg.norm(b.mid, axis=-2)[..., None, :]
        return self._moved(a.mid @ b.mid, np.sqrt(a.shape[-1]) * rows * columns)

    def solve(self, a: Value, b: Value) -> Value:
        """The solution of equations beside these: an elimination's error is one of its coefficients."""
        size = a.shape[-1] * np.abs(a.mid).max(-1, keepdims=True)
        return self._rounded(MidRad(_inverse(self._moved(self.middle(a), size).mid) @ self.middle(b)))
