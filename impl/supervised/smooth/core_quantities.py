r"""The core quantities of smooth networks: meta-features as rows of R^{md}, infima in their span.

phi_i(x) = (I - eta Hess R_i(W^(0))) ... (I - eta Hess R_i(W^(K-1))) phi_{W_i}(x): the last step's factor acts first,
Hess R_i = E_i[ell'' phi_W phi_W' + ell' d2f], d2f(x) block-diagonal with the blocks m^{-1/2} b_r sigma''(W_r'x) x x'.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

from flint import arb, arb_mat

from ....theory.claim import UndefinedQuantityError
from ...arithmetic import Balls, Matrix, Number, NumberSystem, norm
from ...balls.span import Span, span
from ...instances import Instance, Vector
from ...models.smooth import Neurons
from ..instance import Functions, SmoothInstance
from ..rank_quantities import RankQuantities
from . import taylor
from .problem import SmoothProblem
from .rank import certainly_dependent


@dataclass(frozen=True, eq=False)
class Rows:
    """Meta-features as rows (N, m d)."""

    table: arb_mat

    @cached_property
    def gram(self) -> arb_mat:
        """Their inner products (N, N)."""
        return self.table * self.table.transpose()

    @cached_property
    def span(self) -> Span:
        """Orthonormal coordinates."""
        return span(self.gram)


@dataclass(frozen=True)
class Step:
    """A step's factor I - eta (sum_x bends(x) phi phi' + sum_x pulls(x) d2f): the network that it starts from, bends
    and pulls [k] (None: no second derivative)."""

    at: Neurons
    bends: list[Number]
    pulls: list[Number] | None


class SmoothCore(RankQuantities):
    """Core quantities of a smooth network instance. In balls only."""

    problem: SmoothProblem

    def __init__(self, instance: SmoothInstance, m: NumberSystem = Balls, direction: Vector | None = None) -> None:
        super().__init__(instance, m, direction)
        self.instance = instance.canonical
        assert isinstance(self.instance, SmoothInstance)
        self._start(SmoothProblem(self.instance), self.instance.tasks)

    def __call__(self, name: str) -> Number:
        """The quantity of that name."""
        self._balls_only("a smooth activation")
        return super().__call__(name)

    @classmethod
    def exact(cls, instance: Instance, direction: Vector | None = None) -> None:
        return None

    # --- predictions --------------------------------------------------------------------------------

    @cached_property
    def _here(self) -> Neurons:
        """The network at W."""
        return self.problem.neurons(self.problem.omega)

    @property
    def _before(self) -> list[Number]:
        return self._here.predictions

    @cached_property
    def _paths(self) -> list[list[Neurons]]:
        """The networks W^(0), ..., W^(K) = W_i, per task."""
        return [self.problem.path(law, self._here) for law in self.laws]

    @property
    def _adapted(self) -> list[Neurons]:
        return [path[-1] for path in self._paths]

    @cached_property
    def _iterates(self) -> list[list[list[Number]]]:
        return [[at.predictions for at in path[:-1]] for path in self._paths]

    @cached_property
    def _after(self) -> list[list[Number]]:
        return [at.predictions for at in self._adapted]

    @cached_property
    def _rival(self) -> arb_mat:
        comparator = self.instance.comparator
        if isinstance(comparator, Functions):
            raise UndefinedQuantityError("the comparator is given by functions, not by a parameter")
        return self.problem.matrix(comparator)

    @cached_property
    def _comparator(self) -> list[list[Number]]:
        comparator = self.instance.comparator
        if isinstance(comparator, Functions):
            kept = [i for i, task in enumerate(self.instance.tasks) if task.weight != 0]
            return [[arb(v) for v in comparator.values[i]] for i in kept]
        rival = self.problem.neurons(self._rival)
        return [self.problem.adapted(law, rival).predictions for law in self.laws]

    # --- meta-features --------------------------------------------------------------------------------

    def _curvatures(self, predictions: list[list[list[Number]]]) -> list[list[list[Number]]]:
        """sum_y p ell'' at predictions [k], per task and step."""
        curvatures = self.problem.curvatures
        return [[curvatures(law, z) for z in steps] for law, steps in zip(self.laws, predictions, strict=True)]

    @cached_property
    def _bends(self) -> list[list[list[Number]]]:
        """sum_y p ell'' at the iterates that the steps start from [k], per task and step."""
        return self._curvatures(self._iterates)

    @cached_property
    def _pulls(self) -> list[list[list[Number]]]:
        """sum_y p ell' at the iterates that the steps start from [k], per task and step."""
        slopes = self.problem.slopes
        return [[slopes(law, z) for z in steps] for law, steps in zip(self.laws, self._iterates, strict=True)]

    @cached_property
    def _steps(self) -> list[list[Step]]:
        """The steps' factors, per task."""
        return [
            [Step(*parts) for parts in zip(path[:-1], bends, pulls, strict=True)]
            for path, bends, pulls in zip(self._paths, self._bends, self._pulls, strict=True)
        ]

    def _rows(self, outer: list[Neurons], steps: list[list[Step]]) -> Rows:
        """The steps' factors, per task, applied to phi of the outer networks: the last step's first."""
        table = []
        for i, law in enumerate(self.laws):
            support = list(law.rho)
            rows = outer[i].rows(support)
            for step in reversed(steps[i]):
                rows = self._stepped(rows, support, step)
            table += rows.entries()
        return Rows(arb_mat(len(self._points), len(table) // len(self._points), table))

    def _stepped(self, rows: arb_mat, xs: list[int], step: Step) -> arb_mat:
        """The step's factor applied to rows (a, m d)."""
        features = step.at.rows(xs)
        scaled = [[step.bends[x] * v for v in row] for x, row in zip(xs, features.tolist(), strict=True)]
        change = (rows * features.transpose()) * Balls.matrix(scaled)
        if step.pulls is not None:
            change += self._folded(rows, xs, step.at, step.pulls)
        return rows - change * self.problem.eta

    def _folded(self, rows: arb_mat, xs: list[int], at: Neurons, pulls: list[Number]) -> arb_mat:
        """sum_x pulls(x) d2f(x) applied to rows (a, m d): per neuron, sum_x pulls(x) fold(x) <x, row_r> x."""
        inputs, places = self.problem.inputs.tolist(), {x: j for j, x in enumerate(at.xs)}
        chosen = Balls.matrix([inputs[x] for x in xs])
        weights = [[row[places[x]] * pulls[x] for x in xs] for row in at.folds] * rows.nrows()
        neurons = arb_mat(len(weights), len(inputs[0]), rows.entries())
        products = (neurons * chosen.transpose()).entries()
        pulled = [p * f for p, f in zip(products, itertools.chain.from_iterable(weights), strict=True)]
        return arb_mat(rows.nrows(), rows.ncols(), (arb_mat(len(weights), len(xs), pulled) * chosen).entries())

    @cached_property
    def _features(self) -> Rows:
        return self._rows(self._adapted, self._steps)

    @cached_property
    def _meta_features(self) -> Matrix:
        return self._features.span.rows

    @cached_property
    def _whole_gradient(self) -> arb_mat:
        """grad L (m, d), by Taylor arithmetic."""
        return taylor.gradient(self.problem, list(zip(self.laws, self._paths, strict=True)))

    @cached_property
    def _gradient(self) -> list[Number]:
        column = arb_mat([[v] for v in self._whole_gradient.entries()])
        return self._features.span.coordinates((self._features.table * column).entries())

    @property
    def _increasing(self) -> bool:
        inputs, signs = self.instance.features, self.instance.signs
        return len(signs) == 1 and len(inputs[0]) == 1 and all(signs[0] * row[0] > 0 for row in inputs)

    @property
    def _slope(self) -> Number:
        return self._whole_gradient.entries()[0]

    @cached_property
    def eps(self) -> arb:
        return norm(self._whole_gradient.entries())

    @cached_property
    def chain_rule_defect(self) -> Number:
        pairs = zip(self._whole_gradient.entries(), self._pulled(self._features.table), strict=True)
        return norm([a - b for a, b in pairs])

    def _norm_of(self, features: Rows) -> arb:
        return norm(self._pulled(features.table))

    def _certainly_dependent(self) -> bool:
        assert isinstance(self.instance, SmoothInstance)
        return certainly_dependent(self.instance)

    # --- margins and sizes --------------------------------------------------------------------------------

    @cached_property
    def margin_differentiability(self) -> arb:
        """Distance of the predictions from the joints of the loss; the network has no kinks."""
        if not self.margin_joints > 0 or not self.problem.loss.profile.kinked:
            return self.margin_joints
        return self.margin_joints.min(self._joint_margin([[z] for z in self._after]))

    @cached_property
    def _row_sizes(self) -> list[arb]:
        return [norm(row) for row in self.problem.inputs.tolist()]

    @cached_property
    def _stretches(self) -> list[arb]:
        eta, squares = abs(self.problem.eta.mid()), [size * size for size in self._row_sizes]
        return [
            math.prod(
                arb(1) + eta * sum((abs(h.mid()) + abs(s.mid())) * squares[x] for x, (h, s) in enumerate(pairs))
                for pairs in (zip(h, s, strict=True) for h, s in zip(bends, pulls, strict=True))
            )
            for bends, pulls in zip(self._bends, self._pulls, strict=True)
        ]
