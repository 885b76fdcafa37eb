"""The quantities of the claims on smooth networks: features as rows of R^{md}, what wrong theorems use instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from flint import arb, arb_mat

from ...arithmetic import Balls, Matrix, Number
from ...balls.dense import Dense
from ...instances import Instance, Vector
from ...models.smooth import Neurons
from ..core_quantities import RowQuantities, Step
from ..instance import SmoothInstance
from ..maml import Law, bent
from . import taylor
from .errors import SmoothErrors
from .problem import SmoothProblem
from .rank import certainly_dependent


class SmoothQuantities(SmoothErrors, RowQuantities):
    """Everything that the claims on smooth networks, their assumptions and their mutants name. In balls only."""

    problem_of = SmoothProblem

    def __call__(self, name: str) -> Number:
        """The quantity of that name."""
        self._balls_only("a smooth activation")
        return super().__call__(name)

    @classmethod
    def exact(cls, instance: Instance, direction: Vector | None = None) -> None:
        return None

    # --- features -----------------------------------------------------------------------------------------

    def _through(self, rows: Matrix, law: Law, steps: Sequence[Step]) -> Matrix:
        for step in reversed(steps):
            rows = self._stepped(rows, list(law.rho), step)
        return rows

    def _stepped(self, rows: Matrix, xs: list[int], step: Step) -> Matrix:
        """The transposed Jacobian of a step, S - eta H D, applied to rows (a, m d)."""
        problem = self.problem
        left, rows = problem.kept(rows), rows if problem.turned else problem.paced(rows)
        features = step.at.rows(xs)
        change = (rows * features.transpose()) * self.m.matrix(bent([step.bends[x] for x in xs], features.tolist()))
        if step.pulls is not None:
            change += self._folded(rows, xs, step.at, step.pulls)
        return left - (problem.paced(change) if problem.turned else change)

    def _folded(self, rows: arb_mat, xs: list[int], at: Neurons, pulls: list[Number]) -> arb_mat:
        """sum_x pulls(x) d2f(x) applied to rows (a, m d): per neuron, rows times sum_x pulls(x) fold(x) x x'."""
        inputs, places, d = at.at(xs), at.places, len(at.inputs.tolist()[0])
        weights = Balls.matrix([[folds[places[x]] * pulls[x] for x in xs] for folds in at.folds])
        hessians = (weights * Balls.matrix([[u * v for u in x for v in x] for x in inputs])).tolist()
        found = []
        for row in rows.tolist():
            for r, hessian in enumerate(hessians):
                first, *others = row[r * d : r * d + d]
                own = [first * h for h in hessian[:d]]
                for i, v in enumerate(others, start=1):
                    own = [o + v * h for o, h in zip(own, hessian[i * d : i * d + d], strict=True)]
                found += own
        return arb_mat(rows.nrows(), rows.ncols(), found)

    def _pulls_of(self, law: Law, predictions: list[Number]) -> list[Number]:
        return [self.problem.eta * slope for slope in self.problem.slopes(law, predictions)]

    @cached_property
    def _whole_gradient(self) -> Dense:
        """grad L, by Taylor arithmetic."""
        return Dense(self.m, taylor.gradient(self.problem, list(zip(self.laws, self._paths, strict=True))).entries())

    @property
    def _increasing(self) -> bool:
        inputs, signs = self.instance.features, self.instance.signs
        return len(signs) == 1 and len(inputs[0]) == 1 and all(signs[0] * row[0] > 0 for row in inputs)

    def _certainly_dependent(self) -> bool:
        assert isinstance(self.instance, SmoothInstance)
        return certainly_dependent(self.instance)

    @cached_property
    def eps_directional(self) -> arb:
        """max(0, -L'(W; 1), -L'(W; -1)) for one parameter: 0 where no direction leads down."""
        return self.eps_left.max(-self.eps_right).max(arb(0))

    @cached_property
    def eps_projected_directional(self) -> arb:
        """The largest rate at which L falls from W towards a network of the ball, for one parameter."""
        moved = self.problem.offset[0].entries()[0]
        return (self.eps_left * (self.radius + moved)).max(-self.eps_right * (self.radius - moved)).max(arb(0))

    # --- what wrong theorems use instead ------------------------------------------------------------------

    @cached_property
    def misfit_no_fold(self) -> arb:
        """The Hessians without ell' d2f: those of a network that is linear in W."""
        return self._misfit(self._set(self._adapted, [[replace(s, pulls=None) for s in p] for p in self._steps])).value
