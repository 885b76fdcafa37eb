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

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from flint import arb, arb_mat, ctx, fmpq

from ..arithmetic import Balls, norm, rational, root
from ..balls.singular import positive_definite
from ..losses import Loss
from ..meta_sl.instance import Gradient, MetaSLInstance
from ..meta_sl.maml import Problem
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


class Model:
    """The instance in reduced coordinates, in balls."""

    def __init__(self, instance: MetaSLInstance) -> None:
        self.instance = instance
        self.basis = basis(instance)
        self.problem = Problem(instance.canonical, Balls)
        lengths = [root(sum((arb(v * v) for v in b), start=arb(0))) for b in self.basis]
        used = sorted({x for law in self.problem.laws if law.weight != 0 for x in law.rho})
        place = {x: j for j, x in enumerate(used)}
        self.directions = [[arb(v) / size for v in b] for b, size in zip(self.basis, lengths, strict=True)]
        self.rows = [
            [arb(sum((v * w for v, w in zip(instance.features[x], b, strict=True)), start=fmpq(0))) / size
             for b, size in zip(self.basis, lengths, strict=True)]
            for x in used
        ]  # fmt: skip
        self.features = arb_mat(self.rows)
        self.gram = self.features * self.features.transpose()
        self.loss: Loss = instance.loss
        self._used, self._live = used, [law for law in self.problem.laws if law.weight != 0]
        self.laws = [(law.weight, [(place[x], y, p) for x, y, p in law.atoms]) for law in self._live]
        self.count, self.dimension = len(used), len(self.basis)
        adaptation = instance.adaptation
        self.steps = adaptation.steps if isinstance(adaptation, Gradient) else 0
        self.rate = arb(adaptation.eta if isinstance(adaptation, Gradient) else adaptation.strength)
        self.smooth = self.steps > 0 and not self.loss.profile.joints

    def sums(self, order: int, atoms: list[tuple[int, arb, arb]], z: list[arb]) -> list[arb]:
        """sum_y p times the exact range of ell^(order) over the ball z_x, per point [k]."""
        total = [arb(0)] * self.count
        for x, y, p in atoms:
            total[x] += p * self.loss.range(order, z[x], y)
        return total

    def point_sums(self, order: int, atoms: list[tuple[int, arb, arb]], z: list[arb]) -> list[arb]:
        """sum_y p ell^(order)(z_x, y) at points [k]."""
        evaluate = (self.loss.value, self.loss.d1, self.loss.d2, self.loss.d3)[order]
        total = [arb(0)] * self.count
        for x, y, p in atoms:
            total[x] += p * evaluate(Balls, z[x], y)
        return total

    def proximal(self, task: int, c: list[arb]) -> list[arb]:
        """The predictions after the proximal step from reduced coordinates c [k]."""
        columns = zip(*self.directions, strict=True)
        theta = arb_mat([[sum((t * v for t, v in zip(c, column, strict=True)), start=arb(0))] for column in columns])
        z = self.problem.predictions(self.problem.adapt(self._live[task], theta)[-1])
        return [z[x] for x in self._used]

    def moved(self, z: list[arb], slopes: list[arb]) -> list[arb]:
        """z - eta A s."""
        pull = (self.gram * arb_mat([[s] for s in slopes])).entries()
        return [a - self.rate * b for a, b in zip(z, pull, strict=True)]


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
    def tasks(self) -> list[_TaskReach]:
        return [self._reach(i, atoms) for i, (_, atoms) in enumerate(self.model.laws)]

    def _around(self, centre: list[arb], rows: arb_mat) -> list[arb]:
        """centre + rows t over the box: the mean-value form of the predictions."""
        shift = (rows * arb_mat([[v] for v in self.spread])).entries()
        return [a + b for a, b in zip(centre, shift, strict=True)]

    def _reach(self, task: int, atoms: list[tuple[int, arb, arb]]) -> _TaskReach:
        model, d = self.model, self.model.dimension
        centre = (model.features * arb_mat([[v] for v in self.c])).entries()
        rows = model.features
        bend = [[arb(0)] * (d * d) for _ in range(model.count)]
        if model.steps == 0:
            return self._proximal(task, atoms)
        for _ in range(model.steps):
            over = self._around(centre, rows)
            h = model.sums(2, atoms, over)
            if self.second:
                bend = self._bent(atoms, over, h, rows, bend)
            centre = model.moved(centre, model.point_sums(1, atoms, centre))
            rows = self._factor(h) * rows
        return _TaskReach(centre, self._around(centre, rows), rows, bend)

    def _factor(self, h: list[arb]) -> arb_mat:
        """I - eta A diag(h)."""
        model, k = self.model, self.model.count
        return arb_mat(k, k, [int(i == j) - model.rate * model.gram[i, j] * h[j] for i in range(k) for j in range(k)])

    def _bent(
        self, atoms: list[tuple[int, arb, arb]], over: list[arb], h: list[arb], rows: arb_mat, bend: list[list[arb]]
    ) -> list[list[arb]]:
        """T <- T - eta A (t W W' + h T): the second derivatives of a gradient step."""
        model, d, k = self.model, self.model.dimension, self.model.count
        t = model.sums(3, atoms, over)
        pull = [
            [t[x] * rows[x, a] * rows[x, b] + h[x] * bend[x][a * d + b] for a in range(d) for b in range(d)]
            for x in range(k)
        ]
        change = (model.gram * arb_mat(pull)).tolist()
        return [[b - model.rate * c for b, c in zip(bend[x], change[x], strict=True)] for x in range(k)]

    def _proximal(self, task: int, atoms: list[tuple[int, arb, arb]]) -> _TaskReach:
        """The proximal step: nonexpansive, its rows W solve (I + A diag(h)/lambda)W = X with |W_x| <= ||phi_x||.

        With h = m + e, m exact: W = G X - G A diag(e) W/lambda, G the inverse of I + A diag(m)/lambda.
        """
        model, k, d = self.model, self.model.count, self.model.dimension
        centre = model.proximal(task, self.c)
        lengths = [norm(row) for row in model.rows]
        move = norm(self.r)
        over = [c + (-(size * move)).union(size * move) for c, size in zip(centre, lengths, strict=True)]
        h = model.sums(2, atoms, over)
        middle = [arb(v.mid()) for v in h]
        system = arb_mat(
            k, k, [int(i == j) + model.gram[i, j] * middle[j] / model.rate for i in range(k) for j in range(k)]
        )
        inverse = system.inv()
        reach = inverse * model.gram
        rows = inverse * model.features
        wide = []
        for i in range(k):
            size = (
                sum(((reach[i, j] * (h[j] - middle[j])).abs_upper() * lengths[j] for j in range(k)), start=arb(0))
                / model.rate
            )
            wide.append([rows[i, a] + (-size).union(size) for a in range(d)])
        rows = arb_mat(wide)
        tight = self._around(centre, rows)
        return _TaskReach(centre, [t.intersection(o) for t, o in zip(tight, over, strict=True)], rows, [])

    # --- what the leaves use --------------------------------------------------------------------------------

    @cached_property
    def natural(self) -> arb:
        """L over the box, the outer loss ranging over the adapted predictions."""
        return self._risks([task.over for task in self.tasks], self.model.sums)

    @cached_property
    def at_centre(self) -> arb:
        return self._risks([task.centre for task in self.tasks], self.model.point_sums)

    def _risks(self, predictions: list[list[arb]], sums: Callable[..., list[arb]]) -> arb:
        pairs = zip(self.model.laws, predictions, strict=True)
        return sum((weight * sum(sums(0, atoms, z), start=arb(0)) for (weight, atoms), z in pairs), start=arb(0))

    @cached_property
    def gradient(self) -> list[arb]:
        """grad L over the box: sum_i q_i sum_x s_x W_x."""
        d = self.model.dimension
        total = [arb(0)] * d
        for (weight, atoms), task in zip(self.model.laws, self.tasks, strict=True):
            slopes = self.model.sums(1, atoms, task.over)
            pull = (arb_mat([slopes]) * task.rows).entries()
            total = [t + weight * p for t, p in zip(total, pull, strict=True)]
        return total

    @cached_property
    def mean_value(self) -> arb:
        """L(c) + grad L(box)'t over the box."""
        return self.at_centre + sum((g * t for g, t in zip(self.gradient, self.spread, strict=True)), start=arb(0))

    def hessian(self) -> arb_mat:
        """Hess L over the box: sum_i q_i sum_x (h_x W_x W_x' + s_x T_x)."""
        d = self.model.dimension
        total = [arb(0)] * (d * d)
        for (weight, atoms), task in zip(self.model.laws, self.tasks, strict=True):
            slopes, bends = self.model.sums(1, atoms, task.over), self.model.sums(2, atoms, task.over)
            for x in range(self.model.count):
                for a in range(d):
                    for b in range(d):
                        curved = bends[x] * task.rows[x, a] * task.rows[x, b] + slopes[x] * task.bend[x][a * d + b]
                        total[a * d + b] += weight * curved
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
        steep = [g.abs_upper() * r for g, r in zip(box.gradient, box.r, strict=True)]
        finite = all(s.is_finite() for s in steep)
        axis = max(range(len(half)), key=lambda j: float(steep[j]) if finite else float(arb(half[j])))
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
