"""How a command begins and ends, for those that load nothing else: one thread, streams, one line, a status."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn, TextIO

import typer

INTERRUPTED = 130


def single_threads() -> None:
    """One thread per process, here and in those to come: they share the cores, and small matrices only lose by more.

    Numerical libraries read this when they are loaded, which is later. Processes to come keep what arrays leave free:
    glibc would give each large one back, and fetching its pages again costs up to twice the arithmetic.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**25))
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**28))


def fail(message: str) -> NoReturn:
    """One line on the error stream, status 2."""
    typer.echo(f"metagap: {message}", err=True)
    raise typer.Exit(2)


def interrupted(message: str) -> NoReturn:
    """One line on the error stream, status 130."""
    typer.echo(f"metagap: {message}", err=True)
    raise SystemExit(INTERRUPTED)


class OutputError(Exception):
    """A standard stream that cannot be written: it is full, closed, or nobody reads it any more."""


class _Guarded:
    """A standard stream whose failures are OutputErrors, and which escapes what its encoding lacks."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with _output():
            try:
                return self._stream.write(text)
            except UnicodeEncodeError:
                encoding = self._stream.encoding
                return self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))

    def flush(self) -> None:
        with _output():
            self._stream.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextmanager
def _output() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(error.errno, error.strerror) from None


ABANDONED = 128 + 13
"""Status where nobody reads on, as of a program that SIGPIPE ended."""


@contextmanager
def standard_streams() -> Iterator[None]:
    """Output that cannot be written becomes one line and status 2; where a reader left early, as head does, no line."""
    streams = {name: getattr(sys, name) for name in ("stdout", "stderr") if getattr(sys, name) is not None}
    for name, stream in streams.items():
        setattr(sys, name, _Guarded(stream))
    try:
        try:
            yield
        finally:
            for name in streams:
                getattr(sys, name).flush()
    except OutputError as error:
        code, reason = error.args
        if code != errno.EPIPE:
            with suppress(OSError):
                streams["stderr"].write(f"metagap: standard output: {reason}; give it room or another place\n")
        for stream in streams.values():
            # What is left in its buffer goes nowhere when Python ends.
            with suppress(OSError):
                stream.flush()
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        sys.exit(ABANDONED if code == errno.EPIPE else 2)
    finally:
        for name, stream in streams.items():
            setattr(sys, name, stream)


@contextmanager
def defects_told() -> Iterator[None]:
    """Whatever is at fault is a line and status 3: Python's own status 1 would say that a claim is violated.
    One that no check foresaw is traced as well."""
    try:
        yield
    except OutputError:
        raise
    except Exception as error:
        from ...impl.bracket import DefectError  # who is not at fault need not load it

        said = " ".join(str(error).split())
        if not isinstance(error, DefectError):
            traceback.print_exc()
            said = f"{type(error).__name__}: {said}"
        typer.echo(f"metagap: defect: {said}; this is a fault of metagap and no result, please report it", err=True)
        raise SystemExit(3) from None
