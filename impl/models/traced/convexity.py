"""Whether a graph's outputs are convex in what varies, by rules of composition, on all of its space.

Every entry of a node's value, as a function of the varying inputs z, is affine, convex, concave, or not known to be:

    what does not depend on z, and z itself                    affine
    sums, means and moves of such; multiples by what is fixed  the same; of a multiple <= 0 the other way round
    the largest of several, exp, relu of convex                convex (convex and nondecreasing, of convex functions)
    sizes, even powers, norms, cosh of affine                  convex (convex, of an affine function)

as in disciplined convex programming (Grant, Boyd and Ye, 2006). Numbers enter as the signs of fixed factors alone,
which are enclosed: nothing is said of a point. An operator that is not named here says nothing of its result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .alike import MOVES
from .evaluate import Run
from .graph import Graph, Node, Ref, references
from .systems import System, Value, exact


@dataclass(frozen=True)
class Bend:
    """What all entries of a value are."""

    convex: bool
    concave: bool

    @property
    def affine(self) -> bool:
        """Whether they are affine."""
        return self.convex and self.concave

    @property
    def turned(self) -> Bend:
        """That of -x."""
        return Bend(self.concave, self.convex)

    def beside(self, other: Bend) -> Bend:
        """That of sums, and of entries of either."""
        return Bend(self.convex and other.convex, self.concave and other.concave)


AFFINE, NONE = Bend(True, True), Bend(False, False)
JOINED = MOVES | {f"aten.{name}" for name in (
    "sum.default", "sum.dim_IntList", "mean.default", "mean.dim", "cat.default", "stack.default")}  # fmt: skip
"""Sums, means and moves of their arguments."""
PRODUCTS = {f"aten.{name}.default" for name in ("mm", "bmm", "mv", "dot")}
RISING = {f"aten.{name}.default" for name in ("exp", "expm1", "relu", "amax", "max", "maximum")}
"""Convex and nondecreasing in every argument."""
CUPS = {f"aten.{name}.default" for name in ("abs", "cosh", "linalg_vector_norm")}
"""Convex; norms of order 1 or more."""


class _Bent(Run):
    """A run that knows what every node's value is."""

    def __init__(self, system: System, graph: Graph, inputs: Sequence[Value]) -> None:
        super().__init__(system, graph, inputs=inputs)
        self.bends: list[Bend] = []

    def _value(self, node: Node, inputs: Sequence[Value]) -> Any:
        known = node.op == "input" or not self.graph.live[len(self._values)]
        self.bends.append(AFFINE if known else self._bend(node))
        return super()._value(node, inputs)

    def _of(self, value: Any) -> Bend:
        return self.bends[value.index] if isinstance(value, Ref) else AFFINE

    def _bend(self, node: Node) -> Bend:
        op, args = node.op, node.args
        kind, every = op.removeprefix("aten.").partition(".")[0], AFFINE
        for ref in references(node):
            every = every.beside(self.bends[ref.index])
        if op in JOINED:
            return every
        if kind in ("add", "sub", "rsub"):
            first, second = map(self._of, args[1::-1] if kind == "rsub" else args[:2])
            rising = ((node.named or {}).get("alpha", 1) >= 0) == (kind == "add")
            return first.beside(second if rising else second.turned)
        if kind == "neg":
            return every.turned
        if kind in ("mul", "div"):
            return self._multiple(args[0], args[1], kind == "div")
        if op == "aten.where.self" and not self._varies(args[0]):
            return self._of(args[1]).beside(self._of(args[2]))
        if op in PRODUCTS:
            return AFFINE if every.affine and not all(map(self._varies, args)) else NONE
        if op in RISING:
            return Bend(every.convex, False)
        power = args[1] if kind in ("pow", "linalg_vector_norm") and len(args) > 1 else 2
        even = kind == "pow" and op.endswith("Tensor_Scalar") and power > 0 and power % 2 == 0
        cup = op in CUPS and (kind != "linalg_vector_norm" or power >= 1)
        return Bend((even or cup) and every.affine, False)

    def _varies(self, value: Any) -> bool:
        return isinstance(value, Ref) and self.graph.live[value.index]

    def _multiple(self, a: Any, b: Any, divided: bool) -> Bend:
        if self._varies(a) and self._varies(b):
            return Bend(not divided and a == b and self._of(a).affine, False)
        if divided and self._varies(b):
            return NONE
        bend, factor = (self._of(a), b) if self._varies(a) else (self._of(b), a)
        if bend.affine:
            return bend
        value = self._values[factor.index] if isinstance(factor, Ref) else factor
        signs = self.s.signs(self.s.lift(value))[0]
        return bend if ((signs == 0) | (signs == 1)).all() else bend.turned if (signs <= 0).all() else NONE


def convex(graph: Graph, inputs: Sequence[Value], system: System) -> bool:
    """Whether all outputs are convex in the varying inputs, by the rules; inputs: as `evaluated` takes them."""
    run = _Bent(system, graph, inputs)
    run.outputs([system.of(x) if exact(x) and x.dtype.kind == "f" else x for x in inputs])
    return all(run.bends[ref.index].convex for ref in graph.outputs)
