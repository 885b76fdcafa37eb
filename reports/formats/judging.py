"""The records of `judge`, `optimum`, `certify` and `audit TASKS`: one instance, or a user's own tasks."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, convert

from ...impl.arithmetic import to_float
from ...impl.conditions import Conditions
from ...impl.files.records import Record
from ...impl.judge import Judgement as Judged
from ...impl.optimum.answer import Answer
from ...impl.study import ShownBracket
from ...impl.supervised.instance import MetaSLInstance
from ..records import finite
from .shared import Count, Interval, JudgedClaim, Seconds, Sha256, StatusName, interval, ordered


class Judgement(Record, tag_field="format", tag="metagap/judgement/1"):
    """Every claim on one instance (metagap judge)."""

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


class CertifyRecord(Record, tag_field="format", tag="metagap/certify/1"):
    """How far a solution is from the global optimum, and what the theorem promises (metagap certify)."""

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

    @classmethod
    def of(cls, instance: MetaSLInstance, found: Answer) -> CertifyRecord:
        """The answer for the instance's omega."""
        return cls(
            instance.sha256,
            [to_float(v) for v in instance.omega],
            finite(found.least),
            finite(found.most),
            finite(found.promise),
            found.everywhere,
            found.choice,
            list(found.why),
            OptimumRecord.of(found.optimum),
            JudgedClaim.of(found.judged),
        )


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


class ConditionsRecord(Record, tag_field="format", tag="metagap/conditions/1"):
    """Which assumptions hold on a user's tasks, and which bind (metagap audit TASKS)."""

    tasks: str
    instance: Sha256
    assumptions: list[ConditionRow]
    claims: list[ApplicabilityRow]
    binding: Annotated[list[str], Meta(description="each alone keeps some claim from applying; most claims first")]

    @classmethod
    def of(cls, tasks: str, instance: str, found: Conditions) -> ConditionsRecord:
        """What was found of the tasks at that place."""
        rows = [
            ConditionRow(
                c.assumption.name, c.assumption.identifier, c.assumption.statement, c.holds, interval(c.margin), c.why
            )
            for c in found.conditions
        ]
        claims = [
            ApplicabilityRow(a.claim.name, a.applies, list(a.fails), list(a.open), a.tightest) for a in found.claims
        ]
        return cls(tasks, instance, rows, claims, list(found.binding))
