"""The checker's own enclosures of the meta-objective, in balls: a box at a time, at any precision.

Predictions run through a task's own support points: with A = XX' (X R X' with a rate for each parameter, R =
diag(rates)) a gradient step is z <- z - eta A s(z), the rows W = dz/dtheta follow W <- (I - eta A diag h)W, and second
derivatives T <- T - eta A(t W W' + h T).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from flint import arb, arb_mat, fmpq, fmpq_mat

from ..arithmetic import Balls, dot, norm, root
from ..supervised.adaptation import Adaptation, Gradient
from ..supervised.instance import MetaSLInstance
from ..supervised.maml import Law, Problem
from .certificate import basis
from .spread import of_one_output

PRECISION = 72

Atoms = list[tuple[int, arb, arb]]
"""(point, label, mass), points numbered within the task."""


class TaskModel:
    """A task in reduced coordinates, on its own points (those of either law), in balls."""

    def __init__(self, problem: Problem, law: Law, exact: fmpq_mat, shares: fmpq_mat, lengths: list[arb]) -> None:
        self.problem, self.law = problem, law
        self._last: arb_mat | None = None
        self.used = law.points
        place = {x: j for j, x in enumerate(self.used)}
        self.outer: Atoms = [(place[x], y, p) for x, y, p in law.atoms]
        self.inner: Atoms = [(place[x], y, p) for x, y, p in law.inner.atoms]
        self.count = len(self.used)
        # Inner products are exact before they are rounded: large features that nearly cancel lose nothing.
        rows, d = fmpq_mat([[exact[x, j] for j in range(exact.ncols())] for x in self.used]), len(lengths)
        self.features = arb_mat([[arb(shares[x, j]) / lengths[j] for j in range(d)] for x in self.used])
        self.gram = arb_mat(rows * turned(rows, problem.instance.adaptation).transpose())
        self.lengths = [norm(row) for row in self.features.tolist()]

    def sums(self, atoms: Atoms, order: int, z: list[arb]) -> list[arb]:
        """sum_y p times the exact range of ell^(order) over the ball z_x, per point [k], of the atoms of a law."""
        total = [arb(0)] * self.count
        for x, y, p in atoms:
            total[x] += p * self.problem.loss.range(order, z[x], y)
        return total

    def least(self, z: list[arb]) -> arb:
        """A lower bound of the risk over the balls z_x, end by end: a ball's radius is too coarse for a bound of 0."""
        total, loss = arb(0), self.problem.loss
        for x, y, p in self.outer:
            low = arb(loss.range(0, z[x], y).lower())
            total += p * (low.max(arb(0)) if loss.profile.nonnegative else low)
        return total

    def point_sums(self, atoms: Atoms, order: int, z: list[arb]) -> list[arb]:
        """sum_y p ell^(order)(z_x, y) at points [k], of the atoms of a law."""
        loss = self.problem.loss
        evaluate = (loss.value, loss.d1, loss.d2, loss.d3)[order]
        total = [arb(0)] * self.count
        for x, y, p in atoms:
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
            h = self.point_sums(self.inner, 2, (self.features * point).entries())
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
        slopes = arb_mat([[s] for s in self.point_sums(self.inner, 1, (self.features * point).entries())])
        return point - start + self.features.transpose() * slopes * (1 / strength)


def turned(rows: fmpq_mat, adaptation: Adaptation) -> fmpq_mat:
    """Rows of features, every column times the rate of its parameter."""
    rates = adaptation.canonical.rates if isinstance(adaptation, Gradient) else None
    return (
        rows if rates is None else fmpq_mat([[v * r for v, r in zip(row, rates, strict=True)] for row in rows.tolist()])
    )


class Model:
    """The instance in reduced coordinates, in balls."""

    def __init__(self, instance: MetaSLInstance) -> None:
        instance = of_one_output(instance)
        self.problem = Problem(instance.canonical, Balls)
        rows, span = fmpq_mat([list(row) for row in instance.features]), fmpq_mat([list(b) for b in basis(instance)])
        self.dimension = span.nrows()
        squares = span * span.transpose()
        lengths = [root(arb(squares[j, j])) for j in range(self.dimension)]
        shares = rows * span.transpose()
        self._verify(rows, shares, squares)
        laws = [law for law in self.problem.laws if law.weight != 0]
        self.tasks = [TaskModel(self.problem, law, rows, shares, lengths) for law in laws]
        adaptation = instance.adaptation.canonical
        self.steps = adaptation.steps if isinstance(adaptation, Gradient) else 0
        self.plain = not isinstance(adaptation, Gradient) or adaptation.plain
        if isinstance(adaptation, Gradient) and adaptation.decay != 0:
            raise ArithmeticError("steps with weight decay are not enclosed over boxes")
        self.rate = arb(adaptation.eta if isinstance(adaptation, Gradient) else adaptation.strength)
        # Of the squared loss adapted predictions are affine in theta, so that L is a convex quadratic.
        self.quadratic = instance.loss.name == "squared"
        self.smooth = self.quadratic or (self.steps > 0 and not instance.loss.profile.joints)

    def _verify(self, rows: fmpq_mat, shares: fmpq_mat, squares: fmpq_mat) -> None:
        """The basis is orthogonal, and features with mass lie in its span: |phi|^2 = sum (phi'b)^2/|b|^2."""
        d = self.dimension
        if any((squares[i, j] == 0) == (i == j) for i in range(d) for j in range(d)):
            raise ArithmeticError("the basis of the features is not orthogonal")
        for x in {x for law in self.problem.laws if law.weight != 0 for x in law.points}:
            length = sum((rows[x, j] ** 2 for j in range(rows.ncols())), start=fmpq(0))
            if length != sum((shares[x, j] ** 2 / squares[j, j] for j in range(d)), start=fmpq(0)):
                raise ArithmeticError(f"the basis does not span the features of point {x}")


@dataclass(frozen=True)
class Iterate:
    """A task's predictions before a gradient step over a box [k], their rows dz/dtheta (k, d), sums of ell'' [k]."""

    over: list[arb]
    rows: arb_mat
    bends: list[arb]


@dataclass(frozen=True)
class TaskReach:
    """A task's adapted predictions: at a box's centre [k], over it [k], rows dz/dtheta (k, d), second derivatives."""

    centre: list[arb]
    over: list[arb]
    rows: arb_mat
    bend: list[list[arb]]
    path: list[Iterate]
    """The iterates before, from the first on; of the proximal step none."""


class Box:
    """L over {c + t : |t_j| <= r_j}; centre and half-widths exact."""

    def __init__(self, model: Model, centre: list[fmpq], half: list[fmpq], second: bool = False) -> None:
        self.model, self.second = model, second
        self.c, self.r = [arb(v) for v in centre], [arb(v) for v in half]
        self.spread = [(-v).union(v) for v in self.r]

    @cached_property
    def reaches(self) -> list[TaskReach]:
        return [self._proximal(task) if self.model.steps == 0 else self._steps(task) for task in self.model.tasks]

    def _around(self, centre: list[arb], rows: arb_mat) -> list[arb]:
        """centre + rows t over the box: the mean-value form of the predictions."""
        shift = (rows * arb_mat([[v] for v in self.spread])).entries()
        return [a + b for a, b in zip(centre, shift, strict=True)]

    def _steps(self, task: TaskModel) -> TaskReach:
        """Gradient steps z <- z - eta A s(z), with rows W <- (I - eta A diag(h))W."""
        rate, d, k = self.model.rate, self.model.dimension, task.count
        centre = (task.features * arb_mat([[v] for v in self.c])).entries()
        rows, bend, path = task.features, [[arb(0)] * (d * d) for _ in range(k)], []
        for _ in range(self.model.steps):
            over = self._around(centre, rows)
            h = task.sums(task.inner, 2, over)
            path.append(Iterate(over, rows, h))
            if self.second:
                bend = self._bent(task, over, h, rows, bend)
            pull = (task.gram * arb_mat([[s] for s in task.point_sums(task.inner, 1, centre)])).entries()
            centre = [a - rate * b for a, b in zip(centre, pull, strict=True)]
            entries = [int(i == j) - rate * task.gram[i, j] * h[j] for i in range(k) for j in range(k)]
            rows = arb_mat(k, k, entries) * rows
        return TaskReach(centre, self._around(centre, rows), rows, bend, path)

    def _bent(
        self, task: TaskModel, over: list[arb], h: list[arb], rows: arb_mat, bend: list[list[arb]]
    ) -> list[list[arb]]:
        """T <- T - eta A (t W W' + h T): the second derivatives of a gradient step."""
        d, k = self.model.dimension, task.count
        t = task.sums(task.inner, 3, over)
        pull = [
            [t[x] * rows[x, a] * rows[x, b] + h[x] * bend[x][a * d + b] for a in range(d) for b in range(d)]
            for x in range(k)
        ]
        change = (task.gram * arb_mat(pull)).tolist()
        return [[b - self.model.rate * c for b, c in zip(bend[x], change[x], strict=True)] for x in range(k)]

    def _proximal(self, task: TaskModel) -> TaskReach:
        """The proximal step: nonexpansive, its rows W solve (I + A diag(h)/lambda)W = X with |W_x| <= ||phi_x||.

        With h = m + e, m exact: W = G X - G A diag(e) W/lambda, G the inverse of I + A diag(m)/lambda.
        """
        rate, k, d = self.model.rate, task.count, self.model.dimension
        centre, move = task.proximal(self.c, rate), norm(self.r)
        over = [c + (-(size * move)).union(size * move) for c, size in zip(centre, task.lengths, strict=True)]
        h = task.sums(task.inner, 2, over)
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
        return TaskReach(centre, [t.intersection(o) for t, o in zip(tight, over, strict=True)], rows, [], [])

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
        return sum(
            (task.law.weight * sum(task.point_sums(task.outer, 0, reach.centre)) for task, reach in pairs), start=arb(0)
        )

    @cached_property
    def gradient(self) -> list[arb]:
        """grad L over the box: sum_i q_i sum_x s_x W_x."""
        return self._pulled([task.sums(task.outer, 1, reach.over) for task, reach in self.pairs])

    @property
    def pairs(self) -> list[tuple[TaskModel, TaskReach]]:
        return list(zip(self.model.tasks, self.reaches, strict=True))

    def _pulled(self, slopes: list[list[arb]]) -> list[arb]:
        """sum_i q_i sum_x slope_x W_x over the box."""
        total = [arb(0)] * self.model.dimension
        for (task, reach), own in zip(self.pairs, slopes, strict=True):
            pull = (arb_mat([own]) * reach.rows).entries()
            total = [t + task.law.weight * p for t, p in zip(total, pull, strict=True)]
        return total

    @cached_property
    def mean_value(self) -> arb:
        """A ball whose lower end L does not fall below over the box: L(c) + grad L(box)'t.

        A convex loss lies above its tangent at z(c): L >= L(c) + sum_i q_i sum_x s_x(c) W_x t, W over the box.
        """
        slopes = self.gradient
        if self.model.problem.loss.profile.convex:
            slopes = self._pulled([task.point_sums(task.outer, 1, reach.centre) for task, reach in self.pairs])
        return self.at_centre + dot(slopes, self.spread)

    def hessian(self) -> arb_mat:
        """Hess L over the box: sum_i q_i sum_x (h_x W_x W_x' + s_x T_x)."""
        d = self.model.dimension
        total = [arb(0)] * (d * d)
        for task, reach in zip(self.model.tasks, self.reaches, strict=True):
            slopes, bends = (task.sums(task.outer, order, reach.over) for order in (1, 2))
            for x in range(task.count):
                for a in range(d):
                    for b in range(d):
                        curved = bends[x] * reach.rows[x, a] * reach.rows[x, b] + slopes[x] * reach.bend[x][a * d + b]
                        total[a * d + b] += task.law.weight * curved
        return arb_mat(d, d, total)
