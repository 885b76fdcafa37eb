r"""The quantities of smooth networks: meta-features as rows of R^{md}, infima in their span.

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
from ..network.span_quantities import SpanQuantities
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


class SmoothQuantities(SpanQuantities):
    """Everything that the claims on smooth networks, their assumptions and their mutants name. In balls only."""

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
        """The drives of the adapted networks (m, k), per task."""
        return [self.problem.drives(self.problem.adapted(law, weights)) for law in self.laws]

    @cached_property
    def _after_drives(self) -> list[arb_mat]:
        return self._adapt(self.problem.omega)

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
        return [self.problem.predictions(drives) for drives in self._adapt(self._rival)]

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
        inputs, eta = self.problem.inputs, self.problem.eta
        table = []
        for i, x, _ in self._points:
            row = arb_mat([[gates[x] * inputs[x, j] for j in range(inputs.ncols())] for gates in outer[i]])
            found = row
            drive = row * inputs.transpose()
            if inner is not None and bends is not None:
                pairings = [_paired(inner, drive, z) for z in range(inputs.nrows())]
                found = found - self.problem.pulled(
                    inner, [eta * h * g for h, g in zip(bends[i], pairings, strict=True)]
                )
            if pulls is not None:
                weights = [eta * s for s in pulls[i]]
                folded = [
                    [s * c * v for s, c, v in zip(weights, folds, values, strict=True)]
                    for folds, values in zip(self._folds, drive.tolist(), strict=True)
                ]
                found = found - arb_mat(folded) * inputs
            table.append(found.entries())
        return Rows(arb_mat(table))

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

    @cached_property
    def eps(self) -> arb:
        return norm(self._whole_gradient.entries())

    @cached_property
    def chain_rule_defect(self) -> Number:
        pairs = zip(self._whole_gradient.entries(), self._pulled(self._features.table), strict=True)
        return norm([a - b for a, b in pairs])

    # --- first order, initialisation --------------------------------------------------------------------

    def _norm_of(self, rows: Rows) -> arb:
        return norm(self._pulled(rows.table))

    @cached_property
    def _plain(self) -> Rows:
        return self._rows(self._outer, None, None, None)

    @cached_property
    def eps_first_order(self) -> arb:
        return self._norm_of(self._plain)

    @cached_property
    def misfit_plain(self) -> arb:
        return self._misfit_of(self._plain)

    @cached_property
    def _initial(self) -> Rows:
        """phi_0 in both places; the linearised network has no second derivative."""
        return self._rows([self._start_gates] * len(self.laws), self._start_gates, self._bends, None)

    @cached_property
    def eps_init(self) -> arb:
        return self._norm_of(self._initial)

    @cached_property
    def misfit_init(self) -> arb:
        return self._misfit_of(self._initial)

    def _misfit_of(self, rows: Rows) -> arb:
        return self._span_misfit(rows.span, self._u).value

    # --- margins and sizes --------------------------------------------------------------------------------

    @cached_property
    def margin_differentiability(self) -> arb:
        """Distance of the predictions from the joints of the loss; the network has no kinks."""
        loss, margin = self.problem.loss, arb(1)
        inner = [self._before] * len(self.laws) if self.instance.adaptation.eta != 0 else []
        outer = self._after if loss.profile.kinked else []
        for predictions in (inner, outer):
            for law, z in zip(self.laws, predictions, strict=False):
                for x, y, _ in law.atoms:
                    distance = loss.joint_distance(z[x], y)
                    margin = margin if distance is None else margin.min(distance)
        return margin

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

    # --- what wrong theorems use instead ------------------------------------------------------------------

    @cached_property
    def misfit_no_fold(self) -> arb:
        """The Hessian without ell' d2f: that of a network that is linear in W."""
        return self._misfit_of(self._rows(self._outer, self._gates, self._bends, None))

    @cached_property
    def misfit_curvature_adapted(self) -> arb:
        return self._misfit_of(self._rows(self._outer, self._gates, self._curvatures(self._after), self._pulls))

    @cached_property
    def misfit_outer_unadapted(self) -> arb:
        return self._misfit_of(self._rows([self._gates] * len(self.laws), self._gates, self._bends, self._pulls))


def _paired(gates: list[list[arb]], drive: arb_mat, x: int) -> arb:
    """<phi(x), V> for gates of phi and the drives V x' (m, k) of a matrix V."""
    return sum((row[x] * drive[r, x] for r, row in enumerate(gates)), start=arb(0))
