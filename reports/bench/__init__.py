"""Benchmarks: both engines beside what a user would write instead, side by side in one run.

Every row is timed in turn, in interleaved rounds on one thread, and reports the median; trust the ratios. One that
takes longer than a row is given is timed once. Rows whose package is missing say so.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.table import Table

from ...impl.oracles import global_solvers
from ..records import environment, now
from . import batches, falsify, floats, judging, networks, optimum, own_tasks, programs, scaling, solvers, workers
from .rows import Measured, Shown, installed, listing, notes

OPTIONAL = {"cvxpy": "oracles", "torch": "oracles", "jax": "jax", "distributed": "cluster"} | {
    module: global_solvers.EXTRA for name, module in global_solvers.MODULES.items() if name != "cvxpy"
}
"""What rows need, and the extra that has it."""


def bench(seconds: float, large: bool, out: Path | None, tell: Callable[[str | Table], None]) -> dict[str, object]:
    """Time every row for about `seconds`: interleaved rounds, median rate. `large`: a million rows and jobs, too.

    `tell` is told what is being measured, and each table; the plots of growth go to the folder `out`.
    """
    started = now()
    rows = [*judging.rows(), *batches.rows(), *networks.rows(), *floats.rows()]
    missing = [
        f"{package}: not installed (pip install 'metagap[{extra}]')"
        for package, extra in OPTIONAL.items()
        if not installed(package)
    ]
    rates: dict[int, list[float]] = {index: [] for index in range(len(rows))}
    slow = set[int]()
    for index, row in enumerate(rows):
        tell(f"warming up: {row.group}, {row.name}")
        begin = time.process_time()
        row.work()
        slow |= {index} if time.process_time() - begin > seconds else set()
    for round_ in range(5):
        for index, row in enumerate(rows):
            if round_ and index in slow:
                continue
            tell(f"round {round_ + 1} of 5: {row.group}, {row.name}")
            done, begin = 0, time.process_time()
            while time.process_time() - begin < seconds / 5 or not done:
                row.work()
                done += row.count
            rates[index].append(done / (time.process_time() - begin))
    measured = [
        Measured(row.group, row.name, statistics.median(rates[index]), min(rates[index]), max(rates[index]))
        for index, row in enumerate(rows)
    ]
    for group in dict.fromkeys(row.group for row in measured):
        tell(_table(group, [row for row in measured if row.group == group]))
    for note in missing:
        tell(Table(title=note, title_justify="left"))

    def told(rows: list[Shown], table: Callable[[list[Shown]], Table]) -> list[Shown]:
        """The rows, once people have seen them."""
        if rows:
            tell(table(rows))
        return rows

    grown = told(scaling.compare(seconds, tell), scaling.table)
    if out is not None:
        scaling.draw(grown, out)
    harder = ("quartic", "logistic", "pseudo-huber"), (4,), 2
    cases = (*own_tasks.CASES, *([own_tasks.LARGE] if large else []))
    return {
        "arrays": {"rows": told(batches.shares(), partial(notes, "share that arrays decide"))},
        "optimum": told(optimum.compare(progress=tell), optimum.table),
        "falsify": {"rows": told(falsify.compare(seconds, tell), partial(notes, "search for counterexamples"))},
        "optimum_in_4": told(optimum.compare(*harder, tell), optimum.table),
        "scaling": grown,
        "solvers": told(solvers.compare(seconds, tell), solvers.table),
        "own_tasks": told(own_tasks.compare(cases, tell), own_tasks.table),
        "programs": told(programs.compare(tell), programs.table),
        "workers": told(workers.compare(seconds, large, tell), partial(notes, "workers and the store")),
        "format": "metagap/bench/1",
        "started": started,
        "environment": environment(),
        "unit": "instances per second and core (processor time)",
        "missing": missing,
        "rows": measured,
    }


def _table(group: str, rows: list[Measured]) -> Table:
    """A group for people, with ratios to its first row."""

    def cells(row: Measured) -> tuple[str, ...]:
        ratio = f"{rows[0].median / row.median:.2f}"
        return row.name, _rate(row.median), f"{_rate(row.low)} - {_rate(row.high)}", ratio

    return listing(group, "what", ("per second", "range", "ratio"), map(cells, rows))


def _rate(value: float) -> str:
    """A rate in whole numbers, a small one in two digits."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
