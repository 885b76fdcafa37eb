r"""How sharp the constants are: by which factor each additive term of a bound could be smaller.

For left <= rest + c * term, an instance with term > 0 refutes every c < (left - rest)/term, and one with term < 0
every c > (left - rest)/term; balls enclose the quotient and certify every assumption. c = 1 is unrefuted because it
is proved, so the constant that is best possible lies in [below, above], which contains 1. A constant is called sharp
when the bracket closes at 1: below >= 1 - 10^-9 (for a term that is subtracted: above <= 1 + 10^-9).

Which step of the proof loses: with v the direction of the infimum,

    bound - gap = bregman + (R eps - v'G) + (||w|| ||u - phi'v|| - <w, u - phi'v>)      (S1, S3, S4)

(for meta-RL, where gap is an identity, bregman = 0); the shares of the three on generated instances.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Literal

import numpy as np
from flint import arb, ctx

from ...theory.claim import Claim, Expression, Relation, UndefinedQuantityError
from ..arithmetic import bounds
from ..families import Family, family_of
from ..instances import Instance
from ..judge import PRECISIONS, Evaluator
from ..sources import RandomSource
from ..verdicts import fit, standing
from .mutants import batches
from .pursuit import applies, pursue
from .ratio import Objective, summed

SHARP = 1e-9
"""A constant within this of 1 is called sharp."""


@dataclass(frozen=True)
class Factor:
    """The bracket of the constant in front of one term: refuted below `below` and above `above`.

    instance   the instance that refutes the most; None where none says anything
    origin     the generator it came from, or the driver
    """

    claim: str
    term: str
    below: float = -math.inf
    above: float = math.inf
    instance: Instance | None = None
    origin: str = ""

    @property
    def subtracted(self) -> bool:
        """Whether the term is subtracted: then larger factors are the sharper statements."""
        return self.term.startswith("-")

    @property
    def status(self) -> Literal["sharp", "bracketed", "open", "violated"]:
        """sharp, bracketed, open (no factor > 0 is refuted) or violated (1 itself would be)."""
        if self.below > 1 or self.above < 1:
            return "violated"
        if self.subtracted:
            return "sharp" if self.above <= 1 + SHARP else "bracketed" if self.above < math.inf else "open"
        return "sharp" if self.below >= 1 - SHARP else "bracketed" if self.below > 0 else "open"

    def narrowed(self, quotient: tuple[float, float, bool], instance: Instance, origin: str) -> Factor:
        """The bracket with what one instance certifies: lower and upper end of its quotient, and the term's sign."""
        low, high, positive = quotient
        better = (positive and low > self.below) or (not positive and high < self.above)
        if not better:
            return self
        found = replace(self, below=low) if positive else replace(self, above=high)
        shown = positive != self.subtracted
        return replace(found, instance=instance, origin=origin) if shown else found


def inequalities(family: Family) -> tuple[Claim, ...]:
    """The claims whose constants are bracketed: inequalities with a bound."""
    return tuple(c for c in family.claims if c.relation is Relation.AT_MOST)


def quotient(claim: Claim, index: int, evaluator: Evaluator) -> tuple[float, float, bool] | None:
    """Float64 ends of (left - rest)/term for one summand of the bound, and whether the term is positive.

    None where an assumption is not certified, a quantity is undefined, or the term's sign is open.
    """
    terms = claim.bound.summands
    found = None
    for bits in PRECISIONS[:2]:
        with ctx.workprec(bits):
            at = evaluator.balls(bits)
            try:
                if not all(standing(at(a.margin)) for a in claim.assumptions):
                    continue
                values = [term(at) for term in terms]
                left = claim.left(at)
            except UndefinedQuantityError:
                return None
            term = arb(values.pop(index))
            ratio = (left - sum(values, start=arb(0))) / term
            if standing(term) is not None and all(map(fit, (left, *values, ratio))):
                found = (*bounds(ratio), bool(term > 0))
                if ratio.rad() < arb(1e-12) * ratio.abs_lower():
                    break
    return found


def objective(family: Family, claim: Claim, index: int) -> Objective:
    """The quotient that a search makes large: (left - rest)/term, or term/(left - rest) where it is subtracted."""
    terms = claim.bound.summands
    rest: Sequence[Expression] = [*terms[:index], *terms[index + 1 :]]
    names = tuple(dict.fromkeys((*claim.left.names, *claim.bound.names)))

    def over(at: Callable[[str], Any]) -> Any:
        return claim.left(at) - summed(rest, at)

    def under(at: Callable[[str], Any]) -> Any:
        return terms[index](at)

    if terms[index].text.startswith("-"):
        return Objective(family, lambda at: -under(at), lambda at: -over(at), names, positive=True)
    return Objective(family, over, under, names, positive=True)


def factors(
    family: Family,
    *,
    seed: int = 0,
    work: float = 1024,
    claims: Sequence[Claim] | None = None,
    known: Mapping[str, Instance] | None = None,
    progress: Callable[[str], None] = lambda message: None,
    until: float = math.inf,
) -> list[Factor]:
    """The brackets of all terms of the claims: one pass over every generator, then a search for each open one.

    `known` are instances that are tight already, by the claim's name: they are judged first.
    `work` is what a search may spend on a term, as in `pursue`. At the time `until` (of time.monotonic) it ends with
    what it has: the pass takes half of it at most.
    """
    chosen = inequalities(family) if claims is None else claims
    found = {(c.name, j): Factor(c.name, t.text) for c in chosen for j, t in enumerate(c.bound.summands)}
    whats = {(c.name, j): objective(family, c, j) for c in chosen for j in range(len(c.bound.summands))}
    by_name = {claim.name: claim for claim in chosen}
    for key in found:
        if known and key[0] in known:
            _take(found, key, by_name[key[0]], known[key[0]], "the tightest of a verification run")
    progress("sharpness: generators")
    if work > 0:
        now = time.monotonic()
        _scan(family, chosen, found, whats, seed, now + (until - now) / 2)
    for key in [key for key, factor in found.items() if factor.status != "sharp" and work > 0]:
        claim, left = by_name[key[0]], until - time.monotonic()
        if left < 0:
            break
        progress(f"sharpness: {claim.name}")
        search = pursue(
            claim,
            seed=seed,
            seconds=left,
            work=work,
            what=whats[key],
            goal=1 - 1e-12,
            generators=[g.name for g in family.generators],
        )
        if search.best is not None:
            _take(found, key, claim, search.best.instance(0), search.driver)
    return list(found.values())


def _scan(
    family: Family,
    claims: Sequence[Claim],
    found: dict[tuple[str, int], Factor],
    whats: dict[tuple[str, int], Objective],
    seed: int,
    until: float,
) -> None:
    """Every generator in turn; the best instance of each batch is judged in balls if it promises more."""
    names = [generator.name for generator in family.generators]
    fast = {key for key, what in whats.items() if what.fast}
    for generator, _, batch in itertools.islice(batches(family, seed, 64, generators=names), 8 * len(names)):
        if time.monotonic() > until:
            break
        with np.errstate(all="ignore"):
            at = None if family.batch_quantities is None else family.batch_quantities(batch)
            promises = {key: whats[key](batch, at) for key in fast}
        for claim in claims:
            if not applies(claim, batch.instance(0)):
                continue
            for j, term in enumerate(claim.bound.summands):
                key = (claim.name, j)
                factor = found[key]
                if factor.status == "sharp":
                    continue
                if key not in fast:
                    _take(found, key, claim, batch.instance(0), generator.name)
                    continue
                best = int(np.argmax(promises[key]))
                known = 1 / factor.above if term.text.startswith("-") else factor.below
                if promises[key][best] > known:
                    _take(found, key, claim, batch.instance(best), generator.name)


def _take(
    found: dict[tuple[str, int], Factor], key: tuple[str, int], claim: Claim, instance: Instance, origin: str
) -> None:
    certified = quotient(claim, key[1], family_of(instance).evaluator(instance))
    if certified is not None:
        found[key] = found[key].narrowed(certified, instance, origin)


# --- which step of the proof loses ------------------------------------------------------------------------

STEPS = ("S1", "S3", "S4")


@dataclass(frozen=True)
class Slack:
    """Median shares of bound - gap by the step that loses it, over one generator's instances in scope."""

    family: str
    generator: str
    instances: int
    shares: dict[str, float]


def shares(claim: Claim, instance: Instance) -> dict[str, float] | None:
    """The shares of the slack of a lifted claim, from balls; None where it is out of scope, or attained."""
    with ctx.workprec(PRECISIONS[0]):
        at = family_of(instance).evaluator(instance).balls(PRECISIONS[0])
        try:
            if not all(standing(at(a.margin)) for a in claim.assumptions):
                return None
            parts = {
                "S1": at("bregman"),
                "S3": at("radius") * at("eps") - at("direction"),
                "S4": at("weight_norm") * at("residual_norm") - at("inner_product"),
            }
        except UndefinedQuantityError:
            return None
        total = sum(parts.values(), start=arb(0))
        if not (all(map(fit, (total, *parts.values()))) and total > 1e-12 * abs(claim.bound(at))):
            return None
        return {step: float((part / total).mid()) for step, part in parts.items()}


def slack(family: Family, seed: int = 0, count: int = 12) -> list[Slack]:
    """Where the lifted bound of a family loses, by generator: about `count` instances of each; empty without one."""
    claim, found = family.claim(f"{family.name}-lifted"), list[Slack]()
    if claim is None:
        return found  # of a user's own claims nobody knows the steps
    for position, generator in enumerate(family.generators):
        seen = []
        for turn in range(-(-count // 4)):
            variant = generator.variants[turn % len(generator.variants)]
            with np.errstate(all="ignore"):
                batch = generator.build(RandomSource((seed, position, turn), 4), variant)
            seen += [s for b in range(len(batch)) if (s := shares(claim, batch.instance(b))) is not None]
        if seen:
            middle = {step: median(s[step] for s in seen) for step in STEPS}
            found.append(Slack(family.name, generator.name, len(seen), middle))
    return found
