"""The checker: lower ends of every kind are proved by it alone, and what is not true is not accepted."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from flint import arb, fmpq
from metagap.impl.arithmetic import bounds
from metagap.impl.meta_sl.instance import Gradient, Implicit, MetaSLInstance
from metagap.impl.optimum import check
from metagap.impl.optimum.certificate import Certificate, basis, loads
from metagap.impl.optimum.exact import exact_value, functional_bound, own_risk_bound, squared_minimum
from metagap.reports.bench.optimum import landscape_instance

FOUR = fmpq(4)
FAR = fmpq(10) ** 9


def flat(instance: MetaSLInstance) -> MetaSLInstance:
    """The same tasks without adaptation: at 0 the value is easily at hand."""
    return replace(instance, adaptation=Gradient(fmpq(0)))


def exactly(instance: MetaSLInstance) -> Certificate:
    """An honest certificate by the exact minimum, its upper end at 0."""
    least, theta = squared_minimum(instance)
    upper = bounds(exact_value(instance, (fmpq(0),) * instance.dimension))[1]
    at = (fmpq(0),) * len(basis(instance))
    return Certificate(instance, None, FAR, bounds(arb(least))[0], upper, at, how="exact", stationary=theta)


@pytest.mark.parametrize("adaptation", [Gradient(fmpq(1, 4)), Gradient(fmpq(-1, 3), 5), Implicit(fmpq(2, 7))])
@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_exact_ends_are_proved_and_no_others(adaptation: Gradient | Implicit, dimension: int) -> None:
    for seed in range(4):
        instance = replace(landscape_instance("squared", dimension, seed), adaptation=adaptation)
        honest = exactly(instance)
        assert check(honest).accepted, check(honest).reason
        assert loads(honest.dumps()) == replace(honest, instance=instance.canonical)
        bent = tuple(v + fmpq(1, 10**40) for v in honest.stationary)
        room = 1e-9 * max(abs(honest.lower), 1e-3)
        for lie in (
            replace(honest, stationary=bent),
            replace(honest, stationary=honest.stationary[:-1]),
            replace(honest, lower=honest.lower + room),
            replace(honest, upper=honest.lower - room),
            replace(honest, instance=landscape_instance("log-cosh", dimension, seed)),
            replace(honest, instance=replace(instance, features=tuple(r[::-1] for r in instance.features[::-1]))),
        ):
            assert lie == honest or not check(lie).accepted


@pytest.mark.parametrize("loss", ["squared", "quartic", "logistic", "log-cosh", "pseudo-huber", "huber", "poisson"])
def test_floors_are_proved_and_no_others(loss: str) -> None:
    for seed in range(4):
        instance = landscape_instance(loss, 2, seed)
        upper = bounds(exact_value(instance, (fmpq(0),) * 2))[1]
        at = (fmpq(0),) * len(basis(instance))
        best = max(bounds(b)[0] for b in (functional_bound(instance), own_risk_bound(instance, FOUR)))
        honest = Certificate(instance, FOUR, FOUR, best - 1e-12, upper, at, how="floor")
        assert check(honest).accepted, check(honest).reason
        assert loads(honest.dumps()) == replace(honest, instance=instance.canonical)
        lie = replace(honest, lower=best + 1e-9 * max(abs(best), 1e-3))
        assert not check(lie).accepted
        # Over all parameters functions alone count, unless no minimiser lies outside the ball.
        everywhere = replace(honest, radius=None, ball=fmpq(1, 1000), lower=bounds(functional_bound(instance))[0])
        assert check(replace(everywhere, lower=everywhere.lower - 1e-12)).accepted
        if best > everywhere.lower + 1e-6:
            assert not check(replace(everywhere, lower=best - 1e-12)).accepted


def test_losses_that_are_not_convex_have_the_floor_0() -> None:
    instance = landscape_instance("quartic", 1, 0)
    wells = replace(instance, loss=type(instance.loss)("double-well"))
    claim = Certificate(wells, FOUR, FOUR, 0.0, 1e9, (fmpq(0),), how="floor")
    assert check(claim).accepted
    assert not check(replace(claim, lower=5e-324)).accepted


def test_a_deadline_that_is_over_accepts_nothing() -> None:
    squared = exactly(landscape_instance("squared", 2, 0))
    for claim in (squared, replace(squared, how="floor", lower=1e-9)):
        outcome = check(claim, deadline=time.monotonic())
        assert not outcome.accepted
        assert outcome.reason == "out of time"
        assert check(squared, deadline=time.monotonic() + 60).accepted
