"""A float64 minimiser over a ball, by quasi-Newton descents: a proposal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy

from ..arithmetic import Array

LEAST, MOST, END = -30.0, 10.0, 200.0
"""Logarithms of the multipliers between which the sphere's is looked for, and how far the upper one may go."""


def in_ball(objective: Callable[[Array], tuple[float, Array]], start: Array, ball: float) -> Array | None:
    """A point near which f, with its gradient, has its minimum over ||a|| <= ball; None beyond float64.

    It is that of f + lam ||a||^2/2 for the lam >= 0 that puts it into the ball, if f is convex.
    """
    point = start

    def tilted(a: Array, lam: float) -> tuple[float, Array]:
        value, gradient = objective(a)
        return value + lam / 2 * float(a @ a), gradient + lam * a

    def at(lam: float) -> Array:
        nonlocal point
        options = {"gtol": 1e-13, "maxiter": 500}
        point = scipy.optimize.minimize(tilted, point, (lam,), jac=True, method="BFGS", options=options).x
        return point

    def excess(log: float) -> float:
        return float(np.linalg.norm(at(np.exp(log)))) / ball - 1

    most = MOST
    while excess(most) > 0 and most < END:
        most += 10
    if not excess(most) <= 0:
        return None
    return at(0.0 if excess(LEAST) <= 0 else float(np.exp(scipy.optimize.brentq(excess, LEAST, most, xtol=1e-13))))
