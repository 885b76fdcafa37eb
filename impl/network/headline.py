"""A certified bracket of inf L for networks, and the headline judged against it.

From below, the best of what applies: the exact infimum (one or two neurons), the best slope along every ray of inputs
(any network), the linearisation with its worst error (in a ball around W0). From above, L at points that descent finds,
in balls. A comparator need not be a network: the functions that attain the lower bound serve as well,

    L(omega) - lower = [L(omega) - sum_i q_i R_i(h'_i)] + [sum_i q_i R_i(h'_i) - lower] <= bound(h') + bracket.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from flint import arb, ctx, fmpq
from scipy.optimize import minimize

from ...theory.network import HEADLINE
from ..arithmetic import Balls, Number, bounds, rational, to_float
from ..instances import Instance
from ..judge import PRECISIONS, Enclosure, Evaluator, judge_claim
from ..optimum.search import SCALE
from ..study import Bracket, Finding, Study
from .batch import batch_of
from .batch_quantities import NetworkBatchQuantities
from .cells import TooLargeError, pattern_floor
from .floor import Floor, ball_floor, ray_floor
from .instance import Comparator, NetworkInstance
from .network import NetworkProblem, Point
from .optima import NotEnumerableError, infimum
from .quantities import NetworkQuantities
from .weights import Weights, squared_distance

DESCENDED = 512
"""Parameters up to which descent looks for lower values of L."""
STARTS = 4
GAP = 1e-6


@dataclass(frozen=True)
class Optimum:
    """lower <= inf L <= upper over all W, or over ||W - W0|| <= ball; upper = L(at) rounded up.

    method   how `lower` was proved; floor: its functions (None: the exact infimum)
    stops    where descent stopped, with L there in float64
    """

    lower: float
    upper: float
    at: Weights
    method: str
    floor: Floor | None
    ball: fmpq | None
    stops: tuple[Weights, ...]
    gap: float
    seconds: float

    @property
    def certified(self) -> bool:
        """Whether the bracket is as narrow as was asked for."""
        return self.upper - self.lower <= self.gap * max(abs(self.upper), SCALE)

    @property
    def status(self) -> str:
        """certified or undecided."""
        return "certified" if self.certified else "undecided"

    @property
    def why(self) -> str:
        """If undecided, why."""
        return "" if self.certified else "no better lower bound is known for networks, or descent has not reached it"


class HeadlineQuantities(NetworkQuantities):
    """The quantities of an instance with its comparator, and the certified lower bound."""

    def __init__(self, instance: NetworkInstance, lower: float) -> None:
        super().__init__(instance)
        self._lower = arb(rational(lower))

    @cached_property
    def bracket(self) -> Number:
        """sum_i q_i R_i(h'_i) - lower."""
        pairs = zip(self.laws, self._comparator, strict=True)
        return self._sum(law.weight * self.problem.risk(law, h) for law, h in pairs) - self._lower

    @cached_property
    def certified_gap(self) -> Number:
        """L(omega) - lower."""
        return self.gap + self.bracket


def value(problem: NetworkProblem, weights: Weights) -> arb:
    """L(W), in balls."""
    point, total = Point(problem, weights), arb(0)
    for i, law in enumerate(problem.laws):
        if law.weight != 0:
            after = point.adapted(i)
            total += law.weight * problem.risk(law, dict(zip(after.xs, after.predictions, strict=True)))  # type: ignore[arg-type]
    return total


def bracketed(instance: NetworkInstance, radius: fmpq | None = None, gap: float = GAP) -> Optimum:
    """Bracket inf L over all W (radius None) or over ||W - W0|| <= radius."""
    begin = time.monotonic()
    instance = instance.canonical
    lower, method, floor, exact = _lower(instance, radius)
    stops = tuple(_stops(instance))
    upper, at = np.inf, instance.initial
    with ctx.workprec(PRECISIONS[0]):
        problem = NetworkProblem(instance, Balls)
        for weights in (*stops, *_starts(instance), *exact):
            inside = weights if radius is None else _into_ball(weights, instance.initial, radius)
            found = bounds(value(problem, inside))[1]
            if found < upper:
                upper, at = found, inside
    return Optimum(lower, upper, at, method, floor, radius, stops, gap, time.monotonic() - begin)


def _lower(instance: NetworkInstance, radius: fmpq | None) -> tuple[float, str, Floor | None, list[Weights]]:
    """The best lower bound, how it was proved, its functions, and points near an exact infimum over all W."""
    known: list[Weights] = []
    if radius is None:
        with suppress(NotEnumerableError):
            found = infimum(instance)
            with ctx.workprec(PRECISIONS[0]):
                lower = bounds(arb(found.value))[0]
            return lower, "enumeration of all activation patterns", None, list(_near(instance, found.at))
    floors = [ray_floor(instance)]
    if radius is not None and instance.loss.profile.convex:
        floors.append(ball_floor(instance, radius))
        with suppress(TooLargeError):
            floor, known = pattern_floor(instance, radius)
            floors.append(floor)
    best = max(floors, key=lambda f: bounds(f.value)[0])
    lower = bounds(best.value)[0]
    return max(lower, 0.0) if instance.loss.profile.nonnegative else lower, best.method, best, known


def _near(instance: NetworkInstance, at: tuple[fmpq, ...]) -> Iterator[Weights]:
    """W = sqrt(m) V, and points beside it: an infimum that is not attained is approached."""
    centre = np.array([[to_float(v)] for v in at]) * instance.width**0.5
    yield Weights(centre)
    for move in np.random.default_rng(0).standard_normal((16, *centre.shape)):
        yield Weights(centre + 1e-9 * move)
        yield Weights(centre + 1e-9 * move * (centre != 0))


def _starts(instance: NetworkInstance) -> list[Weights]:
    rival = instance.comparator
    return [instance.omega, instance.initial, *([rival] if isinstance(rival, Weights) else [])]


def _stops(instance: NetworkInstance) -> Iterator[Weights]:
    """Where L-BFGS stops from omega, W0 and elsewhere, in float64."""
    shape = instance.initial.floats.shape
    if shape[0] * shape[1] > DESCENDED:
        return
    batch = batch_of(instance)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        with np.errstate(all="ignore"):
            at = NetworkBatchQuantities(replace(batch, omega=flat.reshape(1, *shape)))
            found, slope = float(at.meta_objective[0]), at.gradient[0]
        return (found, slope) if np.isfinite(found) and np.isfinite(slope).all() else (1e300, np.zeros_like(slope))

    drawn = np.random.default_rng(0).standard_normal((STARTS, *shape))
    for start in (*(w.floats for w in _starts(instance)[:2]), *drawn):
        stop = minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
        if np.isfinite(stop).all():
            yield Weights(stop.reshape(shape))


def _into_ball(weights: Weights, centre: Weights, radius: fmpq) -> Weights:
    """The weights, pulled towards the centre until they are certainly in the ball."""
    while (distance := squared_distance(weights, centre)) > radius * radius:
        share = min(to_float(radius) / max(to_float(distance) ** 0.5, 1e-300), 1.0) * (1 - 2.0**-40)
        weights = Weights(centre.floats + share * (weights.floats - centre.floats)) if share > 2.0**-60 else centre
    return weights


def judge_headline(instance: NetworkInstance, optimum: Optimum, kind: str = "omega", complete: bool = False) -> Finding:
    """The headline at the instance's omega, against the point or the functions that give the smaller bound.

    Against omega itself the bound would be the bracket, which says nothing.
    """
    rivals: list[Comparator] = [] if optimum.floor is None else [optimum.floor.functions]
    if not rivals or optimum.at != instance.omega:
        rivals.append(optimum.at)
    with ctx.workprec(PRECISIONS[0]):
        against = min((_least(replace(instance, comparator=r), optimum.lower) for r in rivals), key=lambda p: p[0])[1]
        problem = NetworkProblem(instance.canonical, Balls)
        above = Enclosure.of(value(problem, instance.omega) - value(problem, optimum.at))
    evaluator = Evaluator(against, lambda _: HeadlineQuantities(against, optimum.lower))
    judged = judge_claim(HEADLINE, evaluator, complete=complete)
    judged = replace(judged, reason=f"{judged.reason}; lower bound: {optimum.method}, bracket {optimum.status}")
    omega = tuple(float(v) for v in instance.omega.floats.ravel())
    width = max(optimum.upper - optimum.lower, optimum.gap * max(abs(optimum.upper), SCALE))
    return Finding(kind, omega, against, judged, above, width)


def _least(instance: NetworkInstance, lower: float) -> tuple[float, NetworkInstance]:
    """The smallest bound over a few radii, and the instance with that radius."""
    at = HeadlineQuantities(instance, lower)
    best, radius = np.inf, instance.radius
    radii = {instance.radius, *(fmpq(4) ** k for k in range(-2, 4))}
    if isinstance(instance.comparator, Weights):
        distance = float(np.linalg.norm(instance.omega.floats - instance.comparator.floats))
        radii.add(fmpq(max(int(np.ceil(min(distance, 2.0**40) * 1024)), 1), 1024))
    with ctx.workprec(2 * PRECISIONS[0]):
        for size in sorted(radii):
            misfit = at._span_misfit(at._features.span, at._u, radius=arb(size)).value
            bound = bounds(arb(size) * at("eps_formal") + at("weight_norm") * misfit + at("bracket"))[1]
            if bound < best:
                best, radius = bound, size
    return best, replace(instance, radius=radius)


def ball_of(instance: NetworkInstance) -> fmpq:
    """A ball around W0 that holds omega: its distance, rounded up, at least 1."""
    return fmpq(max(int(np.ceil(to_float(squared_distance(instance.omega, instance.initial)) ** 0.5 * 1.0001)), 1))


def study(instance: Instance) -> Study:
    """Bracket inf L over all W and judge the headline at omega and where descent stops."""
    assert isinstance(instance, NetworkInstance)
    optimum = bracketed(instance)
    points = [("any point", instance.omega), *(("where descent stops", w) for w in optimum.stops)]
    distinct = {w: kind for kind, w in reversed(points)}
    findings = tuple(judge_headline(replace(instance, omega=w), optimum, kind) for w, kind in distinct.items())
    bracket = Bracket(
        optimum.lower,
        optimum.upper,
        tuple(float(v) for v in optimum.at.floats.ravel()),
        optimum.certified,
        optimum.certified,  # lower bounds are proved as they are found, in rationals or balls: there is no search
        None,
        instance.width * instance.initial.dimension,
        0,
        optimum.seconds,
        optimum.why,
    )
    return Study(instance, bracket, findings)
