"""What a quantity of one's own is made of, whatever the number system: see `stated` for each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import partial, reduce
from typing import Any, NoReturn

import numpy as np
from flint import fmpq

from ..theory.claim import Quantity, UndefinedQuantityError
from .alike import PartingError
from .arithmetic import IrrationalError, Number
from .asked import heard
from .balls.core import TooLargeError
from .enclosed.quantities import UnknownError
from .files import BadInputError
from .files.faults import nearest
from .instances import Instance
from .sealed import Exactly, MisuseError, Sealed, Sealing, fault, opened
from .stated_tasks import Risk, TaskAt


class OneByOneError(ArithmeticError):
    """A quantity needs what is not there for several instances at once."""


class At(ABC):
    """What a quantity is made of: the instance that it is evaluated on, in one of the number systems.

    Numbers are balls, rationals or arrays (B,) of a batch: add, subtract, multiply, divide, take integer powers; for
    anything else there are the functions here. Constants are integers, fractions of them, or `number("1/3")`. A user's
    code sees it through `sealed`: whatever it asks of a number but arithmetic is refused.
    """

    def __init__(self, of: Any, kind: type[Sealed] = Sealed) -> None:
        self._of = of
        self.sealed = Sealing(self, (At, TaskAt, Risk), (Instance,), kind)
        """As own code sees it: one thing for all quantities, so that a helper's result may be kept."""

    def __call__(self, name: str) -> Number:
        """The quantity of that name. Errors: UndefinedQuantityError where it has no value."""
        engine = self._engine
        if name.startswith("_") or not hasattr(engine, name):
            known = (known for known in dir(engine) if not known.startswith("_"))
            raise MisuseError(f"there is no quantity {name}{nearest(name, known)}")
        return self._of(name)

    @property
    @abstractmethod
    def _engine(self) -> type:
        """The class that has the quantities."""

    # --- the instance ---

    @property
    @abstractmethod
    def omega(self) -> list[Number]:
        """The point under test, a number each, of linear models and policies. Errors: UndefinedQuantityError for the
        weights of networks, of which there are `at("eps")`, `at("displacement")` and so on."""

    @property
    @abstractmethod
    def comparator(self) -> list[Number]:
        """The comparator theta' [d]. Errors: UndefinedQuantityError where it is functions of the tasks."""

    @property
    @abstractmethod
    def gradient(self) -> list[Number]:
        """grad L(omega) [d]."""

    @property
    @abstractmethod
    def instance(self) -> Instance:
        """The instance itself, whose numbers are exact rationals: tasks, features, loss, adaptation."""

    @property
    @abstractmethod
    def _first(self) -> Any:
        """An instance, whose kind is that of all."""

    def _require_plain(self) -> None:
        """Errors: UndefinedQuantityError unless omega is a list of numbers, as grad L is then."""
        omega = self._first.omega
        if not (isinstance(omega, tuple) and all(isinstance(v, fmpq) for v in omega)):
            self.undefined(f"omega of {self._first.family} is no list of numbers: it is a network's weights")

    def _require_parameter(self) -> None:
        if self._first.against_functions:
            self.undefined("the comparator is given by functions, not by a parameter")

    def _require_tasks(self) -> None:
        if not hasattr(self._first, "rows") or self._first.loss.outputs != 1:
            self.undefined("its tasks are not those of a linear model with one output")

    @abstractmethod
    def exchanged(self) -> At:
        """The same with omega and the comparator exchanged. Errors: as `comparator`."""

    @property
    @abstractmethod
    def tasks(self) -> list[TaskAt]:
        """The tasks of positive weight, of a linear model with one output: `weight`, and `support` and `query`, risks
        with `gradient(theta)`, `hessian(theta)`, `atoms`. Errors: UndefinedQuantityError for other models."""

    @property
    @abstractmethod
    def gram(self) -> list[list[Number]]:
        """The inner products of the meta-features of all (task, input) pairs [N][N]."""

    @property
    @abstractmethod
    def masses(self) -> list[Number]:
        """The masses q_i rho_i(x) of these pairs [N]."""

    @abstractmethod
    def between(self, order: int, y: Number, a: Number, b: Number) -> tuple[Number, Number]:
        """The least and the largest derivative of that order [0..3] of the loss between two predictions."""

    @abstractmethod
    def eigenvalues(self, rows: list[list[Number]]) -> tuple[Number, Number]:
        """The least and the largest eigenvalue of a symmetric matrix."""

    def constant(self, name: str) -> Number:
        """A supremum of the loss over all predictions: "m1" of |ell'|, "m2" of |ell''|, "m3" of |ell'''|.
        Errors: UndefinedQuantityError where it is infinite."""
        if name not in ("m1", "m2", "m3"):
            raise MisuseError(f"there is no constant {name}: m1, m2 or m3")
        found = self._constant(name)
        if found is None:
            self.undefined(f"{name} is infinite for the {self._first.loss.name} loss")
        return found

    @abstractmethod
    def _constant(self, name: str) -> Number | None: ...

    def undefined(self, why: str) -> NoReturn:
        """Says that the quantity has no value here."""
        raise UndefinedQuantityError(why)

    # --- numbers ---

    @abstractmethod
    def number(self, value: int | str | fmpq) -> Number:
        """An exact constant, 2 or "1/3"."""

    @abstractmethod
    def sqrt(self, t: Number) -> Number:
        """The root of what is at least 0 (whatever its enclosure says)."""

    @abstractmethod
    def exp(self, t: Number) -> Number:
        """e^t."""

    @abstractmethod
    def magnitude(self, t: Number) -> Number:
        """|t|."""

    @abstractmethod
    def _larger(self, s: Number, t: Number) -> Number: ...

    def largest(self, values: Iterable[Number]) -> Number:
        """The largest of numbers (constants among them: `number`)."""
        return reduce(self._larger, values)

    def least(self, values: Iterable[Number]) -> Number:
        """The least of them."""
        return -self.largest(-v for v in values)

    def dot(self, a: Iterable[Number], b: Iterable[Number]) -> Number:
        """The inner product of two lists."""
        return sum((s * t for s, t in zip(a, b, strict=True)), start=self.number(0))

    def length(self, entries: Iterable[Number]) -> Number:
        """The Euclidean norm of a list."""
        entries = list(entries)
        return self.sqrt(self.dot(entries, entries))


PASSED = (UndefinedQuantityError, IrrationalError, TooLargeError, OneByOneError, UnknownError, PartingError)
"""What a quantity may say of itself; anything else that it raises is a defect of it."""


def evaluated(quantity: Quantity, at: At) -> Any:
    """The quantity there. Errors: PASSED; BadInputError with the line of what fails in it."""
    what = f"the quantity {quantity.name}"
    return heard(what, quantity, partial(_evaluated, at=at, what=what), quantity.value)


def _evaluated(quantity: Quantity, at: At, what: str) -> Any:
    code = quantity.value.__code__
    try:
        value = quantity.value(at.sealed)
    except PASSED:
        raise
    except BadInputError:
        raise
    except Exception as error:
        raise fault(error, code.co_filename, what) from error
    if not isinstance(value, Sealed | int | np.integer | fmpq | Exactly):
        required = "a number that at gave, or an exact one: no float; constants are whole numbers, or at.number('1/3')"
        place = f"line {code.co_firstlineno}, {quantity.name}"
        raise BadInputError(code.co_filename, place, type(value).__name__, required)
    return opened(value)
