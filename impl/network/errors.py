"""What features at initialisation cost: the meta-features phi_0, and the explicit error terms that bound the excess.

||G_0|| - eps <= ||G_0 - G|| <= ||w|| E_op <= ||w|| E_2 <= ||w|| ||e||,  e by flips, by counts, by k*(B)
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from flint import arb, arb_mat, fmpq

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Number, root, square
from . import flips
from .core_quantities import NetworkCore
from .kernel import MetaFeatures

Array = np.ndarray


class ErrorQuantities(NetworkCore):
    """Features at initialisation and the error terms of NTK-like statements."""

    @cached_property
    def _initial(self) -> MetaFeatures:
        """phi_{0,i} = (I - eta H_i^0) phi_0: phi_0 in both places, ell'' at the actual prediction."""
        active = self.problem.start.active
        return self._feature_set(active, active[:, self._places], self._bends)

    @cached_property
    def _places(self) -> list[int]:
        return [x for _, x in self._lifted_points]

    @cached_property
    def _still(self) -> bool:
        """Whether no neuron of positive mass changed its pattern: then phi_0 = phi exactly."""
        used = sorted(set(self._places))
        omega, start = self.problem.omega.active, self.problem.start.active
        return bool((omega[:, used] == start[:, used]).all() and (self._outer == start[:, self._places]).all())

    @cached_property
    def _difference(self) -> arb_mat | None:
        """The Gram matrix of phi_0 - phi, None if it is exactly 0."""
        return None if self._still else self._initial.minus(self._features)

    # --- pointwise errors -------------------------------------------------------------------------------

    def _pointwise(self, inner: list[arb], outer: list[arb]) -> arb:
        """||e|| for counts of flipped neurons at the support [k] (W) and at the lifted points [N] (W_i)."""
        self._balls_only("a norm")
        width = self.problem.width
        sizes = [root(arb(self.problem.inputs.products[x][x])) for x in range(len(self._before))]
        found = []
        for a, (i, x, mass) in enumerate(self._points):
            law, bends = self.laws[i], [Balls.magnitude(b) for b in self._bends[i]]
            total = self._sum(bends[y] * square(sizes[y]) for y in law.rho)
            stretch = (total - 1).max(arb(1)) if self.problem.eta >= 0 else 1 + total
            moved = self._sum(bends[y] * sizes[y] * sizes[y] * root(inner[y] / width) for y in law.rho)
            found.append((mass, stretch * sizes[x] * root(outer[a] / width) + 2 * sizes[x] * moved))
        return self._root_sum(found)

    @cached_property
    def error_flips(self) -> arb:
        omega, start = self.problem.omega.active, self.problem.start.active
        inner = (omega != start).sum(0)
        outer = (self._outer != start[:, self._places]).sum(0)
        return self._pointwise([arb(int(c)) for c in inner], [arb(int(c)) for c in outer])

    @cached_property
    def _moves(self) -> list[arb]:
        """||W_i - W|| = eta ||grad R_i(W)||, per task."""
        found = []
        for law in self.laws:
            steps, xs = self.problem.omega.steps(law), list(law.rho)
            active = self.problem.omega.active[:, xs]
            kernel = self.problem.kernel(active, xs, active, xs)
            column = arb_mat(len(xs), 1, [steps[x] for x in xs])
            found.append(root((column.transpose() * kernel * column)[0, 0]))
        return found

    @cached_property
    def error_count(self) -> arb:
        return self._counted(2)

    def _counted(self, power: int) -> arb:
        start, own, squared = self.problem.start, self.displacement_init, self._squared_displacement
        inner = flips.budget_counts(start, own, range(len(self._before)), power, squared)
        outer: list[arb] = []
        for i, (law, move) in enumerate(zip(self.laws, self._moves, strict=True)):
            exact = squared if move.is_zero() else None
            outer += flips.budget_counts(start, own + move, list(law.rho), power, exact)
            assert len(outer) == sum(1 for j, _ in self._lifted_points if j <= i)
        return self._pointwise(inner, outer)

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
    def error_count_own(self) -> arb:
        """k* with W's own displacement for that of W_i."""
        budget = self.displacement_init
        counts = flips.budget_counts(
            self.problem.start, budget, range(len(self._before)), squared=self._squared_displacement
        )
        return self._pointwise(counts, [counts[x] for _, x in self._lifted_points])

    @cached_property
    def error_count_linear(self) -> arb:
        """k* with the sum of the distances, not of their squares, at most B."""
        return self._counted(1)

    @cached_property
    def linearisation_bound_own(self) -> arb:
        self._balls_only("a sum of norms")
        return self._over_points(flips.own_bounds(self.problem))
