"""The optimum of losses that couple outputs: brackets, convexity, floors, what does not know them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, rational
from metagap.impl.optimum import Budget, NotCoerciveError, UnsupportedError, check, minimise
from metagap.impl.optimum.answer import LINEAR_ANSWER
from metagap.impl.optimum.ball_loops import BallField
from metagap.impl.optimum.certificate import loads as certificate_in
from metagap.impl.optimum.exact import exact_value, functional_bound
from metagap.impl.optimum.loops import _Field
from metagap.impl.optimum.objectives import others, own_loop
from metagap.impl.optimum.spread import of_one_output
from metagap.impl.optimum.vector_convexity import tangent_floor, unknown
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, Functions, MetaSLInstance, Task
from metagap.impl.supervised.maml import Problem
from metagap.impl.supervised.quantities import MetaSLQuantities
from metagap.impl.supervised.taylor import curvature
from metagap.theory.claim import Verdict

from .test_vectors import ADAPTATIONS, SOFTMAX, TARGETS, drawn

certify = LINEAR_ANSWER.certify


@pytest.mark.parametrize("adaptation", ADAPTATIONS[1:3], ids=str)
def test_the_optimum_of_targets_is_certified(adaptation: Any) -> None:
    instance = drawn(TARGETS, adaptation, split=True)
    found = minimise(instance, None, Budget(seconds=20))
    assert found.certified and found.certificate is not None
    again = certificate_in(found.certificate.dumps())
    assert again.instance.sha256 == instance.sha256 and check(again).accepted
    value = exact_value(instance, found.exactly_at)
    assert found.lower <= float(value) + 1e-12 and float(value) <= found.upper + 1e-12
    for shift in (fmpq(1, 100), fmpq(-1, 100)):
        moved = tuple(v + shift for v in found.exactly_at)
        assert exact_value(instance, moved) > value
    assert not check(replace(again, lower=found.upper + 1e-3)).accepted


def test_the_optimum_of_softmax_is_certified_where_it_is_convex_and_bracketed_elsewhere() -> None:
    """Without adaptation, and after small steps on the law that is judged on: by a point and its gradient."""
    brackets = []
    for adaptation, how in (
        (ADAPTATIONS[3], "floor"),
        (Gradient(fmpq(1, 64)), "convex"),
        (Gradient(fmpq(1, 128), 2), "convex"),
    ):
        instance = drawn(SOFTMAX, adaptation)
        found = minimise(instance, fmpq(4), Budget(seconds=20))
        assert not unknown(instance) and found.certified and found.how == how and found.upper - found.lower < 1e-8
        brackets.append(found)
    for moving, why in (
        (drawn(SOFTMAX), "small enough"),
        (drawn(SOFTMAX, Gradient(fmpq(1, 64)), split=True), "support"),
    ):
        bracket = minimise(moving, fmpq(4), Budget(seconds=6))
        assert not bracket.certified and "couples outputs" in bracket.why and why in bracket.why
        assert bracket.check is not None and bracket.check.accepted and bracket.lower < bracket.upper
        brackets.append(bracket)
    for one in brackets:
        assert one.certificate is not None
        again = certificate_in(one.certificate.dumps())
        assert check(again).accepted
        assert not check(replace(again, lower=one.upper + 1e-3, upper=one.upper + 1)).accepted
        assert not check(replace(again, lower=(one.lower + 2 * one.upper) / 3 + 1e-6)).accepted
        assert not check(replace(again, at=tuple(10 * v for v in again.at))).accepted
        assert not check(replace(again, how="exact")).accepted and not check(replace(again, how="tree")).accepted
    for bracket in brackets[3:]:
        assert not check(replace(certificate_in(bracket.certificate.dumps()), how="convex")).accepted


@pytest.mark.parametrize("steps", [1, 2])
def test_where_softmax_is_called_convex_it_is(steps: int) -> None:
    """At the largest rate that is proved, to 2^-9, no direction curves down; just beyond C8 nothing is proved."""
    low, high = 0, 512
    while high - low > 1:
        middle = (low + high) // 2
        proved = not unknown(drawn(SOFTMAX, Gradient(fmpq(middle, 512), steps), seed=3))
        low, high = (middle, high) if proved else (low, middle)
    assert low > 0
    rng = np.random.default_rng(0)
    for _ in range(6):
        instance = drawn(SOFTMAX, Gradient(fmpq(low, 512), steps), seed=3)
        instance = replace(instance, omega=tuple(fmpq(int(v), 4) for v in rng.integers(-12, 13, 6)))
        with ctx.workprec(128):
            along = [arb(float(v)) for v in rng.normal(size=6)]
            assert curvature(Problem(instance.canonical, Balls), along) >= 0
    assert unknown(drawn(SOFTMAX, Gradient(fmpq(-1, 512))))


def test_one_point_of_softmax_is_convex_up_to_c8s_threshold() -> None:
    """(1 - s/2)^2 exp(-2 s) = 2 s at s = .2398: m1 = kappa = sqrt 2, m2 = 1/2, |x| = 1."""
    task = Task(fmpq(1), (Atom(0, fmpq(0), fmpq(1, 3)), Atom(0, fmpq(1), fmpq(2, 3))))
    for s, proved in ((fmpq(2395, 10000), True), (fmpq(24, 100), False)):
        instance = MetaSLInstance(SOFTMAX, Gradient(s), ((fmpq(1),),), (task,), (fmpq(0),) * 3, (fmpq(0),) * 3, fmpq(1))
        assert (not unknown(instance)) is proved


def test_the_gradient_of_the_convex_floor_is_that_of_taylor() -> None:
    """L(x) - g'x - R ||g|| at two radii: g'x and ||g||."""
    instance = drawn(SOFTMAX, Gradient(fmpq(1, 8), 3))
    with ctx.workprec(128):
        at = MetaSLQuantities(instance)
        one, two = (tangent_floor(instance, instance.omega, fmpq(r)) for r in (1, 2))
        assert (one - two).overlaps(at.eps)
        along = sum((g * arb(v) for g, v in zip(at._gradient, instance.omega, strict=True)), start=arb(0))
        assert (one + (one - two)).overlaps(at.trivial - along)


def test_no_functions_do_better_than_the_entropy() -> None:
    instance = drawn(SOFTMAX)
    rows = []
    for task in instance.tasks:
        shares = np.full((3, 3), 1e-12)
        for atom in task.atoms:
            shares[atom.x, int(atom.y)] += float(atom.p.p) / float(atom.p.q)
        rows.append(tuple(rational(float(v)) for v in np.log(shares).ravel()))
    with ctx.workprec(128):
        at = MetaSLQuantities(replace(instance, comparator=Functions(tuple(rows))))
        least = exact_value(instance, instance.omega) - at.gap
        assert least >= functional_bound(instance)
        assert float(least - functional_bound(instance)) < 1e-9


def test_what_does_not_know_softmax_says_so() -> None:
    instance = drawn(SOFTMAX)
    with pytest.raises(NotCoerciveError, match="softmax"):
        minimise(instance, None)
    with pytest.raises(UnsupportedError, match="couples no outputs"):
        of_one_output(instance)
    answer = certify(instance, budget=Budget(seconds=4))
    assert answer.optimum.lower > 0 and answer.gap.lo <= answer.gap.hi and answer.judged is not None
    assert answer.judged.verdict is Verdict.PROVED
    assert answer.stationary is not None and answer.stationary.found[0].loop.objective


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("adaptation", [ADAPTATIONS[1], ADAPTATIONS[2]], ids=str)
def test_loops_of_coupled_outputs_are_those_of_the_table_where_nothing_couples(adaptation: Any, split: bool) -> None:
    """The squared loss by both: every loop's gradient, and at omega itself that of the softmax' own engine."""
    targets, compared = drawn(TARGETS, adaptation, split=split), 0
    table, balls = _Field(of_one_output(targets), lambda: None), BallField(targets, lambda: None)
    for loop in (own_loop(adaptation), *others(adaptation, table.tasks, table.rows, split)):
        if loop.support is None:
            theirs, ours = table.at(loop).eps, balls.at(loop).eps
            assert theirs.lo <= ours.hi + 1e-12 and ours.lo <= theirs.hi + 1e-12 and ours.hi - ours.lo < 1e-12, loop
            compared += 1
    assert compared > 10
    softmax = drawn(SOFTMAX, adaptation, split=split)
    own = BallField(softmax, lambda: None).at(own_loop(adaptation)).eps
    with ctx.workprec(128):
        assert own.lo - 1e-12 <= float(MetaSLQuantities(softmax).eps) <= own.hi + 1e-12
