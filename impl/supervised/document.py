"""Meta-SL instance files: their records, and from records to the instance."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ..files.faults import FaultError
from ..files.numbers import Number, Row, exact, exact_row, normalised
from ..files.records import Reader, Record
from ..instances import FORMAT, SPLIT_FORMAT, Vector
from ..losses import LOSSES, Link, Loss
from .instance import Adaptation, Atom, Comparator, Functions, Gradient, Implicit, MetaSLInstance, Task

STEPS = 1000
"""The largest number of gradient steps."""

# The union tags are the files' "name" fields.


class LossRecord(Record):
    name: str
    c: Number | UnsetType = UNSET
    delta: Number | UnsetType = UNSET


class GradientRecord(Record, tag_field="name", tag="gradient"):
    eta: Number
    steps: int


class ImplicitRecord(Record, tag_field="name", tag="implicit"):
    strength: Number = msgspec.field(name="lambda")


class _Model(Record):
    name: Literal["linear"]


class AtomRecord(Record):
    x: int
    y: Number
    p: Number


class TaskRecord(Record):
    weight: Number
    atoms: list[AtomRecord]
    support: list[AtomRecord] | UnsetType = UNSET


class FunctionsRecord(Record):
    functions: list[Row]


class _Document(Record):
    format: str
    problem: str
    loss: LossRecord
    adaptation: GradientRecord | ImplicitRecord
    model: _Model
    features: list[Row]
    tasks: list[TaskRecord]
    omega: Row
    comparator: Row | FunctionsRecord
    radius: Number


REQUIRED = {
    "document": "a JSON object with the fields " + ", ".join(_Document.__struct_fields__),
    "format": f"{FORMAT!r}, or {SPLIT_FORMAT!r} where a task has a support,",
    "problem": "'meta-sl'",
    "loss": "an object with the field name and, if the loss has one, its parameter c or delta",
    "loss.name": "one of " + ", ".join(LOSSES),
    "loss.c": "a number >= 0",
    "loss.delta": "a number > 0",
    "adaptation": "an object with the fields name, eta, steps (gradient) or name, lambda (implicit)",
    "adaptation.name": "one of gradient, implicit",
    "adaptation.steps": f"an integer 1..{STEPS}",
    "adaptation.lambda": "a number > 0",
    "model": "an object with the field name: {'name': 'linear'}",
    "model.name": "'linear', 'relu-network' or 'smooth-network'",
    "features": "a non-empty list of rows of numbers, all of one length d >= 1,",
    "features[]": "a non-empty row of numbers, as long as features[0],",
    "tasks": "a non-empty list of tasks",
    "tasks[]": "an object with the fields weight, atoms and, if the task adapts on another law, support",
    "tasks[].weight": "a number >= 0",
    "tasks[].atoms": "a non-empty list of atoms",
    "tasks[].atoms[]": "an object with the fields x, y, p",
    "tasks[].atoms[].x": "an integer, the index of a row of features,",
    "tasks[].atoms[].p": "a number >= 0",
    "tasks[].support": "a non-empty list of atoms: what the adaptation sees in place of `atoms`,",
    "tasks[].support[]": "an object with the fields x, y, p",
    "tasks[].support[].x": "an integer, the index of a row of features,",
    "tasks[].support[].p": "a number >= 0",
    "omega": "a list of d numbers, one per column of features,",
    "comparator": "a list of d numbers, one per column of features, or {'functions': [...]}",
    "comparator.functions": "a list of rows of numbers, one per task,",
    "comparator.functions[]": "a row of k numbers, one per row of features,",
    "radius": "a number > 0",
}
"""What each field must be; the fields that are not here may be any number."""


def _instance(record: _Document) -> MetaSLInstance:
    """The instance that a record describes."""
    loss = read_loss(record.loss)
    adaptation = read_adaptation(record.adaptation, loss)
    features = read_rows(record.features)
    tasks, notes = read_tasks(record, loss, len(features))
    if len(record.omega) != len(features[0]):
        raise FaultError("omega", f"give d={len(features[0])} numbers")
    omega = exact_row(record.omega, "omega")
    comparator = _comparator(record.comparator, len(features[0]), len(tasks), len(features))
    radius = exact(record.radius, "radius")
    if radius <= 0:
        raise FaultError("radius")
    return MetaSLInstance(loss, adaptation, features, tasks, omega, comparator, radius, notes)


def read_loss(record: LossRecord) -> Loss:
    if record.name not in LOSSES:
        raise FaultError("loss.name")
    wanted = LOSSES[record.name].profile.parameter
    parameter = None
    for name, value in (("c", record.c), ("delta", record.delta)):
        field = f"loss.{name}"
        if value is UNSET:
            if name == wanted:
                raise FaultError(field, f"add it, the {record.name} loss needs it")
            continue
        if name != wanted:
            raise FaultError(field, "remove it", f"a loss without {name} ({record.name} has none)")
        parameter = exact(value, field)
        if parameter < 0 or (parameter == 0 and name == "delta"):
            raise FaultError(field)
    return Loss(record.name, parameter)


def read_gradient(eta: Number, steps: int) -> Gradient:
    if not 1 <= steps <= STEPS:
        raise FaultError("adaptation.steps")
    return Gradient(exact(eta, "adaptation.eta"), steps)


def read_adaptation(record: GradientRecord | ImplicitRecord, loss: Loss) -> Adaptation:
    if isinstance(record, GradientRecord):
        return read_gradient(record.eta, record.steps)
    strength = exact(record.strength, "adaptation.lambda")
    if strength <= 0:
        raise FaultError("adaptation.lambda")
    if not loss.profile.convex or loss.profile.joints:
        smooth = ", ".join(n for n, f in LOSSES.items() if f.profile.convex and not f.profile.joints)
        what = f"with implicit adaptation a convex, twice differentiable loss ({smooth})"
        raise FaultError("loss.name", "choose one of them or gradient adaptation", what)
    return Implicit(strength)


def read_rows(rows: list[Row]) -> tuple[Vector, ...]:
    if not rows:
        raise FaultError("features", "give at least one row")
    for i, row in enumerate(rows):
        if not row or len(row) != len(rows[0]):
            field = f"features[{i}]"
            raise FaultError(field, f"give d={len(rows[0])} numbers" if rows[0] else "give at least one number")
    return tuple(exact_row(row, f"features[{i}]") for i, row in enumerate(rows))


def read_tasks(record: Any, loss: Loss, points: int) -> tuple[tuple[Task, ...], tuple[str, ...]]:
    """The tasks, with weights and masses that sum to 1, and what was changed for that."""
    records: list[TaskRecord] = record.tasks
    if not records:
        raise FaultError("tasks", "give at least one task")
    weights, notes = normalised([task.weight for task in records], "tasks", "weight")
    tasks = []
    for i, (task, weight) in enumerate(zip(records, weights, strict=True)):
        atoms, more = _atoms(task.atoms, f"tasks[{i}].atoms", loss, points)
        notes, support = notes + more, None
        if task.support is not UNSET:
            field = f"tasks[{i}].support"
            if record.format != SPLIT_FORMAT:
                raise FaultError(field, f"remove it, or set format to {SPLIT_FORMAT!r}", f"no support, in {FORMAT!r},")
            support, more = _atoms(task.support, field, loss, points)
            notes += more
        tasks.append(Task(weight, atoms, support))
    return tuple(tasks), notes


def _atoms(records: list[AtomRecord], field: str, loss: Loss, points: int) -> tuple[tuple[Atom, ...], tuple[str, ...]]:
    """The atoms of one law, with masses that sum to 1, and what was changed for that."""
    if not records:
        raise FaultError(field, "give at least one atom")
    masses, notes = normalised([atom.p for atom in records], field, "p")
    atoms = []
    for j, (atom, p) in enumerate(zip(records, masses, strict=True)):
        if not 0 <= atom.x < points:
            raise FaultError(f"{field}[{j}].x", f"features has the rows 0..{points - 1}")
        y = exact(atom.y, f"{field}[{j}].y")
        if (loss.link is Link.MARGIN and abs(y) != 1) or (loss.link is Link.CANONICAL and y < 0):
            what = f"{loss.link.value}, for the {loss.name} loss,"
            raise FaultError(f"{field}[{j}].y", "correct the label", what)
        atoms.append(Atom(atom.x, y, p))
    return tuple(atoms), notes


def _comparator(record: Row | FunctionsRecord, dimension: int, tasks: int, support: int) -> Comparator:
    if not isinstance(record, FunctionsRecord):
        if len(record) != dimension:
            raise FaultError("comparator", f"give d={dimension} numbers")
        return exact_row(record, "comparator")
    return read_functions(record, tasks, support)


def read_functions(record: FunctionsRecord, tasks: int, support: int) -> Functions:
    """Comparator functions: a row per task, a number per support point."""
    field = "comparator.functions"
    if len(record.functions) != tasks:
        raise FaultError(field, f"give n={tasks} rows")
    for i, row in enumerate(record.functions):
        if len(row) != support:
            raise FaultError(f"{field}[{i}]", f"give k={support} numbers")
    return Functions(tuple(exact_row(row, f"{field}[{i}]") for i, row in enumerate(record.functions)))


FORMATS = (FORMAT, SPLIT_FORMAT)
READER = Reader("meta-sl", "linear", _Document, REQUIRED, _instance, FORMATS)
