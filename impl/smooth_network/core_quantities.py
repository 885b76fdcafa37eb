r"""The core quantities of smooth networks: meta-features as rows of R^{md}, infima in their span.

phi_i(x) = (I - eta Hess R_i(W)) phi_{W_i}(x),   Hess R_i = E_i[ell'' phi_W phi_W' + ell' d2f],
d2f(x) block-diagonal with the blocks m^{-1/2} b_r sigma''(W_r'x) x x'.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from flint import arb, arb_mat

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Matrix, Number, NumberSystem, midpoint, norm
from ..balls.span import Span, span
from ..instances import Instance, Vector
from ..meta_sl.instance import Functions
from ..network.start_quantities import StartQuantities
from . import taylor
from .instance import SmoothInstance
from .problem import SmoothProblem


@dataclass(frozen=True, eq=False)
class Rows:
    """Meta-features as rows (N, m d)."""

    table: arb_mat

    @cached_property
    def span(self) -> Span:
        """Orthonormal coordinates."""
        return span(self.table * self.table.transpose())


class SmoothCore(StartQuantities):
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
    def _drives(self) -> arb_mat:
        return self.problem.drives(self.problem.omega)

    @cached_property
    def _before(self) -> list[Number]:
        return self.problem.predictions(self._drives)

    def _adapt(self, weights: arb_mat) -> list[arb_mat]:
        """The adapted networks (m, d), per task."""
        return [self.problem.adapted(law, weights) for law in self.laws]

    @cached_property
    def _adapted(self) -> list[arb_mat]:
        return self._adapt(self.problem.omega)

    @cached_property
    def _after_drives(self) -> list[arb_mat]:
        return [self.problem.drives(weights) for weights in self._adapted]

    @cached_property
    def _after(self) -> list[list[Number]]:
        return [self.problem.predictions(drives) for drives in self._after_drives]

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
        return [self.problem.predictions(self.problem.drives(weights)) for weights in self._adapt(self._rival)]

    # --- meta-features --------------------------------------------------------------------------------

    @cached_property
    def _gates(self) -> list[list[arb]]:
        return self.problem.gates(self._drives)

    @cached_property
    def _start_gates(self) -> list[list[arb]]:
        return self.problem.gates(self.problem.drives(self.problem.matrix(self.instance.initial)))

    @cached_property
    def _outer(self) -> list[list[list[arb]]]:
        return [self.problem.gates(drives) for drives in self._after_drives]

    @cached_property
    def _folds(self) -> list[list[arb]]:
        """m^{-1/2} b_r sigma''(W_r'x) (m, k)."""
        sigma = self.problem.sigma
        table = self._drives.tolist()
        return [[b * sigma.d2(Balls, t) for t in row] for b, row in zip(self.problem.output, table, strict=True)]

    def _curvatures(self, predictions: list[list[Number]]) -> list[list[Number]]:
        return [self.problem.curvatures(law, z) for law, z in zip(self.laws, predictions, strict=True)]

    @cached_property
    def _bends(self) -> list[list[Number]]:
        """sum_y p ell'' at the unadapted predictions [k], per task."""
        return self._curvatures([self._before] * len(self.laws))

    @cached_property
    def _pulls(self) -> list[list[Number]]:
        """sum_y p ell' at the unadapted predictions [k], per task."""
        return [self.problem.slopes(law, self._before) for law in self.laws]

    def _rows(
        self,
        outer: list[list[list[arb]]],
        inner: list[list[arb]] | None,
        bends: list[list[Number]] | None,
        pulls: list[list[Number]] | None,
    ) -> Rows:
        """(I - eta (E[ell'' phi phi'] + E[ell' d2f])) phi: gates of phi outside and inside, ell'', ell' (or none)."""
        eta, table = self.problem.eta, []
        for i, law in enumerate(self.laws):
            support = list(law.rho)
            rows = self._flat(outer[i], support)
            found = rows
            if inner is not None and bends is not None:
                features = self._flat(inner, support)
                scaled = [
                    [eta * bends[i][x] * v for v in row] for x, row in zip(support, features.tolist(), strict=True)
                ]
                found = found - (rows * features.transpose()) * Balls.matrix(scaled)
            if pulls is not None:
                found = found - Balls.matrix(self._folded(outer[i], support, [eta * pulls[i][x] for x in support]))
            table += found.tolist()
        return Rows(Balls.matrix(table))

    def _flat(self, gates: list[list[arb]], xs: list[int]) -> arb_mat:
        """phi at the inputs xs as rows (|xs|, m d)."""
        inputs = self.problem.inputs.tolist()
        return Balls.matrix([[row[x] * v for row in gates for v in inputs[x]] for x in xs])

    def _folded(self, gates: list[list[arb]], xs: list[int], pulls: list[Number]) -> list[list[arb]]:
        """sum_x' pulls(x') d2f(x') phi(x) for x in xs (|xs|, m d): per neuron, its gate times a combination of xs."""
        inputs = self.problem.inputs.tolist()
        chosen = Balls.matrix([inputs[x] for x in xs])
        folds = Balls.matrix([[row[x] for x in xs] for row in self._folds])
        found = []
        for x, products in zip(xs, (chosen * chosen.transpose()).tolist(), strict=True):
            weighted = [[p * g * v for v in inputs[y]] for y, p, g in zip(xs, pulls, products, strict=True)]
            moved = (folds * Balls.matrix(weighted)).tolist()
            found.append([row[x] * v for row, move in zip(gates, moved, strict=True) for v in move])
        return found

    @cached_property
    def _features(self) -> Rows:
        return self._rows(self._outer, self._gates, self._bends, self._pulls)

    @cached_property
    def _meta_features(self) -> Matrix:
        return self._features.span.rows

    @cached_property
    def _whole_gradient(self) -> arb_mat:
        """grad L (m, d), by Taylor arithmetic."""
        return taylor.gradient(self.problem, self.laws)

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

    # --- margins and sizes --------------------------------------------------------------------------------

    @cached_property
    def margin_differentiability(self) -> arb:
        """Distance of the predictions from the joints of the loss; the network has no kinks."""
        if not self.margin_joints > 0 or not self.problem.loss.profile.kinked:
            return self.margin_joints
        return self.margin_joints.min(self._joint_margin(self._after))

    @cached_property
    def _row_sizes(self) -> list[float]:
        return [midpoint(norm(row)) for row in self.problem.inputs.tolist()]

    @cached_property
    def _stretches(self) -> list[float]:
        eta, sizes = abs(midpoint(self.problem.eta)), self._row_sizes
        return [
            1.0 + eta * sum((abs(midpoint(h)) + abs(midpoint(s))) * sizes[x] ** 2 for x, (h, s) in enumerate(pairs))
            for pairs in (zip(h, s, strict=True) for h, s in zip(self._bends, self._pulls, strict=True))
        ]
