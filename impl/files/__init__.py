"""Instance files: lossless reading and writing of the formats "metagap/instance/1" and, of tasks with supports, "/2".

    instance_in    a JSON value -> Instance, by the reader of its kind; every bad input is a BadInputError, on one line
    dumps          Instance -> the text of its file, which is read as the same instance exactly

Beyond the format: a field given twice is an error (JSON readers disagree on which one counts), and numbers are bounded
(`numbers`). Which kinds there are is in `families`, with `load` and `loads`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from ..instances import Instance
from .faults import BadInputError, FaultError, Missing
from .numbers import written
from .parameters import load_vector
from .records import Reader
from .text import laid_out, lookup

__all__ = ["BadInputError", "Missing", "dumps", "instance_in", "load_vector"]


def instance_in(
    document: Any, source: str, readers: Sequence[Reader], place: str = "", *, problem: bool = False
) -> Instance:
    """The instance that a JSON value describes, at `place` in the file `source`, which one of the readers must know.

    `problem`: its omega, comparator and radius may be missing (0 or W0, and 1). Errors: BadInputError.
    """
    reader = readers[0]
    try:
        reader = _reader(document, readers)
        if problem:
            document = reader.completed(document)
        return reader.read(document)
    except FaultError as fault:
        given = lookup(document, fault.field) if fault.given is UNSET else fault.given
        field = f"{place}.{fault.field}" if place else fault.field
        raise BadInputError(source, field, given, reader.requirement(fault)) from None


def _reader(document: Any, readers: Sequence[Reader]) -> Reader:
    """The reader for a document: of its problem and model, else the first of its problem.

    Errors: FaultError if it is no instance file, or one of an unknown kind.
    """
    if not isinstance(document, dict):
        raise FaultError("document", "give an instance file")
    form, problem, model = (document.get(name) for name in ("format", "problem", "model"))
    if not any(form in reader.formats for reader in readers):
        advice = "give an instance file"
        if isinstance(form, str) and form.startswith("metagap/instance/"):
            advice = "this version of metagap reads no other; convert the file"
        elif isinstance(form, str) and form.startswith("metagap/"):
            advice = "this is another kind of metagap file; give an instance file"
        raise FaultError("format", advice)
    own = [reader for reader in readers if reader.problem == problem]
    if not own:
        known = sorted({reader.problem for reader in readers}, reverse=True)
        raise FaultError("problem", what=" or ".join(map(repr, known)))
    kind = model.get("name") if isinstance(model, dict) else None
    found = next((reader for reader in own if reader.model == kind), own[0])
    if form not in found.formats:
        raise FaultError("format", f"no other is known for {problem}", " or ".join(map(repr, found.formats)))
    return found


def dumps(instance: Instance) -> str:
    """The text of the instance's file, with a line for each row of numbers and each atom.

    Errors: ValueError for a number beyond NUMBER_BITS, which could not be read again.
    """
    return laid_out(instance.document(written), "") + "\n"
