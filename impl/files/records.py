"""Plain JSON values to records, each kind of document with its own reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from ..instances import FORMAT, Instance
from .faults import FaultError, Missing
from .numbers import NUMBER
from .text import join, lookup


class Record(Struct, forbid_unknown_fields=True):
    """A JSON object whose fields are all known."""


@dataclass(frozen=True)
class Reader:
    """How documents of one kind are read.

    problem, model   what they say they are
    document   the record type
    required   what each field must be, by its path with [] for indices; the fields that are not here are numbers
    instance   record -> instance. Errors: FaultError
    formats    the versions of the format
    """

    problem: str
    model: str
    document: type[Any]
    required: Mapping[str, str]
    instance: Callable[[Any], Instance]
    formats: tuple[str, ...] = (FORMAT,)

    def completed(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document with the point under test filled in where it is missing: omega and comparator 0, radius 1."""
        features = document.get("features")
        while isinstance(features, list) and features and isinstance(features[0], list):
            features = features[0]
        zero = [0] * len(features) if isinstance(features, list) else []
        return {"omega": zero, "comparator": zero, "radius": 1} | document

    def read(self, document: Any) -> Instance:
        """The instance in a document. Errors: FaultError."""
        return self.instance(typed(document, self.document, lambda place, _: self._required(place)))

    def requirement(self, fault: FaultError) -> str:
        """What was required at the fault's place, and what to do."""
        return f"{fault.what or self._required(fault.field)} is required; {fault.advice}"

    def _required(self, field: str) -> str:
        return self.required.get(re.sub(r"\[\d+\]", "[]", field), NUMBER)


T = TypeVar("T")
Requirement = Callable[[str, str], str]
"""(place, what is wrong there in msgspec's words) -> what is required there."""


def typed(document: Any, kind: type[T], required: Requirement) -> T:
    """The document as a value of that type: every field is there, no other is, and all have the right JSON type.

    Errors: FaultError with the place of the first fault.
    """
    if isinstance(document, dict) and issubclass(kind, Struct):
        # Of these msgspec's message has no place, and the name itself may look like one.
        for name in document:
            if name not in kind.__struct_encode_fields__ and name != kind.__struct_config__.tag_field:
                raise _unknown("document", name, document, required("document", "unknown field"))
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _translated(str(error), document, required) from None


def _unknown(place: str, name: str, fields: Any, what: str) -> FaultError:
    field = join("" if place == "document" else place, name)
    return FaultError(field, "rename or remove this field", what, fields[name])


def _translated(message: str, document: Any, required: Requirement) -> FaultError:
    """What msgspec says of a document in our terms, which are the place and what is required there."""
    found = re.search(r" - at `\$\.?([^`]*)`\Z", message)
    # In a table of any names msgspec does not tell which: the table is the place then.
    place = found[1].split("[...]")[0] if found else ""
    words = message[: found.start()] if found else message
    said = words[:1].lower() + words[1:]
    missing, unknown = "Object missing required field `", "Object contains unknown field `"
    if words.startswith(missing):
        field = join(place, words.removeprefix(missing)[:-1])
        return FaultError(field, "add it", required(field, said), Missing.MISSING)
    place = place or "document"
    given = lookup(document, place)
    name = words.removeprefix(unknown)[:-1]
    if words.startswith(unknown) and isinstance(given, dict) and name in given:
        return _unknown(place, name, given, required(place, said))
    return FaultError(place, "correct it", required(place, said), given)
