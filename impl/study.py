"""A landscape studied: its certified optimum, and points under test judged against it. The same for every family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .instances import Instance

if TYPE_CHECKING:
    from .judge import ClaimJudgement, Enclosure


@dataclass(frozen=True)
class Bracket:
    """lower <= optimum <= upper over parameters of norm (or size) at most `ball` (None: all), attained nearly at `at`.

    certified: as narrow as was asked for; checked: proved again by the checker of its certificate.
    """

    lower: float
    upper: float
    at: tuple[float, ...]
    certified: bool
    checked: bool
    ball: float | None
    dimension: int
    boxes: int
    seconds: float
    why: str = ""


@dataclass(frozen=True)
class Finding:
    """A point under test: what it is, the instance against the optimum's point, the verdict on the headline.

    above: by how much the optimum's point beats omega, enclosed; width: of the certified bracket, or the resolution
    that was asked for if that is more.
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
    """A problem, the bracket of its optimum, and the points judged there."""

    instance: Instance
    bracket: Bracket
    findings: tuple[Finding, ...]
