"""Gradients of training loops in balls, through the definition and back: of any loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from flint import arb, arb_mat, ctx, fmpq

from ..arithmetic import Array, Balls, bounds, exactly, midpoint, norm
from ..supervised.adaptation import Adaptation, Gradient, Implicit
from ..supervised.instance import MetaSLInstance
from .exact import alone
from .gradients import Field, laws_of
from .objectives import Loop
from .stack import Balls2

BITS = 80
"""Of the balls: what float64 midpoints lose is then all of the error."""


class BallField(Field):
    """By balls, task by task: slope <- slope - (Phi'B Phi + decay) rate D slope through the steps, the last first."""

    def __init__(self, instance: MetaSLInstance, watch: Callable[[], None], bits: int = BITS) -> None:
        super().__init__(instance, watch)
        self.bits = bits
        with ctx.workprec(bits):
            self._problems = [alone(instance, task, Balls) for task in self._canonical]
            self._omega = arb_mat([[arb(v)] for v in instance.omega])

    def _gradient(self, loop: Loop, theta: Balls2) -> tuple[Array, float]:
        with ctx.workprec(self.bits):
            own = theta is self.omega
            found = self._at(loop, self._omega if own else arb_mat([[arb(v)] for v in theta.mid[0].tolist()])).entries()
            mid = np.array([midpoint(v) for v in found])
            if not np.isfinite(mid).all():
                return mid, np.inf
            return mid, bounds(norm([v - exactly(m) for v, m in zip(found, mid.tolist(), strict=True)]))[1]

    def in_balls(self, loop: Loop) -> list[arb]:
        """g(omega) [d]."""
        with ctx.workprec(self.bits):
            return self._at(loop, self._omega).entries()

    def _at(self, loop: Loop, theta: arb_mat) -> arb_mat:
        """g (d, 1)."""
        total, here, ways, adaptation = theta * 0, theta, [], _adaptation(loop, self.instance.adaptation.canonical)
        for i, (given, problem) in enumerate(zip(self._live, self._problems, strict=True)):
            if loop.only not in (None, i):
                continue
            self.watch()
            inner, outer = laws_of(loop, problem, given)
            inner, problem = replace(inner, support=None), problem.adapting(adaptation)
            path = problem.adapt(inner, here if loop.chained else theta)
            here, share = path[-1], arb(1) if loop.only is not None else outer.weight
            if loop.reptile:
                total += (path[0] - here) * (share / arb(loop.rate))
                continue
            slope = problem.gradient(outer, problem.predictions(here)) * share
            if loop.chained:
                ways.append((problem, inner, path, slope))
            else:
                total += slope if loop.first_order else problem.pulled_back(inner, path, slope)
        for problem, inner, path, slope in reversed(ways):
            total = problem.pulled_back(inner, path, total + slope)
        return total


def _adaptation(loop: Loop, own: Adaptation) -> Gradient | Implicit:
    """How the loop adapts, to an instance with this adaptation of its own."""
    if loop.strength is not None:
        return Implicit(loop.strength)
    if not isinstance(own, Gradient):
        return Gradient(loop.rate, loop.steps)
    return Gradient(loop.rate, loop.steps, None if loop.alike else own.rates, fmpq(0) if loop.still else own.decay)
