"""The distance from the global optimum: what every family that can certify it has, and what a landscape holds.

A family's `Headline` brackets the optimum of its meta-objective and judges points against it. `families` has one for
each row that can.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypedDict

from flint import arb, ctx, fmpq

from ..theory.claim import Claim
from ..theory.stationarity import forms
from .arithmetic import exactly
from .bracket import Bracket
from .instances import Instance
from .judge import PRECISIONS, Evaluator, judge_claim
from .judgement import ClaimJudgement, Enclosure, smallest
from .shown import Sheet, Shown, rounded_down, rounded_up

LOW = 3
"""Real tasks of at most this many parameters are searched; of more, convexity or a bound without a search may do."""


@dataclass(frozen=True)
class Budget:
    """When to stop: relative gap, boxes of the search, seconds of it and its check; `until`: a time.monotonic()."""

    gap: float = 1e-6
    boxes: int = 4_000_000
    seconds: float = 60.0
    until: float = math.inf


Progress = Callable[[int, float, float], None]
"""Told how far a search is: boxes, lower, upper."""
Stage = Callable[[str], None]
"""Told what is being done."""


class Details(TypedDict, total=False):
    """What is said of a bracket in some families alone; linearised: the ends of another, infinite if not known."""

    boxes: int
    method: str
    ball: float | None
    floor: float | None
    linearised: tuple[float, float] | None


MORE_TIME = "allow more time"


class ShownBracket(Bracket, Shown, ABC):
    """A bracket with the point of its end that is a value, told in words and as the fields of a record."""

    at: Any
    how: Any
    """A word or words for what gave the end that is no value."""
    sharper: ClassVar[str] = MORE_TIME
    """What to do about a wide bracket."""

    @property
    @abstractmethod
    def what(self) -> str:
        """What is bracketed, in words."""

    @property
    @abstractmethod
    def proof(self) -> str:
        """What gave the ends of the bracket, and whether that is proved, in words."""

    @property
    @abstractmethod
    def said(self) -> tuple[str, ...]:
        """What there is to say beside the ends, a sentence each."""

    @property
    @abstractmethod
    def details(self) -> Details:
        """The fields of its record that not every family has."""

    def __repr__(self) -> str:
        return f"<{self.what}: [{rounded_down(self.lower, 9)}, {rounded_up(self.upper, 9)}] {self.status.value}>"

    @property
    def sheet(self) -> Sheet:
        """Both ends, and what there is to say beside them."""
        status = self.status.value + (f": {self.why}" if self.why else "")
        rows = [("from", rounded_down(self.lower, 12)), ("to", rounded_up(self.upper, 12)), ("status", status)]
        return Sheet(self.what, (), [*rows, *(("", sentence) for sentence in self.said)])

    @property
    def point(self) -> list[Any]:
        """`at` as a JSON list."""
        return list(self.at)

    @property
    def certificate(self) -> Any:
        """A file that proves the bracket again (`dumps`); None if there is none."""
        return None

    @property
    def effort(self) -> str:
        """The boxes and the time that it took."""
        checked = "" if self.check is None else f", {self.check.boxes} in the checker"
        return f"{self.boxes} boxes in the search{checked}; {self.seconds:.3f} s"


def in_words(at: Sequence[float]) -> str:
    """A parameter for people."""
    return f"at [{', '.join(f'{v:.9g}' for v in at)}]"


def with_bracket(found: ClaimJudgement | None, judged: ClaimJudgement) -> ClaimJudgement | None:
    """A bound of the gap to the judgement's comparator as one of the distance from the optimum: plus its bracket."""
    width = judged.terms.get("bracket")
    if found is None or found.bound is None or width is None:
        return None
    with ctx.workprec(PRECISIONS[0]):
        parts = (exactly(side.lo).union(exactly(side.hi)) for side in (found.bound, width))
        bound = Enclosure.of(sum(parts, start=arb(0)))
    return replace(found, bound=bound, gap=judged.gap, terms={**found.terms, "bracket": width}, ratio=None)


@dataclass(frozen=True)
class Finding:
    """A point under test: what it is, the instance against the optimum's point, the verdict on the headline.

    above: by how much the optimum's point beats omega, enclosed; width: of what is proved of the bracket, or the
    resolution that was asked for if that is more; evaluator: of the instance, with the bracket's proved end.
    """

    kind: str
    omega: tuple[float, ...]
    instance: Instance
    judged: ClaimJudgement
    above: Enclosure
    width: float
    evaluator: Evaluator = field(repr=False, compare=False)

    def smallest(self, claims: Iterable[Claim]) -> ClaimJudgement | None:
        """The smallest bound of the distance by the `forms` of a family's claims: with the width of the bracket."""
        return with_bracket(smallest(judge_claim(claim, self.evaluator) for claim in forms(claims)), self.judged)

    @property
    def spurious(self) -> bool:
        """Whether omega is certified not to be global, by more than the bracket leaves open."""
        return self.above.lo > self.width


@dataclass(frozen=True)
class Study:
    """A problem, the bracket of its optimum, and the points judged there.

    at, ball, dimension   of the bracket: the point of its end that is a value, the radius (or half-width) of what was
    searched (None: all parameters), the parameters that matter
    """

    instance: Instance
    bracket: Bracket
    at: tuple[float, ...]
    ball: float | None
    dimension: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Certified:
    """A real instance's omega judged against a bracket, over a ball (or a box) of that size; None: everywhere."""

    finding: Finding
    bracket: Bracket
    ball: float | None


@dataclass(frozen=True)
class Picture:
    """L in one or two dimensions as data: the grid of one axis, L on the grid (row by row), and the orthonormal
    directions [d][D] of its axes, by which a parameter [D] has coordinates."""

    axis: Sequence[float]
    values: Sequence[float]
    directions: Sequence[Sequence[float]]

    def place(self, parameter: Sequence[float]) -> list[float]:
        """A parameter's coordinates in the picture."""
        return [sum(a * b for a, b in zip(row, parameter, strict=True)) for row in self.directions]


class Headline(ABC):
    """How the optimum of a family's instances is bracketed, and the claim on the distance from it judged."""

    claim: Claim
    sample: Callable[[Any, float, int], Picture] | None = None
    """A picture of an instance's L: of (instance, ball, points per axis)."""
    no_certificate: str = "no certificates are written for this family; leave it out"
    """Why there is no certificate to write, and what to do; empty where there is one."""

    @abstractmethod
    def optimum(
        self,
        instance: Any,
        radius: fmpq | None,
        gap: float,
        seconds: float,
        *,
        checked: bool = True,
        tell: Callable[[str], None] = lambda stage: None,
    ) -> ShownBracket:
        """Bracket the optimum over a ball (None: everywhere, where that can be) to a relative gap.

        `checked=False`: nothing is checked where that can be left out. `tell` is told what is being done.
        Errors: UnsupportedError, and ValueError where a radius is required.
        """

    @abstractmethod
    def judged(self, instance: Any) -> ClaimJudgement:
        """The headline at the instance's omega, with room for float64. Errors: UnsupportedError."""

    @abstractmethod
    def study(self, instance: Any) -> Study:
        """Bracket the optimum, and judge the headline at omega and at critical points."""

    @abstractmethod
    def certified(
        self, instance: Any, kind: str, others: Sequence[Instance], beside: Evaluator | None = None
    ) -> Certified | None:
        """The distance of a real instance's omega; None if it has too many parameters, or cannot be bracketed.

        `others` are the instances of the same tasks: where the search is in a box, it holds the points of all of them.
        beside: of the instance: what omega alone decides is taken from there, where quantities can be shared.
        """
