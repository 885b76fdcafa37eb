r"""The implicit step at size, enclosed: U(theta) = argmin R_i(t) + (lambda/2)||t - theta||^2, and its derivative.

R_i convex, so that both equations have an operator that is strongly monotone with modulus 1: what is left open of a
proposal bounds its distance from the solution.

    U                  F(t) = t - theta + grad R_i(t)/lambda = 0:           ||t - U|| <= ||F(t)||
    v = (dU/dtheta)'g  (I + H/lambda) v = g, H = Hess R_i(U) >= 0:   ||v0 - v|| <= ||g - v0 - H v0/lambda||

Floats propose t by damped Newton and v0 by one solve; the right sides are enclosed on the table of rows (`stack`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arithmetic import Array, Floats
from ..midrad import GUARD, UP, MidRad
from .stack import Balls2, Stack, less, norms

STEPS, HALVINGS = 60, 40
"""Newton steps towards the proximal point, and how often each may be halved."""
ONE = MidRad(1.0)


@dataclass(frozen=True)
class Proximal:
    """U per task (n, d), the predictions there z (N,), and the masses times ell'' (N,)."""

    at: Balls2
    z: MidRad
    bend: MidRad


def proximal(
    stack: Stack, start: Balls2, masses: MidRad, strength: MidRad, watch: Callable[[], None] = lambda: None
) -> Proximal:
    """Of every task from its start (one for all, or n), for a convex loss."""
    count = len(stack.slices)
    begin = Balls2(np.broadcast_to(start.mid, (count, stack.dimension)), np.broadcast_to(start.rad, (count,)))
    found = np.array([_point(stack, own, v, masses.mid[own], float(strength.mid), watch)
                      for own, v in zip(stack.slices, begin.mid, strict=True)])  # fmt: skip
    point = Balls2(found, np.zeros(count))
    slope = stack.gathered(masses * stack.ranges.at(1, stack.predictions(point)))
    at = _within(found, less(less(point, begin, ONE), slope, -(ONE / strength)))
    z = stack.predictions(at)
    return Proximal(at, z, masses * stack.ranges.at(2, z))


def back(stack: Stack, g: Balls2, bend: MidRad, strength: MidRad) -> Balls2:
    """(I + H/lambda)^-1 g per task (n, d): the transpose of the step's Jacobian, which is symmetric, times g."""
    unit = np.eye(stack.dimension)
    found = np.zeros(g.mid.shape)
    for i, own in enumerate(stack.slices):
        x, w = stack.x[own], np.broadcast_to(bend.mid, (stack.count,))[own]
        system = unit + x.T @ (w[:, None] * x) / float(strength.mid)
        found[i] = np.linalg.solve(system, g.mid[i]) if np.isfinite(system).all() else np.nan
    v = Balls2(found, np.zeros(len(found)))
    pulled = stack.gathered(bend * stack.predictions(v))
    return _within(found, less(less(v, g, ONE), pulled, -(ONE / strength)))


def _within(found: Array, rest: Balls2) -> Balls2:
    """What lies within ||rest|| of a proposal."""
    return Balls2(found, (norms(rest.mid, 1) + rest.rad) * UP + GUARD)


def _point(stack: Stack, own: slice, start: Array, masses: Array, strength: float, watch: Callable[[], None]) -> Array:
    """A proximal point (d,) of one task, in float64."""
    x, labels, loss, unit = stack.x[own], stack.labels.mid[own], stack.loss, np.eye(stack.dimension)

    def rest(t: Array) -> Array:
        return t - start + x.T @ (masses * loss.d1(Floats, x @ t, labels)) / strength

    point, left = start, rest(start)
    for _ in range(STEPS):
        watch()
        system = unit + x.T @ ((masses * loss.d2(Floats, x @ point, labels))[:, None] * x) / strength
        if not (np.isfinite(system).all() and np.isfinite(left).all()):
            break
        step, size = np.linalg.solve(system, left), float(np.linalg.norm(left))
        trials = (point - step * 2.0**-halving for halving in range(HALVINGS))
        nearer = next(((t, r) for t in trials if float(np.linalg.norm(r := rest(t))) < size), None)
        if nearer is None or not math.isfinite(size):
            break
        point, left = nearer
    return point
