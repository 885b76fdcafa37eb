"""Smooth network tasks by construction: those of networks at widths up to 64, with any activation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ...draws import with_radius
from ...models.activation import ACTIVATIONS
from ...sources import SMALL, Generator, Limits, Source
from ..draws import CONVEX_LOSSES, STEEP
from ..generate import step_away
from ..relu.batch import NetworkBatch
from ..relu.batch_quantities import NetworkBatchQuantities
from ..relu.generate import AtStart, arbitrary, drawn, independent, table, tangents

WIDTHS = (1, 2, 4, 16, 64)


def drawn_smooth(source: Source, loss: str, limits: Limits = SMALL, *, supports: Sequence[str] = ()) -> NetworkBatch:
    """Any problem, W and comparator on the grid."""
    activation = source.choose(tuple(ACTIVATIONS))
    batch = drawn(source, loss, limits, width=source.choose(WIDTHS), supports=supports)
    return replace(batch, activation=activation)


def drift(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """One input, one-signed neurons that all move alike from where sigma'' is largest: the errors of the ball."""
    batch = drawn(source, loss, limits, tasks=1, points=1, width=source.choose(WIDTHS))
    activation = source.choose(tuple(ACTIVATIONS))
    x = batch.features[:, :1]
    size = (x**2).sum(2, keepdims=True)
    unit = np.where(size > 0, x / np.where(size > 0, size, 1.0), 0.0)
    place = ACTIVATIONS[activation].steepest
    move = 2.0 ** source.grid((), -6, 2)[:, None, None] * source.choose((1.0, -1.0))
    initial = np.broadcast_to(place * unit, batch.omega.shape)
    alike = replace(
        batch,
        signs=np.ones(batch.signs.shape),
        initial=initial,
        omega=initial + move * unit,
        rate=np.where(source.grid((), 0, 1) > 0, batch.rate, 0.0),
    )
    return tangents(source, replace(alike, activation=activation), AtStart)


def still(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """W = W0: the step alone moves the features. Tangent comparators."""
    batch = drawn_smooth(source, loss, limits)
    return tangents(source, replace(batch, omega=batch.initial))


def steps(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """Two or three large steps from W = W0, whose factors differ and expand. Tangent comparators."""
    batch = drawn_smooth(source, loss, limits)
    larger = source.choose((1.0, 2.0) if loss in STEEP else (4.0, 64.0))
    large = replace(batch, omega=batch.initial, steps=source.choose((2, 3)), rate=larger * batch.rate)
    return tangents(source, large)


def local(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """A comparator one small gradient step away."""
    batch = drawn_smooth(source, loss, limits)
    return with_radius(source, step_away(source, NetworkBatchQuantities(batch)))


def interpolating(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """Tasks with inputs of their own, enough neurons, and tangent comparators: the bound of C3 is nearly attained."""
    batch = replace(independent(source, loss, limits), activation=source.choose(tuple(ACTIVATIONS)))
    return tangents(source, batch)


def landscapes(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """Problems whose infimum is bracketed: a few neurons."""
    small = replace(limits, tasks=min(limits.tasks, 2), points=min(limits.points, 3))
    activation = source.choose(tuple(ACTIVATIONS))
    return replace(drawn(source, loss, small, width=source.choose((4, 16))), activation=activation)


start, stationary = (partial(arbitrary, rival=rival, draw=drawn_smooth) for rival in ("start", "stationary"))
GENERATORS = table(
    drawn_smooth,
    tuple(ACTIVATIONS),
    Generator("steps", "large steps whose factors differ", steps, CONVEX_LOSSES),
    Generator("tangent-start", "tangent comparators of features at initialisation", start, CONVEX_LOSSES),
    Generator("drift", "neurons that all move alike from where they bend most", drift, CONVEX_LOSSES),
    Generator("stationary", "W after descent", stationary, CONVEX_LOSSES),
    Generator("still", "W at its initialisation", still, CONVEX_LOSSES),
    Generator("interpolating", "inputs of their own, tangent comparators (C3)", interpolating, CONVEX_LOSSES),
    Generator("local", "comparator one small gradient step away", local, CONVEX_LOSSES),
)

LANDSCAPES = Generator(
    "landscapes", "smooth networks whose infimum is bracketed", landscapes, ("squared", "logistic", "pseudo-huber")
)

SEARCHING = ("arbitrary", "functions", "tangent", "steps", "tangent-start", "drift", "local", "stationary", "still",
             "interpolating", "support-query", "vector-outputs", "vector-tangent", "rates-tangent")  # fmt: skip
"""The generators that look for counterexamples."""
