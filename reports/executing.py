"""Jobs on several processes, here or on a cluster: what is finished is kept, whatever becomes of the others.

A job is plain data, and its result a pure function of it: who works, in which order and how often says nothing of what
is found. A process that dies takes with it the jobs in hand alone, which are given to others once more.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from ..impl.bracket import DefectError
from ..impl.extras import require
from .processes import TICK, deferred, processes
from .records import contents, environment

Job = TypeVar("Job", bound=Hashable)
Found = TypeVar("Found")


@dataclass(frozen=True)
class Lost:
    """Why a job has no result."""

    why: str


@dataclass(frozen=True)
class Workers:
    """Who works: `count` processes of this machine; or a Dask cluster, by its scheduler's address or as local:N."""

    count: int
    cluster: str | None = None

    @property
    def window(self) -> int:
        """How many jobs they are given at a time: some to wait, so that nobody does; a scheduler takes more."""
        return 2 * self.count if self.cluster is None else 10_000

    def start(self) -> AbstractContextManager[Executor]:
        """They, until the block ends. Errors: OSError; MissingExtraError."""
        return processes(self.count) if self.cluster is None else dask(self.cluster)


@contextmanager
def dask(cluster: str) -> Iterator[Executor]:
    """The workers of a Dask cluster: one process per core, as a long call of C holds its process's lock.

    Errors: MissingExtraError; OSError where no scheduler answers.
    """
    require("distributed", "cluster", "work on a Dask cluster")
    from dask import config
    from distributed import Client, LocalCluster

    quiet = {"distributed.scheduler.worker-ttl": None, "distributed.comm.timeouts.connect": "10s"}
    with config.set(quiet):
        local = cluster.removeprefix("local:")
        with ExitStack() as open_ones:
            place: object = cluster
            if local != cluster:
                ours = LocalCluster(
                    n_workers=int(local), threads_per_worker=1, dashboard_address=None, silence_logs="ERROR"
                )
                place = open_ones.enter_context(ours)
            client = open_ones.enter_context(Client(place, set_as_default=False))
            yield client.get_executor(pure=False, retries=0)


def carried_out(
    work: Callable[[Job], Found], jobs: Sequence[Job], workers: Workers, late: Callable[[], bool] = lambda: False
) -> Iterator[tuple[Job, Found | Lost]]:
    """Every job with its result, as they come; none more once it is `late`.

    A job that fails is tried once more. Of jobs that were in hand when a process died, one is to blame: each is tried
    again alone, when the others are done. Ctrl-C raises KeyboardInterrupt between two results.
    Errors: DefectError; OSError where no process can be started.
    """
    waiting, alone, failed = deque(jobs), deque[Job](), set[Job]()
    with deferred() as listen:
        while waiting or alone:
            with workers.start() as pool:
                pending: dict[Future[Found], Job] = {}
                whole = True
                while whole and (waiting or alone or pending):
                    with suppress(BrokenExecutor):
                        while waiting and len(pending) < workers.window:
                            pending[pool.submit(work, waiting[0])] = waiting[0]
                            waiting.popleft()
                        if alone and not pending:
                            pending[pool.submit(work, alone[0])] = alone[0]
                    done, _ = wait(pending, timeout=TICK, return_when=FIRST_COMPLETED)
                    listen()
                    for future in done:
                        try:
                            found: Found | Lost = future.result()
                        except BrokenExecutor:
                            whole = False
                            continue
                        except DefectError:
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
                alone.extend(job for job in held[: workers.count] if job not in alone)
                waiting.extendleft(reversed(held[workers.count :]))


class Store(Generic[Found]):
    """Results in a folder, each in a file named by all that it depends on: the job, the sources and data, the versions.

    What is written is whole (written aside, then moved); two runs in one folder write the same files.
    """

    def __init__(self, folder: Path, kind: type[Found], *given: object) -> None:
        self.folder, self.kind = folder, kind
        fixed = {key: value for key, value in environment().items() if key != "machine"}
        self._given = msgspec.json.encode([fixed, contents(), given], order="sorted")
        self.trouble = ""
        """Why results could not be kept; empty if they could."""

    def path(self, job: object) -> Path:
        """Where the job's result is, or will be."""
        what = msgspec.json.encode([type(job).__name__, job], order="sorted")
        return self.folder / f"{sha256(self._given + what).hexdigest()[:40]}.msgpack"

    def get(self, job: object) -> Found | None:
        """The job's result; None if there is none that is whole."""
        try:
            return msgspec.msgpack.decode(self.path(job).read_bytes(), type=self.kind, dec_hook=_counted)
        except (OSError, msgspec.DecodeError):
            return None

    def put(self, job: object, found: Found) -> None:
        """Keep a result. A folder that cannot be written is `trouble`, and the run goes on."""
        path = self.path(job)
        aside = path.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(msgspec.msgpack.encode(found))
            os.replace(aside, path)
        except OSError as error:
            self.trouble = f"{self.folder}: {error.strerror}"
            with suppress(OSError):
                aside.unlink(missing_ok=True)


def _counted(kind: type, given: dict[str, int]) -> Counter[str]:
    """msgspec knows dicts; a Counter is one."""
    if kind is Counter or getattr(kind, "__origin__", None) is Counter:
        return Counter(given)
    raise TypeError(kind)
