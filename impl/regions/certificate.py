"""What was proved over a region, with the boxes that show it: a file that the checker proves again.

    {"format": "metagap/region-certificate/1", "region": {...}, "claim": ..., "statement": ..., "weights": {...},
     "proved": "p/q", "outside": "p/q", "violated": "p/q", "tree": "..."}

The claim: on so much of the region's volume the claim (mutant, statement of `theory.regions`) is proved, it says
nothing, it is false. `statement` is its text: of a claim that has changed since, nothing is proved. `weights` are those
of lemmas. The tree is in preorder from the region's box: a byte j < 32 halves interval j, a letter is a leaf.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from flint import fmpq
from msgspec import Meta

from ...theory.claim import Assumption, Claim, Mutant
from ...theory.meta_sl import CLAIMS
from ...theory.mutants.meta_sl import MUTANTS
from ...theory.regions import LEMMAS, STATEMENTS
from ..files.faults import FaultError
from ..files.numbers import Number, exact, written
from ..files.packed import packed, unpacked
from ..files.records import Record, typed
from ..files.text import document_in, reported
from . import document as regions
from .leaves import ALGEBRA, DIRECT, OPEN, OUTSIDE, VIOLATED, Weights
from .region import Box, Region, halves

FORMAT = "metagap/region-certificate/1"
LARGEST_TREE = 2**24
"""Bytes in the largest tree that is read."""
DEEPEST = 400
"""How often a box may be halved."""
LETTERS = (ALGEBRA, DIRECT, OUTSIDE, VIOLATED, OPEN)


class TreeError(ValueError):
    """The bytes are no tree of boxes."""


class RegionRecord(Record, kw_only=True, tag_field="format", tag=FORMAT):
    """A claim proved over a region of instances (metagap prove --region FILE --certificate CERT)."""

    region: Annotated[dict[str, Any], Meta(description="the region file")]
    claim: Annotated[str, Meta(description="the claim's name, a mutant's, or a statement's")]
    statement: Annotated[str, Meta(description="its text, as it was proved")]
    weights: Annotated[dict[str, Number] | None, Meta(description="of the lemmas that add up to it; null: none do")]
    proved: Annotated[Number, Meta(description="the share of the volume on which it is proved")]
    outside: Annotated[Number, Meta(description="the share on which an assumption of it fails")]
    violated: Annotated[Number, Meta(description="the share on which it is false")]
    tree: Annotated[str, Meta(description="the tree in preorder, as base64 of a zlib stream")]


@dataclass(frozen=True)
class Shares:
    """Parts of a region's volume: where a claim is proved, says nothing, is false. The rest is open."""

    proved: fmpq
    outside: fmpq
    violated: fmpq


@dataclass(frozen=True)
class Certificate:
    """What is claimed of a region, and the tree of boxes that shows it."""

    region: Region
    what: Claim | Assumption
    statement: str
    weights: Weights | None
    shares: Shares
    tree: bytes

    def dumps(self) -> str:
        """The certificate's file."""
        shares, weights = self.shares, self.weights
        record = {
            "format": FORMAT,
            "region": self.region.document,
            "claim": self.what.name,
            "statement": self.statement,
            "weights": None if weights is None else {name: written(c) for name, c in weights.items()},
            "proved": written(shares.proved),
            "outside": written(shares.outside),
            "violated": written(shares.violated),
            "tree": packed(self.tree),
        }
        return json.dumps(record, indent=1) + "\n"


def text_of(what: Claim | Assumption) -> str:
    """What is to be proved, in the theory's names."""
    if isinstance(what, Assumption):
        return f"{what.margin} > 0"
    under = ", ".join(assumption.margin for assumption in what.assumptions)
    sides = f"{what.left.text} {what.relation.value} {what.bound.text}"
    return f"{sides} if {under} > 0" if under else sides


def provable() -> dict[str, Claim | Assumption]:
    """By name: the claims, their mutants as claims, the statements about regions."""
    claims = {claim.name: claim for claim in CLAIMS}
    wrong = {mutant.name: _as_claim(mutant, claims[mutant.claim]) for mutant in MUTANTS}
    return {**claims, **wrong, **{statement.name: statement for statement in STATEMENTS}}


def _as_claim(mutant: Mutant, claim: Claim) -> Claim:
    kept = tuple(a for a in claim.assumptions if a.name not in mutant.drops)
    return Claim(
        mutant.name, mutant.title, mutant.left, mutant.bound, kept, mutant.relation, mutant.why, source=claim.source
    )


def boxes(tree: bytes, box: Box) -> Iterator[tuple[Box, int]]:
    """The leaves of a tree with their letters, in preorder. Errors: TreeError."""
    waiting = [(box, 0)]
    for place, byte in enumerate(tree):
        if not waiting:
            raise TreeError(f"the tree has {len(tree) - place} bytes too many")
        own, depth = waiting.pop()
        if byte < len(box):
            if depth >= DEEPEST:
                raise TreeError(f"a box is halved more than {DEEPEST} times")
            first, second = halves(own, byte)
            waiting += [(second, depth + 1), (first, depth + 1)]
        elif byte in LETTERS:
            yield own, byte
        else:
            raise TreeError(f"byte {place} of the tree, {byte}, is no interval and no leaf")
    if waiting:
        raise TreeError("the tree ends before it covers the region")


def loads(text: str, source: str = "<string>") -> Certificate:
    """The certificate in a text, which errors call `source`. Errors: BadInputError."""
    return read(document_in(text, source), source)


def is_one(content: Any) -> bool:
    """Whether a JSON value says that it is such a certificate."""
    return isinstance(content, Mapping) and content.get("format") == FORMAT


def read(content: Any, source: str) -> Certificate:
    """The certificate that a JSON value holds. Errors: BadInputError."""
    with reported(source, content, "give a file of metagap prove --region FILE --certificate CERT"):
        if not is_one(content):
            raise FaultError("format" if isinstance(content, dict) else "document", what=repr(FORMAT))
        record = typed(content, RegionRecord, lambda place, words: f"what the format says ({words})")
        what = provable().get(record.claim)
        if what is None:
            raise FaultError("claim", what="the name of a claim, a mutant or a statement of this version")
        weights = None
        if record.weights is not None:
            known = {lemma.name for lemma in LEMMAS}
            if not known.issuperset(record.weights):
                raise FaultError("weights", what=f"coefficients of {', '.join(sorted(known))}")
            weights = {name: exact(c, f"weights.{name}") for name, c in record.weights.items()}
        found = {name: exact(getattr(record, name), name) for name in ("proved", "outside", "violated")}
        for name, value in found.items():
            if not 0 <= value <= 1:
                raise FaultError(name, what="a number from 0 to 1")
        tree = unpacked(record.tree, LARGEST_TREE, "tree")
        return Certificate(
            regions.region_in(record.region, source), what, record.statement, weights, Shares(**found), tree
        )
