"""Instance files: lossless reading and writing of the format "metagap/instance/1".

    load, loads    a file or a text -> Instance; every bad input is a BadInputError, on one line
    save, dumps    Instance -> a file or a text, with loads(dumps(x)) == x exactly

Beyond the format: a field given twice is an error (JSON readers disagree on which one counts), and numbers are bounded
(`numbers`). A new kind of instance adds its reader to `READERS`.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from msgspec import UNSET

from ..instances import FORMAT, Instance, Vector
from ..meta_rl.document import READER as META_RL
from ..meta_rl_network.document import READER as META_RL_NETWORK
from ..meta_rl_smooth_network.document import READER as META_RL_SMOOTH_NETWORK
from ..meta_sl.document import READER as META_SL
from ..network.document import READER as NETWORK
from ..smooth_network.document import READER as SMOOTH_NETWORK
from .faults import BadInputError, FaultError, Missing
from .numbers import NUMBER, Number, Row, exact_row, written
from .records import Reader, typed
from .text import document, document_in, laid_out, lookup

__all__ = ["BadInputError", "Missing", "dumps", "instance_in", "load", "load_vector", "loads", "save"]

READERS: dict[tuple[str, str], Reader] = {
    ("meta-sl", "linear"): META_SL,
    ("meta-sl", "relu-network"): NETWORK,
    ("meta-sl", "smooth-network"): SMOOTH_NETWORK,
    ("meta-rl", "linear"): META_RL,
    ("meta-rl", "relu-network"): META_RL_NETWORK,
    ("meta-rl", "smooth-network"): META_RL_SMOOTH_NETWORK,
}
"""How documents of each (problem, model) are read."""


def load(path: str | os.PathLike[str], *, problem: bool = False) -> Instance:
    """The instance in the file at `path`; `problem`: its omega, comparator and radius may be missing (0 or W0, and 1).

    Errors: BadInputError.
    """
    return instance_in(document(path), os.fsdecode(path), problem=problem)


def loads(text: bytes | str, source: str = "<string>", *, problem: bool = False) -> Instance:
    """The instance in a text (bytes: UTF-8), which errors call `source`; `problem` as in `load`.

    Errors: BadInputError.
    """
    return instance_in(document_in(text, source), source, problem=problem)


def instance_in(document: Any, source: str, place: str = "", *, problem: bool = False) -> Instance:
    """The instance that a JSON value describes, at `place` in the file `source`; `problem` as in `load`.

    Errors: BadInputError.
    """
    reader = META_SL
    try:
        reader = _reader(document)
        if problem:
            document = reader.completed(document)
        return reader.read(document)
    except FaultError as fault:
        given = lookup(document, fault.field) if fault.given is UNSET else fault.given
        field = f"{place}.{fault.field}" if place else fault.field
        raise BadInputError(source, field, given, reader.requirement(fault)) from None


def load_vector(path: str | os.PathLike[str], length: int) -> Vector:
    """The exact numbers of a JSON list in a file: a parameter. Errors: BadInputError."""
    file, given = os.fsdecode(path), document(path)
    what = f"a JSON list of {length} numbers"
    try:
        row: Row = typed(given, list[Number], lambda place, _: what)
        if len(row) != length:
            raise FaultError("document", "give the parameter alone", what)
        return exact_row(row, "")
    except FaultError as fault:
        value = lookup(given, fault.field) if fault.given is UNSET else fault.given
        raise BadInputError(file, fault.field, value, f"{fault.what or NUMBER} is required; {fault.advice}") from None


def _reader(document: Any) -> Reader:
    """The reader for a document. Errors: FaultError if it is no instance file, or one of an unknown kind."""
    if not isinstance(document, dict):
        raise FaultError("document", "give an instance file")
    form, problem, model = (document.get(name) for name in ("format", "problem", "model"))
    if form != FORMAT:
        advice = "give an instance file"
        if isinstance(form, str) and form.startswith("metagap/instance/"):
            advice = "this version of metagap reads no other; convert the file"
        elif isinstance(form, str) and form.startswith("metagap/"):
            advice = "this is another kind of metagap file; give an instance file"
        raise FaultError("format", advice)
    problems = sorted({name for name, _ in READERS}, reverse=True)
    if problem not in problems:
        known = " or ".join(map(repr, problems))
        raise FaultError("problem", what=known)
    kind = model.get("name") if isinstance(model, dict) else None
    return READERS.get((problem, kind if isinstance(kind, str) else "linear")) or READERS[problem, "linear"]


def dumps(instance: Instance) -> str:
    """The text of the instance's file, with a line for each row of numbers and each atom.

    Errors: ValueError for a number beyond NUMBER_BITS, which could not be read again.
    """
    return laid_out(instance.document(written), "") + "\n"


def save(instance: Instance, path: str | os.PathLike[str]) -> None:
    """Write the instance's file, whole or not at all. Errors: OSError; ValueError as `dumps`."""
    text = dumps(instance)
    target = Path(path)
    temporary = target.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        with open(temporary, "x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
