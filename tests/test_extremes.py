"""Extreme data: a verdict that is true, or one line; never a traceback or a wrong proof."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, length_above, quotient, rational
from metagap.impl.families import judge, loads
from metagap.impl.files import BadInputError
from metagap.impl.judgement import Judgement
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Inputs, Weights, limbs, signs, squared_distance
from metagap.impl.optimum import NotCoerciveError, UnsupportedError, minimise
from metagap.impl.optimum.coercivity import coercivity_radius
from metagap.impl.own_tasks import TaskSource
from metagap.impl.policies.optimum import maximise
from metagap.impl.series import BallSeries
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, MetaSLInstance, Task
from metagap.impl.vector_losses import VectorLoss
from metagap.reports.cli import app
from metagap.theory.claim import Verdict
from typer.testing import CliRunner


def supervised(loss: Any, adaptation: dict[str, Any], features: list[Any], atoms: list[Any], omega: list[Any],
               comparator: Any, model: dict[str, Any] | None = None) -> dict[str, Any]:  # fmt: skip
    """One task."""
    return {
        "format": "metagap/instance/1", "problem": "meta-sl", "loss": loss, "adaptation": adaptation,
        "model": model or {"name": "linear"}, "features": features,
        "tasks": [{"weight": 1, "atoms": [{"x": x, "y": y, "p": p} for x, y, p in atoms]}],
        "omega": omega, "comparator": comparator, "radius": 1,
    }  # fmt: skip


def bandit(step: str, eta: Any, rewards: list[Any], features: list[Any], omega: list[Any], comparator: Any,
           **more: Any) -> dict[str, Any]:  # fmt: skip
    """One task, one state."""
    return {
        "format": "metagap/instance/1", "problem": "meta-rl", "features": [features],
        "tasks": [{"weight": 1, "gamma": 0, "P": [[[1]] * len(rewards)], "r": [rewards], "start": [1]}],
        "tau": 1, "eta": eta, "adaptation": {"name": step}, "omega": omega, "comparator": comparator, "radius": 1,
        **more,
    }  # fmt: skip


def gradient(eta: Any) -> dict[str, Any]:
    return {"name": "gradient", "eta": eta, "steps": 1}


IMPLICIT = {"name": "implicit", "lambda": 1}
RELU = {"name": "relu-network", "b": [1], "W0": [[1]]}
SQUARED = {"name": "squared"}

ORDINARY = {
    "a tilt below 0": bandit("rational-step", 2, [-1, 1], [[1], [0]], [0], {"policies": [[["1/2", "1/2"]]]}),
    "no action left": bandit("rational-step", 1, [-1], [[1]], [1], [0]),
    "sure policies": bandit("kl-step", 0, [-1, 1], [[1], [0]], [-400], [400]),
    "proximal step of a steep loss": supervised(
        {"name": "exponential"}, IMPLICIT, [[10, 3], [0, 1]], [(0, 1, "1/2"), (1, 1, "1/2")], [-4, 0], [0, 0]
    ),
    "proximal step far away": supervised({"name": "logistic"}, IMPLICIT, [[44]], [(0, -1, 1)], [22], [0]),
    "a long way": supervised(SQUARED, gradient("1/8"), [[1]], [(0, 1, 1)], ["1e150"], [0]),
    "attained in one dimension": supervised(
        {"name": "huber", "delta": 1}, gradient("1/8"), [["5/4"]], [(0, 0, 1)], [10], [9]
    ),
}  # fmt: skip


def network(kind: str, x: Any, weight: Any, **more: Any) -> dict[str, Any]:
    """One neuron at one input."""
    model = RELU if kind == "relu-network" else {"name": "smooth-network", "activation": kind, "b": [1], "W0": [[1]]}
    return {**supervised(SQUARED, gradient("1/8"), [[x]], [(0, 1, 1)], [[weight]], [[0]], model), **more}


BEYOND = {
    "a softplus neuron far below 0": network("softplus", 1, "-1e200"),
    "a softplus neuron far above 0": network("softplus", "1e200", 1),
    "a tanh neuron far out": network("tanh", 1, "1e200"),
    "an input beyond float64": network("tanh", "1e1000", 1),
    "an initial weight that is no float64": network("softplus", 1, 1, model={
        "name": "smooth-network", "activation": "softplus", "b": [1], "W0": [["1e30"]]}),
    "an initial weight beyond float64": network("relu-network", "1/2", 1, model={**RELU, "W0": [["1e5000"]]}),
    "the least input and a label beyond float64": {
        **network("relu-network", 5e-324, 1), "tasks": [{"weight": 1, "atoms": [{"x": 0, "y": "1e5000", "p": 1}]}]},
    "the largest input under an exponential": {
        **network("relu-network", 1.7976931348623157e308, 1), "loss": {"name": "exponential"}},
    "a wide argument of a root": supervised(
        {"name": "pseudo-huber", "delta": 1}, gradient("1e200"), [["1e160", 1]], [(0, "-1e200", 1)], [1, "1/3"], [0, 0]
    ),
    "rewards beyond float64": bandit("kl-step", "1e200", ["1e5000", "-1e200"], [["1e160"], [0]], ["1e20"], [0]),
    "a loss without a theorem": supervised(
        {"name": "geman-mcclure"}, gradient("1e200"), [[0]], [(0, 1, "1/2"), (0, 0, "1/2")], [1], [0]
    ),
}  # fmt: skip


@pytest.mark.ci(every=12)
@pytest.mark.parametrize("document", BEYOND.values(), ids=BEYOND.keys())
def test_beyond_float64_every_command_ends_with_an_answer_or_one_line(document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "beyond.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    for command in (["judge"], ["optimum", "--max-time", "1"], ["optimum", "--max-time", "1", "--radius", "3"],
                    ["certify", "--max-time", "1"], ["audit"]):  # fmt: skip
        done = CliRunner().invoke(app, [*command, str(path)])
        assert isinstance(done.exception, SystemExit | None), (command, done.exception)
        assert done.exit_code in (0, 2, 3) and "inf]  certified" not in done.output, (command, done.output)
        assert done.exit_code != 2 or done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize("t", ["1e200", "-1e200", "1e1000", "-1e1000", "3", "-3", "1e-30", "0"])
def test_series_at_large_arguments_are_those_of_balls(t: str) -> None:
    with ctx.workprec(128):
        at, old = arb(t), ctx.cap
        ctx.cap = 2
        series = BallSeries.series([at, 1])
        for name in ("tanh", "sech", "sigmoid", "softplus", "log_cosh"):
            value, function = getattr(Balls, name)(at), getattr(BallSeries, name)(series)
            assert function[0].overlaps(value) and function[0].rad() <= 1e-30 * (1 + abs(value)), name
        assert BallSeries.tanh(series)[1].overlaps(at.sech() ** 2)
        assert quotient(series, BallSeries.series([arb(0, 1), 1]))[1].is_nan()
        ctx.cap = old


def test_a_table_whose_curvature_float64_cannot_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "far.csv"
    path.write_text("task,y,a,b\nx,1,1e200,0\nw,2,0,1e200\n", encoding="utf-8")
    with pytest.raises(BadInputError, match="scale the features, or give --eta"):
        TaskSource(str(path)).load()


def test_limbs_of_the_largest_float64_are_finite() -> None:
    largest = np.array([[1.7976931348623157e308, -1.0]])
    parts = limbs(largest, 26)
    assert [sum(int(w[0, j]) * fmpq(2) ** e for e, w in parts) for j in (0, 1)] == [*map(rational, largest[0].tolist())]


def judged(document: dict[str, Any]) -> Judgement:
    instance = loads(json.dumps(document), "extreme")
    return judge(instance, complete=True)


@pytest.mark.parametrize("document", ORDINARY.values(), ids=ORDINARY.keys())
def test_every_claim_is_decided_and_none_is_violated(document: dict[str, Any]) -> None:
    assert {c.verdict for c in judged(document).claims} <= {Verdict.PROVED, Verdict.EQUAL, Verdict.OUTSIDE}


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("document", ORDINARY.values(), ids=ORDINARY.keys())
def test_the_command_judges_the_headline_too(document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "extreme.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    done = CliRunner().invoke(app, ["judge", str(path)])
    assert done.exit_code in (0, 3), done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_negative_shares_are_no_policy() -> None:
    """(4/3, -2/3, 1/3) sums to 1 and would earn more than the best policy."""
    third = {"policies": [[["1/3", "1/3", "1/3"]]]}
    found = judged(bandit("rational-step", -3, [1, 0, "1/2"], [[1], [0], [0]], [0], third))
    assert found["meta-rl-t3b"].verdict is Verdict.OUTSIDE


TINY = {
    "a product below float64, at the adapted weights": supervised(
        SQUARED, gradient("1e324"), [["1e-162"]], [(0, "-1e-16", 1)], [[1]], [[0]], RELU
    ),
    "the same with a step beyond float64": supervised(
        SQUARED, gradient(1), [["1e-200"]], [(0, "-1e250", 1)], [[1]], {"functions": [["0"]]}, RELU
    ),
    "a product below float64, at W": supervised(
        SQUARED, gradient("1e400"), [[1e-200]], [(0, 1, 1)], [[1e-200]], {"functions": [["1"]]}, RELU
    ),
}  # fmt: skip
TRUE_GAPS = (fmpq(0), fmpq(0), None)


@pytest.mark.parametrize(("document", "gap"), [*zip(TINY.values(), TRUE_GAPS, strict=True)], ids=TINY.keys())
def test_underflow_decides_no_sign(document: dict[str, Any], gap: fmpq | None) -> None:
    found = judged(document)
    assert all(c.verdict is not Verdict.VIOLATED for c in found.claims)
    enclosure = found["network-formal"].gap
    if gap is not None and enclosure is not None:
        assert enclosure.lo <= float(gap.p) / float(gap.q) <= enclosure.hi


def test_a_neuron_with_a_tiny_product_is_not_at_its_kink() -> None:
    found = signs(Weights(np.array([[1e-200, 0.0], [0.0, 1.0]])), Inputs(((fmpq(1, 10**200), fmpq(0)),)))
    assert found.signs.tolist() == [[1.0], [0.0]]


@pytest.mark.ci
def test_squared_distances_are_exact_beyond_two_million_weights() -> None:
    one, other = np.full((2**20, 4), 32767.0), np.full((2**20, 4), -32767.0)
    assert squared_distance(Weights(one), Weights(other)) == 2**22 * 65534**2


def problem(loss: str, x: fmpq, y: fmpq) -> MetaSLInstance:
    zero = (fmpq(0),)
    return MetaSLInstance(Loss(loss), Gradient(fmpq(1, 8)), ((x,),), (Task(fmpq(1), (Atom(0, y, fmpq(1)),)),), zero,
                          zero, fmpq(1))  # fmt: skip


def test_the_coercivity_radius_is_rounded_up_at_any_size() -> None:
    """The minimiser of (theta - y)^2/2 is y: a radius below it would be false."""
    for y in (fmpq(10**20 + 5000), fmpq(2**60 + 1), fmpq(3)):
        assert coercivity_radius(problem("squared", fmpq(1), y), 1e300) >= y


def test_values_beyond_float64_are_refused_in_words() -> None:
    with pytest.raises(NotCoerciveError, match="beyond float64"):
        minimise(problem("squared", fmpq(1, 10**10), fmpq(10) ** 300))


def test_log_cosh_of_a_large_label_is_finite() -> None:
    with ctx.workprec(128):
        assert Balls.log_cosh(arb(10) ** 30).is_finite()
        for t in (arb("1.5"), arb("-1.5"), arb("1e-20"), arb("-40")):
            assert abs(Balls.log_cosh(t) - t.cosh().log()) < 1e-20
    assert minimise(problem("log-cosh", fmpq(1), fmpq(10) ** 22)).certified


def test_more_dimensions_than_a_tree_can_name_are_not_searched() -> None:
    d = 100
    rows = tuple(tuple(fmpq(int(i == j)) for j in range(d)) for i in range(d))
    task = Task(fmpq(1), tuple(Atom(i, fmpq(1), fmpq(1, d)) for i in range(d)))
    zero = (fmpq(0),) * d
    instance = MetaSLInstance(Loss("logistic"), Gradient(fmpq(1000)), rows, (task,), zero, zero, fmpq(1))
    found = minimise(instance, fmpq(1))
    assert not found.certified and found.how == "convex" and found.lower == 0 < found.upper
    with pytest.raises(UnsupportedError, match="at most 99"):
        minimise(instance, fmpq(1), convexity=False)


def test_a_radius_below_float64_is_no_error() -> None:
    document = supervised(SQUARED, gradient("1/8"), [[1]], [(0, 1, 1)], [0], [1])
    for radius in ("1e-400", "1e-5000"):
        assert {c.verdict for c in judged({**document, "radius": radius}).claims}.isdisjoint({Verdict.VIOLATED})


TINY_BALL = fmpq(1, 10**200)


def scaled(loss: Loss, row: list[float], label: float = 1.0, split: bool = False) -> MetaSLInstance:
    """One task of one row; `split`: that adapts far towards label 0 of the same row."""
    atoms, zero = (Atom(0, rational(label), fmpq(1)),), (fmpq(0),) * (len(row) * loss.outputs)
    support, eta = ((Atom(0, fmpq(0), fmpq(1)),), fmpq(10) ** 300) if split else (None, fmpq(0))
    tasks = (Task(fmpq(1), atoms, support),)
    return MetaSLInstance(loss, Gradient(eta), (tuple(map(rational, row)),), tasks, zero, zero, fmpq(1))


@pytest.mark.parametrize("row", [[1.0, 2.0], [3e-162, 1e-162]])
def test_of_balls_and_features_below_float64_the_optimum_is_certified(row: list[float]) -> None:
    """log cosh 1 at 0, from which the ball and such features lead nowhere."""
    with ctx.workprec(128):
        value = arb(1).cosh().log()
    for radius in (TINY_BALL, fmpq(1)) if row[0] < 1 else (TINY_BALL,):
        found = minimise(scaled(Loss("log-cosh"), row), radius)
        assert found.certified and rational(found.lower) <= value <= rational(found.upper)
        assert sum((v * v for v in found.exactly_at), start=fmpq(0)) <= radius**2


def test_searches_beyond_float64_are_refused_in_words() -> None:
    with pytest.raises(UnsupportedError, match="a ball of radius 1e-200 is beyond the search in float64"):
        minimise(scaled(Loss("geman-mcclure"), [1.0]), TINY_BALL)
    with pytest.raises(UnsupportedError, match="L is beyond float64 at every point tried"):
        minimise(scaled(VectorLoss("softmax", outputs=2), [1e154], split=True), fmpq(1))
    with pytest.raises(NotCoerciveError, match="the bound is beyond float64"):
        minimise(scaled(Loss("squared"), [1e-161], 1e154))


def test_an_infinite_upper_end_is_not_certified() -> None:
    document = bandit("kl-step", 0, ["1e5000", 0], [[1], [0]], [0], [1])
    with np.errstate(all="ignore"):
        found = maximise(loads(json.dumps(document), "extreme"), seconds=0.2)
    assert found.status == "undecided" or np.isfinite(found.upper)


@pytest.mark.parametrize("target", [".", ".."])
def test_a_folder_is_no_file_to_write(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.json").write_text(json.dumps(ORDINARY["a long way"]), encoding="utf-8")
    done = CliRunner().invoke(app, ["judge", "one.json", "--json", target])
    assert done.exit_code == 2 and len(done.stderr.strip().splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["one.json"]


def test_complex_features_are_refused_and_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "complex.npz", X=np.array([[1 + 2j], [2 + 1j]]), y=np.array([0.0, 1.0]), task=np.array([0, 1]))
    with pytest.raises(BadInputError, match=r"X='complex128': an array of numbers or text"):
        TaskSource(str(tmp_path / "complex.npz")).load()
    path = tmp_path / "mark.csv"
    path.write_text("task,a,y\n0,1,2\n1,2,3\n", encoding="utf-8-sig")
    assert len(TaskSource(str(path)).load().tasks) == 2


def test_lengths_are_rounded_up() -> None:
    assert length_above([]) == fmpq(1, 1024)
    assert length_above([fmpq(3), fmpq(4)]) == 5
    for v in (fmpq(1, 3), fmpq(10) ** 200 / 7, fmpq(1, 10**200)):
        assert 0 <= length_above([v]) - v <= fmpq(1, 512)
