"""A practitioner's answer: how far a MAML solution is from the global optimum, what the theorem promises, and why.

Every sentence is derived from what was done: by which the lower end was found, whether the checker accepted it, and
which ends of which enclosures are finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from flint import fmpq

from ..judge import ClaimJudgement
from ..supervised.instance import MetaSLInstance
from . import NotCoerciveError, Optimum, UnsupportedError, minimise
from .headline import ORDINARY_BALL, STEEP_BALL, ball_of, judge_headline
from .search import ORDINARY, Budget

NOTHING = 1e-6
"""Share of the other terms of a bound up to which a term costs nothing."""
LARGEST = 1.7976931348623157e308


@dataclass(frozen=True)
class Answer:
    """L(omega) - inf L lies in [least, most]; the theorem bounds it by `promise`; `why` explains the difference.

    most, promise: infinite where nothing is proved, or nothing that float64 can hold. everywhere: whether the infimum
    is over all parameters; else over the ball of the optimum. choice: why that ball, if none was asked for.
    """

    least: float
    most: float
    promise: float
    everywhere: bool
    optimum: Optimum
    judged: ClaimJudgement
    why: tuple[str, ...]
    choice: str


def certify(
    instance: MetaSLInstance,
    radius: fmpq | None = None,
    budget: Budget = ORDINARY,
    progress: Callable[[int, float, float], None] = lambda boxes, lower, upper: None,
    stage: Callable[[str], None] = lambda name: None,
) -> Answer:
    """The answer for the instance's omega; `progress` and `stage` as in `minimise`. Errors: UnsupportedError."""
    everywhere, choice = radius is None, ""
    try:
        optimum = minimise(instance, radius, budget, progress=progress, stage=stage)
    except NotCoerciveError as error:
        ball, why = ball_of(instance), str(error).removesuffix("; give a radius")
        usual = f"the usual one{'' if ball in (ORDINARY_BALL, STEEP_BALL) else ', enlarged to hold omega'}"
        everywhere, choice = False, f"{usual}, as no ball is known to hold a minimiser over all parameters ({why})"
        optimum = minimise(instance, ball, budget, progress=progress, stage=stage)
    stage(f"judging the theorem at omega, the optimum in [{optimum.lower:.6g}, {optimum.upper:.6g}]")
    finding = judge_headline(instance, optimum)
    judged = finding.judged
    if judged.gap is None or judged.bound is None:
        raise UnsupportedError(f"the theorem promises nothing here: {judged.reason}; metagap optimum brackets inf L")
    width = judged.terms["bracket"].hi
    least, most = max(finding.above.lo, 0.0), finding.above.hi + width
    return Answer(least, most, judged.bound.hi, everywhere, optimum, judged, _why(judged, optimum), choice)


def sentences(found: Answer, given: str = "") -> tuple[str, ...]:
    """The answer, for people; `given` says whose omega it is."""
    where = "over all parameters" if found.everywhere else f"over ||theta|| <= {found.optimum.ball}"
    if math.isfinite(found.most):
        said = f"is within [{found.least:.6g}, {found.most:.6g}] of the global optimum {where}."
    else:
        far = f"is at least {found.least:.6g} above the global optimum {where}"
        beyond = found.least >= LARGEST and found.optimum.proved
        said = f"{far}; {'the distance is beyond float64' if beyond else 'no upper bound of the distance is proved'}."
    chosen = f"That ball was chosen: {found.choice}; give another with --radius."
    if math.isfinite(found.promise):
        promise = f"The theorem promises at most {found.promise:.6g} ({found.judged.verdict.name}). It is made of"
    else:
        promise = "The theorem promises nothing here that float64 can hold. Its bound is made of"
    lines = [f"Your solution{given} {said}", *([chosen] if found.choice else ()), promise]
    return (*lines, *(f"  {reason}" for reason in found.why))


def _why(judged: ClaimJudgement, optimum: Optimum) -> tuple[str, ...]:
    """The terms of the bound by their upper ends, and what they are."""
    terms = judged.terms
    radius, eps, weight, misfit, width = (
        terms[name].hi for name in ("radius", "eps", "weight_norm", "misfit", "bracket")
    )
    stationarity, representation = radius * eps, weight * misfit
    rest = terms["weight_norm"].lo * terms["misfit"].lo + terms["bracket"].lo
    costs = ""
    if stationarity == 0:
        costs = " (omega is stationary: this costs nothing)"
    elif stationarity <= NOTHING * rest < math.inf:
        costs = f" (omega is nearly stationary: this is less than {NOTHING:g} of the rest)"
    expressed = ": what the meta-features cannot express of the way from omega to the optimum"
    found = [
        f"stationarity: R eps = {_product(radius, eps, stationarity)}{costs}",
        f"representation: ||w|| inf ||u - phi'v|| = {_product(weight, misfit, representation)}"
        + (expressed if width < representation < math.inf else ""),
        f"optimum: its bracket leaves {_number(width)} open; {optimum.lower_end}",
    ]
    if optimum.why:
        found.append(f"the bracket is wide: {optimum.why}" if not optimum.narrow else optimum.why)
    return tuple(found)


def _number(value: float) -> str:
    """The number with four digits; in words where float64 has none for it."""
    return f"{value:.4g}" if abs(value) < math.inf else "more than float64 can hold, or unknown"


def _product(a: float, b: float, product: float) -> str:
    return f"{_number(a)} x {_number(b)} = {_number(product)}"
