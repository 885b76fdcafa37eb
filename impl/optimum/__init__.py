"""The certified global minimum of the meta-objective: found by floats, proved by balls.

minimise   bracket inf L over a ball, or over all parameters where that is provable
check      prove a certificate again, by separate code
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from flint import arb, ctx, fmpq

from ..arithmetic import PROPOSING, bounds, rational, to_float
from ..meta_sl.instance import Gradient, MetaSLInstance
from .certificate import Certificate, basis, many_columns
from .check import PRECISION, Box, Check, Model, check
from .coercivity import NotCoerciveError, coercivity_radius
from .exact import DoesNotApplyError, functional_bound, own_risk_bound, squared_minimum
from .landscape import Landscape
from .search import ORDINARY, SCALE, Budget, search

__all__ = ["Budget", "Certificate", "Check", "NotCoerciveError", "Optimum", "UnsupportedError", "check", "minimise"]

CHECKED = 2
SMALL = 4096
"""Certificates of up to `CHECKED` (reduced) dimensions, and of up to `SMALL` boxes in any, are always checked."""
FARTHEST = fmpq(10) ** 150
"""Radius beyond which squared lengths would leave float64."""
LARGEST = 99
"""Dimensions beyond which the letters of a certificate's tree would be ambiguous."""

INTERRUPTED = "interrupted"


class UnsupportedError(ValueError):
    """The problem has no enclosures: its risk has kinks, or its proximal step is not unique or not smooth."""


@dataclass(frozen=True)
class Optimum:
    """A bracket of the global minimum of L.

    lower, upper   the bracket; certified: as narrow as was asked for, and its certificate is checked if `check` is set
    at             the point of the upper bound [d]
    floor          the best bound from below that needs no search: no model, or no parameter of any task, does better
    dimension      parameters that matter: the rank of the features
    ball           the ball that was searched (over all parameters: it holds a global minimiser)
    why            if undecided, what stopped the search
    """

    lower: float
    upper: float
    at: tuple[float, ...]
    certified: bool
    boxes: int
    seconds: float
    dimension: int
    ball: fmpq
    floor: float
    certificate: Certificate | None = None
    check: Check | None = None
    why: str = ""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the search."""
        return self.why == INTERRUPTED

    @property
    def status(self) -> str:
        """certified or undecided."""
        return "certified" if self.certified else "undecided"


@PROPOSING
def minimise(
    instance: MetaSLInstance,
    radius: fmpq | None = None,
    budget: Budget = ORDINARY,
    *,
    checked: bool | None = None,
    progress: Callable[[int, float, float], None] = lambda boxes, lower, upper: None,
    stage: Callable[[str], None] = lambda name: None,
) -> Optimum:
    """Bracket inf L over ||theta|| <= radius (None: over all parameters) to the budget's relative gap.

    `checked`: check the certificate (None: where that takes seconds). `stage` is told what is being done, `progress`
    how far the search is. Errors: UnsupportedError, NotCoerciveError.
    """
    profile = instance.loss.profile
    implicit = not isinstance(instance.adaptation, Gradient)
    if profile.kinked or (implicit and (not profile.convex or profile.joints)):
        raise UnsupportedError(f"loss={instance.loss.name!r}: a loss with a continuous slope is required")
    stage("looking for independent features")
    if many_columns(instance, LARGEST) or (scape := Landscape(instance)).dimension > LARGEST:
        raise UnsupportedError(f"features: at most {LARGEST} independent columns are required, more are given")
    ball = radius
    if ball is None:
        stage("bounding where a minimum can lie")
        ball = coercivity_radius(instance, _upper_value(instance, np.zeros(scape.dimension)))
    start, exact_minimum = None, None
    if scape.quadratic:
        stage("solving the normal equations exactly")
        least, minimiser = squared_minimum(instance)
        start = scape.basis @ np.array([to_float(v) for v in minimiser])
        if radius is None:
            # Known already; boxes are for the certificate, and an ill-conditioned quadratic has none in float64.
            exact_minimum, budget = least, replace(budget, boxes=min(budget.boxes, SMALL))
    if ball > FARTHEST:
        raise UnsupportedError(f"a ball of radius {to_float(ball):.3g} is beyond the search in float64; scale the data")
    stage("searching")
    found = search(scape, to_float(ball), budget, progress, start)
    stage(f"enclosing the minimum that was found, about {found.upper:.6g}")
    upper = _upper_value(instance, found.at)
    if not np.isfinite(upper):
        raise UnsupportedError("L is beyond float64 at every point tried; scale the data, or give a smaller radius")
    at = tuple(float(v) for v in found.at @ scape.basis)
    floor = _floor(instance, ball)
    known = floor if exact_minimum is None else max(floor, bounds(arb(exact_minimum))[0])
    wanted = upper - budget.gap * max(abs(upper), SCALE)
    if not found.complete and known >= wanted:
        return Optimum(known, upper, at, True, found.boxes, found.seconds, scape.dimension, ball, floor)
    if not found.complete:
        spent = "boxes" if found.boxes >= budget.boxes else "seconds"
        why = f"the budget of {getattr(budget, spent):g} {spent} was spent with the bracket still wide"
        why = INTERRUPTED if found.interrupted else why
        lower = max(found.lower - budget.gap * max(abs(upper), SCALE) / 2, known)
        return Optimum(lower, upper, at, False, found.boxes, found.seconds, scape.dimension, ball, floor, why=why)
    lower = wanted
    exact = tuple(rational(float(v)) for v in found.at)
    certificate = Certificate(instance, radius, ball, lower, upper, exact, rational(found.half), found.tree)
    outcome = None
    if checked or (checked is None and (scape.dimension <= CHECKED or found.boxes <= SMALL)):
        stage(f"checking the certificate of [{lower:.6g}, {upper:.6g}]")
        outcome = check(certificate)
    accepted = outcome is None or outcome.accepted
    if not accepted and known >= wanted:
        return Optimum(known, upper, at, True, found.boxes, found.seconds, scape.dimension, ball, floor)
    why = "" if outcome is None or accepted else f"the checker does not accept the certificate: {outcome.reason}"
    lower = lower if accepted else known
    return Optimum(
        max(lower, known),
        upper,
        at,
        accepted,
        found.boxes,
        found.seconds,
        scape.dimension,
        ball,
        floor,
        certificate,
        outcome,
        why,
    )


def _upper_value(instance: MetaSLInstance, at: np.ndarray) -> float:
    """A float64 number that L at reduced coordinates does not exceed."""
    with ctx.workprec(PRECISION):
        point = Box(Model(instance), [rational(float(v)) for v in at], [fmpq(0)] * len(basis(instance)))
        return bounds(point.at_centre)[1]


def _floor(instance: MetaSLInstance, ball: fmpq) -> float:
    best = arb("-inf")
    if instance.loss.profile.convex:
        best = functional_bound(instance)
        with suppress(DoesNotApplyError):
            best = max(best, own_risk_bound(instance, ball), key=lambda b: bounds(b)[0])
    return bounds(best)[0] if best.is_finite() else -np.inf
