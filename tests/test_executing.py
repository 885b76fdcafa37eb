"""Nothing that is finished is lost: dead workers, failing jobs; and who works says nothing of what is found."""

from __future__ import annotations

import ctypes
import gc
import itertools
import json
import os
import signal
import time
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import pytest
from metagap.impl.judgement import ClaimJudgement, Enclosure
from metagap.reports import executing
from metagap.reports.executing import Lost, Workers, carried_out
from metagap.reports.jobs import PROFILES, Job, run_job
from metagap.reports.processes import THREADS, EndedError, apart, settle
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


@pytest.mark.ci
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


@pytest.mark.ci(every=2)
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


@pytest.mark.ci
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


def test_a_worker_looks_for_no_garbage_among_its_modules() -> None:
    """This process, which others may share, still does."""
    before = gc.get_freeze_count()
    with Workers(1).start() as pool:
        assert pool.submit(gc.get_freeze_count).result() == 0
        pool.submit(settle).result()
        assert pool.submit(gc.get_freeze_count).result() > 1000
    settle()
    assert gc.get_freeze_count() == before


def test_processes_that_share_work_have_one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the environment says otherwise; ours is as before."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with Workers(1).start() as pool:
        found = [pool.submit(os.getenv, name).result() for name in THREADS]
    assert found[:2] == ["1", "2"]
    assert "OMP_NUM_THREADS" not in os.environ
