"""Exact infima by pattern enumeration: never above a value of L, approached by points of L, and not always attained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flint import ctx, fmpq
from metagap.impl.arithmetic import Balls, Rationals, rational
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights
from metagap.impl.optimum.networks.floor import Centre, NotConvexError, ball_floor, task_risk_floor
from metagap.impl.optimum.networks.optima import ExactInfimum, NotEnumerableError, infimum
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, Functions, NetworkInstance, Task
from metagap.impl.supervised.relu.problem import NetworkProblem
from metagap.impl.supervised.relu.quantities import NetworkQuantities
from scipy.optimize import minimize


def instance(
    b: tuple[int, ...], eta: fmpq, inputs: list[fmpq], tasks: list[list[tuple[int, fmpq, fmpq]]]
) -> NetworkInstance:
    laws = tuple(Task(fmpq(1, len(tasks)), tuple(Atom(*atom) for atom in task)) for task in tasks)
    zero = Weights(np.zeros((len(b), 1)))
    rows = tuple((x,) for x in inputs)
    functions = Functions(((fmpq(0),) * len(inputs),) * len(tasks))
    return NetworkInstance(Loss("squared"), Gradient(eta), rows, laws, b, zero, zero, functions, fmpq(1))


def objective(of: NetworkInstance, v: np.ndarray) -> float:
    """L at V = W/sqrt m, in floats, by its definition."""
    b, eta = np.array(of.signs, dtype=float), float(of.adaptation.eta.p) / float(of.adaptation.eta.q) / len(of.signs)
    total = 0.0
    for task in of.tasks:
        x, y, p = (np.array([float(int(q.p)) / int(q.q) for q in column]) for column in zip(
            *((of.features[a.x][0], a.y, a.p) for a in task.atoms), strict=True))  # fmt: skip
        gates = (np.outer(x, v) > 0).astype(float)
        error = (gates * np.outer(x, v)) @ b - y
        moved = v - eta * ((p * error * x) @ gates) * b
        after = np.maximum(np.outer(x, moved), 0) @ b - y
        total += float(task.weight.p) / float(task.weight.q) * float(p @ after**2) / 2
    return total


def drawn(rng: np.random.Generator, m: int, n: int) -> NetworkInstance:
    inputs = [fmpq(int(v), 2) for v in rng.choice([-3, -2, -1, 1, 2, 3], 2, replace=False)]
    tasks = []
    for _ in range(n):
        labels = [fmpq(int(v), 2) for v in rng.integers(-4, 5, 2)]
        tasks.append([(0, labels[0], fmpq(1, 4)), (1, labels[1], fmpq(3, 4))])
    eta = fmpq(int(rng.integers(0, 9)), 4)
    return instance(tuple(int(v) for v in rng.choice([-1, 1], m)), eta, inputs, tasks)


def test_the_infimum_of_the_known_instance_is_not_attained() -> None:
    known = instance((1,), fmpq(1, 4), [fmpq(2), fmpq(1)], [[(0, fmpq(3), fmpq(1))], [(1, fmpq(0), fmpq(1))]])
    found = infimum(known)
    assert found == ExactInfimum(fmpq(0), (fmpq(0),), False, found.cells)
    assert objective(known, np.zeros(1)) == 2.25


@pytest.mark.ci(every=4)
@pytest.mark.parametrize(("m", "n", "count"), [(1, 1, 20), (1, 2, 30), (2, 1, 12), (2, 2, 8)])
def test_no_value_is_below_and_some_value_is_near(m: int, n: int, count: int) -> None:
    rng = np.random.default_rng((m, n))
    unattained = 0
    for _ in range(count):
        of = drawn(rng, m, n)
        found = infimum(of)
        value = float(int(found.value.p)) / int(found.value.q)
        values = [objective(of, v) for v in rng.uniform(-4, 4, (300, m))]
        starts = rng.uniform(-3, 3, (4, m))
        values += [float(minimize(lambda v, of=of: objective(of, v), s, method="Nelder-Mead").fun) for s in starts]
        values += [objective(of, v * rng.choice([0, 1], m)) for v in rng.uniform(-4, 4, (100, m))]  # kinks
        assert min(v for v in values if np.isfinite(v)) >= value - 1e-9
        at = np.array([float(int(v.p)) / int(v.q) for v in found.at])
        near = [objective(of, at + 1e-7 * d) for d in rng.standard_normal((200, m))]
        near += [objective(of, at + 1e-7 * d * (at != 0)) for d in rng.standard_normal((200, m))]  # on a face
        assert min(near) <= value + 1e-4
        unattained += not found.attained
    assert unattained < count


def test_attained_minima_are_values_of_the_exact_engine() -> None:
    """m = 1: V = W, so the rational engine gives L itself."""
    rng = np.random.default_rng(8)
    compared = 0
    for _ in range(20):
        of = drawn(rng, 1, 2)
        found = infimum(of)
        if not found.attained:
            continue
        labels = Functions(tuple(tuple(a.y for a in task.atoms) for task in of.tasks))
        here = replace(of, omega=Weights.of([found.at]), comparator=labels)
        assert NetworkQuantities(here, Rationals)("gap") == found.value
        compared += 1
    assert compared >= 5


def test_a_kink_can_be_the_only_minimiser() -> None:
    """Labels below every prediction: the dead neuron at W = 0 is best, and from either side the step overshoots."""
    laws = [
        [(0, fmpq(-1), fmpq(1, 4)), (1, fmpq(-3, 2), fmpq(3, 4))],
        [(0, fmpq(-3, 2), fmpq(1, 4)), (1, fmpq(-1), fmpq(3, 4))],
    ]
    of = instance((1,), fmpq(3, 2), [fmpq(1), fmpq(-1)], laws)
    found = infimum(of)
    assert (found.value, found.at, found.attained) == (fmpq(13, 16), (fmpq(0),), True)
    assert objective(of, np.zeros(1)) == 13 / 16
    assert min(objective(of, np.array([v])) for v in np.linspace(-5, 5, 2000)) > 13 / 16 + 0.02


def test_other_instances_are_refused() -> None:
    of = instance((1, 1, 1), rational(1), [fmpq(1)], [[(0, fmpq(1), fmpq(1))]])
    with pytest.raises(NotEnumerableError, match="at most 2 neurons"):
        infimum(of)


@pytest.mark.ci
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_the_certified_floor_is_below_the_programs_and_near_the_relaxation(loss: str) -> None:
    """floor <= minimum over all patterns (one convex program each) <= what descent finds; floor = the relaxation."""
    from oracles.network_convex import least_risk_by_patterns, relaxed_risk

    rng = np.random.default_rng(3)
    for _ in range(3):
        initial = Weights(np.round(rng.standard_normal((2, 2)) * 64) / 64)
        inputs = tuple(tuple(fmpq(int(v), 8) for v in row) for row in rng.integers(1, 9, (2, 2)) * [[1, 1], [1, -1]])
        labels = [fmpq(int(v)) for v in rng.choice([-1, 1], 2)]
        task = Task(fmpq(1), tuple(Atom(x, y, fmpq(1, 2)) for x, y in enumerate(labels)))
        of = NetworkInstance(
            Loss(loss), Gradient(fmpq(0)), inputs, (task,), (1, -1), initial, initial, initial, fmpq(1)
        )  # fmt: skip
        budget = fmpq(1, 2)
        relaxed, proposal = relaxed_risk(of, 0, budget)
        with ctx.workprec(128):
            centre = Centre(NetworkProblem(of.canonical, Balls))
            floor = float(task_risk_floor(centre, centre.problem.laws[0], budget, proposal).lower())
            blind = float(task_risk_floor(centre, centre.problem.laws[0], budget, [0.0, 0.0]).lower())
        enumerated = least_risk_by_patterns(of, 0, budget)
        assert blind <= floor + 1e-6
        assert relaxed - 1e-5 <= floor <= relaxed + 1e-6
        assert floor <= enumerated + 1e-7
        for _ in range(200):
            move = rng.standard_normal((2, 2))
            at = replace(of, omega=Weights(initial.floats + 0.499 * move / np.linalg.norm(move)))
            zero = Functions(((fmpq(0), fmpq(0)),))
            with ctx.workprec(64):
                quantities = NetworkQuantities(replace(at, comparator=zero))
                risk = float(quantities.problem.risk(quantities.laws[0], quantities._before).mid())
            assert enumerated <= risk + 1e-6


def test_a_floor_needs_a_convex_loss() -> None:
    of = replace(instance((1,), fmpq(0), [fmpq(1)], [[(0, fmpq(1), fmpq(1))]]), loss=Loss("double-well"))
    with pytest.raises(NotConvexError, match="convex"):
        ball_floor(of, fmpq(1))
