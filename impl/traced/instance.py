"""A problem of any model: graphs that are plain data, the parameters under test, tasks, a comparator.

It replays from its document alone: no Python of anybody's is run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from flint import fmpq

from ..arithmetic import Array
from ..instances import Instance
from ..models.traced.graph import Graph

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
plain (p, s, x, y) -> d f_p(x)/dp      risk (z, y) -> R, slope (z, y) -> dR/dz
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
        """Graphs and arrays as data, radius and weights written by `number`."""
        programs = [{name: graph.document() for name, graph in program.items()} for program in self.programs]
        arrays = Graph((), tuple(self._own), 0, ()).document()["constants"]
        tasks = [
            {"weight": number(t.weight), "program": t.program, "shape": list(t.shape), "arrays": len(t.data)}
            for t in self.tasks
        ]
        return {"kind": self.family, "loss": self.loss, "names": list(self.names), "functions": self.functions,
                "radius": number(self.radius), "tasks": tasks, "arrays": arrays, "programs": programs}  # fmt: skip

    @property
    def _own(self) -> list[Array]:
        return [*self.omega, *self.comparator, *(a for task in self.tasks for a in task.data)]

    @cached_property
    def sha256(self) -> str:
        """The hash of its document, key-sorted, but for the lines of the user's code that graphs remember."""
        return hashlib.sha256(json.dumps(_without_lines(self.fractions()), sort_keys=True).encode()).hexdigest()

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


def _without_lines(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_lines(v) for key, v in value.items()}
    if isinstance(value, list) and len(value) == 4 and isinstance(value[0], str) and isinstance(value[2], dict):
        return value[:3]
    return [_without_lines(v) for v in value] if isinstance(value, list) else value


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
