"""A bracket of an optimum, whatever the family: what was searched, and what its checker says.

Made in one place, so that none has its ends in the wrong order: that would be a defect of the engine, never a result.
The word "certified" is the checker's. Of an infimum the upper end is a value in balls and the lower end is what is to
be proved; of a supremum it is the other way round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from flint import arb

from .arithmetic import as_proved

SCALE = 1e-3
"""The gap that is asked for is relative to max(|upper end|, SCALE)."""
ROUNDING = 1e-9
"""Relative room of a width that is compared with the gap: its ends were rounded outwards."""
OTHERWISE = "float64 is not rounded to nearest here, or loses subnormal numbers (torch.set_flush_denormal?)"
"""Why nothing is accepted."""


class Status(StrEnum):
    """What is known of a bracket."""

    CERTIFIED = "certified"
    """As narrow as was asked for, and its checker has accepted it."""
    BRACKETED = "bracketed"
    """As narrow as was asked for, by the search alone: not checked."""
    UNDECIDED = "undecided"
    """Wider than was asked for."""
    INTERRUPTED = "interrupted"
    """Ctrl-C ended the search while it was wider than was asked for."""


class DefectError(ArithmeticError):
    """The engine found what cannot be: a fault of its own, and no result."""


class UnsupportedError(ValueError):
    """The optimum of this problem cannot be bracketed; the message says what is required."""


@dataclass(frozen=True)
class Check:
    """What a checker says: accepted or not, why, how many boxes were proved, how many beyond the certificate's own.

    Nothing is accepted where float64 is not as proofs take it (`as_proved`): the reason says so.
    """

    accepted: bool
    reason: str
    boxes: int = 0
    extra: int = 0

    def __post_init__(self) -> None:
        if self.accepted and not as_proved():
            object.__setattr__(self, "accepted", False)
            object.__setattr__(self, "reason", OTHERWISE)


@dataclass(frozen=True, kw_only=True)
class Bracket:
    """lower <= optimum <= upper; an end that is not known is infinite.

    gap        the relative width that was asked for
    check      what the checker said of the end that is no value; None: it was not asked
    fallback   an end that is proved, should this one not be; None: none is known
    supremum   whether the optimum is one: then the upper end is what is to be proved
    why        if undecided, what stopped the search or the checker

    Errors: DefectError where the ends are in the wrong order, or are no numbers.
    """

    lower: float
    upper: float
    gap: float
    check: Check | None = None
    fallback: float | None = None
    interrupted: bool = False
    supremum: bool = False
    why: str = ""
    boxes: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if not self.lower <= self.upper or self.lower == math.inf or self.upper == -math.inf:
            raise DefectError(f"a bracket from {self.lower!r} to {self.upper!r}: its ends are in the wrong order")

    @property
    def width(self) -> float:
        """upper - lower; infinite where an end is not known."""
        return self.upper - self.lower

    @property
    def resolution(self) -> float:
        """The width that was asked for."""
        return self.gap * max(abs(self.upper), SCALE) if math.isfinite(self.upper) else 0.0

    @property
    def narrow(self) -> bool:
        """Whether both ends are known, and the bracket is as narrow as was asked for."""
        return math.isfinite(self.width) and self.width <= self.resolution * (1 + ROUNDING) + 2 * math.ulp(self.upper)

    @property
    def proved(self) -> bool:
        """Whether the checker has accepted the end that is no value."""
        return self.check is not None and self.check.accepted

    @property
    def sure(self) -> float:
        """The end that is no value, as far as it is proved; infinite if nothing is."""
        if self.proved:
            return self.upper if self.supremum else self.lower
        nothing = math.inf if self.supremum else -math.inf
        return nothing if self.fallback is None else self.fallback

    @property
    def status(self) -> Status:
        """The word for it."""
        if self.narrow:
            return Status.CERTIFIED if self.proved else Status.BRACKETED
        return Status.INTERRUPTED if self.interrupted else Status.UNDECIDED

    @property
    def certified(self) -> bool:
        """Whether the status is certified."""
        return self.status is Status.CERTIFIED

    def holds(self, value: arb, what: str) -> None:
        """Nothing, if the optimum may be on the right side of a value in balls. Errors: DefectError."""
        if self.proved and (value > self.upper if self.supremum else value < self.lower):
            end = f"upper={self.upper!r}" if self.supremum else f"lower={self.lower!r}"
            raise DefectError(f"{what} is {value.str(17)}, beyond the accepted end {end} of the bracket")
