"""Jobs on several processes, here or on a cluster: what is finished is kept, whatever becomes of the others.

A job is plain data, and its result a pure function of it: who works, in which order and how often says nothing of what
is found. A process that dies takes with it the jobs in hand alone, which are given to others once more.
"""

from __future__ import annotations

import logging
import os
import platform
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from itertools import islice, takewhile
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

from ..impl.bracket import DefectError
from ..impl.extras import require
from ..impl.files import BadInputError
from .processes import TICK, deferred, processes, settle

if TYPE_CHECKING:
    from distributed import Client

Job = TypeVar("Job", bound=Hashable)
Found = TypeVar("Found")
Given = ParamSpec("Given")


@dataclass(frozen=True)
class Lost:
    """Why a job has no result."""

    why: str


PIECE = 3.0
"""Seconds of work that a cluster's worker is given at a time: short jobs go in pieces, as each costs the scheduler."""

ASKED, WAIT = 5.0, 60.0
"""Seconds without a result until a cluster is asked whether it has workers, and for how long it may have none."""


@dataclass(frozen=True)
class Piece(Generic[Found]):
    """What became of the first jobs of a piece of work, who did them, and in how many seconds."""

    found: list[Found | Lost]
    worker: str
    seconds: float


def several(work: Callable[[Job], Found], jobs: Sequence[Job]) -> Piece[Found]:
    """The jobs in turn, none begun once the piece is long enough. Errors: DefectError; BadInputError of a
    user's own file."""
    begin, found = time.monotonic(), list[Found | Lost]()
    for job in jobs:
        if found and time.monotonic() - begin > PIECE:
            break
        try:
            found.append(work(job))
        except (DefectError, BadInputError):
            raise
        except Exception as error:
            found.append(_lost(error))
    settle()
    return Piece(found, f"{platform.node()} {os.getpid()}", time.monotonic() - begin)


def _lost(error: Exception) -> Lost:
    return Lost(f"{type(error).__name__}: {error}".strip(": "))


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
    or as local:N. What people should know of them is told in a line."""

    count: int
    cluster: str | None = None
    tell: Callable[[str], None] = field(default=lambda line: None, compare=False, kw_only=True)

    @property
    def here(self) -> bool:
        """Whether it is this process."""
        return self.cluster is None and self.count == 0

    def window(self, seen: int) -> int:
        """How many pieces of work they are given at a time, some to wait, so that nobody does. Of a cluster those count
        that were `seen` to work, and it may have more."""
        return max(2 * self.count, 1) if self.cluster is None else 2 * seen + 4

    def start(self) -> AbstractContextManager[Executor]:
        """They, until the block ends. Errors: OSError; MissingExtraError."""
        if self.here:
            return Here()
        return processes(self.count, single=True) if self.cluster is None else dask(self.cluster, self.tell)


@dataclass
class Cluster(Executor):
    """The workers of a Dask cluster."""

    client: Client
    place: str
    tell: Callable[[str], None]
    _asked: float = field(default_factory=time.monotonic)
    _empty: float | None = None
    """Since when it is known to have no workers."""

    def __post_init__(self) -> None:
        self._pool = self.client.get_executor(pure=False, retries=0)

    def submit(self, work: Callable[Given, Found], /, *args: Given.args, **kwargs: Given.kwargs) -> Future[Found]:
        """Errors: RuntimeError once it is closed."""
        future: Future[Found] = self._pool.submit(work, *args, **kwargs)
        return future

    def watch(self, arrived: bool) -> None:
        """Told at every tick whether results came: without any for a while, it asks whether there are workers.

        Errors: OSError once there have been none for too long.
        """
        now = time.monotonic()
        if arrived:
            self._asked, self._empty = now, None
        elif now - self._asked > ASKED:
            self._asked = now
            with suppress(OSError):  # a scheduler that does not answer has nothing to say of its workers
                if self.client.sync(self.client.scheduler.ncores, callback_timeout=ASKED):
                    self._empty = None
                elif self._empty is None:
                    self._empty = now
                    self.tell(f"the scheduler at {self.place} has 0 workers; waiting {WAIT:g} s for one")
        if self._empty is not None and now - self._empty > WAIT:
            raise OSError(f"the scheduler has had 0 workers for {WAIT:g} s: start some (dask worker {self.place})")


@contextmanager
def dask(cluster: str, tell: Callable[[str], None] = lambda line: None) -> Iterator[Cluster]:
    """The workers of a Dask cluster: one process per core, as a long call of C holds its process's lock.

    Errors: MissingExtraError; OSError where no scheduler answers.
    """
    require("distributed", "cluster", "work on a Dask cluster")
    from dask import config
    from distributed import Client, LocalCluster

    # Nobody is given up who holds the interpreter for long, nor a connection that nobody reads meanwhile.
    settings: dict[str, object] = {"distributed.scheduler.worker-ttl": None, "distributed.comm.timeouts.tcp": "1h"}
    settings["distributed.comm.timeouts.connect"] = "10s"
    # Nobody looks at what workers would measure of themselves a hundred times a second (dask/distributed#5000).
    settings |= {"distributed.worker.profile.enabled": False, "distributed.admin.tick.interval": "1s"}
    settings |= {"distributed.worker.memory.monitor-interval": "1s", "distributed.admin.system-monitor.interval": "5s"}
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what it says, we say in a line
    with config.set(settings):
        local = cluster.removeprefix("local:")
        with ExitStack() as open_ones:
            place: object = cluster
            if local != cluster:
                ours = LocalCluster(
                    n_workers=int(local), threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs="CRITICAL"
                )
                place = open_ones.enter_context(ours)
            yield Cluster(open_ones.enter_context(Client(place, set_as_default=False)), cluster, tell)


@dataclass
class _Pace(Generic[Found]):
    """How many jobs make a piece of work for these workers, by what the last ones took."""

    workers: Workers
    _seen: set[str] = field(default_factory=set)
    _last: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=32))

    @property
    def window(self) -> int:
        """How many pieces they are given at a time."""
        return self.workers.window(len(self._seen))

    def note(self, piece: Piece[Found]) -> None:
        """A piece is done."""
        self._seen.add(piece.worker)
        self._last.append((piece.seconds, len(piece.found)))

    def jobs(self, waiting: int) -> int:
        """As many as are done in time; fewer when few are left, so that all workers end together."""
        if self.workers.cluster is None or not self._last:
            return 1
        seconds, count = map(sum, zip(*self._last, strict=True))
        return max(1, min(int(PIECE * count / max(seconds, 1e-9)), waiting // self.window))


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
    single = set[Job]()  # of a piece that failed as a whole, one may be to blame
    tries, hand, pace = 1, 0 if workers.cluster else workers.count, _Pace[Found](workers)
    with nullcontext(lambda: None) if workers.here else deferred() as listen:
        while waiting or alone:
            with _pool(workers, tries) as pool:
                tries, left = STARTS, (len(waiting), len(alone))
                pending: dict[Future[Piece[Found]], list[Job]] = {}
                ended: SimpleQueue[Future[Piece[Found]]] = SimpleQueue()
                whole = True
                while whole and (waiting or alone or pending):
                    try:
                        while (waiting and len(pending) < pace.window) or (alone and not pending):
                            given = _next(waiting, single, pace.jobs(len(waiting))) if waiting else [alone[0]]
                            future = pool.submit(several, work, given)
                            pending[future] = given
                            future.add_done_callback(ended.put)
                            for _ in given if waiting else ():
                                waiting.popleft()
                    except (BrokenExecutor, RuntimeError):  # a pool that is closed takes no work
                        whole = False
                        wait(pending, TICK)
                    listen()
                    arrived = list(_arrived(ended))
                    for future in arrived:
                        try:
                            piece = future.result()
                            pace.note(piece)
                            found = piece.found
                        except (BrokenExecutor, CancelledError):
                            whole = False
                            continue
                        except (DefectError, BadInputError):
                            raise
                        except Exception as error:
                            found = [_lost(error)] if len(pending[future]) == 1 else []
                        given = pending.pop(future)
                        if not found:
                            single.update(given)
                        waiting.extendleft(reversed(given[len(found) :]))
                        for job, one in zip(given, found, strict=False):
                            if isinstance(one, Lost) and job not in failed:
                                failed.add(job)
                                waiting.append(job)
                                continue
                            if job in alone:
                                alone.remove(job)
                            yield job, one
                    if late():
                        return
                    if isinstance(pool, Cluster):
                        pool.watch(bool(arrived))
                held = [job for given in pending.values() for job in given]
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


def _next(waiting: deque[Job], single: set[Job], most: int) -> list[Job]:
    """The jobs of the next piece: the first that wait."""
    return list(takewhile(lambda job: job not in single, islice(waiting, most))) or [waiting[0]]


def _arrived(ended: SimpleQueue[Future[Found]]) -> Iterator[Future[Found]]:
    """The futures that are done: the first within a tick, and those that came with it."""
    with suppress(Empty):
        yield ended.get(timeout=TICK)
        while True:
            yield ended.get_nowait()
