"""The quantities of network policies for a whole batch in float64, by explicit features in R^{mp}: written again, on
purpose. The ball engine knows features by their inner products or coordinates; here every feature is an array.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from flint import fmpq

from ...theory.claim import UndefinedQuantityError
from ..floats import rank
from ..floats.quantities import StartBatchQuantities
from ..models.activation import ACTIVATIONS, RELU
from .batch import Batch, NetworkBatch
from .batch_quantities import Array, BatchQuantities


class NetworkBatchQuantities(StartBatchQuantities, BatchQuantities):
    """Quantities of a batch by name, each (B,)."""

    batch: NetworkBatch

    def __init__(self, batch: NetworkBatch) -> None:
        super().__init__(batch)
        self._output = batch.signs * self._shrink
        self._sigma = ACTIVATIONS.get(batch.activation, RELU)

    # --- networks -------------------------------------------------------------------------------------

    def _drive(self, weights: Array) -> Array:
        """W_r'x (B, SA, m) of W (B, m, p)."""
        return self.rows @ weights.transpose(0, 2, 1)

    def energies(self, theta: Array) -> Array:
        """f(x; W)/tau (B, 1, S, A) of W (B, 1, m, p)."""
        _, states, actions, _ = self.batch.shape
        drive = self._drive(theta[:, 0])
        values = self._sigma.value(self.m, drive) @ self._output[..., None]
        return (values[..., 0] / self.batch.tau[:, None]).reshape(len(self.batch), 1, states, actions)

    def _gate(self, weights: Array) -> Array:
        """The activation's derivatives (B, SA, m) of W (B, m, p)."""
        return self._sigma.d1(self.m, self._drive(weights))

    def _phi(self, gates: Array) -> Array:
        """phi (B, S, A, m p) for gates (B, SA, m)."""
        _, states, actions, _ = self.batch.shape
        rows = (gates * self._output[:, None])[..., None] * self.rows[:, :, None]
        return rows.reshape(len(self.batch), states, actions, -1)

    @cached_property
    def features(self) -> Array:
        return self._phi(self._gate(self.batch.omega))

    # --- features at initialisation -------------------------------------------------------------------

    @cached_property
    def _phi_start(self) -> Array:
        return self._phi(self._gate(self.batch.initial))

    @cached_property
    def initial_features(self) -> Array:
        return self._meta_of(self._phi_start, self._phi_start)

    @cached_property
    def displacement_init(self) -> Array:
        return self.m.sqrt(((self.batch.omega - self.batch.initial) ** 2).sum((1, 2)))

    @cached_property
    def _sizes(self) -> Array:
        """||x|| (B, SA)."""
        return self._lengths(self.rows)

    def _propagated(self, delta: Array, *, lookahead: bool = True) -> Array:
        """||e|| for bounds (B, SA) of ||phi_0 - phi_W||."""
        batch = self.batch
        _, states, actions, _ = batch.shape
        delta = delta.reshape(len(batch), 1, states, actions)
        onward = (self.prior.policy * self.m.magnitude(self.prior.advantage) * delta).sum(3)
        onward = (self.prior.visitation @ onward[..., None])[..., 0]
        ahead = (batch.transitions @ onward[:, :, None, :, None])[..., 0]
        rate = (self.m.magnitude(batch.eta)[:, None] * batch.gamma / self.rest)[..., None, None] * float(lookahead)
        return self.m.sqrt(self._sum((delta + self.m.magnitude(self._tilted(rate * ahead))) ** 2)) / batch.tau

    # --- their error, by flips (ReLU) -----------------------------------------------------------------

    def _flipped(self, counts: Array, *, lookahead: bool = True) -> Array:
        """||e|| for counts (B, SA) of flipped neurons."""
        if not self._sigma.kinked:
            raise UndefinedQuantityError("smooth networks have no flips")
        return self._propagated(self._sizes * self.m.sqrt(counts / float(self._width)), lookahead=lookahead)

    @cached_property
    def _flips(self) -> Array:
        return self.m.magnitude(self._gate(self.batch.omega) - self._gate(self.batch.initial)).sum(2)

    @cached_property
    def error_flips(self) -> Array:
        return self._flipped(self._flips)

    def _counted(self, power: int) -> Array:
        size = self._sizes[..., None]
        near = np.abs(self._drive(self.batch.initial)) / np.where(size > 0, size, 1.0)
        sums = np.cumsum(np.sort(np.where(size > 0, near, np.inf), axis=2) ** power, axis=2)
        return self._flipped((sums <= (self.displacement_init**power)[:, None, None]).sum(2).astype(float))

    @cached_property
    def error_count(self) -> Array:
        return self._counted(2)

    # --- by displacements (smooth) --------------------------------------------------------------------

    @property
    def _bend(self) -> Array:
        """sup |sigma''|."""
        if self._sigma.kinked:
            raise UndefinedQuantityError("relu has kinks")
        return self._sigma.curvature(self.m)

    def _at_most_1(self, sizes: Array) -> Array:
        return self.m.clip(sizes, self.m.number(fmpq(1)))

    def _displaced(self, bend: Array, *, lookahead: bool = True) -> Array:
        moves = self._lengths(self.batch.omega - self.batch.initial)
        changes = self._at_most_1(bend * self._sizes[..., None] * moves[:, None])
        return self._propagated(self._sizes * self.m.sqrt((changes**2).sum(2)) * self._shrink, lookahead=lookahead)

    @cached_property
    def error_pointwise(self) -> Array:
        return self._displaced(self._bend)

    def _spread(self, shrink: Array) -> Array:
        reach = self._bend * self.displacement_init * shrink
        return self._propagated(self._sizes * self._at_most_1(reach[:, None] * self._sizes))

    @cached_property
    def error_ball(self) -> Array:
        return self._spread(self._shrink)

    # --- full rank where actions differ ---------------------------------------------------------------

    def _contrasted(self, table: Array) -> Array:
        """Orthonormal contrasts between actions (B, n S (A-1), ...) of a table (B, n, S, A, ...)."""
        count, actions = len(table), table.shape[3]
        k = np.arange(1, actions)[:, None]
        j = np.arange(actions)
        between = (np.where(j < k, 1.0, 0.0) - np.where(j == k, k, 0.0)) / np.sqrt(k * (k + 1))
        flat = between @ table.reshape(*table.shape[:4], -1)
        return flat.reshape(count, -1, flat.shape[-1])

    @property
    def _used(self) -> Array:
        return np.repeat(self._choices.reshape(len(self.batch), -1), self.batch.shape[2] - 1, axis=1)

    def _shortest(self, table: Array) -> Array:
        found = rank.shortest(self._contrasted(table), self._contrasted(self.u)[..., 0], self._used)
        return np.where(self._choices.any((1, 2)), found, 0.0)

    @cached_property
    def min_norm_solution(self) -> Array:
        return self._shortest(self.meta_features)

    @cached_property
    def condition(self) -> Array:
        found = rank.condition(self._contrasted(self.meta_features), self._used)
        return np.where(self._choices.any((1, 2)), found, 1.0)

    @cached_property
    def min_norm_plain(self) -> Array:
        return self._shortest(self._plain)

    # --- what mutants use ----------------------------------------------------------------------

    @cached_property
    def misfit_init_outer(self) -> Array:
        return self._misfit(self._meta_of(self._phi_start, self.features), self.u)[0]

    @cached_property
    def misfit_other_kinks(self) -> Array:
        phi = self._phi((self._drive(self.batch.omega) >= 0).astype(float))
        return self._misfit(self._meta_of(phi, phi), self.u)[0]

    @cached_property
    def error_flips_outer(self) -> Array:
        return self._flipped(self._flips, lookahead=False)

    @cached_property
    def error_count_linear(self) -> Array:
        return self._counted(1)

    @cached_property
    def error_pointwise_outer(self) -> Array:
        return self._displaced(self._bend, lookahead=False)

    @cached_property
    def error_half_curvature(self) -> Array:
        return self._displaced(self._bend / 2)

    @cached_property
    def error_ball_narrow(self) -> Array:
        return self._spread(self._shrink * self._shrink)


class AtStart(NetworkBatchQuantities):
    """Quantities with the features at initialisation for those at W."""

    @property
    def meta_features(self) -> Array:
        return self.initial_features


def quantities_of(batch: Batch) -> BatchQuantities:
    """The quantities of a batch, whatever the policies."""
    return NetworkBatchQuantities(batch) if isinstance(batch, NetworkBatch) else BatchQuantities(batch)
