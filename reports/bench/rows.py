"""A row of a benchmark: something that is timed, in a group that shares a table; and how rows are shown."""

from __future__ import annotations

import importlib.util
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.table import Table

from ...impl.family import Family
from ...theory.claim import Claim

Found = TypeVar("Found")
Shown = TypeVar("Shown")


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


def timed(work: Callable[[], Found], clock: Callable[[], float] = time.process_time) -> tuple[Found, float]:
    """What the work gives, and in how many seconds."""
    begin = clock()
    found = work()
    return found, clock() - begin


def least(works: Sequence[Callable[[], object]], rounds: int, seconds: float = 0.0) -> list[float]:
    """The least processor time of each work, in rounds by turns; it is done again until so many seconds are over."""
    found = [math.inf] * len(works)
    for _ in range(rounds):
        for index, work in enumerate(works):
            begin, done = time.process_time(), 0
            while not done or time.process_time() - begin < seconds:
                work()
                done += 1
            found[index] = min(found[index], (time.process_time() - begin) / done)
    return found


def lifted(family: Family) -> tuple[Claim, ...]:
    """The claim on the gap in its lifted form."""
    return tuple(claim for claim in family.claims if claim.name == f"{family.name}-lifted")


def listing(title: str, first: str, numbers: Iterable[str], rows: Iterable[Sequence[str]], last: str = "") -> Table:
    """A table for people: names in the first column, numbers, and words in the last, if there is one."""
    shown = Table(title=title, title_justify="left")
    shown.add_column(first, overflow="fold", min_width=12)
    for heading in numbers:
        shown.add_column(heading, justify="right", no_wrap=True)
    if last:
        shown.add_column(last, overflow="fold", min_width=12)
    for row in rows:
        shown.add_row(*row)
    return shown


def by_case(
    rows: Iterable[Shown], case: Callable[[Shown], str], cells: Callable[[Shown], Sequence[str]]
) -> Iterator[Sequence[str]]:
    """The cells of rows, below the case that they have in common."""
    for name, own in itertools.groupby(rows, case):
        yield (name,)
        yield from ((f"  {first}", *rest) for first, *rest in map(cells, own))


def cell(value: float | None, form: str) -> str:
    """A number for people; nothing where there is none."""
    return "" if value is None else format(value, form)


def notes(title: str, rows: list[Note]) -> Table:
    """The rows for people."""
    return listing(title, "what", ("value",), ((row.name, cell(row.value, ".6g"), row.note) for row in rows), "note")
