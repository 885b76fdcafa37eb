r"""What features at initialisation cost smooth networks: explicit error terms from displacements and sup |sigma''|.

||G_0|| - eps <= ||G_0 - G|| <= ||w|| E_op <= ||w|| E_2 <= ||w|| ||e||,  e by the neurons' displacements, or by B
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from flint import arb, arb_mat

from ..arithmetic import Balls, Number, norm, root, square
from .core_quantities import Rows, SmoothCore
from .layer import Neurons

Change = Callable[[int], arb]
"""A bound of ||phi_0(x) - phi(x)|| at the input x."""


class SmoothErrors(SmoothCore):
    """Features at initialisation, their errors, and the linearisation at W0."""

    @cached_property
    def _start_neurons(self) -> Neurons:
        """The network at W0."""
        return self.problem.neurons(self.problem.start)

    @cached_property
    def _initial(self) -> Rows:
        """phi_0 in both places; the linearised network has no second derivative."""
        return self._rows([self._start_neurons] * len(self.laws), self._start_neurons, self._bends, None)

    @cached_property
    def _difference(self) -> arb_mat | None:
        if self.instance.omega == self.instance.initial and self.instance.adaptation.eta == 0:
            return None
        rows = self._initial.table - self._features.table
        return rows * rows.transpose()

    # --- displacements ------------------------------------------------------------------------------------

    def _displacements(self, weights: arb_mat) -> list[arb]:
        """||V_r - W0_r|| [m]."""
        return [norm(row) for row in (weights - self.problem.start).tolist()]

    @cached_property
    def _own(self) -> list[arb]:
        return self._displacements(self.problem.omega)

    @cached_property
    def _moves(self) -> list[arb]:
        """||W_i - W|| = eta ||grad R_i(W)||, per task."""
        return [norm((at.weights - self.problem.omega).entries()) for at in self._adapted]

    @cached_property
    def _sizes(self) -> list[arb]:
        return [norm(row) for row in self.problem.inputs.tolist()]

    @cached_property
    def _curvature(self) -> arb:
        """c2 = sup |sigma''|."""
        return self.problem.sigma.curvature(Balls)

    @property
    def _shrink(self) -> arb:
        return 1 / root(arb(self.instance.width))

    def _displaced(self, moved: list[arb], curvature: arb) -> Change:
        """delta by the displacements of the neurons."""

        def change(x: int) -> arb:
            slope = curvature * self._sizes[x]
            total = self._sum(square((slope * d).min(arb(1))) for d in moved)
            return self._sizes[x] * self._shrink * root(total)

        return change

    def _within(self, budget: arb, shrink: arb) -> Change:
        """delta in the ball of that radius."""
        return lambda x: self._sizes[x] * (self._curvature * self._sizes[x] * budget * shrink).min(arb(1))

    # --- pointwise errors ---------------------------------------------------------------------------------

    def _pointwise(self, inner: Change, outer: list[Change], fold: arb) -> arb:
        """||e|| for the changes of the features of W and of every W_i; fold bounds ||d2f(x)||/||x||^2."""
        rate, sizes = Balls.magnitude(self.problem.eta), self._sizes
        changes = [inner(x) for x in range(len(sizes))]
        found = []
        for i, law in enumerate(self.laws):
            bends = {x: rate * Balls.magnitude(self._bends[i][x]) for x in law.rho}
            total = self._sum(bends[x] * square(sizes[x]) for x in law.rho)
            stretch = (total - 1).max(arb(1)) if self.problem.eta >= 0 else 1 + total
            moved = self._sum(
                2 * bends[x] * sizes[x] * changes[x]
                + fold * rate * Balls.magnitude(self._pulls[i][x]) * square(sizes[x])
                for x in law.rho
            )
            found += [(law.weight * mass, stretch * outer[i](x) + sizes[x] * moved) for x, mass in law.rho.items()]
        return self._root_sum(found)

    def _by_displacements(self, curvature: arb) -> arb:
        outer = [self._displaced(self._displacements(at.weights), curvature) for at in self._adapted]
        return self._pointwise(self._displaced(self._own, curvature), outer, curvature * self._shrink)

    def _by_ball(self, shrink: arb) -> arb:
        own = self.displacement_init
        outer = [self._within(own + move, shrink) for move in self._moves]
        return self._pointwise(self._within(own, shrink), outer, self._curvature * shrink)

    @cached_property
    def error_pointwise(self) -> arb:
        return self._by_displacements(self._curvature)

    @cached_property
    def error_ball(self) -> arb:
        return self._by_ball(self._shrink)

    # --- the linearisation at W0 --------------------------------------------------------------------------

    @cached_property
    def linearisation(self) -> arb:
        """f(x; W) - f(x; W0) - phi_0(x)'(W - W0), over the neurons that moved."""
        return self._over_points(self._linear_errors)

    @cached_property
    def _linear_errors(self) -> list[Number]:
        here, start = self._here, self._start_neurons
        moves, count = here.drives - start.drives, len(here.xs)
        output, changes = self.problem.output, (here.activated - start.activated).tolist()
        moved = (self.instance.omega.floats != self.instance.initial.floats).any(1)
        odd = {r for weights in (self.instance.omega, self.instance.initial) for r, _ in weights.odd}
        total = [arb(0)] * count
        for r, (b, change, gates, move) in enumerate(
            zip(output, changes, start.gates.tolist(), moves.tolist(), strict=True)
        ):
            if moved[r] or r in odd:
                total = [e + b * c - g * t for e, c, g, t in zip(total, change, gates, move, strict=True)]
        return total

    @cached_property
    def linearisation_taylor(self) -> arb:
        """m^{-1/2} sum_r min(d_r ||x||, c2 d_r^2 ||x||^2/2)."""
        remainders = []
        for size in self._sizes:
            reaches = [d * size for d in self._own]
            total = self._sum(t.min(self._curvature * square(t) / 2) for t in reaches)
            remainders.append(self._shrink * total)
        return self._over_points(remainders)

    def _remainder(self, narrow: arb) -> arb:
        reaches = [self.displacement_init * size for size in self._sizes]
        return self._over_points([t.min(self._curvature * square(t) * narrow / 2) for t in reaches])

    @cached_property
    def linearisation_ball(self) -> arb:
        """min(B ||x||, c2 B^2 ||x||^2/(2 sqrt m))."""
        return self._remainder(self._shrink)

    # --- what wrong theorems use instead --------------------------------------------------------------------

    @cached_property
    def error_half_curvature(self) -> arb:
        return self._by_displacements(self._curvature / 2)

    @cached_property
    def error_no_fold(self) -> arb:
        outer = [self._displaced(self._displacements(at.weights), self._curvature) for at in self._adapted]
        return self._pointwise(self._displaced(self._own, self._curvature), outer, arb(0))

    @cached_property
    def error_own(self) -> arb:
        own = self._displaced(self._own, self._curvature)
        return self._pointwise(own, [own] * len(self.laws), self._curvature * self._shrink)

    @cached_property
    def error_ball_own(self) -> arb:
        own = self._within(self.displacement_init, self._shrink)
        return self._pointwise(own, [own] * len(self.laws), self._curvature * self._shrink)

    @cached_property
    def error_ball_narrow(self) -> arb:
        return self._by_ball(square(self._shrink))

    @cached_property
    def linearisation_ball_narrow(self) -> arb:
        return self._remainder(square(self._shrink))
