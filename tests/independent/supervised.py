"""Meta-supervised learning by its definition: models, adaptation, L, and the quantities of meta-SL's claims.

grad L and the meta-features J_i'grad h are differences of L and of the adapted predictions in the parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mpmath import mp, mpf

from . import infimum
from .core import Core
from .losses import INFINITE, Loss, least_second, loss_of
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
    """weight q > 0; atoms (x, y, p) with p > 0; the index in the file."""

    weight: Any
    atoms: tuple[tuple[int, Any, Any], ...]
    labels: tuple[Fraction, ...]
    index: int

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
        masses = share(a["p"] for a in task["atoms"])
        atoms = [(a["x"], exact(a["y"]), p) for a, p in zip(task["atoms"], masses, strict=True) if p]
        if weight:
            found.append(
                Task(number(weight), tuple((x, number(y), number(p)) for x, y, p in atoms),
                     tuple(y for _, y, _ in atoms), i)
            )  # fmt: skip
    return found


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
            return [theta, self.proximal(task, theta)]
        found = [theta]
        for _ in range(self.steps):
            pull = self.risk_gradient(task, found[-1])
            found.append([t - self.eta * g for t, g in zip(found[-1], pull, strict=True)])
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
        return [self.mean(i, x, self.loss.first, self.z[i][x]) for i, x, _ in self.points]

    def mean(self, i: int, x: int, f: Callable[[Any, Any], Any], z: Any) -> Any:
        """E_i[f(z, y) | x]."""
        task = self.tasks[i]
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

    # --- where derivatives exist ------------------------------------------------------------------------------

    def at_joint(self, z: Any, y: Any) -> bool:
        if self.loss.joint is None:
            return False
        joint = number(self.loss.joint)
        return is_small(abs(z - y) - joint, abs(z) + abs(y) + joint)

    def joints(self, outer: bool) -> bool:
        """Whether a prediction that a step starts from (or, `outer`, any) is on a joint."""
        for task, path in zip(self.tasks, self.paths, strict=True):
            for theta in path if outer else path[:-1]:
                for x, y, _ in task.atoms:
                    if self.at_joint(self.model.predict(theta, x), y):
                        return True
        return False

    @cached_property
    def smooth(self) -> bool:
        """Whether L is differentiable at omega, as far as the definition shows."""
        moves = not self.gradient_steps or self.eta != 0
        if (moves and self.joints(False)) or (self.loss.kinked and self.joints(True)):
            return False
        return not any(
            self.model.kink(theta, x)
            for task, path in zip(self.tasks, self.paths, strict=True)
            for theta in path
            for x in task.rho
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
    def margin_outer_convexity(self) -> bool | None:
        if self.loss.convex:
            return True
        return None if is_small(self.bregman, abs(self.total(self.z)) + 1) else bool(self.bregman > 0)

    @property
    def margin_differentiability(self) -> bool:
        return self.smooth


class MetaSL(Supervised):
    """The linear model's corollaries."""

    @property
    def margin_parameter_comparator(self) -> bool:
        return not self.functions

    @property
    def margin_squared_loss(self) -> bool:
        return self.loss.name == "squared"

    @property
    def margin_one_gradient_step(self) -> bool:
        return self.steps == 1

    @property
    def margin_single_task(self) -> bool:
        return len(self.tasks) == 1

    @property
    def margin_no_adaptation(self) -> bool:
        return self.gradient_steps and self.eta == 0

    @property
    def margin_bounded_curvature(self) -> bool:
        return self.loss.m2 is not INFINITE

    @property
    def margin_third_derivative(self) -> bool:
        bounded = self.loss.m3 is not INFINITE and (self.steps == 1 or self.loss.m2 is not INFINITE)
        return bounded and (self.gradient_steps or self.loss.convex)

    @property
    def margin_smooth(self) -> bool:
        m3 = self.loss.m3
        bend = m3 is not INFINITE and (m3 == 0 or self.loss.m1 is not INFINITE)
        return self.steps == 1 and self.loss.m2 is not INFINITE and bend

    @property
    def margin_invertible_jacobian(self) -> bool | None:
        smallest = self.jacobian_min
        return True if smallest > mpf(10) ** (-mp.dps // 5) else None

    @property
    def margin_small_step(self) -> bool | None:
        loss = self.loss
        if self.steps != 1 or self.eta < 0 or INFINITE in (loss.m1, loss.m2, loss.kappa):
            return False
        s = self.eta * self.feature_bound**2
        room, bend = 1 - loss.m2 * s, loss.kappa * loss.m1 * s
        margin = min(room, room**2 * mp.exp(-bend) - bend)
        return None if abs(margin) < mpf(10) ** -30 else bool(margin > 0)

    @property
    def displacement(self) -> Any:
        return norm([a - b for a, b in zip(self.omega, self.rival, strict=True)])

    @property
    def adapted_displacement(self) -> Any:
        if len(self.tasks) != 1:
            raise UndefinedError("not one task")
        rival = self.path(self.tasks[0], self.rival)[-1]
        return norm([a - b for a, b in zip(self.paths[0][-1], rival, strict=True)])

    @cached_property
    def jacobian_min(self) -> Any:
        """The adapted parameter, differentiated."""
        if len(self.tasks) != 1:
            raise UndefinedError("not one task")
        if not self.smooth:
            raise UndefinedError("not differentiable")
        return singular_values(differences(lambda theta: self.path(self.tasks[0], theta)[-1], self.omega, step_size()))[
            0
        ]

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
    def feature_bound(self) -> Any:
        return max(norm(self.model.inputs[x]) for _, x, _ in self.points)

    def finite(self, constant: Any) -> Any:
        if constant is INFINITE:
            raise UndefinedError("an infinite constant")
        return constant

    @property
    def a(self) -> Any:
        if not self.gradient_steps:
            raise UndefinedError("not by gradient steps")
        return abs(self.eta) * self.finite(self.loss.m2) * self.feature_bound**2

    @property
    def c(self) -> Any:
        """max(1, a - 1) if 0 <= eta H, else 1 + a."""
        return max(mpf(1), self.a - 1) if self.eta >= 0 and self.loss.convex else 1 + self.a

    @property
    def remainder_constant(self) -> Any:
        half = self.finite(self.loss.m3) * self.feature_bound**4 / 2
        if not self.gradient_steps:
            return half / number(exact(self.adaptation["lambda"]))
        growth = mpf(1) if self.steps == 1 else self.c ** (self.steps - 1) * mp.fsum(
            self.c**j for j in range(self.steps)
        )  # fmt: skip
        return abs(self.eta) * half * growth

    @property
    def jacobian_deviation(self) -> Any:
        if not self.gradient_steps:
            a = self.finite(self.loss.m2) * self.feature_bound**2 / number(exact(self.adaptation["lambda"]))
            return a / (1 + a)
        return self.a * mp.fsum(self.c**j for j in range(self.steps))

    @cached_property
    def smoothness(self) -> Any:
        c, m3 = self.c, self.finite(self.loss.m3)
        bend = mpf(0) if m3 == 0 else self.finite(self.loss.m1) * m3
        turn = abs(self.eta) * bend * self.feature_bound**4
        return c**2 * self.finite(self.loss.m2) * self.feature_bound**2 + turn

    @property
    def descent(self) -> Any:
        if self.smoothness == 0:
            return mpf(0)
        there = [t - g / self.smoothness for t, g in zip(self.omega, self.gradient, strict=True)]
        return self.total(self.z) - self.objective(there)

    @property
    def curvature_size(self) -> Any:
        """|L''| along a direction."""
        if not self.smooth or not self.gradient_steps:
            raise UndefinedError("not differentiable")
        return self.bend(self.objective, self.total(self.z), self.omega)

    # --- the mixed form: triples (x, y, x') under M = sum q_i D_i x rho_i ---------------------------------------

    @cached_property
    def mixed(self) -> tuple[list[Any], Vector, Vector, Vector, list[Vector], list[bool]]:
        """Masses M, Wn M, Un M, and the feature psi, per triple; and whether Wn is 0 there, Un is 0 there."""
        if self.steps != 1:
            raise UndefinedError("not one gradient step")
        if not self.smooth:
            raise UndefinedError("not differentiable")
        w = {(i, x): v for (i, x, _), v in zip(self.points, self.w, strict=True)}
        u = {(i, x): v for (i, x, _), v in zip(self.points, self.u, strict=True)}
        found: dict[tuple[int, Fraction, int], list[Any]] = {}
        for i, task in enumerate(self.tasks):
            for (x, y, p), label in zip(task.atoms, task.labels, strict=True):
                for other, rho in task.rho.items():
                    mass = task.weight * p * rho
                    at = found.setdefault((x, label, other), [mpf(0), mpf(0), mpf(0), mpf(0), mpf(0), y])
                    at[0] += mass
                    at[1] += mass * w[i, other]
                    at[2] += mass * w[i, other] * u[i, other]
                    at[3] += mass * abs(w[i, other])
                    at[4] += mass * abs(w[i, other] * u[i, other])
        masses, weights, targets, rows, gone, empty = [], [], [], [], [], []
        for (x, _, other), (mass, weight, target, size, reach, y) in found.items():
            phi, there = self.model.inputs[x], self.model.inputs[other]
            bend = self.eta * self.loss.second(dot(phi, self.omega), y) * dot(phi, there)
            masses.append(mass)
            weights.append(weight)
            targets.append(target)
            rows.append([b - bend * a for a, b in zip(phi, there, strict=True)])
            gone.append(is_small(weight, size))
            empty.append(is_small(target, reach))
        return masses, weights, targets, rows, gone, empty

    @property
    def mixed_weight_norm(self) -> Any:
        masses, weights, *_ = self.mixed
        return mp.sqrt(mp.fsum(w * w / m for m, w in zip(masses, weights, strict=True)))

    @property
    def margin_numerator_vanishes(self) -> bool:
        *_, gone, empty = self.mixed
        return all(e for g, e in zip(gone, empty, strict=True) if g)

    @property
    def mixed_misfit(self) -> tuple[Any, Any]:
        masses, weights, targets, rows, gone, _ = self.mixed
        live = [j for j, g in enumerate(gone) if not g]
        if not self.margin_numerator_vanishes:
            raise UndefinedError("the target is undefined")
        return infimum.misfit(
            [rows[j] for j in live], [targets[j] / weights[j] for j in live], [masses[j] for j in live], self.radius
        )

    @property
    def mixed_misfit_l1(self) -> tuple[Any, Any]:
        _, weights, targets, rows, *_ = self.mixed
        return infimum.l1(self.eps, [[w * x for x in row] for w, row in zip(weights, rows, strict=True)], targets)
