"""Enclosures of a loss's derivatives over many intervals at once, in float64 with room for rounding."""

from __future__ import annotations

import numpy as np
from flint import arb

from ..arithmetic import Array, Floats, midpoint
from ..losses import Link, Loss

SLACK = 2.0**-44
"""Relative room for the rounding of a few hundred float64 operations."""


class Ranges:
    """sum_y p ell^(j)(z, y) at points, and its range over intervals of z; labels, masses (n, k, l)."""

    def __init__(self, loss: Loss, labels: Array, masses: Array) -> None:
        self.loss, self.labels, self.masses = loss, labels, masses
        self._evaluate = (loss.value, loss.d1, loss.d2, loss.d3)
        self._turning = [self._turning_points(order) for order in range(4)]

    def _turning_points(self, order: int) -> list[tuple[Array, Array, Array]]:
        """Predictions (n, k, l) where the derivative turns, each with the range of its value there."""
        loss, y = self.loss, self.labels
        parameter = None if loss.parameter is None else arb(loss.parameter)
        found = []
        if loss.link is Link.CANONICAL and order == 0:
            with np.errstate(divide="ignore"):
                points = [np.log(y)]
        else:
            turns = [midpoint(t) for t in loss.profile.turning(order, parameter)]
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
        """The sum at predictions z (..., n, k)."""
        return self._summed(self._evaluate[order](Floats, z[..., None], self.labels))

    def over(self, order: int, low: Array, high: Array) -> tuple[Array, Array]:
        """Enclosure [lo, hi] of the sum over low <= z <= high (..., n, k)."""
        left, right = low[..., None], high[..., None]
        a, b = self._evaluate[order](Floats, left, self.labels), self._evaluate[order](Floats, right, self.labels)
        bottom, top = np.minimum(a, b), np.maximum(a, b)
        for at, least, most in self._turning[order]:
            room = SLACK * (1 + np.abs(at))
            met = (left <= at + room) & (at - room <= right)
            bottom = np.where(met, np.minimum(bottom, least), bottom)
            top = np.where(met, np.maximum(top, most), top)
        bottom = bottom - SLACK * (np.abs(bottom) + np.abs(self.labels * left) * (order == 0)) - 2.0**-50
        top = top + SLACK * (np.abs(top) + np.abs(self.labels * right) * (order == 0)) + 2.0**-50
        if order == 0 and self.loss.profile.nonnegative:
            bottom = np.maximum(bottom, 0.0)
        if order == 2 and self.loss.profile.convex:
            bottom = np.maximum(bottom, 0.0)
        return self._summed(bottom), self._summed(top)

    def _summed(self, values: Array) -> Array:
        total: Array = np.where(self.masses > 0, self.masses * values, 0.0).sum(-1)
        return total
