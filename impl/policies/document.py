"""Meta-RL instance files: their records, and from records to the instance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from flint import fmpq
from msgspec import UNSET, UnsetType

from ..files.faults import FaultError
from ..files.numbers import Number, Row, exact, exact_row, normalised
from ..files.records import Reader, Record
from ..instances import FORMAT, Vector
from .instance import Adaptation, Comparator, MetaRLInstance, Policies, Table, Task

_NAMES = ", ".join(Adaptation)


class AdaptationRecord(Record):
    name: str


class _Model(Record):
    name: Literal["linear"]


class TaskRecord(Record):
    weight: Number
    gamma: Number
    transitions: list[list[Row]] = msgspec.field(name="P")
    rewards: list[Row] = msgspec.field(name="r")
    start: Row


class PoliciesRecord(Record):
    policies: list[list[Row]]


class _Document(Record):
    format: str
    problem: str
    features: list[list[Row]]
    tasks: list[TaskRecord]
    tau: Number
    eta: Number
    adaptation: AdaptationRecord
    omega: Row
    comparator: Row | PoliciesRecord
    radius: Number
    model: _Model | UnsetType = UNSET


REQUIRED = {
    "document": "a JSON object with the fields " + ", ".join(_Document.__struct_fields__) + " (model may be left out)",
    "format": f"{FORMAT!r}",
    "problem": "'meta-rl'",
    "model": "an object with the field name: {'name': 'linear'}",
    "model.name": "'linear', 'relu-network' or 'smooth-network'",
    "features": "a non-empty list, per state a list of rows, per action a row of d >= 1 numbers,",
    "features[]": "a non-empty list of rows, one per action, as many as features[0] has,",
    "features[][]": "a non-empty row of numbers, as long as features[0][0],",
    "tasks": "a non-empty list of tasks",
    "tasks[]": "an object with the fields weight, gamma, P, r, start",
    "tasks[].weight": "a number >= 0",
    "tasks[].gamma": "a number >= 0 and < 1",
    "tasks[].P": "a list, per state a list of rows,",
    "tasks[].P[]": "a list of rows, one per action,",
    "tasks[].P[][]": "a row of numbers >= 0 that sum to 1, one per next state,",
    "tasks[].P[][][]": "a number >= 0",
    "tasks[].r": "a list of rows, one per state,",
    "tasks[].r[]": "a row of numbers, one per action,",
    "tasks[].start": "a row of numbers >= 0 that sum to 1, one per state,",
    "tasks[].start[]": "a number >= 0",
    "tau": "a number > 0",
    "adaptation": "an object with the field name",
    "adaptation.name": f"one of {_NAMES}",
    "omega": "a list of d numbers, one per entry of a feature,",
    "comparator": "a list of d numbers, one per entry of a feature, or {'policies': [...]}",
    "comparator.policies": "a list of policies, one per task,",
    "comparator.policies[]": "a list of rows, one per state,",
    "comparator.policies[][]": "a row of numbers >= 0 that sum to 1, one per action,",
    "comparator.policies[][][]": "a number >= 0",
    "radius": "a number > 0",
}
"""What each field must be; the fields that are not here may be any number."""


def _instance(record: _Document) -> MetaRLInstance:
    """The instance that a record describes."""
    features = read_features(record.features)
    states, actions, d = len(features), len(features[0]), len(features[0][0])
    tasks, notes = read_tasks(record.tasks, states, actions)
    tau, eta, radius = read_scalars(record.tau, record.eta, record.radius)
    if record.adaptation.name not in tuple(Adaptation):
        raise FaultError("adaptation.name")
    counted(record.omega, d, "omega", f"d={d} numbers")
    omega = exact_row(record.omega, "omega")
    comparator, more = _comparator(record.comparator, len(tasks), states, actions, d)
    adaptation = Adaptation(record.adaptation.name)
    return MetaRLInstance(features, tasks, tau, eta, adaptation, omega, comparator, radius, notes + more)


def read_scalars(tau: Number, eta: Number, radius: Number) -> tuple[fmpq, fmpq, fmpq]:
    """tau > 0, eta, radius > 0."""
    found = exact(tau, "tau"), exact(eta, "eta"), exact(radius, "radius")
    if found[0] <= 0:
        raise FaultError("tau")
    if found[2] <= 0:
        raise FaultError("radius")
    return found


def counted(given: Sequence[object], count: int, field: str, what: str) -> None:
    """Errors: FaultError unless `given` has `count` entries."""
    if len(given) != count:
        raise FaultError(field, f"give {what}")


def read_features(table: list[list[Row]]) -> tuple[Table, ...]:
    """Features or inputs (S, A, d)."""
    if not table:
        raise FaultError("features", "give at least one state")
    if not table[0]:
        raise FaultError("features[0]", "give at least one action")
    if not table[0][0]:
        raise FaultError("features[0][0]", "give at least one number")
    found = []
    for s, rows in enumerate(table):
        counted(rows, len(table[0]), f"features[{s}]", f"A={len(table[0])} rows")
        for a, row in enumerate(rows):
            counted(row, len(table[0][0]), f"features[{s}][{a}]", f"d={len(table[0][0])} numbers")
        found.append(tuple(exact_row(row, f"features[{s}][{a}]") for a, row in enumerate(rows)))
    return tuple(found)


def _distribution(given: Row, count: int, field: str, what: str) -> tuple[Vector, tuple[str, ...]]:
    """A row of probabilities, and what was changed for its sum."""
    counted(given, count, field, f"{count} numbers, one per {what}")
    values, notes = normalised(given, field)
    return tuple(values), notes


def read_tasks(records: list[TaskRecord], states: int, actions: int) -> tuple[tuple[Task, ...], tuple[str, ...]]:
    """The tasks, with weights and probabilities that sum to 1, and what was changed for that."""
    if not records:
        raise FaultError("tasks", "give at least one task")
    weights, notes = normalised([task.weight for task in records], "tasks", "weight")
    tasks = []
    for i, (task, weight) in enumerate(zip(records, weights, strict=True)):
        gamma = exact(task.gamma, f"tasks[{i}].gamma")
        if not 0 <= gamma < 1:
            raise FaultError(f"tasks[{i}].gamma")
        counted(task.transitions, states, f"tasks[{i}].P", f"S={states} lists")
        transitions = []
        for s, rows in enumerate(task.transitions):
            field = f"tasks[{i}].P[{s}]"
            table, more = _stochastic(rows, actions, states, field, "next state")
            transitions.append(table)
            notes += more
        counted(task.rewards, states, f"tasks[{i}].r", f"S={states} rows")
        for s, row in enumerate(task.rewards):
            counted(row, actions, f"tasks[{i}].r[{s}]", f"A={actions} numbers")
        rewards = tuple(exact_row(row, f"tasks[{i}].r[{s}]") for s, row in enumerate(task.rewards))
        start, more = _distribution(task.start, states, f"tasks[{i}].start", "state")
        tasks.append(Task(weight, gamma, tuple(transitions), rewards, start))
        notes += more
    return tuple(tasks), notes


def _stochastic(rows: list[Row], count: int, width: int, field: str, what: str) -> tuple[Table, tuple[str, ...]]:
    """Rows of probabilities."""
    counted(rows, count, field, f"{count} rows")
    found: list[Vector] = []
    notes: tuple[str, ...] = ()
    for j, row in enumerate(rows):
        values, more = _distribution(row, width, f"{field}[{j}]", what)
        found.append(values)
        notes += more
    return tuple(found), notes


def _comparator(
    record: Row | PoliciesRecord, tasks: int, states: int, actions: int, d: int
) -> tuple[Comparator, tuple[str, ...]]:
    if isinstance(record, PoliciesRecord):
        return read_policies(record, tasks, states, actions)
    counted(record, d, "comparator", f"d={d} numbers")
    return exact_row(record, "comparator"), ()


def read_policies(record: PoliciesRecord, tasks: int, states: int, actions: int) -> tuple[Policies, tuple[str, ...]]:
    """Comparator policies (n, S, A), and what was changed for their sums."""
    field = "comparator.policies"
    counted(record.policies, tasks, field, f"n={tasks} policies")
    found: list[Table] = []
    notes: tuple[str, ...] = ()
    for i, rows in enumerate(record.policies):
        table, more = _stochastic(rows, states, actions, f"{field}[{i}]", "action")
        found.append(table)
        notes += more
    return Policies(tuple(found)), notes


READER = Reader("meta-rl", "linear", _Document, REQUIRED, _instance)
