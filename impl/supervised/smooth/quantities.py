"""The quantities of the claims on smooth networks: first order, the ball around W0, what wrong theorems use instead."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from flint import arb

from ...arithmetic import Number
from .core_quantities import Rows
from .errors import SmoothErrors


class SmoothQuantities(SmoothErrors):
    """Everything that the claims on smooth networks, their assumptions and their mutants name. In balls only."""

    @cached_property
    def _plain(self) -> Rows:
        return self._rows(self._adapted, [[] for _ in self.laws])

    @cached_property
    def _from_start(self) -> list[Number]:
        column = (self.problem.omega - self.problem.start).entries()
        return (self._features.table * self.m.matrix([[v] for v in column])).entries()

    @cached_property
    def _gradient_from_start(self) -> Number:
        moves = (self.problem.omega - self.problem.start).entries()
        return self._sum(g * v for g, v in zip(self._whole_gradient.entries(), moves, strict=True))

    def _misfit_of(self, rows: Rows) -> arb:
        return self._span_misfit(rows.span, self._u).value

    @cached_property
    def eps_directional(self) -> arb:
        """max(0, -L'(W; 1), -L'(W; -1)) for one parameter: 0 where no direction leads down."""
        return self.eps_left.max(-self.eps_right).max(arb(0))

    @cached_property
    def eps_projected_directional(self) -> arb:
        """The largest rate at which L falls from W towards a network of the ball, for one parameter."""
        moved = (self.problem.omega - self.problem.start).entries()[0]
        return (self.eps_left * (self.radius + moved)).max(-self.eps_right * (self.radius - moved)).max(arb(0))

    # --- what wrong theorems use instead ------------------------------------------------------------------

    @cached_property
    def misfit_no_fold(self) -> arb:
        """The Hessians without ell' d2f: those of a network that is linear in W."""
        return self._misfit_of(self._rows(self._adapted, [[replace(s, pulls=None) for s in p] for p in self._steps]))

    @cached_property
    def misfit_curvature_adapted(self) -> arb:
        """ell'' at the predictions that the steps lead to, not at those that they start from."""
        bends = self._curvatures([[at.predictions for at in path[1:]] for path in self._paths])
        steps = [
            [replace(step, bends=bend) for step, bend in zip(*pair, strict=True)]
            for pair in zip(self._steps, bends, strict=True)
        ]
        return self._misfit_of(self._rows(self._adapted, steps))

    @cached_property
    def misfit_outer_unadapted(self) -> arb:
        return self._misfit_of(self._rows([self._here] * len(self.laws), self._steps))

    @cached_property
    def misfit_reversed(self) -> arb:
        return self._misfit_of(self._rows(self._adapted, [steps[::-1] for steps in self._steps]))

    @cached_property
    def misfit_frozen(self) -> arb:
        """W's own factor for every step."""
        return self._misfit_of(self._rows(self._adapted, [steps[:1] * len(steps) for steps in self._steps]))

    @cached_property
    def misfit_one_missing(self) -> arb:
        """Without the last step's factor."""
        return self._misfit_of(self._rows(self._adapted, [steps[:-1] for steps in self._steps]))
