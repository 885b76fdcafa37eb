"""The records of `judge`, `optimum`, `certify` and `audit TASKS`: one instance, or a user's own tasks."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ...impl.files.records import Record
from .shared import Count, Interval, JudgedClaim, Seconds, Sha256, StatusName, ordered


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
    status: StatusName
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

    def __post_init__(self) -> None:
        ordered(self.lower, self.upper)


class CertifyRecord(Record):
    """How far a solution is from the global optimum, and what the theorem promises (metagap certify)."""

    format: Literal["metagap/certify/1"]
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
