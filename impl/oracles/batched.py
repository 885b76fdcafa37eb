"""torch.func's meta-gradient for a batch of logistic instances: what `metagap bench` is timed against."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..supervised.batch import Batch


def vmap_gradient(batch: Batch) -> Callable[[], torch.Tensor]:
    """vmap(grad(L)) over the batch, one gradient step, logistic loss; returns (B, d) when called."""
    if batch.loss.name != "logistic" or batch.steps != 1:
        raise ValueError(f"loss={batch.loss.name!r}, steps={batch.steps!r}: expected logistic and 1")
    names = ("omega", "features", "labels", "masses", "weights", "rate")
    data = tuple(torch.from_numpy(getattr(batch, name)) for name in names)

    def risk(theta: torch.Tensor, features: torch.Tensor, labels: torch.Tensor, masses: torch.Tensor) -> torch.Tensor:
        z = (features @ theta)[:, None]
        return (masses * torch.nn.functional.softplus(-labels * z)).sum()

    def meta_objective(
        theta: torch.Tensor,
        features: torch.Tensor,
        labels: torch.Tensor,
        masses: torch.Tensor,
        weights: torch.Tensor,
        rate: torch.Tensor,
    ) -> torch.Tensor:
        def adapted_risk(labels: torch.Tensor, masses: torch.Tensor) -> torch.Tensor:
            adapted = theta - rate * torch.func.grad(risk)(theta, features, labels, masses)
            return risk(adapted, features, labels, masses)

        return weights @ torch.func.vmap(adapted_risk)(labels, masses)

    gradient = torch.func.vmap(torch.func.grad(meta_objective))
    return lambda: gradient(*data)
