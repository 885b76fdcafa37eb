r"""Elementary functions of midpoint-radius numbers, built from the operations whose rounding `midrad` proves.

At a float x. Write eps for a bound of the relative error.

exp     k = round(x/ln 2), r = (x - k L1) - k L2, where L1 has 32 bits, so that k L1 is exact, and |ln 2 - L1 - L2| <
        2^-86. The product x/ln 2 errs by less than 2^-41, so |r| <= 0.3466; the two subtractions and k L2 err by at
        most 0.75u in r. For k = 0, r = x exactly. v = r q(r), q the Taylor polynomial of (e^r - 1)/r to r^12:
        remainder |r|^13/14! e^.35 < 0.2u; Horner's rule multiplies term j by at most 2j + 2 factors 1 + d (its own
        rounding, j products, j + 1 sums): sum_j (2j + 2)u |r|^j/(j+1)! < 2.9u, and q > 0.84. So v has eps < 5u beside
        the error of r. e^x = 2^k(1 + v): eps < (0.42*5 + 0.75*1.01 + 1)u < 4u. Claimed: 8u.
        e^x - 1 = 2^k v + (2^k - 1) for x <= 0: k = 0: v itself. k = -1: |e^x - 1| > 0.29 and the error is below
        (0.42*5 + 0.75*1.42)/2 u, so eps < 7u; k <= -2: |.| > 0.64, less. Claimed: 8u.
        Below -650, e^-650 < 2^-937 is returned: it errs by less than GUARD. Above 709: inf.
log1p   0 <= t <= 1 + 2^-30: 2 atanh(s), s = t/(2 + t) <= 0.334; atanh(s)/s = sum_j w^j/(2j+1), w = s^2, to j = 15:
        remainder < 0.2u. s has eps 2u, w 5u, which moves the sum by 0.05*5u; Horner as above 2.2u; the last product u.
        In all below 6u. Claimed: 8u. An error eps in t gives at most eps: t/((1 + t)log1p t) <= 1.
softplus   max(x, 0) + log1p(e^-|x|), no cancellation: 8u + 8u + u. Claimed: 20u.
sigmoid    1/(1 + E) or E/(1 + E), E = e^-|x|: 8u + 2u. Claimed: 12u.
sech       2E/(1 + E^2): 8u + 3u (the factor of E's error is at most 1). Claimed: 16u.
tanh       -N/(2 + N), N = e^-2|x| - 1: the factor of N's error is 2/(2 + N) <= 2: 16u + 2u. Claimed: 20u.
log cosh   |x| < 1: log1p(2 sinh^2(x/2)) = log1p(N^2/2E), N = e^-|x| - 1: (16 + 8 + 2 + 8)u. Else |x| - ln 2 +
           log1p(E^2) >= 0.43: 25u*0.13 + 0.7u + 2u of the result, below 11u. Claimed: 40u.

At a MidRad: e^(m + d) is within e^m(e^r - 1) of e^m, where e^r - 1 <= r + r^2 for r <= 1. Of x >= 0, sqrt x is within
r/sqrt m of sqrt m; if x may be 0, it is in [0, sqrt h], h the upper end, whose root is computed with eps u (a factor
1 + 8u covers that and the product), and its lower end is 0; nan if h < 0. The other functions move by at
most r times the largest slope: 1 (tanh, softplus, log cosh), 1/2 (sech), 1/4 (sigmoid); sech, whose logarithm has
slopes of at most 1, by no more than sech m (e^r - 1) either. At 0 exactly sqrt, tanh and log
cosh are 0 exactly, and computed as 0; no other value is computed as 0 there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from flint import arb, fmpq

from .arithmetic import Array, FunctionSet
from .midrad import GUARD, UP, MidRad, Operand, U, laid, parts, zero

_ROUND = 1.5 * 2.0**52
"""Added and taken away, it rounds to an integer, which then stands in the last bits."""
_LN2_HIGH = float.fromhex("0x1.62e42ffp-1")
_LN2_LOW = float.fromhex("-0x1.718432a1b0e26p-35")
_LN2 = float.fromhex("0x1.62e42fefa39efp-1")
_EXP = [1 / math.factorial(j + 1) for j in range(13)]
_ATANH = [1 / (2 * j + 1) for j in range(16)]
_LEAST, _MOST = -650.0, 709.0


def _horner(coefficients: Sequence[float], x: Array) -> Array:
    total = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        total *= x
        total += c
    return total


def _reduced(x: Array) -> tuple[Array, Array]:
    """(e^r - 1, 2^k) with x = r + k ln 2, for x cut to [_LEAST, _MOST]."""
    x = np.minimum(np.maximum(x, _LEAST), _MOST)
    k = x * (1 / _LN2) + _ROUND
    scale = ((np.asarray(k).view(np.uint64) + np.uint64(1023)) << np.uint64(52)).view(float)
    k -= _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    return r * _horner(_EXP, r), scale


def _exp(x: Array) -> Array:
    """e^x, 8u."""
    v, scale = _reduced(x)
    v += 1
    v *= scale
    return np.where(x > _MOST, np.inf, v)


def _fallen(x: Array) -> Array:
    """e^x for x <= 0, 8u."""
    v, scale = _reduced(x)
    v += 1
    v *= scale
    return v


def _fallen_less_1(x: Array) -> Array:
    """e^x - 1 for x <= 0, 8u."""
    v, scale = _reduced(x)
    v *= scale
    v += scale - 1
    return v


def _log1p(t: Array) -> Array:
    """log(1 + t) for t in [0, 1], 8u."""
    s = t / (2 + t)
    total = _horner(_ATANH, s * s)
    total *= 2 * s
    return total


def _growth(r: Array) -> Array:
    """At least e^r - 1."""
    found = r + r * r
    if (r > 1).any():
        found = np.where(r > 1, _exp(np.maximum(r, 1)) * (1 + 16 * U), found)
    return found


class MidRads(FunctionSet):
    """The function set of MidRad arrays (see `arithmetic`)."""

    name = "midpoint-radius"

    @staticmethod
    def number(q: fmpq | int) -> MidRad:
        return MidRad.of([fmpq(q)], ())

    @staticmethod
    def of_ball(ball: arb) -> MidRad:
        return MidRad.of([ball], ())

    @staticmethod
    def exp(t: MidRad) -> MidRad:
        v, growth = _exp(t.mid), _growth(t.rad)
        return MidRad(v, v * (growth * (1 + 16 * U) + 16 * U) * UP + GUARD)

    @staticmethod
    def sqrt(t: MidRad) -> MidRad:
        high, near = t.high, t.low <= 0
        s = np.sqrt(np.where(high >= 0, np.maximum(t.mid, 0.0), np.nan))
        half = np.sqrt(np.maximum(high, 0.0)) * (0.5 + 4 * U)
        size = (t.rad / np.where(near, 1.0, s) + U * s) * UP + GUARD
        return MidRad(np.where(near, half + 0 * s, s), np.where(near, half, size))

    @staticmethod
    def _smooth(t: MidRad, value: Array, slope: float, eps: int) -> MidRad:
        """The function's value at the midpoint, with its largest slope and eps in units of u."""
        size = np.abs(value)
        guard = GUARD if size.min(initial=1.0) > 0 else np.where(zero(t), 0.0, GUARD)
        return MidRad(value, (t.rad * slope + size * (eps * U)) * UP + guard)

    @classmethod
    def tanh(cls, t: MidRad) -> MidRad:
        n = _fallen_less_1(-2 * np.abs(t.mid))
        return cls._smooth(t, np.copysign(n / (2 + n), t.mid), 1.0, 20)

    @classmethod
    def sech(cls, t: MidRad) -> MidRad:
        e = _fallen(-np.abs(t.mid))
        value = 2 * e / (1 + e * e)
        moved = t.rad
        if not value.min(initial=1.0) > 2.0**-20:
            moved = np.minimum(moved, 2 * value * _growth(moved) * (1 + 32 * U))
        return cls._smooth(MidRad(t.mid, moved), value, 0.5, 16)

    @classmethod
    def log_cosh(cls, t: MidRad) -> MidRad:
        away = np.abs(t.mid)
        v, scale = _reduced(-away)
        e, n = scale * (v + 1), scale * v + (scale - 1)
        near = away < 1
        rest = _log1p(np.where(near, n * n / (2 * e), e * e))
        return cls._smooth(t, np.where(near, rest, (away - _LN2) + rest), 1.0, 40)

    @classmethod
    def softplus(cls, t: MidRad) -> MidRad:
        return cls._smooth(t, np.maximum(t.mid, 0.0) + _log1p(_fallen(-np.abs(t.mid))), 1.0, 20)

    @classmethod
    def sigmoid(cls, t: MidRad) -> MidRad:
        e = _fallen(-np.abs(t.mid))
        return cls._smooth(t, np.where(t.mid >= 0, 1.0, e) / (1 + e), 0.25, 12)

    @staticmethod
    def clip(t: MidRad, a: MidRad) -> MidRad:
        """It moves by no more than t and a do."""
        mid = np.minimum(np.maximum(t.mid, -a.mid), a.mid)
        return MidRad(mid, (t.rad + a.rad) * UP)

    @staticmethod
    def inside(t: MidRad, a: MidRad) -> MidRad:
        within, without = t.size < a.low, np.maximum(t.low, -t.high) > a.high
        known = within | without
        nothing = 0 * t.mid + 0 * t.rad  # nan where t stands for anything
        return MidRad(np.where(known, within, 0.5) + nothing, np.where(known, 0.0, 0.5))

    @staticmethod
    def sign(t: MidRad) -> MidRad:
        up, down = t.low > 0, t.high < 0
        nothing = 0 * t.mid + 0 * t.rad
        return MidRad(1.0 * up - down + nothing, np.where(up | down, 0.0, 1.0))

    magnitude = staticmethod(MidRad.__abs__)

    @staticmethod
    def positive(t: MidRad) -> MidRad:
        """max(t, 0): it moves by no more than t does."""
        below = (t.high <= 0) & (t.mid > -np.inf)
        return MidRad(np.maximum(t.mid, 0.0) + 0 * t.mid, np.where(below, 0.0, t.rad))

    @staticmethod
    def step(t: MidRad) -> MidRad:
        """1 where t > 0, 0 where t <= 0; where that is open, [0, 1]."""
        up, down = t.low > 0, t.high <= 0
        nothing = 0 * t.mid + 0 * t.rad
        return MidRad(np.where(up | down, up, 0.5) + nothing, np.where(up | down, 0.0, 0.5))

    @staticmethod
    def maximum(a: Operand, b: Operand) -> MidRad:
        return (a if isinstance(a, MidRad) else MidRad(a)).max(b if isinstance(b, MidRad) else MidRad(b))

    @classmethod
    def minimum(cls, a: Operand, b: Operand) -> MidRad:
        return -cls.maximum(-a, -b)

    @staticmethod
    def broadcast_to(t: MidRad, shape: tuple[int, ...]) -> MidRad:
        return t.rearranged(lambda x: np.broadcast_to(x, shape))

    @staticmethod
    def where(chosen: Array, a: Operand, b: Operand) -> MidRad:
        """a where it is chosen, else b: nothing is decided."""
        (a_mid, a_rad), (b_mid, b_rad), chosen = parts(a), parts(b), laid(np.asarray(chosen))
        return MidRad(
            np.where(chosen, a_mid, b_mid),
            np.where(chosen, 0.0 if a_rad is None else a_rad, 0.0 if b_rad is None else b_rad),
        )

    @staticmethod
    def stack(values: Sequence[MidRad], axis: int = 0) -> MidRad:
        """Arrays of one shape along a new axis."""
        shape = np.broadcast_shapes(*(t.shape for t in values))
        mids, rads = ([np.broadcast_to(x, shape) for x in each] for each in zip(*map(parts, values), strict=True))
        return MidRad(np.stack(mids, axis), np.stack(rads, axis))
