"""`certify` for networks and policies: by hand, by the second engine, stopped anywhere, from files and from Python."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import metagap
import numpy as np
import pytest
from flint import fmpq
from jsonschema import Draft202012Validator
from metagap.impl import files
from metagap.impl.answers import Answer
from metagap.impl.answers.stages import Staged, distance
from metagap.impl.bracket import Bracket, Check, Status, UnsupportedError
from metagap.impl.families import FAMILIES
from metagap.impl.instances import Instance
from metagap.impl.judgement import Enclosure
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights
from metagap.impl.optimum import advice
from metagap.impl.optimum.networks import answer as network_answers
from metagap.impl.optimum.networks.answer import RELU_ANSWER
from metagap.impl.policies import answer as policy_answers
from metagap.impl.policies.answer import LINEAR_ANSWER
from metagap.impl.policies.instance import Adaptation, MetaRLInstance
from metagap.impl.policies.instance import Task as Process
from metagap.impl.sources import RandomSource
from metagap.impl.study import Budget
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, NetworkInstance, Task
from metagap.reports.cli import app
from metagap.reports.formats import schema
from metagap.theory.claim import Verdict
from typer.testing import CliRunner

NAMES = ("meta-rl", "network", "smooth-network", "meta-rl-network", "meta-rl-smooth-network")
GAP = 1e-4
HALF, TWO = fmpq(1, 2), fmpq(2)
MEANS = (fmpq(1), fmpq(3), fmpq(11, 2))


def answerer(name: str) -> Staged:
    found = FAMILIES[name].answerer
    assert isinstance(found, Staged)
    return found


def drawn(name: str, seed: int = 3) -> Any:
    family = FAMILIES[name]
    with np.errstate(all="ignore"):
        return (
            family.generator("arbitrary")
            .build(RandomSource((1, seed), 1), family.generators[0].variants[0])
            .instance(0)
        )


def answered(instance: Instance, radius: fmpq | None = None, seconds: float = 60.0, **changed: Any) -> Answer:
    listen = {"stage": lambda name: None, "told": lambda found: None, **changed}
    found = FAMILIES[instance.family].answerer
    assert found is not None
    return found.certify(
        instance, radius, Budget(gap=GAP, seconds=seconds), lambda *_: None, listen["stage"], listen["told"]
    )


def neuron(omega: fmpq = TWO, steps: int = 1) -> NetworkInstance:
    """f(1; W) = W for W > 0: a step of 1/4 goes a quarter of the way to a task's mean label."""
    tasks = tuple(Task(fmpq(1, 3), (Atom(0, m - 1, fmpq(1, 2)), Atom(0, m + 1, fmpq(1, 2)))) for m in MEANS)
    one, here, step = Weights.of([(fmpq(1),)]), Weights.of([(omega,)]), Gradient(fmpq(1, 4), steps)
    return NetworkInstance(Loss("squared"), step, ((fmpq(1),),), tasks, (1,), one, here, one, fmpq(1))


def bandit(theta: fmpq = HALF, eta: fmpq = TWO) -> MetaRLInstance:
    """One state, two actions, phi = (1, 0): L = sum q_i (r_i2 + D_i logistic(theta + eta D_i)), D = (1, -1/2)."""
    stay = (((fmpq(1),), (fmpq(1),)),)
    tasks = tuple(Process(fmpq(1, 2), fmpq(0), stay, ((r, fmpq(0)),), (fmpq(1),)) for r in (fmpq(1), fmpq(-1, 2)))
    features = (((fmpq(1),), (fmpq(0),)),)
    point = (theta,)
    return MetaRLInstance(features, tasks, fmpq(1), eta, Adaptation.KL_STEP, point, point, fmpq(1))


def slope_of_bandit(theta: float, eta: float, only: int | None = None) -> float:
    def pull(gain: float) -> float:
        p = 1 / (1 + math.exp(-theta - eta * gain))
        return gain * p * (1 - p)

    gains = (1.0, -0.5)
    return pull(gains[only]) if only is not None else sum(map(pull, gains)) / 2


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_gradients_of_a_neuron_by_hand() -> None:
    keep, far = 0.75, 2 - 9.5 / 3
    expected = {
        "maml": keep**4 * far, "first-order": keep**2 * far, "no-adaptation": far, "steps=1": keep**2 * far,
        "steps=3": keep**6 * far, "rate=0.5": far / 16, "rate=0.125": 0.875**4 * far, "rate=0.025": 0.975**4 * far,
        "rate=2.5": 1.5**4 * far, "first-task-only": keep**4 * (2 - 1),
    }  # fmt: skip
    found = {one.objective: RELU_ANSWER.eps(at, plain) for one, at, plain in RELU_ANSWER.variants(neuron(steps=2))}
    # With a rate of 5/2 a step overshoots below 0 for some task, where the neuron is off.
    assert set(found) == set(expected)
    for name in expected.keys() - {"rate=2.5"}:
        eps = found[name]
        assert eps is not None
        assert eps.lo - 1e-12 <= abs(expected[name]) <= eps.hi + 1e-12, name
        assert eps.hi - eps.lo < 1e-12


def test_gradients_of_a_bandit_by_hand() -> None:
    theta, eta = 0.5, 2.0
    expected = {
        "maml": slope_of_bandit(theta, eta), "first-order": slope_of_bandit(theta, eta),
        "no-adaptation": slope_of_bandit(theta, 0), "first-task-only": slope_of_bandit(theta, eta, only=0),
        **{f"rate={eta * c:g}": slope_of_bandit(theta, eta * c) for c in (0.1, 0.5, 2.0, 10.0)},
    }  # fmt: skip
    found = {one.objective: LINEAR_ANSWER.eps(at, plain) for one, at, plain in LINEAR_ANSWER.variants(bandit())}
    assert set(found) == set(expected)
    for name, eps in found.items():
        assert eps is not None
        assert eps.lo - 1e-12 <= abs(expected[name]) <= eps.hi + 1e-12, name


def test_at_a_kink_there_is_no_gradient() -> None:
    at_kink = neuron(fmpq(0))
    assert RELU_ANSWER.eps(at_kink, False) is None and RELU_ANSWER.eps(neuron(), False) is not None
    found = answered(at_kink)
    assert found.stationary.found == () and found.judged is None and "kink" in found.missing


def test_an_omega_of_the_first_task_is_told() -> None:
    found = answered(neuron(MEANS[0]))
    assert found.stationary.other is not None and found.stationary.other.loop.objective == "first-task-only"
    assert any("average the outer loss over all tasks" in one for one in advice.advice(found))
    assert answered(neuron()).stationary.other is None


def test_the_neuron_is_bracketed_exactly() -> None:
    """L(W) = sum ((3/4)^2 (W - m)^2 + 1)/6 for W > 0, least at the mean."""
    found = answered(neuron())
    mean = 9.5 / 3
    least = sum(0.5625 * (mean - float(m.p) / float(m.q)) ** 2 + 1 for m in MEANS) / 6
    assert found.optimum.certified and math.isclose(found.optimum.lower, least, rel_tol=GAP)
    distance_by_hand = 0.5625 * (2 - mean) ** 2 / 2
    assert (
        found.gap.lo - 1e-9 <= distance_by_hand <= found.gap.hi + 1e-9 and found.gap.hi - found.gap.lo < 2 * GAP * least
    )
    assert found.judged is not None and found.judged.verdict in (Verdict.PROVED, Verdict.EQUAL)
    assert found.promise >= found.gap.lo


def test_the_bandit_is_bracketed_by_boxes_and_below_the_best_policies() -> None:
    """No parameter has the return of each task's best action, 1/2: the search over the line says what one has."""
    heard = list[Answer]()
    found = answered(bandit(), told=heard.append)
    caps = [one.optimum for one in heard if one.optimum.how == "policies"]
    assert caps and all(0.5 <= one.upper <= 0.5 + 1e-12 for one in caps)
    assert found.optimum.how == "boxes" and found.optimum.proved and found.everywhere
    thetas = np.linspace(-20, 20, 400_001)
    best = max((1 / (1 + np.exp(-thetas - 2)) - 0.5 / (1 + np.exp(-thetas + 1))) / 2)
    assert found.optimum.lower <= best + GAP and best <= found.optimum.upper + 1e-12
    share = 1 - (1 / (1 + math.exp(-2.5)) - 0.5 / (1 + math.exp(0.5))) / 2 / best
    assert found.relative.lo - 1e-8 <= share <= found.relative.hi + 1e-8 and found.relative.hi < share + 2 * GAP
    assert advice.sentences(found)[0].startswith("Your solution is ")
    assert any(" below." in line for line in advice.sentences(found))


# --- by the second engine ---------------------------------------------------------------------------------------------


@pytest.mark.ci(every=5)
@pytest.mark.parametrize("name", NAMES)
def test_both_engines_have_the_same_gradients_of_every_objective(name: str) -> None:
    family, seen = answerer(name), set[str]()
    for seed in range(6):
        for loop, variant, plain in family.variants(drawn(name, seed)):
            eps = family.eps(variant, plain)
            if eps is None:
                continue
            omega, slope = family.slope(variant, plain)
            length = float(np.linalg.norm(slope(omega)))
            room = 1e-7 * (1 + length)
            assert eps.lo - room <= length <= eps.hi + room, (seed, loop)
            seen.add(loop.objective.partition("=")[0])
    assert seen >= {"maml", "first-order", "no-adaptation", "rate"}


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("name", NAMES)
def test_no_answer_is_worse_than_the_last(name: str) -> None:
    heard = list[Answer]()
    whole = answered(drawn(name), told=heard.append)
    assert len(heard) >= 4
    for one in (*heard, whole):
        assert one.gap.lo <= whole.gap.hi and whole.gap.lo <= one.gap.hi
        low, high = one.ends
        assert low <= high
        if one.judged is not None:
            assert one.promise >= one.gap.lo, "the theorem bounds the gap"
        if one.smallest is not None and one.smallest.bound is not None and one.judged is not None:
            assert one.smallest.verdict in (Verdict.PROVED, Verdict.EQUAL)
            assert one.smallest.bound.hi >= one.gap.lo * (1 - 1e-9)
        assert advice.sentences(one)[0].startswith("Your solution")
    within = [one for one in heard if one.region == heard[0].region]
    assert all(b.gap.hi <= a.gap.hi and b.gap.lo >= a.gap.lo for a, b in pairwise(within))


@pytest.mark.ci(every=5)
@pytest.mark.parametrize("stage", ["comparing", "bounding", "looking", "judging the", "judging"])
@pytest.mark.parametrize("name", NAMES)
def test_stopped_at_any_stage_the_answer_stands(name: str, stage: str) -> None:
    heard = list[Answer]()

    def stop(at: str) -> None:
        if at.startswith(stage) and heard:
            raise KeyboardInterrupt

    found = answered(drawn(name), stage=stop, told=heard.append)
    assert found.optimum.interrupted and found.gap == heard[-1].gap
    with pytest.raises(KeyboardInterrupt):
        answered(drawn(name), stage=lambda at: (_ for _ in ()).throw(KeyboardInterrupt))


# --- what decides -----------------------------------------------------------------------------------------------------


def test_where_the_step_makes_no_policy_of_omega_there_is_no_answer() -> None:
    """1 + eta Q = -1/2 of the second task's first action."""
    with pytest.raises(
        UnsupportedError, match="L is defined is required; the rational step makes a probability negative"
    ):
        answered(replace(bandit(eta=fmpq(3)), adaptation=Adaptation.RATIONAL_STEP))


def test_the_distance_is_from_the_value_and_from_what_is_proved() -> None:
    proved = Check(True, "")
    low = Bracket(lower=1.0, upper=2.0, gap=1e-6, check=proved)
    high = Bracket(lower=1.0, upper=2.0, gap=1e-6, check=proved, supremum=True)
    near = Enclosure(3.0, 3.5)
    below = distance(near, low)
    assert below.lo <= 1.0 <= below.lo + 1e-12 and below.hi >= 2.5 >= below.hi - 1e-12
    above = distance(Enclosure(-1.0, -0.5), high)
    assert above.lo <= 1.5 <= above.lo + 1e-12 and above.hi >= 3.0 >= above.hi - 1e-12
    assert distance(near, replace(low, check=Check(False, ""))).hi == math.inf
    assert distance(Enclosure(-1.0, -0.5), replace(high, check=None, fallback=5.0)).hi >= 6.0


def test_a_search_that_was_not_checked_is_no_upper_end(monkeypatch: pytest.MonkeyPatch) -> None:
    right = policy_answers.supremum

    def unchecked(*arguments: Any) -> Any:
        return replace(right(*arguments), check=Check(False, "planted"), upper=0.4999)

    monkeypatch.setattr(policy_answers, "supremum", unchecked)
    found = answered(bandit())
    assert found.optimum.how == "policies" and found.optimum.sure >= 0.5
    assert found.optimum.status is not Status.CERTIFIED


def test_a_floor_that_the_checker_rejects_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    right = network_answers.lower_bound

    def rejected(*arguments: Any) -> Any:
        return replace(right(*arguments), check=Check(False, "planted"))

    monkeypatch.setattr(network_answers, "lower_bound", rejected)
    found = answered(neuron())
    assert found.optimum.sure < found.optimum.lower and not found.optimum.certified
    assert found.gap.hi > found.value.hi - found.optimum.lower


def test_what_is_left_of_the_distance_is_a_term_of_the_bound() -> None:
    """upper - L(omega) is at most the bound with the bracket; without it, against omega's neighbour it is not."""
    instance = bandit(fmpq(-3))
    optimum = answered(instance).optimum
    neighbour = (fmpq(-299, 100),)
    optimum = replace(optimum, at=neighbour)
    sure = optimum.sure - LINEAR_ANSWER.value(instance).hi
    for _, one in LINEAR_ANSWER.against(instance, optimum):
        assert one.bound is not None and one.bound.hi >= sure
    near = next(r for r in LINEAR_ANSWER._rivals(instance, optimum) if r.comparator == neighbour)
    here = LINEAR_ANSWER._judged(near, distance(LINEAR_ANSWER.value(instance), optimum))
    assert here.bound is not None and here.bound.hi >= sure and here.terms["bracket"].hi > 0.9 * sure


# --- from files, and from Python --------------------------------------------------------------------------------------


def called(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.ci
def test_a_network_from_a_file(tmp_path: Path) -> None:
    place, omega, out = tmp_path / "network.json", tmp_path / "omega.npz", tmp_path / "out.json"
    place.write_text(files.dumps(neuron()))
    np.savez(omega, W=np.array([[2.5]]), W0=np.array([[1.0]]))
    found = called("certify", place, "--omega", omega, "--json", out, "--max-time", 300)
    assert found.exit_code == 0, found.output
    for words in ("a two-layer relu network of width 1", "in its form ", "Norms of gradients at omega"):
        assert words in found.output
    record = json.loads(out.read_text())
    Draft202012Validator(schema("certify")).validate(record)
    assert record["problem"]["omega"] == [[2.5]] and record["problem"]["width"] == 1
    assert record["optimum"]["status"] == "certified" and record["bound"]["claim"] == "network-headline"
    assert {"maml", "first-order", "no-adaptation"} <= {one["objective"] for one in record["stationary_for"]}


@pytest.mark.ci
def test_bad_parameters_and_radii_are_one_line(tmp_path: Path) -> None:
    place, wide, policies = tmp_path / "network.json", tmp_path / "omega.npy", tmp_path / "policies.json"
    place.write_text(files.dumps(neuron()))
    policies.write_text(files.dumps(drawn("meta-rl-network")))
    np.save(wide, np.zeros((1, 2)))
    for arguments, words in (
        ((place, "--omega", wide), "one array of 1 numbers (a shape of (1, 1)) is required"),
        ((place, "--radius", "1/2"), "||omega - W0|| = 1"),
        ((policies, "--radius", "1"), "no --radius is required"),
    ):
        found = called("certify", *arguments, "--max-time", 300)
        assert found.exit_code == 2 and words in found.output, found.output
        assert words in found.output.strip().splitlines()[-1]


def test_any_instance_from_python() -> None:
    found = metagap.certify(instance=bandit(), omega=[0.25], max_time=60)
    assert found.problem.kind == "meta-rl" and found.problem.omega == [0.25] and found.problem.states == 1
    assert found.optimum.status == "certified" and found.optimum.how == "boxes"
    with pytest.raises(files.BadInputError, match="instance"):
        metagap.certify(instance=bandit(), eta=0.5)
    with pytest.raises((files.BadInputError, UnsupportedError)):
        metagap.certify(instance=bandit(), radius="1/4")
