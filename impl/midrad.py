r"""Midpoint-radius numbers: float64 arrays that enclose, with every rounding proved.

A `MidRad` stands for every real x with |x - mid| <= rad, elementwise. If mid or rad is inf or nan it stands for
anything: its ends are infinite or nan, and a comparison with them is never true in the direction that decides (write
every decision as `end >= bound`, never as its negation). Overflow ends there too: |fl(.)| enters every radius, so that
no infinite midpoint ever has a finite one. What numpy says of it is for the caller to hear or not (np.errstate).

What is used of the machine: IEEE 754 double precision, round to nearest. With u = 2^-53,

    fl(a o b) = (a o b)(1 + d) + e,  |d| <= u, |e| <= 2^-1075     for o = + - * /, and fl(sqrt a) likewise;

e = 0 for + and - (a result below 2^-1022 is exact there) and for sqrt. No function of a C library and no BLAS is
called: exp and log1p are built from these operations (`elementary`), products are numpy's own loops.

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
    sum a b of n products (`contract`)   |a|s + r_a(|b| + r_b), s = (n + 2)u|b| + (r_b + TINY). Only a product can
            underflow in s, by 2^-1075, which is then multiplied by |a|, however large: TINY = 2^-950 is above it. The n
            products of the midpoint and those of the radius underflow by 2^-1075 each: (n + 1) GUARD. TINY widens the
            sum by |a| 2^-950: below GUARD for |a| < 2^50, below 2^-250 for |a| < 2^700, and above u|a||b|, which the
            radius has anyway, only for |b| < 2^-897. So factors above about 2^700 are what it is felt beside

Zeros. A number whose midpoint and radius are 0 is 0, and so is its product with any real number, its ratio to a number
that is not 0, and a sum of such numbers: their radius is 0, without a guard. Beside what stands for anything no radius
is 0: 0 times infinity or nan is nan, and stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from flint import arb, fmpq

from .arithmetic import Array, as_proved, bounds, rational, to_float

U = 2.0**-53
UP = 1 + 32 * U
GUARD = 2.0**-900
"""Covers every underflow, and lies far above the subnormal numbers, whose arithmetic is slow."""
TINY = 2.0**-950
"""Covers what underflows in one factor, however large the other is."""
SMALL = 2.0**-700
"""Below it `contract` looks whether sums are of nothing but zeros: TINY times a factor up to 2^200 is."""

LONG = 256
"""From this length on a first axis lies innermost in memory (see `laid`)."""

Operand = Any
"""A MidRad, or exact numbers: a float64 array, a float, a small int."""


class MidRad:
    """Reals within `rad` of `mid`, elementwise; both broadcast. Exact numbers may stand beside it."""

    __slots__ = ("mid", "rad")
    __array_ufunc__ = None

    def __init__(self, mid: Array | float, rad: Array | float = 0.0) -> None:
        self.mid, self.rad = np.asarray(mid, dtype=float), np.asarray(rad, dtype=float)
        if self.mid.ndim > 1 and len(self.mid) >= LONG:
            self.mid, self.rad = laid(self.mid), laid(self.rad)

    # --- in and out -----------------------------------------------------------------------------------------

    @staticmethod
    def between(low: Array, high: Array) -> MidRad:
        """The reals in [low, high]; of [0, high] the lower end stays 0: high / 2 is exact, but where it underflows."""
        mid = low / 2 + high / 2
        exact = np.equal(low, 0.0) & (mid > GUARD)
        return MidRad(mid, np.where(exact, mid, np.maximum(high - mid, mid - low) * UP))

    @staticmethod
    def of(values: Iterable[fmpq | arb], shape: tuple[int, ...]) -> MidRad:
        """Exact or enclosed numbers, rounded outward; anything where float64 is not as proofs take it."""
        pairs = [_rounded(v) for v in values]
        mid, rad = np.array(pairs, dtype=float).reshape(len(pairs), 2).T
        return MidRad(mid.reshape(shape), rad.reshape(shape) if as_proved() else np.full(shape, np.inf))

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
        return self.rearranged(lambda x: x.reshape(shape[0] if len(shape) == 1 else shape))

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
        mid, rad = parts(other)
        return self._moved(self.mid + mid, rad)

    __radd__ = __add__

    def __sub__(self, other: Operand) -> MidRad:
        mid, rad = parts(other)
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
        mid, rad = parts(other)
        product = self.mid * mid
        total = np.abs(product)
        total *= U
        if rad is not None and (rad.ndim or rad):
            total = _increased(total, np.abs(self.mid) * rad)
        if self.rad.ndim or self.rad:
            total = _increased(total, self.rad * (np.abs(mid) if rad is None else np.abs(mid) + rad))
        total *= UP
        total += GUARD if total.min(initial=1.0) > 0 else _guard(zero(self) | zero(other))
        return MidRad(product, total)

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> MidRad:
        mid, rad = parts(other)
        ratio = self.mid / mid
        size = np.abs(ratio)
        guard = GUARD if size.min(initial=1.0) > 0 else _guard(zero(self))
        if rad is None:
            divisor = np.abs(mid)
            divisor = np.where(divisor < np.inf, divisor, np.nan)  # infinity stands for anything
            return MidRad(ratio, (self.rad / divisor + U * size) * UP + guard)
        least = np.abs(mid) - rad
        least = np.where((least > 0) & (least < np.inf), least, np.nan)
        # GUARD stands before the division as well as after it: what underflows above the bar is divided too.
        return MidRad(ratio, ((self.rad + size * rad + guard) / least + U * size) * UP + guard)

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
        guard = GUARD if spread.min(initial=1.0) > 0 else _guard(np.all(_spread(zero(self), mid.shape), axis))
        # |total|: a sum of sizes may stay finite where the sum does not.
        return MidRad(total, (spread + U * np.abs(total)) * (UP + 4 * count * U) + guard)

    def __matmul__(self, other: MidRad) -> MidRad:
        """Matrix products (..., i, j)(..., j, k), stacked."""
        return contract("...ij,...jk->...ik", self, other)

    def __rmatmul__(self, other: Array) -> MidRad:
        return MidRad(other) @ self


def zero(value: Operand) -> Any:
    """Where a number is known to be 0."""
    mid, rad = parts(value)
    found = np.equal(mid, 0.0)
    return found if rad is None else found & (rad == 0)


def _guard(exact: Any) -> Array:
    """GUARD, but where nothing can underflow."""
    return np.where(exact, 0.0, GUARD)


def _increased(total: Array, by: Array) -> Array:
    """total + by; in place of the total where it has room."""
    if by.ndim and by.shape != total.shape:
        return np.asarray(total + by)
    total += by
    return total


def _spread(values: Array, shape: tuple[int, ...]) -> Array:
    """The values in that shape: numpy takes long to find out that they are."""
    return values if values.shape == shape else np.broadcast_to(values, shape)


def laid(values: Array) -> Array:
    """The array with its first axis innermost in memory, if that is long: a batch's. numpy's loops over short axes are
    slow, and keep the layout of what they are given; but C order wins where operands differ."""
    if values.ndim < 2 or values.shape[0] < LONG or values.strides[0] == values.itemsize or values.size == len(values):
        return values
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(values, 0, -1)), -1, 0)


def product_ends(a: MidRad, b: MidRad) -> tuple[Array, Array]:
    """Ends of the products of wide factors, sharper than those of a*b: the least and largest of the corners' products.

    A product errs by u of itself and 2^-1075, its end moves by 4u of itself and GUARD.
    """
    corners = np.stack([x * y for x in (a.low, a.high) for y in (b.low, b.high)])
    low, high = corners.min(0), corners.max(0)
    return low - 4 * U * np.abs(low) - GUARD, high + 4 * U * np.abs(high) + GUARD


def contract(spec: str, a: MidRad, b: MidRad) -> MidRad:
    """The sums of products that `spec` says, as in numpy.einsum."""
    names, kept = spec.split("->")
    first, second = names.split(",")
    rough = bool(a.rad.any())
    if rough and not b.rad.any():  # of an exact first factor one product of sizes is enough
        a, b, first, second, rough = b, a, second, first, False
        spec = f"{first},{second}->{kept}"
    left, right = a.shape, b.shape
    lengths = dict(zip(reversed(first), reversed(left), strict=False))
    for name, length in zip(reversed(second), reversed(right), strict=False):
        lengths[name] = max(length, lengths.get(name, 1))  # what is 1 long is repeated
    count = math.prod(length for name, length in lengths.items() if name not in kept)
    a_mid, b_mid = _spread(a.mid, left), _spread(b.mid, right)
    a_size, b_size = np.abs(a_mid), np.abs(b_mid)
    # u|a||b| + |a| r_b in one product
    spread = _product(spec, a_size, b_size * ((count + 2) * U) + (b.rad + TINY))
    if rough:
        spread += _product(spec, _spread(a.rad, left), b_size + b.rad)
    radius = spread * (UP + 4 * count * U) + (count + 1) * GUARD
    if not spread.min(initial=1.0) >= SMALL:  # also where it is no number
        met = _product(spec, *(~_spread(zero(x), x.shape) for x in (a, b)))
        radius = np.where((spread < SMALL) & ~met, 0.0, radius)
    return MidRad(_product(spec, a_mid, b_mid), radius)


def _product(spec: str, a: Array, b: Array) -> Array:
    """By numpy's own loops: a BLAS may be built to multiply in ways that the bound does not cover."""
    return np.einsum(spec, a, b, optimize=False)


def parts(value: Operand) -> tuple[Array | float, Array | None]:
    """Its midpoint, and its radius: None of exact numbers."""
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
