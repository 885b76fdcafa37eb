"""Meta-SL instance files: their records, and from records to the instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from flint import fmpq
from msgspec import UNSET, UnsetType

from ..files.faults import FaultError
from ..files.numbers import Number, Row, exact, exact_row, normalised, positive
from ..files.records import Reader, Record
from ..files.text import lookup
from ..instances import FORMAT, SPLIT_FORMAT, Vector
from ..losses import LOSSES, VECTOR_LOSSES, Link, Loss
from ..rules import RULES
from ..vector_losses import VectorLoss
from .adaptation import Adaptation, Gradient, Implicit, Own
from .instance import Atom, Comparator, Functions, MetaSLInstance, Task

STEPS = 1000
"""The largest number of gradient steps."""
OUTPUTS = 1000
"""The largest number of components of a prediction."""

# The union tags are the files' "name" fields.


class LossRecord(Record):
    name: str
    c: Number | UnsetType = UNSET
    delta: Number | UnsetType = UNSET
    classes: int | UnsetType = UNSET


class GradientRecord(Record, tag_field="name", tag="gradient"):
    eta: Number
    steps: int
    rates: Row | UnsetType = UNSET
    decay: Number | UnsetType = UNSET


class ImplicitRecord(Record, tag_field="name", tag="implicit"):
    strength: Number = msgspec.field(name="lambda")


class OwnRecord(Record, tag_field="name", tag="own"):
    rule: str
    eta: Number


class _Model(Record):
    name: Literal["linear"]


class AtomRecord(Record):
    x: int
    y: Number | Row
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
    adaptation: GradientRecord | ImplicitRecord | OwnRecord
    model: _Model
    features: list[Row]
    tasks: list[TaskRecord]
    omega: Row
    comparator: Row | FunctionsRecord
    radius: Number


REQUIRED = {
    "document": "a JSON object with the fields " + ", ".join(_Document.__struct_fields__),
    "format": f"{FORMAT!r}, or {SPLIT_FORMAT!r} for several outputs, rates, decay, a support or an own rule,",
    "problem": "'meta-sl'",
    "loss": "an object with the field name and, if the loss has one, its parameter c or delta, or classes (softmax)",
    "loss.name": "one of " + ", ".join({**LOSSES, **VECTOR_LOSSES}),
    "loss.c": "a number >= 0",
    "loss.delta": "a number > 0",
    "loss.classes": f"an integer C, 2..{OUTPUTS}: the labels are 0..C-1,",
    "adaptation": "an object with the fields name, eta, steps (gradient; rates, decay too) or name, lambda (implicit) "
    "or name, rule, eta (own)",
    "adaptation.name": "one of gradient, implicit, own",
    "adaptation.rule": "the name of an adaptation of the claims file that --claims names",
    "adaptation.steps": f"an integer 1..{STEPS}",
    "adaptation.rates": "a list of numbers, one for each number of omega: the rate of that parameter is eta times it,",
    "adaptation.decay": "a number >= 0",
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
    "tasks[].atoms[].y": "a number, or with the squared loss of several outputs a list of numbers,",
    "tasks[].atoms[].p": "a number >= 0",
    "tasks[].support": "a non-empty list of atoms: what the adaptation sees in place of `atoms`,",
    "tasks[].support[]": "an object with the fields x, y, p",
    "tasks[].support[].x": "an integer, the index of a row of features,",
    "tasks[].support[].y": "a number, or with the squared loss of several outputs a list of numbers,",
    "tasks[].support[].p": "a number >= 0",
    "omega": "a list of d numbers, one per column of features (of c outputs: c d, one output after the other),",
    "comparator": "a list of d numbers, one per column of features (as many as omega has), or {'functions': [...]}",
    "comparator.functions": "a list of rows of numbers, one per task,",
    "comparator.functions[]": "a row of k numbers, one per row of features (of c outputs: k c, point by point),",
    "radius": "a number > 0",
}
"""What each field must be; the fields that are not here may be any number."""


def _instance(record: _Document) -> MetaSLInstance:
    """The instance that a record describes."""
    loss = outputs_of(record) or read_loss(record.loss)
    features = read_rows(record.features)
    adaptation = read_adaptation(record.adaptation, loss, loss.outputs * len(features[0]), record.format)
    tasks, notes = read_tasks(record, loss, len(features))
    c = loss.outputs
    size = c * len(features[0])
    advice = (
        f"give d={size} numbers" if c == 1 else f"give c d={size} numbers, d={size // c} for each of the {c} outputs"
    )
    omega = exact_row(record.omega, "omega", size, advice)
    comparator: Comparator
    if isinstance(record.comparator, FunctionsRecord):
        comparator = read_functions(record.comparator, len(tasks), c * len(features))
    else:
        comparator = exact_row(record.comparator, "comparator", size, advice)
    radius = positive(record.radius, "radius")
    return MetaSLInstance(loss, adaptation, features, tasks, omega, comparator, radius, notes)


def outputs_of(record: Any) -> VectorLoss | None:
    """The loss of several outputs: softmax, or the squared loss of labels that are lists; None of one output."""
    given, first = record.loss, next((atom.y for task in record.tasks for atom in task.atoms), None)
    count = len(first) if isinstance(first, list) else 0
    if given.name != "softmax" and not isinstance(first, list):
        return None
    if record.format != SPLIT_FORMAT:
        raise FaultError("format", f"set it to {SPLIT_FORMAT!r}", f"{SPLIT_FORMAT!r}, of several outputs,")
    if given.name == "softmax":
        for name, value in (("c", given.c), ("delta", given.delta)):
            if value is not UNSET:
                raise FaultError(f"loss.{name}", "remove it", f"a loss without {name} (softmax has none)")
        if given.classes is UNSET:
            raise FaultError("loss.classes", "add it: how many classes there are")
        if not 2 <= given.classes <= OUTPUTS:
            raise FaultError("loss.classes", "give the number of classes")
        return VectorLoss("softmax", outputs=given.classes)
    if given.name not in VECTOR_LOSSES:
        what = f"a label that is a list needs the squared loss, not {given.name}: 'squared'"
        raise FaultError("loss.name", "change it, or give one number as label", what)
    read_loss(given)
    if not 2 <= count <= OUTPUTS:
        raise FaultError(
            _LABEL, "write a number if there is one output", f"a list of 2..{OUTPUTS} numbers, or a number,"
        )
    return VectorLoss("squared", outputs=count)


_LABEL = "tasks[0].atoms[0].y"


def read_loss(record: LossRecord) -> Loss:
    """A loss of one output."""
    if record.name in VECTOR_LOSSES and record.name not in LOSSES:
        raise FaultError("loss.name", f"{record.name} is for several outputs", "one of " + ", ".join(LOSSES))
    if record.name not in LOSSES:
        raise FaultError("loss.name")
    if record.classes is not UNSET:
        raise FaultError("loss.classes", "remove it", f"a loss without classes ({record.name} has none)")
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


def read_steps(record: Any, form: str, rates: Callable[[Any], Vector]) -> Gradient:
    """The steps in a document of that format, with their decay, and rates as `rates` reads them. Errors: FaultError."""
    for name, value in (("rates", record.rates), ("decay", record.decay)):
        if value is not UNSET and form != SPLIT_FORMAT:
            field = f"adaptation.{name}"
            raise FaultError(field, f"remove it, or set format to {SPLIT_FORMAT!r}", f"no {name}, in {FORMAT!r},")
    decay = fmpq(0) if record.decay is UNSET else exact(record.decay, "adaptation.decay")
    if decay < 0:
        raise FaultError("adaptation.decay")
    if not 1 <= record.steps <= STEPS:
        raise FaultError("adaptation.steps")
    found = None if record.rates is UNSET else rates(record.rates)
    return Gradient(exact(record.eta, "adaptation.eta"), record.steps, found, decay)


def read_adaptation(
    record: GradientRecord | ImplicitRecord | OwnRecord, loss: Loss, size: int, form: str
) -> Adaptation:
    if isinstance(record, GradientRecord):
        return read_steps(
            record, form, lambda given: exact_row(given, "adaptation.rates", size, f"give {size} numbers")
        )
    if isinstance(record, OwnRecord):
        if form != SPLIT_FORMAT:
            raise FaultError("format", f"set it to {SPLIT_FORMAT!r}", f"{SPLIT_FORMAT!r}, of an own adaptation,")
        if record.rule not in RULES:
            raise FaultError("adaptation.rule", f"known here: {', '.join(RULES) or 'none'}")
        return Own(record.rule, exact(record.eta, "adaptation.eta"))
    strength = positive(record.strength, "adaptation.lambda")
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
        atoms.append(Atom(atom.x, read_label(atom.y, f"{field}[{j}].y", loss), p))
    return tuple(atoms), notes


def read_label(given: Number | Row, field: str, loss: Loss) -> Any:
    """The label as the loss takes it: a number, a class, or [c]. Errors: FaultError."""
    c = loss.outputs
    if c > 1 and loss.link is not Link.CLASS:
        if not isinstance(given, list) or len(given) != c:
            raise FaultError(field, f"give c={c} numbers, as the first label does", f"a list of {c} numbers")
        return exact_row(given, field)
    if isinstance(given, list):
        what = "an integer, for softmax," if c > 1 else f"one number, for one output and the {loss.name} loss,"
        raise FaultError(field, "give one number", what)
    y = exact(given, field)
    if loss.link is Link.CLASS and not (y.q == 1 and 0 <= y < c):
        advice = "count the classes from 0"
        if abs(y) == 1:
            advice += "; labels -1 and 1 are those of the logistic loss"
        raise FaultError(field, advice, f"an integer 0..{c - 1}, for softmax with {c} classes,")
    if (loss.link is Link.MARGIN and abs(y) != 1) or (loss.link is Link.CANONICAL and y < 0):
        advice = "correct the label"
        if loss.link is Link.MARGIN and y.q == 1 and y >= 0:
            advice += "; classes counted from 0 are labels of the softmax loss"
        raise FaultError(field, advice, f"{loss.link.value}, for the {loss.name} loss,")
    return y


def read_functions(record: FunctionsRecord, tasks: int, support: int) -> Functions:
    """Comparator functions: a row per task, a number per support point."""
    field = "comparator.functions"
    if len(record.functions) != tasks:
        raise FaultError(field, f"give n={tasks} rows")
    for i, row in enumerate(record.functions):
        if len(row) != support:
            raise FaultError(f"{field}[{i}]", f"give k={support} numbers")
    return Functions(tuple(exact_row(row, f"{field}[{i}]") for i, row in enumerate(record.functions)))


class LinearReader(Reader):
    """A reader whose point under test is 0 by default, of as many numbers as there are outputs and columns."""

    def completed(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document with the point under test filled in where it is missing: omega and comparator 0, radius 1."""
        found = super().completed(document)
        label, count = (_given(document, place) for place in (_LABEL, "loss.classes"))
        c = len(label) if isinstance(label, list) else count if isinstance(count, int) and 0 < count <= OUTPUTS else 1
        return {**found, "omega": c * found["omega"], "comparator": c * found["comparator"]} | document


def _given(document: Any, place: str) -> object:
    try:
        return lookup(document, place)
    except (AttributeError, IndexError, KeyError, TypeError):
        return None  # what is wrong there is said when the document is read


FORMATS = (FORMAT, SPLIT_FORMAT)
READER = LinearReader("meta-sl", "linear", _Document, REQUIRED, _instance, FORMATS)
