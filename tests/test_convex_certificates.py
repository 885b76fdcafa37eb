"""Certificates by convexity: what is refused, what is read, and that no end is above the minimum."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import bounds, rational
from metagap.impl.files.faults import BadInputError
from metagap.impl.losses import Loss
from metagap.impl.optimum import Certificate, check, minimise
from metagap.impl.optimum.certificate import loads
from metagap.impl.optimum.convex import derivatives, minimum, proposed
from metagap.impl.optimum.convex_check import Prover, lower_bounds
from metagap.impl.optimum.stack import Stack
from metagap.impl.supervised.instance import Gradient

from .test_convex import FOREVER, FOUR, HALF, ONE, problem, two_labels


def honest(loss: str = "logistic", radius: fmpq | None = FOUR, seed: int = 1) -> Certificate:
    with np.errstate(all="ignore"):
        found = proposed(problem(loss, fmpq(1, 8), seed=seed), radius, FOREVER).certificate
    assert found is not None
    return found


Lie = Callable[[Certificate], Certificate]
LIES: dict[str, Lie] = {
    "a lower end just above": lambda c: replace(c, lower=math.nextafter(c.upper, 2) + 1e-12),
    "an upper end just below": lambda c: replace(c, upper=c.lower - 1e-12, lower=c.lower - 1e-9),
    "another point": lambda c: replace(c, at=tuple(v / 2 for v in c.at)),
    "another rate": lambda c: replace(c, instance=replace(c.instance, adaptation=Gradient(fmpq(1, 4)))),
    "a rate beyond convexity": lambda c: replace(c, instance=replace(c.instance, adaptation=Gradient(fmpq(64)))),
    "a loss that is not convex": lambda c: replace(c, instance=replace(c.instance, loss=Loss("geman-mcclure"))),
    "a negative multiplier": lambda c: replace(c, multiplier=fmpq(-1, 100)),
    "a point outside": lambda c: replace(c, ball=fmpq(1, 64), radius=None if c.radius is None else fmpq(1, 64)),
}


@pytest.mark.parametrize("name", LIES)
@pytest.mark.parametrize("radius", [FOUR, None, fmpq(1, 2)])
def test_lies_are_rejected(name: str, radius: fmpq | None) -> None:
    for loss in ("logistic", "squared"):
        if loss == "squared" and name == "a rate beyond convexity":
            continue  # of the squared loss no rate is
        certificate = honest(loss, radius)
        assert check(certificate).accepted
        assert not check(LIES[name](certificate)).accepted, (name, loss)


def test_a_ball_is_not_all_parameters() -> None:
    """The minimum over a small ball is claimed of all parameters; and a radius that is not that of the ball."""
    small = honest(radius=fmpq(1, 8))
    assert small.multiplier > 0, "the minimiser lies on the sphere"
    assert not check(replace(small, radius=None)).accepted
    assert not check(replace(small, radius=FOUR, ball=FOUR)).accepted
    assert not check(replace(small, radius=FOUR)).accepted


def test_a_point_outside_the_ball_is_none_of_it() -> None:
    """The minimiser over all parameters is not in a small ball, whose minimum is higher."""
    everywhere, ball = honest("squared", None), fmpq(1, 64)
    lie = replace(everywhere, radius=ball, ball=ball, multiplier=ONE)
    for lower in (everywhere.lower, 0.0, -100.0):
        assert not check(replace(lie, lower=lower)).accepted
        assert not check(replace(lie, lower=lower, ball=FOUR)).accepted, "a ball that is not the radius"


def test_the_ball_holds_the_minimiser() -> None:
    """Of all parameters a minimiser is said to lie in the ball: proved within rounding, not within less."""
    certificate = honest(radius=None)
    size = sum((v * v for v in certificate.at), start=fmpq(0))
    with ctx.workprec(128):
        near = rational(float(arb(size).sqrt().lower()) * (1 + 2.0**-50))
    assert size <= near * near and not check(replace(certificate, ball=near * (1 + fmpq(1, 2**60)))).accepted
    assert check(replace(certificate, ball=near * fmpq(3, 2))).accepted


def test_a_point_far_from_the_minimiser_is_not_strongly_convex_about_it() -> None:
    certificate = honest(radius=None)
    assert not check(replace(certificate, near=fmpq(0))).accepted, "of no strong convexity, no minimiser"
    assert certificate.lower > 0.1
    far = replace(certificate, at=tuple(v + 1 for v in certificate.at), lower=0.1, upper=100.0)
    assert not check(replace(far, ball=FOUR * 16)).accepted


@pytest.mark.parametrize("name", ["logistic", "fold", "squared", "steep", "falling"])
@pytest.mark.parametrize("radius", [FOUR, fmpq(1, 4), None])
def test_ends_at_any_point_are_no_higher_than_the_minimum(name: str, radius: fmpq | None) -> None:
    """Points that are no minimiser, multipliers and neighbourhoods of any size: a bound may be poor, never wrong."""
    instance = {
        "logistic": problem("logistic", fmpq(1, 8), seed=1),
        "fold": two_labels("logistic", fmpq(25, 4), 1, 1),
        "squared": problem("squared", fmpq(1, 2), seed=1),
        "steep": problem("log-cosh", fmpq(1, 4), seed=2),
        "falling": two_labels("logistic", fmpq(0), 1, 1),
    }[name]
    rng, prover, d = np.random.default_rng(7), Prover(instance), instance.dimension
    away = radius is None and name in ("fold", "falling")  # the infimum 0 is at infinity
    upper = 0.0 if away else minimise(instance, radius or fmpq(64), convexity=False).upper
    size, proved = 2.0 if radius is None else float(int(radius.p)) / int(radius.q), 0
    with ctx.workprec(128), np.errstate(all="ignore"):
        for _ in range(30):
            v = rng.standard_normal(d)
            at = v / np.linalg.norm(v) * size * 0.99 * rng.uniform() ** (1 / d)
            x = tuple(rational(float(v)) for v in at)
            point = prover.point(x)
            for multiplier in (fmpq(0), fmpq(1, 16), ONE, fmpq(16)):
                for near in (fmpq(0), fmpq(1, 256), HALF):
                    found = lower_bounds(prover, point, x, radius, multiplier, near)[0]
                    if found is not None:
                        proved += 1
                        assert not found > arb(upper) + 1e-12, (x, multiplier, near)
    assert proved or (radius is None and name != "squared")


def test_certificates_are_read_as_they_are_written() -> None:
    for radius in (FOUR, None):
        certificate = honest(radius=radius)
        again = loads(certificate.dumps())
        assert again == replace(certificate, instance=certificate.instance.canonical) and check(again).accepted
        for field, value in (("near", "-1"), ("multiplier", -1), ("at", [0]), ("format", "metagap/certificate/1")):
            text = certificate.dumps()
            content = json.loads(text) | {field: value}
            with pytest.raises(BadInputError) as caught:
                loads(json.dumps(content))
            assert field in str(caught.value) and "\n" not in str(caught.value)


def test_a_quadratic_grows_with_its_modulus_alone() -> None:
    """L = (theta - 1)^2/8 + 1/2: at theta = 1 + t the end is L - L'^2/(2 mu) with mu <= 1/4, within rounding 1/2."""
    prover = Prover(two_labels("squared", HALF))
    with ctx.workprec(128):
        assert 0.25 * (1 - 1e-9) <= prover.modulus(np.zeros(1), 1.0, np.arange(1)) <= 0.25
        for t in (fmpq(1, 2), fmpq(3)):
            x = (1 + t,)
            found, within, _ = lower_bounds(prover, prover.point(x), x, None, fmpq(0), ONE)
            assert found is not None and within is not None
            assert bounds(found)[1] <= 0.5 and bounds(found)[0] > 0.5 - 1e-6 and not within < arb(t)


def test_newton_ends_at_the_minimum() -> None:
    for radius in (0.25, 4.0, math.inf):
        stack = Stack(problem("logistic", fmpq(1, 8), d=3, n=3, k=6))
        at, multiplier, _ = minimum(stack, radius, FOREVER)
        gradient = derivatives(stack, at)[1]
        assert np.linalg.norm(gradient + multiplier * at) < 1e-14 and np.linalg.norm(at) <= radius * (1 + 1e-12)
