"""The quantities in float64 of batches of linear models with c outputs: what features are, and what couples them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ...theory.claim import UndefinedQuantityError
from ..vector_losses import VectorLoss
from .batch import Array, Batch, inner_law
from .batch_quantities import BatchQuantities


class VectorQuantities(BatchQuantities):
    """Quantities on lifted points."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(batch)
        c = self._c
        size, k, d = batch.features.shape
        spread = self.m.where(np.eye(c)[:, :, None] > 0, batch.features[:, :, None, None], 0.0)
        self.features = spread.reshape(size, k * c, c * d)
        self.transposed = self.features.transpose(0, 2, 1)

    @property
    def _blocks(self) -> Array:
        """Phi_x (B, k, c, c d)."""
        size, points, dimension = self.features.shape
        return self.features.reshape(size, points // self._c, self._c, dimension)

    @cached_property
    def _omega(self) -> Array:
        return self.batch.omega.reshape(len(self.batch), 1, -1)

    def _rival(self, adapted: bool) -> Array:
        if self.batch.functions is not None:
            return super()._rival(adapted)
        assert self.batch.rival is not None
        rival = self.batch.rival.reshape(self._omega.shape)
        return self._predictions(self.adapt(rival)[-1] if adapted else rival)

    def _turns(self, z: Array, along: Array) -> Array:
        loss, (labels, masses) = self.batch.loss, inner_law(self.batch)
        assert isinstance(loss, VectorLoss)
        z, along = (v.reshape(*v.shape[:2], -1, 1, self._c) for v in (z, along))
        found: Array = (masses[..., None, None] * loss.turned_on_arrays(z, labels, along, self.m)).sum(3)
        return found

    @cached_property
    def support_feature_bound(self) -> Array:
        return self._other_laws.feature_bound

    @property
    def misfit_uncoupled(self) -> Array:
        if self.batch.steps != 1:
            raise UndefinedQuantityError("several outputs and one gradient step are required")

        def diagonal(order: int, z: Array) -> Array:
            return self._inner(order, z) * np.eye(self._c)

        return self._misfit(self.features[:, None] @ self._jacobians_of(diagonal), self.u)[0]

    def _equal(self, labels: Array) -> Array:
        return (labels[..., :, None, :] == labels[..., None, :, :]).all(-1)

    def _psi(self, labels: Array, z: Array) -> Array:
        blocks = self._blocks
        size, k, c, _ = blocks.shape
        at = self.m.broadcast_to(z.reshape(size, k, 1, c), labels.shape)
        bends = self.batch.loss.on_arrays(2, at, labels, self.m)
        gram = (blocks.reshape(size, k * c, -1) @ self._moved).reshape(size, k, 1, c, k * c)
        pull = bends @ gram
        psi = self._left[:, None, None] - pull.swapaxes(-1, -2) @ blocks[:, :, None]
        return self._combined((np.ones((size, 1, 1, 1)), psi))


class LinearQuantities(BatchQuantities):
    """The searching engine's quantities of linear models: of a batch those of one output, or of several."""

    def __new__(cls, batch: Batch) -> Any:
        return VectorQuantities(batch) if batch.loss.outputs > 1 else BatchQuantities(batch)
