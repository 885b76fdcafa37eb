"""The meta-objective of one instance in float64: values and derivatives at many points, enclosures over many boxes.

Everything runs through the k predictions z = X theta, not through theta. With A = XX' a gradient step is
z <- z - eta A s(z), s(z)[x] = sum_y p ell'(z_x, y), and the rows W = dz/dtheta (k, d) follow W <- (I - eta A diag h)W
with h = s'. Over a box c +- r the predictions are enclosed around those of the centre, z(c) +- (|W|)r with W enclosed
over the box: the natural range of the outer loss on them is already accurate to second order.

Enclosures are midpoint-radius, with room for rounding (`ranges.SLACK`). They propose; `check` decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arithmetic import Array, to_float
from ..meta_sl.batch import batch_of
from ..meta_sl.instance import Gradient, MetaSLInstance
from .certificate import basis
from .ranges import SLACK, Ranges

TINY = 2.0**-48
"""Relative room for one short sum of products."""


@dataclass(frozen=True)
class Derivatives:
    """At points: value (N,), gradient (N, d), hessian (N, d, d)."""

    value: Array
    gradient: Array
    hessian: Array


class Enclosure:
    """The meta-objective over boxes c +- r, (N, d) each: computed as far as it is asked for."""

    def __init__(self, landscape: Landscape, centre: Array, half: Array, second: bool) -> None:
        self._scape, self.half = landscape, half
        self._last = landscape.reach(centre, half, second)

    @cached_property
    def natural(self) -> Array:
        """A lower bound of L over each box (N,): the range of the outer loss on the adapted predictions."""
        low, _ = self._scape.ranges.over(0, *self._last.interval)
        total = (self._scape.weights[:, None] * low).sum((1, 2))
        return total - SLACK * np.abs(total)

    @cached_property
    def at_centre(self) -> tuple[Array, Array]:
        """L(c) and its rounding error (N,)."""
        z = self._last.centre
        risks = self._scape.weights[:, None] * self._scape.ranges.at(0, z)
        slopes = self._scape.weights[:, None] * np.abs(self._scape.ranges.at(1, z))
        error = SLACK * np.abs(risks).sum((1, 2)) + 2 * (slopes * self._last.error).sum((1, 2)) + 2.0**-50
        return risks.sum((1, 2)), error

    @cached_property
    def slopes(self) -> tuple[Array, Array]:
        """q_i s_i over the box, midpoint and radius (N, n, k)."""
        middle, radius = _middle(*self._scape.ranges.over(1, *self._last.interval))
        weights = self._scape.weights[:, None]
        return weights * middle, weights * radius

    @cached_property
    def gradient(self) -> tuple[Array, Array]:
        """grad L over the box: midpoint and radius (N, d)."""
        (middle, radius), last = self.slopes, self._last
        size = np.abs(last.rows)
        spread = np.abs(middle)[..., None] * (last.spread + TINY * size) + radius[..., None] * (size + last.spread)
        return (middle[..., None] * last.rows).sum((1, 2)), spread.sum((1, 2))

    @cached_property
    def mean_value(self) -> Array:
        """The mean-value lower bound L(c) - |grad L|'r (N,)."""
        value, error = self.at_centre
        middle, radius = self.gradient
        fall = ((np.abs(middle) + radius) * self.half).sum(1)
        return value - error - fall * (1 + SLACK)

    @cached_property
    def hessian(self) -> tuple[Array, Array]:
        """Hess L over the box: midpoint and radius (N, d, d), if it was asked for."""
        last, (slope, slope_radius) = self._last, self.slopes
        middle, radius = _middle(*self._scape.ranges.over(2, *last.interval))
        weights = self._scape.weights[:, None]
        bend, size = last.bend, np.abs(last.bend)
        curvature, outer = _outer(last.rows, last.spread)
        middle, radius = (weights * middle)[..., None, None], (weights * radius)[..., None, None]
        total = middle * curvature + slope[..., None, None] * bend
        spread = np.abs(middle) * outer + radius * (np.abs(curvature) + outer)
        spread = spread + np.abs(slope)[..., None, None] * last.bend_spread
        spread = spread + slope_radius[..., None, None] * (size + last.bend_spread)
        spread = spread + TINY * (np.abs(middle * curvature) + np.abs(slope)[..., None, None] * size)
        return total.sum((1, 2)), spread.sum((1, 2))


@dataclass(frozen=True)
class _Reach:
    """Predictions of one iterate over boxes: centre, rounding error, radius (N, n, k); rows dz/dtheta (N, n, k, d)."""

    centre: Array
    error: Array
    radius: Array
    rows: Array
    spread: Array
    bend: Array
    """d2z/dtheta2 (N, n, k, d, d), and its radius; empty for the implicit step."""
    bend_spread: Array

    @property
    def interval(self) -> tuple[Array, Array]:
        return self.centre - self.radius, self.centre + self.radius


class Landscape:
    """L of an instance, in coordinates that span its features.

    features (n, k, d) of each task's own points, gram (n, k, k) their inner products, weights (n,). `basis` (d, D) maps
    reduced coordinates to parameters: theta = t'basis, with ||theta|| = ||t||.
    """

    def __init__(self, instance: MetaSLInstance) -> None:
        batch = batch_of(instance)
        live = batch.weights[0] > 0
        masses, labels = batch.masses[0][live], batch.labels[0][live]
        # A task sees its own support points alone, the others are left out; short ones are padded by points of no mass.
        rho = masses.sum(2)
        order = np.argsort(rho <= 0, axis=1, kind="stable")[:, : max(int((rho > 0).sum(1).max()), 1)]
        pick = np.take_along_axis
        masses, labels = pick(masses, order[..., None], 1), pick(labels, order[..., None], 1)
        self.instance = instance
        self.weights = batch.weights[0][live]
        self.ranges = Ranges(instance.loss, labels, masses)
        exact = [[to_float(v) for v in row] for row in basis(instance)]
        self.basis = np.array(exact) / np.linalg.norm(exact, axis=1, keepdims=True)
        self.features = batch.features[0][order] @ self.basis.T * (masses.sum(2) > 0)[..., None]
        self.dimension = len(self.basis)
        self.gram = self.features @ self.features.transpose(0, 2, 1)
        n, k, d = self.features.shape
        self.batch = int(np.clip(2**23 // (n * k * (k + d * d)), 1, 1024))
        """How many points or boxes are evaluated at once: what fits into memory."""
        self.steps, self.rate = batch.steps, float(batch.rate[0])
        self.smooth = isinstance(instance.adaptation, Gradient) and not instance.loss.profile.joints
        # Of the squared loss adapted predictions are affine in theta, so that L is a convex quadratic.
        self.quadratic = instance.loss.name == "squared"

    def predictions(self, theta: Array) -> Array:
        """h_theta at each task's points (N, n, k)."""
        return np.moveaxis(self.features @ theta.T, -1, 0)

    @staticmethod
    def _shrunk(gram: Array, values: Array) -> Array:
        """gram (n, k, k) times values (N, n, k)."""
        product: Array = (gram @ values[..., None])[..., 0]
        return product

    # --- at points ------------------------------------------------------------------------------------------

    def adapted(self, theta: Array) -> Array:
        """z after adaptation (N, n, k) of theta (N, d)."""
        z = self.predictions(theta)
        if self.steps == 0:
            return self._proximal(z)[0]
        for _ in range(self.steps):
            z = z - self.rate * self._shrunk(self.gram, self.ranges.at(1, z))
        return z

    def value(self, theta: Array) -> Array:
        """L (N,) at theta (N, d)."""
        with np.errstate(over="ignore", invalid="ignore"):
            value = (self.weights[:, None] * self.ranges.at(0, self.adapted(theta))).sum((1, 2))
        return np.where(np.isnan(value), np.inf, value)

    def derivatives(self, theta: Array) -> Derivatives:
        """Value, gradient and Hessian at theta (N, d) (for the implicit step the Hessian's positive part)."""
        with np.errstate(over="ignore", invalid="ignore"):
            z = self.predictions(theta)
            eye = np.eye(self.features.shape[1])
            count, d = theta.shape
            shape = (*z.shape, d)
            rows = np.broadcast_to(self.features, shape)
            bend = np.zeros((*shape, d))
            if self.steps == 0:
                z = self._proximal(z)[0]
                h = self.ranges.at(2, z)
                rows = _inverse(eye + self.gram * h[..., None, :] / self.rate) @ rows
            for _ in range(self.steps):
                h, t = self.ranges.at(2, z), self.ranges.at(3, z)
                factor = eye - self.rate * self.gram * h[..., None, :]
                pull = (t[..., None] * rows)[..., None] * rows[..., None, :]
                flat = factor @ bend.reshape(*z.shape, d * d) - self.rate * self.gram @ pull.reshape(*z.shape, d * d)
                z = z - self.rate * self._shrunk(self.gram, self.ranges.at(1, z))
                rows, bend = factor @ rows, flat.reshape(*shape, d)
            weights = self.weights[:, None]
            s, h = weights * self.ranges.at(1, z), weights * self.ranges.at(2, z)
            stacked = rows.reshape(count, -1, d)
            hessian = stacked.transpose(0, 2, 1) @ (h.reshape(count, -1, 1) * stacked)
            hessian = hessian + (s[..., None, None] * bend).sum((1, 2))
            value = (weights * self.ranges.at(0, z)).sum((1, 2))
            return Derivatives(value, (s[..., None] * rows).sum((1, 2)), hessian)

    def _proximal(self, start: Array) -> tuple[Array, Array]:
        """z solving z + A s(z)/lambda = start, by damped Newton, and ||theta' - exact|| (N, n), a posteriori.

        In coefficients: theta' = theta - X'c/lambda with c = s(z); the residual of the proximal equation is
        X'(s(z) - c)/lambda, and the equation is strongly monotone with modulus 1 (convex loss).
        """
        c = np.zeros_like(start)
        z = start
        for _ in range(60):
            s, h = self.ranges.at(1, z), self.ranges.at(2, z)
            # Newton for c - s(start - A c/lambda) = 0: (I + diag(h) A/lambda) step = s - c.
            system = np.eye(self.features.shape[1]) + h[..., None] * self.gram / self.rate
            step = (_inverse(system) @ (s - c)[..., None])[..., 0]
            before = self._residual(s - c)
            length = np.ones(before.shape)
            for _ in range(12):
                trial = c + length[..., None] * step
                z = start - self._shrunk(self.gram, trial) / self.rate
                after = self._residual(self.ranges.at(1, z) - trial)
                worse = ~(after <= before * (1 - length / 4)) & (before > 1e-14)
                if not worse.any():
                    break
                length = np.where(worse, length / 2, length)
            c = c + length[..., None] * step
            z = start - self._shrunk(self.gram, c) / self.rate
            if not (self._residual(self.ranges.at(1, z) - c) > 1e-13).any():
                break
        return z, self._residual(self.ranges.at(1, z) - c) * (1 + SLACK) + 1e-15 * (1 + np.abs(start).max(2))

    def _residual(self, values: Array) -> Array:
        pulled = (values[..., None, :] @ self.features)[..., 0, :]
        size: Array = np.linalg.norm(pulled, axis=-1) / self.rate
        return size

    # --- over boxes -----------------------------------------------------------------------------------------

    def over(self, centre: Array, half: Array, second: bool = False) -> Enclosure:
        """Enclosures over the boxes centre +- half (N, d); `second`: with the Hessian (smooth landscapes only)."""
        return Enclosure(self, centre, half, second)

    def reach(self, centre: Array, half: Array, second: bool) -> _Reach:
        """The adapted predictions over boxes."""
        if self.steps == 0:
            return self._proximal_over(centre, half)
        n, k, d = self.features.shape
        shape = (len(centre), n, k)
        z = self.predictions(centre)
        error = TINY * np.moveaxis(np.abs(self.features) @ np.abs(centre).T, -1, 0)
        rows = np.broadcast_to(self.features, (*shape, d))
        bend = np.zeros((1, 1, k, d, d))
        reach = self._reach(z, error, rows, np.zeros((1, 1, k, d)), bend, bend, half)
        for _ in range(self.steps):
            reach = self._step_over(reach, half, second)
        return reach

    def _reach(
        self, z: Array, error: Array, rows: Array, spread: Array, bend: Array, bend_spread: Array, half: Array
    ) -> _Reach:
        radius = ((np.abs(rows) + spread) * half[:, None, None]).sum(-1) * (1 + SLACK) + error
        return _Reach(z, error, radius, rows, spread, bend, bend_spread)

    def _step_over(self, before: _Reach, half: Array, second: bool) -> _Reach:
        gram, rate, ranges = self.gram, self.rate, self.ranges
        size = np.abs(rate) * np.abs(gram)
        slope = ranges.at(1, before.centre)
        z = before.centre - rate * self._shrunk(gram, slope)
        h, h_radius = _middle(*ranges.over(2, *before.interval))
        factor = np.eye(gram.shape[1]) - rate * gram * h[..., None, :]
        # The error in z grows by the slope's Lipschitz constant over the box, |h| + its radius.
        grown = self._shrunk(size, (np.abs(h) + h_radius) * before.error + TINY * np.abs(slope))
        error = before.error + grown + TINY * np.abs(before.centre)
        rows = factor @ before.rows
        reach = np.abs(before.rows) + before.spread
        absolute = np.abs(factor)
        spread = absolute @ (before.spread + TINY * np.abs(before.rows)) + size @ (h_radius[..., None] * reach)
        bend, bend_spread = before.bend, before.bend_spread
        if second:
            bend, bend_spread = self._bend_over(before, factor, h_radius)
        return self._reach(z, error, rows, spread * (1 + SLACK), bend, bend_spread, half)

    def _bend_over(self, before: _Reach, factor: Array, h_radius: Array) -> tuple[Array, Array]:
        d = self.dimension
        count, n, k = before.centre.shape
        flat = (count, n, k, d * d)
        size = np.abs(self.rate) * np.abs(self.gram)
        t, t_radius = _middle(*self.ranges.over(3, *before.interval))
        outer, outer_radius = _outer(before.rows, before.spread)
        pull = (t[..., None, None] * outer).reshape(flat)
        around = np.abs(t)[..., None, None] * outer_radius + t_radius[..., None, None] * (np.abs(outer) + outer_radius)
        old = np.broadcast_to(before.bend.reshape(*before.bend.shape[:3], d * d), flat)
        old_radius = np.broadcast_to(before.bend_spread.reshape(*before.bend_spread.shape[:3], d * d), flat)
        bend = factor @ old - self.rate * self.gram @ pull
        radius = np.abs(factor) @ (old_radius + TINY * np.abs(old))
        radius = radius + size @ (h_radius[..., None] * (np.abs(old) + old_radius))
        radius = radius + size @ (around.reshape(flat) + TINY * np.abs(pull))
        whole = (count, n, k, d, d)
        return bend.reshape(whole), radius.reshape(whole) * (1 + SLACK)

    def _proximal_over(self, centre: Array, half: Array) -> _Reach:
        """The proximal step is nonexpansive; its rows solve (I + A diag(h)/lambda)W = X, with |W| <= ||phi||."""
        n, k, d = self.features.shape
        shape = (len(centre), n, k)
        lengths = np.linalg.norm(self.features, axis=2)
        start = self.predictions(centre)
        z, miss = self._proximal(start)
        error = miss[..., None] * lengths * (1 + SLACK) + TINY * np.abs(start)
        radius = error + (np.linalg.norm(half, axis=1)[:, None, None] * lengths) * (1 + SLACK)
        rows = np.broadcast_to(self.features, (*shape, d))
        spread = np.zeros((*shape, d))
        for _ in range(2):
            h, h_radius = _middle(*self.ranges.over(2, z - radius, z + radius))
            inverse = _inverse(np.eye(k) + self.gram * h[..., None, :] / self.rate)
            rows = inverse @ self.features
            reach = np.abs(inverse @ self.gram) / self.rate
            # |inverse of a matrix| is known to a few units: room relative to the sizes that went in.
            room = 2.0**-40 * (1 + np.abs(inverse).sum((-2, -1), keepdims=True)) * lengths.max()
            spread = (reach @ (h_radius[..., None] * lengths[..., None])) * (1 + SLACK) + room
            tighter = ((np.abs(rows) + spread) * half[:, None, None]).sum(-1) * (1 + SLACK) + error
            radius = np.minimum(radius, tighter)
        none = np.zeros((1, 1, k, d, d))
        return _Reach(z, error, radius, rows, spread, none, none)


def _middle(low: Array, high: Array) -> tuple[Array, Array]:
    """Midpoint and radius of [low, high]."""
    middle = (low + high) / 2
    return middle, np.maximum(high - middle, middle - low)


def _outer(rows: Array, spread: Array) -> tuple[Array, Array]:
    """Outer products of enclosed rows (..., d) with themselves: midpoint and radius (..., d, d)."""
    size = np.abs(rows)
    middle = rows[..., None] * rows[..., None, :]
    radius = size[..., None] * spread[..., None, :] + spread[..., None] * (size + spread)[..., None, :]
    return middle, radius * (1 + SLACK) + TINY * np.abs(middle)


def _inverse(matrices: Array) -> Array:
    """The inverses (..., k, k); NaN where a matrix has overflowed or is singular to working precision."""
    try:
        return np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        size = matrices.shape[-1]
        usable = np.isfinite(matrices).all((-2, -1)) & (np.linalg.matrix_rank(np.nan_to_num(matrices)) == size)
        safe = np.where(usable[..., None, None], matrices, np.eye(size))
        return np.where(usable[..., None, None], np.linalg.inv(safe), np.nan)
