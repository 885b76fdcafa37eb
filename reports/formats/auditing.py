"""The records of `audit`: assumptions, mutants, sharpness."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from ...impl.files.records import Record
from .own import OwnFile
from .shared import Command, Count, File, Files, Interval, Latex, LostJob, Opinion, RunStatus, Seconds, Sha256


class MutantWitness(Record):
    """A certified counterexample to a mutant."""

    file: File
    instance: Sha256
    gap: Interval | None
    bound: Interval | None
    ratio: float | None
    numbers: Count
    grade: Annotated[
        Literal["genuine", "suspect"], Meta(description="suspect: certified in balls, and a second engine disagrees")
    ]
    second: Opinion | None
    indifferent: Annotated[list[str], Meta(description="numbers of the instance for which any other value fails too")]
    data: Annotated[list[str], Meta(description="the instance in words, a field per line; empty if it is large")]
    command: Command


class MutantRow(Record):
    """A mutant: refuted, survived, equivalent (true after all) or open (neither refuted nor proved)."""

    name: str
    title: str
    claim: str
    why: str
    statement: Latex
    status: Literal["refuted", "survived", "equivalent", "open"]
    generator: str | None
    examples: Count
    seconds: Seconds
    kills: dict[str, Count]
    simplest: MutantWitness | None
    worst: MutantWitness | None


class _Run(Record):
    """What an audit says of itself."""

    version: str
    seed: Count
    seconds: Seconds
    status: RunStatus
    started: str
    environment: dict[str, str]
    command: str


class MutantsRecord(_Run, tag_field="format", tag="metagap/mutants/1"):
    """The mutants that the search attacked (metagap audit --mutants)."""

    mutants: list[MutantRow]
    files: Files
    lost: list[LostJob] = field(default_factory=list)
    own: Annotated[OwnFile | None, Meta(description="the file of a user's own claims, whose record this is")] = None
    claims: Annotated[list[str], Meta(description="only these were audited (--claim); empty: all")] = field(
        default_factory=list
    )


DriverName = Literal["generators", "evolution", "hypothesis"]
StandingName = Literal["needed", "not needed", "vacuous", "open"]


class Search(Record):
    """The counterexample that leave-one-out search found by itself: to which statement, by what, after how much."""

    statement: Latex
    why: Annotated[str, Meta(description="why the claim says that without the assumption; empty: it says so itself")]
    driver: DriverName
    generator: Annotated[str, Meta(description="generator and variant; of a hunt, its driver")]
    examples: Count
    seconds: Seconds
    numbers: Count
    meaningless: Annotated[bool, Meta(description="the conclusion has no value there, rather than being false")]


class Evidence(Record):
    """An assumption that the claim does not make: instances on which it fails, and those it holds on."""

    failing: Count
    proved: Count
    equal: Annotated[Count | None, Meta(description="null (an older record): in proved")] = None


class Joint(Record):
    """Whether a claim's assumptions can be met together: instances that met all, pairs that none met."""

    family: str
    claim: str
    assumptions: list[str]
    examples: Count
    met: Count
    conflicts: list[tuple[str, str]]
    violated: Annotated[int, Meta(ge=0, description="instances that met all and on which the claim is false")]
    witness: File | None
    void: Annotated[int, Meta(ge=0, description="instances that met all and on which the claim has no value")] = 0
    lacking: Annotated[dict[str, list[str]], Meta(description="the quantities that have none there, and why")] = field(
        default_factory=dict
    )


class Cell(Record):
    """An assumption of a claim: needed (with a witness), not needed, vacuous (with the reason) or open."""

    claim: str
    assumption: str
    identifier: str
    statement: str
    status: StandingName
    title: str
    step: str
    witness: File | None
    instance: Sha256 | None
    data: Annotated[list[str], Meta(description="the instance in words, a field per line; empty if it is large")]
    population: Annotated[
        list[str], Meta(description="the second instance, on which the left side is evaluated; empty without one")
    ]
    gap: Interval | None
    bound: Interval | None
    exact: dict[str, str]
    statement_without: Latex | None
    confirmed: bool | None
    others: Annotated[list[str], Meta(description="further assumptions that are not certified on the instance")]
    second: Opinion | None
    searched: Annotated[int, Meta(ge=0, description="instances on which this alone was left out")]
    found: Search | None
    unfound: Annotated[str, Meta(description="of a needed cell: why search found nothing")]
    evidence: Evidence | None
    reason: str
    command: Command | None


class FactorRow(Record):
    """A term of a bound: every factor below `below` (and above `above`) in front of it is refuted; 1 is proved."""

    claim: str
    term: Latex
    status: Literal["sharp", "bracketed", "open", "violated"]
    below: float | None
    above: float | None
    numbers: Count | None
    instance: Sha256 | None
    file: File | None
    origin: str
    command: Command | None


class ThresholdRow(Record):
    """Data-free convexity of a loss in s = eta B^2: proved up to, and certified not convex at."""

    loss: str
    proved: float
    refuted: float
    curvature: Annotated[float, Meta(description="upper end of the enclosure of the second derivative there")]
    instance: Sha256
    file: File


class Shares(Record):
    """Shares of bound - gap, by the step of the proof that loses them."""

    S1: float
    S3: float
    S4: float


class SlackRow(Record):
    """Median shares of bound - gap in a lifted claim by the step of the proof that loses them."""

    family: str
    generator: str
    instances: Count
    shares: Shares


class AuditRows(Record):
    """What a part of an audit has found; the record has that of all."""

    cells: list[Cell] = field(default_factory=list)
    joint: list[Joint] = field(default_factory=list)
    sharpness: list[FactorRow] = field(default_factory=list)
    thresholds: list[ThresholdRow] = field(default_factory=list)
    slack: list[SlackRow] = field(default_factory=list)
    mutants: list[MutantRow] = field(default_factory=list)


class AuditRecord(_Run, tag_field="format", tag="metagap/audit/1"):
    """The assumptions one by one, and the mutants (metagap audit; metagap verify, from what is kept)."""

    cells: list[Cell]
    joint: list[Joint]
    sharpness: list[FactorRow]
    thresholds: list[ThresholdRow]
    slack: list[SlackRow]
    mutants: list[MutantRow]
    files: Files
    kept: Annotated[
        bool, Meta(description="the counterexamples that ship with the theory, judged again; nothing was searched for")
    ] = False
    lost: list[LostJob] = field(default_factory=list)
    own: Annotated[OwnFile | None, Meta(description="the file of a user's own claims, whose record this is")] = None
    claims: Annotated[list[str], Meta(description="only these were audited (--claim); empty: all")] = field(
        default_factory=list
    )
