"""Certificates by convexity: what is refused, what is read, and that no end is above the minimum."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import bounds, rational
from metagap.impl.bracket import DefectError
from metagap.impl.files.faults import BadInputError
from metagap.impl.losses import Loss
from metagap.impl.optimum import Budget, Certificate, check, minimise
from metagap.impl.optimum import certificate as certificates
from metagap.impl.optimum.certificate import loads
from metagap.impl.optimum.convex import derivatives, minimum, proposed
from metagap.impl.optimum.convex_check import Prover, lower_bounds
from metagap.impl.optimum.stack import Stack
from metagap.impl.own_tasks import from_arrays
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, Task

from .test_convex import FOREVER, FOUR, HALF, ONE, problem, two_labels

ZERO = fmpq(0)


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


@pytest.mark.ci(every=4)
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


@pytest.mark.ci
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


# --- what ends early, and what is left out ---


def after(calls: int, error: type[BaseException]) -> Callable[..., None]:
    """Something that raises the error at its n-th call, once."""
    count = 0

    def watch(*_: object) -> None:
        nonlocal count
        count += 1
        if count == calls:
            raise error

    return watch


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("calls", [1, 2, 3, 4, 6])
def test_ctrl_c_ends_the_descent_and_its_point_is_proved(loss: str, calls: int) -> None:
    """At whatever call it comes: the certificate of what was found by then is accepted, and the bracket is right."""
    instance, heard = problem(loss, fmpq(1, 8), seed=1), 0
    with np.errstate(all="ignore"):
        found = proposed(instance, FOUR, FOREVER, after(calls, KeyboardInterrupt))
    assert found.certificate is not None and check(found.certificate).accepted
    heard += found.interrupted
    optimum = minimise(instance, FOUR, stage=after(calls, KeyboardInterrupt)) if calls > 1 else None
    if optimum is not None:
        whole = minimise(instance, FOUR)
        assert optimum.lower <= whole.upper and whole.lower <= optimum.upper and optimum.how == "convex"
        assert heard == 0 or optimum.interrupted
    assert heard or calls > 2


def test_the_time_ends_what_convexity_proves() -> None:
    instance = problem("logistic", fmpq(1, 8), seed=1)
    with np.errstate(all="ignore"):
        late = proposed(instance, FOUR, FOREVER, after(1, TimeoutError))
        none = proposed(instance, FOUR, FOREVER, always)
    assert late.certificate is not None and not late.interrupted
    assert none.certificate is None and none.late
    found = minimise(instance, FOUR, Budget(seconds=0.0))
    assert not found.certified and found.sure == 0.0 and "the time ended" in found.why


def always() -> None:
    raise TimeoutError


def test_a_large_instance_is_left_out_and_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = honest("squared", FOUR)
    moved = replace(certificate.instance, omega=(fmpq(1, 3),) * certificate.instance.dimension)
    monkeypatch.setattr(certificates, "LARGEST_FILE", 100)
    text = replace(certificate, instance=moved).dumps()
    assert json.loads(text)["instance"] is None
    with pytest.raises(BadInputError, match="check --tasks TASKS"):
        loads(text)
    for same in (certificate.instance, moved):
        again = loads(text, given=same)
        assert (again.lower, again.at) == (certificate.lower, certificate.at) and check(again).accepted
    with pytest.raises(BadInputError, match="sha256"):
        loads(text, given=problem("squared", fmpq(1, 4), seed=1))
    monkeypatch.undo()
    with pytest.raises(BadInputError, match="same tasks"):
        loads(certificate.dumps(), given=problem("squared", fmpq(1, 4), seed=1))
    assert loads(certificate.dumps(), given=moved).at == certificate.at


def test_an_unlucky_prime_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modulo 3 the rows (1, 0, 0), (1, 3, 0) are the same, and 1/3 is nothing: the next prime finds both."""
    one = problem("squared", fmpq(1, 4))
    for rows in (((ONE, ZERO, ZERO), (ONE, fmpq(3), ZERO)), ((fmpq(1, 3), ZERO, ZERO), (ONE, ONE, ZERO))):
        atoms = tuple(Atom(x, ONE, HALF) for x in range(2))
        instance = replace(one, features=rows, tasks=(Task(ONE, atoms),), omega=(ZERO,) * 3, comparator=(ZERO,) * 3)
        monkeypatch.setattr(certificates, "PRIMES", (3, 2**61 - 1))
        assert len(certificates.basis(instance)) == 2
        monkeypatch.setattr(certificates, "PRIMES", (3,))
        with pytest.raises(DefectError, match="modulo 1 primes"):
            certificates.basis(instance)


def test_many_columns_have_their_rank_at_once() -> None:
    """300 rows of 60 columns, of full rank and of one less."""
    x = np.round(np.random.default_rng(5).standard_normal((300, 60)) * 2**12) / 2**12
    begin = time.process_time()
    assert len(certificates.basis(from_arrays(x, x[:, 0], [0] * len(x)))) == 60
    assert time.process_time() - begin < 5
    x[:, -1] = x[:, 0] - x[:, 1]
    found = certificates.basis(from_arrays(x, x[:, 0], [0] * len(x)))
    assert len(found) == 59
    assert sum((a * b for a, b in zip(found[-1], found[3], strict=True)), start=ZERO) == 0
