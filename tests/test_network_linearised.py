"""The linearised meta-objective in the ball: certified brackets, beside the certified engine and cvxpy."""

from __future__ import annotations

from dataclasses import replace
from math import isqrt

import numpy as np
import pytest
from flint import ctx, fmpq
from metagap.impl.arithmetic import Balls, Rationals, to_float
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights
from metagap.impl.optimum import Budget, minimise
from metagap.impl.optimum.networks.floor import NotConvexError
from metagap.impl.optimum.networks.linearised import linearised_optimum
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, MetaSLInstance, NetworkInstance, Task
from metagap.impl.supervised.maml import Problem
from metagap.impl.supervised.relu.problem import NetworkProblem


def drawn(seed: int, m: int, d: int, loss: Loss, eta: fmpq, tasks: int = 2, points: int = 2) -> NetworkInstance:
    """Tasks over shared inputs with labels on a grid; some neurons are on."""
    rng = np.random.default_rng((seed, m, d))
    grid = rng.integers(1, 9, (points, d))
    inputs = tuple(tuple(fmpq(int(v), 8) for v in row) for row in grid)
    laws = tuple(
        Task(fmpq(1, tasks), tuple(Atom(x, fmpq(int(rng.integers(-8, 9)), 4), fmpq(1, points)) for x in range(points)))
        for _ in range(tasks)
    )
    start = np.round(rng.standard_normal((m, d)) * 64) / 64
    start[0] = np.abs(start[0])
    weights = Weights(start)
    signs = tuple(int(b) for b in rng.choice([-1, 1], m))
    return NetworkInstance(loss, Gradient(eta), inputs, laws, signs, weights, weights, weights, fmpq(1))


def linear_model(of: NetworkInstance) -> MetaSLInstance:
    """The same meta-objective as a linear model in D: features phi_0, labels y - f(x; W0). m is a square."""
    problem = NetworkProblem(of.canonical, Rationals)
    rows = [
        [
            problem.shrink * b * int(on) * v
            for b, on in zip(of.signs, problem.start.active[:, x], strict=True)
            for v in row
        ]
        for x, row in enumerate(of.canonical.features)
    ]
    base = problem.start.predictions
    tasks = tuple(
        replace(task, atoms=tuple(replace(a, y=a.y - base[a.x]) for a in task.atoms)) for task in of.canonical.tasks
    )
    zero = (fmpq(0),) * len(rows[0])
    return MetaSLInstance(of.loss, of.adaptation, tuple(map(tuple, rows)), tasks, zero, zero, fmpq(1))


HUBER = Loss("pseudo-huber", fmpq(1))


@pytest.mark.ci(every=6)
@pytest.mark.parametrize("ball", [fmpq(1, 8), fmpq(1), fmpq(8)], ids=str)
@pytest.mark.parametrize(("m", "d"), [(1, 1), (1, 2), (1, 3), (4, 1)])
@pytest.mark.parametrize("loss", [Loss("squared"), HUBER], ids=lambda loss: loss.name)
def test_the_certified_engine_agrees(loss: Loss, m: int, d: int, ball: fmpq) -> None:
    of = drawn(3, m, d, loss, fmpq(1, 2) if loss.name == "squared" else fmpq(1, 16))
    found = linearised_optimum(of, ball)
    other = minimise(linear_model(of), ball, Budget(gap=1e-4, boxes=20_000, seconds=5))
    assert found.lower <= found.upper <= found.lower + 1e-8
    assert found.lower <= other.upper + 1e-12
    assert other.lower <= found.upper + 1e-12
    assert other.certified


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(6))
def test_cvxpy_agrees(seed: int) -> None:
    from metagap.impl.oracles.convex import squared_meta_minimum

    of = drawn(seed, 16, 3, Loss("squared"), fmpq(1, 2), tasks=3, points=4)
    for ball in (fmpq(1, 4), fmpq(4)):
        found = linearised_optimum(of, ball)
        assert found.upper - found.lower <= 1e-8
        assert found.upper == pytest.approx(squared_meta_minimum(linear_model(of), to_float(ball)), abs=1e-6)


@pytest.mark.ci(every=2)
@pytest.mark.parametrize("loss", [Loss("squared"), HUBER], ids=lambda loss: loss.name)
def test_no_point_of_the_ball_is_below(loss: Loss) -> None:
    """Values by the linear model's own engine; the sphere's best direction comes close, so the radius matters."""
    of = drawn(5, 4, 2, loss, fmpq(1, 16))
    model, ball = linear_model(of), fmpq(1, 2)
    found = linearised_optimum(of, ball)
    rng = np.random.default_rng(1)
    values = []
    with ctx.workprec(64):
        problem = Problem(model.canonical, Balls)
        for _ in range(200):
            move = rng.standard_normal(model.dimension)
            move *= 0.5 / np.linalg.norm(move)
            at = problem.column(tuple(fmpq(int(v * 2**30), 2**30) for v in move))
            values.append(float(problem.meta_objective(at).mid()))
    assert found.lower <= min(values) + 1e-9
    assert linearised_optimum(of, 2 * ball).upper < found.lower <= linearised_optimum(of, ball / 2).lower


def test_a_logistic_model_needs_a_small_step() -> None:
    of = drawn(2, 4, 2, Loss("logistic"), fmpq(1, 8))
    signed = tuple(
        replace(t, atoms=tuple(replace(a, y=fmpq(1 - 2 * ((a.x + i) % 2))) for a in t.atoms))
        for i, t in enumerate(of.tasks)
    )
    small = replace(of, tasks=signed)
    found = linearised_optimum(small, fmpq(2))
    assert found.upper - found.lower <= 1e-8
    with pytest.raises(NotConvexError, match="small step"):
        linearised_optimum(replace(small, adaptation=Gradient(fmpq(64))), fmpq(2))


def test_width_costs_nothing() -> None:
    of = drawn(1, 4096, 4, Loss("squared"), fmpq(1, 2), tasks=4, points=8)
    assert isqrt(of.width) ** 2 == of.width
    found = linearised_optimum(of, fmpq(2))
    assert found.upper - found.lower <= 1e-8 * found.upper
