"""What a claim brings with it: quantities of its own, in a few lines that are right over balls, rationals and arrays.

The engine that decides evaluates them in balls and in exact rationals, whole batches in `stated_batches`. What they
return is checked: no verdict through a bare float.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from flint import arb, fmpq

from ..theory.claim import Quantity
from .arithmetic import Balls, Number, rational
from .balls.core import CoreQuantities
from .files import BadInputError
from .instances import Instance
from .stated_at import At, evaluated
from .stated_tasks import TaskAt, between, constant, eigenvalues, tasks


class Deciding(At):
    """In balls or in exact rationals, of one instance."""

    def __init__(self, of: CoreQuantities) -> None:
        super().__init__(of)
        self._m = of.m

    @property
    def _engine(self) -> type:
        return type(self._of)

    @property
    def instance(self) -> Instance:
        found: Instance = self._of.instance
        return found

    @property
    def _first(self) -> Any:
        return self._of.instance

    def _numbers(self, vector: Iterable[Any]) -> list[Number]:
        return [self._m.number(v) for v in vector]

    @property
    def omega(self) -> list[Number]:
        self._require_plain()
        return self._numbers(self._first.omega)

    @property
    def comparator(self) -> list[Number]:
        self._require_parameter()
        self._require_plain()
        return self._numbers(self.instance.comparator)

    @property
    def gradient(self) -> list[Number]:
        self._require_plain()
        return list(self._of._gradient)

    def exchanged(self) -> At:
        self._require_parameter()
        here = self._first
        return Deciding(type(self._of)(replace(here, omega=here.comparator, comparator=here.omega), self._m))

    @property
    def tasks(self) -> list[TaskAt]:
        self._require_tasks()
        return tasks(self.instance, self._m)

    @property
    def gram(self) -> list[list[Number]]:
        found: list[list[Number]] = self._of._features.gram.tolist()
        return found

    @property
    def masses(self) -> list[Number]:
        return list(self._of._masses)

    def between(self, order: int, y: Number, a: Number, b: Number) -> tuple[Number, Number]:
        return between(self._first.loss, self._m, order, y, a, b)

    def eigenvalues(self, rows: list[list[Number]]) -> tuple[Number, Number]:
        return eigenvalues(self._m, rows)

    def _constant(self, name: str) -> Number | None:
        return constant(self._first.loss, self._m, name)

    def number(self, value: int | str | fmpq) -> Number:
        return self._m.number(rational(value))

    def sqrt(self, t: Number) -> Number:
        if t < 0:
            self.undefined("the root of a number that is certainly negative")
        return self._m.sqrt(t)

    def exp(self, t: Number) -> Number:
        return self._m.exp(t)

    def magnitude(self, t: Number) -> Number:
        return self._m.magnitude(t)

    def _larger(self, s: Number, t: Number) -> Number:
        return s.max(t) if self._m is Balls else max(s, t)


@contextmanager
def judging(what: str) -> Iterator[None]:
    """A user's mistake within the block is told with what it was found on."""
    try:
        yield
    except BadInputError as error:
        raise BadInputError(error.file, error.field, error.given, f"{error.required} (on {what})") from error


def _decided(quantity: Quantity, of: Any) -> Number:
    value = evaluated(quantity, of._stated)
    return value if isinstance(value, arb) else of.m.number(fmpq(value))


def deciding(base: type[CoreQuantities], own: Mapping[str, Quantity]) -> type[CoreQuantities]:
    """The engine that decides, which has these quantities, too."""

    class Extended(base):  # type: ignore[valid-type, misc]
        @cached_property
        def _stated(self) -> Deciding:
            return Deciding(self)

        def scale(self, name: str) -> arb:
            # Of an own quantity nobody knows what is summed in it: that excuses nothing.
            return arb(0) if name in own else super().scale(name)

        def rounding(self, name: str) -> float:
            return float(self(name).rad()) if name in own else super().rounding(name)

    for name, quantity in own.items():
        setattr(Extended, name, property(partial(_decided, quantity)))
    Extended.__name__ = Extended.__qualname__ = base.__name__
    return Extended
