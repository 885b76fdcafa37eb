"""Supervised problems drawn on dyadic grids, whatever they are drawn for: losses, laws, step sizes, linear models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from flint import fmpq

from ..arithmetic import Floats
from ..draws import composition, draw_features, draw_size, draw_weights, with_radius
from ..losses import LOSSES, Link, Loss
from ..sources import Limits, Source
from ..vector_losses import VectorLoss
from .batch import Array, Batch, TaskBatch, inner_law

CONVEX_LOSSES = tuple(name for name, family in LOSSES.items() if family.profile.convex and name != "absolute")
UNUSUAL_LOSSES = tuple(name for name in LOSSES if name not in CONVEX_LOSSES)
"""Not convex, or not differentiable: outside the theorem, for the audit."""
SMOOTH_LOSSES = tuple(name for name in CONVEX_LOSSES if not LOSSES[name].profile.joints)
Supported = TypeVar("Supported", bound=Any)
Laid = TypeVar("Laid", bound=TaskBatch)
"""A batch of any model: its laws are what is drawn here."""
STEEP = ("quartic", "exponential", "poisson")
"""Losses with unbounded curvature: steps stay below 1/curvature, or predictions overflow."""


def draw_loss(source: Source, name: str) -> Loss:
    parameter = LOSSES[name].profile.parameter
    if parameter is None:
        return Loss(name)
    options = (fmpq(1, 4), fmpq(1)) if parameter == "c" else (fmpq(1), fmpq(1, 2), fmpq(2))
    return Loss(name, source.choose(options))


def with_rates(source: Source, batch: Supported, kind: str) -> Supported:
    """A rate for each parameter (0 freezes it), "decay", or "both"."""
    if kind != "decay":
        batch = replace(batch, rates=source.grid(batch.omega.shape[1:], -4, 8) / 4)
    if kind != "rates":
        batch = replace(batch, decay=source.grid((), 1, 8) / 16 / np.maximum(batch.rate, 2.0**-6))
    return batch


def draw_masses(source: Source, n: int, k: int, depth: int, apart: bool = False) -> Array:
    """Masses (B, n, k, l): tasks share all inputs, or some, or (apart) none."""
    sharing = "apart" if apart else source.choose(("all", "all", "some"))
    masses = np.zeros((source.size, n, k, depth))
    for i in range(n):
        if sharing == "apart":
            points = [x for x in range(k) if x % n == i]
        elif sharing == "some":
            points = [x for x in range(k) if (x + i) % 2 == 0] or [0]
        else:
            points = list(range(k))
        count = len(points) * depth
        shares = composition(source, count).reshape(source.size, len(points), depth)
        if apart and count & (count - 1) == 0:  # a power of two
            shares = (shares + 1 / count) / 2
        masses[:, i, points] = shares
    return masses


def draw_labels(source: Source, loss: Loss, n: int, k: int, depth: int) -> Array:
    """Labels (B, n, k, l): per task, the same for all tasks, or in conflict between tasks."""
    kind = source.choose(("own", "own", "same", "conflicting"))
    rows = n if kind == "own" else 1
    shape = (rows, k, depth, *((loss.outputs,) if loss.link is Link.RESIDUAL and loss.outputs > 1 else ()))
    if loss.link is Link.CLASS:
        classes = source.grid(shape, 0, loss.outputs - 1)
        if kind == "conflicting":
            classes = (np.repeat(classes, n, axis=1) + np.arange(n)[:, None, None]) % loss.outputs
        return np.eye(loss.outputs)[np.repeat(classes, n // classes.shape[1], axis=1).astype(int)]
    if loss.link is Link.MARGIN:
        labels = 1 - 2 * source.grid(shape, 0, 1)
    elif loss.link is Link.CANONICAL:
        labels = source.grid(shape, 0, 5)
    else:
        labels = source.grid(shape, -8, 8) / 4
    labels = np.repeat(labels, n // rows, axis=1)
    if kind == "conflicting" and loss.link is not Link.CANONICAL:
        signs = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
        labels = labels * signs.reshape(n, *(1,) * (len(shape) - 1))
    return labels


def curvature(batch: Batch) -> Array:
    """A power of two above B^2 max ell'' at omega (B,): the scale of 1/eta."""
    if batch.loss.outputs > 1:
        return 2.0 ** np.ceil(np.log2(np.maximum((batch.features**2).sum(2).max(1), 2.0**-6)))
    z = (batch.features @ batch.omega[..., None])[..., 0][:, None, :, None]
    labels, masses = inner_law(batch)
    bend = np.where(masses > 0, batch.loss.d2(Floats, z, labels), 0.0).max((1, 2, 3))
    size = (batch.features**2).sum(2).max(1)
    return 2.0 ** np.ceil(np.log2(np.maximum(bend * size, 2.0**-6)))


def with_support(source: Source, batch: Supported, kinds: Sequence[str] = ("own", "labels", "part")) -> Supported:
    """The batch with inner laws: of their own, of other labels at the same inputs, or on a part of the outer laws'
    atoms."""
    n, k, depth = batch.masses.shape[1:]
    kind = source.choose(kinds)
    labels, masses = batch.labels, batch.masses
    if kind == "part":
        tilted = masses * source.grid((n, k, depth), 0, 3)
        total = tilted.sum((2, 3), keepdims=True)
        masses = np.where(total > 0, tilted / np.where(total > 0, total, 1.0), masses)
    else:
        labels = draw_labels(source, batch.loss, n, k, depth)
        masses = draw_masses(source, n, k, depth) if kind == "own" else masses
    return replace(batch, support_labels=labels, support_masses=masses)


def adapted(source: Source, batch: Batch, kind: str | None = None) -> Batch:
    """The batch with a step size from far below to far beyond 1/curvature, K steps, or the implicit step."""
    smooth = batch.loss.profile.convex and not batch.loss.profile.joints
    kind = kind or source.choose(("one step", "one step", "one step", "steps", "implicit" if smooth else "steps"))
    exponent = source.grid((), -6, -1 if batch.loss.name in STEEP else 3)
    rate = 2.0**exponent / curvature(batch)
    if kind == "implicit":
        return replace(batch, steps=0, rate=1 / rate)
    if kind == "steps":
        return replace(batch, steps=source.choose((2, 3)), rate=2.0 ** np.minimum(exponent, 0) / curvature(batch))
    return replace(batch, rate=rate)


def laid(kind: type[Laid], loss: Loss, features: Array, labels: Array, masses: Array, **given: Any) -> Laid:
    """Problems by hand: a step of 0, equal tasks, R = 1, or what is `given`."""
    count, n = masses.shape[:2]
    fixed = {"rate": np.zeros(count), "weights": np.full((count, n), 1 / n), "radius": np.ones(count)}
    return kind(loss=loss, features=features, labels=labels, masses=masses, **(fixed | given))


def problem(
    source: Source,
    name: str,
    limits: Limits,
    *,
    tasks: int | None = None,
    kind: str | None = None,
    apart: bool = False,
    supports: Sequence[str] = (),
    outputs: int = 1,
) -> Batch:
    """Problems with omega and a parameter comparator on the grid; `supports`: kinds of inner laws of their own."""
    loss = draw_loss(source, name) if outputs == 1 else VectorLoss(name, outputs=outputs)
    n = tasks or draw_size(source, limits.tasks)
    k, d = draw_size(source, limits.points), draw_size(source, limits.dimension)
    depth = source.choose(tuple(range(1, limits.labels + 1)))
    if apart:
        d = k = max(d, n)
        depth = 1
        eye = np.eye(d) * (1 + source.grid((d, 1), 0, 4) / 4)
        features = eye + np.triu(np.ones((d, d)), 1) * source.grid((d, d), -4, 4) / 4
    else:
        features = draw_features(source, k, d)
    batch = laid(
        Batch,
        loss,
        features,
        draw_labels(source, loss, n, k, depth),
        draw_masses(source, n, k, depth, apart),
        weights=draw_weights(source, n),
        omega=source.grid((outputs * d,), -8, 8) / 4,
        rival=source.grid((outputs * d,), -8, 8) / 4,
    )
    batch = (with_support(source, batch, supports) if supports else batch).spread
    return with_radius(source, adapted(source, batch, kind))
