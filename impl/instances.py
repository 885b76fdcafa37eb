"""What an instance is: one finite problem, a point under test and a comparator, in exact rationals.

Each family of problems has its own kind (`supervised.instance`, ...). How instances are read and written is in `files`.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

from flint import fmpq

FORMAT = "metagap/instance/1"
SPLIT_FORMAT = "metagap/instance/2"
"""The same, and tasks may have a support: atoms that adaptation sees in place of those that it is judged on; labels may
be vectors, or classes; gradient steps may have a rate for each parameter, and weight decay."""

Vector = tuple[fmpq, ...]


@dataclass(frozen=True)
class Writing:
    """How numbers are written, and how those that are float64 numbers: a million weights need no rational for each."""

    rational: Callable[[fmpq], object]
    float64: Callable[[float], object]

    def __call__(self, q: fmpq) -> object:
        return self.rational(q)


fraction = Writing(lambda q: f"{q.p}/{q.q}", lambda v: "%d/%d" % v.as_integer_ratio())  # noqa: UP031
"""Every number as "p/q"."""


APART = {place: " " for place in range(128) if not chr(place).isdigit()}
"""What `str.translate` leaves the digits of."""


class Instance(ABC):
    """One problem on which every claim of its family can be judged. Frozen; equal contents are equal instances."""

    family: str
    """The name of its family of problems: a key of `families.FAMILIES` and the prefix of its claims."""
    comparator: Any
    """A parameter, or functions (policies) of each task that no parameter need reach."""
    radius: fmpq
    notes: tuple[str, ...]

    functional: ClassVar[type] = type(None)
    """What a comparator is that is functions (policies) of each task, and no parameter."""

    @property
    def against_functions(self) -> bool:
        """Whether the comparator is functions."""
        return isinstance(self.comparator, self.functional)

    @property
    @abstractmethod
    def parameters(self) -> int:
        """How many numbers omega has."""

    @property
    def shape_of_omega(self) -> tuple[int, ...]:
        """(d,), (c, d) with c > 1 outputs, or (m, d) of a network."""
        return (self.parameters,)

    def with_omega(self, numbers: Vector) -> Self:
        """The instance with another omega: its numbers, row after row."""
        return replace(self, omega=numbers)  # type: ignore[type-var]

    @property
    @abstractmethod
    def numbers(self) -> int:
        """How many numbers describe the instance: the measure by which witnesses are called small."""

    @property
    @abstractmethod
    def canonical(self) -> Instance:
        """The same problem in its one normal form."""

    @abstractmethod
    def document(self, number: Callable[[fmpq], object]) -> dict[str, object]:
        """The fields of the instance file, each number written by `number`."""

    def fractions(self) -> dict[str, object]:
        """The fields of the instance file, each number as "p/q"."""
        return self.document(fraction)

    @cached_property
    def _named(self) -> tuple[str, int]:
        text = json.dumps(self.canonical.fractions(), sort_keys=True, separators=(",", ":"))
        digits = max(map(len, text.translate(APART).split()))
        return hashlib.sha256(text.encode()).hexdigest(), 10 * digits // 3 + 1

    @property
    def sha256(self) -> str:
        """The name of the instance: the hash of its canonical, key-sorted text, every number as p/q."""
        return self._named[0]

    @property
    def bits(self) -> int:
        """At least the bits of every number of the instance, above and below the bar.

        Its numbers, and their differences, are 0 or at least 2^-bits (differences: 2^-(2 bits)).
        """
        return self._named[1]
