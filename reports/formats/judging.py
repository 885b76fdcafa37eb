"""The records of `judge`, `optimum`, `certify` and `audit TASKS`: one instance, or a user's own tasks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal, get_args

from msgspec import UNSET, Meta, UnsetType, convert, field

from ...impl.answers import Answer
from ...impl.conditions import Conditions
from ...impl.files.records import Record
from ...impl.judgement import Judgement as Judged
from ...impl.optimum import How
from ...impl.optimum.advice import advice, shares
from ...impl.shown import Sheet, Shown, between, rounded_down, rounded_up
from ...impl.study import ShownBracket
from ..records import finite
from .shared import (
    Count,
    Interval,
    JudgedClaim,
    Seconds,
    Sha256,
    StatusName,
    VerdictName,
    interval,
    intervals,
    ordered,
    verdict_name,
)


class Judgement(Record, tag_field="format", tag="metagap/judgement/1"):
    """Every claim on one instance (metagap judge); of several files a list, null where one cannot be read."""

    instance: Sha256
    notes: list[str]
    claims: list[JudgedClaim]

    @classmethod
    def of(cls, judged: Judged) -> Judgement:
        """What was judged."""
        return cls(judged.instance, list(judged.notes), [JudgedClaim.of(one) for one in judged.claims])


class LinearisedBracket(Record):
    """A bracket of the minimum of the meta-objective of a network's linearisation."""

    lower: float | None
    upper: float | None


class OptimumRecord(Record, kw_only=True, tag_field="format", tag="metagap/optimum/1"):
    """A bracket of the infimum (meta-RL: the supremum) of the meta-objective (metagap optimum)."""

    lower: float | None
    upper: float | None
    at: Annotated[list[float | list[float]], Meta(description="the parameter; of a network, one row per neuron")]
    status: StatusName
    boxes: Count | UnsetType = UNSET
    method: Annotated[str | UnsetType, Meta(description="of a network: how the lower end is proved")] = UNSET
    ball: float | UnsetType | None = UNSET
    floor: float | UnsetType | None = UNSET
    linearised: Annotated[
        LinearisedBracket | UnsetType | None,
        Meta(description="of a network in a ball: the bracket of its linearisation at W0"),
    ] = UNSET
    seconds: Seconds
    checked: bool | None = None
    why: str = ""

    def __post_init__(self) -> None:
        ordered(self.lower, self.upper)

    @classmethod
    def of(cls, found: ShownBracket) -> OptimumRecord:
        """What is known of the bracket."""
        own = found.details
        linear = own.get("linearised", UNSET)
        return cls(
            lower=finite(found.lower),
            upper=finite(found.upper),
            at=found.point,
            status=convert(found.status.value, StatusName),
            boxes=own.get("boxes", UNSET),
            method=own.get("method", UNSET),
            ball=own.get("ball", UNSET),
            floor=own.get("floor", UNSET),
            linearised=LinearisedBracket(*map(finite, linear)) if linear else linear,
            seconds=found.seconds,
            checked=None if found.check is None else found.check.accepted,
            why=found.why,
        )


class CertifyRecord1(Record, tag_field="format", tag="metagap/certify/1"):
    """What `metagap certify` wrote before version 2: it is still read."""

    instance: Sha256
    omega: list[float]
    least: float | None
    most: float | None
    promise: float | None
    everywhere: bool
    choice: Annotated[str, Meta(description="why the ball of the optimum, if none was asked for; else empty")]
    why: list[str]
    optimum: OptimumRecord
    headline: JudgedClaim


Parameter = Annotated[list[float | list[float]], Meta(description="of a network, one row per neuron")]


class CertifiedProblem(Record):
    """What was solved: the tasks and the solution."""

    instance: Annotated[Sha256 | None, Meta(description="null where time ran out before it was known")]
    kind: str
    model: str
    loss: str
    adaptation: Annotated[
        dict[str, float | int | str | list[float | list[float]]],
        Meta(description="name, eta and steps (rates, of a network a row per neuron, decay), or lambda"),
    ]
    tasks: Count
    rows: Count
    columns: Count
    split: Literal["none", "support/query"]
    omega: Parameter
    defaults: Annotated[list[str], Meta(description="what was assumed, as it was not said")]
    width: Annotated[Count | UnsetType, Meta(description="of a network: its neurons")] = UNSET
    states: Annotated[Count | UnsetType, Meta(description="of decision processes")] = UNSET
    actions: Annotated[Count | UnsetType, Meta(description="of decision processes")] = UNSET

    @classmethod
    def of(cls, found: Answer, defaults: Sequence[str], named: bool) -> CertifiedProblem:
        """What the answer is to."""
        posed = found.posed
        return cls(
            found.instance.sha256 if named else None,
            found.instance.family,
            posed.model,
            posed.loss,
            {n: convert(v, float | int | str | list[float | list[float]]) for n, v in posed.adaptation.items()},
            posed.tasks,
            posed.rows,
            posed.columns,
            "support/query" if posed.split else "none",
            posed.omega,
            list(defaults),
            UNSET if posed.width is None else posed.width,
            UNSET if posed.states is None else posed.states,
            UNSET if posed.actions is None else posed.actions,
        )


class CertifiedOptimum(Record):
    """The bracket of the infimum (meta-RL: the supremum), and where it comes from; proved: what is proved of the end
    that is no value."""

    lower: float | None
    upper: float | None
    status: StatusName
    how: Annotated[
        str, Meta(description=f"what gave the end that is no value: of linear models {', '.join(get_args(How))}")
    ]
    at: Parameter
    proved: float | None
    everywhere: Annotated[bool, Meta(description="whether over all parameters; else over the ball")]
    ball: float | None
    choice: Annotated[str, Meta(description="why that ball, if none was asked for; else empty")]
    seconds: Seconds
    why: str
    proof: Annotated[str | UnsetType, Meta(description="what gave both ends, in words")] = UNSET

    def __post_init__(self) -> None:
        ordered(self.lower, self.upper)


class CertifiedBound(Record):
    """The theorem's bound on the gap: its verdict (null: not judged), its terms, their shares of it."""

    claim: str
    verdict: VerdictName | None
    total: Interval | None
    smallest: Annotated[Interval | None, Meta(description="its smallest form, PROVED or EQUAL; null: there is none")]
    form: Annotated[str, Meta(description="the claim of that form; empty: there is none")]
    terms: dict[str, Interval]
    shares: dict[str, float]
    reason: str


class StationaryRow(Record):
    """The norm of an objective's gradient at omega."""

    objective: str
    eps: Interval
    words: str


class CertifyRecord(Shown, Record, kw_only=True, tag_field="format", tag="metagap/certify/2"):
    """How far a solution is from the global optimum, what the theorem promises, and what to do (metagap certify)."""

    problem: CertifiedProblem
    value: Annotated[Interval, Meta(description="L(omega)")]
    optimum: CertifiedOptimum
    gap: Annotated[Interval, Meta(description="L(omega) - inf L; meta-RL: sup L - L(omega)")]
    relative_gap: Annotated[Interval, Meta(description="the gap over the optimum; null where that may be 0")]
    bound: CertifiedBound
    stationary_for: Annotated[list[StationaryRow], Meta(description="first what omega was made for; then by eps")]
    advice: list[str]

    def __repr__(self) -> str:
        return f"<{self.sheet.caption}: {', '.join(': '.join(row) for row in self.sheet.rows[:3])}>"

    @property
    def promise(self) -> float:
        """The least that a form of the theorem, PROVED or EQUAL, bounds the distance by; infinite without one."""
        bound = self.bound
        proved = [bound.smallest, bound.total if bound.verdict in ("PROVED", "EQUAL") else None]
        return min((one.hi for one in proved if one is not None and one.hi is not None), default=math.inf)

    @property
    def sheet(self) -> Sheet:
        """The distance, what the theorem promises, and what to do."""
        problem, optimum = self.problem, self.optimum
        where = "over all parameters" if optimum.everywhere else f"up to {optimum.ball or math.inf:g} away"
        rows = [
            ("distance from the global optimum", _ends(self.gap)),
            ("the theorem promises at most", rounded_up(self.promise, 6) if self.promise < math.inf else "nothing"),
            ("the optimum", f"{_ends(Interval(optimum.lower, optimum.upper))}, {where} ({optimum.status})"),
            ("L(omega)", _ends(self.value)),
            *(("what to do", sentence) for sentence in self.advice),
        ]
        return Sheet(f"{problem.tasks} tasks, {problem.rows} rows, {problem.loss} loss", (), rows)

    @classmethod
    def of(cls, found: Answer, defaults: Sequence[str] = (), named: bool = True) -> CertifyRecord:
        """The answer for the instance's omega; `named`: with its hash, which takes long for many rows."""
        optimum, judged = found.optimum, found.judged
        ball = optimum.details.get("ball")
        return cls(
            problem=CertifiedProblem.of(found, defaults, named),
            value=Interval.of(found.value),
            optimum=CertifiedOptimum(
                finite(optimum.lower),
                finite(optimum.upper),
                convert(optimum.status.value, StatusName),
                optimum.how,
                optimum.point,
                finite(optimum.sure),
                found.everywhere,
                None if ball is None else finite(ball),
                found.choice,
                optimum.seconds,
                optimum.why,
                optimum.proof,
            ),
            gap=Interval.of(found.gap),
            relative_gap=Interval.of(found.relative),
            bound=CertifiedBound(
                found.posed.claim,
                None if judged is None else verdict_name(judged.verdict),
                None if judged is None else interval(judged.bound),
                None if found.smallest is None else interval(found.smallest.bound),
                "" if found.smallest is None else found.smallest.claim,
                {} if judged is None else intervals(judged.terms),
                shares(found),
                found.missing if judged is None else judged.reason,
            ),
            stationary_for=[
                StationaryRow(one.loop.objective, Interval.of(one.eps), one.loop.words)
                for one in found.stationary.found
            ],
            advice=list(advice(found, defaults)),
        )


def _ends(value: Interval) -> str:
    """An enclosure for people."""
    if value.lo is None:
        return "unknown" if value.hi is None else f"at most {rounded_up(value.hi, 6)}"
    return f"at least {rounded_down(value.lo, 6)}" if value.hi is None else between(value.lo, value.hi, 6)


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
    why: Annotated[str, Meta(description="of own claims: why a side has no value, which keeps it from applying")] = ""


class ConditionsRecord(Record, tag_field="format", tag="metagap/conditions/2"):
    """Which assumptions hold on a user's tasks, and which bind (metagap audit TASKS)."""

    tasks: str
    instance: Sha256
    assumptions: list[ConditionRow]
    claims: list[ApplicabilityRow]
    binding: Annotated[list[str], Meta(description="each alone keeps some claim from applying; most claims first")]
    notes: Annotated[list[str], Meta(description="what was taken from columns' names")] = field(default_factory=list)

    @classmethod
    def of(cls, tasks: str, instance: str, found: Conditions, notes: Sequence[str] = ()) -> ConditionsRecord:
        """What was found of the tasks at that place; notes say how they were read."""
        rows = [
            ConditionRow(
                c.assumption.name, c.assumption.identifier, c.assumption.statement, c.holds, interval(c.margin), c.why
            )
            for c in found.conditions
        ]
        claims = [
            ApplicabilityRow(a.claim.name, a.applies, list(a.fails), list(a.open), a.tightest, a.why)
            for a in found.claims
        ]
        return cls(tasks, instance, rows, claims, list(found.binding), list(notes))
