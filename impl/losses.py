"""The losses: each declared once, as a function of one variable and the way it meets a label.

    ell(z, y) = g(a z + b) - c z      with (a, b, c) from the link:
      residual   (1, -y, 0)    regression: g of the residual z - y
      margin     (y,  0, 0)    classification, y = +-1: g of the margin y z
      canonical  (1,  0, y)    exponential family with log-partition g, e.g. Poisson
      class      the same of a vector z, y a unit vector

g is a profile (`profiles`). `TABLE` has all losses, each once: `LOSSES` are those of one output, `VECTOR_LOSSES` those
of several (`vector_losses`); INSTANCE files use their names.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache, reduce
from typing import Any, ClassVar

from flint import arb, arb_series, ctx, fmpq, fmpq_series

from .arithmetic import Array, Balls, Floats, Number, Rationals, rational
from .profiles import (
    Absolute,
    Constants,
    DoubleWell,
    Exponential,
    GemanMcClure,
    Huber,
    LogCosh,
    Logistic,
    Poisson,
    Profile,
    PseudoHuber,
    Quartic,
    Softmax,
    Squared,
)

PIECES = 16
"""Parts of a segment on which the curvature of a loss of one's own is enclosed."""


class Link(Enum):
    """How a prediction z and a label y enter the profile."""

    RESIDUAL = "a real number"
    MARGIN = "-1 or 1"
    CANONICAL = "a number >= 0"
    CLASS = "a class, counted from 0"


@dataclass(frozen=True)
class LossFamily:
    """A profile with its link: one row of the table."""

    name: str
    profile: Profile
    link: Link = Link.RESIDUAL
    one: bool = True
    several: bool = False
    """Whether it is taken of one output; of several."""


TABLE: dict[str, LossFamily] = {
    family.name: family
    for family in (
        LossFamily("squared", Squared(), several=True),
        LossFamily("quartic", Quartic()),
        LossFamily("logistic", Logistic(), Link.MARGIN),
        LossFamily("log-cosh", LogCosh()),
        LossFamily("pseudo-huber", PseudoHuber()),
        LossFamily("huber", Huber()),
        LossFamily("exponential", Exponential(), Link.MARGIN),
        LossFamily("poisson", Poisson(), Link.CANONICAL),
        # Outside the theorem's assumptions; here because the counterexamples need them.
        LossFamily("absolute", Absolute()),
        LossFamily("double-well", DoubleWell()),
        LossFamily("geman-mcclure", GemanMcClure()),
        LossFamily("softmax", Softmax(), Link.CLASS, one=False, several=True),
    )
}
LOSSES = {name: family for name, family in TABLE.items() if family.one}
VECTOR_LOSSES = {name: family for name, family in TABLE.items() if family.several}


@dataclass(frozen=True)
class Loss:
    """One loss: a row of the table with its parameter. ell and its derivatives in z, over any numbers."""

    name: str
    parameter: fmpq | None = None
    profile: Profile = field(init=False, repr=False, compare=False)
    link: Link = field(init=False, repr=False, compare=False)
    outputs: ClassVar[int] = 1
    """c, the number of components of a prediction."""

    def __post_init__(self) -> None:
        family = LOSSES[self.name]
        if (self.parameter is None) != (family.profile.parameter is None):
            wanted = family.profile.parameter or "no parameter"
            raise ValueError(f"parameter={self.parameter!r}: the {self.name} loss takes {wanted}")
        object.__setattr__(self, "profile", family.profile)
        object.__setattr__(self, "link", family.link)

    def _argument(self, z: Number, y: Number) -> Number:
        return z - y if self.link is Link.RESIDUAL else y * z if self.link is Link.MARGIN else z

    def prediction(self, t: Number, y: Number) -> Number:
        """The prediction where t is the profile's argument."""
        return t + y if self.link is Link.RESIDUAL else t * y if self.link is Link.MARGIN else t

    def _parameter(self, m: Any) -> Number:
        return None if self.parameter is None else m.number(self.parameter)

    def label(self, m: Any, y: Any) -> Any:
        """An exact label over the numbers m."""
        return m.number(y)

    def given(self, y: Any) -> Any:
        """The exact label of a float64 one."""
        return rational(float(y))

    def bregman(self, m: Any, z: Number, h: Number, y: Number) -> Number:
        """ell(h, y) - ell(z, y) - ell'(z, y)(h - z)."""
        change = self.value(m, h, y) - self.value(m, z, y)
        return change - self.d1(m, z, y) * (h - z)

    def on_arrays(self, order: int, z: Array, y: Array, m: Any = Floats) -> Array:
        """The derivative of order 0, 1, 2 over arrays of m, of predictions (..., c): (...), (..., c) or (..., c, c)."""
        found: Array = (self.value, self.d1, self.d2)[order](m, z[..., 0], y)
        return found.reshape(*found.shape, *(1,) * order)

    def value(self, m: Any, z: Number, y: Number) -> Number:
        """ell(z, y)."""
        g = self.profile.value(m, self._argument(z, y), self._parameter(m))
        return g - y * z if self.link is Link.CANONICAL else g

    def d1(self, m: Any, z: Number, y: Number) -> Number:
        """ell'(z, y), the derivative in the prediction z."""
        g = self.profile.d1(m, self._argument(z, y), self._parameter(m))
        return g if self.link is Link.RESIDUAL else y * g if self.link is Link.MARGIN else g - y

    def d2(self, m: Any, z: Number, y: Number) -> Number:
        """ell''(z, y). A margin's y^2 is 1."""
        return self.profile.d2(m, self._argument(z, y), self._parameter(m))

    def d3(self, m: Any, z: Number, y: Number) -> Number:
        """ell'''(z, y)."""
        g = self.profile.d3(m, self._argument(z, y), self._parameter(m))
        return y * g if self.link is Link.MARGIN else g

    def turned(self, m: Any, z: Any, y: Any, along: Any) -> Any:
        """The derivative of `d2` in the direction `along` of predictions."""
        return self.d3(m, z, y) * along

    def range(self, order: int, z: arb, y: arb) -> arb:
        """The exact range of the derivative of the given order [0..3] over the interval z, enclosed."""
        p = self._parameter(Balls)
        evaluate = (self.value, self.d1, self.d2, self.d3)[order]
        hull = evaluate(Balls, arb(z.lower()), y).union(evaluate(Balls, arb(z.upper()), y))
        turning = self.profile.turning(order, p)
        if turning is None:
            return evaluate(Balls, arb(z.lower()).union(arb(z.upper())), y)
        if self.link is Link.CANONICAL and order == 0:
            if not (y > 0 or y <= 0):  # whether it turns at all is open
                return evaluate(Balls, arb(z.lower()).union(arb(z.upper())), y)
            turning = self.profile.minimiser(y, p)
        for point in turning:
            at = self.prediction(point, y)
            if at.overlaps(z):
                hull = hull.union(evaluate(Balls, at, y))
        return hull

    def least_curvature(self, z: arb, h: arb, y: arb) -> arb:
        """The smallest ell'' between the predictions z and h, enclosed: at an end, or where ell'' turns.

        Joints inside need no look, since beyond them there is an end; at an end it is the smaller one of both sides', 0
        for every loss that has joints. Where nobody knows the turning points it is no less than on pieces that cover
        the segment, and no more than where they meet.
        """
        p = self._parameter(Balls)
        least = self.d2(Balls, z, y).min(self.d2(Balls, h, y))
        turning = self.profile.turning(2, p)
        if turning is None:
            nodes = [z + (h - z) * k / PIECES for k in range(PIECES + 1)]
            pieces = (self.range(2, a.union(b), y) for a, b in itertools.pairwise(nodes))
            return reduce(arb.min, pieces).lower().union(reduce(arb.min, (self.d2(Balls, at, y) for at in nodes)))
        if self.profile.joints:
            ends = (self.joint_distance(z, y), self.joint_distance(h, y))
            return arb(0) if any(d is not None and d.is_zero() for d in ends) else least
        for point in turning:
            at = self.prediction(point, y)
            side = (at - z) * (at - h)
            if not side > 0:
                lower = least.min(self.d2(Balls, at, y))
                least = lower if side < 0 else lower.union(least)
        return least

    def joint_distance(self, z: Number, y: Number, m: Any = Balls) -> Any:
        """How far the prediction is from the nearest joint of the loss, over the numbers m; None if it has none."""
        if not self.profile.joints:
            return None
        size = m.magnitude(self._argument(z, y))
        return size if self.parameter is None else m.magnitude(size - m.number(self.parameter))

    def length(self, z: Any) -> arb:
        """||z|| at the enclosure's centre."""
        return abs(z.mid())

    def sizes(self, z: Any, y: Any) -> tuple[arb, arb]:
        """||grad ell|| and ||Hess ell|| there."""
        return abs(self.d1(Balls, z, y).mid()), abs(self.d2(Balls, z, y).mid())

    def constants(self) -> Constants:
        """The constants m1, m2, m3, kappa, mu of this loss, at flint's precision."""
        return _constants(self, int(ctx.prec))


@dataclass(frozen=True)
class OneSided(Loss):
    """Huber's loss with the second derivative of one side at its joints: side 1 is where the prediction increases.

    Its derivative to that side, and to no other, is that of the loss.
    """

    side: int = 1

    def d1(self, m: Any, z: Number, y: Number) -> Number:
        """ell'(z, y); a series that starts at a joint leaves it to the one side, wherever it goes."""
        series = isinstance(z, arb_series | fmpq_series)
        start = z[0] if series else z
        if not series or not self._at_joint(m, start, y):
            return super().d1(m, z, y)
        slope = super().d1(Balls if isinstance(start, arb) else Rationals, start, y)
        return slope + (z - start) if self._bends(start, y) else z * 0 + slope

    def d2(self, m: Any, z: Number, y: Number) -> Number:
        """ell''(z, y), at a joint that of the one side."""
        beside = self.side * self._parameter(m) / 2
        return super().d2(m, z + beside if self._at_joint(m, z, y) else z, y)

    def _at_joint(self, m: Any, z: Number, y: Number) -> bool:
        t, p = self._argument(z, y), m.number(self.parameter)
        return bool(t == p or t == -p)

    def _bends(self, z: Number, y: Number) -> bool:
        """Whether the loss is quadratic to the one side of the joint at z."""
        return bool((z - y > 0) != (self.side > 0))


@lru_cache(maxsize=256)
def _constants(loss: Loss, precision: int) -> Constants:
    return loss.profile.constants(loss._parameter(Balls))
