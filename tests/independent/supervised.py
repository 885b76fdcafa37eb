"""Meta-supervised learning by its definition: models, adaptation, L, and the quantities of meta-SL's claims.

grad L and the meta-features J_i'grad h are differences of L and of the adapted predictions in the parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mpmath import mp, mpf

from .core import Core
from .losses import Loss, least_second, loss_of
from .numbers import (
    Fraction,
    UndefinedError,
    Vector,
    differences,
    dot,
    exact,
    independent,
    is_small,
    norm,
    number,
    numbers,
    share,
    shortest,
    singular_values,
    solve,
    step_size,
)


@dataclass(frozen=True)
class Task:
    """weight q > 0; atoms (x, y, p) with p > 0, that the task is judged on; the index in the file; the same with the
    atoms that it adapts on, if they are others."""

    weight: Any
    atoms: tuple[tuple[int, Any, Any], ...]
    labels: tuple[Fraction, ...]
    index: int
    support: Task | None = None

    @property
    def inner(self) -> Task:
        return self.support or self

    @property
    def rho(self) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for x, _, p in self.atoms:
            found[x] = found.get(x, mpf(0)) + p
        return found


def tasks_of(document: dict[str, Any]) -> list[Task]:
    found = []
    weights = share(t["weight"] for t in document["tasks"])
    for i, (task, weight) in enumerate(zip(document["tasks"], weights, strict=True)):
        if weight:
            support = law_of(task["support"], weight, i) if "support" in task else None
            found.append(law_of(task["atoms"], weight, i, support))
    return found


def law_of(given: list[dict[str, Any]], weight: Fraction, index: int, support: Task | None = None) -> Task:
    masses = share(a["p"] for a in given)
    atoms = [(a["x"], exact(a["y"]), p) for a, p in zip(given, masses, strict=True) if p]
    points = tuple((x, number(y), number(p)) for x, y, p in atoms)
    return Task(number(weight), points, tuple(y for _, y, _ in atoms), index, support)


def flat(given: Any) -> list[Any]:
    """The numbers of a list, or of a list of rows."""
    return [v for row in given for v in (row if isinstance(row, list) else [row])]


class Linear:
    """h_theta(x) = phi(x)'theta."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.inputs = [numbers(row) for row in document["features"]]

    def parameter(self, given: Any) -> Vector:
        return numbers(given)

    def predict(self, theta: Vector, x: int) -> Any:
        return dot(self.inputs[x], theta)

    def slope(self, theta: Vector, x: int) -> Vector:
        """grad_theta h_theta(x)."""
        return self.inputs[x]

    def kink(self, theta: Vector, x: int) -> bool:
        """Whether h is not differentiable at theta."""
        return False


class Supervised(Core):
    """The quantities of a meta-SL instance, whatever its model. All at mpmath's current precision."""

    def __init__(self, document: dict[str, Any], direction: list[Fraction] | None = None) -> None:
        self.document, self.exact_direction = document, direction
        self.loss: Loss = loss_of(document["loss"])
        self.tasks = tasks_of(document)
        self.model: Any = self.make_model(document)
        self.adaptation = document["adaptation"]
        self.gradient_steps = self.adaptation["name"] == "gradient"
        self.steps = self.adaptation["steps"] if self.gradient_steps else 0
        self.eta = number(exact(self.adaptation["eta"])) if self.gradient_steps else None
        self.omega = self.model.parameter(document["omega"])
        given = flat(self.adaptation.get("rates", [1] * len(self.omega)))
        self.rates = [self.eta * number(exact(r)) for r in given] if self.gradient_steps else []
        self.decay = number(exact(self.adaptation.get("decay", 0)))
        self.radius = number(exact(document["radius"]))
        self.functions = isinstance(document["comparator"], dict)
        self.starts: dict[int, tuple[Vector, Vector]] = {}

    def make_model(self, document: dict[str, Any]) -> Any:
        return Linear(document)

    # --- L by definition -------------------------------------------------------------------------------

    def risk(self, task: Task, predictions: dict[int, Any]) -> Any:
        return mp.fsum(p * self.loss.value(predictions[x], y) for x, y, p in task.atoms)

    def risk_gradient(self, task: Task, theta: Vector) -> Vector:
        """grad_theta E ell(h_theta(x), y)."""
        total = [mpf(0)] * len(theta)
        predictions = {x: self.model.predict(theta, x) for x in task.rho}
        pulls: dict[int, Any] = {}
        for x, y, p in task.atoms:
            pulls[x] = pulls.get(x, mpf(0)) + p * self.loss.first(predictions[x], y)
        for x, pull in pulls.items():
            total = [t + pull * s for t, s in zip(total, self.model.slope(theta, x), strict=True)]
        return total

    def path(self, task: Task, theta: Vector) -> list[Vector]:
        """theta and every iterate of the adaptation."""
        if not self.gradient_steps:
            return [theta, self.proximal(task.inner, theta)]
        found = [theta]
        for _ in range(self.steps):
            pull = self.risk_gradient(task.inner, found[-1])
            pairs = zip(found[-1], pull, self.rates, strict=True)
            found.append([t - rate * (g + self.decay * t) for t, g, rate in pairs])
        return found

    def proximal(self, task: Task, theta: Vector) -> Vector:
        """The t with lambda (t - theta) + grad R_i(t) = 0 (linear model, convex loss): one, as lambda > 0."""
        near = self.starts.get(task.index)
        starts = []
        if near is not None:
            moved = [a - b for a, b in zip(theta, near[0], strict=True)]
            if norm(moved) <= mpf(10) ** (-mp.dps // 8) * norm(theta):
                starts = [[a + m for a, m in zip(near[1], moved, strict=True)]]
        for start in (*starts, [mpf(0)] * len(theta), list(theta)):
            t = self.newton(task, theta, start)
            if t is not None:
                self.starts.setdefault(task.index, (list(theta), t))
                return t
        raise UndefinedError("the proximal equation was not solved")

    def newton(self, task: Task, theta: Vector, t: Vector) -> Vector | None:
        """Damped Newton steps from t; None if the equation is not solved to half the digits."""
        strength = number(exact(self.adaptation["lambda"]))

        def equation(t: Vector) -> Vector:
            return [strength * (a - b) + g for a, b, g in zip(t, theta, self.risk_gradient(task, t), strict=True)]

        here = equation(t)
        size = norm(here)
        floor = mpf(10) ** (-(9 * mp.dps) // 10)
        for _ in range(600):
            if size <= floor * strength * (norm(t) + norm(theta)):
                break
            hessian = [[strength if i == j else mpf(0) for j in range(len(t))] for i in range(len(t))]
            for x, y, p in task.atoms:
                bend, phi = p * self.loss.second(self.model.predict(t, x), y), self.model.inputs[x]
                hessian = [[h + bend * phi[i] * phi[j] for j, h in enumerate(row)] for i, row in enumerate(hessian)]
            move = solve(hessian, here)
            factor = mpf(1)
            while factor > mpf(10) ** -20:
                tried = [a - factor * b for a, b in zip(t, move, strict=True)]
                there = equation(tried)
                if norm(there) < size * (1 - factor / 4):
                    break
                factor /= 2
            else:
                break  # no digit is left
            t, here, size = tried, there, norm(there)
        return t if size <= strength * (norm(t) + norm(theta)) * mpf(10) ** (-mp.dps // 2) else None

    def adapted(self, theta: Vector) -> list[dict[int, Any]]:
        """Predictions of the adapted parameters at the support, per task."""
        found = []
        for task in self.tasks:
            final = self.path(task, theta)[-1]
            found.append({x: self.model.predict(final, x) for x in task.rho})
        return found

    def objective(self, theta: Vector) -> Any:
        """L(theta)."""
        return self.total(self.adapted(theta))

    def total(self, predictions: list[dict[int, Any]]) -> Any:
        return mp.fsum(t.weight * self.risk(t, z) for t, z in zip(self.tasks, predictions, strict=True))

    # --- lifted points ------------------------------------------------------------------------------------

    @cached_property
    def paths(self) -> list[list[Vector]]:
        return [self.path(task, self.omega) for task in self.tasks]

    @cached_property
    def z(self) -> list[dict[int, Any]]:
        return [
            {x: self.model.predict(path[-1], x) for x in task.rho}
            for task, path in zip(self.tasks, self.paths, strict=True)
        ]

    @cached_property
    def rival(self) -> Vector:
        if self.functions:
            raise UndefinedError("the comparator is functions")
        return self.model.parameter(self.document["comparator"])

    @cached_property
    def rivals(self) -> list[dict[int, Any]]:
        """h'_i at the support, per task."""
        if self.functions:
            rows = self.document["comparator"]["functions"]
            return [{x: number(exact(rows[t.index][x])) for x in t.rho} for t in self.tasks]
        return self.adapted(self.rival)

    @cached_property
    def points(self) -> list[tuple[int, int, Any]]:
        """(task, x, q rho(x))."""
        return [(i, x, t.weight * r) for i, t in enumerate(self.tasks) for x, r in t.rho.items()]

    @cached_property
    def masses(self) -> Vector:  # type: ignore[override]
        return [mass for _, _, mass in self.points]

    @cached_property
    def w(self) -> Vector:  # type: ignore[override]
        """E[ell'(z_i, y) | x]."""
        return [self.mean(self.tasks[i], x, self.loss.first, self.z[i][x]) for i, x, _ in self.points]

    @staticmethod
    def mean(task: Task, x: int, f: Callable[[Any, Any], Any], z: Any) -> Any:
        """E_i[f(z, y) | x]."""
        return mp.fsum(p * f(z, y) for a, y, p in task.atoms if a == x) / task.rho[x]

    @cached_property
    def u(self) -> Vector:  # type: ignore[override]
        return [self.z[i][x] - self.rivals[i][x] for i, x, _ in self.points]

    @cached_property
    def gap(self) -> Any:
        return self.total(self.z) - self.total(self.rivals)

    @cached_property
    def bregman(self) -> Any:
        loss = self.loss
        return mp.fsum(
            t.weight * p * (loss.value(h[x], y) - loss.value(z[x], y) - loss.first(z[x], y) * (h[x] - z[x]))
            for t, z, h in zip(self.tasks, self.z, self.rivals, strict=True)
            for x, y, p in t.atoms
        )

    @property
    def strong_convexity(self) -> Any:
        if not self.loss.convex or self.loss.joint is not None:
            raise UndefinedError("not convex, or a joint")
        return min(
            least_second(self.loss, z[x], h[x], y)
            for t, z, h in zip(self.tasks, self.z, self.rivals, strict=True)
            for x, y, _ in t.atoms
        )

    @property
    def strong_convexity_adapted(self) -> Any:
        if not self.loss.convex or self.loss.joint is not None:
            raise UndefinedError("not convex, or a joint")
        return min(self.loss.second(z[x], y) for t, z in zip(self.tasks, self.z, strict=True) for x, y, _ in t.atoms)

    @property
    def bregman_swapped(self) -> Any:
        loss = self.loss
        return mp.fsum(
            t.weight * p * (loss.value(z[x], y) - loss.value(h[x], y) - loss.first(h[x], y) * (z[x] - h[x]))
            for t, z, h in zip(self.tasks, self.z, self.rivals, strict=True)
            for x, y, p in t.atoms
        )

    # --- where derivatives exist ------------------------------------------------------------------------------

    def at_joint(self, z: Any, y: Any) -> bool:
        if self.loss.joint is None:
            return False
        joint = number(self.loss.joint)
        return is_small(abs(z - y) - joint, abs(z) + abs(y) + joint)

    def joints(self, outer: bool) -> bool:
        """Whether a prediction that a gradient step starts from, or an implicit one ends at, or any, is on a joint."""
        for task, path in zip(self.tasks, self.paths, strict=True):
            moving = path[:-1] if self.gradient_steps else path[-1:]
            used = [(theta, task.inner) for theta in moving] + ([(path[-1], task)] if outer else [])
            for theta, law in used:
                for x, y, _ in law.atoms:
                    if self.at_joint(self.model.predict(theta, x), y):
                        return True
        return False

    @cached_property
    def smooth(self) -> bool:
        """Whether L is differentiable at omega, as far as the definition shows."""
        moves = not self.gradient_steps or any(self.rates)
        if (moves and self.joints(False)) or (self.loss.kinked and self.joints(True)):
            return False
        return not any(
            self.model.kink(theta, x)
            for task, path in zip(self.tasks, self.paths, strict=True)
            for k, theta in enumerate(path)
            for x in (task if k == len(path) - 1 else task.inner).rho
        )

    @cached_property
    def derivatives(self) -> list[Vector]:
        """Gradients of L, then of z_i(x) at every point."""
        if not self.smooth:
            raise UndefinedError("not differentiable")

        def outputs(theta: Vector) -> Vector:
            z = self.adapted(theta)
            return [self.total(z), *(z[i][x] for i, x, _ in self.points)]

        return differences(outputs, self.omega, step_size())

    @property
    def gradient(self) -> Vector:  # type: ignore[override]
        return self.derivatives[0]

    @property
    def rows(self) -> list[Vector]:  # type: ignore[override]
        """phi_i(x): the gradients of the adapted predictions."""
        return self.derivatives[1:]

    # --- first order and corollaries ----------------------------------------------------------------------------

    @cached_property
    def plain_rows(self) -> list[Vector]:
        """grad h at omega_i."""
        return [self.model.slope(self.paths[i][-1], x) for i, x, _ in self.points]

    @cached_property
    def eps_first_order(self) -> Any:
        total = [mpf(0)] * len(self.omega)
        for task, path in zip(self.tasks, self.paths, strict=True):
            pull = self.risk_gradient(task, path[-1])
            total = [t + task.weight * g for t, g in zip(total, pull, strict=True)]
        return norm(total)

    @cached_property
    def misfit_plain(self) -> tuple[Any, Any]:
        return self.misfit_of(self.plain_rows)

    @cached_property
    def min_norm_solution(self) -> Any:
        if not independent(self.rows):
            raise UndefinedError("the meta-features are dependent")
        return norm(shortest(self.rows, self.u))

    @property
    def margin_full_row_rank(self) -> bool | None:
        return independent(self.rows)

    @property
    def rank_room(self) -> Any:
        """The squared smallest singular value of the meta-features: what a margin of their rank is at most."""
        return singular_values(self.rows)[0] ** 2 if len(self.rows) <= len(self.omega) else mpf(0)

    @property
    def margin_outer_convexity(self) -> bool | None:
        if self.loss.convex:
            return True
        return None if is_small(self.bregman, abs(self.total(self.z)) + 1) else bool(self.bregman > 0)

    @property
    def margin_differentiability(self) -> bool:
        return self.smooth
