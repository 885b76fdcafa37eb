"""The files that are read, as JSON schemas made from their readers: the instance and the certificate.

A schema says which fields there are and of which JSON type. What a number, a shape or a sum must be beyond that, the
readers check; their words for it are the descriptions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ...impl.families import readers
from ...impl.files.records import Reader
from ...impl.optimum.certificate import RECORDS

Schema = dict[str, Any]
"""A JSON schema."""

DESCRIPTION = (
    "A finite problem on which claims are judged. optimum, certify and audit do without omega, comparator and radius."
)
CERTIFICATE = "A bracket of the global minimum with what shows it (metagap optimum --certificate)."


def instance_schema() -> Schema:
    """One alternative for each reader."""
    kinds: list[Schema] = []
    parts: Schema = {}
    for reader in readers():
        kind, own = _of_reader(reader)
        kinds.append(kind)
        parts |= own
    return {"description": DESCRIPTION, "anyOf": kinds, "$defs": parts}


def certificate_schema() -> Schema:
    """One alternative for each way to show a lower end."""
    kinds, parts = msgspec.json.schema_components(RECORDS.values(), ref_template="#/$defs/{name}")
    return {"description": CERTIFICATE, "anyOf": list(kinds), "$defs": parts}


def _of_reader(reader: Reader) -> tuple[Schema, Schema]:
    """The schema of the reader's documents and the parts that it refers to, their names made its own."""
    kind = f"{reader.problem}.{reader.model}"
    template = f"#/$defs/{kind}.{{name}}"
    (top,), parts = msgspec.json.schema_components([reader.document], ref_template=template)
    own = {f"{kind}.{name}": part for name, part in parts.items()}
    for path, required in reader.required.items():
        for node in _nodes(top, own, [] if path == "document" else re.findall(r"\w+|\[\]", path)):
            node["description"] = required.rstrip(",")
    for document in _resolved(top, own):
        document["properties"]["format"] = (
            {"enum": list(reader.formats)} if reader.formats[1:] else {"const": reader.formats[0]}
        )
        document["properties"]["problem"] = {"const": reader.problem}
    return top, own


def _nodes(node: Schema, parts: Schema, path: list[str]) -> Iterator[Schema]:
    """The schemas of a field, by its path."""
    if not path:
        yield node
        return
    for whole in _resolved(node, parts):
        below = whole.get("items") if path[0] == "[]" else whole.get("properties", {}).get(path[0])
        if isinstance(below, dict):
            yield from _nodes(below, parts, path[1:])


def _resolved(node: Schema, parts: Schema) -> Iterator[Schema]:
    """The alternatives of a schema, references followed."""
    if "$ref" in node:
        yield from _resolved(parts[node["$ref"].removeprefix("#/$defs/")], parts)
    elif "anyOf" in node:
        for one in node["anyOf"]:
            yield from _resolved(one, parts)
    else:
        yield node
