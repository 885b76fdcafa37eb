"""How a command begins and ends, for those that load nothing else: one thread, one line, a status."""

from __future__ import annotations

import os
from typing import NoReturn

import typer

INTERRUPTED = 130


def single_threads() -> None:
    """One thread per process, here and in those to come: they share the cores, and small matrices only lose by more.

    Numerical libraries read this when they are loaded, which is later.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def fail(message: str) -> NoReturn:
    """One line on the error stream, status 2."""
    typer.echo(f"metagap: {message}", err=True)
    raise typer.Exit(2)


def interrupted(message: str) -> NoReturn:
    """One line on the error stream, status 130."""
    typer.echo(f"metagap: {message}", err=True)
    raise SystemExit(INTERRUPTED)
