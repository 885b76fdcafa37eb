r"""Midpoint-radius numbers: float64 arrays that enclose, with every rounding proved.

A `MidRad` stands for every real x with |x - mid| <= rad, elementwise. If mid or rad is inf or nan it stands for
anything: its ends are infinite or nan, and a comparison with them is never true in the direction that decides (write
every decision as `end >= bound`, never as its negation). Overflow ends there too: |fl(.)| enters every radius, so that
no infinite midpoint ever has a finite one. What numpy says of it is for the caller to hear or not (np.errstate).

What is used of the machine: IEEE 754 double precision, round to nearest. With u = 2^-53,

    fl(a o b) = (a o b)(1 + d) + e,  |d| <= u, |e| <= 2^-1075     for o = + - * /, and fl(sqrt a) likewise;

e = 0 for + and - (a result below 2^-1022 is exact there) and for sqrt. No function of a C library and no BLAS is
called: exp and log1p are built below from these operations, products are numpy's own loops.

Radii. Let M = fl(.) be the new midpoint. By the line above it is within u|M|(1 + 2u) + 2^-1075 of the exact value at
the midpoints, and the radius adds what the operands' radii move that value. A radius is itself computed in at most 12
operations on numbers >= 0, each of which loses at most a factor 1 - u and 2^-1075 absolutely; so the computed number
times UP = 1 + 32u, plus GUARD = 2^-900 where something can underflow, is at least the exact one: (1 + 32u)(1 - u)^14
> 1 + 2u, and 12 underflows, scaled by factors below 2^100 (see `__truediv__`), stay below 2^-950. For sums of n terms
in any order, with or without fused products, |fl(sum) - sum| <= gamma_n sum|.|, gamma_n = nu/(1 - nu); the radius takes
(n + 2)u times the computed sum of sizes, and UP grows to 1 + (4n + 32)u.

    a + b   r_a + r_b + u|M|; no guard: if M or a sum of radii lies below 2^-1022 it is exact, and u|M|, rounded
            to the grid of subnormals on which the error itself lies, is not below it
    a b     |a||r_b| + r_a(|b| + r_b) + u|M|
    a / b   |x/y - a/b| = |(x - a) - (a/b)(y - b)|/|y| <= (r_a + |a/b| r_b)/(|b| - r_b), or nan if r_b >= |b|
    sqrt    of x >= 0: |sqrt x - sqrt a| <= min(r/sqrt a, sqrt r), a cut at 0 (as `arithmetic.root`); nan if a + r < 0

Elementary functions at a float x. Write eps for a bound of the relative error.

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

At a MidRad: e^(m + d) is within e^m(e^r - 1) of e^m, where e^r - 1 <= r + r^2 for r <= 1; the other functions move by
at most r times the largest slope: 1 (tanh, softplus, log cosh), 1/2 (sech), 1/4 (sigmoid).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from flint import arb, fmpq

from .arithmetic import Array, FunctionSet, bounds, rational, to_float

U = 2.0**-53
UP = 1 + 32 * U
GUARD = 2.0**-900
"""Covers every underflow, and lies far above the subnormal numbers, whose arithmetic is slow."""

Operand = Any
"""A MidRad, or exact numbers: a float64 array, a float, a small int."""


class MidRad:
    """Reals within `rad` of `mid`, elementwise; both broadcast. Exact numbers may stand beside it."""

    __slots__ = ("mid", "rad")
    __array_ufunc__ = None

    def __init__(self, mid: Array | float, rad: Array | float = 0.0) -> None:
        self.mid, self.rad = np.asarray(mid, dtype=float), np.asarray(rad, dtype=float)

    # --- in and out -----------------------------------------------------------------------------------------

    @staticmethod
    def between(low: Array, high: Array) -> MidRad:
        """The reals in [low, high]."""
        mid = low / 2 + high / 2
        return MidRad(mid, np.maximum(high - mid, mid - low) * UP)

    @staticmethod
    def of(values: Iterable[fmpq | arb], shape: tuple[int, ...]) -> MidRad:
        """Exact or enclosed numbers, rounded outward."""
        pairs = [_rounded(v) for v in values]
        mid, rad = np.array(pairs, dtype=float).reshape(len(pairs), 2).T
        return MidRad(mid.reshape(shape), rad.reshape(shape))

    @property
    def shape(self) -> tuple[int, ...]:
        if not self.rad.ndim or self.rad.shape == self.mid.shape:
            return self.mid.shape
        return np.broadcast_shapes(self.mid.shape, self.rad.shape)

    @property
    def low(self) -> Array:
        """Numbers that no x lies below; 4u cover the rounding of the difference and their own."""
        end = self.mid - self.rad
        return end - 4 * U * np.abs(end)

    @property
    def high(self) -> Array:
        """Numbers that no x lies above."""
        end = self.mid + self.rad
        return end + 4 * U * np.abs(end)

    @property
    def size(self) -> Array:
        """Numbers that no |x| exceeds."""
        return (np.abs(self.mid) + self.rad) * UP

    def __getitem__(self, index: Any) -> MidRad:
        return self.rearranged(lambda x: x[index])

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def reshape(self, *shape: Any) -> MidRad:
        return self.rearranged(lambda x: x.reshape(*shape))

    def transpose(self, *axes: int) -> MidRad:
        return self.rearranged(lambda x: x.transpose(axes))

    def swapaxes(self, first: int, second: int) -> MidRad:
        return self.rearranged(lambda x: x.swapaxes(first, second))

    def rearranged(self, move: Callable[[Array], Array]) -> MidRad:
        """The entries moved about; radii that are all 0 stay one number."""
        shape = self.shape
        rad = move(_spread(self.rad, shape)) if self.rad.ndim or self.rad else self.rad
        return MidRad(move(_spread(self.mid, shape)), rad)

    def within(self, radius: Array) -> MidRad:
        """x + t for every |t| <= radius."""
        return MidRad(self.mid, (self.rad + radius) * UP)

    # --- arithmetic -----------------------------------------------------------------------------------------

    def __neg__(self) -> MidRad:
        return MidRad(-self.mid, self.rad)

    def __add__(self, other: Operand) -> MidRad:
        mid, rad = _parts(other)
        return self._moved(self.mid + mid, rad)

    __radd__ = __add__

    def __sub__(self, other: Operand) -> MidRad:
        mid, rad = _parts(other)
        return self._moved(self.mid - mid, rad)

    def _moved(self, total: Array, rad: Array | None) -> MidRad:
        """A sum or a difference whose second operand has this radius."""
        size = np.abs(total)
        size *= U
        for radius in (self.rad, rad):
            if radius is not None and (radius.ndim or radius):
                size = _increased(size, radius)
        size *= UP
        return MidRad(total, size)

    def __rsub__(self, other: Operand) -> MidRad:
        return (-self) + other

    def __mul__(self, other: Operand) -> MidRad:
        mid, rad = _parts(other)
        product = self.mid * mid
        total = np.abs(product)
        total *= U
        if rad is not None and (rad.ndim or rad):
            total = _increased(total, np.abs(self.mid) * rad)
        if self.rad.ndim or self.rad:
            total = _increased(total, self.rad * (np.abs(mid) if rad is None else np.abs(mid) + rad))
        total *= UP
        total += GUARD
        return MidRad(product, total)

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> MidRad:
        mid, rad = _parts(other)
        ratio = self.mid / mid
        size = np.abs(ratio)
        if rad is None:
            divisor = np.abs(mid)
            divisor = np.where(divisor < np.inf, divisor, np.nan)  # infinity stands for anything
            return MidRad(ratio, (self.rad / divisor + U * size) * UP + GUARD)
        least = np.abs(mid) - rad
        least = np.where((least > 0) & (least < np.inf), least, np.nan)
        # GUARD stands before the division as well as after it: what underflows above the bar is divided too.
        return MidRad(ratio, ((self.rad + size * rad + GUARD) / least + U * size) * UP + GUARD)

    def __rtruediv__(self, other: Operand) -> MidRad:
        return MidRad(other) / self

    def __pow__(self, exponent: int) -> MidRad:
        if exponent == 0:
            return MidRad(1.0)
        found = math.prod([self] * (abs(exponent) - 1), start=self)
        return found if exponent > 0 else 1 / found

    def __abs__(self) -> MidRad:
        return MidRad(np.abs(self.mid), self.rad)

    def max(self, other: MidRad) -> MidRad:
        """The larger one, entry by entry: it moves by no more than either."""
        return MidRad(np.maximum(self.mid, other.mid), np.maximum(self.rad, other.rad))

    def min(self, other: MidRad) -> MidRad:
        """The smaller one."""
        return -(-self).max(-other)

    def sum(self, axis: int | tuple[int, ...]) -> MidRad:
        """The sum along axes."""
        mid = _spread(self.mid, self.shape)
        total: Array = mid.sum(axis)
        count = mid.size // max(total.size, 1)
        spread = (np.abs(mid) * ((count + 2) * U) + self.rad).sum(axis)
        # |total|: a sum of sizes may stay finite where the sum does not.
        return MidRad(total, (spread + U * np.abs(total)) * (UP + 4 * count * U) + GUARD)

    def __matmul__(self, other: MidRad) -> MidRad:
        """Matrix products (..., i, j)(..., j, k), stacked."""
        return contract("...ij,...jk->...ik", self, other)

    def __rmatmul__(self, other: Array) -> MidRad:
        return MidRad(other) @ self


def _increased(total: Array, by: Array) -> Array:
    """total + by; in place of the total where it has room."""
    if by.ndim and by.shape != total.shape:
        return np.asarray(total + by)
    total += by
    return total


def _spread(values: Array, shape: tuple[int, ...]) -> Array:
    """The values in that shape: numpy takes long to find out that they are."""
    return values if values.shape == shape else np.broadcast_to(values, shape)


def product_ends(a: MidRad, b: MidRad) -> tuple[Array, Array]:
    """Ends of the products of wide factors, sharper than those of a*b: the least and largest of the corners' products.

    A product errs by u of itself and 2^-1075, its end moves by 4u of itself and GUARD.
    """
    corners = np.stack([x * y for x in (a.low, a.high) for y in (b.low, b.high)])
    low, high = corners.min(0), corners.max(0)
    return low - 4 * U * np.abs(low) - GUARD, high + 4 * U * np.abs(high) + GUARD


def contract(spec: str, a: MidRad, b: MidRad) -> MidRad:
    """The sums of products that `spec` says, as in numpy.einsum."""
    left, right = a.shape, b.shape
    names, kept = spec.split("->")
    first, second = names.split(",")
    lengths = dict(zip(reversed(first), reversed(left), strict=False))
    lengths |= dict(zip(reversed(second), reversed(right), strict=False))
    count = math.prod(length for name, length in lengths.items() if name not in kept)
    a_mid, b_mid = _spread(a.mid, left), _spread(b.mid, right)
    a_size, b_size = np.abs(a_mid), np.abs(b_mid)
    # u times the product, not a product with u times a factor: that may underflow beside a huge one.
    spread = (count + 2) * U * _product(spec, a_size, b_size)
    if b.rad.any():
        spread = spread + _product(spec, a_size, _spread(b.rad, right))
    if a.rad.any():
        spread = spread + _product(spec, _spread(a.rad, left), b_size + b.rad)
    return MidRad(_product(spec, a_mid, b_mid), spread * (UP + 4 * count * U) + (count + 1) * GUARD)


def _product(spec: str, a: Array, b: Array) -> Array:
    """By numpy's own loops: a BLAS may be built to multiply in ways that the bound does not cover."""
    found: Array = np.einsum(spec, a, b, optimize=False)
    return found


def _parts(value: Operand) -> tuple[Array | float, Array | None]:
    if isinstance(value, int) and abs(value) > 2**53:  # float64 may not hold it
        value = MidRad.of([fmpq(value)], ())
    return (value.mid, value.rad) if isinstance(value, MidRad) else (value, None)


def _rounded(value: fmpq | arb) -> tuple[float, float]:
    """(mid, rad) of a number; (nan, nan) beyond float64."""
    if isinstance(value, arb):
        low, high = bounds(value)
        mid = low / 2 + high / 2
        return mid, 0.0 if low == high else float(np.nextafter(max(high - mid, mid - low), np.inf))
    mid = to_float(value)
    if not math.isfinite(mid):
        return math.nan, math.nan
    error = abs(value - rational(mid))
    return mid, 0.0 if error == 0 else float(np.nextafter(to_float(error), np.inf))


# --- elementary functions ---------------------------------------------------------------------------------------

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
        s = np.sqrt(np.where(t.high >= 0, np.maximum(t.mid, 0.0), np.nan))
        moved = np.sqrt(t.rad)
        moved = np.where(s > moved, t.rad / s, moved)
        return MidRad(s, (moved + U * s) * UP + GUARD)

    @staticmethod
    def _smooth(t: MidRad, value: Array, slope: float, eps: int) -> MidRad:
        """The function's value at the midpoint, with its largest slope and eps in units of u."""
        return MidRad(value, (t.rad * slope + np.abs(value) * (eps * U)) * UP + GUARD)

    @classmethod
    def tanh(cls, t: MidRad) -> MidRad:
        n = _fallen_less_1(-2 * np.abs(t.mid))
        return cls._smooth(t, np.copysign(n / (2 + n), t.mid), 1.0, 20)

    @classmethod
    def sech(cls, t: MidRad) -> MidRad:
        e = _fallen(-np.abs(t.mid))
        return cls._smooth(t, 2 * e / (1 + e * e), 0.5, 16)

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
    def stack(values: Sequence[MidRad], axis: int = 0) -> MidRad:
        """Arrays of one shape along a new axis."""
        shape = np.broadcast_shapes(*(t.shape for t in values))
        mids, rads = ([np.broadcast_to(x, shape) for x in each] for each in zip(*map(_parts, values), strict=True))
        return MidRad(np.stack(mids, axis), np.stack(rads, axis))

    @staticmethod
    def where(chosen: Array, a: Operand, b: Operand) -> MidRad:
        """a where it is chosen, else b: nothing is decided."""
        (a_mid, a_rad), (b_mid, b_rad) = _parts(a), _parts(b)
        return MidRad(
            np.where(chosen, a_mid, b_mid),
            np.where(chosen, 0.0 if a_rad is None else a_rad, 0.0 if b_rad is None else b_rad),
        )
