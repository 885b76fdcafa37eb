"""The quantities of network policies that the activation decides: how far features at W0 are off (`models.changes`).

ReLU: features and their rank by exact pattern counts, ties at kinks. Smooth: in balls.
"""

from __future__ import annotations

from functools import cached_property

from flint import arb, fmpq

from ..arithmetic import Balls, Number, Rationals, root, square
from ..instances import Instance, Vector
from ..models import flips
from ..models.changes import by_flips, by_moves, in_ball, moves
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
        return self.problem.coordinates.lower

    # --- the error of features at initialisation, by flips ----------------------------------------------

    def _counted_error(self, counts: list[arb], *, lookahead: bool = True) -> arb:
        """||e|| for counts [SA] of flipped neurons."""
        delta = [by_flips(size, count, self.problem.width) for size, count in zip(self._sizes, counts, strict=True)]
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

    def _certainly_dependent(self) -> bool:
        count, states = self.problem.actions, {s for own in self._choices for s in own}
        inputs = [self._inputs[s * count + a] for s in sorted(states) for a in range(count)]
        few = self._count > dimensions(inputs, self.instance.omega, self.instance.signs)
        return few or super()._certainly_dependent()

    # --- the error of features at initialisation, by displacements --------------------------------------

    @cached_property
    def _moves(self) -> list[arb]:
        """||W_r - W0_r|| [m]."""
        return moves(self.problem.matrix(self.instance.omega), self.problem.matrix(self.instance.initial))

    @property
    def _bend(self) -> arb:
        """sup |sigma''|."""
        return self.problem.sigma.curvature(Balls)

    @property
    def _shrink(self) -> arb:
        return 1 / root(arb(self.instance.width))

    def _displaced(self, bend: arb, *, lookahead: bool = True) -> arb:
        """||e|| by the moves of the neurons."""
        delta = [by_moves(size, self._moves, bend, self._shrink) for size in self._sizes]
        return self._propagated(delta, lookahead=lookahead)

    @cached_property
    def error_pointwise(self) -> arb:
        return self._displaced(self._bend)

    def _spread(self, shrink: arb) -> arb:
        """||e|| by ||W - W0|| alone."""
        return self._propagated([in_ball(size, self.displacement_init, self._bend, shrink) for size in self._sizes])

    @cached_property
    def error_ball(self) -> arb:
        return self._spread(self._shrink)

    # --- what mutants use instead --------------------------------------------------------------

    @cached_property
    def error_pointwise_outer(self) -> arb:
        """The pointwise error without the look-ahead's part."""
        return self._displaced(self._bend, lookahead=False)

    @cached_property
    def error_half_curvature(self) -> arb:
        """With half of sup |sigma''|."""
        return self._displaced(self._bend / 2)

    @cached_property
    def error_ball_narrow(self) -> arb:
        """B/m for B/m^{1/2}."""
        return self._spread(square(self._shrink))
