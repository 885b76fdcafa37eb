"""Layers: convolution as products with unfolded windows, and normalisations; each by its definition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...arithmetic import Array
from .operators import power, row
from .products import Moved
from .systems import Value, each, shape_of

Ints = Sequence[int]


def over(place: Sequence[slice]) -> Any:
    """An index of the last axes."""
    return (..., *place)


def padded(x: Array, ends: Sequence[tuple[int, int]], fill: Any) -> Array:
    if not any(map(any, ends)):
        return x
    spare = x.ndim - len(ends)
    shape = (*x.shape[:spare], *(n + lo + hi for n, (lo, hi) in zip(x.shape[spare:], ends, strict=True)))
    found = np.full(shape, fill, dtype=x.dtype)
    place = tuple(slice(lo, lo + n) for n, (lo, _) in zip(x.shape[spare:], ends, strict=True))
    found[over(place)] = x
    return found


def full(values: Ints, count: int) -> list[int]:
    """A list of one number stands for as many as there are axes."""
    given = list(values)
    return given * count if len(given) == 1 else given


def places(kernel: Ints, out: Ints, stride: Ints, dilation: Ints) -> list[tuple[slice, ...]]:
    """What each position of a kernel sees of a padded plane."""
    return [
        tuple(slice(k * d, k * d + s * (n - 1) + 1, s) for k, d, s, n in zip(at, dilation, stride, out, strict=True))
        for at in np.ndindex(*kernel)
    ]


def reach(kernel: Ints, out: Ints, stride: Ints, dilation: Ints) -> list[int]:
    """The lengths of the padded plane that windows see."""
    return [(n - 1) * s + (k - 1) * d + 1 for k, n, s, d in zip(kernel, out, stride, dilation, strict=True)]


# --- convolution --------------------------------------------------------------------------------------------------


def windows(plane: Ints, kernel: Ints, out: Ints, groups: int, how: tuple[Ints, ...]) -> Callable[[Array], Array]:
    """What each position sees of (N, C, *plane), as columns (g, C/g K, N P)."""
    stride, padding, dilation = how
    need = reach(kernel, out, stride, dilation)
    ends = [(p, max(m - p - s, 0)) for p, m, s in zip(padding, need, plane, strict=True)]
    cells = int(np.prod(kernel))

    def arrange(x: Array) -> Array:
        wide = padded(x, ends, 0.0)
        point, channel, *steps = wide.strides
        inner = x.shape[1] // groups
        shape = (groups, inner, *kernel, len(x), *out)
        seen = (
            (k * d for k, d in zip(steps, dilation, strict=True)),
            (k * s for k, s in zip(steps, stride, strict=True)),
        )
        strides = (inner * channel, channel, *seen[0], point, *seen[1])
        windows = np.lib.stride_tricks.as_strided(wide, shape, strides, writeable=False)
        return windows.reshape(groups, inner * cells, -1)

    return arrange


def _columns(arrange: Callable[[Array], Array], groups: int) -> Moved:
    """Columns (g, C/g K, N P) as a factor: of a column's sum and largest, channels come first."""

    def columns(x: Array, join: np.ufunc) -> Array:
        inner = join.reduce(x.reshape(len(x), groups, -1, *x.shape[2:]), axis=2)
        return np.asarray(join.reduce(arrange(inner), axis=1))

    return Moved(arrange, columns)


def _rows(arrange: Callable[[Array], Array]) -> Moved:
    """The transpose (g, N P, C/g K) as a factor: the N points come first."""

    def columns(x: Array, join: np.ufunc) -> Array:
        return np.asarray(join.reduce(arrange(join.reduce(x, axis=0, keepdims=True)), axis=2))

    return Moved(lambda x: arrange(x).transpose(0, 2, 1), columns)


def _by_group(x: Array, groups: int) -> Array:
    """(N, C, *out) as (g, C/g, N P)."""
    n, c = x.shape[:2]
    return np.ascontiguousarray(x.reshape(n, groups, c // groups, -1).transpose(1, 2, 0, 3)).reshape(
        groups, c // groups, -1
    )


def _spread(run: Any, a: Value, weight: Value, plane: Ints, groups: int, how: tuple[Ints, ...]) -> Value:
    """The transpose of a convolution with this weight (O, C/g, *kernel): (N, O, *out) to (N, C, *plane).

    Entry m of the plane is the sum of w_k a_j over p + m = s j + d k: a convolution of stride 1, with the weight turned
    round, of a plane of zeros on which a_j stands at s j + d (kernel - 1) - p.
    """
    stride, padding, dilation = how
    kernel, out, inner = shape_of(weight)[2:], shape_of(a)[2:], shape_of(weight)[1]
    to, taken = [], []
    need = [m + d * (k - 1) for m, d, k in zip(plane, dilation, kernel, strict=True)]
    for n, s, p, d, k, size in zip(out, stride, padding, dilation, kernel, need, strict=True):
        start = d * (k - 1) - p
        kept = [j for j in range(n) if 0 <= start + s * j < size]
        to.append(slice(start + s * kept[0], start + s * kept[-1] + 1, s) if kept else slice(0, 0))
        taken.append(slice(kept[0], kept[-1] + 1) if kept else slice(0, 0))

    def widened(x: Array) -> Array:
        found = np.zeros((*x.shape[:2], *need), dtype=x.dtype)
        found[over(to)] = x[over(taken)]
        return found

    def turned(w: Array) -> Array:
        w = np.flip(w, tuple(range(2, w.ndim))).reshape(groups, -1, *w.shape[1:])
        return np.swapaxes(w, 1, 2).reshape(groups, inner, -1)

    how = ([1] * len(kernel), [0] * len(kernel), dilation)
    columns = _columns(windows(need, kernel, plane, groups, how), groups)
    found = run.s.product(each(turned, weight), each(widened, a), columns)
    return each(lambda x: np.moveaxis(x.reshape(groups * inner, -1, *plane), 0, 1), found)


@row("convolution.default", "unfolded windows times weights, by mm; transposed: the transpose of that")
def convolution(run: Any, a: Value, weight: Value, bias: Value, stride: Ints, padding: Ints, dilation: Ints,
                transposed: bool, spare: Ints, groups: int) -> Value:  # fmt: skip
    kernel = shape_of(weight)[2:]
    how = stride, padding, dilation = tuple(full(v, len(kernel)) for v in (stride, padding, dilation))
    plane, n = shape_of(a)[2:], shape_of(a)[0]
    if transposed:
        rest = full(spare, len(kernel))
        outer = [(m - 1) * s - 2 * p + d * (k - 1) + e + 1
                 for m, s, p, d, k, e in zip(plane, stride, padding, dilation, kernel, rest, strict=True)]  # fmt: skip
        found = _spread(run, a, weight, outer, groups, how)
    else:
        out = [(m + 2 * p - d * (k - 1) - 1) // s + 1
               for m, p, d, k, s in zip(plane, padding, dilation, kernel, stride, strict=True)]  # fmt: skip
        flat = each(lambda w: w.reshape(groups, w.shape[0] // groups, -1), weight)
        found = run.s.product(flat, a, _columns(windows(plane, kernel, out, groups, how), groups))
        found = each(lambda x: np.moveaxis(x.reshape(-1, n, *out), 0, 1), found)
    if bias is None:
        return found
    terms = int(np.prod(shape_of(weight))) // shape_of(found)[1] * groups
    return run.s.joined(found, each(lambda b: b.reshape(-1, *[1] * len(kernel)), bias), terms)


@row("convolution_backward.default", "products with unfolded windows, and their transpose")
def convolution_back(run: Any, slope: Value, a: Value, weight: Value, biases: Any, stride: Ints, padding: Ints,
                     dilation: Ints, transposed: bool, spare: Ints, groups: int, wanted: Any) -> Any:  # fmt: skip
    kernel, plane, out = shape_of(weight)[2:], shape_of(a)[2:], shape_of(slope)[2:]
    how = tuple(full(v, len(kernel)) for v in (stride, padding, dilation))
    input_slope = weight_slope = bias_slope = None
    # A transposed convolution pairs <slope, T(a)> = <C(slope), a>: with the roles of its ends exchanged.
    wide, narrow, size = (slope, a, plane) if transposed else (a, slope, out)
    if wanted[0] and transposed:
        input_slope = convolution(run, slope, weight, None, stride, padding, dilation, False, spare, groups)
    elif wanted[0]:
        input_slope = _spread(run, slope, weight, plane, groups, how)
    if wanted[1]:
        rows = _rows(windows(shape_of(wide)[2:], kernel, size, groups, how))
        found = run.s.product(each(lambda x: _by_group(x, groups), narrow), wide, rows)
        weight_slope = each(lambda x: x.reshape(shape_of(weight)), found)
    if wanted[2]:
        bias_slope = run.s.sum(slope, (0, *range(2, 2 + len(kernel))), False)
    return input_slope, weight_slope, bias_slope


# --- normalisations -----------------------------------------------------------------------------------------------


def _moments(run: Any, x: Value, axes: tuple[int, ...], eps: float) -> tuple[Value, Value, Value]:
    """x less its mean, the mean, 1/sqrt(variance + eps): kept axes."""
    s = run.s
    count = s.lift(int(np.prod([shape_of(x)[k] for k in axes])))
    mean = s.div(s.sum(x, axes, True), count)
    off = s.sub(x, mean)
    spread = s.div(s.sum(power(run, off, 2), axes, True), count)
    return off, mean, s.apply("rsqrt", s.add(spread, s.lift(float(eps))))


def _scaled(run: Any, x: Value, weight: Value, bias: Value, shape: Ints) -> Value:
    s = run.s
    if weight is not None:
        x = s.mul(x, each(lambda w: w.reshape(shape), weight))
    return x if bias is None else s.add(x, each(lambda b: b.reshape(shape), bias))


@row("native_batch_norm.default _native_batch_norm_legit_functional.default", "by its definition; batch or running")
def batch_norm(run: Any, a: Value, weight: Value, bias: Value, mean: Value, spread: Value, training: bool,
               momentum: float, eps: float) -> Any:  # fmt: skip
    s, axes = run.s, (0, *range(2, len(shape_of(a))))
    per_channel = (1, -1, *[1] * (len(shape_of(a)) - 2))
    if training:
        off, centre, rate = _moments(run, a, axes, eps)
    else:
        centre = each(lambda m: m.reshape(per_channel), mean)
        off = s.sub(a, centre)
        rate = s.apply("rsqrt", s.add(each(lambda v: v.reshape(per_channel), spread), s.lift(float(eps))))
    found = _scaled(run, s.mul(off, rate), weight, bias, per_channel)
    flat = (each(np.ravel, centre), each(np.ravel, rate)) if training else (s.of(np.zeros(0)), s.of(np.zeros(0)))
    if training and mean is not None:
        # The running statistics that come next: nobody's business here, so not a number.
        mean, spread = (s.of(np.full(shape_of(v), np.nan)) for v in (mean, spread))
    return (found, *flat, mean, spread)


@row("_native_batch_norm_legit.no_stats", "by its definition, of the batch")
def batch_norm_alone(
    run: Any, a: Value, weight: Value, bias: Value, training: bool, momentum: float, eps: float
) -> Any:
    return batch_norm(run, a, weight, bias, None, None, True, momentum, eps)[:3]


@row("_native_batch_norm_legit_no_training.default", "by its definition, running statistics")
def batch_norm_running(run: Any, a: Value, weight: Value, bias: Value, mean: Value, spread: Value, momentum: float,
                       eps: float) -> Any:  # fmt: skip
    return batch_norm(run, a, weight, bias, mean, spread, False, momentum, eps)[:3]


@row("native_group_norm.default", "by its definition")
def group_norm(run: Any, a: Value, weight: Value, bias: Value, n: int, channels: int, plane: int, groups: int,
               eps: float) -> Any:  # fmt: skip
    shape = shape_of(a)
    grouped = each(lambda x: x.reshape(n, groups, -1), a)
    off, mean, rate = _moments(run, grouped, (2,), eps)
    found = each(lambda x: x.reshape(shape), run.s.mul(off, rate))
    found = _scaled(run, found, weight, bias, (1, channels, *[1] * (len(shape) - 2)))
    return found, each(lambda x: x[..., 0], mean), each(lambda x: x[..., 0], rate)


@row("native_layer_norm.default", "by its definition")
def layer_norm(run: Any, a: Value, shape: Ints, weight: Value, bias: Value, eps: float) -> Any:
    dimension = len(shape_of(a))
    off, mean, rate = _moments(run, a, tuple(range(dimension - len(shape), dimension)), eps)
    return _scaled(run, run.s.mul(off, rate), weight, bias, tuple(shape)), mean, rate
