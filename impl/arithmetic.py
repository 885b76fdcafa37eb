"""The number systems of the suite: exact rationals, balls, float64 arrays.

A loss or an adaptation is written once, against a *function set* ("m" in the code): an object with
the elementary functions below. `Balls` and `Rationals` decide, `Floats` searches. (Power series of the
former have theirs in `series`, torch and sympy in `tensors` and `oracles`.)

    number(q)      the rational q in this number system
    exp, sqrt      as named
    tanh, sech     as named
    log_cosh(t)    log cosh t                softplus(t)   log(1 + e^t)
    sigmoid(t)     1 / (1 + e^-t)
    clip(t, a)     min(max(t, -a), a)        inside(t, a)  1 if |t| < a, 0 if |t| > a
    sign(t)        1 if t > 0, -1 if t < 0   magnitude(t)  |t|
    clip_integral(t, a)   the integral of clip from 0 to t (Huber's function)

At a joint (|t| = a, or t = 0 for `sign`) there is no derivative. Balls answer with an enclosure of
every one-sided value, so that nothing is decided there; rationals take the value `inside = 0`,
`sign(0) = 1`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, arb_mat, arb_series, ctx, fmpq, fmpq_mat, fmpz

Array = np.ndarray

Number = Any
"""A scalar of one of the number systems: arb, fmpq, arb_series, fmpq_series or a float64 array."""
Matrix = Any
"""arb_mat or fmpq_mat."""

PROPOSING = np.errstate(over="ignore", invalid="ignore", divide="ignore")
"""For entry points where floats propose and balls decide: a proposal that overflows is a bad one, and no news."""


_LEAST, _UNIT = 2.0**-1022, 2.0**-53


def as_proved() -> bool:
    """Whether float64 is here what proofs of rounding take it for: rounded to nearest, subnormal numbers kept.

    A library can change both for a thread, as torch.set_flush_denormal does. With u = 2^-53, 1 + u = 1 and
    1 + 3u = 1 + 4u to nearest alone.
    """
    return _LEAST * 0.5 * 2.0 == _LEAST and 1.0 + _UNIT == 1.0 and 1.0 + 3.0 * _UNIT == 1.0 + 4.0 * _UNIT


class IrrationalError(ArithmeticError):
    """A transcendental function or a root was asked of exact rationals."""


def rational(value: float | int | str | Fraction | fmpq) -> fmpq:
    """The exact rational that `value` stands for: a float64 exactly, "p/q", or a hex float "0x1.8p-2".

    Errors: ValueError if `value` is not finite or not a number.
    """
    if isinstance(value, fmpq):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value!r} is not finite")
        return fmpq(*value.as_integer_ratio())
    if isinstance(value, str):
        text = value.strip()
        return rational(float.fromhex(text) if "x" in text.lower() else Fraction(text))
    if isinstance(value, Fraction):
        return fmpq(fmpz(value.numerator), fmpz(value.denominator))
    return fmpq(fmpz(int(value)))


def to_float(q: fmpq) -> float:
    """The float64 nearest to the rational q (infinite if it overflows)."""
    try:
        return int(q.p) / int(q.q)
    except OverflowError:
        return math.inf if q > 0 else -math.inf


def rationals(values: Array) -> Any:
    """The numbers of an array, exactly, in tuples of its shape."""
    return _exactly(np.asarray(values, dtype=float).tolist())


def _exactly(values: Any) -> Any:
    return tuple(map(_exactly, values)) if isinstance(values, list) else rational(values)


def normalised(values: Array) -> tuple[fmpq, ...]:
    """The numbers (n,) exactly, over their sum if that is not 1."""
    exact = rationals(values)
    total = sum(exact, start=fmpq(0))
    return exact if total == 1 else tuple(v / total for v in exact)


def listed(number: Callable[[fmpq], Any], rows: Any) -> Any:
    """Rationals, in rows of any depth, each as `number` gives it, in lists."""
    if isinstance(rows, fmpq):
        return number(rows)
    return [number(row) if isinstance(row, fmpq) else listed(number, row) for row in rows]


def nearest(rows: Any) -> Array:
    """Rationals, in rows of any depth, as float64."""
    return np.array(listed(to_float, rows), dtype=float)


def bounds(ball: arb) -> tuple[float, float]:
    """Float64 numbers lo <= ball <= hi, rounded outward; (-inf, inf) for a ball that is not a number."""
    if ball.is_nan():
        return -math.inf, math.inf
    lo, hi = ball.lower(), ball.upper()
    low, high = float(lo), float(hi)
    if arb(low) > lo:
        low = math.nextafter(low, -math.inf)
    if arb(high) < hi:
        high = math.nextafter(high, math.inf)
    return low, high


def exactly(value: float) -> arb:
    """The float64 as a ball; not a number where it is none, so that nothing is decided against an infinite bound."""
    return arb(value) if math.isfinite(value) else arb("nan")


def midpoint(ball: arb) -> float:
    """The float64 nearest to the ball's centre."""
    return float(ball)


def proposed(values: Iterable[float]) -> tuple[fmpq, ...]:
    """Proposals in float64, exactly; 0 for what is beyond float64."""
    return tuple(rational(float(v)) if math.isfinite(v) else fmpq(0) for v in values)


def exact_floats(values: Iterable[Number]) -> tuple[fmpq, ...]:
    """The nearest float64 numbers, exactly; 0 for what is beyond float64."""
    return proposed(map(midpoint, values))


def fenced(ball: Any) -> Any:
    """The ball; the one about 0 in place of every other that is unbounded. Other numbers as they are.

    What powers of balls, and roots of series, are taken of: flint's own about infinity recur until the process crashes.
    """
    if not isinstance(ball, arb):
        return ball
    return ball if ball.is_finite() or ball.is_nan() else arb(0, arb("inf"))


def square(ball: Any) -> Any:
    """ball^2, below 0 by no more than the rounding of the radius (two independent copies could be far below)."""
    if not isinstance(ball, arb) or ball.rel_accuracy_bits() > 16:
        return ball * ball
    low, high = ball.abs_lower(), ball.abs_upper()
    return (low * low).union(high * high)


def root(ball: arb) -> arb:
    """The square root of a quantity that is known to be non-negative, whatever its enclosure says."""
    return ball.nonnegative_part().sqrt()


def dot(a: Iterable[Number], b: Iterable[Number]) -> Number:
    """The inner product of rationals or balls."""
    return sum((u * v for u, v in zip(a, b, strict=True)), start=fmpq(0))


def norm(entries: list[arb]) -> arb:
    """Euclidean norm of a list of balls."""
    return root(sum((square(v) for v in entries), start=arb(0)))


def solved(system: Matrix, right: Matrix) -> Matrix:
    """system^{-1} right; entries that are not a number where an enclosure is too wide to tell that there is one."""
    try:
        return system.solve(right)
    except ZeroDivisionError:
        if not isinstance(system, arb_mat):
            raise
        return arb_mat([[arb("nan")] * right.ncols()] * right.nrows())


def quotient(top: Number, bottom: Number) -> Number:
    """top/bottom; of a series not a number, as of balls, where an enclosure is too wide to tell that there is one."""
    if isinstance(bottom, arb_series) and bottom[0].contains(0):
        return arb_series([arb("nan")] * ctx.cap)
    return top / bottom


def least_squares(system: Array, right: Array, rcond: float | None = None) -> Array:
    """The least solution of least squares; NaN where float64 has overflowed, which LAPACK does not bear."""
    if not (np.isfinite(system).all() and np.isfinite(right).all()):
        return np.full(system.shape[1], np.nan)
    return np.linalg.lstsq(system, right, rcond=rcond)[0]


def length_above(v: Iterable[fmpq]) -> fmpq:
    """A multiple of 1/1024 that is at least ||v||, and positive."""
    square_sum = sum((q * q for q in v), start=fmpq(0)) * 2**20
    whole = -(-int(square_sum.p) // int(square_sum.q))
    grains = math.isqrt(whole)
    return fmpq(max(grains + (grains * grains < whole), 1), 1024)


class FunctionSet:
    """What every number system does alike."""

    @classmethod
    def clip_integral(cls, t: Number, a: Number) -> Number:
        c = cls.clip(t, a)  # type: ignore[attr-defined]
        return c * (t - c / 2)


class Balls(FunctionSet):
    """Real balls (Arb): every result encloses the exact one. The precision is flint's context."""

    name = "balls"
    exp = staticmethod(arb.exp)
    tanh = staticmethod(arb.tanh)
    sech = staticmethod(arb.sech)
    sqrt = staticmethod(root)

    @staticmethod
    def number(q: fmpq | int) -> arb:
        return arb(q)

    @staticmethod
    def of_ball(ball: arb) -> arb:
        return ball

    @staticmethod
    def matrix(rows: Sequence[Sequence[Number]]) -> arb_mat:
        return arb_mat(len(rows), len(rows[0]) if rows else 0, [x for row in rows for x in row])

    @staticmethod
    def positive(t: arb) -> arb:
        return t.max(arb(0))

    @staticmethod
    def log_cosh(t: arb) -> arb:
        if t > 1 or t < -1:  # cosh of a wide ball has no finite upper end that is of use
            away = t if t > 1 else -t
            return away + (-2 * away).exp().log1p() - arb(2).log()
        half = (t / 2).sinh()
        return (2 * square(half)).log1p()

    @staticmethod
    def softplus(t: arb) -> arb:
        return t.exp().log1p() if not t > 64 else t + (-t).exp().log1p()

    @staticmethod
    def sigmoid(t: arb) -> arb:
        # The exponential of a large number is no number: only that of its negative is taken.
        if not t < 0:
            return 1 / (1 + (-t).exp())
        e = t.exp()
        return e / (1 + e)

    @staticmethod
    def clip(t: arb, a: arb) -> arb:
        return t.max(-a).min(a)

    @staticmethod
    def inside(t: arb, a: arb) -> arb:
        if t.abs_upper() < a:
            return arb(1)
        return arb(0) if t.abs_lower() > a else arb(0).union(1)

    @staticmethod
    def sign(t: arb) -> arb:
        if t > 0:
            return arb(1)
        return arb(-1) if t < 0 else arb(-1).union(1)

    @staticmethod
    def magnitude(t: arb) -> arb:
        if t > 0:
            return t
        return -t if t < 0 else t.abs_lower().union(t.abs_upper())


class Rationals(FunctionSet):
    """Exact rationals: no rounding at all, and no transcendental function."""

    name = "rationals"

    @staticmethod
    def _irrational(t: fmpq) -> fmpq:
        raise IrrationalError("this quantity is irrational: use balls")

    tanh = sech = log_cosh = softplus = sigmoid = of_ball = _irrational

    @classmethod
    def exp(cls, t: fmpq) -> fmpq:
        return fmpq(1) if t == 0 else cls._irrational(t)

    @staticmethod
    def sqrt(t: fmpq) -> fmpq:
        top, bottom = math.isqrt(int(t.p)), math.isqrt(int(t.q))
        if top * top != int(t.p) or bottom * bottom != int(t.q):
            raise IrrationalError(f"the square root of {t} is irrational: use balls")
        return fmpq(top, bottom)

    @staticmethod
    def number(q: fmpq | int) -> fmpq:
        return fmpq(q)

    @staticmethod
    def matrix(rows: Sequence[Sequence[Number]]) -> fmpq_mat:
        return fmpq_mat(len(rows), len(rows[0]) if rows else 0, [fmpq(x) for row in rows for x in row])

    @staticmethod
    def clip(t: fmpq, a: fmpq) -> fmpq:
        return min(max(t, -a), a)

    @staticmethod
    def inside(t: fmpq, a: fmpq) -> fmpq:
        return fmpq(int(-a < t < a))

    @staticmethod
    def sign(t: fmpq) -> fmpq:
        return fmpq(1) if t >= 0 else fmpq(-1)

    @staticmethod
    def magnitude(t: fmpq) -> fmpq:
        return t if t >= 0 else -t


NumberSystem = type[Balls] | type[Rationals]
"""The number systems that decide."""


class Floats(FunctionSet):
    """float64 arrays, in forms that do not cancel; for searching, never for a verdict."""

    exp = staticmethod(np.exp)
    sqrt = staticmethod(np.sqrt)
    tanh = staticmethod(np.tanh)
    sign = staticmethod(lambda t: np.where(t < 0, -1.0, 1.0))
    magnitude = staticmethod(np.abs)
    where = staticmethod(np.where)
    broadcast_to = staticmethod(np.broadcast_to)
    stack = staticmethod(np.stack)
    minimum = staticmethod(np.minimum)
    maximum = staticmethod(np.maximum)

    @staticmethod
    def number(q: fmpq) -> float:
        return to_float(q)

    @staticmethod
    def sech(t: np.ndarray) -> np.ndarray:
        e = np.exp(-np.abs(t))
        return 2 * e / (1 + e * e)

    @staticmethod
    def log_cosh(t: np.ndarray) -> np.ndarray:
        a = np.abs(t)
        near = np.sinh(np.minimum(a, 1.0) / 2)
        return np.where(a < 1.0, np.log1p(2 * near * near), a + np.log1p(np.exp(-2 * a)) - math.log(2))

    @staticmethod
    def softplus(t: np.ndarray) -> np.ndarray:
        return np.maximum(t, 0) + np.log1p(np.exp(-np.abs(t)))

    @staticmethod
    def sigmoid(t: np.ndarray) -> np.ndarray:
        e = np.exp(-np.abs(t))
        return np.where(t >= 0, 1.0, e) / (1 + e)

    @staticmethod
    def positive(t: np.ndarray) -> np.ndarray:
        return np.maximum(t, 0.0)

    @staticmethod
    def step(t: np.ndarray) -> np.ndarray:
        return (t > 0).astype(float)

    @staticmethod
    def clip(t: np.ndarray, a: float) -> np.ndarray:
        return np.clip(t, -a, a)

    @staticmethod
    def inside(t: np.ndarray, a: float) -> np.ndarray:
        return (np.abs(t) < a).astype(float)
