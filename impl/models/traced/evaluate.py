"""A graph evaluated in numbers that enclose: every node by its row of the table, every decision remembered.

Where a program decides on a value (a gate of a ReLU, the winner of a pool, a comparison), it decides only on balls that
are separated. Where they are not, the result is the hull of what either answer gives, so that it still encloses, and
the place is a `Kink`: whoever needs a derivative there must not go on. A decision on constants is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...arithmetic import Array
from . import layers, pools, reductions, solves, views  # noqa: F401 - their rows enter the table
from .alike import numbers
from .graph import Graph, Node, Ref, replaced
from .operators import OPERATORS, UnknownOperatorError, advice, refuse
from .systems import System, Value, shape_of

TAKEN = (Ref, tuple, list)
"""Arguments that are values of nodes, or may hold some."""


@dataclass(frozen=True)
class Kink:
    """A decision that enclosures leave open, or that falls exactly on a joint: operator, unit, how many, the line."""

    op: str
    unit: tuple[int, ...]
    count: int
    line: str

    def __str__(self) -> str:
        more = f" (and {self.count - 1} more)" if self.count > 1 else ""
        where = f" at {self.line}" if self.line else ""
        return f"{self.op} of unit {list(self.unit)}{more}{where}"


@dataclass
class Run:
    """One evaluation: the system, what was decided, and what operators need beyond their arguments.

    margin   a lower bound of the distance of every decided value from its joint; 0 if one is on it, inf without any
    """

    s: System
    graph: Graph
    kinks: list[Kink] = field(default_factory=list)
    margin: float = float("inf")
    node: Node = field(default_factory=lambda: Node("start"))
    flat: dict[int, Array] = field(default_factory=dict)
    """Entries of a node's value that are constant near omega, as closed units are."""
    inputs: Sequence[Any] = ()
    """As they were given."""
    shapes: list[Any] = field(default_factory=list)
    """Of the nodes' values; None of several."""
    _live: bool = False
    _values: list[Value] = field(default_factory=list)

    def compared(self, difference: Value) -> Array:
        """-1, 0, 1, or 2 where it is open, per entry; remembered as a decision."""
        found, sizes = self.s.signs(difference)
        found = self.s.chosen(found, difference)
        if self._live and found.size:
            self.decided(found, sizes)
        return found

    def decided(self, signs: Array, sizes: Array) -> None:
        """A decision with these signs, and distances from the joint."""
        doubtful = (signs == 2) | (signs == 0)
        if doubtful.any():
            unit = tuple(int(k) for k in np.unravel_index(int(np.argmax(doubtful)), doubtful.shape))
            self.kinks.append(Kink(self.node.op, unit, int(doubtful.sum()), self.node.line))
            self.margin = 0.0
        else:
            self.margin = min(self.margin, float(sizes.min()))

    def numbers(self, argument: int) -> Array:
        """Of an argument of the present node: entries of the same number are one function (`alike`)."""
        return numbers(self, self.node.args[argument].index)

    def behind(self, argument: int) -> tuple[Node, Value, int]:
        """The node behind an argument of the present one, its first argument's value and its number."""
        ref = self.node.args[argument]
        node = self.graph.nodes[ref.index]
        first = node.args[0] if node.args else None
        return node, self._values[first.index] if isinstance(first, Ref) else None, ref.index

    def outputs(self, inputs: Sequence[Value]) -> list[Value]:
        """The graph's outputs. Errors: UnknownOperatorError; what operators say of what they do not cover."""
        live, last = self.graph.live, self.graph.last_uses
        for index, node in enumerate(self.graph.nodes):
            self.node, self._live = node, live[index]
            value = self._value(node, inputs)
            self._values.append(value)
            self.shapes.append(None if value is None or isinstance(value, tuple | list) else shape_of(value))
            for used in last[index]:
                self._values[used] = None
        return [self._values[ref.index] for ref in self.graph.outputs]

    def _value(self, node: Node, inputs: Sequence[Value]) -> Any:
        if node.op == "input":
            return inputs[node.args[0]]
        if node.op == "constant":
            array = self.graph.constants[node.args[0]]
            return self.s.of(array) if array.dtype.kind == "f" else array
        if node.op == "item":
            return self._values[node.args[0].index][node.args[1]]
        row = OPERATORS.get(node.op)
        if row is None:
            raise UnknownOperatorError(advice(node))
        args = [replaced(one, self._values) if type(one) in TAKEN else one for one in node.args]
        named = {key: replaced(value, self._values) for key, value in node.named.items()} if node.named else {}
        try:
            return row.run(self, *args, **named)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # A form that nobody thought of: indices that are not decided, norms of order 0.
            raise refuse(self, f"its row does not take these arguments ({type(error).__name__}: {error})") from error


def evaluated(graph: Graph, inputs: Sequence[Value], system: System) -> tuple[list[Value], Run]:
    """The outputs, and what was decided on the way. inputs: values of the system, or exact integer arrays."""
    run = Run(system, graph, inputs=inputs)
    given = [system.of(x) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in inputs]
    with np.errstate(all="ignore"):
        return run.outputs(given), run
