"""Matrices E (m, d) by which rates and decay scale a ReLU network's features and weights, entry by entry.

A step with the rates D is W <- S o W - eta D o grad R_i, S = 1 - eta decay D, so that with s the exponent of S and r
that of D all that occurs is E o psi and E o W with E = S^s D^r:

    <E o psi, E' o psi'> = sum_r b_r b_r' P_r P_r' sum_j (E o E')_rj x_j x'_j / m.

A place says which: to the place x of a feature `size` times 3 s + r is added, r <= 1; products add up.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from flint import arb, fmpq

from ...arithmetic import Matrix, Number
from ...instances import Vector
from ...models.combination import Combination
from ...models.relu import Array, Layer
from ...models.weights import Weights
from ..adaptation import Gradient

MOVED, KEPT = 1, 3
"""What is added to a scale for a factor D, or S."""


class Scales:
    """The matrices of one adaptation of (m, d) weights, exactly."""

    def __init__(self, adaptation: Gradient, width: int, dimension: int) -> None:
        self.width, self.dimension = width, dimension
        self._adaptation = adaptation
        self._known: dict[int, Vector] = {0: (fmpq(1),) * (width * dimension)}
        self._weights: dict[tuple[Weights, int], Weights] = {}
        self._ones = Weights(np.ones((width, dimension)))

    @cached_property
    def _factors(self) -> tuple[Vector, Vector]:
        """D and S."""
        rates = self._adaptation.rates or self.entries(0)
        return rates, tuple(1 - self._adaptation.eta * self._adaptation.decay * r for r in rates)

    def entries(self, scale: int) -> Vector:
        """E, row by row."""
        if scale not in self._known:
            factor, less = (1, KEPT) if scale >= KEPT else (0, MOVED)
            pairs = zip(self.entries(scale - less), self._factors[factor], strict=True)
            self._known[scale] = tuple(e * f for e, f in pairs)
        return self._known[scale]

    def times(self, weights: Weights, scale: int) -> Weights:
        """E o W."""
        if scale == 0:
            return weights
        key = weights, scale
        if key not in self._weights:
            own = (v for r in range(self.width) for v in weights.row(r))
            self._weights[key] = self._shaped([e * v for e, v in zip(self.entries(scale), own, strict=True)])
        return self._weights[key]

    def matrix(self, scale: int) -> Weights:
        """E, whose rows are added up."""
        return self.times(self._ones, scale)

    def product(self, r: int, scale: int, x: Vector, y: Vector) -> fmpq:
        """sum_j E_rj x_j y_j."""
        row = self.entries(scale)[r * self.dimension : (r + 1) * self.dimension]
        return sum((e * u * v for e, u, v in zip(row, x, y, strict=True)), start=fmpq(0))

    def _shaped(self, numbers: Sequence[fmpq]) -> Weights:
        return Weights.shaped(tuple(numbers), self.width)


class ScaledLayer(Layer):
    """A layer whose places may be those of scaled features."""

    turned = False
    """Whether Jacobians have the rates on the other side of the Hessian, as a wrong theorem has it."""

    def scale(self, steps: Gradient) -> None:
        """Take the rates and the decay of these steps."""
        self.rated, self.decays = steps.rates is not None, steps.decay != 0
        self.share: Number = self.m.number(1 - steps.eta * steps.decay)
        self.scales = Scales(steps, self.width, len(self.inputs.rows[0]))

    @cached_property
    def _size(self) -> int:
        return len(self.inputs.rows) * len(self.output)

    def of(self, places: Sequence[int]) -> list[int]:
        return super().of([place % self._size for place in places])

    def scaled(self, places: Sequence[int], scale: int) -> list[int]:
        """The places of the features times the matrix of that scale."""
        return [place + scale * self._size for place in places]

    def kernel(self, first: Array, xs: list[int], second: Array, ys: list[int]) -> Matrix:
        if max([*xs, *ys], default=0) < self._size:
            return super().kernel(first, xs, second, ys)
        first, second = self.signed(first, xs), self.signed(second, ys)
        rows, here, there, zero = self.inputs.rows, self.of(xs), self.of(ys), self.m.number(0)
        table = [[zero] * len(ys) for _ in xs]
        for (scale, own), (other, chosen) in itertools.product(self._by_scale(xs), self._by_scale(ys)):
            counts = (first[:, own, None] * second[:, None, chosen]).reshape(self.width, -1).T
            sums = self.scales.matrix(scale + other).sums(counts)
            for (a, b), total in zip(itertools.product(own, chosen), sums, strict=True):
                terms = (t * u * v for t, u, v in zip(total, rows[here[a]], rows[there[b]], strict=True))
                table[a][b] = self.m.number(sum(terms, start=fmpq(0)) / self.width)
        return self.m.matrix(table)

    def _by_scale(self, places: list[int]) -> list[tuple[int, list[int]]]:
        """Scales, and which of the places have them."""
        found: dict[int, list[int]] = {}
        for a, place in enumerate(places):
            found.setdefault(place // self._size, []).append(a)
        return list(found.items())

    def totals(self, weights: Weights, patterns: Array, xs: list[int]) -> list[fmpq]:
        found = [fmpq(0)] * len(xs)
        for scale in {x // self._size for x in xs}:
            chosen = [a for a, x in enumerate(xs) if x // self._size == scale]
            own = self.scales.times(weights, scale)
            values = super().totals(own, patterns[:, chosen], [xs[a] % self._size for a in chosen])
            for a, value in zip(chosen, values, strict=True):
                found[a] = value
        return found

    def paced(self, vector: Combination) -> Combination:
        """D o vector."""
        return replace(vector, inputs=self.scaled(vector.inputs, MOVED)) if self.rated else vector

    def kept(self, vector: Combination) -> Combination:
        """S o vector."""
        if self.rated and self.decays:
            return replace(vector, inputs=self.scaled(vector.inputs, KEPT))
        return replace(vector, coefficients=[c * self.share for c in vector.coefficients]) if self.decays else vector

    def kept_loose(self, pull: tuple[int, arb]) -> tuple[int, arb]:
        """A place and the size of what moved a neuron there, times S."""
        (place,), size = self.scaled([pull[0]], KEPT if self.rated and self.decays else 0), pull[1]
        return place, size if self.rated else size * abs(arb(self.share))

    def product(self, r: int, place: int, at: int) -> fmpq:
        """sum_j E_rj x_j y_j, x and E at that place, y the input `at`."""
        (x,) = self.of([place])
        if place < self._size:
            return self.inputs.products[x][at]
        return self.scales.product(r, place // self._size, self.inputs.rows[x], self.inputs.rows[at])
