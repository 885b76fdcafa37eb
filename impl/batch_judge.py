"""Judging whole batches: what midpoint-radius arrays decide of claims, instance by instance, and nothing else.

The rules are those of `verdicts`, on arrays. PROVED is pronounced where every margin is certified positive, every
quantity that enters is finite, and the left side's upper end is at most the bound's lower end; OUTSIDE where an
assumption certainly fails and those before it hold, or a quantity is undefined. Every comparison is written so that nan
and infinity decide nothing. The rest (equalities, attained bounds, violations, what these numbers cannot tell or do not
know) is left to balls, which decide it at growing precision as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from ..theory.claim import Assumption, Claim, Expression, Relation, UndefinedQuantityError, Verdict
from .arithmetic import Array
from .elementary import MidRads
from .enclosed.quantities import UnknownError
from .judgement import ClaimJudgement, Enclosure, ratio_of
from .midrad import MidRad
from .verdicts import Decision, Ends, fit_ends, separated

BLUNT = 2.0**-12
"""Share of the bound beyond which enclosures are too wide to say in three digits how tight it is: balls give sharper
ones. Of a left side that is not positive there is nothing to say."""

NEAR = 2.0**-36
"""Share of the bound, or of 1 if that is more, within which its ends and those of the left side are alike: most such
bounds are attained, or both sides are 0."""


Judged = dict[str, ClaimJudgement]
"""Of an instance, the claims that arrays decide."""


@dataclass(frozen=True)
class Decided:
    """What arrays decide of a claim on a batch, (count,) each: where it is proved; where it is outside, by reason. The
    rest is open; met: where the sides look alike there. sides (4, count): the ends of the left side and of the bound,
    where it is proved."""

    claim: Claim
    proved: Array
    outside: tuple[tuple[str, Array], ...] = ()
    sides: Array | None = None
    decision: Decision | None = None
    met: Array | None = None

    @property
    def open(self) -> Array:
        """Where balls must decide."""
        return ~np.logical_or.reduce([self.proved, *(where for _, where in self.outside)])

    def judgements(self) -> Iterator[tuple[int, ClaimJudgement]]:
        """Of each instance that is decided, terms left out."""
        for reason, where in self.outside:
            outside = ClaimJudgement(self.claim.name, Verdict.OUTSIDE, None, None, {}, {}, None, reason, brief=True)
            yield from ((b, outside) for b in np.flatnonzero(where).tolist())
        yield from ((b, self.proof(b)) for b in np.flatnonzero(self.proved).tolist())

    def proof(self, b: int) -> ClaimJudgement:
        """Of an instance on which it is proved."""
        assert self.sides is not None and self.decision is not None
        left_low, left_high, low, high = self.sides[:, b].tolist()
        left, edge = Enclosure(left_low, left_high), Enclosure(low, high)
        ratio = ratio_of(left.middle, edge.middle)
        verdict, reason = self.decision.verdict, self.decision.reason
        return ClaimJudgement(self.claim.name, verdict, left, edge, {}, {}, ratio, reason, left=left, brief=True)

    def ratios(self, places: Array) -> tuple[Array, Array]:
        """Of instances on which it is proved, the ratios of `proof`, nan unless the bound is positive, and the bounds'
        upper ends."""
        assert self.sides is not None
        left_low, left_high, low, high = self.sides[:, places]
        with np.errstate(all="ignore"):
            ratio = (left_low / 2 + left_high / 2) / (low / 2 + high / 2)
        return np.where((low > 0) & np.isfinite(ratio), ratio, np.nan), high


def judged_in_arrays(claims: Iterable[Claim], at: Callable[[str], Any], count: int) -> list[Judged]:
    """Per instance of a batch, what its quantities (by name, each (count,)) decide. Terms are left out."""
    asked = Asked(at)
    return by_instance([decided_in_arrays(claim, asked, count) for claim in claims], count)


def by_instance(decided: Iterable[Decided], count: int) -> list[Judged]:
    """The same, instance by instance."""
    found: list[Judged] = [{} for _ in range(count)]
    for one in decided:
        for b, judged in one.judgements():
            found[b][judged.claim] = judged
    return found


def standings_in_arrays(
    assumptions: Iterable[Assumption], at: Callable[[str], Any], count: int
) -> list[dict[str, bool | None]]:
    """Per instance of a batch, of the assumptions that arrays decide: whether they hold; None: without a meaning."""
    found: list[dict[str, bool | None]] = [{} for _ in range(count)]
    for assumption in assumptions:
        try:
            low, high = ends_of(at(assumption.margin))
        except UndefinedQuantityError:
            for one in found:
                one[assumption.name] = None
            continue
        except UnknownError:
            continue
        holds, finite = low > 0, fit_ends((low, high))
        for b in np.flatnonzero(finite & (holds | (high <= 0))).tolist():
            found[b][assumption.name] = bool(holds[b])
    return found


class Asked:
    """The quantities of a batch by name, and their ends: evaluated once for all claims."""

    def __init__(self, at: Callable[[str], Any]) -> None:
        self._at = at
        # Of itself, not of `at`: `cache` asks what it wraps for its name, which may ask a user's quantities.
        self._value: Callable[[str], Any] = cache(self._evaluated)
        self.ends: Callable[[str], Ends] = cache(lambda name: ends_of(self._value(name)))

    def __call__(self, name: str) -> Any:
        return self._value(name)

    def _evaluated(self, name: str) -> Any:
        return self._at(name)


def ends_of(value: MidRad) -> Ends:
    """The ends of enclosures, outward."""
    return value.low, value.high


def undecided(claim: Claim, count: int) -> Decided:
    """Nothing is decided."""
    return Decided(claim, np.zeros(count, dtype=bool))


def decided_in_arrays(claim: Claim, at: Asked, count: int) -> Decided:
    """What the quantities of a batch (by name, each (count,)) decide of a claim."""
    open_, outside = np.ones(count, dtype=bool), list[tuple[str, Array]]()
    nothing = undecided(claim, count)
    for assumption in claim.assumptions:
        try:
            low, high = at.ends(assumption.margin)
        except UndefinedQuantityError as error:
            return replace(nothing, outside=(*outside, (f"{assumption.name}: {error}", open_)))
        except UnknownError:
            return replace(nothing, outside=tuple(outside))
        finite = fit_ends((low, high))
        outside.append((f"{assumption.name}: {assumption.statement}", open_ & finite & (high <= 0)))
        open_ = open_ & finite & (low > 0)
        if not open_.any():
            break
    if claim.relation is not Relation.AT_MOST or not open_.any():
        return replace(nothing, outside=tuple(outside))
    try:
        left, bound = (_column(side(at), count) for side in (claim.left, claim.bound))
        entering = [at.ends(name) for name in dict.fromkeys((*claim.left.names, *claim.bound.names, *claim.extras))]
    except UndefinedQuantityError as error:
        return replace(nothing, outside=(*outside, (str(error), open_)))
    except UnknownError:
        return replace(nothing, outside=tuple(outside))
    sides = ends_of(left), _signed(claim.bound, ends_of(bound), at)
    proved, decision = separated(*sides, entering)
    wide = np.maximum(*(high - low for low, high in sides))
    proved = open_ & proved & ((wide <= BLUNT * np.abs(sides[1][1])) | (sides[0][1] <= 0))
    assert decision.verdict is Verdict.PROVED
    ends = np.stack([np.broadcast_to(end, count) for end in (*sides[0], *sides[1])])
    apart = np.maximum(np.abs(ends[3] - ends[0]), np.abs(ends[1] - ends[2]))
    met = open_ & ~proved & (apart <= NEAR * np.maximum(np.abs(ends[3]), 1.0))
    return Decided(claim, proved, tuple(outside), ends, decision, met)


def _column(value: MidRad | int, count: int) -> MidRad:
    """A side that names no quantity is a whole number."""
    return value if isinstance(value, MidRad) else MidRads.broadcast_to(MidRads.number(value), (count,))


def _signed(side: Expression, ends: Ends, at: Asked) -> Ends:
    """The ends of a side, the lower one at least 0 where nothing is subtracted and no quantity in it is below 0: the
    radius of a sum or product of numbers that may be 0 does not know that they are on one side of it."""
    if "-" in side.text:
        return ends
    signed = np.logical_and.reduce([at.ends(name)[0] >= 0 for name in side.names])
    return np.where(signed, np.maximum(ends[0], 0.0), ends[0]), ends[1]


def share(found: Sequence[Judged], claims: Sequence[Claim]) -> dict[str, float]:
    """Of each claim the share of instances that arrays decide."""
    return {claim.name: sum(claim.name in one for one in found) / max(len(found), 1) for claim in claims}
