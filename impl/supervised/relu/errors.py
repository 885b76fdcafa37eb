"""What features at initialisation cost ReLU networks: error terms by flips, by counts, by k*(B); the linearisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, fmpq

from ....theory.claim import UndefinedQuantityError
from ...arithmetic import Number, fenced, root
from ...models import flips
from ...models.changes import by_flips
from ...models.combination import Combination
from ...models.weights import squared_distance
from ..errors import Change, ErrorQuantities
from .problem import Move, NetworkProblem

Flips = Sequence[Sequence[Mapping[int, arb]]]
"""Per task and iterate: input -> how many neurons have another pattern than at W0."""


class ReluErrors(ErrorQuantities):
    """The error terms of NTK-like statements."""

    problem: NetworkProblem

    @cached_property
    def _still(self) -> bool:
        """Whether no neuron of positive mass has another pattern at any iterate: then phi_0 = phi exactly."""
        start = self.problem.start
        return all((here.active == start.gates(here.xs)).all() for path in self._paths for here in path)

    # --- pointwise errors -------------------------------------------------------------------------------

    def _by_counts(self, counts: Flips, first: int = 0) -> arb:
        """||e|| where so many neurons flip."""

        def change(flipped: Mapping[int, arb]) -> Change:
            return lambda x: by_flips(self._row_sizes[x], flipped[x], self.problem.width)

        return self._pointwise([[change(flipped) for flipped in path] for path in counts], arb(0), first)

    @cached_property
    def error_flips(self) -> arb:
        return self._by_counts(self._flipped(self._paths))

    def _flipped(self, paths: Sequence[Sequence[Any]]) -> Flips:
        """How many neurons have another pattern than at W0, at the iterates."""
        start = self.problem.start
        return [
            [
                {x: arb(int(c)) for x, c in zip(here.xs, (here.active != start.gates(here.xs)).sum(0), strict=True)}
                for here in path
            ]
            for path in paths
        ]

    @cached_property
    def _moves(self) -> list[list[arb]]:
        """||W_i^(k) - W|| for k = 1..K, per task."""
        return [[self._size_of(here.move) for here in path[1:]] for path in self._paths]

    def _size_of(self, move: Move) -> arb:
        omega, left = self.problem.omega, self.problem.omega.kept(move.count).weights
        if not move.inputs:
            return root(arb(squared_distance(left, omega.weights)))
        patterns = np.stack(move.patterns, axis=1)
        pulled = Combination(self.problem, patterns, list(move.inputs), list(move.coefficients))
        if not self.problem.decays:
            return pulled.length
        shrunk = squared_distance(left, omega.weights) - 2 * pulled.along(left, omega.weights)
        return root(shrunk + pulled.product(pulled))

    @cached_property
    def error_count(self) -> arb:
        return self._counted(2)

    def _counted(self, power: int) -> arb:
        self._balls_only("a count")
        own, squared, places = self.displacement_init, self._squared_displacement, self.problem.places
        still = dict(enumerate(self._budget_counts(own, places, power, squared)))
        counts: list[list[Mapping[int, arb]]] = []
        for law, moves in zip(self.laws, self._moves, strict=True):
            steps: list[Mapping[int, arb]] = [still]
            for move in moves:
                exact, xs = squared if move.is_zero() else None, law.points
                steps.append(dict(zip(xs, self._budget_counts(own + move, xs, power, exact), strict=True)))
            counts.append(steps)
        return self._by_counts(counts)

    def _budget_counts(
        self, budget: arb, places: Sequence[int], power: int = 2, squared: fmpq | None = None
    ) -> list[arb]:
        """k*(B) at the inputs of places."""
        return flips.budget_counts(self.problem.start, budget, self.problem.of(places), power, squared)

    # --- the linearisation at W0 --------------------------------------------------------------------------

    @cached_property
    def _linear_errors(self) -> list[Number]:
        """f(x; W) - phi_0(x)'W at the support [k]: 0 where no neuron has another pattern at W."""
        xs, here, start = self.problem.places, self.problem.omega, self.problem.start.gates(self.problem.places)
        linear, flipped = self.problem.outputs(here.weights, start, xs), (here.gates(xs) != start).any(0)
        return [z - f if moved else self.zero for z, f, moved in zip(self._before, linear, flipped, strict=True)]

    @cached_property
    def linearisation_bound(self) -> arb:
        self._balls_only("a sum of norms")
        return self._over_points(flips.displacement_bounds(self.problem))

    @cached_property
    def linearisation_worst(self) -> arb:
        self._balls_only("a root")
        return self._over_points(flips.worst_cases(self.problem, self.displacement_init))

    @cached_property
    def linearisation_regular(self) -> arb:
        """B^3/(3m) (sum_r ||W0_r||^{-2})^{1/2}, B = ||W - W0||."""
        self._balls_only("a root")
        rows = [self.problem.start.weights.row(r) for r in range(self.problem.width)]
        squares = [sum((v * v for v in row), start=fmpq(0)) for row in rows]
        if 0 in squares or any(row[x] > 1 for x, row in enumerate(self.problem.inputs.products)):
            raise UndefinedQuantityError("N3 is about inputs of norm at most 1 and W0 without a row of zeros")
        return fenced(self.displacement_init) ** 3 / (3 * self.problem.width) * root(arb(sum(1 / q for q in squares)))

    # --- what wrong theorems use instead --------------------------------------------------------------------

    @cached_property
    def error_last_factor(self) -> arb:
        """Only the last step's factor expands."""
        return self._by_counts(self._flipped(self._paths), self.instance.adaptation.steps - 1)

    @cached_property
    def error_count_own(self) -> arb:
        """k* with W's own displacement for that of every iterate."""
        self._balls_only("a count")
        budget = self.displacement_init
        found = self._budget_counts(budget, self.problem.places, squared=self._squared_displacement)
        counts = dict(enumerate(found))
        return self._by_counts([[counts] * (self.instance.adaptation.steps + 1)] * len(self.laws))

    @cached_property
    def error_count_linear(self) -> arb:
        """k* with the sum of the distances, not of their squares, at most B."""
        return self._counted(1)

    @cached_property
    def linearisation_bound_own(self) -> arb:
        self._balls_only("a sum of norms")
        return self._over_points(flips.own_bounds(self.problem))
