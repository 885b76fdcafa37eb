"""A two-layer ReLU network on finitely many inputs: patterns, kernels, exact sums over neurons, distances from kinks.

For patterns P, Q at inputs x, x' the gradient features psi = m^{-1/2}(b_r P_r x)_r have

    <psi, psi'> = #{r: P_r = Q_r = 1} <x, x'> / m              (b cancels: b_r^2 = 1)

Of c outputs f_a(x; W) = m^{-1/2} sum_r b_ar relu(W_r'x), all of the same neurons: component a at input x is the place
x c + a, whose features have the signs b_a: <psi, psi'> = sum_r b_ar b_a'r P_r Q_r <x, x'> / m. Patterns and places go
together, a column each; of one output places are inputs.

What needs no task; risks and policies build on it. Convention at kinks: 1{0 > 0} = 0. Inputs x = 0 are no kinks: there
f = 0 for every W.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from flint import arb, fmpq

from ..arithmetic import Matrix, Number, NumberSystem, bounds, dot
from .weights import Inputs, Signs, Weights, signs

Array = np.ndarray


@dataclass(frozen=True)
class Distance:
    """How far the neurons are from their kinks: the smallest |W_r'x| over x != 0, enclosed, or infinite."""

    low: float = np.inf
    high: float = np.inf

    def union(self, other: Distance) -> Distance:
        """The smaller of both; not a number if one is not."""
        return Distance(*np.minimum((self.low, self.high), (other.low, other.high)).tolist())

    def ball(self) -> arb:
        """An enclosure; at most 1, so that it stays finite."""
        return arb(min(self.low, 1.0)).union(arb(min(self.high, 1.0)))


class Layer:
    """The inputs and the output weights b (c, m) of networks, in the number system `m`."""

    m: NumberSystem
    inputs: Inputs
    output: Array
    width: int

    def of(self, places: Sequence[int]) -> list[int]:
        """The inputs of places."""
        c = len(self.output)
        return [place // c for place in places]

    @property
    def places(self) -> list[int]:
        """Those of all inputs."""
        return list(range(len(self.inputs.rows) * len(self.output)))

    def signed(self, patterns: Array, places: Sequence[int]) -> Array:
        """The patterns (m, a) times the output weights at places [a]."""
        c = len(self.output)
        return patterns * (self.output.T if c == 1 else self.output[[place % c for place in places]].T)

    @cached_property
    def shrink(self) -> Number:
        """m^{-1/2}. In rationals: IrrationalError unless m is a square."""
        share: Number = self.m.number(fmpq(1, self.width))
        return self.m.sqrt(share)

    def kernel(self, first: Array, xs: list[int], second: Array, ys: list[int]) -> Matrix:
        """<psi, psi'> for patterns first (m, a) at places xs and second (m, b) at places ys: (a, b)."""
        if len(self.output) > 1:
            first, second = self.signed(first, xs), self.signed(second, ys)
        counts, xs, ys = (first.T @ second).tolist(), self.of(xs), self.of(ys)
        shared = self._shared
        return self.m.matrix(
            [[shared(c, x, y) for c, y in zip(row, ys, strict=True)] for row, x in zip(counts, xs, strict=True)]
        )

    @cached_property
    def _shared(self) -> Callable[[float, int, int], Number]:
        """count <x, x'> / m of (count, x, x'): few inputs and counts make many entries."""
        products, number, width = self.inputs.products, self.m.number, self.width
        return cache(lambda count, x, y: number(int(count) * products[x][y] / width))

    def totals(self, weights: Weights, patterns: Array, xs: list[int]) -> list[fmpq]:
        """sum_r b_r P_r(x) W_r'x for the columns of patterns (m, a) at places xs [a], exactly."""
        sums = weights.sums(self.signed(patterns, xs).T)
        rows = self.inputs.rows
        return [dot(total, rows[x]) for total, x in zip(sums, self.of(xs), strict=True)]

    def shrunk(self, total: fmpq) -> Number:
        """m^{-1/2} times an exact number; an exact 0 where that is 0."""
        return self.m.number(total) * self.shrink if total != 0 else self.m.number(fmpq(0))

    def outputs(self, weights: Weights, patterns: Array, xs: list[int], less: Weights | None = None) -> list[Number]:
        """m^{-1/2} sum_r b_r P_r(x) W_r'x for the columns of patterns (m, a) at places xs [a]: <psi, W>.

        less: other weights, of which the same is subtracted
        """
        found = self.totals(weights, patterns, xs)
        if less is not None:
            found = [u - v for u, v in zip(found, self.totals(less, patterns, xs), strict=True)]
        return [self.shrunk(total) for total in found]


class Neurons:
    """A network W on a layer's inputs: signs, patterns S (m, k), distances from the kinks."""

    def __init__(self, problem: Layer, weights: Weights) -> None:
        self.problem, self.weights = problem, weights
        self._near: dict[int, tuple[Array, Array]] = {}

    @cached_property
    def signs(self) -> Signs:
        """The signs of W_r'x."""
        return signs(self.weights, self.problem.inputs)

    @cached_property
    def active(self) -> Array:
        """S (m, k): 1.0 where W_r'x > 0."""
        return (self.signs.signs > 0).astype(float)

    def gates(self, xs: Sequence[int]) -> Array:
        """The patterns (m, .) at the places xs."""
        return self.active[:, self.problem.of(xs)]

    @cached_property
    def kernel(self) -> Matrix:
        """<psi, psi'> at all places."""
        xs = self.problem.places
        return self.problem.kernel(self.gates(xs), xs, self.gates(xs), xs)

    def near(self, x: int) -> tuple[Array, Array]:
        """|W_r'x| [m] from below and from above."""
        if x not in self._near:
            found = self.signs
            value, error = np.abs(found.values[:, x]), found.errors[:, x]
            with np.errstate(invalid="ignore", over="ignore"):  # what overflowed is replaced by the exact value
                low, high = np.maximum(value - error, 0.0), value + error
            for (r, y), q in found.exact.items():
                if y == x:
                    low[r], high[r] = bounds(arb(abs(q)))
            low[found.signs[:, x] == 0] = 0.0
            high[found.signs[:, x] == 0] = 0.0
            self._near[x] = low, high
        return self._near[x]

    def distance_at(self, inputs: Iterable[int]) -> Distance:
        """From the kinks at the given inputs."""
        found = Distance()
        for x in {x for x in inputs if not self.problem.inputs.vanishing[x]}:
            low, high = self.near(x)
            found = found.union(Distance(float(low.min()), float(high.min())))
        return found
