"""The verdict on a hit: balls certify that an instance contradicts a claim or a mutant, or nothing is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flint import arb, ctx

from ...theory.claim import Assumption, Claim, Mutant, UndefinedQuantityError
from ..asked import sure
from ..families import family_of
from ..instances import Instance
from ..judge import PRECISIONS, Evaluator
from ..judgement import Enclosure
from ..verdicts import at_most, fit, refutes, standing

Subject = Claim | Mutant
"""What is attacked: both say left <= bound (or left = bound) under assumptions."""


@dataclass(frozen=True)
class Refutation:
    """A certified counterexample to a mutant: gap > bound in balls, or the two differ where equality is claimed."""

    instance: Instance
    gap: Enclosure
    bound: Enclosure
    generator: str

    @property
    def apart(self) -> bool:
        """Whether the sides are apart as enclosed in float64: what is certified can be seen."""
        return self.gap.lo > self.bound.hi or self.bound.lo > self.gap.hi

    @property
    def excess(self) -> float:
        """|gap - bound| relative to the size of both: 1 if the bound is 0."""
        above, below = self.gap.lo - self.bound.hi, self.bound.lo - self.gap.hi
        return max(above, below) / (abs(self.gap.lo) + abs(self.bound.hi))


def assumptions(subject: Subject) -> tuple[Assumption, ...]:
    """The assumptions of a claim; of a mutant, those of its claim that it keeps."""
    if isinstance(subject, Claim):
        return subject.assumptions
    claim = family_of(subject).claim(subject.claim)
    assert claim is not None
    return tuple(a for a in claim.assumptions if a.name not in subject.drops)


def sides(
    subject: Subject, instance: Instance, assumed: tuple[Assumption, ...], evaluator: Evaluator | None = None
) -> Iterator[tuple[arb, arb]]:
    """(left, bound) in balls of growing precision, as long as every assumption is certified and both are defined."""
    evaluator = evaluator or family_of(instance).evaluator(instance)
    for bits in PRECISIONS[:2]:
        with ctx.workprec(bits):
            at = evaluator.balls(bits)
            try:
                if not all(standing(at(a.margin)) for a in assumed):
                    return
                found = subject.left(at), subject.bound(at)
                if not all(fit(at(name)) for name in (*subject.left.names, *subject.bound.names)):
                    continue
            except UndefinedQuantityError:
                return
            yield found


def refute(
    subject: Subject, instance: Instance, evaluator: Evaluator | None = None
) -> tuple[Enclosure, Enclosure] | None:
    """(left, bound) if the instance certifiably contradicts the subject, twice where own code led to it (`asked`); else
    None. evaluator: of its quantities. Errors: BadInputError with the line of own code that is not a function."""
    found = _refuted(subject, instance, evaluator)
    if found is None:
        return None

    def agrees(again: tuple[arb, arb] | None) -> bool:
        return again is not None and all(a.overlaps(b) for a, b in zip(found, again, strict=True))

    sure(lambda: _refuted(subject, instance), agrees)
    left, bound = found
    return Enclosure.of(left), Enclosure.of(bound)


def _refuted(subject: Subject, instance: Instance, evaluator: Evaluator | None = None) -> tuple[arb, arb] | None:
    for left, bound in sides(subject, instance, assumptions(subject), evaluator):
        if refutes(subject.relation, left, bound):
            return left, bound
        if at_most(left, bound):
            return None
    return None


def tightness(subject: Subject, instance: Instance) -> Enclosure | None:
    """An enclosure of left/bound where every assumption is certified and the bound is certified positive."""
    found = None
    for left, bound in sides(subject, instance, assumptions(subject)):
        found = Enclosure.of(left / bound) if standing(bound) and fit(left / bound) else None
    return found
