"""JAX's meta-gradient for a batch of logistic instances, compiled: what `metagap bench` is timed against."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ..arithmetic import Array
from ..supervised.batch import Batch


def jit_gradient(batch: Batch) -> Callable[[], Array]:
    """jit(vmap(grad(L))) over the batch, one gradient step, logistic loss, float64; returns (B, d) when called."""
    if batch.loss.name != "logistic" or batch.steps != 1:
        raise ValueError(f"loss={batch.loss.name!r}, steps={batch.steps!r}: expected logistic and 1")
    jax.config.update("jax_enable_x64", True)
    names = ("omega", "features", "labels", "masses", "weights", "rate")
    data = tuple(jnp.asarray(getattr(batch, name)) for name in names)

    def risk(theta: Array, features: Array, labels: Array, masses: Array) -> Array:
        return (masses * jax.nn.softplus(-labels * (features @ theta)[:, None])).sum()

    def meta_objective(
        theta: Array, features: Array, labels: Array, masses: Array, weights: Array, rate: Array
    ) -> Array:
        def adapted_risk(labels: Array, masses: Array) -> Array:
            adapted = theta - rate * jax.grad(risk)(theta, features, labels, masses)
            return risk(adapted, features, labels, masses)

        return weights @ jax.vmap(adapted_risk)(labels, masses)

    gradient = jax.jit(jax.vmap(jax.grad(meta_objective)))
    return lambda: gradient(*data).block_until_ready()
