"""Your own tasks as an instance: from arrays, CSV files, NumPy archives and data that ships with scikit-learn.

    from_arrays(X, y, task)     X (N, d), y [N], task [N] -> MetaSLInstance, one task per distinct value of `task`
    TaskSource(place).load()    an instance file, a .csv or .npz file, or sklearn:NAME

Rows with equal features are one support point, so that what tasks share is known. Numbers are taken as they are: every
float64 is an exact rational. omega and the comparator are 0 until they are given.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from flint import fmpq

from .. import files
from ..arithmetic import PROPOSING, Array, Floats, rational
from ..extras import require
from ..instances import Instance
from ..losses import Link, Loss
from .instance import Atom, Gradient, MetaSLInstance, Task

CLASSES = ("iris", "wine", "breast_cancer", "digits")
"""Classification data: one task per class, against the rest."""
GROUPS = ("diabetes",)
"""Regression data: four tasks, by quarters of the first column."""


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

    loss   squared by default. eta   half of 1/curvature at 0 by default, rounded down to a power of 2. steps   K.
    `tell` is told what is being done. Errors: BadInputError that names `source`, the array and the row.
    """
    loss = loss or Loss("squared")
    table, values = _numbers(features, "features", source), _numbers(labels, "labels", source)
    if table.ndim != 2 or not len(table) or not table.shape[1]:
        raise files.BadInputError(source, "features", table.shape, "an array (N, d) with N and d at least 1")
    for name, length in (("labels", values.shape), ("tasks", (len(tasks),))):
        if length != (len(table),):
            required = f"one entry for each of the {len(table)} rows of features"
            raise files.BadInputError(source, name, length, required)
    for row, name in enumerate(tasks):
        if not isinstance(name, Hashable) or name != name or not str(name).strip():
            raise files.BadInputError(source, f"tasks[{row}]", name, "the name of a task; fill it, or drop the row")
    legal = {Link.MARGIN: np.abs(values) == 1, Link.CANONICAL: values >= 0}.get(loss.link)
    if legal is not None and not legal.all():
        row = int(np.flatnonzero(~legal)[0])
        required = f"{loss.link.value}, for the {loss.name} loss"
        if set(np.unique(values)) <= {0.0, 1.0}:
            required += "; write 0 as -1"
        raise files.BadInputError(source, f"labels[{row}]", float(values[row]), required)
    tell(f"making an exact problem of {table.shape[0]} rows and {table.shape[1]} columns")
    support, place = np.unique(table, axis=0, return_inverse=True)
    names = list(dict.fromkeys(tasks))
    rows: list[list[int]] = [[] for _ in names]
    number = {name: i for i, name in enumerate(names)}
    for j, name in enumerate(tasks):
        rows[number[name]].append(j)
    made = tuple(
        Task(
            fmpq(1, len(names)),
            tuple(Atom(int(place[j]), rational(float(values[j])), fmpq(1, len(own))) for j in own),
        )
        for own in rows
    )
    if eta is None:
        eta = _step(loss, table, values, rows)
        if eta is None:
            required = "a curvature that float64 can hold; scale the features, or give --eta"
            raise files.BadInputError(source, "features", float(np.abs(table).max()), required)
    zero = (fmpq(0),) * table.shape[1]
    points = tuple(tuple(rational(float(v)) for v in row) for row in support)
    return MetaSLInstance(loss, Gradient(eta, steps), points, made, zero, zero, fmpq(1))


def _numbers(values: Any, name: str, source: str) -> Array:
    if np.iscomplexobj(values):
        raise files.BadInputError(
            source, name, str(np.asarray(values).dtype), "real numbers; leave the imaginary part out"
        )
    try:
        found = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise files.BadInputError(source, name, str(error), "numbers") from None
    if not np.isfinite(found).all():
        where = [int(i) for i in np.argwhere(~np.isfinite(found))[0]]
        place = name + "".join(f"[{i}]" for i in where)
        raise files.BadInputError(source, place, float(found[tuple(where)]), "a finite number; drop or fill the row")
    return found


@PROPOSING
def _step(loss: Loss, table: Array, values: Array, rows: Sequence[Sequence[int]]) -> fmpq | None:
    """A power of 2, at most half of 1/(largest eigenvalue of any task's Hessian at 0); None if beyond float64."""
    largest = 0.0
    for own in rows:
        bend = loss.d2(Floats, np.zeros(len(own)), values[list(own)])
        x = table[list(own)]
        hessian = (x.T * bend) @ x / len(own)
        if not np.isfinite(hessian).all():
            return None
        largest = max(largest, float(np.linalg.eigvalsh(hessian)[-1]))
    if largest <= 0:
        return fmpq(1)
    step = 2.0 ** np.floor(-1 - np.log2(largest))
    return rational(float(step)) if 0 < step < np.inf else None


@dataclass(frozen=True)
class TaskSource:
    """Tasks at a place: an instance file, FILE.csv (header; columns `task` and `label`, the others are features),
    FILE.npz (arrays X, y, task), or sklearn:NAME.

    loss, eta and steps (None: 1) as in `from_arrays`; an instance file has its own.
    """

    place: str
    task: str = "task"
    label: str = "y"
    loss: Loss | None = None
    eta: fmpq | None = None
    steps: int | None = None

    def load(self, tell: Callable[[str], None] = lambda stage: None) -> Instance:
        """The tasks; `tell` is told what is being done. Errors: BadInputError, MissingExtraError."""
        tell(f"reading {self.place}")
        path, shipped = Path(self.place), self.place.startswith("sklearn:")
        table = path.suffix == ".csv" and not shipped
        for option, column, usual in (("--task", self.task, "task"), ("--label", self.label, "y")):
            if column != usual and not table:
                required = "columns are those of a CSV file; leave it out"
                raise files.BadInputError(self.place, option, column, required)
        if shipped:
            found = _from_sklearn(self.place)
        elif table:
            found = _from_csv(path, self.task, self.label)
        elif path.suffix == ".npz":
            found = _from_archive(path)
        else:
            name = None if self.loss is None else self.loss.name
            for option, value in (("--loss", name), ("--eta", self.eta), ("--steps", self.steps)):
                if value is not None:
                    required = "an instance file has its own; leave it out"
                    raise files.BadInputError(self.place, option, str(value), required)
            return files.load(path, problem=True)
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


_Found = tuple[Any, Any, Sequence[Any], Loss | None]
"""Features, labels, tasks, and the loss that goes with them."""


def _unreadable(path: Path, error: Exception, required: str) -> files.BadInputError:
    """What was required of the file at `path`, and why it is not so."""
    why = (error.strerror if isinstance(error, OSError) and error.strerror else str(error)) or "it is empty"
    why = " ".join(why.split())
    return files.BadInputError(str(path), "path", str(path), f"{required} ({why[:1].lower()}{why[1:]})")


def _from_csv(path: Path, task: str, label: str) -> _Found:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            # As every reader of CSV: a blank line is none.
            lines = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, error, "a readable CSV file in UTF-8") from None
    header = lines[0][1] if lines else []
    foreign = next((mark for mark in ";\t|" if len(header) == 1 and mark in header[0]), None)
    if foreign is not None:
        required = f"fields separated by commas, not by {foreign!r}; save the file so"
        raise files.BadInputError(str(path), "header", header[0], required)
    for name in (task, label):
        if header.count(name) != 1:
            required = f"one column named {name!r}; name yours with --task and --label"
            raise files.BadInputError(str(path), "header", header, required)
    if task == label:
        raise files.BadInputError(str(path), "--task", task, "another column than the label's")
    if "" in header:
        required = "a name for every column, or the index of its rows would be a feature; name it, or leave it out"
        raise files.BadInputError(str(path), f"header[{header.index('')}]", "", required)
    columns = [j for j, name in enumerate(header) if name not in (task, label)]
    table: list[list[float]] = []
    for number, row in lines[1:]:
        if len(row) != len(header):
            raise files.BadInputError(str(path), f"line {number}", row, f"{len(header)} fields, as in the header")
        for j in (*columns, header.index(label)):
            try:
                float(row[j])
            except ValueError:
                required = "a number" if row[j].strip() else "a number, not an empty field; fill it, or drop the row"
                raise files.BadInputError(str(path), f"line {number}, column {header[j]}", row[j], required) from None
        name = row[header.index(task)]
        if not name.strip():
            required = "the name of a task, not an empty field; fill it, or drop the row"
            raise files.BadInputError(str(path), f"line {number}, column {task}", name, required)
        table.append([float(row[j]) for j in columns])
    if not table or not columns:
        raise files.BadInputError(str(path), "file", header, "at least one row and one feature column")
    labels = [float(row[header.index(label)]) for _, row in lines[1:]]
    names = [row[header.index(task)] for _, row in lines[1:]]
    return table, labels, names, None


def _from_archive(path: Path) -> _Found:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        required = "a NumPy archive (savez) of arrays X, y and task, without pickled objects"
        raise _unreadable(path, error, required) from None
    for name in ("X", "y", "task"):
        if name not in arrays:
            raise files.BadInputError(str(path), name, sorted(arrays), "arrays X (N, d), y [N] and task [N]")
    return arrays["X"], arrays["y"], arrays["task"].tolist(), None


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
