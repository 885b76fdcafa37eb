"""Smaller witnesses, fast: all candidates of a step in one call of the float64 engine, each accepted step in balls.

First structure goes (tasks, points, dimensions, ...), then all numbers are rounded to short dyadics at once, then each
number becomes 0, 1, -1, a small integer or a short fraction. As in `impl.shrink`, but on arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np

from ..arithmetic import Array, rational, to_float
from ..instances import Instance
from ..losses import Link
from ..shrink import simpler
from .fields import Field, Kind, fields, joined, legal, repeated, without
from .ratio import HIT, Objective

BITS = (0, 1, 2, 4, 6, 8, 12, 16, 20, 24, 30)
"""Binary digits after the point that rounding tries."""

MARGIN = 1e3 * HIT
"""A candidate must exceed 1 by this (or by half of what the witness does) to be worth its ball judgement."""


@dataclass(frozen=True)
class Property:
    """What a shrunk witness keeps: in float64 a ratio above the bar, in balls what `keeps` asks."""

    what: Objective
    keeps: Callable[[Instance], bool]
    bar: float

    def passing(self, candidates: Any) -> Array:
        """Which candidates keep it in float64, in their order."""
        return np.flatnonzero(self.what(candidates) > self.bar)

    def first(self, candidates: Iterable[Any]) -> Any | None:
        """The first of some batches of one that keeps it, in float64 and in balls."""
        for candidate in candidates:
            if len(self.passing(candidate)) and self.keeps(candidate.instance(0)):
                return candidate
        return None

    def first_of(self, options: list[Any], tries: int = 3) -> Any | None:
        """The first of batches of one of the same shape, in one call, that keeps it."""
        if not options:
            return None
        stacked = reduce(joined, options)
        return self.first(stacked.take([int(b)]) for b in self.passing(stacked)[:tries])


def shrink_batch(batch: Any, what: Objective, keeps: Callable[[Instance], bool]) -> Any:
    """A smaller batch of one whose instance `keeps`, from one that does; all candidates of a step in few calls."""
    excess = float(what(batch)[0]) - 1
    keeping = Property(what, keeps, 1 + (min(MARGIN, excess / 2) if excess > HIT else MARGIN))
    for _ in range(60):
        for step in (_fewer, _even, _rounded, _simplified):
            found = step(batch, keeping)
            if found is not None:
                batch = found
                break
        else:
            break
    return batch


def _fewer(batch: Any, keeping: Property) -> Any | None:
    """One task, point, dimension, ... less."""
    sizes: dict[str, int] = {}
    for field, value in fields(batch):
        sizes |= dict(zip(field.axes, value.shape[1:], strict=True))
    for axis, size in sizes.items():
        if size <= (2 if axis == "action" else 1) or axis in ("next", "output", "entry"):
            continue
        cut = [c for c in (without(batch, axis, j) for j in range(size)) if c is not None]
        found = keeping.first_of(cut)
        if found is not None:
            return found
    return None


def _even(batch: Any, keeping: Property) -> Any | None:
    """Simpler shares of one field: all equal, on a dyadic grid, or one of them 0."""
    for field, value in fields(batch):
        if field.kind is not Kind.SHARES:
            continue
        options = [o for o in _shares(field, value) if not np.array_equal(o, value) and _size(o) < _size(value)]
        found = keeping.first_of([replace(batch, **{field.name: option}) for option in options])
        if found is not None:
            return found
    return None


def _size(shares: Array) -> tuple[int, int]:
    """How complicated shares are: how many there are, and the digits of all."""
    return int((shares != 0).sum()), sum(rational(float(v)).q.bit_length() for v in np.unique(shares))


def _shares(field: Field, value: Array) -> Iterator[Array]:
    axes = tuple(range(-field.span, 0))
    present = (value > 0).astype(float)
    yield present / present.sum(axes, keepdims=True)
    flat = value.reshape(*value.shape[: value.ndim - field.span], -1)
    for bits in (1, 2, 4, 6):
        grid = np.floor(flat * 2.0**bits) / 2.0**bits
        largest = np.argmax(flat, axis=-1)[..., None]
        rest = 1 - grid.sum(-1, keepdims=True)
        np.put_along_axis(grid, largest, np.take_along_axis(grid, largest, -1) + rest, -1)
        yield grid.reshape(value.shape)
    for place in np.argwhere((value > 0) & (value < 1))[:32]:
        less = value.copy()
        less[tuple(place)] = 0.0
        if (less.sum(axes) > 0).all():
            yield less / less.sum(axes, keepdims=True)


def _round(field: Field, value: Array, bits: int) -> Array:
    """The numbers with `bits` binary digits after the point; factors with as many digits, so that none becomes 0."""
    if field.kind is Kind.SHARES:
        return value
    if field.kind is Kind.FACTOR:
        digits, exponent = np.frexp(value)
        return np.ldexp(np.round(digits * 2.0 ** (bits + 1)) / 2.0 ** (bits + 1), exponent)
    return np.round(value * 2.0**bits) / 2.0**bits


def _rounded(batch: Any, keeping: Property) -> Any | None:
    """All numbers but shares on the coarsest dyadic grid that keeps the property, if they are not on it yet."""
    options = []
    for bits in BITS:
        arrays = {field.name: legal(batch, field, _round(field, value, bits)) for field, value in fields(batch)
                  if field.kind is not Kind.SHARES}  # fmt: skip
        if any(not np.array_equal(array, getattr(batch, name)) for name, array in arrays.items()):
            options.append(replace(batch, **arrays))
    return keeping.first_of(options, len(BITS))


def _simplified(batch: Any, keeping: Property) -> Any | None:
    """Simpler numbers: each alone in one call, then as many of them together as keep the property."""
    moves = [(field.name, place, to) for field, value in fields(batch) for place, to in _moves(batch, field, value)]
    if not moves:
        return None
    arrays = {field.name: np.repeat(value, len(moves), axis=0) for field, value in fields(batch)}
    for b, (name, place, to) in enumerate(moves):
        arrays[name][(b, *place)] = to
    good = keeping.passing(replace(repeated(batch, len(moves)), **arrays))
    chosen: dict[tuple[str, tuple[int, ...]], float] = {}
    for b in good:
        name, place, to = moves[int(b)]
        chosen.setdefault((name, place), to)
    counts = sorted({len(chosen), *(2**j for j in range(len(chosen).bit_length()))}, reverse=True)
    counts = [count for count in counts if 0 < count <= len(chosen)]
    found = keeping.first(_moved(batch, list(chosen.items())[:count]) for count in counts)
    if found is not None:
        return found
    return keeping.first(_moved(batch, [item]) for item in list(chosen.items())[1:8])


def _moved(batch: Any, items: list[tuple[tuple[str, tuple[int, ...]], float]]) -> Any:
    arrays = {field.name: value.copy() for field, value in fields(batch)}
    for (name, place), to in items:
        arrays[name][(0, *place)] = to
    return replace(batch, **arrays)


def _moves(batch: Any, field: Field, value: Array) -> Iterator[tuple[tuple[int, ...], float]]:
    """(place, simpler number), the simplest first."""
    if field.kind is Kind.SHARES or (field.kind is Kind.LABEL and batch.loss.link in (Link.MARGIN, Link.CLASS)):
        return
    bounded = field.kind is Kind.LABEL and batch.loss.link is Link.CANONICAL
    absent = getattr(batch, field.name.replace("labels", "masses"), None) if field.kind is Kind.LABEL else None
    for place in np.ndindex(value.shape[1:]):
        here = float(value[(0, *place)])
        if absent is not None and absent[(0, *place[: absent.ndim - 1])] == 0:
            continue
        for option in simpler(rational(here), positive=field.kind in (Kind.FACTOR, Kind.UNIT) and here > 0):
            to = to_float(option)
            unit = field.kind is not Kind.UNIT or 0 <= to < 1
            if unit and not (bounded and to < 0) and not (field.kind is Kind.FACTOR and here <= 0 < to):
                yield place, to
