"""A practitioner's answer, whatever the family: how far omega is from the global optimum, what the theorem promises,
what omega is stationary for. Families make it, stage by stage (`stages`); `optimum.advice` puts it in words.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flint import fmpq

from ..arithmetic import Array
from ..instances import Instance
from ..judgement import ClaimJudgement, Enclosure, smallest
from ..study import Budget, Progress, ShownBracket, Stage

NEAR = 1e-2
"""How much nearer another objective's stationary point is than the own one's, where omega is said to be the other's; in
one dimension CLOSE, as there every second objective has one nearby."""
CLOSE, SURELY = 1e-4, 1e-6
"""Relative distance up to which omega is near a stationary point of its own objective: there the other's must be nearer
by that much."""
KEPT = 8
"""Objectives that are told, the own one among them."""


@dataclass(frozen=True)
class Posed:
    """What was solved, and by which claim it is judged; words say it for people.

    rows, columns   of data (of policies: pairs of states and actions, and features of one)
    split           whether tasks adapt on a support of their own
    width           neurons of a network; states, actions   of decision processes
    """

    model: str
    loss: str
    adaptation: dict[str, object]
    tasks: int
    rows: int
    columns: int
    omega: list[Any]
    words: str
    claim: str
    split: bool = False
    width: int | None = None
    states: int | None = None
    actions: int | None = None


@dataclass(frozen=True)
class Objective:
    """What a training loop minimises; words say it for people."""

    objective: str
    words: str


@dataclass(frozen=True)
class Stationarity:
    """||g(omega)|| for an objective, enclosed; `distance` a float64 estimate of how far its stationary point is."""

    loop: Objective
    eps: Enclosure
    distance: float


@dataclass(frozen=True)
class Stationarities:
    """What is known, first the objective that omega was made for, as far as that shows, then by eps.

    other   the objective that omega is stationary for in place of its own one, if there is one
    few     whether these are all that are tried: then they are told one by one
    cut     whether the time for trying them was up
    """

    found: tuple[Stationarity, ...]
    other: Stationarity | None = None
    few: bool = False
    cut: bool = False


def ranked(
    own: Stationarity, found: Sequence[Stationarity], *, size: float, line: bool, few: bool = False
) -> Stationarities:
    """The objectives in the order in which they are told; own need not be among those found.

    size   ||omega||, or 1 if that is 0. line   whether there is one parameter
    """
    by_eps = sorted(found, key=lambda one: one.eps.hi)
    least = min((one.distance for one in found), default=math.inf)
    # Objectives that coincide, as rate=0 and none, differ by rounding: the plainest of them, listed first, is told.
    resolution = 2.0**-40 * (1 + size)
    first = next((one for one in found if one.distance <= max(4 * least, resolution)), None)
    other = None
    if first is not None and first is not own and own in found:
        near = (CLOSE if line else NEAR) if own.distance > CLOSE * size else SURELY
        other = first if first.distance <= near * own.distance and first.eps.hi < own.eps.lo else None
    told = by_eps if other is None else [other, *(one for one in by_eps if one is not other)]
    kept = told if few else told[:KEPT]
    if own in found and own not in kept:
        kept[-1] = own
    return Stationarities(tuple(kept), other, few)


def newton_length(gradient: Array, size: float, near: Callable[[Array], Array]) -> float:
    """||g||^2/||Hess g||: how far Newton's step goes along g, where that is an eigenvector; `near` gives g at a shift
    from a point of that size."""
    length = float(np.linalg.norm(gradient))
    if length == 0:
        return 0.0
    step = 1e-5 * (1 + size)
    along = gradient / length * step
    bend = float(np.linalg.norm(near(along) - near(-along))) / (2 * step)
    return length / bend if bend > 0 and math.isfinite(bend) and math.isfinite(length) else math.inf


@dataclass(frozen=True)
class Answer:
    """The distance of L(omega) from the optimum lies in `gap`; judged: the theorem on it, None where it says nothing,
    which `missing` explains; its terms hold the bracket's.

    value       L(omega)
    everywhere  whether the optimum is over all parameters; else over the `region`
    choice      why that region, if none was asked for
    growth      at least the largest eta lambda_max of a task's Hessian at omega; beyond 2 inner steps diverge there
    smallest    the form of the theorem that is proved and bounds the distance least, with what the bracket leaves open
    """

    instance: Instance
    posed: Posed
    value: Enclosure
    optimum: ShownBracket
    gap: Enclosure
    everywhere: bool
    region: str = ""
    stationary: Stationarities = field(default_factory=lambda: Stationarities(()))
    growth: float = 0.0
    judged: ClaimJudgement | None = None
    smallest: ClaimJudgement | None = None
    missing: str = ""
    choice: str = ""

    @property
    def promise(self) -> float:
        """What the theorem bounds the distance by, in its smallest form (PROVED or EQUAL); infinite without one."""
        least = smallest(one for one in (self.judged, self.smallest) if one is not None)
        return math.inf if least is None or least.bound is None else least.bound.hi

    @property
    def ends(self) -> tuple[float, float]:
        """The optimum lies between them: what is proved, and a value of L."""
        optimum = self.optimum
        return (optimum.lower, optimum.sure) if optimum.supremum else (optimum.sure, optimum.upper)

    @property
    def relative(self) -> Enclosure:
        """The gap over the optimum, outwards; unbounded where that may be 0 or less."""
        low, high = self.ends
        if self.optimum.supremum:
            # 1 - L(omega)/sup L is monotone in sup L.
            known = 0 < low <= high < math.inf
            floors = [less(end, self.value.hi) / end for end in (low, high)] if known else [0.0]
            tops = [more(end, self.value.lo) / end for end in (low, high)] if known else [math.inf]
            return Enclosure(max(math.nextafter(min(floors), -math.inf), 0.0), math.nextafter(max(tops), math.inf))
        least = math.nextafter(self.gap.lo / high, 0.0) if 0 < high < math.inf else 0.0
        most = self.gap.hi / low if low > 0 else math.inf
        return Enclosure(least, math.nextafter(most, math.inf))


Told = Callable[[Answer], None]


class Answerer(ABC):
    """How a family answers for an instance's omega."""

    @abstractmethod
    def certify(
        self, instance: Any, radius: fmpq | None, budget: Budget, progress: Progress, stage: Stage, told: Told
    ) -> Answer:
        """The answer, over a ball of that radius (None: over all parameters, where that can be).

        stage   is told what is being done; progress   how far a search is: boxes, lower, upper
        told    hears every better answer
        Ctrl-C (KeyboardInterrupt from `stage` or `progress`) ends it with the answer that stands, once there is one.
        Errors: UnsupportedError.
        """

    @abstractmethod
    def trained(self, instance: Any) -> Instance:
        """The instance with an omega that MAML makes on the spot."""

    @abstractmethod
    def outside(self, instance: Any, radius: fmpq) -> str:
        """What is required of the radius, where omega is beyond it; else nothing."""


def less(a: float, b: float) -> float:
    """At most a - b; of what is infinite or no number, minus infinity."""
    return math.nextafter(a - b, -math.inf) if math.isfinite(a) and math.isfinite(b) else -math.inf


def more(a: float, b: float) -> float:
    """At least a - b; of what is infinite or no number, infinity."""
    if b == 0:
        return a
    return math.nextafter(a - b, math.inf) if math.isfinite(a) and math.isfinite(b) else math.inf


def count(number: int, what: str) -> str:
    """3 tasks, 1 row."""
    return f"{number} {what}{'s' * (number != 1)}"
