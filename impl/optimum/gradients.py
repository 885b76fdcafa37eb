"""What the gradients of training loops need, whatever encloses them: `loops`, `ball_loops`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from flint import arb, fmpq

from ..answers import Stationarity, newton_length
from ..arithmetic import Array, exactly, norm
from ..judgement import Enclosure
from ..midrad import MidRad
from ..supervised.instance import Atoms, MetaSLInstance, Task, all_rows, rows_of
from ..supervised.maml import Law, Problem
from .objectives import Loop
from .stack import Balls2, norms


@dataclass(frozen=True)
class LoopStationarity(Stationarity):
    """Of one of these loops."""

    loop: Loop


class Field(ABC):
    """The gradients g of loops at omega, and nearby."""

    def __init__(self, instance: MetaSLInstance, watch: Callable[[], None]) -> None:
        self.instance, self.watch = instance, watch
        self._live = [task for task in instance.tasks if task.weight != 0]
        self._canonical = [task for task in instance.canonical.tasks if task.weight != 0]
        self.tasks, self.dimension = len(self._live), instance.dimension
        self.rows = min(rows_of(task.atoms) for task in self._live)
        rounded = MidRad.of(instance.omega, (1, instance.dimension))
        self.omega = Balls2(rounded.mid, norms(rounded.rad, 1))

    @abstractmethod
    def _gradient(self, loop: Loop, theta: Balls2) -> tuple[Array, float]:
        """g at theta: its midpoint (d,), and the norm of its error."""

    def finer(self, one: LoopStationarity) -> LoopStationarity:
        """The same with a narrower enclosure, where one is known."""
        return one

    def at(self, loop: Loop) -> LoopStationarity:
        """||g(omega)||, enclosed, and about how far a stationary point is."""
        mid, error = self._gradient(loop, self.omega)
        if not (np.isfinite(mid).all() and math.isfinite(error)):
            return LoopStationarity(loop, Enclosure(0.0, math.inf), math.inf)
        size, room = norm([exactly(v) for v in mid.tolist()]), exactly(error)
        eps = Enclosure.of((size + room.union(-room)).nonnegative_part())
        far = newton_length(mid, float(np.linalg.norm(self.omega.mid)), lambda shift: self.midpoint(loop, shift))
        return LoopStationarity(loop, eps, far)

    def midpoint(self, loop: Loop, shift: Array | float = 0.0) -> Array:
        """g near omega, in float64."""
        return self._gradient(loop, Balls2(self.omega.mid + shift, self.omega.rad))[0]


def share_of(task: Task) -> fmpq:
    """The support's share of a task's rows."""
    return fmpq(1) if task.support is None else fmpq(rows_of(task.support), all_rows(task))


def law_of_all(law: Law, task: Task) -> Law:
    """The law of all rows of a task."""
    share = arb(share_of(task))
    inner, outer = ([(x, y, p * s) for x, y, p in one.atoms] for one, s in ((law.inner, share), (law, 1 - share)))
    return Law(law.weight, (*inner, *outer), {})


def laws_of(loop: Loop, problem: Problem, task: Task) -> tuple[Law, Law]:
    """The laws that a loop adapts the task on, and evaluates it on; the problem has this task alone."""
    (law,) = problem.laws
    if loop.support is not None:
        return first_rows(problem, task, loop.support)
    if loop.on is not None:
        one = {"query": law, "support": law.inner, "all": law_of_all(law, task)}[loop.on]
        return one, one
    return law.inner, law


def first_rows(problem: Problem, task: Task, m: int) -> tuple[Law, Law]:
    """The laws of the task's first m rows, and of the others."""
    (law,) = problem.laws
    inner, outer = (
        Law(law.weight, tuple((x, y, arb(p)) for (x, y, _), p in zip(law.atoms, side, strict=True)), {})
        for side in sides_of(task, m)
    )
    return inner, outer


def sides_of(task: Task, m: int) -> tuple[list[fmpq], list[fmpq]]:
    """The masses of the law of the task's first m rows, and of the others, of its canonical atoms."""
    if isinstance(task.atoms, Atoms):
        rows, size = task.atoms.rows, len(task.atoms)
        sides = [(rows[:m], m), (rows[m:], len(rows) - m)]
        first, rest = ([fmpq(c, n) for c in np.bincount(side, minlength=size).tolist()] for side, n in sides)
        return first, rest
    atoms = [a for a in task.atoms if a.p != 0]
    places = {key: j for j, key in enumerate(sorted({(a.x, a.y) for a in atoms}))}
    found = []
    for part in (atoms[:m], atoms[m:]):
        masses, whole = [fmpq(0)] * len(places), sum((a.p for a in part), start=fmpq(0))
        for a in part:
            masses[places[a.x, a.y]] += a.p / whole
        found.append(masses)
    return found[0], found[1]
