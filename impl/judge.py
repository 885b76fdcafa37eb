"""Judging: a claim on an instance, term by term, decided by balls and exact rationals.

Precision grows until the enclosures separate. An equality is PROVED where exact rationals decide it, else EQUAL where
balls enclose both sides as equal far beyond float64; so is an inequality that is attained, since no enclosure can
separate equal numbers. What decides is in `verdicts`. Nothing here knows how a quantity is computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from flint import arb, ctx, fmpq

from ..theory.claim import Claim, Expression, Relation, UndefinedQuantityError, Verdict
from .arithmetic import PROPOSING, IrrationalError
from .asked import sure
from .balls.core import CoreQuantities, TooLargeError
from .instances import Instance, Vector
from .judgement import ClaimJudgement, Enclosure, Judgement, ratio_of
from .verdicts import ATTAINED, MOST, cancelling, decide, standing

PRECISIONS = (128, 256, 512)
"""Bits of the balls, in the order in which they are tried."""

FLOAT_BITS = 53
"""Bits of float64: balls of that precision are as wide as a float64 evaluation may be wrong."""


@dataclass
class Evaluator:
    """The quantities of one instance at every precision that was needed so far."""

    instance: Instance
    make: Callable[[], CoreQuantities]
    exact: Callable[[Vector], CoreQuantities | None] = lambda direction: None
    """The quantities in exact rationals along a direction; None where the instance forbids it."""
    precisions: tuple[int, ...] = PRECISIONS
    """Bits of the balls, in the order in which they are tried."""
    known_at: dict[int, CoreQuantities] = field(default_factory=dict)
    """By bits of the balls."""
    beside: Evaluator | None = None
    """Of an instance that this one `serves`: what omega alone decides is taken from there, where it is known."""
    placed: Callable[[Any], CoreQuantities] = lambda made: made
    """The quantities with what the instance does not say."""
    working: Callable[[int], int] = lambda bits: bits
    """The bits in which quantities are evaluated, of those of the balls."""
    _roundings: dict[str, float] = field(default_factory=dict)
    _enclosed: dict[tuple[int, str], Enclosure] = field(default_factory=dict)
    _rational: CoreQuantities | None = None
    _irrational: bool = False

    def anew(self) -> Evaluator:
        """The same, which knows nothing yet."""
        return replace(self, beside=None, known_at={}, _roundings={}, _enclosed={}, _rational=None, _irrational=False)

    def serves(self, instance: Instance) -> bool:
        """Whether another instance has the same problem and omega: all that its comparator and radius leave alone."""
        given: Any = instance
        return bool(replace(given, comparator=self.instance.comparator, radius=self.instance.radius) == self.instance)

    def balls(self, bits: int) -> CoreQuantities:
        """The quantities in balls of that precision. flint's context must have it too."""
        if bits not in self.known_at:
            shared: Any = self._at_hand.get(bits)
            self.known_at[bits] = self.placed(self.make() if shared is None else shared.against(self.instance))
        return self.known_at[bits]

    def begin(self, claims: Iterable[Claim]) -> None:
        """Leave out precisions that decide nothing of these claims.

        That something is 0 may be EQUAL only at the bits at which sums may cancel, but for what is exactly 0, or where
        rationals reach; what decides it costs most of what the other claims need. Beside other equalities most of what
        arrays left open is attained.
        """
        if self.known_at or not (equalities := [claim for claim in claims if claim.relation is Relation.EQUAL]):
            return
        vanish = any(claim.bound.names == ("zero",) for claim in equalities) and not self.rational
        self.begin_at(cancelling(self.instance.bits) if vanish else ATTAINED)

    def begin_at(self, first: int) -> None:
        """Leave out precisions that work in fewer bits, but for the last."""
        self.precisions = tuple(bits for bits in self.precisions if self.working(bits) >= first) or self.precisions[-1:]

    @property
    def _at_hand(self) -> dict[int, CoreQuantities]:
        return self.known_at if self.beside is None else {**self.beside._at_hand, **self.known_at}

    def next(self, waiting: list[int]) -> int:
        """The next precision to try: the first that waits, or the next higher one that is at hand already. What waits
        below it leaves the list."""
        bits = min((known for known in self._at_hand if known >= waiting[0]), default=waiting[0])
        waiting[:] = [later for later in waiting if later > bits]
        return bits

    def rounding(self, name: str) -> float:
        """What a float64 evaluation of the quantity may differ by; in balls of 53 bits, which flint's context must
        have."""
        if name not in self._roundings:
            self._roundings[name] = self.balls(FLOAT_BITS).rounding(name)
        return self._roundings[name]

    def enclosed(self, bits: int, name: str) -> Enclosure:
        """A quantity in balls of that precision, in float64: many claims show it."""
        if (bits, name) not in self._enclosed:
            self._enclosed[bits, name] = Enclosure.of(self.balls(bits)(name))
        return self._enclosed[bits, name]

    def known(self, name: str) -> arb:
        """A quantity at the highest precision that was needed."""
        bits = max(self.known_at, default=self.precisions[0])
        with ctx.workprec(bits):
            return self.balls(bits)(name)

    @property
    def rational(self) -> bool:
        """Whether there are quantities in exact rationals, which may be without a value there."""
        try:
            return self.exact(()) is not None
        except IrrationalError:
            return False

    def rationals(self) -> CoreQuantities | None:
        """The quantities in exact rationals along the same direction; None where the instance forbids it."""
        if self._rational is None and not self._irrational:
            self._rational = self.exact(self.balls(self.precisions[0]).exact_direction)
            self._irrational = self._rational is None
        return self._rational


def judge_claims(evaluator: Evaluator, claims: Iterable[Claim], *, complete: bool = False) -> Judgement:
    """The claims on the evaluator's instance.

    `complete`: report the terms of claims that do not apply, too, and give every enclosure room for the rounding of
    a float64 evaluation of the same term, so that other programs can compare theirs.
    """
    claims = tuple(claims)
    evaluator.begin(claims)
    judged = tuple(judge_claim(claim, evaluator, complete=complete) for claim in claims)
    return Judgement(evaluator.instance.sha256, judged, evaluator.instance.notes)


@PROPOSING
def judge_claim(claim: Claim, evaluator: Evaluator, *, complete: bool = False) -> ClaimJudgement:
    """One claim, at growing precision until it is decided; a violation that own code led to, twice (`asked`).

    Errors: BadInputError with the line of own code that is not a function.
    """
    outcome = _decided_at(claim, evaluator)
    if outcome.verdict is Verdict.VIOLATED:
        sure(lambda: _decided_at(claim, evaluator.anew()), outcome.agrees)
    return _report(claim, outcome, evaluator, complete)


def _decided_at(claim: Claim, evaluator: Evaluator) -> _Outcome:
    waiting, last = list(evaluator.precisions), cancelling(evaluator.instance.bits)
    outcome = None
    while waiting:
        bits = waiting.pop(0) if outcome is None else evaluator.next(waiting)
        with ctx.workprec(bits):
            outcome = _attempt(claim, evaluator, evaluator.balls(bits))
        if outcome.final:
            break
        short = outcome.at.working(bits) < last <= MOST
        if outcome.close and short and (claim.relation is Relation.EQUAL or not waiting):
            waiting = [last]
    assert outcome is not None
    return _sharper(claim, evaluator, outcome)


def _sharper(claim: Claim, evaluator: Evaluator, outcome: _Outcome) -> _Outcome:
    """The outcome; of an inequality that is attained as far as its bits tell, what more bits separate that are at hand:
    its sides may differ by less than EQUAL resolves, and where an instance begins would have a say otherwise."""
    bits = max((known for known in evaluator.precisions if known in evaluator.known_at), default=0)
    if outcome.verdict is not Verdict.EQUAL or claim.relation is Relation.EQUAL or bits <= outcome.bits:
        return outcome
    with ctx.workprec(bits):
        found = _attempt(claim, evaluator, evaluator.balls(bits))
    return found if found.verdict in (Verdict.PROVED, Verdict.VIOLATED) else outcome


@dataclass(frozen=True)
class _Outcome:
    """A decision with the quantities that led to it."""

    verdict: Verdict
    reason: str
    at: CoreQuantities
    bits: int
    margins: dict[str, arb]
    left: arb | None = None
    bound: arb | None = None
    close: bool = False
    large: bool = False

    @property
    def final(self) -> bool:
        """Whether more bits decide nothing more."""
        return self.large or self.verdict is not Verdict.UNDECIDED

    def agrees(self, other: _Outcome) -> bool:
        """Whether the other, at any precision, says the same of the same sides."""
        pairs = ((self.left, other.left), (self.bound, other.bound))
        return self.verdict is other.verdict and all(
            a is not None and b is not None and a.overlaps(b) for a, b in pairs
        )


def _attempt(claim: Claim, evaluator: Evaluator, at: CoreQuantities) -> _Outcome:
    margins: dict[str, arb] = {}
    bits = int(ctx.prec)
    for assumption in claim.assumptions:
        try:
            margins[assumption.name] = at(assumption.margin)
        except UndefinedQuantityError as error:
            return _Outcome(Verdict.OUTSIDE, f"{assumption.name}: {error}", at, bits, margins)
        except TooLargeError as error:
            return _Outcome(Verdict.UNDECIDED, f"{assumption.name}: {error}", at, bits, margins, large=True)
        if standing(margins[assumption.name]) is False:
            reason = f"{assumption.name}: {assumption.statement}"
            return _Outcome(Verdict.OUTSIDE, reason, at, bits, margins)
    try:
        left, bound = claim.left(at), claim.bound(at)
        terms = {name: at(name) for name in (*claim.left.names, *claim.bound.names)}
        shown = {name: at(name) for name in claim.extras}
    except UndefinedQuantityError as error:
        return _Outcome(Verdict.OUTSIDE, str(error), at, bits, margins)
    except TooLargeError as error:
        return _Outcome(Verdict.UNDECIDED, str(error), at, bits, margins, large=True)
    # What cancels is compared as soon as it is evaluated in bits enough, and no more is asked of it then.
    with ctx.workprec(min(at.working(bits), max(bits, cancelling(evaluator.instance.bits)))):
        found = decide(
            claim.relation,
            left,
            bound,
            margins=margins,
            terms=terms,
            sums=lambda: _sums(claim, at),
            digits=evaluator.instance.bits,
            shown=shown,
            exact=lambda: _exactly(claim, evaluator),
        )
    return _Outcome(found.verdict, found.reason, at, bits, margins, left, bound, found.close)


def _sums(claim: Claim, at: CoreQuantities) -> arb:
    """The size of the sums behind the claim's quantities, or at least 1, as no more is asked; 0, which excuses nothing,
    where none is defined."""
    size = arb(0)
    try:
        for name in ("gap", *claim.terms):
            size = size.max(at.scale(name))
            if size >= 1:
                break
    except UndefinedQuantityError:
        return arb(0)
    return size


def _exactly(claim: Claim, evaluator: Evaluator) -> bool | None:
    """Whether an equality is true in exact rationals; None where they do not reach."""
    try:
        exact = evaluator.rationals()
        if exact is None:
            return None
        left, bound = claim.left(exact), claim.bound(exact)
    except (IrrationalError, UndefinedQuantityError):
        return None
    rational = all(isinstance(side, fmpq | int) for side in (left, bound))
    return bool(left == bound) if rational else None


def _report(claim: Claim, outcome: _Outcome, evaluator: Evaluator, complete: bool) -> ClaimJudgement:
    at, left, bound = outcome.at, outcome.left, outcome.bound
    rough, bits = evaluator if complete else None, outcome.bits
    if complete:
        with ctx.workprec(bits):
            left, bound = _defined(claim.left, at), _defined(claim.bound, at)

    def named(name: str) -> Enclosure:
        return _enclosure(at(name), name, rough) if complete else evaluator.enclosed(bits, name)

    terms: dict[str, Enclosure] = {}
    if bound is not None and left is not None:
        terms = {name: named(name) for name in claim.terms}
    gap = edge = ratio = side = None
    if left is not None:
        own = "gap" in claim.left.names
        side = _enclosure(left, claim.left, rough)
        gap = named("gap") if own else side
    if bound is not None:
        edge = _enclosure(bound, claim.bound, rough)
    if side is not None and edge is not None and claim.relation is Relation.AT_MOST:
        ratio = ratio_of(side.middle, edge.middle)
    margins = {a.name: evaluator.enclosed(bits, a.margin) for a in claim.assumptions if a.name in outcome.margins}
    return ClaimJudgement(claim.name, outcome.verdict, gap, edge, terms, margins, ratio, outcome.reason, side)


def _defined(expression: Expression, at: CoreQuantities) -> arb | None:
    try:
        return expression(at)
    except (TooLargeError, UndefinedQuantityError):
        return None


def _enclosure(ball: arb, what: str | Expression, rough: Evaluator | None) -> Enclosure:
    """The ball in float64; with `rough` room is made for a float64 evaluation's rounding, by its balls of 53 bits.

    A sum of products is as rough as its parts: their roundings enter by the size of their cofactors. Where there is no
    such room within float64, none is made.
    """
    enclosure = Enclosure.of(ball)
    size = max(abs(enclosure.lo), abs(enclosure.hi))
    if rough is None or what in ("radius", "zero") or not math.isfinite(size):
        return enclosure
    with ctx.workprec(FLOAT_BITS):
        try:
            if isinstance(what, str):
                room = rough.rounding(what)
            else:
                room = float(what(lambda name: _roughened(name, rough)).rad())
        except UndefinedQuantityError:
            return enclosure  # not defined as far as 53 bits can tell
    wide = enclosure.widened(4 * room + 2.0**-48 * size)
    return wide if math.isfinite(wide.lo) and math.isfinite(wide.hi) else enclosure


def _roughened(name: str, rough: Evaluator) -> arb:
    """The quantity as a ball that allows for float64's rounding, in balls of 53 bits."""
    return arb(rough.balls(FLOAT_BITS)(name).mid(), rough.rounding(name))
