"""The certificate of a bracket: what is claimed, and the tree of boxes that shows it.

    {"format": "metagap/certificate/1", "instance": {...canonical...}, "radius": "4" | null, "ball": "4",
     "lower": ..., "upper": ..., "at": [...], "how": "tree", "half": ..., "tree": "..."}
                                              "how": "exact", "stationary": [...]}
                                              "how": "floor"}

The claim: lower <= inf L <= upper over ||theta|| <= radius (null: over all parameters). `how` says what shows the lower
end: a tree of boxes that covers the ball, which holds a minimiser (a file without `how` means this); a rational
parameter where the gradient of a convex quadratic vanishes; or a bound that needs no search and is computed again.

`at` is the point of the upper bound. Its coordinates t are those of an orthogonal basis of the span of the features
that carry mass (`basis`): predictions depend on that part of theta alone, and the rest only makes it longer. The tree
is in preorder from the cube [-half, half]^r: a byte j < r splits coordinate j at its middle, a letter is a leaf and
says why it was discarded (`search`); covering is by construction. zlib and base64 make it text.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from flint import fmpq, nmod_mat
from msgspec import Meta

from .. import files
from ..arithmetic import rational
from ..files.faults import BadInputError
from ..files.numbers import Number, written
from ..files.records import Record
from ..instances import Vector
from ..meta_sl.instance import MetaSLInstance

FORMAT = "metagap/certificate/1"
LARGEST_TREE = 2**26
"""Bytes in the largest tree that is read."""
LEAVES = b"onmgkc"
PRIME = 2**61 - 1


How = Literal["tree", "exact", "floor"]
"""What shows the lower end: boxes, an exact minimum of a convex quadratic, or a bound that needs no search."""


class _Claim(Record, kw_only=True):
    format: Literal["metagap/certificate/1"]
    sha256: Annotated[str, Meta(description="of the canonical instance")]
    instance: Annotated[dict[str, Any], Meta(description="metagap/instance/1, canonical")]
    radius: Annotated[Number | None, Meta(description="of the ball that was asked for; null: all parameters")]
    ball: Annotated[Number, Meta(description="radius of the ball that was searched")]
    lower: Annotated[float, Meta(description="the bracket's lower end")]
    upper: Annotated[float, Meta(description="the bracket's upper end")]
    at: Annotated[list[Number], Meta(description="the point of the upper end, in coordinates of the features' span")]


class TreeRecord(_Claim, kw_only=True):
    """A bracket of the global minimum with the tree of boxes that shows it (metagap optimum --certificate)."""

    how: Literal["tree"] = "tree"
    half: Annotated[Number, Meta(description="half of the root cube's width")]
    tree: Annotated[str, Meta(description="the tree in preorder, as base64 of a zlib stream")]


class ExactRecord(_Claim, kw_only=True):
    """A bracket of the global minimum of a convex quadratic with the exact point that shows it."""

    how: Literal["exact"]
    stationary: Annotated[list[Number], Meta(description="a parameter where the gradient of L is 0")]


class FloorRecord(_Claim, kw_only=True):
    """A bracket of the global minimum whose lower end is a bound that needs no search."""

    how: Literal["floor"]


RECORDS: dict[str, type[TreeRecord | ExactRecord | FloorRecord]] = {
    "tree": TreeRecord,
    "exact": ExactRecord,
    "floor": FloorRecord,
}


@dataclass(frozen=True)
class Certificate:
    """A claimed bracket of the global minimum with what shows it; radius None: over all parameters.

    how "tree": half and tree; "exact": stationary, a parameter [d]; "floor": nothing more.
    """

    instance: MetaSLInstance
    radius: fmpq | None
    ball: fmpq
    lower: float
    upper: float
    at: Vector
    half: fmpq = field(default_factory=fmpq)
    tree: bytes = b""
    how: How = "tree"
    stationary: Vector = ()

    def dumps(self) -> str:
        """The certificate's file."""
        record: dict[str, Any] = {
            "format": FORMAT,
            "sha256": self.instance.sha256,
            "instance": self.instance.canonical.document(written),
            "radius": None if self.radius is None else f"{self.radius.p}/{self.radius.q}",
            "ball": f"{self.ball.p}/{self.ball.q}",
            "lower": self.lower,
            "upper": self.upper,
            "at": [written(v) for v in self.at],
            "how": self.how,
        }
        own = {
            "half": written(self.half),
            "tree": base64.b64encode(zlib.compress(self.tree, 9)).decode(),
            "stationary": [written(v) for v in self.stationary],
        }
        record |= {name: value for name, value in own.items() if name in RECORDS[self.how].__struct_fields__}
        return json.dumps(record, indent=1) + "\n"


def basis(instance: MetaSLInstance) -> tuple[Vector, ...]:
    """Orthogonal rational vectors that span the features with mass, at least one; the unit vectors if that is all.

    Gram-Schmidt in the order of the support points, without normalising.
    """
    d = instance.dimension
    used = sorted({a.x for task in instance.tasks if task.weight != 0 for a in task.atoms if a.p != 0})
    found: list[Vector] = []
    squares: list[fmpq] = []
    for x in used:
        row = instance.features[x]
        for b, square in zip(found, squares, strict=True):
            share = _dot(row, b) / square
            row = tuple(v - share * w for v, w in zip(row, b, strict=True))
        if any(v != 0 for v in row):
            found.append(row)
            squares.append(_dot(row, row))
            if len(found) == d:
                break
    if len(found) == d or not found:
        units = tuple(tuple(fmpq(int(i == j)) for j in range(d)) for i in range(d))
        return units if found else units[:1]
    return tuple(found)


def many_columns(instance: MetaSLInstance, count: int) -> bool:
    """Whether more than `count` independent columns are found at once, without an exact basis.

    Modulo a prime, of the first support points with mass: that rank is at most the rational one.
    """
    if instance.dimension <= count:
        return False
    used = sorted({a.x for task in instance.tasks if task.weight != 0 for a in task.atoms if a.p != 0})[: 2 * count]
    rows = [instance.features[x] for x in used]
    if any(v.q % PRIME == 0 for row in rows for v in row):
        return False
    residues = [int(v.p * pow(int(v.q), -1, PRIME) % PRIME) for row in rows for v in row]
    return bool(nmod_mat(len(rows), instance.dimension, residues, PRIME).rank() > count)


def _dot(a: Vector, b: Vector) -> fmpq:
    return sum((v * w for v, w in zip(a, b, strict=True)), start=fmpq(0))


def load(path: Path) -> Certificate:
    """The certificate in a file. Errors: BadInputError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise BadInputError(str(path), "path", str(path), f"a readable file ({reason}) is required") from None
    except UnicodeDecodeError as error:
        raise BadInputError(str(path), f"byte {error.start}", error.object[:20], "UTF-8 text is required") from None
    return loads(text, str(path))


def loads(text: str, source: str = "<string>") -> Certificate:
    """The certificate in a text, which errors call `source`. Errors: BadInputError."""

    def bad(field: str, given: object, required: str) -> BadInputError:
        return BadInputError(
            source, field, given, f"{required} is required; give a file of metagap optimum --certificate"
        )

    try:
        content: Any = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise bad("file", str(error), "a certificate in JSON") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise bad("format", content.get("format") if isinstance(content, dict) else content, repr(FORMAT))
    content.setdefault("how", "tree")
    if content["how"] not in list(RECORDS):
        raise bad("how", content["how"], "one of " + ", ".join(RECORDS))
    fields = RECORDS[content["how"]].__struct_fields__
    for name in {*fields, *content} - (set(fields) & set(content)):
        raise bad(str(name), content.get(name, files.Missing.MISSING), f"exactly the fields {', '.join(fields)}")
    for declared in msgspec.structs.fields(RECORDS[content["how"]]):
        try:
            msgspec.convert(content[declared.name], declared.type)
        except msgspec.ValidationError as error:
            said = str(error)
            what = f"what the format says ({said[:1].lower()}{said[1:]})"
            raise bad(declared.name, content[declared.name], what) from None
    instance = files.loads(json.dumps(content["instance"]), source)
    if not isinstance(instance, MetaSLInstance):
        raise bad("instance.problem", instance.family, "a meta-sl instance with a linear model")
    if instance.sha256 != content["sha256"]:
        raise bad("sha256", content["sha256"], f"the hash of the instance, {instance.sha256},")

    def number(name: str, value: float | str, positive: bool = False) -> fmpq:
        try:
            if len(str(value)) > 400:
                raise ValueError
            exact = rational(value)
        except (ValueError, ZeroDivisionError, OverflowError):
            raise bad(name, value, "a finite number") from None
        if positive and exact <= 0:
            raise bad(name, value, "a number > 0")
        return exact

    ends = []
    for name in ("lower", "upper"):
        number(name, content[name])
        ends.append(float(content[name]))
    at = tuple(number(f"at[{j}]", v) for j, v in enumerate(content["at"]))
    if len(at) != len(basis(instance)):
        raise bad("at", content["at"], f"{len(basis(instance))} coordinates")
    radius = None if content["radius"] is None else number("radius", content["radius"], True)
    ball = number("ball", content["ball"], True)
    claim = Certificate(instance, radius, ball, ends[0], ends[1], at, how=content["how"])
    if claim.how == "exact":
        stationary = tuple(number(f"stationary[{j}]", v) for j, v in enumerate(content["stationary"]))
        if len(stationary) != instance.dimension:
            raise bad("stationary", content["stationary"], f"{instance.dimension} coordinates")
        return replace(claim, stationary=stationary)
    if claim.how == "floor":
        return claim
    half = number("half", content["half"], True)
    try:
        packed = base64.b64decode(content["tree"], validate=True)
        unpacker = zlib.decompressobj()
        tree = unpacker.decompress(packed, LARGEST_TREE)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise ValueError
    except (ValueError, binascii.Error, zlib.error):
        raise bad("tree", content["tree"], f"base64 of a zlib stream of at most {LARGEST_TREE} bytes") from None
    return replace(claim, half=half, tree=tree)
