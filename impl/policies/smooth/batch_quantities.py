"""The quantities of smooth network policies for a whole batch in float64, by explicit features: written again, on
purpose.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ...arithmetic import Floats
from ...models.activation import ACTIVATIONS
from ..batch import Array
from ..relu.batch_quantities import PolicyNetworkBatchQuantities
from .batch import SmoothPolicyBatch


class SmoothPolicyBatchQuantities(PolicyNetworkBatchQuantities):
    """Quantities of a batch by name, each (B,)."""

    batch: SmoothPolicyBatch

    def __init__(self, batch: SmoothPolicyBatch) -> None:
        super().__init__(batch)
        self._sigma = ACTIVATIONS[batch.activation]

    def _activated(self, drive: Array) -> Array:
        return np.asarray(self._sigma.value(Floats, drive))

    def _gate(self, drive: Array) -> Array:
        return np.asarray(self._sigma.d1(Floats, drive))

    # --- the error of features at initialisation --------------------------------------------------------

    @property
    def _lengths(self) -> Array:
        """||x|| (B, SA)."""
        return np.sqrt((self.rows**2).sum(2))

    @property
    def _bend(self) -> float:
        return float(self._sigma.curvature(Floats))

    def _displaced(self, bend: float, *, lookahead: bool = True) -> Array:
        moves = np.sqrt(((self.batch.omega - self.batch.initial) ** 2).sum(2))
        changes = np.minimum(bend * self._lengths[..., None] * moves[:, None], 1.0)
        return self._propagated(self._lengths * np.sqrt((changes**2).mean(2)), lookahead=lookahead)

    @cached_property
    def error_pointwise(self) -> Array:
        return self._displaced(self._bend)

    def _spread(self, power: float) -> Array:
        reach = self._bend * self.displacement_init * float(self.batch.signs.shape[1]) ** power
        return self._propagated(self._lengths * np.minimum(reach[:, None] * self._lengths, 1.0))

    @cached_property
    def error_ball(self) -> Array:
        return self._spread(-0.5)

    @cached_property
    def error_pointwise_outer(self) -> Array:
        return self._displaced(self._bend, lookahead=False)

    @cached_property
    def error_half_curvature(self) -> Array:
        return self._displaced(self._bend / 2)

    @cached_property
    def error_ball_narrow(self) -> Array:
        return self._spread(-1.0)
