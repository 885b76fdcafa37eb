"""Rows of the float64 engine: instances end to end, and the meta-gradient beside torch.func."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...impl.losses import Loss
from ...impl.supervised.batch import Batch
from ...impl.supervised.batch_quantities import BatchQuantities
from .rows import Row, installed

SIZES = {"S": (2, 4, 2), "M": (4, 8, 8), "L": (8, 16, 16)}
"""(n, k, d): tasks, points on a shared support with one label each, dimension."""


def float_batch(size: str, count: int, seed: int = 0) -> Batch:
    """Random logistic instances of size S, M or L."""
    n, k, d = SIZES[size]
    rng = np.random.default_rng(seed)
    mass = rng.integers(1, 16, (count, n, k, 1)).astype(float)
    return Batch(
        Loss("logistic"),
        1,
        np.full(count, 0.5),
        rng.integers(-8, 9, (count, k, d)) / 4,
        rng.integers(0, 2, (count, n, k, 1)) * 2.0 - 1,
        mass / mass.sum((2, 3), keepdims=True),
        np.full((count, n), 1 / n),
        rng.integers(-8, 9, (count, d)) / 4,
        np.full(count, 4.0),
        rng.integers(-8, 9, (count, d)) / 4,
    )


def verify_floats(size: str, count: int) -> int:
    """End to end in float64: generate, adapt, terms, ball least squares, compare. Returns the violations."""
    quantities = BatchQuantities(float_batch(size, count))
    bound = quantities.radius * quantities.eps + quantities.weight_norm * quantities.misfit
    return int((quantities.gap > bound * (1 + 1e-9)).sum())


def rows() -> list[Row]:
    """The rows, size by size."""
    found = []
    for size in SIZES:
        count = 512
        found.append(Row(f"floats, size {size}", "generate, terms, bound, compare", count, _verify(size, count)))
        batch = float_batch(size, count)
        found.append(Row(f"meta-gradient, size {size}", "metagap, closed form", count, _gradient(batch)))
        if installed("torch"):
            from ...impl.oracles.batched import vmap_gradient

            found.append(Row(f"meta-gradient, size {size}", "torch.func vmap(grad)", count, vmap_gradient(batch)))
    return found


def _verify(size: str, count: int) -> Callable[[], object]:
    return lambda: verify_floats(size, count)


def _gradient(batch: Batch) -> Callable[[], object]:
    return lambda: BatchQuantities(batch).gradient
