"""Core quantities in the span of the meta-features, for models with many parameters: coordinates from a Gram matrix.

Directions v of the bound lie in that span (the rest changes nothing but ||v||), so a model of any width has as many
coordinates as there are lifted points.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

from flint import arb

from ..arithmetic import Balls, Matrix, Number, Rationals, exact_floats, root, square
from ..instances import Vector
from .core import CoreQuantities
from .infimum import Infimum, misfit, misfit_l1
from .span import Span


class SpannedQuantities(CoreQuantities):
    """Core quantities in the span. `direction` gives coefficients of v in the meta-features [N]."""

    @property
    @abstractmethod
    def _features(self) -> Any:
        """The meta-features: `span`, `gram`, `pairings(vector)`, `paired(weights)`."""

    @property
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

    @cached_property
    def eps(self) -> arb:
        return self._whole_gradient.length

    @cached_property
    def chain_rule_defect(self) -> Number:
        return self._whole_gradient.plus(self._features.paired(self._weighted), -1).length

    # --- infima in the span -----------------------------------------------------------------------------

    def _span_misfit(
        self, at: Span, target: list[arb], masses: list[arb] | None = None, radius: arb | None = None
    ) -> Infimum:
        """The infimum over the ball; radius None: the instance's; infinite: no constraint."""
        self._balls_only("an infimum")
        weights = self._masses if masses is None else masses
        size = self.radius if radius is None else radius
        free = not size.is_finite()
        found = misfit(at.rows, target, weights, None if free else size)
        if free:
            return found
        spare = size * self._root_sum(zip(weights, at.slack, strict=True))
        low = arb((found.value - spare).lower()).max(arb(0))
        return Infimum(low.union(found.value), found.direction)

    @cached_property
    def _lifted(self) -> Infimum:
        return self._span_misfit(self._features.span, self._u)

    @cached_property
    def misfit_l1(self) -> arb:
        self._balls_only("an infimum")
        target = [w * u for w, u in zip(self._weighted, self._u, strict=True)]
        at = self._features.span
        value = misfit_l1(self.eps, self._scaled(at.rows, self._weighted), target).value
        spare = self._sum(Balls.magnitude(w) * s for w, s in zip(self._weighted, at.slack, strict=True))
        if spare.is_zero():
            return value
        # What sticks out lowers the value by at most spare per length: F >= sqrt(1 - (spare/eps)^2) F_coordinates.
        share = root(1 - square(spare / self.eps)) if self.eps > spare else arb(0)
        return arb((value * share).lower()).max(arb(0)).union(value)

    # --- the direction of the identity ----------------------------------------------------------------

    @cached_property
    def along(self) -> list[Number]:
        if self._direction is None:
            self._balls_only("the direction of an infimum")
            return self._lifted.direction.entries()
        given = [self.m.number(v) for v in self._direction]
        return given if self.m is Rationals else self._pulled_coefficients(given)

    def _pulled_coefficients(self, coefficients: list[Number]) -> list[Number]:
        column = self.m.matrix([[c] for c in coefficients])
        return (self._features.span.rows.transpose() * column).entries()

    @cached_property
    def exact_direction(self) -> Vector:
        """Coefficients of v in the meta-features, rounded to float64."""
        found = self._features.span.coefficients(self.along)
        return exact_floats(found)

    def rounding(self, name: str) -> float:
        """What a float64 evaluation of the quantity may differ by: relative to the sums behind it."""
        value = self(name)
        return float(value.rad()) + 2.0**-44 * float(self.scale(name) + value.abs_upper())
