"""Judging whole batches: what midpoint-radius arrays decide of claims, instance by instance, and nothing else.

The rules are those of `verdicts`, on arrays. PROVED is pronounced where every margin is certified positive, every
quantity that enters is finite, and the left side's upper end is at most the bound's lower end; OUTSIDE where an
assumption certainly fails and those before it hold, or a quantity is undefined. Every comparison is written so that nan
and infinity decide nothing. The rest (equalities, attained bounds, violations, what these numbers cannot tell or do not
know) is left to balls, which decide it at growing precision as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..theory.claim import Assumption, Claim, Relation, UndefinedQuantityError, Verdict
from .arithmetic import Array
from .elementary import MidRads
from .enclosed.quantities import UnknownError
from .judge import ClaimJudgement, Enclosure, ratio_of
from .midrad import MidRad
from .verdicts import Ends, fit_ends, separated

BLUNT = 2.0**-20
"""Share of the bound beyond which enclosures are too wide to be shown: balls give sharper ones."""


Judged = dict[str, ClaimJudgement]
"""Of an instance, the claims that arrays decide."""


def judged_in_arrays(claims: Iterable[Claim], at: Callable[[str], Any], count: int) -> list[Judged]:
    """Per instance of a batch, what its quantities (by name, each (count,)) decide. Terms are left out."""
    found: list[Judged] = [{} for _ in range(count)]
    for claim in claims:
        for b, judged in _judged(claim, at, count):
            found[b][claim.name] = judged
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


def ends_of(value: MidRad) -> Ends:
    """The ends of enclosures, outward."""
    return value.low, value.high


def _judged(claim: Claim, at: Callable[[str], Any], count: int) -> Iterable[tuple[int, ClaimJudgement]]:
    open_ = np.ones(count, dtype=bool)
    for assumption in claim.assumptions:
        try:
            margin = at(assumption.margin)
        except UndefinedQuantityError as error:
            yield from _outside(claim, open_, f"{assumption.name}: {error}")
            return
        except UnknownError:
            return
        low, high = ends_of(margin)
        finite = fit_ends((low, high))
        fails = open_ & finite & (high <= 0)
        yield from _outside(claim, fails, f"{assumption.name}: {assumption.statement}")
        open_ = open_ & finite & (low > 0)
        if not open_.any():
            return
    if claim.relation is not Relation.AT_MOST:
        return
    try:
        left, bound = (_column(side(at), count) for side in (claim.left, claim.bound))
        entering = [at(name) for name in dict.fromkeys((*claim.left.names, *claim.bound.names, *claim.extras))]
    except UndefinedQuantityError as error:
        yield from _outside(claim, open_, str(error))
        return
    except UnknownError:
        return
    sides = ends_of(left), ends_of(bound)
    proved, decision = separated(*sides, map(ends_of, entering))
    wide = np.maximum(*(high - low for low, high in sides))
    proved = open_ & proved & (wide <= BLUNT * np.abs(sides[1][1]))
    rows = np.stack([*sides[0], *sides[1]], -1).tolist()
    for b in np.flatnonzero(proved).tolist():
        left_low, left_high, low, high = rows[b]
        gap, edge = Enclosure(left_low, left_high), Enclosure(low, high)
        ratio = ratio_of(gap.middle, edge.middle)
        yield (
            b,
            ClaimJudgement(
                claim.name, decision.verdict, gap, edge, {}, {}, ratio, decision.reason, left=gap, brief=True
            ),
        )


def _column(value: MidRad | int, count: int) -> MidRad:
    """A side that names no quantity is a whole number."""
    return value if isinstance(value, MidRad) else MidRads.broadcast_to(MidRads.number(value), (count,))


def _outside(claim: Claim, places: Array, reason: str) -> Iterable[tuple[int, ClaimJudgement]]:
    judged = ClaimJudgement(claim.name, Verdict.OUTSIDE, None, None, {}, {}, None, reason, brief=True)
    return ((b, judged) for b in np.flatnonzero(places).tolist())


def share(found: Sequence[Judged], claims: Sequence[Claim]) -> dict[str, float]:
    """Of each claim the share of instances that arrays decide."""
    return {claim.name: sum(claim.name in one for one in found) / max(len(found), 1) for claim in claims}
