"""Any model: the quantities of a traced program's document, from the predictions alone.

Of the graphs only those that give values are evaluated: predictions after adaptation, adapted parameters, predictions
without adaptation, a loss of one's own. Every derivative is a difference of these, at many digits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from math import prod
from operator import mul
from typing import Any

from mpmath import mp, mpf

from . import infimum
from .core import Core
from .graphs import Graph, Table, table
from .numbers import (
    Fraction,
    UndefinedError,
    Vector,
    differences,
    exact,
    independent,
    is_small,
    norm,
    number,
    share,
    shortest,
    singular_values,
    step_size,
)

Loss = Callable[[Vector, Table], Any]


def mse(z: Vector, y: Table) -> Any:
    return mp.fsum((a - b) ** 2 for a, b in zip(z, y.entries, strict=True)) / (2 * len(z))


def bce(z: Vector, y: Table) -> Any:
    return mp.fsum(mp.log(1 + mp.exp(a)) - b * a for a, b in zip(z, y.entries, strict=True)) / len(z)


def cross_entropy(z: Vector, y: Table) -> Any:
    n = len(y.entries)
    rows = [z[k * len(z) // n : (k + 1) * len(z) // n] for k in range(n)]
    return mp.fsum(mp.log(mp.fsum(map(mp.exp, row))) - row[k] for row, k in zip(rows, y.entries, strict=True)) / n


LOSSES: dict[str, Loss] = {"mse": mse, "bce": bce, "cross_entropy": cross_entropy}


class Task:
    """A task of the document: its weight, its graphs, its arrays."""

    def __init__(self, record: dict[str, Any], programs: list[dict[str, Any]], q: Fraction) -> None:
        self.q, self.shape = number(q), tuple(record["shape"])
        self.data = [table(array) for array in record["data"]]
        self.graphs = {name: Graph(graph) for name, graph in programs[record["program"]].items()}

    def run(self, name: str, *inputs: Table) -> list[Table]:
        """A graph's outputs. Errors: UndefinedError, if it is not there."""
        if name not in self.graphs:
            raise UndefinedError(f"there is no graph {name}")
        return self.graphs[name](*inputs)


class Program(Core):
    """A document of the family any-model."""

    coefficients = True

    def __init__(self, document: dict[str, Any], direction: list[Fraction] | None) -> None:
        self.exact_direction, self.loss = direction, document["loss"]["name"]
        weights = share(task["weight"] for task in document["tasks"])
        records = zip(document["tasks"], weights, strict=True)
        tasks = [Task(record, document["model"]["programs"], q) for record, q in records]
        self.tasks = [task for task in tasks if task.q != 0]
        self.radius = number(exact(document["radius"]))
        arrays = [table(array) for array in document["omega"]]
        self.shapes = [array.shape for array in arrays]
        self.omega: Vector = [v for array in arrays for v in array.entries]
        rival = document["comparator"]
        if isinstance(rival, dict):
            self.h = [table(a).entries for a, task in zip(rival["functions"], tasks, strict=True) if task.q != 0]
        else:
            self.h = self.predicted([v for array in rival for v in table(array).entries])

    # --- values ---------------------------------------------------------------------------------------------------

    def tensors(self, flat: Vector) -> list[Table]:
        """Parameters, tensor by tensor."""
        found, start = [], 0
        for shape in self.shapes:
            found.append(Table(shape, flat[start : start + prod(shape)]))
            start += prod(shape)
        return found

    def predicted(self, flat: Vector) -> list[Vector]:
        """z per task."""
        at = self.tensors(flat)
        return [task.run("predictions", *at, *task.data)[0].entries for task in self.tasks]

    def risk(self, task: Task, z: Vector) -> Any:
        """R_i(z)."""
        if self.loss in LOSSES:
            return LOSSES[self.loss](z, task.data[3])
        return task.run("risk", Table(task.shape, z), task.data[3])[0].entries[0]

    def total(self, z: list[Vector]) -> Any:
        """sum q_i R_i."""
        return mp.fsum(task.q * self.risk(task, own) for task, own in zip(self.tasks, z, strict=True))

    @cached_property
    def z(self) -> list[Vector]:
        return self.predicted(self.omega)

    # --- derivatives ----------------------------------------------------------------------------------------------

    @cached_property
    def _swept(self) -> list[Vector]:
        """dz/dtheta, row by row, and grad L as the last."""

        def all_of(flat: Vector) -> Vector:
            z = self.predicted(flat)
            return [*(v for own in z for v in own), self.total(z)]

        return differences(all_of, self.omega, step_size())

    @cached_property
    def rows(self) -> list[Vector]:  # type: ignore[override]
        return self._swept[:-1]

    @cached_property
    def gradient(self) -> Vector:  # type: ignore[override]
        return self._swept[-1]

    @cached_property
    def plain_rows(self) -> list[Vector]:
        """d f_p(x)/dp at p = U_i(omega)."""
        at, found = self.tensors(self.omega), []
        for task in self.tasks:
            adapted = [v for array in task.run("adapted", *at, *task.data) for v in array.entries]
            found += differences(
                lambda p, task=task: task.run("unadapted", *self.tensors(p), *task.data)[0].entries,  # type: ignore[misc]
                adapted,
                step_size(),
            )
        return found

    # --- the lifted space -----------------------------------------------------------------------------------------

    @cached_property
    def masses(self) -> Vector:  # type: ignore[override]
        """q_i / n_i."""
        return [task.q / (task.shape[0] if task.shape else 1) for task in self.tasks for _ in range(prod(task.shape))]

    @cached_property
    def slopes(self) -> list[Vector]:
        """dR_i/dz."""
        return [
            differences(lambda z, task=task: [self.risk(task, z)], own, step_size())[0]  # type: ignore[misc]
            for task, own in zip(self.tasks, self.z, strict=True)
        ]

    @cached_property
    def w(self) -> Vector:  # type: ignore[override]
        weighted = [task.q * v for task, own in zip(self.tasks, self.slopes, strict=True) for v in own]
        return [v / mass for v, mass in zip(weighted, self.masses, strict=True)]

    @cached_property
    def u(self) -> Vector:  # type: ignore[override]
        return [a - b for z, h in zip(self.z, self.h, strict=True) for a, b in zip(z, h, strict=True)]

    # --- what claims name -----------------------------------------------------------------------------------------

    @cached_property
    def misfit_l1(self) -> tuple[Any, Any]:
        """The components of a query point are added before sizes are taken."""
        rows, targets, start = [], [], 0
        for task in self.tasks:
            points = task.shape[0] if task.shape else 1
            for _ in range(points):
                own = range(start, start + prod(task.shape) // points)
                weights = [self.masses[j] * self.w[j] for j in own]
                columns = zip(*(self.rows[j] for j in own), strict=True)
                rows.append([mp.fsum(map(mul, weights, column)) for column in columns])
                targets.append(mp.fsum(map(mul, weights, (self.u[j] for j in own))))
                start += len(own)
        return infimum.l1(self.eps, rows, targets)

    @cached_property
    def value(self) -> Any:
        return self.total(self.z)

    @cached_property
    def rival_value(self) -> Any:
        return self.total(self.h)

    @cached_property
    def gap(self) -> Any:
        return self.value - self.rival_value

    @cached_property
    def bregman(self) -> Any:
        return mp.fsum(mass * w * u for mass, w, u in zip(self.masses, self.w, self.u, strict=True)) - self.gap

    @cached_property
    def eps_first_order(self) -> Any:
        return norm(self.pulled(self.plain_rows))

    @cached_property
    def misfit_plain(self) -> tuple[Any, Any]:
        return self.misfit_of(self.plain_rows)

    @cached_property
    def min_norm_solution(self) -> Any:
        if not independent(self.rows):
            raise UndefinedError("the meta-features may be dependent")
        return norm(shortest(self.rows, self.u))

    @property
    def certified_gap(self) -> Any:
        return self._above_floor(self.value)

    @property
    def bracket(self) -> Any:
        return self._above_floor(self.rival_value)

    def _above_floor(self, value: Any) -> Any:
        if self.loss not in LOSSES:
            raise UndefinedError("a loss of one's own has no floor that is known")
        return value

    # --- margins --------------------------------------------------------------------------------------------------

    @property
    def margin_outer_convexity(self) -> bool | None:
        if self.loss in LOSSES:
            return True
        return None if is_small(self.bregman, abs(self.value) + 1) else bool(self.bregman > 0)

    @property
    def margin_differentiability(self) -> bool:
        """Whether nothing is decided at its joint."""
        self.z  # noqa: B018 - its comparisons
        return all(v != 0 for task in self.tasks for v in task.graphs["predictions"].decided)

    @property
    def margin_full_row_rank(self) -> bool | None:
        return independent(self.rows)

    @property
    def rank_room(self) -> Any:
        """The squared smallest singular value of the meta-features."""
        return singular_values(self.rows)[0] ** 2 if len(self.rows) <= len(self.omega) else mpf(0)
