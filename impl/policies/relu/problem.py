"""Network policies by definition. On finitely many inputs a network is its features, known by their Gram matrix.

psi(s,a) = m^{-1/2}(b_r S_r(s,a) x(s,a))_r for patterns S. Off kinks f(x; W + V) = f(x; W) + psi(x)'V for small V, so
near W the policy is energy-based and linear with the features psi, of which only the span matters: all that
`policies` knows of linear policies applies in coordinates of the span (`coordinates`). Energies are those of f itself.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from flint import fmpq

from ...arithmetic import Number, NumberSystem
from ...models.coordinates import Coordinates, coordinates
from ...models.relu import Distance, Layer, Neurons
from ...models.weights import Inputs, Weights
from ..problem import Problem
from .instance import PolicyNetworkInstance

Array = np.ndarray


class PolicyNetworkProblem(Problem, Layer):
    """A network instance's numbers in the number system `m`; features (SA, r) are coordinates of psi at W."""

    instance: PolicyNetworkInstance

    def __init__(self, instance: PolicyNetworkInstance, m: NumberSystem) -> None:
        super().__init__(instance, m)
        self.inputs = Inputs(tuple(row for rows in instance.features for row in rows))
        self.output = np.array(instance.signs, dtype=float)
        self.width = instance.width
        self.omega, self.start = Neurons(self, instance.omega), Neurons(self, instance.initial)
        self._energies: dict[Weights, list[list[fmpq]]] = {}
        self.coordinates = self.span_of(self.omega.active)
        self.features = self.coordinates.table(m)
        self.dimension = self.features.ncols()

    def span_of(self, *patterns: Array) -> Coordinates:
        """Coordinates of the features psi with the given patterns (m, SA), one set of SA vectors after the other."""
        xs = list(range(len(self.inputs.rows)))
        columns, places = np.concatenate(patterns, axis=1), xs * len(patterns)
        counts, products = (columns.T @ columns).tolist(), self.inputs.products
        return coordinates(
            [[int(c) * products[x][y] / self.width for c, y in zip(row, places, strict=True)]
             for row, x in zip(counts, places, strict=True)]
        )  # fmt: skip

    def exact_energies(self, theta: Weights) -> list[list[fmpq]]:
        """m^{1/2} f(x(s,a); W), exactly [S][A]."""
        if theta not in self._energies:
            xs = list(range(len(self.inputs.rows)))
            totals = self.totals(theta, Neurons(self, theta).active, xs)
            self._energies[theta] = [totals[s * self.actions : (s + 1) * self.actions] for s in range(self.states)]
        return self._energies[theta]

    def energies(self, theta: Weights) -> list[list[Number]]:
        """f(x(s,a); W)/tau minus the largest per state, 0 exactly where actions are equal [S][A]."""
        tau = self.instance.tau
        return [[self.shrunk((v - max(row)) / tau) for v in row] for row in self.exact_energies(theta)]

    @cached_property
    def distance(self) -> Distance:
        """Of W from the kinks, at inputs of states that are visited."""
        count = self.actions
        return self.omega.distance_at(s * count + a for p in self.processes for s in p.reachable for a in range(count))
