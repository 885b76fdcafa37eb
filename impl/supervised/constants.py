"""The constants of C2, C6, C8 and C9, in balls or in midpoint-radius arrays: see `theory.meta_sl`.

What is known is bounds of features, B_s and B_q, suprema of the loss's derivatives, and the steps' rates.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

from flint import arb

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Number, fenced, square
from ..losses import Loss


def small_step_margin(loss: Loss, s: Number, r: Number | None = None, share: Number = 1, m: Any = Balls) -> Number:
    """C8's margin for s = max_j |eta r_j| B^2: positive where L is convex whatever the data; -1 for infinite constants.

    Of two laws B_s^2 in s, r with B_s B_q in place of B^2, and `share` a number with D^s <= share D^q.
    """
    constants = loss.constants()
    m1, m2, kappa = constants.m1, constants.m2, constants.kappa
    if m1 is None or m2 is None or kappa is None:
        return m.of_ball(arb(-1))
    room, bend = 1 - m.of_ball(m2) * s, m.of_ball(kappa * m1) * (s if r is None else r)
    return room.min(square(room) * m.exp(-bend) / share - bend)


class StepConstants:
    """The constants of one instance, or of the instances of a batch."""

    m: Any
    feature_bound: Any
    """B_q, of the outer laws."""
    support_feature_bound: Any
    """B_s, of the inner laws."""

    @property
    @abstractmethod
    def _loss(self) -> Loss: ...

    @property
    @abstractmethod
    def _step_count(self) -> int:
        """K gradient steps; 0: an implicit step."""

    @property
    @abstractmethod
    def _strength(self) -> Number:
        """lambda of an implicit step."""

    @property
    @abstractmethod
    def _decay(self) -> Number:
        """The weight decay of gradient steps."""

    @property
    @abstractmethod
    def _rate(self) -> Number:
        """max_j |eta r_j|. Errors: UndefinedQuantityError for an implicit step."""

    @property
    @abstractmethod
    def _paces(self) -> tuple[Number, Number]:
        """(middle, half): of the least and the largest eta r_j half the sum, and half the difference."""

    @cached_property
    def _bend(self) -> Number:
        """h = m2 B_s^2."""
        return self._finite("m2") * square(self.support_feature_bound)

    def _finite(self, constant: str) -> Number:
        value = getattr(self._loss.constants(), constant)
        if value is None:
            raise UndefinedQuantityError(f"{constant} is infinite for the {self._loss.name} loss")
        return self.m.of_ball(value)

    @cached_property
    def _expansion(self) -> Number:
        """c >= ||J^(k)||, J^(k) = I - eta D (H + decay), ||H|| <= h; rates are `middle` and at most `half` off it."""
        (middle, half), decay, h = self._paces, self._decay, self._bend
        still = 1 - middle * decay
        alike = abs(still).max(abs(still - middle * h))
        if not self._loss.profile.convex:
            alike = abs(still) + abs(middle) * h
        return alike + half * (h + decay)

    @cached_property
    def remainder_constant(self) -> Number:
        third = self._finite("m3") * fenced(self.support_feature_bound) ** 3 * self.feature_bound / 2
        if not self._step_count:
            return third / self._strength
        growth: Number = 1
        if self._step_count > 1:
            c, k = self._expansion, self._step_count
            growth = fenced(c) ** (k - 1) * sum(fenced(c) ** j for j in range(k))
        return self._rate * third * growth

    @cached_property
    def jacobian_deviation(self) -> Number:
        if not self._step_count:
            a = self._finite("m2") * square(self.support_feature_bound) / self._strength
            return a / (1 + a)
        step = self._rate * (self._bend + self._decay)
        return step * sum(fenced(self._expansion) ** j for j in range(self._step_count))

    @cached_property
    def smoothness(self) -> Number:
        """beta = c^2 m2 B_q^2 + max_j |eta r_j| m1 m3 B_q B_s^3 (the second term is 0 for the squared loss)."""
        return self._smoothness(self._expansion)

    def _smoothness(self, stretch: Number) -> Number:
        third = self._finite("m3")
        bend = third if self._loss.constants().m3 == 0 else self._finite("m1") * third
        bound = square(stretch) * self._finite("m2") * square(self.feature_bound)
        return bound + self._rate * bend * fenced(self.support_feature_bound) ** 3 * self.feature_bound
