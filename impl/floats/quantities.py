"""What the engines that search share, whatever is learned: the lifted space of a batch, norms, infima, first order; of
networks features at initialisation. The engine that decides has the same once more (`balls.core`), on purpose.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property, reduce
from typing import Any

import numpy as np
from flint import fmpq

from ..arithmetic import Floats
from .infimum import lifted_least_squares
from .rank import reduced

Array = Any
"""Float64 arrays; or arrays of the numbers `m` of whoever evaluates this text in others."""


class LiftedBatchQuantities:
    """Quantities of a batch by name, each (B,). Lifted points have one axis or more, features one more than these.

    mass, w, u (B, ...) of the lifted points; meta_features (B, ..., D)
    """

    m: Any = Floats
    given: Any
    """The batch in float64: what is 0 exactly."""
    batch: Any
    """The batch in the numbers `m`."""
    mass: Array
    w: Array
    u: Array
    meta_features: Array

    def __call__(self, name: str) -> Array:
        return getattr(self, name)

    # --- what a kind of learning supplies ---

    @abstractmethod
    def _paired(self, features: Array) -> Array:
        """<w, features> (B, D)."""

    @cached_property
    @abstractmethod
    def _plain(self) -> Array:
        """The model's own features in the meta-features' place."""

    def _coordinates(self, features: Array) -> Array:
        """Features in coordinates of their span, if there are fewer of these."""
        return features

    # --- norms, pairings, infima ---

    def _combined(self, *terms: tuple[Array, Array]) -> Array:
        """Rows sum_t w_t a_t (B, N, d) on a grid, row after row, of weights w_t (B, ...) and tables a_t (B, ..., d) of
        the same axes, each long as the grid or 1."""
        total = reduce(np.add, (weight[..., None] * table for weight, table in terms))
        return np.asarray(total.reshape(len(total), -1, total.shape[-1]))

    @property
    def radius(self) -> Array:
        return self.batch.radius

    def _lengths(self, values: Array) -> Array:
        """||.|| along the last axis."""
        return self.m.sqrt((values * values).sum(-1))

    def _sum(self, values: Array) -> Array:
        """Of values at the lifted points, by their masses (B,)."""
        found: Array = self.mass * values
        return found.sum(tuple(range(1, found.ndim)))

    def _lifted_norm(self, values: Array) -> Array:
        """||.|| (B,) in the task-lifted space."""
        return self.m.sqrt(self._sum(values * values))

    @cached_property
    def weight_norm(self) -> Array:
        return self._lifted_norm(self.w)

    @cached_property
    def function_displacement(self) -> Array:
        return self._lifted_norm(self.u)

    @cached_property
    def gradient(self) -> Array:
        """grad L(omega) (B, D) by the chain rule."""
        return self._paired(self.meta_features)

    @cached_property
    def eps(self) -> Array:
        return self._lengths(self.gradient)

    def _misfit(
        self, features: Array, target: Array, mass: Array | None = None, radius: Array | None = None
    ) -> tuple[Array, Array]:
        """The infimum (B,) over the ball of the distance of target, and its direction in the coordinates (B, .)."""
        masses, size = self.mass if mass is None else mass, self.radius if radius is None else radius
        return lifted_least_squares(self._coordinates(features), target, masses, size)

    @cached_property
    def lifted(self) -> tuple[Array, Array]:
        """(misfit (B,), its direction)."""
        return self._misfit(self.meta_features, self.u)

    @property
    def misfit(self) -> Array:
        return self.lifted[0]

    @cached_property
    def misfit_free(self) -> Array:
        return self._misfit(self.meta_features, self.u, radius=np.full(len(self.batch), np.inf))[0]

    # --- first order ---

    @cached_property
    def first_order_gradient(self) -> Array:
        """<w, phi> (B, D)."""
        return self._paired(self._plain)

    @cached_property
    def eps_first_order(self) -> Array:
        return self._lengths(self.first_order_gradient)

    @cached_property
    def misfit_plain(self) -> Array:
        return self._misfit(self._plain, self.u)[0]


class StartBatchQuantities(LiftedBatchQuantities):
    """Those of networks: with initial_features phi_0 (B, ..., D)."""

    initial_features: Array

    @property
    def _width(self) -> int:
        return int(self.batch.signs.shape[-1])

    @cached_property
    def _shrink(self) -> Array:
        """m^{-1/2}."""
        return 1 / self.m.sqrt(self.m.number(fmpq(self._width)))

    def _coordinates(self, features: Array) -> Array:
        return reduced(features)

    @property
    def eps_formal(self) -> Array:
        return self.eps

    @cached_property
    def eps_init(self) -> Array:
        return self._lengths(self._paired(self.initial_features))

    @cached_property
    def misfit_init(self) -> Array:
        return self._misfit(self.initial_features, self.u)[0]

    @cached_property
    def _feature_change(self) -> Array:
        return self.initial_features - self.meta_features

    @cached_property
    def gradient_difference(self) -> Array:
        return self._lengths(self._paired(self._feature_change))

    @cached_property
    def error_operator(self) -> Array:
        """The largest singular value of the features' change."""
        rows = reduced(np.sqrt(self.mass)[..., None] * self._feature_change)
        flat = rows.reshape(len(rows), -1, rows.shape[-1])
        return np.linalg.norm(np.nan_to_num(flat, posinf=1e100, neginf=-1e100), 2, axis=(1, 2))
