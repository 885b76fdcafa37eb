"""Nothing that is finished is lost: dead workers, failing jobs, killed parents, full disks; and who works says nothing
of what is found."""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import psutil
import pytest
from metagap.impl.judge import ClaimJudgement, Enclosure
from metagap.reports import executing
from metagap.reports.executing import Lost, Workers, carried_out
from metagap.reports.jobs import PROFILES, Job, run_job
from metagap.reports.processes import THREADS, EndedError, apart
from metagap.reports.records import dumps
from metagap.reports.tally import Kept, Outcome, Tally
from metagap.reports.verify import Run
from metagap.theory.claim import Verdict
from metagap.theory.meta_sl import CLAIMS

NAMES = tuple(claim.name for claim in CLAIMS)
FEW = (Job("meta-sl", "squared", "squared", 0, 0, 2), Job("meta-sl", "arbitrary", "log-cosh", 0, 0, 2))


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers import this module by its name."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parent.parent)


@dataclass(frozen=True)
class Task:
    """A number to square, and what happens the first times that it is tried."""

    number: int
    fault: str = ""
    times: int = 0


def squared(task: Task, folder: Path) -> int:
    """A job for the workers; a file per attempt."""
    attempts = len(list(folder.glob(f"{task.number}-*")))
    (folder / f"{task.number}-{attempts}").touch()
    if attempts < task.times:
        if task.fault == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise MemoryError if task.fault == "memory" else OSError(24, "Too many open files")
    return task.number**2


def done(tasks: list[Task], folder: Path, workers: Workers) -> dict[int, int | Lost]:
    return {task.number: found for task, found in carried_out(partial(squared, folder=folder), tasks, workers)}


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("fault", ["memory", "killed", "files"])
def test_a_fault_costs_no_more_than_its_job(fault: str, tmp_path: Path) -> None:
    tasks = [Task(n) for n in range(8)]
    tasks[2], tasks[5] = Task(2, fault, 1), Task(5, fault, 9)
    found = done(tasks, tmp_path, Workers(2))
    lost = found.pop(5)
    assert isinstance(lost, Lost)
    assert {"killed": "died twice", "memory": "MemoryError", "files": "Too many open files"}[fault] in lost.why
    assert {n: v for n, v in found.items() if not isinstance(v, Lost)} == found
    assert found == {n: n * n for n in range(8) if n != 5}


@pytest.mark.ci
def test_a_dead_worker_takes_only_what_was_in_hand(tmp_path: Path) -> None:
    """Jobs in the queue of a pool that breaks have not been tried: nothing counts against them."""
    tasks = [Task(0, "killed", 1), Task(1, "killed", 1), *(Task(n) for n in range(2, 12))]
    assert done(tasks, tmp_path, Workers(1)) == {n: n * n for n in range(12)}


@dataclass(frozen=True)
class Trouble(Workers):
    """Workers that are this process, but for what happens the first times that they are started."""

    troubles: tuple[str, ...] = ()
    starts: tuple[list[None], ...] = ()

    def start(self) -> AbstractContextManager[Executor]:
        self.starts[0].append(None)
        number = len(self.starts[0]) - 1
        trouble = self.troubles[number] if number < len(self.troubles) else ""
        if trouble == "no answer":
            raise OSError("no answer")
        return Gone(trouble) if trouble else executing.Here()


@dataclass
class Gone(Executor):
    """A pool that goes away: what was given is cancelled, or nothing can be given."""

    trouble: str

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.trouble == "cancelled":
            future = Future[Any]()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future
        raise BrokenExecutor if self.trouble == "broken" else RuntimeError("cannot schedule new futures")


@pytest.mark.parametrize(
    "troubles", [("cancelled",), ("broken", "broken"), ("closed",), ("cancelled", "no answer", "no answer")], ids=str
)
def test_workers_that_go_away_lose_no_job(troubles: tuple[str, ...]) -> None:
    """They are started again; no job is to blame."""
    starts: list[None] = []
    found = dict(carried_out(abs, range(-20, 0), Trouble(2, "tcp://elsewhere:1", troubles, (starts,))))
    assert found == {-n: n for n in range(1, 21)}
    assert len(starts) == len(troubles) + 1


@pytest.mark.parametrize(
    "troubles", [("no answer",), ("cancelled", *["no answer"] * 3), ("broken",) * 3, ("cancelled",) * 3], ids=str
)
def test_workers_that_do_not_come_back_are_not_waited_for(troubles: tuple[str, ...]) -> None:
    starts: list[None] = []
    with pytest.raises(OSError, match=r"no answer|died before they did anything"):
        list(carried_out(abs, [-1], Trouble(2, "tcp://elsewhere:1", troubles, (starts,))))
    assert len(starts) == len(troubles)


@dataclass(frozen=True)
class Elsewhere(Workers):
    """A cluster that is this process; a piece of work with a job of `fatal` in it fails as a whole."""

    fatal: frozenset[int] = frozenset()
    pieces: tuple[list[list[int]], ...] = ()

    def start(self) -> AbstractContextManager[Executor]:
        return Once(self)


@dataclass
class Once(Executor):
    workers: Elsewhere

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.workers.pieces[0].append(list(args[1]))
        if self.workers.fatal & {*args[1]}:
            future = Future[Any]()
            future.set_exception(RuntimeError("killed worker"))
            return future
        return executing.Here().submit(work, *args)


def test_jobs_go_to_a_cluster_in_pieces_of_which_only_a_bad_job_is_lost() -> None:
    """A piece that kills its workers is tried job by job; every other job has its result once."""
    pieces: list[list[int]] = []
    ended = list(
        carried_out(abs, range(-300, 0), Elsewhere(2, "tcp://elsewhere:1", fatal=frozenset({-80}), pieces=(pieces,)))
    )
    found = dict(ended)
    assert isinstance(lost := found.pop(-80), Lost) and "killed worker" in lost.why
    assert found == {-n: n for n in range(1, 301) if n != 80}
    assert len(ended) == 300
    assert len(pieces) < 150 and max(map(len, pieces)) > 10
    (bad,) = (piece for piece in pieces if -80 in piece and len(piece) > 1)
    assert all([job] in pieces for job in bad) and pieces.count([-80]) == 2


def test_a_piece_that_takes_long_gives_back_what_it_did_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who had a job in hand twice does it once."""
    monkeypatch.setattr(executing, "PIECE", 0.02)
    pieces: list[list[float]] = []
    jobs = [0.0] * 40 + [0.015] * 40
    done: list[int] = []

    def work(job: int) -> int:
        done.append(job)
        time.sleep(jobs[job])
        return job

    found = list(carried_out(work, range(80), Elsewhere(1, "tcp://elsewhere:1", pieces=(pieces,))))  # type: ignore[arg-type]
    assert sorted(found) == [(job, job) for job in range(80)] and sorted(done) == list(range(80))
    assert sum(map(len, pieces)) > 80


@pytest.mark.ci
def test_a_cluster_without_workers_is_said_to_have_none_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes in time is given the work."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(executing, "ASKED", 0.5)
    monkeypatch.setattr(executing, "WAIT", 2.0)
    told: list[str] = []
    with distributed.LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address=None) as cluster:
        workers = Workers(0, cluster.scheduler_address, tell=told.append)
        end = time.monotonic() + 30
        with pytest.raises(OSError, match="has had 0 workers for 2 s"):
            list(carried_out(abs, [-1], workers, lambda: time.monotonic() > end))
        assert told == [f"the scheduler at {cluster.scheduler_address} has 0 workers; waiting 2 s for one"]
        monkeypatch.setattr(executing, "WAIT", 60.0)
        Thread(target=lambda: (time.sleep(1.5), cluster.scale(1)), daemon=True).start()
        assert list(carried_out(abs, [-1], workers)) == [(-1, 1)]
        assert len(told) == 2


def test_what_a_result_costs_does_not_depend_on_how_many_there_are() -> None:
    """As many futures in hand as a scheduler takes: no result looks at the others."""

    def seconds(count: int) -> float:
        begin = time.process_time()
        assert sum(1 for _ in carried_out(abs, range(count), Patient(1, "local:1"))) == count
        return (time.process_time() - begin) / count

    small = min(seconds(100) for _ in range(5))
    assert min(seconds(2_000) for _ in range(2)) < 4 * small


class Patient(Workers):
    """Workers that have everything in hand before they are done with anything."""

    def window(self, seen: int) -> int:
        return 4_000

    def start(self) -> AbstractContextManager[Executor]:
        return Late()


class Late(Executor):
    def __init__(self) -> None:
        self.given: SimpleQueue[Any] = SimpleQueue()
        Thread(target=self.works, daemon=True).start()

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = Future[Any]()
        self.given.put((future, work, args))
        return future

    def works(self) -> None:
        time.sleep(0.3)
        while (given := self.given.get()) is not None:
            future, work, args = given
            future.set_result(work(*args))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.given.put(None)


def holds(seconds: int, folder: Path) -> int:
    """A call of C that does not let go of the interpreter, as flint's and cvxpy's may; a file per attempt."""
    (folder / str(time.monotonic_ns())).touch()
    ctypes.PyDLL(None).sleep(seconds)
    return seconds


@pytest.mark.ci
@pytest.mark.parametrize("workers", [Workers(1), Workers(1, "local:1")], ids=["local", "dask"])
def test_a_job_that_holds_the_interpreter_is_waited_for(workers: Workers, tmp_path: Path, effort: int) -> None:
    """Six seconds, in the profile deep two minutes, with a scheduler that would give up a silent worker after two."""

    def late() -> bool:
        """Whoever gives up its worker tries again, or waits for another one for ever."""
        tries = [path.stat().st_mtime for path in tmp_path.iterdir()]
        return len(tries) > 1 or time.time() - min(tries, default=time.time()) > 30 + 12 * effort

    import distributed  # noqa: F401  (its defaults, before ours)
    from dask import config

    with config.set({"distributed.scheduler.worker-ttl": "2s"}):
        found = list(carried_out(partial(holds, folder=tmp_path), [6 * effort], workers, late))
    assert found == [(6 * effort, 6 * effort)]
    assert len(list(tmp_path.iterdir())) == 1


def dies(tell: Any) -> int:
    tell("dying")
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def forgets(tell: Any) -> int:
    tell("remembering")
    raise MemoryError


@pytest.mark.parametrize(
    ("work", "why"), [(dies, "its process was killed, or there was no memory"), (forgets, "there was no memory")]
)
def test_work_apart_that_dies_is_said_to_have(work: Any, why: str) -> None:
    told: list[str] = []
    with pytest.raises(EndedError) as error:
        apart(work, (), told.append)
    assert error.value.why(1.0) == why
    assert not error.value.interrupted
    assert {"dying", "remembering"} & set(told)


def outcomes(jobs: tuple[Job, ...] = FEW) -> list[Outcome]:
    return [run_job(job, NAMES) for job in jobs]


def record_of(order: list[tuple[Job, Outcome]]) -> dict[str, Any]:
    run = Run(PROFILES["quick"], 0, CLAIMS, "metagap verify")
    for job, outcome in order:
        run._take(job, outcome, lambda name, count: None)
    return timeless(json.loads(dumps(run.record())))


def timeless(value: Any) -> Any:
    """A record without when and how long."""
    if isinstance(value, dict):
        return {name: timeless(v) for name, v in value.items() if name not in ("seconds", "started")}
    return [timeless(v) for v in value] if isinstance(value, list) else value


def test_the_record_does_not_depend_on_the_order_of_the_results() -> None:
    jobs = (*FEW, Job("meta-sl", "tangent", "pseudo-huber", 0, 0, 2))
    forwards = record_of(list(zip(jobs, outcomes(jobs), strict=True)))
    backwards = record_of(list(zip(jobs, outcomes(jobs), strict=True))[::-1])
    assert forwards == backwards


def test_sums_of_tallies_are_the_same_in_any_order() -> None:
    """Also of instances that are worth the same."""
    judged = ClaimJudgement("c", Verdict.VIOLATED, Enclosure(2.0, 2.0), Enclosure(1.0, 1.0), {}, {}, 2.0, "", None)
    proved = replace(judged, verdict=Verdict.PROVED, ratio=0.5)
    opened = replace(judged, verdict=Verdict.UNDECIDED, ratio=None)

    def of(name: str) -> Tally:
        tally = Tally()
        for one in (judged, proved, opened):
            tally.add(one, lambda one=one: Kept(one, "", name, 1, ""), real=False)  # type: ignore[misc]
        return tally

    def total(names: Iterable[str]) -> Tally:
        found = Tally()
        for name in names:
            found.merge(of(name))
        return found

    assert all(total(names) == total("abcd") for names in itertools.permutations("abcd"))
    assert [kept.sha256 for kept in total("dcba").undecided] == ["a", "b", "c"]


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
def test_a_place_that_is_no_cluster_is_one_line(given: str, tmp_path: Path) -> None:
    ended = subprocess.run([*COMMAND, "--cluster", given], cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1)
    assert f"--cluster={given!r}" in ended.stderr
    assert not (tmp_path / "r").exists()


def test_processes_that_share_work_have_one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the environment says otherwise; ours is as before."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with Workers(1).start() as pool:
        found = [pool.submit(os.getenv, name).result() for name in THREADS]
    assert found[:2] == ["1", "2"]
    assert "OMP_NUM_THREADS" not in os.environ
