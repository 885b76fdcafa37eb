"""Weight matrices of networks: exact, and as float64 arrays, so that width costs what numpy costs.

Sums over neurons are exact: weights are cut into integers of few bits, whose sums float64 matrix products get right.
Signs of W_r'x come from float64 with an error bound, and from exact arithmetic where that does not decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from flint import fmpq, fmpz

from ..arithmetic import dot, nearest, rational
from ..instances import Vector, Writing

Array = np.ndarray

LARGEST_WIDTH = 2**20
"""Neurons beyond which sums of limbs might leave float64's 53 bits."""
_LIMB = 26
_SHORT_LIMB = 15
_BLOCK = 2**20
"""Products of differences of short limbs, up to 2^32 each, whose sum is exact in float64."""


@dataclass(frozen=True, eq=False)
class Weights:
    """A matrix (m, d) of rationals: the nearest float64 numbers, and those entries that are no float64 numbers."""

    floats: Array
    odd: Mapping[tuple[int, int], fmpq] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[Vector]) -> Weights:
        """The matrix with the given rows."""
        floats = nearest(rows)
        odd = {}
        for r, row in enumerate(rows):
            for j, v in enumerate(row):
                near = float(floats[r, j])
                if not np.isfinite(near) or rational(near) != v:
                    odd[r, j] = v
        return cls(floats, odd)

    @classmethod
    def shaped(cls, numbers: Vector, width: int) -> Weights:
        """The matrix of `width` rows with these numbers, row after row."""
        d = len(numbers) // width
        return cls.of([numbers[r * d : (r + 1) * d] for r in range(width)])

    def __post_init__(self) -> None:
        floats = np.asarray(self.floats, dtype=float) + 0.0
        floats.setflags(write=False)
        object.__setattr__(self, "floats", floats)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Weights):
            return NotImplemented
        return bool(np.array_equal(self.floats, other.floats)) and dict(self.odd) == dict(other.odd)

    def __hash__(self) -> int:
        return hash(self.floats.tobytes())

    @property
    def width(self) -> int:
        """m, the number of neurons."""
        return len(self.floats)

    @property
    def dimension(self) -> int:
        """d, the number of inputs of a neuron."""
        return int(self.floats.shape[1])

    @property
    def sound(self) -> bool:
        """Whether every entry is a number: a proposal in float64 may have overflowed."""
        return all((int(r), int(j)) in self.odd for r, j in np.argwhere(~np.isfinite(self.floats)))

    def row(self, r: int) -> Vector:
        """The weights of neuron r, exactly."""
        if (found := self._rows.get(r)) is None:
            row = self.floats[r].tolist()
            found = tuple(self.odd[r, j] if (r, j) in self.odd else rational(v) for j, v in enumerate(row))
            self._rows[r] = found
        return found

    @cached_property
    def _rows(self) -> dict[int, Vector]:
        """Those that were asked for."""
        return {}

    def document(self, number: Callable[[fmpq], object]) -> list[list[object]]:
        """The rows, each number written by `number`."""
        if not isinstance(number, Writing):
            return [[number(v) for v in self.row(r)] for r in range(self.width)]
        rows = [list(map(number.float64, row)) for row in self._finite.tolist()]
        for (r, j), q in self.odd.items():
            rows[r][j] = number(q)
        return rows

    @property
    def _finite(self) -> Array:
        """Those of the entries that are float64 numbers; 0 where one is not even near."""
        return np.where(np.isfinite(self.floats), self.floats, 0.0)

    @cached_property
    def _limbs(self) -> list[tuple[int, Array]]:
        return limbs(self._finite, _LIMB)

    def sums(self, coefficients: Array) -> list[list[fmpq]]:
        """sum_r coefficients[a, r] W_r, exactly (N, d); coefficients (N, m) in {-1, 0, 1}."""
        count, dimension = len(coefficients), self.dimension
        totals = [[fmpq(0)] * dimension for _ in range(count)]
        for exponent, whole in self._limbs:
            scale = _power(exponent)
            for row, found in zip(totals, (coefficients @ whole).tolist(), strict=True):
                for j, v in enumerate(found):
                    if v:
                        row[j] += int(v) * scale
        for (r, j), q in self.odd.items():
            rest = q - rational(float(self._finite[r, j]))
            for a in np.flatnonzero(coefficients[:, r]):
                totals[a][j] += int(coefficients[a, r]) * rest
        return totals

    def square_sum(self, chosen: Array, x: Vector) -> fmpq:
        """sum of (W_r'x)^2 over the chosen neurons, exactly: x'(sum W_r W_r')x."""
        odd = {r for r, _ in self.odd}
        total = sum((self.dot(int(r), x) ** 2 for r in chosen if int(r) in odd), start=fmpq(0))
        rows = self.floats[[r for r in chosen.tolist() if r not in odd]]
        parts = limbs(rows, _SHORT_LIMB)
        for a, (e, left) in enumerate(parts):
            for f, right in parts[a:]:
                # At most 2^20 products of 2^30: exact in float64.
                table = (left.T @ right).tolist()
                product = sum(
                    (int(v) * x[i] * x[j] for i, row in enumerate(table) for j, v in enumerate(row) if v), start=fmpq(0)
                )
                total += product * (1 if e == f else 2) * _power(e + f)
        return total

    def dot(self, r: int, x: Vector) -> fmpq:
        """W_r'x, exactly."""
        return dot(self.row(r), x)


def _power(exponent: int) -> fmpq:
    return fmpq(fmpz(2) ** exponent) if exponent >= 0 else fmpq(1, fmpz(2) ** -exponent)


def limbs(values: Array, bits: int) -> list[tuple[int, Array]]:
    """(e, integers up to 2^bits in float64) with values = sum 2^e integers, exactly."""
    found, rest = [], values.copy()
    while (top := float(np.abs(rest).max(initial=0.0))) > 0:
        exponent = int(np.frexp(top)[1]) - bits
        whole = np.ldexp(rest, -exponent)
        # Rounded up, the largest float64 numbers would be none.
        whole = np.rint(whole) if exponent + bits < 1024 else np.trunc(whole)
        found.append((exponent, whole))
        rest = rest - np.ldexp(whole, exponent)
    return found


def squared_distance(one: Weights, other: Weights) -> fmpq:
    """||V - W||_F^2, exactly."""
    total = fmpq(0)
    odd = {*one.odd, *other.odd}
    pair = np.stack([one._finite, other._finite])
    for r, j in odd:
        total += (one.row(r)[j] - other.row(r)[j]) ** 2
        pair[:, r, j] = 0.0
    parts = [(e, (whole[0] - whole[1]).ravel()) for e, whole in limbs(pair, _SHORT_LIMB)]
    for a, (e, left) in enumerate(parts):
        for f, right in parts[a:]:
            product = sum(int(left[i : i + _BLOCK] @ right[i : i + _BLOCK]) for i in range(0, len(left), _BLOCK))
            total += fmpz(product) * (1 if e == f else 2) * _power(e + f)
    return total


def row_distances(one: Weights, other: Weights) -> tuple[Array, Array]:
    """||V_r - W_r|| [m] from below and from above, in float64."""
    first, second = one.floats, other.floats
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.sqrt(((first - second) ** 2).sum(1))
        size = np.sqrt((first**2 + second**2).sum(1))
        # A difference of float64 numbers rounds relative to itself; entries that are no such numbers, relative to both.
        error = 2.0**-48 * distance + 2.0**-500
        rows = sorted({r for r, _ in (*one.odd, *other.odd)})
        error[rows] += 2.0**-48 * size[rows]
        low, high = np.maximum(distance - error, 0.0), distance + error
    return np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, np.inf)


@dataclass(frozen=True)
class Inputs:
    """The inputs x (k, d), exactly and in float64, and their inner products."""

    rows: tuple[Vector, ...]

    @cached_property
    def floats(self) -> Array:
        """(k, d), each the nearest float64."""
        return nearest(self.rows)

    @cached_property
    def products(self) -> list[list[fmpq]]:
        """<x, x'> (k, k)."""
        k = len(self.rows)
        table = [[fmpq(0)] * k for _ in range(k)]
        for a, x in enumerate(self.rows):
            for b in range(a + 1):
                table[a][b] = table[b][a] = dot(x, self.rows[b])
        return table

    @cached_property
    def vanishing(self) -> Array:
        """Which inputs are 0 [k]: there every network is 0, whatever its weights."""
        return np.array([all(v == 0 for v in row) for row in self.rows])


@dataclass(frozen=True)
class Signs:
    """The signs (m, k) of W_r'x, exactly; float64 values of W_r'x with their error bounds; exact ones where needed."""

    signs: Array
    values: Array
    errors: Array
    exact: Mapping[tuple[int, int], fmpq]


def signs(weights: Weights, inputs: Inputs) -> Signs:
    """sgn(W_r'x) for all neurons and inputs."""
    with np.errstate(invalid="ignore", over="ignore"):
        first, second = weights.floats, inputs.floats.T
        values = first @ second
        size = np.abs(first) @ np.abs(second)
        d = weights.dimension
        floor = 2.0**-1000 * (1 + np.abs(second).max(initial=0.0)) * (1 + np.abs(first).max(initial=0.0))
        errors = (d + 4) * 2.0**-52 * size + np.where(size > 0, floor, 0.0)
        decided = (np.abs(values) > errors) & np.isfinite(values) & np.isfinite(errors)
        # By factors, not by products: these may underflow.
        exact_zero = ((first != 0).astype(float) @ (second != 0) == 0) & np.isfinite(values)
    for r, _ in weights.odd:
        exact_zero[r] = False
    if not all(rational(float(v)) == q for x, row in zip(inputs.floats, inputs.rows, strict=True)
               for v, q in zip(x, row, strict=True) if np.isfinite(v)):  # fmt: skip
        exact_zero[:, ~inputs.vanishing] = False
    found = np.where(decided, np.sign(values), 0.0)
    exact = {}
    for r, x in np.argwhere(~decided & ~exact_zero):
        q = weights.dot(int(r), inputs.rows[x])
        exact[int(r), int(x)] = q
        found[r, x] = (q > 0) - (q < 0)
    return Signs(found, values, errors, exact)
