"""The operators: one row for each, how it is enclosed, the same in every system of numbers.

Moves are in `views`, layers in `layers`; `evaluate` brings all together. A row is a function of the run and of the
operator's arguments (values, numbers, lists), under its name in PyTorch's core; what it decides goes through
`run.compared`.

To add an operator: a function here (or in `views`, `layers`) under `@row("aten.NAME.OVERLOAD", "how it is enclosed")`,
and a case in `tests/traced_cases.py`, with which its containment is tested against balls of 60 digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arithmetic import Array
from .graph import Node
from .systems import Open, Picks, Value, each, exact, shape_of


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


@row("reciprocal.default", "as div")
def reciprocal(run: Any, a: Value) -> Value:
    return run.s.div(run.s.lift(1.0), run.s.lift(a))


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


def _elementary(name: str) -> Callable[..., Value]:
    return lambda run, a: run.s.apply(name, run.s.lift(a))


for _name in ("exp", "log", "log1p", "expm1", "sqrt", "rsqrt", "tanh", "sigmoid", "erf", "sin", "cos", "sinh", "cosh"):
    row(f"{_name}.default", "midpoint-radius: as proved in `midrad`, else from balls rounded outward")(
        _elementary(_name)
    )


# --- sums and products --------------------------------------------------------------------------------------------


@row("sum.default sum.dim_IntList", "gamma_n of the sum of sizes, for any order")
def total(run: Any, a: Value, axes: Any = None, keep: bool = False, *, dtype: Any = None) -> Value:
    if exact(a):
        return np.asarray(a.sum(axis=axes_of(axes, a.ndim), keepdims=keep))
    x = run.s.lift(a)
    return run.s.sum(x, axes_of(axes, len(shape_of(x))), keep)


@row("mean.default mean.dim", "as sum, then div")
def mean(run: Any, a: Value, axes: Any = None, keep: bool = False, *, dtype: Any = None) -> Value:
    x = run.s.lift(a)
    chosen = axes_of(axes, len(shape_of(x)))
    count = int(np.prod([shape_of(x)[k] for k in chosen]))
    return run.s.div(run.s.sum(x, chosen, keep), run.s.lift(count))


@row("var.correction", "mean squared deviations")
def variance(run: Any, a: Value, axes: Any = None, *, correction: float = 1, keepdim: bool = False) -> Value:
    s, x = run.s, run.s.lift(a)
    chosen = axes_of(axes, len(shape_of(x)))
    count = int(np.prod([shape_of(x)[k] for k in chosen]))
    off = s.sub(x, s.div(s.sum(x, chosen, True), s.lift(count)))
    return s.div(s.sum(power(run, off, 2), chosen, keepdim), s.lift(max(count - correction, 0)))


@row("mm.default bmm.default", "BLAS: gamma_n of the norms of rows and columns (`products`); balls: flint's product")
def product(run: Any, a: Value, b: Value) -> Value:
    return run.s.product(run.s.lift(a), run.s.lift(b))


@row("addmm.default baddbmm.default", "as mm and add")
def add_product(run: Any, c: Value, a: Value, b: Value, *, beta: float = 1, alpha: float = 1) -> Value:
    s, found = run.s, product(run, a, b)
    if alpha != 1:
        found = s.mul(found, s.lift(alpha))
    return s.add(found, c if beta == 1 else s.mul(c, s.lift(beta)))


@row("dot.default mv.default", "as mm")
def vector_product(run: Any, a: Value, b: Value) -> Value:
    rows = a if len(shape_of(a)) == 2 else each(lambda x: x[None, :], a)
    found = product(run, rows, each(lambda x: x[:, None], b))
    return each(lambda x: x[:, 0] if len(shape_of(a)) == 2 else x[0, 0], found)


# --- decisions ----------------------------------------------------------------------------------------------------

RELATIONS = {"lt": (-1,), "le": (-1, 0), "gt": (1,), "ge": (1, 0), "eq": (0,), "ne": (-1, 1)}
WHOLE = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
         "ne": np.not_equal}  # fmt: skip


def _relation(name: str) -> Callable[..., Value]:
    def compare(run: Any, a: Value, b: Value) -> Value:
        if exact(a) and (exact(b) or isinstance(b, int | float)):
            return WHOLE[name](a, b)
        if (not exact(b) and not isinstance(b, bool | int | float)) or not np.all(np.isinf(b)):
            first = _before_relu(run, a, b) if name in ("le", "gt") else a
            signs = run.compared(run.s.sub(run.s.lift(first), run.s.lift(b)))
        else:  # a finite number and an infinite one
            signs = np.broadcast_to(-np.sign(b).astype(int), shape_of(a))
        return _answered(np.isin(signs, RELATIONS[name]), signs == 2)

    return compare


def _before_relu(run: Any, a: Value, b: Value) -> Value:
    """relu(x) <= 0 is x <= 0 (and > is >; of no other relation so), and says how far x is from it."""
    if isinstance(b, bool | int | float) and b == 0 and not exact(a):
        node, before, _ = run.behind(0)
        if node.op == "aten.relu.default":
            return before
    return a


def _answered(yes: Array, doubtful: Array) -> Value:
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
        return _answered(certain, possible & ~certain)


_logical("bitwise_or.Tensor logical_or.default", np.logical_or)
_logical("bitwise_and.Tensor logical_and.default", np.logical_and)


@row("bitwise_not.default logical_not.default", "three values")
def negation(run: Any, a: Value) -> Value:
    return Open(~a.yes & ~a.open, a.open) if isinstance(a, Open) else ~a


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
    return s.where(signs == -1, s.of(np.zeros(signs.shape)), s.larger(x, s.of(np.zeros(signs.shape))))


@row("maximum.default", "continuous")
def maximum(run: Any, a: Value, b: Value) -> Value:
    return np.maximum(a, b) if exact(a) and exact(b) else run.s.larger(run.s.lift(a), run.s.lift(b))


@row("minimum.default", "continuous")
def minimum(run: Any, a: Value, b: Value) -> Value:
    s = run.s
    return np.minimum(a, b) if exact(a) and exact(b) else s.neg(s.larger(s.neg(s.lift(a)), s.neg(s.lift(b))))


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


# --- softmax ------------------------------------------------------------------------------------------------------


def _shifted(run: Any, a: Value, axis: int) -> tuple[Value, Value]:
    """x - c and e^(x - c), c a float near the largest: any c is right."""
    s = run.s
    shift = s.of(np.nan_to_num(s.middle(a)).max(axis=axis, keepdims=True))
    less = s.sub(a, shift)
    return less, s.apply("exp", less)


@row("_softmax.default", "e^(x - c)/sum, c a float: any is right")
def softmax(run: Any, a: Value, axis: int, half: bool = False) -> Value:
    axis %= len(shape_of(a))
    _, powers = _shifted(run, a, axis)
    return run.s.div(powers, run.s.sum(powers, (axis,), True))


@row("_log_softmax.default", "(x - c) - log sum e^(x - c)")
def log_softmax(run: Any, a: Value, axis: int, half: bool = False) -> Value:
    axis %= len(shape_of(a))
    less, powers = _shifted(run, a, axis)
    return run.s.sub(less, run.s.apply("log", run.s.sum(powers, (axis,), True)))


@row("logsumexp.default", "c + log sum e^(x - c)")
def logsumexp(run: Any, a: Value, axes: Any, keep: bool = False) -> Value:
    chosen = axes_of(axes, len(shape_of(a)))
    s = run.s
    shift = s.of(np.nan_to_num(s.middle(a)).max(axis=chosen, keepdims=True))
    found = s.add(shift, s.apply("log", s.sum(s.apply("exp", s.sub(a, shift)), chosen, True)))
    return found if keep else each(lambda x: np.squeeze(x, chosen), found)


# --- the largest --------------------------------------------------------------------------------------------------


def winners(run: Any, stacked: Value, flat: Array | None = None) -> Value:
    """The index on axis 0 of the largest, decided; `Picks` where it is not. flat: entries that are constant near omega.

    Ties of constant entries are none: whichever is taken, its derivative is 0.
    """
    s, middles = run.s, run.s.middle(stacked)
    best = np.argmax(middles, axis=0)
    top = each(lambda x: np.take_along_axis(x, best[None], 0), stacked)
    signs, sizes = s.signs(s.sub(top, stacked))
    own = np.arange(len(middles)).reshape(-1, *[1] * best.ndim) == best[None]
    harmless = own
    if flat is not None:
        harmless = own | (flat & np.take_along_axis(flat, best[None], 0))
    signs = np.where(harmless, 1, signs)
    if run._live:
        run.decided(signs, np.where(harmless, np.inf, sizes))
    rivals = (signs == 2) | (signs == 0)
    if not rivals.any():
        return best
    possible = (rivals | own) & rivals.any(0)[None]
    options = [np.full(best.shape, k) for k in range(len(middles)) if possible[k].any()]
    may = [possible[k] for k in range(len(middles)) if possible[k].any()]
    return Picks((best, *options), (~rivals.any(0), *may))


@row("amax.default", "continuous")
def largest(run: Any, a: Value, axes: Any = (), keep: bool = False) -> Value:
    chosen = axes_of(axes, len(shape_of(a)))
    found = each(lambda x: np.moveaxis(x, chosen, range(len(chosen))), a)
    inner = shape_of(found)[len(chosen) :]
    flat = each(lambda x: x.reshape(-1, *inner), found)
    best = each(lambda x: x[0], flat)
    for k in range(1, shape_of(flat)[0]):
        best = run.s.larger(best, each(lambda x, k=k: x[k], flat))
    return each(lambda x: np.expand_dims(x, chosen), best) if keep else best


@row("max.dim", "values continuous, indices where they are decided")
def largest_and_where(run: Any, a: Value, axis: int, keep: bool = False) -> Value:
    axis %= len(shape_of(a))
    stacked = each(lambda x: np.moveaxis(x, axis, 0), a)
    index, value = winners(run, stacked), largest(run, a, (axis,), keep)
    return (value, each(lambda x: np.expand_dims(x, axis), index) if keep else index)
