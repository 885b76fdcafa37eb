"""Good points of a landscape: where the upper bound comes from. Nothing here is a proof."""

from __future__ import annotations

import math
import time

import numpy as np

from ..arithmetic import PROPOSING, Array, least_squares
from .convex import value_at
from .landscape import Derivatives, Landscape
from .stack import Balls2, Stack

CANDIDATES, MANY = 12, 16
"""How many of the scattered points are improved: up to three dimensions, and per dimension beyond."""
ROUNDS = 20
"""How often L-BFGS begins anew."""
NEAR, NARROW = 16.0, 0.125
"""Predictions up to which points are scattered again, where that is less than a part of the ball."""


def scattered(count: int, dimension: int, radius: float) -> Array:
    """Points (count, d) spread evenly over the ball: an additive recurrence, pulled inwards from the cube."""
    ratio = 2.0
    for _ in range(40):
        ratio = (1 + ratio) ** (1 / (dimension + 1))
    alpha = (1 / ratio) ** np.arange(1, dimension + 1)
    cube = 2 * ((0.5 + alpha * np.arange(1, count + 1)[:, None]) % 1) - 1
    longest, length = np.abs(cube).max(1, keepdims=True), np.linalg.norm(cube, axis=1, keepdims=True)
    return radius * cube * np.where(length > 0, longest / np.maximum(length, 1e-300), 0.0)


def into_ball(theta: Array, radius: float) -> Array:
    """The points of the ball nearest to theta (N, d), strictly inside by rounding."""
    length = np.linalg.norm(theta, axis=1, keepdims=True)
    return theta * np.minimum(1.0, radius * (1 - 2.0**-50) / np.maximum(length, 1e-300))


def _within(theta: Array, step: Array, radius: float) -> Array:
    """The part in [0, 1] of each step (N, 1) after which it leaves the ball: within it Newton's step leads downhill."""
    square, along = (step**2).sum(1, keepdims=True), (theta * step).sum(1, keepdims=True)
    room = np.maximum(radius * radius - (theta**2).sum(1, keepdims=True), 0.0)
    part = room / np.maximum(np.sqrt(along**2 + square * room) + along, 1e-300)
    return np.minimum(np.where(np.isfinite(part), part, 1.0), 1.0)


def improve(scape: Landscape, theta: Array, radius: float) -> tuple[Array, Array]:
    """Projected saddle-free Newton from theta (N, d): points of the ball and their values, never worse.

    In coordinates in which predictions move alike, so that features of very different sizes do not spoil it.
    """
    theta = into_ball(theta, radius)
    at = scape.derivatives(theta)
    damping, scale = np.full(len(theta), 1e-3), scape.scale
    for _ in range(25):
        finite = np.isfinite(at.hessian).all((1, 2)) & np.isfinite(at.gradient).all(1)
        gradient = np.where(finite[:, None], at.gradient, 0.0)
        hessian = np.where(finite[:, None, None], at.hessian, 0.0)
        # On the sphere Newton's step is for the Lagrangian, along the tangent; from within it ends on the sphere.
        length = np.linalg.norm(theta, axis=1)
        pushed = -(gradient * theta).sum(1) / np.maximum(length, 1e-300)
        multiplier = np.where((length >= radius * (1 - 1e-9)) & (pushed > 0), pushed / radius, 0.0)
        hessian = (hessian + multiplier[:, None, None] * np.eye(theta.shape[1])) * scale * scale[:, None]
        gradient = (gradient + multiplier[:, None] * theta) * scale
        held = multiplier > 0
        if held.any():
            normal = theta[held] * scale
            normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
            tangent = np.eye(theta.shape[1]) - normal[:, :, None] * normal[:, None]
            hessian[held] = tangent @ hessian[held] @ tangent
            gradient[held] = (tangent @ gradient[held, :, None])[..., 0]
        values, vectors = np.linalg.eigh(hessian)
        size = np.abs(values).max(1, keepdims=True) + 1e-12
        pulled = (vectors.transpose(0, 2, 1) @ gradient[..., None])[..., 0]
        if not (((pulled**2 / (np.abs(values) + 1e-14 * size)).sum(1)) > 1e-14 * np.abs(at.value) + 1e-18).any():
            break  # Newton's step would gain nothing anywhere
        pulled = pulled / (np.abs(values) + damping[:, None] * size)
        step = -(vectors @ pulled[..., None])[..., 0] * scale
        trial = into_ball(theta + np.where(held[:, None], 1.0, _within(theta, step, radius)) * step, radius)
        after = scape.derivatives(trial)
        better = after.value < at.value
        damping = np.clip(np.where(better, damping / 8, damping * 6), 1e-14, 1e8)
        theta, at = np.where(better[:, None], trial, theta), after.where(better, at)
    return theta, np.where(np.isnan(at.value), np.inf, at.value)


def best_point(scape: Landscape, radius: float) -> tuple[Array, float]:
    """A point (d,) of the ball with a small value, and the value."""
    count = min(96 * scape.dimension, scape.batch)
    points = scattered(count, scape.dimension, radius)
    near = np.minimum(NEAR * scape.scale / radius, 1.0)
    if near.min() < NARROW:
        # Along large features all but a thin slice of the ball has predictions that are far off.
        points = np.concatenate([points, points * near])
    points = np.concatenate([np.zeros((1, scape.dimension)), points])
    values = scape.value(points)
    count = CANDIDATES if scape.dimension <= 3 else MANY * scape.dimension
    chosen = points[np.argsort(values)[:count]]
    theta, values = improve(scape, chosen, radius)
    best = int(np.argmin(values))
    return theta[best], float(values[best])


def polished(scape: Landscape, theta: Array, radius: float) -> Array:
    """theta (d,) after a few undamped Newton steps on its optimality conditions, if that lowers |residual|."""
    start, d = theta, len(theta)
    on_edge = np.linalg.norm(theta) >= radius * (1 - 1e-9)
    for _ in range(6):
        at = scape.derivatives(theta[None])
        gradient, hessian = at.gradient[0] * scape.scale, at.hessian[0] * scape.scale * scape.scale[:, None]
        if not (np.isfinite(hessian).all() and np.isfinite(gradient).all()):
            return start
        system, target = hessian, gradient
        if on_edge:
            multiplier = max(-float(at.gradient[0] @ theta) / float(theta @ theta), 0.0)
            normal = (theta * scape.scale)[:, None]
            system = np.block([[hessian + multiplier * np.diag(scape.scale**2), normal], [normal.T, np.zeros((1, 1))]])
            target = np.append(gradient + multiplier * normal[:, 0], (theta @ theta - radius * radius) / 2)
        step = least_squares(system, target, 1e-13)[:d] * scape.scale
        if not np.linalg.norm(step) <= 1e-3 * (radius + np.linalg.norm(theta)):
            break
        theta = into_ball((theta - step)[None], radius)[0]
        if not np.linalg.norm(step / scape.scale) > 1e-15 * np.linalg.norm(theta / scape.scale):
            break
    ends = scape.value(np.stack([theta, start]))
    return theta if ends[0] <= ends[1] * (1 + 1e-12) + 1e-15 else start


@PROPOSING
def downhill(stack: Stack, starts: list[Array], radius: float, deadline: float) -> Array:
    """The best point (d,) of the ball (inf: anywhere) that L-BFGS finds from the starts; any number of parameters."""

    from scipy.optimize import minimize

    def objective(theta: Array) -> tuple[float, Array]:
        start = Balls2(theta[None], np.zeros(1))
        path = stack.adapted(start, stack.masses, stack.rate, stack.steps)
        slope = stack.gathered(stack.outer * stack.ranges.at(1, path.z))
        gradient = stack.weights.mid @ stack.back(slope, path.bends, stack.rate).mid
        value = float(stack.row_weights.mid @ stack.ranges.at(0, path.z).mid)
        return (value, gradient) if math.isfinite(value) and np.isfinite(gradient).all() else (1e300, 0 * theta)

    def timed(_: Array) -> None:
        if time.monotonic() > deadline:
            raise StopIteration

    best, least = starts[0], math.inf
    for start in starts:
        # Where its line search gave up, it goes on without what it remembers.
        for _ in range(ROUNDS):
            found = minimize(objective, start, jac=True, method="L-BFGS-B", callback=timed).x
            point = into_ball(found[None], radius)[0] if math.isfinite(radius) else found
            value = value_at(stack, point)
            if not value < least:
                break
            best, least, start = point, value, point
            if time.monotonic() > deadline:
                return best
    return best


def critical_points(scape: Landscape, radius: float, most: int) -> list[tuple[str, Array]]:
    """At most `most` different critical points within the ball, each with its kind; higher ones first.

    Levenberg-Marquardt on ||grad L||^2 from scattered points: it stops at minima, saddles and maxima alike.
    """
    theta = scattered(min(48 * scape.dimension, scape.batch), scape.dimension, radius)
    with np.errstate(over="ignore", invalid="ignore"):
        theta, at = _to_critical(scape, theta)
    size = np.linalg.norm(at.gradient, axis=1)
    scale = 1e-9 * (1 + np.abs(at.value))
    found: list[tuple[str, Array]] = []
    for i in np.argsort(-at.value):
        inside = np.linalg.norm(theta[i]) <= radius
        if not (size[i] <= scale[i] and inside and np.isfinite(at.value[i])):
            continue
        if any(np.linalg.norm(theta[i] - other) <= 1e-4 * radius for _, other in found):
            continue
        bends = np.linalg.eigvalsh(at.hessian[i])
        flat = 1e-9 * np.abs(bends).max() + 1e-12
        kind = "local minimum" if bends[0] > flat else "local maximum" if bends[-1] < -flat else "saddle"
        kind = "flat minimum" if -flat <= bends[0] <= flat else kind
        found.append((kind, theta[i]))
        if len(found) == most:
            break
    return found


def _to_critical(scape: Landscape, theta: Array) -> tuple[Array, Derivatives]:
    damping = np.full(len(theta), 1e-2)
    at = scape.derivatives(theta)
    for _ in range(40):
        usable = np.isfinite(at.hessian).all((1, 2)) & np.isfinite(at.gradient).all(1)
        hessian = np.where(usable[:, None, None], at.hessian, 0.0)
        gradient = np.where(usable[:, None], at.gradient, 0.0)
        values, vectors = np.linalg.eigh(hessian)
        room = damping[:, None] * (values**2).max(1, keepdims=True) + 1e-300
        pull = (vectors.transpose(0, 2, 1) @ gradient[..., None])[..., 0]
        step = (vectors @ (values * pull / (values**2 + room))[..., None])[..., 0]
        trial = scape.derivatives(theta - step)
        better = (trial.gradient**2).sum(1) < (at.gradient**2).sum(1)
        damping = np.clip(np.where(better, damping / 6, damping * 5), 1e-16, 1e8)
        theta = np.where(better[:, None], theta - step, theta)
        at = trial.where(better, at)
    return theta, at
