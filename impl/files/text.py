"""Files to bytes, text to plain JSON values and back: what every reader of ours begins with.

Regular files alone are read (no device, pipe or socket, which may never end), up to `LARGEST_FILE` bytes. A field that
is given twice and brackets deeper than `DEEPEST` are refused, with their place.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from msgspec import UNSET

from .faults import SHORT, BadInputError, FaultError, Missing
from .numbers import NUMBER

LARGEST_FILE = 64 * 2**20
"""Bytes in the largest file that is read: its JSON values take up to 20 times as much memory."""
DEEPEST = 32
"""Brackets around the innermost value of a document."""
_PROGRAM = "FILE.py:FUNCTION is run by metagap certify, judge and check-gradient, one at a time"
ELSEWHERE = {
    r"\.(csv|npz)$": "metagap certify and metagap audit read tables",
    r"\.py(:[A-Za-z_]\w*)?$": _PROGRAM,
}
"""How names of files end that are given where a JSON file is read, and what is to be done with these."""

_MANY = re.compile(r"((\d+|finite|whole) )?(?!class\b|less\b)[a-z]{3,}s\b")
"""How what is required begins where it is several things."""


def document(path: str | os.PathLike[str]) -> Any:
    """The JSON value in a file. Errors: BadInputError."""
    file = os.fsdecode(path)
    with reported(file):
        for ending, advice in ELSEWHERE.items():
            if re.search(ending, file):
                raise FaultError("path", advice, "a JSON file", file)
        return parsed(read(file))


def document_in(text: bytes | str, source: str) -> Any:
    """The JSON value in a text (bytes: UTF-8), which errors call `source`. Errors: BadInputError."""
    with reported(source):
        return parsed(text)


@contextmanager
def reported(file: str, content: Any = UNSET, advice: str = "") -> Iterator[None]:
    """Faults as errors of that file, whose JSON value is `content`: what they do not quote is looked up there. `advice`
    stands for theirs. Errors: BadInputError."""
    try:
        yield
    except FaultError as fault:
        given = fault.given if fault.given is not UNSET or content is UNSET else lookup(content, fault.field)
        what = fault.what or NUMBER
        required = f"{what} {'are' if _MANY.match(what) else 'is'} required; {advice or fault.advice}"
        raise BadInputError(file, fault.field, given, required) from None


def read(file: str, largest: int | None = None) -> bytes:
    """The bytes of a regular file, by its name or by a link to it: at most so many, or LARGEST_FILE.

    Errors: FaultError.
    """
    largest = LARGEST_FILE if largest is None else largest
    try:
        status = os.stat(file)
        size, text = status.st_size, b""
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise FaultError("path", "save it as a file first", "a regular file, not a device or a pipe,", file)
        if size <= largest:
            with open(file, "rb", opener=_without_waiting) as stream:
                text = stream.read(largest + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise FaultError("path", "correct it or its permissions", f"a readable file ({reason})", file) from None
    except ValueError:
        what = "a path without null characters and lone surrogates"
        raise FaultError("path", what=what, given=file) from None
    _check_size(max(size, len(text)), largest)
    return text


def _without_waiting(file: str, flags: int) -> int:
    """A pipe that took the file's place since it was looked at would be waited for."""
    return os.open(file, flags | getattr(os, "O_NONBLOCK", 0))


def _check_size(size: int, largest: int) -> None:
    if size > largest:
        raise FaultError("size", "use fewer atoms or shorter numbers", f"a size of at most {largest} bytes", size)


def parsed(text: bytes | str) -> Any:
    """The JSON value of a text. NaN and infinities are kept, for the reader of the field to refuse."""
    _check_size(len(text), LARGEST_FILE)
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            bad = error.object[error.start : error.start + 1]
            raise FaultError(f"byte {error.start}", "save the file as UTF-8", "UTF-8 text", bad) from None
    _check_surrogates(text)
    repeated: list[tuple[dict[str, Any], str]] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            repeated.append((fields, Counter(name for name, _ in pairs).most_common(1)[0][0]))
        return fields

    try:
        document = json.loads(text, object_pairs_hook=collect, parse_int=_integer)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        given = text[error.pos : error.pos + 20] or Missing.MISSING
        raise FaultError(place, "correct the text", f"JSON ({error.msg.lower()})", given) from None
    except RecursionError:
        raise _too_deep(text) from None
    _check_depth(document, text)
    if _SURROGATE.search(text):
        for string in _strings(document):
            _check_surrogates(string)
    if repeated:
        # The last one to be completed is not inside a value that a repeated field threw away.
        fields, name = repeated[-1]
        field = join(_place(document, fields), name)
        raise FaultError(field, "remove all but one", "a field that is given once", fields[name])
    return document


def _too_deep(text: str) -> FaultError:
    what = f"a document nested at most {DEEPEST} deep"
    return FaultError("document", "remove the superfluous brackets", what, text[:40])


def _check_depth(document: Any, text: str) -> None:
    level = [document] if isinstance(document, list | dict) else []
    for _ in range(DEEPEST):
        level = [
            item
            for value in level
            for item in (value.values() if isinstance(value, dict) else value)
            if isinstance(item, list | dict)
        ]
        if not level:
            return
    raise _too_deep(text)


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _check_surrogates(string: str) -> None:
    """Errors: FaultError for text that no file in UTF-8 can hold."""
    try:
        string.encode()
    except UnicodeEncodeError:
        what = "text without lone surrogates (\\ud800..\\udfff)"
        raise FaultError("document", "remove them", what, string) from None


def _strings(document: Any) -> Iterator[str]:
    """Every string in the document, names of fields too."""
    stack = [document]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            yield from value
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | dict):
            stack += value.values() if isinstance(value, dict) else value


def _integer(digits: str) -> int | float:
    """An integer as float64 if it is too long to be an index (Python refuses to read very long ones)."""
    return int(digits) if len(digits) < 19 else float(digits)


def _place(document: Any, target: object) -> str:
    """The path of an object in the document."""
    stack = [("", document)]
    while stack:
        path, value = stack.pop()
        if value is target:
            break
        if isinstance(value, dict):
            items = [(join(path, name), item) for name, item in value.items()]
        else:
            items = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
        stack += [item for item in items if isinstance(item[1], list | dict)]
    return path


def join(path: str, name: str) -> str:
    """The path of a field of the object at `path`; names that could not stand in a line are quoted."""
    if not (name.isascii() and name.isidentifier() and len(name) <= 40):
        return f"{path}[{SHORT.repr(name)}]"
    return f"{path}.{name}" if path else name


def lookup(document: Any, path: str) -> object:
    """What the document gives at a path of the format."""
    value = document
    if path == "document":
        return value
    # Of a record a name may have a point in it ("0.5").
    for name, index in re.findall(r"(\d+\.\d+|\w+)|\[(\d+)\]", path):
        value = value[int(index)] if index else value.get(name, Missing.MISSING)
    return value


_quoted = lru_cache(maxsize=1024, typed=True)(json.dumps)
"""The names of fields, over and over."""


def laid_out(value: object, margin: str) -> str:
    """JSON text in which everything that holds no list or object takes one line."""
    if not isinstance(value, list | dict):
        return json.dumps(value)
    items: Sequence[object] = list(value.values()) if isinstance(value, dict) else value
    kinds = set(map(type, items))
    if not any(issubclass(kind, list | dict) for kind in kinds):
        # Of finite numbers Python's text is JSON's, and made sooner.
        plain = isinstance(value, list) and kinds == {float} and all(map(math.isfinite, value))
        return repr(value) if plain else json.dumps(value)
    inner = margin + "  "
    if isinstance(value, list) and kinds == {list}:
        # Rows that hold no list or object at once: as many brackets as rows, in texts neither.
        text = json.dumps(value)
        if text.count("[") == len(items) + 1 and "{" not in text:
            return f"[\n{inner}" + text[1:-1].replace("], [", f"],\n{inner}[") + f"\n{margin}]"
    texts = [laid_out(item, inner) for item in items]
    if isinstance(value, dict):
        texts = [f"{_quoted(name)}: {text}" for name, text in zip(value, texts, strict=True)]
    left, right = "{}" if isinstance(value, dict) else "[]"
    return left + ",".join(f"\n{inner}{text}" for text in texts) + f"\n{margin}{right}"
