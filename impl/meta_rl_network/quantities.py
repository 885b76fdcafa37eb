"""The quantities of meta-RL with network policies: those of linear policies with the features at W, and those of W0.

The meta-feature is linear in the pattern features once advantages and visitations (always those at W) are fixed, so one
map serves the features at W, at W0 and their difference.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from flint import arb, fmpq

from ..arithmetic import Balls, Matrix, Number, Rationals, midpoint, root
from ..balls.singular import largest_eigenvalue
from ..instances import Vector
from ..meta_rl.instance import Adaptation
from ..meta_rl.quantities import MetaRLQuantities
from ..network import flips
from ..network.weights import squared_distance
from .coordinates import Coordinates
from .instance import PolicyNetworkInstance
from .problem import PolicyNetworkProblem


class Features(NamedTuple):
    """Centred meta-features (N, r) and the coordinates that they are written in."""

    rows: Matrix
    at: Coordinates


class MetaRLNetworkQuantities(MetaRLQuantities):
    """Everything that the claims of network policies, their assumptions and their mutants name."""

    instance: PolicyNetworkInstance
    problem: PolicyNetworkProblem

    def _posed(self) -> PolicyNetworkProblem:
        return PolicyNetworkProblem(self.instance, self.m)

    # --- coordinates ----------------------------------------------------------------------------------

    @property
    def _feature_basis(self) -> None:
        """The coordinates are those of the span already."""

    @cached_property
    def along(self) -> list[Number]:
        if self._direction is None or self.m is Rationals:
            return super().along
        scales = self.problem.coordinates.scales
        return [self.m.number(v) * s for v, s in zip(self._direction, scales, strict=True)]

    @cached_property
    def exact_direction(self) -> Vector:
        """The direction's coefficients on the orthogonal e_k, rounded to float64."""
        scales = self.problem.coordinates.scales
        return tuple(fmpq(*midpoint(v / s).as_integer_ratio()) for v, s in zip(self.along, scales, strict=True))

    def _size(self, pairings: list[Number], at: Coordinates) -> Number:
        """The length of the vector with these pairings with the coordinates' basis."""
        return at.length(pairings) if self.m is Rationals else self._length(pairings)

    @cached_property
    def eps(self) -> Number:
        return self._size(self._gradient, self.problem.coordinates)

    # --- features with other patterns --------------------------------------------------------------------

    def _meta_of(self, plain: Matrix, ahead: Matrix) -> Matrix:
        """Centred meta-features (N, r) with pattern features `plain` outside and `ahead` in grad Q."""
        share = plain * (1 / self.problem.tau)
        slopes = [self._lookahead_of(i, self._value_gradient(i, ahead)) for i in range(len(self.processes))]
        return self._centred([share + slope for slope in slopes])

    def _with_patterns(self, patterns: flips.Array) -> Features:
        at = self.problem.span_of(patterns)
        table = at.table(self.m)
        return Features(self._meta_of(table, table), at)

    def _paired(self, features: Features) -> Number:
        """||<w, features>||."""
        return self._size(self._pulled(features.rows), features.at)

    @property
    def _own(self) -> Features:
        return Features(self._meta_features, self.problem.coordinates)

    @cached_property
    def _initial(self) -> Features:
        return self._with_patterns(self.problem.start.active)

    @cached_property
    def eps_formal(self) -> Number:
        return self._paired(self._own)

    @cached_property
    def eps_init(self) -> Number:
        return self._paired(self._initial)

    @cached_property
    def misfit_init(self) -> arb:
        return self._misfit(self._initial.rows, self._u).value

    # --- the error of features at initialisation ---------------------------------------------------------

    @cached_property
    def _change(self) -> Features:
        """Meta-features of phi_0 - phi_W: exactly 0 where no pattern changed."""
        return self._with_patterns(self.problem.start.active - self.problem.omega.active)

    @cached_property
    def gradient_difference(self) -> Number:
        return self._paired(self._change)

    @cached_property
    def error_operator(self) -> arb:
        self._balls_only("an eigenvalue")
        rows = self._scaled(self._change.rows, [root(m) for m in self._masses])
        return root(largest_eigenvalue(rows.transpose() * rows))

    def _pointwise(self, counts: list[arb], *, lookahead: bool = True) -> arb:
        """||e||: e_i = delta/tau + |eta| gamma_i/((1-gamma_i) tau) E_varsigma_i[|A_i| delta], over 1 + eta Q_i for the
        rational step, with delta = ||x|| (count/m)^{1/2} for counts [SA] of flipped neurons."""
        self._balls_only("a norm")
        problem, products = self.problem, self.problem.inputs.products
        delta = [root(arb(products[x][x]) * c / problem.width) for x, c in enumerate(counts)]
        step, found = self.m.number(abs(self.instance.eta)) if lookahead else arb(0), []
        for (i, s, a), mass in zip(self._points, self._masses, strict=True):
            process, prior, x = self.processes[i], self._priors[i], s * problem.actions + a
            onward = self._sum(
                self._ahead[i][x][t] * prior.policy[t][b] * Balls.magnitude(prior.advantages[t][b]) * delta[y]
                for t in sorted(process.onward[x])
                for b, y in enumerate(range(t * problem.actions, (t + 1) * problem.actions))
            )
            rate = step * process.gamma / (1 - process.gamma)
            if self.instance.adaptation is Adaptation.RATIONAL_STEP:
                rate = rate / Balls.magnitude(self._tilts[i][x])
            found.append((mass, (delta[x] + rate * onward) / problem.tau))
        return self._root_sum(found)

    @cached_property
    def _flips(self) -> list[arb]:
        """How many neurons changed their pattern at each input [SA]."""
        changed = self.problem.omega.active != self.problem.start.active
        return [arb(int(c)) for c in changed.sum(0)]

    @cached_property
    def error_flips(self) -> arb:
        return self._pointwise(self._flips)

    @cached_property
    def displacement_init(self) -> Number:
        distance = squared_distance(self.instance.omega, self.instance.initial)
        return root(arb(distance)) if self.m is Balls else Rationals.sqrt(distance)

    def _counted(self, power: int) -> arb:
        squared = squared_distance(self.instance.omega, self.instance.initial)
        xs = range(len(self.problem.inputs.rows))
        return self._pointwise(flips.budget_counts(self.problem.start, self.displacement_init, xs, power, squared))

    @cached_property
    def error_count(self) -> arb:
        return self._counted(2)

    # --- margins --------------------------------------------------------------------------------------------

    @cached_property
    def margin_differentiability(self) -> arb:
        """Distance of the neurons from their kinks at inputs of visited states."""
        return self.problem.distance.ball()

    # --- what wrong theorems use instead --------------------------------------------------------------------

    @cached_property
    def misfit_other_kinks(self) -> arb:
        """Features with 1{0 > 0} = 1."""
        rows = self._with_patterns((self.problem.omega.signs.signs >= 0).astype(float)).rows
        return self._misfit(rows, self._u).value

    @cached_property
    def misfit_init_outer(self) -> arb:
        """phi_0 outside, phi_W in grad Q."""
        count = len(self.problem.inputs.rows)
        table = self.problem.span_of(self.problem.start.active, self.problem.omega.active).table(self.m).tolist()
        rows = self._meta_of(self.m.matrix(table[:count]), self.m.matrix(table[count:]))
        return self._misfit(rows, self._u).value

    @cached_property
    def error_flips_outer(self) -> arb:
        """The pointwise error without the look-ahead's part."""
        return self._pointwise(self._flips, lookahead=False)

    @cached_property
    def error_count_linear(self) -> arb:
        """k* with the sum of the distances, not of their squares, at most B."""
        return self._counted(1)
