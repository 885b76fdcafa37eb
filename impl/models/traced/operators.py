"""The operators: one row for each, how it is enclosed, the same in every system of numbers.

Sums and the like are in `reductions`, moves in `views`, layers in `layers`, `pools`, equations in `solves`; `evaluate`
brings all together. A row is a function of the run and of the
operator's arguments (values, numbers, lists), under its name in PyTorch's core; what it decides goes through
`run.compared`.

To add an operator: a function in one of these rooms under `@row("aten.NAME.OVERLOAD", "how it is enclosed")`,
and a case in `tests/traced_cases.py`, with which its containment is tested against balls of 60 digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arithmetic import Array
from .graph import Node
from .systems import FUNCTIONS, Open, Value, each, exact, shape_of


class UnknownOperatorError(NotImplementedError):
    """A program uses an operator that has no row, or a form of one that is not enclosed."""


@dataclass(frozen=True)
class Row:
    """An operator: how it is enclosed, in words, and the function that does it."""

    how: str
    run: Callable[..., Any]


OPERATORS: dict[str, Row] = {}


def row(name: str, how: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enters a function in the table."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        for one in name.split():
            OPERATORS[f"aten.{one}"] = Row(how, function)
        return function

    return enter


def advice(node: Node) -> str:
    """What is said of an operator without a row."""
    where = f" (called at {node.line})" if node.line else ""
    return (
        f"{node.op}{where} has no row in the table of operators, so that nothing encloses it: write the program "
        "without it, or add a row to impl/models/traced/operators.py (CONTRIBUTING.md, To add an operator)"
    )


def refuse(run: Any, what: str) -> UnknownOperatorError:
    """An error about a form of an operator that has a row."""
    where = f" (called at {run.node.line})" if run.node.line else ""
    return UnknownOperatorError(f"{run.node.op}{where}: {what}")


def axes_of(axes: Any, dimension: int) -> tuple[int, ...]:
    """Axes as numbers from 0; none, or an empty list, is all of them."""
    if axes is None or (isinstance(axes, Sequence) and not len(axes)):
        return tuple(range(dimension))
    return tuple(a % dimension if dimension else 0 for a in ([axes] if isinstance(axes, int) else axes))


# --- arithmetic ---------------------------------------------------------------------------------------------------


def _arithmetic(name: str, whole: Callable[[Any, Any], Any]) -> Callable[..., Value]:
    def run_it(run: Any, a: Value, b: Value, *, alpha: float = 1) -> Value:
        if all(exact(x) or isinstance(x, int | bool) for x in (a, b)) and name != "div":
            return np.asarray(whole(a, b * alpha if alpha != 1 else b))
        left, right = run.s.lift(a), run.s.lift(b)
        if alpha != 1:
            right = run.s.mul(right, run.s.lift(alpha))
        return getattr(run.s, name)(left, right)

    return run_it


for _name, _whole in (("add", np.add), ("sub", np.subtract), ("mul", np.multiply), ("div", np.divide)):
    row(f"{_name}.Tensor {_name}.Scalar", "half a unit of the result beside the operands' radii")(
        _arithmetic(_name, _whole)
    )


@row("rsub.Scalar rsub.Tensor", "as sub")
def reversed_sub(run: Any, a: Value, b: Value, alpha: float = 1) -> Value:
    return run.s.sub(run.s.lift(b), run.s.mul(run.s.lift(a), run.s.lift(alpha)))


@row("neg.default", "exact")
def negative(run: Any, a: Value) -> Value:
    return -a if exact(a) else run.s.neg(run.s.lift(a))


row("reciprocal.default", "as div")(lambda run, a: run.s.div(run.s.lift(1.0), run.s.lift(a)))


@row("pow.Tensor_Scalar", "products for whole exponents, roots for halves, else exp(e log x)")
def power(run: Any, a: Value, e: float) -> Value:
    s, x = run.s, run.s.lift(a)
    if e == 0:
        return s.of(np.ones(shape_of(x)))
    if e == int(e) and abs(e) <= 64:
        found = x
        for _ in range(abs(int(e)) - 1):
            found = s.mul(found, x)
        if int(e) % 2 == 0:
            found = s.larger(found, s.lift(0.0))
        return found if e > 0 else s.div(s.lift(1.0), found)
    if e == 0.5:
        return s.apply("sqrt", x)
    if e == -0.5:
        return s.apply("rsqrt", x)
    return s.apply("exp", s.mul(s.apply("log", x), s.lift(float(e))))


@row("pow.Tensor_Tensor pow.Scalar", "exp(e log x), of x > 0")
def power_of(run: Any, a: Value, e: Value) -> Value:
    s = run.s
    if isinstance(e, int | float):
        return power(run, a, e)
    return s.apply("exp", s.mul(s.apply("log", s.lift(a)), s.lift(e)))


def _elementary(name: str) -> Callable[..., Value]:
    return lambda run, a: run.s.apply(name, run.s.lift(a))


for _name in FUNCTIONS:
    row(f"{_name}.default", "midpoint-radius: as proved in `elementary`, else from balls rounded outward")(
        _elementary(_name)
    )


# --- products --------------------------------------------------------------------------------------------------------


@row("mm.default bmm.default", "BLAS: gamma_n of the norms of rows and columns (`products`); balls: flint's product")
def product(run: Any, a: Value, b: Value) -> Value:
    return run.s.product(run.s.lift(a), run.s.lift(b))


@row("addmm.default baddbmm.default", "as mm and add")
def add_product(run: Any, c: Value, a: Value, b: Value, *, beta: float = 1, alpha: float = 1) -> Value:
    s, found = run.s, product(run, a, b)
    if alpha != 1:
        found = s.mul(found, s.lift(alpha))
    return s.joined(found, c if beta == 1 else s.mul(c, s.lift(beta)), shape_of(a)[-1])


@row("dot.default mv.default", "as mm")
def vector_product(run: Any, a: Value, b: Value) -> Value:
    rows = a if len(shape_of(a)) == 2 else each(lambda x: x[None, :], a)
    found = product(run, rows, each(lambda x: x[:, None], b))
    return each(lambda x: x[:, 0] if len(shape_of(a)) == 2 else x[0, 0], found)


# --- decisions ----------------------------------------------------------------------------------------------------

RELATIONS = {name: np.array(right, dtype=bool) for name, right in (
    ("lt", (0, 0, 0, 1)), ("le", (1, 0, 0, 1)), ("gt", (0, 1, 0, 0)), ("ge", (1, 1, 0, 0)), ("eq", (1, 0, 0, 0)),
    ("ne", (0, 1, 0, 1)))}  # fmt: skip
"""Whether it holds, by the sign of the difference: 0, 1, open, and -1 as the last."""
WHOLE = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
         "ne": np.not_equal}  # fmt: skip


def _relation(name: str) -> Callable[..., Value]:
    def compare(run: Any, a: Value, b: Value) -> Value:
        if exact(a) and (exact(b) or isinstance(b, int | float)):
            return WHOLE[name](a, b)
        if (not exact(b) and not isinstance(b, bool | int | float)) or not np.all(np.isinf(b)):
            first = _before_relu(run, a, b) if name in ("le", "gt") else a
            signs = run.compared(run.s.sub(run.s.lift(first), run.s.lift(b)))
        else:
            signs = _against_infinity(run, a, np.sign(b).astype(int))
        return answered(RELATIONS[name][signs], signs == 2)

    return compare


def _against_infinity(run: Any, a: Value, side: Array) -> Array:
    """The signs of reals less an infinity of this side: finite ones, ones that are exactly infinite, and open ones."""
    own = run.s.infinite(a)
    return np.where(run.s.finite(a) | (own == -side), -side, np.where(own == side, 0, 2))


def _before_relu(run: Any, a: Value, b: Value) -> Value:
    """relu(x) <= 0 is x <= 0 (and > is >; of no other relation so), and says how far x is from it."""
    if isinstance(b, bool | int | float) and b == 0 and not exact(a):
        node, before, _ = run.behind(0)
        if node.op == "aten.relu.default":
            return before
    return a


def answered(yes: Array, doubtful: Array) -> Value:
    """Booleans of which some are open."""
    return Open(yes & ~doubtful, doubtful) if doubtful.any() else yes


for _name in RELATIONS:
    row(f"{_name}.Scalar {_name}.Tensor", "decided where the difference is separated from 0")(_relation(_name))


@row("where.self", "the one that is meant; the hull of both where that is open")
def where(run: Any, mask: Value, a: Value, b: Value) -> Value:
    if exact(mask) and exact(a) and exact(b):
        return np.where(mask, a, b)
    return run.s.where(mask, run.s.lift(a), run.s.lift(b))


def _logical(name: str, whole: Callable[[Array, Array], Array]) -> None:
    @row(name, "three values")
    def decide(run: Any, a: Value, b: Value) -> Value:
        if not isinstance(a, Open) and not isinstance(b, Open):
            return whole(a, b)
        (yes, may), (true, might) = ((x.yes, x.yes | x.open) if isinstance(x, Open) else (x, x) for x in (a, b))
        certain, possible = whole(yes, true), whole(may, might)
        return answered(certain, possible & ~certain)


_logical("bitwise_or.Tensor logical_or.default", np.logical_or)
_logical("bitwise_and.Tensor logical_and.default", np.logical_and)


@row("bitwise_not.default logical_not.default", "three values")
def negation(run: Any, a: Value) -> Value:
    return Open(~a.yes & ~a.open, a.open) if isinstance(a, Open) else ~a


def steps(run: Any, x: Value, kind: str) -> Value:
    """floor, ceil, trunc or round of reals: c off the middle; the ball decides it inside (c - below, c + above)."""
    s = run.s
    found = np.asarray(getattr(np, {"round": "rint"}.get(kind, kind))(s.middle(x)))
    below, above = {"floor": (0.0, 1.0), "ceil": (1.0, 0.0), "round": (0.5, 0.5)}.get(kind, (0.0, 0.0))
    low, high = found - below, found + above
    if kind == "trunc":  # towards 0: (-1, 1) is one piece
        low, high = np.where(found > 0, found, found - 1), np.where(found < 0, found, found + 1)
    signs = [run.compared(off) for off in (s.sub(x, s.of(low)), s.sub(s.of(high), x))]
    one = s.lift(1.0)
    wide = s.hull(s.sub(x, one), s.add(x, one))
    return s.where((signs[0] == 1) & (signs[1] == 1), s.of(found), wide)


@row("floor.default ceil.default trunc.default round.default", "decided where separated from steps, else within 1")
def whole(run: Any, a: Value) -> Value:
    return a if exact(a) else steps(run, run.s.lift(a), run.node.op.split(".")[1])


@row("remainder.Scalar remainder.Tensor fmod.Scalar fmod.Tensor", "x - y floor(x/y), of fmod with trunc")
def remainder(run: Any, a: Value, b: Value) -> Value:
    if exact(a) and (exact(b) or isinstance(b, int)):
        return np.asarray(np.remainder(a, b) if "remainder" in run.node.op else np.fmod(a, b))
    s = run.s
    x, y = s.lift(a), s.lift(b)
    ratio = s.div(x, y)
    kind = "floor" if "remainder" in run.node.op else "trunc"
    return s.sub(x, s.mul(y, steps(run, ratio, kind)))


@row("isnan.default", "false where the enclosure is finite")
def no_number(run: Any, a: Value) -> Value:
    if exact(a):
        return np.zeros(a.shape, dtype=bool)
    return answered(np.zeros(shape_of(a), dtype=bool), ~run.s.finite(a))


@row("sign.default", "decided where the ball is separated from 0, else [-1, 1]")
def sign(run: Any, a: Value) -> Value:
    signs, s = run.compared(run.s.lift(a)), run.s
    wide = s.hull(s.of(-np.ones(signs.shape)), s.of(np.ones(signs.shape)))
    return s.where(signs == 2, wide, s.of(np.where(signs == 2, 0, signs).astype(float)))


@row("abs.default", "continuous: max(x, -x)")
def magnitude(run: Any, a: Value) -> Value:
    return np.abs(a) if exact(a) else run.s.larger(a, run.s.neg(a))


@row("relu.default", "continuous: max(x, 0); closed units are exactly 0")
def relu(run: Any, a: Value) -> Value:
    s, x = run.s, run.s.lift(a)
    signs, _ = s.signs(x)
    run.flat[len(run._values)] = signs == -1
    return s.larger(x, s.lift(0.0))


@row("maximum.default", "continuous")
def maximum(run: Any, a: Value, b: Value) -> Value:
    return np.maximum(a, b) if exact(a) and exact(b) else run.s.larger(run.s.lift(a), run.s.lift(b))


@row("minimum.default", "continuous")
def minimum(run: Any, a: Value, b: Value) -> Value:
    s = run.s
    return np.minimum(a, b) if exact(a) and exact(b) else s.neg(s.larger(s.neg(s.lift(a)), s.neg(s.lift(b))))


@row("clamp.Tensor clamp_min.Tensor clamp_max.Tensor", "continuous")
def clamp_between(run: Any, a: Value, low: Value = None, high: Value = None) -> Value:
    if run.node.op == "aten.clamp_max.Tensor":
        low, high = None, low
    found = a if low is None else maximum(run, a, low)
    return found if high is None else minimum(run, found, high)


@row("softshrink_backward.default hardshrink_backward.default", "0 within lambda of 0, else the slope")
def shrink_back(run: Any, slope: Value, a: Value, width: float) -> Value:
    s = run.s
    signs = run.compared(s.sub(magnitude(run, a), s.lift(float(width))))
    inside = answered((signs == -1) | (signs == 0), signs == 2)
    return s.where(inside, s.of(np.zeros(shape_of(slope))), slope)


@row("clamp.default hardtanh.default", "continuous")
def clamp(run: Any, a: Value, low: float | None = None, high: float | None = None) -> Value:
    if run.node.op == "aten.hardtanh.default":
        low, high = -1.0 if low is None else low, 1.0 if high is None else high
    if exact(a):
        return np.clip(a, low, high)
    found = a if low is None else maximum(run, a, float(low))
    return found if high is None else minimum(run, found, float(high))


@row("leaky_relu.default", "max(x, 0) + slope min(x, 0)")
def leaky_relu(run: Any, a: Value, slope: float = 0.01) -> Value:
    s = run.s
    return s.add(maximum(run, a, 0.0), s.mul(minimum(run, a, 0.0), s.lift(float(slope))))


@row("elu.default", "scale (max(x, 0) + alpha (e^(c min(x, 0)) - 1))")
def elu(run: Any, a: Value, alpha: float = 1.0, scale: float = 1.0, inner: float = 1.0) -> Value:
    s = run.s
    falling = s.apply("expm1", s.mul(minimum(run, a, 0.0), s.lift(float(inner))))
    return s.mul(s.add(maximum(run, a, 0.0), s.mul(falling, s.lift(float(alpha)))), s.lift(float(scale)))


@row("gelu.default", "x Phi(x) by erf, or its tanh form")
def gelu(run: Any, a: Value, *, approximate: str = "none") -> Value:
    s, half = run.s, run.s.lift(0.5)
    if approximate == "tanh":
        cube = s.mul(s.lift(0.044715), power(run, a, 3))
        inside = s.mul(s.apply("sqrt", s.div(s.lift(2.0), _pi(run))), s.add(a, cube))
        return s.mul(s.mul(half, a), s.add(s.lift(1.0), s.apply("tanh", inside)))
    inside = s.apply("erf", s.mul(a, s.apply("sqrt", half)))
    return s.mul(s.mul(half, a), s.add(s.lift(1.0), inside))


def _pi(run: Any) -> Value:
    from flint import arb

    return run.s.from_balls([arb.pi()], ())
