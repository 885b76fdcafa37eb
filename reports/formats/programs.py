"""The records of a user's PyTorch program: how far it is from the best, whose gradient its loop computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...impl.files.records import Record
from ..records import finite
from .shared import Interval, JudgedClaim, Sha256, interval

if TYPE_CHECKING:
    from ...impl.traced.asking import TracedAnswer
    from ...impl.traced.diagnosing import Diagnosis


class ProgramRecord(Record, kw_only=True, tag_field="format", tag="metagap/program/1"):
    """How far a program's parameters are from the best (metagap certify FILE.py:FUNCTION)."""

    instance: Sha256
    value: Interval | None
    best: Interval | None
    gap: Interval | None
    bound: JudgedClaim
    claims: list[JudgedClaim]
    advice: list[str]

    @classmethod
    def of(cls, found: TracedAnswer) -> ProgramRecord:
        """The answer; gap is from L at the best point known to 0, which L is at least."""
        judged = found.judgement.judgement
        return cls(
            instance=judged.instance,
            value=interval(found.value),
            best=interval(found.best),
            gap=interval(found.gap),
            bound=JudgedClaim.of(found.bound),
            claims=[JudgedClaim.of(one) for one in judged.claims],
            advice=list(found.advice),
        )


class GradientRecord(Record, kw_only=True, tag_field="format", tag="metagap/gradient/1"):
    """Whose gradient it is (metagap check-gradient)."""

    name: str
    message: str
    distance: Interval | None
    rounding: float | None
    distances: dict[str, Interval | None]

    @classmethod
    def of(cls, found: Diagnosis) -> GradientRecord:
        """The diagnosis; distances are relative, rounding is the one that rounding explains."""
        distances = {name: interval(far) for name, far in found.distances.items()}
        return cls(
            name=found.name,
            message=found.message,
            distance=interval(found.distance),
            rounding=finite(found.rounding),
            distances=distances,
        )
