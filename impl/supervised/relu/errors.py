"""What features at initialisation cost: the meta-features phi_0, and the explicit error terms that bound the excess.

||G_0|| - eps <= ||G_0 - G|| <= ||w|| E_op <= ||w|| E_2 <= ||w|| ||e||,  e by flips, by counts, by k*(B)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from flint import arb, arb_mat, fmpq

from ....theory.claim import UndefinedQuantityError
from ...arithmetic import Balls, Number, root, square
from ...models import flips
from ...models.combination import Combination
from .core_quantities import NetworkCore
from .kernel import MetaFeatures
from .problem import Move

Flips = Sequence[Sequence[Mapping[int, arb]]]
"""Per task and step: input -> how many neurons have another pattern than at W0."""


class ErrorQuantities(NetworkCore):
    """Features at initialisation and the error terms of NTK-like statements."""

    @cached_property
    def _initial(self) -> MetaFeatures:
        """phi_{0,i} = (I - eta H_i^{0,(0)}) ... phi_0: phi_0 in all places, ell'' at the iterates' predictions."""
        active = self.problem.start.active
        return self._feature_set(self._basis_at(active), active[:, self._places], self._bends)

    @cached_property
    def _places(self) -> list[int]:
        return [x for _, x in self._lifted_points]

    @cached_property
    def _still(self) -> bool:
        """Whether no neuron of positive mass has another pattern at any iterate: then phi_0 = phi exactly."""
        start = self.problem.start.active
        return all((here.active == start[:, here.xs]).all() for path in self._paths for here in path)

    @cached_property
    def _difference(self) -> arb_mat | None:
        """The Gram matrix of phi_0 - phi, None if it is exactly 0."""
        return None if self._still else self._initial.minus(self._features)

    # --- pointwise errors -------------------------------------------------------------------------------

    def _pointwise(self, inner: Flips, outer: list[arb], first: int = 0) -> arb:
        """||e|| for counts of flipped neurons at the iterates that the steps start from and at W_i [N].

        e = (prod_k kap_k) delta_K + 2 eta ||x|| sum_k (prod_{j != k} kap_j) sum_x' E[ell''; x'] ||x'|| delta_k(x').
        (A mutant has kap_k = 1 before the step `first`.)
        """
        self._balls_only("a norm")
        width = self.problem.width
        sizes = [root(arb(self.problem.inputs.products[x][x])) for x in range(len(self._before))]
        factors = []
        for law, steps, counts in zip(self.laws, self._bends, inner, strict=True):
            stretch, moved = arb(1), arb(0)
            for k, (bent, count) in enumerate(zip(steps, counts, strict=True)):
                bends = {x: Balls.magnitude(bent[x]) for x in law.rho}
                total = self._sum(bends[x] * square(sizes[x]) for x in law.rho)
                own = (total - 1).max(arb(1)) if self.problem.eta >= 0 else 1 + total
                own = own if k >= first else arb(1)
                change = self._sum(bends[x] * square(sizes[x]) * root(count[x] / width) for x in law.rho)
                stretch, moved = stretch * own, moved * own + stretch * change
            factors.append((stretch, moved))
        found = []
        for a, (i, x, mass) in enumerate(self._points):
            stretch, moved = factors[i]
            found.append((mass, stretch * sizes[x] * root(outer[a] / width) + 2 * sizes[x] * moved))
        return self._root_sum(found)

    @cached_property
    def error_flips(self) -> arb:
        return self._flipped()

    def _flipped(self, first: int = 0) -> arb:
        start = self.problem.start.active
        counts = [
            [
                {x: arb(int(c)) for x, c in zip(here.xs, (here.active != start[:, here.xs]).sum(0), strict=True)}
                for here in path
            ]
            for path in self._paths
        ]
        outer = self._at_points([steps[-1] for steps in counts])
        return self._pointwise([steps[:-1] for steps in counts], outer, first)

    def _at_points(self, counts: Sequence[Mapping[int, arb]]) -> list[arb]:
        """Counts per task, at the lifted points [N]."""
        return [counts[i][x] for i, x in self._lifted_points]

    @cached_property
    def _moves(self) -> list[list[arb]]:
        """||W_i^(k) - W|| for k = 1..K, per task."""
        return [[self._size_of(here.move) for here in path[1:]] for path in self._paths]

    def _size_of(self, move: Move) -> arb:
        if not move.inputs:
            return arb(0)
        patterns = np.stack(move.patterns, axis=1)
        return Combination(self.problem, patterns, list(move.inputs), list(move.coefficients)).length

    @cached_property
    def error_count(self) -> arb:
        return self._counted(2)

    def _counted(self, power: int) -> arb:
        self._balls_only("a count")
        start, own, squared = self.problem.start, self.displacement_init, self._squared_displacement
        still = dict(enumerate(flips.budget_counts(start, own, range(len(self._before)), power, squared)))
        counts: list[list[Mapping[int, arb]]] = []
        for law, moves in zip(self.laws, self._moves, strict=True):
            steps: list[Mapping[int, arb]] = [still]
            for move in moves:
                exact, xs = squared if move.is_zero() else None, list(law.rho)
                steps.append(dict(zip(xs, flips.budget_counts(start, own + move, xs, power, exact), strict=True)))
            counts.append(steps)
        return self._pointwise([steps[:-1] for steps in counts], self._at_points([steps[-1] for steps in counts]))

    # --- the linearisation at W0 --------------------------------------------------------------------------

    @cached_property
    def _linear_errors(self) -> list[Number]:
        """f(x; W) - phi_0(x)'W at the support [k]."""
        xs = list(range(len(self._before)))
        linear = self.problem.outputs(self.problem.omega.weights, self.problem.start.active, xs)
        return [z - f for z, f in zip(self._before, linear, strict=True)]

    @cached_property
    def linearisation(self) -> arb:
        return self._over_points(self._linear_errors)

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
        return self.displacement_init**3 / (3 * self.problem.width) * root(arb(sum(1 / q for q in squares)))

    # --- what wrong theorems use instead --------------------------------------------------------------------

    @cached_property
    def error_last_factor(self) -> arb:
        """Only the last step's factor expands."""
        return self._flipped(self.instance.adaptation.steps - 1)

    @cached_property
    def error_count_own(self) -> arb:
        """k* with W's own displacement for that of every iterate."""
        self._balls_only("a count")
        budget, xs = self.displacement_init, range(len(self._before))
        found = flips.budget_counts(self.problem.start, budget, xs, squared=self._squared_displacement)
        counts = dict(enumerate(found))
        steps = self.instance.adaptation.steps
        return self._pointwise([[counts] * steps] * len(self.laws), self._at_points([counts] * len(self.laws)))

    @cached_property
    def error_count_linear(self) -> arb:
        """k* with the sum of the distances, not of their squares, at most B."""
        return self._counted(1)

    @cached_property
    def linearisation_bound_own(self) -> arb:
        self._balls_only("a sum of norms")
        return self._over_points(flips.own_bounds(self.problem))
