"""A practitioner's answer: how far a MAML solution is from the global optimum, what the theorem promises, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flint import fmpq

from ..judge import ClaimJudgement
from ..meta_sl.instance import MetaSLInstance
from . import NotCoerciveError, Optimum, UnsupportedError, minimise
from .headline import ORDINARY_BALL, STEEP_BALL, ball_of, judge_headline
from .search import ORDINARY, Budget


@dataclass(frozen=True)
class Answer:
    """L(omega) - inf L lies in [least, most]; the theorem bounds it by `promise`; `why` explains the difference.

    everywhere: whether the infimum is over all parameters; else over the ball of the optimum. choice: why that ball, if
    none was asked for.
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
    least = max(finding.above.lo, 0.0)
    return Answer(
        least,
        finding.above.hi + width,
        judged.bound.hi,
        everywhere,
        optimum,
        judged,
        _why(judged, optimum, width),
        choice,
    )


def _why(judged: ClaimJudgement, optimum: Optimum, width: float) -> tuple[str, ...]:
    terms = {name: value.middle for name, value in judged.terms.items()}
    stationarity = terms["radius"] * terms["eps"]
    misfit = terms["weight_norm"] * terms["misfit"]
    found = [
        f"stationarity: R eps = {terms['radius']:.4g} x {terms['eps']:.4g} = {stationarity:.4g}"
        + (" (omega is stationary: this costs nothing)" if stationarity <= 1e-6 * (misfit + width) else ""),
        f"representation: ||w|| inf ||u - phi'v|| = {terms['weight_norm']:.4g} x {terms['misfit']:.4g} = {misfit:.4g}"
        + (": what the meta-features cannot express of the way from omega to the optimum" if misfit > width else ""),
        f"certificate: the bracket of the optimum is {width:.4g} wide",
    ]
    if not optimum.certified:
        found.append(
            f"the bracket is wide because {optimum.why}; the lower end is "
            + (
                "that of the search"
                if optimum.lower > optimum.floor
                else "the best that any functions, or the tasks' own optima, could reach"
            )
        )
    return tuple(found)
