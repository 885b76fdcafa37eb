"""The headline's quantities for many rows: enclosed from the table of all rows (`stack`), not point by point.

With v = omega - theta', along which predictions t of the linearised adaptation follow t <- t - eta X X'(D t):

    gap, eps          L(omega) - L(theta'), ||grad L(omega)||, as in `convex_check`
    weight_norm       ||w|| <= (sum q p ell'(z+)^2)^(1/2), w the mean of ell' at a point; equal without equal points
    misfit            inf over ||v'|| <= R of ||u - phi'v'|| lies in [0, ||u - t||], as ||v|| <= R
    misfit_l1         inf over v' of eps ||v'|| + <|w|, |u - phi'v'|> lies between <w, u>, to which w is a dual, and its
                      values at 0 and at v, sum q p |ell'(z+) u| and eps ||v|| + sum q p |ell'(z+) (u - t)|
    bregman           <w, u> - gap
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from flint import arb

from ..arithmetic import bounds, dot, exactly, root
from ..elementary import MidRads
from ..instances import Vector
from ..midrad import MidRad
from ..supervised.adaptation import Gradient
from ..supervised.instance import Functions, MetaSLInstance
from .convex_check import Prover, ball_of
from .stack import Balls2, norms, total

MANY = 10**5
"""Rows times tasks beyond which quantities are enclosed so."""


def many(instance: MetaSLInstance, most: int | None = None) -> bool:
    """Whether there are more rows times tasks (`most`: MANY); gradient steps, convex losses without joints."""
    steps, loss = instance.adaptation, instance.loss
    plain = isinstance(steps, Gradient) and steps.decay == 0 and loss.outputs == 1 and not loss.profile.joints
    rows = sum(len(law) for task in instance.tasks for law in (task.atoms, task.support or ()))
    return plain and loss.profile.convex and rows * len(instance.tasks) > (MANY if most is None else most)


class ManyRows:
    """Quantities by name, of an instance whose comparator is a parameter, against a proved lower end of L."""

    def __init__(self, instance: MetaSLInstance, lower: float) -> None:
        assert not isinstance(instance.comparator, Functions)
        self._prover, self._omega, self._at = Prover(instance), instance.omega, instance.comparator
        self._instance, self._lower = instance, exactly(lower)
        self.exact_direction: Vector = tuple(a - b for a, b in zip(self._omega, self._at, strict=True))

    def __call__(self, name: str) -> arb:
        """The quantity of that name."""
        value = getattr(self, name)
        assert isinstance(value, arb)
        return value

    def scale(self, name: str) -> arb:
        """No sums are excused: enclosures hold what rounding leaves."""
        return arb(0)

    @staticmethod
    def working(bits: int) -> int:
        """The bits in which quantities are evaluated."""
        return bits

    @property
    def zero(self) -> arb:
        return arb(0)

    margin_outer_convexity = margin_differentiability = arb(1)

    @property
    def radius(self) -> arb:
        return arb(self._instance.radius)

    @cached_property
    def _here(self) -> tuple[arb, arb]:
        """L(omega) and ||grad L(omega)||."""
        point = self._prover.point(self._omega)
        steep = root(dot(point.gradient, point.gradient))
        return point.value, (steep + point.error.union(-point.error)).nonnegative_part()

    @cached_property
    def _there(self) -> arb:
        return self._prover.point(self._at).value

    @property
    def eps(self) -> arb:
        return self._here[1]

    @property
    def gap(self) -> arb:
        return self._here[0] - self._there

    @property
    def bracket(self) -> arb:
        """L(theta') - lower."""
        return self._there - self._lower

    @property
    def certified_gap(self) -> arb:
        """L(omega) - lower."""
        return self._here[0] - self._lower

    @cached_property
    def _moved(self) -> tuple[MidRad, MidRad, MidRad]:
        """z+ at omega, u and u - t, per row."""
        stack = self._prover.stack

        def start(theta: Vector) -> MidRad:
            rounded = MidRad.of(theta, (1, len(theta)))
            return stack.predictions(Balls2(rounded.mid, norms(rounded.rad, 1)))

        here, there, along = start(self._omega), start(self._at), start(self.exact_direction)
        for _ in range(stack.steps):
            bend = stack.masses * stack.ranges.at(2, here)
            along = along - stack.rate * stack.predictions(stack.paced(stack.gathered(bend * along)))
            slopes = [stack.paced(stack.gathered(stack.masses * stack.ranges.at(1, z))) for z in (here, there)]
            here, there = (z - stack.rate * stack.predictions(s) for z, s in zip((here, there), slopes, strict=True))
        u = here - there
        return here, u, u - along

    def _norm(self, values: MidRad) -> arb:
        """(sum q p v^2)^(1/2), enclosed."""
        return root(ball_of(total(self._prover.stack.row_weights * (values * values))))

    @cached_property
    def function_displacement(self) -> arb:
        return self._norm(self._moved[1])

    @cached_property
    def weight_norm(self) -> arb:
        stack = self._prover.stack
        most = self._norm(stack.ranges.at(1, self._moved[0]))
        points = stack.points
        equal = bool(((points[1:] == points[:-1]) & (stack.task[1:] == stack.task[:-1])).any())
        return most.union(arb(0)) if equal else most

    @cached_property
    def misfit(self) -> arb:
        return self._norm(self._moved[2]).union(arb(0))

    def _paired(self, change: Callable[[MidRad], MidRad], values: MidRad) -> arb:
        """sum q p change(ell'(z+) v), enclosed."""
        stack = self._prover.stack
        return ball_of(total(stack.row_weights * change(stack.ranges.at(1, self._moved[0]) * values)))

    @cached_property
    def pairing(self) -> arb:
        return self._paired(lambda v: v, self._moved[1])

    @property
    def bregman(self) -> arb:
        return self.pairing - self.gap

    @cached_property
    def misfit_l1(self) -> arb:
        _, u, rest = self._moved
        along = self.eps * self.radius + self._paired(MidRads.magnitude, rest)
        least = along.min(self._paired(MidRads.magnitude, u))
        return self.pairing.min(least).union(least)

    def rounding(self, name: str) -> float:
        """Of a float64 evaluation: as wide as the enclosure."""
        low, high = bounds(self(name))
        return float(np.subtract(high, low))
