"""Smooth network policies by definition, in balls.

Near W the policy is energy-based with the features phi_W, of which only the span matters: all that `policies` knows of
linear policies applies in coordinates of the span. Energies are those of f itself, and so is their change along a line,
by Taylor arithmetic through sigma: the independent route to grad L.
"""

from __future__ import annotations

from functools import cached_property

from flint import arb, ctx

from ...arithmetic import Balls, BallSeries, Number
from ...models.smooth import SmoothLayer
from ...models.smooth_coordinates import PRECISION, Gates, coordinates
from ...models.weights import Weights
from ..problem import Problem
from .instance import SmoothPolicyInstance


class SmoothPolicyProblem(Problem, SmoothLayer):
    """A smooth network instance's numbers in balls; features (SA, r) are coordinates of phi_W."""

    instance: SmoothPolicyInstance

    def __init__(self, instance: SmoothPolicyInstance) -> None:
        super().__init__(instance, Balls)
        self._lay(instance.sigma, [row for rows in instance.features for row in rows], instance.signs)
        self.coordinates = coordinates(self, self.own_gates)
        (self.features,) = self.coordinates.tables
        self.dimension = self.features.ncols()

    @cached_property
    def own_gates(self) -> Gates:
        """Those at W (m, SA)."""
        return self._gates_at(self.instance.omega)

    @cached_property
    def start_gates(self) -> Gates:
        """Those at W0 (m, SA)."""
        return self._gates_at(self.instance.initial)

    def _gates_at(self, weights: Weights) -> Gates:
        with ctx.workprec(max(PRECISION, ctx.prec)):
            return self.gates(self.drives(self.matrix(weights)))

    def energies(self, theta: Weights) -> list[list[Number]]:
        """f(x(s,a); W)/tau minus that of the largest action per state, 0 exactly where inputs are equal [S][A]."""
        values = self.predictions(self.drives(self.matrix(theta)))
        count, found = self.actions, []
        for s, inputs in enumerate(self.instance.features):
            row = values[s * count : (s + 1) * count]
            top = max(range(count), key=lambda a: float(row[a].mid()))
            found.append(
                [arb(0) if x == inputs[top] else (v - row[top]) / self.tau for x, v in zip(inputs, row, strict=True)]
            )
        return found

    def line(self, direction: list[Number]) -> list[list[list[Number]]]:
        """As for linear policies, with as many coefficients as power series keep."""
        here, moves = (
            drives.tolist()
            for drives in (
                self.drives(self.matrix(self.instance.omega)),
                self.drives(self.coordinates.weights(direction)),
            )
        )
        found, x = [], 0
        for row in self.energies(self.instance.omega):
            block = []
            for energy in row:
                total = BallSeries.series([arb(0)])
                for b, start, move in zip(self.output, here, moves, strict=True):
                    total = total + b * self.sigma.value(BallSeries, BallSeries.series([start[x], move[x]]))
                block.append([energy, *(total[k] / self.tau for k in range(1, ctx.cap))])
                x += 1
            found.append(block)
        return found
