"""What features at initialisation cost smooth networks: error terms from displacements and sup |sigma''|."""

from __future__ import annotations

from functools import cache, cached_property

from flint import arb

from ...arithmetic import Balls, Number, norm, square
from ...models.changes import by_moves, in_ball, moves
from ..errors import Change, ErrorQuantities
from .problem import SmoothProblem


class SmoothErrors(ErrorQuantities):
    """Errors by the neurons' displacements or by B, and the linearisation at W0."""

    problem: SmoothProblem

    @cached_property
    def _still(self) -> bool:
        return self.instance.omega == self.instance.initial and self.instance.adaptation.eta == 0

    # --- displacements ------------------------------------------------------------------------------------

    @cached_property
    def _own(self) -> list[arb]:
        return moves(self.problem.omega.weights, self.problem.start.weights)

    @cached_property
    def _path_displacements(self) -> list[list[list[arb]]]:
        """||W^(k)_r - W0_r|| [m] at the iterates, per task."""
        start = self.problem.start.weights
        return [[self._own, *(moves(at.weights, start) for at in path[1:])] for path in self._paths]

    @cached_property
    def _moves(self) -> list[list[arb]]:
        """||W^(k) - W|| at the iterates, per task."""
        omega = self.problem.omega.weights
        return [[arb(0), *(norm((at.weights - omega).entries()) for at in path[1:])] for path in self._paths]

    @cached_property
    def _curvature(self) -> arb:
        """c2 = sup |sigma''|."""
        return self.problem.sigma.curvature(Balls)

    def _displaced(self, moved: list[arb], curvature: arb) -> Change:
        """delta by the displacements of the neurons."""
        return cache(lambda x: by_moves(self._row_sizes[x], moved, curvature, self._shrink))

    def _within(self, budget: arb, shrink: arb) -> Change:
        """delta in the ball of that radius."""
        return lambda x: in_ball(self._row_sizes[x], budget, self._curvature, shrink)

    # --- pointwise errors ---------------------------------------------------------------------------------

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
    def _linear_errors(self) -> list[Number]:
        here, start = self.problem.omega, self.problem.start
        places, rows = here.places, zip(*self.problem.output, strict=True)
        moves, changes = here.drives - start.drives, (here.activated - start.activated).tolist()
        moved = (self.instance.omega.floats != self.instance.initial.floats).any(1)
        odd = {r for weights in (self.instance.omega, self.instance.initial) for r, _ in weights.odd}
        total = [arb(0)] * len(places)
        for r, (signs, change, gates, move) in enumerate(
            zip(rows, changes, start.gates.tolist(), moves.tolist(), strict=True)
        ):
            if moved[r] or r in odd:
                parts = ((b * c, t) for c, t in zip(change, move, strict=True) for b in signs)
                total = [e + c - g * t for e, g, (c, t) in zip(total, gates, parts, strict=True)]
        return total

    @cached_property
    def linearisation_taylor(self) -> arb:
        """m^{-1/2} sum_r min(d_r ||x||, c2 d_r^2 ||x||^2/2)."""
        remainders = []
        for size in self._row_sizes:
            reaches = [d * size for d in self._own]
            total = self._sum(t.min(self._curvature * square(t) / 2) for t in reaches)
            remainders.append(self._shrink * total)
        return self._over_points(remainders)

    def _remainder(self, narrow: arb) -> arb:
        reaches = [self.displacement_init * size for size in self._row_sizes]
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
