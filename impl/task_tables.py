"""Tasks as tables that others write: CSV files, NumPy archives and data that ships with scikit-learn.

A column or an array named `split`, `weight` or `task_weight` has a meaning (MEANT); one of another name that is seldom
a feature's (DOUBTFUL) is asked about. Neither is ever a feature unless it is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from . import files
from .arithmetic import Array
from .extras import require
from .files.faults import FaultError
from .files.numbers import decimal, decimals
from .files.parameters import plain
from .files.tables import arrays, csv_lines
from .files.text import reported
from .losses import Loss

CLASSES = ("iris", "wine", "breast_cancer", "digits")
"""Classification data: one task per class, against the rest."""
GROUPS = ("diabetes",)
"""Regression data: four tasks, by quarters of the first column."""
MEANT = {
    "split": "says which rows a task adapts on (support) and which it is judged on (query)",
    "weight": "weighs the rows of a task",
    "task_weight": "weighs tasks",
}
"""Columns with a meaning, and what it is."""
DOUBTFUL = ("fold", "index", "id", "set", "weights", "sample_weight")
"""Names of columns that are no features unless it is said."""
ROLES = ("support", "query")


@dataclass(frozen=True)
class Task:
    """One task: support, which it adapts on, and query, which it is judged on, are (inputs, labels), arrays, lists or
    tensors whose first axis is rows; a weight, or 1."""

    support: tuple[Any, Any]
    query: tuple[Any, Any]
    weight: float | None = None


def columns(tasks: Sequence[Task]) -> tuple[Array, Array, list[int], list[str], list[float] | None]:
    """Tasks as columns, of a row each: X, y, task, split, and task_weight if a task has one. Errors: BadInputError."""
    X, y, names, roles, weights = list[Array](), list[Array](), list[int](), list[str](), list[float]()
    for i, task in enumerate(tasks):
        for role in ROLES:
            with reported(f"tasks[{i}].{role}"):
                inputs, labels = map(plain, getattr(task, role))
            if inputs.ndim != 2 or inputs.shape[1:] != (X or [inputs])[0].shape[1:] or len(inputs) != len(labels):
                required = "inputs (N, d), of the same d in all tasks, and N labels"
                raise files.BadInputError(f"tasks[{i}].{role}", "shapes", (inputs.shape, labels.shape), required)
            X.append(inputs)
            y.append(labels)
            names += [i] * len(labels)
            roles += [role] * len(labels)
            weights += [1 if task.weight is None else task.weight] * len(labels)
    alike = all(task.weight is None for task in tasks)
    return np.concatenate(X), np.concatenate(y), names, roles, None if alike else weights


OTHERS = {"train": "support", "context": "support", "test": "query", "val": "query", "target": "query"}
"""What others call them."""


@dataclass(frozen=True)
class Table:
    """Rows of tasks as `own_tasks.from_arrays` takes them, the loss that goes with them, which columns mean what."""

    features: Any
    labels: Any
    tasks: Sequence[Any]
    loss: Loss | None = None
    split: Sequence[Any] | None = None
    weight: Any = None
    task_weight: Any = None
    notes: tuple[str, ...] = ()
    lines: Sequence[int] = ()
    """Of a CSV file: the line of each row."""
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Of a CSV file: the columns that the arrays are made of."""

    def placed(self, error: files.BadInputError) -> files.BadInputError:
        """An error of an array at a row: of a CSV file, at its line and column."""
        found = re.fullmatch(r"(\w+)\[(\d+)\](?:\[(\d+)\])?", error.field)
        if found is None or found[1] not in self.names:
            return error
        place = f"line {self.lines[int(found[2])]}, column {self.names[found[1]][int(found[3] or 0)]}"
        return files.BadInputError(error.file, place, error.given, error.required)


def queries(values: Sequence[Any], place: Callable[[int], str], otherwise: str) -> Array:
    """Whether each value is "query" and not "support" [N]. `otherwise` says what else may be done with the column.

    Errors: FaultError at the `place` of the first row with another value.
    """
    said = [str(v, "latin-1") if isinstance(v, bytes) else str(v).strip() for v in values]
    row = next((j for j, word in enumerate(said) if word not in ROLES), None)
    if row is None:
        return np.array([word == "query" for word in said], dtype=bool)
    word = said[row].lower()
    meant = word if word in ROLES else OTHERS.get(word)
    advice = f"write {meant} for {said[row]}" if meant else "write one of them"
    if set(said) <= {"0", "1", "0.0", "1.0", "True", "False"}:
        advice = "write support and query in their place, whichever is which"
    given = values[row] if isinstance(values[row], int | float) else said[row]
    raise FaultError(place(row), f"{advice}, or {otherwise}", "support or query", given)


def _number_required(text: str, label: bool, name: str) -> str:
    """What a field that is no finite number ought to be, and what to do."""
    text = text.strip().lower().lstrip("+-")
    if text in ("", "nan", "inf", "infinity"):
        return f"a {'number, not an empty field' if not text else 'finite number'}; fill it, or drop the row"
    mended = "number the classes: -1 and 1, or 0, 1, ..." if label else f"write it as one, or give --ignore {name}"
    return f"a number; {mended}"


def from_csv(path: Path, task: str, label: str, ignored: Sequence[str], features: Sequence[str]) -> Table:
    """The rows of a file with a header; several outputs are `label`1, `label`2, ... Errors: BadInputError."""

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
    for option, names in (("--ignore", ignored), ("--feature", features)):
        for name in names:
            if name not in first or name in (task, *labels):
                raise bad(option, name, "a column beside the task's and the label's; correct it, or leave it out")
    at_task, at_labels = header.index(task), [header.index(name) for name in labels]
    left_out = {at_task, *at_labels, *(first[name] for name in ignored)}
    columns = [j for j in range(len(header)) if j not in left_out]
    meant: dict[str, int] = {}
    for j in columns:
        name = header[j].strip().lower()
        if header[j] in features:
            continue
        if name in DOUBTFUL:
            required = f"no column of that name, which has no meaning; give --ignore {header[j]} to leave it out"
            raise bad(f"header[{j}]", header[j], f"{required}, or --feature {header[j]} if it is a feature")
        if name in MEANT and meant.setdefault(name, j) < j:
            raise bad(f"header[{j}]", header[j], f"one column that {MEANT[name]}; give --ignore {header[j]}")
    at_split = meant.get("split")
    columns = [j for j in columns if j not in meant.values()]
    weights = [(name, j) for name, j in meant.items() if name != "split"]
    read = [*at_labels, *columns, *(j for _, j in weights)]
    table: list[list[float]] = []
    for number, row in lines[1:]:
        if len(row) != len(header):
            raise bad(f"line {number}", row, f"{len(header)} fields, as in the header; mend it, or drop the row")
        values = decimals([row[j] for j in read])
        if values is None:
            j = next((j for j in read if decimal(row[j].strip()) is None), at_labels[0])
            raise bad(f"line {number}, column {header[j]}", row[j], _number_required(row[j], j in at_labels, header[j]))
        if not row[at_task].strip():
            required = "the name of a task, not an empty field; fill it, or drop the row"
            raise bad(f"line {number}, column {task}", row[at_task], required)
        table.append(values)
    if not table or not columns:
        raise bad("file", header, "at least one row and one feature column")
    split = None if at_split is None else [row[at_split] for _, row in lines[1:]]
    if split is not None:
        name = header[meant["split"]]
        otherwise = f"give --feature {name} if it is a feature, or --ignore {name} to leave it out"
        with reported(str(path)):
            queries(split, lambda row: f"line {lines[row + 1][0]}, column {name}", otherwise)
    begin, end = len(labels), len(labels) + len(columns)
    weighed = {name: [row[end + k] for row in table] for k, (name, _) in enumerate(weights)}
    return Table(
        [row[begin:end] for row in table],
        [row[0] if begin == 1 else row[:begin] for row in table],
        [row[at_task] for _, row in lines[1:]],
        split=split,
        weight=weighed.get("weight"),
        task_weight=weighed.get("task_weight"),
        notes=tuple(f"column {header[j]} {MEANT[name]}" for name, j in meant.items()),
        lines=[number for number, _ in lines[1:]],
        names={"labels": labels, "features": [header[j] for j in columns], "tasks": [task]}
        | {name: [header[j]] for name, j in weights},
    )


def from_archive(path: Path, ignored: Sequence[str]) -> Table:
    """The arrays X, y, task of a NumPy archive, and those of MEANT that it has. Errors: BadInputError."""
    with reported(str(path)):
        found = arrays(str(path), ("X", "y", "task"), ignored, tuple(MEANT))
        for name in ("task", "split"):
            if name in found and found[name].ndim != 1:
                raise FaultError(name, "give a row of names", f"an array {name} [N]", found[name].shape)
        split = found["split"].tolist() if "split" in found else None
        if split is not None:
            queries(split, lambda row: f"split[{row}]", "give --ignore split to leave it out")
    return Table(
        found["X"],
        found["y"],
        found["task"].tolist(),
        split=split,
        weight=found.get("weight"),
        task_weight=found.get("task_weight"),
        notes=tuple(f"array {name} {meaning}" for name, meaning in MEANT.items() if name in found),
    )


def from_sklearn(place: str) -> Table:
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
        return Table(table, labels, (order * 4 // len(order)).tolist())
    kinds = sorted(set(data.target.tolist()))
    labels = np.concatenate([np.where(data.target == kind, 1.0, -1.0) for kind in kinds])
    names = [kind for kind in kinds for _ in data.target]
    repeated = np.tile(table, (len(kinds), 1))
    return Table(repeated, labels, names, Loss("logistic"))
