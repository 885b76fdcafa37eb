"""Your own tasks as an instance: from arrays, CSV files, NumPy archives and data that ships with scikit-learn.

    from_arrays(X, y, task)     X (N, d), y [N], task [N] -> MetaSLInstance, one task per distinct value of `task`
    TaskSource(place).load()    an instance file, a .csv or .npz file, or sklearn:NAME

Rows with equal features are one support point, so that what tasks share is known. Numbers are taken as they are: every
float64 is an exact rational. omega and the comparator are 0 until they are given.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from flint import fmpq

from . import files
from .arithmetic import PROPOSING, Array, Floats, rational, to_float
from .extras import require
from .families import load
from .files.faults import FaultError
from .files.numbers import decimal, decimals
from .files.tables import arrays, check_size, controls, csv_lines
from .files.text import reported
from .instances import Instance
from .losses import Link, Loss
from .supervised.instance import Atom, Atoms, Gradient, MetaSLInstance, Task
from .supervised.tables import Rows, distinct_rows
from .vector_losses import VectorLoss

CLASSES = ("iris", "wine", "breast_cancer", "digits")
"""Classification data: one task per class, against the rest."""
GROUPS = ("diabetes",)
"""Regression data: four tasks, by quarters of the first column."""
DOUBTFUL = ("split", "weight", "fold", "index")
"""Names of columns that are no features unless it is said: some will have a meaning of their own."""


def from_arrays(
    features: Any,
    labels: Any,
    tasks: Sequence[Any],
    *,
    loss: Loss | None = None,
    eta: fmpq | None = None,
    steps: int = 1,
    source: str = "arrays",
    tell: Callable[[str], None] = lambda stage: None,
) -> MetaSLInstance:
    """Equally weighted tasks with equally weighted rows: features (N, d), labels [N], tasks [N] (any names).

    Labels are classes 0..C-1 for softmax, and may be (N, c) for the squared loss.

    loss   squared by default. eta   half of 1/curvature at 0 by default, rounded down to a power of 2. steps   K.
    `tell` is told what is being done. Errors: BadInputError that names `source`, the array and the row.
    """
    loss = loss or Loss("squared")
    with reported(source):
        table, values = _numbers(features, "features"), _numbers(labels, "labels")
    if table.ndim != 2 or not len(table) or not table.shape[1]:
        raise files.BadInputError(source, "features", table.shape, "an array (N, d) with N and d at least 1")
    if values.ndim == 2 and values.shape[1] > 1 and loss == Loss("squared"):
        loss = VectorLoss("squared", outputs=values.shape[1])
    vectors = loss.outputs > 1 and loss.link is Link.RESIDUAL
    for name, length in (("labels", values.shape[: values.ndim - vectors]), ("tasks", (len(tasks),))):
        if length != (len(table),):
            required = f"one entry for each of the {len(table)} rows of features"
            if name == "labels" and values.ndim == 2:
                required += f", for the {loss.name} loss (several columns are for the squared loss)"
            raise files.BadInputError(source, name, length, required)
    number = _numbered(tasks, source)
    known = np.isin(values, np.arange(loss.outputs))
    legal = {Link.MARGIN: np.abs(values) == 1, Link.CANONICAL: values >= 0, Link.CLASS: known}.get(loss.link)
    if legal is not None and not legal.all():
        row = int(np.flatnonzero(~legal)[0])
        required = f"{loss.link.value}, for the {loss.name} loss"
        if loss.link is Link.CLASS:
            required = f"an integer 0..{loss.outputs - 1}, for softmax with {loss.outputs} classes; count them from 0"
        elif set(np.unique(values)) <= {0.0, 1.0}:
            required += "; write 0 as -1"
        elif loss.link is Link.MARGIN and _counted(values):
            required += f"; for classes counted from 0 give the softmax loss, softmax:{int(values.max()) + 1}"
        raise files.BadInputError(source, f"labels[{row}]", float(values[row]), required)
    tell(f"making an exact problem of {table.shape[0]} rows and {table.shape[1]} columns")
    support, place = distinct_rows(table)
    order = np.argsort(number, kind="stable")
    rows = np.split(order, np.flatnonzero(np.diff(number[order])) + 1)
    made = tuple(Task(fmpq(1, len(rows)), _atoms(loss, place[own], values[own])) for own in rows)
    if eta is None:
        eta = _step(loss, table, values, rows)
        if eta is None:
            required = "a curvature that float64 can hold; scale the features, or give --eta"
            raise files.BadInputError(source, "features", float(np.abs(table).max()), required)
    zero = (fmpq(0),) * (loss.outputs * table.shape[1])
    return MetaSLInstance(loss, Gradient(eta, steps), Rows(support), made, zero, zero, fmpq(1))


def _counted(values: Array) -> bool:
    """Whether labels look like classes that are counted from 0."""
    return bool(((values >= 0) & (values == np.floor(values))).all())


def _atoms(loss: Loss, points: Array, labels: Array) -> Sequence[Atom]:
    """Rows of equal mass."""
    if labels.ndim == 1:
        return Atoms.of(points, labels)
    share = fmpq(1, len(points))
    return tuple(Atom(int(x), loss.given(y), share) for x, y in zip(points, labels, strict=True))


def _numbered(tasks: Sequence[Any], source: str) -> Array:
    """The number of each row's task [N], in the order in which they come. Errors: BadInputError."""

    def bad(name: object, required: str) -> files.BadInputError:
        row = next(j for j, other in enumerate(tasks) if other is name or other == name)
        return files.BadInputError(source, f"tasks[{row}]", name, required)

    strange = next((name for name in tasks if not isinstance(name, Hashable)), None)
    names = list(dict.fromkeys(tasks)) if strange is None else [strange]
    for name in names:
        if not isinstance(name, Hashable) or name is None or name != name or not str(name).strip():
            raise bad(name, "the name of a task; fill it, or drop the row")
        if controls(str(name)):
            raise bad(name, "a name without control characters; remove them")
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[name] for name in tasks])


def _numbers(values: Any, name: str) -> Array:
    """The numbers as float64, each exactly. Errors: FaultError."""
    try:
        given = np.asarray(values)
    except ValueError as error:
        raise FaultError(name, "give rows of one length", "an array of numbers", str(error)) from None
    if given.dtype.kind not in "biuf":
        raise FaultError(name, "convert it, by astype(float) say", "an array of real numbers", str(given.dtype))
    check_size(given.size)
    found = given.astype(float)
    kept = (given <= 2**53) & (given >= -(2**53)) if given.dtype.kind in "iu" else found == given
    for bad, required, advice in (
        (~np.isfinite(found), "a finite number", "drop or fill the row"),
        (~kept, "a number that float64 holds exactly", "scale or round it"),
    ):
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            raise FaultError(name + "".join(f"[{i}]" for i in where), advice, required, given[where].item())
    return found


@PROPOSING
def _step(loss: Loss, table: Array, values: Array, rows: Sequence[Array]) -> fmpq | None:
    """A power of 2, at most half of 1/(largest eigenvalue of any task's Hessian at 0); None if beyond float64."""
    largest = 0.0
    for own in rows:
        # The Hessian X'BX/n has the eigenvalues of the smaller of its two products, as B >= 0 at 0.
        # Of several outputs the largest curvature at 0 is 1 (squared), or that of p = 1/c.
        several = np.full(len(own), 1 / loss.outputs if loss.link is Link.CLASS else 1.0)
        bends = loss.d2(Floats, np.zeros(len(own)), values[own]) if loss.outputs == 1 else several
        root = np.sqrt(bends / len(own))
        x = table[own] * root[:, None]
        product = x @ x.T if len(x) < x.shape[1] else x.T @ x
        if not np.isfinite(product).all():
            return None
        largest = max(largest, float(np.linalg.eigvalsh(product)[-1]))
    if largest <= 0:
        return fmpq(1)
    step = 2.0 ** np.floor(-1 - np.log2(largest))
    return rational(float(step)) if 0 < step < np.inf else None


@dataclass(frozen=True)
class TaskSource:
    """Tasks at a place: an instance file, FILE.csv (header; columns `task` and `label`, or `label`1, `label`2, ... of
    several outputs, the others are features),
    FILE.npz (arrays X, y, task), or sklearn:NAME.

    loss, eta and steps (None: 1) as in `from_arrays`; an instance file has its own. Columns and arrays that are
    `ignored` are left out; `features` are features although their name is one of DOUBTFUL.
    """

    place: str
    task: str = "task"
    label: str = "y"
    ignored: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    loss: Loss | None = None
    eta: fmpq | None = None
    steps: int | None = None

    def load(self, tell: Callable[[str], None] = lambda stage: None) -> Instance:
        """The tasks; `tell` is told what is being done. Errors: BadInputError, MissingExtraError."""
        tell(f"reading {self.place}")
        path, shipped = Path(self.place), self.place.startswith("sklearn:")
        table = path.suffix == ".csv" and not shipped
        archive = path.suffix == ".npz" and not shipped
        for option, columns, usual in (
            ("--task", (self.task,), ("task",)),
            ("--label", (self.label,), ("y",)),
            ("--feature", self.features, ()),
            ("--ignore", self.ignored, self.ignored if archive else ()),
        ):
            if columns != usual and not table:
                required = "columns are those of a CSV file; leave it out"
                raise files.BadInputError(self.place, option, columns[0], required)
        if shipped:
            found = _from_sklearn(self.place)
        elif table:
            found = _from_csv(path, self)
        elif archive:
            found = _from_archive(path, self.ignored)
        else:
            name = None if self.loss is None else self.loss.name
            for option, value in (("--loss", name), ("--eta", self.eta), ("--steps", self.steps)):
                if value is not None:
                    required = "an instance file has its own; leave it out"
                    raise files.BadInputError(self.place, option, str(value), required)
            return load(path, problem=True)
        features, labels, tasks, loss = found
        return from_arrays(
            features,
            labels,
            tasks,
            loss=self.loss or loss,
            eta=self.eta,
            steps=self.steps or 1,
            source=self.place,
            tell=tell,
        )

    def defaults(self, instance: Instance) -> tuple[str, ...]:
        """What of the problem was not said, a sentence each; an instance file says all."""
        path = Path(self.place)
        if not isinstance(instance, MetaSLInstance) or not isinstance(instance.adaptation, Gradient):
            return ()
        if not (self.place.startswith("sklearn:") or path.suffix in (".csv", ".npz")):
            return ()
        step = "half of 1/curvature at 0, rounded down to a power of 2"
        return (
            *([f"no --loss was given: {instance.loss.name} is the default"] if self.loss is None else []),
            *(
                [f"no --eta was given: {to_float(instance.adaptation.eta):g} is the default ({step})"]
                if self.eta is None
                else []
            ),
            *(["no --steps was given: 1 is the default"] if self.steps is None else []),
        )


_Found = tuple[Any, Any, Sequence[Any], Loss | None]
"""Features, labels, tasks, and the loss that goes with them."""


def _from_csv(path: Path, source: TaskSource) -> _Found:
    task, label = source.task, source.label

    def bad(field: str, given: object, required: str) -> files.BadInputError:
        return files.BadInputError(str(path), field, given, required)

    with reported(str(path)):
        lines = csv_lines(str(path))
    header = lines[0][1] if lines else []
    foreign = next((mark for mark in ";\t|" if len(header) == 1 and mark in header[0]), None)
    if foreign is not None:
        raise bad("header", header[0], f"fields separated by commas, not by {foreign!r}; save the file so")
    several = [name for j in range(len(header)) if (name := f"{label}{j + 1}") in header]
    labels = [label] if label in header or not several else several
    for name in (task, *labels):
        if header.count(name) != 1:
            raise bad("header", header, f"one column named {name!r}; name yours with --task and --label")
    if task == label:
        raise bad("--task", task, "another column than the label's")
    first: dict[str, int] = {}
    for j, name in enumerate(header):
        if not name:
            required = "a name for every column, or the index of its rows would be a feature; name it, or leave it out"
            raise bad(f"header[{j}]", name, required)
        if first.setdefault(name, j) < j:
            raise bad(f"header[{j}]", name, f"another name than header[{first[name]}]; rename it, or leave it out")
    for option, names in (("--ignore", source.ignored), ("--feature", source.features)):
        for name in names:
            if name not in first or name in (task, *labels):
                raise bad(option, name, "a column beside the task's and the label's; correct it, or leave it out")
    at_task, at_labels = header.index(task), [header.index(name) for name in labels]
    left_out = {at_task, *at_labels, *(first[name] for name in source.ignored)}
    columns = [j for j in range(len(header)) if j not in left_out]
    for j in columns:
        if header[j].strip().lower() in DOUBTFUL and header[j] not in source.features:
            required = f"no column of that name, which has no meaning yet; give --ignore {header[j]} to leave it out"
            raise bad(f"header[{j}]", header[j], f"{required}, or --feature {header[j]} if it is a feature")
    read = [*at_labels, *columns]
    table: list[list[float]] = []
    for number, row in lines[1:]:
        if len(row) != len(header):
            raise bad(f"line {number}", row, f"{len(header)} fields, as in the header")
        values = decimals([row[j] for j in read])
        if values is None:
            j = next((j for j in read if decimal(row[j].strip()) is None), at_labels[0])
            required = "a finite number" if row[j].strip() else "a number, not an empty field"
            raise bad(f"line {number}, column {header[j]}", row[j], f"{required}; fill it, or drop the row")
        if not row[at_task].strip():
            required = "the name of a task, not an empty field; fill it, or drop the row"
            raise bad(f"line {number}, column {task}", row[at_task], required)
        table.append(values)
    if not table or not columns:
        raise bad("file", header, "at least one row and one feature column")
    return (
        [row[len(labels) :] for row in table],
        [row[0] if len(labels) == 1 else row[: len(labels)] for row in table],
        [row[at_task] for _, row in lines[1:]],
        None,
    )


def _from_archive(path: Path, ignored: Sequence[str]) -> _Found:
    with reported(str(path)):
        found = arrays(str(path), ("X", "y", "task"), ignored)
        names = found["task"]
        if names.ndim != 1:
            raise FaultError("task", "give a row of names", "an array task [N]", names.shape)
    return found["X"], found["y"], names.tolist(), None


def _from_sklearn(place: str) -> _Found:
    """Columns are scaled to [-1, 1] and a constant is added; every task of a classification has all rows."""
    name = place.removeprefix("sklearn:")
    if name not in (*CLASSES, *GROUPS):
        raise files.BadInputError(place, "sklearn", name, f"one of {', '.join((*CLASSES, *GROUPS))}")
    require("sklearn")
    from sklearn import datasets

    data = getattr(datasets, f"load_{name}")()
    size = np.abs(data.data).max(0)
    table = np.column_stack([np.ones(len(data.data)), data.data / np.where(size > 0, size, 1.0)])
    if name in GROUPS:
        labels = (data.target - data.target.mean()) / data.target.std()
        order = np.argsort(np.argsort(data.data[:, 0], kind="stable"), kind="stable")
        return table, labels, (order * 4 // len(order)).tolist(), None
    kinds = sorted(set(data.target.tolist()))
    labels = np.concatenate([np.where(data.target == kind, 1.0, -1.0) for kind in kinds])
    names = [kind for kind in kinds for _ in data.target]
    repeated = np.tile(table, (len(kinds), 1))
    return repeated, labels, names, Loss("logistic")
