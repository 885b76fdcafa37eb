"""The meta-objective of one instance in float64: values and derivatives at many points; over boxes it is in `reach`.

Everything runs through the k predictions z = X theta, not through theta. With A = XX' a gradient step is
z <- z - eta A s(z), s(z)[x] = sum_y p ell'(z_x, y), and the rows W = dz/dtheta (k, d) follow W <- (I - eta A diag h)W
with h = s' (A = X R X' with a rate for each parameter, R = diag(rates)).

X and A are reduced to a basis in balls and rounded once; every later sum of products errs by at most `Landscape.room`
times the sum of their sizes.

Arrays have the points on their last axis: n tasks, k points of a task, d parameters, N points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import arb, arb_mat, ctx

from ..arithmetic import Array, dot, midpoint, root
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

    def where(self, better: Array, other: Derivatives) -> Derivatives:
        """These at the points (N,) where they are better, else the others."""
        value, gradient = (
            np.where(better, self.value, other.value),
            np.where(better[:, None], self.gradient, other.gradient),
        )
        return Derivatives(value, gradient, np.where(better[:, None, None], self.hessian, other.hessian))


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

    def adapted(self, theta: Array) -> Array:
        """z after adaptation (n, k, N) of theta (N, d)."""
        z = self.features @ theta.T
        if self.steps == 0:
            return self.proximal(z)[0]
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
                z = self.proximal(z)[0]
                rows = np.moveaxis(self.proximal_factor(self.inner.at(2, z)) @ self.features, 0, -1)
            for step in range(self.steps):
                h = self.inner.at(2, z)[:, :, None, None]
                t = self.inner.at(3, z)[:, :, None, None]
                pull = t * rows[:, :, :, None] * rows[:, :, None]
                if step:
                    pull = pull + h * bend
                z = z - self.rate * (self.gram @ self.inner.at(1, z))
                rows, bend = rows - self.drawn(h[:, :, 0] * rows), bend - self.drawn(pull)
            s, h = self.weights * self.ranges.at(1, z), self.weights * self.ranges.at(2, z)
            scaled = h[:, :, None] * rows
            hessian = np.empty((d, d, count))
            for j in range(d):
                hessian[j] = (scaled[:, :, j, None] * rows).sum((0, 1))
            hessian = hessian + (s[:, :, None, None] * bend).sum((0, 1))
            value = (self.weights * self.ranges.at(0, z)).sum((0, 1))
            return Derivatives(value, (s[:, :, None] * rows).sum((0, 1)).T, np.moveaxis(hessian, -1, 0))

    def drawn(self, values: Array) -> Array:
        """eta A values, per task, over the points (n, k, ..., N)."""
        return self.rate * self.times(self.gram, values)

    @staticmethod
    def times(matrices: Array, values: Array) -> Array:
        """matrices (n, k, k) times values (n, k, ..., N)."""
        n, k = values.shape[:2]
        return (matrices @ values.reshape(n, k, -1)).reshape(values.shape)

    def proximal_factor(self, h: Array) -> Array:
        """(I + A diag(h)/lambda)^-1 for h (n, k, N): (N, n, k, k)."""
        return _inverse(np.eye(h.shape[1]) + self.gram * np.moveaxis(h, -1, 0)[:, :, None] / self.rate)

    def proximal(self, start: Array) -> tuple[Array, Array]:
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
        return np.linalg.norm(self.features.transpose(0, 2, 1) @ values, axis=1) / self.rate


def _reduced(instance: MetaSLInstance, order: Array, real: Array) -> tuple[Array, Array, Array]:
    """features (n, k, d) and gram (n, k, k) of each task's points `order`, 0 where they are not `real`, and the basis.

    In balls of many bits: features of very different sizes cancel there, and in float64 would leave nothing.
    """
    with ctx.workprec(EXACT):
        rows = arb_mat([[arb(v) for v in row] for row in instance.canonical.features])
        exact = [[arb(v) for v in b] for b in basis(instance)]
        units = arb_mat([[v / root(dot(b, b)) for v in b] for b in exact])
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


def _inverse(matrices: Array) -> Array:
    """The inverses (..., k, k); NaN where a matrix has overflowed or is singular to working precision."""
    try:
        return np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        size = matrices.shape[-1]
        usable = np.isfinite(matrices).all((-2, -1)) & (np.linalg.matrix_rank(np.nan_to_num(matrices)) == size)
        safe = np.where(usable[..., None, None], matrices, np.eye(size))
        return np.where(usable[..., None, None], np.linalg.inv(safe), np.nan)
