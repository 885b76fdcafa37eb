"""The quantities of meta-RL with ReLU policies: features by exact pattern counts, errors by flipped neurons."""

from __future__ import annotations

from functools import cached_property

from flint import arb, fmpq

from ...arithmetic import Matrix, Number, Rationals, exact_floats, root
from ...instances import Vector
from ...models import flips
from ...models.coordinates import Coordinates
from ...models.weights import squared_distance
from .neural import Features
from .problem import PolicyNetworkProblem
from .rank import PolicyRankQuantities


class MetaRLNetworkQuantities(PolicyRankQuantities):
    """Everything that the claims of ReLU policies, their assumptions and their mutants name."""

    problem: PolicyNetworkProblem

    def _posed(self) -> PolicyNetworkProblem:
        return PolicyNetworkProblem(self.instance, self.m)

    # --- coordinates ----------------------------------------------------------------------------------

    @property
    def _coordinates(self) -> Coordinates:
        return self.problem.coordinates

    @cached_property
    def along(self) -> list[Number]:
        if self._direction is None or self.m is Rationals:
            return super().along
        scales = self._coordinates.scales
        return [self.m.number(v) * s for v, s in zip(self._direction, scales, strict=True)]

    @cached_property
    def exact_direction(self) -> Vector:
        """The direction's coefficients on the orthogonal e_k, rounded to float64."""
        scales = self._coordinates.scales
        return exact_floats(v / s for v, s in zip(self.along, scales, strict=True))

    def _size(self, pairings: list[Number], at: Coordinates) -> Number:
        return at.length(pairings) if self.m is Rationals else self._length(pairings)

    # --- features with other patterns --------------------------------------------------------------------

    def _with_patterns(self, patterns: flips.Array) -> Features:
        at = self.problem.span_of(patterns)
        table = at.table(self.m)
        return Features(self._meta_of(table, table), at)

    def _start_and_own(self) -> tuple[Matrix, Matrix]:
        count = len(self.problem.inputs.rows)
        table = self.problem.span_of(self.problem.start.active, self.problem.omega.active).table(self.m).tolist()
        return self.m.matrix(table[:count]), self.m.matrix(table[count:])

    @cached_property
    def _initial(self) -> Features:
        return self._with_patterns(self.problem.start.active)

    @cached_property
    def _change(self) -> Features:
        """Exactly 0 where no pattern changed."""
        return self._with_patterns(self.problem.start.active - self.problem.omega.active)

    @cached_property
    def eps_formal(self) -> Number:
        return self._paired(self._own)

    # --- the error of features at initialisation ---------------------------------------------------------

    def _counted_error(self, counts: list[arb], *, lookahead: bool = True) -> arb:
        """||e|| with ||phi_0 - phi_W|| = ||x|| (count/m)^{1/2} for counts [SA] of flipped neurons."""
        problem, products = self.problem, self.problem.inputs.products
        delta = [root(arb(products[x][x]) * c / problem.width) for x, c in enumerate(counts)]
        return self._propagated(delta, lookahead=lookahead)

    @cached_property
    def _flips(self) -> list[arb]:
        """How many neurons changed their pattern at each input [SA]."""
        changed = self.problem.omega.active != self.problem.start.active
        return [arb(int(c)) for c in changed.sum(0)]

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

    def _formal(self) -> list[list[fmpq]]:
        return self._coordinates.lower

    # --- margins --------------------------------------------------------------------------------------------

    @cached_property
    def margin_differentiability(self) -> arb:
        """Distance of the neurons from their kinks at inputs of visited states."""
        return self.problem.distance.ball()

    # --- what wrong theorems use instead --------------------------------------------------------------------

    @property
    def _other_patterns(self) -> flips.Array:
        """1{0 > 0} = 1."""
        return (self.problem.omega.signs.signs >= 0).astype(float)

    @cached_property
    def misfit_other_kinks(self) -> arb:
        return self._misfit(self._with_patterns(self._other_patterns).rows, self._u).value

    @cached_property
    def min_norm_other_kinks(self) -> arb:
        table = self.problem.span_of(self._other_patterns).table(self.m)
        return self._shortest_by(self._meta_tables_of(table, table))

    @cached_property
    def eps_other_kinks(self) -> Number:
        return self._paired(self._with_patterns(self._other_patterns))

    @cached_property
    def error_operator_other_kinks(self) -> arb:
        return self._operator_norm(self._with_patterns(self.problem.start.active - self._other_patterns))

    @cached_property
    def error_flips_other_kinks(self) -> arb:
        changed = self._other_patterns != self.problem.start.active
        return self._counted_error([arb(int(c)) for c in changed.sum(0)])

    @cached_property
    def error_flips_outer(self) -> arb:
        """The pointwise error without the look-ahead's part."""
        return self._counted_error(self._flips, lookahead=False)

    @cached_property
    def error_count_linear(self) -> arb:
        """k* with the sum of the distances, not of their squares, at most B."""
        return self._counted(1)
