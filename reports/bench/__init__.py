"""Benchmarks: both engines beside what a user would write instead, side by side in one run.

Every row is timed in turn, in interleaved rounds on one thread, and reports the median; trust the ratios. Rows whose
package is missing say so.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from rich.table import Table

from ..records import environment, now
from . import falsify, floats, judging, networks, optimum, own_tasks, programs
from .rows import Measured, installed


def bench(
    seconds: float,
    progress: Callable[[str], None] = lambda message: None,
    show: Callable[[Table], None] = lambda table: None,
    large: bool = False,
) -> dict[str, object]:
    """Time every row for about `seconds`: interleaved rounds, median rate.

    `show` gets each table when it is measured. `large`: own tasks of a million rows as well.
    """
    started = now()
    rows = [*judging.rows(), *networks.rows(), *floats.rows()]
    missing = [
        f"{package}: not installed (pip install 'metagap[oracles]')"
        for package in ("cvxpy", "torch")
        if not installed(package)
    ]
    rates: dict[int, list[float]] = {index: [] for index in range(len(rows))}
    for row in rows:
        progress(f"warming up: {row.name}")
        row.work()
    for round_ in range(5):
        for index, row in enumerate(rows):
            progress(f"round {round_ + 1} of 5: {row.name}")
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
        show(_table(group, [row for row in measured if row.group == group]))
    for note in missing:
        show(Table(title=note, title_justify="left"))
    optima = optimum.compare(progress=progress)
    show(optimum.table(optima))
    searches = falsify.compare(seconds, progress)
    show(falsify.table(searches))
    optima_in_4 = optimum.compare(("quartic", "logistic", "pseudo-huber"), (4,), 2, progress)
    show(optimum.table(optima_in_4))
    own = own_tasks.compare((*own_tasks.CASES, *([own_tasks.LARGE] if large else [])), progress)
    show(own_tasks.table(own))
    traced = programs.compare(progress)
    if traced:
        show(programs.table(traced))
    return {
        "optimum": optima,
        "falsify": {"rows": searches},
        "optimum_in_4": optima_in_4,
        "own_tasks": own,
        "programs": traced,
        "format": "metagap/bench/1",
        "started": started,
        "environment": environment(),
        "unit": "instances per second and core (processor time)",
        "missing": missing,
        "rows": measured,
    }


def _table(group: str, rows: list[Measured]) -> Table:
    """A group for people, with ratios to its first row."""
    table = Table(title=group, title_justify="left")
    table.add_column("what")
    for heading in ("per second", "range", "ratio"):
        table.add_column(heading, justify="right")
    for row in rows:
        spread = f"{row.low:,.0f} - {row.high:,.0f}"
        table.add_row(row.name, f"{row.median:,.0f}", spread, f"{rows[0].median / row.median:.2f}")
    return table
