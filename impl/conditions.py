"""Which assumptions hold on one instance, with margins, which claims apply there, and which assumption binds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flint import ctx

from ..theory.claim import Claim, UndefinedQuantityError
from .arithmetic import PROPOSING
from .balls.core import TooLargeError
from .families import family_of
from .instances import Instance
from .judge import PRECISIONS, Evaluator
from .standings import Condition, condition

LATE = "not examined in time"


@dataclass(frozen=True)
class Applicability:
    """A claim on an instance: the assumptions that fail and those that are open; it applies if there are none.

    tightest   of the assumptions that hold, the one with the least margin
    why        why it does not apply all the same: a side of it has no value
    """

    claim: Claim
    fails: tuple[str, ...]
    open: tuple[str, ...]
    tightest: str | None
    why: str = ""

    @property
    def applies(self) -> bool:
        """Whether every assumption is certified, and nothing else is in the way."""
        return not self.fails and not self.open and not self.why


@dataclass(frozen=True)
class Conditions:
    """All assumptions of a family on one instance, and what follows for its claims."""

    conditions: tuple[Condition, ...]
    claims: tuple[Applicability, ...]

    @property
    def binding(self) -> tuple[str, ...]:
        """Assumptions that alone keep some claim from applying, the one with the most such claims first."""
        alone = [a.fails[0] for a in self.claims if len(a.fails) == 1 and not a.open]
        return tuple(sorted(set(alone), key=lambda name: (-alone.count(name), name)))


@PROPOSING
def conditions(
    instance: Instance,
    progress: Callable[[str], None] = lambda message: None,
    told: Callable[[Conditions], None] = lambda found: None,
    claims: tuple[Claim, ...] = (),
) -> Conditions:
    """Every assumption of the instance's family, certified in balls where it can be; or of the claims given, and
    whether both their sides have a value, which nobody knows of own code.

    `told` hears before and after each what is known by then; what is not examined yet is open.
    """
    own, claims = claims, claims or family_of(instance).claims
    evaluator = family_of(instance).evaluator(instance)
    assumptions = {assumption.name: assumption for claim in claims for assumption in claim.assumptions}
    found = {name: Condition(one, None, None, LATE) for name, one in assumptions.items()}
    void = {claim.name: LATE for claim in own}

    def known() -> Conditions:
        """What is known so far."""
        return Conditions(tuple(found.values()), tuple(_applicability(claim, found, void) for claim in claims))

    told(known())
    for name, assumption in assumptions.items():
        progress(name)
        found[name] = condition(assumption, evaluator)
        told(known())
    for claim in (one.claim for one in known().claims if one.why):
        progress(claim.name)
        void[claim.name] = _undefined(claim, evaluator)
        told(known())
    return known()


def _undefined(claim: Claim, evaluator: Evaluator) -> str:
    """Why a side of the claim has no value; empty where both have."""
    with ctx.workprec(PRECISIONS[0]):
        at = evaluator.balls(PRECISIONS[0])
        try:
            for name in (*claim.left.names, *claim.bound.names, *claim.extras):
                at(name)
        except UndefinedQuantityError as error:
            return f"{name} has no value: {error}"
        except TooLargeError as error:
            return f"not examined: {error}"
    return ""


def _applicability(claim: Claim, found: dict[str, Condition], void: dict[str, str]) -> Applicability:
    own = [found[a.name] for a in claim.assumptions]
    held = [c for c in own if c.holds and c.margin is not None]
    least = min(held, key=lambda c: c.margin.lo if c.margin is not None else 0.0, default=None)
    fails = tuple(c.assumption.name for c in own if c.holds is False)
    unknown = tuple(c.assumption.name for c in own if c.holds is None)
    why = "" if fails or unknown else void.get(claim.name, "")
    return Applicability(claim, fails, unknown, least.assumption.name if least is not None else None, why)
