"""The distance from the global optimum: what every family that can certify it has, and what a landscape holds.

A family's `Headline` brackets the optimum of its meta-objective and judges points against it. `families` has one for
each row that can.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from flint import fmpq

from ..theory.claim import Claim
from .bracket import Bracket
from .instances import Instance
from .judge import ClaimJudgement, Enclosure

LOW = 3
"""Real tasks of at most this many parameters are certified, where a search over all of them is needed."""


class Details(TypedDict, total=False):
    """What is said of a bracket in some families alone; linearised: the ends of another, infinite if not known."""

    boxes: int
    method: str
    ball: float | None
    floor: float | None
    linearised: tuple[float, float] | None


class ShownBracket(Bracket, ABC):
    """A bracket with the point of its end that is a value, told in words and as the fields of a record."""

    at: Any

    @property
    @abstractmethod
    def what(self) -> str:
        """What is bracketed, in words."""

    @property
    @abstractmethod
    def said(self) -> tuple[str, ...]:
        """What there is to say beside the ends, a sentence each."""

    @property
    @abstractmethod
    def details(self) -> Details:
        """The fields of its record that not every family has."""

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


@dataclass(frozen=True)
class Finding:
    """A point under test: what it is, the instance against the optimum's point, the verdict on the headline.

    above: by how much the optimum's point beats omega, enclosed; width: of what is proved of the bracket, or the
    resolution that was asked for if that is more.
    """

    kind: str
    omega: tuple[float, ...]
    instance: Instance
    judged: ClaimJudgement
    above: Enclosure
    width: float

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
    def certified(self, instance: Any, kind: str, others: Sequence[Instance]) -> Certified | None:
        """The distance of a real instance's omega; None if it has too many parameters, or cannot be bracketed.

        `others` are the instances of the same tasks: where the search is in a box, it holds the points of all of them.
        """
