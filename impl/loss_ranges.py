"""A loss and its derivatives over many intervals at once, enclosed by `elementary`: `Loss.range` for arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flint import arb, fmpq

from .arithmetic import Array, bounds
from .elementary import MidRads
from .losses import Link, Loss
from .midrad import MidRad


@dataclass(frozen=True)
class _Turn:
    """Where a derivative turns, for each label: between `low` and `high` (empty if low > high); its value there."""

    low: Array
    high: Array
    least: Array
    most: Array


class LossRanges:
    """ell^(j)(z, y), j = 0..3, for a table of labels; predictions (*shape, N) have one axis more (or broadcast).

    Labels that are enclosed already have the shape of the predictions, and no range of order 0 with the canonical link.
    """

    def __init__(self, loss: Loss, labels: Sequence[fmpq] | MidRad, shape: tuple[int, ...] = ()) -> None:
        self.loss = loss
        self.labels = labels if isinstance(labels, MidRad) else MidRad.of(labels, (*shape, 1))
        self._evaluate = (loss.value, loss.d1, loss.d2, loss.d3)
        self._exact = () if isinstance(labels, MidRad) else tuple(labels)
        self._turns = dict[int, list[_Turn]]()

    def at(self, order: int, z: MidRad) -> MidRad:
        """ell^(order)(z, y) for z (*shape, N)."""
        return self._evaluate[order](MidRads, z, self.labels)

    def over(self, order: int, low: Array, high: Array) -> tuple[Array, Array]:
        """The ends of the exact range of ell^(order)(., y) over low <= z <= high, rounded outward; nan is anything.

        Between neighbouring turning points the derivative is monotone: its range is the hull of the values at the ends
        and at the turning points that the interval may meet.
        """
        parameter = None if self.loss.parameter is None else arb(self.loss.parameter)
        if self.loss.profile.turning(order, parameter) is None:
            within = self.at(order, MidRad.between(low, high))
            return within.low, within.high
        ends = np.stack([low, high])
        values = self.at(order, MidRad(np.where(np.isfinite(ends), ends, np.nan)))
        bottoms, tops = values.low, values.high
        bottom, top = np.minimum(bottoms[0], bottoms[1]), np.maximum(tops[0], tops[1])
        for turn in self._turning(order):
            met = ~(turn.low > high) & ~(turn.high < low)
            bottom = np.where(met, np.minimum(bottom, turn.least), bottom)
            top = np.where(met, np.maximum(top, turn.most), top)
        profile = self.loss.profile
        if (order == 0 and profile.nonnegative) or (order == 2 and profile.convex):
            bottom = np.maximum(bottom, 0.0)
        return bottom, top

    def least(self, order: int, z: MidRad, h: MidRad) -> MidRad:
        """The least of ell^(order) between the predictions z and h: at an end, or where it turns.

        Its lower end is that of the range over all that may lie between them. Its upper end is the least at the ends,
        and at the turning points that certainly lie between.
        """
        bottom, _ = self.over(order, np.minimum(z.low, h.low), np.maximum(z.high, h.high))
        top = np.minimum(self.at(order, z).high, self.at(order, h).high)
        for turn in self._turning(order):
            inside = (turn.low > np.minimum(z.high, h.high)) & (turn.high < np.maximum(z.low, h.low))
            top = np.where(inside, np.minimum(top, turn.most), top)
        return MidRad.between(bottom, np.maximum(top, bottom))

    def most(self, order: int, z: MidRad, h: MidRad) -> MidRad:
        """The largest of ell^(order) between the predictions z and h: likewise."""
        _, top = self.over(order, np.minimum(z.low, h.low), np.maximum(z.high, h.high))
        bottom = np.maximum(self.at(order, z).low, self.at(order, h).low)
        for turn in self._turning(order):
            inside = (turn.low > np.minimum(z.high, h.high)) & (turn.high < np.maximum(z.low, h.low))
            bottom = np.where(inside, np.maximum(bottom, turn.least), bottom)
        return MidRad.between(np.minimum(bottom, top), top)

    def _turning(self, order: int) -> list[_Turn]:
        if order not in self._turns:
            self._turns[order] = self._found_turning(order)
        return self._turns[order]

    def _found_turning(self, order: int) -> list[_Turn]:
        loss, shape = self.loss, self.labels.shape
        if loss.link is Link.CANONICAL and order == 0:
            found = [loss.profile.minimiser(arb(y), None) for y in self._exact]
            ends = np.array([bounds(t[0]) if t else (np.inf, -np.inf) for t in found]).reshape(*shape, 2)
            points = [(MidRad.between(ends[..., 0], ends[..., 1]), ends[..., 0], ends[..., 1])]
        else:
            parameter = None if loss.parameter is None else arb(loss.parameter)
            points = []
            for turn in loss.profile.turning(order, parameter) or ():
                t = MidRad.of([turn], ())
                at = t + (self.labels if loss.link is Link.RESIDUAL else 0 * self.labels)
                if loss.link is Link.MARGIN:
                    at = t * self.labels
                points.append((at, at.low, at.high))
        turns = []
        for at, low, high in points:
            values = self.at(order, at)
            turns.append(_Turn(low, high, values.low, values.high))
        return turns
