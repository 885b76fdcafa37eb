"""Infima in the span of the meta-features, for supervised models with many parameters, at twice the precision up to 256
bits, and at as many more beyond: a Gram matrix squares what makes features nearly dependent.
"""

from __future__ import annotations

from flint import ctx

from ..arithmetic import Number
from ..balls.spanned import SpannedQuantities
from .core_quantities import FeatureQuantities

SPARE_BITS, MORE = 64, 256


class SpanQuantities(FeatureQuantities, SpannedQuantities):
    """Core quantities in the span. `direction` gives coefficients of v in the meta-features [N]."""

    def __call__(self, name: str) -> Number:
        """The quantity of that name."""
        if name not in self._known:
            with ctx.workprec(ctx.prec + min(ctx.prec, MORE) + SPARE_BITS):
                self._known[name] = super().__call__(name)
        return self._known[name]
