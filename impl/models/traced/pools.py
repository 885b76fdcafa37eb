"""Pools: the largest, or the mean, of windows; and windows as stacks."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ...arithmetic import Array
from .layers import Ints, full, over, padded, places, reach
from .operators import refuse, row
from .reductions import winners
from .systems import Open, Picks, Value, each, exact, parts, rebuilt, shape_of

OUTSIDE = -(2.0**1000)
"""Stands around what a pool of largest sees: below every number, and finite."""


def unfolded(run: Any, a: Value, kernel: Ints, out: Ints, stride: Ints, padding: Ints, dilation: Ints,
             outside: float = 0.0) -> Value:  # fmt: skip
    """Windows (K, ..., *out) of the last axes."""
    plane = shape_of(a)[-len(kernel) :]
    need = reach(kernel, out, stride, dilation)
    ends = [(p, max(n - p - m, 0)) for p, n, m in zip(padding, need, plane, strict=True)]
    fills = parts(np.asarray(outside, a.dtype) if exact(a) else run.s.of(np.asarray(outside)))
    seen = places(kernel, out, stride, dilation)

    def windows(x: Array, fill: Array) -> Array:
        wide = padded(x, ends, fill[()])
        return np.stack([wide[over(place)] for place in seen])

    return rebuilt(a, [windows(x, fill) for x, fill in zip(parts(a), fills, strict=True)])


def folded(run: Any, pieces: Value, plane: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Value:
    """The sums of windows (K, ..., *out) where they lie on a plane (..., *plane): the transpose of `unfolded`."""
    count = len(kernel)
    out = shape_of(pieces)[-count:]
    need = reach(kernel, out, stride, dilation)
    wide = [max(n, p + m) for n, p, m in zip(need, padding, plane, strict=True)]
    zero = run.s.of(np.zeros((*shape_of(pieces)[1:-count], *wide)))
    found = [np.array(p) for p in parts(zero)]
    apart = all(s >= d * (k - 1) + 1 for k, s, d in zip(kernel, stride, dilation, strict=True))
    for k, place in enumerate(places(kernel, out, stride, dilation)):
        index, added = over(place), each(lambda x, k=k: x[k], pieces)
        if not apart:
            added = run.s.add(rebuilt(zero, [x[index] for x in found]), added)
        for x, y in zip(found, parts(added), strict=True):
            x[index] = y
    inner = tuple(slice(p, p + n) for p, n in zip(padding, plane, strict=True))
    return rebuilt(zero, [x[over(inner)] for x in found])


# --- pools ----------------------------------------------------------------------------------------------------------


def pool_of(a: Value, kernel: Ints, stride: Ints = (), padding: Ints = (0,), dilation: Ints = (1,),
            ceiling: bool = False) -> tuple[Any, ...]:  # fmt: skip
    """Kernel, stride, padding, dilation and the plane of results of a pool."""
    count = len(kernel) if len(kernel) > 1 else 2
    kernel = full(kernel, count)
    stride, padding, dilation = full(stride or kernel, count), full(padding, count), full(dilation, count)
    out = []
    for m, k, s, p, d in zip(shape_of(a)[-count:], kernel, stride, padding, dilation, strict=True):
        spare = m + 2 * p - d * (k - 1) - 1
        n = -(-spare // s) + 1 if ceiling else spare // s + 1
        out.append(n - 1 if ceiling and (n - 1) * s >= m + p else n)
    return kernel, stride, padding, dilation, out


def _numbers(plane: Ints, *pool: Ints) -> Array:
    """As `_numbered`, which is done once."""
    return _numbered(tuple(plane), *map(tuple, pool))


@lru_cache(64)
def _numbered(plane: Ints, kernel: Ints, out: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Array:
    """The number on the plane of what each position of the kernel sees (K, *out)."""
    found = np.zeros((int(np.prod(kernel)), *out), dtype=np.int64)
    for k, place in enumerate(np.ndindex(*kernel)):
        for axis, (n, m, s, p, d) in enumerate(zip(out, plane, stride, padding, dilation, strict=True)):
            own = np.arange(n) * s + place[axis] * d - p
            found[k] = found[k] * m + own.reshape(-1, *[1] * (len(out) - 1 - axis))
    return found


@row("max_pool2d_with_indices.default max_pool3d_with_indices.default", "winners decided; one function ties freely")
def max_pool(run: Any, a: Value, kernel: Ints, stride: Ints = (), padding: Ints = (0,), dilation: Ints = (1,),
             ceiling: bool = False) -> Any:  # fmt: skip
    kernel, stride, padding, dilation, out = pool_of(a, kernel, stride, padding, dilation, ceiling)
    seen = unfolded(run, a, kernel, out, stride, padding, dilation, OUTSIDE)
    flat = run.flat.get(run.node.args[0].index)
    if flat is not None:
        flat = unfolded(run, flat, kernel, out, stride, padding, dilation)
    index = winners(run, seen, lambda: unfolded(run, run.numbers(0), kernel, out, stride, padding, dilation, -1), flat)
    if isinstance(index, Picks):
        best = each(lambda x: x[0], seen)
        for k in range(1, shape_of(seen)[0]):
            best = run.s.larger(best, each(lambda x, k=k: x[k], seen))
    else:
        best = each(lambda x: np.take_along_axis(x, index[None], 0)[0], seen)
    if flat is not None:
        run.flat[len(run._values)] = flat.all(0)
    numbers = _numbers(shape_of(a)[-len(out) :], kernel, out, stride, padding, dilation)
    own = tuple(np.ogrid[tuple(slice(n) for n in out)])

    def named(at: Array) -> Array:
        return numbers[(at, *own)]

    if isinstance(index, Picks):
        return best, Picks(tuple(map(named, index.options)), index.possible)
    return best, named(index)


@row("max_pool2d_with_indices_backward.default max_pool3d_with_indices_backward.default", "to all that may win")
def max_pool_back(run: Any, slope: Value, a: Value, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints,
                  ceiling: bool, index: Value) -> Value:  # fmt: skip
    kernel, stride, padding, dilation, out = pool_of(a, kernel, stride, padding, dilation, ceiling)
    plane = shape_of(a)[-len(out) :]
    numbers = _numbers(plane, kernel, out, stride, padding, dilation)
    numbers = numbers.reshape(len(numbers), *[1] * (len(shape_of(slope)) - len(out)), *out)
    if isinstance(index, Picks):
        first, *rest = [(numbers == o[None]) & p[None] for o, p in zip(index.options, index.possible, strict=True)]
        mask: Any = Open(first, np.any(rest, axis=0))
    else:
        mask = numbers == index[None]
    shape = (len(numbers), *shape_of(slope))
    wide = each(lambda x: np.broadcast_to(x[None], shape), slope)
    pieces = run.s.where(mask, wide, run.s.of(np.zeros(shape)))
    return folded(run, pieces, plane, kernel, stride, padding, dilation)


def _shares(run: Any, a: Value, pool: tuple[Any, ...], counted: bool, divisor: int | None) -> Array:
    """What each mean is divided by (*out)."""
    kernel, stride, padding, dilation, out = pool
    if divisor is not None:
        return np.full(out, float(divisor))
    # Windows count what they have of the plane, or of the padded plane; of what is beyond, nothing.
    ends = [(p, p) for p in padding]
    ones = padded(np.ones(shape_of(a)[-len(out) :]), ends, 1.0 if counted else 0.0)
    none = [0] * len(out)
    return run.s.middle(unfolded(run, run.s.of(ones), kernel, out, stride, none, dilation)).sum(0)


@row("avg_pool2d.default avg_pool3d.default", "sums of windows, divided")
def avg_pool(run: Any, a: Value, kernel: Ints, stride: Ints = (), padding: Ints = (0,), ceiling: bool = False,
             counted: bool = True, divisor: int | None = None) -> Value:  # fmt: skip
    pool = kernel, stride, padding, dilation, out = pool_of(a, kernel, stride, padding, (1,), ceiling)
    sums = run.s.sum(unfolded(run, a, kernel, out, stride, padding, dilation), (0,), False)
    return run.s.div(sums, run.s.of(_shares(run, a, pool, counted, divisor)))


@row("avg_pool2d_backward.default avg_pool3d_backward.default", "shares of each mean, added")
def avg_pool_back(run: Any, slope: Value, a: Value, kernel: Ints, stride: Ints = (), padding: Ints = (0,),
                  ceiling: bool = False, counted: bool = True, divisor: int | None = None) -> Value:  # fmt: skip
    pool = kernel, stride, padding, dilation, out = pool_of(a, kernel, stride, padding, (1,), ceiling)
    share = run.s.div(slope, run.s.of(_shares(run, a, pool, counted, divisor)))
    pieces = each(lambda x: np.broadcast_to(x[None], (int(np.prod(kernel)), *x.shape)), share)
    return folded(run, pieces, shape_of(a)[-len(out) :], kernel, stride, padding, dilation)


def _members(whole: int, pieces: int) -> Array:
    """Which of so many pieces an entry is in, as 0 and 1 (pieces, whole): they overlap where they do not divide."""
    k, entry = np.arange(pieces)[:, None], np.arange(whole)
    return ((entry >= k * whole // pieces) & (entry < -(-(k + 1) * whole // pieces))).astype(float)


def _between(run: Any, left: Array, a: Value, right: Array) -> Value:
    return run.s.product(run.s.product(run.s.of(left), a), run.s.of(right))


@row("_adaptive_avg_pool2d.default", "products with exact 0s and 1s, divided")
def adaptive_pool(run: Any, a: Value, size: Ints) -> Value:
    rows, columns = (_members(m, n) for m, n in zip(shape_of(a)[-2:], size, strict=True))
    return run.s.div(_between(run, rows, a, columns.T), run.s.of(np.outer(rows.sum(1), columns.sum(1))))


@row("_adaptive_avg_pool2d_backward.default", "the transpose of those products")
def adaptive_pool_back(run: Any, slope: Value, a: Value) -> Value:
    rows, columns = (_members(m, n) for m, n in zip(shape_of(a)[-2:], shape_of(slope)[-2:], strict=True))
    share = run.s.div(slope, run.s.of(np.outer(rows.sum(1), columns.sum(1))))
    return _between(run, rows.T, share, columns)


def _even(run: Any, plane: Ints, size: Ints) -> list[int]:
    if any(m % n for m, n in zip(plane, size, strict=True)):
        raise refuse(run, f"a plane {tuple(plane)} is not divided evenly into {tuple(size)}")
    return [m // n for m, n in zip(plane, size, strict=True)]


@row("adaptive_max_pool2d.default", "as a pool of largest, of parts that divide the plane")
def adaptive_largest(run: Any, a: Value, size: Ints) -> Any:
    return max_pool(run, a, _even(run, shape_of(a)[-2:], size))


@row("adaptive_max_pool2d_backward.default", "as that of a pool of largest")
def adaptive_largest_back(run: Any, slope: Value, a: Value, index: Value) -> Value:
    kernel = _even(run, shape_of(a)[-2:], shape_of(slope)[-2:])
    return max_pool_back(run, slope, a, kernel, kernel, [0], [1], False, index)
