"""Programs per activation pattern: valid lines, cvxpy's enumeration, no network of the ball below, kinks, steps."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl import files
from metagap.impl.arithmetic import Balls, bounds
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights
from metagap.impl.optimum.networks.answer import RELU
from metagap.impl.optimum.networks.bracket import value
from metagap.impl.optimum.networks.cells import PARAMETERS, TooLargeError, pattern_floor
from metagap.impl.optimum.networks.floor import NotConvexError, ball_floor
from metagap.impl.optimum.networks.programs import OFF, ON, OPEN, Drive, Program, line, unit
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, Functions, NetworkInstance, Task
from metagap.impl.supervised.relu.problem import NetworkProblem
from metagap.reports.cli import app
from typer.testing import CliRunner

ONE = fmpq(1)
CONVEX = ("squared", "logistic")


def drawn(
    seed: int, m: int = 2, inputs: int = 3, d: int = 2, loss: str = "squared", n: int = 1, eta: fmpq | int = 0
) -> NetworkInstance:
    rng = np.random.default_rng(seed)

    def row(count: int) -> tuple[fmpq, ...]:
        return tuple(fmpq(int(v), 8) for v in rng.integers(-16, 17, count))

    features = tuple(row(d) for _ in range(inputs))
    tasks = tuple(
        Task(fmpq(1, n), tuple(
            Atom(x, row(1)[0] if loss != "logistic" else fmpq(int(rng.choice([-1, 1]))), fmpq(1, inputs))
            for x in range(inputs)
        ))
        for _ in range(n)
    )  # fmt: skip
    start = Weights.of([row(d) for _ in range(m)])
    signs = tuple(int(v) for v in rng.choice([-1, 1], m))
    still = Functions(tuple((fmpq(0),) * inputs for _ in range(n)))
    return NetworkInstance(Loss(loss), Gradient(fmpq(eta)), features, tasks, signs, start, start, still, ONE)


def nearby(instance: NetworkInstance, radius: float, count: int, seed: int = 0) -> list[Weights]:
    """Networks in the ball, many on its sphere."""
    rng, start = np.random.default_rng(seed), instance.initial.floats
    found = [instance.initial]
    for k in range(count):
        move = rng.standard_normal(start.shape)
        share = (1 - 2**-40) if k % 2 else rng.random()
        found.append(Weights(start + radius * share * move / np.linalg.norm(move)))
    return found


def lowest(instance: NetworkInstance, networks: list[Weights]) -> float:
    """The least L among the networks, rounded up."""
    with ctx.workprec(64):
        problem = NetworkProblem(instance.canonical, Balls)
        return min(bounds(value(problem, weights))[1] for weights in networks)


@pytest.mark.parametrize("status", [ON, OFF, OPEN])
def test_a_line_is_below_its_relu_on_the_cell(status: int) -> None:
    """pull relu(t) >= a t + c wherever the unit may be: a slope out of its range, or the wrong chord, would show."""
    checked = 0
    for tau, pull, proposal in itertools.product((-1, 0, 1), (-2, 0, 2), range(-4, 5)):
        own = unit(Drive([arb(1)], arb(tau)), 0, arb(1), arb(2))
        slope, offset = line(own, arb(pull), arb(proposal), own.settled(status))
        for quarter in range(-8, 9):
            t = arb(tau) + arb(quarter) / 4
            if (status == ON and t < 0) or (status == OFF and t > 0):
                continue
            curve, straight = arb(pull) * t.max(arb(0)), slope * t + offset
            assert curve >= straight or curve.overlaps(straight), (tau, pull, proposal, quarter)
            checked += 1
    assert checked > 500


def test_a_chord_is_attained_at_both_ends() -> None:
    own = unit(Drive([arb(1)], arb(1)), 0, arb(1), arb(3))
    slope, offset = line(own, arb(-2), arb(0), OPEN)
    assert (slope * 4 + offset).overlaps(arb(-8))
    assert (slope * -2 + offset).overlaps(arb(0))


@pytest.mark.ci
@pytest.mark.parametrize("loss", CONVEX)
def test_the_bound_is_that_of_cvxpys_enumeration(loss: str, effort: int) -> None:
    """One program for each of 64 patterns by Clarabel (its own tolerance is about 1e-8)."""
    from oracles.network_convex import least_risk_by_patterns

    tighter = said = 0
    for seed in range(8 * effort):
        instance = drawn(seed, loss=loss)
        floor, points = pattern_floor(instance, ONE)
        expected = least_risk_by_patterns(instance, 0, ONE)
        if not math.isnan(expected):
            assert bounds(floor.value)[0] == pytest.approx(expected, abs=1e-7)
            said += 1
        tighter += bool(floor.value > ball_floor(instance, ONE).value + 1e-3)
        assert lowest(instance, [w for w in points if _inside(w, instance)]) >= bounds(floor.value)[0]
    assert tighter >= 5 * effort
    assert said >= 7 * effort


def _inside(weights: Weights, instance: NetworkInstance) -> bool:
    return bool(np.linalg.norm(weights.floats - instance.initial.floats) < 1)


@pytest.mark.ci
@pytest.mark.parametrize(("loss", "eta"), [("squared", fmpq(1, 4)), ("squared", fmpq(2)), ("logistic", fmpq(4))])
def test_no_network_of_the_ball_is_below(loss: str, eta: fmpq, effort: int) -> None:
    """With a step and two tasks; for the squared loss the bracket closes."""
    closed, wanted = 0, 3 * effort if loss == "squared" else 0
    for seed in range(4 * effort):
        instance = drawn(seed, inputs=2, loss=loss, n=2, eta=eta)
        floor, _ = pattern_floor(instance, ONE)
        low = bounds(floor.value)[0]
        assert lowest(instance, nearby(instance, 1.0, 40, seed)) >= low
        found = RELU.bracketed(instance, ONE)
        assert found.lower <= found.upper
        closed += found.upper - found.lower <= 1e-5 * max(found.upper, 1e-3)
    assert closed >= wanted


def test_adapted_networks_leave_the_ball() -> None:
    """Task by task the ball is that of W_i: with the ball of W alone the floor would be wrong here."""
    instance = drawn(1, inputs=2, loss="logistic", n=2, eta=fmpq(4))
    radius = fmpq(1, 8)
    floor, _ = pattern_floor(instance, radius)
    low = bounds(floor.value)[0]
    reached = lowest(instance, nearby(instance, 0.125, 10))
    assert low <= reached
    with ctx.workprec(128):
        narrow = arb(0)
        for i, task in enumerate(instance.tasks):
            narrow += task.weight * pattern_floor(_one_task(instance, i), radius)[0].value
        assert narrow > reached


def _one_task(instance: NetworkInstance, i: int) -> NetworkInstance:
    """Task i alone, without a step."""
    task = Task(ONE, instance.tasks[i].atoms)
    rows = Functions((instance.comparator.values[i],)) if isinstance(instance.comparator, Functions) else None
    assert rows is not None
    return NetworkInstance(
        instance.loss, Gradient(fmpq(0)), instance.features, (task,), instance.signs, instance.initial,
        instance.initial, rows, ONE,
    )  # fmt: skip


def test_neurons_at_their_kinks_and_inputs_of_zero() -> None:
    """W0 = 0: every sign is open in every ball; x = 0 predicts 0."""
    base = drawn(2, inputs=3)
    flat = Weights(np.zeros((2, 2)))
    zero = (fmpq(0), fmpq(0))
    features = (zero, *base.features[1:])
    instance = NetworkInstance(
        base.loss, base.adaptation, features, base.tasks, base.signs, flat, flat, base.comparator, ONE
    )
    floor, _ = pattern_floor(instance, ONE)
    low = bounds(floor.value)[0]
    assert lowest(instance, nearby(instance, 1.0, 100)) >= low
    fixed = sum((a.p * a.y * a.y for a in instance.tasks[0].atoms if a.x == 0), start=fmpq(0)) / 2
    assert low >= float(int(fixed.p)) / int(fixed.q) - 1e-9


def test_without_an_open_sign_one_program_is_exact() -> None:
    instance = drawn(0, inputs=2)
    floor, _ = pattern_floor(instance, fmpq(1, 1024))
    assert "(1 cells)" in floor.method
    # The linearisation is exact there, too: its floor is the same.
    assert abs(bounds(floor.value)[0] - bounds(ball_floor(instance, fmpq(1, 1024)).value)[0]) < 1e-9


def test_wider_networks_take_more_cells_and_stay_valid() -> None:
    for m in (4, 8):
        instance = drawn(m, m=m, inputs=3)
        floor, _ = pattern_floor(instance, ONE)
        low = bounds(floor.value)[0]
        assert lowest(instance, nearby(instance, 1.0, 30, m)) >= low
        assert low >= bounds(ball_floor(instance, ONE).value)[0] - 1e-9


def test_a_proposal_that_is_far_off_is_still_a_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who proposes does not certify: with absurd predictions the bound is weak, not wrong."""
    instance = drawn(3)
    relaxed = Program._relaxed

    def absurd(self: Program, pattern: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        point, predictions, values = relaxed(self, pattern)
        return point, predictions + 3.0, values

    monkeypatch.setattr(Program, "_relaxed", absurd)
    floor, _ = pattern_floor(instance, ONE)
    assert lowest(instance, nearby(instance, 1.0, 60)) >= bounds(floor.value)[0]


def test_what_is_too_large_or_not_convex_is_refused() -> None:
    with pytest.raises(TooLargeError, match=f"at most {PARAMETERS}"):
        pattern_floor(drawn(0, m=PARAMETERS), ONE)
    with pytest.raises(NotConvexError, match="double-well"):
        pattern_floor(drawn(0, loss="double-well"), ONE)


def test_the_command_names_the_method(tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    path.write_text(files.dumps(drawn(5, inputs=2, n=2, eta=fmpq(1, 4))))
    run = CliRunner().invoke(app, ["optimum", str(path), "--radius", "1"])
    said = " ".join(run.output.split())
    assert "convex programs per activation pattern" in said
    # Nothing proves these programs' ends again, so that nobody says certified.
    assert run.exit_code == 3
    assert "bracketed, not checked" in said


@pytest.mark.parametrize("model", ["relu-network", "smooth-network"])
def test_a_step_beyond_float64_leaves_the_floor_over_all_networks(model: str, tmp_path: Path) -> None:
    """exp of huge predictions: no ball holds W_i; the command says what is proved all the same."""
    document = json.loads(files.dumps(drawn(1, inputs=2, eta=fmpq(1000))))
    document["loss"] = {"name": "exponential"}
    document["features"] = [[100, 2], [3, 50]]
    document["model"] |= {"name": model} | ({} if model == "relu-network" else {"activation": "softplus"})
    for task in document["tasks"]:
        for sign, atom in zip((1, -1), task["atoms"], strict=True):
            atom["y"] = sign
    path = tmp_path / "steep.json"
    path.write_text(json.dumps(document))
    run = CliRunner().invoke(app, ["optimum", str(path), "--radius", "1000", "--json", "-"])
    assert run.exit_code in (0, 3), run.output
    found = json.loads(run.stdout)
    assert 0 <= found["lower"] <= found["upper"]
