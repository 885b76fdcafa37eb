"""The exit status of every command, as documented; -q, -v and NO_COLOR."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from metagap.reports import audit as audits
from metagap.reports.cli import COMMANDS, STATUS, app
from metagap.reports.witnesses import KEPT
from metagap.reports.worked import FILE
from typer.testing import CliRunner

runner = CliRunner()
WITNESS = str(KEPT / "mutant-no-hessian-simplest.json")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an instance, one that nothing decides, one that is none, a certificate, and one that is wrong."""
    folder = tmp_path_factory.mktemp("files")
    instance = json.loads(FILE.read_text())
    (folder / "instance.json").write_text(json.dumps(instance))
    (folder / "open.json").write_text(json.dumps(instance | {"omega": ["1e30"]}))
    (folder / "bad.json").write_text(json.dumps(instance | {"omega": ["x"]}))
    runner.invoke(app, ["optimum", str(folder / "instance.json"), "--certificate", str(folder / "good.cert")])
    lie = json.loads((folder / "good.cert").read_text())
    lie["lower"] = lie["upper"] + 1e-4
    (folder / "wrong.cert").write_text(json.dumps(lie))
    return folder


@pytest.fixture
def place(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own with these files, to work in."""
    for file in files.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


CASES: list[tuple[list[str], int, str]] = [
    (["certify", "nowhere.json"], 2, ""),
    (["certify", "instance.json", "--gap", "1e-12", "--max-time", "0.1"], 3, ""),
    (["certify", "instance.json"], 0, "Your solution"),
    (["optimum", "instance.json"], 0, " certified"),
    (["optimum", "instance.json", "--no-check"], 3, "not checked"),
    (["optimum", "bad.json"], 2, ""),
    (["check", "good.cert"], 0, "accepted"),
    (["check", "wrong.cert"], 1, "rejected"),
    (["check", "instance.json"], 2, ""),
    (["judge", "instance.json", "--claim", "meta-sl-lifted"], 0, "1 file: 1 PROVED"),
    (["judge", "open.json", "--claim", "meta-sl-lifted"], 3, "1 file: 1 UNDECIDED"),
    (["judge", "bad.json"], 2, ""),
    (["audit", "instance.json"], 0, "claims apply"),
    (["audit", "bad.json"], 2, ""),
    (["falsify", "no-hessian", "--out", "found"], 1, "no-hessian: refuted"),
    (["falsify", "meta-sl-s1", "--max-time", "0.2", "--out", "found"], 0, "meta-sl-s1: not refuted"),
    (["falsify", "nope"], 2, ""),
    (["replay", WITNESS], 0, "1 counterexample: 1 still violated"),
    (["replay", "bad.json"], 2, ""),
    (["runs"], 0, "0 runs, 0 unfinished"),
    (["runs", "0000"], 2, ""),
    (["report", "--out", "nothing"], 2, ""),
    (["bundle", "out.zip", "--out", "nothing"], 2, ""),
    (["prove"], 0, "claims are formal"),
    (["prove", "--json", "proofs.json"], 2, ""),
    (["schema", "instance"], 0, ""),
    (["schema", "nope"], 2, ""),
    (["bench", "--max-time", "0.1"], 3, ""),
    (["bench", "--json", "."], 2, ""),
    (["check-gradient", "model.py:make"], 2, ""),
    (["verify", "--claim", "nope"], 2, ""),
]


@pytest.mark.ci(every=5)
@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(("command", "status", "verdict"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_every_command_ends_with_the_documented_status(command: list[str], status: int, verdict: str) -> None:
    """With 2 one line and nothing else; quiet, the verdict alone, in one line, and the same status."""
    found = runner.invoke(app, command)
    assert found.exit_code == status, found.output
    if status == 2:
        said = [line for line in found.stderr.splitlines() if not re.search(r"\(\d+ s\)$", line)]
        assert not found.stdout and len(said) == 1 and said[0].startswith("metagap: ")
    elif verdict:
        quiet = runner.invoke(app, [*command, "-q"])
        assert verdict in found.stdout and verdict in quiet.stdout
        assert quiet.exit_code == status and quiet.stdout.count("\n") == 1


def test_every_command_has_a_case_and_says_what_its_status_means() -> None:
    assert {command[0] for command, *_ in CASES} == set(COMMANDS)
    assert {status for _, status, _ in CASES} == {0, 1, 2, 3}
    for name in COMMANDS:
        said = " ".join(runner.invoke(app, [name, "--help"]).stdout.split())
        assert " ".join(STATUS.split()) in said, name


@pytest.mark.ci
@pytest.mark.usefixtures("place")
def test_a_run_without_time_and_a_violation_set_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    short = [
        "verify",
        "--no-real",
        "--max-time",
        "0",
        "--workers",
        "1",
        "--claim",
        "meta-sl-lifted",
        "-q",
        "--out",
        "r",
    ]
    late = runner.invoke(app, short)
    assert late.exit_code == 3 and late.stdout.count("\n") == 1 and "(out of time, " in late.stdout
    monkeypatch.setattr("metagap.reports.cli.verifying.verification.exit_status", lambda record: 1)
    assert runner.invoke(app, short).exit_code == 1
    monkeypatch.setattr(audits, "EFFORTS", {"quick": audits.Effort(1, 5, 0, 8)})
    audited = runner.invoke(app, ["audit", "--mutants", "--family", "meta-sl", "--max-time", "0", "-q"])
    assert audited.exit_code in (1, 3) and audited.stdout.count("\n") == 1


@pytest.mark.usefixtures("place")
def test_verbose_says_what_is_worked_on_and_quiet_nothing_of_it() -> None:
    claims = ["meta-sl-s1", "meta-sl-lifted"]
    judge = ["judge", "instance.json", *(part for name in claims for part in ("--claim", name))]
    assert re.findall(r"judging instance.json: (\S+) ", runner.invoke(app, [*judge, "-v"]).stderr) == claims
    assert runner.invoke(app, [*judge, "-q"]).stderr == ""
    both = runner.invoke(app, [*judge, "-q", "-v"])
    assert both.exit_code == 2 and "give one of the two" in both.stderr
    assert runner.invoke(app, judge).stdout.count("\n") > 5


COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-7]")


@pytest.mark.ci
@pytest.mark.parametrize("set_", [True, False])
def test_no_color_is_heard_on_a_terminal(set_: bool) -> None:
    """https://no-color.org: with the variable no colour; without it, on a terminal, some."""
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm-256color"}
    command = [sys.executable, "-m", "metagap.reports", "judge", "--help"]
    subprocess.run(command, stdout=theirs, env=environment | ({"NO_COLOR": "1"} if set_ else {}), check=True)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert b"--claim" in re.sub(rb"\x1b\[[0-9;]*m", b"", shown)
    assert bool(COLOUR.search(shown)) is not set_
