"""The quantities of network policies of any activation: the features at W, at W0, and the error between them.

The meta-feature is linear in the features once advantages and visitations (always those at W) are fixed, so one map
serves the features at W, at W0 and their difference, in coordinates of their span (`network_problem`).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

from flint import arb

from ..arithmetic import Balls, Matrix, Number, Rationals, root
from ..balls.core import CoreQuantities
from ..balls.dense import Dense
from ..balls.singular import largest_eigenvalue
from ..instances import Vector
from ..models.rows import lengths
from ..models.weights import squared_distance
from .instance import Adaptation, PolicyNetworkInstance
from .network_problem import Gates, NetworkProblem
from .quantities import MetaRLQuantities


class Features(NamedTuple):
    """Centred meta-features (N, r) and the coordinates that they are written in."""

    rows: Matrix
    at: Any


class StartQuantities(MetaRLQuantities):
    """What the claims of network policies name, whatever the activation."""

    instance: PolicyNetworkInstance
    problem: NetworkProblem

    # --- features at W and at W0 ----------------------------------------------------------------------------

    def _meta_tables_of(self, plain: Matrix, ahead: Matrix) -> list[Matrix]:
        """Per task the meta-features (SA, r) with features `plain` outside and `ahead` in grad Q."""
        share = plain * (1 / self.problem.tau)
        return [share + slope for slope in self._slopes_of(ahead)]

    def _meta_of(self, plain: Matrix, ahead: Matrix) -> Matrix:
        """The same, centred (N, r)."""
        return self._centred(self._meta_tables_of(plain, ahead))

    def _with_gates(self, *gates: Gates) -> Features:
        """With these gates outside and in grad Q; of one set, in both."""
        at, tables = self.problem.spanned(*gates)
        return Features(self._meta_of(tables[0], tables[-1]), at)

    @cached_property
    def _initial(self) -> Features:
        return self._with_gates(self.problem.start_gates)

    @cached_property
    def _change(self) -> Features:
        """Of phi_0 - phi_W: exactly 0 where no gate changed."""
        return self._with_gates(self.problem.start_gates - self.problem.own_gates)

    def _vector(self, entries: list[Number], at: Any = None) -> Dense:
        """The vector of the span with these pairings with the basis of coordinates, of those at W or others."""
        found = self.problem.coordinates if at is None else at
        return Dense(self.m, entries, None if self.m is Balls else found.squares)

    def _paired(self, features: Features) -> Number:
        """||<w, features>||."""
        return self._vector(self._pulled(features.rows), features.at).length

    @cached_property
    def eps_init(self) -> Number:
        return self._paired(self._initial)

    @cached_property
    def misfit_init(self) -> arb:
        return self._misfit(self._initial.rows).value

    @cached_property
    def mixed_misfit_l1(self) -> arb:
        """Over all directions: `basis` is of differences between actions, and these rows are not centred."""
        return CoreQuantities._l1(self, *self._mixed_l1_system())

    # --- the error of features at initialisation --------------------------------------------------------------

    @cached_property
    def gradient_difference(self) -> Number:
        return self._paired(self._change)

    @cached_property
    def error_operator(self) -> arb:
        return self._operator_norm(self._change)

    def _operator_norm(self, change: Features) -> arb:
        self._balls_only("an eigenvalue")
        rows = self._scaled(change.rows, [root(m) for m in self._masses])
        return root(largest_eigenvalue(rows.transpose() * rows))

    @property
    def _inputs(self) -> list[Vector]:
        """x [SA]."""
        return [row for rows in self.instance.features for row in rows]

    @cached_property
    def _sizes(self) -> list[arb]:
        """||x|| [SA]."""
        return lengths(self._inputs)

    def _propagated(self, delta: list[arb], *, lookahead: bool = True) -> arb:
        """||e||: e_i = delta/tau + |eta| gamma_i/((1-gamma_i) tau) E_varsigma_i[|A_i| delta], over 1 + eta Q_i for the
        rational step, for bounds delta [SA] of ||phi_0 - phi_W||."""
        self._balls_only("a norm")
        problem = self.problem
        step, found = self.m.number(abs(self.instance.eta)) if lookahead else arb(0), []
        for (i, s, a), mass in zip(self._points, self._masses, strict=True):
            process, prior, x = self.processes[i], self._priors[i], s * problem.actions + a
            onward = self._sum(
                self._ahead[i][x][t] * prior.policy[t][b] * Balls.magnitude(prior.advantages[t][b]) * delta[y]
                for t in process.onward[x]
                for b, y in enumerate(range(t * problem.actions, (t + 1) * problem.actions))
            )
            rate = step * process.gamma / (1 - process.gamma)
            if self.instance.adaptation is Adaptation.RATIONAL_STEP:
                rate = rate / Balls.magnitude(self._tilts[i][x])
            found.append((mass, (delta[x] + rate * onward) / problem.tau))
        return self._root_sum(found)

    @cached_property
    def displacement_init(self) -> Number:
        distance = squared_distance(self.instance.omega, self.instance.initial)
        return root(arb(distance)) if self.m is Balls else Rationals.sqrt(distance)

    # --- what mutants use instead ----------------------------------------------------------------------

    @cached_property
    def misfit_init_outer(self) -> arb:
        """phi_0 outside, phi_W in grad Q."""
        return self._misfit(self._with_gates(self.problem.start_gates, self.problem.own_gates).rows).value
