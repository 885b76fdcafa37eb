"""The distance of a network from the global optimum: a bracket of inf L, and the headline judged against it.

Whatever the activation. From below comes `lower`; from above the values of L, in balls, at points that descent finds. A
comparator need not be a network: the functions that attain the lower bound serve as well,

    L(omega) - lower = [L(omega) - sum_i q_i R_i(h'_i)] + [sum_i q_i R_i(h'_i) - lower] <= bound(h') + bracket.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import scipy
from flint import arb, ctx, fmpq

from ....theory.claim import Claim
from ...arithmetic import PROPOSING, bounds, midpoint, to_float
from ...bracket import UnsupportedError
from ...floats.infimum import lifted_least_squares
from ...instances import Instance
from ...judge import PRECISIONS, Evaluator, judge_claim
from ...judgement import ClaimJudgement, Enclosure
from ...losses import Link
from ...models.weights import Weights, squared_distance
from ...shown import rounded_down, rounded_up
from ...study import Certified, Details, Finding, Headline, ShownBracket, Study
from ...supervised.instance import Functions, NetworkComparator, NetworkInstance, split
from ...supervised.relu.batch import batch_of
from ...supervised.relu.batch_quantities import NetworkBatchQuantities
from ...supervised.start_quantities import StartQuantities
from .floor import AnyProblem, Floor, NotConvexError, problem_of
from .linearised import LinearisedOptimum, linearised_optimum
from .lower import Lower, levels_at, lower_bound

DESCENDED = 512
"""Parameters up to which descent looks for lower values of L."""
STARTS = 4
GAP = 1e-6
ALIKE = 1e-9
"""Points at which L, in float64, is lowest up to this share of it and of 1 may be the lowest."""
NEAR = 0.01
"""Share of the bound that a comparator's own distance from the optimum may be."""


LOWER_ENDS = {"nonnegative": "0: the loss is never negative", "none": "not known"}
"""Lower ends that need no work, in words."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Optimum(ShownBracket):
    """lower <= inf L <= upper over all W, or over ||W - W0|| <= ball; upper = L(at) rounded up.

    how      how `lower` was found; floor: its functions (None: the exact infimum)
    stops    where descent stopped, with L there in float64
    linear   of the network linearised at W0, over the same ball, where that was asked for and is convex
    """

    at: Weights
    how: str
    floor: Floor | None
    ball: fmpq | None
    stops: tuple[Weights, ...]
    linear: LinearisedOptimum | None = None
    sharper = "no higher lower end is known for it"

    @property
    def what(self) -> str:
        where = "over all W" if self.ball is None else f"over ||W - W0|| <= {self.ball}"
        return f"inf L {where} (it need not be attained)"

    @property
    def proof(self) -> str:
        end = f"the lower end is {LOWER_ENDS.get(self.how, self.how)}"
        if self.proved:
            end += "; the checker has proved it"
        elif self.check is not None:
            end += f"; the checker has not proved it ({self.check.reason}); proved is {rounded_down(self.sure, 6)}"
        elif self.how in LOWER_ENDS:
            return end
        else:
            end += "; it is proved in balls, and no checker is known for it"
        return f"{end}; the upper end is L at the best network that was found"

    @property
    def said(self) -> tuple[str, ...]:
        says = "no checker is known for this" if self.check is None else f"the checker: {self.check.reason}"
        lower = f"lower end: {self.how}; {says}; {self.seconds:.3f} s"
        if self.linear is None:
            return (lower,)
        ends = f"  [{rounded_down(self.linear.lower, 12)}, {rounded_up(self.linear.upper, 12)}]"
        return lower, "linearised at W0, over the same ball:", ends

    @property
    def details(self) -> Details:
        linear = None if self.linear is None else (self.linear.lower, self.linear.upper)
        ball = None if self.ball is None else to_float(self.ball)
        return {"method": self.how, "ball": ball, "linearised": linear}

    @property
    def point(self) -> list[Any]:
        return self.at.floats.tolist()


def value(problem: AnyProblem, weights: Weights) -> arb:
    """L(W), in balls."""
    return problem.objective(problem.at(weights))


@lru_cache(maxsize=4)
def _level(problem: NetworkInstance, weights: Weights, bits: int) -> arb:
    """`value` for a problem without its points, in balls of so many bits."""
    with ctx.workprec(bits):
        return value(problem_of(problem.canonical), weights)


@dataclass(frozen=True)
class NetworkHeadline(Headline):
    """The headline of one kind of networks.

    quantities   the engine that decides, for an instance
    """

    claim: Claim
    quantities: Callable[[Any], StartQuantities]
    no_certificate = "a linear model is required; leave it out for networks"

    def optimum(
        self,
        instance: NetworkInstance,
        radius: fmpq | None,
        gap: float,
        seconds: float,
        *,
        checked: bool = True,
        tell: Callable[[str], None] = lambda stage: None,
    ) -> Optimum:
        """Over all W (radius None) or over ||W - W0|| <= radius; what it takes does not depend on `seconds`."""
        tell("bracketing")
        found = self.bracketed(instance, radius, gap)
        if radius is not None:
            with suppress(NotConvexError):
                return replace(found, linear=linearised_optimum(instance, radius))
        return found

    def judged(self, instance: NetworkInstance) -> ClaimJudgement:
        return self.judge(instance, self.bracketed(instance), complete=True).judged

    def certified(
        self, instance: NetworkInstance, kind: str, others: Sequence[Instance], beside: Evaluator | None = None
    ) -> Certified | None:
        """Against one bracket for all points of a problem: those of `others` with the same problem are tried, too."""
        if split(instance):
            return None
        problem = _problem(instance)
        rows = others if instance in others else (instance, *others)
        same = [i for i in rows if isinstance(i, NetworkInstance) and _problem(i) == problem]
        points = dict.fromkeys(w for i in same for w in (i.omega, i.comparator) if isinstance(w, Weights))
        optimum = _shared(self, problem, tuple(points))
        # The instance's own comparator has no say: those of one omega and radius are one.
        found = _judged(self, replace(instance, comparator=instance.initial), tuple(points), _Known(beside))
        return Certified(replace(found, kind=kind), optimum, None)

    @PROPOSING
    def bracketed(
        self, instance: NetworkInstance, radius: fmpq | None = None, gap: float = GAP, points: Sequence[Weights] = ()
    ) -> Optimum:
        """Bracket inf L over all W (radius None) or over ||W - W0|| <= radius; `points` are tried, too.

        Errors: UnsupportedError.
        """
        if split(instance):
            raise UnsupportedError(
                "tasks: networks are bracketed for tasks that adapt on what they are judged on alone"
            )
        instance = instance.canonical
        return self.assembled(instance, radius, gap, lower_bound(instance, radius), points)

    @PROPOSING
    def assembled(
        self,
        instance: NetworkInstance,
        radius: fmpq | None,
        gap: float,
        found: Lower,
        points: Sequence[Weights] = (),
        *,
        descend: bool = True,
    ) -> Optimum:
        """The bracket with that lower end, and the lowest value of L that is found; the instance is canonical."""
        begin = time.monotonic()
        stops = tuple(self._stops(instance, points)) if descend else ()
        upper, at = np.inf, instance.initial
        with ctx.workprec(PRECISIONS[0]):
            problem = problem_of(instance)
            tried = [w for w in dict.fromkeys((*stops, *_starts(instance), *points, *found.near)) if w.sound]
            if radius is not None:
                tried = [_into_ball(w, instance.initial, radius) for w in tried]
            levels = levels_at(instance, tried)
            # Balls decide between those that float64 does not tell apart (what it does not know is tried, too).
            least = np.fmin.reduce(levels)
            for inside in itertools.compress(tried, ~(levels > least + ALIKE * (1 + abs(least)))):
                here = bounds(value(problem, inside))[1]
                if here < upper:
                    upper, at = here, inside
        optimum = Optimum(
            lower=found.value,
            upper=upper,
            gap=gap,
            check=found.check,
            fallback=0.0 if instance.loss.profile.nonnegative else None,
            seconds=time.monotonic() - begin,
            at=at,
            how=found.method,
            floor=found.floor,
            ball=radius,
            stops=stops,
        )
        if optimum.narrow:
            return optimum
        return replace(optimum, why="no better lower bound is known for networks, or descent has not reached it")

    def _stops(self, instance: NetworkInstance, points: Sequence[Weights]) -> Iterator[Weights]:
        """Where L-BFGS stops from omega, W0, the points and elsewhere, in float64."""
        shape = instance.initial.floats.shape
        if shape[0] * shape[1] > DESCENDED:
            return
        drawn = map(Weights, np.random.default_rng(0).standard_normal((STARTS, *shape)))
        for start in dict.fromkeys((*_starts(instance)[:2], *points, *drawn)):
            if (found := _stop(_problem(instance), start)).sound:
                yield found

    @PROPOSING
    def judge(
        self,
        instance: NetworkInstance,
        optimum: Optimum,
        kind: str = "omega",
        complete: bool = False,
        beside: Evaluator | None = None,
    ) -> Finding:
        """The headline at the instance's omega, against the point or the functions that give the smaller bound.

        beside: of an instance that may have the same omega, as in `Headline.certified`.

        Against omega itself the bound would be what omega is above the optimum, which says nothing: preferred are
        comparators that are near the optimum themselves. Where it lies at infinity, functions nearer by serve better.
        """
        rivals: list[NetworkComparator] = []
        if optimum.floor is not None:
            at_infinity = instance.loss.link is not Link.RESIDUAL
            rivals += _nearer(optimum.floor.functions) if at_infinity else [optimum.floor.functions]
        if not rivals or optimum.at != instance.omega:
            rivals.append(optimum.at)
        lower = optimum.sure
        other = beside if beside is not None and beside.serves(instance) else None
        precisions = PRECISIONS if other is None else other.precisions

        def evaluator_of(of: NetworkInstance) -> Evaluator:
            make = partial(self.quantities, of)
            return Evaluator(of, make, precisions=precisions, beside=other, placed=lambda made: made.above(lower))

        with ctx.workprec(precisions[0]):
            here: Any = evaluator_of(instance).balls(precisions[0])
            against = self._nearest(instance, here, rivals)
            at = here.against(against)
            level = here.level
            above = Enclosure.of(level - _level(_problem(instance), optimum.at, ctx.prec))
            if optimum.ball is None or squared_distance(instance.omega, instance.initial) <= optimum.ball**2:
                optimum.holds(level, "L(omega)")
        evaluator = evaluator_of(against)
        evaluator.known_at[precisions[0]] = at
        judged = judge_claim(self.claim, evaluator, complete=complete)
        judged = replace(judged, reason=f"{judged.reason}; lower bound: {optimum.how}, bracket {optimum.status}")
        omega = tuple(float(v) for v in instance.omega.floats.ravel())
        width = max(optimum.upper - lower, optimum.resolution)
        return Finding(kind, omega, against, judged, above, width, evaluator)

    def _nearest(
        self, instance: NetworkInstance, here: StartQuantities, rivals: Sequence[NetworkComparator]
    ) -> NetworkInstance:
        """The instance, with quantities `here`, with the comparator and, of a few, the radius of the smallest bound.

        Preferred are comparators whose own distance from the optimum is not much of the bound.
        """
        span, mass = here._features.span.rows, _floats(here._masses)[None]
        rows = _floats(span.entries()).reshape(1, span.nrows(), span.ncols())
        eps, weight = midpoint(here("eps_formal")), midpoint(here("weight_norm"))
        found = []
        for rival in rivals:
            at = here.against(replace(instance, comparator=rival))
            radii = sorted({instance.radius, *(fmpq(4) ** k for k in range(-2, 4)), *_apart(instance.omega, rival)})
            target = _floats(here._after[i][x] - at._comparator[i][x] for i, x, _ in here._points)[None]
            sizes, own = np.array([to_float(r) for r in radii]), midpoint(at("bracket"))
            sums = sizes * eps + weight * lifted_least_squares(rows, target, mass, sizes)[0] + own
            best = int(np.where(np.isnan(sums), np.inf, sums).argmin())
            radius = radii[best] if np.isfinite(sums[best]) else instance.radius
            found.append((own > NEAR * sums[best], sums[best], rival, radius))
        _, _, comparator, radius = min(found, key=lambda each: each[:2])
        return replace(instance, comparator=comparator, radius=radius)

    def study(self, instance: NetworkInstance) -> Study:
        """Bracket inf L over all W and judge the headline at omega and where descent stops."""
        optimum = self.bracketed(instance)
        points = [("any point", instance.omega), *(("where descent stops", w) for w in optimum.stops)]
        distinct = {w: kind for kind, w in reversed(points)}
        findings = tuple(self.judge(replace(instance, omega=w), optimum, kind) for w, kind in distinct.items())
        at = tuple(float(v) for v in optimum.at.floats.ravel())
        return Study(instance, optimum, at, None, instance.width * instance.initial.dimension, findings)


@lru_cache(maxsize=16)
def _stop(problem: NetworkInstance, start: Weights) -> Weights:
    """Where descent from there stops: most starts are the same for all points of a problem, which have no say."""
    return descended(problem, start.floats)


@lru_cache(maxsize=4)
@PROPOSING
def _shared(headline: NetworkHeadline, problem: NetworkInstance, points: tuple[Weights, ...]) -> Optimum:
    """`bracketed`; no descent where what is at hand is at the lower end: it has nothing to gain."""
    instance = problem.canonical
    lower = lower_bound(instance, None)
    found = headline.assembled(instance, None, GAP, lower, points, descend=False)
    if found.upper - found.lower <= ALIKE * (1 + abs(found.lower)):
        return found
    return headline.assembled(instance, None, GAP, lower, points)


@dataclass(frozen=True)
class _Known:
    """An evaluator that has no say in what is found, but in what is evaluated again: all are one."""

    evaluator: Evaluator | None = field(compare=False)


@lru_cache(maxsize=4)
def _judged(
    headline: NetworkHeadline, instance: NetworkInstance, points: tuple[Weights, ...], known: _Known
) -> Finding:
    return headline.judge(instance, _shared(headline, _problem(instance), points), beside=known.evaluator)


def descended(instance: NetworkInstance, start: np.ndarray, watch: Callable[[], None] = lambda: None) -> Weights:
    """Where L-BFGS stops from W (m, d), in float64; `watch` is called at every step, and its StopIteration ends it."""
    batch, shape = batch_of(instance), start.shape

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        with np.errstate(all="ignore"):
            at = NetworkBatchQuantities(replace(batch, omega=flat.reshape(1, *shape)))
            found, slope = float(at.meta_objective[0]), at.gradient[0]
        return (found, slope) if np.isfinite(found) and np.isfinite(slope).all() else (1e300, np.zeros_like(slope))

    stop = scipy.optimize.minimize(
        objective,
        start.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 300},
        callback=lambda flat: watch(),
    ).x
    return Weights(stop.reshape(shape))


def _problem(instance: NetworkInstance) -> NetworkInstance:
    """The instance without its points: equal for all instances of a problem."""
    return replace(instance, omega=instance.initial, comparator=instance.initial, radius=fmpq(1))


def _nearer(functions: Functions) -> Iterator[Functions]:
    """The functions, and the same drawn towards 0."""
    for k in range(5):
        yield Functions(tuple(tuple(v / 2**k for v in row) for row in functions.values))


def _apart(omega: Weights, rival: NetworkComparator) -> Iterator[fmpq]:
    """The distance of the two, if both are weights, rounded up to a multiple of 1/1024."""
    if isinstance(rival, Weights):
        distance = float(np.linalg.norm(omega.floats - rival.floats))
        yield fmpq(max(int(np.ceil(min(distance, 2.0**40) * 1024)), 1), 1024)


def _floats(balls: Iterable[arb]) -> np.ndarray:
    return np.array([midpoint(v) for v in balls])


def _starts(instance: NetworkInstance) -> list[Weights]:
    rival = instance.comparator
    return [instance.omega, instance.initial, *([rival] if isinstance(rival, Weights) else [])]


def _into_ball(weights: Weights, centre: Weights, radius: fmpq) -> Weights:
    """The weights, pulled towards the centre until they are certainly in the ball; the centre if float64 has none."""
    while (distance := squared_distance(weights, centre)) > radius * radius:
        share = min(to_float(radius) / max(to_float(distance) ** 0.5, 1e-300), 1.0) * (1 - 2.0**-40)
        nearer = Weights(centre.floats + share * (weights.floats - centre.floats))
        if share <= 2.0**-60 or nearer == weights or not nearer.sound:
            return centre
        weights = nearer
    return weights
