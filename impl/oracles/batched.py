"""Others' meta-gradients of logistic batches, one gradient step: what `metagap bench` is timed against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..arithmetic import Array
from ..supervised.batch import Batch


def _gradient(batch: Batch, functions: Any, softplus: Callable[[Any], Any]) -> Callable[..., Any]:
    """vmap(grad(L)) over a batch's omega, features, labels, masses, weights and rate, by a package's grad and vmap."""
    if batch.loss.name != "logistic" or batch.steps != 1:
        raise ValueError(f"loss={batch.loss.name!r}, steps={batch.steps!r}: expected logistic and 1")

    def risk(theta: Any, features: Any, labels: Any, masses: Any) -> Any:
        return (masses * softplus(-labels * (features @ theta)[:, None])).sum()

    def meta_objective(theta: Any, features: Any, labels: Any, masses: Any, weights: Any, rate: Any) -> Any:
        def adapted_risk(labels: Any, masses: Any) -> Any:
            adapted = theta - rate * functions.grad(risk)(theta, features, labels, masses)
            return risk(adapted, features, labels, masses)

        return weights @ functions.vmap(adapted_risk)(labels, masses)

    found: Callable[..., Any] = functions.vmap(functions.grad(meta_objective))
    return found


def _data(batch: Batch) -> list[Array]:
    return [batch.omega, batch.features, batch.labels, batch.masses, batch.weights, batch.rate]


def vmap_gradient(batch: Batch) -> Callable[[], Any]:
    """torch.func's vmap(grad(L)); returns (B, d) when called."""
    import torch

    gradient, data = (
        _gradient(batch, torch.func, torch.nn.functional.softplus),
        list(map(torch.from_numpy, _data(batch))),
    )
    return lambda: gradient(*data)


def jit_gradient(batch: Batch) -> Callable[[], Any]:
    """JAX's jit(vmap(grad(L))) in float64; returns (B, d) when called."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    gradient, data = jax.jit(_gradient(batch, jax, jax.nn.softplus)), list(map(jnp.asarray, _data(batch)))
    return lambda: gradient(*data).block_until_ready()
