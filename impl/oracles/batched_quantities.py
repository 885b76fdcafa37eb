"""The quantities of the lifted bound for a batch as torch tensors, so that a search can follow their gradient.

The text of `supervised.batch_quantities`, for gradient steps and one output. The direction v of an infimum is found in
float64 by numpy and held fixed: by the envelope theorem the gradient of the infimum is that of the residual at its
minimiser (where the ball's radius moves, R itself is reached through v = R v/||v||).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..floats.infimum import ball_least_squares
from ..supervised.batch_quantities import BatchQuantities
from ..tensors import Torch


class Rooted(Torch):
    """Tensors with what the text asks of arrays; the root has derivative 0 (not infinity) at 0."""

    broadcast_to = staticmethod(torch.broadcast_to)

    @staticmethod
    def sqrt(t: Tensor) -> Tensor:  # type: ignore[override]
        return torch.where(t > 0, torch.where(t > 0, t, 1.0).sqrt(), 0.0)

    @staticmethod
    def where(chosen: Any, one: Tensor, other: Any) -> Tensor:
        return torch.where(torch.as_tensor(chosen), one, other)


class TorchQuantities(BatchQuantities):
    """Quantities of a meta-SL batch whose arrays are tensors, by name, each (B,)."""

    batch: Any
    m = Rooted
    known = frozenset(
        ("gap", "pairing", "eps", "eps_first_order", "weight_norm", "weight_norm_unadapted", "radius", "displacement",
         "function_displacement", "misfit", "misfit_free", "misfit_plain", "misfit_hessian_at_adapted",
         "misfit_u_unadapted")
    )  # fmt: skip
    """The names whose text tensors follow."""

    def __init__(self, batch: Any) -> None:
        if batch.steps < 1:
            raise ValueError(f"steps={batch.steps!r}: gradient steps are required")
        self.batch = self.given = batch
        self.features, self.transposed, self._c = batch.features, batch.features.transpose(1, 2), 1
        self.rho = batch.masses.sum(3)
        self.mass = batch.weights[:, :, None] * self.rho

    @cached_property
    def _pace(self) -> Tensor:
        """The parameters' rates (B, d)."""
        rates = torch.ones_like(self.batch.omega) if self.batch.rates is None else self.batch.rates
        return self.batch.rate[:, None] * rates

    def _factor(self, hessians: Tensor) -> Tensor:
        return torch.diag_embed(self._shrunk)[:, None] - self._pace[:, None, :, None] * hessians

    def _misfit(self, features: Tensor, target: Tensor, mass: Any = None, radius: Any = None) -> tuple[Tensor, Tensor]:
        root = self.mass.sqrt()
        rows = (root[..., None] * features).reshape(len(target), -1, features.shape[-1])
        aims = (root * target).reshape(len(target), -1)
        size = self.radius if radius is None else torch.from_numpy(radius)
        v = torch.from_numpy(ball_least_squares(*(t.detach().numpy() for t in (rows, aims, size)))[1])
        length = v.norm(dim=1)
        bound = length > size.detach() * (1 - 1e-9)
        v = torch.where(bound[:, None], v * (size / torch.where(bound, length, 1.0))[:, None], v)
        return self._lengths(aims - (rows @ v[..., None])[..., 0]), v
