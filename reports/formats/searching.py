"""The records of searches: `falsify`, and the tests' own power."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ...impl.files.records import Record
from .shared import Command, Count, File, Files, Interval, Latex, Seconds, Sha256

Driver = Literal["evolution", "gradient", "hypothesis"]
Size = Literal["S", "M", "L"]
"""Of instances: up to 2, 4 or 8 tasks with 4, 8 or 16 inputs in 2, 8 or 16 dimensions."""


class FalsifyWitness(Record):
    """A certified counterexample, as a file that metagap replay reads."""

    file: File
    instance: Sha256
    numbers: Count
    gap: Interval
    bound: Interval
    ratio: float | None
    command: Command


class FalsifyTightest(Record):
    """The tightest instance found, with its certified left/bound."""

    file: File
    instance: Sha256
    numbers: Count
    ratio: Interval
    command: Command


class FalsifyRecord(Record, tag_field="format", tag="metagap/falsify/1"):
    """A search for a counterexample to one claim or mutant (metagap falsify)."""

    version: str
    name: str
    kind: Literal["claim", "mutant"]
    statement: Latex
    driver: Driver
    seed: Count
    size: Size | None
    status: Literal["refuted", "not refuted", "nothing judged"]
    evaluations: Count
    alarms: Annotated[int, Meta(ge=0, description="hits in float64 that balls did not certify")]
    seconds: Seconds
    simplest: FalsifyWitness | None
    worst: FalsifyWitness | None
    tightest: FalsifyTightest | None
    started: str
    environment: dict[str, str]
    command: str
    files: Files


class Change(Record):
    """One change of a source, and whether a test noticed it."""

    module: str
    operator: Annotated[str, Meta(description="of cosmic-ray")]
    occurrence: Count
    line: Count
    column: Count
    end: Annotated[int, Meta(ge=0, description="the last line of what is changed")]
    room: Annotated[str, Meta(description="the package that the module lies in")]
    proposes: Annotated[bool, Meta(description="whether the module searches or draws in float64, and decides nothing")]
    tests: Annotated[int, Meta(ge=0, description="files that were asked")]
    outcome: Annotated[
        Literal["quick", "ci", "survived", "no test", "unchanged"],
        Meta(description="the tier that noticed it, or why none did"),
    ]
    diff: str


Wilson = Annotated[list[float], Meta(description="Wilson's 95 % interval of the share killed", min_length=2)]


class Noticed(Record):
    """How many changes were tested, and noticed, and by the small tier alone."""

    tested: Count
    killed: Count
    small: Count
    interval: Wilson


class MutationRoom(Record):
    """A package: the places where it can be changed, and what became of those that were."""

    room: str
    proposes: bool
    mutants: Count
    tested: Count
    killed: Count
    small: Count
    interval: Wilson


class MutationRecord(Record, kw_only=True, tag_field="format", tag="metagap/mutation/1"):
    """The tests' own power: changes of the sources that they notice (.ci/mutation, by cosmic-ray)."""

    commit: str
    seed: Count
    under: Annotated[list[str], Meta(description="beginnings of the paths of the files that were changed; none: all")]
    budget: Annotated[float, Meta(description="seconds of processor time of each tier's tests of one change")]
    profile: Annotated[Literal["quick", "ci"], Meta(description="the last tier asked: the small one, or all")] = "ci"
    mutants: Annotated[int, Meta(ge=0, description="places where the sources can be changed")]
    tested: Count
    killed: Count
    small: Count
    interval: Wilson
    deciding: Annotated[Noticed, Meta(description="the changes of what decides: all but what searches in float64")]
    rooms: list[MutationRoom]
    changes: list[Change]
