"""Enclosures of a loss's derivatives over many intervals at once, in float64 with room for rounding."""

from __future__ import annotations

import numpy as np
from flint import arb

from ..arithmetic import Array, Floats, midpoint
from ..losses import Link, Loss

SLACK = 2.0**-44
"""Relative room for the rounding of a few hundred float64 operations."""


class Ranges:
    """sum_y p ell^(j)(z, y) at points, and its range over intervals of z; labels, masses (n, k, l), z (n, k, N)."""

    def __init__(self, loss: Loss, labels: Array, masses: Array) -> None:
        self.loss, self.labels, self.masses = loss, labels[..., None], masses[..., None]
        self._evaluate = (loss.value, loss.d1, loss.d2, loss.d3)
        self._turning = [self._turning_points(order) for order in range(4)]
        self._full = bool((masses > 0).all())
        size = np.abs(self.labels)
        # Labels were rounded to float64: of a residual that moves the prediction by as much.
        self._blur = 2.0**-52 * size if loss.link is Link.RESIDUAL else None
        self.blur = 0.0 if self._blur is None else self._blur.max(2)
        """The most that moves the labels of a point (n, k, 1)."""
        # Poisson's value and slope are differences: g(z) - y z, g'(z) - y.
        self._taken = size if loss.link is Link.CANONICAL else None

    def _turning_points(self, order: int) -> list[tuple[Array, Array, Array]]:
        """Predictions (n, k, l, 1) where the derivative turns, each with the range of its value there."""
        loss, y = self.loss, self.labels
        parameter = None if loss.parameter is None else arb(loss.parameter)
        found = []
        if loss.link is Link.CANONICAL and order == 0:
            with np.errstate(divide="ignore"):
                points = [np.log(y)]
        else:
            turns = [midpoint(t) for t in loss.profile.turning(order, parameter) or ()]
            points = [
                t + y if loss.link is Link.RESIDUAL else t * y if loss.link is Link.MARGIN else t + 0 * y for t in turns
            ]
        for at in points:
            with np.errstate(over="ignore", invalid="ignore"):
                value = np.nan_to_num(self._evaluate[order](Floats, at, y), nan=0.0)
            # At a joint of the loss the second derivative takes every value between its one-sided ones.
            joint = loss.profile.joints and order == 2
            found.append((at, np.zeros_like(value) if joint else value, np.ones_like(value) if joint else value))
        return found

    def at(self, order: int, z: Array) -> Array:
        """The sum at predictions z (n, k, N)."""
        return self._summed(self._evaluate[order](Floats, z[:, :, None], self.labels))

    def sized(self, order: int, z: Array) -> tuple[Array, Array]:
        """The sum at predictions z (n, k, N), and that of the sizes of its terms: what rounding is relative to."""
        values = self._evaluate[order](Floats, z[:, :, None], self.labels)
        total, sizes = self._summed(values), np.abs(values)
        if order < 2 and self._taken is not None:
            sizes = sizes + 2 * self._taken * (np.abs(z[:, :, None]) if order == 0 else 1.0)
        elif values.shape[2] == 1:
            return total, np.abs(total)
        return total, self._summed(sizes)

    def over(self, order: int, low: Array, high: Array) -> tuple[Array, Array]:
        """Enclosure [lo, hi] of the sum over low <= z <= high (n, k, N)."""
        left, right = low[:, :, None], high[:, :, None]
        if self._blur is not None:
            left, right = left - self._blur, right + self._blur
        a, b = self._evaluate[order](Floats, left, self.labels), self._evaluate[order](Floats, right, self.labels)
        bottom, top = np.minimum(a, b), np.maximum(a, b)
        for at, least, most in self._turning[order]:
            room = SLACK * (1 + np.abs(at))
            met = (left <= at + room) & (at - room <= right)
            bottom = np.where(met, np.minimum(bottom, least), bottom)
            top = np.where(met, np.maximum(top, most), top)
        bottom = bottom - (SLACK * np.abs(bottom) + 2.0**-50)
        top = top + (SLACK * np.abs(top) + 2.0**-50)
        if order < 2 and self._taken is not None:
            room = SLACK * self._taken * (np.maximum(np.abs(left), np.abs(right)) if order == 0 else 1.0)
            bottom, top = bottom - room, top + room
        if order == 0 and self.loss.profile.nonnegative:
            bottom = np.maximum(bottom, 0.0)
        if order == 2 and self.loss.profile.convex:
            bottom = np.maximum(bottom, 0.0)
        return self._summed(bottom), self._summed(top)

    def _summed(self, values: Array) -> Array:
        weighed = self.masses * values if self._full else np.where(self.masses > 0, self.masses * values, 0.0)
        return weighed[:, :, 0] if weighed.shape[2] == 1 else weighed.sum(2)
