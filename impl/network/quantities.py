"""The quantities of the network claims: features at initialisation, the ball around W0, corollaries, margins."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from flint import arb, arb_mat, fmpq

from ..arithmetic import Number, Rationals, norm
from ..balls.singular import largest_eigenvalue
from ..losses import Link
from ..meta_sl.instance import Functions
from .errors import ErrorQuantities
from .kernel import MetaFeatures
from .network import Distance, NetworkProblem


class NetworkQuantities(ErrorQuantities):
    """Everything that the network claims, their assumptions and their mutants name."""

    # --- first order ----------------------------------------------------------------------------------

    @cached_property
    def _plain(self) -> MetaFeatures:
        return self._feature_set(self.problem.omega.active, self._outer, None)

    @cached_property
    def eps_formal(self) -> arb:
        return self._norm_of(self._features)

    # --- projected stationarity on the ball around W0 ---------------------------------------------------

    @cached_property
    def _from_start(self) -> list[Number]:
        """phi_a'(W - W0) [N]."""
        features, k = self._features, len(self._before)
        own, start = self.problem.omega.weights, self.problem.start.weights
        moved = self._before + self.problem.outputs(own, features.outer, features.places[k:])
        still = self.problem.outputs(start, features.patterns, features.places)
        return self._combined([a - b for a, b in zip(moved, still, strict=True)])

    # --- full row rank ------------------------------------------------------------------------------------

    @cached_property
    def _inverse(self) -> arb_mat | None:
        self._balls_only("an inverse")
        try:
            return self._features.gram.inv()
        except ZeroDivisionError:
            return None

    @cached_property
    def min_norm_solution(self) -> arb:
        """||Phi^+ u|| = (u'M^{-1}u)^{1/2}."""
        at = self._features.span
        if len(at.pivots) < len(self._u):
            return arb("nan")
        # All vectors are pivots: the rows are triangular, and the shortest v solves C v = u.
        return norm(at.coordinates(self._u))

    @cached_property
    def condition(self) -> arb:
        """Condition number of the meta-Gram matrix."""
        if self._inverse is None:
            return arb("nan")
        return largest_eigenvalue(self._features.gram) * largest_eigenvalue(self._inverse)

    @cached_property
    def margin_full_row_rank(self) -> arb:
        """A lower bound of the smallest eigenvalue of M, or -1 if M is certainly singular."""
        at = self._features.span
        if len(at.pivots) == len(self._u):
            assert self._inverse is not None
            return 1 / norm(self._inverse.entries())
        # Two tasks with one law have the same meta-features.
        laws = {task.atoms for task in self.instance.tasks if task.weight != 0}
        if len(laws) < len(self.laws):
            return arb(-1)
        # The meta-features of tasks with one Jacobian are the images of their outer features; all lie in the span of
        # the pattern features.
        features, exact = self._features, NetworkProblem(self.instance, Rationals)
        k = len(self._before)
        groups = [
            [k + a for a, (i, _) in enumerate(self._lifted_points) if i in alike] for alike in self._equal_jacobians
        ]
        for chosen in (*groups, list(range(len(features.places)))):
            places, patterns = [features.places[j] for j in chosen], features.patterns[:, chosen]
            count = len(chosen) if chosen in groups else len(self._u)
            if exact.kernel(patterns, places, patterns, places).rank() < count:
                return arb(-1)
        # What did not flip in the adaptation lies in the span of the features at W.
        inner, support = features.inner, list(range(k))
        unmoved = sum(bool((self._outer[:, a] == inner[:, x]).all()) for a, x in enumerate(self._places))
        if exact.kernel(inner, support, inner, support).rank() < unmoved:
            return arb(-1)
        twin = self.exact(self.instance)
        if twin is not None and twin._features.gram.det() == 0:
            return arb(-1)
        return arb(0).union(1)

    @property
    def _equal_jacobians(self) -> list[list[int]]:
        """Tasks that certainly have the same I - eta H_i: the same marginal, if ell'' is free of the label."""
        loss = self.problem.loss
        if loss.name not in ("squared", "logistic") and loss.link is not Link.CANONICAL:
            return [[i] for i in range(len(self.laws))]
        alike: dict[tuple[tuple[int, str], ...], list[int]] = {}
        for position, i in enumerate(self._indices):
            rho: dict[int, fmpq] = {}
            for atom in self.instance.tasks[i].atoms:
                rho[atom.x] = rho.get(atom.x, fmpq(0)) + atom.p
            alike.setdefault(tuple((x, str(p)) for x, p in sorted(rho.items())), []).append(position)
        return list(alike.values())

    # --- margins --------------------------------------------------------------------------------------------

    @cached_property
    def margin_differentiability(self) -> arb:
        """Distance of the neurons from their kinks and of the predictions from the joints of the loss."""
        distance: Distance = self.problem.omega.distance
        for one in self._adapted:
            distance = distance.union(one.distance)
        margin = distance.ball()
        if not margin > 0 or not self.margin_joints > 0:
            return margin if not margin > 0 else self.margin_joints
        outer = self._joint_margin(self._after) if self.problem.loss.profile.kinked else arb(1)
        return margin.min(self.margin_joints).min(outer)

    # --- what wrong theorems use instead --------------------------------------------------------------------

    def _wrong_misfit(self, inner: np.ndarray, outer: np.ndarray, bends: list[list[Number]] | None) -> arb:
        return self._span_misfit(self._feature_set(inner, outer, bends).span, self._u).value

    @cached_property
    def _bends_adapted(self) -> list[list[Number]]:
        """eta sum_y p ell'' at the adapted prediction."""
        eta = self.problem.eta
        return [
            [eta * c for c in self.problem.curvatures(law, z)] for law, z in zip(self.laws, self._after, strict=True)
        ]

    @cached_property
    def _outer_unadapted(self) -> np.ndarray:
        return self.problem.omega.active[:, self._places]

    @cached_property
    def misfit_curvature_adapted(self) -> arb:
        return self._wrong_misfit(self.problem.omega.active, self._outer, self._bends_adapted)

    @cached_property
    def misfit_outer_unadapted(self) -> arb:
        return self._wrong_misfit(self.problem.omega.active, self._outer_unadapted, self._bends)

    @cached_property
    def misfit_init_inner(self) -> arb:
        return self._wrong_misfit(self.problem.start.active, self._outer, self._bends)

    @cached_property
    def misfit_init_outer(self) -> arb:
        outer = self.problem.start.active[:, self._places]
        return self._wrong_misfit(self.problem.omega.active, outer, self._bends)

    @cached_property
    def weight_norm_unadapted(self) -> arb:
        slopes = [self.problem.slopes(law, self._before) for law in self.laws]
        return self._root_sum((law_mass, slopes[i][x] / self.laws[i].rho[x]) for i, x, law_mass in self._points)

    @cached_property
    def pairing_unadapted(self) -> Number:
        """<w, u> with the unadapted displacement."""
        target = self._u_unadapted
        return self._sum(w * u for w, u in zip(self._weighted, target, strict=True))

    @cached_property
    def _u_unadapted(self) -> list[Number]:
        if isinstance(self.instance.comparator, Functions):
            rivals = self._comparator
        else:
            rivals = [self._rival.predictions] * len(self.laws)
        return [self._before[x] - rivals[i][x] for i, x, _ in self._points]

    @cached_property
    def weight_norm_uniform(self) -> arb:
        count = len(self.laws)
        return self._root_sum(
            (self.laws[i].rho[x] / count, self._slopes[i][x] / self.laws[i].rho[x]) for i, x, _ in self._points
        )

    @cached_property
    def misfit_uniform(self) -> arb:
        masses = [self.laws[i].rho[x] / len(self.laws) for i, x, _ in self._points]
        return self._span_misfit(self._features.span, self._u, masses).value

    @cached_property
    def _other_kinks(self) -> MetaFeatures:
        """Features with 1{0 > 0} = 1, while W_i has 0."""
        inner = (self.problem.omega.signs.signs >= 0).astype(float)
        outer = np.where(self.problem.omega.signs.signs[:, self._places] == 0, 1.0, self._outer)
        return self._feature_set(inner, outer, self._bends)

    @cached_property
    def eps_other_kinks(self) -> arb:
        return self._norm_of(self._other_kinks)

    @cached_property
    def _twin(self) -> _OtherKinks:
        return _OtherKinks(self.instance, self.m)

    @property
    def misfit_other_kinks(self) -> arb:
        return self._twin.misfit

    @property
    def misfit_projected_other_kinks(self) -> arb:
        return self._twin.misfit_projected

    @property
    def error_operator_other_kinks(self) -> arb:
        return self._twin.error_operator

    @property
    def error_flips_other_kinks(self) -> arb:
        return self._twin.error_flips

    @property
    def min_norm_other_kinks(self) -> arb:
        return self._twin.min_norm_solution


class _OtherKinks(NetworkQuantities):
    """The same network with 1{0 > 0} = 1 in the features."""

    @property
    def _features(self) -> MetaFeatures:
        return self._other_kinks

    @cached_property
    def _difference(self) -> arb_mat | None:
        return self._initial.minus(self._features)

    @cached_property
    def error_flips(self) -> arb:
        features, start = self._features, self.problem.start.active
        inner, outer = (features.inner != start).sum(0), (features.outer != start[:, self._places]).sum(0)
        return self._pointwise([arb(int(c)) for c in inner], [arb(int(c)) for c in outer])
