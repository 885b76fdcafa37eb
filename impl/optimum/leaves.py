"""Many leaves at once: the checker's enclosures in midpoint-radius float64 (`midrad`), whose rounding is proved.

The formulas are those of `boxes`, the last axis numbers the leaves. What these enclosures cannot tell is left to the
balls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from flint import arb, fmpq

from ..arithmetic import Array
from ..loss_ranges import LossRanges
from ..midrad import GUARD, UP, MidRad, MidRads, U, contract, product_ends
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
        self.gram, self.rate = contract("nxd,nyd->nxy", self.features, self.features), MidRad.of([model.rate], ())
        # eta A, or A/lambda.
        self.pull = self.gram / self.rate if model.steps == 0 else self.gram * self.rate
        self.batch = int(np.clip(2**22 // (n * k * (k + d * d + 4 * most)), 1, 512))
        """How many leaves are enclosed at once: few enough for the processor's cache."""

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


class Boxes:
    """L over many boxes c +- r, (d, N) each, exact: as `boxes.Box` for one."""

    def __init__(self, table: Table, centre: Array, half: Array, second: bool = False) -> None:
        self.table, self.c, self.r, self.second = table, centre, half, second

    def _fall(self, rows: MidRad) -> Array:
        """At least sum_a |W_a| r_a, per row of W (..., d, N)."""
        d = len(self.r)
        fall: Array = (rows.size * self.r).sum(-2) * (UP + 4 * d * U) + GUARD
        return fall

    def _interval(self, z: MidRad, fall: Array) -> tuple[Array, Array]:
        """Ends of z + W t, for atoms (n, k, 1, N)."""
        over = z.within(fall)
        return over.low[:, :, None], over.high[:, :, None]

    def _over(self, order: int, interval: tuple[Array, Array], masses: MidRad) -> MidRad:
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
            h = self._over(2, interval, table.masses)
            factor = unit - table.pull.reshape(*table.pull.shape, 1) * h[:, None]
            if self.second:
                t = self._over(3, interval, table.masses)
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
            h = self._over(2, self._interval(z, fall), table.masses)
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
        return self._over(1, self.reach[1], self.table.weighted)

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
        h = self._over(2, interval, self.table.weighted)
        curved = contract("nkaN,nkbN->abN", h[:, :, None] * rows, rows)
        return curved + contract("nkN,nkabN->abN", self.slopes, bend)


class Prover:
    """Which leaves hold no value below `lower` that could be the minimum over the ball; the reasons of `check`."""

    def __init__(
        self, model: Model, ball: fmpq, lower: float, at: Sequence[fmpq], tilt: list[arb], base: arb, multiplier: arb
    ) -> None:
        d = model.dimension
        self.table, self.lower, self.smooth = Table(model), lower, model.smooth
        self.quadratic = model.quadratic
        square = MidRad.of([ball * ball], ())
        self.within, self.without = square.low, square.high
        self.at, self.tilt = MidRad.of(at, (d, 1)), MidRad.of(tilt, (d, 1))
        self.base, self.multiplier = MidRad.of([base], ()), MidRad.of([multiplier], ())

    def proved(self, centre: Array, half: Array, letters: Array) -> Iterator[Array]:
        """The leaves (numbers) that are proved, a batch at a time: by what their letter says, then by anything."""
        proved = np.zeros(len(letters), dtype=bool)
        for letter, tests in _TESTS.items():
            chosen = np.flatnonzero((letters == ord(letter)) if letter else ~proved)
            for start in range(0, len(chosen), self.table.batch):
                part = chosen[start : start + self.table.batch]
                boxes = Boxes(self.table, centre[:, part], half[:, part])
                good = np.zeros(len(part), dtype=bool)
                for test in tests:
                    if not good.all():
                        good |= test(self, boxes)
                proved[part] = good
                yield part[good]

    def steepest(self, centre: Array, half: Array) -> Array:
        """The coordinate along which to halve each box: where |dL| r is largest, or r if that is not finite (N,)."""
        found = []
        for start in range(0, half.shape[1], self.table.batch):
            part = slice(start, start + self.table.batch)
            sizes = Boxes(self.table, centre[:, part], half[:, part]).gradient.size * half[:, part]
            found.append(np.where(np.isfinite(sizes).all(0), sizes, half[:, part]).argmax(0))
        return np.concatenate(found)

    def _outside(self, boxes: Boxes) -> Array:
        near = np.maximum((MidRad(np.abs(boxes.c)) - boxes.r).low, 0.0)
        found: Array = (MidRad(near) * near).sum(0).low > self.without
        return found

    def _natural(self, boxes: Boxes) -> Array:
        return boxes.natural >= self.lower

    def _mean_value(self, boxes: Boxes) -> Array:
        return boxes.mean_value >= self.lower

    def _not_stationary(self, boxes: Boxes) -> Array:
        """grad L != 0 on the box, and where it meets the sphere no mu >= 0 gives grad L = -mu theta."""
        gradient, over = boxes.gradient, MidRad(boxes.c, boxes.r)
        up, down = gradient.low > 0, gradient.high < 0
        far = (MidRad(np.abs(boxes.c)) + boxes.r).high
        found: Array = (MidRad(far) * far).sum(0).high < self.within
        found |= ((up & (over.low > 0)) | (down & (over.high < 0))).any(0)
        d = len(boxes.c)
        for i in range(d if not found.all() else 0):
            for j in range(i + 1, d):
                one, other = product_ends(gradient[i], over[j]), product_ends(gradient[j], over[i])
                found |= (one[0] > other[1]) | (one[1] < other[0])
        return found & (up | down).any(0)

    def _convex(self, boxes: Boxes) -> Array:
        """L >= lower on the box within the ball, by convexity of L + mu|theta|^2/2 on the hull with x~."""
        nothing = np.zeros(boxes.c.shape[1], dtype=bool)
        if not self.smooth:
            return nothing
        away = (MidRad(boxes.c) - self.at).within(boxes.r)
        found: Array = (self.base + (self.tilt * away).sum(0)).low >= self.lower
        if self.quadratic or not found.any():
            return found
        near = np.flatnonzero(found)
        centre, half = boxes.c[:, near], boxes.r[:, near]
        # The ends of a box in float64 may lie outside it: a larger hull proves more than is needed.
        box = MidRad(centre, half)
        hull = MidRad.between(np.minimum(box.low, self.at.low), np.maximum(box.high, self.at.high))
        hessian = Boxes(self.table, hull.mid, hull.rad, second=True).hessian()
        found[near] = _positive_definite(hessian, self.multiplier)
        return found


_TESTS = {
    "o": (Prover._outside,),
    "n": (Prover._natural,),
    "m": (Prover._mean_value,),
    "g": (Prover._not_stationary,),
    "k": (Prover._not_stationary,),
    "c": (Prover._convex,),
    "": (Prover._outside, Prover._natural, Prover._mean_value, Prover._not_stationary, Prover._convex),
}
"""What is tried for each letter, and at last for what is left."""


def _positive_definite(matrix: MidRad, shift: MidRad) -> Array:
    """Where matrix + shift I (d, d, N) is positive definite (N,): as it stands, or with a diagonal scaled to 1.

    Symmetric matrices within `rad` of the midpoints differ from them by at most the largest row sum of rad, in norm:
    the midpoints less that are eliminated, and must have positive pivots. D M D is definite where M is.
    """
    unit = np.eye(len(matrix.mid))[..., None]
    whole = matrix + shift * unit
    scale = 1 / np.sqrt(np.einsum("iiN->iN", whole.mid))
    found = _eliminated(whole)
    if not found.all():
        found |= _eliminated(whole * scale[:, None] * scale)
    return found


def _eliminated(matrix: MidRad) -> Array:
    around = MidRad(np.zeros(matrix.shape), matrix.rad).sum(1).high.max(0)
    rest = MidRad(matrix.mid) - around * np.eye(len(matrix.mid))[..., None]
    found = np.ones(matrix.shape[-1], dtype=bool)
    for _ in range(len(matrix.mid)):
        pivot = rest[0, 0]
        found &= pivot.low > 0
        rest = rest[1:, 1:] - (rest[1:, :1] / pivot) * rest[:1, 1:]
    return found


def _inverse(matrices: Array) -> Array:
    """About the inverses (..., k, k); nan where float64 cannot tell."""
    usable = np.isfinite(matrices).all((-2, -1), keepdims=True)
    try:
        found: Array = np.where(usable, np.linalg.inv(np.where(usable, matrices, np.eye(matrices.shape[-1]))), np.nan)
    except np.linalg.LinAlgError:
        return np.full_like(matrices, np.nan)
    return found
