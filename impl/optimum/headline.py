"""The headline, judged: how far the points where first-order methods stop are from the global optimum.

With any parameter theta' of the ball and a proved lower bound of L over it,

    L(omega) - lower = [L(omega) - L(theta')] + [L(theta') - lower] <= bound(theta') + [L(theta') - lower]:

the lifted bound against the bracket's own point, plus the width of the bracket.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import cast

import numpy as np
from flint import ctx, fmpq

from ...theory.claim import Claim
from ...theory.meta_sl import HEADLINE
from ..arithmetic import dot, exactly, length_above, rational, to_float
from ..bracket import UnsupportedError
from ..instances import Instance, Vector
from ..judge import PRECISIONS, Evaluator, judge_claim
from ..judgement import ClaimJudgement, Enclosure
from ..losses import Link
from ..study import LOW, Certified, Finding, Headline, Picture, Study
from ..supervised.draws import STEEP
from ..supervised.instance import Functions, MetaSLInstance
from ..supervised.quantities import MetaSLQuantities
from . import Budget, NotCoerciveError, Optimum, minimise
from .certificate import problem
from .descent import critical_points
from .landscape import Landscape
from .many_rows import ManyRows, many
from .search import SHORT

ORDINARY_BALL = fmpq(4)
STEEP_BALL = fmpq(1)
"""Radius of the ball for losses that grow exponentially under adaptation."""
POINTS = 6
"""How many critical points of a landscape are judged."""


def judge_headline(
    instance: MetaSLInstance,
    optimum: Optimum,
    kind: str = "omega",
    complete: bool = False,
    claim: Claim = HEADLINE,
    most: int | None = None,
) -> Finding:
    """The headline claim at the instance's omega, against the optimum's point and its proved lower end.

    most   rows times tasks beyond which terms are enclosed from the table of all rows (`many_rows`)

    Errors: DefectError where L(omega) is below that end, and omega in the ball.
    """
    at = optimum.exactly_at
    radius = length_above([a - b for a, b in zip(instance.omega, at, strict=True)])
    against = replace(instance, comparator=at, radius=radius)
    rows, lower = many(against, most), optimum.sure
    quantities = partial(ManyRows, against, lower) if rows else lambda: MetaSLQuantities(against).above(lower)
    evaluator = Evaluator(against, cast(Callable[[], MetaSLQuantities], quantities))
    judged = judge_claim(claim, evaluator, complete=complete)
    with ctx.workprec(PRECISIONS[0]):
        values = evaluator.balls(PRECISIONS[0])
        above = Enclosure.of(values("gap"))
        for point, value in ((instance.omega, "certified_gap"), (at, "bracket")):
            if optimum.radius is None or dot(point, point) <= optimum.radius**2:
                optimum.holds(values(value) + exactly(optimum.sure), "L at a parameter")
    omega = tuple(to_float(v) for v in instance.omega)
    width = max(optimum.upper - optimum.sure, optimum.resolution)
    return Finding(kind, omega, against, judged, above, width, evaluator)


def ball_of(instance: MetaSLInstance) -> fmpq:
    """The ball over which a landscape is studied: it holds omega."""
    ball = STEEP_BALL if instance.loss.name in STEEP else ORDINARY_BALL
    return max(ball, fmpq(length_above(instance.omega).ceil()))


def sample(instance: MetaSLInstance, ball: float, count: int) -> Picture:
    """L in its one or two dimensions that matter."""
    scape = Landscape(instance)
    axis = np.linspace(-ball, ball, count)
    grid = np.stack(np.meshgrid(*[axis] * scape.dimension, indexing="ij"), axis=-1).reshape(-1, scape.dimension)
    return Picture(axis.tolist(), scape.value(grid).tolist(), scape.basis.tolist())


def _bracketed(posed: MetaSLInstance, radius: fmpq | None, budget: Budget) -> Optimum | None:
    """`minimise`; None where a minimum over all parameters may lie at infinity. Errors: UnsupportedError."""
    try:
        optimum = minimise(posed, radius, budget)
    except NotCoerciveError:
        if radius is None:
            return None
        raise
    if optimum.interrupted:
        raise KeyboardInterrupt  # a bracket cut short by Ctrl-C judges nothing
    return optimum


_shared = lru_cache(maxsize=2)(_bracketed)
"""The last problem's: points of one problem that are judged in turn are judged against one bracket."""


@dataclass(frozen=True)
class LinearHeadline(Headline):
    """The headline of meta-SL with a linear model: a certified search over a ball, or over all parameters."""

    claim: Claim = HEADLINE
    sample = staticmethod(sample)
    no_certificate = ""

    def optimum(
        self,
        instance: MetaSLInstance,
        radius: fmpq | None,
        gap: float,
        seconds: float,
        *,
        checked: bool = True,
        tell: Callable[[str], None] = lambda stage: None,
    ) -> Optimum:
        def searching(boxes: int, lower: float, upper: float) -> None:
            tell(f"searching: {boxes} boxes, bracket [{lower:.6g}, {upper:.6g}]")

        budget = Budget(gap=gap, seconds=seconds)
        return minimise(instance, radius, budget, checked=checked, progress=searching, stage=tell)

    def judged(self, instance: MetaSLInstance, budget: Budget = SHORT) -> ClaimJudgement:
        """Over all parameters where that is provable, else over a ball with omega."""
        if isinstance(instance.comparator, Functions):
            instance = replace(instance, comparator=instance.omega)
        # A loss of one's own may be another one tomorrow, by the same name.
        bracket = _bracketed if instance.loss.profile.own else _shared
        posed = problem(instance)
        if instance.loss.link is Link.CLASS:
            posed = replace(posed, omega=instance.omega)  # a search starts there
        optimum = bracket(posed, None, budget)
        where = "over all parameters (attained within {})"
        if optimum is None:
            optimum = bracket(posed, ball_of(instance), budget)
            where = "over the ball of radius {}"
        assert optimum is not None
        where = where.format(optimum.ball)
        judged = judge_headline(instance, optimum, complete=True, claim=self.claim).judged
        return replace(judged, reason=f"{judged.reason}; {where}, bracket {optimum.status}")

    def study(self, instance: MetaSLInstance, budget: Budget = SHORT) -> Study:
        """Bracket inf L over a ball and judge the headline at omega and at critical points of every kind."""
        optimum = minimise(instance, ball_of(instance), budget)
        points: list[tuple[str, Vector]] = [("any point", instance.omega)]
        scape = Landscape(instance)
        for kind, theta in critical_points(scape, to_float(optimum.ball), POINTS):
            points.append((kind, tuple(rational(float(v)) for v in theta @ scape.basis)))
        findings = tuple(
            judge_headline(replace(instance, omega=omega), optimum, kind, claim=self.claim) for kind, omega in points
        )
        return Study(instance, optimum, optimum.at, to_float(optimum.ball), optimum.dimension, findings)

    def certified(
        self, instance: MetaSLInstance, kind: str, others: Sequence[Instance], beside: Evaluator | None = None
    ) -> Certified | None:
        """Of more than LOW parameters by convexity alone: over all of them, if that is proved, or over the ball."""
        few = instance.dimension <= LOW
        for radius in (ball_of(instance),) if few else (None, ball_of(instance)):
            try:
                optimum = minimise(instance, radius, SHORT, search=few)
            except UnsupportedError:
                continue
            if few or optimum.certified:
                finding = judge_headline(instance, optimum, kind, claim=self.claim)
                return Certified(finding, optimum, None if radius is None else to_float(optimum.ball))
        return None


LINEAR = LinearHeadline()
