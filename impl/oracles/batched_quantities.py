"""The quantities of the lifted bound for a batch as torch tensors, so that a search can follow their gradient.

Formulas as in `supervised.batch_quantities`, for gradient steps. The direction v of an infimum is found in float64 by
numpy and held fixed: by the envelope theorem the gradient of the infimum is that of the residual at its minimiser
(where the ball's radius moves, R itself is reached through v = R v/||v||).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..floats.infimum import ball_least_squares
from ..tensors import Torch


class TorchQuantities:
    """Quantities of a meta-SL batch whose arrays are tensors, by name, each (B,)."""

    def __init__(self, batch: Any) -> None:
        if batch.steps < 1:
            raise ValueError(f"steps={batch.steps!r}: gradient steps are required")
        self.batch = batch
        self.features: Tensor = batch.features
        self.transposed = self.features.transpose(1, 2)
        self.rho = batch.masses.sum(3)
        self.mass = batch.weights[:, :, None] * self.rho
        self.eye = torch.eye(self.features.shape[2], dtype=torch.float64)

    def __call__(self, name: str) -> Tensor:
        value: Tensor = getattr(self, name)
        return value

    def _summed(self, order: int, z: Tensor) -> Tensor:
        """Under the outer laws."""
        return self._over(self.batch.labels, self.batch.masses, order, z)

    def _inner(self, order: int, z: Tensor) -> Tensor:
        """Under the inner laws."""
        batch = self.batch
        if batch.support_masses is None:
            return self._summed(order, z)
        return self._over(batch.support_labels, batch.support_masses, order, z)

    def _over(self, labels: Tensor, masses: Tensor, order: int, z: Tensor) -> Tensor:
        loss = self.batch.loss
        evaluate = (loss.value, loss.d1, loss.d2)[order]
        found: Tensor = (masses * evaluate(Torch, z[..., None], labels)).sum(3)
        return found

    def _hessians(self, z: Tensor) -> Tensor:
        return self.transposed[:, None] @ (self._inner(2, z)[..., None] * self.features[:, None])

    def _path(self, theta: Tensor) -> list[Tensor]:
        path = [theta]
        for _ in range(self.batch.steps):
            slope = self._inner(1, path[-1] @ self.transposed) @ self.features
            path.append(path[-1] - self._pace * (slope + self._decay * path[-1]))
        return path

    @property
    def _pace(self) -> Tensor:
        """The parameters' rates (B, 1, d), or (B, 1, 1)."""
        rate: Tensor = self.batch.rate[:, None, None]
        return rate if self.batch.rates is None else rate * self.batch.rates[:, None]

    @property
    def _decay(self) -> Any:
        """(B, 1, 1), or 0."""
        return 0.0 if self.batch.decay is None else self.batch.decay[:, None, None]

    def _factor(self, z: Tensor) -> Tensor:
        """A step's Jacobian at predictions z (B, n, d, d)."""
        bent = self._hessians(z) + (self._decay if self.batch.decay is None else self._decay[..., None]) * self.eye
        return self.eye - self._pace[..., None] * bent

    @cached_property
    def _iterates(self) -> list[Tensor]:
        return self._path(self.batch.omega[:, None, :])

    @cached_property
    def _before(self) -> Tensor:
        return self._iterates[0] @ self.transposed

    @cached_property
    def after(self) -> Tensor:
        """z_i (B, n, k)."""
        return self._iterates[-1] @ self.transposed

    @cached_property
    def comparator(self) -> Tensor:
        """h'_i (B, n, k)."""
        if self.batch.functions is not None:
            found: Tensor = self.batch.functions
            return found
        return self._path(self.batch.rival[:, None, :])[-1] @ self.transposed

    @cached_property
    def jacobians(self) -> Tensor:
        """J_i (B, n, d, d)."""
        found = None
        for theta in self._iterates[:-1]:
            factor = self._factor(theta @ self.transposed)
            found = factor if found is None else factor @ found
        assert found is not None
        return found

    @cached_property
    def slopes(self) -> Tensor:
        return self._summed(1, self.after)

    @cached_property
    def u(self) -> Tensor:
        return self.after - self.comparator

    @cached_property
    def gap(self) -> Tensor:
        change = self._summed(0, self.after) - self._summed(0, self.comparator)
        return (self.batch.weights[..., None] * change).sum((1, 2))

    @cached_property
    def pairing(self) -> Tensor:
        return (self.batch.weights[..., None] * self.slopes * self.u).sum((1, 2))

    @cached_property
    def eps(self) -> Tensor:
        pull = (self.slopes @ self.features)[:, :, None, :] @ self.jacobians
        return _norm((self.batch.weights[:, :, None] * pull[:, :, 0]).sum(1), (1,))

    @cached_property
    def eps_first_order(self) -> Tensor:
        return _norm((self.batch.weights[:, :, None] * (self.slopes @ self.features)).sum(1), (1,))

    def _norm_of(self, slopes: Tensor) -> Tensor:
        density = slopes / torch.where(self.rho > 0, self.rho, 1.0)
        return _norm(self.mass.sqrt() * density, (1, 2))

    @cached_property
    def weight_norm(self) -> Tensor:
        return self._norm_of(self.slopes)

    @cached_property
    def weight_norm_unadapted(self) -> Tensor:
        return self._norm_of(self._summed(1, self._before).expand(self.slopes.shape))

    @property
    def radius(self) -> Tensor:
        found: Tensor = self.batch.radius
        return found

    @cached_property
    def displacement(self) -> Tensor:
        return _norm(self.batch.omega - self.batch.rival, (1,))

    @cached_property
    def function_displacement(self) -> Tensor:
        return _norm(self.mass.sqrt() * self.u, (1, 2))

    def _misfit(self, features: Tensor, target: Tensor, free: bool = False) -> Tensor:
        root = self.mass.sqrt()
        count, dimension = len(target), features.shape[-1]
        rows = (root[..., None] * features).reshape(count, -1, dimension)
        aims = (root * target).reshape(count, -1)
        radius = torch.full_like(self.radius, torch.inf) if free else self.radius
        found = ball_least_squares(rows.detach().numpy(), aims.detach().numpy(), radius.detach().numpy())[1]
        v = torch.from_numpy(found)
        if not free:
            length = v.norm(dim=1)
            bound = length > radius.detach() * (1 - 1e-9)
            v = torch.where(bound[:, None], v * (radius / torch.where(bound, length, 1.0))[:, None], v)
        return _norm(aims - (rows @ v[..., None])[..., 0], (1,))

    @cached_property
    def _meta_features(self) -> Tensor:
        return self.features[:, None] @ self.jacobians

    @cached_property
    def _plain(self) -> Tensor:
        return self.features[:, None].expand(self._meta_features.shape)

    @cached_property
    def misfit(self) -> Tensor:
        return self._misfit(self._meta_features, self.u)

    @cached_property
    def misfit_free(self) -> Tensor:
        return self._misfit(self._meta_features, self.u, free=True)

    @cached_property
    def misfit_plain(self) -> Tensor:
        return self._misfit(self._plain, self.u)

    @cached_property
    def misfit_hessian_at_adapted(self) -> Tensor:
        return self._misfit(self.features[:, None] @ self._factor(self.after), self.u)

    @cached_property
    def misfit_u_unadapted(self) -> Tensor:
        rival = self.batch.functions
        if rival is None:
            rival = self.batch.rival[:, None, :] @ self.transposed
        return self._misfit(self._meta_features, (self._before - rival).expand(self.u.shape))


def _norm(values: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The Euclidean norm over the axes, with derivative 0 (not nan) at 0."""
    squares = (values * values).sum(axes)
    return torch.where(squares > 0, torch.where(squares > 0, squares, 1.0).sqrt(), 0.0)
