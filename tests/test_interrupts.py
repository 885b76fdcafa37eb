"""Ctrl-C is one line and status 130, whatever is interrupted; workers never hear of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from metagap.impl.optimum import headline
from metagap.reports import __main__ as entry
from metagap.reports import falsifying
from metagap.reports.cli import app, judging
from metagap.reports.processes import deferred, processes
from typer.testing import CliRunner

from .test_cli import MIRRORED, write

runner = CliRunner()


def interrupt(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        (judging, "_judged", ["judge", "a.json"]),
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


def test_files_that_were_judged_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, judge, begun = [str(write(tmp_path, MIRRORED, name)) for name in ("a.json", "b.json")], judging._judged, []

    def second(*arguments: Any) -> Any:
        begun.append(1)
        return interrupt() if len(begun) == 2 else judge(*arguments)

    monkeypatch.setattr(judging, "_judged", second)
    result = runner.invoke(app, ["judge", *paths])
    assert result.exit_code == 130
    assert "a.json" in result.stdout and "b.json" not in result.stdout
    assert "b.json; 1 of 2 files were judged" in result.stderr


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
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted while" in errors.splitlines()[-1]
    assert "Traceback" not in errors


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


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals cannot be blocked here")
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
