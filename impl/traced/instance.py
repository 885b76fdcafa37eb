"""A problem of any model: graphs that are plain data, the parameters under test, tasks, a comparator.

It replays from its document alone: no Python of anybody's is run.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from flint import fmpq

from ..arithmetic import Array
from ..instances import FORMAT, Instance
from ..models.traced.graph import Graph
from ..models.traced.lines import line_of

Parameters = tuple[Array, ...]
"""The entries of a model, tensor by tensor."""


@dataclass(frozen=True, eq=False)
class TracedTask:
    """weight q_i; the program that its shapes have; the shape of predictions; support and query arrays as the program's
    inputs, labels last."""

    weight: fmpq
    program: int
    shape: tuple[int, ...]
    data: tuple[Array, ...]


Program = Mapping[str, Graph]
"""The graphs of tasks of one shape. p: parameters [tensors], s: support, x and y: the query's inputs and labels.

predictions (p, s, x, y) -> z          gradient (p, s, x, y) -> dR/dp, for each tensor
features (p, s, x, y) -> dz/dp         adapted (p, s, x, y) -> U(p)
plain (p, s, x, y) -> d f_p(x)/dp      unadapted (p, s, x, y) -> f_p(x), where a mutant asks for it
risk (z, y) -> R, slope (z, y) -> dR/dz, of a loss that has no name
"""


@dataclass(frozen=True, eq=False)
class TracedInstance(Instance):
    """omega and a comparator: parameters, or predictions per task (`functions`). loss: a name in `losses`, or `own`."""

    programs: tuple[Program, ...]
    tasks: tuple[TracedTask, ...]
    names: tuple[str, ...]
    omega: Parameters
    comparator: Parameters
    functions: bool
    radius: fmpq
    loss: str
    notes: tuple[str, ...] = field(default=())

    family = "any-model"

    @property
    def parameters(self) -> int:
        """How many numbers omega has."""
        return sum(array.size for array in self.omega)

    @property
    def _arrays(self) -> list[Array]:
        constants = [c for program in self.programs for graph in program.values() for c in graph.constants]
        return [*self.omega, *self.comparator, *(a for task in self.tasks for a in task.data), *constants]

    @property
    def numbers(self) -> int:
        """How many numbers describe the instance."""
        return sum(array.size for array in self._arrays) + len(self.tasks) + 1

    @property
    def canonical(self) -> TracedInstance:
        """Itself: there are no two ways to write one."""
        return self

    def document(self, number: Callable[[fmpq], object]) -> dict[str, object]:
        """Graphs as lines, arrays as numbers, radius and weights written by `number`."""
        programs = [{name: graph_document(graph) for name, graph in program.items()} for program in self.programs]
        tasks = [{"weight": number(t.weight), "program": t.program, "shape": list(t.shape),
                  "data": [_array(a) for a in t.data]} for t in self.tasks]  # fmt: skip
        comparator = [_array(a) for a in self.comparator]
        return {
            "format": FORMAT,
            "problem": self.family,
            "model": {"name": "program", "parameters": list(self.names), "programs": programs},
            "loss": {"name": self.loss},
            "tasks": tasks,
            "omega": [_array(a) for a in self.omega],
            "comparator": {"functions": comparator} if self.functions else comparator,
            "radius": number(self.radius),
            **({"notes": list(self.notes)} if self.notes else {}),
        }

    @cached_property
    def sha256(self) -> str:
        """The hash of its document, key-sorted, but for notes and the lines of the user's code that graphs remember."""
        plain = replace(self, programs=tuple({n: _anonymous(g) for n, g in p.items()} for p in self.programs), notes=())
        return hashlib.sha256(json.dumps(plain.fractions(), sort_keys=True).encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TracedInstance) and (self.sha256, self.notes) == (other.sha256, other.notes)

    def __hash__(self) -> int:
        return hash(self.sha256)

    @property
    def against_functions(self) -> bool:
        """Whether the comparator is predictions, and no parameter."""
        return self.functions

    @cached_property
    def bits(self) -> int:
        """At least the bits of every number, above and below the bar."""
        found = [int(q.p).bit_length() for q in self._fractions] + [int(q.q).bit_length() for q in self._fractions]
        constants = [value for program in self.programs for graph in program.values() for node in graph.nodes
                     for value in _floats((node.args, node.named))]  # fmt: skip
        return max([1, *found, *map(_bits, self._arrays), _bits(np.array(constants, dtype=float))])

    @property
    def _fractions(self) -> list[fmpq]:
        return [self.radius, *(task.weight for task in self.tasks)]


def _anonymous(graph: Graph) -> Graph:
    return replace(graph, nodes=tuple(replace(node, line="") for node in graph.nodes))


KINDS = {"f": "real", "i": "int", "b": "bool"}
"""Kinds of arrays, by numpy's letter."""


def _array(array: Array) -> dict[str, object]:
    """An array as JSON values: its kind, its shape, its entries row after row, exactly."""
    values = [v if math.isfinite(v) else str(v) for v in map(float, array.ravel().tolist())]
    return {"kind": KINDS[array.dtype.kind], "shape": list(array.shape), "values": values}


def graph_document(graph: Graph) -> dict[str, object]:
    """The graph as JSON values: its nodes as lines."""
    return {
        "nodes": [line_of(node) for node in graph.nodes],
        "constants": [_array(c) for c in graph.constants],
        "inputs": graph.inputs,
        "outputs": [ref.index for ref in graph.outputs],
        "varying": list(graph.varying),
    }


def _floats(value: Any) -> list[float]:
    if isinstance(value, tuple | list):
        return [x for one in value for x in _floats(one)]
    if isinstance(value, Mapping):
        return _floats(list(value.values()))
    return [value] if isinstance(value, float) and np.isfinite(value) else []


def _bits(array: Array) -> int:
    """The bits of the longest of float64 numbers, as odd whole number times 2^k: above the bar or below."""
    values = np.abs(np.asarray(array, dtype=float).ravel())
    values = values[values > 0]
    if not values.size:
        return 1
    mantissa, exponent = np.frexp(values)
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    spare = np.log2((whole & -whole).astype(float)).astype(int)
    return int(max((53 - spare - exponent).max(), exponent.max(), (53 - spare).max(), 1))
