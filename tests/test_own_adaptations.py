"""Adaptations of one's own: as ours where ours are stated as rules, by hand, and refused where they are none."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import metagap
import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl import files, own_adaptations
from metagap.impl.arithmetic import Balls, Rationals
from metagap.impl.families import FAMILIES, loads
from metagap.impl.files import BadInputError
from metagap.impl.optimum.answer import LINEAR_ANSWER
from metagap.impl.own_adaptations import simplest, tried
from metagap.impl.own_claims import OwnClaims, read, using
from metagap.impl.sources import RandomSource
from metagap.impl.supervised.adaptation import Gradient, Implicit, Own
from metagap.impl.supervised.batch import batch_of
from metagap.impl.supervised.instance import Atom, Task
from metagap.impl.supervised.maml import Problem
from metagap.impl.supervised.quantities import MetaSLQuantities
from metagap.impl.supervised.vector_batch import LinearQuantities
from metagap.impl.vector_losses import VectorLoss
from metagap.reports.cli import app
from metagap.theory.claim import UndefinedQuantityError, Verdict
from typer.testing import CliRunner

from .test_own_claims import SQUARED, block
from .test_own_losses import LOSS

HEAD = "from metagap import Adaptation\n"
RULES = """
def two_steps(task, theta):
    for _ in range(2):
        theta = [t - task.eta * g for t, g in zip(theta, task.gradient(theta), strict=True)]
    return theta

def first_alone(task, theta):
    return [theta[0] - task.eta * (task.gradient(theta)[0] + theta[0] / 2), *theta[1:]]

def proximal(task, theta):  # of squares
    rows = task.hessian(theta)
    system = [[task.eta * v + (1 if i == j else 0) for j, v in enumerate(row)] for i, row in enumerate(rows)]
    step = task.solve(system, task.gradient(theta))
    return [t - task.eta * s for t, s in zip(theta, step, strict=True)]

def heavy_ball(task, theta):
    before, here = theta, theta
    for _ in range(3):
        slope = task.gradient(here)
        before, here = here, [t - task.eta * g + (t - b) / 2 for t, g, b in zip(here, slope, before, strict=True)]
    return here

def newton(task, theta):
    rows = [[v + (1 if i == j else 0) for j, v in enumerate(row)] for i, row in enumerate(task.hessian(theta))]
    return [t - task.eta * s for t, s in zip(theta, task.solve(rows, task.gradient(theta)), strict=True)]

def scaled(task, theta):
    slope = task.gradient(theta)
    length = task.sqrt(task.dot(slope, slope) + task.number("1/16"))
    return [t - task.eta * task.exp(-t * t) * g / length**2 for t, g in zip(theta, slope, strict=True)]

MINE = [Adaptation(f.__name__.replace("_", "-"), f)
        for f in (two_steps, first_alone, proximal, heavy_ball, newton, scaled)]
"""
NAMES = ("two-steps", "first-alone", "proximal", "heavy-ball", "newton", "scaled")
AFFINE = NAMES[:4]
NAMED = ("gap", "eps", "misfit", "bregman", "eps_first_order", "weight_norm", "chain_rule_defect", "misfit_l1")


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> OwnClaims:
    """Read and checked once."""
    file = tmp_path_factory.mktemp("rules") / "mine.py"
    file.write_text(HEAD + RULES)
    return read(str(file))


@pytest.fixture
def own(rules: OwnClaims) -> Iterator[OwnClaims]:
    with using(rules) as found:
        yield found


def instances(rule: str, loss: str, count: int = 3, *, several: bool = False) -> Iterator[Any]:
    name = f"{rule}-outputs" if several else rule
    for seed in range(count):
        with np.errstate(all="ignore"):
            batch = FAMILIES["meta-sl"].generator(name).build(RandomSource((seed, 5), 1), loss)
        yield batch.instance(0)


OURS = {
    "two-steps": (lambda eta, d: Gradient(eta, 2), ("squared", "logistic", "log-cosh", "huber", "quartic")),
    "first-alone": (
        lambda eta, d: Gradient(eta, 1, (fmpq(1), *(fmpq(0),) * (d - 1)), fmpq(1, 2)),
        ("squared", "logistic", "poisson"),
    ),
    "proximal": (lambda eta, d: Implicit(1 / eta), ("squared",)),
}


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("rule", OURS)
def test_ours_stated_as_a_rule_are_the_same(own: OwnClaims, rule: str, several: bool) -> None:
    """In balls and in exact rationals: gap, features (by their infima), both gradients; of one output and several."""
    ours, losses = OURS[rule]
    if several:
        losses = ("squared",) if rule == "proximal" else ("squared", "softmax")
    for loss in losses:
        for instance in instances(rule, loss, several=several):
            assert (instance.loss.outputs > 1) == several
            same = replace(instance, adaptation=ours(instance.adaptation.eta, instance.dimension))
            with ctx.workprec(128):
                mine, known = MetaSLQuantities(instance), MetaSLQuantities(same)
                for name in NAMED:
                    assert mine(name).is_finite() and mine(name).overlaps(known(name)), (loss, name)
                assert mine("margin_joints").overlaps(known("margin_joints"))
            if loss == "squared":
                exact = MetaSLQuantities(instance, Rationals)
                assert exact._meta_features == MetaSLQuantities(same, Rationals)._meta_features
                assert exact("gap") == MetaSLQuantities(same, Rationals)("gap") and exact("chain_rule_defect") == 0


def test_the_guide_states_the_same_heavy_ball() -> None:
    assert block("adaptation").split("\n\n\n")[1].strip() in RULES


def test_adaptations_have_no_faults() -> None:
    """Their derivatives are those of differences, their values those of arrays."""
    names: dict[str, Any] = {}
    exec(HEAD + RULES, names)
    assert [own_adaptations.faults(one) for one in names["MINE"]] == [None] * len(NAMES)


def test_derivatives_by_hand(tmp_path: Path) -> None:
    """R = (t - 2)^2/2 at theta = 1, eta = 1/4: newton goes half of (2 - t) at that rate, so J = 7/8; scaled: slope s =
    -1, U = t - eta e^(-t^2) s/(s^2 + 1/16)."""
    (tmp_path / "mine.py").write_text(HEAD + RULES)
    with using(read(str(tmp_path / "mine.py"))), ctx.workprec(128):
        newton, scaled = (MetaSLQuantities(simplest(name)) for name in ("newton", "scaled"))
        assert newton._jacobians[0].entries()[0].overlaps(arb(7) / 8)
        falls, length = (-arb(1)).exp(), arb(17) / 16
        slope = 1 - (falls / length - 2 * falls / length**2 + 2 * falls / length) / 4
        assert scaled._jacobians[0].entries()[0].overlaps(slope) and slope.rad() < 1e-30
        for at in (newton, scaled):
            assert at("chain_rule_defect") < arb(1) / 2**60


def test_a_wrong_derivative_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    right = own_adaptations.jacobian
    monkeypatch.setattr(own_adaptations, "jacobian", lambda *given: right(*given) * arb("1.0001"))
    mine = metagap.Adaptation("mine", lambda task, theta: task.gradient(theta))
    assert re.match("its derivative is .*, but differences say .*", own_adaptations.faults(mine) or "")


def test_a_heavy_ball_by_hand(own: OwnClaims) -> None:
    """One task, one row (1, 2), theta = 1: R = (t - 2)^2/2, eta = 1/4. 1 -> 5/4 -> 25/16 -> 117/64; J by t - 2."""
    instance = simplest("heavy-ball")
    at = MetaSLQuantities(instance, Rationals)
    assert at._adapted[0].theta.entries() == [fmpq(117, 64)]
    assert at._jacobians[0].entries() == [fmpq(11, 64)]  # 2 - t goes from 1 to 11/64
    # L(1) = (11/64)^2/2, theta' = 3 ends on the other side as far: the gap is 0, grad L = -(11/64)^2.
    assert at("gap") == 0 and at._gradient == [-fmpq(121, 4096)]


def two_outputs(rule: str, loss: str = "softmax") -> Any:
    """The simplest instance with two outputs: one row 1, class 0 at theta = 0; or the targets 2, -1 at 1, 3."""
    start, y = ((0, 0), fmpq(0)) if loss == "softmax" else ((1, 3), (fmpq(2), fmpq(-1)))
    task = Task(fmpq(1), (Atom(0, y, fmpq(1)),))
    zero = (fmpq(0), fmpq(0))
    return replace(
        simplest(rule), loss=VectorLoss(loss, outputs=2), tasks=(task,), omega=tuple(map(fmpq, start)), comparator=zero
    )


def test_several_outputs_by_hand(own: OwnClaims) -> None:
    """Squares: each output is a heavy ball of its own, which leaves 11/64 of theta - y: 2 - 11/64 and -1 + 4 * 11/64.

    Softmax with two classes, d = z_0 - z_1, e = (1, -1), q = sigma(-d) = 1/2, q' = -1/4: grad R = -q e, Hess R =
    q(1 - q) e e', of which e is an eigenvector (1/2). newton: eta q/(1 + 2 q (1 - q)) e = e/12, with derivative
    eta q'/(3/2) = -1/24. scaled: eta q/(2 q^2 + 1/16) e = 2e/9, with derivative eta q' (1/16 - 2 q^2)/(9/16)^2 = 7/81
    (e^(-t^2) has none at 0).
    """
    ball = MetaSLQuantities(two_outputs("heavy-ball", "squared"), Rationals)
    assert ball._adapted[0].theta.entries() == [fmpq(117, 64), fmpq(-20, 64)]
    assert ball._jacobians[0] == Rationals.matrix([[fmpq(11, 64), fmpq(0)], [fmpq(0), fmpq(11, 64)]])
    with ctx.workprec(128):
        for rule, step, slope in (("newton", arb(1) / 12, -arb(1) / 24), ("scaled", arb(2) / 9, arb(7) / 81)):
            at = MetaSLQuantities(two_outputs(rule))
            assert all(v.overlaps(s * step) for v, s in zip(at._adapted[0].theta.entries(), (1, -1), strict=True))
            for v, wanted in zip(at._jacobians[0].entries(), (1 + slope, -slope, -slope, 1 + slope), strict=True):
                assert v.overlaps(wanted) and v.rad() < 1e-30, rule
            assert at("chain_rule_defect") < arb(1) / 2**60


@pytest.mark.ci
@pytest.mark.parametrize("rule", NAMES)
def test_derivatives_of_several_outputs_are_those_of_differences(rule: str, tmp_path: Path) -> None:
    """By tangents, by power series, and on arrays; with Hessians that turn, and supports of their own."""
    (tmp_path / "mine.py").write_text(HEAD + RULES)
    with using(read(str(tmp_path / "mine.py"))), ctx.workprec(own_adaptations.BITS):
        for instance in (one for loss in ("squared", "softmax") for one in instances(rule, loss, several=True)):
            problem = Problem(instance, Balls)
            assert not any(own_adaptations._differs(problem, law.inner) for law in problem.laws)
            assert own_adaptations._otherwise(instance) is None


@pytest.mark.ci(every=6)
@pytest.mark.parametrize("rule", NAMES)
def test_both_engines_and_every_claim(own: OwnClaims, rule: str) -> None:
    """No claim is violated; what arrays say is what balls say; C1 takes those that are affine with squares."""
    for loss in ("squared", "log-cosh", "softmax"):
        for instance in instances(rule, loss, 2, several=loss == "softmax"):
            judged = metagap.judge(instance)
            verdicts = {one.claim: one.verdict for one in judged.claims}
            assert Verdict.VIOLATED not in verdicts.values()
            assert verdicts["meta-sl-lifted"] in (Verdict.PROVED, Verdict.EQUAL)
            arrays = LinearQuantities(batch_of(instance))
            with ctx.workprec(128):
                balls = MetaSLQuantities(instance)
                for name in ("gap", "eps", "misfit"):
                    value = float(balls(name).mid())
                    assert abs(value - arrays(name)[0]) <= 1e-7 * (1 + abs(value)), (loss, name)
    exact = metagap.judge(simplest(rule))
    assert (exact["meta-sl-c1"].verdict is not Verdict.OUTSIDE) == (rule in AFFINE or rule == "newton")
    if rule == "scaled":
        assert exact["meta-sl-c1"].reason == "squared-loss: the adaptation scaled is not affine with it"


def test_claims_on_steps_are_refused_by_name(tmp_path: Path) -> None:
    place = tmp_path / "mine.py"
    place.write_text(HEAD + RULES)
    with using(read(str(place))) as own:
        refused = {name.removeprefix("meta-sl-") for name in own.refused}
        assert refused == {"mixed", "mixed-l1", "c2", "c5", "c6", "c8", "c8-dominated", "c9", "c9-curvature"}
        assert not {claim.name for claim in own.judged} & set(own.refused)
        for name in ("smoothness", "remainder_constant", "jacobian_deviation", "misfit_query_hessian"):
            with pytest.raises(UndefinedQuantityError, match=r"newton is neither"), ctx.workprec(128):
                MetaSLQuantities(tried("newton"))(name)
        assert MetaSLQuantities(tried("newton"))("margin_third_derivative") < 0
    done = CliRunner().invoke(app, ["verify", "--claims", str(place), "--claim", "meta-sl-c6"])
    assert done.exit_code == 2
    assert re.search("'meta-sl-c6': a claim that takes .*: the adaptation .* is neither gradient steps", done.stderr)


def test_an_instance_file_names_its_rule(own: OwnClaims, tmp_path: Path) -> None:
    instance = simplest("heavy-ball")
    text = files.dumps(instance)
    assert loads(text) == instance and json.loads(text)["adaptation"] == {
        "name": "own", "rule": "heavy-ball", "eta": 0.25,
    }  # fmt: skip
    assert pickle.loads(pickle.dumps(instance)) == instance
    several = two_outputs("newton")
    assert loads(files.dumps(several)) == several and json.loads(files.dumps(several))["adaptation"]["rule"] == "newton"
    for change, said in (
        ({"rule": "heavy"}, r"adaptation\.rule='heavy'.*known here: two-steps"),
        ({"eta": "x"}, r"adaptation\.eta"),
    ):
        data = json.loads(text)
        data["adaptation"] |= change
        with pytest.raises(BadInputError, match=said):
            loads(json.dumps(data))
    data = json.loads(text) | {"format": "metagap/instance/1"}
    with pytest.raises(BadInputError, match=r"instance/2"):
        loads(json.dumps(data))


def test_without_its_file_nothing_is_said_of_a_rule(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(HEAD + RULES)
    with using(read(str(tmp_path / "mine.py"))):
        text = files.dumps(simplest("newton"))
    (tmp_path / "i.json").write_text(text)
    done = CliRunner().invoke(app, ["judge", str(tmp_path / "i.json")])
    assert done.exit_code == 2 and "(one of your own: --claims FILE.py)" in done.stderr
    judged = metagap.judge(simplest("newton")).claims
    assert {one.verdict for one in judged if one.bound is not None} <= {Verdict.OUTSIDE}
    assert "name it (--claims)" in next(one.reason for one in judged if one.claim == "meta-sl-lifted")


def test_no_optimum_is_bracketed_with_a_rule(own: OwnClaims, tmp_path: Path) -> None:
    """Of one output and of several; nor is omega trained."""
    for instance in (simplest("heavy-ball"), two_outputs("heavy-ball", "squared"), two_outputs("heavy-ball")):
        (tmp_path / "i.json").write_text(files.dumps(instance))
        for command in (["optimum"], ["optimum", "--radius", "2"]):
            done = CliRunner().invoke(app, [*command, str(tmp_path / "i.json")])
            assert done.exit_code == 2 and "='heavy-ball': gradient steps or a proximal step are" in done.stderr
        with pytest.raises(metagap.impl.optimum.UnsupportedError, match="heavy-ball"):
            metagap.certify(instance=instance)
        with pytest.raises(metagap.impl.optimum.UnsupportedError, match="heavy-ball"):
            LINEAR_ANSWER.trained(instance)


@patch.dict("metagap.impl.rules.RULES")  # it stays there, which other tests would see
def test_from_python_no_file_is_needed() -> None:
    def small(task: Any, theta: Any) -> Any:
        return [t - g / 8 for t, g in zip(theta, task.gradient(theta), strict=True)]

    mine = metagap.Adaptation("small-steps", small)
    given: dict[str, Any] = {"X": [[1], [2]], "y": [0, 1], "task": "ab", "omega": [1]}
    instance = metagap.problem(**given, eta="1/8", adaptation=mine)
    assert instance.adaptation == Own("small-steps", fmpq(1, 8))
    other = metagap.problem(**given, eta="1/8")
    for a, b in zip(metagap.judge(instance).claims, metagap.judge(other).claims, strict=True):
        assert a.verdict is b.verdict or a.verdict is Verdict.OUTSIDE
    for wrong, said in (
        ({"steps": 2}, "no steps, decay or rates"),
        ({"adaptation": metagap.Adaptation("small-steps", lambda task, theta: theta)}, "no other adaptation has"),
        ({"adaptation": metagap.Adaptation("halves", lambda task, theta: [0.5])}, "no float"),
    ):
        with pytest.raises(BadInputError, match=said):
            metagap.problem(**{**given, "adaptation": mine, **wrong})


@pytest.mark.ci
def test_tasks_of_an_own_loss_get_a_bracket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a ball, in processes of their own; nothing is taken from its constants, and of networks nothing is known."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(f"{LOSS}\nL = of()\n")
    (tmp_path / "i.json").write_text(json.dumps(SQUARED | {"loss": {"name": "ridge-cosh"}}))
    (tmp_path / "t.csv").write_text("task,y,a\nx,1,1\nx,0,2\nz,1,3\n")
    mine, run = ["--claims", "mine.py"], CliRunner()
    bracketed = run.invoke(app, ["optimum", "i.json", *mine, "--radius", "4", "--certificate", "c.cert"])
    assert bracketed.exit_code == 0 and bracketed.stdout.startswith("inf L over ||theta|| <= 4: ["), bracketed.output
    for options, status, said in ((mine, 0, "accepted"), ([], 2, "(one of your own: --claims FILE.py)")):
        checked = run.invoke(app, ["check", "c.cert", *options])
        assert checked.exit_code == status and said in checked.output, checked.output
    answer = run.invoke(app, ["certify", "t.csv", *mine, "--loss", "ridge-cosh", "--eta", "1/8", "--json", "a.json"])
    assert answer.exit_code == 0, answer.output
    assert json.loads((tmp_path / "a.json").read_text())["optimum"]["status"] == "certified"
    everywhere = run.invoke(app, ["optimum", "i.json", *mine])
    assert everywhere.exit_code == 2 and "may have its infimum at infinity; give a radius" in everywhere.stderr
    judged = run.invoke(app, ["judge", "i.json", *mine, "--max-time", "60"])
    assert judged.exit_code == 0 and "15 PROVED" in judged.stdout, judged.output
    with using(read("mine.py")):
        with np.errstate(all="ignore"):
            network = FAMILIES["network"].generators[0].build(RandomSource(3, 1), "ridge-cosh").instance(0)
        (tmp_path / "n.json").write_text(files.dumps(network))
    for command in ("optimum", "certify"):
        refused = run.invoke(app, [command, "n.json", *mine])
        assert refused.exit_code == 2 and "of one's own no lower bound is proved" in refused.stderr


@pytest.mark.ci
def test_commands_take_adaptations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged and searched beside an own claim: one that is false of adaptations, though true without."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(HEAD + RULES)
    alone = CliRunner().invoke(app, ["verify", "--claims", "mine.py", "--workers", "0", "--max-time", "15"])
    assert "No claim was violated. 14 claims" in alone.stdout and "not judged of these adaptations" in alone.stderr
    record = json.loads((tmp_path / "build/reports/verify.json").read_text())
    drawn = {row["name"].removesuffix("-outputs") for row in record["generators"] if row["instances"]}
    assert drawn <= set(NAMES)
    (tmp_path / "claim.py").write_text(
        "from metagap import *\n" + RULES + "C = Claim('meta-sl-distance', 't', left='gap', bound='eps*displacement',\n"
        "    assumptions=(Assumption('squared-loss', 's', 'margin_squared_loss'),\n"
        "                 Assumption('parameter-comparator', 's', 'margin_parameter_comparator')))\n"
        "W = Claim('meta-sl-wrong', 't', left='gap', bound='eps*displacement/2', assumptions=C.assumptions)\n"
    )
    for name, status in (("meta-sl-distance", 0), ("meta-sl-wrong", 1)):
        done = CliRunner().invoke(app, ["falsify", name, "--claims", "claim.py", "--max-time", "5"])
        assert done.exit_code == status, done.output
    audited = CliRunner().invoke(app, ["audit", "--claims", "claim.py", "--workers", "0", "--max-time", "40"])
    assert "VIOLATED: meta-sl-wrong" in audited.stdout and "alarm: meta-sl-distance" not in audited.stdout
