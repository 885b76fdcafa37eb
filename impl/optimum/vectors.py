"""The optimum of losses that couple outputs (softmax): a floor that needs no search, and the best point of descents.

Where L is convex (`vector_convexity`: without adaptation, or after small steps on the law that is judged on) a point
and its gradient prove the bracket. Else L is not searched: the floor is that of functions, or of each task's own least
risk, and the bracket may stay wide, and says so.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import scipy
from flint import ctx, fmpq

from ..arithmetic import PROPOSING, bounds, rational, to_float
from ..instances import Vector
from ..supervised.batch import batch_of
from ..supervised.instance import MetaSLInstance
from ..supervised.vector_batch import LinearQuantities
from .boxes import PRECISION
from .constrained import in_ball
from .descent import into_ball
from .exact import exact_value, functional_bound, own_risk_bound, risk_minimiser, together
from .vector_convexity import unknown

WHY = "no search is known for a loss that couples outputs: the lower end is a floor, the point that of descents"


def why_wide(instance: MetaSLInstance) -> str:
    """Why the bracket is not narrower."""
    unproved = unknown(instance)
    return (
        f"{WHY}; L is not known to be convex: {unproved}" if unproved else "descent has not come nearer to the optimum"
    )


def value_above(instance: MetaSLInstance, at: Vector) -> float:
    """A float64 number that L there does not exceed."""
    found = exact_value(instance, at)
    with ctx.workprec(PRECISION):
        return bounds(found + abs(found) * 2.0**-50)[1]


@PROPOSING
def lowest(instance: MetaSLInstance, ball: float, until: float) -> tuple[float, ...]:
    """The best point of the ball (p,) that quasi-Newton descents find, from 0, omega and a risk's own minimiser."""
    batch = batch_of(instance)
    batch = replace(batch, rival=batch.omega, functions=None)

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        at = LinearQuantities(replace(batch, omega=theta.reshape(batch.omega.shape)))
        return float(at.meta_objective[0]), at.gradient[0]

    whole = together(instance)
    starts = [np.zeros(instance.dimension), np.array([to_float(v) for v in instance.omega])]
    starts += [risk_minimiser(whole, task, ball) for task in whole.tasks[:3]]
    found, best = tuple(starts[0].tolist()), math.inf
    with np.errstate(all="ignore"):
        for start in starts:
            tried = [start]
            if time.monotonic() < until:
                tried.append(
                    scipy.optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
                )
            for point in into_ball(np.array(tried), ball):
                value = objective(point)[0]
                if np.isfinite(point).all() and value < best:
                    found, best = tuple(point.tolist()), value
        if not unknown(instance) and (near := in_ball(objective, np.array(found), ball)) is not None:
            found = tuple(into_ball(near[None], ball)[0].tolist())
    return found


def floor_of(instance: MetaSLInstance, ball: fmpq, stage: Callable[[str], None]) -> float:
    """The better one of both floors, rounded down; never below 0."""
    stage("bounding the infimum without a search")
    ends = [bounds(bound)[0] for bound in (functional_bound(instance), own_risk_bound(instance, ball))]
    return max(0.0, *(end for end in ends if math.isfinite(end)))


def exactly_at(point: tuple[float, ...]) -> Vector:
    """The point as rationals."""
    return tuple(map(rational, point))
