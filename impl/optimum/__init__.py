"""The global minimum of the meta-objective, bracketed: found by floats, proved by balls.

minimise   bracket inf L over a ball, or over all parameters where that is provable, and have the bracket checked
check      prove a certificate again, by separate code
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq

from ..arithmetic import PROPOSING, bounds, dot, rational, root, to_float
from ..bracket import SCALE, Check, Status, UnsupportedError
from ..instances import Vector
from ..losses import Link
from ..study import Progress, Stage
from ..supervised.adaptation import Gradient
from ..supervised.instance import MetaSLInstance
from .boxes import PRECISION, Box, Model
from .certificate import Certificate, basis, many_columns
from .certificate import How as CertificateHow
from .check import OUT_OF_TIME, check
from .coercivity import NotCoerciveError, coercivity_radius, require_coercive
from .convex import proposed
from .exact import DoesNotApplyError, functional_bound, own_risk_bound, squared_minimum
from .landscape import EXACT, Landscape
from .outcome import Floored, How, Optimum
from .search import ORDINARY, Budget, Found, Search
from .spread import of_one_output, require_steps
from .vector_convexity import tangent_floor, unknown
from .vectors import exactly_at, floor_of, lowest, value_above, why_wide

__all__ = [
    "Budget", "Certificate", "Check", "How", "NotCoerciveError", "Optimum", "Status", "UnsupportedError", "check",
    "minimise",
]  # fmt: skip

FINE = 160
"""Bits of the exact minimiser of a quadratic in a certificate: far more than float64, for features that cancel."""
FARTHEST = fmpq(10) ** 150
"""Radius beyond which, or below whose inverse, squared lengths would leave float64."""
LARGEST = 99
"""Dimensions beyond which the letters of a certificate's tree would be ambiguous."""
SEARCHING, CHECKING = 0.5, 0.9
"""The parts of the time after which the search stops, and then the check of what it found: a floor remains."""
LEFT = 2.0
"""Seconds for what is left to do after Ctrl-C."""

BEYOND = "L is beyond float64 at every point tried; scale the data, or give a smaller radius"
CONTRADICTED = "the search in float64 is contradicted by a value in balls: the features are of too different sizes"


@PROPOSING
def minimise(
    instance: MetaSLInstance,
    radius: fmpq | None = None,
    budget: Budget = ORDINARY,
    *,
    checked: bool = True,
    convexity: bool = True,
    search: bool = True,
    progress: Progress = lambda boxes, lower, upper: None,
    stage: Stage = lambda name: None,
) -> Optimum:
    """Bracket inf L over ||theta|| <= radius (None: over all parameters) to the budget's relative gap, and check it.

    Where L is convex, a point and its gradient do (`convex`); else there is a search. It has half of the budget's time,
    the checker what is left. `checked=False`: nothing is checked, hence nothing certified. `convexity=False`: the other
    ways alone, to compare them; `search=False`: convexity alone. `stage` is told what is being done, `progress` how far
    the search is.

    Errors: UnsupportedError, NotCoerciveError, DefectError; TypeError for what is no instance of linear models.
    """
    begin = time.monotonic()
    if not isinstance(instance, MetaSLInstance):
        raise TypeError(f"an instance of meta-sl, as metagap.load gives it, is required, not {type(instance).__name__}")
    profile = instance.loss.profile
    require_steps(instance)
    if instance.loss.link is Link.CLASS:
        return _Work(instance, radius, budget, checked, begin, stage).of_vectors()
    instance = of_one_output(instance)
    implicit = not isinstance(instance.adaptation, Gradient)
    if profile.kinked or (implicit and (not profile.convex or profile.joints)):
        raise UnsupportedError(f"loss={instance.loss.name!r}: a loss with a continuous slope is required")
    work = _Work(instance, radius, budget, checked, begin, stage)
    convex = work.by_convexity() if convexity else None
    if convex is not None and (
        convex.interrupted or convex.certificate is None or (convex.narrow and (convex.proved or not checked))
    ):
        return convex
    if not search:
        raise UnsupportedError("loss: a meta-objective that is proved to be convex is required")
    if radius is None:
        require_coercive(instance)
    stage("looking for independent features")
    if many_columns(instance, LARGEST) or (scape := Landscape(instance)).dimension > LARGEST:
        if convex is not None:
            return convex
        raise UnsupportedError(f"features: at most {LARGEST} independent columns are required, more are given")
    ball = radius
    if ball is None:
        stage("bounding where a minimum can lie")
        ball = coercivity_radius(instance, _upper_value(instance, (fmpq(0),) * scape.dimension, budget.gap))
    work = _Searching(instance, radius, budget, checked, begin, stage, scape=scape, ball=ball)
    return work.quadratic(progress) if scape.quadratic else work.searched(progress)


@dataclass
class _Work:
    """One call of `minimise`: what needs no boxes."""

    instance: MetaSLInstance
    radius: fmpq | None
    budget: Budget
    checked: bool
    begin: float
    stage: Stage
    interrupted: bool = False
    convex: bool = False
    """Whether L is known to be convex."""

    @property
    def dimension(self) -> int:
        """Parameters that matter."""
        return self.instance.dimension

    @property
    def deadline(self) -> float:
        """The time.monotonic() at which the budget's time is up."""
        return min(self.begin + self.budget.seconds, self.budget.until)

    def of_vectors(self) -> Optimum:
        """What is known of a loss that couples outputs: `vectors`."""
        instance, radius = self.instance, self.radius
        if radius is None:
            raise NotCoerciveError(f"the {instance.loss.name} loss may have its infimum at infinity; give a radius")
        self.stage("looking for the best point")
        at = lowest(instance, to_float(radius), self._after(SEARCHING))
        how: CertificateHow = "floor"
        upper = value_above(instance, exactly_at(at))
        if not math.isfinite(upper):
            raise UnsupportedError(BEYOND)
        lower = min(floor_of(instance, radius, self.stage), upper)
        self.convex = not unknown(instance)
        if self.convex:
            self.stage("bounding the infimum by convexity")
            tangent = bounds(tangent_floor(instance, exactly_at(at), radius))[0]
            lower, how = (min(tangent, upper), "convex") if tangent > lower else (lower, how)
        certificate = Certificate(instance, radius, radius, lower, upper, exactly_at(at), how=how)
        return self._optimum(certificate, self._checked(certificate), at, why_wide(instance), 0.0, kind=Floored)

    def by_convexity(self) -> Optimum | None:
        """What convexity proves of the optimum, if anything; if Ctrl-C or the time ended that, what stands."""
        text, deadline = "minimising, where the meta-objective is convex", self.deadline

        def watch() -> None:
            self.stage(text)
            if time.monotonic() > deadline:
                raise TimeoutError

        self.stage(text)
        found = proposed(self.instance, self.radius, self._after(SEARCHING), watch)
        certificate, self.interrupted = found.certificate, found.interrupted
        fallback = 0.0 if self.instance.loss.profile.nonnegative else None
        if certificate is None:
            if not (self.interrupted or found.late):
                return None
            return Optimum(
                lower=-math.inf if fallback is None else fallback,
                upper=math.inf,
                gap=self.budget.gap,
                fallback=fallback,
                interrupted=self.interrupted,
                why=f"{'Ctrl-C' if self.interrupted else 'the time'} ended the search for a minimum where L is convex",
                seconds=time.monotonic() - self.begin,
                at=(0.0,) * self.instance.dimension,
                radius=self.radius,
                how="none" if fallback is None else "nonnegative",
                dimension=self.instance.dimension,
                ball=self.radius or fmpq(0),
            )
        outcome = self._checked(certificate, until=time.monotonic() + LEFT if self.interrupted else deadline)
        at = tuple(to_float(v) for v in certificate.at)
        return self._optimum(certificate, outcome, at, _unproved(outcome), fallback)

    def _after(self, part: float) -> float:
        """When that part of the time is over."""
        return self.begin + part * (self.deadline - self.begin)

    def _checked(self, certificate: Certificate, part: float = 1.0, until: float | None = None) -> Check | None:
        """What the checker says, if it is asked, until then, or that part of the time is over."""
        if not self.checked or certificate.lower == -np.inf:
            return None
        try:
            self.stage(f"checking that the infimum is at least {certificate.lower:.6g}")
            return check(certificate, deadline=self._after(part) if until is None else until)
        except KeyboardInterrupt:
            self.interrupted = True
            return Check(False, "interrupted by Ctrl-C")

    def _optimum(
        self,
        certificate: Certificate,
        outcome: Check | None,
        at: Iterable[float],
        why: str = "",
        fallback: float | None = None,
        boxes: int = 0,
        kind: type[Optimum] = Optimum,
    ) -> Optimum:
        known = certificate.lower > -np.inf
        optimum = kind(
            lower=certificate.lower,
            upper=certificate.upper,
            gap=self.budget.gap,
            check=outcome,
            fallback=fallback,
            interrupted=self.interrupted,
            boxes=boxes,
            seconds=time.monotonic() - self.begin,
            at=tuple(float(v) for v in at),
            radius=self.radius,
            how=certificate.how if known else "none",
            dimension=self.dimension,
            ball=certificate.ball,
            certificate=certificate if known else None,
            unproved=certificate.how != "convex" and not self.convex,
        )
        return optimum if optimum.certified else replace(optimum, why=why)


@dataclass(kw_only=True)
class _Searching(_Work):
    """One call of `minimise`: over boxes."""

    scape: Landscape
    ball: fmpq

    @property
    def dimension(self) -> int:
        return self.scape.dimension

    def quadratic(self, progress: Progress) -> Optimum:
        """Of the squared loss: the minimum over all parameters is exact; it is searched for in a ball without it."""
        self.stage("solving the normal equations exactly")
        least, minimiser = squared_minimum(self.instance)
        start = self.scape.basis @ np.array([to_float(v) for v in minimiser])
        if self.radius is not None and dot(minimiser, minimiser) > self.radius * self.radius:
            return self.searched(progress, start)
        with ctx.workprec(EXACT):
            lower = bounds(arb(least))[0]
        certificate = self._certificate(lower, self._reduced(minimiser), "exact", stationary=minimiser)
        outcome = self._checked(certificate)
        return self._optimum(certificate, outcome, [to_float(v) for v in minimiser], _unproved(outcome))

    def _reduced(self, theta: Vector) -> Vector:
        """Coordinates of theta in the span of the features, in the ball: to FINE bits, as rationals."""
        with ctx.workprec(EXACT):
            found = []
            for b in basis(self.instance):
                along = dot(theta, b)
                ball = arb(along) / root(arb(dot(b, b)))
                with ctx.workprec(FINE):
                    found.append((+ball.mid()).mid().fmpq())
        size = dot(found, found)
        inwards = fmpq(1) if size <= self.ball * self.ball else 1 - fmpq(1, 2 ** (FINE // 2))
        return tuple(v * inwards for v in found)

    def searched(self, progress: Progress, start: np.ndarray | None = None) -> Optimum:
        """By branch and bound."""
        if not 1 / FARTHEST <= self.ball <= FARTHEST:
            far = f"a ball of radius {to_float(self.ball):.3g}"
            raise UnsupportedError(f"{far} is beyond the search in float64; scale the data")
        self.stage("searching")
        limited = replace(self.budget, until=self._after(SEARCHING))
        found = Search(self.scape, to_float(self.ball), limited, start).run(progress)
        self.interrupted = found.interrupted
        if self.interrupted:
            self.budget = replace(self.budget, until=time.monotonic() + LEFT)
        self.stage(f"enclosing the minimum that was found, about {found.upper:.6g}")
        at = found.at @ self.scape.basis
        exact = tuple(rational(float(v)) for v in found.at)
        upper, floor = _upper_value(self.instance, exact, self.budget.gap), None
        if not np.isfinite(upper):
            raise UnsupportedError(BEYOND)
        room = self.budget.gap * max(abs(upper), SCALE)
        lower = min(upper - room, found.lower) if found.complete else found.lower - room / 2
        complete, why = found.complete, "" if found.complete else _why(found, limited)
        tree = None
        if lower > upper:
            complete, why = False, CONTRADICTED
        elif found.tree and np.isfinite(lower):
            half = rational(found.half)
            tree = self._certificate(lower, exact, "tree", upper, half=half, tree=found.tree)
        if not complete:
            # A bound without a search may be as good as one that was cut short.
            floor = self._certificate(self._floor(), exact, "floor", upper)
            if tree is None or floor.lower >= tree.lower:
                return self._optimum(floor, self._checked(floor), at, why, boxes=found.boxes)
        assert tree is not None
        outcome = self._checked(tree, CHECKING)
        if outcome is None or outcome.accepted:
            return self._optimum(tree, outcome, at, why, boxes=found.boxes)
        if floor is None:
            floor = self._certificate(self._floor(), exact, "floor", upper)
        proved = self._checked(floor)
        if floor.lower >= tree.lower or (outcome.reason != OUT_OF_TIME and not self.interrupted):
            refused = f"the checker does not accept the certificate of the search: {outcome.reason}"
            return self._optimum(floor, proved, at, refused, boxes=found.boxes)
        sure = floor.lower if proved is not None and proved.accepted else None
        why = why or f"the checker has not proved the lower end: {outcome.reason}"
        return self._optimum(tree, outcome, at, why, sure, found.boxes)

    def _certificate(
        self, lower: float, at: Vector, how: CertificateHow, upper: float | None = None, **shown: Any
    ) -> Certificate:
        upper = _upper_value(self.instance, at, self.budget.gap) if upper is None else upper
        if not np.isfinite(upper) or lower == np.inf:
            raise UnsupportedError(BEYOND)
        return Certificate(self.instance, self.radius, self.ball, lower, upper, at, how=how, **shown)

    def _floor(self) -> float:
        """The best bound from below that needs no search: no functions, or no parameter of any task, do better."""
        trivial = 0.0 if self.instance.loss.profile.nonnegative else -np.inf
        if not self.instance.loss.profile.convex or time.monotonic() > self.deadline:
            return trivial
        self.stage("bounding the infimum without a search")
        best = functional_bound(self.instance)
        with suppress(DoesNotApplyError):
            best = max(best, own_risk_bound(self.instance, self.ball), key=lambda b: bounds(b)[0])
        return max(bounds(best)[0], trivial) if best.is_finite() else trivial


def _unproved(outcome: Check | None) -> str:
    return "" if outcome is None or outcome.accepted else f"the checker has not proved it: {outcome.reason}"


def _why(found: Found, budget: Budget) -> str:
    """What kept the search from its end."""
    if found.interrupted:
        return "Ctrl-C ended the search"
    if found.blunt:
        return "float64 cannot cut boxes further: the features are of too different sizes, or the ball is too large"
    spent = f"its {budget.boxes} boxes" if found.boxes >= budget.boxes else "its part of the time"
    return f"the search has spent {spent}, of the budget, with the bracket still wide"


def _upper_value(instance: MetaSLInstance, at: Vector, gap: float) -> float:
    """A float64 number that L at reduced coordinates does not exceed: of the checker's bits, if they suffice."""
    upper = np.inf
    for bits in (PRECISION, EXACT):
        with ctx.workprec(bits):
            point = Box(Model(instance), list(at), [fmpq(0)] * len(at))
            value = point.at_centre
            low, high = bounds(value + abs(value) * 2.0**-50 + SCALE * 2.0**-60)
        room = gap / 8 * max(abs(high), SCALE)
        upper = min(upper, high if bits == PRECISION else high + room)
        if upper - low <= room:
            break
    return upper
