"""The record of `verify`: every claim on generated and real instances, landscapes, rates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, field
from msgspec.structs import asdict

from ...impl.files.records import Record
from .own import OwnFile
from .shared import (
    Command,
    Count,
    File,
    Files,
    Interval,
    Latex,
    LostJob,
    RunStatus,
    Seconds,
    Sha256,
    Share,
    StatusName,
    VerdictName,
    ordered,
    require,
)

LARGEST = 1e100
"""Numbers of a picture are below it."""


SourceName = Literal["paper", "ours", "own"]


class Quantiles(Record, rename={"low": "0.1", "middle": "0.5", "high": "0.9"}):
    """Of left side over bound, where omega is not better."""

    low: float
    middle: float
    high: float


class Counts(Record):
    """How many instances had each verdict."""

    PROVED: Count
    EQUAL: Count
    VIOLATED: Count
    OUTSIDE: Count
    UNDECIDED: Count

    @property
    def each(self) -> dict[str, int]:
        """By the verdict's name."""
        return asdict(self)

    @property
    def total(self) -> int:
        """Of all verdicts."""
        return sum(self.each.values())


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
    file: File
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
    file: File
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
    source: SourceName
    citation: str
    reading: str
    difference: str
    proof: str
    statement: Latex
    relation: Literal["<=", "="]
    assumptions: list[AssumptionCount]
    terms: list[Term]
    counts: Counts
    real_counts: Counts
    scope: Annotated[
        int, Meta(ge=0, description="generated instances that are not OUTSIDE; of an inequality, nor attained (EQUAL)")
    ]
    proved_share: Annotated[Share | None, Meta(description="of PROVED in scope, without EQUAL; null: nothing is")]
    histogram: list[Count]
    below: Annotated[int, Meta(ge=0, description="generated instances on which omega beats the comparator")]
    real_below: Annotated[int, Meta(ge=0, description="the same of real instances")]
    quantiles: Quantiles | None
    real_quantiles: Quantiles | None
    tightest: Shown | None
    undecided: list[Shown]
    violations: list[Violation]
    void: Annotated[
        dict[str, Count],
        Meta(description="why it has no value though no assumption of it fails: on how many instances"),
    ] = field(default_factory=dict)
    arrays: Annotated[
        int, Meta(ge=0, description="verdicts on generated instances by midpoint-radius arrays; the others by balls")
    ] = 0

    @property
    def violated(self) -> int:
        """Instances on which it is, of both kinds."""
        return self.counts.VIOLATED + self.real_counts.VIOLATED

    @property
    def loose(self) -> bool:
        """Whether more than 3 in 100 of the instances in scope are undecided: loose enclosures prove nothing."""
        return bool(self.scope and 0.03 * self.scope < self.counts.UNDECIDED)


class GeneratorRow(Record):
    """A generator of instances, and how many it made."""

    family: str
    name: str
    title: str
    variants: list[str]
    instances: Count
    wide: Annotated[
        int,
        Meta(
            ge=0,
            description="of them in wide batches: inequalities alone are judged there, each on the first instances of "
            "a batch, up to the one before the fifth that arrays leave open",
        ),
    ] = 0


class Form(Record):
    """One form of the bound on a real instance."""

    verdict: VerdictName
    bound: Interval | None
    ratio: float | None


class NamedForm(Form):
    """The smallest of several that are PROVED or EQUAL, by its claim's name."""

    claim: str


class RealOptimum(Record):
    """The certified distance of a real instance's omega from the global optimum."""

    ball: float | None
    lower: float
    upper: float
    status: StatusName
    checked: bool
    gap: Interval | None
    bound: Interval | None
    verdict: VerdictName
    terms: dict[str, Interval | None]
    smallest: Annotated[NamedForm | None, Meta(description="its smallest form, PROVED or EQUAL")]

    def __post_init__(self) -> None:
        """Errors: ValueError for ends in the wrong order."""
        ordered(self.lower, self.upper)


class RealRow(Record):
    """A real instance, judged."""

    name: str
    instance: Sha256
    file: File
    parameters: Count
    comparator: Literal["parameter", "functions"]
    counts: dict[VerdictName, Count]
    eps: Interval | None
    gap: Interval | None
    lifted: Form | None
    mixed: Form | None
    smallest: Annotated[NamedForm | None, Meta(description="of the gap, of any form, PROVED or EQUAL")]
    trivial: Annotated[Interval | None, Meta(description="what L >= 0 (or the optimal return) alone says of the gap")]
    terms: dict[str, Interval | None]
    optimum: RealOptimum | None


class RealFamily(Record):
    """Real tasks of one kind."""

    name: str
    title: str
    description: str
    source: str
    rows: list[RealRow]


class KindRow(Record):
    """Critical points of one kind: how many, how many are certified not to be global, and by how much at most."""

    points: Count
    spurious: Count
    largest_excess: float


class LandscapeVariant(Record):
    """Certified landscapes of one kind, counted."""

    variant: str
    instances: Count
    certified: Count
    checked: Count
    kinds: dict[str, KindRow]
    points: Count
    spurious: Count
    largest_excess: float
    median_bound: float | None
    median_seconds: Seconds


class Point(Record):
    """A point where a method stops, and its distance from the certified optimum."""

    kind: str
    omega: list[float]
    gap: Interval | None
    bound: Interval | None
    verdict: VerdictName
    spurious: bool
    excess: Annotated[float, Meta(description="by how much it is certified not to be global; 0 if it is not")]


class CriticalPoint(Point):
    """A critical point and its distance from the certified optimum."""

    kind: Literal["local minimum", "local maximum", "saddle", "flat minimum"]
    gap: Interval
    bound: Interval


class Landscape(Record):
    """A certified landscape; in a record with the data of its picture."""

    family: str
    variant: str
    origin: str
    dimension: Count
    parameters: Count
    status: StatusName
    checked: bool
    why: str
    ball: float | None
    lower: float | None
    upper: float | None
    at: list[float]
    boxes: Count
    seconds: Seconds
    points: Sequence[Point]
    excess: float
    deepest_trap: float
    instance: str


class LandscapePicture(Landscape):
    """A certified landscape with the data of its picture."""

    lower: float
    upper: float
    points: list[CriticalPoint]
    axis: list[float]
    values: list[float | None]

    def __post_init__(self) -> None:
        """Errors: ValueError for a picture that cannot be drawn."""
        d, drawn = self.dimension, [v for v in self.values if v is not None]
        require(d in (1, 2), "dimension is 1 or 2")
        require(
            len(self.at) == d and all(len(p.omega) == d for p in self.points), "points have `dimension` coordinates"
        )
        require(len(self.axis) >= 2 and len(self.values) == len(self.axis) ** d, "a value for each point of the axes")
        require(all(a < b for a, b in itertools.pairwise(self.axis)), "axis grows")
        require(bool(drawn) and max(abs(v) for v in (*drawn, *self.axis)) < LARGEST, "numbers that can be drawn")
        require(all(p.gap.hi is not None for p in self.points), "gaps with an upper end")
        ordered(self.lower, self.upper)


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

    def __post_init__(self) -> None:
        """Errors: ValueError for a series that cannot be drawn."""
        columns = (self.means, self.errors, self.theory)
        require(bool(self.widths) and {len(c) for c in columns} == {len(self.widths)}, "an entry for each width")
        require(min(self.widths) >= 1 and max(self.widths) <= 2**40, "widths from 1 to 2^40")
        require(
            all(1 / LARGEST < v < LARGEST for v in (*self.means, *self.theory)), "means and theory that can be drawn"
        )
        require(all(0 <= v < LARGEST for v in self.errors), "errors >= 0")
        require(len(self.name) <= 80, "a name that fits beside its line")


class VerifyRecord(Record, tag_field="format", tag="metagap/verify/2"):
    """A verification run (metagap verify)."""

    version: str
    profile: str
    seed: Count
    seconds: Seconds
    status: RunStatus
    started: str
    environment: dict[str, str]
    command: str
    generated: Count
    real: Count
    judgements: Count
    claims: list[ClaimRow]
    generators: list[GeneratorRow]
    real_families: list[RealFamily]
    real_note: str
    landscapes: Landscapes | None
    rates: list[Series]
    files: Files
    lost: list[LostJob] = field(default_factory=list)
    own: Annotated[OwnFile | None, Meta(description="the file of a user's own claims, whose record this is")] = None
