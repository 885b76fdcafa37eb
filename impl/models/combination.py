"""Combinations of pattern features: vectors of R^{md} that are known by their coefficients, at any width."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arithmetic import Number
from .relu import Array, Layer
from .weights import Weights


@dataclass(frozen=True, eq=False)
class Combination:
    """sum_a coefficients[a] psi_a: psi_a with the pattern patterns[:, a] (m, a) at the input inputs[a]."""

    layer: Layer
    patterns: Array
    inputs: list[int]
    coefficients: list[Number]

    def pairings(self, patterns: Array, xs: list[int]) -> list[Number]:
        """<psi, .> for the patterns (m, b) at the inputs xs [b]."""
        column = self.layer.m.matrix([[c] for c in self.coefficients])
        return (self.layer.kernel(patterns, xs, self.patterns, self.inputs) * column).entries()

    def product(self, other: Combination) -> Number:
        """<other, .>."""
        pairings = self.pairings(other.patterns, other.inputs)
        terms = (c * p for c, p in zip(other.coefficients, pairings, strict=True))
        return sum(terms, start=self.layer.m.number(0))

    @cached_property
    def merged(self) -> Combination:
        """The same with equal features merged, so that what cancels does so before it is squared."""
        known: dict[tuple[int, bytes], int] = {}
        kept: list[int] = []
        total: list[Number] = []
        bits = np.packbits(self.patterns > 0, axis=0).T
        for a, (x, value) in enumerate(zip(self.inputs, self.coefficients, strict=True)):
            place = known.setdefault((x, bits[a].tobytes()), len(known))
            if place == len(kept):
                kept.append(a)
                total.append(value)
            else:
                total[place] += value
        return Combination(self.layer, self.patterns[:, kept], [self.inputs[a] for a in kept], total)

    @cached_property
    def length(self) -> Number:
        """The norm. Errors: IrrationalError in rationals, where it is irrational."""
        return self.layer.m.sqrt(self.merged.product(self.merged))

    def plus(self, other: Combination, factor: int = 1) -> Combination:
        """The sum with factor times another."""
        return Combination(
            self.layer,
            np.concatenate([self.patterns, other.patterns], axis=1),
            self.inputs + other.inputs,
            self.coefficients + [factor * c for c in other.coefficients],
        )

    def along(self, weights: Weights, less: Weights | None = None) -> Number:
        """<., V> for weights V; `less`: <., V - less>."""
        values = self.layer.outputs(weights, self.patterns, self.inputs, less)
        terms = (c * v for c, v in zip(self.coefficients, values, strict=True))
        return sum(terms, start=self.layer.m.number(0))
