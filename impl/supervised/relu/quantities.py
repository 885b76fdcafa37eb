"""The quantities of the network claims: features at initialisation, the ball around W0, corollaries, margins."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from flint import arb, arb_mat, fmpq

from ...arithmetic import Number, Rationals
from ...losses import Link
from ...models.relu import Distance
from ..instance import Functions
from .errors import ErrorQuantities
from .kernel import Basis, Bends, MetaFeatures
from .problem import NetworkProblem


class NetworkQuantities(ErrorQuantities):
    """Everything that the network claims, their assumptions and their mutants name."""

    # --- first order ----------------------------------------------------------------------------------

    @cached_property
    def _plain(self) -> MetaFeatures:
        return self._feature_set(self._basis, self._outer, None)

    @cached_property
    def eps_formal(self) -> arb:
        return self._norm_of(self._features)

    # --- projected stationarity on the ball around W0 ---------------------------------------------------

    @cached_property
    def _from_start(self) -> list[Number]:
        """phi_a'(W - W0) [N]."""
        features, k = self._features, len(self._before)
        own, start = self.problem.omega.weights, self.problem.start.weights
        moved = self._before + self.problem.outputs(own, features.patterns[:, k:], features.places[k:])
        still = self.problem.outputs(start, features.patterns, features.places)
        return self._combined([a - b for a, b in zip(moved, still, strict=True)])

    # --- full row rank ------------------------------------------------------------------------------------

    def _certainly_dependent(self) -> bool:
        # Two tasks with one law have the same meta-features.
        laws = {task.atoms for task in self.instance.tasks if task.weight != 0}
        if len(laws) < len(self.laws):
            return True
        # The meta-features of tasks with one Jacobian are the images of their outer features; all lie in the span of
        # the pattern features.
        features, exact = self._features, NetworkProblem(self.instance, Rationals)
        k, size = len(self._before), len(features.basis.inputs)
        groups = [
            [size + a for a, (i, _) in enumerate(self._lifted_points) if i in alike] for alike in self._equal_jacobians
        ]
        for chosen in (*groups, list(range(len(features.places)))):
            places, patterns = [features.places[j] for j in chosen], features.patterns[:, chosen]
            count = len(chosen) if chosen in groups else len(self._u)
            if exact.kernel(patterns, places, patterns, places).rank() < count:
                return True
        # What did not flip in the adaptation lies in the span of the features at W.
        inner, support = self.problem.omega.active, list(range(k))
        calm = [all(j < k for place in steps for j in place.values()) for steps in features.basis.columns]
        unmoved = sum(
            bool(calm[i] and (self._outer[:, a] == inner[:, x]).all()) for a, (i, x) in enumerate(self._lifted_points)
        )
        if exact.kernel(inner, support, inner, support).rank() < unmoved:
            return True
        twin = self.exact(self.instance)
        return twin is not None and bool(twin._features.gram.det() == 0)

    @property
    def _equal_jacobians(self) -> list[list[int]]:
        """Tasks that certainly have the same Jacobian: one step, the same marginal, if ell'' is free of the label.

        After one step networks of different tasks differ, and so do their patterns and predictions.
        """
        loss, one = self.problem.loss, self.instance.adaptation.steps == 1
        if not one or (loss.name not in ("squared", "logistic") and loss.link is not Link.CANONICAL):
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
        for here in itertools.chain(*self._paths):
            distance = distance.union(here.distance)
        margin = distance.ball()
        if not margin > 0 or not self.margin_joints > 0:
            return margin if not margin > 0 else self.margin_joints
        outer = self._joint_margin([[z] for z in self._after]) if self.problem.loss.profile.kinked else arb(1)
        return margin.min(self.margin_joints).min(outer)

    # --- what wrong theorems use instead --------------------------------------------------------------------

    def _wrong_misfit(self, basis: Basis, outer: np.ndarray, bends: Bends) -> arb:
        return self._span_misfit(self._feature_set(basis, outer, bends).span, self._u).value

    @cached_property
    def misfit_curvature_adapted(self) -> arb:
        """ell'' at the predictions that the steps lead to, not at those that they start from."""
        bends = self._curvatures([[here.predictions for here in path[1:]] for path in self._paths])
        return self._wrong_misfit(self._basis, self._outer, bends)

    @cached_property
    def misfit_outer_unadapted(self) -> arb:
        return self._wrong_misfit(self._basis, self.problem.omega.active[:, self._places], self._bends)

    @cached_property
    def misfit_init_inner(self) -> arb:
        return self._wrong_misfit(self._basis_at(self.problem.start.active), self._outer, self._bends)

    @cached_property
    def misfit_init_outer(self) -> arb:
        return self._wrong_misfit(self._basis, self.problem.start.active[:, self._places], self._bends)

    def _misfit_of_steps(self, order: Sequence[int]) -> arb:
        """With the factors of these steps, the last of which acts first."""
        bends = [[steps[k] for k in order] for steps in self._bends]
        return self._wrong_misfit(self._basis.chosen(order), self._outer, bends)

    @cached_property
    def misfit_reversed(self) -> arb:
        return self._misfit_of_steps(range(self.instance.adaptation.steps)[::-1])

    @cached_property
    def misfit_frozen(self) -> arb:
        """W's own factor for every step."""
        return self._misfit_of_steps([0] * self.instance.adaptation.steps)

    @cached_property
    def misfit_one_missing(self) -> arb:
        """Without the last step's factor."""
        return self._misfit_of_steps(range(self.instance.adaptation.steps - 1))

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
        """Features with 1{0 > 0} = 1 wherever a neuron is at its kink, while the steps to W_i are made with 0.

        A neuron that is at its kink at W stays there until a step moves it: until it is active at an input that is not
        orthogonal. (One that a step brings to its kink is not noticed.)
        """
        at_kink = self.problem.omega.signs.signs == 0
        meets = np.array([[v != 0 for v in row] for row in self.problem.inputs.products], dtype=float)
        paths = []
        for path in self._paths:
            xs, path_of = path[0].xs, []
            stays = at_kink[:, xs]
            for here in path:
                path_of.append(replace(here, active=np.where(stays, 1.0, here.active)))
                if self.instance.adaptation.eta != 0:
                    stays = stays & (here.active @ meets[np.ix_(xs, xs)] == 0)
            paths.append(path_of)
        inner = Basis.of(np.where(at_kink, 1.0, self.problem.omega.active), paths)
        outer = np.concatenate([path[-1].active for path in paths], axis=1)
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
        patterns = features.basis.patterns
        inner = [
            [{x: arb(int((patterns[:, j] != start[:, x]).sum())) for x, j in place.items()} for place in steps]
            for steps in features.basis.columns
        ]
        outer = (features.outer != start[:, self._places]).sum(0)
        return self._pointwise(inner, [arb(int(c)) for c in outer])
