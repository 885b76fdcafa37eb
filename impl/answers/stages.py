"""An answer that is improved stage by stage: L(omega), what omega is stationary for, brackets of the optimum, the
theorem against its point, and the smallest bound of the family. Whatever stops it, the answer that stands is proved.
"""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from flint import ctx, fmpq

from ...theory.claim import Claim, UndefinedQuantityError
from ..arithmetic import PROPOSING, Array
from ..balls.core import CoreQuantities, TooLargeError
from ..bracket import Bracket, UnsupportedError
from ..instances import Instance
from ..judge import PRECISIONS, Evaluator, judge_claim
from ..judgement import ClaimJudgement, Enclosure, smallest
from ..study import Budget, Progress, ShownBracket, Stage, with_bracket
from ..verdicts import standing
from . import Answer, Answerer, Objective, Posed, Stationarity, Told, less, more, newton_length, ranked

NAMING, FINDING = 0.2, 0.6
"""The parts of the time after which no other objectives are tried, and no better point is looked for."""
MULTIPLES = (fmpq(1, 10), fmpq(1, 2), fmpq(2), fmpq(10))
"""Rates that are tried, over the own one."""

Variant = tuple[Objective, Any, bool]
"""An objective, the instance whose own objective it is, and whether its gradient leaves the adaptation's derivative
out."""


class Work:
    """One call of `certify`: the answer that stands, and what improves it."""

    def __init__(self, budget: Budget, stage: Stage, told: Told) -> None:
        self._stage, self._told, self.at = stage, told, "starting"
        self.answer: Answer | None = None
        self.begin = time.monotonic()
        self.end = min(self.begin + budget.seconds, budget.until)

    def stage(self, name: str) -> None:
        """Say what is being done."""
        self.at = name
        self._stage(name)

    def watch(self) -> None:
        """Listen for Ctrl-C."""
        self._stage(self.at)

    def until(self, part: float) -> float:
        """When that part of the time is over."""
        return self.begin + part * (self.end - self.begin)

    def tell(self, answer: Answer) -> None:
        """That answer stands."""
        self.answer = answer
        self._told(answer)

    @property
    def standing(self) -> Answer:
        """The answer that stands."""
        assert self.answer is not None
        return self.answer

    def run(self, *steps: Callable[[], None]) -> Answer:
        """The answer after the steps, of which the first makes one; Ctrl-C ends them."""
        try:
            for step in steps:
                step()
        except KeyboardInterrupt:
            if self.answer is None:
                raise
            why = f"interrupted while {self.at}"
            return replace(self.answer, optimum=replace(self.answer.optimum, interrupted=True, why=why))
        assert self.answer is not None
        return self.answer


def distance(value: Enclosure, optimum: Bracket) -> Enclosure:
    """How far L(omega) is from the optimum: at least from the value of L that is known, at most from what is proved."""
    if optimum.supremum:
        low, high = less(optimum.lower, value.hi), more(optimum.sure, value.lo)
    else:
        low, high = less(value.lo, optimum.upper), more(value.hi, optimum.sure)
    return Enclosure(max(low, 0.0), max(high, low, 0.0))


class Staged(Answerer):
    """The answer of a family that brackets its optimum by stages of its own.

    claims, quantities   the family's claims, and the engine that decides
    """

    claims: Sequence[Claim]
    quantities: Callable[[Any], CoreQuantities]

    # --- what a family supplies ---------------------------------------------------------------------------

    @abstractmethod
    def posed(self, instance: Any) -> Posed:
        """What is solved."""

    @abstractmethod
    def value(self, instance: Any) -> Enclosure:
        """L(omega), in balls."""

    @abstractmethod
    def first(self, instance: Any, value: Enclosure, gap: float) -> ShownBracket:
        """A bracket that needs no work."""

    @abstractmethod
    def brackets(
        self, instance: Any, standing: Any, radius: fmpq | None, until: float, work: Work
    ) -> Iterator[ShownBracket]:
        """Better and better brackets. Errors: UnsupportedError."""

    @abstractmethod
    def over(self, optimum: Any, radius: fmpq | None) -> tuple[str, str]:
        """The region that the bracket is over, nothing for all parameters; why, if no radius was given."""

    @abstractmethod
    def against(self, instance: Any, optimum: Any) -> Iterator[tuple[Instance, ClaimJudgement]]:
        """Comparators and radii, each better than the last: the instance with them, and the theorem there, the width of
        the bracket a term of it."""

    @abstractmethod
    def variants(self, instance: Any) -> Iterator[Variant]:
        """The objectives of training loops, the own one first."""

    @abstractmethod
    def slope(self, instance: Any, plain: bool) -> tuple[Array, Callable[[Array], Array]]:
        """omega, flat, and the gradient of L at flat parameters; in float64. plain: without the adaptation's
        derivative."""

    # --- what follows -------------------------------------------------------------------------------------

    @PROPOSING
    def certify(
        self, instance: Any, radius: fmpq | None, budget: Budget, progress: Progress, stage: Stage, told: Told
    ) -> Answer:
        """As every answerer; no search here says how far it is."""
        stages = _Stages(self, instance, radius, budget, stage, told)
        return stages.run(stages.first, stages.named, stages.bracketed, stages.judged, stages.formed)

    def forms(self) -> list[Claim]:
        """The claims that bound the gap."""
        return [claim for claim in self.claims if claim.bounds_gap]

    def eps(self, instance: Any, plain: bool) -> Enclosure | None:
        """||grad L(omega)||, enclosed; None where L has no gradient, or none is known to exist."""
        needed = next(claim for claim in self.claims if claim.name == f"{instance.family}-s2").assumptions
        with ctx.workprec(PRECISIONS[0]):
            try:
                at = self.quantities(instance)
                if not all(standing(at(one.margin)) for one in needed):
                    return None
                found = Enclosure.of(at("eps_first_order" if plain else "eps"))
            except (UndefinedQuantityError, TooLargeError):
                return None
        return found if math.isfinite(found.hi) else None


class _Stages(Work):
    """One call of `certify` for a family that brackets by stages."""

    def __init__(
        self, family: Staged, instance: Any, radius: fmpq | None, budget: Budget, stage: Stage, told: Told
    ) -> None:
        super().__init__(budget, stage, told)
        self.family, self.radius, self.gap = family, radius, budget.gap
        self.instance = self.against = instance

    def first(self) -> None:
        """L(omega), and a bracket that needs no work."""
        self.stage("evaluating the meta-objective at omega")
        try:
            value = self.family.value(self.instance)
        except UndefinedQuantityError as error:
            raise UnsupportedError(f"omega: a parameter where L is defined is required; {error}") from None
        optimum = self.family.first(self.instance, value, self.gap)
        region = self.family.over(optimum, self.radius)[0]
        posed = self.family.posed(self.instance)
        self.tell(Answer(self.instance, posed, value, optimum, distance(value, optimum), not region, region))

    def named(self) -> None:
        """What omega is stationary for."""
        self.stage("comparing with what other training loops minimise")
        own, found, cut = None, list[Stationarity](), False
        omega, _ = self.family.slope(self.instance, False)
        for loop, variant, plain in self.family.variants(self.instance):
            cut = own is not None and time.monotonic() > self.until(NAMING)
            if cut:
                break
            self.watch()
            eps = self.family.eps(variant, plain)
            if eps is not None:
                near = _distance(*self.family.slope(variant, plain)) if eps.hi > 0 else 0.0
                found.append(Stationarity(loop, eps, near))
            if own is None:
                own = found[0] if found else Stationarity(loop, Enclosure(0.0, math.inf), math.inf)
        assert own is not None
        named = ranked(own, found, size=float(np.linalg.norm(omega)) or 1.0, line=len(omega) == 1, few=True)
        self.tell(replace(self.standing, stationary=replace(named, cut=cut)))

    def bracketed(self) -> None:
        """Better and better brackets."""
        before = self.standing.optimum
        for optimum in self.family.brackets(self.instance, before, self.radius, self.until(FINDING), self):
            region, choice = self.family.over(optimum, self.radius)
            gap = distance(self.standing.value, optimum)
            self.tell(
                replace(self.standing, optimum=optimum, gap=gap, everywhere=not region, region=region, choice=choice)
            )

    def judged(self) -> None:
        """The theorem at omega against the optimum's point, or what the bound is smallest against."""
        self.stage("judging the theorem against the optimum")
        for against, judged in self.family.against(self.instance, self.standing.optimum):
            self.against, known = against, judged.gap is not None and judged.bound is not None
            self.tell(replace(self.standing, judged=judged if known else None, missing="" if known else judged.reason))
            self.watch()

    def formed(self) -> None:
        """The smallest form, PROVED or EQUAL, against the same comparator."""
        evaluator = Evaluator(self.against, lambda: self.family.quantities(self.against))
        found: list[ClaimJudgement] = []
        for claim in self.family.forms():
            if time.monotonic() > self.end or self.standing.judged is None:
                return
            self.stage(f"judging {claim.name}")
            found.append(judge_claim(claim, evaluator))
            least = smallest(found)
            if least is found[-1]:
                self.tell(replace(self.standing, smallest=with_bracket(least, self.standing.judged)))


def slope_of(batch: Any, quantities: Callable[[Any], Any], plain: bool) -> tuple[Array, Callable[[Array], Array]]:
    """omega of a batch of one, flat, and the gradient of L (`plain`: of first-order MAML) at such points in float64."""

    def at(flat: Array) -> Array:
        found = quantities(replace(batch, omega=flat.reshape(batch.omega.shape)))
        return (found.first_order_gradient if plain else found.gradient)[0]

    return batch.omega[0].ravel(), at


@PROPOSING
def _distance(omega: Array, slope: Callable[[Array], Array]) -> float:
    with np.errstate(all="ignore"):
        return newton_length(slope(omega), float(np.linalg.norm(omega)), lambda shift: slope(omega + shift))
