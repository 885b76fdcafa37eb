"""The quantities of smooth networks for a whole batch in float64, by explicit features: written again, on purpose."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ..relu.batch import Array
from ..relu.batch_quantities import NetworkBatchQuantities


class SmoothBatchQuantities(NetworkBatchQuantities):
    """Quantities of a batch by name, each (B,): the errors of smooth networks."""

    @cached_property
    def misfit_no_fold(self) -> Array:
        rows = self._plain
        for _, phi, bends in reversed(self._steps):
            rows = self._bent(rows, phi, bends)
        return self._misfit(rows, self.u)[0]

    # --- error terms ----------------------------------------------------------------------------------------

    @cached_property
    def _curvature(self) -> Array:
        return self._sigma.curvature(self.m)

    def _displaced(self, weights: Array, curvature: Array) -> Array:
        """delta by the displacements of the neurons of W (B, t, m, d)."""
        moved = self._lengths(weights - self._start)[:, :, None]
        share = self.m.minimum(1.0, curvature * self._size[..., None] * moved)
        return self._size * (self._shrink * self._lengths(share))

    def _within(self, budgets: Array, shrink: Array) -> Array:
        """delta in balls of radii (B, t)."""
        return self._size * self.m.minimum(1.0, self._curvature * self._size * budgets[:, :, None] * shrink)

    def _by_displacements(self, curvature: Array, fold: Any) -> Array:
        return self._error([self._displaced(w, curvature) for w in self._path], fold * self._shrink)

    def _by_ball(self, shrink: Array) -> Array:
        return self._error([self._within(budget, shrink) for budget in self._budgets], self._curvature * shrink)

    @cached_property
    def error_pointwise(self) -> Array:
        return self._by_displacements(self._curvature, self._curvature)

    @cached_property
    def error_ball(self) -> Array:
        return self._by_ball(self._shrink)

    @cached_property
    def error_half_curvature(self) -> Array:
        return self._by_displacements(self._curvature / 2, self._curvature / 2)

    @cached_property
    def error_no_fold(self) -> Array:
        return self._by_displacements(self._curvature, 0.0)

    def _of_omega(self, change: Array) -> Array:
        return self._error([change] * len(self._path), self._curvature * self._shrink)

    @cached_property
    def error_own(self) -> Array:
        return self._of_omega(self._displaced(self._omega, self._curvature))

    @cached_property
    def error_ball_own(self) -> Array:
        return self._of_omega(self._within(self.displacement_init[:, None], self._shrink))

    @cached_property
    def error_ball_narrow(self) -> Array:
        return self._by_ball(self._shrink**2)

    @cached_property
    def linearisation_taylor(self) -> Array:
        reach = self._moved * self._size[:, 0, :, None]
        return self._over_points(self._shrink * self.m.minimum(reach, self._curvature * reach**2 / 2).sum(2))

    def _remainder(self, shrink: Array) -> Array:
        reach = self.displacement_init[:, None] * self._size[:, 0]
        return self._over_points(self.m.minimum(reach, self._curvature * reach**2 * shrink / 2))

    @cached_property
    def linearisation_ball(self) -> Array:
        return self._remainder(self._shrink)

    @cached_property
    def linearisation_ball_narrow(self) -> Array:
        return self._remainder(self._shrink**2)
