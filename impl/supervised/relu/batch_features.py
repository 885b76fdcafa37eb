"""Meta-features and gradients of networks for a whole batch in float64, as explicit rows of R^{md}: written again, on
purpose.

The ball engine counts patterns and never forms a feature; here every feature is an array. Only the losses, and sums
over labels, are shared.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ...floats.quantities import StartBatchQuantities
from ..core_batch_quantities import CoreBatchQuantities
from .batch import Array, NetworkBatch

Steps = list[tuple[int, Array, Array]]
"""Number, features (B, 1 or n, k, D) and curvatures, times the step size, of steps of the adaptation."""


class FeatureBatchQuantities(StartBatchQuantities, CoreBatchQuantities):
    """What follows from features, of any activation."""

    batch: NetworkBatch

    def __init__(self, batch: NetworkBatch) -> None:
        super().__init__(batch)
        self._sigma = batch.sigma

    # --- networks: W (B, t, m, d) for t tasks or 1 ------------------------------------------------------

    def _drive(self, weights: Array) -> Array:
        """W_r'x (B, t, k, m)."""
        return self.features[:, None] @ weights.transpose(0, 1, 3, 2)

    def _gates(self, weights: Array) -> Array:
        return self._sigma.d1(self.m, self._drive(weights))

    @property
    def _output(self) -> Array:
        """m^{-1/2} b (B, 1, c, m)."""
        return (self._shrink * self.batch.signs)[:, None]

    def _outputs(self, values: Array) -> Array:
        """m^{-1/2} sum_r b_r of values (B, t, points, m), of all components (B, t, k)."""
        return (values @ self._output.swapaxes(2, 3)).reshape(*values.shape[:2], -1)

    def _inputs(self, values: Array) -> Array:
        """The transpose: m^{-1/2} b_r times values (B, t, k), summed over components (B, t, points, m)."""
        return values.reshape(*values.shape[:2], -1, self._c) @ self._output

    def _phi(self, gates: Array) -> Array:
        """phi (B, t, k, m d) for gates (B, t, points, m)."""
        scaled = gates[:, :, :, None] * self._output[:, :, None]
        rows = scaled[..., None] * self.features[:, None, :, None, None]
        return rows.reshape(*rows.shape[:2], -1, rows.shape[4] * rows.shape[5])

    def _predictions(self, at: Array) -> Array:
        values: Array = self._sigma.value(self.m, self._drive(at))
        return self._outputs(values)

    def _pulled(self, slopes: Array, at: Array) -> Array:
        move = (slopes[:, :, None] @ self._phi(self._gates(at)))[:, :, 0]
        return move.reshape(*move.shape[:2], *at.shape[2:])

    @cached_property
    def _start(self) -> Array:
        return self.batch.initial[:, None]

    # --- meta-features ------------------------------------------------------------------------------------

    def _bends(self, z: Array) -> Array:
        """eta sum_y p ell''(z), p of the inner law."""
        return self._rated(self._inner(2, z))

    def _bent(self, outer: Array, inner: Array, bends: Array) -> Array:
        """S outer - sum_x' bends <D outer, inner_x'> inner_x' (B, n, k, D)."""
        return self._kept(outer) - self._changed(self._paced(outer), inner, bends)

    def _changed(self, outer: Array, inner: Array, bends: Array) -> Array:
        """sum_x' bends <outer, inner_x'> inner_x' (B, n, k, D)."""
        pull = self._turned(bends, inner @ outer.swapaxes(2, 3))
        return pull.swapaxes(2, 3) @ inner

    def _paced(self, rows: Array) -> Array:
        """D rows, for rows (B, t, k, D) or weights (B, t, m, d)."""
        rates = self.batch.rates
        if rates is None:
            return rows
        flat = rates.reshape(len(self.batch), 1, 1, -1)
        return (rows.reshape(*rows.shape[:2], -1, flat.shape[3]) * flat).reshape(rows.shape)

    def _kept(self, rows: Array) -> Array:
        """S rows, S = 1 - rate decay D: what decay leaves of them in a step."""
        if self.batch.decay is None:
            return rows
        fade = (self.batch.rate * self.batch.decay)[:, None, None, None]
        return rows - fade * self._paced(rows)

    @cached_property
    def _phi_omega(self) -> Array:
        return self._phi(self._gates(self._omega))

    @cached_property
    def _plain(self) -> Array:
        return self._phi(self._gates(self._path[-1]))

    @cached_property
    def _phi_start(self) -> Array:
        return self._phi(self._gates(self._start))

    def _lifted_rows(self, rows: Array) -> Array:
        return self.m.broadcast_to(rows, (len(self.batch), self.batch.labels.shape[1], *rows.shape[2:]))

    @cached_property
    def _steps(self) -> Steps:
        phi = [self._phi_omega, *(self._phi(self._gates(w)) for w in self._path[1:-1])]
        bends = map(self._bends, self._on_the_way)
        return [(k, *pair) for k, pair in enumerate(zip(phi, bends, strict=True))]

    def _factored(self, rows: Array, steps: Steps) -> Array:
        """The factors of the steps applied to rows (B, n, k, D), the last of them first."""
        for k, phi, bends in reversed(steps):
            bent = self._bent(rows, phi, bends)
            rows = bent if self._sigma.kinked else bent - self._folded(self._paced(rows), k)
        return rows

    def _folded(self, outer: Array, step: int) -> Array:
        """eta E[ell' d2f] outer (B, n, k, D), at the iterate and the predictions that the step starts from."""
        n, _, _, m, d = self.batch.shape
        pulls = self._rated(self._inner(1, self._on_the_way[step]))
        weights = self._sigma.d2(self.m, self._drive(self._path[step])) * self._inputs(pulls)
        inputs = self.features[:, None, None]
        blocks = (weights.transpose(0, 1, 3, 2)[..., None, :] * inputs.transpose(0, 1, 2, 4, 3)) @ inputs
        rows = outer.reshape(-1, n, outer.shape[2], m, d).transpose(0, 1, 3, 2, 4)
        return (rows @ blocks).transpose(0, 1, 3, 2, 4).reshape(outer.shape)

    @cached_property
    def meta_features(self) -> Array:
        return self._factored(self._plain, self._steps)

    @cached_property
    def gradient(self) -> Array:
        """grad L (B, D) by the chain rule; of each task one vector goes back through the steps, not all features."""
        pulls = self.batch.weights[..., None] * self.slopes
        found = self._back(self._inputs(pulls) * self._gates(self._path[-1]))
        for at, z in reversed(list(zip(self._path[:-1], self._on_the_way, strict=True))):
            drive, along = self._drive(at), self._drive(self._paced(found))
            gates = self._sigma.d1(self.m, drive)
            turned = self._turned(self._bends(z), self._outputs(along * gates)[..., None])
            rows = self._inputs(turned[..., 0]) * gates
            if not self._sigma.kinked:
                pulls = self._rated(self._inner(1, z))
                rows = rows + self._inputs(pulls) * (gates * self._sigma.bend(self.m, drive)) * along
            found = self._kept(found) - self._back(rows)
        return found.sum(1).reshape(len(found), -1)

    def _back(self, rows: Array) -> Array:
        """sum_x rows(x) x' (B, n, m, d) for rows (B, n, k, m)."""
        return rows.transpose(0, 1, 3, 2) @ self.features[:, None]

    @cached_property
    def initial_features(self) -> Array:
        """phi_0 in all places (B, n, k, D)."""
        rows = self._lifted_rows(self._phi_start)
        for _, _, bends in reversed(self._steps):
            rows = self._bent(rows, self._phi_start, bends)
        return rows

    @property
    def _stretch(self) -> Array:
        return (
            np.sqrt((self.meta_features**2).sum(3)) + self._each(np.abs(self._drive(self._omega)).sum(3)) * self._shrink
        )
