"""Core quantities of (h, U) for models that are known by their features, whatever the activation: iterates, factors of
the steps, meta-features, the gradient in their span.

phi_i(x) = (I - eta Hess R_i(W^(0))) ... (I - eta Hess R_i(W^(K-1))) phi_{W_i}(x): the last step's factor acts first,
Hess R_i = E_i[ell'' phi_W phi_W' + ell' d2f]. A model supplies its iterates, the factors' action on its features, and
grad L by Taylor arithmetic. Directions v of the bound lie in the span of the meta-features (the rest changes nothing
but ||v||), so a model of any size has as many coordinates as the support has lifted points.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from flint import arb

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Matrix, Number, NumberSystem
from ..instances import Vector
from .instance import Functions, NetworkInstance
from .maml import Law
from .rank_quantities import RankQuantities


@dataclass(frozen=True)
class Step:
    """A step's factor I - sum_x bends(x) phi phi' - sum_x pulls(x) d2f.

    at the model it starts from, bends eta sum_y p ell'' [k], pulls eta sum_y p ell' [k]; None: no second derivative
    """

    at: Any
    bends: list[Number]
    pulls: list[Number] | None = None


Steps = Sequence[Sequence[Step]]
"""Per task and step."""


class ModelQuantities(RankQuantities):
    """Core quantities. `direction` gives coefficients of v in the meta-features [N]."""

    problem: Any
    problem_of: ClassVar[Any]
    """The problem of (instance, number system)."""

    def __init__(self, instance: NetworkInstance, m: NumberSystem = Balls, direction: Vector | None = None) -> None:
        super().__init__(instance, m, direction)
        self.instance = instance.canonical
        self._start(type(self).problem_of(self.instance, m), self.instance.tasks)

    # --- what a model supplies ----------------------------------------------------------------------------

    @abstractmethod
    def _set(self, outer: Sequence[Any], steps: Steps) -> Any:
        """The steps' factors, per task, applied to phi of the outer models: the last step's first."""

    @cached_property
    @abstractmethod
    def _whole_gradient(self) -> Any:
        """grad L, by Taylor arithmetic."""

    @cached_property
    @abstractmethod
    def _kink_distance(self) -> arb:
        """Distance of W and of the iterates from the kinks of the model; 1 if it has none."""

    @abstractmethod
    def _pulls_of(self, law: Law, predictions: list[Number]) -> list[Number] | None:
        """eta sum_y p ell' at predictions [k]; None for a model without second derivatives."""

    # --- predictions --------------------------------------------------------------------------------------

    @property
    def _before(self) -> list[Number]:
        return self.problem.omega.predictions

    @cached_property
    def _paths(self) -> list[list[Any]]:
        """The models W^(0), ..., W^(K) = W_i, per task."""
        return self._walk(self.problem.omega)

    def _walk(self, model: Any) -> list[list[Any]]:
        return [self.problem.path(law, model) for law in self.laws]

    @property
    def _adapted(self) -> list[Any]:
        return [path[-1] for path in self._paths]

    @cached_property
    def _iterates(self) -> list[list[list[Number]]]:
        return [[at.predictions for at in path[:-1]] for path in self._paths]

    @cached_property
    def _after(self) -> list[list[Number]]:
        return [at.predictions for at in self._adapted]

    @cached_property
    def _rival(self) -> Any:
        """The comparator's model."""
        comparator = self.instance.comparator
        if isinstance(comparator, Functions):
            raise UndefinedQuantityError("the comparator is given by functions, not by a parameter")
        return self.problem.at(comparator)

    @cached_property
    def _comparator(self) -> list[list[Number]]:
        comparator = self.instance.comparator
        if isinstance(comparator, Functions):
            kept = [i for i, task in enumerate(self.instance.tasks) if task.weight != 0]
            return [[self.m.number(v) for v in comparator.values[i]] for i in kept]
        return [path[-1].predictions for path in self._walk(self._rival)]

    @property
    def _unadapted_rivals(self) -> list[list[Number]]:
        return [self._rival.predictions] * len(self.laws)

    # --- meta-features ------------------------------------------------------------------------------------

    def _curvatures(self, predictions: Iterable[Iterable[list[Number]]]) -> list[list[list[Number]]]:
        """eta sum_y p ell'' at predictions [k], per task and step."""
        eta, curvatures = self.problem.eta, self.problem.curvatures
        return [
            [[eta * c for c in curvatures(law, z)] for z in steps]
            for law, steps in zip(self.laws, predictions, strict=True)
        ]

    @cached_property
    def _bends(self) -> list[list[list[Number]]]:
        """eta sum_y p ell'' at the iterates that the steps start from [k], per task and step."""
        return self._curvatures(self._iterates)

    @cached_property
    def _steps(self) -> list[list[Step]]:
        """The steps' factors, per task."""
        return [
            [Step(at, bends, self._pulls_of(law, at.predictions)) for at, bends in zip(path, each, strict=False)]
            for law, path, each in zip(self.laws, self._paths, self._bends, strict=True)
        ]

    @cached_property
    def _features(self) -> Any:
        return self._set(self._adapted, self._steps)

    @cached_property
    def _plain(self) -> Any:
        return self._set(self._adapted, [[] for _ in self.laws])

    @property
    def _starts(self) -> list[Any]:
        """The model at W0, per task."""
        return [self.problem.start] * len(self.laws)

    def _steps_at_start(self) -> list[list[Step]]:
        """Factors of the model that is linearised at W0, which has no second derivative."""
        return [[Step(self.problem.start, bends) for bends in each] for each in self._bends]

    @cached_property
    def _initial(self) -> Any:
        """phi_0 in all places; ell'' at the iterates' predictions."""
        return self._set(self._starts, self._steps_at_start())

    @cached_property
    def _meta_features(self) -> Matrix:
        """Coordinates (N, r) in the span; in rationals the Gram matrix, so that directions are coefficients."""
        return self._features.span.rows if self.m is Balls else self._features.gram

    @cached_property
    def _gradient(self) -> list[Number]:
        """grad L's part in the span, in the coordinates of the meta-features."""
        pairings = self._features.pairings(self._whole_gradient)
        return self._features.span.coordinates(pairings) if self.m is Balls else pairings

    @cached_property
    def eps(self) -> arb:
        return self._whole_gradient.length

    def _norm_of(self, features: Any) -> Number:
        return features.paired(self._weighted).length

    @cached_property
    def chain_rule_defect(self) -> Number:
        return self._whole_gradient.plus(self._features.paired(self._weighted), -1).length

    @cached_property
    def _from_start(self) -> list[Number]:
        return self._features.along(*self.problem.offset)

    @cached_property
    def _gradient_from_start(self) -> Number:
        return self._whole_gradient.along(*self.problem.offset)

    # --- margins and sizes --------------------------------------------------------------------------------

    @cached_property
    def margin_differentiability(self) -> arb:
        """Distance of the model from its kinks and of the predictions from the joints of the loss."""
        if not self._kink_distance > 0 or not self.margin_joints > 0:
            return self.margin_joints if self._kink_distance > 0 else self._kink_distance
        outer = self._joint_margin([[z] for z in self._after]) if self.problem.loss.profile.kinked else arb(1)
        return self._kink_distance.min(self.margin_joints).min(outer)

    @cached_property
    def _stretches(self) -> list[arb]:
        squares = [size * size for size in self._row_sizes]

        def stretch(step: Step) -> arb:
            parts = [step.bends] if step.pulls is None else [step.bends, step.pulls]
            return sum((abs(arb(v).mid()) * squares[x] for part in parts for x, v in enumerate(part)), start=arb(1))

        return [math.prod(map(stretch, steps), start=arb(1)) for steps in self._steps]

    # --- what wrong theorems use instead ------------------------------------------------------------------

    def _misfit_of(self, features: Any) -> arb:
        return self._span_misfit(features.span, self._u).value

    @cached_property
    def misfit_curvature_adapted(self) -> arb:
        """ell'' at the predictions that the steps lead to, not at those that they start from."""
        bends = self._curvatures([[at.predictions for at in path[1:]] for path in self._paths])
        steps = [
            [replace(step, bends=bend) for step, bend in zip(*pair, strict=True)]
            for pair in zip(self._steps, bends, strict=True)
        ]
        return self._misfit_of(self._set(self._adapted, steps))

    @cached_property
    def misfit_outer_unadapted(self) -> arb:
        return self._misfit_of(self._set([self.problem.omega] * len(self.laws), self._steps))

    @cached_property
    def misfit_reversed(self) -> arb:
        return self._misfit_of(self._set(self._adapted, [steps[::-1] for steps in self._steps]))

    @cached_property
    def misfit_frozen(self) -> arb:
        """W's own factor for every step."""
        return self._misfit_of(self._set(self._adapted, [steps[:1] * len(steps) for steps in self._steps]))

    @cached_property
    def misfit_one_missing(self) -> arb:
        """Without the last step's factor."""
        return self._misfit_of(self._set(self._adapted, [steps[:-1] for steps in self._steps]))
