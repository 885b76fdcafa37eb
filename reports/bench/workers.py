"""Benchmarks of the workers: what two of each kind do beside each other, what a job costs besides its work, and what
the store takes.

The same real jobs go to two local processes and to two Dask workers in turn, in wall time, as both are waited for:
trust the ratio, on a machine that does nothing else. A job's cost is that of jobs that do nothing, in the same loop.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from ...impl.families import META_SL
from ..executing import Workers, carried_out
from ..jobs import Job, run_job
from ..store import Store
from ..tally import Outcome
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


def nothing(number: int) -> int:
    """An empty job."""
    return number


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
    seconds = seconds_of(nothing, range(count), workers, time.process_time)
    kind = workers.cluster or f"{workers.count} local processes" if workers.count else "this process"
    return Note(f"empty job, {kind}", 1e6 * seconds / count, f"microseconds of processor time, of {count:,}")


def compare(seconds: float, large: bool, tell: Callable[[str], None] = lambda message: None) -> list[Note]:
    """Jobs per second of each kind of workers, their ratio, a job's cost, and the store's. `large`: a million empty
    jobs here and a hundred thousand results, in place of a hundredth."""
    tell("workers: a million empty jobs" if large else "workers: empty jobs")
    count = 1_000_000 if large else 10_000
    rows = [overhead(Workers(0), count)]
    work = partial(run_job, names=tuple(claim.name for claim in META_SL.claims))
    with ExitStack() as open_ones:
        kinds = {"2 local processes": Workers(2)}
        if installed("distributed"):
            kinds["2 Dask workers"] = Workers(2, "local:2")
        ready = {
            name: Ready(workers.count, workers.cluster, open_ones.enter_context(workers.start()))
            for name, workers in kinds.items()
        }
        for name, workers in ready.items():
            tell(f"workers: warming up {name}")
            seconds_of(work, _jobs(0, 8), workers, time.perf_counter)
            rows.append(overhead(workers, 2000))
        once = seconds_of(work, _jobs(1, 8), ready["2 local processes"], time.perf_counter) / 8
        size = max(int(seconds / once), 8)
        rates: dict[str, list[float]] = {name: [] for name in ready}
        for round_ in range(ROUNDS):
            for name, workers in list(ready.items())[:: 1 if round_ % 2 else -1]:
                tell(f"workers: round {round_ + 1} of {ROUNDS}, {name}")
                rates[name].append(size / seconds_of(work, _jobs(2 + round_, size), workers, time.perf_counter))
    rows += [Note(name, statistics.median(found), f"jobs per second, of {size} in {ROUNDS} rounds")
             for name, found in rates.items()]  # fmt: skip
    if len(rates) == 2:
        local, dask = rates.values()
        ratios = sorted(b / a for a, b in zip(local, dask, strict=True))
        spread = f"median of the rounds, {ratios[0]:.3f} to {ratios[-1]:.3f}"
        rows.append(Note("Dask over local", statistics.median(ratios), spread))
    return rows + _stored(work(_jobs(0, 1)[0]), count // 10, tell)


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
