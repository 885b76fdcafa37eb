"""The files that other programs read and write, as types: checked when they are read, published as JSON schemas.

A field of a record is here or nowhere: unknown, missing and mistyped fields are refused, with their place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar, cast

import msgspec

from ...impl.families import FAMILIES, all_claims
from ...impl.files import BadInputError
from ...impl.files.faults import FaultError, nearest
from ...impl.files.records import Record, T, typed
from ...impl.files.text import document, join
from .auditing import AuditRecord, MutantsRecord
from .bundling import TheoremsRecord
from .inputs import Schema, certificate_schema, instance_schema
from .judging import CertifyRecord, CertifyRecord1, ConditionsRecord, Judgement, OptimumRecord
from .programs import GradientRecord, ProgramRecord
from .proving import FormalRecord, RegionsRecord
from .searching import FalsifyRecord, MutationRecord
from .shared import WitnessFile
from .verifying import VerifyRecord

FORMATS: dict[str, type[Record]] = {
    tag.split("/")[1]: kind
    for kind in (
        Judgement,
        OptimumRecord,
        CertifyRecord,
        ConditionsRecord,
        ProgramRecord,
        GradientRecord,
        VerifyRecord,
        AuditRecord,
        MutantsRecord,
        FalsifyRecord,
        MutationRecord,
        WitnessFile,
        FormalRecord,
        RegionsRecord,
        TheoremsRecord,
    )
    if isinstance(tag := kind.__struct_config__.tag, str)
}
"""By the middle word of the record's format, which is its tag."""

OLDER: dict[str, type[Record]] = {"metagap/certify/1": CertifyRecord1}
"""Records of former versions that are read as they are; others differ from this version's in words alone."""

INPUTS: dict[str, Callable[[], Schema]] = {"instance": instance_schema, "certificate": certificate_schema}
"""The same of what is read: instances and certificates have readers of their own."""

NAMES = (*INPUTS, *FORMATS)

RunRecord = VerifyRecord | AuditRecord | MutantsRecord
"""What continuous integration is told of."""

Kind = TypeVar("Kind", bound=Record)

Place = tuple[str | int, ...]
"""Names of fields and indices in lists, from the outside inwards."""


def schema(name: str) -> Schema:
    """The JSON schema (draft 2020-12) of the files of that name that are written."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"metagap/{name}/1" if name in INPUTS else FORMATS[name].__struct_config__.tag,
        **(INPUTS[name]() if name in INPUTS else msgspec.json.schema(FORMATS[name])),
    }


def check(record: object, kind: type[Kind], file: str) -> Kind:
    """The record, if it is one of that kind; an older one (version 1) in the words of this version, or one of OLDER.

    Errors: BadInputError with the place of the first field that is missing, unknown or mistyped.
    """
    wanted = str(kind.__struct_config__.tag)
    given = record.get("format") if isinstance(record, dict) else None
    if given != wanted and given in OLDER and str(given)[:-1] == wanted[:-1]:
        return cast(Kind, rows(_renamed(record), OLDER[given], file))
    if given == wanted[:-1] + "1":
        record = _renamed(record | {"format": wanted} if isinstance(record, dict) else record)
    elif given != wanted:
        raise BadInputError(file, "format", given, f"{wanted!r}; give such a file, or write it again")
    return rows(record, kind, file)


def rows(record: object, kind: type[T], file: str) -> T:
    """The record or a part of one, if it is of that type and says nothing but finite numbers and names that this
    version knows.

    Errors: BadInputError with the place.
    """
    try:
        found = typed(record, kind, lambda place, words: f"a record of this version ({words})")
    except FaultError as fault:
        raise BadInputError(file, fault.field, fault.given, f"{fault.what}; run the command again") from None
    # Fields whose values are names in the theory, wherever they are: what reads a record looks them up.
    own = found.own.claims if isinstance(found, RunRecord) and found.own is not None else ()
    claims = {claim.name for claim in all_claims()} | {claim.name for claim in own}
    known = {"claim": claims, "family": set(FAMILIES)}
    for place, value in _leaves(record, ()):
        field = place[-1]
        if isinstance(value, float) and not math.isfinite(value):
            raise BadInputError(file, _spelled(place), value, "a finite number or null; run the command again")
        if field in known and isinstance(value, str) and value not in known[field]:
            required = f"a {field} of this version{nearest(value, known[field])}; run the command again"
            raise BadInputError(file, _spelled(place), value, required)
    return found


def _renamed(record: object) -> object:
    """A record in this version's words: the verdict EQUAL was HOLDS."""
    if isinstance(record, list):
        return [_renamed(value) for value in record]
    if not isinstance(record, dict):
        return record
    found = {key: "EQUAL" if (key, value) == ("verdict", "HOLDS") else _renamed(value) for key, value in record.items()}
    if "HOLDS" in found and "EQUAL" not in found:
        found = {"EQUAL" if key == "HOLDS" else key: value for key, value in found.items()}
    return found


def _leaves(record: object, path: Place) -> Iterator[tuple[Place, float | str]]:
    """(place, value) of every number with a point and every text: what a type alone does not judge."""
    pairs = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    for key, value in pairs:
        if isinstance(value, dict | list):
            yield from _leaves(value, (*path, key))
        elif isinstance(value, float | str):
            yield (*path, key), value


def _spelled(place: Place) -> str:
    """The place as errors name it."""
    spelled = ""
    for key in place:
        spelled = f"{spelled}[{key}]" if isinstance(key, int) else join(spelled, key)
    return spelled


def read(path: Path, kind: type[Kind]) -> Kind:
    """The record in a file. Errors: BadInputError."""
    return check(document(path), kind, str(path))
