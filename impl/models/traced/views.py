"""Operators that move numbers about, make constants, or take by index: exact, of every kind of value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...arithmetic import Array
from .operators import OPERATORS, axes_of, refuse, row
from .systems import Open, Picks, Value, each, exact, parts, shape_of

END = 2**62


def sizes(shape: Sequence[int], value: Value) -> tuple[int, ...]:
    """A shape with its -1 filled in."""
    whole = int(np.prod(shape_of(value)))
    known = -int(np.prod(shape))
    return tuple(whole // known if n == -1 else n for n in shape)


def span(length: int, start: int | None, end: int | None, step: int = 1) -> slice:
    """A slice as PyTorch means it."""
    return slice(start, None if end is None or end >= END else end, step)


def at(axis: int, index: Any, dimension: int) -> tuple[Any, ...]:
    """An index on one axis."""
    return (slice(None),) * (axis % dimension) + (index,)


def moved(name: str) -> Callable[[Callable[..., Callable[[Array], Array]]], object]:
    """A row of what moves each array alike."""

    def enter(make: Callable[..., Callable[[Array], Array]]) -> object:
        return row(name, "exact: numbers are moved")(lambda run, a, *args, **named: each(make(a, *args, **named), a))

    return enter


moved("view.default _unsafe_view.default reshape.default")(lambda a, s: lambda x: x.reshape(sizes(s, a)))
moved("permute.default")(lambda a, axes: lambda x: np.transpose(x, axes))
moved("transpose.int")(lambda a, i, j: lambda x: np.swapaxes(x, i, j))
moved("t.default")(lambda a: lambda x: x.T)
moved("slice.Tensor")(
    lambda a, axis=0, start=None, end=None, step=1: lambda x: x[at(axis, span(x.shape[axis], start, end, step), x.ndim)]
)
moved("select.int")(lambda a, axis, index: lambda x: x[at(axis, index, x.ndim)])
moved("unsqueeze.default")(lambda a, axis: lambda x: np.expand_dims(x, axis))
moved("squeeze.default")(lambda a: np.squeeze)
moved("flip.default")(lambda a, axes: lambda x: np.flip(x, tuple(axes)))
moved("repeat.default")(lambda a, times: lambda x: np.tile(x, tuple(times)))
moved("diagonal.default")(lambda a, offset=0, i=0, j=1: lambda x: np.diagonal(x, offset, i, j))
moved("clone.default alias.default detach.default lift_fresh_copy.default lift_fresh.default")(
    lambda a, **named: lambda x: x
)
moved("index_select.default")(lambda a, axis, index: lambda x: np.take(x, index, axis))
moved("unfold.default")(lambda a, axis, size, step: lambda x: _windows(x, axis, size, step))


def _windows(x: Array, axis: int, size: int, step: int) -> Array:
    seen = np.lib.stride_tricks.sliding_window_view(x, size, axis)
    return seen[at(axis, slice(None, None, step), x.ndim)]


@row("squeeze.dims squeeze.dim", "exact: numbers are moved")
def squeezed(run: Any, a: Value, axes: Any) -> Value:
    shape = shape_of(a)
    gone = tuple(k for k in axes_of(axes, len(shape)) if shape[k] == 1)
    return each(lambda x: np.squeeze(x, gone), a) if gone else a


@row("expand.default", "exact: numbers are repeated")
def expanded(run: Any, a: Value, shape: Sequence[int], *, implicit: bool = False) -> Value:
    own = shape_of(a)
    spare = len(shape) - len(own)
    full = tuple(own[k - spare] if n == -1 else n for k, n in enumerate(shape))
    return each(lambda x: np.broadcast_to(x, full), a)


def alike(run: Any, values: Sequence[Value]) -> list[Value]:
    """Values as one kind."""
    return list(values) if all(map(exact, values)) else [run.s.lift(v) for v in values]


@row("cat.default", "exact: numbers are moved")
def joined(run: Any, values: Sequence[Value], axis: int = 0) -> Value:
    kept = [v for v in alike(run, values) if shape_of(v) != (0,)]
    return each(lambda *x: np.concatenate(x, axis), *kept)


@row("stack.default", "exact: numbers are moved")
def stacked(run: Any, values: Sequence[Value], axis: int = 0) -> Value:
    return each(lambda *x: np.stack(x, axis), *alike(run, values))


@row("split_with_sizes.default", "exact: numbers are moved")
def split(run: Any, a: Value, lengths: Sequence[int], axis: int = 0) -> list[Value]:
    ends = np.cumsum(lengths)
    return [
        each(lambda x, i=e - n, j=e: x[at(axis, slice(i, j), x.ndim)], a) for e, n in zip(ends, lengths, strict=True)
    ]


@row("split.Tensor", "exact: numbers are moved")
def split_evenly(run: Any, a: Value, length: int, axis: int = 0) -> list[Value]:
    whole = shape_of(a)[axis]
    return split(run, a, [min(length, whole - k) for k in range(0, whole, length)], axis)


@row("unbind.int", "exact: numbers are moved")
def unbound(run: Any, a: Value, axis: int = 0) -> list[Value]:
    return [each(lambda x, k=k: x[at(axis, k, x.ndim)], a) for k in range(shape_of(a)[axis])]


# --- writing into a copy ------------------------------------------------------------------------------------------


def changed(run: Any, base: Value, source: Value, put: Callable[[Array, Array], None]) -> Value:
    """What `put`(copy of the base, source) makes of the copy."""
    base, source = alike(run, (base, source))

    def write(x: Array, y: Array) -> Array:
        copy = np.array(x)
        put(copy, y)
        return copy

    return each(write, base, source)


def written(run: Any, base: Value, source: Value, place: Callable[[Array], Array]) -> Value:
    """The base with a source in the part that `place` is a view of."""
    return changed(run, base, source, lambda x, y: place(x).__setitem__(..., y))


@row("slice_scatter.default", "exact: numbers are moved")
def slice_written(
    run: Any, a: Value, b: Value, axis: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Value:
    return written(run, a, b, lambda x: x[at(axis, span(x.shape[axis], start, end, step), x.ndim)])


@row("select_scatter.default", "exact: numbers are moved")
def select_written(run: Any, a: Value, b: Value, axis: int, index: int) -> Value:
    place = slice(index, index + 1 or None)
    return written(run, a, each(lambda x: np.expand_dims(x, axis), b), lambda x: x[at(axis, place, x.ndim)])


@row("diagonal_scatter.default", "exact: numbers are moved")
def diagonal_written(run: Any, a: Value, b: Value, offset: int = 0, i: int = 0, j: int = 1) -> Value:
    def place(x: Array) -> Array:
        view = np.diagonal(x, offset, i, j)
        view.setflags(write=True)
        return view

    return written(run, a, b, place)


@row("copy.default", "exact: numbers are moved")
def copied(run: Any, a: Value, b: Value, blocking: bool = False) -> Value:
    if exact(a) and not exact(b):
        raise refuse(run, "real numbers written into integers jump: nothing encloses that")
    return expanded(run, b, shape_of(a))


# --- constants ----------------------------------------------------------------------------------------------------


def constant(run: Any, shape: Sequence[int], value: Any, dtype: str | None) -> Value:
    """A constant array of the kind that a dtype says."""
    if dtype in ("bool", "int"):
        return np.full(tuple(shape), value, dtype=bool if dtype == "bool" else np.int64)
    return each(lambda x: np.broadcast_to(x, tuple(shape)), run.s.of(np.asarray(float(value))))


@row("full_like.default", "exact")
def full_like(run: Any, a: Value, value: Any, *, dtype: Any = None) -> Value:
    return constant(run, shape_of(a), value, dtype or (("bool" if a.dtype == bool else "int") if exact(a) else None))


row("zeros_like.default", "exact")(lambda run, a, *, dtype=None: full_like(run, a, 0, dtype=dtype))
row("ones_like.default", "exact")(lambda run, a, *, dtype=None: full_like(run, a, 1, dtype=dtype))
row("scalar_tensor.default", "exact")(lambda run, value, *, dtype=None: filled(run, (), value, dtype=dtype))
row("_efficientzerotensor.default", "exact")(lambda run, shape, *, dtype=None: constant(run, shape, 0, dtype))


@row("full.default", "exact")
def filled(run: Any, shape: Sequence[int], value: Any, *, dtype: Any = None) -> Value:
    return constant(run, shape, value, dtype or {bool: "bool", int: "int"}.get(type(value)))


@row("arange.default arange.start arange.start_step", "exact")
def counted(run: Any, *ends: Any, dtype: Any = None) -> Value:
    found = np.arange(*ends)
    return found if found.dtype.kind == "i" and dtype in ("int", None) else run.s.of(found.astype(float))


@row("empty.memory_format empty_permuted.default empty_like.default", "not a number: it must not be used")
def empty(run: Any, shape: Any, *args: Any, **named: Any) -> Value:
    return constant(run, shape if isinstance(shape, list | tuple) else shape_of(shape), float("nan"), None)


@row("_to_copy.default", "reals stay as they are, whatever their dtype; booleans and integers become reals exactly")
def converted(run: Any, a: Value, *, dtype: Any = None) -> Value:
    if dtype not in ("bool", "int", None):
        return run.s.lift(a)
    if not exact(a) and dtype is not None and not (isinstance(a, Open) and dtype == "bool"):
        raise refuse(run, f"a real number rounded to {dtype} jumps: nothing encloses that")
    return a.astype(np.int64) if dtype == "int" else a.astype(bool) if dtype == "bool" else a


# --- by index -----------------------------------------------------------------------------------------------------


def along(shape: Sequence[int], axis: int, index: Array) -> tuple[slice, ...]:
    """What an index reaches of an array: all of its axis, of the others as much as the index has."""
    axis %= len(shape)
    return tuple(slice(0, n if k == axis else m) for k, (n, m) in enumerate(zip(shape, index.shape, strict=True)))


@row("gather.default", "exact; where an index is open, the hull of what it may take")
def gathered(run: Any, a: Value, axis: int, index: Value, *, sparse_grad: bool = False) -> Value:
    reached = along(shape_of(a), axis, parts(index)[0])
    a = each(lambda x: x[reached], a)
    if not isinstance(index, Picks):
        return each(lambda x: np.take_along_axis(x, index, axis), a)
    s = run.s
    first, *options = (each(lambda x, i=i: np.take_along_axis(x, i, axis), a) for i in index.options)
    found = first
    for option, possible in zip(options, index.possible[1:], strict=True):
        found = s.where(possible, s.hull(found, option), found)
    return found


@row("scatter.value", "exact")
def scattered_value(run: Any, a: Value, axis: int, index: Array, value: float) -> Value:
    return scattered(run, a, axis, index, constant(run, index.shape, value, "int" if exact(a) else None))


@row("scatter.src", "exact")
def scattered(run: Any, a: Value, axis: int, index: Array, source: Value) -> Value:
    if isinstance(index, Picks):
        raise refuse(run, "an index into what is written is not decided")
    reached, taken = along(shape_of(a), axis, index), tuple(map(slice, index.shape))
    return changed(run, a, source, lambda x, y: np.put_along_axis(x[reached], index, y[taken], axis))


@row("scatter_add.default", "exact moves, and sums")
def scatter_added(run: Any, a: Value, axis: int, index: Array, source: Value) -> Value:
    if isinstance(index, Picks):
        raise refuse(run, "an index into what is written is not decided")
    axis %= index.ndim
    found = run.s.lift(a)
    for k in range(index.shape[axis]):
        # One step along the axis at a time: no two of its numbers go to one place.
        place = np.take(index, [k], axis)
        rest = each(lambda x, k=k, s=place.shape: np.take(x, [k], axis)[tuple(map(slice, s))], run.s.lift(source))
        there = gathered(run, found, axis, place)
        found = scattered(run, found, axis, place, run.s.add(there, rest))
    return found


@row("index.Tensor", "exact: numbers are taken")
def indexed(run: Any, a: Value, places: Sequence[Any]) -> Value:
    return each(lambda x: x[_places(run, places)], a)


def _places(run: Any, places: Sequence[Any]) -> tuple[Any, ...]:
    if any(isinstance(p, Picks | Open) for p in places):
        raise refuse(run, "an index is not decided")
    return tuple(slice(None) if p is None else p for p in places)


@row("index_put.default _unsafe_index_put.default", "exact moves, and sums")
def index_put(run: Any, a: Value, places: Sequence[Any], source: Value, accumulate: bool = False) -> Value:
    if not accumulate:
        return written_at(run, a, _places(run, places), source)
    shape = shape_of(a)
    reached = np.arange(int(np.prod(shape))).reshape(shape)[_places(run, places)]
    rest = each(lambda x: np.broadcast_to(x, reached.shape), run.s.lift(source))
    return added_at(run, a, reached, rest)


@row("put.default", "exact moves, and sums")
def put(run: Any, a: Value, index: Array, source: Value, accumulate: bool = False) -> Value:
    (reached,) = _places(run, [index])
    reached = np.where(reached < 0, reached + int(np.prod(shape_of(a))), reached)
    if accumulate:
        return added_at(run, a, reached, run.s.lift(source))
    flat = each(lambda x: x.reshape(-1), a)
    return each(lambda x: x.reshape(shape_of(a)), written_at(run, flat, (reached,), source))


def added_at(run: Any, a: Value, reached: Array, source: Value) -> Value:
    """The base with numbers added at places of its flat form: one to each place at a time."""
    shape, places = shape_of(a), reached.ravel()
    order = np.argsort(places, kind="stable")
    starts = np.r_[True, places[order][1:] != places[order][:-1]]
    turn = np.arange(len(order)) - np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    found = each(lambda x: x.reshape(-1), run.s.lift(a))
    flat = each(lambda x: x.reshape(-1), source)
    for k in range(int(turn.max(initial=-1)) + 1):
        chosen = order[turn == k]
        at_once = places[chosen]
        more = run.s.add(each(lambda x, p=at_once: x[p], found), each(lambda x, c=chosen: x[c], flat))
        found = written_at(run, found, (at_once,), more)
    return each(lambda x: x.reshape(shape), found)


def written_at(run: Any, a: Value, places: tuple[Any, ...], source: Value) -> Value:
    """The base with numbers written at places."""
    return changed(run, a, source, lambda x, y: x.__setitem__(places, y))


@row("embedding.default", "exact: rows are taken")
def embedded(
    run: Any, table: Value, index: Array, padding: int = -1, scale: bool = False, sparse: bool = False
) -> Value:
    return each(lambda x: x[index], table)


@row("embedding_dense_backward.default", "as index_put")
def embedded_back(run: Any, slope: Value, index: Array, rows: int, padding: int, scale: bool) -> Value:
    if scale:
        raise refuse(run, "scale_grad_by_freq=True is no derivative, and has no row")
    width = shape_of(slope)[-1]
    flat = each(lambda x: x.reshape(-1, width), slope)
    places = index.ravel()
    kept = np.nonzero(places != padding)[0]
    taken = each(lambda x: x[kept], flat)
    zero = constant(run, (rows, width), 0.0, None)
    return index_put(run, zero, [places[kept]], taken, accumulate=True)


@row("constant_pad_nd.default", "exact: numbers are moved")
def padded(run: Any, a: Value, lengths: Sequence[int], value: float = 0.0) -> Value:
    shape = list(shape_of(a))
    ends = [(0, 0)] * (len(shape) - len(lengths) // 2)
    ends += [(lengths[k], lengths[k + 1]) for k in range(len(lengths) - 2, -1, -2)]
    inside = tuple(slice(max(-lo, 0), n + min(hi, 0)) for (lo, hi), n in zip(ends, shape, strict=True))
    kept = each(lambda x: x[inside], a)
    outer = [n + lo + hi for n, (lo, hi) in zip(shape, ends, strict=True)]
    place = tuple(slice(max(lo, 0), n - max(hi, 0)) for n, (lo, hi) in zip(outer, ends, strict=True))
    return written(run, constant(run, outer, value, None), kept, lambda x: x[place])


row("tril.default", "exact")(lambda run, a, offset=0: _triangle(run, a, lambda i, j: j - i <= offset))
row("triu.default", "exact")(lambda run, a, offset=0: _triangle(run, a, lambda i, j: j - i >= offset))


def _triangle(run: Any, a: Value, kept: Callable[[Array, Array], Array]) -> Value:
    i, j = np.ogrid[: shape_of(a)[-2], : shape_of(a)[-1]]
    mask = np.broadcast_to(kept(i, j), shape_of(a))
    return OPERATORS["aten.where.self"].run(run, mask, a, np.zeros((), dtype=np.int64))
