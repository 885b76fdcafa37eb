"""Enclosures of one instance's meta-objective over many boxes, in float64: they propose, `check` decides.

Over a box c +- r the predictions of `landscape` are enclosed around those of the centre, z(c) +- (|W|)r with
W = dz/dtheta enclosed over the box: the natural range of the outer loss on them is already accurate to second order.
Enclosures are midpoint-radius, with room for rounding.

Arrays have the boxes on their last axis: n tasks, k points of a task, d parameters, N boxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arithmetic import Array
from .landscape import Landscape
from .ranges import SLACK


@dataclass(frozen=True)
class Reach:
    """Predictions of one iterate over boxes: centre, rounding error, radius (n, k, N); rows dz/dtheta (n, k, d, N)."""

    centre: Array
    error: Array
    radius: Array
    rows: Array
    spread: Array
    """The radius of rows; a last axis of 1 (as of rows) is the same for every box."""
    bend: Array
    """d2z/dtheta2 (n, k, d, d, N), and its radius; empty for the implicit step."""
    bend_spread: Array

    @property
    def interval(self) -> tuple[Array, Array]:
        return self.centre - self.radius, self.centre + self.radius

    def take(self, chosen: Array) -> Reach:
        """That of some boxes."""
        return Reach(**{name: a[..., chosen] if a.shape[-1] > 1 else a for name, a in vars(self).items()})


class Enclosure:
    """The meta-objective over boxes c +- r, (N, d) each: computed as far as it is asked for."""

    def __init__(self, landscape: Landscape, half: Array, path: list[Reach]) -> None:
        self._scape, self.half, self.path, self._last = landscape, half, path, path[-1]

    def take(self, chosen: Array) -> Enclosure:
        """Those of some boxes (indices)."""
        return Enclosure(self._scape, self.half[chosen], [reach.take(chosen) for reach in self.path])

    @cached_property
    def natural(self) -> Array:
        """A lower bound of L over each box (N,): the range of the outer loss on the adapted predictions."""
        low = self._scape.weights * self._scape.ranges.over(0, *self._last.interval)[0]
        return low.sum((0, 1)) - SLACK * np.abs(low).sum((0, 1))

    @cached_property
    def at_centre(self) -> tuple[Array, Array]:
        """L(c) and the rounding error of its last sums (N,); not that of the predictions."""
        risks, sizes = self._scape.ranges.sized(0, self._last.centre)
        error = SLACK * (self._scape.weights * sizes).sum((0, 1)) + 2.0**-50
        return (self._scape.weights * risks).sum((0, 1)), error

    @cached_property
    def slopes(self) -> tuple[Array, Array]:
        """q_i s_i over the box, midpoint and radius (n, k, N)."""
        middle, radius = middle_of(*self._scape.ranges.over(1, *self._last.interval))
        return self._scape.weights * middle, self._scape.weights * radius

    @cached_property
    def gradient(self) -> tuple[Array, Array]:
        """grad L over the box: midpoint and radius (N, d)."""
        middle, radius = self._pulled(*self.slopes)
        return middle.T, radius.T

    def _pulled(self, middle: Array, radius: Array) -> tuple[Array, Array]:
        """sum of slopes times rows, slopes given as midpoint and radius (n, k, N): the same (d, N)."""
        last, size = self._last, np.abs(self._last.rows)
        spread = np.abs(middle)[:, :, None] * (last.spread + self._scape.room * size)
        spread = spread + radius[:, :, None] * (size + last.spread)
        return (middle[:, :, None] * last.rows).sum((0, 1)), spread.sum((0, 1))

    @cached_property
    def mean_value(self) -> Array:
        """A lower bound of L over each box (N,), linear from the centre.

        Convex losses lie above their tangents at z(c): L >= L(c) - |sum q s(c) W|'r with W = dz/dtheta over the box.
        Others need the slopes over the box, too: L(c) - |grad L|'r.
        """
        (value, error), last = self.at_centre, self._last
        if self._scape.ranges.loss.profile.convex:
            slopes, sizes = (self._scape.weights * a for a in self._scape.ranges.sized(1, last.centre))
            middle, radius = slopes, SLACK * sizes
        else:
            middle, radius = self.slopes
            sizes = np.abs(middle) + radius
        error = error + (sizes * (last.error + self._scape.ranges.blur)).sum((0, 1)) * (1 + SLACK)
        pull, spread = self._pulled(middle, radius)
        fall = ((np.abs(pull) + spread) * self.half.T).sum(0)
        return value - error - fall * (1 + SLACK)

    @cached_property
    def hessian(self) -> tuple[Array, Array]:
        """Hess L over the box: midpoint and radius (N, d, d), if it was asked for."""
        last, (slope, slope_radius) = self._last, self.slopes
        middle, radius = middle_of(*self._scape.ranges.over(2, *last.interval))
        bend, size = last.bend, np.abs(last.bend)
        curvature, outer = _outer(last.rows, last.spread, self._scape.room)
        middle, radius = ((self._scape.weights * a)[:, :, None, None] for a in (middle, radius))
        slope, slope_radius = slope[:, :, None, None], slope_radius[:, :, None, None]
        curved, sloped = middle * curvature, slope * bend
        spread = np.abs(middle) * outer + radius * (np.abs(curvature) + outer)
        spread = spread + np.abs(slope) * last.bend_spread + slope_radius * (size + last.bend_spread)
        spread = spread + self._scape.room * (np.abs(curved) + np.abs(sloped))
        return np.moveaxis((curved + sloped).sum((0, 1)), -1, 0), np.moveaxis(spread.sum((0, 1)), -1, 0)


def over(scape: Landscape, centre: Array, half: Array, second: bool = False) -> Enclosure:
    """Enclosures over the boxes centre +- half (N, d); `second`: with the Hessian (smooth landscapes only)."""
    return Enclosure(scape, half, _path(scape, centre.T, half.T, second))


def _path(scape: Landscape, centre: Array, half: Array, second: bool) -> list[Reach]:
    """The predictions over boxes (d, N), step by step; of the implicit step the adapted ones alone."""
    if scape.steps == 0:
        return [_proximal_over(scape, centre, half)]
    z, size = scape.features @ centre, np.abs(scape.features)
    error = scape.room * (size @ np.abs(centre))
    none = np.zeros((1, scape.features.shape[1], 1, 1, 1))
    reach = Reach(z, error, (size @ half) * (1 + SLACK) + error, scape.features[..., None], none[..., 0], none, none)
    path = [reach]
    for step in range(scape.steps):
        path.append(_step_over(scape, path[-1], half, second, step == 0))
    return path


def _step_over(scape: Landscape, before: Reach, half: Array, second: bool, first: bool) -> Reach:
    """One gradient step; of the first the rows are the features, the same for every box and exact but for room."""
    gram, rate, ranges, room = scape.gram, scape.rate, scape.inner, scape.room
    size = np.abs(rate) * np.abs(gram)
    slope, sizes = ranges.sized(1, before.centre)
    z = before.centre - rate * (gram @ slope)
    h, h_radius = middle_of(*ranges.over(2, *before.interval))
    # The error in z grows by the slope's Lipschitz constant over the box, |h| + its radius.
    blurred = before.error + ranges.blur
    error = before.error + size @ ((np.abs(h) + h_radius) * blurred + room * sizes)
    error = error + room * np.abs(before.centre)
    pull, reach = h[:, :, None] * before.rows, np.abs(before.rows) + before.spread
    rows = before.rows - scape.drawn(pull)
    spread = scape.times(size, h_radius[:, :, None] * reach + room * np.abs(pull)) + room * np.abs(before.rows)
    if not first:
        spread = spread + _factored(scape, h, before.spread)
    spread = spread * (1 + SLACK)
    bend, bend_spread = before.bend, before.bend_spread
    if second:
        bend, bend_spread = _bend_over(scape, before, h, h_radius, first)
    radius = ((np.abs(rows) + spread) * half).sum(2) * (1 + SLACK) + error
    return Reach(z, error, radius, rows, spread, bend, bend_spread)


def _factored(scape: Landscape, h: Array, values: Array) -> Array:
    """|I - eta A diag(h)| values (n, k, ..., N), values >= 0."""
    k = h.shape[1]
    factor = np.abs(np.eye(k)[..., None] - scape.rate * scape.gram[..., None] * h[:, None])
    return sum(
        factor[:, :, x].reshape(*factor.shape[:2], *(1,) * (values.ndim - 3), -1) * values[:, x, None] for x in range(k)
    )


def _bend_over(scape: Landscape, before: Reach, h: Array, h_radius: Array, first: bool) -> tuple[Array, Array]:
    """T <- T - eta A (t W W' + h T): the second derivatives of a gradient step."""
    size, room = np.abs(scape.rate) * np.abs(scape.gram), scape.room
    t, t_radius = (a[:, :, None, None] for a in middle_of(*scape.inner.over(3, *before.interval)))
    outer, outer_radius = _outer(before.rows, before.spread, room)
    old, old_radius = before.bend, before.bend_spread
    pull = t * outer
    around = np.abs(t) * outer_radius + t_radius * (np.abs(outer) + outer_radius) + room * np.abs(pull)
    if not first:
        turned = h[:, :, None, None] * old
        pull = pull + turned
        around = around + h_radius[:, :, None, None] * (np.abs(old) + old_radius) + room * np.abs(turned)
    radius = scape.times(size, around) + room * np.abs(old)
    if not first:
        radius = radius + _factored(scape, h, old_radius)
    return old - scape.drawn(pull), radius * (1 + SLACK)


def _proximal_over(scape: Landscape, centre: Array, half: Array) -> Reach:
    """The proximal step is nonexpansive; its rows solve (I + A diag(h)/lambda)W = X, with |W| <= ||phi||."""
    (_, k, d), room = scape.features.shape, scape.room
    lengths = np.linalg.norm(scape.features, axis=2)[..., None]
    z, miss = scape.proximal(scape.features @ centre)
    error = miss[:, None] * lengths * (1 + SLACK) + room * (np.abs(scape.features) @ np.abs(centre) + np.abs(z))
    radius = error + np.linalg.norm(half, axis=0) * lengths * (1 + SLACK)
    rows = spread = scape.features[..., None]
    for _ in range(2):
        h, h_radius = middle_of(*scape.inner.over(2, z - radius, z + radius))
        inverse = scape.proximal_factor(h)
        off = _inverse_error(scape, inverse, h)
        rows = np.moveaxis(inverse @ scape.features, 0, -1)
        wide = (off + room * np.abs(inverse).sum(-1, keepdims=True)) * np.abs(scape.gram).sum(1)[:, None]
        reach = np.moveaxis((np.abs(inverse @ scape.gram) + wide) / scape.rate, 0, -1)
        widths = sum(reach[:, :, x] * (h_radius * lengths)[:, x, None] for x in range(k))
        missed = np.moveaxis(off[..., 0], 0, -1) * np.abs(scape.features).sum(1)[:, None].max(2)[..., None]
        spread = np.repeat((widths + missed)[:, :, None] * (1 + SLACK), d, axis=2) + room * np.abs(rows)
        # Where the inverse says nothing, a row is no longer than its feature.
        known = np.isfinite(rows) & np.isfinite(spread) & (spread <= np.abs(rows) + lengths[:, :, None])
        rows = np.where(known, rows, 0.0)
        spread = np.where(known, spread, np.broadcast_to(lengths[:, :, None], spread.shape))
        tighter = ((np.abs(rows) + spread) * half).sum(2) * (1 + SLACK) + error
        radius = np.minimum(radius, tighter)
    none = np.zeros((1, k, 1, 1, 1))
    return Reach(z, error, radius, rows, spread, none, none)


def _inverse_error(scape: Landscape, inverse: Array, h: Array) -> Array:
    """By how much, at most, the entries of each row of G = `inverse` are off (N, n, k, 1).

    M^-1 - G = G R (I - R)^-1 with R = I - M G, M = I + A diag(h)/lambda; infinite where R is too large to tell.
    """
    k = h.shape[1]
    matrix = np.eye(k) + scape.gram * np.moveaxis(h, -1, 0)[:, :, None] / scape.rate
    miss = np.abs(np.eye(k) - matrix @ inverse) + 2 * k * scape.room * (np.abs(matrix) @ np.abs(inverse))
    norm = miss.sum(-1).max(-1)[..., None, None]
    off = (np.abs(inverse) @ miss.sum(-1, keepdims=True)) / np.where(norm < 1, 1 - norm, np.nan)
    return np.where(np.isnan(off), np.inf, off)


def middle_of(low: Array, high: Array) -> tuple[Array, Array]:
    """Midpoint and radius of [low, high]."""
    middle = (low + high) / 2
    return middle, np.maximum(high - middle, middle - low)


def _outer(rows: Array, spread: Array, room: float) -> tuple[Array, Array]:
    """Outer products of enclosed rows (n, k, d, N) with themselves: midpoint and radius (n, k, d, d, N)."""
    size = np.abs(rows)
    middle = rows[:, :, :, None] * rows[:, :, None]
    radius = size[:, :, :, None] * spread[:, :, None] + spread[:, :, :, None] * (size + spread)[:, :, None]
    return middle, radius * (1 + SLACK) + room * np.abs(middle)
