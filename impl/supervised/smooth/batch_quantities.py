"""The quantities of smooth networks for a whole batch in float64, by explicit features: written again, on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ...arithmetic import Floats
from ...models.activation import ACTIVATIONS
from ..relu.batch import Array, NetworkBatch
from ..relu.batch_quantities import NetworkBatchQuantities


class SmoothBatchQuantities(NetworkBatchQuantities):
    """Quantities of a batch by name, each (B,)."""

    def __init__(self, batch: NetworkBatch) -> None:
        super().__init__(batch)
        assert batch.activation is not None
        self._sigma = ACTIVATIONS[batch.activation]

    def _gates(self, weights: Array) -> Array:
        return self._sigma.d1(Floats, self._drive(weights))

    def _network(self, weights: Array) -> Array:
        scaled = (self._shrink * self.batch.signs)[:, None, None]
        return (self._sigma.value(Floats, self._drive(weights)) * scaled).sum(3)

    def _folded(self, outer: Array, step: int) -> Array:
        """eta E[ell' d2f] outer (B, n, k, D), at the iterate and the predictions that the step starts from."""
        n, k, _, m, d = self.batch.shape
        pulls = self.batch.rate[:, None, None] * self._summed(1, self._on_the_way[step])
        output = (self._shrink * self.batch.signs)[:, None, None]
        scaled = self._sigma.d2(Floats, self._drive(self._iterates[step])) * output
        weights = (pulls[..., None] * scaled).transpose(0, 1, 3, 2)
        inputs = self.features[:, None, None]
        blocks = (weights[..., None, :] * inputs.transpose(0, 1, 2, 4, 3)) @ inputs
        rows = outer.reshape(-1, n, k, m, d).transpose(0, 1, 3, 2, 4)
        return (rows @ blocks).transpose(0, 1, 3, 2, 4).reshape(outer.shape)

    def _factor(self, rows: Array, k: int, phi: Array, z: Array) -> Array:
        return super()._factor(rows, k, phi, z) - self._folded(rows, k)

    @cached_property
    def misfit_no_fold(self) -> Array:
        rows = self._phi_after
        for _, phi, z in reversed(self._steps):
            rows = self._bent(rows, phi, z)
        return self._misfit(rows, self.u)[0]

    # --- error terms ----------------------------------------------------------------------------------------

    @cached_property
    def _size(self) -> Array:
        """||x|| (B, 1, k)."""
        return np.sqrt((self.features**2).sum(2))[:, None]

    @cached_property
    def _curvature(self) -> float:
        return float(self._sigma.curvature(Floats))

    def _error(self, changes: Sequence[Array], fold: float) -> Array:
        """||e|| for changes of the features of the iterates (B, 1 or n, k); fold bounds ||d2f(x)||/||x||^2."""
        rate, size = self.batch.rate[:, None, None], self._size
        stretch, moved = np.ones(self.mass.shape[:2]), np.zeros(self.mass.shape[:2])
        for z, change in zip(self._on_the_way, changes, strict=False):
            bends = np.abs(rate * self._summed(2, z))
            total = (bends * size**2).sum(2)
            own = np.where(rate[..., 0] >= 0, np.maximum(1.0, total - 1), 1 + total)
            bent = (fold * np.abs(rate * self._summed(1, z)) * size**2).sum(2)
            apart = (2 * bends * size * change).sum(2) + bent
            moved = moved * (own + bent) + stretch * apart
            stretch = stretch * own
        error = stretch[..., None] * changes[-1] + size * moved[..., None]
        return np.sqrt((self.mass * error**2).sum((1, 2)))

    def _displaced(self, weights: Array, curvature: float) -> Array:
        """delta by the displacements of the neurons of W (B, t, m, d)."""
        moved = np.sqrt(((weights - self._start) ** 2).sum(3))[:, :, None]
        share = np.minimum(1.0, curvature * self._size[..., None] * moved)
        return self._size * np.sqrt((share**2).mean(3))

    def _within(self, budgets: Array, shrink: float) -> Array:
        """delta in balls of radii (B, t)."""
        return self._size * np.minimum(1.0, self._curvature * self._size * budgets[:, :, None] * shrink)

    def _by_displacements(self, curvature: float, fold: float) -> Array:
        return self._error([self._displaced(w, curvature) for w in self._iterates], fold * self._shrink)

    def _by_ball(self, shrink: float) -> Array:
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
        return self._error([change] * len(self._iterates), self._curvature * self._shrink)

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
    def linearisation(self) -> Array:
        change = (self._phi_start[:, 0] @ self._offset[..., None])[..., 0]
        return self._over_points((self._before - self._network(self._start))[:, 0] - change)

    @cached_property
    def linearisation_taylor(self) -> Array:
        reach = self._moved * self._size[:, 0, :, None]
        return self._over_points(self._shrink * np.minimum(reach, self._curvature * reach**2 / 2).sum(2))

    def _remainder(self, shrink: float) -> Array:
        reach = self.displacement_init[:, None] * self._size[:, 0]
        return self._over_points(np.minimum(reach, self._curvature * reach**2 * shrink / 2))

    @cached_property
    def linearisation_ball(self) -> Array:
        return self._remainder(self._shrink)

    @cached_property
    def linearisation_ball_narrow(self) -> Array:
        return self._remainder(self._shrink**2)
