"""The records that other programs read, as types: checked when a record is read, published as JSON schemas.

A field of a record is here or nowhere: unknown, missing and mistyped fields are refused, with their place.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ..impl.files import BadInputError
from ..impl.files.records import Record
from ..impl.files.text import join, lookup

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="of the canonical instance, or of a file")]
Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Latex = Annotated[str, Meta(description="LaTeX")]
Command = Annotated[str, Meta(description="what reproduces this; {folder} is the folder of the record")]
VerdictName = Literal["PROVED", "HOLDS", "VIOLATED", "OUTSIDE", "UNDECIDED"]


class Interval(Record):
    """An enclosure: the value is at least lo and at most hi; null is an infinite end."""

    lo: float | None
    hi: float | None


class JudgedClaim(Record):
    """One claim on one instance, term by term; ratio is gap/bound."""

    claim: str
    verdict: VerdictName
    gap: Interval | None
    bound: Interval | None
    terms: dict[str, Interval]
    assumptions: dict[str, Interval]
    ratio: float | None
    reason: str


class Judgement(Record):
    """Every claim on one instance (metagap judge)."""

    format: Literal["metagap/judgement/1"]
    instance: Sha256
    notes: list[str]
    claims: list[JudgedClaim]


class LinearisedBracket(Record):
    """A bracket of the minimum of the meta-objective of a network's linearisation."""

    lower: float | None
    upper: float | None


class OptimumRecord(Record):
    """A bracket of the infimum (meta-RL: the supremum) of the meta-objective (metagap optimum)."""

    format: Literal["metagap/optimum/1"]
    lower: float | None
    upper: float | None
    at: Annotated[list[float | list[float]], Meta(description="the parameter; of a network, one row per neuron")]
    status: Literal["certified", "undecided"]
    seconds: Seconds
    boxes: Count | None = None
    method: Annotated[str | None, Meta(description="of a network: how the lower end is proved")] = None
    linearised: Annotated[
        LinearisedBracket | None, Meta(description="of a network in a ball: the bracket of its linearisation at W0")
    ] = None
    ball: float | None = None
    floor: float | None = None
    checked: bool | None = None
    why: str = ""


class CertifyRecord(Record):
    """How far a solution is from the global optimum, and what the theorem promises (metagap certify)."""

    format: Literal["metagap/certify/1"]
    instance: Sha256
    omega: list[float]
    least: float
    most: float | None
    promise: float | None
    everywhere: bool
    why: list[str]
    optimum: OptimumRecord
    headline: JudgedClaim


class StatementText(Record):
    """A statement in the notation of the claims: left <= bound, or left = bound."""

    left: str
    relation: Literal["<=", "="]
    bound: str


class Sides(Record):
    """Both sides of a statement, enclosed; null where one has no value."""

    left: Interval | None
    bound: Interval | None


class WitnessFile(Record):
    """An instance and what it bears witness against: the claim, mutant, ablation or left-out assumption so named."""

    format: Literal["metagap/witness/1"]
    kind: Literal["claim", "mutant", "ablation", "leave-one-out"]
    name: str
    instance: dict[str, Any]
    population: Annotated[
        dict[str, Any] | None, Meta(description="a second instance, on which the left side is evaluated")
    ]
    statement: StatementText
    judged: Sides


class Opinion(Record):
    """A second engine on a counterexample; agrees is null where it cannot tell."""

    engine: str
    left: float | None
    bound: float | None
    agrees: bool | None


class _Run(Record, kw_only=True):
    """A run: which version, what it was asked, on what it ran."""

    version: str
    seed: Count
    seconds: Seconds
    started: str
    environment: dict[str, str]
    command: str
    files: dict[str, Sha256]


class AssumptionCount(Record):
    """An assumption of a claim, and how many instances it put outside."""

    name: str
    identifier: str
    statement: str
    outside: Count
    real_outside: Count


class Term(Record):
    """A quantity of a claim's formula."""

    name: str
    latex: Latex
    meaning: str


class Shown(Record):
    """An instance worth showing, judged."""

    instance: Sha256
    file: str
    ratio: float | None
    gap: Interval | None
    bound: Interval | None
    terms: dict[str, Interval]
    reason: str
    origin: str
    command: Command


class Violation(Record):
    """A witness against a claim."""

    kind: Literal["simplest", "worst"]
    grade: Literal["genuine", "suspect"]
    instance: Sha256
    file: str
    gap: Interval | None
    bound: Interval | None
    terms: dict[str, Interval]
    origin: str
    command: Command


class ClaimRow(Record):
    """A claim, and what a run found of it."""

    claim: str
    family: str
    title: str
    source: Literal["paper", "ours"]
    citation: str
    reading: str
    difference: str
    proof: str
    statement: Latex
    relation: Literal["<=", "="]
    assumptions: list[AssumptionCount]
    terms: list[Term]
    counts: dict[VerdictName, Count]
    real_counts: dict[VerdictName, Count]
    scope: Count
    proved_share: Share | None
    histogram: list[Count]
    below: Count
    quantiles: dict[str, float] | None
    tightest: Shown | None
    undecided: list[Shown]
    violations: list[Violation]


class GeneratorRow(Record):
    """A generator of instances, and how many it made."""

    family: str
    name: str
    title: str
    variants: list[str]
    instances: Count


class Form(Record):
    """One form of the bound on a real instance."""

    verdict: VerdictName
    bound: Interval | None
    ratio: float | None


class RealOptimum(Record):
    """The certified distance of a real instance's omega from the global optimum."""

    ball: float | None
    lower: float
    upper: float
    status: Literal["certified", "undecided"]
    checked: bool
    gap: Interval | None
    bound: Interval | None
    verdict: VerdictName


class RealRow(Record):
    """A real instance, judged."""

    name: str
    instance: Sha256
    file: str
    counts: dict[VerdictName, Count]
    eps: Interval | None
    gap: Interval | None
    lifted: Form | None
    mixed: Form | None
    terms: dict[str, Interval | None]
    optimum: RealOptimum | None


class RealFamily(Record):
    """Real tasks of one kind."""

    name: str
    title: str
    description: str
    source: str
    rows: list[RealRow]


class LandscapeVariant(Record):
    """Certified landscapes of one kind, counted."""

    variant: str
    instances: Count
    certified: Count
    checked: Count
    kinds: dict[str, Count]
    points: Count
    spurious: Count
    largest_excess: float
    median_bound: float | None
    median_seconds: Seconds


class CriticalPoint(Record):
    """A critical point and its distance from the certified optimum."""

    kind: str
    omega: list[float]
    gap: Interval | None
    bound: Interval | None
    verdict: VerdictName
    spurious: bool


class LandscapePicture(Record):
    """A certified landscape with the data of its picture."""

    family: str
    variant: str
    origin: str
    dimension: Count
    parameters: Count
    status: Literal["certified", "undecided"]
    checked: bool
    why: str
    ball: float | None
    lower: float | None
    upper: float | None
    at: list[float]
    boxes: Count
    seconds: Seconds
    points: list[CriticalPoint]
    excess: float
    deepest_trap: float
    instance: str
    axis: list[float]
    values: list[float | None]


class Landscapes(Record):
    """Certified landscapes of a run."""

    variants: list[LandscapeVariant]
    pictures: list[LandscapePicture]


class Slope(Record):
    """A slope with its 95 % confidence interval."""

    value: float
    low: float
    high: float


class Series(Record):
    """A quantity over the widths, with standard errors, beside what theory says of it."""

    name: str
    quantity: str
    widths: list[Count]
    means: list[float]
    errors: list[float]
    theory: list[float]
    relation: str
    expected: str
    slope: Slope


class VerifyRecord(_Run, kw_only=True):
    """A verification run (metagap verify)."""

    format: Literal["metagap/verify/1"]
    profile: str
    status: Literal["complete", "out of time", "interrupted"]
    generated: Count
    real: Count
    judgements: Count
    claims: list[ClaimRow]
    generators: list[GeneratorRow]
    real_families: list[RealFamily]
    real_note: str
    landscapes: Landscapes | None
    rates: list[Series]


class MutantWitness(Record):
    """A certified counterexample to a wrong theorem."""

    file: str
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
    """A wrong theorem: killed, survived, or equivalent (true after all)."""

    name: str
    title: str
    claim: str
    why: str
    statement: Latex
    status: Literal["killed", "survived", "equivalent"]
    generator: str | None
    examples: Count
    seconds: Seconds
    kills: dict[str, Count]
    simplest: MutantWitness | None
    worst: MutantWitness | None


class MutantsRecord(_Run, kw_only=True):
    """The wrong theorems that the search attacked (metagap audit --mutants)."""

    format: Literal["metagap/mutants/1"]
    status: Literal["complete", "interrupted"]
    mutants: list[MutantRow]


class Search(Record):
    """The counterexample that leave-one-out search found by itself, and after how much."""

    generator: str
    examples: Count
    seconds: Seconds
    numbers: Count
    meaningless: Annotated[bool, Meta(description="the conclusion has no value there, rather than being false")]


class Evidence(Record):
    """An assumption that the claim does not make: instances on which it fails, and those proved all the same."""

    failing: Count
    proved: Count


class Joint(Record):
    """Whether a claim's assumptions can be met together: instances that met all, pairs that none met."""

    family: str
    claim: str
    assumptions: list[str]
    examples: Count
    met: Count
    conflicts: list[tuple[str, str]]
    violated: Annotated[int, Meta(ge=0, description="instances that met all and on which the claim is false")]
    witness: str | None


class Cell(Record):
    """An assumption of a claim: needed (with a witness), not needed, vacuous (with the reason) or open."""

    claim: str
    assumption: str
    identifier: str
    statement: str
    status: Literal["needed", "not needed", "vacuous", "open"]
    title: str
    step: str
    witness: str | None
    instance: Sha256 | None
    data: Annotated[list[str], Meta(description="the instance in words, a field per line; empty if it is large")]
    gap: Interval | None
    bound: Interval | None
    exact: dict[str, str]
    statement_without: Latex | None
    confirmed: bool | None
    others: Annotated[list[str], Meta(description="further assumptions that are not certified on the instance")]
    second: Opinion | None
    searched: Annotated[int, Meta(ge=0, description="instances on which this alone was left out")]
    found: Search | None
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
    file: str | None
    origin: str
    command: Command | None


class ThresholdRow(Record):
    """Data-free convexity of a loss in s = eta B^2: proved up to, and certified not convex at."""

    loss: str
    proved: float
    refuted: float
    curvature: Annotated[float, Meta(description="upper end of the enclosure of the second derivative there")]
    instance: Sha256
    file: str


class SlackRow(Record):
    """Median shares of bound - gap in a lifted claim by the step of the proof that loses them."""

    family: str
    generator: str
    instances: Count
    shares: dict[Literal["S1", "S3", "S4"], float]


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


class FalsifyRecord(_Run, kw_only=True):
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


class AuditRecord(_Run, kw_only=True):
    """The assumptions one by one, and the wrong theorems (metagap audit)."""

    format: Literal["metagap/audit/1"]
    status: Literal["complete", "interrupted"]
    cells: list[Cell]
    joint: list[Joint]
    mutants: list[MutantRow]
    sharpness: list[FactorRow]
    thresholds: list[ThresholdRow]
    slack: list[SlackRow]


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


class ConditionRow(Record):
    """An assumption on one instance; margin is positive where it holds, null where it has no value."""

    name: str
    identifier: str
    statement: str
    holds: Annotated[bool | None, Meta(description="null: not decided, or not examined")]
    margin: Interval | None
    why: str


class ApplicabilityRow(Record):
    """A claim on one instance: what keeps it from applying; of what holds, the assumption with the least margin."""

    claim: str
    applies: bool
    fails: list[str]
    open: list[str]
    tightest: str | None


class ConditionsRecord(Record):
    """Which assumptions hold on a user's tasks, and which bind (metagap audit TASKS)."""

    format: Literal["metagap/conditions/1"]
    tasks: str
    instance: Sha256
    assumptions: list[ConditionRow]
    claims: list[ApplicabilityRow]
    binding: Annotated[list[str], Meta(description="each alone keeps some claim from applying; most claims first")]


FORMATS: dict[str, type[Record]] = {
    "judgement": Judgement,
    "optimum": OptimumRecord,
    "certify": CertifyRecord,
    "conditions": ConditionsRecord,
    "verify": VerifyRecord,
    "audit": AuditRecord,
    "mutants": MutantsRecord,
    "falsify": FalsifyRecord,
    "mutation": MutationRecord,
    "witness": WitnessFile,
}
"""By the middle word of the record's format."""


def schema(name: str) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of the records `metagap/<name>/1`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"metagap/{name}/1",
        **msgspec.json.schema(FORMATS[name]),
    }


def check(record: Any, name: str, file: str) -> dict[str, Any]:
    """The record, if it is one of the format `metagap/<name>/1`.

    Errors: BadInputError with the place of the first field that is missing, unknown or mistyped.
    """
    wanted = f"metagap/{name}/1"
    given = record.get("format") if isinstance(record, dict) else None
    if given != wanted:
        raise BadInputError(file, "format", given, f"{wanted!r}; run the command again")
    try:
        msgspec.convert(record, FORMATS[name])
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        path = place.rstrip("`").lstrip(".")
        if named := re.search("field `(.*)`", what):
            path = join(path, named[1])
        value = lookup(record, path.split("[...]")[0])
        required = f"a record of this version ({what[:1].lower()}{what[1:]}); run the command again"
        raise BadInputError(file, path, value, required) from None
    return dict(record)


def read(path: Path, name: str) -> dict[str, Any]:
    """The record in a file. Errors: BadInputError."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInputError(str(path), "document", str(error), "a record in JSON; run the command again") from None
    return check(record, name, str(path))
