"""Plain JSON values to records, each kind of document with its own reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from ..instances import Instance
from .faults import FaultError, Missing
from .numbers import NUMBER
from .text import join, lookup


class Record(Struct, forbid_unknown_fields=True):
    """A JSON object whose fields are all known."""


@dataclass(frozen=True)
class Reader:
    """How documents of one kind are read.

    document   the record type
    required   what each field must be, by its path with [] for indices; the fields that are not here are numbers
    instance   record -> instance. Errors: FaultError
    """

    document: type[Any]
    required: Mapping[str, str]
    instance: Callable[[Any], Instance]

    def completed(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document with the point under test filled in where it is missing: omega and comparator 0, radius 1."""
        features = document.get("features")
        while isinstance(features, list) and features and isinstance(features[0], list):
            features = features[0]
        zero = [0] * len(features) if isinstance(features, list) else []
        return {"omega": zero, "comparator": zero, "radius": 1} | document

    def read(self, document: Any) -> Instance:
        """The instance in a document. Errors: FaultError."""
        for name in document:
            if name not in self.document.__struct_fields__:
                raise self._unknown("document", name, document)
        return self.instance(self._records(document))

    def requirement(self, fault: FaultError) -> str:
        """What was required at the fault's place, and what to do."""
        return f"{fault.what or self._required(fault.field)} is required; {fault.advice}"

    def _required(self, field: str) -> str:
        return self.required.get(re.sub(r"\[\d+\]", "[]", field), NUMBER)

    def _unknown(self, place: str, name: str, fields: Any) -> FaultError:
        field = join("" if place == "document" else place, name)
        what = self._required(place)
        return FaultError(field, "rename or remove this field", what, fields[name])

    def _records(self, document: Any) -> Any:
        """The document as records: every field is there, no other is, and all have the right JSON type."""
        try:
            return msgspec.convert(document, self.document)
        except UnicodeEncodeError as error:
            what = "text without lone surrogates (\\ud800..\\udfff)"
            raise FaultError("document", "remove them", what, error.object) from None
        except msgspec.ValidationError as error:
            raise self._translated(str(error), document) from None

    def _translated(self, message: str, document: Any) -> FaultError:
        """What msgspec says of a document in our terms, which are the place and what is required there."""
        found = re.search(r" - at `\$\.?([^`]*)`\Z", message)
        place = found[1] if found else ""
        what = message[: found.start()] if found else message
        missing, unknown = "Object missing required field `", "Object contains unknown field `"
        if what.startswith(missing):
            return FaultError(join(place, what.removeprefix(missing)[:-1]), "add it", given=Missing.MISSING)
        if what.startswith(unknown):
            return self._unknown(place, what.removeprefix(unknown)[:-1], lookup(document, place))
        return FaultError(place)
