"""A run that is killed, terminated, or loses its scheduler, its workers or its disk goes on to the same record."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from metagap.reports.cli import app
from typer.testing import CliRunner

from .test_executing import timeless

COMMAND = (sys.executable, "-m", "metagap.reports", "verify", "--no-real", "--claim", "meta-rl-lifted", "--out", "r")


def started(folder: Path, *options: str) -> subprocess.Popen[str]:
    """A run of which something is judged."""
    process = subprocess.Popen(
        [*COMMAND, *options], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 300
    while time.monotonic() < end and len(list((folder / "r/.store").rglob("*.msgpack"))) < 5:
        time.sleep(0.05)
    return process


def finished(folder: Path, *options: str) -> dict[str, Any]:
    subprocess.run([*COMMAND, *options], cwd=folder, check=True, capture_output=True, timeout=300)
    assert not (folder / "r/.store").exists()
    record: dict[str, Any] = timeless(json.loads((folder / "r/verify.json").read_text()))
    return record


@pytest.mark.ci
def test_killed_terminated_resumed_or_on_a_cluster_the_record_is_the_same(tmp_path: Path) -> None:
    """kill -9 leaves the results, SIGTERM a report too; the same command goes on, on any workers."""
    ways: dict[str, Path] = {name: tmp_path / name for name in ("whole", "killed", "terminated", "cluster", "here")}
    for folder in ways.values():
        folder.mkdir()
    whole = finished(ways["whole"], "--workers", "2")

    process = started(ways["killed"])
    process.kill()
    process.communicate(timeout=60)
    kept = set((ways["killed"] / "r/.store").rglob("*.msgpack"))
    assert len(kept) >= 5
    assert finished(ways["killed"], "--workers", "1") == whole

    process = started(ways["terminated"])
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "goes on from there" in errors
    partial_record = json.loads((ways["terminated"] / "r/verify.json").read_text())
    assert partial_record["status"] == "interrupted"
    assert partial_record["generated"] > 0
    assert (ways["terminated"] / "r/index.html").exists()
    assert finished(ways["terminated"], "--workers", "4") == whole

    assert finished(ways["cluster"], "--cluster", "local:2") == whole
    assert finished(ways["here"], "--workers", "0") == whole


@contextmanager
def scheduler(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler on loopback and two workers, as on many machines: its address; the processes, it being the first."""
    place = folder / "scheduler.json"
    place.unlink(missing_ok=True)
    dask = [sys.executable, "-m", "distributed.cli.dask_"]
    first = [*dask[:2], f"{dask[2]}scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(place)]
    worker = [*dask[:2], f"{dask[2]}worker", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    cluster = [subprocess.Popen([*first, "--host", "127.0.0.1"], **silent)]
    try:
        while not (place.exists() and place.read_text()):
            time.sleep(0.1)
        cluster += [subprocess.Popen([*worker, "--scheduler-file", str(place)], **silent) for _ in range(2)]
        yield json.loads(place.read_text())["address"], cluster
    finally:
        for each in cluster:
            each.kill()
            each.wait()


@pytest.mark.ci
def test_a_scheduler_with_two_workers_one_of_which_is_killed(tmp_path: Path) -> None:
    """The record is that of local processes."""
    whole = finished(tmp_path, "--workers", "2")
    shutil.rmtree(tmp_path / "r")
    with scheduler(tmp_path) as (address, cluster):
        process = started(tmp_path, "--cluster", address)
        cluster[1].kill()
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    assert timeless(json.loads((tmp_path / "r/verify.json").read_text())) == whole


@pytest.mark.ci
def test_a_scheduler_that_dies_loses_nothing_that_was_finished(tmp_path: Path) -> None:
    """No job is said to be lost; the report has what was judged, and the same command goes on, on any workers."""
    with scheduler(tmp_path) as (address, cluster):
        process = started(tmp_path, "--cluster", address)
        cluster[0].kill()
        _, errors = process.communicate(timeout=300)
    record = json.loads((tmp_path / "r/verify.json").read_text())
    assert (process.returncode, record["status"], record["lost"]) == (3, "without workers", []), errors
    assert errors.splitlines()[-1] == "metagap: verify: without workers; the same command goes on from there"
    assert "Traceback" not in errors and record["generated"] > 0
    assert "partial: without workers" in (tmp_path / "r/index.html").read_text()
    assert finished(tmp_path)["status"] == "complete"


@pytest.mark.ci
def test_kills_at_random_moments_change_nothing(tmp_path: Path, effort: int) -> None:
    """Of workers, of schedulers, of the run itself, with resumption: the record is that of a run in peace. Five kills,
    in the profile deep twenty."""
    rng, kills, wanted, ended = random.Random(0), Counter[str](), 5 if effort == 1 else 20, []
    whole = finished(tmp_path, "--workers", "0")
    shutil.rmtree(tmp_path / "r")

    def results() -> int:
        # Folders come and go meanwhile: a walk leaves out what is gone.
        return sum(name.endswith(".msgpack") for *_, names in os.walk(tmp_path / "r/.store") for name in names)

    while kills.total() < wanted:
        with ExitStack() as open_ones:
            address, cluster = "", []
            if rng.random() < 0.5:
                address, cluster = open_ones.enter_context(scheduler(tmp_path))
            given = ["--cluster", address] if cluster else ["--workers", "2"]
            process = subprocess.Popen(
                [*COMMAND, *given], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            while process.poll() is None and kills.total() < wanted:
                before, more = results(), rng.randrange(4)
                while process.poll() is None and results() < before + more:
                    time.sleep(0.02)
                time.sleep(rng.random())
                try:
                    children = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
                except psutil.NoSuchProcess:
                    break  # It ended in peace meanwhile.
                victims = [("run", process.pid), *(("worker", child.pid) for child in cluster[1:])]
                victims += [("scheduler", child.pid) for child in cluster[:1]]
                victims += [] if cluster else [("worker", pid) for pid in children]
                kind, victim = rng.choice(victims)
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    kills[kind] += 1
                if kind != "worker":
                    break
            ended.append(process.wait(timeout=600))
    assert finished(tmp_path) == whole, (kills, ended)
    assert kills.total() == wanted and len(kills) > 1


@pytest.mark.ci
def test_a_report_that_cannot_be_written_loses_no_result(tmp_path: Path) -> None:
    """A folder in the place of the record: the table is printed, the results are kept, status 2."""
    (tmp_path / "r/verify.json/in the way").mkdir(parents=True)
    ended = subprocess.run(COMMAND, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 2
    assert "lifted" in ended.stdout
    assert len(list((tmp_path / "r/.store").rglob("*.msgpack"))) > 5
    (tmp_path / "r/verify.json/in the way").rmdir()
    (tmp_path / "r/verify.json").rmdir()
    assert finished(tmp_path)["status"] == "complete"


@pytest.mark.ci(every=5)
@pytest.mark.parametrize("given", ["host", "local:0", "local:", "tcp://host", "http://host:1"])
def test_a_place_that_is_no_cluster_is_one_line(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(app, [*COMMAND[3:], "--cluster", given])
    assert (ended.exit_code, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1)
    assert f"--cluster={given!r}" in ended.stderr
    assert not (tmp_path / "r").exists()
