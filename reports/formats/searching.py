"""The records of searches: `falsify`, and the tests' own power."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ...impl.files.records import Record
from .shared import Command, Count, Interval, Latex, Run, Sha256


class FalsifyWitness(Record):
    """A certified counterexample, as a file that metagap replay reads."""

    file: str
    instance: Sha256
    numbers: Count
    gap: Interval
    bound: Interval
    ratio: float | None
    command: Command


class FalsifyTightest(Record):
    """The tightest instance found, with its certified left/bound."""

    file: str
    instance: Sha256
    numbers: Count
    ratio: Interval
    command: Command


class FalsifyRecord(Run, kw_only=True):
    """A search for a counterexample to one claim or mutant (metagap falsify)."""

    format: Literal["metagap/falsify/1"]
    name: str
    kind: Literal["claim", "mutant"]
    statement: Latex
    driver: Literal["evolution", "gradient", "hypothesis"]
    size: Literal["S", "M", "L"] | None
    status: Literal["refuted", "not refuted"]
    evaluations: Count
    alarms: Annotated[int, Meta(ge=0, description="hits in float64 that balls did not certify")]
    simplest: FalsifyWitness | None
    worst: FalsifyWitness | None
    tightest: FalsifyTightest | None


class Survivor(Record):
    """A change of the source that no test noticed."""

    line: Count
    operator: str
    diff: str


class MutationModule(Record):
    """A module: how many changes of it there are, how many were tested (at random), and which were not noticed."""

    module: str
    mutants: Count
    tested: Count
    killed: Count
    interval: Annotated[list[float], Meta(description="Wilson's 95 % interval of the share killed", min_length=2)]
    survivors: list[Survivor]


class MutationRecord(Record):
    """The tests' own power: changes of the sources that they notice (.ci/mutation, by cosmic-ray)."""

    format: Literal["metagap/mutation/1"]
    commit: str
    seed: Count
    sample: Annotated[Count, Meta(description="changes tested of each module; 0: all")]
    tested: Count
    killed: Count
    interval: Annotated[list[float], Meta(description="Wilson's 95 % interval of the share killed", min_length=2)]
    modules: list[MutationModule]
