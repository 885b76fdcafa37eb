"""Benchmarks of the workers: what two of each kind do beside each other, what a job costs besides its work, what the
store takes, and how much memory a run has at its peak.

The same real jobs go to two local processes and to two Dask workers in turn, nobody else being there. Wall time says
what both do on a machine that does nothing else; on a busy one, trust the processor time of all their processes, the
scheduler's too, which is all that two cores have. A job's cost is that of jobs that do nothing, in the same loop.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from ...impl.families import META_SL
from ..executing import Workers, carried_out
from ..jobs import PROFILES, Job, run_job
from ..processes import apart
from ..store import Store
from ..tally import Outcome
from ..verify import Run
from .own_tasks import peak
from .rows import Note, installed

ROUNDS = 5


@dataclass(frozen=True)
class Ready(Workers):
    """Workers that are there already."""

    pool: Executor | None = None

    def start(self) -> AbstractContextManager[Executor]:
        """They."""
        assert self.pool is not None
        return nullcontext(self.pool)


def seconds_of(
    work: Callable[..., object], jobs: Sequence[object], workers: Workers, clock: Callable[[], float]
) -> float:
    """Seconds until all jobs are done."""
    begin = clock()
    done = sum(1 for _ in carried_out(work, jobs, workers))
    assert done == len(jobs)
    return clock() - begin


def overhead(workers: Workers, count: int) -> Note:
    """What an empty job costs this process, and the scheduler of a cluster on it."""
    seconds = seconds_of(int, range(count), workers, time.process_time)
    kind = workers.cluster or f"{workers.count} local processes" if workers.count else "this process"
    return Note(f"empty job, {kind}", 1e6 * seconds / count, f"microseconds of processor time, of {count:,}")


def compare(seconds: float, large: bool, tell: Callable[[str], None] = lambda message: None) -> list[Note]:
    """Jobs per second of each kind of workers, their ratio, a job's cost, and the store's. `large`: a million empty
    jobs here and a hundred thousand results, in place of a hundredth."""
    tell("workers: a million empty jobs" if large else "workers: empty jobs")
    count = 1_000_000 if large else 10_000
    rows = [overhead(Workers(0), count)]
    work = partial(run_job, names=tuple(claim.name for claim in META_SL.claims))
    kinds = {"2 local processes": Ready(2)}
    if installed("distributed"):
        kinds["2 Dask workers"] = Ready(2, "local:2")
    size, took = 0, {name: list[tuple[float, float]]() for name in kinds}
    for round_ in range(ROUNDS):
        for name, kind in list(kinds.items())[:: -1 if round_ % 2 else 1]:
            tell(f"workers: round {round_ + 1} of {ROUNDS}, {name}")
            with Workers(kind.count, kind.cluster).start() as pool:
                workers = replace(kind, pool=pool)
                seconds_of(work, _jobs(0, 8), workers, time.perf_counter)  # warm
                size = size or max(int(8 * seconds / seconds_of(work, _jobs(1, 8), workers, time.perf_counter)), 8)
                if not round_:
                    rows.append(overhead(workers, 2000))
                begin = _processor_time()
                wall = seconds_of(work, _jobs(2 + round_, size), workers, time.perf_counter)
                took[name].append((wall, _processor_time() - begin))
    for name, found in took.items():
        rate = statistics.median(size / wall for wall, _ in found)
        rows.append(Note(name, rate, f"jobs per second, of {size} in {ROUNDS} rounds"))
    if len(took) == 2:
        for index, what in enumerate(("", ", by processor time")):
            ratios = sorted(a[index] / b[index] for a, b in zip(*took.values(), strict=True))
            spread = f"median of the rounds, {ratios[0]:.3f} to {ratios[-1]:.3f}"
            rows.append(Note(f"Dask over local{what}", statistics.median(ratios), spread))
    return rows + _stored(work(_jobs(0, 1)[0]), count // 10, tell) + memory(tell)


def _processor_time() -> float:
    """Seconds that this process and its children have worked."""
    if not installed("psutil"):  # as it is where Dask is
        return time.process_time()
    import psutil

    me = psutil.Process()
    times = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def _jobs(seed: int, count: int) -> list[Job]:
    return [Job(META_SL.name, "arbitrary", "log-cosh", seed, index, 8) for index in range(count)]


def _stored(outcome: Outcome, count: int, tell: Callable[[str], None]) -> list[Note]:
    """What it costs to keep a result, to look for one that is not there, and to read one."""
    with TemporaryDirectory() as place:
        store = Store(Path(place), Outcome, "bench")
        found = []
        for what, each in (
            ("kept", lambda n: store.put(n, outcome)),
            ("looked for in vain", lambda n: store.get(-1 - n)),
            ("read", store.get),
        ):
            tell(f"workers: results {what}")
            begin = time.process_time()
            for n in range(count):
                each(n)
            found.append(
                Note(f"result {what}", 1e6 * (time.process_time() - begin) / count, "microseconds of processor time")
            )
        size = store.path(0).stat().st_size
    return [*found, Note("result", size, f"bytes, of a job of {outcome.generated} instances")]


def memory(tell: Callable[[str], None] = lambda message: None, times: tuple[int, ...] = (1, 4)) -> list[Note]:
    """Megabytes at the peak of runs of more and more instances, after each other in a process of its own."""
    return apart(_held, (times,), tell, math.inf)


def _held(times: tuple[int, ...], tell: Callable[[str], None]) -> list[Note]:
    found = []
    for more in times:
        tell(f"workers: memory of a run, times {more}")
        run = Run(PROFILES["quick"], 0, tuple(claim for claim in META_SL.claims if claim.name == "meta-sl-lifted"), "")
        vars(run)["plan"] = lambda real, count=8 * more: _jobs(0, count)
        run.execute(Workers(0), None, lambda name, count: None)
        note = "megabytes at the peak" if (size := peak()) else "the system does not say"
        found.append(Note(f"memory, {run.generated.total():,} instances", size, note))
    return found
