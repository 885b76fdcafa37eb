"""Rows of the float64 engine: instances end to end, and the meta-gradient beside torch.func and JAX.

Measured on one core, in one run, at size S, M, L and 4096 at once: 1.6, 2.1, 1.6 times torch.func, 1.3, 1.2, 1.5 times
JAX; at 512 at once 5.2, 4.3, 2.3 and 1.4, 1.6, 1.6 times. (It was 0.5 times torch.func at L: d x d Jacobians were made,
n k d^2 where one vector of each task takes n k d; and pages of freed arrays were fetched again.)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ...impl.losses import Loss
from ...impl.supervised.batch import Batch
from ...impl.supervised.batch_quantities import BatchQuantities
from .rows import Row, installed

SIZES = {"S": (2, 4, 2), "M": (4, 8, 8), "L": (8, 16, 16)}
"""(n, k, d): tasks, points on a shared support with one label each, dimension."""
COUNT, MANY = 512, 4096


def float_batch(shape: tuple[int, int, int], count: int, steps: int = 1, seed: int = 0) -> Batch:
    """Random logistic instances of a shape (n, k, d)."""
    n, k, d = shape
    rng = np.random.default_rng(seed)
    mass = rng.integers(1, 16, (count, n, k, 1)).astype(float)
    return Batch(
        Loss("logistic"),
        np.full(count, 0.5),
        rng.integers(-8, 9, (count, k, d)) / 4,
        rng.integers(0, 2, (count, n, k, 1)) * 2.0 - 1,
        mass / mass.sum((2, 3), keepdims=True),
        np.full((count, n), 1 / n),
        rng.integers(-8, 9, (count, d)) / 4,
        np.full(count, 4.0),
        rng.integers(-8, 9, (count, d)) / 4,
        steps=steps,
    )


def verify_floats(size: str, count: int) -> int:
    """End to end in float64: generate, adapt, terms, ball least squares, compare. Returns the violations."""
    quantities = BatchQuantities(float_batch(SIZES[size], count))
    bound = quantities.radius * quantities.eps + quantities.weight_norm * quantities.misfit
    return int((quantities.gap > bound * (1 + 1e-9)).sum())


def rows() -> list[Row]:
    """The rows, size by size; a meta-gradient on batches of a run's size, and on such as others need to be fast."""
    found = []
    for size in SIZES:
        found.append(
            Row(f"floats, size {size}", "generate, terms, bound, compare", COUNT, partial(verify_floats, size, COUNT))
        )
        for count in (COUNT, MANY):
            batch = float_batch(SIZES[size], count)
            for way, gradient in gradients(batch).items():
                found.append(Row(f"meta-gradient, size {size}", f"{way}, {count} at once", count, gradient))
    return found


def gradients(batch: Batch) -> dict[str, Callable[[], object]]:
    """The meta-gradients (B, d) of a batch, by the ways that are installed."""
    found: dict[str, Callable[[], object]] = {"metagap, closed form": lambda: BatchQuantities(batch).gradient}
    if installed("torch"):
        from ...impl.oracles.batched import vmap_gradient

        found["torch.func vmap(grad)"] = vmap_gradient(batch)
    if installed("jax"):
        from ...impl.oracles.batched import jit_gradient

        found["JAX jit(vmap(grad))"] = jit_gradient(batch)
    return found
