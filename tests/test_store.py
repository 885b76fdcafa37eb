"""The store: what was put into it and nothing else, whoever writes beside; its runs are listed, resumed and pruned."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from metagap.reports import store as stores
from metagap.reports.cli import app
from metagap.reports.jobs import Job, KeptJob, run_job
from metagap.reports.store import Store, kept_runs, prune
from metagap.reports.tally import Outcome
from metagap.theory.meta_sl import CLAIMS
from typer.testing import CliRunner

NAMES = tuple(claim.name for claim in CLAIMS)
FEW = (Job("meta-sl", "squared", "squared", 0, 0, 2), Job("meta-sl", "arbitrary", "log-cosh", 0, 0, 2))
runner = CliRunner()


def outcomes(jobs: tuple[Job, ...] = FEW) -> list[Outcome]:
    return [run_job(job, NAMES) for job in jobs]


def test_a_store_has_what_was_put_into_it_and_believes_no_broken_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "s", Outcome, NAMES)
    assert store.get(FEW[0]) is None
    found = outcomes()
    for job, outcome in zip(FEW, found, strict=True):
        store.put(job, outcome)
    assert [store.get(job) for job in FEW] == found
    assert Store(tmp_path / "s", Outcome, NAMES[1:]).get(FEW[0]) is None
    assert store.get(replace(FEW[0], seed=1)) is None
    path = store.path(FEW[0])
    whole = path.read_bytes()
    for broken in (whole[:-1], b"", b"\xc1", whole.replace(b"tallies", b"tallyes")):
        path.write_bytes(broken)
        assert store.get(FEW[0]) is None
    assert store.get(FEW[1]) == found[1]
    assert not list((tmp_path / "s").glob(".*"))


def test_results_of_other_data_are_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the sources alone: also the kept counterexamples, the real data, the code of the run itself."""
    path = Store(tmp_path, Outcome, NAMES).path(FEW[0])
    monkeypatch.setattr(stores, "contents", lambda: "other")
    assert Store(tmp_path, Outcome, NAMES).path(FEW[0]) != path


def test_the_same_job_of_another_kind_has_another_name(tmp_path: Path) -> None:
    store = Store(tmp_path, Outcome, NAMES)
    assert store.path(KeptJob("meta-sl", 0)) != store.path(Job("meta-sl", "", "", 0, 0, 0))


def test_a_store_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = Store(tmp_path / "file", Outcome, NAMES)
    store.put(FEW[0], outcomes(FEW[:1])[0])
    assert store.get(FEW[0]) is None
    assert "file" in store.trouble


WRITER = """
import sys
from pathlib import Path
from metagap.reports.store import Store
store = Store(Path(sys.argv[1]), dict[str, int], "test")
store.begin(["verify", sys.argv[2]], 300)
for n in range(300):
    store.put(n, {"n": n})
    assert store.get(n) in ({"n": n}, None)
    if n % 50 == 0:
        store.progress(n)
assert not store.trouble, store.trouble
"""


@pytest.mark.ci
def test_two_processes_write_into_one_store_while_a_third_one_prunes_it(tmp_path: Path) -> None:
    """Nobody meets half a result; what is pruned meanwhile is of finished runs and of other sources."""
    for name in ("0" * 32, "f" * 32):
        (tmp_path / name / "00").mkdir(parents=True)
        (tmp_path / name / "00/x.msgpack").write_bytes(b"old")
    both = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), one]) for one in ("a", "b")]
    while len(kept_runs(tmp_path)) < 2:
        time.sleep(0.01)
    while any(process.poll() is None for process in both):
        prune(tmp_path)
        time.sleep(0.01)
    assert [process.returncode for process in both] == [0, 0]
    assert [run.command for _, run in kept_runs(tmp_path)] in ([["verify", "a"], ["verify", "b"]],
                                                               [["verify", "b"], ["verify", "a"]])  # fmt: skip
    store = Store(tmp_path, dict[str, int], "test")
    assert {path.name for path in tmp_path.iterdir()} == {store.folder.name}
    found = [store.get(n) for n in range(300)]
    assert found == [{"n": n} for n in range(300)]
    assert not list(tmp_path.rglob(".*"))


def test_a_folder_that_is_removed_while_a_result_is_written_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, move, removed = Store(tmp_path, dict[str, int], "test"), os.replace, []

    def losing(source: Path, target: Path) -> None:
        if not removed:
            removed.append(shutil.rmtree(store.folder))
        move(source, target)

    monkeypatch.setattr(os, "replace", losing)
    store.put(7, {"n": 7})
    assert (store.get(7), store.trouble, len(removed)) == ({"n": 7}, "", 1)


def test_nobody_meets_half_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result has its name when it is whole: it takes the name last."""
    store, seen, take = Store(tmp_path, dict[str, int], "test"), [], os.replace

    def taken(source: Path, target: Path) -> None:
        seen.append((store.path(7).exists(), msgspec.msgpack.decode(source.read_bytes())))
        take(source, target)

    monkeypatch.setattr(os, "replace", taken)
    store.put(7, {"n": 7})
    assert seen == [(False, {"n": 7})]
    assert (store.get(7), store.trouble) == ({"n": 7}, "")


def begun(place: Path, *command: str, done: int, jobs: int) -> Store[dict[str, int]]:
    store = Store(place, dict[str, int], command)
    store.begin(command, jobs)
    for n in range(done):
        store.put(n, {"n": n})
    store.progress(done)
    return store


def test_runs_are_listed_and_pruned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finished run's results go, an unfinished one's stay until it is forgotten; those of other sources go."""
    finished, unfinished = (
        begun(tmp_path, "verify", "--seed", "1", done=3, jobs=3),
        begun(tmp_path, "a", done=2, jobs=5),
    )
    finished.finish(keep=True)
    with monkeypatch.context() as other:
        other.setattr(stores, "contents", lambda: "other")
        older = begun(tmp_path, "verify", "--seed", "2", done=1, jobs=9)
    monkeypatch.setenv("METAGAP_STORE", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    listed = runner.invoke(app, ["runs"])
    assert listed.exit_code == 0 and listed.stdout.endswith("3 runs, 1 unfinished\n"), listed.output
    for words in ("finished 3 of 3", "unfinished 2 of 5", "other sources 1 of 9", "metagap verify --seed 2"):
        assert words in " ".join(listed.stdout.split())
    assert runner.invoke(app, ["runs", "--prune"]).stdout == "2 folders of results were removed\n"
    assert not finished.folder.exists() and not older.folder.exists() and unfinished.get(1) == {"n": 1}
    ((path, run),) = kept_runs(tmp_path)
    assert path.name == f"run-{run.identifier}.json" and (run.done, run.jobs, run.finished) == (2, 5, "")
    assert runner.invoke(app, ["runs", run.identifier, "--prune"]).stdout == "1 folders of results were removed\n"
    assert not tmp_path.exists() or not list(tmp_path.iterdir())


def test_a_run_that_is_done_removes_no_other_runs_results(tmp_path: Path) -> None:
    first, second = (Store(tmp_path / "s", dict[str, int], "same") for _ in range(2))
    first.begin(["verify", "--seed", "0"], 1)
    second.begin(["verify", "--seed", "1"], 2)
    first.put(0, {})
    second.put(1, {})
    first.finish(keep=False)
    assert second.get(1) == {}
    second.finish(keep=False)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["0000"], "RUN='0000': a run in"),
        (["--resume"], "--resume: one unfinished RUN of these sources is required (there is none)"),
        (["--resume", "--prune"], "--resume: no --prune beside it is required"),
        (["--store", "file"], "--store='file': Not a directory"),
    ],
)
def test_what_no_run_is_asked_for_is_one_line(
    given: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    ended = runner.invoke(app, ["runs", *given])
    assert (ended.exit_code, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1)
    assert said in ended.stderr and {path.name for path in tmp_path.iterdir()} == {"file"}


@pytest.mark.ci
def test_a_run_in_a_shared_store_is_resumed_from_anywhere_and_serves_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("METAGAP_STORE", "kept")
    verify = ["verify", "--no-real", "--claim", "meta-rl-smooth-network-identity", "--workers", "0"]
    assert runner.invoke(app, [*verify, "--max-time", "0", "--out", "first"]).exit_code == 3
    ((_, run),) = kept_runs(tmp_path / "kept")
    assert run.done == 1 < run.jobs
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("METAGAP_STORE", "../kept")
    resumed = runner.invoke(app, ["runs", run.identifier, "--resume", "--workers", "0"])
    assert resumed.exit_code == 0, resumed.output
    assert '"status": "complete"' in (tmp_path / "first/verify.json").read_text()
    again = runner.invoke(app, [*verify, "--max-time", "0", "--out", "second"])
    assert again.exit_code == 0, again.output
    assert [r.state for _, r in kept_runs(tmp_path / "kept")] == ["finished", "finished"]
    records = [(tmp_path / place / "verify.json").read_text() for place in ("first", "elsewhere/second")]
    same = [[line for line in text.splitlines() if '"seconds"' not in line and '"started"' not in line]
            for text in records]  # fmt: skip
    assert same[0] == same[1]
