"""Smaller witnesses: a greedy search over instances that keeps a property.

Each family says which instances are one step smaller (`families`): first structure goes, then numbers become 0, 1, -1,
small integers or short fractions. Every candidate is a valid instance; the property is asked in balls, so nothing is
lost on the way. (`falsify.shrinker` comes before: whole steps at once, on arrays.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flint import fmpq

from .instances import Instance, Vector

Property = Callable[[Instance], bool]
Smaller = Callable[[Instance], Iterator[Instance]]


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


def put(vector: Vector, j: int, value: fmpq) -> Vector:
    """The vector with entry j replaced."""
    return (*vector[:j], value, *vector[j + 1 :])
