"""The checker's lower bounds by convexity (leaf r, see `relaxing`), many boxes at once in midpoint-radius numbers.

What `relaxing` proposes from enclosures of this module's own is put into formulas here; boxes are on the last axis.
"""

from __future__ import annotations

import numpy as np

from ..arithmetic import Array
from ..midrad import MidRad, contract, product_ends
from .leaves import Boxes, Table
from .relaxing import ROUNDS, relaxation


def hessian_floor(boxes: Boxes) -> MidRad:
    """Matrices (d, d, N), of which Hess L is at least one, as a quadratic form, throughout each box."""
    last, table = boxes.reach[1], boxes.table
    d, count = boxes.c.shape
    n, k, _ = table.shape
    few = k < d
    rows = _rows(boxes) if few else [*(reach.rows for reach in boxes.path), boxes.reach[2]]
    p, low = boxes.slopes, boxes.over(2, last, table.weighted).low
    total, around = MidRad(np.zeros((d, d, count))), MidRad(np.zeros((n, rows[0].shape[2], count)))
    for t in range(len(boxes.path), -1, -1):
        if t < len(boxes.path):
            reach, drawn = boxes.path[t], table.pull @ p
            low = -product_ends(boxes.over(3, reach.interval, table.masses), drawn)[1]
            p = p - reach.bends * drawn
        middle, spread = np.broadcast_to(rows[t].mid, rows[t].shape), np.broadcast_to(rows[t].rad, rows[t].shape)
        size, m, s = np.abs(middle), np.abs(middle).sum(2), spread.sum(2)
        # A floor that is not negative may be 0.
        low = np.where((low > 0) & (s > m / 2), 0.0, low)
        rounded, wide = MidRad(size).sum(2)[:, :, None], MidRad(spread).sum(2)[:, :, None]
        entries = size * wide + spread * (rounded + wide)
        around = around + (entries * np.abs(low)[:, :, None]).sum(1)
        full = contract("nkaN,nab->nkbN", MidRad(middle), table.features) if few else MidRad(middle)
        total = total + contract("nkaN,nkbN->abN", full * low[:, :, None], full)
    most = MidRad(around.high)
    if few:
        features = table.features.reshape(n, k, d, 1)
        return total - contract("nkaN,nkb->abN", features * most[:, :, None], table.features)
    return total - most.sum(0) * np.eye(d)[..., None]


def _rows(boxes: Boxes) -> list[MidRad]:
    """dz_t/du (n, k, k, N), u the task's own predictions before adaptation."""
    n, k, _ = boxes.table.shape
    unit, pull = np.eye(k)[..., None], boxes.table.pull.reshape(n, k, k, 1)
    found = [MidRad(np.zeros((n, 1, 1, 1)) + unit)]
    for reach in boxes.path:
        factor = unit - pull * reach.bends[:, None]
        found.append(contract("nxjN,njaN->nxaN", factor, found[-1]) if len(found) > 1 else factor)
    return found


class Relaxed:
    """F of `relaxing` over boxes, as proposed, and what follows."""

    def __init__(self, boxes: Boxes, square: MidRad) -> None:
        self._boxes, self._square = boxes, square
        floor = hessian_floor(boxes)
        r = boxes.r.T
        far = (MidRad(np.abs(boxes.c)) + boxes.r).high
        inside = (MidRad(far) * far).sum(0).high < square.low
        self._proposed = relaxation(np.moveaxis(floor.mid, -1, 0), boxes.gradient.mid.T, boxes.c.T, r, inside)
        self._out = self._proposed.out.T
        short = (MidRad(self._out) * self._out).sum(0).high <= 1
        self._e, self._mu = _positive(self._proposed.e.T), _positive(self._proposed.multiplier)
        self._kappa = np.where(short, _positive(self._proposed.kappa), 0.0)
        along = (MidRad(self._out) * boxes.c).sum(0).within((MidRad(np.abs(self._out)) * boxes.r).sum(0).high)
        self._least, self._most = along.low, np.minimum(along.high, _root(square))
        unit = np.eye(len(r.T))[..., None]
        outwards = MidRad(self._out[:, None]) * self._out
        self.hessian = floor + MidRad(self._mu) * unit + outwards * self._kappa + self._e[:, None] * unit
        """At most Hess F throughout the box, as a quadratic form (d, d, N)."""

    def bound(self) -> Array:
        """Numbers that L does not fall below on the boxes within the ball (N,), if `hessian` is positive definite."""
        boxes, by = self._boxes, self._proposed
        half, t = boxes.r, np.zeros(boxes.c.shape)
        tilt = self._tilt(MidRad(boxes.gradient.mid), MidRad(boxes.c), t)
        found = np.full(half.shape[1], -np.inf)
        for _ in range(ROUNDS):
            t = by.point(tilt.mid.T, t.T, half.T).T
            t = np.where(np.abs(t) <= half, t, np.nan)
            at = MidRad(boxes.c) + t
            value, slope = _point(boxes.table, at.mid, at.rad)
            tilt, along = self._tilt(slope, at, t), (at * self._out).sum(0)
            total = MidRad(value) - ((MidRad(half) * half - MidRad(t) * t) * self._e).sum(0) * 0.5
            total = total + ((at * at).sum(0) - self._square) * (self._mu * 0.5)
            total = total + (along - self._least) * (along - self._most) * (self._kappa * 0.5)
            # theta - a runs from -(r + t) to r - t.
            left, right = MidRad(half) + t, MidRad(half) - t
            falls = np.maximum((MidRad(tilt.high) * left).high, (MidRad(-tilt.low) * right).high)
            found = np.fmax(found, (total - MidRad(np.maximum(falls, 0.0)).sum(0)).low)
        return found

    def _tilt(self, slope: MidRad, at: MidRad, t: Array) -> MidRad:
        """grad F at c + t."""
        push = ((at * self._out).sum(0) * 2 - self._least - self._most) * (self._kappa * 0.5)
        return slope + MidRad(self._e) * t + at * self._mu + push * self._out


def _point(table: Table, mid: Array, rad: Array) -> tuple[Array, MidRad]:
    """A number below L, and grad L, at points within `rad` of `mid` (d, N)."""
    point = Boxes(table, mid, rad)
    return point.mean_value, point.gradient


def _positive(values: Array) -> Array:
    """The values; nan where they are not >= 0."""
    return np.where(values >= 0, values, np.nan)


def _root(square: MidRad) -> float:
    return float(np.nextafter(np.sqrt(square.high), np.inf))
