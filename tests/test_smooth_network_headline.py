"""The headline for smooth networks: floors that no value contradicts and some reach, a bound that is never violated."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from metagap.impl import files
from metagap.impl.losses import Loss
from metagap.impl.models.activation import ACTIVATIONS
from metagap.impl.models.weights import Weights
from metagap.impl.optimum.networks.answer import SMOOTH
from metagap.impl.optimum.networks.bracket import value
from metagap.impl.optimum.networks.floor import Centre, prediction_floor
from metagap.impl.sources import RandomSource
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, SmoothInstance, Task
from metagap.impl.supervised.smooth.generate import LANDSCAPES, landscapes
from metagap.impl.supervised.smooth.problem import SmoothProblem
from metagap.reports.cli import app
from metagap.theory.claim import Verdict
from typer.testing import CliRunner

from .test_network_headline import balls_that_beat_predictions

FEW = settings(max_examples=max(settings().max_examples // 5, 1))


def network(
    activation: str, signs: tuple[int, ...], inputs: list[list[int]], labels: list[int], eta: str = "0"
) -> SmoothInstance:
    """One task with uniform atoms, one label per input, squared loss, W0 on a grid."""
    atoms = tuple(Atom(x, fmpq(y), fmpq(1, len(labels))) for x, y in enumerate(labels))
    start = Weights(np.round(np.random.default_rng(1).standard_normal((len(signs), len(inputs[0]))) * 64) / 64)
    rows = tuple(tuple(fmpq(v) for v in row) for row in inputs)
    step = Gradient(fmpq(eta))
    return SmoothInstance(
        Loss("squared"), step, rows, (Task(fmpq(1), atoms),), signs, start, start, start, fmpq(1), activation=activation
    )  # fmt: skip


def at(instance: SmoothInstance, weights: Weights) -> float:
    with ctx.workprec(128):
        return float(value(SmoothProblem(instance.canonical), weights).mid())


@pytest.mark.ci
@FEW
@given(st.integers(0, 2**32), st.sampled_from(LANDSCAPES.variants))
def test_the_headline_is_never_violated(seed: int, loss: str) -> None:
    with np.errstate(all="ignore"):
        instance = landscapes(RandomSource(seed, 1), loss).instance(0)
    found = SMOOTH.study(instance)
    assert found.bracket.lower <= found.bracket.upper
    for finding in found.findings:
        assert finding.judged.verdict in (Verdict.PROVED, Verdict.EQUAL, Verdict.OUTSIDE), finding.judged
        assert finding.judged.gap is None or finding.judged.gap.hi >= 0


def test_the_range_of_the_networks_bounds_the_risk_exactly() -> None:
    """tanh, one neuron: |f| < 1, odd; softplus with b = 1: f > 0; f(0) is what it is."""

    def close(found: arb, expected: fmpq | arb) -> bool:
        return float((found - expected).abs_upper()) < 1e-15

    # (1/2)(3 - 1)^2: the label 3 is out of reach of one neuron, in reach of sixteen.
    far = network("tanh", (1,), [[1]], [3])
    assert close(prediction_floor(far).value, fmpq(2))
    assert close(prediction_floor(network("tanh", (1, -1) * 8, [[1]], [3])).value, fmpq(0))
    # Labels 1/2 and 1/2 at x and -x: f(-x) = -f(x), so 0 is best.
    halves = network("tanh", (1, -1) * 8, [[1], [-1]], [1, 1])
    assert close(prediction_floor(halves).value, fmpq(1, 2))
    assert close(prediction_floor(replace(halves, activation="softplus")).value, fmpq(0))
    assert close(prediction_floor(network("softplus", (1, 1), [[1]], [-1])).value, fmpq(1, 2))
    assert close(prediction_floor(network("softplus", (-1, -1), [[1]], [-1])).value, fmpq(0))
    # At x = 0 softplus predicts sqrt(2) log 2, tanh 0, whatever W.
    fixed = arb(2).sqrt() * arb(2).log()
    assert close(prediction_floor(network("softplus", (1, 1), [[0]], [1])).value, (fixed - 1) * (fixed - 1) / 2)
    assert close(prediction_floor(network("tanh", (1, 1), [[0]], [1])).value, fmpq(1, 2))


def test_the_same_input_twice_has_one_prediction() -> None:
    assert float((prediction_floor(network("tanh", (1, 1), [[1], [1]], [1, 0])).value - fmpq(1, 8)).abs_upper()) < 1e-15


@pytest.mark.ci(every=2)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_enough_neurons_reach_the_floor(activation: str) -> None:
    """Descent closes the bracket: eta = 0, distinct inputs, more neurons than inputs."""
    certified = 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        labels = [int(v) for v in rng.integers(-2, 3, 3)]
        instance = network(activation, (1, -1) * 8, [[1, 0], [0, 1], [1, 1]], labels)
        found = SMOOTH.bracketed(replace(instance, omega=Weights(rng.standard_normal((16, 2)))))
        certified += found.certified
    assert certified >= 3


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_error_of_the_linearisation_holds_in_the_ball_and_is_nearly_attained(activation: str) -> None:
    """|f - f(W0) - phi_0'D| <= worst for random D; where the neurons bend most and move alike it is 9/10 of that."""
    rng = np.random.default_rng(3)
    steep = np.full((4, 1), ACTIVATIONS[activation].steepest)
    instance = replace(network(activation, (1,) * 4, [[1]], [1]), initial=Weights(steep))
    with ctx.workprec(128):
        problem = SmoothProblem(instance)
        centre = Centre(problem)
        gates = problem.gates(problem.drives(problem.start.weights))
        for exponent in (-6, -3, 0, 3):
            budget = fmpq(2) ** exponent
            worst = centre.worst(arb(budget))[0]
            alike = np.full((4, 1), 2.0**exponent / 2)
            moves = [alike, *(m / np.linalg.norm(m) * 2.0**exponent * 0.999 for m in rng.standard_normal((20, 4, 1)))]
            errors = []
            for move in moves:
                here = problem.predictions(problem.drives(problem.matrix(Weights(steep + move))))[0]
                linear = sum((g[0] * arb(float(d[0])) for g, d in zip(gates, move, strict=True)), start=arb(0))
                errors.append(abs(here - centre.start[0] - linear))
            assert all(error <= worst for error in errors)
            assert exponent > -3 or errors[0] > worst * fmpq(9, 10)
            assert (
                abs(float((centre.kernel([0])[0, 0] - sum((g[0] * g[0] for g in gates), start=arb(0))).mid())) < 1e-30
            )


@pytest.mark.ci
@pytest.mark.parametrize("loss", ["squared", "logistic", "pseudo-huber"])
def test_the_floor_in_a_ball_is_below_every_value_and_beats_the_range_in_small_balls(loss: str) -> None:
    assert balls_that_beat_predictions(landscapes, 3, loss, SMOOTH, at) >= 2


def test_both_commands_take_smooth_networks(tmp_path: Path) -> None:
    path, run = tmp_path / "smooth.json", CliRunner()
    path.write_text(files.dumps(network("tanh", (1, -1) * 8, [[1, 0], [0, 1]], [1, -1], "1/8")))
    result = run.invoke(app, ["optimum", str(path), "--json", "-"])
    assert result.exit_code == 0
    record = json.loads(result.stdout)
    assert record["status"] == "certified"
    assert record["method"] == "the best prediction at every input, in the range of the networks"
    ball = run.invoke(app, ["optimum", str(path), "--radius", "1/32"])
    assert ball.exit_code in (0, 3)
    assert "over ||W - W0|| <= 1/32" in ball.stdout
    assert "the linearisation at W0 with its worst error in the ball" in ball.stdout
    judged = run.invoke(app, ["judge", str(path), "--json", "-"])
    assert judged.exit_code == 0
    claims = {c["claim"]: c["verdict"] for c in json.loads(judged.stdout)["claims"]}
    assert claims["smooth-network-headline"] == "PROVED"
