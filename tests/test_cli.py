"""The commands as other programs use them: files in, JSON and status out, one line on bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from metagap.impl import files
from metagap.impl.families import FAMILIES, all_claims, judge, load, loads
from metagap.impl.sources import RandomSource
from metagap.impl.supervised.generate import arbitrary
from metagap.reports import witnesses
from metagap.reports.cli import app, main
from metagap.theory.claim import Verdict
from typer.testing import CliRunner

runner = CliRunner()

MIRRORED = {
    "format": "metagap/instance/1",
    "problem": "meta-sl",
    "loss": {"name": "quartic", "c": 0.25},
    "adaptation": {"name": "gradient", "eta": 0.125, "steps": 1},
    "model": {"name": "linear"},
    "features": [[1]],
    "tasks": [
        {"weight": "1/2", "atoms": [{"x": 0, "y": 0, "p": "7/8"}, {"x": 0, "y": 4, "p": "1/8"}]},
        {"weight": "1/2", "atoms": [{"x": 0, "y": 0, "p": "7/8"}, {"x": 0, "y": -4, "p": "1/8"}]},
    ],
    "omega": [0],
    "comparator": [1],
    "radius": 1,
}


def write(folder: Path, content: Any, name: str = "instance.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_judge_writes_the_judgement_to_standard_output_and_nothing_else(tmp_path: Path) -> None:
    result = runner.invoke(app, ["judge", str(write(tmp_path, MIRRORED)), "--json", "-"])
    record = json.loads(result.stdout)
    assert result.exit_code == 0
    assert record["format"] == "metagap/judgement/1"
    assert len(record["instance"]) == 64
    rows = {row["claim"]: row for row in record["claims"]}
    assert set(rows) == {c.name for c in all_claims() if c.name.startswith("meta-sl-")}
    mixed = rows["meta-sl-mixed"]
    assert mixed["verdict"] == "OUTSIDE"
    assert mixed["assumptions"]["numerator-vanishes"]["hi"] < 0
    assert mixed["bound"]["lo"] <= 19125 / 524288 <= mixed["bound"]["hi"]
    assert mixed["gap"]["lo"] <= 42273 / 262144 <= mixed["gap"]["hi"]
    assert rows["meta-sl-lifted"]["bound"]["lo"] <= 19125 / 65536 <= rows["meta-sl-lifted"]["bound"]["hi"]
    assert rows["meta-sl-identity"]["verdict"] == "PROVED"
    assert {"eps", "radius", "weight_norm", "misfit"} <= set(rows["meta-sl-lifted"]["terms"])


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.usefixtures("narrow")
def test_tables_of_80_columns_keep_names_whole(tmp_path: Path) -> None:
    path = str(write(tmp_path, MIRRORED))
    judged, audited = runner.invoke(app, ["judge", path]).stdout, runner.invoke(app, ["audit", path]).stdout
    family = FAMILIES["meta-sl"]
    for text, names in (
        (judged, [c.name.removeprefix("meta-sl-") for c in family.all_claims]),
        (audited, [a.name for c in family.claims for a in c.assumptions]),
    ):
        assert max(map(len, text.splitlines())) <= 80
        assert set(names) <= set(text.split()), text
    found = runner.invoke(app, ["optimum", path]).stdout.splitlines()
    assert max(map(len, found[1:])) <= 80
    assert found[0].endswith(" certified") and found[1].startswith("at [")


def test_judge_shows_the_left_side_of_the_claim(tmp_path: Path) -> None:
    """Of the identity the left side is gap + bregman: with the gap alone PROVED would look false."""
    text = runner.invoke(app, ["judge", str(write(tmp_path, MIRRORED)), "--claim", "meta-sl-identity"]).stdout
    row = next(line.split() for line in text.splitlines() if line.split()[:1] == ["identity"])
    assert row == ["identity", "PROVED", "0.291824", "0.291824"]


@pytest.mark.ci
@pytest.mark.usefixtures("narrow")
def test_a_short_verification_names_what_it_did_not_reach(tmp_path: Path) -> None:
    command = ["verify", "--no-real", "--max-time", "0.1", "--workers", "1", "--out", str(tmp_path)]
    for name in ("meta-sl", "meta-rl", "network", "meta-rl-network"):
        command += ["--claim", f"{name}-lifted"]
    result = runner.invoke(app, command)
    assert "Nothing was judged (out of time) of" in result.stdout
    assert "meta-sl-..." in result.stdout and "meta-rl-network-..." not in result.stdout
    *table, verdict = result.stdout.splitlines()
    assert max(map(len, table)) <= 80 and verdict.endswith(f"Report: {tmp_path / 'index.html'}")


def test_several_files_give_an_array_and_a_claim_can_be_chosen(tmp_path: Path) -> None:
    paths = [str(write(tmp_path, MIRRORED, f"{i}.json")) for i in range(2)]
    out = tmp_path / "out.json"
    result = runner.invoke(app, ["judge", *paths, "--claim", "meta-sl-lifted", "--json", str(out)])
    assert result.exit_code == 0
    assert [len(r["claims"]) for r in json.loads(out.read_text())] == [1, 1]


def test_undecided_claims_set_the_status(tmp_path: Path) -> None:
    """log-cosh at a symmetric point: whether the mixed weight is exactly 0 is beyond any enclosure."""
    content = json.loads(json.dumps(MIRRORED)) | {"loss": {"name": "log-cosh"}}
    result = runner.invoke(app, ["judge", str(write(tmp_path, content)), "--json", "-"])
    verdicts = {row["claim"]: row for row in json.loads(result.stdout)["claims"]}
    assert verdicts["meta-sl-mixed"]["verdict"] == "UNDECIDED"
    assert "numerator-vanishes" in verdicts["meta-sl-mixed"]["reason"]
    assert result.exit_code == 3


@pytest.mark.ci(every=3)
@pytest.mark.parametrize(
    "arguments",
    [
        ["optimum", "missing.json"],
        ["optimum", "good.json", "--radius", "-1"],
        ["optimum", "good.json", "--radius", "much"],
        ["optimum", "good.json", "--gap", "0"],
        ["check", "missing.json"],
        ["check", "good.json"],
        ["certify", "good.json", "--omega", "missing.json"],
        ["certify", "good.json", "--omega", "good.json"],
        ["certify", "good.json", "--omega", "good.json", "--train"],
        ["judge", "missing.json"],
        ["judge", "bad.json"],
        ["judge", "good.json", "--claim", "no-such-claim"],
        ["verify", "--claim", "no-such-claim"],
        ["verify", "--profile", "leisurely"],
        ["replay", "bad.json"],
        ["replay", "good.json"],
        ["judge", "good.json", "--json", "folder"],
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line_and_status_2(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, MIRRORED | {"radius": -1}, "bad.json")
    write(tmp_path, MIRRORED, "good.json")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    result = runner.invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stdout == "" or "folder" in arguments
    if not {"--profile", "--gap"} & set(arguments):
        assert len(result.stderr.strip().splitlines()) == 1
        assert result.stderr.startswith("metagap: ")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.ci
def test_optimum_check_and_certify(tmp_path: Path) -> None:
    """A problem without omega; its certificate; a lie; a solution that is given, and one that is trained."""
    problem = {k: v for k, v in MIRRORED.items() if k not in ("omega", "comparator", "radius")}
    path, cert = write(tmp_path, problem), tmp_path / "cert.json"
    result = runner.invoke(app, ["optimum", str(path), "--certificate", str(cert), "--json", "-"])
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert set(found) >= {"format", "lower", "upper", "at", "status", "boxes", "seconds"}
    assert found["format"] == "metagap/optimum/1"
    assert found["status"] == "certified"
    assert 0 <= found["upper"] - found["lower"] <= 1e-6 * max(found["upper"], 1e-3) * 1.0001
    assert runner.invoke(app, ["check", str(cert)]).exit_code == 0
    lie = json.loads(cert.read_text())
    lie["lower"] = lie["upper"] + 1e-4
    cert.write_text(json.dumps(lie))
    rejected = runner.invoke(app, ["check", str(cert)])
    assert rejected.exit_code == 1
    assert "rejected" in rejected.stdout
    omega = tmp_path / "omega.json"
    omega.write_text("[0.5]")
    for arguments in (["--omega", str(omega)], ["--train"]):
        answer = runner.invoke(app, ["certify", str(path), "--max-time", "300", *arguments])
        assert answer.exit_code == 0, answer.stderr
        assert "the global optimum" in answer.stdout
        assert "The theorem promises at most" in answer.stdout


@pytest.mark.ci
def test_an_undecided_optimum_has_status_3_and_keeps_a_true_bracket(tmp_path: Path) -> None:
    wide = json.loads(json.dumps(MIRRORED)) | {"loss": {"name": "logistic"}}
    for task in wide["tasks"]:
        for atom in task["atoms"]:
            atom["y"] = 1
    path = write(tmp_path, wide)
    assert runner.invoke(app, ["optimum", str(path)]).exit_code == 2
    result = runner.invoke(app, ["optimum", str(path), "--radius", "4", "--json", "-"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["lower"] > 0


@pytest.mark.ci
@pytest.mark.usefixtures("short_audit")
def test_verify_audit_and_replay_make_a_report(tmp_path: Path) -> None:
    out = tmp_path / "report"
    common = ["--out", str(out)]
    first = runner.invoke(
        app,
        ["verify", "--no-real", "--max-time", "4", "--workers", "2", "--claim", "meta-sl-lifted", *common],
    )
    assert first.exit_code in (0, 3), first.output
    record = json.loads((out / "verify.json").read_text())
    assert record["status"] in ("complete", "out of time")
    row = record["claims"][0]
    assert row["counts"]["VIOLATED"] == 0
    assert row["counts"]["PROVED"] > 0
    assert (out / row["tightest"]["file"]).exists() and (out / "check_witness.py").is_file()
    again = load(out / row["tightest"]["file"])
    assert again.sha256 == row["tightest"]["instance"]
    second = runner.invoke(app, ["audit", "--family", "meta-sl", *common])
    assert second.exit_code == 0, second.output
    audit = json.loads((out / "audit.json").read_text())
    assert all(cell["confirmed"] in (True, None) for cell in audit["cells"])
    assert {m["status"] for m in audit["mutants"]} == {"refuted", "equivalent"}
    witnesses = sorted(str(p) for p in (out / "counterexamples").glob("*.json"))
    replayed = runner.invoke(app, ["replay", str(out / "counterexamples")])
    assert replayed.exit_code == 0
    assert replayed.stdout.count(": still violated (") == len(witnesses)
    assert replayed.stdout.endswith(f"\n{len(witnesses)} counterexamples: {len(witnesses)} still violated\n")
    assert "meta-sl-lifted" in (out / "claims.html").read_text()
    assert "no-hessian" in (out / "mutants.html").read_text()


@pytest.mark.ci
@pytest.mark.usefixtures("short_audit")
def test_mutants_as_a_record(tmp_path: Path) -> None:
    result = runner.invoke(
        app, ["audit", "--mutants", "--family", "meta-rl-smooth-network", "--json", "-", "--out", str(tmp_path)]
    )
    record = json.loads(result.stdout)
    assert result.exit_code == 0
    assert record["format"] == "metagap/mutants/1"
    assert {"name", "claim", "status", "generator", "examples", "seconds", "simplest", "worst"} <= set(
        record["mutants"][0]
    )


@pytest.mark.ci
def test_names_of_files_are_no_markup(tmp_path: Path) -> None:
    path = write(tmp_path, MIRRORED, "ß[red]:x:.json")
    table = tmp_path / "ß[red]:x:[" / "i].csv"
    table.parent.mkdir()
    table.write_text("task,y,a\none,1,1\n")
    for command in (["judge", str(path), "--claim", "meta-sl-s1"], ["audit", str(table)]):
        shown = runner.invoke(app, command, env={"COLUMNS": "200"})
        assert "ß[red]:x:" in shown.stdout.replace("\n", ""), shown.stdout


@pytest.mark.parametrize(
    ("command", "near"),
    [
        (["falsify", "meta-sl-lifte"], "meta-sl-lifted"),
        (["verify", "--claim", "network-liftd"], "network-lifted"),
        (["audit", "--family", "meta-s"], "meta-sl"),
        (["schema", "verifi"], "verify"),
    ],
)
def test_a_wrong_name_is_met_with_the_nearest(command: list[str], near: str) -> None:
    result = runner.invoke(app, command)
    assert result.exit_code == 2 and f"(did you mean {near}" in result.stderr
    assert len(result.stderr) < 300
    assert "meta-sl-lifted" in runner.invoke(app, ["falsify"]).stdout.splitlines()


@pytest.mark.ci
def test_certify_says_which_ball_it_chose_and_why(tmp_path: Path) -> None:
    write(tmp_path, "task,y,a\nx,1,3\nz,-1,4\n", "tasks.csv")
    command = ["certify", str(tmp_path / "tasks.csv"), "--loss", "logistic", "--gap", "0.5", "--max-time", "600"]
    said = runner.invoke(app, command).stdout
    assert said.startswith("Your solution (omega = 0: none was given) is ")
    assert "That ball was chosen: the usual one, as no ball is known" in said
    assert "That ball" not in runner.invoke(app, [*command, "--radius", "2"]).stdout
    assert json.loads(runner.invoke(app, [*command, "--json", "-"]).stdout)["optimum"]["choice"]


@pytest.mark.parametrize(
    ("verdict", "outcome", "word"),
    [
        (Verdict.VIOLATED, "still violated", "every other assumption is certified"),
        (Verdict.OUTSIDE, "still violated", "no meaning"),
        (Verdict.PROVED, "fixed", "proved"),
        (Verdict.UNDECIDED, "undecided", "overlap"),
    ],
)
def test_a_replay_says_one_thing(
    verdict: Verdict, outcome: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an assumption "every assumption is certified" would be false, and "outside" no violation."""
    path, instance = tmp_path / "witness.json", loads(json.dumps(MIRRORED))
    path.write_text(witnesses.witness("leave-one-out", "meta-sl-mixed-without-numerator-vanishes", instance))
    judged = judge(instance).claims[0]
    monkeypatch.setattr(witnesses, "alone", lambda cell, instance: replace(judged, verdict=verdict))
    found = witnesses.replay(path)
    assert found.outcome == outcome and word in found.sentence
    assert runner.invoke(app, ["replay", str(path)]).exit_code == (3 if outcome == "undecided" else 0)


def test_a_fixed_witness_says_so(tmp_path: Path) -> None:
    harmless = files.dumps(arbitrary(RandomSource(0, 1), "squared").instance(0))
    path = tmp_path / "harmless.json"
    path.write_text(witnesses.witness("claim", "meta-sl-lifted", loads(harmless)))
    assert witnesses.replay(path).outcome == "fixed"
    other = tmp_path / "other.json"
    other.write_text("{}")
    done = runner.invoke(app, ["replay", str(tmp_path)])
    assert done.exit_code == 0 and done.stdout.endswith("1 counterexample: 1 fixed\n")
    assert f"skipped: {other}" in done.stderr
    path.unlink()
    assert runner.invoke(app, ["replay", str(tmp_path)]).exit_code == 2


@pytest.mark.ci
def test_an_interrupt_leaves_a_valid_partial_report(tmp_path: Path) -> None:
    """Ctrl-C while workers run: the record is complete JSON, marked interrupted."""
    import signal

    out = tmp_path / "report"
    command = [
        sys.executable,
        "-m",
        "metagap.reports",
        "verify",
        "--no-real",
        "--out",
        str(out),
        "--profile",
        "deep",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    # However busy the machine: a line of progress says how much was judged.
    lines = iter(process.stderr.readline, "")
    assert any(int(line.split("judging: ")[1].split()[0]) for line in lines if "judging: " in line)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    record = json.loads((out / "verify.json").read_text())
    assert record["status"] == "interrupted", errors
    assert (out / "index.html").exists()
    assert record["generated"] > 0


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["bench", "--nope"], "No such option: --nope; see metagap bench --help"),
        (["judge"], "Missing argument 'FILE|FOLDER...'; see metagap judge --help"),
        (["audit", "--seed", "x"], "--seed='x': an integer from 0 to 999999999999999999 is required"),
        (["verify", "--profile=huge"], "--profile='huge': 'huge' is not one of 'quick', 'ci', 'deep'"),
        (["frobnicate"], "No such command 'frobnicate'; see metagap --help"),
        (["audit", "--loss", "squared"], "--loss='squared': this option has a meaning with TASKS only"),
        (["audit", "sklearn:iris", "--mutants"], "--mutants: this option has a meaning without TASKS only"),
        (["audit", "sklearn:iris", "--seed", "3"], "--seed='3': this option has a meaning without TASKS only"),
    ],
)
def test_wrong_options_are_one_line_and_status_2(
    arguments: list[str], line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["metagap", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    told = capsys.readouterr()
    assert end.value.code == 2
    assert told.out == ""
    assert told.err.startswith(f"metagap: {line}"), told.err
    assert told.err.count("\n") == 1
