"""What is said of claims on an instance: verdicts, both sides, terms and reasons, and how people see them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flint import arb

from ..theory.claim import Verdict
from .arithmetic import bounds
from .shown import Sheet, Shown


@dataclass(frozen=True)
class Enclosure:
    """Float64 numbers lo <= value <= hi."""

    lo: float
    hi: float

    @classmethod
    def of(cls, ball: arb) -> Enclosure:
        """The ball, rounded outward."""
        return cls(*bounds(ball))

    def widened(self, margin: float) -> Enclosure:
        """The enclosure with room for a float64 evaluation's own rounding."""
        return Enclosure(self.lo - margin, self.hi + margin)

    @property
    def middle(self) -> float:
        """A point of the enclosure."""
        return self.lo / 2 + self.hi / 2


@dataclass(frozen=True, repr=False)
class ClaimJudgement(Shown):
    """The verdict on one claim. gap, bound, left and terms are None or missing where they are not defined.

    left     the claim's left side
    gap      the gap where it is the left side, or a part of it; else the left side
    reason   what decided, or which term or assumption overlaps
    ratio    left / bound at the enclosures' middles; None where bound is 0 or the claim is an equality
    """

    claim: str
    verdict: Verdict
    gap: Enclosure | None
    bound: Enclosure | None
    terms: Mapping[str, Enclosure]
    assumptions: Mapping[str, Enclosure]
    ratio: float | None
    reason: str = ""
    left: Enclosure | None = None
    brief: bool = False
    """Whether a batch was judged (`batch_judge`): terms and margins are left out."""

    @property
    def side(self) -> Enclosure | None:
        """The left side."""
        return self.left or self.gap

    @property
    def tight(self) -> str:
        """Left side over bound for people; empty where either is negative, as the quotient then says nothing."""
        if self.ratio is None or self.side is None or self.side.middle < 0 or self.ratio < 0:
            return ""
        return f"{self.ratio:.3f}" if self.ratio < 1e6 else f"{self.ratio:.3g}"

    def __repr__(self) -> str:
        return f"<{self.claim}: {self.verdict.name}, {_shown(self.side)} against {_shown(self.bound)}>"

    @property
    def sheet(self) -> Sheet:
        """Both sides and every term."""
        sides = [("left side", _shown(self.side)), ("bound", _shown(self.bound))]
        terms = [(name, _shown(value)) for name, value in self.terms.items()]
        reason = f" ({self.reason})" if self.reason else ""
        return Sheet(f"{self.claim}: {self.verdict.name}{reason}", ("term", "value"), sides + terms)


def _shown(value: Enclosure | None) -> str:
    """An enclosure for people: its middle, which is not proved to the digit."""
    if value is None:
        return "no value"
    return f"{value.middle:.6g}" if math.isfinite(value.lo) and math.isfinite(value.hi) else "unbounded"


@dataclass(frozen=True, repr=False)
class Judgement(Shown):
    """All claims judged on one instance."""

    instance: str
    claims: tuple[ClaimJudgement, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> ClaimJudgement:
        return next(c for c in self.claims if c.claim == name)

    def __repr__(self) -> str:
        counts = Counter(one.verdict.name for one in self.claims)
        return f"<judgement of {self.instance[:12]}: {', '.join(f'{n} {name}' for name, n in counts.items())}>"

    @property
    def sheet(self) -> Sheet:
        """Claim by claim: verdict, both sides, and left side over bound."""
        rows = [
            (
                c.claim,
                c.verdict.name,
                _shown(c.side),
                _shown(c.bound),
                c.tight,
            )
            for c in self.claims
        ]
        return Sheet(f"instance {self.instance[:12]}", ("claim", "verdict", "left side", "bound", "left/bound"), rows)


def smallest(bounds_of: Iterable[ClaimJudgement]) -> ClaimJudgement | None:
    """Of bounds of one gap the smallest that is proved (or attained), by its upper end; None if none is."""
    proved = [
        one
        for one in bounds_of
        if one.verdict in (Verdict.PROVED, Verdict.EQUAL) and one.bound is not None and math.isfinite(one.bound.hi)
    ]
    return min(proved, key=lambda one: one.bound.hi if one.bound else math.inf, default=None)


def ratio_of(gap: float, bound: float) -> float | None:
    """gap / bound at the middles; None where bound is 0, or an enclosure is unbounded."""
    if bound == 0 or not (math.isfinite(gap) and math.isfinite(bound)):
        return None
    quotient = gap / bound
    return quotient if math.isfinite(quotient) else None
