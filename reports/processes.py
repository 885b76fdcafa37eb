"""Processes that share a run's work, or do one piece of it: Ctrl-C is the parent's, and a work that ends early is not
waited for.
"""

from __future__ import annotations

import gc
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import TypeVar, TypeVarTuple

TICK = 0.2
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""How many threads libraries start; Dask's workers have 1 of each, too."""
GRACE, RETURN = 2.0, 30.0
"""Seconds that a work has, once it was asked to stop, to answer; and then to come back with what it has."""

Tell = Callable[[str], None]
Told = TypeVar("Told")
Found = TypeVar("Found")
Given = TypeVarTuple("Given")


@contextmanager
def processes(
    workers: int, ready: Callable[[*Given], None] | None = None, *given: *Given, single: bool = False
) -> Iterator[ProcessPoolExecutor]:
    """A pool of fresh processes, stopped at the end without waiting for work that nobody will read.

    ready(*given) is called in each before its work. single: BLAS and torch have one thread in each.
    """
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (ready, given))
    try:
        with _born_deaf(), _single_threaded() if single else nullcontext():
            for _ in range(workers):
                pool.submit(_nothing)
        yield pool
    finally:
        running = list((pool._processes or {}).values())
        manager: threading.Thread | None = pool._executor_manager_thread  # type: ignore[assignment]
        pool.shutdown(wait=False, cancel_futures=True)
        for process in running:
            process.kill()
        if manager is not None:
            # Python, ending, would write to a pipe that this thread is closing.
            manager.join(GRACE)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Processes that are started here have one thread, unless the environment says otherwise: where each of many has
    several, these wait for each other, turning, most of the time."""
    unsaid = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unsaid, "1"))
    try:
        yield
    finally:
        for name in unsaid:
            os.environ.pop(name, None)


@contextmanager
def deferred() -> Iterator[Callable[[], None]]:
    """Ctrl-C and SIGTERM wait until the function that is given is called, which raises KeyboardInterrupt then.

    Anywhere else it might leave a future locked, and the program would wait for that lock when it ends.
    """
    heard = 0

    def note(*_: object) -> None:
        nonlocal heard
        heard += 1

    def listen() -> None:
        nonlocal heard
        if heard:
            heard -= 1
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield listen
        return
    before = [(number, signal.signal(number, note)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield listen
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    listen()


@contextmanager
def _born_deaf() -> Iterator[None]:
    """Processes that start here never hear of Ctrl-C, not even before their first line; for us it waits."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(ready: Callable[[*Given], None] | None, given: tuple[*Given]) -> None:
    """Workers leave Ctrl-C and SIGTERM to the parent, and end with it however it ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if ready is not None:
        ready(*given)


_settled = 0
"""How many modules this process had when it last settled."""


def settle() -> None:
    """In a worker whose work loaded modules: they live to its end, and nothing looks for garbage there again."""
    global _settled
    if parent_process() is not None and len(sys.modules) > _settled:
        _settled = len(sys.modules)
        gc.collect()
        gc.freeze()


def _end_with_parent() -> None:
    """A parent that was killed cannot stop its workers."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _nothing() -> None:
    """A process is started for the first work that it gets."""


class EndedError(Exception):
    """A work was ended before it was done, while doing `stage`: by its time limit; by Ctrl-C (`interrupted`); or by
    something that `died` names."""

    def __init__(self, stage: str, interrupted: bool, died: str = "") -> None:
        super().__init__(stage, interrupted, died)
        self.stage, self.interrupted, self.died = stage, interrupted, died

    def why(self, limit: float) -> str:
        """What ended it: the limit in seconds, or what died."""
        return self.died or f"--max-time={limit:g}: out of time"


def apart(
    work: Callable[[*Given, Callable[[Told], None]], Found],
    arguments: tuple[*Given],
    show: Callable[[Told | str], None],
    end: float = math.inf,
) -> Found:
    """work(*arguments, tell) in a process of its own, which ends with its memory at `end` (time.monotonic), whatever it
    is doing then. What the work tells is shown, all that it told before it ended; texts again at every tick.

    Ctrl-C: the next call of `tell` raises KeyboardInterrupt there, and work that has something to return may return it;
    a second one, or no answer, ends it. Errors: EndedError, and those of the work.
    """
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    stop = context.Event()
    stage, asked, asked_at, limit = "starting", False, 0.0, end

    def heard(seconds: float) -> bool:
        nonlocal stage
        if not receiver.poll(seconds):
            return False
        told: Told | str = receiver.recv()
        if isinstance(told, str):
            stage = told
        show(told)
        return True

    try:
        with deferred() as listen, processes(1, _connect, sender, stop) as pool:
            future = pool.submit(_tell_and_work, work, arguments)
            try:
                while not future.done():
                    if not heard(TICK):
                        show(stage)
                    elif asked:
                        end = min(limit, asked_at + RETURN)
                    try:
                        listen()
                    except KeyboardInterrupt:
                        if asked:
                            raise
                        asked, asked_at = True, time.monotonic()
                        end = min(limit, asked_at + GRACE)
                        stop.set()
                    if time.monotonic() > end and not future.done():
                        raise EndedError(stage, asked)
            finally:
                while heard(0):
                    pass
            return future.result()
    except KeyboardInterrupt:
        raise EndedError(stage, True) from None
    except BrokenExecutor:
        raise EndedError(stage, False, "its process was killed, or there was no memory") from None
    except MemoryError:
        raise EndedError(stage, False, "there was no memory") from None


def improving(
    work: Callable[[*Given, Callable[[str | Found], None]], Found],
    arguments: tuple[*Given],
    show: Callable[[str], None],
    end: float,
) -> tuple[Found, EndedError | None]:
    """As `apart`, of work that tells every answer that stands before the last: the best one, and how it was ended if it
    was. Errors: EndedError where there is no answer yet, and those of the work.
    """
    standing: list[Found] = []

    def hear(told: str | Found) -> None:
        if isinstance(told, str):
            show(told)
        else:
            standing[:] = [told]

    try:
        return apart(work, arguments, hear, end), None
    except EndedError as error:
        if not standing:
            raise
        return standing[0], error


_connection: list[tuple[Connection, Event]] = []
"""Of a process that works apart: where it tells, and whether it shall stop."""


def _connect(sender: Connection, stop: Event) -> None:
    _connection[:] = [(sender, stop)]


def _tell_and_work(work: Callable[[*Given, Callable[[Told], None]], Found], arguments: tuple[*Given]) -> Found:
    sender, stop = _connection[0]

    def tell(told: Told) -> None:
        if stop.is_set():
            stop.clear()
            raise KeyboardInterrupt
        sender.send(told)

    return work(*arguments, tell)
