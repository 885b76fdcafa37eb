"""Ctrl-C is one line and status 130, whatever is interrupted; workers never hear of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from metagap.impl.families import FAMILIES
from metagap.impl.optimum import headline
from metagap.reports import __main__ as entry
from metagap.reports import falsifying, judging
from metagap.reports.cli import app
from metagap.reports.cli import judging as judging_command
from metagap.reports.processes import EndedError, apart, deferred, processes
from typer.testing import CliRunner

from .test_cli import MIRRORED, write
from .test_mixed_form import large_instance

runner = CliRunner()


def interrupt(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        (judging, "judge_claim", ["judge", "a.json"]),
        (headline, "minimise", ["optimum", "a.json"]),
        (falsifying, "pursue", ["falsify", "meta-sl-lifted", "--driver", "gradient"]),
    ],
)
def test_an_interrupted_command_says_so(
    module: Any, name: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, MIRRORED, "a.json")
    monkeypatch.setattr(module, name, interrupt)
    result = runner.invoke(app, arguments)
    assert result.exit_code == 130
    assert result.stderr.startswith(f"metagap: {arguments[0]}: interrupted while ")
    assert result.stderr.endswith("nothing was written\n")


def test_claims_that_were_judged_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(write(tmp_path, MIRRORED, name)) for name in ("a.json", "b.json", "c.json")]
    out, judge, begun = tmp_path / "out.json", judging.judge_claim, []

    def later(*arguments: Any, **options: Any) -> Any:
        begun.append(arguments[0].name)
        return interrupt() if len(begun) == 5 else judge(*arguments, **options)

    monkeypatch.setattr(judging, "judge_claim", later)
    chosen = [f"--claim=meta-sl-{name}" for name in ("s1", "s3", "lifted")]
    result = runner.invoke(app, ["judge", *paths, *chosen, "--json", str(out)])
    assert result.exit_code == 130
    assert "a.json" in result.stdout and "b.json" in result.stdout and "c.json" not in result.stdout
    assert result.stderr.endswith("b.json: meta-sl-s3; 1 of 3 files were judged; not begun: " + paths[2] + "\n")
    first, second = json.loads(out.read_text())
    assert [row["verdict"] == "UNDECIDED" for row in first["claims"]] == [False] * 3
    assert [row["verdict"] == "UNDECIDED" for row in second["claims"]] == [False, True, True]
    assert second["claims"][2]["reason"] == "interrupted before it was judged"


@pytest.mark.ci
def test_judging_ends_when_its_time_is_out(tmp_path: Path, cut_short: Callable[[ModuleType, int], None]) -> None:
    """Some claims of the first file are judged within the limit, others are not; the second file is not begun."""
    large = large_instance(tasks=8, atoms=60, d=60)
    paths = [str(write(tmp_path, large, "a.json")), str(write(tmp_path, MIRRORED, "b.json"))]
    cut_short(judging_command, 2)
    limit = 600
    result = runner.invoke(app, ["judge", *paths, "--max-time", str(limit), "--json", "-"])
    assert result.exit_code == 3
    (record,) = json.loads(result.stdout)
    open_ = [row for row in record["claims"] if row["reason"] == f"out of time: --max-time={limit}"]
    assert 0 < len(open_) < len(record["claims"]) == len(FAMILIES["meta-sl"].all_claims)
    assert {row["verdict"] for row in open_} == {"UNDECIDED"}
    assert f"--max-time={limit}: out of time while judging {paths[0]}: {open_[0]['claim']}" in result.stderr
    assert f"not begun: {paths[1]}" in result.stderr


@pytest.mark.ci
def test_a_limit_that_is_not_reached_changes_nothing(tmp_path: Path) -> None:
    path = str(write(tmp_path, MIRRORED))
    plain, limited = (
        runner.invoke(app, ["judge", path, "--json", "-", *options]) for options in ([], ["--max-time", "300"])
    )
    assert plain.exit_code == limited.exit_code == 0
    assert plain.stdout == limited.stdout


def tell_and_stay(tell: Any) -> None:
    for told in ("begun", 1, 2):
        tell(told)
    time.sleep(600)


@pytest.mark.ci
def test_what_was_told_is_heard_when_the_work_is_ended() -> None:
    heard: list[Any] = []
    with pytest.raises(EndedError) as end:
        apart(tell_and_stay, (), heard.append, time.monotonic() + 20)
    assert end.value.stage == "begun"
    assert [told for told in heard if not isinstance(told, str)] == [1, 2]


@pytest.mark.ci
def test_certify_ends_its_process_and_says_what_it_was_at(tmp_path: Path) -> None:
    """The terminal interrupts all processes of the group. Once is enough."""
    rng, rows = np.random.default_rng(0), 30_000
    place = tmp_path / "tasks.npz"
    np.savez(place, X=rng.standard_normal((rows, 80)), y=rng.standard_normal(rows), task=np.arange(rows) % 300)
    command = [sys.executable, "-m", "metagap.reports", "certify", str(place), "--max-time", "100"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, **pipes, text=True, start_new_session=True)
    time.sleep(10)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    # A busy machine may not have come to the first answer.
    assert output.startswith("Your solution") == ("the answer is that of what was known" in errors)


def test_modules_may_be_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Finder:
        find_spec = staticmethod(interrupt)

    monkeypatch.delitem(sys.modules, "metagap.reports.cli")
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(SystemExit) as end:
        entry.main()
    assert end.value.code == 130
    assert capsys.readouterr().err == "metagap: interrupted while starting\n"


def test_an_interrupt_before_the_command_begins_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Typer makes it a status without a word."""
    monkeypatch.setattr(sys, "argv", ["metagap", "schema"])
    monkeypatch.setattr(type(app), "__call__", lambda *_, **__: 130)
    with pytest.raises(SystemExit) as end:
        entry.main()
    assert end.value.code == 130
    assert capsys.readouterr().err == "metagap: interrupted while starting\n"


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)


def test_a_deferred_interrupt_waits_until_it_is_asked_for() -> None:
    # In the background of a shell Ctrl-C is ignored.
    outside = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with deferred() as listen:
            press()
            with pytest.raises(KeyboardInterrupt):
                listen()
            listen()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        with pytest.raises(KeyboardInterrupt), deferred():
            press()
    finally:
        signal.signal(signal.SIGINT, outside)


def test_workers_are_deaf_from_birth() -> None:
    """Blocked, not only ignored from their first line on: starting takes them a second."""
    with processes(2) as pool:
        masks = list(pool.map(signal.pthread_sigmask, [signal.SIG_BLOCK] * 2, [[]] * 2))
    assert all(signal.SIGINT in mask for mask in masks)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


PARENT = """
import os, sys, time
from metagap.reports.processes import processes

if __name__ == "__main__":
    with processes(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 600).result()
"""


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        os.kill(worker, 0)
        parent.kill()
    for _ in range(300):
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(worker)], capture_output=True, text=True, check=False)
        if state.stdout.strip()[:1] in ("", "Z"):
            return
        time.sleep(0.1)
    raise AssertionError(f"worker {worker} is still there")
