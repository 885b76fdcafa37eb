"""Whether a graph's outputs are convex in what varies, by rules of composition, on all of its space.

Every entry of a node's value, as a function of the varying inputs z, is affine, convex, concave, or not known to be:

    what does not depend on z, and z itself                    affine
    sums, means and moves of such; multiples by what is fixed  the same; of a multiple <= 0 the other way round
    the largest of several, exp, relu, logsumexp of convex     convex (convex and nondecreasing, of convex functions)
    the smallest of several, log, root of concave              concave (concave and nondecreasing, of concave functions)
    sizes, even powers, norms, cosh of affine                  convex (convex, of an affine function)
    exp of convex, cosh of affine; their positive multiples,
    sums with each other and with what is fixed and >= 0       the logarithm is convex, as that of 1 + value
    log_softmax of affine                                      concave (affine less logsumexp)

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
    log: bool = False
    """Positive, with a convex logarithm; sums of such are such, by Hoelder's inequality."""

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
        return Bend(self.convex and other.convex, self.concave and other.concave, self.log and other.log)


AFFINE, NONE, ANY = Bend(True, True), Bend(False, False), Bend(True, True, True)
"""What numbers are, what nothing is known of, and what changes nothing beside others."""
JOINED = MOVES | {f"aten.{name}" for name in (
    "sum.default", "sum.dim_IntList", "mean.default", "mean.dim", "cat.default", "stack.default")}  # fmt: skip
"""Sums, means and moves of their arguments."""
PRODUCTS = {f"aten.{name}.default" for name in ("mm", "bmm", "mv", "dot")}
RISING = {f"aten.{name}" for name in (
    "exp.default", "expm1.default", "relu.default", "amax.default", "max.default", "maximum.default",
    "logsumexp.default", "clamp_min.Tensor")}  # fmt: skip
"""Convex and nondecreasing in every argument."""
BELOW = {f"aten.{name}" for name in (
    "log.default", "log1p.default", "sqrt.default", "amin.default", "min.default", "minimum.default",
    "clamp_max.Tensor")}  # fmt: skip
"""Concave and nondecreasing in every argument."""
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
        kind, every = op.removeprefix("aten.").partition(".")[0], ANY
        for ref in references(node):
            every = every.beside(self.bends[ref.index])
        if op in JOINED:
            return every
        if kind in ("add", "sub", "rsub"):
            first, second = map(self._summand, args[1::-1] if kind == "rsub" else args[:2])
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
        if kind in ("gather", "index") and not any(map(self._varies, _flat(args[1:]))):
            return self._of(args[0])
        if kind in ("clamp", "leaky_relu"):
            return _clipped(kind, every, *args[1:])
        if op in RISING:
            return Bend(every.convex, False, kind == "exp" and every.convex)
        if op in BELOW:
            return Bend(every.log and kind in ("log", "log1p"), every.concave)
        if kind == "_log_softmax":
            return Bend(False, every.affine)
        power = args[1] if kind in ("pow", "linalg_vector_norm") and len(args) > 1 else 2
        even = kind == "pow" and op.endswith("Tensor_Scalar") and power > 0 and power % 2 == 0
        cup = op in CUPS and (kind != "linalg_vector_norm" or power >= 1)
        return Bend((even or cup) and every.affine, False, kind == "cosh" and every.affine)

    def _summand(self, value: Any) -> Bend:
        if self._varies(value):
            return self._of(value)
        signs = self._signs(value)
        return Bend(True, True, bool(((signs == 0) | (signs == 1)).all()))

    def _signs(self, value: Any) -> Any:
        return self.s.signs(self.s.lift(self._values[value.index] if isinstance(value, Ref) else value))[0]

    def _varies(self, value: Any) -> bool:
        return isinstance(value, Ref) and self.graph.live[value.index]

    def _multiple(self, a: Any, b: Any, divided: bool) -> Bend:
        if self._varies(a) and self._varies(b):
            logs = not divided and self._of(a).log and self._of(b).log
            return Bend(logs or (not divided and a == b and self._of(a).affine), False, logs)
        if divided and self._varies(b):
            return NONE
        bend, factor = (self._of(a), b) if self._varies(a) else (self._of(b), a)
        if bend.affine:
            return bend
        signs = self._signs(factor)
        if ((signs == 0) | (signs == 1)).all():
            return Bend(bend.convex, bend.concave, bend.log and bool((signs == 1).all()))
        return bend.turned if (signs <= 0).all() else NONE


def _flat(values: Any) -> list[Any]:
    return [one for value in values for one in (value if isinstance(value, (list, tuple)) else (value,))]


def _clipped(kind: str, of: Bend, low: float | None = None, high: float | None = None) -> Bend:
    """max(x, low), min(x, high); max(x, s x) of leaky units with a slope s <= 1."""
    if kind == "leaky_relu":
        return Bend(of.convex and (low is None or 0 <= low <= 1), False)
    return Bend(of.convex and high is None, of.concave and low is None)


def convex(graph: Graph, inputs: Sequence[Value], system: System) -> bool:
    """Whether all outputs are convex in the varying inputs, by the rules; inputs: as `evaluated` takes them."""
    run = _Bent(system, graph, inputs)
    run.outputs([system.of(x) if exact(x) and x.dtype.kind == "f" else x for x in inputs])
    return all(run.bends[ref.index].convex for ref in graph.outputs)
