"""Jobs on several processes, here or on a cluster: what is finished is kept, whatever becomes of the others.

A job is plain data, and its result a pure function of it: who works, in which order and how often says nothing of what
is found. A process that dies takes with it the jobs in hand alone, which are given to others once more.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import ParamSpec, TypeVar

from ..impl.bracket import DefectError
from ..impl.extras import require
from ..impl.files import BadInputError
from .processes import TICK, deferred, processes

Job = TypeVar("Job", bound=Hashable)
Found = TypeVar("Found")
Given = ParamSpec("Given")


@dataclass(frozen=True)
class Lost:
    """Why a job has no result."""

    why: str


class Here(Executor):
    """Does the work in this process, when it is given. Ctrl-C is raised where the work is."""

    def submit(self, work: Callable[Given, Found], /, *args: Given.args, **kwargs: Given.kwargs) -> Future[Found]:
        """A future that is done."""
        future: Future[Found] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass(frozen=True)
class Workers:
    """Who works: `count` processes of this machine, 0 being this process; or a Dask cluster, by its scheduler's address
    or as local:N."""

    count: int
    cluster: str | None = None

    @property
    def here(self) -> bool:
        """Whether it is this process."""
        return self.cluster is None and self.count == 0

    @property
    def window(self) -> int:
        """How many jobs they are given at a time: some to wait, so that nobody does; a scheduler takes more."""
        return max(2 * self.count, 1) if self.cluster is None else 4_000

    def start(self) -> AbstractContextManager[Executor]:
        """They, until the block ends. Errors: OSError; MissingExtraError."""
        if self.here:
            return Here()
        return processes(self.count) if self.cluster is None else dask(self.cluster)


@contextmanager
def dask(cluster: str) -> Iterator[Executor]:
    """The workers of a Dask cluster: one process per core, as a long call of C holds its process's lock.

    Errors: MissingExtraError; OSError where no scheduler answers.
    """
    require("distributed", "cluster", "work on a Dask cluster")
    from dask import config
    from distributed import Client, LocalCluster

    # Nobody is given up who holds the interpreter for long, nor a connection that nobody reads meanwhile.
    patient = {"distributed.scheduler.worker-ttl": None, "distributed.comm.timeouts.tcp": "1h"}
    patient["distributed.comm.timeouts.connect"] = "10s"
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what it says, we say in a line
    with config.set(patient):
        local = cluster.removeprefix("local:")
        with ExitStack() as open_ones:
            place: object = cluster
            if local != cluster:
                ours = LocalCluster(
                    n_workers=int(local), threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs="CRITICAL"
                )
                place = open_ones.enter_context(ours)
            client = open_ones.enter_context(Client(place, set_as_default=False))
            yield client.get_executor(pure=False, retries=0)


STARTS = 3
"""How often in a row workers are started that die before they did anything, or that do not answer any more."""


@contextmanager
def _pool(workers: Workers, tries: int) -> Iterator[Executor]:
    """The workers, started anew. Errors: OSError where they cannot be."""
    with ExitStack() as open_ones:
        for left in reversed(range(tries)):
            try:
                pool = open_ones.enter_context(workers.start())
                break
            except OSError:
                if not left:
                    raise
        yield pool


def carried_out(
    work: Callable[[Job], Found], jobs: Iterable[Job], workers: Workers, late: Callable[[], bool] = lambda: False
) -> Iterator[tuple[Job, Found | Lost]]:
    """Every job with its result, as they come; none more once it is `late`.

    A job that fails is tried once more. Of jobs that were in hand when a process died, one is to blame: each is tried
    again alone, when the others are done; a scheduler that went away blames none. Ctrl-C raises KeyboardInterrupt
    between two results (in this process: at once). What a result costs here does not depend on how many jobs there
    are, nor on how many are in hand.
    Errors: DefectError; BadInputError of a user's own file; OSError where no worker can be started, or none any more.
    """
    waiting, alone, failed, starts = deque(jobs), deque[Job](), set[Job](), 0
    tries, hand = 1, 0 if workers.cluster else workers.count
    with nullcontext(lambda: None) if workers.here else deferred() as listen:
        while waiting or alone:
            with _pool(workers, tries) as pool:
                tries, left = STARTS, (len(waiting), len(alone))
                pending: dict[Future[Found], Job] = {}
                ended: SimpleQueue[Future[Found]] = SimpleQueue()
                whole = True
                while whole and (waiting or alone or pending):
                    try:
                        while (waiting and len(pending) < workers.window) or (alone and not pending):
                            source = waiting or alone
                            future = pool.submit(work, source[0])
                            pending[future] = source[0]
                            future.add_done_callback(ended.put)
                            if waiting:
                                waiting.popleft()
                    except (BrokenExecutor, RuntimeError):  # a pool that is closed takes no work
                        whole = False
                        wait(pending, TICK)
                    listen()
                    for future in _arrived(ended):
                        try:
                            found: Found | Lost = future.result()
                        except (BrokenExecutor, CancelledError):
                            whole = False
                            continue
                        except (DefectError, BadInputError):
                            raise
                        except Exception as error:
                            found = Lost(f"{type(error).__name__}: {error}".strip(": "))
                        job = pending.pop(future)
                        if isinstance(found, Lost) and job not in failed:
                            failed.add(job)
                            waiting.append(job)
                            continue
                        if job in alone:
                            alone.remove(job)
                        yield job, found
                    if late():
                        return
                held = list(pending.values())
                if len(held) == 1 and held[0] in alone:
                    alone.remove(held[0])
                    yield held[0], Lost("its process died twice: it was killed, or there was no memory")
                    continue
                # The first that were given were in hand; the others waited in the queue of the pool.
                alone.extend(job for job in held[:hand] if job not in alone)
                waiting.extendleft(job for job in reversed(held[hand:]) if job not in alone)
                starts = starts + 1 if (len(waiting), len(alone)) == left else 0
                if starts == STARTS:
                    raise OSError(f"{STARTS} times, workers died before they did anything")


def _arrived(ended: SimpleQueue[Future[Found]]) -> Iterator[Future[Found]]:
    """The futures that are done: the first within a tick, and those that came with it."""
    with suppress(Empty):
        yield ended.get(timeout=TICK)
        while True:
            yield ended.get_nowait()
