"""Judging: a claim on an instance, term by term, decided by balls and exact rationals.

Precision grows until the enclosures separate. An equality is PROVED where exact rationals decide it and HOLDS
where balls enclose it to its rounding unit; an inequality that is attained (both sides enclosed as equal far beyond
float64) HOLDS, since no enclosure can separate equal numbers. Nothing here knows how a quantity is computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flint import arb, ctx

from ..theory.claim import Claim, Expression, Relation, Verdict
from ..theory.meta_sl import CLAIMS
from .arithmetic import IrrationalError, Rationals, bounds
from .balls.quantities import Quantities, UndefinedQuantityError
from .instances import Gradient, Instance

PRECISIONS = (128, 256, 512)
"""Bits of the balls, in the order in which they are tried."""

ATTAINED = 0.6
"""Share of the bits to which both sides of an inequality must agree to be called attained."""

ROUNDING_UNIT = 2.0**-44
"""Relative to a term's scale: what a float64 evaluation of the same term may differ by (2^8 operations)."""


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


@dataclass(frozen=True)
class ClaimJudgement:
    """The verdict on one claim. gap, bound and terms are None or missing where they are not defined.

    reason   what decided, or which term or assumption overlaps
    ratio    gap / bound at the enclosures' middles; None where bound is 0 or the claim is an equality
    """

    claim: str
    verdict: Verdict
    gap: Enclosure | None
    bound: Enclosure | None
    terms: Mapping[str, Enclosure]
    assumptions: Mapping[str, Enclosure]
    ratio: float | None
    reason: str = ""


@dataclass(frozen=True)
class Judgement:
    """All claims judged on one instance."""

    instance: str
    claims: tuple[ClaimJudgement, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> ClaimJudgement:
        return next(c for c in self.claims if c.claim == name)


@dataclass
class Evaluator:
    """The quantities of one instance at every precision that was needed so far."""

    instance: Instance
    _balls: dict[int, Quantities] = field(default_factory=dict)
    _rational: Quantities | None = None

    def balls(self, bits: int) -> Quantities:
        """The quantities in balls of that precision. flint's context must have it too."""
        if bits not in self._balls:
            self._balls[bits] = Quantities(self.instance)
        return self._balls[bits]

    def rationals(self) -> Quantities | None:
        """The quantities in exact rationals along the same direction; None where the loss forbids it."""
        adaptation = self.instance.adaptation
        moderate = not isinstance(adaptation, Gradient) or adaptation.steps <= 2
        if not self.instance.loss.profile.rational or not moderate:
            return None
        if self._rational is None:
            direction = self.balls(PRECISIONS[0]).exact_direction
            self._rational = Quantities(self.instance, Rationals, direction)
        return self._rational


def judge(
    instance: Instance,
    claims: Iterable[Claim] = CLAIMS,
    *,
    terms_outside: bool = False,
) -> Judgement:
    """Every claim on the instance. `terms_outside`: report terms of claims that do not apply, too."""
    evaluator = Evaluator(instance)
    judged = tuple(judge_claim(claim, evaluator, terms_outside=terms_outside) for claim in claims)
    return Judgement(instance.sha256, judged, instance.notes)


def judge_claim(claim: Claim, evaluator: Evaluator, *, terms_outside: bool = False) -> ClaimJudgement:
    """One claim, at growing precision until it is decided."""
    outcome = None
    for bits in PRECISIONS:
        with ctx.workprec(bits):
            outcome = _attempt(claim, evaluator, evaluator.balls(bits), terms_outside)
        if outcome.verdict is not Verdict.UNDECIDED:
            break
    assert outcome is not None
    return outcome


def _attempt(claim: Claim, evaluator: Evaluator, at: Quantities, terms_outside: bool) -> ClaimJudgement:
    margins: dict[str, arb] = {}
    open_assumption = ""
    for assumption in claim.assumptions:
        try:
            margin = at(assumption.margin)
        except UndefinedQuantityError as reason:
            return _outside(claim, at, margins, f"{assumption.name}: {reason}", terms_outside)
        margins[assumption.name] = margin
        if margin <= 0:
            return _outside(claim, at, margins, f"{assumption.name}: {assumption.statement}", terms_outside)
        if not margin > 0 and not open_assumption:
            open_assumption = assumption.name
    try:
        left, bound = claim.left(at), claim.bound(at)
    except UndefinedQuantityError as reason:
        return _outside(claim, at, margins, str(reason), terms_outside)
    verdict, reason = _decide(claim, evaluator, at, left, bound)
    if open_assumption and verdict is not Verdict.UNDECIDED:
        verdict, reason = Verdict.UNDECIDED, f"the margin of {open_assumption} contains 0"
    return _report(claim, verdict, reason, at, left, bound, margins)


def _decide(
    claim: Claim, evaluator: Evaluator, at: Quantities, left: arb, bound: arb
) -> tuple[Verdict, str]:
    scale = max((float(at(name).abs_upper()) for name in claim.terms), default=0.0)
    scale += max(at.scale(name) for name in (*claim.terms, "gap"))
    difference = left - bound
    if claim.relation is Relation.AT_MOST:
        if left <= bound:
            return Verdict.PROVED, "the enclosures are separated"
        if left > bound:
            return Verdict.VIOLATED, "the enclosures are separated"
        if ctx.prec >= PRECISIONS[1] and float(difference.rad()) <= 2.0 ** (-ATTAINED * ctx.prec) * scale:
            return Verdict.HOLDS, f"attained: both sides are equal within 2^-{ATTAINED * ctx.prec:.0f} of the terms"
        return Verdict.UNDECIDED, f"gap and bound overlap: {_widest(claim, at)} is the widest term"
    exact = evaluator.rationals()
    if exact is not None:
        try:
            if claim.left(exact) == claim.bound(exact):
                return Verdict.PROVED, "equal in exact rationals"
            return Verdict.VIOLATED, "different in exact rationals"
        except IrrationalError:
            pass
    if not difference.contains(0):
        return Verdict.VIOLATED, "the enclosure of the difference excludes 0"
    if float(difference.rad()) <= 2.0**-53 * scale or difference.is_zero():
        return Verdict.HOLDS, "the difference is enclosed to its rounding unit"
    return Verdict.UNDECIDED, f"the difference is not enclosed to its rounding unit: {_widest(claim, at)}"


def _widest(claim: Claim, at: Quantities) -> str:
    return max(claim.terms, key=lambda name: float(at(name).rad()), default="gap")


def _outside(
    claim: Claim, at: Quantities, margins: dict[str, arb], reason: str, terms_outside: bool
) -> ClaimJudgement:
    left = bound = None
    if terms_outside:
        left, bound = _defined(claim.left, at), _defined(claim.bound, at)
    return _report(claim, Verdict.OUTSIDE, reason, at, left, bound, margins)


def _defined(expression: Expression, at: Quantities) -> arb | None:
    try:
        return expression(at)
    except UndefinedQuantityError:
        return None


def _report(
    claim: Claim,
    verdict: Verdict,
    reason: str,
    at: Quantities,
    left: arb | None,
    bound: arb | None,
    margins: dict[str, arb],
) -> ClaimJudgement:
    terms: dict[str, Enclosure] = {}
    if bound is not None and left is not None:
        for name in claim.terms:
            terms[name] = _float_enclosure(name, at, at(name))
    gap = None
    if left is not None:
        gap = _float_enclosure("gap", at, at("gap") if "gap" in claim.left.names else left)
    edge = None if bound is None else _float_enclosure("gap", at, bound)
    ratio = None
    if gap is not None and edge is not None and claim.relation is Relation.AT_MOST and edge.middle != 0:
        quotient = gap.middle / edge.middle
        ratio = quotient if math.isfinite(quotient) else None
    return ClaimJudgement(
        claim.name,
        verdict,
        gap,
        edge,
        terms,
        {name: Enclosure.of(margin) for name, margin in margins.items()},
        ratio,
        reason,
    )


def _float_enclosure(name: str, at: Quantities, ball: arb) -> Enclosure:
    """The ball in float64 with room for the rounding of a float64 evaluation of the same term.

    Exact input (the radius) stays as it is.
    """
    enclosure = Enclosure.of(ball)
    if name in ("radius", "zero"):
        return enclosure
    size = max(abs(enclosure.lo), abs(enclosure.hi))
    return enclosure.widened(ROUNDING_UNIT * (size + at.scale(name))) if math.isfinite(size) else enclosure
