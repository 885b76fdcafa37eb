"""The certificate of a bracket: what is claimed, and the tree of boxes that shows it.

    {"format": "metagap/certificate/3", "instance": {...canonical...}, "radius": "4" | null, "ball": "4",
     "lower": ..., "upper": ..., "at": [...], "how": "tree", "half": ..., "tree": "..."}
    {"format": "metagap/certificate/1", ...,  "how": "exact", "stationary": [...]}
                                              "how": "floor"}
    {"format": "metagap/certificate/2", ...,  "how": "convex", "multiplier": ..., "near": ...}

An instance whose text is too large to be read back is left out ("instance": null): its hash names it (`problem`), and
who reads the certificate gives it again.

The claim: lower <= inf L <= upper over ||theta|| <= radius (null: over all parameters). `how` says what shows the lower
end: a tree of boxes that covers the ball, which holds a minimiser (a file without `how` means this); a rational
parameter where the gradient of a convex quadratic vanishes; a bound that needs no search and is computed again; or
convexity, by the gradient at one point (`convex_check`).

`at` is the point of the upper bound. Its coordinates t are those of an orthogonal basis of the span of the features
that carry mass (`basis`): predictions depend on that part of theta alone, and the rest only makes it longer. (With
"convex" they are theta's own.) The tree
is in preorder from the cube [-half, half]^r: a byte j < r splits coordinate j at its middle, a letter is a leaf and
says why it was discarded (`search`); covering is by construction. zlib and base64 make it text. Trees of
format 1, which have no leaf r, are read as well.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from flint import fmpq, fmpz, fmpz_mat, nmod_mat
from msgspec import Meta

from ..bracket import DefectError
from ..files import instance_in
from ..files.faults import FaultError
from ..files.numbers import Number, exact, exact_row, positive, written
from ..files.packed import packed, unpacked
from ..files.records import Record, typed
from ..files.text import LARGEST_FILE, document, document_in, reported
from ..instances import Vector
from ..losses import Link
from ..supervised.document import READER
from ..supervised.instance import MetaSLInstance, points
from .spread import of_one_output

FORMAT, CONVEX, TREE = (f"metagap/certificate/{n}" for n in (1, 2, 3))
READ = (FORMAT, CONVEX, TREE)
LARGEST_TREE = 2**26
"""Bytes in the largest tree that is read."""
LEAVES = b"onmgkcr"
COLUMNS = min(LEAVES)
"""Coordinates that a tree can split: larger bytes are leaves."""
DEEPEST = 2100
"""How often a side can be halved: boxes are float64 numbers, from 2^1024 down to 2^-1074."""
PRIMES = (2**61 - 1, 2**61 - 31, 2**61 - 45)


How = Literal["tree", "exact", "floor", "convex"]
"""What shows the lower end: boxes, an exact minimum of a convex quadratic, a bound that needs no search, convexity."""


class _Bracketed(Record, kw_only=True):
    sha256: Annotated[str, Meta(description="of the canonical instance")]
    instance: Annotated[
        dict[str, Any] | None,
        Meta(description="an instance file, canonical; null: left out, and omega, comparator and radius are 0, 0, 1"),
    ]
    radius: Annotated[Number | None, Meta(description="of the ball that was asked for; null: all parameters")]
    ball: Annotated[Number, Meta(description="radius of the ball that was searched")]
    lower: Annotated[float, Meta(description="the bracket's lower end")]
    upper: Annotated[float, Meta(description="the bracket's upper end")]


class _Claim(_Bracketed, kw_only=True):
    format: Literal["metagap/certificate/1"]
    at: Annotated[list[Number], Meta(description="the point of the upper end, in coordinates of the features' span")]


class TreeRecord(_Claim, kw_only=True):
    """A bracket of the global minimum with the tree of boxes that shows it (metagap optimum --certificate)."""

    format: Literal["metagap/certificate/1", "metagap/certificate/3"]  # type: ignore[assignment]
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


class ConvexRecord(_Bracketed, kw_only=True):
    """A bracket of the global minimum with the point at which convexity shows it."""

    format: Literal["metagap/certificate/2"]
    how: Literal["convex"]
    at: Annotated[list[Number], Meta(description="the point of the upper end, a parameter")]
    multiplier: Annotated[Number, Meta(description="of the sphere: what is added to the Hessian; 0 if L is convex")]
    near: Annotated[Number, Meta(description="how far from the point L is strongly convex; 0: that is not used")]


AnyRecord = TreeRecord | ExactRecord | FloorRecord | ConvexRecord
RECORDS: dict[str, type[AnyRecord]] = {
    "tree": TreeRecord,
    "exact": ExactRecord,
    "floor": FloorRecord,
    "convex": ConvexRecord,
}


@dataclass(frozen=True)
class Certificate:
    """A claimed bracket of the global minimum with what shows it; radius None: over all parameters.

    how "tree": half and tree; "exact": stationary, a parameter [d]; "floor": nothing more; "convex": multiplier, near.
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
    multiplier: fmpq = field(default_factory=fmpq)
    near: fmpq = field(default_factory=fmpq)

    def dumps(self) -> str:
        """The certificate's file."""
        record: dict[str, Any] = {
            "format": _format(self.how),
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
            "tree": packed(self.tree),
            "stationary": [written(v) for v in self.stationary],
            "multiplier": written(self.multiplier),
            "near": written(self.near),
        }
        record |= {name: value for name, value in own.items() if name in RECORDS[self.how].__struct_fields__}
        text = json.dumps(record, indent=1) + "\n"
        if len(text) <= LARGEST_FILE:
            return text
        return json.dumps(record | {"instance": None, "sha256": problem(self.instance).sha256}, indent=1) + "\n"


def problem(instance: MetaSLInstance) -> MetaSLInstance:
    """The instance without what a bracket of its optimum does not depend on."""
    zero = (fmpq(0),) * instance.dimension
    return replace(instance, omega=zero, comparator=zero, radius=fmpq(1))


def basis(instance: MetaSLInstance) -> tuple[Vector, ...]:
    """Orthogonal rational vectors that span the features with mass, at least one; the unit vectors if that is all.

    Gram-Schmidt on `_independent` rows in the order of the support points; not normalised.
    """
    d = instance.dimension
    kept = _independent(instance)
    if len(kept) == d or not kept:
        units = tuple(tuple(fmpq(int(i == j)) for j in range(d)) for i in range(d))
        return units if kept else units[:1]
    whole = _whole(kept)
    products, rows = (whole * whole.transpose()).tolist(), whole.tolist()
    # Elimination in K K' = L U makes L^-1 K of K, orthogonal rows; free of fractions, times the minors of K K' (> 0).
    made = fmpz_mat([a + b for a, b in zip(products, rows, strict=True)]).fflu()[3].tolist()
    return tuple(_primitive(row[len(kept) :]) for row in made)


def _primitive(row: Sequence[fmpz]) -> Vector:
    """Whole numbers without a common factor."""
    common = functools.reduce(lambda a, b: a.gcd(b), row)
    return tuple(fmpq(v, common) for v in row)


def many_columns(instance: MetaSLInstance, count: int) -> bool:
    """Whether more than `count` independent columns are found at once: modulo a prime, in the first rows with mass."""
    if instance.dimension <= count:
        return False
    first = _modulo([instance.features[x] for x in _used(instance)[: 2 * count]], PRIMES[0])
    return first is not None and len(first) > count


def _independent(instance: MetaSLInstance) -> list[Vector]:
    """Features with mass that are independent, and of which all others are combinations.

    What is independent modulo a prime is so over the rationals: d such rows are enough. Fewer span all rows if what is
    orthogonal to them is orthogonal to each; if not, another prime. Errors: DefectError where no prime does.
    """
    d, used = instance.dimension, _used(instance)
    for count in sorted({min(2 * d, len(used)), len(used)}):
        rows = [instance.features[x] for x in used[:count]]
        for prime in PRIMES:
            chosen = _modulo(rows, prime)
            if chosen is None or (len(chosen) < d and count < len(used)):
                continue
            kept = [rows[j] for j in chosen]
            if len(kept) == d or _spanned(rows, kept, d):
                return kept
    raise DefectError(f"no {d} independent columns, and no fewer, are found modulo {len(PRIMES)} primes")


def _used(instance: MetaSLInstance) -> list[int]:
    """The support points that carry mass, in either law."""
    return sorted({x for task in instance.tasks if task.weight != 0 for x in points(task)})


def _modulo(rows: Sequence[Vector], prime: int) -> list[int] | None:
    """The rows that are independent of those before them modulo the prime; None if it divides a denominator."""
    if any(v.q % prime == 0 for row in rows for v in row):
        return None
    columns = [int(v.p * pow(int(v.q), -1, prime) % prime) for column in zip(*rows, strict=True) for v in column]
    if not columns:
        return []
    reduced, rank = nmod_mat(len(rows[0]), len(rows), columns, prime).rref()
    return [next(j for j in range(len(rows)) if reduced[i, j] != 0) for i in range(rank)]


def _spanned(rows: Sequence[Vector], kept: Sequence[Vector], d: int) -> bool:
    """Whether independent rows span all: d - r independent vectors are orthogonal to them, and to every row."""
    if not kept:
        return all(v == 0 for row in rows for v in row)
    null, count = _whole(kept).nullspace()
    assert count == d - len(kept)
    across = fmpz_mat([line[:count] for line in null.tolist()])
    return not any(v != 0 for v in (_whole(rows) * across).entries())


def _whole(rows: Sequence[Vector]) -> fmpz_mat:
    """The rows times numbers that make them whole."""
    found = []
    for row in rows:
        scale = math.lcm(*(int(v.q) for v in row))
        found.append([int(v.p) * (scale // int(v.q)) for v in row])
    return fmpz_mat(found)


def _format(how: How) -> str:
    return {"convex": CONVEX, "tree": TREE}.get(how, FORMAT)


def load(path: Path, given: MetaSLInstance | None = None) -> Certificate:
    """The certificate in a file; of a large instance, which it leaves out, with that one. Errors: BadInputError."""
    return _certificate(document(path), str(path), given)


def loads(text: str, source: str = "<string>", given: MetaSLInstance | None = None) -> Certificate:
    """The certificate in a text, which errors call `source`; `given` as in `load`. Errors: BadInputError."""
    return _certificate(document_in(text, source), source, given)


def _certificate(content: Any, source: str, given: MetaSLInstance | None) -> Certificate:
    with reported(source, content, "give a file of metagap optimum --certificate"):
        if not isinstance(content, dict) or content.get("format") not in READ:
            raise FaultError("format" if isinstance(content, dict) else "document", what=f"{FORMAT!r} to {TREE!r}")
        how = content.setdefault("how", "tree")
        if how not in list(RECORDS):
            raise FaultError("how", what="one of " + ", ".join(RECORDS))
        if content["format"] != (wanted := _format(how)) and (how, content["format"]) != ("tree", FORMAT):
            raise FaultError("format", what=f"{wanted!r}, with how={how!r},")
        record = typed(content, RECORDS[how], lambda place, words: f"what the format says ({words})")
        instance = _instance(record, source, given)
        return _read(record, instance if instance.loss.link is Link.CLASS else of_one_output(instance))


def _instance(record: AnyRecord, source: str, given: MetaSLInstance | None) -> MetaSLInstance:
    """The instance that the certificate holds, or that is given; its hash is compared. Errors: FaultError."""
    if record.instance is None and given is None:
        raise FaultError(
            "instance", what="the tasks of a certificate that leaves them out (metagap check --tasks TASKS)"
        )
    if record.instance is not None:
        held = instance_in(record.instance, source, (READER,), "instance")
        assert isinstance(held, MetaSLInstance)
        if held.sha256 != record.sha256:
            raise FaultError("sha256", what=f"the hash of the instance, {held.sha256},")
        if given is None:
            return held
        if problem(held).sha256 != problem(given).sha256:
            raise FaultError("sha256", what="the hash of the same tasks, loss and step as are given")
        return held
    assert given is not None
    if (found := problem(given)).sha256 != record.sha256:
        raise FaultError("sha256", what=f"the hash of the tasks, loss and step that are given, {found.sha256},")
    return found


def _read(record: AnyRecord, instance: MetaSLInstance) -> Certificate:
    """The claim and its tree, each number by itself. Errors: FaultError."""
    for name in ("lower", "upper"):
        exact(getattr(record, name), name)
    radius = None if record.radius is None else positive(record.radius, "radius")
    ball = positive(record.ball, "ball")
    at = exact_row(record.at, "at")
    several = instance.loss.outputs > 1
    if several and not isinstance(record, FloorRecord | ConvexRecord):
        raise FaultError("how", what=f"'floor' or 'convex', for the {instance.loss.name} loss,")
    whole = several or isinstance(record, ConvexRecord)
    if not whole and many_columns(instance, COLUMNS):
        raise FaultError("instance.features", what=f"a problem of at most {COLUMNS} independent columns")
    if len(at) != (count := instance.dimension if whole else len(basis(instance))):
        raise FaultError("at", what=f"{count} coordinates")
    claim = Certificate(instance, radius, ball, record.lower, record.upper, at, how=record.how)
    if several or isinstance(record, FloorRecord):
        return claim
    if isinstance(record, ConvexRecord):
        multiplier, near = exact(record.multiplier, "multiplier"), exact(record.near, "near")
        for name, value in (("multiplier", multiplier), ("near", near)):
            if value < 0:
                raise FaultError(name, what="a number >= 0")
        return replace(claim, multiplier=multiplier, near=near)
    if isinstance(record, ExactRecord):
        stationary = exact_row(record.stationary, "stationary")
        if len(stationary) != instance.dimension:
            raise FaultError("stationary", what=f"{instance.dimension} coordinates")
        return replace(claim, stationary=stationary)
    tree = unpacked(record.tree, LARGEST_TREE, "tree")
    if _deeper(tree, DEEPEST * len(at)):
        raise FaultError("tree", what=f"a tree whose boxes are split at most {DEEPEST} times per coordinate")
    return replace(claim, half=positive(record.half, "half"), tree=tree)


def _deeper(tree: Iterable[int], most: int) -> bool:
    """Whether more than `most` splits are above a box; the rest of the tree is not looked at then."""
    waiting = [0]
    for byte in tree:
        if not waiting:
            break
        depth = waiting.pop()
        if byte < COLUMNS:
            if depth == most:
                return True
            waiting += [depth + 1, depth + 1]
    return False
