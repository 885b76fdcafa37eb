"""The quantities of smooth networks for a whole batch in float64, by explicit features: written again, on purpose."""

from __future__ import annotations

from functools import cached_property

from ..arithmetic import Floats
from ..network.batch import Array
from ..network.batch_quantities import NetworkBatchQuantities
from .activation import ACTIVATIONS
from .batch import SmoothBatch


class SmoothBatchQuantities(NetworkBatchQuantities):
    """Quantities of a batch by name, each (B,)."""

    batch: SmoothBatch

    def __init__(self, batch: SmoothBatch) -> None:
        super().__init__(batch)
        self._sigma = ACTIVATIONS[batch.activation]

    def _gates(self, weights: Array) -> Array:
        return self._sigma.d1(Floats, self._drive(weights))

    def _network(self, weights: Array) -> Array:
        scaled = (self._shrink * self.batch.signs)[:, None, None]
        return (self._sigma.value(Floats, self._drive(weights)) * scaled).sum(3)

    def _folded(self, outer: Array) -> Array:
        """eta E[ell' d2f] outer (B, n, k, D), at W and the unadapted predictions."""
        n, k, _, m, d = self.batch.shape
        pulls = self.batch.rate[:, None, None] * self._summed(1, self._before)
        scaled = self._sigma.d2(Floats, self._drive(self._omega)[:, 0]) * (self._shrink * self.batch.signs)[:, None]
        blocks = outer.reshape(-1, n, k, m, d) @ self.features.transpose(0, 2, 1)[:, None, None]
        weights = (pulls[:, :, :, None] * scaled[:, None]).transpose(0, 1, 3, 2)
        return ((blocks * weights[:, :, None]) @ self.features[:, None, None]).reshape(outer.shape)

    @cached_property
    def meta_features(self) -> Array:
        return self._bent(self._phi_after, self._phi_omega, self._before) - self._folded(self._phi_after)

    @cached_property
    def misfit_no_fold(self) -> Array:
        return self._misfit(self._bent(self._phi_after, self._phi_omega, self._before), self.u)[0]

    @cached_property
    def misfit_curvature_adapted(self) -> Array:
        rows = self._bent(self._phi_after, self._phi_omega, self.after) - self._folded(self._phi_after)
        return self._misfit(rows, self.u)[0]

    @cached_property
    def misfit_outer_unadapted(self) -> Array:
        outer = self._lifted_rows(self._phi_omega)
        return self._misfit(self._bent(outer, self._phi_omega, self._before) - self._folded(outer), self.u)[0]
