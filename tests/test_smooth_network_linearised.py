"""The linearised meta-objective of smooth networks in the ball: certified brackets, beside float engines and cvxpy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flint import ctx, fmpq
from metagap.impl.arithmetic import Balls, rational, to_float
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights
from metagap.impl.optimum import Budget, minimise
from metagap.impl.optimum.networks.floor import NotConvexError
from metagap.impl.optimum.networks.linearised import linearised_optimum
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, MetaSLInstance, SmoothInstance, Task
from metagap.impl.supervised.maml import Problem

HUBER = Loss("pseudo-huber", fmpq(1))
VALUE = {"softplus": lambda t: np.logaddexp(0.0, t), "tanh": np.tanh}
SLOPE = {"softplus": lambda t: 1 / (1 + np.exp(-t)), "tanh": lambda t: 1 / np.cosh(t) ** 2}
ACTIVATION = pytest.mark.parametrize("activation", list(VALUE))


def drawn(
    activation: str, seed: int, m: int, d: int, loss: Loss, eta: fmpq, tasks: int = 2, points: int = 2
) -> SmoothInstance:
    """Tasks over shared inputs with labels on a grid."""
    rng = np.random.default_rng((seed, m, d))
    inputs = tuple(tuple(fmpq(int(v), 8) for v in row) for row in rng.integers(-8, 9, (points, d)))
    laws = tuple(
        Task(fmpq(1, tasks), tuple(Atom(x, fmpq(int(rng.integers(-8, 9)), 4), fmpq(1, points)) for x in range(points)))
        for _ in range(tasks)
    )
    weights = Weights(np.round(rng.standard_normal((m, d)) * 64) / 64)
    signs = tuple(int(b) for b in rng.choice([-1, 1], m))
    return SmoothInstance(
        loss, Gradient(eta), inputs, laws, signs, weights, weights, weights, fmpq(1), activation=activation
    )


def linear_model(of: SmoothInstance) -> MetaSLInstance:
    """The same meta-objective, to rounding, as a linear model in D: features phi_0, labels y - f(x; W0), in float64."""
    inputs = np.array([[to_float(v) for v in x] for x in of.features])
    drive, output = inputs @ of.initial.floats.T, np.array(of.signs) / of.width**0.5
    rows = ((SLOPE[of.activation](drive) * output)[..., None] * inputs[:, None]).reshape(len(inputs), -1)
    base = VALUE[of.activation](drive) @ output
    tasks = tuple(
        replace(task, atoms=tuple(replace(a, y=a.y - rational(float(base[a.x]))) for a in task.atoms))
        for task in of.tasks
    )
    exact = tuple(tuple(rational(float(v)) for v in row) for row in rows)
    zero = (fmpq(0),) * rows.shape[1]
    return MetaSLInstance(of.loss, of.adaptation, exact, tasks, zero, zero, fmpq(1))


@pytest.mark.ci
@ACTIVATION
@pytest.mark.parametrize("seed", range(3))
def test_cvxpy_agrees(activation: str, seed: int) -> None:
    from metagap.impl.oracles.convex import squared_meta_minimum

    of = drawn(activation, seed, 16, 3, Loss("squared"), fmpq(1, 2), tasks=3, points=4)
    for ball in (fmpq(1, 4), fmpq(4)):
        found = linearised_optimum(of, ball)
        assert found.upper - found.lower <= 1e-8
        assert found.upper == pytest.approx(squared_meta_minimum(linear_model(of), to_float(ball)), abs=1e-6)


@pytest.mark.ci(every=4)
@ACTIVATION
@pytest.mark.parametrize("loss", [Loss("squared"), HUBER], ids=lambda loss: loss.name)
def test_the_certified_engine_agrees(activation: str, loss: Loss) -> None:
    of = drawn(activation, 3, 1, 2, loss, fmpq(1, 2) if loss.name == "squared" else fmpq(1, 16))
    for ball in (fmpq(1, 8), fmpq(1)):
        found = linearised_optimum(of, ball)
        other = minimise(linear_model(of), ball, Budget(gap=1e-4, boxes=20_000, seconds=5))
        assert found.lower <= found.upper <= found.lower + 1e-8
        assert found.lower <= other.upper + 1e-12
        assert other.lower <= found.upper + 1e-12
        assert other.certified


@pytest.mark.ci(every=2)
@ACTIVATION
def test_no_point_of_the_ball_is_below(activation: str) -> None:
    """Values by the linear model's own engine; the optimum moves with the radius."""
    of, ball = drawn(activation, 5, 4, 2, HUBER, fmpq(1, 16)), fmpq(1, 2)
    model, found = linear_model(of), linearised_optimum(of, ball)
    rng = np.random.default_rng(1)
    values = []
    with ctx.workprec(64):
        problem = Problem(model.canonical, Balls)
        for _ in range(100):
            move = rng.standard_normal(model.dimension)
            move *= 0.5 / np.linalg.norm(move)
            at = problem.column(tuple(fmpq(int(v * 2**30), 2**30) for v in move))
            values.append(float(problem.meta_objective(at).mid()))
    assert found.lower <= min(values) + 1e-9
    assert linearised_optimum(of, 2 * ball).upper < found.lower <= linearised_optimum(of, ball / 2).lower


@ACTIVATION
def test_a_logistic_model_needs_a_small_step(activation: str) -> None:
    of = drawn(activation, 2, 4, 2, Loss("logistic"), fmpq(1, 8))
    signed = tuple(
        replace(t, atoms=tuple(replace(a, y=fmpq(1 - 2 * ((a.x + i) % 2))) for a in t.atoms))
        for i, t in enumerate(of.tasks)
    )
    small = replace(of, tasks=signed)
    found = linearised_optimum(small, fmpq(2))
    assert found.upper - found.lower <= 1e-8
    with pytest.raises(NotConvexError, match="small step"):
        linearised_optimum(replace(small, adaptation=Gradient(fmpq(64))), fmpq(2))
