"""The headline for meta-RL: how far omega is from the supremum of L over parameters.

With any theta' and a proved upper bound of sup L,

    upper - L(omega) = [L(theta') - L(omega)] + [upper - L(theta')] <= bound(theta') + [upper - L(theta')].

The supremum need not be attained (it may lie at infinity): nothing here needs that it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from flint import ctx, fmpq

from ...theory.claim import Claim
from ...theory.meta_rl import HEADLINE
from ..arithmetic import Number, exactly, length_above, rational, to_float
from ..bracket import UnsupportedError
from ..instances import Instance, Vector
from ..judge import PRECISIONS, Evaluator, judge_claim
from ..judgement import ClaimJudgement, Enclosure
from ..study import Certified, Finding, Headline, Study
from .batch import batch_of
from .instance import MetaRLInstance, Policies
from .optimum import Optimum, maximise
from .quantities import MetaRLQuantities
from .training import ascended

BOX = 6.0
"""Half-width of the box of parameters in two dimensions, in units of the temperature."""


class HeadlineQuantities(MetaRLQuantities):
    """The quantities of an instance whose comparator is the optimum's point, with the proved upper bound."""

    def __init__(self, instance: MetaRLInstance, upper: float) -> None:
        super().__init__(instance)
        self._upper = exactly(upper)

    @cached_property
    def bracket(self) -> Number:
        """upper - L(theta')."""
        return self._upper - self._mean_return(self._rivals)

    @cached_property
    def certified_gap(self) -> Number:
        """upper - L(omega)."""
        return self.gap + self.bracket


def judge_headline(instance: MetaRLInstance, optimum: Optimum, kind: str, complete: bool = False) -> Finding:
    """The headline claim at the instance's omega, against the optimum's point and its proved upper end.

    omega lies where the supremum is taken. Errors: DefectError where L(omega) is above that end.
    """
    at = tuple(rational(v) for v in optimum.at)
    radius = length_above([a - b for a, b in zip(instance.omega, at, strict=True)])
    against = replace(instance, comparator=at, radius=radius)
    evaluator = Evaluator(against, lambda: HeadlineQuantities(against, optimum.sure))
    judged = judge_claim(HEADLINE, evaluator, complete=complete)
    with ctx.workprec(PRECISIONS[0]):
        values = evaluator.balls(PRECISIONS[0])
        above = Enclosure.of(values("gap"))
        for value in ("certified_gap", "bracket"):
            optimum.holds(exactly(optimum.sure) - values(value), "L at a parameter")
    omega = tuple(to_float(v) for v in instance.omega)
    return Finding(kind, omega, against, judged, above, optimum.sure - optimum.lower, evaluator)


def supremum(
    instance: MetaRLInstance, radius: float | None = None, gap: float = 1e-3, seconds: float = math.inf
) -> Optimum:
    """Bracket sup L over the line (d = 1) or a box (by default `box_of`).

    Errors: UnsupportedError for problems that the search does not cover.
    """
    return maximise(instance, radius=box_of(instance) if radius is None else radius, gap=gap, seconds=seconds)


@lru_cache(maxsize=8)
def _shared(problem: MetaRLInstance, box: float | None, gap: float) -> Optimum:
    return supremum(problem, box, gap)


def _problem(instance: MetaRLInstance) -> MetaRLInstance:
    """The instance without its points: equal for all instances of a problem."""
    zero = (fmpq(0),) * instance.shape[2]
    return replace(instance, omega=zero, comparator=zero, radius=fmpq(1))


def box_of(instance: MetaRLInstance, *points: Vector) -> float | None:
    """Half-width of the box that is searched: None (the whole line) for d = 1, else 6 tau or more, to hold omega and
    the points."""
    if len(instance.omega) == 1:
        return None
    return max(BOX * to_float(instance.tau), *(abs(to_float(v)) for point in (instance.omega, *points) for v in point))


@dataclass(frozen=True)
class PolicyHeadline(Headline):
    """The headline of meta-RL with linear policies: a certified search over the line, or over a box."""

    claim: Claim = HEADLINE
    no_certificate = "a meta-sl instance is required; leave it out for meta-rl"

    def optimum(
        self,
        instance: MetaRLInstance,
        radius: fmpq | None,
        gap: float,
        seconds: float,
        *,
        checked: bool = True,
        tell: Callable[[str], None] = lambda stage: None,
    ) -> Optimum:
        """Each coordinate of theta is at most `radius`."""
        tell("searching")
        return supremum(instance, None if radius is None else to_float(radius), gap, seconds)

    def judged(self, instance: MetaRLInstance) -> ClaimJudgement:
        optimum = _shared(_problem(instance), box_of(instance), 1e-3)
        return judge_headline(instance, optimum, "omega", complete=True).judged

    def study(self, instance: MetaRLInstance) -> Study:
        """Bracket sup L and judge the headline at omega and where ascent arrives from it and from elsewhere."""
        d = len(instance.omega)
        points: list[tuple[str, Vector]] = [("any point", instance.omega)]
        batch = batch_of(instance)
        for start in (batch.omega, -batch.omega, np.zeros_like(batch.omega)):
            omega = ascended(replace(batch, omega=start), reach=4 * to_float(instance.tau))[0]
            points.append(("where ascent stops", tuple(rational(float(v)) for v in omega)))
        # Ascent may leave a box around omega: the supremum is over one that holds every point that is judged.
        box = box_of(instance, *(omega for _, omega in points))
        optimum = supremum(instance, box, gap=1e-3 if d == 1 else 5e-3)
        distinct = dict(reversed([(omega, kind) for kind, omega in points]))
        findings = tuple(judge_headline(replace(instance, omega=o), optimum, kind) for o, kind in distinct.items())
        return Study(instance, optimum, optimum.at, box, d, findings)

    def certified(
        self, instance: MetaRLInstance, kind: str, others: Sequence[Instance] = (), beside: Evaluator | None = None
    ) -> Certified | None:
        """The headline at omega against the supremum over one box (None: the line) for all omega of a problem.

        `others` are further instances of the problem, whose points the box must hold too. None where the search does
        not reach: too many parameters, or the gradient step.
        """
        problem = _problem(instance)
        same = [i for i in others if isinstance(i, MetaRLInstance) and _problem(i) == problem]
        rivals = [i.comparator for i in (instance, *same) if not isinstance(i.comparator, Policies)]
        box = box_of(instance, *(i.omega for i in same), *rivals)
        try:
            optimum = _shared(problem, box, 1e-3 if box is None else 1e-2)
        except UnsupportedError:
            return None
        return Certified(judge_headline(instance, optimum, kind), optimum, box)


POLICIES = PolicyHeadline()
