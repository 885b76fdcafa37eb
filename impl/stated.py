"""What a claim brings with it: quantities of its own, in a few lines that are right over balls, rationals and arrays.

The engine that decides evaluates them in balls and in exact rationals; the one that searches on arrays, and where a
quantity asks for what arrays do not have, instance by instance in balls. What it returns is checked: no verdict through
a bare float.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

import numpy as np
from flint import arb, ctx, fmpq

from ..theory.claim import Quantity, UndefinedQuantityError
from .arithmetic import Balls, Floats, IrrationalError, Number, midpoint, rational
from .asked import heard
from .balls.core import CoreQuantities, TooLargeError
from .files import BadInputError
from .instances import Instance
from .sealed import MisuseError, Sealed, Sealing, fault, opened
from .stated_at import At
from .stated_tasks import Risk, TaskAt, between, constant, eigenvalues, tasks


class OneByOneError(ArithmeticError):
    """A quantity needs what is not there for a whole batch at once."""


def _plain(instance: Any) -> bool:
    """Whether omega is a list of numbers, as grad L is then."""
    return isinstance(instance.omega, tuple) and all(isinstance(v, fmpq) for v in instance.omega)


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

    def _numbers(self, vector: Iterable[Any]) -> list[Number]:
        return [self._m.number(v) for v in vector]

    @property
    def omega(self) -> list[Number]:
        here: Any = self.instance
        if not _plain(here):
            self.undefined(f"omega of {here.family} is no list of numbers: it is a network's weights")
        return self._numbers(here.omega)

    @property
    def comparator(self) -> list[Number]:
        if self.instance.against_functions:
            self.undefined("the comparator is given by functions, not by a parameter")
        return self._numbers(self.instance.comparator) if self.omega else []

    @property
    def gradient(self) -> list[Number]:
        return list(self._of._gradient) if self.omega else []

    def exchanged(self) -> At:
        if self.instance.against_functions:
            self.undefined("the comparator is given by functions, not by a parameter")
        here: Any = self.instance
        return Deciding(type(self._of)(replace(here, omega=here.comparator, comparator=here.omega), self._m))

    @property
    def tasks(self) -> list[TaskAt]:
        if not hasattr(self.instance, "rows") or self._loss.outputs != 1:
            self.undefined("its tasks are not those of a linear model with one output")
        return tasks(self.instance, self._m)

    @property
    def _loss(self) -> Any:
        return self._of.instance.loss

    @property
    def gram(self) -> list[list[Number]]:
        found: list[list[Number]] = self._of._features.gram.tolist()
        return found

    @property
    def masses(self) -> list[Number]:
        return list(self._of._masses)

    def between(self, order: int, y: Number, a: Number, b: Number) -> tuple[Number, Number]:
        return between(self._loss, self._m, order, y, a, b)

    def eigenvalues(self, rows: list[list[Number]]) -> tuple[Number, Number]:
        return eigenvalues(self._m, rows)

    def constant(self, name: str) -> Number:
        if name not in ("m1", "m2", "m3"):
            raise MisuseError(f"there is no constant {name}: m1, m2 or m3")
        found = constant(self._loss, self._m, name)
        if found is None:
            self.undefined(f"{name} is infinite for the {self._loss.name} loss")
        return found

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


class Searching(At):
    """On arrays (B,), of a batch."""

    @property
    def _engine(self) -> type:
        found: type = self._of.exactly
        return found

    @property
    def instance(self) -> Instance:
        raise OneByOneError("a batch has no single instance")

    def exchanged(self) -> At:
        raise OneByOneError("a batch is not exchanged")

    def _alone(self) -> NoReturn:
        raise OneByOneError("a batch has none")

    tasks = gram = masses = property(_alone)

    def between(self, order: int, y: Number, a: Number, b: Number) -> NoReturn:
        self._alone()

    def eigenvalues(self, rows: list[list[Number]]) -> NoReturn:
        self._alone()

    def constant(self, name: str) -> NoReturn:
        self._alone()

    def _columns(self, values: Any) -> list[Number]:
        if not isinstance(values, np.ndarray) or not _plain(self._of.batch.instance(0)):
            raise OneByOneError("not given as an array")
        return list(values.reshape(len(values), -1).T)

    @property
    def omega(self) -> list[Number]:
        return self._columns(getattr(self._of.batch, "omega", None))

    @property
    def comparator(self) -> list[Number]:
        return self._columns(getattr(self._of.batch, "rival", None))

    @property
    def gradient(self) -> list[Number]:
        return self._columns(getattr(self._of, "gradient", None))

    def number(self, value: int | str | fmpq) -> Number:
        return Floats.number(rational(value))

    def sqrt(self, t: Number) -> Number:
        return np.sqrt(np.maximum(t, 0))

    def exp(self, t: Number) -> Number:
        return np.exp(t)

    def magnitude(self, t: Number) -> Number:
        return np.abs(t)

    def _larger(self, s: Number, t: Number) -> Number:
        return np.maximum(s, t)


PASSED = (UndefinedQuantityError, IrrationalError, TooLargeError, OneByOneError)
"""What a quantity may say of itself; anything else that it raises is a defect of it."""


def evaluated(quantity: Quantity, at: At) -> Any:
    """The quantity there. Errors: PASSED; BadInputError with the line of what fails in it."""
    what = f"the quantity {quantity.name}"
    return heard(what, quantity, partial(_evaluated, at=at, what=what), quantity.value)


def _evaluated(quantity: Quantity, at: At, what: str) -> Any:
    code = quantity.value.__code__
    try:
        value = quantity.value(Sealing(at, (At, TaskAt, Risk), (Instance,)))
    except PASSED:
        raise
    except BadInputError:
        raise
    except Exception as error:
        raise fault(error, code.co_filename, what) from error
    if not isinstance(value, Sealed | int | np.integer | fmpq):
        required = "a number that at gave, or an exact one: no float; constants are whole numbers, or at.number('1/3')"
        place = f"line {code.co_firstlineno}, {quantity.name}"
        raise BadInputError(code.co_filename, place, type(value).__name__, required)
    return opened(value)


@contextmanager
def judging(what: str) -> Iterator[None]:
    """A user's mistake within the block is told with what it was found on."""
    try:
        yield
    except BadInputError as error:
        raise BadInputError(error.file, error.field, error.given, f"{error.required} (on {what})") from error


def _decided(quantity: Quantity, of: CoreQuantities) -> Number:
    value = evaluated(quantity, Deciding(of))
    return value if isinstance(value, arb) else of.m.number(fmpq(value))


def deciding(base: type[CoreQuantities], own: Mapping[str, Quantity]) -> type[CoreQuantities]:
    """The engine that decides, which has these quantities, too."""

    class Extended(base):  # type: ignore[valid-type, misc]
        def scale(self, name: str) -> arb:
            # Of an own quantity nobody knows what is summed in it: that excuses nothing.
            return arb(0) if name in own else super().scale(name)

        def rounding(self, name: str) -> float:
            return float(self(name).rad()) if name in own else super().rounding(name)

    for name, quantity in own.items():
        setattr(Extended, name, property(partial(_decided, quantity)))
    Extended.__name__ = Extended.__qualname__ = base.__name__
    return Extended


class Batched:
    """The engine that searches, with quantities of one's own: a factory, as its class is.

    base   the engine of the family, exactly   that which decides, for what arrays do not have
    """

    BITS = 64

    def __init__(
        self, base: Callable[[Any], Any], own: Mapping[str, Quantity], exactly: Callable[[Any], CoreQuantities]
    ) -> None:
        self._base, self._own, self._exactly = base, own, exactly

    def __call__(self, batch: Any) -> BatchedQuantities:
        return BatchedQuantities(self._base(batch), batch, self._own, self._exactly)

    def __getattr__(self, name: str) -> Any:
        """What the engine has by that name, as its class would say."""
        return self._own[name] if name in self._own else getattr(self._base, name)


class BatchedQuantities:
    """The quantities of a batch by name, each (B,)."""

    def __init__(
        self, of: Any, batch: Any, own: Mapping[str, Quantity], exactly: Callable[[Any], CoreQuantities]
    ) -> None:
        self._of, self.batch, self._own, self.exactly = of, batch, own, exactly
        self._each: list[CoreQuantities] = []

    def __call__(self, name: str) -> Any:
        if name not in self._own:
            return self._of(name)
        try:
            value = evaluated(self._own[name], Searching(self))
        except OneByOneError:
            return self._one_by_one(name)
        return np.broadcast_to(np.asarray(value, dtype=float), (len(self.batch),))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)

    def _one_by_one(self, name: str) -> Any:
        """The same of every instance, as midpoints of balls; NaN where it has no value."""
        with ctx.workprec(Batched.BITS):
            if not self._each:
                self._each = [self.exactly(self.batch.instance(b)) for b in range(len(self.batch))]
            return np.array([self._value(at, name) for at in self._each])

    @staticmethod
    def _value(at: CoreQuantities, name: str) -> float:
        try:
            return midpoint(at(name))
        except UndefinedQuantityError:
            return float("nan")
