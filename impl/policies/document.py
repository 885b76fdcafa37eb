"""Meta-RL instance files: their records, and from records to the instance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ..files.faults import FaultError
from ..files.numbers import Number, Row, exact, exact_row, normalised, positive
from ..files.records import Reader, Record
from ..instances import FORMAT, Vector
from ..models.document import (
    ROWS,
    SMOOTH_MODEL_REQUIRED,
    NetworkModel,
    SmoothModel,
    read_activation,
    read_signs,
    read_weights,
)
from ..models.weights import LARGEST_WIDTH, Weights
from .instance import Adaptation, MetaRLInstance, Policies, PolicyInstance, PolicyNetworkInstance, Table, Task

_NAMES = ", ".join(Adaptation)
_STEPS = (Adaptation.KL_STEP, Adaptation.RATIONAL_STEP)


class _Adaptation(Record):
    name: str


class _Linear(Record):
    name: Literal["linear"]


class _Task(Record):
    weight: Number
    gamma: Number
    transitions: list[list[Row]] = msgspec.field(name="P")
    rewards: list[Row] = msgspec.field(name="r")
    start: Row


class _Policies(Record):
    policies: list[list[Row]]


class _Processes(Record):
    """What files say whatever the policies."""

    format: str
    problem: str
    features: list[list[Row]]
    tasks: list[_Task]
    tau: Number
    eta: Number
    adaptation: _Adaptation
    radius: Number


class _LinearDocument(_Processes):
    omega: Row
    comparator: Row | _Policies
    model: _Linear | UnsetType = UNSET


class _NetworkDocument(_Processes):
    omega: list[Row]
    comparator: list[Row] | _Policies
    model: NetworkModel


class _SmoothDocument(_Processes):
    omega: list[Row]
    comparator: list[Row] | _Policies
    model: SmoothModel


REQUIRED = {
    "document": "a JSON object with the fields format, problem, features, tasks, tau, eta, adaptation, omega, "
    "comparator, radius, model (model may be left out)",
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

_ROW = "a row of p numbers, one per entry of an input,"
NETWORK_REQUIRED = {
    **REQUIRED,
    "document": "a JSON object with the fields format, problem, model, features, tasks, tau, eta, adaptation, omega, "
    "comparator, radius",
    "model": "an object with the fields name ('relu-network'), b, W0",
    "model.b": f"a non-empty list of at most {LARGEST_WIDTH} numbers, each -1 or 1,",
    "model.b[]": "-1 or 1",
    "model.W0": ROWS,
    "model.W0[]": _ROW,
    "features": "a non-empty list, per state a list of rows, per action a row of p >= 1 numbers (the input),",
    "adaptation.name": " or ".join(_STEPS) + " (policy networks are adapted by a step on policies)",
    "omega": ROWS,
    "omega[]": _ROW,
    "comparator": ROWS[:-1] + ", or {'policies': [...]}",
    "comparator[]": _ROW,
}
"""The same where policies are networks."""


Parameter = Callable[[Any, str], Any]
"""(what the file says, field) -> a parameter of the policies."""


def _instance(
    record: Any,
    steps: Sequence[Adaptation],
    parameters: Callable[[int], Parameter],
    kind: Callable[..., PolicyInstance],
) -> PolicyInstance:
    """The instance of that kind that a record describes, adapted by one of those steps; `parameters` is given d."""
    features = read_features(record.features)
    states, actions, d = len(features), len(features[0]), len(features[0][0])
    tasks, notes = read_tasks(record.tasks, states, actions)
    tau, eta, radius = positive(record.tau, "tau"), exact(record.eta, "eta"), positive(record.radius, "radius")
    if record.adaptation.name not in steps:
        raise FaultError("adaptation.name")
    parameter = parameters(d)
    omega = parameter(record.omega, "omega")
    if isinstance(record.comparator, _Policies):
        comparator, more = read_policies(record.comparator, len(tasks), states, actions)
        notes += more
    else:
        comparator = parameter(record.comparator, "comparator")
    adaptation = Adaptation(record.adaptation.name)
    return kind(features, tasks, tau, eta, adaptation, omega, comparator, radius, notes)


def _linear(record: _LinearDocument) -> PolicyInstance:
    def parameters(d: int) -> Parameter:
        return lambda row, field: exact_row(row, field, d, f"give d={d} numbers")

    return _instance(record, tuple(Adaptation), parameters, MetaRLInstance)


def _network(record: _NetworkDocument | _SmoothDocument) -> PolicyInstance:
    model = record.model
    own: dict[str, Any] = {"activation": read_activation(model)} if isinstance(model, SmoothModel) else {}

    def parameters(p: int) -> Parameter:
        signs = read_signs(model.b)

        def weights(rows: list[Row], field: str) -> Weights:
            return read_weights(rows, field, len(signs), p)

        own.update(signs=signs, initial=weights(model.W0, "model.W0"))
        return weights

    return _instance(record, _STEPS, parameters, lambda *shared: PolicyNetworkInstance(*shared, **own))


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


def read_tasks(records: list[_Task], states: int, actions: int) -> tuple[tuple[Task, ...], tuple[str, ...]]:
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


def read_policies(record: _Policies, tasks: int, states: int, actions: int) -> tuple[Policies, tuple[str, ...]]:
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


READERS = {
    "linear": Reader("meta-rl", "linear", _LinearDocument, REQUIRED, _linear),
    "relu": Reader("meta-rl", "relu-network", _NetworkDocument, NETWORK_REQUIRED, _network),
    "smooth": Reader(
        "meta-rl", "smooth-network", _SmoothDocument, {**NETWORK_REQUIRED, **SMOOTH_MODEL_REQUIRED}, _network
    ),
}
"""How files are read, by the policies' model."""
