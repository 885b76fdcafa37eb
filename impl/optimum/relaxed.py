"""The checker's lower bounds by convexity (leaf r, see `relaxing`), many boxes at once, in the numbers of a table.

What `relaxing` proposes from enclosures of this module's own is put into formulas here; boxes are on the last axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arithmetic import Array
from .leaves import Boxes, Table
from .relaxing import ROUNDS, relaxation


def hessian_floor(boxes: Boxes) -> Any:
    """Matrices (d, d, N), of which Hess L is at least one, as a quadratic form, throughout each box."""
    last, table, m = boxes.reach[1], boxes.table, boxes.m
    d, count = boxes.c.shape
    n, k, _ = table.shape
    few = k < d
    rows = _rows(boxes) if few else [*(reach.rows for reach in boxes.path), boxes.reach[2]]
    p, low = boxes.slopes, boxes.over(2, last, table.weighted).low
    total, around = m.number(np.zeros((d, d, count))), m.number(np.zeros((n, rows[0].shape[2], count)))
    for t in range(len(boxes.path), -1, -1):
        if t < len(boxes.path):
            reach, drawn = boxes.path[t], table.pull @ p
            low = -m.product_ends(boxes.over(3, reach.interval, table.masses), drawn)[1]
            p = p - reach.bends * drawn
        middle, spread = np.broadcast_to(rows[t].mid, rows[t].shape), np.broadcast_to(rows[t].rad, rows[t].shape)
        size, s = np.abs(middle), spread.sum(2)
        # A floor that is not negative may be 0.
        low = np.where((low > 0) & (s > size.sum(2) / 2), 0.0, low)
        rounded, wide = m.number(size).sum(2)[:, :, None], m.number(spread).sum(2)[:, :, None]
        entries = size * wide + spread * (rounded + wide)
        around = around + (entries * np.abs(low)[:, :, None]).sum(1)
        full = m.contract("nkaN,nab->nkbN", m.number(middle), table.features) if few else m.number(middle)
        total = total + m.contract("nkaN,nkbN->abN", full * low[:, :, None], full)
    most = m.number(around.high)
    if few:
        features = table.features.reshape(n, k, d, 1)
        return total - m.contract("nkaN,nkb->abN", features * most[:, :, None], table.features)
    return total - most.sum(0) * np.eye(d)[..., None]


def _rows(boxes: Boxes) -> list[Any]:
    """dz_t/du (n, k, k, N), u the task's own predictions before adaptation."""
    (n, k, _), m = boxes.table.shape, boxes.m
    unit, pull = np.eye(k)[..., None], boxes.table.pull.reshape(n, k, k, 1)
    found = [m.number(np.zeros((n, 1, 1, 1)) + unit)]
    for reach in boxes.path:
        factor = unit - pull * reach.bends[:, None]
        found.append(m.contract("nxjN,njaN->nxaN", factor, found[-1]) if len(found) > 1 else factor)
    return found


class Relaxed:
    """F of `relaxing` over boxes, as proposed, and what follows."""

    def __init__(self, boxes: Boxes, square: Any) -> None:
        self._boxes, self._square, m = boxes, square, boxes.m
        floor = hessian_floor(boxes)
        far = (m.number(np.abs(boxes.c)) + boxes.r).high
        inside = (m.number(far) * far).sum(0).high < square.low
        bends, slopes = m.floats(np.moveaxis(floor.mid, -1, 0)), m.floats(boxes.gradient.mid.T)
        self._proposed = relaxation(bends, slopes, m.floats(boxes.c.T), m.floats(boxes.r.T), inside)
        self._out = self._proposed.out.T
        short = (m.number(self._out) * self._out).sum(0).high <= 1
        self._e, self._mu = _positive(self._proposed.e.T), _positive(self._proposed.multiplier)
        self._kappa = np.where(short, _positive(self._proposed.kappa), 0.0)
        along = (m.number(self._out) * boxes.c).sum(0).within((m.number(np.abs(self._out)) * boxes.r).sum(0).high)
        self._least, self._most = along.low, m.minimum(along.high, m.sqrt(m.number(square.high)).high)
        unit = np.eye(len(boxes.r))[..., None]
        outwards = m.number(self._out[:, None]) * self._out
        self.hessian = floor + m.number(self._mu) * unit + outwards * self._kappa + self._e[:, None] * unit
        """At most Hess F throughout the box, as a quadratic form (d, d, N)."""

    def bound(self) -> Array:
        """Numbers that L does not fall below on the boxes within the ball (N,), if `hessian` is positive definite."""
        boxes, by, m = self._boxes, self._proposed, self._boxes.m
        half, near, t = boxes.r, m.floats(boxes.r).T, np.zeros(boxes.c.shape)
        tilt = self._tilt(m.number(boxes.gradient.mid), m.number(boxes.c), t)
        found = np.full(half.shape[1], -np.inf)
        for _ in range(ROUNDS):
            t = by.point(m.floats(tilt.mid).T, t.T, near).T
            t = np.where(np.abs(t) <= half, t, np.nan)
            at = m.number(boxes.c) + t
            value, slope = _point(boxes.table, at.mid, at.rad)
            tilt, along = self._tilt(slope, at, t), (at * self._out).sum(0)
            total = m.number(value) - ((m.number(half) * half - m.number(t) * t) * self._e).sum(0) * 0.5
            total = total + ((at * at).sum(0) - self._square) * (self._mu * 0.5)
            total = total + (along - self._least) * (along - self._most) * (self._kappa * 0.5)
            # theta - a runs from -(r + t) to r - t.
            left, right = m.number(half) + t, m.number(half) - t
            falls = m.maximum((m.number(tilt.high) * left).high, (m.number(-tilt.low) * right).high)
            least = (total - m.number(m.maximum(falls, 0.0)).sum(0)).low
            found = np.where(least > found, least, found)
        return found

    def _tilt(self, slope: Any, at: Any, t: Array) -> Any:
        """grad F at c + t."""
        push = ((at * self._out).sum(0) * 2 - self._least - self._most) * (self._kappa * 0.5)
        return slope + self._boxes.m.number(self._e) * t + at * self._mu + push * self._out


def _point(table: Table, mid: Array, rad: Array) -> tuple[Array, Any]:
    """A number below L, and grad L, at points within `rad` of `mid` (d, N)."""
    point = Boxes(table, mid, rad)
    return point.mean_value, point.gradient


def _positive(values: Array) -> Array:
    """The values; nan where they are not >= 0."""
    return np.where(values >= 0, values, np.nan)
