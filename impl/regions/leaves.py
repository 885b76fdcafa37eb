"""What is proved on one box, by whatever way: the engine's verdict for all of its instances at once.

a   the claim is a sum of lemmas, whose margins and facts are certified over the box
d   the enclosures of both sides are separated
s   an assumption certifiably fails, or a quantity is undefined, on all of the box: the claim says nothing there
v   the claim is certifiably false on all of the box
o   open
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from flint import Ordering, arb, fmpq, fmpq_mpoly, fmpq_mpoly_ctx

from ...theory.claim import Assumption, Claim, Expression, Relation, UndefinedQuantityError
from ...theory.regions import LEMMAS, Lemma
from ..balls.core import TooLargeError
from ..supervised.quantities import MetaSLQuantities
from ..verdicts import at_most, fit, standing
from .formal import Facts
from .ranged import RegionQuantities, least_eigenvalue, size_of
from .region import Box, Region

Weights = Mapping[str, fmpq]
"""Lemma -> its coefficient."""
ALGEBRA, DIRECT, OUTSIDE, VIOLATED, OPEN = (ord(letter) for letter in "adsvo")
PROVED = (ALGEBRA, DIRECT)


@dataclass(frozen=True)
class Leaf:
    """What was decided on a box, and the ball that was looked at last: of an open box the one that is too wide."""

    letter: int
    wide: arb


def difference(claim: Claim, lemmas: Sequence[Lemma]) -> tuple[fmpq_mpoly, dict[str, fmpq_mpoly]] | None:
    """bound - left and the lemmas as polynomials in the names, of which 1/name is another; None if it is none."""
    texts = [claim.left.text, claim.bound.text, *(lemma.text for lemma in lemmas)]
    parts = [Expression(re.sub(r"/([a-z]\w*)", r"*per_\1", text)) for text in texts]
    names = sorted({name for part in parts for name in part.names})
    ring = fmpq_mpoly_ctx.get(names, Ordering.lex)
    known = dict(zip(names, ring.gens(), strict=True)) | {"zero": ring.constant(0)}
    found = [part(known.__getitem__) for part in parts]
    if not all(isinstance(one, fmpq_mpoly) for one in found):
        return None
    return found[1] - found[0], {lemma.name: one for lemma, one in zip(lemmas, found[2:], strict=True)}


def adds_up(claim: Claim, weights: Weights) -> bool:
    """Whether bound - left is the sum of the lemmas with these coefficients: >= 0 but for equations, which alone make
    an equation."""
    lemmas = [lemma for lemma in LEMMAS if lemma.name in weights]
    found = difference(claim, lemmas)
    if found is None or len(lemmas) < len(weights):
        return False
    if any(not lemma.equal and (claim.relation is Relation.EQUAL or weights[lemma.name] < 0) for lemma in lemmas):
        return False
    rest, parts = found
    for name, part in parts.items():
        rest = rest - part * weights[name]
    return bool(rest == 0)


class Prover:
    """Proves a claim, or that a margin is positive, on boxes of one region."""

    def __init__(self, region: Region, what: Claim | Assumption, weights: Weights | None = None) -> None:
        self.region, self.what = region, what
        self.weights: Weights | None = None
        self.lemmas: tuple[Lemma, ...] | None = None
        """Those that add up to the claim; None: none are given that do."""
        if weights is not None and isinstance(what, Claim) and adds_up(what, weights):
            lemmas = tuple(lemma for lemma in LEMMAS if weights.get(lemma.name))
            facts = Facts(region)
            if all(facts(name) for lemma in lemmas for name in lemma.identities):
                self.lemmas, self.weights = lemmas, weights

    def leaf(self, box: Box) -> Leaf:
        """What is decided on a part of the region, at flint's precision."""
        try:
            at = RegionQuantities(self.region.over(box))
            if isinstance(self.what, Claim):
                return self._claim(self.what, at)
            margin = at(self.what.margin)
        except UndefinedQuantityError:
            return Leaf(OUTSIDE, arb(0))
        except TooLargeError:
            return Leaf(OPEN, arb("nan"))
        held = standing(margin) if fit(margin) else None
        return Leaf(OPEN if held is None else DIRECT if held else VIOLATED, margin)

    def _claim(self, claim: Claim, at: RegionQuantities) -> Leaf:
        margins = [at(assumption.margin) for assumption in claim.assumptions]
        if any(standing(margin) is False for margin in margins):
            return Leaf(OUTSIDE, arb(0))
        doubtful = next((margin for margin in margins if not (fit(margin) and standing(margin))), None)
        if doubtful is not None:
            return Leaf(OPEN, doubtful)
        doubt = arb("nan")
        if self.lemmas is not None:
            found = _rested(at, self.lemmas)
            if found is None:
                return Leaf(ALGEBRA, arb(0))
            doubt = found
        if claim.relation is Relation.EQUAL:
            return Leaf(OPEN, doubt)
        left, bound = claim.left(at), claim.bound(at)
        terms = [at(name) for name in (*claim.left.names, *claim.bound.names)]
        held = at_most(left, bound) if all(map(fit, terms)) else None
        wide = bound - left if doubt.is_nan() else doubt
        return Leaf(OPEN if held is None else DIRECT if held else VIOLATED, wide)


def _rested(at: RegionQuantities, lemmas: Sequence[Lemma]) -> arb | None:
    """None if all that the lemmas ask of the box is certified; else what is not."""
    for lemma in lemmas:
        margin = least_margins(at, lemma)
        if not (fit(margin) and standing(margin)):
            return margin
        for name in lemma.facts:
            slack = FACTS[name](at)
            if not (fit(slack) and slack >= 0):
                return slack
    return None


def least_margins(at: MetaSLQuantities, lemma: Lemma) -> arb:
    """The least margin that a lemma asks for; 1 if it asks for none."""
    return reduce(arb.min, map(at, lemma.margins), arb(1))


# --- facts of a box: >= 0 where they hold -------------------------------------------------------------------


def _hessian(at: RegionQuantities) -> arb:
    """The least eigenvalue of Hess L on every segment from omega to theta'."""
    here, there = at.problem.omega.entries(), at._rival.theta.entries()
    return _on_segment(here, there, lambda points: least_eigenvalue(at.hessian_over(points)))


def _step(at: RegionQuantities) -> arb:
    """beta less |Hess L| on every segment from omega to omega - grad L/beta."""
    beta, here = at.smoothness, at.problem.omega.entries()
    there = [v - g / beta for v, g in zip(here, at._gradient, strict=True)]
    return beta - size_of(at.hessian_over([here, there]))


HALVINGS = 4
"""Of a segment, at most, over whose parts second derivatives are enclosed."""


def _on_segment(here: list[arb], there: list[arb], slack: Callable[[list[list[arb]]], arb]) -> arb:
    """The least slack on segments between two boxes, a part of it at a time; the first that is not certified >= 0."""
    least, waiting = arb("inf"), [(here, there, 0)]
    while waiting:
        start, end, depth = waiting.pop()
        found = slack([start, end])
        if found >= 0:
            least = least.min(found)
        elif depth == HALVINGS:
            return found
        else:
            middle = [(a + b) / 2 for a, b in zip(start, end, strict=True)]
            waiting += [(middle, end, depth + 1), (start, middle, depth + 1)]
    return least


FACTS: dict[str, Callable[[RegionQuantities], arb]] = {
    "bend": lambda at: at.least_bend,
    "hessian": _hessian,
    "step": _step,
}
"""By the names that `theory.regions` gives them."""
