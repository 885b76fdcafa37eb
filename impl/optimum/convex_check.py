r"""Lower ends by convexity, proved: the values and gradients at one point, and a floor of the Hessian (`convexity`).

At a point x of the ball ||theta|| <= B with g = grad L(x):

first order    Hess L >= -m I on the ball, m >= 0 (m = 0: L is convex there). Then f = L + (m/2)(||.||^2 - B^2) <= L is
               convex on the ball, so that L(theta) >= f(theta) >= f(x) + (g + m x)'(theta - x), and
                   inf L >= L(x) + (m/2)(||x||^2 - B^2) - (g + m x)'x - B ||g + m x||.
               Tight at a minimiser inside (g = 0, m = 0) and at one on the sphere (g + m x = 0, or g = -c x for m = 0).
               If even Hess L >= l I with l + m > 0, f has that modulus, and the end is f(x) - ||g + m x||^2/(2(l + m)):
               quadratic in what x is short of a minimiser, where the first is linear.
strong         L convex on a convex set that holds x, and Hess L >= mu I, mu > 0, on its points within r of x, with
               ||g|| <= mu r/2. There L >= L(x) - ||g|| t + mu t^2/2 >= L(x) - ||g||^2/(2 mu), t = ||theta - x||; at
               t = r this is at least L(x), so that by convexity along the ray from x so is L beyond. Hence
                   inf L >= L(x) - ||g||^2/(2 mu), and a minimiser lies within 2||g||/mu of x (its value is at most
               L(x), whence ||g|| t >= mu t^2/2). The set is the ball or all parameters; of the squared loss r = inf.

dependent      Predictions, and so L, depend on X theta alone. Where the other columns of X are exact combinations of
               those of a set S, X_S has the range of X, and over all parameters inf L is that over x + R^S: there the
               strong end holds with the Hessian's rows and columns of S, if L is convex everywhere.
nothing        0 <= L where the loss is never negative.

Values and gradients of a task: z <- z - eta X X's(z) for each step; v = X's(z_K), and back v <- v - eta X'D_k X v (the
transpose of the step's Jacobian). In midpoint-radius float64 (`stack`), and in balls where the problem is small enough
for that: then all digits are right. So are mu of the squared loss in features that nearly depend on each other: its
Hessian H is a sum of squares, and if it has an inverse, mu >= 1/||H^-1||_F. Nothing of the search or of what proposed x
is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import arb, arb_mat, ctx, fmpq

from ..arithmetic import Array, Balls, bounds, dot, exactly, norm, rational, root, to_float
from ..blas import product
from ..instances import Vector
from ..midrad import UP, MidRad, U
from ..supervised.adaptation import Gradient
from ..supervised.instance import Atoms, MetaSLInstance, both_laws
from .certificate import Certificate
from .convexity import MORE, Floor, applies, around, floor, gram, largest, least_eigenvalue, spanning
from .stack import Balls2, Stack, gamma, norms, total, weighted

PRECISIONS = (128, 256, 512)
"""Bits of the balls, in turn."""
COLUMNS = 128
"""Columns up to which a Hessian is inverted in balls."""
ENTRIES, VALUES = 2**21, 2**14
"""Numbers in the features, and values of a loss that is not squared, up to which a point is evaluated in balls."""

Watch = Callable[[], None]
"""Called often; it may raise to stop."""


@dataclass(frozen=True)
class Point:
    """L(x), and grad L(x): the entries, and the norm of what is left open of all of them."""

    value: arb
    gradient: list[arb]
    error: arb

    def slope(self, x: list[fmpq], multiplier: fmpq) -> tuple[arb, arb]:
        """(g + m x)'x enclosed, and at least ||g + m x||."""
        tilted = [g + arb(multiplier * v) for g, v in zip(self.gradient, x, strict=True)]
        along = sum((g * arb(v) for g, v in zip(tilted, x, strict=True)), start=arb(0))
        room = self.error * root(arb(dot(x, x)))
        return along + room.union(-room), norm(tilted) + self.error


class Prover:
    """What can be proved of an instance by convexity, a piece at a time."""

    def __init__(self, instance: MetaSLInstance, watch: Watch = lambda: None) -> None:
        self.instance, self.watch = instance, watch
        self.quadratic = instance.loss.name == "squared"

    @cached_property
    def stack(self) -> Stack:
        """The atoms as rows."""
        return Stack(self.instance)

    def point(self, x: Vector) -> Point:
        """L and its gradient at x; in balls if that is quick enough."""
        return self._in_balls(x) if self.fine else self._in_floats(x)

    def floor(self, centre: Array, radius: float) -> Floor:
        """A floor of the Hessian within `radius` of a centre."""
        self.watch()
        return floor(self.stack, around(self.stack, centre, radius))

    def modulus(self, centre: Array, near: float, columns: Array) -> float:
        """mu: in those columns Hess L has no eigenvalue below it within `near` of the centre (squared loss: at all)."""
        if not self.quadratic:
            return self.floor(centre, near).least(self.stack, columns)
        matrix, error = self._float_hessian
        found = least_eigenvalue(matrix[np.ix_(columns, columns)], error)
        if found > 0 or not self.fine or len(columns) > COLUMNS:
            return found
        try:
            inverse = self.hessian_in_balls(columns).inv()
        except ZeroDivisionError:
            return 0.0
        return bounds(1 / norm(inverse.entries()))[0]

    @cached_property
    def _float_hessian(self) -> tuple[Array, float]:
        return self._hessian()

    @cached_property
    def columns(self) -> Array:
        """Columns of X of which the others are exact combinations (`convexity.spanning`)."""
        return spanning(self.stack)

    @property
    def fine(self) -> bool:
        """Whether points are evaluated in balls."""
        stack = self.stack
        values = 0 if self.quadratic else stack.count * (2 * stack.steps + 2)
        return bool(stack.count * stack.dimension <= ENTRIES and values <= VALUES)

    def _hessian(self) -> tuple[Array, float]:
        """Hess L of the squared loss and a bound of its error's norm.

        With Y = P^(1/2)X of the inner law, V begins as P^(1/2)X of the outer one, V <- V - eta (VRY')Y for every step,
        and Hess L = sum q_i V'V. An error of V of norm e becomes one of at most e||I - eta R Y'Y||, which is at most
        e max(1, eta sigma - 1) of one rate > 0, and e(1 + eta (sigma + decay)) with eta the largest |rate|.
        """
        stack, eta = self.stack, abs(float(self.stack.rate.high))
        alike = stack.rates is None and stack.rate.high > 0 and stack.decay is None
        eta *= 1.0 if stack.rates is None else float(stack.rates.size.max()) * MORE
        decay = 0.0 if stack.decay is None else float(stack.decay.size)
        sigma = largest(stack, np.ones(stack.count), sharp=False) + decay
        grown = np.maximum(1.0, eta * sigma - 1) if alike else 1 + eta * sigma
        if stack.steps > 1 and (grown > 1).any():
            sigma = np.minimum(sigma, largest(stack, np.ones(stack.count), sharp=True))
            grown = np.maximum(1.0, eta * sigma - 1) if alike else 1 + eta * sigma
        rows, start = (np.sqrt(law.mid)[:, None] * stack.x for law in (stack.masses, stack.outer))
        # A root errs by 2u and by half of its mass's error, a product by u; features by `error`.
        relative = stack.error + 8 * U
        moved, errors, rate = np.empty_like(rows), np.zeros(len(stack.slices)), stack.rate.mid
        for i, own in enumerate(stack.slices):
            self.watch()
            y, v = rows[own], start[own]
            size = float(norms(norms(y, 1), 0))
            error = relative * float(norms(norms(v, 1), 0))
            unit = gamma(sum(y.shape)) + 4 * relative
            for _ in range(stack.steps):
                length = float(norms(norms(v, 1), 0))
                w = stack.turned(v)
                pulled = product(product(w, y.T), y) if len(y) < y.shape[1] else product(w, product(y.T, y))
                v = v - rate * (pulled + stack.fading * w)
                after = float(norms(norms(v, 1), 0))
                error = (
                    error * grown[i]
                    + 3 * unit * eta * (size * size + decay) * (length + error)
                    + 4 * U * (length + after)
                ) * UP
            moved[own], errors[i] = v, error
        weights = stack.weights.mid[stack.task]
        matrix, error = gram(moved, weights, 4 * U)
        sizes = np.array([norms(norms(moved[own], 1), 0) for own in stack.slices])
        return matrix, error + float((stack.weights.high * errors * (2 * sizes + errors)).sum()) * (1 + 2.0**-40)

    # --- in midpoint-radius float64 ---------------------------------------------------------------------------------

    def _in_floats(self, x: Vector) -> Point:
        stack = self.stack
        rounded = MidRad.of(x, (len(x),))
        theta = Balls2(np.broadcast_to(rounded.mid, (1, len(x))), norms(rounded.rad[None], 1))
        path = stack.adapted(theta, stack.masses, stack.rate, stack.steps, self.watch)
        value = total(stack.row_weights * stack.ranges.at(0, path.z))
        v = stack.gathered(stack.outer * stack.ranges.at(1, path.z))
        v = stack.back(v, path.bends, stack.rate, self.watch)
        gradient, error = weighted(stack.weights, v)
        return Point(ball_of(value), [exactly(g) for g in gradient.tolist()], exactly(error))

    # --- in balls ---------------------------------------------------------------------------------------------------

    def _in_balls(self, x: Vector) -> Point:
        loss, d = self.instance.loss, len(x)
        value, gradient = arb(0), arb_mat(d, 1)
        eta, theta = arb(self.stack.eta), arb_mat(d, 1, [arb(v) for v in x])
        for weight, rows, labels, inner, outer in self._tasks_in_balls():
            self.watch()
            k, across, ys = rows.nrows(), rows.transpose(), labels.entries()

            def scaled(v: arb_mat, masses: list[arb]) -> arb_mat:
                alike = all(p is masses[0] for p in masses)
                return (
                    v * masses[0]
                    if alike
                    else arb_mat(len(masses), 1, [p * t for p, t in zip(masses, v.entries(), strict=True)])
                )

            def slopes(z: arb_mat, k: int = k, labels: arb_mat = labels, ys: list[arb] = ys) -> arb_mat:
                if self.quadratic:
                    return z - labels
                return arb_mat(k, 1, [loss.d1(Balls, t, y) for t, y in zip(z.entries(), ys, strict=True)])

            def bent(u: arb_mat, z: arb_mat, k: int = k, ys: list[arb] = ys) -> arb_mat:
                if self.quadratic:
                    return u
                triples = zip(u.entries(), z.entries(), ys, strict=True)
                return arb_mat(k, 1, [v * loss.d2(Balls, t, y) for v, t, y in triples])

            z, here, path = rows * theta, theta, []
            for _ in range(self.stack.steps):
                path.append(z)
                step = self._stepped(across * scaled(slopes(z), inner), here)
                z, here = z - rows * step, here - step
            v = across * scaled(slopes(z), outer)
            for before in reversed(path):
                w = self._paced(v) * eta
                v = v - across * scaled(bent(rows * w, before), inner) - w * self._decay
            if self.quadratic:
                risk = (slopes(z).transpose() * scaled(slopes(z), outer))[0, 0] / 2
            else:
                triples = zip(outer, z.entries(), ys, strict=True)
                risk = sum((p * loss.value(Balls, t, y) for p, t, y in triples), start=arb(0))
            value += weight * risk
            gradient += v * weight
        return Point(value, gradient.entries(), arb(0))

    def _paced(self, v: arb_mat) -> arb_mat:
        """R v (d, .)."""
        if self._rates is None:
            return v
        return arb_mat([[rate * e for e in row] for rate, row in zip(self._rates, v.tolist(), strict=True)])

    def _stepped(self, slope: arb_mat, theta: arb_mat) -> arb_mat:
        """eta R (slope + decay theta) (d, .): what a step takes off."""
        return self._paced(slope if self._decay == 0 else slope + theta * self._decay) * arb(self.stack.eta)

    @cached_property
    def _rates(self) -> list[arb] | None:
        adaptation = self.instance.adaptation.canonical
        rates = adaptation.rates if isinstance(adaptation, Gradient) else None
        return None if rates is None else [arb(r) for r in rates]

    @cached_property
    def _decay(self) -> arb:
        adaptation = self.instance.adaptation.canonical
        return arb(adaptation.decay) if isinstance(adaptation, Gradient) else arb(0)

    def _tasks_in_balls(self) -> Iterator[tuple[arb, arb_mat, arb_mat, list[arb], list[arb]]]:
        """Weight, features (k, d), labels (k, 1), inner and outer masses [k] of each task, as exact as balls are."""
        instance, stack = self.instance.canonical, self.stack
        live = [task for task in instance.tasks if task.weight != 0]
        for task, own in zip(live, stack.slices, strict=True):
            atoms, k = task.atoms, own.stop - own.start
            rows = (
                stack.x[own].ravel().tolist()
                if stack.error == 0
                else [arb(v) for point in stack.points[own].tolist() for v in instance.features[point]]
            )
            if isinstance(atoms, Atoms) and task.support is None:
                mass = {c: arb(fmpq(c, atoms.total)) for c in set(atoms.counts.tolist())}
                labels, inner = atoms.labels.tolist(), [mass[c] for c in atoms.counts.tolist()]
                outer = inner
            else:
                found = both_laws(task)
                labels, inner = [arb(y) for _, y, _, _ in found], [arb(p) for _, _, p, _ in found]
                outer = [arb(p) for _, _, _, p in found]
            yield arb(task.weight), arb_mat(k, stack.dimension, rows), arb_mat(k, 1, labels), inner, outer

    def hessian_in_balls(self, columns: Array) -> arb_mat:
        """Hess L of the squared loss, of those columns: sum q_i (X W)'P(X W) of the outer law, W = (I - eta X'PX)^K of
        the inner one, its columns.
        """
        found = arb_mat(len(columns), len(columns))
        unit = arb_mat([[int(i == j) for j in columns.tolist()] for i in range(self.stack.dimension)])
        for weight, rows, _, inner, outer in self._tasks_in_balls():
            self.watch()
            y, z = (
                arb_mat([[root * v for v in row] for root, row in zip(map(arb.sqrt, law), rows.tolist(), strict=True)])
                for law in (inner, outer)
            )
            across, w = y.transpose(), unit
            for _ in range(self.stack.steps):
                w = w - self._stepped(across * (y * w), w)
            v = z * w
            found += v.transpose() * v * weight
        return found


def ball_of(value: MidRad) -> arb:
    """One number as a ball."""
    return exactly(float(value.low)).union(exactly(float(value.high)))


# --- what a certificate claims --------------------------------------------------------------------------------------


def lower_bounds(
    prover: Prover, point: Point, x: Vector, radius: fmpq | None, multiplier: fmpq, near: fmpq
) -> tuple[arb | None, arb | None, str]:
    """(lower bound of inf L over ||theta|| <= radius (None: everywhere), within what of x a minimiser lies, or what is
    missing). Both ends None where nothing is proved; the second where no minimiser is known to exist.
    """
    if not applies(prover.instance):
        return None, None, f"no convexity is known of the {prover.instance.loss.name} loss with this adaptation"
    if any(t.weight < 0 or any(a.p < 0 for law in (t.atoms, t.inner) for a in law) for t in prover.instance.tasks):
        return None, None, "a weight or a mass is negative"
    zero = np.zeros(len(x))
    reach = math.inf if radius is None else math.nextafter(to_float(radius), math.inf)
    bends = prover.floor(zero, reach)
    convex = bends.convex
    found = arb(0) if prover.instance.loss.profile.nonnegative else None
    if radius is not None:
        least = 0.0 if convex else bends.least(prover.stack)
        convex = least >= 0
        if math.isfinite(least) and rational(least) >= -multiplier:
            square = dot(x, x)
            along, steep = point.slope(list(x), multiplier)
            tilted = point.value + arb(multiplier / 2 * (square - radius * radius))
            found = _best(found, tilted - along - arb(radius) * steep)
            modulus = rational(least) + multiplier
            if modulus > 0:
                found = _best(found, tilted - steep * steep / arb(2 * modulus))
    if not (convex and near > 0):
        return found, None, "the meta-objective is not proved to be convex there"
    centre = np.array([to_float(v) for v in x])
    # What is within `near` of x is within a little more of its float64 coordinates.
    within = to_float(near) * (1 + 2.0**-40) + 2.0**-50 * float(norms(centre, 0))
    reached = prover.modulus(centre, within, np.arange(len(x)))
    if not reached > 0 and radius is None and len(prover.columns) < len(x):
        reached = prover.modulus(centre, within, prover.columns)
    mu, steep = (arb(reached) if math.isfinite(reached) else arb(0)), point.slope(list(x), fmpq(0))[1]
    if not mu > 0 or not (prover.quadratic or steep <= mu * arb(near) / 2):
        return found, None, "no strong convexity is proved about the point"
    strong = point.value - steep * steep / (2 * mu)
    return _best(found, strong), 2 * steep / mu, ""


def _best(first: arb | None, second: arb) -> arb:
    """The one of two lower bounds that says more."""
    return first if first is not None and not second.lower() > first.lower() else second


def convex_end(certificate: Certificate, watch: Watch) -> str | None:
    """The claim of a certificate by convexity, proved; else why it is not."""
    if certificate.multiplier < 0 or certificate.near < 0:
        return "a multiplier or a radius is negative"
    if certificate.radius is not None and certificate.radius != certificate.ball:
        return f"ball={certificate.ball} is not the radius {certificate.radius}"
    if dot(certificate.at, certificate.at) > certificate.ball * certificate.ball:
        return "the point of the upper bound lies outside the ball"
    prover, missing = Prover(certificate.instance, watch), None
    for bits in PRECISIONS:
        with ctx.workprec(bits):
            missing = _missing(prover, certificate)
        if missing is None or not prover.fine:
            break
    return missing


def _missing(prover: Prover, certificate: Certificate) -> str | None:
    """What is not proved of the claim in balls of this precision; None: nothing."""
    x, radius = certificate.at, certificate.radius
    point = prover.point(x)
    lower, upper = arb(rational(certificate.lower)), arb(rational(certificate.upper))
    if not point.value <= upper:
        return f"the value at the point is {point.value.str(12)}, not at most upper={certificate.upper!r}"
    found, within, missing = lower_bounds(prover, point, x, radius, certificate.multiplier, certificate.near)
    if found is None:
        return missing
    if not found >= lower:
        return f"the infimum is proved to be at least {found.str(17)}, not lower={certificate.lower!r}"
    if radius is not None or lower <= 0:
        return None
    if within is None or not norm([arb(v) for v in x]) + within <= arb(certificate.ball):
        return f"a minimiser is not proved to lie within ball={certificate.ball}"
    return None
