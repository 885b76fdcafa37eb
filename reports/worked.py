"""A local minimum of L that is not global, and the bound there, by hand: two tasks, one parameter, fractions alone.

The numbers are computed from the definitions in `fractions`, by no engine; the claims on the same instance
(`example/local_minimum.json`) are judged by the engine, and the global minimum is that of a checked certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

from ..impl.families import family_of, judge, load
from ..impl.optimum import minimise
from ..impl.supervised.instance import MetaSLInstance

FILE = Path(__file__).parent / "example" / "local_minimum.json"
COUNT, REACH = 241, 2.6
"""Points of the curve, and where it ends."""


@dataclass(frozen=True)
class Point:
    """theta with the adapted predictions of both tasks, their errors, and L."""

    theta: Fraction
    adapted: tuple[Fraction, ...]
    errors: tuple[Fraction, ...]
    risk: Fraction


@dataclass(frozen=True)
class Worked:
    """The example.

    labels, rate   of the tasks, of the inner step; omega and rival   the points compared
    slopes         ell' at omega's errors: w; stretch   dU/dtheta there, the same for both tasks
    second         L''(omega), above 0; way   u, what omega's predictions are away from the rival's
    misfit         what is left of u beside the best v phi'; bound   ||w|| times it, as eps = 0
    verdict        the engine's, of the lifted bound; least, at   the proved lower end of L's minimum and a point of it
    status         of that bracket; text   the instance file
    """

    labels: tuple[Fraction, ...]
    rate: Fraction
    omega: Point
    rival: Point
    slopes: tuple[Fraction, ...]
    stretch: Fraction
    second: Fraction
    way: tuple[Fraction, ...]
    misfit: Fraction
    bound: Fraction
    verdict: str
    least: float
    at: float
    status: str
    axis: list[float]
    values: list[float]
    text: str

    @property
    def gap(self) -> Fraction:
        """L(omega) - L(rival)."""
        return self.omega.risk - self.rival.risk


def _loss(s: Fraction) -> tuple[Fraction, Fraction, Fraction]:
    """s^2/2 + s^4/4 and two derivatives."""
    return s * s / 2 + s**4 / 4, s + s**3, 1 + 3 * s * s


def _point(theta: Fraction, labels: tuple[Fraction, ...], rate: Fraction) -> Point:
    adapted = tuple(theta - rate * _loss(theta - y)[1] for y in labels)
    errors = tuple(z - y for z, y in zip(adapted, labels, strict=True))
    return Point(theta, adapted, errors, sum((_loss(s)[0] for s in errors), start=Fraction(0)) / len(labels))


def the_instance() -> MetaSLInstance:
    """The example's instance."""
    instance = load(FILE)
    assert isinstance(instance, MetaSLInstance)
    return instance


@cache
def worked() -> Worked:
    """The example, its numbers by hand, its verdict by the engine."""
    instance = the_instance()
    labels, rate = (Fraction(1), Fraction(-1)), Fraction(1, 10)
    omega, rival = _point(Fraction(0), labels, rate), _point(Fraction(7, 4), labels, rate)
    slopes = tuple(_loss(s)[1] for s in omega.errors)
    stretch = 1 - rate * _loss(omega.theta - labels[0])[2]
    # d/dtheta of ell'(e) (1 - rate ell''(theta - y)); ell''' is 6 s.
    second = sum(
        (
            _loss(e)[2] * stretch**2 - w * rate * 6 * (omega.theta - y)
            for e, w, y in zip(omega.errors, slopes, labels, strict=True)
        ),
        start=Fraction(0),
    ) / len(labels)  # fmt: skip
    way = tuple(a - b for a, b in zip(omega.adapted, rival.adapted, strict=True))
    # One feature, the same for both tasks: it expresses the mean of u.
    misfit = abs(way[0] - way[1]) / 2
    optimum = minimise(instance)
    family = family_of(instance)
    headline, lifted = family.headline, family.claim(f"{family.name}-lifted")
    assert headline is not None and headline.sample is not None and lifted is not None
    curve = headline.sample(instance, REACH, COUNT)
    return Worked(
        labels, rate, omega, rival, slopes, stretch, second, way, misfit, abs(slopes[0]) * misfit,
        judge(instance, (lifted,))[lifted.name].verdict.name, optimum.sure, optimum.at[0], optimum.status.value,
        list(curve.axis), list(curve.values), FILE.read_text(encoding="utf-8").strip(),
    )  # fmt: skip
