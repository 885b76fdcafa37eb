"""The theorem map of an evidence bundle (metagap bundle)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ...impl.files.records import Record
from .shared import File, RunStatus, Sha256, StatementText, WitnessKind
from .verifying import Counts, SourceName


class BundledRun(Record):
    """A record in the bundle: the command that made it, and how that ended."""

    file: File
    command: str
    status: RunStatus


class AssumptionText(Record):
    """An assumption in words."""

    name: str
    statement: str


class Theorem(Record):
    """A claim: what it says, whether it is proved in general, its verdicts, what makes them again."""

    claim: str
    family: str
    title: str
    source: SourceName
    statement: StatementText
    assumptions: list[AssumptionText]
    sha256: Annotated[Sha256, Meta(description="of name, statement and assumptions (statement_hash, check_bundle.py)")]
    standing: Annotated[Literal["formal", "argued"], Meta(description="formal: proved by Coq, in formal/")]
    why: Annotated[str, Meta(description="why it is argued; empty of a formal one")]
    counts: Annotated[Counts, Meta(description="verdicts on generated instances")]
    real_counts: Annotated[Counts, Meta(description="verdicts on real instances")]
    instance: Annotated[File | None, Meta(description="the tightest instance")]
    command: str


Shows = Annotated[
    Literal["refuted", "no value"],
    Meta(description="the statement is refuted, or has no value: without the assumption it means nothing"),
]


class BundledWitness(Record):
    """A counterexample: to what; the claim it is about, and the assumption that is left out."""

    file: File
    kind: WitnessKind
    name: str
    shows: Shows
    claim: str
    assumption: str
    command: str


class BundledCertificate(Record):
    """A certificate, the bracket that it proves, and what proves it again."""

    file: File
    bracket: str
    command: str


class TheoremsRecord(Record, tag_field="format", tag="metagap/theorems/1"):
    """What an evidence bundle shows (metagap bundle): claims, witnesses, certificates."""

    version: str
    sources: Sha256
    runs: list[BundledRun]
    claims: list[Theorem]
    witnesses: list[BundledWitness]
    certificates: list[BundledCertificate]
