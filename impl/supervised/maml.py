r"""MAML by definition, in balls or exact rationals: risks, adaptation, the meta-objective.

`Risks` are those of any model; a `Problem` holds a linear model's numbers in one number system. Vectors over the
support are lists [k], parameters are column matrices (d, 1). Nothing here knows meta-features or bounds.

Several outputs, whatever the model: a point x has the lifted points x c, ..., x c + c - 1, one per component, whose
features are the rows of Phi_x (c, D). Predictions, slopes and masses are lists over these, and all that follows from
them is what it is for one output. The loss alone couples components:

    grad R_i = sum_x Phi_x' g_x, g_x = sum_y p grad ell,    Hess R_i = sum_x Phi_x' B_x Phi_x + sum_xa g_xa d2f_xa,

B_x = sum_y p Hess ell (c, c). Of a linear model Phi_x = I (x) phi(x)' and d2f = 0.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, arb_mat, fmpq

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Floats, IrrationalError, Matrix, Number, NumberSystem, Rationals, midpoint, norm
from ..instances import Vector
from ..losses import Loss
from .adaptation import Adaptation, Gradient, Implicit, Own
from .instance import MetaSLInstance, Task
from .rule_steps import adapted

PROXIMAL_STEPS = 80
HALVINGS = 40
"""Newton steps in balls towards the proximal point, and how often each may be halved."""

ROUNDING = 2.0**-48
"""Of a float64 objective, relative."""


@dataclass(frozen=True)
class Law:
    """A task's weight and law: atoms (x, y, p), and the points with their masses rho[x].

    A task's own law is the outer one, that it is judged on; support is the law that the adaptation sees, if it is
    another. Of a loss of c outputs x is the slice of a point's lifted ones, y a list [c], and rho is on lifted points.
    """

    weight: Number
    atoms: tuple[tuple[Any, Any, Number], ...]
    rho: dict[int, Number]
    support: Law | None = None

    @property
    def inner(self) -> Law:
        """The law that the adaptation sees."""
        return self if self.support is None else self.support

    @property
    def points(self) -> list[int]:
        """The points with mass in either law, sorted."""
        return sorted({*self.rho, *self.inner.rho})


Bends = list[list[Number]]
"""Rows of blocks (c, c) on the diagonal: per place, the numbers by which the places of its block are multiplied."""


def bent(bends: Bends, rows: Sequence[Sequence[Number]]) -> list[list[Number]]:
    """The blocks applied to rows (k, .)."""
    found = []
    for x, own in enumerate(bends):
        first, *others = rows[x - x % len(own) :][: len(own)]
        total = [own[0] * v for v in first]
        for bend, row in zip(own[1:], others, strict=True):
            total = [t + bend * v for t, v in zip(total, row, strict=True)]
        found.append(total)
    return found


def uncoupled(bends: Bends) -> Bends:
    """The blocks without their mixed derivatives, for a wrong theorem."""
    return [[bend if b == x % len(row) else 0 * bend for b, bend in enumerate(row)] for x, row in enumerate(bends)]


class Risks:
    """The loss and the tasks' laws in the number system `m`: all that risks need, whatever the model."""

    def __init__(self, loss: Loss, tasks: tuple[Task, ...], m: NumberSystem) -> None:
        self.m = m
        self.loss = loss
        self.laws = tuple(self._law(task.weight, task.atoms, task.support) for task in tasks)

    def _law(self, weight: Any, atoms: Any, support: Any = None) -> Law:
        m = self.m
        rho: dict[int, Any] = {}
        for atom in atoms:
            if atom.p != 0:
                rho[atom.x] = rho.get(atom.x, 0) + atom.p
        numbers = tuple((a.x, self.loss.label(m, a.y), m.number(a.p)) for a in atoms if a.p != 0)
        inner = None if support is None else self._law(weight, support)
        c = self.loss.outputs
        if c > 1:
            numbers = tuple((slice(x * c, x * c + c), y, p) for x, y, p in numbers)
            rho = {x * c + a: p for x, p in rho.items() for a in range(c)}
        return Law(m.number(weight), numbers, {x: m.number(p) for x, p in sorted(rho.items())}, inner)

    def slopes(self, law: Law, z: list[Number], series: Any = None) -> list[Number]:
        """Sum over a point's atoms of p ell'(z_x, y) [k]; E[ell' phi] = features' slopes. Also of z that are series."""
        m, total = series or self.m, [self.m.number(0)] * len(z)
        for x, y, p in law.atoms:
            slope = self.loss.d1(m, z[x], y)
            if self.loss.outputs == 1:
                total[x] += p * slope
            else:
                total[x] = [t + p * g for t, g in zip(total[x], slope, strict=True)]
        return total

    def curvatures(self, law: Law, z: list[Number]) -> Bends:
        """The blocks B_x, sums over a point's atoms of p ell''(z_x, y): of each point its row of them [k][c]."""
        c = self.loss.outputs
        total = [[self.m.number(0)] * c for _ in z]
        for x, y, p in law.atoms:
            bends = self.loss.d2(self.m, z[x], y)
            if c == 1:
                total[x][0] += p * bends
                continue
            for a, row in enumerate(bends, start=x.start):
                total[a] = [t + p * bend for t, bend in zip(total[a], row, strict=True)]
        return total

    def risk(self, law: Law, z: list[Number]) -> Number:
        """R_i at the predictions z [k]."""
        return sum((p * self.loss.value(self.m, z[x], y) for x, y, p in law.atoms), start=self.m.number(0))

    @abstractmethod
    def path(self, law: Law, at: Any) -> Sequence[Any]:
        """The models of the adaptation from the model `at` to the adapted one."""

    def objective(self, at: Any) -> Number:
        """L at a model: sum_i q_i R_i(h_{U_i})."""
        laws = [law for law in self.laws if law.weight != 0]
        return sum(
            (law.weight * self.risk(law, self.path(law, at)[-1].predictions) for law in laws), start=self.m.number(0)
        )


class Problem(Risks):
    """An instance with a linear model, its numbers in the number system `m`."""

    def __init__(self, instance: MetaSLInstance, m: NumberSystem) -> None:
        super().__init__(instance.loss, instance.tasks, m)
        self.instance = instance
        self.dimension = instance.dimension
        self.features: Matrix = m.matrix([[m.number(v) for v in row] for row in instance.rows])
        self.transposed: Matrix = self.features.transpose()
        self.omega = self.column(instance.omega)
        self._proximal_points: list[tuple[Law, list[Number], Matrix]] = []
        self._read_steps()

    def _read_steps(self) -> None:
        adaptation, number = self.instance.adaptation, self.m.number
        if isinstance(adaptation, Gradient):
            self.eta: Number = number(adaptation.eta)
            self.decay: Number = number(adaptation.decay)
            self.rates = [number(adaptation.eta * r) for r in adaptation.rates or (fmpq(1),) * self.dimension]
            self._alike = adaptation.rates is None

    def adapting(self, adaptation: Adaptation) -> Problem:
        """The same tasks with another adaptation."""
        found = copy(self)
        found.instance, found._proximal_points = replace(self.instance, adaptation=adaptation), []
        found._read_steps()
        return found

    def at(self, vector: Vector) -> Point:
        """The model with this parameter."""
        return Point(self, self.column(vector))

    def path(self, law: Law, at: Point) -> list[Point]:
        """The models of the adaptation: those with theta, ..., U_i(theta)."""
        return [at, *(Point(self, theta) for theta in self.adapt(law, at.theta)[1:])]

    def rows(self, xs: Sequence[int]) -> Matrix:
        """phi(x)' for the inputs xs (., d)."""
        table = self.features.tolist()
        return self.m.matrix([table[x] for x in xs])

    def column(self, vector: Vector) -> Matrix:
        """An exact vector as a column matrix."""
        return self.m.matrix([[self.m.number(v)] for v in vector])

    def predictions(self, theta: Matrix) -> list[Number]:
        """h_theta at every support point [k]."""
        return (self.features * theta).entries()

    def gradient(self, law: Law, z: list[Number]) -> Matrix:
        """grad R_i = E[ell'(z, y) phi] (d, 1)."""
        return self.transposed * self.m.matrix([[s] for s in self.slopes(law, z)])

    def hessian(self, law: Law, z: list[Number]) -> Matrix:
        """H_i = E[ell''(z, y) phi phi'] (d, d)."""
        return self.bent(self.curvatures(law, z))

    def bent(self, bends: Bends) -> Matrix:
        """sum_x Phi_x' B_x Phi_x (d, d)."""
        return self.transposed * self.m.matrix(bent(bends, self.features.tolist()))

    def identity(self) -> Matrix:
        """The identity (d, d)."""
        d, zero, one = self.dimension, self.m.number(0), self.m.number(1)
        return self.m.matrix([[one if i == j else zero for j in range(d)] for i in range(d)])

    def paced(self, slope: Matrix) -> Matrix:
        """eta D slope (d, .): every parameter's row times its rate."""
        if self._alike:
            return slope * self.eta
        rows = zip(self.rates, slope.tolist(), strict=True)
        return self.m.matrix([[rate * v for v in row] for rate, row in rows])

    def stepped(self, theta: Matrix, slope: Matrix) -> Matrix:
        """theta - eta D (slope + decay theta) (d, .): a gradient step; of a Jacobian J, whose slope is H J, too."""
        return theta - self.paced(slope if self.decay == 0 else slope + theta * self.decay)

    def adapt(self, law: Law, theta: Matrix) -> list[Matrix]:
        """The iterates of the adaptation to the task's inner law: [theta, ..., U_i(theta)]."""
        adaptation = self.instance.adaptation
        if isinstance(adaptation, Implicit):
            return [theta, self._proximal_point(law.inner, theta, adaptation)]
        if isinstance(adaptation, Own):
            return [theta, adapted(self, law.inner, theta)]
        iterates = [theta]
        for _ in range(adaptation.steps):
            iterates.append(self.stepped(iterates[-1], self.gradient(law.inner, self.predictions(iterates[-1]))))
        return iterates

    def pulled_back(self, law: Law, path: Sequence[Matrix], slope: Matrix) -> Matrix:
        """The transpose of the Jacobian of the adaptation to a law, at its iterates, times a slope (d, 1)."""
        adaptation = self.instance.adaptation
        if isinstance(adaptation, Implicit):
            hessian = self.hessian(law, self.predictions(path[-1]))
            return (self.identity() + hessian * (1 / self.m.number(adaptation.strength))).solve(slope)
        for here in reversed(path[:-1]):
            # The transpose of I - eta D (H + decay) is I - eta (H + decay) D.
            bends, moved = self.curvatures(law, self.predictions(here)), self.paced(slope)
            turned = self.m.matrix(bent(bends, (self.features * moved).tolist()))
            slope = slope - self.transposed * turned - moved * self.decay
        return slope

    def _proximal_point(self, law: Law, theta: Matrix, adaptation: Implicit) -> Matrix:
        """`_proximal`, once for each law and exact theta."""
        given = theta.entries()
        for known, at, found in self._proximal_points:
            if known is law and all(a == b for a, b in zip(at, given, strict=True)):
                return found
        found = self._proximal(law, theta, adaptation)
        self._proximal_points.append((law, given, found))
        return found

    def _proximal(self, law: Law, theta: Matrix, adaptation: Implicit) -> Matrix:
        """argmin R_i(t) + (lambda/2)||t - theta||^2, enclosed (balls) or exact (squared loss).

        F(t) = t - theta + grad R_i(t)/lambda is strongly monotone with modulus 1 (R_i convex), so the solution
        lies within ||F(t)|| of any t. Errors: UndefinedQuantityError for a loss that is not convex.
        """
        if not self.loss.profile.convex:
            raise UndefinedQuantityError("the implicit step is defined for convex losses")
        m, strength = self.m, self.m.number(adaptation.strength)
        if m is Rationals:
            if self.loss.name != "squared":
                raise IrrationalError("the implicit step is rational for the squared loss only")
            at_zero = [m.number(0)] * len(self.features.tolist())
            system = self.identity() + self.hessian(law, at_zero) * (1 / strength)
            return system.solve(theta - self.gradient(law, at_zero) * (1 / strength))
        guess = _float_proximal(self, law, theta, adaptation)
        point = arb_mat([[float(v)] for v in guess])

        def rest(at: Matrix) -> Matrix:
            return at - theta + self.gradient(law, self.predictions(at)) * (1 / strength)

        residual = rest(point)
        for _ in range(PROXIMAL_STEPS):
            size = norm(residual.entries())
            if not size > 4 * size.rad():
                break  # what is left is rounding: no point nearby has a residual that is certainly smaller
            system = self.identity() + self.hessian(law, self.predictions(point)) * (1 / strength)
            try:
                step = system.mid().solve(residual.mid())
            except ZeroDivisionError:
                break
            # Damped: far from the solution whole Newton steps may lead away from it.
            points = ((point - step * arb(2) ** -halving).mid() for halving in range(HALVINGS))
            trials = ((t, rest(t)) for t in points)
            nearer = next((trial for trial in trials if norm(trial[1].entries()) < size), None)
            if nearer is None:
                break
            point, residual = nearer
        radius = norm(residual.entries()).upper()
        ball = (-radius).union(radius)
        return arb_mat([[v + ball] for v in point.entries()])

    def meta_objective(self, theta: Matrix) -> Number:
        """L(theta)."""
        return self.objective(Point(self, theta))


@dataclass(frozen=True, eq=False)
class Point:
    """A linear model: its parameter theta (d, 1)."""

    problem: Problem
    theta: Matrix

    @cached_property
    def predictions(self) -> list[Number]:
        """h_theta at every support point [k]."""
        return self.problem.predictions(self.theta)

    def rows(self, xs: Sequence[int]) -> Matrix:
        """Gradient features at the inputs xs (., d): the features themselves."""
        return self.problem.rows(xs)


def _float_proximal(problem: Problem, law: Law, theta: Matrix, adaptation: Implicit) -> np.ndarray:
    """A float64 solution of the proximal problem by damped Newton; a starting point, never trusted."""
    features = np.array([[midpoint(v) for v in row] for row in problem.features.tolist()])
    start = np.array([midpoint(v) for v in theta.entries()])
    strength = Floats.number(adaptation.strength)
    rows = np.stack([features[x].reshape(-1, len(start)) for x, _, _ in law.atoms])
    ys = np.array([[midpoint(v) for v in y] if isinstance(y, list) else midpoint(y) for _, y, _ in law.atoms])
    ps = np.array([midpoint(p) for _, _, p in law.atoms])
    loss = problem.loss

    def objective(t: np.ndarray) -> float:
        with np.errstate(over="ignore"):
            risk = float(ps @ loss.on_arrays(0, rows @ t, ys))
        return risk + strength / 2 * float((t - start) @ (t - start))

    point = start
    for _ in range(60):
        z = rows @ point
        pulls, bends = ps[:, None] * loss.on_arrays(1, z, ys), ps[:, None, None] * loss.on_arrays(2, z, ys)
        slope = np.tensordot(pulls, rows, 2) + strength * (point - start)
        hessian = np.tensordot(rows, bends @ rows, ((0, 1), (0, 1))) + strength * np.eye(len(point))
        try:
            step, here, length = np.linalg.solve(hessian, slope), objective(point), 1.0
        except np.linalg.LinAlgError:
            break
        # What a whole step gains below the objective's rounding says nothing of the step.
        while length > 1e-12 and slope @ step > ROUNDING * abs(here) and not objective(point - length * step) <= here:
            length /= 2
        point = point - length * step
        if np.linalg.norm(step) <= 1e-14 * (1 + np.linalg.norm(point)):
            break
    return point
