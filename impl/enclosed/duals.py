"""Midpoint-radius numbers with their derivative along one line: Taylor arithmetic of first order, for whole arrays.

A `Dual` stands for x + s t, t small: every enclosed x with every enclosed s. Each rule below is the chain rule with
slopes of elementary functions alone (tanh' = sech^2, softplus' = sigmoid, ...); at a joint the slope is the hull of
both sides' (`MidRads.inside` and `sign` are, there).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import fmpq

from ..arithmetic import FunctionSet
from ..elementary import MidRads
from ..midrad import MidRad, zero

Operand = Any
"""A Dual, or exact numbers: a float64 array, a float, a small int."""


class Dual:
    """value + slope t; slope None: a constant."""

    __slots__ = ("slope", "value")
    __array_ufunc__ = None

    def __init__(self, value: Any, slope: Any = None) -> None:
        self.value, self.slope = value, slope

    def __neg__(self) -> Dual:
        return Dual(-self.value, None if self.slope is None else -self.slope)

    def __add__(self, other: Operand) -> Dual:
        value, slope = _parts(other)
        return Dual(self.value + value, _sum(self.slope, slope))

    __radd__ = __add__

    def __sub__(self, other: Operand) -> Dual:
        return self + (-other)

    def __rsub__(self, other: Operand) -> Dual:
        return (-self) + other

    def __mul__(self, other: Operand) -> Dual:
        value, slope = _parts(other)
        left = None if self.slope is None else self.slope * value
        return Dual(self.value * value, _sum(left, None if slope is None else self.value * slope))

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> Dual:
        """x/y, with the slope (s - (x/y) r)/y."""
        value, slope = _parts(other)
        ratio = self.value / value
        change = _sum(self.slope, None if slope is None else -(ratio * slope))
        return Dual(ratio, None if change is None else change / value)

    def __rtruediv__(self, other: Operand) -> Dual:
        return Dual(MidRad(other)) / self


def _parts(value: Operand) -> tuple[Any, Any]:
    return (value.value, value.slope) if isinstance(value, Dual) else (value, None)


def _sum(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


HULL = MidRad(0.5, 0.5)
"""Both sides' slopes of max(t, 0) at 0."""


def _apart(t: Dual) -> Any:
    """Where the value is certainly not 0."""
    return (t.value.low > 0) | (t.value.high < 0)


class Duals(FunctionSet):
    """The function set of `Dual` (see `arithmetic`)."""

    name = "midpoint-radius series"

    @staticmethod
    def number(q: fmpq | int) -> Dual:
        return Dual(MidRads.number(q))

    @staticmethod
    def exp(t: Dual) -> Dual:
        found = MidRads.exp(t.value)
        return Dual(found, found * t.slope)

    @staticmethod
    def sqrt(t: Dual) -> Dual:
        found = MidRads.sqrt(t.value)
        return Dual(found, t.slope / (2 * found))

    @staticmethod
    def tanh(t: Dual) -> Dual:
        fall = MidRads.sech(t.value)
        return Dual(MidRads.tanh(t.value), fall * fall * t.slope)

    @staticmethod
    def sech(t: Dual) -> Dual:
        found = MidRads.sech(t.value)
        return Dual(found, -(found * MidRads.tanh(t.value) * t.slope))

    @staticmethod
    def log_cosh(t: Dual) -> Dual:
        return Dual(MidRads.log_cosh(t.value), MidRads.tanh(t.value) * t.slope)

    @staticmethod
    def softplus(t: Dual) -> Dual:
        return Dual(MidRads.softplus(t.value), MidRads.sigmoid(t.value) * t.slope)

    @staticmethod
    def sigmoid(t: Dual) -> Dual:
        found = MidRads.sigmoid(t.value)
        return Dual(found, found * MidRads.sigmoid(-t.value) * t.slope)

    @staticmethod
    def clip(t: Dual, a: Dual) -> Dual:
        return Dual(MidRads.clip(t.value, a.value), MidRads.inside(t.value, a.value) * t.slope)

    @staticmethod
    def clip_integral(t: Dual, a: Dual) -> Dual:
        # The slope is clip(t), which is continuous; the product rule would lose that at a joint.
        cut = MidRads.clip(t.value, a.value)
        return Dual(cut * (t.value - cut / 2), cut * t.slope)

    @staticmethod
    def sign(t: Dual) -> Dual:
        return Dual(MidRads.sign(t.value))

    @staticmethod
    def positive(t: Dual) -> Dual:
        return Dual(MidRads.positive(t.value), MidRads.where(_apart(t), MidRads.step(t.value), HULL) * t.slope)

    @staticmethod
    def step(t: Dual) -> Dual:
        # It has no derivative at 0, which is no number there: but of what stays 0.
        return Dual(MidRads.step(t.value), MidRad(np.where(_apart(t) | zero(t.slope), 0.0, np.nan)))

    @staticmethod
    def magnitude(t: Dual) -> Dual:
        return Dual(MidRads.magnitude(t.value), MidRads.sign(t.value) * t.slope)
