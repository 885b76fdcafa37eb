"""How a claim's assumptions stand on an instance, and what its conclusion is worth without them.

An assumption is certified, or certifiably fails, by the enclosure of its margin; without a margin it has no meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from flint import ctx

from ..theory.claim import Assumption, Claim, UndefinedQuantityError
from .balls.core import TooLargeError
from .judge import PRECISIONS, Evaluator, judge_claim
from .judgement import ClaimJudgement, Enclosure
from .verdicts import standing, unfit


def conclusion(claim: Claim, evaluator: Evaluator) -> ClaimJudgement:
    """The claim judged as if it had no assumptions: VIOLATED means that its conclusion is false here, OUTSIDE that it
    has no value."""
    return judge_claim(replace(claim, assumptions=()), evaluator)


def undefined(claim: Claim, judged: ClaimJudgement, evaluator: Evaluator) -> dict[str, str]:
    """Why the claim, judged OUTSIDE without assumptions, has no value: by quantity, in the order of evaluation."""
    found = {}
    with ctx.workprec(PRECISIONS[0]):
        at = evaluator.balls(PRECISIONS[0])
        for name in (*claim.left.names, *claim.bound.names, *claim.extras):
            try:
                at(name)
            except UndefinedQuantityError as error:
                found[name] = str(error)
            except TooLargeError:
                continue
    return found or {claim.bound.text: judged.reason}


@dataclass(frozen=True)
class Condition:
    """An assumption on an instance: holds (None: not decided, or not examined), margin (positive where it holds)."""

    assumption: Assumption
    holds: bool | None
    margin: Enclosure | None
    why: str = ""


def condition(assumption: Assumption, evaluator: Evaluator) -> Condition:
    """How the assumption stands on the evaluator's instance, in balls."""
    margin, why = None, ""
    for bits in PRECISIONS[:2]:
        with ctx.workprec(bits):
            try:
                ball = evaluator.balls(bits)(assumption.margin)
            except UndefinedQuantityError as error:
                return Condition(assumption, False, None, str(error))
            except TooLargeError as error:
                return Condition(assumption, None, None, f"not examined: {error}")
            margin, holds = Enclosure.of(ball), standing(ball)
            if holds is not None:
                return Condition(assumption, holds, margin)
            why = unfit([("the margin", ball)]) or "the margin's enclosure contains 0"
    return Condition(assumption, None, margin, why)


@dataclass(frozen=True)
class Standings:
    """Names of assumptions on an instance: certified, certifiably failing, and without a meaning (no margin)."""

    holds: set[str]
    fails: set[str]
    void: set[str]

    def alone(self, assumptions: Sequence[Assumption], name: str) -> bool | None:
        """Whether this assumption fails and no other; None if it does and others have lost their meaning with it."""
        missing = {a.name for a in assumptions} - self.holds
        if missing == {name}:
            return name in self.fails | self.void
        return None if name in missing & self.fails and missing - {name} <= self.void else False


def standings(
    assumptions: Mapping[str, Assumption], evaluator: Evaluator, known: Mapping[str, bool | None] = MappingProxyType({})
) -> Standings:
    """Which assumptions are certified on an instance, and which fail; `known`: what arrays say (`batch_judge`)."""
    holds: set[str] = set()
    fails: set[str] = set()
    void: set[str] = set()
    for name, assumption in assumptions.items():
        if name in known:
            (void if known[name] is None else holds if known[name] else fails).add(name)
            continue
        found = condition(assumption, evaluator)
        if found.holds is not None:
            (void if found.margin is None else holds if found.holds else fails).add(name)
    return Standings(holds, fails, void)
