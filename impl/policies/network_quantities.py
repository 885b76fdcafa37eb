"""The quantities of network policies that the activation decides: how far features at W0 are off, exact reasons.

ReLU: ||phi_0(x) - phi_W(x)||^2 = ||x||^2 flips(x)/m, features and their rank by exact pattern counts, ties at kinks.
Smooth: ||phi_0(x) - phi_W(x)||^2 = ||x||^2 sum_r (sigma'(W0_r'x) - sigma'(W_r'x))^2/m, and |sigma'(s) - sigma'(t)| is
at most min(1, c |s - t|) with c = sup |sigma''|.
"""

from __future__ import annotations

from functools import cached_property

from flint import arb, fmpq

from ..arithmetic import Balls, Number, Rationals, norm, root
from ..instances import Instance, Vector
from ..models import flips
from ..models.dependence import dimensions, formal_features
from ..models.weights import squared_distance
from .network_problem import Gates, ReluProblem, SmoothProblem
from .rank_quantities import RankQuantities


class ReluPolicyQuantities(RankQuantities):
    """Everything that the claims of ReLU policies, their assumptions and their mutants name."""

    problem: ReluProblem

    def _posed(self) -> ReluProblem:
        return ReluProblem(self.instance, self.m)

    # --- exact coordinates ----------------------------------------------------------------------------

    def _placed(self, given: list[Number]) -> list[Number]:
        if self.m is Rationals:
            return given
        return [v * s for v, s in zip(given, self.problem.coordinates.scales, strict=True)]

    def _given(self, along: list[Number]) -> list[Number]:
        """The coefficients on the orthogonal e_k."""
        return [v / s for v, s in zip(along, self.problem.coordinates.scales, strict=True)]

    def _formal(self) -> list[list[fmpq]]:
        lower: list[list[fmpq]] = self.problem.coordinates.lower
        return lower

    # --- the error of features at initialisation, by flips ----------------------------------------------

    def _counted_error(self, counts: list[arb], *, lookahead: bool = True) -> arb:
        """||e|| with ||phi_0 - phi_W|| = ||x|| (count/m)^{1/2} for counts [SA] of flipped neurons."""
        problem, products = self.problem, self.problem.inputs.products
        delta = [root(arb(products[x][x]) * c / problem.width) for x, c in enumerate(counts)]
        return self._propagated(delta, lookahead=lookahead)

    def _flipped(self, gates: Gates) -> list[arb]:
        """How many neurons have another pattern than at W0, at each input [SA]."""
        return [arb(int(c)) for c in (gates != self.problem.start_gates).sum(0)]

    @cached_property
    def _flips(self) -> list[arb]:
        return self._flipped(self.problem.own_gates)

    @cached_property
    def error_flips(self) -> arb:
        return self._counted_error(self._flips)

    def _counted(self, power: int) -> arb:
        self._balls_only("a count")
        squared = squared_distance(self.instance.omega, self.instance.initial)
        xs = range(len(self.problem.inputs.rows))
        return self._counted_error(flips.budget_counts(self.problem.start, self.displacement_init, xs, power, squared))

    @cached_property
    def error_count(self) -> arb:
        return self._counted(2)

    # --- margins --------------------------------------------------------------------------------------

    @cached_property
    def margin_differentiability(self) -> arb:
        """Distance of the neurons from their kinks at inputs of visited states."""
        return self.problem.distance.ball()

    # --- what mutants use instead --------------------------------------------------------------

    @property
    def _other_gates(self) -> Gates:
        """1{0 > 0} = 1."""
        return (self.problem.omega.signs.signs >= 0).astype(float)

    @cached_property
    def misfit_other_kinks(self) -> arb:
        return self._misfit(self._with_gates(self._other_gates).rows).value

    @cached_property
    def min_norm_other_kinks(self) -> arb:
        _, (table,) = self.problem.spanned(self._other_gates)
        return self._shortest_by(self._meta_tables_of(table, table))

    @cached_property
    def eps_other_kinks(self) -> Number:
        return self._paired(self._with_gates(self._other_gates))

    @cached_property
    def error_operator_other_kinks(self) -> arb:
        return self._operator_norm(self._with_gates(self.problem.start_gates - self._other_gates))

    @cached_property
    def error_flips_other_kinks(self) -> arb:
        return self._counted_error(self._flipped(self._other_gates))

    @cached_property
    def error_flips_outer(self) -> arb:
        """The pointwise error without the look-ahead's part."""
        return self._counted_error(self._flips, lookahead=False)

    @cached_property
    def error_count_linear(self) -> arb:
        """k* with the sum of the distances, not of their squares, at most B."""
        return self._counted(1)


class SmoothPolicyQuantities(RankQuantities):
    """Everything that the claims of smooth network policies, their assumptions and their mutants name. Balls only."""

    problem: SmoothProblem

    def __call__(self, name: str) -> Number:
        """The quantity of that name."""
        self._balls_only("a smooth activation")
        return super().__call__(name)

    def _posed(self) -> SmoothProblem:
        return SmoothProblem(self.instance)

    @classmethod
    def exact(cls, instance: Instance, direction: Vector | None = None) -> None:
        return None

    # --- dependence -----------------------------------------------------------------------------------

    def _formal(self) -> list[list[fmpq]]:
        return formal_features(self._inputs, odd=self.problem.sigma.odd)

    @property
    def _inputs(self) -> list[Vector]:
        """x [SA]."""
        return [row for rows in self.instance.features for row in rows]

    def _certainly_dependent(self) -> bool:
        count, states = self.problem.actions, {s for own in self._choices for s in own}
        inputs = [self._inputs[s * count + a] for s in sorted(states) for a in range(count)]
        few = self._count > dimensions(inputs, self.instance.omega, self.instance.signs)
        return few or super()._certainly_dependent()

    # --- the error of features at initialisation, by displacements --------------------------------------

    @cached_property
    def _lengths(self) -> list[arb]:
        """||x|| [SA]."""
        return [norm(row) for row in self.problem.inputs.tolist()]

    @cached_property
    def _moves(self) -> list[arb]:
        """||W_r - W0_r|| [m]."""
        change = self.problem.matrix(self.instance.omega) - self.problem.matrix(self.instance.initial)
        return [norm(row) for row in change.tolist()]

    @property
    def _bend(self) -> arb:
        """sup |sigma''|."""
        return self.problem.sigma.curvature(Balls)

    @property
    def _share(self) -> arb:
        return arb(fmpq(1, self.instance.width))

    def _displaced(self, bend: arb, share: arb, *, lookahead: bool = True) -> arb:
        """||e|| with ||phi_0 - phi_W|| <= ||x|| (share sum_r min(1, bend ||x|| ||W_r - W0_r||)^2)^{1/2}."""
        delta = []
        for size in self._lengths:
            changes = [(bend * size * move).min(arb(1)) for move in self._moves]
            delta.append(size * root(share * sum((c * c for c in changes), start=arb(0))))
        return self._propagated(delta, lookahead=lookahead)

    @cached_property
    def error_pointwise(self) -> arb:
        return self._displaced(self._bend, self._share)

    def _spread(self, share: arb) -> arb:
        """||e|| with ||phi_0 - phi_W|| <= ||x|| min(1, c ||x|| B share), B = ||W - W0||."""
        reach = self._bend * self.displacement_init * share
        return self._propagated([size * (reach * size).min(arb(1)) for size in self._lengths])

    @cached_property
    def error_ball(self) -> arb:
        return self._spread(root(self._share))

    # --- what mutants use instead --------------------------------------------------------------

    @cached_property
    def error_pointwise_outer(self) -> arb:
        """The pointwise error without the look-ahead's part."""
        return self._displaced(self._bend, self._share, lookahead=False)

    @cached_property
    def error_half_curvature(self) -> arb:
        """With half of sup |sigma''|."""
        return self._displaced(self._bend / 2, self._share)

    @cached_property
    def error_ball_narrow(self) -> arb:
        """B/m for B/m^{1/2}."""
        return self._spread(self._share)
