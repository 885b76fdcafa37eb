"""Models of c outputs by their definition: predictions in R^c, squared loss or softmax.

What a model has per input x it has here per pair (x, a), a component: w and u are lists over these. A linear model has
Theta (c, d), a network the signs b (c, m).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mpmath import mp, mpf

from . import infimum
from .losses import INFINITE
from .meta_sl import MetaSL
from .network_quantities import NetworkSupervised
from .networks import Network
from .numbers import Fraction, UndefinedError, Vector, dot, exact, is_small, number, numbers, share, solve
from .supervised import Linear, Supervised, Task

Place = tuple[int, int]


@dataclass(frozen=True)
class VectorLoss:
    """value(z, y), first(z, y) [c], second(z, y) (c, c); constants in Euclidean norms; mu the least curvature."""

    name: str
    value: Callable[[Vector, Vector], Any]
    first: Callable[[Vector, Vector], Vector]
    second: Callable[[Vector, Vector], list[Vector]]
    m1: Any
    m2: Any
    m3: Any
    kappa: Any
    mu: Any
    convex: bool = True
    joint: None = None
    kinked: bool = False


def probabilities(z: Vector) -> Vector:
    """e^{z_a} / sum_b e^{z_b}."""
    powers = [mp.exp(v - max(z)) for v in z]
    return [v / mp.fsum(powers) for v in powers]


def loss_of(name: str) -> VectorLoss:
    if name == "squared":
        return VectorLoss(
            name,
            lambda z, y: mp.fsum((a - b) ** 2 for a, b in zip(z, y, strict=True)) / 2,
            lambda z, y: [a - b for a, b in zip(z, y, strict=True)],
            lambda z, y: [[mpf(int(a == b)) for b in range(len(z))] for a in range(len(z))],
            INFINITE, mpf(1), mpf(0), mpf(0), mpf(1),
        )  # fmt: skip
    if name != "softmax":
        raise ValueError(name)

    def second(z: Vector, y: Vector) -> list[Vector]:
        p = probabilities(z)
        return [[(p[a] if a == b else mpf(0)) - p[a] * p[b] for b in range(len(z))] for a in range(len(z))]

    return VectorLoss(
        name,
        lambda z, y: mp.log(mp.fsum(mp.exp(v - max(z)) for v in z)) + max(z) - dot(y, z),
        lambda z, y: [p - b for p, b in zip(probabilities(z), y, strict=True)],
        second,
        mp.sqrt(2), mpf(1) / 2, mp.sqrt(6) / 9, mp.sqrt(2), mpf(0),
    )  # fmt: skip


@dataclass(frozen=True)
class VectorTask(Task):
    """A task whose atoms' labels are lists [c]; masses are per (x, a)."""

    outputs: int = 2

    @property
    def rho(self) -> dict[Place, Any]:  # type: ignore[override]
        return {(x, a): p for x, p in super().rho.items() for a in range(self.outputs)}


def outputs_of(document: dict[str, Any]) -> int:
    """c: how many classes, or numbers in a label."""
    label = document["tasks"][0]["atoms"][0]["y"]
    return len(label) if isinstance(label, list) else int(document["loss"].get("classes", 1))


class VectorModel(Linear):
    """h_theta(x) = Theta phi(x): of the pair (x, a) the input is phi(x) in row a of a zero matrix."""

    def __init__(self, document: dict[str, Any], c: int) -> None:
        super().__init__(document)
        rows = self.inputs
        self.inputs: Any = {
            (x, a): [mpf(0)] * (a * len(row)) + row + [mpf(0)] * ((c - 1 - a) * len(row))
            for x, row in enumerate(rows)
            for a in range(c)
        }


class OutputNetwork(Network):
    """f_a(x; W), a place (x, a): the signs of output a."""

    def __init__(self, model: dict[str, Any], inputs: list[list[Any]]) -> None:
        super().__init__(model, inputs)
        plain = range(len(self.b))
        self.exact_inputs: Any = {(x, a): row for x, row in enumerate(self.exact_inputs) for a in plain}
        self.inputs: Any = {(x, a): row for x, row in enumerate(self.inputs) for a in plain}

    def signs(self, x: Any) -> list[int]:
        return [int(exact(b)) for b in self.b[x[1]]]

    @property
    def places(self) -> list[Any]:
        return list(self.inputs)


class Outputs(Supervised):
    """What several outputs change, whatever the model."""

    def __init__(self, document: dict[str, Any], direction: list[Fraction] | None = None) -> None:
        self.outputs = outputs_of(document)
        plain = {**document, "tasks": [], "loss": {"name": "squared"}}
        super().__init__(plain, direction)
        self.document, self.loss = document, loss_of(document["loss"]["name"])  # type: ignore[assignment]
        weights = share(t["weight"] for t in document["tasks"])
        self.tasks = [
            self.law(task["atoms"], weight, i, self.law(task["support"], weight, i) if "support" in task else None)
            for i, (task, weight) in enumerate(zip(document["tasks"], weights, strict=True))
            if weight
        ]

    def law(self, given: list[dict[str, Any]], weight: Fraction, index: int, support: Any = None) -> VectorTask:
        masses, classes = share(a["p"] for a in given), self.loss.name == "softmax"
        atoms, labels = [], []
        for atom, p in zip(given, masses, strict=True):
            if p:
                y = atom["y"]
                label = [mpf(int(exact(y) == a)) for a in range(self.outputs)] if classes else numbers(y)
                atoms.append((atom["x"], label, number(p)))
                labels.append(exact(y) if classes else tuple(map(exact, y)))
        return VectorTask(number(weight), tuple(atoms), tuple(labels), index, support, self.outputs)  # type: ignore[arg-type]

    def joints(self, outer: bool) -> bool:
        return False

    def at(self, z: dict[Place, Any], x: int) -> Vector:
        return [z[x, a] for a in range(self.outputs)]

    def risk(self, task: Task, predictions: dict[Any, Any]) -> Any:
        return mp.fsum(p * self.loss.value(self.at(predictions, x), y) for x, y, p in task.atoms)

    def risk_gradient(self, task: Task, theta: Vector) -> Vector:
        total = [mpf(0)] * len(theta)
        z = {x: self.model.predict(theta, x) for x in task.rho}
        for x, y, p in task.atoms:
            for a, slope in enumerate(self.loss.first(self.at(z, x), y)):
                total = [t + p * slope * s for t, s in zip(total, self.model.slope(theta, (x, a)), strict=True)]
        return total

    @cached_property
    def rivals(self) -> list[dict[Any, Any]]:
        if not self.functions:
            return self.adapted(self.rival)
        rows = self.document["comparator"]["functions"]
        return [
            {(x, a): number(exact(rows[t.index][x * self.outputs + a])) for x, a in t.rho}  # type: ignore[misc]
            for t in self.tasks
        ]

    @cached_property
    def w(self) -> Vector:  # type: ignore[override]
        return [self.slope(self.tasks[i], place, self.z[i]) for i, place, _ in self.points]

    def slope(self, task: Task, place: Any, z: dict[Any, Any]) -> Any:
        """E[grad ell | x], component a."""
        x, a = place
        return mp.fsum(p * self.loss.first(self.at(z, x), y)[a] for b, y, p in task.atoms if b == x) / task.rho[place]

    @cached_property
    def bregman(self) -> Any:
        loss, total = self.loss, []
        for t, z, h in zip(self.tasks, self.z, self.rivals, strict=True):
            for x, y, p in t.atoms:
                here, there = self.at(z, x), self.at(h, x)
                along = dot(loss.first(here, y), [a - b for a, b in zip(there, here, strict=True)])
                total.append(t.weight * p * (loss.value(there, y) - loss.value(here, y) - along))
        return mp.fsum(total)

    @property
    def strong_convexity(self) -> Any:
        return self.loss.mu  # type: ignore[attr-defined]

    @property
    def strong_convexity_adapted(self) -> Any:
        return self.loss.mu  # type: ignore[attr-defined]

    @property
    def bregman_swapped(self) -> Any:
        """<grad ell(h) - grad ell(z), h - z> less Breg."""
        loss, total = self.loss, []
        for t, z, h in zip(self.tasks, self.z, self.rivals, strict=True):
            for x, y, p in t.atoms:
                here, there = self.at(z, x), self.at(h, x)
                turn = [b - a for a, b in zip(loss.first(here, y), loss.first(there, y), strict=True)]
                total.append(t.weight * p * dot(turn, [b - a for a, b in zip(here, there, strict=True)]))
        return mp.fsum(total) - self.bregman

    def together(self, places: list[Any], rows: list[Vector], target: Vector) -> tuple[list[Vector], Vector]:
        """Rows and targets with the components of a point added."""
        found: dict[Any, Vector] = {}
        for place, row, aim in zip(places, rows, target, strict=True):
            both = [*row, aim]
            found[place] = [a + b for a, b in zip(found[place], both, strict=True)] if place in found else both
        return [both[:-1] for both in found.values()], [both[-1] for both in found.values()]

    @cached_property
    def misfit_l1(self) -> tuple[Any, Any]:
        weights = [m * w for m, w in zip(self.masses, self.w, strict=True)]
        rows = [[c * x for x in row] for c, row in zip(weights, self.rows, strict=True)]
        places = [(i, x) for i, (x, _), _ in self.points]  # type: ignore[misc]
        return infimum.l1(self.eps, *self.together(places, rows, [c * u for c, u in zip(weights, self.u, strict=True)]))


class VectorMetaSL(Outputs, MetaSL):
    """The linear model's quantities with c outputs."""

    def make_model(self, document: dict[str, Any]) -> Any:
        return VectorModel(document, self.outputs)

    def hessian(self, x: int, bends: list[Vector]) -> list[Vector]:
        """Phi_x' B Phi_x."""
        columns = list(zip(*(self.model.inputs[x, a] for a in range(self.outputs)), strict=True))
        return [[dot(column, [dot(bend, other) for bend in bends]) for other in columns] for column in columns]

    def newton(self, task: Task, theta: Vector, t: Vector) -> Vector | None:
        """Newton steps, halved until the residual falls."""
        strength = number(exact(self.adaptation["lambda"]))

        def equation(t: Vector) -> Vector:
            return [strength * (a - b) + g for a, b, g in zip(t, theta, self.risk_gradient(task, t), strict=True)]

        here = equation(t)
        for _ in range(400):
            size = mp.norm(here)
            if size <= mpf(10) ** (-(9 * mp.dps) // 10) * strength * (mp.norm(t) + mp.norm(theta)):
                break
            system = [[strength if i == j else mpf(0) for j in range(len(t))] for i in range(len(t))]
            z = {x: self.model.predict(t, x) for x in task.rho}
            for x, y, p in task.atoms:
                own = self.hessian(x, self.loss.second(self.at(z, x), y))
                system = [[s + p * h for s, h in zip(*rows, strict=True)] for rows in zip(system, own, strict=True)]
            move, factor = solve(system, here), mpf(1)
            while factor > mpf(10) ** -20:
                tried = [a - factor * b for a, b in zip(t, move, strict=True)]
                there = equation(tried)
                if mp.norm(there) < size * (1 - factor / 4):
                    break
                factor /= 2
            else:
                break
            t, here = tried, there
        return t if mp.norm(here) <= strength * (mp.norm(t) + mp.norm(theta)) * mpf(10) ** (-mp.dps // 2) else None

    @cached_property
    def mixed(self) -> Any:
        if self.steps != 1:
            raise UndefinedError("not one gradient step")
        w = {(i, x): v for (i, x, _), v in zip(self.points, self.w, strict=True)}
        u = {(i, x): v for (i, x, _), v in zip(self.points, self.u, strict=True)}
        found: dict[Any, list[Any]] = {}
        for i, task in enumerate(self.tasks):
            for (x, y, p), label in zip(task.inner.atoms, task.inner.labels, strict=True):
                for other, rho in task.rho.items():
                    at = found.setdefault((x, label, other), [mpf(0), mpf(0), mpf(0), mpf(0), mpf(0), y])
                    mass, pull = task.weight * p * rho, w[i, other] * u[i, other]
                    for j, size in enumerate((mpf(1), w[i, other], pull, abs(w[i, other]), abs(pull))):
                        at[j] += mass * size
        rows = []
        for (x, _, other), (*_, y) in found.items():
            there, z = self.model.inputs[other], {x: self.model.predict(self.omega, x) for x in self.model.inputs}
            turn = self.hessian(x, self.loss.second(self.at(z, x), y))
            left, moved = self.moved(there)
            rows.append([t - dot(row, moved) for t, row in zip(left, turn, strict=True)])
        masses, weights, targets, sizes, reaches = ([at[j] for at in found.values()] for j in range(5))
        self.triples = [(x, label, other[0]) for x, label, other in found]
        gone, empty = (
            [is_small(*pair) for pair in zip(*both, strict=True)] for both in ((weights, sizes), (targets, reaches))
        )
        return masses, weights, targets, rows, gone, empty

    @property
    def mixed_misfit_l1(self) -> tuple[Any, Any]:
        _, weights, targets, rows, *_ = self.mixed
        scaled = [[w * x for x in row] for w, row in zip(weights, rows, strict=True)]
        return infimum.l1(self.eps, *self.together(self.triples, scaled, targets))


class VectorNetwork(Outputs, NetworkSupervised):
    """A network's quantities with c outputs."""

    def make_model(self, document: dict[str, Any]) -> Any:
        return OutputNetwork(document["model"], document["features"])

    def block(self, law: Task, weights: Vector, x: int) -> list[Vector]:
        """sum_y p Hess ell(f(x; W), y)."""
        z = [self.model.predict(weights, (x, a)) for a in range(self.outputs)]
        total = [[mpf(0)] * self.outputs for _ in z]
        for other, y, p in law.atoms:
            if other == x:
                rows = zip(total, self.loss.second(z, y), strict=True)
                total = [[t + p * h for t, h in zip(*row, strict=True)] for row in rows]
        return total

    def turned(self, law: Task, weights: Vector, values: dict[Any, Any]) -> dict[Any, Any]:
        blocks = {x: self.block(law, weights, x) for x, _ in values}
        return {(x, a): dot(blocks[x][a], [values[x, b] for b in range(self.outputs)]) for x, a in values}

    def bend(self, law: Task, weights: Vector, x: Any) -> Any:
        """The largest sum of absolute values in a row of the block."""
        return max(mp.fsum(map(abs, row)) for row in self.block(law, weights, x[0]))

    def pull(self, law: Task, weights: Vector, x: Any) -> Any:
        z = {(x[0], a): self.model.predict(weights, (x[0], a)) for a in range(self.outputs)}
        return law.rho[x] * self.slope(law, x, z)
