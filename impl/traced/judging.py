"""Any model judged: the claims of `theory.any_model`, with the places that are not decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...theory.any_model import ANY_MODEL, CLAIMS, HEADLINE
from ...theory.claim import Claim
from ..judge import PRECISIONS, ClaimJudgement, Enclosure, Evaluator, Judgement, judge_claims
from ..models.traced.evaluate import Kink
from ..verdicts import MOST, cancelling
from .instance import TracedInstance
from .losses import DIVERGENCES
from .quantities import TracedQuantities


@dataclass(frozen=True)
class TracedJudgement:
    """Claims by name, as `result["lifted"]`; gap, eps and value L(omega), enclosed; what is not decided, in words."""

    judgement: Judgement
    gap: Enclosure
    eps: Enclosure
    value: Enclosure
    kinks: tuple[str, ...]
    notes: tuple[str, ...]

    def __getitem__(self, name: str) -> ClaimJudgement:
        return self.judgement[name if name.startswith(ANY_MODEL.family) else f"{ANY_MODEL.family}-{name}"]

    @property
    def claims(self) -> tuple[ClaimJudgement, ...]:
        """All of them."""
        return self.judgement.claims


class TracedEvaluator(Evaluator):
    """Says what is open, too."""

    @property
    def known_kinks(self) -> list[tuple[int, Kink]]:
        """(task, place) of what is not decided at the highest precision that was needed."""
        at = self.known_at[max(self.known_at)]
        assert isinstance(at, TracedQuantities)
        return at.kinks


def evaluator(instance: TracedInstance) -> TracedEvaluator:
    """Midpoint-radius float64 first; then balls of as many bits as an equality of this instance needs."""
    fine = min(max(PRECISIONS[-1], cancelling(instance.bits)), MOST)
    return TracedEvaluator(instance, lambda: TracedQuantities(instance), precisions=(PRECISIONS[0], fine))


def claims_of(instance: TracedInstance) -> tuple[Claim, ...]:
    """The claims that can be judged: the headline if the loss is known not to be negative."""
    return (*CLAIMS, HEADLINE) if instance.loss in DIVERGENCES else CLAIMS


def judged(instance: TracedInstance, claims: Iterable[Claim] | None = None) -> TracedJudgement:
    """The claims (or those given) on the instance."""
    evaluated = evaluator(instance)
    found = judge_claims(evaluated, claims_of(instance) if claims is None else claims)
    gap, eps, value = (Enclosure.of(evaluated.known(name)) for name in ("gap", "eps", "value"))
    kinks = tuple(dict.fromkeys(f"task {i}: {kink}" for i, kink in evaluated.known_kinks))
    return TracedJudgement(found, gap, eps, value, kinks, instance.notes)
