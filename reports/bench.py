"""Benchmarks: both engines beside what a user would write instead, side by side in one run.

Every row is timed in turn, in interleaved rounds on one thread, and reports the median; trust the ratios. Rows whose
package is missing say so.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.table import Table

from ..impl.families import META_RL
from ..impl.judge import judge
from ..impl.losses import Loss
from ..impl.meta_rl.generate import arbitrary as arbitrary_processes
from ..impl.meta_rl.instance import MetaRLInstance
from ..impl.meta_rl.optimum import maximise
from ..impl.meta_sl.batch import Batch
from ..impl.meta_sl.batch_quantities import BatchQuantities
from ..impl.meta_sl.generate import arbitrary
from ..impl.meta_sl.instance import MetaSLInstance
from ..impl.sources import RandomSource
from ..theory.meta_sl import CLAIMS
from . import bench_falsify, bench_optimum
from .records import environment, now

SIZES = {"S": (2, 4, 2), "M": (4, 8, 8), "L": (8, 16, 16)}
"""(n, k, d): tasks, points on a shared support with one label each, dimension."""


@dataclass(frozen=True)
class Row:
    """One timed thing: `work` handles `count` instances."""

    group: str
    name: str
    count: int
    work: Callable[[], object]


def float_batch(size: str, count: int, seed: int = 0) -> Batch:
    """Random logistic instances of size S, M or L."""
    n, k, d = SIZES[size]
    rng = np.random.default_rng(seed)
    mass = rng.integers(1, 16, (count, n, k, 1)).astype(float)
    return Batch(
        Loss("logistic"),
        1,
        np.full(count, 0.5),
        rng.integers(-8, 9, (count, k, d)) / 4,
        rng.integers(0, 2, (count, n, k, 1)) * 2.0 - 1,
        mass / mass.sum((2, 3), keepdims=True),
        np.full((count, n), 1 / n),
        rng.integers(-8, 9, (count, d)) / 4,
        np.full(count, 4.0),
        rng.integers(-8, 9, (count, d)) / 4,
    )


def verify_floats(size: str, count: int) -> int:
    """End to end in float64: generate, adapt, terms, ball least squares, compare. Returns the violations."""
    quantities = BatchQuantities(float_batch(size, count))
    bound = quantities.radius * quantities.eps + quantities.weight_norm * quantities.misfit
    return int((quantities.gap > bound * (1 + 1e-9)).sum())


def ball_instances(count: int) -> list[MetaSLInstance]:
    """Generated instances with exactly n = 4, k = 5, d = 3, one label a point."""
    found: list[MetaSLInstance] = []
    seed = 0
    while len(found) < count:
        batch = arbitrary(RandomSource(seed, 8), "log-cosh")
        if batch.shape == (4, 5, 1, 3) and batch.steps == 1:
            found += [batch.instance(b) for b in range(len(batch))]
        seed += 1
    return found[:count]


def process_instances(count: int) -> list[MetaRLInstance]:
    """Generated meta-RL instances with exactly n = 4, S = 5, A = 3, d = 3, KL step."""
    found: list[MetaRLInstance] = []
    seed = 0
    while len(found) < count:
        batch = arbitrary_processes(RandomSource(seed, 8), "kl-step")
        if batch.shape == (4, 5, 3, 3):
            found += [batch.instance(b) for b in range(len(batch))]
        seed += 1
    return found[:count]


def line_instances(count: int) -> list[MetaRLInstance]:
    """Generated meta-RL instances with two actions and one parameter, 3 to 5 states, KL step."""
    found: list[MetaRLInstance] = []
    seed = 0
    while len(found) < count:
        batch = arbitrary_processes(RandomSource((seed, 1), 1), "kl-step")
        if batch.shape[1] >= 3 and batch.shape[2:] == (2, 1) and batch.gamma.max() <= 0.9:
            found.append(batch.instance(0))
        seed += 1
    return found


def _process_rows() -> list[Row]:
    instances, lines = process_instances(16), line_instances(8)
    core = tuple(c for c in META_RL.claims if c.name == "meta-rl-lifted")
    group = "rigorous judging, meta-RL, n=4 S=5 A=3 d=3"
    return [
        Row(group, "lifted claim, balls", 16, lambda: [judge(i, core) for i in instances]),
        Row(group, "all claims, balls", 16, lambda: [judge(i) for i in instances]),
        Row(
            "certified maximum, meta-RL, A=2 d=1, gap 1e-3",
            "policy boxes on the whole line",
            8,
            lambda: [maximise(i, gap=1e-3, seconds=10) for i in lines],
        ),
    ]


def _rows() -> tuple[list[Row], list[str]]:
    instances = ball_instances(16)
    for instance in instances:
        _ = instance.canonical
    core = tuple(c for c in CLAIMS if c.name == "meta-sl-lifted")
    rows = [
        Row(
            "rigorous judging, n=4 k=5 d=3",
            "lifted claim, balls",
            16,
            lambda: [judge(i, core) for i in instances],
        ),
        Row("rigorous judging, n=4 k=5 d=3", "all claims, balls", 16, lambda: [judge(i) for i in instances]),
    ]
    rows += _process_rows()
    missing = []
    if importlib.util.find_spec("cvxpy") is not None:
        from ..impl.oracles.convex import float_misfit

        rows.append(
            Row(
                "rigorous judging, n=4 k=5 d=3",
                "one misfit by cvxpy, unproved",
                16,
                lambda: [float_misfit(i) for i in instances],
            )
        )
    else:
        missing.append("cvxpy: not installed (pip install 'metagap[oracles]')")
    torch = importlib.util.find_spec("torch") is not None
    if not torch:
        missing.append("torch: not installed (pip install 'metagap[oracles]')")
    for size in SIZES:
        count = 512
        rows.append(Row(f"floats, size {size}", "generate, terms, bound, compare", count, _verify(size, count)))
        batch = float_batch(size, count)
        rows.append(Row(f"meta-gradient, size {size}", "metagap, closed form", count, _gradient(batch)))
        if torch:
            from ..impl.oracles.batched import vmap_gradient

            rows.append(Row(f"meta-gradient, size {size}", "torch.func vmap(grad)", count, vmap_gradient(batch)))
    return rows, missing


def _verify(size: str, count: int) -> Callable[[], object]:
    return lambda: verify_floats(size, count)


def _gradient(batch: Batch) -> Callable[[], object]:
    return lambda: BatchQuantities(batch).gradient


def bench(
    seconds: float,
    progress: Callable[[str], None] = lambda message: None,
    show: Callable[[Table], None] = lambda table: None,
) -> dict[str, Any]:
    """Time every row for about `seconds`: interleaved rounds, median rate.

    `show` gets each table when it is measured.
    """
    started = now()
    rows, missing = _rows()
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
        {
            "group": row.group,
            "name": row.name,
            "median": statistics.median(rates[index]),
            "low": min(rates[index]),
            "high": max(rates[index]),
        }
        for index, row in enumerate(rows)
    ]
    for group in dict.fromkeys(row["group"] for row in measured):
        show(_table(str(group), [row for row in measured if row["group"] == group]))
    for note in missing:
        show(Table(title=note, title_justify="left"))
    optimum = bench_optimum.compare(progress=progress)
    show(bench_optimum.table(optimum))
    falsify = bench_falsify.compare(seconds, progress)
    show(bench_falsify.table(falsify))
    optimum_in_4 = bench_optimum.compare(("quartic", "logistic", "pseudo-huber"), (4,), 2, progress)
    show(bench_optimum.table(optimum_in_4))
    return {
        "optimum": optimum,
        "falsify": falsify,
        "optimum_in_4": optimum_in_4,
        "format": "metagap/bench/1",
        "started": started,
        "environment": environment(),
        "unit": "instances per second and core (processor time)",
        "missing": missing,
        "rows": measured,
    }


def _table(group: str, rows: list[dict[str, Any]]) -> Table:
    """A group for people, with ratios to its first row."""
    table = Table(title=group, title_justify="left")
    table.add_column("what")
    for heading in ("per second", "range", "ratio"):
        table.add_column(heading, justify="right")
    for row in rows:
        spread = f"{row['low']:,.0f} - {row['high']:,.0f}"
        table.add_row(row["name"], f"{row['median']:,.0f}", spread, f"{rows[0]['median'] / row['median']:.2f}")
    return table
