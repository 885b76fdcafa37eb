"""Gradients of training loops in balls, through the definition and back: of any loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from flint import arb, arb_mat, ctx

from ..arithmetic import Array, Balls, bounds, exactly, midpoint, norm
from ..supervised.adaptation import Gradient, Implicit
from ..supervised.instance import MetaSLInstance
from ..supervised.maml import Law, Problem, bent
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
        total, here, ways = theta * 0, theta, []
        for i, (given, problem) in enumerate(zip(self._live, self._problems, strict=True)):
            if loop.only not in (None, i):
                continue
            self.watch()
            inner, outer = laws_of(loop, problem, given)
            path = _path(problem, inner, here if loop.chained else theta, loop)
            here, share = path[-1], arb(1) if loop.only is not None else outer.weight
            if loop.reptile:
                total += (path[0] - here) * (share / arb(loop.rate))
                continue
            slope = problem.gradient(outer, problem.predictions(here)) * share
            if loop.chained:
                ways.append((problem, inner, path, slope))
            else:
                total += slope if loop.first_order else _back(problem, inner, path, slope, loop)
        for problem, inner, path, slope in reversed(ways):
            total = _back(problem, inner, path, total + slope, loop)
        return total


def _path(problem: Problem, law: Law, theta: arb_mat, loop: Loop) -> list[arb_mat]:
    """theta, and where every step leads."""
    if loop.strength is not None:
        return [theta, problem._proximal(law, theta, Implicit(loop.strength))]
    found, decay = [theta], _decay(problem, loop)
    for _ in range(loop.steps):
        here = found[-1]
        pull = problem.gradient(law, problem.predictions(here)) + here * decay
        found.append(here - _paced(problem, pull, loop))
    return found


def _paced(problem: Problem, pull: arb_mat, loop: Loop) -> arb_mat:
    """rate D pull (d, 1): every parameter's entry times its rate."""
    adaptation = problem.instance.adaptation.canonical
    if loop.alike or not isinstance(adaptation, Gradient) or adaptation.rates is None:
        return pull * arb(loop.rate)
    rows = zip(adaptation.rates, pull.entries(), strict=True)
    return arb_mat([[arb(loop.rate * r) * v] for r, v in rows])


def _decay(problem: Problem, loop: Loop) -> arb:
    adaptation = problem.instance.adaptation.canonical
    return arb(0) if loop.still or not isinstance(adaptation, Gradient) else arb(adaptation.decay)


def _back(problem: Problem, law: Law, path: list[arb_mat], slope: arb_mat, loop: Loop) -> arb_mat:
    """The transpose of the steps' Jacobian, applied to a slope (d, 1)."""
    if loop.strength is not None:
        hessian = problem.hessian(law, problem.predictions(path[-1]))
        return (problem.identity() + hessian * (1 / arb(loop.strength))).solve(slope)
    for here in reversed(path[:-1]):
        # The transpose of I - rate D (H + decay) is I - rate (H + decay) D.
        bends, moved = problem.curvatures(law, problem.predictions(here)), _paced(problem, slope, loop)
        turned = Balls.matrix(bent(bends, (problem.features * moved).tolist()))
        slope = slope - problem.transposed * turned - moved * _decay(problem, loop)
    return slope
