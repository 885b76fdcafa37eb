"""Any model judged: the claims of `theory.any_model`, with the places that are not decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...theory.any_model import ANY_MODEL, CLAIMS, HEADLINE
from ...theory.claim import Claim
from ..judge import PRECISIONS, Evaluator, judge_claims
from ..judgement import ClaimJudgement, Enclosure, Judgement
from ..models.traced.evaluate import Kink
from ..verdicts import MOST, cancelling
from .instance import TracedInstance
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


def precisions(instance: TracedInstance) -> tuple[int, ...]:
    """Midpoint-radius float64 first; then balls of as many bits as an equality of this instance needs."""
    return PRECISIONS[0], min(max(PRECISIONS[-1], cancelling(instance.bits)), MOST)


def judged(instance: TracedInstance, claims: Iterable[Claim] | None = None) -> TracedJudgement:
    """The claims (or those given) on the instance."""
    evaluated = TracedEvaluator(instance, lambda: TracedQuantities(instance), precisions=precisions(instance))
    found = judge_claims(evaluated, (*CLAIMS, HEADLINE) if claims is None else claims)
    gap, eps, value = (Enclosure.of(evaluated.known(name)) for name in ("gap", "eps", "value"))
    kinks = tuple(dict.fromkeys(f"task {i}: {kink}" for i, kink in evaluated.known_kinks))
    return TracedJudgement(found, gap, eps, value, kinks, instance.notes)
