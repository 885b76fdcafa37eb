"""A landscape studied: its bracketed optimum, and points under test judged against it. The same for every family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .bracket import Bracket
from .instances import Instance

if TYPE_CHECKING:
    from .judge import ClaimJudgement, Enclosure


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
