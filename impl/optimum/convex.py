"""Where L is convex, or nearly so: a point at which convexity proves a bracket. Floats propose, `convex_check` proves.

Newton's method on the ball, in float64: the quadratic model is minimised over the ball exactly (More and Sorensen's
iteration for the multiplier of the sphere), and L along the way there. Over all parameters it is plain Newton.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from flint import arb, arb_mat, ctx, fmpq
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from ..arithmetic import Array, Floats, bounds, dot, length_above, rational, to_float
from ..instances import Vector
from ..supervised.instance import MetaSLInstance
from .certificate import Certificate
from .convex_check import PRECISIONS, Prover, lower_bounds
from .convexity import applies
from .stack import Stack

ROUNDS = 200
"""Newton steps."""
GRAIN = fmpq(1, 1024)


@dataclass(frozen=True)
class Proposal:
    """What was found: a certificate, if there is one, and whether Ctrl-C or the time ended the work."""

    certificate: Certificate | None = None
    interrupted: bool = False
    late: bool = False


def proposed(
    instance: MetaSLInstance, radius: fmpq | None, deadline: float, watch: Callable[[], None] = lambda: None
) -> Proposal:
    """A certificate by convexity of a bracket of inf L over ||theta|| <= radius (None: everywhere), if one is found.

    `watch` is called often. What it raises ends the work with what is found by then: KeyboardInterrupt, TimeoutError. A
    first Ctrl-C ends Newton's method alone, and the point that it has is proved; a second one ends that as well.
    """
    if not applies(instance):
        return Proposal()
    prover = Prover(instance, watch)
    stack = prover.stack
    if not stack.count or not np.isfinite(stack.lengths).all():
        return Proposal()
    size = math.inf if radius is None else to_float(radius)
    at, multiplier, interrupted = minimum(stack, size, deadline, watch)
    if not (np.isfinite(at).all() and math.isfinite(multiplier)):
        return Proposal(interrupted=interrupted)
    x, found = _inside(tuple(rational(float(v)) for v in at), radius), None
    for bits in PRECISIONS:
        with ctx.workprec(bits):
            try:
                found = _certificate(prover, x, radius, rational(multiplier)) or found
                if interrupted or (found is not None and _sharp(found)) or not (prover.fine and prover.quadratic):
                    break
                x = _refined(prover, x, radius)
            except KeyboardInterrupt:
                if interrupted or found is not None:
                    return Proposal(found, interrupted=True)
                interrupted = True
            except TimeoutError:
                return Proposal(found, interrupted, late=True)
    return Proposal(found, interrupted)


def _certificate(prover: Prover, x: Vector, radius: fmpq | None, multiplier: fmpq) -> Certificate | None:
    """The certificate at a point, if something is proved there."""
    longest = float(prover.stack.lengths.max())
    near = rational(2.0 ** math.floor(-6 - math.log2(longest))) if longest > 0 else fmpq(1)
    point = prover.point(x)
    found, within, _ = lower_bounds(prover, point, x, radius, multiplier, near)
    if found is None or not (found.is_finite() and point.value.is_finite()):
        return None
    far = math.inf if within is None else bounds(within)[1]
    if radius is None and not math.isfinite(far):
        # No minimiser is known, but that L is not negative may do: of interpolation, say.
        if not prover.quadratic:
            return None
        found, far, near = arb(0), 0.0, fmpq(0)
    # What was rounded in float64 may be rounded otherwise elsewhere: the claim leaves room for it.
    room = arb(point.value.rad()) if point.error > 0 else arb(0)
    lower, upper = bounds(found - room)[0], bounds(point.value + room)[1]
    if not (math.isfinite(lower) and math.isfinite(upper)):
        return None
    ball = length_above(x) + _grains(far) if radius is None else radius
    return Certificate(prover.instance, radius, ball, lower, upper, x, how="convex", multiplier=multiplier, near=near)


def _sharp(found: Certificate) -> bool:
    """Whether no more digits can be had."""
    return found.upper - found.lower <= 4 * math.ulp(max(abs(found.upper), abs(found.lower)))


def _refined(prover: Prover, x: Vector, radius: fmpq | None) -> Vector:
    """Of the squared loss, a point after a Newton step in balls, where it stays in the ball."""
    try:
        whole, columns = prover.point(x).gradient, prover.columns
        gradient = arb_mat([[whole[j].mid()] for j in columns.tolist()])
        step = prover.hessian_in_balls(columns).mid().solve(gradient).entries()
    except ZeroDivisionError:
        return x
    steps = {j: s.mid().fmpq() for j, s in zip(columns.tolist(), step, strict=True) if s.is_finite()}
    moved = tuple(v - steps.get(j, fmpq(0)) for j, v in enumerate(x))
    size = dot(moved, moved)
    return moved if radius is None or size <= radius * radius else x


def _grains(within: float) -> fmpq:
    """A multiple of GRAIN above a distance."""
    return (fmpq((rational(within) / GRAIN).ceil()) + 1) * GRAIN


def _inside(x: Vector, radius: fmpq | None) -> Vector:
    """The point, in the ball."""
    size = dot(x, x)
    if radius is None or size <= radius * radius:
        return x
    shorter = rational(math.sqrt(to_float(radius * radius / size)) * (1 - 2.0**-51))
    return _inside(tuple(v * shorter for v in x), radius)


# --- Newton's method ------------------------------------------------------------------------------------------------


def minimum(
    stack: Stack, radius: float, deadline: float, watch: Callable[[], None] = lambda: None
) -> tuple[Array, float, bool]:
    """A point that nearly minimises L over ||theta|| <= radius (inf: everywhere), the multiplier of the sphere, and
    whether Ctrl-C ended the work: then the best point so far.
    """
    found, interrupted = (np.zeros(stack.dimension), 0.0), False
    try:
        for one in _descent(stack, radius):
            found = one
            watch()
            if time.monotonic() > deadline:
                break
    except KeyboardInterrupt:
        interrupted = True
    except TimeoutError:
        pass
    return *found, interrupted


def _descent(stack: Stack, radius: float) -> Iterator[tuple[Array, float]]:
    """The best point so far and its multiplier, after every step."""
    theta = np.zeros(stack.dimension)
    value, gradient, hessian = derivatives(stack, theta)
    best, multiplier, least, stalled = theta, 0.0, math.inf, 0
    for _ in range(ROUNDS):
        if not (np.isfinite(hessian).all() and np.isfinite(gradient).all()):
            break
        target, pull = _model_minimum(hessian, gradient, theta, radius)
        step = target - theta
        fall, length = -float(gradient @ step), 1.0
        while length > 1e-8 and not (after := value_at(stack, theta + length * step)) <= value + 1e-16 * abs(value):
            length /= 2
        if not length > 1e-8:
            break
        theta = theta + length * step
        value, gradient, hessian = derivatives(stack, theta)
        size = float(np.linalg.norm(theta))
        on_sphere = size >= radius * (1 - 1e-9)
        pull = max(-float(gradient @ theta) / (size * size), 0.0) if on_sphere else 0.0
        residual = float(np.linalg.norm(gradient + pull * theta))
        if residual < least:
            best, multiplier, least, stalled = theta, pull, residual, 0
        else:
            stalled += 1
        yield best, multiplier
        if stalled == 3 or residual == 0 or (fall <= 1e-17 * abs(after) and stalled):
            break


def _model_minimum(hessian: Array, gradient: Array, theta: Array, radius: float) -> tuple[Array, float]:
    """The minimiser t of t'Ht/2 + (g - H theta)'t over ||t|| <= radius, and the multiplier."""
    d, target, t = len(theta), hessian @ theta - gradient, theta
    scale = float(np.abs(np.diag(hessian)).max()) or 1.0
    pull, low, unit = 0.0, 0.0, np.eye(d)
    tilt = 1e-15 * scale
    for _ in range(60):
        try:
            factor = cho_factor(hessian + (pull + tilt) * unit, check_finite=False)
        except LinAlgError:
            low = pull
            pull = max(2 * pull, 1e-12 * scale)
            continue
        # One refinement undoes the tilt, where that is possible.
        t = cho_solve(factor, target, check_finite=False)
        t = t + cho_solve(factor, target - hessian @ t - pull * t, check_finite=False)
        size = float(np.linalg.norm(t))
        if size <= radius * (1 + 1e-14) and (pull == 0.0 or size >= radius * (1 - 1e-13)):
            return t, pull
        slope = float(t @ cho_solve(factor, t, check_finite=False))
        if slope <= 0:
            break
        after = pull + size * size / slope * (size - radius) / radius
        low = max(low, pull) if size > radius else low
        if not after > low:
            after = low + (pull - low) / 2 if pull > low else 0.0
        if after == pull:
            return t, pull
        pull = after
    return t * min(1.0, radius / max(float(np.linalg.norm(t)), 1e-300)), pull


def adapted(stack: Stack, theta: Array) -> Array:
    """Predictions after adaptation (N,)."""
    z, rate, decay = stack.times(theta), float(stack.rate.mid), stack.fading
    masses, labels, here = stack.masses.mid, stack.labels.mid, theta
    for _ in range(stack.steps):
        slope = stack.pulled(masses * stack.loss.d1(Floats, z, labels)) + decay * here
        step = rate * stack.turned(slope)
        z, here = z - stack.times(step), here - step
    return z


def value_at(stack: Stack, theta: Array) -> float:
    """L at theta (d,); inf where float64 overflows."""
    value = float(stack.row_weights.mid @ stack.loss.value(Floats, adapted(stack, theta), stack.labels.mid))
    return value if not math.isnan(value) else math.inf


def derivatives(stack: Stack, theta: Array) -> tuple[float, Array, Array]:
    """L, its gradient (d,) and Hessian (d, d), for the problems to which `convexity.applies`."""
    loss, labels, masses, rate = stack.loss, stack.labels.mid, stack.masses.mid, float(stack.rate.mid)
    weights, x, z = stack.weights.mid, stack.x, stack.times(theta)
    rows, path = x, []
    for _ in range(stack.steps):
        bend = masses * loss.d2(Floats, z, labels)
        path.append((rows, bend, masses * loss.d3(Floats, z, labels)))
        moved = np.empty_like(rows)
        for own in stack.slices:
            own_x, scaled = x[own], bend[own, None] * rows[own]
            few, turned = len(own_x) < stack.dimension, stack.turned(own_x)
            moved[own] = (turned @ own_x.T) @ scaled if few else turned @ (own_x.T @ scaled)
        kept = 1 - rate * stack.fading
        rows = kept * rows - rate * moved
        z = kept * z - rate * stack.times(stack.turned(stack.pulled(masses * loss.d1(Floats, z, labels))))
    value = float(stack.row_weights.mid @ loss.value(Floats, z, labels))
    v = stack.pulled(stack.outer.mid * loss.d1(Floats, z, labels))
    hessian = rows.T @ ((stack.row_weights.mid * loss.d2(Floats, z, labels))[:, None] * rows)
    for before, bend, bent in reversed(path):
        along = stack.times(stack.turned(v))
        if loss.name != "squared":
            hessian = hessian - rate * (before.T @ ((weights[stack.task] * bent * along)[:, None] * before))
        v = (1 - rate * stack.fading) * v - rate * stack.pulled(bend * along)
    return value, weights @ v, hessian
