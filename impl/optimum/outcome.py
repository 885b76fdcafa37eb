"""What is known of the global minimum of a meta-objective: a bracket, where its ends come from, and the point."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from flint import fmpq

from ..arithmetic import rational, to_float
from ..instances import Vector
from ..shown import rounded_down
from ..study import Details, ShownBracket, in_words
from .certificate import Certificate

How = Literal["tree", "exact", "floor", "convex", "nonnegative", "none"]
"""What gave the lower end: the search's boxes, the exact minimum of a quadratic, a bound without a search, convexity,
a loss that is never negative; nothing."""


LOWER_ENDS: dict[How, str] = {
    "tree": "that of a search over boxes",
    "exact": "the exact minimum of a convex quadratic over all parameters",
    "floor": "a bound that needs no search: no functions, or no parameters of each task's own, do better",
    "convex": "that of convexity: a gradient at one point and a floor of the Hessian",
    "nonnegative": "0: the loss is never negative",
    "none": "not known",
}
"""What gave the lower end of the bracket, in words."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Optimum(ShownBracket):
    """A bracket of the global minimum of L.

    at            the point of the upper bound [d], rounded to float64
    radius        of the ball that was asked for; None: all parameters
    how           what gave the lower end; proved, if the check was accepted
    dimension     parameters that matter: the rank of the features (by convexity: all)
    ball          the ball that was searched (over all parameters: it holds a global minimiser)
    certificate   of the bracket, if there is one; that of the lower end in any case
    unproved      whether a proof that L is convex was sought in vain; not where the time or Ctrl-C came before
    """

    at: tuple[float, ...]
    radius: fmpq | None
    how: How
    dimension: int
    ball: fmpq
    certificate: Certificate | None = None
    unproved: bool = False

    @property
    def exactly_at(self) -> Vector:
        """The point of the upper bound [d] as it is in a certificate by convexity; else `at`."""
        if self.certificate is not None and self.certificate.how == "convex":
            return self.certificate.at
        return tuple(rational(v) for v in self.at)

    @property
    def what(self) -> str:
        if self.radius is None and self.how in ("convex", "nonnegative", "none") and self.lower <= 0:
            return "inf L over all parameters"
        if self.radius is None:
            return f"inf L over all parameters (attained within {self.ball})"
        return f"inf L over ||theta|| <= {self.radius}"

    @property
    def said(self) -> tuple[str, ...]:
        return in_words(self.at), self.proof, self.effort

    @property
    def details(self) -> Details:
        floor = self.sure if math.isfinite(self.sure) else None
        return {"boxes": self.boxes, "ball": to_float(self.ball), "floor": floor}

    @property
    def proof(self) -> str:
        """Where the lower end of the bracket comes from, and whether it is proved."""
        said = f"the lower end is {LOWER_ENDS[self.how]}"
        if self.proved:
            return f"{said}; the checker has proved it"
        if self.how in ("nonnegative", "none"):
            return said
        reason = "was not asked" if self.check is None else f"has not proved it ({self.check.reason})"
        floor = f"; proved is {rounded_down(self.sure, 6)}" if math.isfinite(self.sure) else "; no lower end is proved"
        return f"{said}; the checker {reason}{floor}"


class Floored(Optimum):
    """A bracket whose lower end is a floor, where no search is known."""

    sharper = "no higher lower end is known for it"
