"""The checker: accepts a certificate only if it can prove the bracket itself, in ball arithmetic.

Nothing of the finder is used but the file. Every leaf is proved again by whichever of the reasons holds (the letter
says which to try first); where the enclosures of the finder were sharper, the checker splits on. What is proved:

* covering: the tree is a binary partition of a cube that contains the ball;
* no leaf holds a point of the ball with L < lower that could be the minimum. The minimum over the ball is attained
  (L is continuous), so it lies in a leaf. Leaf reasons: outside (o), natural range (n), mean value (m), no stationary
  point of the open ball (g) or of its sphere (k), Lagrangian-convex (c); the formulas are in `search`'s docstring and
  are derived in the methods below;
* upper: the value at an exact point of the ball;
* without a radius: that every parameter outside the ball is worse than `upper` (`coercivity`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from flint import arb, arb_mat, ctx, fmpq

from ..arithmetic import Balls, norm, rational, root
from ..balls.singular import positive_definite
from ..meta_sl.instance import Gradient, MetaSLInstance
from ..meta_sl.maml import Law, Problem
from .certificate import LEAVES, Certificate, basis
from .coercivity import NotCoerciveError, coercivity_radius

PRECISION = 72
EXTRA_DEPTH = 40
"""How much deeper than a leaf of the tree the checker may split."""


@dataclass(frozen=True)
class Check:
    """The outcome: accepted or not, why, how many boxes were proved, how many beyond the tree's leaves."""

    accepted: bool
    reason: str
    boxes: int = 0
    extra: int = 0


class _RejectedError(Exception):
    """A certificate that does not prove its claim."""


Atoms = list[tuple[int, arb, arb]]
"""(point, label, mass), points numbered within the task."""


class TaskModel:
    """A task in reduced coordinates, on its own support points, in balls."""

    def __init__(self, problem: Problem, law: Law, directions: list[list[arb]]) -> None:
        self.problem, self.law = problem, law
        self._last: arb_mat | None = None
        self.used = list(law.rho)
        place = {x: j for j, x in enumerate(self.used)}
        self.atoms: Atoms = [(place[x], y, p) for x, y, p in law.atoms]
        self.count = len(self.used)
        table = [[problem.features[x, j] for j in range(problem.dimension)] for x in self.used]
        self.features = arb_mat(table) * arb_mat(directions).transpose()
        self.gram = self.features * self.features.transpose()
        self.lengths = [norm(row) for row in self.features.tolist()]

    def sums(self, order: int, z: list[arb]) -> list[arb]:
        """sum_y p times the exact range of ell^(order) over the ball z_x, per point [k]."""
        total = [arb(0)] * self.count
        for x, y, p in self.atoms:
            total[x] += p * self.problem.loss.range(order, z[x], y)
        return total

    def least(self, z: list[arb]) -> arb:
        """A lower bound of the risk over the balls z_x, end by end: a ball's radius is too coarse for a bound of 0."""
        total, loss = arb(0), self.problem.loss
        for x, y, p in self.atoms:
            low = arb(loss.range(0, z[x], y).lower())
            total += p * (low.max(arb(0)) if loss.profile.nonnegative else low)
        return total

    def point_sums(self, order: int, z: list[arb]) -> list[arb]:
        """sum_y p ell^(order)(z_x, y) at points [k]."""
        loss = self.problem.loss
        evaluate = (loss.value, loss.d1, loss.d2, loss.d3)[order]
        total = [arb(0)] * self.count
        for x, y, p in self.atoms:
            total[x] += p * evaluate(Balls, z[x], y)
        return total

    def proximal(self, c: list[arb], strength: arb) -> list[arb]:
        """The predictions after the proximal step from reduced coordinates c, enclosed [k].

        F(t) = t - c + grad R(t)/lambda is strongly monotone with modulus 1 (R convex): the solution lies within
        ||F(t)|| of any t. Newton's method proposes t, starting where the last box ended.
        """
        start, rows = arb_mat([[v] for v in c]), self.features.transpose()
        point = start if self._last is None else self._last
        residual = self._residual(point, start, strength)
        for _ in range(80):
            size = norm(residual.entries())
            if size.abs_upper() <= arb(2) ** (8 - PRECISION) * (1 + norm(point.entries())):
                break
            h = self.point_sums(2, (self.features * point).entries())
            scaled = arb_mat([[w * v for v in row] for w, row in zip(h, self.features.tolist(), strict=True)])
            d = point.nrows()
            unit = arb_mat(d, d, [int(a == b) for a in range(d) for b in range(d)])
            step = (unit + rows * scaled * (1 / strength)).mid().solve(residual.mid())
            for halving in range(40):
                trial = (point - step * arb(2) ** -halving).mid()
                after = self._residual(trial, start, strength)
                if norm(after.entries()) < size:
                    break
            else:
                break
            point, residual = trial, after
        self._last = point
        radius = norm(residual.entries()).upper()
        z = (self.features * point).entries()
        return [v + (-(radius * size)).union(radius * size) for v, size in zip(z, self.lengths, strict=True)]

    def _residual(self, point: arb_mat, start: arb_mat, strength: arb) -> arb_mat:
        slopes = arb_mat([[s] for s in self.point_sums(1, (self.features * point).entries())])
        return point - start + self.features.transpose() * slopes * (1 / strength)


class Model:
    """The instance in reduced coordinates, in balls."""

    def __init__(self, instance: MetaSLInstance) -> None:
        self.problem = Problem(instance.canonical, Balls)
        exact = basis(instance)
        lengths = [root(sum((arb(v * v) for v in b), start=arb(0))) for b in exact]
        directions = [[arb(v) / size for v in b] for b, size in zip(exact, lengths, strict=True)]
        self.tasks = [TaskModel(self.problem, law, directions) for law in self.problem.laws if law.weight != 0]
        self.dimension = len(exact)
        adaptation = instance.adaptation
        self.steps = adaptation.steps if isinstance(adaptation, Gradient) else 0
        self.rate = arb(adaptation.eta if isinstance(adaptation, Gradient) else adaptation.strength)
        # Of the squared loss adapted predictions are affine in theta, so that L is a convex quadratic.
        self.quadratic = instance.loss.name == "squared"
        self.smooth = self.quadratic or (self.steps > 0 and not instance.loss.profile.joints)


@dataclass(frozen=True)
class _TaskReach:
    """A task's adapted predictions: at a box's centre [k], over it [k], rows dz/dtheta (k, d), second derivatives."""

    centre: list[arb]
    over: list[arb]
    rows: arb_mat
    bend: list[list[arb]]


class Box:
    """L over {c + t : |t_j| <= r_j}; centre and half-widths exact."""

    def __init__(self, model: Model, centre: list[fmpq], half: list[fmpq], second: bool = False) -> None:
        self.model, self.second = model, second
        self.c, self.r = [arb(v) for v in centre], [arb(v) for v in half]
        self.spread = [(-v).union(v) for v in self.r]

    @cached_property
    def reaches(self) -> list[_TaskReach]:
        return [self._proximal(task) if self.model.steps == 0 else self._steps(task) for task in self.model.tasks]

    def _around(self, centre: list[arb], rows: arb_mat) -> list[arb]:
        """centre + rows t over the box: the mean-value form of the predictions."""
        shift = (rows * arb_mat([[v] for v in self.spread])).entries()
        return [a + b for a, b in zip(centre, shift, strict=True)]

    def _steps(self, task: TaskModel) -> _TaskReach:
        """Gradient steps z <- z - eta A s(z), with rows W <- (I - eta A diag(h))W."""
        rate, d, k = self.model.rate, self.model.dimension, task.count
        centre = (task.features * arb_mat([[v] for v in self.c])).entries()
        rows, bend = task.features, [[arb(0)] * (d * d) for _ in range(k)]
        for _ in range(self.model.steps):
            over = self._around(centre, rows)
            h = task.sums(2, over)
            if self.second:
                bend = self._bent(task, over, h, rows, bend)
            pull = (task.gram * arb_mat([[s] for s in task.point_sums(1, centre)])).entries()
            centre = [a - rate * b for a, b in zip(centre, pull, strict=True)]
            entries = [int(i == j) - rate * task.gram[i, j] * h[j] for i in range(k) for j in range(k)]
            rows = arb_mat(k, k, entries) * rows
        return _TaskReach(centre, self._around(centre, rows), rows, bend)

    def _bent(
        self, task: TaskModel, over: list[arb], h: list[arb], rows: arb_mat, bend: list[list[arb]]
    ) -> list[list[arb]]:
        """T <- T - eta A (t W W' + h T): the second derivatives of a gradient step."""
        d, k = self.model.dimension, task.count
        t = task.sums(3, over)
        pull = [
            [t[x] * rows[x, a] * rows[x, b] + h[x] * bend[x][a * d + b] for a in range(d) for b in range(d)]
            for x in range(k)
        ]
        change = (task.gram * arb_mat(pull)).tolist()
        return [[b - self.model.rate * c for b, c in zip(bend[x], change[x], strict=True)] for x in range(k)]

    def _proximal(self, task: TaskModel) -> _TaskReach:
        """The proximal step: nonexpansive, its rows W solve (I + A diag(h)/lambda)W = X with |W_x| <= ||phi_x||.

        With h = m + e, m exact: W = G X - G A diag(e) W/lambda, G the inverse of I + A diag(m)/lambda.
        """
        rate, k, d = self.model.rate, task.count, self.model.dimension
        centre, move = task.proximal(self.c, rate), norm(self.r)
        over = [c + (-(size * move)).union(size * move) for c, size in zip(centre, task.lengths, strict=True)]
        h = task.sums(2, over)
        middle = [arb(v.mid()) for v in h]
        entries = [int(i == j) + task.gram[i, j] * middle[j] / rate for i in range(k) for j in range(k)]
        inverse = arb_mat(k, k, entries).inv()
        reach, rows = inverse * task.gram, inverse * task.features
        wide = []
        for i in range(k):
            sizes = ((reach[i, j] * (h[j] - middle[j])).abs_upper() * task.lengths[j] for j in range(k))
            size = sum(sizes, start=arb(0)) / rate
            wide.append([rows[i, a] + (-size).union(size) for a in range(d)])
        rows = arb_mat(wide)
        tight = self._around(centre, rows)
        return _TaskReach(centre, [t.intersection(o) for t, o in zip(tight, over, strict=True)], rows, [])

    # --- what the leaves use --------------------------------------------------------------------------------

    @cached_property
    def natural(self) -> arb:
        """A lower bound of L over the box, the outer loss ranging over the adapted predictions."""
        pairs = zip(self.model.tasks, self.reaches, strict=True)
        return sum((task.law.weight * task.least(reach.over) for task, reach in pairs), start=arb(0))

    @cached_property
    def at_centre(self) -> arb:
        """L at the centre."""
        pairs = zip(self.model.tasks, self.reaches, strict=True)
        return sum((task.law.weight * sum(task.point_sums(0, reach.centre)) for task, reach in pairs), start=arb(0))

    @cached_property
    def gradient(self) -> list[arb]:
        """grad L over the box: sum_i q_i sum_x s_x W_x."""
        total = [arb(0)] * self.model.dimension
        for task, reach in zip(self.model.tasks, self.reaches, strict=True):
            pull = (arb_mat([task.sums(1, reach.over)]) * reach.rows).entries()
            total = [t + task.law.weight * p for t, p in zip(total, pull, strict=True)]
        return total

    @cached_property
    def mean_value(self) -> arb:
        """L(c) + grad L(box)'t over the box."""
        return self.at_centre + sum((g * t for g, t in zip(self.gradient, self.spread, strict=True)), start=arb(0))

    def hessian(self) -> arb_mat:
        """Hess L over the box: sum_i q_i sum_x (h_x W_x W_x' + s_x T_x)."""
        d = self.model.dimension
        total = [arb(0)] * (d * d)
        for task, reach in zip(self.model.tasks, self.reaches, strict=True):
            slopes, bends = task.sums(1, reach.over), task.sums(2, reach.over)
            for x in range(task.count):
                for a in range(d):
                    for b in range(d):
                        curved = bends[x] * reach.rows[x, a] * reach.rows[x, b] + slopes[x] * reach.bend[x][a * d + b]
                        total[a * d + b] += task.law.weight * curved
        return arb_mat(d, d, total)


class Checker:
    """Proves one certificate."""

    def __init__(self, certificate: Certificate) -> None:
        self.certificate, self.model = certificate, Model(certificate.instance)
        self.ball, self.lower = certificate.ball, arb(rational(certificate.lower))
        self.boxes = self.extra = 0
        point = Box(self.model, list(certificate.at), [fmpq(0)] * self.model.dimension)
        self.value, slope = point.at_centre, point.gradient
        size = sum((v * v for v in certificate.at), start=fmpq(0))
        self.multiplier = arb(0)
        if size > 0 and size > self.ball * self.ball * fmpq(999, 1000):
            pull = sum((g * arb(v) for g, v in zip(slope, certificate.at, strict=True)), start=arb(0)) / arb(size)
            self.multiplier = arb((-pull).mid()).max(arb(0))
        self.tilt = [g + self.multiplier * arb(v) for g, v in zip(slope, certificate.at, strict=True)]
        self.base = self.value + self.multiplier / 2 * arb(size - self.ball * self.ball)
        self.size = size

    def run(self, progress: Callable[[int], None]) -> Check:
        """Accept or reject."""
        try:
            self._claims()
            for centre, half, letter in self._leaves():
                self._prove(centre, half, letter, EXTRA_DEPTH)
                if self.boxes % 64 == 0:
                    progress(self.boxes)
        except _RejectedError as error:
            return Check(False, str(error), self.boxes, self.extra)
        return Check(True, "every leaf is proved", self.boxes, self.extra)

    def _claims(self) -> None:
        certificate, instance = self.certificate, self.certificate.instance
        profile = instance.loss.profile
        if profile.kinked or (self.model.steps == 0 and not (profile.convex and not profile.joints)):
            raise _RejectedError(f"the {instance.loss.name} loss with this adaptation has no checkable enclosures")
        if self.size > self.ball * self.ball:
            raise _RejectedError("the point of the upper bound lies outside the ball")
        if certificate.half < self.ball:
            raise _RejectedError("the root cube does not contain the ball")
        if not self.value <= arb(rational(certificate.upper)):
            raise _RejectedError(
                f"the value at the point is {self.value.str(12)}, not at most upper={certificate.upper!r}"
            )
        if certificate.radius is not None:
            if certificate.radius != self.ball:
                raise _RejectedError(f"ball={self.ball} is not the radius {certificate.radius}")
            return
        try:
            needed = coercivity_radius(instance, certificate.upper)
        except NotCoerciveError as error:
            raise _RejectedError(f"no bound on the minimisers is proved: {error}") from None
        if needed > self.ball:
            raise _RejectedError(f"minimisers are proved to lie within {needed}, not within ball={self.ball}")

    def _leaves(self) -> Iterator[tuple[list[fmpq], list[fmpq], int]]:
        """The leaves of the tree as (centre, half, letter)."""
        d, tree, place = self.model.dimension, self.certificate.tree, 0
        stack = [([fmpq(0)] * d, [self.certificate.half] * d)]
        while stack:
            centre, half = stack.pop()
            if place >= len(tree):
                raise _RejectedError("the tree ends before it covers the ball")
            byte = tree[place]
            place += 1
            if byte < d:
                first, second = _halves(centre, half, byte)
                stack += [second, first]
            elif byte in LEAVES:
                yield centre, half, byte
            else:
                raise _RejectedError(f"byte {place - 1} of the tree, {byte}, is no split and no leaf")
        if place != len(tree):
            raise _RejectedError(f"the tree has {len(tree) - place} bytes too many")

    def _prove(self, centre: list[fmpq], half: list[fmpq], letter: int, depth: int) -> None:
        self.boxes += 1
        near = sum((_nearest(c, r) ** 2 for c, r in zip(centre, half, strict=True)), start=fmpq(0))
        if near > self.ball * self.ball:
            return
        box = Box(self.model, centre, half)
        if letter == ord("c") and self._convex(centre, half):
            return
        if box.natural >= self.lower or box.mean_value >= self.lower:
            return
        if self._not_stationary(box, centre, half) or (letter != ord("c") and self._convex(centre, half)):
            return
        limit = 20 * len(self.certificate.tree) + 2000
        if depth == 0 or self.extra > limit:
            shown = ", ".join(f"{float(arb(c)):.6g} +- {float(arb(r)):.3g}" for c, r in zip(centre, half, strict=True))
            raise _RejectedError(f"lower={self.certificate.lower!r} is not proved on the box {shown}")
        self.extra += 2
        steep = [float(g.abs_upper() * r) for g, r in zip(box.gradient, box.r, strict=True)]
        # Where slopes are beyond float64 they say nothing: the longest side is cut.
        sizes = steep if all(map(math.isfinite, steep)) else [float(r) for r in box.r]
        axis = max(range(len(half)), key=sizes.__getitem__)
        for part, width in _halves(centre, half, axis):
            self._prove(part, width, letter, depth - 1)

    def _not_stationary(self, box: Box, centre: list[fmpq], half: list[fmpq]) -> bool:
        """No minimum lies in the box: grad L != 0 there, and where it meets the sphere no mu >= 0 fits."""
        gradient = box.gradient
        if not any(g > 0 or g < 0 for g in gradient):
            return False
        far = sum(((abs(c) + r) ** 2 for c, r in zip(centre, half, strict=True)), start=fmpq(0))
        if far < self.ball * self.ball:
            return True
        over = [c + t for c, t in zip(box.c, box.spread, strict=True)]
        if any((g > 0 and t > 0) or (g < 0 and t < 0) for g, t in zip(gradient, over, strict=True)):
            return True
        d = len(over)
        minors = (gradient[i] * over[j] - gradient[j] * over[i] for i in range(d) for j in range(i + 1, d))
        return any(m > 0 or m < 0 for m in minors)

    def _convex(self, centre: list[fmpq], half: list[fmpq]) -> bool:
        """L >= lower on the box within the ball, by convexity of F on its hull with x~.

        F = L + mu(|theta|^2 - B^2)/2 <= L in the ball, and F(theta) >= F(x~) + grad F(x~)'(theta - x~).
        """
        if not self.model.smooth:
            return False
        at = self.certificate.at
        low = [min(c - r, v) for c, r, v in zip(centre, half, at, strict=True)]
        high = [max(c + r, v) for c, r, v in zip(centre, half, at, strict=True)]
        bound = self.base
        for g, c, r, v in zip(self.tilt, centre, half, at, strict=True):
            away = arb(c - v)
            bound += g * (away + (-arb(r)).union(arb(r)))
        if not bound >= self.lower:
            return False
        if self.model.quadratic:
            return True
        middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
        reach = [(b - a) / 2 for a, b in zip(low, high, strict=True)]
        hessian = Box(self.model, middle, reach, second=True).hessian()
        return positive_definite(hessian, -self.multiplier)


def _halves(centre: list[fmpq], half: list[fmpq], axis: int) -> list[tuple[list[fmpq], list[fmpq]]]:
    width = half[axis] / 2
    halved = [*half[:axis], width, *half[axis + 1 :]]
    return [([*centre[:axis], centre[axis] + s * width, *centre[axis + 1 :]], halved) for s in (-1, 1)]


def _nearest(centre: fmpq, half: fmpq) -> fmpq:
    away = abs(centre) - half
    return away if away > 0 else fmpq(0)


def check(certificate: Certificate, progress: Callable[[int], None] = lambda boxes: None) -> Check:
    """Whether the certificate proves its bracket."""
    with ctx.workprec(PRECISION):
        return Checker(certificate).run(progress)
