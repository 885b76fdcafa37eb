"""The headline for ReLU networks: how inf L is bounded from below, and how L is evaluated.

From below, the best of what applies: the exact infimum (one or two neurons, one step), the best slope along every ray
of inputs (any network); in a ball around W0 the linearisation with its worst error and, for small networks, convex
programs per activation pattern. From above, besides where descent stops, a network that is built to attain the best
slopes (`interpolant`): with enough neurons, and no input that tasks dispute, the bracket closes. The rest is in
`bracket`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np
from flint import arb, ctx, fmpq

from ....theory.network import HEADLINE
from ...arithmetic import Balls, bounds, to_float
from ...judge import PRECISIONS
from ...models.weights import Weights
from ...supervised.instance import NetworkInstance
from ...supervised.relu.batch import batch_of
from ...supervised.relu.batch_quantities import NetworkBatchQuantities
from ...supervised.relu.problem import NetworkProblem, Point
from ...supervised.relu.quantities import NetworkQuantities
from .bracket import CertifiedQuantities, Lower, NetworkHeadline, best_floor
from .cells import TooLargeError, pattern_floor
from .check import check_cells
from .floor import UnboundedError, ball_floor, ray_floor
from .interpolant import interpolant
from .linearised import linearised_optimum
from .optima import NotEnumerableError, infimum


class HeadlineQuantities(NetworkQuantities, CertifiedQuantities):
    """The quantities of an instance with its comparator, and the certified lower bound."""

    def __init__(self, instance: NetworkInstance, lower: float) -> None:
        super().__init__(instance)
        self.lower = lower


def value(problem: NetworkProblem, weights: Weights) -> arb:
    """L(W), in balls."""
    point, total = Point(problem, weights), arb(0)
    for i, law in enumerate(problem.laws):
        if law.weight != 0:
            total += law.weight * problem.risk(law, point.adapted(i).predictions)
    return total


def _lower(instance: NetworkInstance, radius: fmpq | None) -> Lower:
    """The best lower bound."""
    if radius is None:
        with suppress(NotEnumerableError):
            found = infimum(instance)
            with ctx.workprec(PRECISIONS[0]):
                lower = bounds(arb(found.value))[0]
            beside, outcome = list(_near(instance, found.at)), check_cells(instance, lower)
            return Lower(lower, "enumeration of all activation patterns", None, beside, outcome)
    floors = [ray_floor(instance)]
    near: list[Weights] = []
    if radius is None:
        built = interpolant(instance, floors[0].functions)
        near = [] if built is None else [built]
    elif instance.loss.profile.convex:
        with suppress(UnboundedError):
            floors.append(ball_floor(instance, radius))
        with suppress(TooLargeError, UnboundedError):
            floor, near = pattern_floor(instance, radius)
            floors.append(floor)
    return replace(best_floor(instance, floors), near=near)


def _near(instance: NetworkInstance, at: tuple[fmpq, ...]) -> Iterator[Weights]:
    """W = sqrt(m) V, and points beside it: an infimum that is not attained is approached."""
    centre = np.array([[to_float(v)] for v in at]) * instance.width**0.5
    yield Weights(centre)
    for move in np.random.default_rng(0).standard_normal((16, *centre.shape)):
        yield Weights(centre + 1e-9 * move)
        yield Weights(centre + 1e-9 * move * (centre != 0))


RELU = NetworkHeadline(
    HEADLINE,
    HeadlineQuantities,
    lambda instance: partial(value, NetworkProblem(instance, Balls)),
    _lower,
    batch_of,
    NetworkBatchQuantities,
    linearised_optimum,
)
bracketed, judge_headline, study = RELU.bracketed, RELU.judge, RELU.study
