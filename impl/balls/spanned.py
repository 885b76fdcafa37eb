"""Core quantities in the span of the meta-features, for models with many parameters: coordinates from a Gram matrix.

Directions v of the bound lie in that span (the rest changes nothing but ||v||), so a model of any width has as many
coordinates as there are lifted points. Features have a `span`, a `gram`, `pairings(vector)` and `paired(weights)`.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

from flint import arb

from ..arithmetic import Balls, Matrix, Number, Rationals, root, square
from .core import CoreQuantities
from .infimum import Infimum


class SpannedQuantities(CoreQuantities):
    """Core quantities in the span. `direction` gives coefficients of v in the meta-features [N]."""

    @cached_property
    @abstractmethod
    def _whole_gradient(self) -> Any:
        """grad L, by a route of its own: `length`, `plus(vector, factor)`."""

    @cached_property
    def _meta_features(self) -> Matrix:
        """Coordinates (N, r) in the span; in rationals the Gram matrix, so that directions are coefficients."""
        return self._features.span.rows if self.m is Balls else self._features.gram

    @cached_property
    def _gradient(self) -> list[Number]:
        """grad L's part in the span, in the coordinates of the meta-features."""
        pairings = self._features.pairings(self._whole_gradient)
        return self._features.span.coordinates(pairings) if self.m is Balls else pairings

    # --- infima in the span -----------------------------------------------------------------------------

    def _misfit(
        self,
        features: Any,
        target: list[Number] | None = None,
        masses: list[Number] | None = None,
        radius: arb | None = None,
    ) -> Infimum:
        at = features.span
        found = super()._misfit(at.rows, target, masses, radius)
        size = self.radius if radius is None else radius
        if not size.is_finite():
            return found
        spare = size * self._root_sum(zip(self._masses if masses is None else masses, at.slack, strict=True))
        low = arb((found.value - spare).lower()).max(arb(0))
        return Infimum(low.union(found.value), found.direction)

    def _l1(self, rows: Matrix, target: list[arb]) -> arb:
        value = super()._l1(rows, target)
        slack = self._features.span.slack
        spare = self._sum(Balls.magnitude(w) * s for w, s in zip(self._weighted, slack, strict=True))
        if spare.is_zero():
            return value
        # What sticks out lowers the value by at most spare per length: F >= sqrt(1 - (spare/eps)^2) F_coordinates.
        share = root(1 - square(spare / self.eps)) if self.eps > spare else arb(0)
        return arb((value * share).lower()).max(arb(0)).union(value)

    # --- the direction of the identity, given by coefficients in the meta-features [N] ------------------

    def _placed(self, given: list[Number]) -> list[Number]:
        if self.m is Rationals:
            return given
        return (self._features.span.rows.transpose() * self.m.matrix([[c] for c in given])).entries()

    def _given(self, along: list[Number]) -> list[Number]:
        return self._features.span.coefficients(along)

    def rounding(self, name: str) -> float:
        """What a float64 evaluation of the quantity may differ by: relative to the sums behind it."""
        value = self(name)
        return float(value.rad()) + 2.0**-44 * float(self.scale(name) + value.abs_upper())
