"""Sums, products and extremes along axes, and what is made of them: softmax, norms, winners."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np

from ...arithmetic import Array
from .operators import answered, axes_of, magnitude, power, row
from .systems import Open, Picks, Value, each, exact, shape_of

# --- sums --------------------------------------------------------------------------------------------


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


# --- softmax ------------------------------------------------------------------------------------------------------


def _shifted(run: Any, a: Value, axes: int | tuple[int, ...]) -> tuple[Value, Value, Value]:
    """c, x - c and e^(x - c), c a float near the largest: any c is right."""
    s = run.s
    shift = s.of(np.nan_to_num(s.middle(a)).max(axis=axes, keepdims=True))
    less = s.sub(a, shift)
    return shift, less, s.apply("exp", less)


@row("_softmax.default", "e^(x - c)/sum, c a float: any is right")
def softmax(run: Any, a: Value, axis: int, half: bool = False) -> Value:
    axis %= len(shape_of(a))
    *_, powers = _shifted(run, a, axis)
    return run.s.div(powers, run.s.sum(powers, (axis,), True))


@row("_log_softmax.default", "(x - c) - log sum e^(x - c)")
def log_softmax(run: Any, a: Value, axis: int, half: bool = False) -> Value:
    axis %= len(shape_of(a))
    _, less, powers = _shifted(run, a, axis)
    return run.s.sub(less, run.s.apply("log", run.s.sum(powers, (axis,), True)))


@row("logsumexp.default", "c + log sum e^(x - c)")
def logsumexp(run: Any, a: Value, axes: Any, keep: bool = False) -> Value:
    chosen = axes_of(axes, len(shape_of(a)))
    shift, _, powers = _shifted(run, a, chosen)
    found = run.s.add(shift, run.s.apply("log", run.s.sum(powers, chosen, True)))
    return found if keep else each(lambda x: np.squeeze(x, chosen), found)


# --- the largest --------------------------------------------------------------------------------------------------


def winners(run: Any, stacked: Value, numbers: Callable[[], Array], flat: Array | None = None) -> Value:
    """The index on axis 0 of the largest, decided; `Picks` where it is not. flat: entries that are constant near omega.

    Ties of constant entries are none: whichever is taken, its derivative is 0. Nor are those of entries that are one
    function; `numbers` tells these (`alike`), and is asked if there are ties.
    """
    s, middles = run.s, run.s.middle(stacked)
    best = np.argmax(middles, axis=0)
    gap = s.sub(each(lambda x: np.take_along_axis(x, best[None], 0), stacked), stacked)
    signs, sizes = s.signs(gap)
    own = np.arange(len(middles)).reshape(-1, *[1] * best.ndim) == best[None]
    harmless = own
    if flat is not None:
        harmless = own | (flat & np.take_along_axis(flat, best[None], 0))
    if run._live and (~harmless & ((signs == 2) | (signs == 0))).any():
        functions = numbers()
        harmless = harmless | (functions == np.take_along_axis(functions, best[None], 0))
    signs = s.chosen(np.where(harmless, 1, signs), gap, harmless, own)
    beaten = signs == -1  # as the system has it: by what is compared, the largest is beaten by none
    if beaten.any():
        best = np.where(beaten.any(0), beaten.argmax(0), best)
        own = np.arange(len(middles)).reshape(-1, *[1] * best.ndim) == best[None]
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
    if exact(a):
        return np.asarray(a.max(axis=chosen, keepdims=keep))
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
    index = winners(run, stacked, lambda: np.moveaxis(run.numbers(0), axis, 0))
    value = largest(run, a, (axis,), keep)
    return (value, each(lambda x: np.expand_dims(x, axis), index) if keep else index)


@row("amin.default", "continuous")
def smallest(run: Any, a: Value, axes: Any = (), keep: bool = False) -> Value:
    if exact(a):
        return np.asarray(a.min(axis=axes_of(axes, a.ndim), keepdims=keep))
    return run.s.neg(largest(run, run.s.neg(a), axes, keep))


@row("max.default min.default", "continuous")
def extreme(run: Any, a: Value) -> Value:
    return (largest if run.node.op == "aten.max.default" else smallest)(run, a)


@row("min.dim", "values continuous, indices where they are decided")
def smallest_and_where(run: Any, a: Value, axis: int, keep: bool = False) -> Value:
    value, index = largest_and_where(run, run.s.neg(a), axis, keep)
    return run.s.neg(value), index


@row("any.default any.dim any.dims all.default all.dim all.dims", "three values")
def some(run: Any, a: Value, axes: Any = None, keep: bool = False) -> Value:
    chosen = axes_of(axes, len(shape_of(a)))
    every = run.node.op.startswith("aten.all")
    yes, may = (a.yes, a.yes | a.open) if isinstance(a, Open) else (a != 0, a != 0)
    certain, possible = ((np.all if every else np.any)(x, axis=chosen, keepdims=keep) for x in (yes, may))
    return answered(np.asarray(certain), np.asarray(possible & ~certain))


# --- along an axis ------------------------------------------------------------------------------------------------


def _folded(run: Any, a: Value, axis: int, join: Callable[[Value, Value], Value]) -> list[Value]:
    """What is joined so far, entry by entry of an axis."""
    slices = (each(lambda x, k=k: np.take(x, k, axis), a) for k in range(shape_of(a)[axis]))
    return list(accumulate(slices, join))


@row("cumsum.default cumprod.default", "one sum or product after the other")
def accumulated(run: Any, a: Value, axis: int, *, dtype: Any = None) -> Value:
    x = run.s.lift(a)
    if not shape_of(x) or not shape_of(x)[axis]:
        return x
    found = _folded(run, x, axis, run.s.add if "cumsum" in run.node.op else run.s.mul)
    return each(lambda *v: np.stack(v, axis % len(shape_of(x))), *found)


@row("prod.default prod.dim_int", "one product after the other")
def multiplied(run: Any, a: Value, axis: int | None = None, keep: bool = False, *, dtype: Any = None) -> Value:
    x = run.s.lift(a)
    if axis is None:
        x, axis = each(lambda v: v.reshape(-1), x), 0
    found = (
        _folded(run, x, axis, run.s.mul)[-1] if shape_of(x)[axis] else run.s.of(np.ones(np.delete(shape_of(x), axis)))
    )
    return each(lambda v: np.expand_dims(v, axis), found) if keep else found


@row("linalg_vector_norm.default", "roots of sums of squares; sums of sizes; the largest size; else powers")
def norm(run: Any, a: Value, order: float = 2, axes: Any = None, keep: bool = False, *, dtype: Any = None) -> Value:
    s, x = run.s, run.s.lift(a)
    chosen = axes_of(axes, len(shape_of(x)))
    if order == 2:
        return s.apply("sqrt", s.sum(power(run, x, 2), chosen, keep))
    size = magnitude(run, x)
    if order == 1:
        return s.sum(size, chosen, keep)
    if order in (float("inf"), float("-inf")):
        return (largest if order > 0 else smallest)(run, size, chosen, keep)
    return power(run, s.sum(power(run, size, order), chosen, keep), 1 / order)


@row("var_mean.correction", "as var and mean")
def variance_and_mean(run: Any, a: Value, axes: Any = None, *, correction: float = 1, keepdim: bool = False) -> Any:
    return variance(run, a, axes, correction=correction, keepdim=keepdim), mean(run, a, axes, keepdim)
