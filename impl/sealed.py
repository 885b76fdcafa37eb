"""What own code sees of numbers: sums, products, quotients and powers of them, and nothing that decides by one.

An enclosure answers `a <= b` with False where it cannot tell, so code that asks takes a branch that nothing proves. A
sealed number cannot be asked: no comparison, no truth value, no float, no hash, no text. Numbers are sealed where they
are handed to own code, and opened where it hands them back.
"""

from __future__ import annotations

import operator
import traceback
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import wraps
from typing import Any, ClassVar, NoReturn

import numpy as np
from flint import arb, fmpq, fmpz
from msgspec import UNSET

from ..theory.claim import UndefinedQuantityError
from .arithmetic import fenced, quotient
from .files.faults import BadInputError, nearest

EXACT = int | np.integer | fmpz | fmpq
"""What own code may combine with a sealed number."""
HIGHEST = 1000
"""The highest power that it may take: those of rationals have as many times the digits."""


PACKAGE = __name__.partition(".")[0] + "."


class Exactly:
    """An exact rational of each instance of a batch (`alike`)."""

    def __init__(self, values: list[fmpq]) -> None:
        self.values = values


class MisuseError(Exception):
    """Own code asks for what there is not, or would decide by a number; the message says what to write."""


def _asked(what: str, use: str = "largest, least, magnitude") -> Callable[..., NoReturn]:
    def refuse(*_: object) -> NoReturn:
        raise MisuseError(f"it asks {what} of a number, which no enclosure answers: use {use}")

    return refuse


def divided(top: Any, bottom: Any) -> Any:
    """top/bottom. Errors: UndefinedQuantityError where a rational is divided by 0."""
    try:
        return quotient(top, bottom)
    except ZeroDivisionError:
        raise UndefinedQuantityError("a number is divided by 0") from None


def _told(method: Callable[..., Any]) -> Callable[..., Any]:
    """The operation; the kind of its number hears what it raises."""

    @wraps(method)
    def asked(self: Sealed, *given: Any) -> Any:
        try:
            return method(self, *given)
        except Exception as error:
            self.hear(error)
            raise

    return asked


def _operators(operation: Callable[[Any, Any], Any]) -> Iterator[Callable[[Sealed, object], Any]]:
    """The operation with the number on its left, and on its right."""

    @_told
    def forward(self: Sealed, other: object) -> Any:
        found = _operand(other, self)
        return found if found is NotImplemented else type(self)(operation(self._number, found))

    @_told
    def backward(self: Sealed, other: object) -> Any:
        found = _operand(other, self)
        return found if found is NotImplemented else type(self)(operation(found, self._number))

    yield forward
    yield backward


def _operand(other: object, number: Sealed) -> Any:
    """What to combine a number with; NotImplemented of what is no number. Errors: MisuseError for a float, and for a
    number of another kind."""
    if isinstance(other, Sealed):
        return opened(other, type(number))
    if isinstance(other, int | np.integer):
        return int(other)
    if isinstance(other, EXACT | Exactly):
        return number.lifted(other)
    if isinstance(other, float):
        raise MisuseError(f"{other!r} is no exact constant: there are whole numbers, fractions of them, number('1/3')")
    return NotImplemented


class Sealed:
    """A number of any number system, for arithmetic alone."""

    __slots__ = ("_number",)

    def __init__(self, number: Any) -> None:
        self._number = number

    @staticmethod
    def lifted(exact: Any) -> Any:
        """An exact constant (or an enclosed one) as it stands beside numbers of the kind."""
        return exact

    @classmethod
    def hear(cls, error: Exception) -> None:
        """An operation on numbers of the kind has raised it."""

    __add__, __radd__ = _operators(operator.add)
    __sub__, __rsub__ = _operators(operator.sub)
    __mul__, __rmul__ = _operators(operator.mul)
    __truediv__, __rtruediv__ = _operators(divided)

    @_told
    def __pow__(self, exponent: int) -> Sealed:
        if not isinstance(exponent, int):
            return NotImplemented
        if abs(exponent) > HIGHEST:
            raise MisuseError(f"whole powers up to {HIGHEST} are taken")
        found = type(self)(fenced(self._number) ** abs(exponent))
        return 1 / found if exponent < 0 else found

    def __neg__(self) -> Sealed:
        return type(self)(-self._number)

    def __pos__(self) -> Sealed:
        return self

    def __abs__(self) -> Sealed:
        return type(self)(abs(self._number))

    def __repr__(self) -> str:
        return "<number>"

    def __copy__(self, *_: object) -> Sealed:
        return self

    __deepcopy__ = __copy__

    __lt__, __le__, __gt__, __ge__ = map(_asked, ("<", "<=", ">", ">="))
    __eq__, __ne__ = map(_asked, ("==", "!="))
    __hash__ = _asked("a hash")
    __bool__ = _asked("the truth")
    __float__ = _asked("the float", "the functions that are given, as at.sqrt (no math, no numpy)")
    __int__, __index__, __complex__ = map(_asked, ("the integer", "the index", "the complex"))
    __reduce_ex__ = _asked("a pickle", "the number itself")
    __round__, __floor__, __ceil__, __trunc__ = map(_asked, ("the rounding", "the floor", "the ceiling", "the integer"))


class Smooth(Sealed):
    """A number that is asked for nothing without a derivative. Each run of a rule has a kind of its own: what another
    one left behind is none of its numbers. It remembers what was raised, whoever caught it: what raises differs from
    one number system to the next."""

    __slots__ = ()
    heard: ClassVar[list[Exception]]

    def __abs__(self) -> NoReturn:
        raise MisuseError("it asks abs of a number, which has no derivative at 0: an adaptation must have one")

    @classmethod
    def anew(cls) -> type[Smooth]:
        """Another kind."""
        return type(cls.__name__, (cls,), {"__slots__": (), "heard": []})

    @classmethod
    def hear(cls, error: Exception) -> None:
        cls.heard.append(error)


class Sealing:
    """A thing of the suite as own code sees it: what its functions and fields give is sealed, what they take is opened.

    shown   the kinds of things that are seen so themselves   exact   the kinds that are seen as `Exact`
    kind    of its numbers
    """

    __slots__ = ("_exact", "_kind", "_shown", "_thing")

    def __init__(
        self, thing: Any, shown: tuple[type, ...] = (), exact: tuple[type, ...] = (), kind: type[Sealed] = Sealed
    ) -> None:
        self._thing, self._shown, self._exact, self._kind = thing, shown, exact, kind

    def __call__(self, *args: Any) -> Any:
        return self._sealed(self._thing(*args))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{name} is private")
        if not hasattr(type(self._thing), name) and not hasattr(self._thing, name):
            known = (known for known in dir(self._thing) if not known.startswith("_"))
            raise AttributeError(f"there is no {name}{nearest(name, known)}")
        found = getattr(self._thing, name)
        if isinstance(found, Sealing) or not callable(found):
            return self._sealed(found)

        def asked(*args: Any, **named: Any) -> Any:
            try:
                if name == "number" and any(isinstance(v, Sealed) for v in (*args, *named.values())):
                    raise MisuseError("number takes a constant, which none of its numbers is")
                given = {k: opened(v, self._kind) for k, v in named.items()}
                return self._sealed(found(*(opened(v, self._kind) for v in args), **given))
            except Exception as error:
                self._kind.hear(error)
                raise

        return asked

    __reduce_ex__ = _asked("a pickle", "the thing itself")

    def _sealed(self, value: Any) -> Any:
        if value is None or isinstance(value, int | str | Exactly | Sealing):
            return value
        if isinstance(value, self._exact):
            return Exact(value, kind=self._kind)
        if isinstance(value, self._shown):
            return Sealing(value, self._shown, self._exact, self._kind)
        if isinstance(value, list | tuple):
            return [self._sealed(v) for v in value] if isinstance(value, list) else tuple(map(self._sealed, value))
        return self._kind(value)


class Exact(Sealing):
    """A thing of the suite that is exact, as an instance is: rationals are given as they are, enclosures are sealed."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return bool(self._thing == opened(other))

    def __hash__(self) -> int:
        return hash(self._thing)

    def _sealed(self, value: Any) -> Any:
        if isinstance(value, arb):
            return self._kind(self._kind.lifted(value))
        if isinstance(value, tuple):
            return tuple(map(self._sealed, value))
        return (
            Exact(value, kind=self._kind)
            if type(value).__module__.startswith(PACKAGE) and not isinstance(value, Enum)
            else value
        )


def opened(value: Any, kind: type[Sealed] = Sealed) -> Any:
    """What own code hands over, with its numbers as they are; lists of what can be gone through.

    Errors: MisuseError for a number of another kind.
    """
    if isinstance(value, Sealed):
        if not isinstance(value, kind):
            raise MisuseError("it uses a number of another call, which is none of this one's: nothing may be kept")
        return value._number
    if isinstance(value, Sealing):
        return value._thing
    if isinstance(value, np.integer):
        return int(value)
    return [opened(v, kind) for v in value] if isinstance(value, Iterable) and not isinstance(value, str) else value


def fault(error: Exception, file: str, what: str = "") -> BadInputError:
    """An exception in a user's file, with the last of its lines; `what` of the file it is."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else lines[-1] if lines else None
    place = ", ".join(part for part in (f"line {line}" if line else "", what) if part)
    kind = "" if isinstance(error, MisuseError) else f"{type(error).__name__}: "
    words = "it asks for itself, directly or not" if isinstance(error, RecursionError) else str(error)
    return BadInputError(file, place, UNSET, kind + " ".join(words.split())[:400])
