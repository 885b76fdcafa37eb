"""The quantities of the claims on ReLU networks: features by pattern counts, corollaries, margins."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from flint import arb, fmpq

from ....theory.claim import UndefinedQuantityError
from ...arithmetic import Rationals
from ...instances import Instance, Vector
from ...losses import Link
from ...models.combination import Combination
from ...models.relu import Distance
from ..core_quantities import Steps
from ..instance import NetworkInstance
from . import taylor
from .errors import ReluErrors
from .kernel import MetaFeatures
from .problem import EXACT_STEPS, Iterate, NetworkProblem


class NetworkQuantities(ReluErrors):
    """Everything that the network claims, their assumptions and their mutants name."""

    problem_of = NetworkProblem

    @classmethod
    def exact(cls, instance: Instance, direction: Vector | None = None) -> Self | None:
        assert isinstance(instance, NetworkInstance)
        square_width = math.isqrt(instance.width) ** 2 == instance.width
        rational = instance.loss.profile.rational and instance.adaptation.steps <= EXACT_STEPS
        return cls(instance, Rationals, direction) if rational and square_width else None

    # --- features ---------------------------------------------------------------------------------------

    def _set(self, outer: Sequence[Any], steps: Steps) -> MetaFeatures:
        return MetaFeatures.of(self.problem, self.laws, outer, steps)

    @cached_property
    def _whole_gradient(self) -> Combination:
        """grad L in R^{md}, by Taylor arithmetic through the definition."""
        return taylor.gradient(self.problem, list(zip(self.laws, self._paths, strict=True)))

    @property
    def _increasing(self) -> bool:
        """Never: predictions of a ReLU network have kinks of their own."""
        return False

    # --- full row rank ------------------------------------------------------------------------------------

    def _certainly_dependent(self) -> bool:
        # Two tasks that adapt on the same law have the same meta-features at a point that they share.
        tasks = [task for task in self.instance.tasks if task.weight != 0]
        shared = [(task.inner, x) for task in tasks for x in {atom.x for atom in task.atoms}]
        if len(set(shared)) < len(shared):
            return True
        # The meta-features of tasks with one Jacobian are the images of their outer features; all lie in the span of
        # the pattern features.
        features, exact = self._features, NetworkProblem(self.instance, Rationals)

        def rank(patterns: np.ndarray, places: list[int]) -> int:
            return int(exact.kernel(patterns, places, patterns, places).rank())

        for alike in self._equal_jacobians:
            chosen = [a for a, i in enumerate(features.tasks) if i in alike]
            if rank(features.outer[:, chosen], [self._points[a][1] for a in chosen]) < len(chosen):
                return True
        if any(
            rank(features.patterns[:, own], [features.places[j] for j in own]) < count
            for own, count in features.confined
        ):
            return True
        # What did not flip in the adaptation lies in the span of the features at W.
        places = self.problem.places
        inner = self.problem.omega.gates(places)
        calm = [all((at.active == inner[:, at.xs]).all() for at in path[:-1]) for path in self._paths]
        unmoved = sum(
            bool(calm[i] and (features.outer[:, a] == inner[:, x]).all()) for a, (i, x, _) in enumerate(self._points)
        )
        spread = self.problem.rated and self.problem.decays
        if not spread and rank(inner, places) < unmoved:
            return True
        twin = self.exact(self.instance)
        return twin is not None and bool(twin._features.gram.det() == 0)

    @property
    def _equal_jacobians(self) -> list[list[int]]:
        """Tasks that certainly have one Jacobian: the same inner marginal and patterns in all steps, if ell'' is
        free of the label, and after one step, where networks of different tasks differ, of the prediction as well.
        """
        loss, one = self.problem.loss, self.instance.adaptation.steps == 1
        free = loss.name == "squared" or (one and (loss.name == "logistic" or loss.link is Link.CANONICAL))
        if not free or any(at.doubt for path in self._paths for at in path[:-1]):
            return [[i] for i in range(len(self.laws))]
        alike: dict[object, list[int]] = {}
        for position, task in enumerate(task for task in self.instance.tasks if task.weight != 0):
            rho: dict[int, fmpq] = {}
            for atom in task.inner:
                rho[atom.x] = rho.get(atom.x, fmpq(0)) + atom.p
            used, path = list(self.laws[position].inner.rho), self._paths[position]
            patterns = tuple(at.gates(used).tobytes() for at in path[:-1])
            alike.setdefault((patterns, *((x, str(p)) for x, p in sorted(rho.items()))), []).append(position)
        return list(alike.values())

    # --- margins and sizes --------------------------------------------------------------------------------

    @cached_property
    def _kink_distance(self) -> arb:
        distance: Distance = self.problem.omega.distance
        for here in itertools.chain(*self._paths):
            distance = distance.union(here.distance)
        return distance.ball()

    # --- what wrong theorems use instead ------------------------------------------------------------------

    @cached_property
    def misfit_init_inner(self) -> arb:
        return self._misfit(self._set(self._adapted, self._steps_at_start())).value

    @cached_property
    def misfit_init_outer(self) -> arb:
        return self._misfit(self._set(self._starts, self._steps)).value

    @cached_property
    def _kinked_paths(self) -> list[list[Iterate]]:
        """The iterates with 1{0 > 0} = 1 wherever a neuron is at its kink, while the steps to W_i are made with 0.

        A neuron that is at its kink at W stays there until a step moves it: until it is active at an input that is not
        orthogonal. (One that a step brings to its kink is not noticed.)
        """
        if not self.instance.adaptation.plain:
            raise UndefinedQuantityError("of steps with one rate and no decay alone")
        at_kink = self.problem.omega.signs.signs == 0
        meets = np.array([[v != 0 for v in row] for row in self.problem.inputs.products], dtype=float)
        of = self.problem.of
        paths = []
        for law, path in zip(self.laws, self._paths, strict=True):
            xs, inner, path_of = path[0].xs, list(law.inner.rho), []
            stays = at_kink[:, of(xs)]
            for here in path:
                path_of.append(replace(here, active=np.where(stays, 1.0, here.active)))
                if self.instance.adaptation.eta != 0:
                    stays = stays & (here.gates(inner) @ meets[np.ix_(of(inner), of(xs))] == 0)
            paths.append(path_of)
        return paths

    @cached_property
    def _other_kinks(self) -> MetaFeatures:
        steps = [
            [replace(step, at=at) for step, at in zip(each, path, strict=False)]
            for each, path in zip(self._steps, self._kinked_paths, strict=True)
        ]
        return self._set([path[-1] for path in self._kinked_paths], steps)

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

    @property
    def _still(self) -> bool:
        return False

    @cached_property
    def error_flips(self) -> arb:
        return self._by_counts(self._flipped(self._kinked_paths))
