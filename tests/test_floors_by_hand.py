"""Bounds without a search, by hand: coercive balls, floors of risks, exact ends, and of whom they are true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import rational
from metagap.impl.losses import Loss
from metagap.impl.optimum import Budget, check, exact, minimise
from metagap.impl.optimum.certificate import Certificate
from metagap.impl.optimum.coercivity import coercivity_radius
from metagap.impl.optimum.exact import (
    exact_value,
    functional_bound,
    least_on_ray,
    own_risk_bound,
    squared_minimum,
)
from metagap.impl.supervised.adaptation import Gradient, Implicit
from metagap.impl.supervised.instance import Atom, MetaSLInstance, Task
from oracles.polynomials import polynomial_minimum

from .test_checker_by_hand import HALF, ONE, QUARTER, TWO, instance


def test_the_coercive_ball_by_hand() -> None:
    """L(theta) <= 10 only within the radius: log-cosh, Huber, quartic without a step and with one, along both axes."""
    for loss, adaptation in (
        (Loss("log-cosh"), Gradient(ONE)), (Loss("pseudo-huber", TWO), Gradient(HALF, 2)),
        (Loss("log-cosh"), Implicit(ONE)), (Loss("quartic", QUARTER), Gradient(fmpq(0))),
        (Loss("quartic", QUARTER), Gradient(HALF)),
    ):  # fmt: skip
        one = replace(instance("one step"), loss=loss, adaptation=adaptation)
        ball = coercivity_radius(one, 10.0)
        for k in range(16):
            angle = 2 * np.pi * k / 16
            theta = tuple(rational(float(v)) * ball for v in (np.cos(angle) * 1.001, np.sin(angle) * 1.001))
            assert exact_value(one, theta) >= 10
    # In one dimension, at the end: |theta - y| - log 2 <= L, one label at 0, no step: 10 + log 2 is enough.
    task = Task(ONE, (Atom(0, fmpq(0), ONE),))
    line = MetaSLInstance(Loss("log-cosh"), Gradient(fmpq(0)), ((ONE,),), (task,), (ONE,), (ONE,), ONE)
    ball = coercivity_radius(line, 10.0)
    assert fmpq(10693, 1000) < ball < fmpq(15)
    # theta - 100 tanh theta = 0 near 100: there L = 0.
    assert coercivity_radius(replace(line, adaptation=Gradient(fmpq(100))), 1.0) > 100


def test_bounds_without_a_search_by_hand() -> None:
    """Two labels at one input: the least risk along a ray, in a ball, over a polynomial's critical points."""
    both = [(ONE, fmpq(3), HALF), (TWO, fmpq(-1), HALF)]
    # ((s - 3)^2 + (2 s + 1)^2)/4 is least at s = 1/5: (196 + 49)/100 = 49/20.
    with ctx.workprec(128):
        found, where = least_on_ray(Loss("squared"), both)
    assert not found > arb(49) / 20 and float((found - arb(49) / 20).abs_upper()) < 1e-12
    assert abs(where - fmpq(1, 5)) < fmpq(1, 10**12)
    assert least_on_ray(Loss("squared"), both, (True, False))[0].overlaps(arb(5) / 2)
    assert least_on_ray(Loss("squared"), [(ONE, fmpq(3), ONE)], (True, False))[0].overlaps(arb(9) / 2)
    # One parameter, |theta| <= 1, label 3: R = (1 - 3)^2/2; a step of 1/4 from there reaches 3/2.
    task = Task(ONE, (Atom(0, fmpq(3), ONE),))
    line = MetaSLInstance(Loss("squared"), Gradient(fmpq(0)), ((ONE,),), (task,), (ONE,), (ONE,), ONE)
    assert float((own_risk_bound(line, ONE) - 2).abs_upper()) < 1e-9
    stepped = replace(line, adaptation=Gradient(QUARTER))
    assert not own_risk_bound(stepped, ONE) > arb(9) / 8
    # Functions of their own: 0 for the first task, (1/2) mean square deviation 1 for the second, of weight 3/4.
    pair = (replace(task, weight=QUARTER), Task(1 - QUARTER, (Atom(0, ONE, HALF), Atom(0, -ONE, HALF))))
    assert functional_bound(replace(line, tasks=pair)).overlaps(arb(3) / 8)
    assert polynomial_minimum(line, ONE).overlaps(arb(2)) and polynomial_minimum(line, fmpq(4)).contains(0)
    assert polynomial_minimum(stepped, ONE).overlaps(arb(9) / 8)


def test_a_ball_is_not_all_parameters() -> None:
    """What is true in a small ball is not claimed of all parameters: by boxes, and by each task's own risk."""
    small = fmpq(1, 8)
    found = minimise(instance("one step"), small, Budget(boxes=20_000), checked=False, convexity=False).certificate
    assert found is not None and check(found).accepted
    everywhere = replace(found, radius=None)
    assert not check(everywhere).accepted
    floor = replace(found, how="floor", lower=float(own_risk_bound(found.instance, small).lower()) - 1e-9, tree=b"")
    assert float(functional_bound(found.instance)) < floor.lower
    assert check(floor).accepted
    assert not check(replace(floor, radius=None)).accepted


def test_the_exact_end_is_of_the_squared_loss_alone() -> None:
    """log cosh t <= t^2/2: the minimum of the squared loss is no lower end for it."""
    squared = replace(instance("one step"), loss=Loss("squared"))
    least, theta = squared_minimum(squared)
    at = (fmpq(0),) * 2
    honest = Certificate(squared, None, ONE, float(least) * (1 - 1e-12), 10.0, at, how="exact", stationary=theta)
    assert check(honest).accepted
    assert not check(replace(honest, instance=instance("one step"))).accepted


def test_poor_proposals_only_lower_the_floors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frank-Wolfe's gap at points that are no minimisers."""
    task = Task(ONE, (Atom(0, fmpq(3), ONE),))
    line = MetaSLInstance(Loss("squared"), Gradient(fmpq(0)), ((ONE,),), (task,), (ONE,), (ONE,), ONE)
    for at in (0.0, 0.5, -1.0):
        monkeypatch.setattr(exact, "risk_minimiser", lambda *given, at=at: np.array([at]))
        assert not own_risk_bound(line, ONE) > 2
