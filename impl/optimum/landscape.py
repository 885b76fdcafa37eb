"""The meta-objective of one instance in float64: values and derivatives at many points, enclosures over many boxes.

Everything runs through the k predictions z = X theta, not through theta. With A = XX' a gradient step is
z <- z - eta A s(z), s(z)[x] = sum_y p ell'(z_x, y), and the rows W = dz/dtheta (k, d) follow W <- (I - eta A diag h)W
with h = s' (A = X R X' with a rate for each parameter, R = diag(rates)). Over a box c +- r the predictions are enclosed
around those of the centre, z(c) +- (|W|)r with W enclosed over the box: the natural range of the outer loss on them is
already accurate to second order.

Enclosures are midpoint-radius, with room for rounding: X and A are reduced to a basis in balls and rounded once, every
later sum of products errs by at most `Landscape.room` times the sum of their sizes. They propose; `check` decides.

Arrays have the points or boxes on their last axis: n tasks, k points, d parameters, N boxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import arb, arb_mat, ctx

from ..arithmetic import Array, midpoint, root
from ..bracket import UnsupportedError
from ..supervised.adaptation import Gradient
from ..supervised.batch import batch_of
from ..supervised.instance import MetaSLInstance
from .certificate import basis
from .ranges import SLACK, Ranges
from .spread import of_one_output

EXACT = 320
"""Bits in which features are reduced to a basis: what cancels there is far below what rounding once leaves."""


@dataclass(frozen=True)
class Derivatives:
    """At points: value (N,), gradient (N, d), hessian (N, d, d)."""

    value: Array
    gradient: Array
    hessian: Array


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
        fields = ("centre", "error", "radius", "rows", "spread", "bend", "bend_spread")
        arrays = {name: getattr(self, name) for name in fields}
        return Reach(**{name: a[..., chosen] if a.shape[-1] > 1 else a for name, a in arrays.items()})


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


class Landscape:
    """L of an instance, in coordinates that span its features.

    features (n, k, d) of each task's own points, gram (n, k, k) their inner products, weights (n, 1, 1). `basis` (d, D)
    maps reduced coordinates to parameters: theta = t'basis, with ||theta|| = ||t||.
    """

    def __init__(self, instance: MetaSLInstance) -> None:
        instance = of_one_output(instance)
        batch = batch_of(instance)
        live = batch.weights[0] > 0
        laws = [(batch.labels, batch.masses), (batch.support_labels, batch.support_masses)]
        pairs = [(y[0][live], p[0][live]) for y, p in laws if y is not None and p is not None]
        # A task sees its own points alone, the others are left out; short ones are padded by points of no mass.
        rho = np.sum([masses.sum(2) for _, masses in pairs], axis=0)
        order = np.argsort(rho <= 0, axis=1, kind="stable")[:, : max(int((rho > 0).sum(1).max()), 1)]
        pick = np.take_along_axis
        ranges = [Ranges(instance.loss, *(pick(a, order[..., None], 1) for a in pair)) for pair in pairs]
        self.instance = instance
        self.weights = batch.weights[0][live][:, None, None]
        # Sums under the outer laws, and under the inner ones that adaptation sees.
        self.ranges, self.inner = ranges[0], ranges[-1]
        self.features, self.gram, self.basis = _reduced(instance, order, pick(rho, order, 1) > 0)
        n, k, d = self.features.shape
        self.dimension = d
        self.room = max(2.0**-48, 2.0**-51 * (n * k + d))
        """Relative room for one sum of products."""
        self.batch = int(np.clip(2**23 // (n * k * (k + d * d)), 1, 1024))
        """How many points or boxes are evaluated at once: what fits into memory."""
        self.scale = 1 / np.maximum(np.abs(self.features).max((0, 1)), 1e-300)
        """How far along each coordinate (d,) predictions move by about 1."""
        if batch.decay is not None:
            required = "inner steps without weight decay are required for the search over boxes"
            raise UnsupportedError(f"adaptation.decay={float(batch.decay[0])!r}: {required}")
        self.steps, self.rate = batch.steps, float(batch.rate[0])
        self.smooth = isinstance(instance.adaptation, Gradient) and not instance.loss.profile.joints
        # Of the squared loss adapted predictions are affine in theta, so that L is a convex quadratic.
        self.quadratic = instance.loss.name == "squared"

    # --- at points ------------------------------------------------------------------------------------------

    def adapted(self, theta: Array) -> Array:
        """z after adaptation (n, k, N) of theta (N, d)."""
        z = self.features @ theta.T
        if self.steps == 0:
            return self._proximal(z)[0]
        for _ in range(self.steps):
            z = z - self.rate * (self.gram @ self.inner.at(1, z))
        return z

    def value(self, theta: Array) -> Array:
        """L (N,) at theta (N, d)."""
        with np.errstate(over="ignore", invalid="ignore"):
            value = (self.weights * self.ranges.at(0, self.adapted(theta))).sum((0, 1))
        return np.where(np.isnan(value), np.inf, value)

    def derivatives(self, theta: Array) -> Derivatives:
        """Value, gradient and Hessian at theta (N, d) (for the implicit step the Hessian's positive part)."""
        with np.errstate(over="ignore", invalid="ignore"):
            z = self.features @ theta.T
            (n, k, d), count = self.features.shape, len(theta)
            rows, bend = self.features[..., None], np.zeros((n, k, d, d, 1))
            if self.steps == 0:
                z = self._proximal(z)[0]
                rows = np.moveaxis(self._proximal_factor(self.inner.at(2, z)) @ self.features, 0, -1)
            for step in range(self.steps):
                h = self.inner.at(2, z)[:, :, None, None]
                t = self.inner.at(3, z)[:, :, None, None]
                pull = t * rows[:, :, :, None] * rows[:, :, None]
                if step:
                    pull = pull + h * bend
                z = z - self.rate * (self.gram @ self.inner.at(1, z))
                rows, bend = rows - self._drawn(h[:, :, 0] * rows), bend - self._drawn(pull)
            s, h = self.weights * self.ranges.at(1, z), self.weights * self.ranges.at(2, z)
            scaled = h[:, :, None] * rows
            hessian = np.empty((d, d, count))
            for j in range(d):
                hessian[j] = (scaled[:, :, j, None] * rows).sum((0, 1))
            hessian = hessian + (s[:, :, None, None] * bend).sum((0, 1))
            value = (self.weights * self.ranges.at(0, z)).sum((0, 1))
            return Derivatives(value, (s[:, :, None] * rows).sum((0, 1)).T, np.moveaxis(hessian, -1, 0))

    def _drawn(self, values: Array) -> Array:
        """eta A values, per task, over the points (n, k, ..., N)."""
        return self.rate * self._times(self.gram, values)

    @staticmethod
    def _times(matrices: Array, values: Array) -> Array:
        """matrices (n, k, k) times values (n, k, ..., N)."""
        n, k = values.shape[:2]
        product: Array = (matrices @ values.reshape(n, k, -1)).reshape(values.shape)
        return product

    def _proximal_factor(self, h: Array) -> Array:
        """(I + A diag(h)/lambda)^-1 for h (n, k, N): (N, n, k, k)."""
        return _inverse(np.eye(h.shape[1]) + self.gram * np.moveaxis(h, -1, 0)[:, :, None] / self.rate)

    def _proximal(self, start: Array) -> tuple[Array, Array]:
        """z solving z + A s(z)/lambda = start (n, k, N), by damped Newton, and ||theta' - exact|| (n, N), a posteriori.

        In coefficients: theta' = theta - X'c/lambda with c = s(z); the residual of the proximal equation is
        X'(s(z) - c)/lambda, and the equation is strongly monotone with modulus 1 (convex loss).
        """
        c, z = np.zeros_like(start), start
        shrunk = self.gram / self.rate
        for _ in range(60):
            s, h = self.inner.at(1, z), self.inner.at(2, z)
            # Newton for c - s(start - A c/lambda) = 0: (I + diag(h) A/lambda) step = s - c.
            system = np.eye(start.shape[1]) + np.moveaxis(h, -1, 0)[..., None] * shrunk
            step = np.moveaxis((_inverse(system) @ np.moveaxis(s - c, -1, 0)[..., None])[..., 0], 0, -1)
            before = self._residual(s - c)
            length = np.ones(before.shape)
            for _ in range(12):
                trial = c + length[:, None] * step
                z = start - shrunk @ trial
                after = self._residual(self.inner.at(1, z) - trial)
                worse = ~(after <= before * (1 - length / 4)) & (before > 1e-14)
                if not worse.any():
                    break
                length = np.where(worse, length / 2, length)
            c = c + length[:, None] * step
            z = start - shrunk @ c
            if not (self._residual(self.inner.at(1, z) - c) > 1e-13).any():
                break
        (s, sizes), h = self.inner.sized(1, z), self.inner.at(2, z)
        # The residual's own rounding: that of z enters by the slope's slope.
        blur = self.room * (sizes + np.abs(c) + np.abs(h) * (np.abs(start) + np.abs(shrunk) @ np.abs(c)))
        lengths = np.linalg.norm(self.features, axis=2)[..., None] / self.rate
        return z, self._residual(s - c) * (1 + SLACK) + (blur * lengths).sum(1) * 2

    def _residual(self, values: Array) -> Array:
        """||X' values||/lambda (n, N)."""
        size: Array = np.linalg.norm(self.features.transpose(0, 2, 1) @ values, axis=1) / self.rate
        return size

    # --- over boxes -----------------------------------------------------------------------------------------

    def over(self, centre: Array, half: Array, second: bool = False) -> Enclosure:
        """Enclosures over the boxes centre +- half (N, d); `second`: with the Hessian (smooth landscapes only)."""
        return Enclosure(self, half, self._path(centre.T, half.T, second))

    def _path(self, centre: Array, half: Array, second: bool) -> list[Reach]:
        """The predictions over boxes (d, N), step by step; of the implicit step the adapted ones alone."""
        if self.steps == 0:
            return [self._proximal_over(centre, half)]
        z, size = self.features @ centre, np.abs(self.features)
        error = self.room * (size @ np.abs(centre))
        none = np.zeros((1, self.features.shape[1], 1, 1, 1))
        reach = Reach(z, error, (size @ half) * (1 + SLACK) + error, self.features[..., None], none[..., 0], none, none)
        path = [reach]
        for step in range(self.steps):
            path.append(self._step_over(path[-1], half, second, step == 0))
        return path

    def _step_over(self, before: Reach, half: Array, second: bool, first: bool) -> Reach:
        """One gradient step; of the first the rows are the features, the same for every box and exact but for room."""
        gram, rate, ranges, room = self.gram, self.rate, self.inner, self.room
        size = np.abs(rate) * np.abs(gram)
        slope, sizes = ranges.sized(1, before.centre)
        z = before.centre - rate * (gram @ slope)
        h, h_radius = middle_of(*ranges.over(2, *before.interval))
        # The error in z grows by the slope's Lipschitz constant over the box, |h| + its radius.
        blurred = before.error + ranges.blur
        error = before.error + size @ ((np.abs(h) + h_radius) * blurred + room * sizes)
        error = error + room * np.abs(before.centre)
        pull, reach = h[:, :, None] * before.rows, np.abs(before.rows) + before.spread
        rows = before.rows - self._drawn(pull)
        spread = self._times(size, h_radius[:, :, None] * reach + room * np.abs(pull)) + room * np.abs(before.rows)
        if not first:
            spread = spread + self._factored(h, before.spread)
        spread = spread * (1 + SLACK)
        bend, bend_spread = before.bend, before.bend_spread
        if second:
            bend, bend_spread = self._bend_over(before, h, h_radius, first)
        radius = ((np.abs(rows) + spread) * half).sum(2) * (1 + SLACK) + error
        return Reach(z, error, radius, rows, spread, bend, bend_spread)

    def _factored(self, h: Array, values: Array) -> Array:
        """|I - eta A diag(h)| values (n, k, ..., N), values >= 0."""
        k = h.shape[1]
        factor = np.abs(np.eye(k)[..., None] - self.rate * self.gram[..., None] * h[:, None])
        return sum(
            factor[:, :, x].reshape(*factor.shape[:2], *(1,) * (values.ndim - 3), -1) * values[:, x, None]
            for x in range(k)
        )

    def _bend_over(self, before: Reach, h: Array, h_radius: Array, first: bool) -> tuple[Array, Array]:
        """T <- T - eta A (t W W' + h T): the second derivatives of a gradient step."""
        size, room = np.abs(self.rate) * np.abs(self.gram), self.room
        t, t_radius = (a[:, :, None, None] for a in middle_of(*self.inner.over(3, *before.interval)))
        outer, outer_radius = _outer(before.rows, before.spread, room)
        old, old_radius = before.bend, before.bend_spread
        pull = t * outer
        around = np.abs(t) * outer_radius + t_radius * (np.abs(outer) + outer_radius) + room * np.abs(pull)
        if not first:
            turned = h[:, :, None, None] * old
            pull = pull + turned
            around = around + h_radius[:, :, None, None] * (np.abs(old) + old_radius) + room * np.abs(turned)
        radius = self._times(size, around) + room * np.abs(old)
        if not first:
            radius = radius + self._factored(h, old_radius)
        return old - self._drawn(pull), radius * (1 + SLACK)

    def _proximal_over(self, centre: Array, half: Array) -> Reach:
        """The proximal step is nonexpansive; its rows solve (I + A diag(h)/lambda)W = X, with |W| <= ||phi||."""
        (_, k, d), room = self.features.shape, self.room
        lengths = np.linalg.norm(self.features, axis=2)[..., None]
        z, miss = self._proximal(self.features @ centre)
        error = miss[:, None] * lengths * (1 + SLACK) + room * (np.abs(self.features) @ np.abs(centre) + np.abs(z))
        radius = error + np.linalg.norm(half, axis=0) * lengths * (1 + SLACK)
        rows = spread = self.features[..., None]
        for _ in range(2):
            h, h_radius = middle_of(*self.inner.over(2, z - radius, z + radius))
            inverse = self._proximal_factor(h)
            off = self._inverse_error(inverse, h)
            rows = np.moveaxis(inverse @ self.features, 0, -1)
            wide = (off + room * np.abs(inverse).sum(-1, keepdims=True)) * np.abs(self.gram).sum(1)[:, None]
            reach = np.moveaxis((np.abs(inverse @ self.gram) + wide) / self.rate, 0, -1)
            widths = sum(reach[:, :, x] * (h_radius * lengths)[:, x, None] for x in range(k))
            missed = np.moveaxis(off[..., 0], 0, -1) * np.abs(self.features).sum(1)[:, None].max(2)[..., None]
            spread = np.repeat((widths + missed)[:, :, None] * (1 + SLACK), d, axis=2) + room * np.abs(rows)
            # Where the inverse says nothing, a row is no longer than its feature.
            known = np.isfinite(rows) & np.isfinite(spread) & (spread <= np.abs(rows) + lengths[:, :, None])
            rows = np.where(known, rows, 0.0)
            spread = np.where(known, spread, np.broadcast_to(lengths[:, :, None], spread.shape))
            tighter = ((np.abs(rows) + spread) * half).sum(2) * (1 + SLACK) + error
            radius = np.minimum(radius, tighter)
        none = np.zeros((1, k, 1, 1, 1))
        return Reach(z, error, radius, rows, spread, none, none)

    def _inverse_error(self, inverse: Array, h: Array) -> Array:
        """By how much, at most, the entries of each row of G = `inverse` are off (N, n, k, 1).

        M^-1 - G = G R (I - R)^-1 with R = I - M G, M = I + A diag(h)/lambda; infinite where R is too large to tell.
        """
        k = h.shape[1]
        matrix = np.eye(k) + self.gram * np.moveaxis(h, -1, 0)[:, :, None] / self.rate
        miss = np.abs(np.eye(k) - matrix @ inverse) + 2 * k * self.room * (np.abs(matrix) @ np.abs(inverse))
        norm = miss.sum(-1).max(-1)[..., None, None]
        off = (np.abs(inverse) @ miss.sum(-1, keepdims=True)) / np.where(norm < 1, 1 - norm, np.nan)
        return np.where(np.isnan(off), np.inf, off)


def _reduced(instance: MetaSLInstance, order: Array, real: Array) -> tuple[Array, Array, Array]:
    """features (n, k, d) and gram (n, k, k) of each task's points `order`, 0 where they are not `real`, and the basis.

    In balls of many bits: features of very different sizes cancel there, and in float64 would leave nothing.
    """
    with ctx.workprec(EXACT):
        rows = arb_mat([[arb(v) for v in row] for row in instance.canonical.features])
        exact = [[arb(v) for v in b] for b in basis(instance)]
        units = arb_mat([[v / root(sum((w * w for w in b), start=arb(0))) for v in b] for b in exact])
        table = np.array([[midpoint(v) for v in row] for row in (rows * units.transpose()).tolist()])
        gram = np.zeros((len(order), order.shape[1], order.shape[1]))
        lists, paces = rows.tolist(), arb_mat(instance.dimension, instance.dimension)
        adaptation = instance.adaptation.canonical
        rates = adaptation.rates if isinstance(adaptation, Gradient) else None
        for j in range(instance.dimension):
            paces[j, j] = arb(1 if rates is None else rates[j])
        for i, (points, used) in enumerate(zip(order, real, strict=True)):
            own = arb_mat([lists[x] for x in points[used]]) if used.any() else None
            if own is not None:
                count = own.nrows()
                product = own * (own * paces).transpose()
                gram[i, :count, :count] = [[midpoint(v) for v in row] for row in product.tolist()]
        basis_floats = np.array([[midpoint(v) for v in row] for row in units.tolist()])
    return table[order] * real[..., None], gram, basis_floats


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


def _inverse(matrices: Array) -> Array:
    """The inverses (..., k, k); NaN where a matrix has overflowed or is singular to working precision."""
    try:
        return np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        size = matrices.shape[-1]
        usable = np.isfinite(matrices).all((-2, -1)) & (np.linalg.matrix_rank(np.nan_to_num(matrices)) == size)
        safe = np.where(usable[..., None, None], matrices, np.eye(size))
        return np.where(usable[..., None, None], np.linalg.inv(safe), np.nan)
