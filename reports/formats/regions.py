"""The record of what is proved over a region of instances (metagap prove --region FILE)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ...impl.files.records import Record

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
