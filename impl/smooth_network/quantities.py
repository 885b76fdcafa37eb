"""The quantities of the claims on smooth networks: first order, the ball around W0, what wrong theorems use instead."""

from __future__ import annotations

from functools import cached_property

from flint import arb

from ..arithmetic import Number
from .core_quantities import Rows
from .errors import SmoothErrors


class SmoothQuantities(SmoothErrors):
    """Everything that the claims on smooth networks, their assumptions and their mutants name. In balls only."""

    @cached_property
    def _plain(self) -> Rows:
        return self._rows(self._adapted, None, None, None)

    @cached_property
    def _from_start(self) -> list[Number]:
        column = (self.problem.omega - self.problem.start).entries()
        return (self._features.table * self.m.matrix([[v] for v in column])).entries()

    def _misfit_of(self, rows: Rows) -> arb:
        return self._span_misfit(rows.span, self._u).value

    # --- what wrong theorems use instead ------------------------------------------------------------------

    @cached_property
    def misfit_no_fold(self) -> arb:
        """The Hessian without ell' d2f: that of a network that is linear in W."""
        return self._misfit_of(self._rows(self._adapted, self._here, self._bends, None))

    @cached_property
    def misfit_curvature_adapted(self) -> arb:
        return self._misfit_of(self._rows(self._adapted, self._here, self._curvatures(self._after), self._pulls))

    @cached_property
    def misfit_outer_unadapted(self) -> arb:
        return self._misfit_of(self._rows([self._here] * len(self.laws), self._here, self._bends, self._pulls))
