r"""What features at initialisation cost smooth networks: explicit error terms from displacements and sup |sigma''|.

||G_0|| - eps <= ||G_0 - G|| <= ||w|| E_op <= ||w|| E_2 <= ||w|| ||e||,  e by the neurons' displacements, or by B
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property

from flint import arb, arb_mat

from ...arithmetic import Balls, Number, norm, root, square
from ...models.smooth import Neurons
from .core_quantities import Rows, SmoothCore, Step

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
        """phi_0 in all places; the linearised network has no second derivative."""
        steps = [[Step(self._start_neurons, bends, None) for bends in path] for path in self._bends]
        return self._rows([self._start_neurons] * len(self.laws), steps)

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
    def _path_displacements(self) -> list[list[list[arb]]]:
        """||W^(k)_r - W0_r|| [m] at the iterates, per task."""
        return [[self._own, *(self._displacements(at.weights) for at in path[1:])] for path in self._paths]

    @cached_property
    def _moves(self) -> list[list[arb]]:
        """||W^(k) - W|| at the iterates, per task."""
        omega = self.problem.omega
        return [[arb(0), *(norm((at.weights - omega).entries()) for at in path[1:])] for path in self._paths]

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

        @cache
        def change(x: int) -> arb:
            slope = curvature * self._sizes[x]
            total = self._sum(square((slope * d).min(arb(1))) for d in moved)
            return self._sizes[x] * self._shrink * root(total)

        return change

    def _within(self, budget: arb, shrink: arb) -> Change:
        """delta in the ball of that radius."""
        return lambda x: self._sizes[x] * (self._curvature * self._sizes[x] * budget * shrink).min(arb(1))

    # --- pointwise errors ---------------------------------------------------------------------------------

    def _pointwise(self, changes: list[list[Change]], fold: arb) -> arb:
        """||e|| for the changes of the features of every iterate; fold bounds ||d2f(x)||/||x||^2.

        e = (prod_k kap_k) delta_K + ||x|| sum_k (prod_{j < k} kap_j) g_k prod_{j > k} (kap_j + f_j), g_k how far the
        factors of step k are apart, f_k what the second derivative adds to their norms.
        """
        rate, sizes = Balls.magnitude(self.problem.eta), self._sizes
        found = []
        for law, (*inner, outer), bends, pulls in zip(self.laws, changes, self._bends, self._pulls, strict=True):
            stretch, moved = arb(1), arb(0)
            for change, bend, pull in zip(inner, bends, pulls, strict=True):
                bent = {x: rate * Balls.magnitude(bend[x]) for x in law.rho}
                total = self._sum(bent[x] * square(sizes[x]) for x in law.rho)
                own = (total - 1).max(arb(1)) if self.problem.eta >= 0 else 1 + total
                folded = self._sum(fold * rate * Balls.magnitude(pull[x]) * square(sizes[x]) for x in law.rho)
                apart = self._sum(2 * bent[x] * sizes[x] * change(x) for x in law.rho) + folded
                stretch, moved = stretch * own, moved * (own + folded) + stretch * apart
            found += [(law.weight * mass, stretch * outer(x) + sizes[x] * moved) for x, mass in law.rho.items()]
        return self._root_sum(found)

    def _by_displacements(self, curvature: arb, fold: arb) -> arb:
        own = self._displaced(self._own, curvature)
        changes = [[own, *(self._displaced(d, curvature) for d in path[1:])] for path in self._path_displacements]
        return self._pointwise(changes, fold * self._shrink)

    def _by_ball(self, shrink: arb) -> arb:
        own = self.displacement_init
        changes = [[self._within(own + move, shrink) for move in moves] for moves in self._moves]
        return self._pointwise(changes, self._curvature * shrink)

    @cached_property
    def error_pointwise(self) -> arb:
        return self._by_displacements(self._curvature, self._curvature)

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
        return self._by_displacements(self._curvature / 2, self._curvature / 2)

    @cached_property
    def error_no_fold(self) -> arb:
        return self._by_displacements(self._curvature, arb(0))

    def _of_omega(self, change: Change) -> arb:
        """W's own change for that of every iterate."""
        changes = [[change] * len(path) for path in self._paths]
        return self._pointwise(changes, self._curvature * self._shrink)

    @cached_property
    def error_own(self) -> arb:
        return self._of_omega(self._displaced(self._own, self._curvature))

    @cached_property
    def error_ball_own(self) -> arb:
        return self._of_omega(self._within(self.displacement_init, self._shrink))

    @cached_property
    def error_ball_narrow(self) -> arb:
        return self._by_ball(square(self._shrink))

    @cached_property
    def linearisation_ball_narrow(self) -> arb:
        return self._remainder(square(self._shrink))
