"""Instances that were read one by one as batches: those of one shape side by side, for the arrays that decide of many.

A batch stands for instances only where it gives each of them back exactly (`exact`): rounding makes no other problem.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from flint import fmpq

from .arithmetic import Array, rational, to_float
from .instances import Instance

SLOTS = ("labels", "masses", "support_labels", "support_masses")
"""Arrays (B, n, k, l, ...) with l atoms at a point at most: a mass of 0 is no atom."""

CELLS = 2**22
"""Numbers of a batch times its parameters at most: of so many a derivative is an array of 32 MB."""

FINEST = 2200
"""Bits of a common denominator beyond which it is not looked for: no floats near 1 have it."""


def stacks(instances: Sequence[Instance], batch_of: Callable[..., Any], fewest: int) -> Iterator[tuple[list[int], Any]]:
    """Batches of at least `fewest` of the instances, each with their places; those that are in none have no exact
    batch, are large, or have too few of their shape beside them."""
    shapes: dict[Hashable, list[tuple[int, Any]]] = {}
    for place, instance in enumerate(instances):
        if fewest * cells(instance) <= CELLS and (one := exact(instance, batch_of)) is not None:
            shapes.setdefault(_shape(one), []).append((place, one))
    for found in shapes.values():
        size = max(fewest, CELLS // max(cells(instances[place]) for place, _ in found))
        for begin in range(0, len(found), size):
            part = found[begin : begin + size]
            if len(part) >= fewest:
                yield [place for place, _ in part], stacked([one for _, one in part])


def cells(instance: Any) -> int:
    """At least the numbers of its batch of one, times its parameters."""
    given, points = instance.numbers, len(getattr(instance, "features", ()))
    atoms = max(len(getattr(task, law, ())) for task in instance.tasks for law in ("atoms", "inner"))
    return int(max(given, len(instance.tasks) * points * atoms) * instance.parameters)


def exact(instance: Instance, batch_of: Callable[..., Any]) -> Any | None:
    """A batch of one that is the instance exactly; None where float64 does not hold its numbers."""
    one = batch_of(instance, in_proportion)
    arrays = [value for value in vars(one).values() if isinstance(value, np.ndarray)]
    same = all(np.isfinite(array).all() for array in arrays) and one.instance(0).canonical == instance.canonical
    return one if same else None


def _shape(one: Any) -> Hashable:
    """What instances of one batch have in common: shapes, but for atoms at a point, and what is no array of numbers."""
    return type(one), tuple(
        (name, value.shape[1:3] + value.shape[4:] if name in SLOTS else value.shape[1:])
        if isinstance(value, np.ndarray)
        else (name, value)
        for name, value in vars(one).items()
    )


def stacked(batches: Sequence[Any]) -> Any:
    """Batches of one shape as one batch, in their order."""
    arrays = {name for name, value in vars(batches[0]).items() if isinstance(value, np.ndarray)}
    return replace(batches[0], **{name: _joined(name, [getattr(one, name) for one in batches]) for name in arrays})


def _joined(name: str, arrays: Sequence[Array]) -> Array:
    if name not in SLOTS:
        return np.concatenate(arrays)
    most, empty = max(array.shape[3] for array in arrays), 0.0 if name.endswith("masses") else 1.0
    shape = (sum(map(len, arrays)), *arrays[0].shape[1:3], most, *arrays[0].shape[4:])
    found, begin = np.full(shape, empty), 0
    for array in arrays:
        found[begin : begin + len(array), :, :, : array.shape[3]] = array
        begin += len(array)
    return found


def in_proportion(rows: Any) -> Array:
    """Rationals, in rows of any depth whose sums are 1, as float64 that they are exactly once a row is divided by its
    sum, which is near 1: where there is no such row, the nearest."""
    return np.array(_proportional(rows) if isinstance(rows[0], fmpq) else [in_proportion(row) for row in rows])


def _proportional(shares: Sequence[fmpq]) -> list[float]:
    found = [to_float(q) for q in shares]
    total = sum(map(rational, found), start=fmpq(0))
    if all(rational(v) == q * total for v, q in zip(found, shares, strict=True)):
        return found
    bottom = 1
    for q in shares:
        bottom = math.lcm(bottom, int(q.q))
        if bottom.bit_length() > FINEST:
            return found
    tops = [int(q.p) * (bottom // int(q.q)) for q in shares]
    room = 53 - max((top // (top & -top)).bit_length() for top in tops if top)
    if room < 0:
        return found
    # A factor of at most `room` bits, times a power of 2, brings the sum near 1.
    shift = bottom.bit_length() + max(room - 1, 0)
    factor = max((1 << shift) // bottom, 1)
    shift -= 3 * factor * bottom < 2 << shift
    return [factor * top / (1 << shift) for top in tops]
