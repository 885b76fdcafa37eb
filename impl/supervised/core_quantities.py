r"""Core quantities of (h, U) from what a model supplies: its iterates, how its steps act on features, grad L by Taylor
arithmetic.

phi_i(x) = (I - eta Hess R_i(W^(0))) ... (I - eta Hess R_i(W^(K-1))) phi_{W_i}(x): the last step's factor acts first,
Hess R_i = E_i[ell'' phi_W phi_W' + ell' d2f].
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

from flint import arb

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Matrix, Number, NumberSystem
from ..instances import Vector
from ..models.rows import Rows
from .adaptation import Implicit
from .instance import Functions, MetaSLInstance, NetworkInstance
from .maml import Bends, Law
from .prediction_quantities import PredictionQuantities


@dataclass(frozen=True)
class Step:
    """A step's factor I - sum_x bends(x) phi phi' - sum_x pulls(x) d2f.

    at the model it starts from, bends eta sum_y p ell'' [k][c], pulls eta sum_y p ell' [k]; None: no second derivative
    """

    at: Any
    bends: Bends
    pulls: list[Number] | None = None


Steps = Sequence[Sequence[Step]]
"""Per task and step."""


# fmt: off
OF_OMEGA = frozenset({
    "_paths", "_iterates", "_after", "_bends", "_steps", "_points", "_masses", "_slopes", "_weighted", "_features",
    "_plain", "_initial", "_inverse", "_whole_gradient", "_formal_gradient", "_gradient_from_start", "_from_start",
    "_difference", "_scaled_difference", "_linear_errors", "_moves", "_own", "_path_displacements", "eps",
    "eps_formal", "eps_first_order", "eps_init", "chain_rule_defect", "weight_norm", "condition", "displacement_init",
    "gradient_difference", "error_operator", "error_trace", "error_pointwise", "error_flips", "error_count",
    "linearisation", "linearisation_bound", "linearisation_taylor", "margin_full_row_rank", "margin_joints",
    "margin_differentiability",
})
# fmt: on
"""What is expensive and depends on neither comparator nor radius."""


class FeatureQuantities(PredictionQuantities):
    """Core quantities from iterates and features."""

    problem: Any
    problem_of: ClassVar[Any]
    """The problem of (instance, number system)."""

    def __init__(
        self, instance: MetaSLInstance | NetworkInstance, m: NumberSystem = Balls, direction: Vector | None = None
    ) -> None:
        super().__init__(instance, m, direction)
        self.instance = instance.canonical
        self._start(type(self).problem_of(self.instance, m), self.instance.tasks)

    def against(self, instance: MetaSLInstance | NetworkInstance) -> Self:
        """The quantities of an instance that differs in its comparator and radius alone, at the same precision: what
        omega decides is not evaluated again."""
        found, cls = copy(self), type(self)
        found.__dict__ = {
            name: value
            for name, value in vars(self).items()
            if name in OF_OMEGA or not isinstance(getattr(cls, name, None), cached_property)
        }
        found._known = {name: value for name, value in self._known.items() if name in OF_OMEGA}
        found.instance, found._radius = instance.canonical, instance.radius
        return found

    # --- what a model supplies ----------------------------------------------------------------------------

    @abstractmethod
    def _set(self, outer: Sequence[Any], steps: Steps) -> Any:
        """The steps' factors, per task, applied to phi of the outer models: the last step's first."""

    def _pulls_of(self, law: Law, predictions: list[Number]) -> list[Number] | None:
        """eta sum_y p ell' at predictions [k]; None for a model without second derivatives."""
        return None

    # --- predictions --------------------------------------------------------------------------------------

    @property
    def _before(self) -> list[Number]:
        return self._here.predictions

    @property
    def _here(self) -> Any:
        """The model at W."""
        return self.problem.omega

    @cached_property
    def _paths(self) -> list[list[Any]]:
        """The models W^(0), ..., W^(K) = W_i, per task."""
        return self._walk(self._here)

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

    @property
    def _own_rival(self) -> bool:
        return bool(self.instance.comparator == self.instance.omega)

    @cached_property
    def _comparator(self) -> list[list[Number]]:
        comparator = self.instance.comparator
        if isinstance(comparator, Functions):
            kept = [i for i, task in enumerate(self.instance.tasks) if task.weight != 0]
            return [[self.m.number(v) for v in comparator.values[i]] for i in kept]
        return [at.predictions for at in self._rivals]

    @cached_property
    def _rivals(self) -> list[Any]:
        """The adapted comparator, per task."""
        return [path[-1] for path in self._walk(self._rival)]

    @property
    def _unadapted_rivals(self) -> list[list[Number]]:
        return [self._rival.predictions] * len(self.laws)

    # --- meta-features ------------------------------------------------------------------------------------

    def _curvatures(self, predictions: Iterable[Iterable[list[Number]]]) -> list[list[Bends]]:
        """eta sum_y p ell'' of the inner laws at predictions [k], per task and step."""
        eta, curvatures = self.problem.eta, self.problem.curvatures
        return [
            [[[eta * bend for bend in row] for row in curvatures(law.inner, z)] for z in steps]
            for law, steps in zip(self.laws, predictions, strict=True)
        ]

    @cached_property
    def _bends(self) -> list[list[Bends]]:
        """eta sum_y p ell'' at the iterates that the steps start from [k], per task and step."""
        return self._curvatures(self._iterates)

    @cached_property
    def _steps(self) -> list[list[Step]]:
        """The steps' factors, per task."""
        return [
            [Step(at, bends, self._pulls_of(law.inner, at.predictions)) for at, bends in zip(path, each, strict=False)]
            for law, path, each in zip(self.laws, self._paths, self._bends, strict=True)
        ]

    @cached_property
    def _features(self) -> Any:
        return self._set(self._adapted, self._steps)

    @cached_property
    def _plain(self) -> Any:
        return self._set(self._adapted, [[] for _ in self.laws])

    @cached_property
    def _formal_gradient(self) -> Any:
        return self._features.paired(self._weighted)

    def _norm_of(self, features: Any) -> Number:
        """||<w, phi>|| for the given features."""
        return features.paired(self._weighted).length

    # --- sums of absolute values: of a point's components together ---

    @cached_property
    def _l1_blocks(self) -> list[Any]:
        return [(i, x // self.problem.loss.outputs) for i, x, _ in self._points]

    # --- margins ------------------------------------------------------------------------------------------

    @property
    def _kink_distance(self) -> arb:
        """Distance of the model and of the iterates from the kinks of the model; 1 if it has none."""
        return arb(1)

    @cached_property
    def margin_joints(self) -> arb:
        """Distance from the joints of the loss, under the inner laws, of predictions that gradient steps start from, or
        at which an implicit step ends, whose derivative is taken there."""
        adaptation, laws = self.instance.adaptation, [law.inner for law in self.laws]
        if isinstance(adaptation, Implicit):
            return self._joint_margin(laws, [[z] for z in self._after])
        return self._joint_margin(laws, self._iterates) if adaptation.eta != 0 else arb(1)

    @cached_property
    def margin_differentiability(self) -> arb:
        """Distance of the model from its kinks and of the predictions from the joints of the loss; of adapted ones too,
        where the loss itself has kinks."""
        if not self._kink_distance > 0 or not self.margin_joints > 0:
            return self.margin_joints if self._kink_distance > 0 else self._kink_distance
        outer = (
            self._joint_margin(self.laws, [[z] for z in self._after]) if self.problem.loss.profile.kinked else arb(1)
        )
        return self._kink_distance.min(self.margin_joints).min(outer)

    @cached_property
    def eps_first_order(self) -> arb:
        return self._norm_of(self._plain)

    @cached_property
    def misfit_plain(self) -> arb:
        return self._misfit(self._plain).value


class RowQuantities(FeatureQuantities):
    """Features as rows of R^D."""

    def _set(self, outer: Sequence[Any], steps: Steps) -> Rows:
        table = []
        for law, at, each in zip(self.laws, outer, steps, strict=True):
            table += self._through(at.rows(list(law.rho)), law.inner, each).tolist()
        return Rows(self.m, self.m.matrix(table))

    @abstractmethod
    def _through(self, rows: Matrix, law: Law, steps: Sequence[Step]) -> Matrix:
        """The factors of a task's steps, on its inner law, applied to rows (a, D): the last step's first."""
