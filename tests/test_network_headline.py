"""The headline for networks: brackets that no value contradicts, a bound that is never violated, both commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from metagap.impl import files
from metagap.impl.arithmetic import Balls, bounds, to_float
from metagap.impl.families import family_of, load
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights, squared_distance
from metagap.impl.optimum.networks.answer import RELU, SMOOTH
from metagap.impl.optimum.networks.bracket import value
from metagap.impl.optimum.networks.floor import ball_floor, prediction_floor
from metagap.impl.optimum.networks.lower import without_search
from metagap.impl.sources import RandomSource
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.core_quantities import OF_OMEGA
from metagap.impl.supervised.instance import Atom, Functions, NetworkInstance, SmoothInstance, Task
from metagap.impl.supervised.relu.generate import LANDSCAPES, landscapes
from metagap.impl.supervised.relu.problem import NetworkProblem
from metagap.reports.cli import app
from metagap.theory.claim import UndefinedQuantityError, Verdict
from typer.testing import CliRunner

FEW = settings(max_examples=max(settings().max_examples // 5, 1))


def unattained() -> NetworkInstance:
    """L(W) = 9 W^2/64 for W > 0 and 9/4 for W <= 0: the infimum 0 is approached at the kink, where L jumps."""
    tasks = tuple(Task(fmpq(1, 2), (Atom(x, fmpq(y), fmpq(1)),)) for x, y in ((0, 3), (1, 0)))
    one = Weights.of([(fmpq(1),)])
    return NetworkInstance(
        Loss("squared"), Gradient(fmpq(1, 4)), ((fmpq(2),), (fmpq(1),)), tasks, (1,), one, one, one, fmpq(1)
    )  # fmt: skip


def network(signs: tuple[int, ...], inputs: list[list[int]], labels: list[int], eta: str = "0") -> NetworkInstance:
    """One task with uniform atoms, one label per input, W0 on a grid."""
    atoms = tuple(Atom(x, fmpq(y), fmpq(1, len(labels))) for x, y in enumerate(labels))
    start = Weights(np.round(np.random.default_rng(1).standard_normal((len(signs), len(inputs[0]))) * 64) / 64)
    rows = tuple(tuple(fmpq(v) for v in row) for row in inputs)
    step = Gradient(fmpq(eta))
    return NetworkInstance(
        Loss("squared"), step, rows, (Task(fmpq(1), atoms),), signs, start, start, start, fmpq(1)
    )  # fmt: skip


def at(instance: NetworkInstance, weights: Weights) -> float:
    with ctx.workprec(128):
        return float(value(NetworkProblem(instance.canonical, Balls), weights).mid())


@pytest.mark.ci
@FEW
@given(st.integers(0, 2**32), st.sampled_from(LANDSCAPES.variants))
def test_the_headline_is_never_violated(seed: int, loss: str) -> None:
    with np.errstate(all="ignore"):
        instance = landscapes(RandomSource(seed, 1), loss).instance(0)
    found = RELU.study(instance)
    assert found.bracket.lower <= found.bracket.upper
    for finding in found.findings:
        assert finding.judged.verdict in (Verdict.PROVED, Verdict.EQUAL, Verdict.OUTSIDE), finding.judged
        assert finding.judged.gap is None or finding.judged.gap.hi >= 0


def test_balls_decide_between_points_that_float64_does_not_tell_apart() -> None:
    """L(W) = ((W/3 - y)^2 + (W - 1)^2)/2 beside its minimum (9 + 3y)/10, where float64 has another order."""
    for y in (12, 17, 22):
        tasks = (Task(fmpq(1), tuple(Atom(x, fmpq(v), fmpq(1, 2)) for x, v in enumerate((y, 1)))),)
        one, rows = Weights.of([(fmpq(1),)]), ((fmpq(1, 3),), (fmpq(1),))
        problem = NetworkInstance(Loss("squared"), Gradient(fmpq(0)), rows, tasks, (1,), one, one, one, fmpq(1))
        points = [Weights(np.array([[(9 + 3 * y) / 10 + k * 2.0**-25]])) for k in range(6, -7, -1)]
        found = RELU.assembled(problem, None, 1e-6, without_search(problem), points, descend=False)
        with ctx.workprec(128):
            values = [value(NetworkProblem(problem, Balls), point) for point in points]
        assert found.upper == min(bounds(each)[1] for each in values)


@pytest.mark.ci
def test_one_or_two_neurons_are_certified_and_descent_is_trapped() -> None:
    traps = 0
    for seed in range(8):
        with np.errstate(all="ignore"):
            instance = landscapes(RandomSource((seed, 2), 1), "squared").instance(0)
        found = RELU.study(instance)
        assert found.bracket.certified
        traps += any(f.spurious and f.kind == "where descent stops" for f in found.findings)
    assert traps >= 2


def test_an_infimum_that_is_not_attained_is_approached() -> None:
    instance = unattained()
    found = RELU.bracketed(instance)
    assert found.certified
    assert found.lower == 0 < found.upper < 1e-12
    assert at(instance, Weights.of([(fmpq(0),)])) == 9 / 4
    finding = RELU.judge(instance, found)
    assert finding.judged.verdict is Verdict.PROVED
    assert finding.judged.gap is not None
    assert finding.judged.gap.lo <= 9 / 64 <= finding.judged.gap.hi


def test_beside_a_kink_the_bound_pays_for_the_jump() -> None:
    """W < 0 is dead: eps = 0, L = 9/4, and all that the bound has is the misfit."""
    dead = replace(unattained(), omega=Weights.of([(fmpq(-1, 1000),)]))
    judged = RELU.judge(dead, RELU.bracketed(dead)).judged
    assert judged.verdict in (Verdict.PROVED, Verdict.EQUAL)
    assert judged.terms["eps"].hi == 0
    assert judged.gap is not None
    assert judged.gap.middle == pytest.approx(9 / 4, abs=1e-9)


def test_rays_and_signs_bound_the_risk_exactly() -> None:
    """Labels 2 and 0 at x and 2x: slope 2/5 along the ray; a negative label is out of reach of positive neurons."""
    both = network((1, -1), [[1, 0], [2, 0], [0, 1]], [2, 0, -3])
    # (1/3)(1/2)[(s - 2)^2 + (2 s)^2] at s = 2/5; the third input is interpolated, or left at 0.
    assert float((prediction_floor(both).value - fmpq(8, 15)).abs_upper()) < 1e-15
    positive = replace(both, signs=(1, 1))
    assert float((prediction_floor(positive).value - fmpq(8, 15) - fmpq(3, 2)).abs_upper()) < 1e-15
    negative = replace(both, signs=(-1, -1))
    assert float((prediction_floor(negative).value - fmpq(2, 3)).abs_upper()) < 1e-15


def test_an_input_of_zero_has_its_own_loss() -> None:
    assert float((prediction_floor(network((1, -1), [[0, 0], [1, 0]], [2, 5])).value - 1).abs_upper()) < 1e-15


def test_enough_neurons_reach_the_floor_along_rays() -> None:
    """eta = 0, as many neurons of each sign as rays: descent closes the bracket, with parallel inputs too."""
    certified = 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        instance = network((1, -1) * 8, [[1, 0], [2, 0], [0, 1], [-1, 1]], [int(v) for v in rng.integers(-3, 4, 4)])
        found = RELU.bracketed(replace(instance, omega=Weights(rng.standard_normal((16, 2)))))
        certified += found.certified
    assert certified >= 3


def test_tasks_without_a_step_share_one_network() -> None:
    """Contradictory labels: with a step each task has its own network, without it the mean is best."""
    instance = network((1, -1), [[1]], [0])
    tasks = tuple(Task(fmpq(1, 2), (Atom(0, fmpq(y), fmpq(1)),)) for y in (0, 2))
    shared = replace(instance, tasks=tasks)
    assert float((prediction_floor(shared).value - fmpq(1, 2)).abs_upper()) < 1e-15
    stepping = replace(shared, adaptation=Gradient(fmpq(1, 8)))
    assert not prediction_floor(stepping).value > 0
    assert prediction_floor(shared).functions == Functions(((fmpq(1),), (fmpq(1),)))


def balls_that_beat_predictions(
    draw: Callable[[RandomSource, str], Any], count: int, loss: str, headline: Any, at: Callable[[Any, Weights], float]
) -> int:
    """In how many balls around W0 the floor is above that of the predictions; it is below every value in all."""
    better = 0
    for seed in range(count):
        with np.errstate(all="ignore"):
            instance = draw(RandomSource((seed, 5), 1), "pseudo-huber").instance(0)
        parameter = instance.loss.parameter if loss == "pseudo-huber" else None
        tasks = tuple(
            replace(t, atoms=tuple(replace(a, y=fmpq(1 if a.y >= 0 else -1)) for a in t.atoms)) for t in instance.tasks
        )
        instance = replace(instance, loss=Loss(loss, parameter), tasks=tasks).canonical
        rng = np.random.default_rng(seed)
        for radius in (fmpq(1, 32), fmpq(1)):
            floor = float(ball_floor(instance, radius).value.lower())
            move = rng.standard_normal((10, *instance.initial.floats.shape))
            move *= 0.999 * to_float(radius) / np.linalg.norm(move, axis=(1, 2))[:, None, None]
            values = [at(instance, Weights(instance.initial.floats + m)) for m in move]
            assert floor <= min(values)
            better += floor > float(prediction_floor(instance).value.upper())
            found = headline.bracketed(instance, radius)
            assert floor <= found.lower <= min(values)
            assert found.lower <= found.upper
            assert squared_distance(found.at, instance.initial) <= radius * radius
    return better


@pytest.mark.ci
@pytest.mark.parametrize("loss", ["squared", "logistic", "pseudo-huber"])
def test_the_floor_in_a_ball_is_below_every_value_and_beats_the_rays_in_small_balls(loss: str) -> None:
    assert balls_that_beat_predictions(landscapes, 4, loss, RELU, at) >= 2


@pytest.mark.ci
def test_both_commands_take_networks(tmp_path: Path) -> None:
    path, run = tmp_path / "network.json", CliRunner()
    path.write_text(files.dumps(unattained()))
    result = run.invoke(app, ["optimum", str(path), "--json", "-"])
    assert result.exit_code == 0
    record = json.loads(result.stdout)
    assert (record["status"], record["method"]) == ("certified", "enumeration of all activation patterns")
    ball = run.invoke(app, ["optimum", str(path), "--radius", "1/2"])
    assert ball.exit_code in (0, 3)
    assert "over ||W - W0|| <= 1/2" in ball.stdout
    assert "linearised at W0" in ball.stdout
    judged = run.invoke(app, ["judge", str(path), "--claim", "network-headline", "--json", "-"])
    assert judged.exit_code == 0
    (claim,) = json.loads(judged.stdout)["claims"]
    assert claim["verdict"] == "PROVED"
    assert "enumeration" in claim["reason"]
    refused = run.invoke(app, ["optimum", str(path), "--certificate", str(tmp_path / "c.json")])
    assert refused.exit_code == 2
    assert "linear model is required" in refused.stderr


def test_the_point_under_test_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    document = json.loads(files.dumps(unattained()))
    path.write_text(json.dumps({k: v for k, v in document.items() if k not in ("omega", "comparator", "radius")}))
    instance = load(path, problem=True)
    assert isinstance(instance, NetworkInstance)
    assert instance.omega == instance.comparator == instance.initial


@pytest.mark.parametrize("kind", [RELU, SMOOTH], ids=["relu", "smooth"])
def test_against_another_comparator_everything_is_as_if_evaluated_anew(kind: Any) -> None:
    """What omega decides is taken over, and nothing else."""
    relu = network((1, -1), [[1, 0], [0, 1], [1, 1]], [1, -1, 2], "1/4")
    first = relu if kind is RELU else SmoothInstance.of(relu, "tanh")
    moved = Weights(relu.initial.floats + 0.5)
    second = replace(first, comparator=moved, radius=fmpq(3))
    claims = (*family_of(first).claims, kind.claim)
    names = {name for claim in claims for name in (*claim.terms, *(a.margin for a in claim.assumptions))}
    names |= {name for name in OF_OMEGA if hasattr(kind.quantities, name) and not name.startswith("_")}
    with ctx.workprec(128):
        known, anew = kind.quantities(first).above(0.0), kind.quantities(second).above(0.0)
        for name in names:
            defined(known, name)
        found = known.against(second)
        for name in sorted(names):
            assert defined(found, name) == defined(anew, name), name
        assert found.level.str(40, more=True) == known.level.str(40, more=True)


@pytest.mark.parametrize("kind", [RELU, SMOOTH], ids=["relu", "smooth"])
def test_masses_are_enclosed_in_the_bits_that_quantities_are(kind: Any) -> None:
    """Of 1/3, twice as many as are asked for."""
    relu = network((1, -1), [[1, 0], [0, 1], [1, 1]], [1, -1, 2], "1/4")
    instance = relu if kind is RELU else SmoothInstance.of(relu, "tanh")
    with ctx.workprec(256):
        assert kind.quantities(instance)("chain_rule_defect").abs_upper() < arb(2) ** -512


def test_smooth_networks_begin_at_256_bits_of_which_quantities_have_576() -> None:
    """Their chain rule cancels in 512."""
    instance = SmoothInstance.of(network((1, -1), [[1, 0], [0, 1], [1, 1]], [1, -1, 2], "1/4"), "tanh")
    evaluator = family_of(instance).evaluator(instance)
    evaluator.begin(family_of(instance).claims)
    assert evaluator.precisions == (256, 512)


def defined(at: Any, name: str) -> str:
    """A quantity, or why it is none, to the last bit."""
    try:
        return str(at(name).str(40, more=True))
    except UndefinedQuantityError as error:
        return str(error)
