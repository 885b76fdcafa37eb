r"""For which objective is omega stationary? Enclosures of ||g(omega)|| for what training loops minimise.

With R_i^S, R_i^Q the risks of task i on its support and query rows (the same, but for support/query), U_i(theta) the
parameter after K steps theta <- theta - c grad R_i^S(theta), g is the gradient of

    maml            sum_i q_i R_i(U_i(theta)): the problem's own
    first-order     the same with the derivative of U_i taken for the identity: g = sum_i q_i grad R_i(U_i(theta))
    no-adaptation   sum_i q_i R_i(theta)
    rate=c, steps=K the own objective with another rate (of each parameter times the same), another number of steps
    one-rate        the own objective with the largest of the parameters' rates for all, if they differ
    no-decay        the own objective without the weight decay of its steps
    first-task-only R_1(U_1(theta));  last-task-only likewise
    no-reset        sum_i q_i R_i(theta_i), theta_i = U_i(theta_{i-1}), theta_0 = theta
    reptile         no objective, but a fixed point: g = sum_i q_i (theta - U_i(theta))/c
    support/query   sum_i q_i R_i^Q(U_i(theta)): the support is each task's first m rows, the query the others

and, where tasks have supports of their own, in place of the last
    query-is-support, support-is-query, no-split    one law in place of both: the query, the support, all their rows

After an implicit step of strength c (iMAML), U_i(theta) = argmin R_i^S(t) + (c/2)||t - theta||^2, the same, and

    strength=c      the own objective with another strength
    unrolled=K      MAML with K gradient steps of rate 1/c in place of that argmin

for it Reptile's fixed points are those of first-order: theta - U_i(theta) = grad R_i(U_i(theta))/c.

g is enclosed in midpoint-radius float64 by one pass through the definition and one back (`stack`); where that leaves
much open and the problem is small, likewise in balls (`ball_loops`). What is enclosed so, and at
which rates, midpoints propose: ||g||^2/||Hess g|| estimates how far the nearest stationary point is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain

import numpy as np
from flint import ctx

from ..answers import Stationarities, ranked
from ..arithmetic import Array, norm, rational, to_float
from ..judgement import Enclosure
from ..losses import Link
from ..midrad import MidRad
from ..supervised.adaptation import Gradient, Implicit, Own
from ..supervised.instance import MetaSLInstance, split
from .ball_loops import BallField
from .exact import PRECISION
from .gradients import Field, LoopStationarity, share_of, sides_of
from .objectives import Loop, others, own_loop
from .proximal import back, proximal
from .stack import MINUS, Balls2, Stack, less, norms, numbers, weighted

RATES = tuple(2.0**j for j in range(-12, 7))
"""Rates that are tried, over the own one; between them there is a search."""
VALLEYS, SEARCHED = 2, 24
"""Least rates about which there is a search, and its rounds of golden section."""
FINE = 3
"""Objectives that are enclosed in balls, if their enclosure is wide."""
ENTRIES = 2**16
"""Numbers in rows and tangents, times steps, up to which that is quick enough."""
WIDE = 1e-10
"""Of an enclosure, absolutely and relatively."""


def stationary_for(
    instance: MetaSLInstance, deadline: float = math.inf, watch: Callable[[], None] = lambda: None
) -> Stationarities:
    """The objectives for which omega is nearest to stationary, the own one among them; of implicit steps, for convex
    losses alone.

    What is not done by the deadline (time.monotonic) is left out, but for the own objective.
    """
    adaptation = instance.adaptation.canonical
    implicit = isinstance(adaptation, Implicit)
    assert not isinstance(adaptation, Own)
    if (implicit and not instance.loss.profile.convex) or not any(task.weight for task in instance.tasks):
        return Stationarities(())
    coupled = instance.loss.link is Link.CLASS
    field: Field = (BallField if coupled else _Field)(instance, watch)
    own = field.at(own_loop(adaptation))
    tried = chain(others(adaptation, field.tasks, field.rows, split(instance)), _rates(field, adaptation))
    found = [own]
    while not (cut := time.monotonic() > deadline) and (loop := next(tried, None)) is not None:
        found.append(field.at(loop))
    named = _ranked(field, own, _best_of_each([one for one in found if math.isfinite(one.eps.hi)]))
    return replace(named, cut=cut)


def _best_of_each(found: Sequence[LoopStationarity]) -> list[LoopStationarity]:
    """Of objectives of one name (other supports, other steps of Reptile) the one with the least eps."""
    names = dict.fromkeys(one.loop.objective for one in found)
    return [min((one for one in found if one.loop.objective == name), key=lambda one: one.eps.hi) for name in names]


def _ranked(field: Field, own: LoopStationarity, found: list[LoopStationarity]) -> Stationarities:
    nearest = sorted(found, key=lambda one: one.distance)[:FINE]
    found = [field.finer(one) if one in nearest or one is own else one for one in found]
    own = next((one for one in found if one.loop == own.loop), own)
    size = float(norms(field.omega.mid[0], 0)) or 1.0
    return ranked(own, found, size=size, line=field.dimension == 1)


def _rates(field: Field, adaptation: Gradient | Implicit) -> Iterator[Loop]:
    """The own objective at other rates or strengths: the roundest near the one that midpoints propose."""
    from scipy.optimize import minimize_scalar

    implicit, own = isinstance(adaptation, Implicit), own_loop(adaptation)
    given = adaptation.strength if isinstance(adaptation, Implicit) else adaptation.eta
    name, eta = "strength" if implicit else "rate", to_float(given)

    def other(value: str | float, objective: str = "", words: str = "") -> Loop:
        exact, said = rational(value), replace(own, objective=objective, words=words)
        return replace(said, strength=exact) if implicit else replace(said, rate=exact)

    def size(rate: float) -> float:
        found = float(np.linalg.norm(field.midpoint(other(rate))))
        return found if math.isfinite(found) else math.inf

    if not eta > 0:
        return
    grid = [eta * f for f in RATES if f != 1.0]
    sizes = list(map(size, grid))
    valleys = [j for j in range(1, len(grid) - 1) if sizes[j - 1] > sizes[j] < sizes[j + 1]]
    for j in sorted(valleys, key=lambda j: sizes[j])[:VALLEYS]:
        bracket = tuple(math.log(rate) for rate in grid[j - 1 : j + 2])
        found = minimize_scalar(
            lambda t: size(math.exp(t)), bracket=bracket, method="golden", options={"maxiter": SEARCHED}
        )
        best, least = math.exp(found.x), float(found.fun)
        for digits in (1, 2, 3, 4):
            text = f"{best:.{digits}g}"
            # A searched rate makes one dimension stationary anywhere: there a round one alone says something.
            told = size(float(text)) <= 4 * least or (digits == 4 and field.dimension > 1)
            if told and rational(text) != given:
                words, objective = f"{'iMAML' if implicit else 'MAML'} with {name} {text}", f"{name}={float(text):g}"
                if isinstance(adaptation, Gradient) and adaptation.rates is not None:
                    factor = f"{float(text) / eta:.4g}"
                    words, objective = f"MAML with rates {factor} times as large", f"rates*{factor}"
                yield other(text, objective=objective, words=words)
                break


Adapted = tuple[Balls2, MidRad, Callable[[Balls2], Balls2]]
"""Adapted parameters, predictions there, and the transpose of the adaptation's Jacobian."""
ONE = MidRad(np.ones(1))


# --- their gradients --------------------------------------------------------------------------------------------------


class _Field(Field):
    """From the table of all rows."""

    def __init__(self, instance: MetaSLInstance, watch: Callable[[], None]) -> None:
        super().__init__(instance, watch)
        self.stack = Stack(instance)
        self._only: dict[int, Stack] = {}

    def finer(self, one: LoopStationarity) -> LoopStationarity:
        """The same in balls, if its enclosure is wide and the problem is small."""
        stack, loop, eps = self.stack, one.loop, one.eps
        if (
            loop.strength is not None
            or eps.hi - eps.lo <= WIDE * (1 + eps.lo)
            or stack.count * stack.dimension * stack.dimension * (loop.steps + 1) > ENTRIES
        ):
            return one
        with ctx.workprec(PRECISION):
            found = Enclosure.of(norm(self._balls.in_balls(loop)))
        return replace(one, eps=Enclosure(max(found.lo, eps.lo), min(found.hi, eps.hi)))

    @cached_property
    def _balls(self) -> BallField:
        return BallField(self.instance, self.watch, PRECISION)

    def _part(self, i: int) -> Stack:
        if i not in self._only:
            self._only[i] = self.stack.only(i)
        return self._only[i]

    def _masses(self, loop: Loop) -> tuple[MidRad, MidRad]:
        """The masses that are adapted on, and those that are evaluated on (N,)."""
        if loop.on is not None:
            one = {"query": self.stack.outer, "support": self.stack.masses, "all": self._everything}[loop.on]
            return one, one
        if loop.support is None:
            return self.stack.masses, self.stack.outer
        pairs = [sides_of(task, loop.support) for task in self._live]
        sides = [[m for pair in pairs for m in pair[side]] for side in (0, 1)]
        return numbers(sides[0]), numbers(sides[1])

    @property
    def _everything(self) -> MidRad:
        """The masses of the law of all rows of each task (N,)."""
        shares = numbers([share_of(task) for task in self._live])[self.stack.task]
        return self.stack.masses * shares + self.stack.outer * (1 - shares)

    def _gradient(self, loop: Loop, theta: Balls2) -> tuple[Array, float]:
        """g at theta: its midpoint (d,), and the norm of its error."""
        stack = self.stack
        self.watch()
        if loop.chained:
            return self._chained(loop, theta)
        if loop.only is not None:
            stack = self._part(loop.only)
        if loop.alike or loop.still:
            stack = stack.without(rates=loop.alike, decay=loop.still)
        inner, outer = (stack.masses, stack.outer) if loop.only is not None else self._masses(loop)
        one = ONE if loop.only is not None else stack.weights
        if loop.reptile:
            rate = MidRad.of([loop.rate], ())
            return weighted(one, stack.adapted(theta, inner, rate, loop.steps, self.watch).pull)
        _, z, back = self._adapted(loop, stack, theta, inner)
        slope = stack.gathered(outer * stack.ranges.at(1, z))
        return weighted(one, slope if loop.first_order else back(slope))

    def _adapted(self, loop: Loop, stack: Stack, theta: Balls2, masses: MidRad) -> Adapted:
        """Where the loop's adaptation to these masses leads the tasks from theta."""
        if loop.strength is not None:
            strength = MidRad.of([loop.strength], ())
            near = proximal(stack, theta, masses, strength, self.watch)
            return near.at, near.z, lambda v: back(stack, v, near.bend, strength)
        rate = MidRad.of([loop.rate], ())
        path = stack.adapted(theta, masses, rate, loop.steps, self.watch)
        return less(theta, path.pull, rate), path.z, lambda v: stack.back(v, path.bends, rate, self.watch)

    def _chained(self, loop: Loop, theta: Balls2) -> tuple[Array, float]:
        """From task to task, and back."""
        total, ways = Balls2(np.zeros_like(theta.mid), np.zeros(1)), []
        for i in range(self.tasks):
            part = self._part(i)
            theta, z, back = self._adapted(loop, part, theta, part.masses)
            mid, error = weighted(part.weights, part.gathered(part.outer * part.ranges.at(1, z)))
            ways.append((Balls2(mid[None], np.array([error])), back))
        for slope, back in reversed(ways):
            total = back(less(total, slope, MINUS))
        return weighted(ONE, total)
