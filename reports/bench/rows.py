"""A row of a benchmark: something that is timed, in a group that shares a table."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One timed thing: `work` handles `count` instances."""

    group: str
    name: str
    count: int
    work: Callable[[], object]


@dataclass(frozen=True)
class Measured:
    """Instances per second of a row: median and range over the rounds."""

    group: str
    name: str
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Note:
    """One number of a table; None: there is none, and the note says why."""

    name: str
    value: float | None
    note: str


def installed(package: str) -> bool:
    """Whether an optional package is there."""
    return importlib.util.find_spec(package) is not None


def notes(title: str, rows: list[Note]) -> Table:
    """The rows for people."""
    shown = Table(title=title, title_justify="left")
    shown.add_column("what")
    shown.add_column("value", justify="right")
    shown.add_column("note")
    for row in rows:
        shown.add_row(row.name, "" if row.value is None else f"{row.value:.6g}", row.note)
    return shown
