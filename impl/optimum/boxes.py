"""The checker's enclosures in balls, at any precision: the text of `leaves`, evaluated in arrays of balls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, arb_mat, fmpq

from ..arithmetic import Array, Balls, midpoint, root
from ..losses import Loss
from .leaves import Boxes, Numbers, Table
from .model import Model


def _each(evaluate: Callable[..., arb], inputs: int = 1) -> Callable[..., Array]:
    """A function of numbers for arrays of them."""
    found = np.frompyfunc(evaluate, inputs, 1)
    return lambda *arrays: np.asarray(found(*arrays), dtype=object)


_exact, _mid, _rad = _each(arb), _each(lambda v: arb(v.mid())), _each(lambda v: arb(v.rad()))
_low, _high, _size = (
    _each(lambda v: arb(v.lower())),
    _each(lambda v: arb(v.upper())),
    _each(lambda v: arb(v.abs_upper())),
)
_between, _around = _each(lambda a, b: arb(a).union(arb(b)), 2), _each(lambda v, r: v + (-arb(r)).union(arb(r)), 2)
_floats, _root = np.frompyfunc(midpoint, 1, 1), _each(root)


class BallArray:
    """Balls elementwise, with what `MidRad` has; exact numbers, or balls in plain arrays, may stand beside it."""

    __slots__ = ("values",)
    __array_ufunc__ = None

    def __init__(self, mid: Any, rad: Any = None) -> None:
        self.values = _exact(np.asarray(mid, dtype=object))
        if rad is not None:
            self.values = _around(self.values, rad)

    @staticmethod
    def between(low: Array, high: Array) -> BallArray:
        """The reals in [low, high]."""
        return BallArray(_between(low, high))

    @staticmethod
    def of(values: Iterable[fmpq | arb], shape: tuple[int, ...]) -> BallArray:
        """Exact or enclosed numbers."""
        given = list(values)
        table = np.empty(len(given), dtype=object)
        table[:] = given
        return BallArray(table.reshape(shape))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def mid(self) -> Array:
        return _mid(self.values)

    @property
    def rad(self) -> Array:
        return _rad(self.values)

    @property
    def low(self) -> Array:
        return _low(self.values)

    @property
    def high(self) -> Array:
        return _high(self.values)

    @property
    def size(self) -> Array:
        return _size(self.values)

    def __getitem__(self, index: Any) -> BallArray:
        return BallArray(np.asarray(self.values[index], dtype=object))

    def reshape(self, *shape: int) -> BallArray:
        return BallArray(self.values.reshape(shape))

    def within(self, radius: Array) -> BallArray:
        """x + t for every |t| <= radius."""
        return BallArray(self.values, _size(_exact(radius)))

    def sum(self, axis: int | tuple[int, ...]) -> BallArray:
        """The sum along axes."""
        return BallArray(self.values.sum(axis))

    def __neg__(self) -> BallArray:
        return BallArray(-self.values)

    def __add__(self, other: Any) -> BallArray:
        return BallArray(self.values + _plain(other))

    def __sub__(self, other: Any) -> BallArray:
        return BallArray(self.values - _plain(other))

    def __rsub__(self, other: Any) -> BallArray:
        return BallArray(_plain(other) - self.values)

    def __mul__(self, other: Any) -> BallArray:
        return BallArray(self.values * _plain(other))

    def __truediv__(self, other: Any) -> BallArray:
        return BallArray(self.values / _plain(other))

    def __matmul__(self, other: Any) -> BallArray:
        return BallArray(self.values @ _plain(other))

    __radd__, __rmul__ = __add__, __mul__


def _plain(value: Any) -> Any:
    return value.values if isinstance(value, BallArray) else value


class _Ranges:
    """As `loss_ranges.LossRanges`, for a table of labels."""

    def __init__(self, loss: Loss, labels: Sequence[fmpq], shape: tuple[int, ...]) -> None:
        self._labels = BallArray.of(labels, (*shape, 1)).values
        orders = range(4)
        functions = (loss.value, loss.d1, loss.d2, loss.d3)
        self._at = [_each(lambda z, y, f=f: f(Balls, z, y), 2) for f in functions]
        self._over = [_each(lambda z, y, order=order: loss.range(order, z, y), 2) for order in orders]
        self._least = [loss.profile.nonnegative, False, loss.profile.convex, False]

    def at(self, order: int, z: BallArray) -> BallArray:
        return BallArray(self._at[order](z.values, self._labels))

    def over(self, order: int, low: Array, high: Array) -> tuple[Array, Array]:
        found = BallArray(self._over[order](_between(low, high), self._labels))
        return BALLS.maximum(found.low, arb(0)) if self._least[order] else found.low, found.high


def _contract(spec: str, a: BallArray, b: BallArray) -> BallArray:
    return BallArray(np.einsum(spec, a.values, b.values, optimize=False))


def _product_ends(a: BallArray, b: BallArray) -> tuple[Array, Array]:
    found = a * b
    return found.low, found.high


BALLS = Numbers(
    BallArray, _contract, lambda v: BallArray(_root(v.values)), _Ranges, _product_ends,
    np.frompyfunc(lambda a, b: arb(a).max(arb(b)), 2, 1), np.frompyfunc(lambda a, b: arb(a).min(arb(b)), 2, 1),
    lambda values: np.asarray(_floats(_exact(values)), dtype=float),
)  # fmt: skip
"""Arrays of balls."""


def column(side: Sequence[fmpq]) -> Array:
    """A side of one box (d, 1)."""
    return BallArray.of(side, (len(side), 1)).values


class Box:
    """L over {c + t : |t_j| <= r_j}, one box; centre and half-widths exact."""

    def __init__(self, model: Model, centre: Sequence[fmpq], half: Sequence[fmpq], second: bool = False) -> None:
        self.all = Boxes(Table(model, BALLS), column(centre), column(half), second)

    @cached_property
    def at_centre(self) -> arb:
        """L at the centre."""
        return self.all.at_centre.values[0]

    @cached_property
    def gradient(self) -> list[arb]:
        """grad L over the box."""
        return list(self.all.gradient.values[:, 0])

    @property
    def natural(self) -> arb:
        """A lower bound of L over the box, the outer loss ranging over the adapted predictions."""
        return self.all.natural[0]

    @property
    def mean_value(self) -> arb:
        """Another, linear from the centre."""
        return self.all.mean_value[0]

    def hessian(self) -> arb_mat:
        """Hess L over the box."""
        return arb_mat(self.all.hessian().values[:, :, 0].tolist())
