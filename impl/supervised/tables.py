"""Features (and `instance.Atoms`) that stay float64 arrays: sequences of exact rationals, made when they are asked for.

A hundred thousand rows are an array and not half a million objects. What they hold is what tuples of the same numbers
would: they are equal to those, and written alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

import numpy as np
from flint import fmpq

from ..arithmetic import Array, rational
from ..instances import Vector, fraction


class Lazy(Sequence[Any]):
    """A sequence that is equal to the tuple of its elements."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(other) != len(self):
            return False
        return all(a == b for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))


class Rows(Lazy):
    """Rows of features: a float64 array (k, d), finite; each number exactly."""

    def __init__(self, array: Array) -> None:
        self.array = np.ascontiguousarray(array, dtype=float)
        self.array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.array)

    @overload
    def __getitem__(self, index: int) -> Vector: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Vector, ...]: ...
    def __getitem__(self, index: int | slice) -> Vector | tuple[Vector, ...]:
        if isinstance(index, slice):
            return tuple(Rows(self.array[index]))
        return tuple(map(rational, self.array[index].tolist()))

    def __iter__(self) -> Iterator[Vector]:
        return (tuple(map(rational, row)) for row in self.array.tolist())

    def written(self, number: Callable[[fmpq], object]) -> list[list[object]]:
        """Each number written by `number`."""
        if number is fraction:
            return [["{}/{}".format(*v.as_integer_ratio()) for v in row] for row in self.array.tolist()]
        return [[number(v) for v in row] for row in self]


def distinct_rows(table: Array) -> tuple[Array, Array]:
    """The different rows of a table (N, d), sorted, and of which of them each row is one [N]; -0 is 0.

    As numpy.unique, but sorted by few columns where these tell rows apart.
    """
    table = table + 0.0
    columns = 1
    while True:
        order = np.lexsort(table.T[:columns][::-1])
        ranked = table[order]
        new = np.ones(len(table), dtype=bool)
        new[1:] = (ranked[1:, :columns] != ranked[:-1, :columns]).any(1)
        if new.all() or columns == table.shape[1]:
            break
        columns = min(2 * columns, table.shape[1])
    place = np.empty(len(table), dtype=int)
    place[order] = np.cumsum(new) - 1
    return ranked[new], place
