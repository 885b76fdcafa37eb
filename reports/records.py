"""Records: what a command found, as JSON that other programs and the page read.

A record is written atomically, holds finite numbers or null, and names everything needed to run it again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import platform
import secrets
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from msgspec import to_builtins

from ..impl.files.text import read, reported

RECORDS = ("verify.json", "kept.json", "audit.json", "mutation.json")
"""The records that a report's page is made from."""

PACKAGES = ("metagap", "numpy", "scipy", "python-flint", "sympy", "hypothesis", "torch", "scikit-learn", "gymnasium")


SOURCES = Path(__file__).resolve().parent.parent
"""The folder that holds theory/, impl/ and reports/."""


def _digest(layers: Iterable[str], pattern: str) -> str:
    """One sha256 of the layers' files, with their paths."""
    digest = hashlib.sha256()
    for path in sorted(path for layer in layers for path in (SOURCES / layer).rglob(pattern)):
        if path.is_file() and path.suffix != ".pyc":
            content = path.read_bytes()
            digest.update(f"{path.relative_to(SOURCES).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@cache
def sources() -> str:
    """Of every Python file of theory/ and impl/: what claimed and what decided."""
    return _digest(("theory", "impl"), "*.py")


@cache
def contents() -> str:
    """Of every file of theory/, impl/ and reports/, data included: all that a job's result may depend on."""
    return _digest(("theory", "impl", "reports"), "*")


def environment() -> dict[str, str]:
    """What a result depends on: the versions, the machine, and one digest of the theory and the engine."""
    found = {
        "python": platform.python_version(),
        "platform": sys.platform,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "sources": sources(),
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def hashes(record: object, folder: Path) -> dict[str, str]:
    """The sha256 of each file in the folder that the record names. Errors: BadInputError."""
    names = sorted(set(_files(to_builtins(record))))
    return {name: hashlib.sha256(content_of(folder / name)).hexdigest() for name in names}


def content_of(path: Path) -> bytes:
    """The bytes of a file. Errors: BadInputError."""
    with reported(str(path)):
        return read(str(path))


def _files(record: object) -> Iterator[str]:
    items = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    for name, value in items:
        if name in ("file", "witness") and isinstance(value, str):
            yield value
        else:
            yield from _files(value)


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def finite(value: float | None) -> float | None:
    """The number, or None where JSON has no name for it."""
    return value if value is not None and math.isfinite(value) else None


def dumps(record: object) -> str:
    """Strict JSON (no NaN, no Infinity), readable."""
    text = json.dumps(to_builtins(record), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    return clean(text)


_RAW = {
    code: "\ufffd"
    for code in (*range(32), *range(127, 160), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF)
    if chr(code) not in "\t\n"
}


def clean(text: str) -> str:
    """The text without what no page and no XML may hold raw: control characters and lone surrogates."""
    return text.translate(_RAW)


def in_folder(command: str, folder: str) -> str:
    """A record's command with its {folder}, as a shell reads it and no program takes it for an option."""
    return command.replace("{folder}", shlex.quote(f"./{folder}" if folder.startswith("-") else folder))


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, as `write_bytes` does."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """`write_parts` of one."""
    write_parts(path, [content])


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """Write atomically: the old file stays until the new one is complete. A pipe or a device is written as it is."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            stream.writelines(parts)
        return
    path = path.resolve()  # a link stays one
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.writelines(parts)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def save_files(texts: Mapping[str, str], folder: Path) -> None:
    """Write the files that a record names, by their paths below its folder."""
    for name, text in texts.items():
        write_text(folder / name, text)
