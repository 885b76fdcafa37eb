"""What is wrong with an input: the one-line error, and how a reader says it."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from difflib import get_close_matches
from enum import Enum

from msgspec import UNSET


class Missing(Enum):
    """What was given for a field that is not there."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "<missing>"


class BadInputError(ValueError):
    """An input that is no instance: `<file>: <field>=<given!r>: <required>`, on one line.

    file is its name, field the place in it with its indices ("tasks[0].atoms[1].p"), given the value that was
    read there (`Missing.MISSING` if none; UNSET: nothing is quoted), required what was required and what to do.
    """

    def __init__(self, file: str, field: str, given: object, required: str) -> None:
        super().__init__(file, field, given, required)
        self.file, self.field, self.given, self.required = file, field, given, required

    def __str__(self) -> str:
        file = self.file if self.file.isprintable() else repr(self.file)
        given = "" if self.given is UNSET else f"={SHORT.repr(self.given)}"
        return f"{file}: {_line(self.field, 200)}{given}: {_line(self.required, 1000)}"


def _line(text: str, longest: int) -> str:
    """Text that may quote the input, in a part of a line: escaped and cut, where that is needed."""
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= longest else text[: longest // 2] + "..." + text[-longest // 2 :]


SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 80
SHORT.maxlevel = 3


def nearest(name: str, known: Iterable[str]) -> str:
    """The names that may have been meant, as the end of a message; empty if none is near."""
    close = get_close_matches(name, known, n=3, cutoff=0.6)
    return f" (did you mean {', '.join(close)}?)" if close else ""


class FaultError(Exception):
    """A BadInputError that does not know its file yet.

    field the place in the document, advice what to do, what was required (None: what the reader's table says of the
    field), given the value there (UNSET: look it up in the document).
    """

    def __init__(self, field: str, advice: str = "correct it", what: str | None = None, given: object = UNSET) -> None:
        super().__init__(field, advice, what, given)
        self.field, self.advice, self.what, self.given = field, advice, what, given
