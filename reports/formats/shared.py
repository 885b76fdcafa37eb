"""What the records share: enclosures, judged claims, witnesses, and what every run says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, convert

from ...impl.counterexample import Opinion as Judged
from ...impl.files.records import Record
from ...impl.judgement import ClaimJudgement, Enclosure
from ...theory.claim import Expression, Relation, Verdict
from ...theory.notation import LETTERS
from ..records import finite

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="of the canonical instance, or of a file")]
_STEP = "[A-Za-z0-9_+-][A-Za-z0-9_.+-]*"
File = Annotated[str, Meta(pattern=f"^{_STEP}(/{_STEP})*$(?!\n)", description="a path below the folder of the record")]
Files = dict[File, Sha256]
Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Latex = Annotated[str, Meta(description="LaTeX")]
Command = Annotated[str, Meta(description="what reproduces this; {folder} is the folder of the record")]
VerdictName = Literal["PROVED", "EQUAL", "VIOLATED", "OUTSIDE", "UNDECIDED"]
StatusName = Annotated[
    Literal["certified", "bracketed", "undecided", "interrupted"],
    Meta(description="certified: by the checker; bracketed: as narrow, but by the search alone; undecided: wide"),
]


def verdict_name(verdict: Verdict) -> VerdictName:
    """The verdict as records spell it."""
    name: VerdictName = convert(verdict.name, VerdictName)
    return name


def latex(left: Expression, relation: Relation, bound: Expression) -> str:
    """A statement in LaTeX."""
    return rf"{left.latex(LETTERS)} {'=' if relation is Relation.EQUAL else chr(92) + 'le'} {bound.latex(LETTERS)}"


def require(holds: bool, what: str) -> None:
    """Errors: ValueError unless it holds; raised where a record is made, it is told with the record's place."""
    if not holds:
        raise ValueError(f"not so: {what}")


def ordered(lower: float | None, upper: float | None) -> None:
    """Errors: ValueError unless the ends of a bracket or an enclosure are in order; None is an infinite end."""
    require(lower is None or upper is None or lower <= upper, f"lower <= upper (given {lower!r} and {upper!r})")


RunStatus = Annotated[
    Literal["complete", "running", "out of time", "without workers", "interrupted"],
    Meta(description="without workers: the cluster did not answer any more; the record has what was finished by then"),
]


class LostJob(Record):
    """A part of a run without a result: it failed, or its process died, twice."""

    job: str
    why: str


class Interval(Record):
    """An enclosure: the value is at least lo and at most hi; null is an infinite end, which nothing PROVED or EQUAL
    has."""

    lo: float | None
    hi: float | None

    def __post_init__(self) -> None:
        """Errors: ValueError for ends in the wrong order."""
        ordered(self.lo, self.hi)

    @classmethod
    def of(cls, value: Enclosure) -> Interval:
        """What is enclosed; an infinite end is null."""
        return cls(finite(value.lo), finite(value.hi))


def interval(value: Enclosure | None) -> Interval | None:
    """The same of what may have no value."""
    return None if value is None else Interval.of(value)


def intervals(values: Mapping[str, Enclosure]) -> dict[str, Interval]:
    """The same of named enclosures."""
    return {name: Interval.of(value) for name, value in values.items()}


class JudgedClaim(Record):
    """One claim on one instance, term by term; gap is the left side (where the gap is but a part of
    that: the gap), ratio is left side/bound. Of several files what arrays decide has its sides alone."""

    claim: str
    verdict: VerdictName
    gap: Interval | None
    bound: Interval | None
    terms: dict[str, Interval]
    assumptions: dict[str, Interval]
    ratio: float | None
    reason: str

    @classmethod
    def of(cls, judged: ClaimJudgement) -> JudgedClaim:
        """What was judged."""
        return cls(
            judged.claim,
            verdict_name(judged.verdict),
            interval(judged.gap),
            interval(judged.bound),
            intervals(judged.terms),
            intervals(judged.assumptions),
            finite(judged.ratio),
            judged.reason,
        )


class StatementText(Record):
    """A statement in the notation of the claims: left <= bound, or left = bound."""

    left: str
    relation: Literal["<=", "="]
    bound: str

    @classmethod
    def of(cls, left: Expression, relation: Relation, bound: Expression) -> StatementText:
        """A statement of the theory."""
        return cls(left.text, "=" if relation is Relation.EQUAL else "<=", bound.text)


class Sides(Record):
    """Both sides of a statement, enclosed; null where one has no value."""

    left: Interval | None
    bound: Interval | None


WitnessKind = Literal["claim", "mutant", "ablation", "leave-one-out"]


class WitnessFile(Record, tag_field="format", tag="metagap/witness/1"):
    """An instance and what it bears witness against: the claim, mutant, ablation or left-out assumption so named."""

    kind: WitnessKind
    name: str
    statement: StatementText
    judged: Sides
    instance: dict[str, Any]
    population: Annotated[
        Mapping[str, Any] | None, Meta(description="a second instance, on which the left side is evaluated")
    ]


class Opinion(Record):
    """A second engine on a counterexample; agrees is null where it cannot tell."""

    engine: str
    left: float | None
    bound: float | None
    agrees: bool | None

    @classmethod
    def of(cls, found: Judged | None) -> Opinion | None:
        """What the float64 engine said, if it was asked."""
        return None if found is None else cls("float64", finite(found.left), finite(found.bound), found.agrees)
