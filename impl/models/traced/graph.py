"""Straight-line programs as plain data: what a PyTorch function becomes, and all that is needed to evaluate it again.

A graph holds no Python of anybody's: operators are names of the table in `operators`, constants are arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ...arithmetic import Array


@dataclass(frozen=True)
class Ref:
    """The value of a node."""

    index: int


@dataclass(frozen=True)
class Node:
    """One operation: its name (`input`, `constant`, `item` or one of the table), arguments, the line that called it."""

    op: str
    args: tuple[Any, ...] = ()
    named: Mapping[str, Any] | None = None
    line: str = ""


@dataclass(frozen=True)
class Graph:
    """nodes in the order of evaluation, constants by the number that a `constant` node has, how many inputs, outputs.

    varying   the inputs that are differentiated: what depends on no other has no kinks
    rounds    whether the program has dtypes of less digits than float64; the graph has not
    """

    nodes: tuple[Node, ...]
    constants: tuple[Array, ...]
    inputs: int
    outputs: tuple[Ref, ...]
    varying: tuple[int, ...] = ()
    rounds: bool = False

    def same(self, other: Graph) -> bool:
        """Whether the other does the same to the same numbers, bit by bit."""
        return repr(self.nodes) == repr(other.nodes) and [(c.shape, c.tobytes()) for c in self.constants] == [
            (c.shape, c.tobytes()) for c in other.constants
        ]

    @cached_property
    def live(self) -> list[bool]:
        """Whether a node's value depends on a varying input, per node."""
        found: list[bool] = []
        for node in self.nodes:
            own = node.op == "input" and node.args[0] in self.varying
            found.append(own or any(found[ref.index] for ref in references(node)))
        return found

    @cached_property
    def last_uses(self) -> list[list[int]]:
        """The nodes that nobody needs after each node; what stands behind an argument stays as long as the argument."""
        last: dict[int, int] = {}
        first: dict[int, int] = {}
        for index, node in enumerate(self.nodes):
            used = [ref.index for ref in references(node)]
            for k in used:
                last[k] = index
                if k in first:
                    last[first[k]] = index
            if used:
                first[index] = used[0]
        kept = {ref.index for ref in self.outputs}
        found: list[list[int]] = [[] for _ in self.nodes]
        for k, index in last.items():
            if k not in kept:
                found[index].append(k)
        return found


def references(node: Node) -> list[Ref]:
    """The values that a node takes."""
    found: list[Ref] = []

    def look(value: Any) -> None:
        if isinstance(value, Ref):
            found.append(value)
        elif isinstance(value, tuple | list):
            for one in value:
                look(one)

    look(node.args)
    look(list((node.named or {}).values()))
    return found


def replaced(value: Any, values: Sequence[Any]) -> Any:
    """An argument with every reference replaced."""
    kind = type(value)
    if kind is Ref:
        return values[value.index]
    if kind is tuple or kind is list:
        return kind([replaced(one, values) for one in value])
    return value


def simplified(graph: Graph) -> Graph:
    """The graph without what no output needs, and with equal operations done once."""
    needed = {ref.index for ref in graph.outputs}
    for index in range(len(graph.nodes) - 1, -1, -1):
        if index in needed:
            needed |= {ref.index for ref in references(graph.nodes[index])}
    moved: list[Any] = []
    seen: dict[str, Ref] = {}
    nodes: list[Node] = []
    for index, node in enumerate(graph.nodes):
        if index not in needed and node.op != "input":
            moved.append(None)
            continue
        new = Node(node.op, replaced(node.args, moved), {k: replaced(v, moved) for k, v in (node.named or {}).items()},
                   node.line)  # fmt: skip
        key = repr((new.op, new.args, sorted((new.named or {}).items())))
        if key not in seen:
            seen[key] = Ref(len(nodes))
            nodes.append(new)
        moved.append(seen[key])
    return replace(graph, nodes=tuple(nodes), outputs=replaced(graph.outputs, moved))
