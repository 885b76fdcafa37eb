"""Infima in the span of the meta-features, for supervised models with many parameters, at twice the precision."""

from __future__ import annotations

from typing import Any

from flint import arb, ctx

from ..arithmetic import Number
from ..balls.spanned import SpannedQuantities
from .core_quantities import FeatureQuantities

SPARE_BITS = 64


class SpanQuantities(FeatureQuantities, SpannedQuantities):
    """Core quantities in the span. `direction` gives coefficients of v in the meta-features [N]."""

    def __call__(self, name: str) -> Number:
        """The quantity of that name."""
        if name not in self._known:
            with ctx.workprec(2 * ctx.prec + SPARE_BITS):
                self._known[name] = super().__call__(name)
        return self._known[name]

    def _misfit_of(self, features: Any, target: list[Number] | None = None) -> arb:
        return self._span_misfit(features.span, self._u if target is None else target).value

    def _misfit_against(self, target: list[Number], masses: list[Number] | None = None, *, free: bool = False) -> arb:
        return self._span_misfit(self._features.span, target, masses, arb("inf") if free else None).value
