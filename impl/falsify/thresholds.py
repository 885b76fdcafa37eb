r"""Where the data-free convexity of C8 ends: steps s = eta B^2 that are proved convex, and one that is not.

Proved: the largest s at which the assumption `small-step` is certified. Refuted: the smallest s found at which an
instance has certified negative curvature; searched among single tasks with one parameter (if every single-task L_i is
convex, so is L = sum q_i L_i). For one task and one parameter, with R' etc. the derivatives of the risk,

    L'' = R''(omega_1) (1 - s R''(omega))^2 - s R'''(omega) R'(omega_1),   omega_1 = omega - s R'(omega).
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from flint import arb, ctx, fmpq

from ..arithmetic import Array, Balls, Floats, bounds, to_float
from ..losses import Link, Loss
from ..supervised import taylor
from ..supervised.adaptation import Gradient
from ..supervised.batch import Batch
from ..supervised.instance import Atom, MetaSLInstance, Task
from ..supervised.maml import Problem
from ..supervised.quantities import MetaSLQuantities
from ..verdicts import standing
from .evolution import Enough, evolution

LOSSES = (Loss("logistic"), Loss("log-cosh"), Loss("pseudo-huber", fmpq(1)))
POINTS = 3
GRID = 2.0 ** np.arange(-3, 3.01, 1 / 16)
"""Steps at which the curvature of a candidate is looked at before they are refined."""


@dataclass(frozen=True)
class Threshold:
    """L is convex for every problem with s <= proved; at s = refuted the instance has negative curvature."""

    loss: str
    proved: float
    refuted: float
    curvature: float
    """Upper end of the enclosure of L''."""
    instance: MetaSLInstance


def proved(loss: Loss, digits: int = 20) -> float:
    """The largest s (to 2^-digits) at which the assumption of C8 is certified, by bisection: its margin decreases."""
    task = Task(fmpq(1), (Atom(0, fmpq(1), fmpq(1)),))
    low, high = 0, 2**digits
    while high - low > 1:
        middle = (low + high) // 2
        eta = fmpq(middle, 2**digits)
        instance = MetaSLInstance(loss, Gradient(eta), ((fmpq(1),),), (task,), (fmpq(0),), (fmpq(0),), fmpq(1))
        with ctx.workprec(128):
            holds = standing(MetaSLQuantities(instance)("margin_small_step"))
        low, high = (middle, high) if holds else (low, middle)
    return low / 2**digits


def _curvature(batch: Batch, s: Array) -> Array:
    """L'' relative to the size of its summands, at steps s (B, m) for features scaled to B = 1."""
    phi = batch.features[..., 0] / np.abs(batch.features[..., 0]).max(1, keepdims=True)
    y, p, loss = batch.labels[:, 0, :, 0], batch.masses[:, 0, :, 0], batch.loss

    def risk(order: int, at: Array) -> Array:
        evaluate = (loss.value, loss.d1, loss.d2, loss.d3)[order]
        values = evaluate(Floats, at[..., None] * phi[:, None], y[:, None])
        found: Array = (p[:, None] * phi[:, None] ** order * values).sum(2)
        return found

    here = np.broadcast_to(batch.omega, s.shape)
    slope, bend = risk(1, here), risk(2, here)
    after = here - s * slope
    up, down = risk(2, after) * (1 - s * bend) ** 2, s * risk(3, here) * risk(1, after)
    found: Array = (up - down) / (np.abs(up) + np.abs(down) + 1e-300)
    return found


def _first(batch: Batch) -> tuple[Array, Array]:
    """The smallest step of negative curvature (B,), refined by bisection (inf: none), and the least curvature (B,)."""
    steps = np.broadcast_to(GRID, (len(batch), len(GRID)))
    bends = _curvature(batch, steps)
    negative = bends < -1e-6
    index = np.argmax(negative, axis=1)
    high = np.where(negative.any(1), GRID[index], np.inf)
    low = np.where(index > 0, GRID[np.maximum(index - 1, 0)], GRID[0] / 2)
    for _ in range(20):
        middle = np.where(np.isfinite(high), (low + high) / 2, GRID[0])
        bad = _curvature(batch, middle[:, None])[:, 0] < -1e-6
        high = np.where(np.isfinite(high) & bad, middle, high)
        low = np.where(bad, low, middle)
    return high, bends.min(1)


def _starts(loss: Loss, rng: np.random.Generator, count: int) -> Batch:
    shape = (count, 1, POINTS, 1)
    labels = 8 * rng.standard_normal(shape)
    if loss.link is Link.MARGIN:
        labels = np.sign(labels)
    masses = np.exp(-6 * rng.random(shape))
    features = np.where(rng.random((count, POINTS, 1)) < 0.5, 1.0, rng.uniform(-1, 1, (count, POINTS, 1)))
    return Batch(
        loss,
        np.ones(count),
        features,
        labels,
        masses / masses.sum((2, 3), keepdims=True),
        np.ones((count, 1)),
        4 * rng.standard_normal((count, 1)),
        np.ones(count),
        np.zeros((count, 1)),
    )


def _exact(row: Batch, s: float) -> MetaSLInstance:
    """The batch of one at the step s, all numbers exact."""
    instance = row.instance(0)
    size = max(abs(v[0]) for v in instance.features)
    top, bottom = s.as_integer_ratio()
    omega = tuple(v / size for v in instance.omega)
    return replace(instance, adaptation=Gradient(fmpq(top, bottom) / (size * size)), omega=omega)


def threshold(loss: Loss, seed: int = 0, work: int = 32_768) -> Threshold | None:
    """The bracket for one loss, of `work` instances; None if no negative curvature was found and certified."""
    rng, looked = np.random.default_rng((seed, 8)), 0
    best, row = np.inf, None

    def visit(batch: Batch) -> Array:
        nonlocal best, row, looked
        looked += len(batch)
        with np.errstate(all="ignore"):
            steps, least = _first(batch)
        steps = np.where(np.isnan(steps), np.inf, steps)
        b = int(np.argmin(steps))
        if steps[b] < best:
            best, row = float(steps[b]), batch.take([b])
        if looked >= work:
            raise Enough
        # Below -1 as long as no step has negative curvature: the least curvature leads there.
        return np.where(np.isfinite(steps), -np.log(steps), -10 - np.nan_to_num(least, nan=1.0))

    with suppress(Enough):
        evolution((_starts(loss, rng, 128) for _ in itertools.count()), visit, rng)
    if row is None:
        return None
    instance = _exact(row, best)
    with ctx.workprec(192):
        problem = Problem(instance.canonical, Balls)
        bend = taylor.curvature(problem, [arb(1)])
        assert isinstance(instance.adaptation, Gradient)
        used = [instance.features[atom.x][0] for task in instance.canonical.tasks for atom in task.atoms]
        s = to_float(instance.adaptation.eta * max(v * v for v in used))
        if not standing(-bend):
            return None
        return Threshold(loss.name, proved(loss), float(np.nextafter(s, np.inf)), bounds(bend)[1], instance)
