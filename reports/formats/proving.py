"""The records of `prove`: the proofs that Coq checked (--check), what is proved over a region (--region FILE)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ...impl.files.records import Record
from .shared import Sha256


class Proved(Record):
    """A claim's statement, that an exact instance refutes a mutant, or that assumptions can hold, as it was proved.

    axioms: those of its own proof.
    """

    name: str
    statement: str
    axioms: list[str]


class FormalRecord(Record, kw_only=True, tag_field="format", tag="metagap/formal/2"):
    """The general proofs that were checked: when, by what, the hash of each file, its seconds of processor time."""

    date: str
    compiler: str
    seconds: dict[str, float]
    files: dict[str, Sha256]
    claims: list[Proved]
    refuted: list[Proved]
    satisfied: list[Proved]

    @property
    def proofs(self) -> list[Proved]:
        """All that is proved."""
        return [*self.claims, *self.refuted, *self.satisfied]

    @property
    def spent(self) -> float:
        """Seconds of processor time of all files."""
        return sum(self.seconds.values())


Part = Annotated[float, Meta(ge=0, le=1, description="a share of the region's volume, rounded down")]


class RegionRow(Record):
    """A claim, a mutant or a statement over the region: where it is proved, says nothing, is false; else it is open."""

    what: str
    statement: Annotated[str, Meta(description="its text, in the theory's names")]
    proved: Part
    outside: Annotated[float, Meta(ge=0, le=1, description="where an assumption fails")]
    violated: Part
    whole: Annotated[bool, Meta(description="whether nothing is open")]
    lemmas: Annotated[list[str] | None, Meta(description="that add up to it; null: enclosures alone")]
    words: Annotated[list[str], Meta(description="what these lemmas ask to be granted")]
    boxes: Annotated[int, Meta(ge=1)]


class RegionsRecord(Record, kw_only=True, tag_field="format", tag="metagap/regions/1"):
    """What was proved over a region of instances, and in how many seconds for each claim at most."""

    loss: str
    region: Annotated[str, Meta(description="the region file's text")]
    seconds: float
    rows: list[RegionRow]
