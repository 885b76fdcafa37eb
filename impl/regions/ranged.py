r"""The deciding engine on whole boxes: the quantities of meta-SL with a loss whose values at wide balls are sharp.

Balls of any width go through the formulas of the engine, and each result encloses the quantity at every instance of the
box. `Ranged` gives exact hulls of ell and its derivatives (between turning points a derivative is monotone), and the
divergence without subtraction, ell(h) - ell(z) - ell'(z)(h - z) = (h - z)^2 ell[z, z, h] with
ell[z, z, h] = int_0^1 (1 - s) ell''(z + s(h - z)) ds in half the range of ell'' between z and h.

What the engine asks of exact numbers (is eta 0, is a mass) is answered here for intervals, or left open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any, Self

from flint import arb, arb_series, ctx, fmpq

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Number, NumberSystem, dot, norm, square
from ..balls.core import TooLargeError
from ..instances import Instance, Vector
from ..losses import Link, Loss
from ..supervised import taylor
from ..supervised.mixed import AtomClass
from ..supervised.quantities import MetaSLQuantities
from .region import told_apart

OPEN = arb(0, 1)
"""A margin that tells nothing."""


@dataclass(frozen=True)
class Ranged(Loss):
    """A loss of one output at balls of any width: the hull of what it takes there; at series of up to three terms."""

    def value(self, m: Any, z: Number, y: Number) -> Number:
        return self._at(0, z, y)

    def d1(self, m: Any, z: Number, y: Number) -> Number:
        return self._at(1, z, y)

    def d2(self, m: Any, z: Number, y: Number) -> Number:
        return self._at(2, z, y)

    def d3(self, m: Any, z: Number, y: Number) -> Number:
        return self._at(3, z, y)

    def _at(self, order: int, z: Number, y: arb) -> Number:
        """The range over a ball; of a series f(z) its first three coefficients by the chain rule."""
        if not isinstance(z, arb_series):
            return self._over(order, z, y)
        if ctx.cap > 3:
            raise ValueError(f"cap={ctx.cap}: series over boxes have at most three terms")
        start, first, second = z[0], z[1], z[2]
        slope = self._over(order + 1, start, y)
        found = [self._over(order, start, y), slope * first]
        if ctx.cap > 2:
            found.append(slope * second + self._over(order + 2, start, y) * square(first) / 2)
        return arb_series(found)

    def _over(self, order: int, z: arb, y: arb) -> arb:
        plain = Loss(self.name, self.parameter)
        near = plain.joint_distance(z, y) if order == 3 else None
        if near is not None and not near > 0:
            return arb("nan")
        # Of a residual the range is that of one variable, whatever the label's width.
        return plain.range(order, z - y, arb(0)) if self.link is Link.RESIDUAL else plain.range(order, z, y)

    def least_over(self, z: arb, y: arb) -> arb:
        """The smallest ell'' over the ball z and the labels y."""
        plain, residual = Loss(self.name, self.parameter), self.link is Link.RESIDUAL
        over = z - y if residual else z
        return plain.least_curvature(arb(over.lower()), arb(over.upper()), arb(0) if residual else y)

    def bregman(self, m: Any, z: Number, h: Number, y: Number) -> Number:
        """(h - z)^2 ell[z, z, h], and what subtraction makes of it, where that is sharper."""
        found, plain = square(h - z) * self.d2(m, z.union(h), y) / 2, super().bregman(m, z, h, y)
        return found.intersection(plain) if found.is_finite() and plain.is_finite() else found


class RegionQuantities(MetaSLQuantities):
    """Every quantity of meta-SL, enclosed over all instances of a box at once (`Region.over`)."""

    def __init__(self, instance: Any, m: NumberSystem = Balls, direction: Vector | None = None) -> None:
        loss = instance.loss
        super().__init__(replace(instance, loss=Ranged(loss.name, loss.parameter)), m, direction)

    @classmethod
    def exact(cls, instance: Instance, direction: Vector | None = None) -> Self | None:
        """None: no instance is singled out."""
        return None

    # --- what holds for all directions of the ball, or for all directions ---

    @cached_property
    def along(self) -> list[Number]:
        """The whole ball of directions: what is said of them is said of each."""
        return [arb(0).union(self.radius).union(-self.radius)] * self.problem.dimension

    @cached_property
    def hessian(self) -> list[list[arb]]:
        """Hess L at omega on the features' span (r, r), by Taylor arithmetic along its axes and their sums."""
        return self.hessian_over([self.problem.omega.entries()])

    def hessian_over(self, points: list[list[arb]]) -> list[list[arb]]:
        """The same over the convex hull of parameters."""
        axes, problem = self._axes, self._moved(points)
        d = len(axes)

        def bend(*places: int) -> arb:
            direction = [sum(column, start=arb(0)) for column in zip(*(axes[j] for j in places), strict=True)]
            return 2 * taylor.along(problem, direction, 2)[2]

        own = [bend(j) for j in range(d)]
        return [
            [own[j] if j == k else (bend(j, k) - own[j] - own[k]) / 2 if j < k else arb(0) for k in range(d)]
            for j in range(d)
        ]

    @cached_property
    def _basis(self) -> list[list[fmpq]] | None:
        """An orthogonal basis of the span of the features, by Gram-Schmidt; None if they are no exact numbers."""
        found = list[list[fmpq]]()
        for row in self.instance.features if self._exact_features else ():
            rest = list(row)
            for axis in found:
                part = dot(rest, axis) / dot(axis, axis)
                rest = [v - part * a for v, a in zip(rest, axis, strict=True)]
            found += [rest] if any(v != 0 for v in rest) else []
        return found if self._exact_features else None

    @cached_property
    def _inside(self) -> bool:
        """Whether L depends on the features' span alone. With decay and rates that differ it depends on S^K phi, too,
        S = I - eta lambda D, which leaves the span."""
        steps = self._gradient_steps()
        return steps.rates is None or (isinstance(steps.decay, fmpq) and steps.decay == 0)

    @cached_property
    def _axes(self) -> list[list[arb]]:
        """An orthonormal basis of the span of the features, if that is known and L depends on it alone; else units."""
        d, basis = self.problem.dimension, self._basis or []
        if len(basis) in (0, d) or not self._inside:
            return [[arb(int(j == k)) for k in range(d)] for j in range(d)]
        return [[arb(v) / arb(dot(axis, axis)).sqrt() for v in axis] for axis in basis]

    def _moved(self, points: list[list[arb]]) -> Any:
        """The problem with the hull of parameters for omega."""
        hull = tuple([reduce(arb.union, column) for column in zip(*points, strict=True)])
        return type(self).problem_of(replace(self.instance, omega=hull), self.m)

    @cached_property
    def curvature_size(self) -> arb:
        """The largest |v'Hess L v| of unit vectors v: at most the Frobenius norm, which it is in one dimension."""
        self._gradient_steps()
        return size_of(self.hessian)

    @cached_property
    def curvature_least(self) -> arb:
        """The least eigenvalue of Hess L at omega on the features' span, by Gershgorin's discs.

        Units reach beyond a span that is not known: what is least there, is at most what is least on the span, and is
        that if it is negative and L depends on the span alone, as it is 0 across. Errors: UndefinedQuantityError.
        """
        d, basis, found = self.problem.dimension, self._basis, least_eigenvalue(self.hessian)
        if basis == []:
            raise UndefinedQuantityError("the features span nothing")
        known = d == 1 or (basis is not None and (self._inside or len(basis) == d))
        return found if known or (self._inside and found < 0) else found.union(size_of(self.hessian))

    @cached_property
    def curvature_where_stationary(self) -> arb:
        """The larger one of eps and the least eigenvalue of Hess L: the latter where eps is 0."""
        return self.eps if self.eps > 0 else self.eps.max(self.curvature_least)

    # --- sharper than what is made for points ---

    @cached_property
    def gap(self) -> Number:
        """L(omega) - L(theta'): each loss's difference by its mean value, where that is narrower."""
        total, loss = arb(0), self.problem.loss
        for law, z, h in zip(self.laws, self._after, self._comparator, strict=True):
            for x, y, p in law.atoms:
                plain = loss.value(Balls, z[x], y) - loss.value(Balls, h[x], y)
                mean = loss.d1(Balls, z[x].union(h[x]), y) * (z[x] - h[x])
                total += law.weight * p * (mean if mean.rad() < plain.rad() else plain)
        return total

    @property
    def _paces(self) -> tuple[Number, Number]:
        """With one rate for all parameters nothing is off the middle."""
        steps = self._gradient_steps()
        return super()._paces if steps.rates is not None else (arb(steps.eta), arb(0))

    @cached_property
    def least_bend(self) -> arb:
        """The least ell'' between any z and h', end by end: a ball's radius is too coarse for a bound of 0."""
        loss = self.problem.loss
        assert isinstance(loss, Ranged)
        return reduce(arb.min, (loss.least_over(z.union(h), y) for _, _, z, h, y in self._divergences))

    # --- what is asked of exact numbers ---

    @property
    def _may_adapt(self) -> bool | None:
        """Whether eta is not 0; None where the box has both."""
        eta = self._gradient_steps().eta
        return None if isinstance(eta, arb) and eta.contains(0) else bool(eta != 0)

    @cached_property
    def margin_no_adaptation(self) -> arb:
        return OPEN if self._may_adapt is None else self._structural(not self._may_adapt)

    @cached_property
    def margin_no_decay(self) -> arb:
        """Open where the box has both: a decay without a step does nothing."""
        found = super().margin_no_decay
        return OPEN if self._may_adapt is None and not found > 0 else found

    @cached_property
    def margin_joints(self) -> arb:
        if self._may_adapt is False:
            return arb(1)
        return self._joint_margin([law.inner for law in self.laws], self._iterates)

    @property
    def _exact_features(self) -> bool:
        return all(isinstance(v, fmpq) for row in self.instance.features for v in row)

    def _certainly_dependent(self) -> bool:
        asked = self._exact_features and self._may_adapt is not None
        return self._crowded or (asked and super()._certainly_dependent())

    @cached_property
    def independent_supports(self) -> Number:
        if not self._exact_features:
            raise TooLargeError("ranks are those of exact features")
        return super().independent_supports

    @cached_property
    def _classes(self) -> list[AtomClass]:
        """Every atom a class; labels that are intervals are told apart, where they differ wherever they are."""
        if not self._one_step:
            raise UndefinedQuantityError("the mixed feature is task-independent for one gradient step only")
        tasks = [task for task in self.instance.tasks if task.weight != 0]
        return told_apart(tasks, lambda one, other: bool(one < other or one > other))


def size_of(matrix: list[list[arb]]) -> arb:
    """max |v'M v| of unit vectors, M symmetric, of which the upper triangle is given."""
    d = len(matrix)
    if d == 1:
        return Balls.magnitude(matrix[0][0])
    upper = norm([matrix[min(j, k)][max(j, k)] for j in range(d) for k in range(d)])
    return arb(0).union(arb(upper.upper()))


def least_eigenvalue(matrix: list[list[arb]]) -> arb:
    """The least eigenvalue of a symmetric matrix, of which the upper triangle is given: between the lowest end of
    Gershgorin's discs and the least entry of the diagonal."""
    d = len(matrix)
    if d == 1:
        return matrix[0][0]
    low = reduce(
        arb.min,
        (
            matrix[j][j] - sum((Balls.magnitude(matrix[min(j, k)][max(j, k)]) for k in range(d) if k != j), arb(0))
            for j in range(d)
        ),
    )
    return arb(low.lower()).union(arb(reduce(arb.min, (matrix[j][j] for j in range(d))).upper()))
