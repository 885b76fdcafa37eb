"""The quantities of meta-RL with smooth network policies, in balls: those of network policies, errors by displacement.

||phi_0(x) - phi_W(x)||^2 = ||x||^2 sum_r (sigma'(W0_r'x) - sigma'(W_r'x))^2/m, and |sigma'(s) - sigma'(t)| is at most
min(1, c |s - t|) with c = sup |sigma''|.
"""

from __future__ import annotations

from functools import cached_property

from flint import arb, fmpq

from ...arithmetic import Balls, Matrix, Number, norm, root
from ...instances import Instance, Vector
from ...models.dependence import dimensions, formal_features
from ...models.smooth_coordinates import Coordinates, Gates, coordinates
from ..relu.neural import Features
from ..relu.rank import PolicyRankQuantities
from .instance import SmoothPolicyInstance
from .problem import SmoothPolicyProblem


class MetaRLSmoothNetworkQuantities(PolicyRankQuantities):
    """Everything that the claims of smooth network policies, their assumptions and their mutants name. Balls only."""

    instance: SmoothPolicyInstance
    problem: SmoothPolicyProblem

    def __call__(self, name: str) -> Number:
        """The quantity of that name."""
        self._balls_only("a smooth activation")
        return super().__call__(name)

    def _posed(self) -> SmoothPolicyProblem:
        return SmoothPolicyProblem(self.instance)

    @classmethod
    def exact(cls, instance: Instance, direction: Vector | None = None) -> None:
        return None

    # --- features ---------------------------------------------------------------------------------------------

    @property
    def _coordinates(self) -> Coordinates:
        return self.problem.coordinates

    def _with_gates(self, gates: Gates) -> Features:
        at = coordinates(self.problem, gates)
        (table,) = at.tables
        return Features(self._meta_of(table, table), at)

    def _start_and_own(self) -> tuple[Matrix, Matrix]:
        start, own = coordinates(self.problem, self.problem.start_gates, self.problem.own_gates).tables
        return start, own

    @cached_property
    def _initial(self) -> Features:
        return self._with_gates(self.problem.start_gates)

    @cached_property
    def _change(self) -> Features:
        pairs = zip(self.problem.start_gates, self.problem.own_gates, strict=True)
        return self._with_gates([[a - b for a, b in zip(*rows, strict=True)] for rows in pairs])

    def _formal(self) -> list[list[fmpq]]:
        return formal_features(self._inputs, odd=self.problem.sigma.odd)

    @property
    def _inputs(self) -> list[Vector]:
        """x [SA]."""
        return [row for rows in self.instance.features for row in rows]

    def _certainly_dependent(self) -> bool:
        count, states = self.problem.actions, {s for own in self._choices for s in own}
        inputs = [self._inputs[s * count + a] for s in sorted(states) for a in range(count)]
        few = self._count > dimensions(inputs, self.instance.omega, self.instance.signs)
        return few or super()._certainly_dependent()

    # --- the error of features at initialisation --------------------------------------------------------------

    @cached_property
    def _lengths(self) -> list[arb]:
        """||x|| [SA]."""
        return [norm(row) for row in self.problem.inputs.tolist()]

    @cached_property
    def _moves(self) -> list[arb]:
        """||W_r - W0_r|| [m]."""
        change = self.problem.matrix(self.instance.omega) - self.problem.matrix(self.instance.initial)
        return [norm(row) for row in change.tolist()]

    @property
    def _bend(self) -> arb:
        """sup |sigma''|."""
        return self.problem.sigma.curvature(Balls)

    def _displaced(self, bend: arb, share: arb, *, lookahead: bool = True) -> arb:
        """||e|| with ||phi_0 - phi_W|| <= ||x|| (share sum_r min(1, bend ||x|| ||W_r - W0_r||)^2)^{1/2}."""
        delta = []
        for size in self._lengths:
            changes = [(bend * size * move).min(arb(1)) for move in self._moves]
            delta.append(size * root(share * sum((c * c for c in changes), start=arb(0))))
        return self._propagated(delta, lookahead=lookahead)

    @property
    def _share(self) -> arb:
        return arb(fmpq(1, self.instance.width))

    @cached_property
    def error_pointwise(self) -> arb:
        return self._displaced(self._bend, self._share)

    def _spread(self, share: arb) -> arb:
        """||e|| with ||phi_0 - phi_W|| <= ||x|| min(1, c ||x|| B share), B = ||W - W0||."""
        reach = self._bend * self.displacement_init * share
        return self._propagated([size * (reach * size).min(arb(1)) for size in self._lengths])

    @cached_property
    def error_ball(self) -> arb:
        return self._spread(root(self._share))

    # --- what wrong theorems use instead ----------------------------------------------------------------------

    @cached_property
    def error_pointwise_outer(self) -> arb:
        """The pointwise error without the look-ahead's part."""
        return self._displaced(self._bend, self._share, lookahead=False)

    @cached_property
    def error_half_curvature(self) -> arb:
        """With half of sup |sigma''|."""
        return self._displaced(self._bend / 2, self._share)

    @cached_property
    def error_ball_narrow(self) -> arb:
        """B/m for B/m^{1/2}."""
        return self._spread(self._share)

    @property
    def eps_formal(self) -> Number:
        return self.eps
