"""Truncated power series over balls and over exact rationals: the number systems of Taylor arithmetic.

Their functions are those of `arithmetic`. At a joint a series of rationals goes in its own direction, which makes its
slope a one-sided derivative; one of balls encloses every one-sided value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from flint import arb, arb_series, ctx, fmpq, fmpq_series

from .arithmetic import Balls, FunctionSet, Number, Rationals, fenced, quotient


class BallSeries(FunctionSet):
    """Power series over balls, truncated at flint's `ctx.cap` terms."""

    exp = staticmethod(arb_series.exp)

    @staticmethod
    def sqrt(t: arb_series) -> arb_series:
        return arb_series([fenced(c) for c in t.coeffs()]).sqrt()

    @staticmethod
    def series(coefficients: Iterable[Number]) -> arb_series:
        return arb_series(list(coefficients))

    @staticmethod
    def number(q: fmpq | int) -> arb:
        return arb(q)

    @staticmethod
    def _falling(t: arb_series) -> tuple[arb_series, arb_series]:
        """(|t|, e^-|t|) with t[0]'s sign for t's: the exponential of a large number is no number."""
        away = -t if t[0] < 0 else t
        return away, (-away).exp()

    @classmethod
    def tanh(cls, t: arb_series) -> arb_series:
        e = cls._falling(2 * t)[1]
        return quotient(1 - e, 1 + e) * (-1 if t[0] < 0 else 1)

    @classmethod
    def sech(cls, t: arb_series) -> arb_series:
        e = cls._falling(t)[1]
        return quotient(2 * e, 1 + e * e)

    @classmethod
    def log_cosh(cls, t: arb_series) -> arb_series:
        away, e = cls._falling(t)
        return away + ((1 + e * e) / 2).log()

    @staticmethod
    def softplus(t: arb_series) -> arb_series:
        return (1 + t.exp()).log() if not t[0] > 0 else t + (1 + (-t).exp()).log()

    @classmethod
    def sigmoid(cls, t: arb_series) -> arb_series:
        e = cls._falling(t)[1]
        return quotient(e if t[0] < 0 else 1, 1 + e)

    @staticmethod
    def clip(t: arb_series, a: arb) -> arb_series:
        if t[0] > a:
            return arb_series([a])
        if t[0] < -a:
            return arb_series([-a])
        slope = Balls.inside(t[0], a)
        return arb_series([Balls.clip(t[0], a)] + [slope * t[k] for k in range(1, len(t.coeffs()))])

    @classmethod
    def clip_integral(cls, t: arb_series, a: arb) -> arb_series:
        # The slope is clip(t), which is continuous; dividing the joint's uncertainty among products would lose that.
        c = Balls.clip(t[0], a)
        return c * (t[0] - c / 2) + (cls.clip(t, a) * t.derivative()).integral()

    @staticmethod
    def sign(t: arb_series) -> arb_series:
        return arb_series([Balls.sign(t[0])])

    @staticmethod
    def magnitude(t: arb_series) -> arb_series:
        return Balls.sign(t[0]) * t


class RationalSeries(FunctionSet):
    """Power series over exact rationals; a joint is left in the direction of the series."""

    tanh = sech = log_cosh = softplus = sigmoid = sqrt = Rationals._irrational

    @staticmethod
    def exp(t: fmpq_series) -> fmpq_series:
        start = Rationals.exp(t[0])
        return (t - fmpq_series([t[0]])).exp() * fmpq_series([start])

    @staticmethod
    def series(coefficients: Iterable[Number]) -> fmpq_series:
        return fmpq_series(list(coefficients))

    @staticmethod
    def number(q: fmpq | int) -> fmpq:
        return fmpq(q)

    @staticmethod
    def _leading_sign(t: fmpq_series) -> int:
        return next((1 if c > 0 else -1 for c in t.coeffs() if c != 0), 0)

    @classmethod
    def clip(cls, t: fmpq_series, a: fmpq) -> fmpq_series:
        if cls._leading_sign(t - fmpq_series([a])) > 0:
            return fmpq_series([a])
        return fmpq_series([-a]) if cls._leading_sign(t + fmpq_series([a])) < 0 else t

    @classmethod
    def sign(cls, t: fmpq_series) -> fmpq_series:
        return fmpq_series([1 if cls._leading_sign(t) >= 0 else -1])

    @classmethod
    def magnitude(cls, t: fmpq_series) -> fmpq_series:
        return -t if cls._leading_sign(t) < 0 else t


@contextmanager
def series_terms(count: int) -> Iterator[None]:
    """Within the block power series keep `count` terms."""
    before, ctx.cap = ctx.cap, count
    try:
        yield
    finally:
        ctx.cap = before


def combined(numbers: list[Number], series: list[Any]) -> Any:
    """sum_j numbers[j] series[j]."""
    total = numbers[0] * series[0]
    for number, term in zip(numbers[1:], series[1:], strict=True):
        total = total + number * term
    return total
