"""Your own tasks: their conditions, and what commands make of them, with claims, losses and adaptations of your own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from flint import fmpq
from jsonschema import Draft202012Validator
from metagap.impl import files
from metagap.impl.conditions import conditions
from metagap.impl.losses import Loss
from metagap.impl.optimum import UnsupportedError, minimise
from metagap.impl.own_claims import read, using
from metagap.impl.own_tasks import TaskSource, from_arrays
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import MetaSLInstance
from metagap.reports import processes
from metagap.reports.certifying import conditions_of
from metagap.reports.cli import app
from metagap.reports.formats import schema
from metagap.reports.formats.judging import ConditionsRecord
from typer.testing import CliRunner

from .test_own_claims import SQUARED
from .test_own_losses import LOSS as OWN_LOSS

runner = CliRunner()
CSV = "task,y,a,b\nfirst,1,0.5,2\nfirst,-1,1,0\nsecond,1,0.5,2\n"


def write(folder: Path, text: str, name: str = "tasks.csv") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_the_conditions_of_a_family_of_tasks_and_what_binds() -> None:
    iris = TaskSource("sklearn:iris").load()
    assert isinstance(iris, MetaSLInstance)
    found = conditions(iris)
    held = {c.assumption.name: c.holds for c in found.conditions}
    assert held["outer-convexity"] and held["numerator-vanishes"]
    assert held["full-row-rank"] is False, "three tasks share every input"
    applies = {a.claim.name: a.applies for a in found.claims}
    assert applies["meta-sl-lifted"] and not applies["meta-sl-c3"]
    assert "full-row-rank" in found.binding
    assert "single-task" not in found.binding, "C7 also lacks a Jacobian of one task"


def test_the_command_prints_and_writes_the_conditions(tmp_path: Path) -> None:
    place = write(tmp_path, CSV)
    shown = runner.invoke(app, ["audit", place, "--loss", "huber:1", "--eta", "1/4"])
    assert shown.exit_code == 0, shown.output
    assert "Binding" in shown.stdout
    written = runner.invoke(app, ["audit", place, "--json", "-"])
    record = json.loads(written.stdout)
    Draft202012Validator(schema("conditions")).validate(record)
    assert record["instance"] == TaskSource(place).load().sha256


MINE = """
from metagap import Adaptation, Assumption, Claim, quantity

SQUARED = Assumption("squared-loss", "The loss is the squared loss.", "margin_squared_loss")
ONE = Assumption("one-task", "There is one task.", "margin_single_task")
BOUND = "eps*displacement"

def momentum(task, theta):
    slope = task.gradient(theta)
    return [t - task.eta * g + (g - h) / 8 for t, g, h in zip(theta, slope, task.gradient(slope), strict=True)]

@quantity("s", "of one task alone")
def alone(at):
    if len(at.instance.tasks) > 1:
        at.undefined("there are several tasks")
    return at("eps")

M = Adaptation("momentum", momentum)
C = [
    Claim("meta-sl-plain", "t", left="gap", bound=BOUND, assumptions=(SQUARED,)),
    Claim("meta-sl-alone", "t", left="gap", bound=BOUND + " + alone", assumptions=(SQUARED,), quantities=(alone,)),
    Claim("meta-sl-single", "t", left="gap", bound=BOUND, assumptions=(SQUARED, ONE)),
    Claim("meta-sl-steps", "t", left="gap", bound="smoothness"),
]
"""
ALONE = "alone has no value: there are several tasks"
NO_STEPS = "smoothness has no value: the adaptation momentum is neither gradient steps nor a proximal step"


def test_claims_of_ones_own_on_tasks_of_ones_own(tmp_path: Path) -> None:
    """Their assumptions alone; on gradient steps, and with an own adaptation; until then all is open."""
    place, told = write(tmp_path, CSV), list[ConditionsRecord]()

    def hear(said: str | ConditionsRecord) -> None:
        told.extend([said] if isinstance(said, ConditionsRecord) else [])

    with using(read(write(tmp_path, MINE, "mine.py"))):
        for rule, why in ((None, ""), ("momentum", NO_STEPS)):
            found = conditions_of(TaskSource(place, eta=fmpq(1, 4), adaptation=rule), None, hear)
            assert [row.name for row in found.assumptions] == ["squared-loss", "one-task"]
            claims = {row.claim[8:]: (row.applies, row.fails, row.why) for row in found.claims}
            assert claims == {
                "plain": (True, [], ""), "alone": (False, [], ALONE), "single": (False, ["one-task"], ""),
                "steps": (not why, [], why),
            }  # fmt: skip
            assert found.binding == ["one-task"] and not any(row.applies for row in told[0].claims)
            told.clear()


@pytest.mark.ci
def test_the_command_takes_claims_losses_and_adaptations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, f"{MINE}\n{OWN_LOSS}\nL = of()\n", "mine.py")
    of_policies = "from metagap import Claim\nC = Claim('meta-rl-x', 't', left='gap', bound='eps')\n"
    write(tmp_path, of_policies, "policies.py")
    write(tmp_path, CSV)
    write(tmp_path, json.dumps(SQUARED), "i.json")
    mine, momentum = ["--claims", "mine.py"], ["--adaptation", "momentum"]
    shown = runner.invoke(app, ["audit", "tasks.csv", *mine, *momentum])
    assert shown.exit_code == 0, shown.output
    assert "1 of 4 claims apply: meta-sl-plain." in shown.stdout and ALONE in shown.stdout
    written = runner.invoke(app, ["audit", "tasks.csv", *mine, *momentum, "--loss", "ridge-cosh", "--json", "-"])
    record = json.loads(written.stdout)
    Draft202012Validator(schema("conditions")).validate(record)
    assert record["assumptions"][0]["holds"] is False and record["binding"] == ["squared-loss"]
    for options, said in (
        (["tasks.csv", *momentum], "--adaptation='momentum': the name of an adaptation of your claims file"),
        (["tasks.csv", *mine, *momentum, "--steps", "2"], "no steps, decay or rates beside"),
        (["tasks.csv", *mine, "--adaptation", "heavy"], "known here: momentum"),
        (["i.json", *mine, *momentum], "an instance file has its own; leave it out"),
        (["tasks.csv", "--claims", "policies.py"], "tasks of meta-rl, which the claims of policies.py are about"),
        ([*mine, *momentum], "this option has a meaning with TASKS only"),
    ):
        refused = runner.invoke(app, ["audit", *options])
        assert refused.exit_code == 2 and said in refused.stderr and refused.stderr.count("\n") == 1, refused.output


@pytest.mark.ci(every=3)
@pytest.mark.parametrize(
    "options",
    [
        ["--loss", "hinge"],
        ["--loss", "huber"],
        ["--loss", "huber:-1"],
        ["--eta", "1/0"],
        ["--eta", "-1"],
        ["--task", "user"],
        ["--task", "y"],
    ],
)
def test_bad_options_are_one_line_and_status_two(tmp_path: Path, options: list[str]) -> None:
    result = runner.invoke(app, ["audit", write(tmp_path, CSV), *options])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


@pytest.mark.ci
def test_options_that_a_file_has_no_use_for_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "instance.json"
    path.write_text(files.dumps(from_arrays([[1.0]], [1.0], ["a"])))
    for options, place in ((["--loss", "huber:1"], "--loss='huber'"), (["--task", "user"], "--task='user'")):
        result = runner.invoke(app, ["certify", str(path), *options])
        assert result.exit_code == 2 and place in result.stderr, result.output


@pytest.mark.ci
def test_certify_takes_the_same_tasks(tmp_path: Path) -> None:
    result = runner.invoke(app, ["certify", write(tmp_path, CSV), "--max-time", "60"])
    assert result.exit_code in (0, 3), result.output
    assert "the global optimum" in result.stdout


@pytest.mark.ci
@pytest.mark.parametrize("command", ["certify", "audit"])
def test_tasks_may_be_adapted_by_several_steps(tmp_path: Path, command: str) -> None:
    place = write(tmp_path, CSV)
    result = runner.invoke(app, [command, place, "--steps", "3", "--json", "-"])
    assert result.exit_code == 0, result.output
    three = TaskSource(place, steps=3).load()
    assert isinstance(three, MetaSLInstance) and isinstance(three.adaptation, Gradient)
    assert three.adaptation.steps == 3
    record = json.loads(result.stdout)
    assert (record["problem"] if command == "certify" else record)["instance"] == three.sha256


@pytest.mark.ci
def test_an_instance_file_has_its_own_steps(tmp_path: Path) -> None:
    place = tmp_path / "instance.json"
    place.write_text(files.dumps(TaskSource(write(tmp_path, CSV)).load()))
    result = runner.invoke(app, ["certify", str(place), "--steps", "2"])
    assert result.exit_code == 2
    assert "--steps" in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.ci
def test_the_time_limit_binds_all_work(tmp_path: Path) -> None:
    """Reading alone may take longer: then there is no answer, and nothing is written; else the one that stands."""
    rng = np.random.default_rng(0)
    rows = 300_000
    place, out = tmp_path / "tasks.npz", tmp_path / "out.json"
    np.savez(place, X=rng.standard_normal((rows, 80)), y=rng.standard_normal(rows), task=np.arange(rows) % 300)
    begin = time.monotonic()
    result = runner.invoke(app, ["certify", str(place), "--max-time", "4", "--json", str(out)])
    assert time.monotonic() - begin < 15
    assert result.exit_code == 3
    assert out.exists() == ("the global optimum" in result.stdout)
    assert out.exists() or (result.stdout == "" and "--max-time=4: out of time while" in result.stderr)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("loss", "steps", "rows", "columns"),
    [("log-cosh", 1, 600, 60), ("logistic", 5, 200, 20), ("geman-mcclure", 3, 90, 6)],
)
def test_out_of_time_the_best_proved_statement_is_told(
    loss: str, steps: int, rows: int, columns: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    place, out = tmp_path / "tasks.npz", tmp_path / "out.json"
    x, y = rng.standard_normal((rows, columns)), rng.standard_normal(rows)
    np.savez(place, X=x, y=np.sign(y) if loss == "logistic" else y, task=np.arange(rows) % 10)
    options = ["--loss", loss, "--eta", "1/4", "--steps", str(steps), "--max-time", "8", "--json", str(out)]
    result = runner.invoke(app, ["certify", str(place), *options])
    assert result.exit_code == 3 and result.stdout.startswith("Your solution"), result.output
    record = json.loads(out.read_text())
    Draft202012Validator(schema("certify")).validate(record)
    assert 0 <= record["gap"]["lo"] <= record["gap"]["hi"] <= record["value"]["hi"]
    assert record["optimum"]["proved"] >= 0 and record["stationary_for"] and record["advice"]


@pytest.mark.ci
def test_an_audit_out_of_time_says_what_it_knows(tmp_path: Path, cut_short: Callable[[ModuleType, int], None]) -> None:
    cut_short(processes, 3)
    rng, rows = np.random.default_rng(0), 5_000
    place, omega, out = tmp_path / "tasks.npz", tmp_path / "omega.npy", tmp_path / "out.json"
    np.savez(place, X=rng.standard_normal((rows, 6)), y=rng.standard_normal(rows), task=np.arange(rows) % 200)
    np.save(omega, np.ones(6))
    options = ["--omega", str(omega), "--max-time", "600", "--json", str(out)]
    result = runner.invoke(app, ["audit", str(place), *options])
    assert result.exit_code == 3 and "what remains is open" in result.stderr, result.output
    record = json.loads(out.read_text())
    Draft202012Validator(schema("conditions")).validate(record)
    why = [row["why"] for row in record["assumptions"] if row["holds"] is None]
    assert "not examined in time" in why
    assert not any(claim["applies"] for claim in record["claims"] if claim["open"])


def test_an_audit_is_at_the_solution_that_is_given(tmp_path: Path) -> None:
    place, omega = write(tmp_path, CSV), write(tmp_path, "[1, 2]", "omega.json")
    shown = runner.invoke(app, ["audit", place, "--omega", omega, "--json", "-"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["instance"] != TaskSource(place).load().sha256
    assert runner.invoke(app, ["audit", "--omega", omega]).exit_code == 2


def test_more_columns_than_the_search_can_take_are_refused_at_once() -> None:
    rng = np.random.default_rng(0)
    made = from_arrays(rng.standard_normal((150, 120)), rng.standard_normal(150), ["one"] * 150, loss=Loss("log-cosh"))
    begin = time.monotonic()
    with pytest.raises(UnsupportedError, match="at most 99 independent columns"):
        minimise(made)
    assert time.monotonic() - begin < 10
