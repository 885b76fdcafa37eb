"""Own code is asked again before a violation is said: an adaptation, a quantity, a loss must be a function.

One that remembers earlier calls is several functions by turns, and a claim that is true of each may be false of a
mixture. So a violation is found a second time, from nothing, while every call of own code is written down. Then each is
made once more, the last one first; and where a file states it, by the file run afresh, in their order. All must give
the same numbers, to the last bit.

What is accepted is no mixture of two. Say that it is one function up to some call, and another from then on. If that is
among the calls that were written down, those before it are made again after it, by the other function, which therefore
says the same of them: the other one alone led to all that was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from flint import arb, arb_series, ctx, fmpq_series
from msgspec import UNSET

from .files.faults import BadInputError

Found = TypeVar("Found")
Thing = TypeVar("Thing")

AFRESH: list[Callable[[], Mapping[str, Any]]] = []
"""What the claims file that stands states when it is run afresh, by what it is called."""

_called: list[bool] = []
"""Not empty in a process that has asked own code."""
_written: list[list[_Call]] = []
"""The calls that are written down, of whoever listens."""


@dataclass(frozen=True)
class _Call:
    """A call of own code: of what, how it is asked, and what it gave, at so many bits and terms."""

    what: str
    thing: Any
    ask: Callable[[Any], Any]
    function: Callable[..., Any]
    bits: int
    terms: int
    found: object

    def again(self, thing: Any) -> None:
        """Errors: BadInputError where it gives something else."""
        before, ctx.cap = ctx.cap, self.terms
        try:
            with ctx.workprec(self.bits):
                again = _outcome(self.ask, thing)[1]
        finally:
            ctx.cap = before
        if again != self.found:
            raise self.changed(self.what)

    def changed(self, what: str) -> BadInputError:
        """That it is no function, in words."""
        code = getattr(self.function, "__code__", None)
        place = what if code is None else f"line {code.co_firstlineno}, {what}"
        required = "not a function of its arguments: asked the same again, it answers otherwise; no memory, no chance"
        return BadInputError("--claims" if code is None else code.co_filename, place, UNSET, required)


def heard(what: str, thing: Thing, ask: Callable[[Thing], Found], function: Callable[..., Any]) -> Found:
    """ask(thing), numbers or lists of them, of own code: `what` says which, the function where it is."""
    _called[:] = [True]
    if not _written:
        return ask(thing)
    found, known = _outcome(ask, thing)
    _written[-1].append(_Call(what, thing, ask, function, int(ctx.prec), int(ctx.cap), known))
    if isinstance(found, Exception):
        raise found
    return found


def _outcome(ask: Callable[[Thing], Found], thing: Thing) -> tuple[Found | Exception, object]:
    """What it gives or raises, and the same as what can be compared."""
    try:
        found = ask(thing)
    except Exception as error:
        return error, (type(error), str(error))
    return found, _exactly(found)


def _exactly(value: Any) -> object:
    """A number to the last bit, in what can be compared."""
    if isinstance(value, list | tuple):
        return tuple(map(_exactly, value))
    if isinstance(value, arb):
        return (value.mid().man_exp(), value.rad().man_exp()) if value.is_finite() else str(value)
    if isinstance(value, arb_series | fmpq_series):
        return tuple(map(_exactly, value.coeffs()))
    return value.tobytes() if isinstance(value, np.ndarray) else value


@contextmanager
def _listening(calls: list[_Call] | None) -> Iterator[None]:
    """Within the block calls are written down there; None: nowhere."""
    before = list(_written)
    _written[:] = [] if calls is None else [calls]
    try:
        yield
    finally:
        _written[:] = before


def sure(again: Callable[[], Found], agrees: Callable[[Found], bool]) -> None:
    """Finds something `again`, from nothing, which must agree with what was found; nothing is done where no own code
    was ever asked.

    Errors: BadInputError with the line of what is not a function.
    """
    if not _called:
        return
    calls: list[_Call] = []
    with _listening(calls):
        found = again()
    with _listening(None):
        for call in reversed(calls):
            call.again(call.thing)
        stated = {what: thing for file in AFRESH for what, thing in file().items()} if calls else {}
        for call in calls:
            if call.what in stated:
                call.again(stated[call.what])
    if calls and not agrees(found):
        raise calls[0].changed(" or ".join(dict.fromkeys(call.what for call in calls)))
