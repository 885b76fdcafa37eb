"""Your own tasks as an instance: from arrays, CSV files, NumPy archives and data that ships with scikit-learn.

    from_arrays(X, y, task)     X (N, d), y [N], task [N] -> MetaSLInstance, one task per distinct value of `task`
    TaskSource(place).load()    an instance file, a .csv or .npz file, or sklearn:NAME

Rows of a task are its law, each with mass 1/rows, or in proportion to its weight. With a split the support rows are the
law that the task adapts on, the query rows the law that it is judged on, and weights are in proportion within each.
Rows with equal features are one support point, so that what tasks share is known. Numbers are taken as they are: every
float64 is an exact rational. omega and the comparator are 0 until they are given.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from flint import fmpq

from . import files
from .arithmetic import PROPOSING, Array, Floats, rational, to_float
from .families import load
from .files.faults import FaultError
from .files.tables import check_size, controls
from .files.text import reported
from .instances import Instance, Vector
from .losses import Link, Loss
from .own_adaptations import ruled
from .rules import RULES
from .supervised.adaptation import Gradient
from .supervised.instance import Atom, Atoms, MetaSLInstance, Task, shape_of
from .supervised.tables import Rows, distinct_rows
from .task_tables import from_archive, from_csv, from_sklearn, queries
from .vector_losses import VectorLoss


def from_arrays(
    features: Any,
    labels: Any,
    tasks: Sequence[Any],
    *,
    split: Sequence[Any] | None = None,
    weight: Any = None,
    task_weight: Any = None,
    loss: Loss | None = None,
    eta: fmpq | Vector | None = None,
    steps: int = 1,
    decay: fmpq | None = None,
    source: str = "arrays",
    tell: Callable[[str], None] = lambda stage: None,
) -> MetaSLInstance:
    """Tasks from rows: features (N, d), labels [N], tasks [N] (any names).

    Labels are classes 0..C-1 for softmax, and may be (N, c) for the squared loss.

    split [N]   "support" or "query": what a task adapts on, and what it is judged on; None: all rows for both.
    weight [N]   of a row, >= 0, within its task and split; task_weight [N]   of its task. None: all equal.
    loss   squared by default. eta   half of 1/curvature at 0 by default, rounded down to a power of 2; a vector has one
    for each parameter (of several outputs: for each column, or each number of omega). steps   K. decay   >= 0.
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
    with reported(source):
        query = None if split is None else queries(split, lambda row: f"split[{row}]", "leave it out for none")
        masses = None if weight is None else _weights(weight, "weight")
        sizes = None if task_weight is None else _weights(task_weight, "task_weight")
    given = {"split": query, "weight": masses, "task_weight": sizes}
    shapes = {name: column.shape for name, column in given.items() if column is not None}
    for name, shape in {"labels": values.shape[: values.ndim - vectors], "tasks": (len(tasks),), **shapes}.items():
        if shape != (len(table),):
            required = f"one entry for each of the {len(table)} rows of features"
            if name == "labels" and values.ndim == 2:
                required += f", for the {loss.name} loss (several columns are for the squared loss)"
            raise files.BadInputError(source, name, shape, required)
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
    sides = [(own, own) if query is None else (own[~query[own]], own[query[own]]) for own in rows]

    def law(own: Array) -> Sequence[Atom]:
        """The law of some rows of a task."""
        if masses is None or (len(own) and (masses[own] == masses[own[0]]).all() and masses[own[0]] > 0):
            return _atoms(loss, place[own], values[own])
        kept = own[masses[own] > 0]
        exact = [rational(w) for w in masses[kept].tolist()]
        whole = sum(exact, start=fmpq(0))
        label = rational if values.ndim == 1 else loss.given
        triples = zip(place[kept].tolist(), values[kept].tolist(), exact, strict=True)
        return tuple(Atom(x, label(y), w / whole) for x, y, w in triples)

    for own, pair in zip(rows, sides, strict=True):
        for role, side in zip(("support", "query"), pair, strict=True):
            if not len(side) or (masses is not None and not masses[side].any()):
                kind = "row" if query is None else f"{role} row"
                what = f"a task with a {kind}" if not len(side) else f"a task with a {kind} of positive weight"
                raise files.BadInputError(source, "task", tasks[int(own[0])], f"{what}; add one, or drop the task")
    weights = _task_weights(sizes, rows, tasks, source)
    made = tuple(
        Task(q, law(outer), None if query is None else law(inner))
        for q, (inner, outer) in zip(weights, sides, strict=True)
    )
    if eta is None:
        eta = _step(loss, table, values, [inner for inner, _ in sides], masses)
        if eta is None:
            required = "a curvature that float64 can hold; scale the features, or give --eta"
            raise files.BadInputError(source, "features", float(np.abs(table).max()), required)
    zero = (fmpq(0),) * (loss.outputs * table.shape[1])
    rates = _rates(eta, len(zero), table.shape[1], source) if isinstance(eta, tuple) else None
    inner = Gradient(fmpq(1) if isinstance(eta, tuple) else eta, steps, rates, decay or fmpq(0))
    return MetaSLInstance(loss, inner, Rows(support), made, zero, zero, fmpq(1))


def _rates(eta: Vector, size: int, columns: int, source: str) -> Vector:
    """A rate for each of so many parameters. Errors: BadInputError."""
    if len(eta) == columns:
        return eta * (size // columns)
    if len(eta) != size:
        required = f"one step size, or {size}: one for each parameter"
        raise files.BadInputError(source, "eta", f"{len(eta)} step sizes", required)
    return eta


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


def _weights(values: Any, name: str) -> Array:
    """The numbers, none negative. Errors: FaultError."""
    found = _numbers(values, name)
    if (found < 0).any():
        row = tuple(int(i) for i in np.argwhere(found < 0)[0])
        raise FaultError(name + "".join(f"[{i}]" for i in row), "correct it", "a number >= 0", float(found[row]))
    return found


def _task_weights(sizes: Array | None, rows: Sequence[Array], tasks: Sequence[Any], source: str) -> list[fmpq]:
    """The weights of tasks, of which each has one in all its rows; they sum to 1. Errors: BadInputError."""
    if sizes is None:
        return [fmpq(1, len(rows))] * len(rows)
    for own in rows:
        other = own[sizes[own] != sizes[own[0]]]
        if len(other):
            said = f"one weight in all rows of task {tasks[int(own[0])]!r}, as {float(sizes[own[0]])!r} before"
            required = f"{said}; correct it, or name it weight if it weighs rows"
            raise files.BadInputError(source, f"task_weight[{other[0]}]", float(sizes[other[0]]), required)
    exact = [rational(float(sizes[own[0]])) for own in rows]
    whole = sum(exact, start=fmpq(0))
    if whole == 0:
        raise files.BadInputError(source, "task_weight", 0.0, "a task with a positive weight; correct one")
    return [w / whole for w in exact]


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
def _step(loss: Loss, table: Array, values: Array, rows: Sequence[Array], masses: Array | None) -> fmpq | None:
    """A power of 2, at most half of 1/(largest eigenvalue of any task's Hessian at 0, of the rows that it adapts on);
    None if beyond float64.
    """
    largest = 0.0
    for own in rows:
        # The Hessian X'BX/n has the eigenvalues of the smaller of its two products, as B >= 0 at 0.
        w = np.ones(len(own)) if masses is None else masses[own] / masses[own].max()
        # Of several outputs the largest curvature at 0 is 1 (squared), or that of p = 1/c.
        several = np.full(len(own), 1 / loss.outputs if loss.link is Link.CLASS else 1.0)
        bends = loss.d2(Floats, np.zeros(len(own)), values[own]) if loss.outputs == 1 else several
        root = np.sqrt(bends * w / w.sum())
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

    Columns and arrays `split`, `weight`, `task_weight`, loss, eta and steps (None: 1) are as in `from_arrays`; an
    instance file has its own. Columns and arrays that are `ignored` are left out; `features` are features although
    their name is one of task_tables.MEANT or DOUBTFUL.
    """

    place: str
    task: str = "task"
    label: str = "y"
    ignored: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    loss: Loss | None = None
    eta: fmpq | Vector | Path | None = None
    """A file has a rate for each parameter."""
    steps: int | None = None
    decay: fmpq | None = None
    adaptation: str | None = None
    """One of a claims file, in place of gradient steps."""

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
            found = from_sklearn(self.place)
        elif table:
            found = from_csv(path, self.task, self.label, self.ignored, self.features)
        elif archive:
            found = from_archive(path, self.ignored)
        else:
            name = None if self.loss is None else self.loss.name
            given = {
                "--loss": name,
                "--eta": self.eta,
                "--steps": self.steps,
                "--decay": self.decay,
                "--adaptation": self.adaptation,
            }
            instance = load(path, problem=True)
            for option, value in given.items():
                if value is not None:
                    required = "an instance file has its own; leave it out"
                    raise files.BadInputError(self.place, option, str(value), required)
            return instance
        try:
            made = from_arrays(
                found.features,
                found.labels,
                found.tasks,
                split=found.split,
                weight=found.weight,
                task_weight=found.task_weight,
                loss=self.loss or found.loss,
                eta=self._eta(found),
                steps=self.steps or 1,
                decay=self.decay,
                source=self.place,
                tell=tell,
            )
        except files.BadInputError as error:
            raise found.placed(error) from None
        if self.adaptation is not None:
            if self.adaptation not in RULES:
                known = f"known here: {', '.join(RULES) or 'none'}"
                required = f"the name of an adaptation of your claims file (--claims); {known}"
                raise files.BadInputError(self.place, "--adaptation", self.adaptation, required)
            made = ruled(made, self.adaptation, self.place)
        return replace(made, notes=found.notes)

    @property
    def of_rows(self) -> bool:
        """Whether the place has rows of tasks alone, and no omega; else it is an instance file."""
        return self.place.startswith("sklearn:") or Path(self.place).suffix in (".csv", ".npz")

    def _eta(self, found: Any) -> fmpq | Vector | None:
        """The step sizes, read from their file if they have one."""
        if not isinstance(self.eta, Path):
            return self.eta
        outputs = np.asarray(found.labels).shape[1] if np.asarray(found.labels).ndim == 2 else 1
        loss = self.loss or found.loss
        columns = np.asarray(found.features).shape[1]
        return files.load_vector(self.eta, *shape_of(columns, max(outputs, loss.outputs if loss else 1)))

    def defaults(self, instance: Instance) -> tuple[str, ...]:
        """What of the problem was not said, or was taken from a column's name, a sentence each; an instance file says
        all."""
        if not (self.of_rows and isinstance(instance, MetaSLInstance) and isinstance(instance.adaptation, Gradient)):
            return ()
        step = "half of 1/curvature at 0, rounded down to a power of 2"
        return (
            *instance.notes,
            *([f"no --loss was given: {instance.loss.name} is the default"] if self.loss is None else []),
            *(
                [f"no --eta was given: {to_float(instance.adaptation.eta):g} is the default ({step})"]
                if self.eta is None
                else []
            ),
            *(["no --steps was given: 1 is the default"] if self.steps is None else []),
        )
