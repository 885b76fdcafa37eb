"""Instance files of programs: their records, and from records to the instance.

Nothing in a file is run: operators are names of a table, and a graph is believed only as far as it can be evaluated
here, on the numbers of the file, to results of the right shapes. What a file says of a gradient it says: whether that
belongs to the predictions is what the claims are judged for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from msgspec import UNSET, UnsetType

from ..arithmetic import Array
from ..files.faults import FaultError
from ..files.numbers import Number, exact, normalised
from ..files.records import Reader, Record
from ..instances import FORMAT
from ..models.traced.evaluate import evaluated
from ..models.traced.graph import Graph, Ref
from ..models.traced.lines import node_in
from ..models.traced.middles import Middles
from ..models.traced.operators import OPERATORS
from ..models.traced.systems import shape_of
from .instance import KINDS, Program, TracedInstance, TracedTask
from .losses import NAMED

LARGEST = 2**26
"""Entries of an array, and the largest product of sizes that a line may ask for."""


class _Array(Record):
    kind: Literal["real", "int", "bool"]
    shape: list[int]
    values: list[float | Literal["inf", "-inf", "nan"]]


class GraphRecord(Record):
    """A graph in a file."""

    nodes: list[str]
    constants: list[_Array]
    inputs: int
    outputs: list[int]
    varying: list[int]


class _Model(Record):
    name: Literal["program"]
    parameters: list[str]
    programs: list[dict[str, GraphRecord]]


class _Task(Record):
    weight: Number
    program: int
    shape: list[int]
    data: list[_Array]


class _Functions(Record):
    functions: list[_Array]


class _Loss(Record):
    name: str


class _Document(Record):
    format: str
    problem: str
    model: _Model
    loss: _Loss
    tasks: list[_Task]
    omega: list[_Array]
    comparator: list[_Array] | _Functions
    radius: Number
    notes: list[str] | UnsetType = UNSET


_ARRAY = "an object with the fields kind ('real', 'int' or 'bool'), shape, values (row after row, finite numbers),"
_ARRAYS = "a list of arrays, one for each of model.parameters,"
GRAPHS = ("predictions", "gradient", "features", "adapted", "plain")
OWN = ("risk", "slope")
REQUIRED = {
    "document": "a JSON object with the fields format, problem, model, loss, tasks, omega, comparator, radius "
    "(notes may be left out)",
    "format": f"{FORMAT!r}",
    "problem": "'any-model'",
    "model": "an object with the fields name ('program'), parameters, programs",
    "model.name": "'program'",
    "model.parameters": "a non-empty list of names, all different,",
    "model.parameters[]": "a name",
    "model.programs": "a non-empty list of objects, graphs by name, one for the tasks of each shape,",
    "model.programs[]": f"an object with the graphs {', '.join(GRAPHS)}; of a loss without a name {' and '.join(OWN)}",
    "loss": "an object with the field name",
    "loss.name": f"one of {', '.join(NAMED)}, or own (the program's)",
    "tasks": "a non-empty list of tasks",
    "tasks[]": "an object with the fields weight, program, shape, data",
    "tasks[].weight": "a number >= 0",
    "tasks[].program": "the number of its program, from 0,",
    "tasks[].shape": "the shape of its predictions, points first,",
    "tasks[].shape[]": "a whole number >= 1",
    "tasks[].data": "a list of four arrays: inputs and labels of the support, then of the query,",
    "tasks[].data[]": _ARRAY,
    "omega": _ARRAYS,
    "omega[]": _ARRAY,
    "comparator": f"{_ARRAYS[:-1]}, or {{'functions': [...]}}, predictions for each task",
    "comparator[]": _ARRAY,
    "comparator.functions": "a list of arrays, one per task,",
    "comparator.functions[]": _ARRAY,
    "radius": "a number >= 0",
    "notes": "a list of sentences",
    "notes[]": "a sentence of at most 400 printable characters",
}  # fmt: skip


def _read(document: _Document) -> TracedInstance:
    """Errors: FaultError."""
    model = document.model
    names, loss = tuple(model.parameters), document.loss.name
    if not names or len(set(names)) < len(names) or not all(n.isprintable() and len(n) <= 400 for n in names):
        raise FaultError("model.parameters")
    if loss not in (*NAMED, "own"):
        raise FaultError("loss.name")
    omega = _parameters(document.omega, "omega", names)
    programs = tuple(
        {name: graph_in(graph, f"model.programs[{k}].{name}") for name, graph in program.items()}
        for k, program in enumerate(model.programs)
    )
    wanted = {*GRAPHS, *(OWN if loss == "own" else ())}
    for k, program in enumerate(programs):
        if not wanted <= set(program) <= wanted | {"unadapted"}:
            raise FaultError(f"model.programs[{k}]", "add or remove graphs", given=sorted(program))
    if not document.tasks:
        raise FaultError("tasks")
    shares, notes = normalised([task.weight for task in document.tasks], "tasks", "weight")
    tasks = tuple(_task(task, share, f"tasks[{i}]", loss)
                  for i, (task, share) in enumerate(zip(document.tasks, shares, strict=True)))  # fmt: skip
    _belong(programs, tasks, omega)
    functions = isinstance(document.comparator, _Functions)
    if isinstance(document.comparator, _Functions):
        rivals = _arrays(document.comparator.functions, "comparator.functions")
        if [r.shape for r in rivals] != [t.shape for t in tasks]:
            raise FaultError("comparator.functions", what="arrays of the shapes of the tasks' predictions")
    else:
        rivals = _parameters(document.comparator, "comparator", names)
        if [r.shape for r in rivals] != [o.shape for o in omega]:
            raise FaultError("comparator", what="arrays of the shapes of omega's")
    radius = exact(document.radius, "radius")
    if radius < 0:
        raise FaultError("radius")
    said = () if isinstance(document.notes, UnsetType) else tuple(document.notes)
    if not all(note.isprintable() and len(note) <= 400 for note in said):
        raise FaultError("notes")
    return TracedInstance(programs, tasks, names, omega, rivals, functions, radius, loss, (*said, *notes))


def _array(record: _Array, field: str, finite: bool = True) -> Array:
    values = [float(v) for v in record.values]
    whole = all(math.isfinite(v) and v == int(v) and abs(v) < 2**53 for v in values)
    if any(size < 0 for size in record.shape) or math.prod(record.shape) != len(values) or len(record.shape) > 16:
        raise FaultError(f"{field}.shape", "correct it", f"a shape of {len(values)} values")
    if record.kind == "real":
        if finite and not all(map(math.isfinite, values)):
            raise FaultError(f"{field}.values", "correct it", "finite numbers")
        return np.array(values, dtype=float).reshape(record.shape)
    if not whole or (record.kind == "bool" and not set(values) <= {0.0, 1.0}):
        raise FaultError(f"{field}.values", "correct it", "whole numbers (of bool: 0 and 1)")
    return np.array([int(v) for v in values], dtype=bool if record.kind == "bool" else np.int64).reshape(record.shape)


def _arrays(records: Sequence[_Array], field: str) -> tuple[Array, ...]:
    found = tuple(_array(record, f"{field}[{k}]") for k, record in enumerate(records))
    for k, array in enumerate(found):
        if KINDS[array.dtype.kind] != "real":
            raise FaultError(f"{field}[{k}].kind", "correct it", "'real'")
    return found


def _parameters(records: Sequence[_Array], field: str, names: Sequence[str]) -> tuple[Array, ...]:
    if len(records) != len(names):
        raise FaultError(field, given=f"{len(records)} arrays")
    return _arrays(records, field)


def _task(record: _Task, share: Any, field: str, loss: str) -> TracedTask:
    data = tuple(_array(a, f"{field}.data[{k}]") for k, a in enumerate(record.data))
    shape = tuple(record.shape)
    if len(data) != 4:
        raise FaultError(f"{field}.data", given=f"{len(data)} arrays")
    if not shape or any(size < 1 for size in shape):
        raise FaultError(f"{field}.shape")
    points = shape[0]
    if loss in NAMED:
        for k, n in ((1, len(data[1]) if data[1].ndim else 0), (3, points)):
            if not n or not NAMED[loss].valid(data[k], n, math.prod(shape[1:])):
                raise FaultError(f"{field}.data[{k}]", "correct them", f"labels as {loss} has them, for every point,")
    return TracedTask(share, record.program, shape, data)


def graph_in(record: GraphRecord, field: str) -> Graph:
    """The graph of a record. Errors: FaultError."""
    nodes = []
    for k, line in enumerate(record.nodes):
        try:
            node = node_in(line, k)
        except ValueError as error:
            raise FaultError(f"{field}.nodes[{k}]", "correct it", str(error)) from None
        first = node.args[0] if node.args else None
        known = {"input": record.inputs, "constant": len(record.constants)}.get(node.op)
        if known is not None and not (type(first) is int and 0 <= first < known and len(node.args) == 1):
            raise FaultError(f"{field}.nodes[{k}]", "correct it", f"the number of one of the {known} {node.op}s")
        if known is None and node.op != "item" and node.op not in OPERATORS:
            raise FaultError(f"{field}.nodes[{k}]", "leave it out", "an operator of the table")
        if node.op == "item" and not (isinstance(first, Ref) and len(node.args) == 2 and type(node.args[1]) is int):
            raise FaultError(f"{field}.nodes[{k}]", "correct it", "item(vK, number)")
        if node.op != "input" and not _modest((node.args, list((node.named or {}).values()))):
            raise FaultError(f"{field}.nodes[{k}]", "use smaller arrays", f"sizes of at most {LARGEST} entries")
        nodes.append(node)
    if not all(0 <= k < len(nodes) for k in record.outputs):
        raise FaultError(f"{field}.outputs", "correct it", "numbers of nodes")
    if not all(0 <= k < record.inputs for k in record.varying):
        raise FaultError(f"{field}.varying", "correct it", "numbers of inputs")
    constants = tuple(_array(c, f"{field}.constants[{k}]", finite=False) for k, c in enumerate(record.constants))
    return Graph(tuple(nodes), constants, record.inputs, tuple(map(Ref, record.outputs)), tuple(record.varying))


def _modest(value: Any) -> bool:
    """Whether no list of whole numbers asks for a huge array. (Ends of slices are large, and alone.)"""
    if isinstance(value, list | tuple):
        sizes = [abs(v) for v in value if type(v) is int]
        return math.prod(max(size, 1) for size in sizes) <= LARGEST and all(map(_modest, value)) if (
            sizes and len(sizes) == len(value)) else all(map(_modest, value))  # fmt: skip
    return True


def _belong(programs: Sequence[Program], tasks: Sequence[TracedTask], omega: tuple[Array, ...]) -> None:
    """Every program is some task's, of one shape, and its graphs give what they are for. Errors: FaultError."""
    first: dict[int, TracedTask] = {}
    for i, task in enumerate(tasks):
        if not 0 <= task.program < len(programs):
            raise FaultError(f"tasks[{i}].program")
        same = first.setdefault(task.program, task)
        if [(a.shape, a.dtype) for a in same.data] != [
            (a.shape, a.dtype) for a in task.data
        ] or same.shape != task.shape:
            raise FaultError(f"tasks[{i}].data", "give it a program of its own", "arrays as in the first such task")
    for k, program in enumerate(programs):
        if k not in first:
            raise FaultError(f"model.programs[{k}]", "remove it", "a program that some task has", given=sorted(program))
        task = first[k]
        z, p = task.shape, [o.shape for o in omega]
        shapes = {"predictions": [z], "unadapted": [z], "gradient": p, "adapted": p, "risk": [()], "slope": [z],
                  "features": [(*z, *q) for q in p], "plain": [(*z, *q) for q in p]}  # fmt: skip
        for name, graph in program.items():
            inputs = [np.zeros(z), task.data[3]] if name in OWN else [*omega, *task.data]
            _tried(graph, inputs, shapes[name], f"model.programs[{k}].{name}")


def _tried(graph: Graph, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]], field: str) -> None:
    """Errors: FaultError, if the graph cannot be evaluated there, or to other shapes."""
    if graph.inputs != len(inputs):
        raise FaultError(f"{field}.inputs", "correct it", f"{len(inputs)} inputs")
    try:
        found = [tuple(shape_of(v)) for v in evaluated(graph, inputs, Middles())[0]]
    except Exception as error:  # whatever a line does that no trace has
        words = " ".join(str(error).split())[:80]
        raise FaultError(field, f"it fails: {words}", "a graph that fits its inputs", type(error).__name__) from None
    if found != list(shapes):
        raise FaultError(f"{field}.outputs", "correct it", f"results of the shapes {list(shapes)}", found)


READER = Reader("any-model", "program", _Document, REQUIRED, _read)
"""Of the problems that `metagap.torch` makes."""
