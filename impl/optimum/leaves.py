"""Many boxes at once: the checker's enclosures in midpoint-radius float64 (`midrad`), whose rounding is proved.

The formulas are those of `boxes`, the last axis numbers the leaves. What these enclosures cannot tell is left to the
balls.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from flint import fmpq

from ..arithmetic import Array
from ..elementary import MidRads
from ..loss_ranges import LossRanges
from ..midrad import GUARD, UP, MidRad, U, contract
from ..supervised.instance import both_laws
from .boxes import Model

NEWTON = 40
"""Steps towards the proximal points; their residuals are enclosed afterwards."""


class Table:
    """A model's tasks as arrays: features (n, k, d), gram (n, k, k), masses of the inner laws, and weighted ones of the
    outer laws (n, k, l, 1).

    Every task has its own k points, those of either law. Short ones are filled up: points without features, atoms
    without mass, with a label of the point or else of the task.
    """

    def __init__(self, model: Model) -> None:
        self.model, loss = model, model.problem.loss
        canonical = [task for task in model.problem.instance.tasks if task.weight != 0]
        atoms: list[list[list[tuple[fmpq, fmpq, fmpq]]]] = []
        for exact, task in zip(canonical, model.tasks, strict=True):
            own: dict[int, list[tuple[fmpq, fmpq, fmpq]]] = {x: [] for x in task.used}
            for x, y, p, q in both_laws(exact):
                own[x].append((y, p, q))
            atoms.append(list(own.values()))
        n, d = len(atoms), model.dimension
        k = max(len(points) for points in atoms)
        most = max(len(point) for points in atoms for point in points)
        self.shape = (n, k, most)
        labels, masses, outer = [], [], []
        for points in atoms:
            for j in range(k):
                point = points[j] if j < len(points) else []
                filler = (point or points[0])[0][0]
                short = most - len(point)
                labels += [y for y, _, _ in point] + [filler] * short
                masses += [p for _, p, _ in point] + [fmpq(0)] * short
                outer += [p for _, _, p in point] + [fmpq(0)] * short
        self.masses = MidRad.of(masses, (n, k, most, 1))
        self.weighted = MidRad.of(outer, (n, k, most, 1)) * MidRad.of([task.weight for task in canonical], (n, 1, 1, 1))
        self.ranges = LossRanges(loss, labels, self.shape)
        features, lengths = np.full((n, k, d), fmpq(0), object), np.full((n, k), fmpq(0), object)
        for i, task in enumerate(model.tasks):
            features[i, : task.count], lengths[i, : task.count] = task.features.tolist(), task.lengths
        self.features, self.lengths = MidRad.of(features.flat, (n, k, d)), MidRad.of(lengths.flat, (n, k))
        self.rate = MidRad.of([model.rate], ())
        self.gram = self._gram()
        # eta A, or A/lambda.
        self.pull = self.gram / self.rate if model.steps == 0 else self.gram * self.rate
        self.batch = int(np.clip(2**22 // (n * k * (k + d * d + 4 * most)), 1, 512))
        """How many leaves are enclosed at once: few enough for the processor's cache."""

    def _gram(self) -> MidRad:
        """A (n, k, k): XX', or with a rate for each parameter X R X', which the model has in balls."""
        if self.model.plain:
            return contract("nxd,nyd->nxy", self.features, self.features)
        n, k, _ = self.shape
        gram = np.full((n, k, k), fmpq(0), object)
        for i, task in enumerate(self.model.tasks):
            gram[i, : task.count, : task.count] = task.gram.tolist()
        return MidRad.of(gram.flat, (n, k, k))

    def proximal(self, start: MidRad) -> MidRad:
        """The predictions z after the proximal step from `start` (n, k, N): z + A s(z)/lambda = start.

        theta' = theta - X'c/lambda with proposed coefficients c. F(t) = t - theta + grad R(t)/lambda is X'(s(z) - c)
        /lambda there and strongly monotone with modulus 1: theta' lies within ||F|| of the solution.
        """
        c = self._proposed(start.mid)
        z = start - self.pull @ MidRad(c)
        residual = contract("nkd,nkN->ndN", self.features, (self.sums(1, z) - c) / self.rate)
        away = MidRads.sqrt((residual * residual).sum(1)).high
        return z.within((self.lengths.high[..., None] * away[:, None]) * UP + GUARD)

    def _proposed(self, start: Array) -> Array:
        """Coefficients c, about s(z) at z = start - A c/lambda, by damped Newton steps; never trusted."""
        pull, features = self.pull.mid, self.features.mid

        def missing(c: Array) -> tuple[MidRad, Array, Array]:
            z = MidRad(start - np.einsum("nxj,njN->nxN", pull, c))
            rest = self.sums(1, z).mid - c
            moved = np.einsum("nkd,nkN->ndN", features, rest)
            return z, rest, (moved * moved).sum(1)

        c = np.zeros_like(start)
        z, rest, size = missing(c)
        for _ in range(NEWTON):
            noise = np.einsum("nkd,nkN->ndN", np.abs(features), np.abs(c) + 1) * 2.0**-50
            wanted = size > (noise * noise).sum(1)
            if not wanted.any():
                break
            system = np.eye(self.shape[1]) + np.moveaxis(self.sums(2, z).mid, -1, 0)[..., None] * pull
            step = np.einsum("Nnxj,njN->nxN", _inverse(system), rest)
            length = np.ones_like(size)
            for _ in range(12):
                trial = c + length[:, None] * step
                there = missing(trial)
                better = there[2] < size
                if not (wanted & ~better).any():
                    break
                length = np.where(better, length, length / 2)
            if not better.any():
                break
            c, rest = np.where(better[:, None], trial, c), np.where(better[:, None], there[1], rest)
            z, size = MidRad(np.where(better[:, None], there[0].mid, z.mid)), np.where(better, there[2], size)
        return np.where(np.isfinite(c), c, 0.0)

    def sums(self, order: int, z: MidRad) -> MidRad:
        """sum_y p ell^(order)(z_x, y) per point (n, k, N)."""
        return (self.ranges.at(order, z[:, :, None]) * self.masses).sum(2)


class Reach(NamedTuple):
    """An iterate over boxes: ends of predictions (n, k, 1, N), rows dz/dtheta (n, k, d, N), sums of ell'' (n, k, N)."""

    interval: tuple[Array, Array]
    rows: MidRad
    bends: MidRad


class Boxes:
    """L over many boxes c +- r, (d, N) each, exact: as `boxes.Box` for one."""

    def __init__(self, table: Table, centre: Array, half: Array, second: bool = False) -> None:
        self.table, self.c, self.r, self.second = table, centre, half, second
        self.path: list[Reach] = []
        """The iterates, from the first on, once `reach` is known; of the proximal step none."""

    def _fall(self, rows: MidRad) -> Array:
        """At least sum_a |W_a| r_a, per row of W (..., d, N)."""
        d = len(self.r)
        return (rows.size * self.r).sum(-2) * (UP + 4 * d * U) + GUARD

    def _interval(self, z: MidRad, fall: Array) -> tuple[Array, Array]:
        """Ends of z + W t, for atoms (n, k, 1, N)."""
        over = z.within(fall)
        return over.low[:, :, None], over.high[:, :, None]

    def over(self, order: int, interval: tuple[Array, Array], masses: MidRad) -> MidRad:
        """Sums over a point's atoms of the masses times the range of ell^(order) (n, k, N)."""
        return (MidRad.between(*self.table.ranges.over(order, *interval)) * masses).sum(2)

    @cached_property
    def reach(self) -> tuple[MidRad, tuple[Array, Array], MidRad, MidRad]:
        """Adapted predictions: at the centre (n, k, N), over the box, dz/dtheta (n, k, d, N), second derivatives."""
        table = self.table
        z, rows = table.features @ MidRad(self.c), table.features.reshape(*table.features.shape, 1)
        if self.table.model.steps == 0:
            return self._proximal(z)
        unit, d = np.eye(table.shape[1])[..., None], len(self.c)
        bend = MidRad(np.zeros((*table.shape[:2], d, d, 1)))
        for _ in range(table.model.steps):
            interval = self._interval(z, self._fall(rows))
            h = self.over(2, interval, table.masses)
            self.path.append(Reach(interval, rows, h))
            factor = unit - table.pull.reshape(*table.pull.shape, 1) * h[:, None]
            if self.second:
                t = self.over(3, interval, table.masses)
                outer = (t[:, :, None] * rows)[:, :, :, None] * rows[:, :, None]
                bend = contract("nxjN,njabN->nxabN", factor, bend) - contract("nxj,njabN->nxabN", table.pull, outer)
            z = z - table.pull @ table.sums(1, z)
            rows = contract("nxjN,njaN->nxaN", factor, rows)
        return z, self._interval(z, self._fall(rows)), rows, bend

    def _proximal(self, start: MidRad) -> tuple[MidRad, tuple[Array, Array], MidRad, MidRad]:
        """The proximal step: nonexpansive, its rows W solve (I + A diag(h)/lambda)W = X with |W_x| <= ||phi_x||.

        With h = m + e, m exact, M = I + A diag(m)/lambda and G about M^-1: W = G(X - A diag(e)W/lambda) + (I - GM)W.
        """
        table = self.table
        z, lengths = table.proximal(start), table.lengths.reshape(*table.lengths.shape, 1)
        move = MidRads.sqrt((MidRad(self.r) * self.r).sum(0))
        fall = (lengths * move).high
        unit, scaled = np.eye(table.shape[1])[..., None], table.pull.reshape(*table.pull.shape, 1)
        rows = MidRad(np.nan)
        for _ in range(2):
            h = self.over(2, self._interval(z, fall), table.masses)
            middle = h.mid
            system = unit + scaled * middle[:, None]
            inverse = MidRad(np.moveaxis(_inverse(np.moveaxis(system.mid, -1, 0)), 0, -1))
            reach = contract("nxjN,njyN->nxyN", inverse, scaled)
            left = unit - contract("nxjN,njyN->nxyN", inverse, system)
            miss = MidRad(reach.size) * h.rad[:, None] + left.size
            spread = contract("nxyN,nyN->nxN", miss, lengths)
            rows = contract("nxjN,njd->nxdN", inverse, table.features)
            rows = rows.within(spread.high[:, :, None])
            fall = np.minimum(fall, self._fall(rows))
        return z, self._interval(z, fall), rows, MidRad(np.nan)

    @cached_property
    def natural(self) -> Array:
        """Numbers that L does not fall below on the boxes (N,), the outer loss ranging over the predictions."""
        least, _ = self.table.ranges.over(0, *self.reach[1])
        return (MidRad(least) * self.table.weighted).sum((0, 1, 2)).low

    @cached_property
    def slopes(self) -> MidRad:
        """q_i s_x over the boxes (n, k, N)."""
        return self.over(1, self.reach[1], self.table.weighted)

    @cached_property
    def gradient(self) -> MidRad:
        """grad L over the boxes (d, N)."""
        return contract("nkN,nkaN->aN", self.slopes, self.reach[2])

    @cached_property
    def mean_value(self) -> Array:
        """Numbers that L does not fall below (N,): the mean value form, of a convex loss by its tangents at z(c)."""
        table, centre = self.table, self.reach[0][:, :, None]
        slopes = self.gradient
        if table.model.problem.loss.profile.convex:
            slopes = contract("nkN,nkaN->aN", (table.ranges.at(1, centre) * table.weighted).sum(2), self.reach[2])
        values = table.ranges.at(0, centre) * table.weighted
        return values.sum((0, 1, 2)).within(self._fall(slopes)).low

    def hessian(self) -> MidRad:
        """Hess L over the boxes (d, d, N)."""
        _, interval, rows, bend = self.reach
        h = self.over(2, interval, self.table.weighted)
        curved = contract("nkaN,nkbN->abN", h[:, :, None] * rows, rows)
        return curved + contract("nkN,nkabN->abN", self.slopes, bend)


def _inverse(matrices: Array) -> Array:
    """About the inverses (..., k, k); nan where float64 cannot tell."""
    usable = np.isfinite(matrices).all((-2, -1), keepdims=True)
    try:
        found: Array = np.where(usable, np.linalg.inv(np.where(usable, matrices, np.eye(matrices.shape[-1]))), np.nan)
    except np.linalg.LinAlgError:
        return np.full_like(matrices, np.nan)
    return found
