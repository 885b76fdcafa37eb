"""A practitioner's answer: how far a MAML solution is from the global optimum, what the theorem promises, what it is
stationary for. `advice` puts it in words.

Every stage improves an answer that stands already: L(omega) above a floor; the best point that descent finds, and the
theorem against it; the bracket of `minimise`, and the theorem against its point.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
from flint import ctx, fmpq

from ...theory.meta_sl import CLAIMS, HEADLINE
from ..answers import Answer, Answerer, Posed, Told, count, less, more
from ..answers.stages import Work
from ..arithmetic import PROPOSING, bounds, dot, rational, to_float
from ..instances import Vector
from ..judge import PRECISIONS
from ..judgement import Enclosure
from ..losses import Link
from ..midrad import MidRad
from ..study import Budget, Progress, Stage
from ..supervised import training
from ..supervised.adaptation import Gradient, adaptation_field
from ..supervised.instance import MetaSLInstance, all_rows, laws_in_words, split, steps_in_words
from . import NotCoerciveError, Optimum, UnsupportedError, minimise
from .convex_check import Prover
from .convexity import MORE, applies
from .descent import downhill
from .exact import exact_value, functional_bound
from .headline import ORDINARY_BALL, STEEP_BALL, ball_of, judge_headline
from .loops import stationary_for
from .many_rows import many
from .search import ORDINARY
from .spread import of_one_output, require_steps
from .stack import Balls2, Stack, norms, total

NAMING, DESCENDING = 0.15, 0.25
"""The parts of the time after which no other objectives are tried, and no better point is looked for."""
FEW = 2048
"""Atoms up to which each is bounded by itself, before there is a search."""
POWERS = 40
"""Rounds of the power method."""
JUDGED = 2_000
"""Rows times tasks up to which the theorem is judged sharply before the optimum is known."""
SHARPLY = 10**6
"""Rows times tasks times columns up to which it is judged sharply in the end: there is no stopping it."""
LARGE = 200_000
"""Numbers in the features beyond which that takes long."""


class LinearAnswerer(Answerer):
    """Of linear models."""

    @PROPOSING
    def certify(
        self,
        instance: MetaSLInstance,
        radius: fmpq | None = None,
        budget: Budget = ORDINARY,
        progress: Progress = lambda boxes, lower, upper: None,
        stage: Stage = lambda name: None,
        told: Told = lambda answer: None,
    ) -> Answer:
        work = _Work(instance, radius, budget, progress, stage, told)
        return work.run(work.first, work.named, work.descended, work.searched)

    def trained(self, instance: MetaSLInstance) -> MetaSLInstance:
        require_steps(instance)
        return replace(instance, omega=tuple(rational(v) for v in training.train(instance)))

    def outside(self, instance: MetaSLInstance, radius: fmpq) -> str:
        size = dot(instance.omega, instance.omega)
        required = f"at least ||omega|| = {to_float(size) ** 0.5:.6g} is required: omega must lie in the ball"
        return required if size > radius * radius else ""


LINEAR_ANSWER = LinearAnswerer()


def posed(instance: MetaSLInstance) -> Posed:
    """What is solved."""
    adaptation, tasks = instance.adaptation, [task for task in instance.tasks if task.weight != 0]
    c = instance.loss.outputs
    rows, d = sum(map(all_rows, tasks)), instance.dimension // c
    if isinstance(adaptation, Gradient):
        adapted = steps_in_words(adaptation)
    else:
        adapted = f"a proximal inner step of strength {to_float(adaptation.strength):.4g}"
    sizes = f"{count(len(tasks), 'task')}, {count(rows, 'row')}, {count(d, 'column')}"
    sizes += f", {c} outputs" if c > 1 else ""
    words = f"{sizes}; {instance.loss.name} loss, {adapted}, {laws_in_words(instance)}"
    fields, omega = adaptation_field(adaptation, to_float), [to_float(v) for v in instance.omega]
    return Posed(
        "linear", instance.loss.name, fields, len(tasks), rows, d, omega, words, HEADLINE.name, split(instance)
    )


class _Work(Work):
    """One call of `certify`: the answer that stands, and what improves it."""

    def __init__(
        self,
        instance: MetaSLInstance,
        radius: fmpq | None,
        budget: Budget,
        progress: Progress,
        stage: Stage,
        told: Told,
    ) -> None:
        super().__init__(budget, stage, told)
        self.instance, self.radius, self.budget, self.progress = instance, radius, budget, progress
        require_steps(instance)
        # Gradient steps alone have a table of rows, of one output.
        coupled = instance.loss.link is Link.CLASS
        self.flat = instance if coupled else of_one_output(instance)
        self.posed = posed(instance)
        steps = isinstance(instance.adaptation, Gradient) and any(task.weight for task in instance.tasks)
        self.rows = steps and not coupled

    def value(self, theta: Vector) -> Enclosure:
        """L there."""
        with ctx.workprec(PRECISIONS[0]):
            found = self.prover.point(theta).value if self.rows else exact_value(self.instance, theta)
        return Enclosure.of(found)

    def first(self) -> None:
        """L(omega), and a floor that needs no work."""
        self.stage("evaluating the meta-objective at omega")
        self.prover = Prover(self.flat, self.watch)
        value = self.value(self.instance.omega)
        low = 0.0 if self.instance.loss.profile.nonnegative else -math.inf
        at = tuple(to_float(v) for v in self.instance.omega)
        self.tell(self._above(value, low, "nonnegative" if low == 0 else "none", at, value.hi))

    def _above(self, value: Enclosure, low: float, how: str, at: tuple[float, ...], upper: float) -> Answer:
        optimum = Optimum(
            lower=min(low, upper),
            upper=upper,
            gap=self.budget.gap,
            fallback=low,
            why="no search was made",
            seconds=time.monotonic() - self.begin,
            at=at,
            radius=self.radius,
            how=how,  # type: ignore[arg-type]
            dimension=self.instance.dimension,
            ball=self.radius or ball_of(self.instance),
        )
        gap = Enclosure(max(less(value.lo, upper), 0.0), more(value.hi, low))
        everywhere, region = self.radius is None, f"||theta|| <= {optimum.ball}"
        return Answer(self.instance, self.posed, value, optimum, gap, everywhere, region)

    def named(self) -> None:
        """What omega is stationary for."""
        self.stage("comparing with what other training loops minimise")
        found = stationary_for(self.flat, self.until(NAMING), self.watch)
        steep = growth(self.prover.stack, self.instance.omega) if self.rows else 0.0
        self.tell(replace(self.standing, stationary=found, growth=steep))

    def descended(self) -> None:
        """The best point that descent finds, and the theorem against it."""
        instance, standing = self.flat, self.standing
        profile = instance.loss.profile
        large = len(instance.features) * instance.dimension > LARGE
        if not self.rows or profile.kinked or self._convex():
            return
        stack, low, how = self.prover.stack, standing.optimum.lower, standing.optimum.how
        if profile.convex and stack.count <= FEW:
            self.stage("bounding the infimum by what any functions can do")
            found = bounds(functional_bound(instance))[0]
            low, how = (found, "floor") if found > low else (low, how)
        self.stage("looking for a better point")
        omega = np.array([to_float(v) for v in instance.omega])
        starts = [np.zeros(len(omega)), *([omega] if np.isfinite(stack.times(omega)).all() else [])]
        far = math.inf if self.radius is None else to_float(self.radius)
        point = downhill(stack, starts, far, self.until(DESCENDING))
        at = tuple(point.tolist())
        upper = self.value(tuple(map(rational, at))).hi if np.isfinite(point).all() else math.inf
        if not upper < standing.optimum.upper:
            at, upper = standing.optimum.at, standing.optimum.upper
        better = self._above(standing.value, low, how, at, upper)
        self.tell(replace(better, stationary=standing.stationary, growth=standing.growth))
        if not large:
            self._judge(JUDGED)

    def _convex(self) -> bool:
        """Whether L is proved to be convex where the optimum is looked for: Newton's method is better then."""
        if not self.rows or not applies(self.flat):
            return False
        reach = math.inf if self.radius is None else to_float(self.radius)
        return self.prover.floor(np.zeros(self.instance.dimension), reach).convex

    def searched(self) -> None:
        """The bracket of the optimum, over all parameters or a ball, and the theorem against its point."""
        standing = self.standing
        everywhere, choice = self.radius is None, ""
        try:
            try:
                optimum = minimise(self.instance, self.radius, self.budget, progress=self.progress, stage=self.stage)
            except NotCoerciveError as error:
                ball, why = ball_of(self.instance), str(error).removesuffix("; give a radius")
                usual = f"the usual one{'' if ball in (ORDINARY_BALL, STEEP_BALL) else ', enlarged to hold omega'}"
                everywhere = False
                choice = f"{usual}, as no ball is known to hold a minimiser over all parameters ({why})"
                optimum = minimise(self.instance, ball, self.budget, progress=self.progress, stage=self.stage)
        except UnsupportedError as error:
            self.answer = replace(standing, optimum=replace(standing.optimum, why=str(error)))
            if standing.judged is None:
                self._judge()
            return
        assert isinstance(standing.optimum, Optimum)
        optimum = _improved(optimum, standing.optimum)
        above = max(less(standing.value.lo, optimum.upper), 0.0)
        gap = Enclosure(above, max(more(standing.value.hi, optimum.sure), above))
        region = f"||theta|| <= {optimum.ball}"
        self.tell(replace(standing, optimum=optimum, everywhere=everywhere, region=region, choice=choice, gap=gap))
        self._judge(JUDGED)
        if many(self.instance, JUDGED) and time.monotonic() < self.end:
            terms = sum(len(task.atoms) for task in self.instance.tasks) * len(self.instance.tasks)
            if terms * self.instance.dimension <= SHARPLY:
                self._judge()

    def _judge(self, most: int | None = None) -> None:
        """The theorem at omega against the optimum's point; `most` as in `judge_headline`."""
        standing = self.standing
        optimum = standing.optimum
        assert isinstance(optimum, Optimum)
        self.stage(f"judging the theorem at omega, the optimum in [{optimum.lower:.6g}, {optimum.upper:.6g}]")
        if not math.isfinite(optimum.sure) or not all(map(math.isfinite, optimum.at)):
            self.tell(replace(standing, missing="no lower end of the optimum is known"))
            return
        finding = judge_headline(self.instance, optimum, most=most)
        if finding.judged.gap is None or finding.judged.bound is None:
            self.tell(replace(standing, missing=finding.judged.reason))
            return
        width = finding.judged.terms["bracket"].hi
        lo, hi = max(finding.above.lo, 0.0, standing.gap.lo), min(finding.above.hi + width, standing.gap.hi)
        least = finding.smallest(CLAIMS)
        self.tell(replace(standing, gap=Enclosure(min(lo, hi), hi), judged=finding.judged, smallest=least))


def _improved(optimum: Optimum, standing: Optimum) -> Optimum:
    """The bracket, with what was known before: a higher end that is proved, a better point that lies in its ball."""
    if standing.sure > optimum.sure:
        optimum = replace(optimum, fallback=standing.sure) if not optimum.proved else optimum
    inside = optimum.radius is None or sum((rational(v) ** 2 for v in standing.at), start=fmpq(0)) <= optimum.ball**2
    if optimum.lower <= standing.upper < optimum.upper and inside:
        optimum = replace(optimum, upper=standing.upper, at=standing.at, certificate=None)
    return optimum


def growth(stack: Stack, omega: Vector) -> float:
    """At least the largest |eta| lambda_max(Hess R_i(omega)) of the tasks, by Rayleigh's quotient; 0 if none is known.

    u'X'DXu/||u||^2 with D = diag(p ell'') at any u, enclosed; the power method proposes u. None is of unequal rates.
    """
    if stack.rates is not None:
        return 0.0
    start = MidRad.of(omega, (1, len(omega)))
    z = stack.predictions(Balls2(start.mid, norms(start.rad, 1)))
    bend = stack.masses * stack.ranges.at(2, z)
    u = np.ones((len(stack.slices), stack.dimension)) + np.arange(stack.dimension) / (7 * stack.dimension)
    for _ in range(POWERS):
        u = stack.pulled(bend.mid * stack.times(u))
        size = np.linalg.norm(u, axis=1, keepdims=True)
        u = u / np.where(size > 0, size, 1.0)
    along = stack.predictions(Balls2(u, np.zeros(len(u))))
    terms, best = bend * along * along, 0.0
    for own, v in zip(stack.slices, u, strict=True):
        least = float(total(terms[own]).low) / (float(norms(v, 0)) ** 2 * MORE)
        best = max(best, least) if math.isfinite(least) else best
    return best * max(abs(float(stack.rate.mid)) - float(stack.rate.rad), 0.0) / MORE
