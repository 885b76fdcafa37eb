"""Smaller witnesses: a greedy search over instances that keeps a property.

Each family says which instances are one step smaller (`families`): first structure goes, then numbers become 0, 1, -1,
small integers or short fractions. Every candidate is a valid instance; the property is asked in balls, so nothing is
lost on the way. (`falsify.shrinker` comes before: whole steps at once, on arrays.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from flint import fmpq

from .instances import Instance, Vector

Property = Callable[[Instance], bool]
Smaller = Callable[[Instance], Iterator[Instance]]
Item = TypeVar("Item")
Record = TypeVar("Record", bound=Any)


def shrink(instance: Instance, keeps: Property, smaller: Smaller, budget: int = 400) -> Instance:
    """A smaller instance with the property; at most `budget` candidates are tried."""
    instance = instance.canonical
    tried = 0
    progress = True
    while progress and tried < budget:
        progress = False
        for candidate in smaller(instance):
            tried += 1
            if tried > budget:
                break
            if keeps(candidate):
                instance, progress = candidate.canonical, True
                break
    return instance


def simpler(value: fmpq, positive: bool = False) -> Iterator[fmpq]:
    """Simpler numbers near or far, simplest first."""
    near = [fmpq(round(float(int(value.p)) / float(int(value.q)) * scale), scale) for scale in (1, 2, 4, 16)]
    for candidate in dict.fromkeys([fmpq(0), fmpq(1), fmpq(-1), *near]):
        if _complexity(candidate) < _complexity(value) and (candidate > 0 or not positive):
            yield candidate


def _complexity(value: fmpq) -> tuple[int, int]:
    if value == 0:
        return 0, 0
    return int(value.q).bit_length(), 2 * abs(int(value.p)).bit_length() + int(value < 0)


def put(items: Sequence[Item], j: int, value: Item) -> tuple[Item, ...]:
    """The items with entry j replaced."""
    return (*items[:j], value, *items[j + 1 :])


def without(items: Sequence[Item], j: int) -> tuple[Item, ...]:
    """The items but entry j."""
    return (*items[:j], *items[j + 1 :])


def at_each(items: Sequence[Item], smaller: Callable[[Item], Iterable[Item]]) -> Iterator[tuple[Item, ...]]:
    """The items with one of them smaller."""
    for j, item in enumerate(items):
        for small in smaller(item):
            yield put(items, j, small)


def simpler_entries(vector: Vector) -> Iterator[Vector]:
    """The vector with one number simpler."""
    return at_each(vector, simpler)


def simpler_rows(rows: Sequence[Vector]) -> Iterator[tuple[Vector, ...]]:
    """The rows with one number simpler."""
    return at_each(rows, simpler_entries)


def with_each(record: Record, **values: Iterable[Any]) -> Iterator[Record]:
    """The record with one field replaced by each of its values, field after field."""
    for name, options in values.items():
        for value in options:
            yield replace(record, **{name: value})


def fewer_tasks(instance: Record) -> Iterator[Record]:
    """A task less, with what the comparator has for it; or equal weights."""
    tasks, count = instance.tasks, len(instance.tasks)
    for i in range(count if count > 1 else 0):
        left = 1 - tasks[i].weight
        if left == 0:
            continue
        rival = instance.comparator
        if isinstance(rival, instance.functional):
            rival = replace(rival, values=without(rival.values, i))
        kept = tuple(replace(t, weight=t.weight / left) for t in without(tasks, i))
        yield replace(instance, tasks=kept, comparator=rival)
    if count > 1 and any(t.weight != fmpq(1, count) for t in tasks):
        yield replace(instance, tasks=tuple(replace(t, weight=fmpq(1, count)) for t in tasks))
