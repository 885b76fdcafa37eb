"""The headline for smooth networks: how inf L is bounded from below, and how L is evaluated.

From below, the better of the best predictions in the range of the networks and, in a ball around W0, the linearisation
with its worst error. From above, besides where descent stops, networks with the best predictions (`interpolant`). The
rest is that of ReLU networks, `network.bracket`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np
from flint import arb, fmpq

from ....theory.smooth_network import HEADLINE
from ...models.weights import Weights
from ...supervised.instance import SmoothInstance
from ...supervised.relu.batch import batch_of
from ...supervised.smooth.batch_quantities import SmoothBatchQuantities
from ...supervised.smooth.problem import SmoothProblem
from ...supervised.smooth.quantities import SmoothQuantities
from .bracket import CertifiedQuantities, Lower, NetworkHeadline, best_floor
from .floor import UnboundedError
from .smooth_floor import ball_floor, range_floor
from .smooth_interpolant import interpolants


class HeadlineQuantities(SmoothQuantities, CertifiedQuantities):
    """The quantities of an instance with its comparator, and the certified lower bound."""

    def __init__(self, instance: SmoothInstance, lower: float) -> None:
        super().__init__(instance)
        self.lower = lower


def value(problem: SmoothProblem, weights: Weights) -> arb:
    """L(W), in balls."""
    at, total = problem.at(weights), arb(0)
    for law in problem.laws:
        if law.weight != 0:
            total += law.weight * problem.risk(law, problem.adapted(law, at).predictions)
    return total


def _lower(instance: SmoothInstance, radius: fmpq | None) -> Lower:
    """The best lower bound."""
    floors = [range_floor(instance)]
    near: list[Weights] = []
    if radius is None:
        near = _lowest(instance, interpolants(instance, floors[0].functions))
    elif instance.loss.profile.convex:
        with suppress(UnboundedError):
            floors.append(ball_floor(instance, radius))
    return replace(best_floor(instance, floors), near=near)


def _lowest(instance: SmoothInstance, proposed: Iterable[Weights]) -> list[Weights]:
    """Of the proposed weights those at which L is lowest, in float64; none if none is proposed."""
    batch = batch_of(instance)
    with np.errstate(all="ignore"):
        found = [(SmoothBatchQuantities(replace(batch, omega=w.floats[None])).meta_objective[0], w) for w in proposed]
    return [min(found, key=lambda pair: np.nan_to_num(pair[0], nan=np.inf))[1]] if found else []


SMOOTH = NetworkHeadline(
    HEADLINE,
    HeadlineQuantities,
    lambda instance: partial(value, SmoothProblem(instance)),
    _lower,
    batch_of,
    SmoothBatchQuantities,
)
