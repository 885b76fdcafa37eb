"""The optimum of tasks that adapt on a support of their own: brackets, floors, boxes, what loops find."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, Rationals, exactly, rational, to_float
from metagap.impl.bracket import UnsupportedError
from metagap.impl.families import FAMILIES
from metagap.impl.judgement import Enclosure
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights
from metagap.impl.optimum import minimise
from metagap.impl.optimum.boxes import Box, Model
from metagap.impl.optimum.certificate import basis
from metagap.impl.optimum.coercivity import NotCoerciveError, coercivity_radius
from metagap.impl.optimum.convex_check import Prover
from metagap.impl.optimum.descent import downhill
from metagap.impl.optimum.exact import (
    exact_value,
    functional_bound,
    own_risk_bound,
    squared_minimum,
)
from metagap.impl.optimum.landscape import Landscape
from metagap.impl.optimum.leaves import Boxes, Table
from metagap.impl.optimum.loops import _Field, stationary_for
from metagap.impl.optimum.networks.check import check_cells
from metagap.impl.optimum.networks.optima import infimum
from metagap.impl.optimum.objectives import own_loop
from metagap.impl.optimum.relaxed import hessian_floor as many_floors
from metagap.impl.optimum.relaxed_box import hessian_floor
from metagap.impl.optimum.search import Budget
from metagap.impl.optimum.stack import Stack
from metagap.impl.sources import Limits, RandomSource
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.draws import CONVEX_LOSSES, SMOOTH_LOSSES
from metagap.impl.supervised.instance import Atom, MetaSLInstance, NetworkInstance, Task, split
from metagap.impl.supervised.maml import Problem
from metagap.impl.supervised.relu.problem import NetworkProblem
from metagap.impl.supervised.taylor import curvature
from metagap.impl.supervised.taylor import gradient as taylor_gradient
from oracles.polynomials import polynomial_minimum

from .test_support import HALF, ONE, SMALL, ZERO, drawn, one


def values(instance: MetaSLInstance, radius: float, count: int = 40) -> list[arb]:
    """L at points of the ball."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        v = rng.standard_normal(instance.dimension)
        v *= radius * rng.random() / np.linalg.norm(v)
        found.append(exact_value(instance, tuple(rational(float(t)) for t in v)))
    return found


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("loss", SMOOTH_LOSSES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_bracket_of_two_laws_is_certified_and_holds_everywhere(loss: str, seed: int) -> None:
    for instance in drawn(loss, seed)[:2]:
        found = minimise(instance, ONE, Budget(gap=1e-2, seconds=3.0))
        assert found.how != "convex" or loss == "squared" or not split(instance) or instance.adaptation.eta == 0
        low, high = exactly(found.sure), exactly(found.upper)
        seen = values(instance, 1.0)
        assert all(v >= low for v in seen)
        assert not exact_value(instance, found.exactly_at) > high + 1e-9
        if found.proved and found.narrow:
            assert min(float(v.lower()) for v in seen) >= found.lower


def test_float_and_ball_landscapes_agree_with_the_definition() -> None:
    for loss in SMOOTH_LOSSES:
        for instance in drawn(loss, 7):
            scape = Landscape(instance)
            theta = np.full((1, scape.dimension), 0.25)
            there = tuple(rational(float(v)) for v in (theta @ scape.basis)[0])
            value = float(exact_value(instance, there).mid())
            assert scape.value(theta)[0] == pytest.approx(value, rel=1e-8, abs=1e-10)
            step, at = 1e-5, scape.derivatives(theta)
            for j in range(scape.dimension):
                move = np.zeros_like(theta)
                move[0, j] = step
                slope = (scape.value(theta + move)[0] - scape.value(theta - move)[0]) / (2 * step)
                assert at.gradient[0, j] == pytest.approx(slope, rel=1e-4, abs=1e-5)


def test_lower_bounds_without_a_search_hold_for_two_laws() -> None:
    for loss in CONVEX_LOSSES:
        for instance in drawn(loss, 11):
            seen = values(instance, 2.0, 20)
            with ctx.workprec(128):
                floors = [functional_bound(instance)]
                if not instance.loss.profile.kinked:
                    floors.append(own_risk_bound(instance, fmpq(2)))
            assert not any(v < floor for v in seen for floor in floors)


def test_the_coercive_ball_of_two_laws() -> None:
    """Beyond it L exceeds the value that it was made for."""
    told = 0
    for loss in ("log-cosh", "pseudo-huber", "quartic", "squared"):
        for seed in range(8):
            for instance in drawn(loss, seed):
                here = exact_value(instance, (ZERO,) * instance.dimension)
                try:
                    radius = to_float(coercivity_radius(instance, float(here.upper())))
                except NotCoerciveError:
                    continue
                told += 1
                if loss == "squared":
                    continue
                scape = Landscape(instance)
                rng = np.random.default_rng(1)
                v = rng.standard_normal((50, scape.dimension))
                v = v / np.linalg.norm(v, axis=1, keepdims=True) * radius * 1.001
                assert (scape.value(v) >= float(here.lower())).all()
    assert told > 20


def test_the_polynomial_minimum_of_two_laws() -> None:
    instance = one(Loss("quartic", fmpq(1, 4)), fmpq(1, 128))
    least = float(polynomial_minimum(instance, fmpq(1, 4)).mid())
    found = minimise(instance, fmpq(1, 4), Budget(gap=1e-6, seconds=10))
    assert found.proved and found.lower <= least <= found.upper


def test_what_omega_is_stationary_for_knows_both_laws() -> None:
    """At the exact minimiser of the squared loss the own gradient is 0; of a loop on the query alone it is not."""
    instance = one(Loss("squared"), fmpq(1, 6))
    found = {each.loop.objective: each.eps for each in stationary_for(instance).found}
    assert found["maml"].hi < 1e-12 and "support/query" not in found
    field, own = _Field(instance, lambda: None), own_loop(Gradient(fmpq(1, 6)))
    # Without adaptation (2 - 1) 2; the first-order gradient is the query's at U, Reptile's the support's at omega.
    for loop, size in (
        (replace(own, steps=0), 2.0), (replace(own, first_order=True), 0.0), (replace(own, reptile=True), 3.0),
        (replace(own, chained=True), 0.0), (replace(own, only=0), 0.0),
    ):  # fmt: skip
        for at in (field.at(loop), field.finer(replace(field.at(loop), eps=Enclosure(0.0, 99.0)))):
            assert at.eps.lo <= size <= at.eps.hi + 1e-12 and at.eps.hi - at.eps.lo < 1e-9, loop


@pytest.mark.parametrize("family", ["network", "smooth-network"])
def test_networks_with_supports_are_not_bracketed(family: str) -> None:
    of = FAMILIES[family]
    build = next(g for g in of.generators if g.name == "support-query").build
    batch = build(RandomSource(2, 1), "squared", SMALL)
    assert of.headline is not None and split(batch.instance(0))
    with pytest.raises(UnsupportedError, match="adapt on what they are judged on"):
        of.headline.judged(batch.instance(0))
    assert of.headline.certified(batch.instance(0), "omega", ()) is None


def pulled(labels: tuple[int, ...], support: int, eta: fmpq, phi: fmpq = ONE, loss: str = "squared") -> MetaSLInstance:
    """Tasks of equal weight, one label each at phi(0) = 1, and the same support at phi(1) = phi."""
    weight = fmpq(1, len(labels))
    tasks = tuple(Task(weight, (Atom(0, fmpq(y), ONE),), (Atom(1, fmpq(support), ONE),)) for y in labels)
    parameter = fmpq(1, 4) if loss == "quartic" else None
    return MetaSLInstance(Loss(loss, parameter), Gradient(eta), ((ONE,), (phi,)), tasks, (ZERO,), (ZERO,), ONE)


def test_the_reach_is_that_of_the_support() -> None:
    """U = (theta + 100)/2 is nearer to the label 60 than anything that a step on the query would reach."""
    instance = pulled((60,), 100, HALF)
    assert not own_risk_bound(instance, ONE) > exact_value(instance, (ONE,))


def test_the_coercive_radius_by_hand() -> None:
    """Log-cosh, a step of 8 on a support of |phi| = 3 moves by 24; quartic, U = theta (1 - (1/16 + theta^2/256)) is 0
    at theta = 15.5, where L is as small as at 0."""
    assert coercivity_radius(pulled((0,), 0, fmpq(8), fmpq(3), "log-cosh"), 1.0) >= 25
    assert coercivity_radius(pulled((0,), 0, ONE, fmpq(1, 4), "quartic"), 0.5) >= 15


def test_the_exact_end_of_two_laws() -> None:
    """Labels 0 and 1 of the query: z = 1/2 is best, 1/8; U = theta/2 + 1 with the support's label 2: theta = -1."""
    instance = pulled((0, 1), 2, HALF)
    assert squared_minimum(instance) == (fmpq(1, 8), (-ONE,))
    found = minimise(instance, convexity=False)
    assert found.proved and found.how == "exact" and found.lower <= 0.125 <= found.upper < 0.125 + 1e-9


def test_descent_knows_both_laws() -> None:
    instance = pulled((0, 1), 2, HALF)
    point = downhill(Stack(instance), [np.zeros(1)], np.inf, time.monotonic() + 5)
    assert point[0] == pytest.approx(-1, abs=1e-6)


def test_tables_of_rows_agree_with_the_definition() -> None:
    compared = 0
    for loss in SMOOTH_LOSSES:
        for instance in drawn(loss, 5):
            if not isinstance(instance.adaptation, Gradient):
                continue
            with ctx.workprec(128):
                problem = Problem(instance.canonical, Balls)
                value, gradient = problem.meta_objective(problem.omega), taylor_gradient(problem)
                prover = Prover(instance)
                for point in (prover._in_balls(instance.omega), prover._in_floats(instance.omega)):
                    room = point.error + arb(2) ** -80 * (1 + abs(value))
                    assert (point.value - value).abs_lower() <= room
                    assert all((g - t).abs_lower() <= room for g, t in zip(point.gradient, gradient, strict=True))
                    compared += bool(point.value.is_finite())
    assert compared > 20


def test_boxes_hold_what_the_definition_says() -> None:
    """Values, slopes and curvatures at a point of a box, of balls one by one and of many boxes in floats."""
    seen = {0: 0, 1: 0}
    for loss in SMOOTH_LOSSES:
        for instance in (one(Loss(loss, fmpq(1, 2)), fmpq(1, 16)) if loss in ("quartic", "pseudo-huber") else None,
                         *drawn(loss, 13, Limits(tasks=2, points=3, labels=2, dimension=1))):  # fmt: skip
            if instance is None or instance.dimension != 1 or len(basis(instance)) != 1:
                continue
            model, at, half = Model(instance), fmpq(1, 4), fmpq(1, 32)
            unit = to_float(basis(instance)[0][0])
            box = Box(model, [at], [half], second=model.smooth)
            with np.errstate(all="ignore"):
                table = Boxes(Table(model), np.array([[0.25]]), np.array([[1 / 32]]), second=model.smooth)
            for theta in (at - half, at, at + half / 2):
                there = (theta * (1 if unit > 0 else -1),)
                with ctx.workprec(128):
                    value = exact_value(instance, there)
                    problem = Problem(replace(instance, omega=there).canonical, Balls)
                    slope = taylor_gradient(problem)[0] * (1 if unit > 0 else -1)
                    assert not value < box.natural and not value < box.mean_value
                    assert box.gradient[0].overlaps(slope)
                    with np.errstate(all="ignore"):
                        floors = (float(table.natural[0]), float(table.mean_value[0]))
                    assert not any(value < exactly(floor) for floor in floors if not np.isnan(floor))
                    if theta == at:
                        assert box.at_centre.overlaps(value)
                    if model.smooth and isinstance(instance.adaptation, Gradient):
                        bend = curvature(problem, [arb(1)])
                        assert box.hessian()[0, 0].overlaps(bend)
                        assert not bend < hessian_floor(box)[0, 0]
                        with np.errstate(all="ignore"):
                            low = float(many_floors(table).low[0, 0, 0])
                        assert np.isnan(low) or not bend < exactly(low)
                        seen[0] += 1
                    seen[1] += 1
    assert seen[0] > 20 and seen[1] > 40


@pytest.mark.ci
def test_cells_of_two_laws() -> None:
    """One neuron, scalar inputs: the exact infimum against values on a grid, and the checker of cells."""
    first = Task(HALF, (Atom(0, fmpq(2), ONE),), (Atom(1, ONE, HALF), Atom(2, -ONE, HALF)))
    tasks = (first, Task(HALF, (Atom(0, ONE, ONE),), (Atom(1, fmpq(8), ONE),)))
    start = Weights.of([[ONE]])
    instance = NetworkInstance(
        Loss("squared"), Gradient(fmpq(1, 8)), ((ONE,), (fmpq(2),), (-ONE,)), tasks, (1,), start, start, start, ONE
    )
    found = infimum(instance)
    grid = [Weights.of([[fmpq(j, 64)]]) for j in range(-512, 513)]
    problem = NetworkProblem(instance, Rationals)
    values_there = [problem.objective(problem.at(w)) for w in grid]
    assert min(values_there) >= found.value and min(values_there) - found.value < fmpq(1, 100)
    proved = check_cells(instance, float(to_float(found.value)) - 1e-9)
    assert proved.accepted and proved.boxes == 1 + 2 * 2**2  # the neuron off, or on: its sign, and that in either task
    assert not check_cells(instance, float(to_float(min(values_there))) + 1e-2).accepted
