"""What own code sees of the exact things of several instances at once: what they agree on, as if there were one.

What own code does may depend on no number but exact ones: how long a list is, whether a step is forwards. Where the
instances of a batch differ in that, they part, and each part is asked alone: so what is done is right for each.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterator, Sequence
from enum import Enum
from typing import Any

import numpy as np
from flint import arb, fmpq, fmpz

from .arithmetic import Array, fenced
from .sealed import PACKAGE, Exact, Exactly, Sealed


class PartingError(Exception):
    """The instances differ in what own code does next; `kinds`: of each instance something, equal where they agree."""

    def __init__(self, kinds: Sequence[Hashable]) -> None:
        super().__init__("the instances of a batch differ")
        self.kinds = kinds

    def parts(self, of: Array) -> Iterator[Array]:
        """The places of the instances, those that agree together."""
        known: dict[Hashable, int] = {}
        numbers = np.array([known.setdefault(kind, len(known)) for kind in self.kinds])
        return (of[numbers == number] for number in range(len(known)))


def agreed(kinds: Sequence[Any]) -> Any:
    """What all agree on. Errors: PartingError."""
    if any(kind is not kinds[0] and kind != kinds[0] for kind in kinds):
        raise PartingError(kinds)
    return kinds[0]


def alike(values: Sequence[Any], kind: type[Sealed]) -> Any:
    """One thing of each instance, as one; kind: of the numbers that it gives. Errors: PartingError."""
    first = values[0]
    if isinstance(first, fmpq | fmpz):
        agreed([isinstance(value, fmpq | fmpz) for value in values])
        return first if all(value == first for value in values) else Several(list(map(fmpq, values)))
    if isinstance(first, tuple):
        agreed([len(value) if isinstance(value, tuple) else None for value in values])
        return tuple(alike(entries, kind) for entries in zip(*values, strict=True))
    if type(first).__module__.startswith(PACKAGE) and not isinstance(first, Enum):
        agreed([type(value) for value in values])
        same = all(value is first for value in values) or all(value == first for value in values)
        return Exact(first, kind=kind) if same else Alike(values, kind)
    if callable(first):
        return lambda *given: alike([value(*given) for value in values], kind)
    if isinstance(first, arb):
        agreed([str(value) for value in values])
        return kind(kind.lifted(first))
    return agreed(values)


class Alike(Exact):
    """A thing of each instance, asked for its fields and functions."""

    __slots__ = ("_known", "_things")

    def __init__(self, things: Sequence[Any], kind: type[Sealed]) -> None:
        super().__init__(things[0], kind=kind)
        self._things, self._known = things, dict[str, Any]()

    def __getattr__(self, name: str) -> Any:
        if name not in self._known:
            super().__getattr__(name)  # says what there is
            self._known[name] = alike([getattr(thing, name) for thing in self._things], self._kind)
        return self._known[name]

    def __eq__(self, other: object) -> bool:
        return bool(agreed([Exact(thing) == other for thing in self._things]))

    def __hash__(self) -> int:
        return int(agreed([hash(thing) for thing in self._things]))


def _operators(operation: Callable[[fmpq, fmpq], fmpq]) -> Iterator[Callable[[Several, object], Any]]:
    def forward(self: Several, other: object) -> Any:
        others = self.beside(other)
        return NotImplemented if others is None else Several(list(map(operation, self.values, others)))

    def backward(self: Several, other: object) -> Any:
        others = self.beside(other)
        return NotImplemented if others is None else Several(list(map(operation, others, self.values)))

    yield forward
    yield backward


def _compared(operation: Callable[[fmpq, fmpq], bool]) -> Callable[[Several, object], Any]:
    def asked(self: Several, other: object) -> Any:
        others = self.beside(other)
        if others is None:
            return NotImplemented
        return agreed([bool(operation(a, b)) for a, b in zip(self.values, others, strict=True)])

    return asked


class Several(Exactly):
    """An exact rational of each instance: calculated with exactly, compared where all instances agree."""

    def beside(self, other: object) -> list[fmpq] | None:
        """As many of what stands beside it; None of what is not exact."""
        if isinstance(other, Several):
            return other.values
        return [fmpq(other)] * len(self.values) if isinstance(other, int | fmpz | fmpq) else None

    __add__, __radd__ = _operators(operator.add)
    __sub__, __rsub__ = _operators(operator.sub)
    __mul__, __rmul__ = _operators(operator.mul)
    __truediv__, __rtruediv__ = _operators(operator.truediv)
    __lt__, __le__, __gt__, __ge__ = map(_compared, (operator.lt, operator.le, operator.gt, operator.ge))
    __eq__, __ne__ = map(_compared, (operator.eq, operator.ne))
    __hash__ = None  # type: ignore[assignment]

    def __pow__(self, exponent: int) -> Several:
        return Several([fenced(value) ** exponent for value in self.values])

    def __neg__(self) -> Several:
        return Several([-value for value in self.values])

    def __abs__(self) -> Several:
        return Several([abs(value) for value in self.values])

    def __bool__(self) -> bool:
        return bool(agreed([value != 0 for value in self.values]))
