"""The losses, written down from their definitions: ell(z, y), ell', ell'' in z, and what the theory asks about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mpmath import mp, mpf

from .numbers import exact, number

INFINITE = None
"""A supremum that is not finite."""


@dataclass(frozen=True)
class Loss:
    """value, first, second   ell and its derivatives in z, at (z, y)
    m1, m2, m3, kappa      suprema of |ell'|, ell'', |ell'''|, |ell'''|/ell''; None if infinite
    joint                  |z - y| where ell' or ell'' jumps; None if nowhere
    kinked                 whether ell' jumps there
    dips                   the z - y where ell'' is least nearby
    """

    name: str
    value: Callable[[Any, Any], Any]
    first: Callable[[Any, Any], Any]
    second: Callable[[Any, Any], Any]
    m1: Any
    m2: Any
    m3: Any
    kappa: Any
    convex: bool = True
    joint: Fraction | None = None
    kinked: bool = False
    dips: tuple[int, ...] = ()


def loss_of(record: dict[str, Any]) -> Loss:
    """The loss that an instance names."""
    name, third = record["name"], 1 / mp.sqrt(3)
    if name == "squared":
        return Loss(name, lambda z, y: (z - y) ** 2 / 2, lambda z, y: z - y, lambda z, y: mpf(1),
                    INFINITE, mpf(1), mpf(0), mpf(0))  # fmt: skip
    if name == "quartic":
        c = number(exact(record["c"]))
        return Loss(name, lambda z, y: (z - y) ** 2 / 2 + c * (z - y) ** 4, lambda z, y: z - y + 4 * c * (z - y) ** 3,
                    lambda z, y: 1 + 12 * c * (z - y) ** 2, INFINITE, INFINITE, INFINITE, mp.sqrt(12 * c),
                    dips=(0,))  # fmt: skip
    if name == "logistic":
        return Loss(name, lambda z, y: mp.log1p(mp.exp(-y * z)), lambda z, y: -y / (1 + mp.exp(y * z)),
                    lambda z, y: 1 / (2 * mp.cosh(z / 2)) ** 2, mpf(1), mpf(1) / 4, third / 6, mpf(1))  # fmt: skip
    if name == "log-cosh":
        # log cosh t = log(1 + 2 sinh^2(t/2))
        return Loss(name, lambda z, y: mp.log1p(2 * mp.sinh((z - y) / 2) ** 2), lambda z, y: mp.tanh(z - y),
                    lambda z, y: 1 / mp.cosh(z - y) ** 2, mpf(1), mpf(1), 4 * third / 3, mpf(2))  # fmt: skip
    if name == "pseudo-huber":
        delta = number(exact(record["delta"]))

        def root(z: Any, y: Any) -> Any:
            return mp.sqrt(1 + ((z - y) / delta) ** 2)

        # delta^2 (q - 1) = (z - y)^2/(q + 1)
        return Loss(name, lambda z, y: (z - y) ** 2 / (1 + root(z, y)), lambda z, y: (z - y) / root(z, y),
                    lambda z, y: 1 / root(z, y) ** 3, delta, mpf(1), 48 / (25 * mp.sqrt(5) * delta),
                    3 / (2 * delta))  # fmt: skip
    if name == "huber":
        joint = exact(record["delta"])
        delta = number(joint)
        return Loss(name, lambda z, y: (z - y) ** 2 / 2 if abs(z - y) <= delta else delta * abs(z - y) - delta**2 / 2,
                    lambda z, y: z - y if abs(z - y) <= delta else delta * mp.sign(z - y),
                    lambda z, y: mpf(1) if abs(z - y) < delta else mpf(0), delta, mpf(1), INFINITE, INFINITE,
                    joint=joint)  # fmt: skip
    if name == "exponential":
        return Loss(name, lambda z, y: mp.exp(-y * z), lambda z, y: -y * mp.exp(-y * z), lambda z, y: mp.exp(-y * z),
                    INFINITE, INFINITE, INFINITE, mpf(1))  # fmt: skip
    if name == "poisson":
        return Loss(name, lambda z, y: mp.exp(z) - y * z, lambda z, y: mp.exp(z) - y, lambda z, y: mp.exp(z),
                    INFINITE, INFINITE, INFINITE, mpf(1))  # fmt: skip
    if name == "absolute":
        return Loss(name, lambda z, y: abs(z - y), lambda z, y: mp.sign(z - y), lambda z, y: mpf(0), mpf(1), INFINITE,
                    INFINITE, INFINITE, joint=Fraction(0), kinked=True)  # fmt: skip
    if name == "double-well":
        return Loss(name, lambda z, y: ((z - y) ** 2 - 1) ** 2, lambda z, y: 4 * (z - y) * ((z - y) ** 2 - 1),
                    lambda z, y: 12 * (z - y) ** 2 - 4, INFINITE, INFINITE, INFINITE, INFINITE,
                    convex=False, dips=(0,))  # fmt: skip
    if name == "geman-mcclure":
        peak = number(Fraction(9, 8)) * third  # at r^2 = 1/3; |ell'''| is largest at r^2 = 1 - 2/sqrt 5
        r = mp.sqrt(1 - 2 / mp.sqrt(5))
        return Loss(name, lambda z, y: (z - y) ** 2 / (1 + (z - y) ** 2),
                    lambda z, y: 2 * (z - y) / (1 + (z - y) ** 2) ** 2,
                    lambda z, y: (2 - 6 * (z - y) ** 2) / (1 + (z - y) ** 2) ** 3,
                    peak, mpf(2), 24 * r * (1 - r * r) / (1 + r * r) ** 4, INFINITE, convex=False,
                    dips=(-1, 1))  # fmt: skip
    raise ValueError(name)


def least_second(loss: Loss, z: Any, h: Any, y: Any) -> Any:
    """The smallest ell'' between z and h: at an end, or at a dip."""
    inside = [y + t for t in loss.dips if (z - y - t) * (h - y - t) <= 0]
    return min(loss.second(at, y) for at in (z, h, *inside))
