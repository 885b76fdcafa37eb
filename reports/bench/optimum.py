"""The certified global minimum beside what a user would run instead: how fast, and how often wrong.

A peer is wrong where its value exceeds the certified upper bound by more than the gap that was asked for. All search
the same ball: peers work in the cube around it, and their point is then moved into the ball.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from flint import fmpq
from rich.table import Table
from scipy import optimize

from ...impl.arithmetic import Array, rational
from ...impl.losses import LOSSES, Link, Loss
from ...impl.optimum import Budget, minimise
from ...impl.optimum.check import check
from ...impl.optimum.descent import into_ball
from ...impl.optimum.exact import exact_value
from ...impl.optimum.landscape import Landscape
from ...impl.supervised.adaptation import Gradient
from ...impl.supervised.instance import Atom, MetaSLInstance, Task
from .rows import Found, cell, listing, timed

BALL = {"exponential": 1.0, "poisson": 1.0}
"""Radius of the ball (else 4): losses that grow exponentially stay near 0."""
STEPS = {
    "squared": (1, 4), "quartic": (1, 8), "logistic": (4, 1), "log-cosh": (2, 1), "pseudo-huber": (2, 1),
    "exponential": (1, 16), "poisson": (1, 16), "huber": (1, 2),
}  # fmt: skip
PARAMETERS = {"quartic": fmpq(1, 4), "pseudo-huber": fmpq(1), "huber": fmpq(1)}
GAP = 1e-6

Objective = Callable[[Array], float]


def landscape_instance(loss: str, dimension: int, seed: int) -> MetaSLInstance:
    """A random dyadic instance with n 2-4 tasks and k 2-5 points."""
    rng = np.random.default_rng((seed, dimension))
    n, k = rng.integers(2, 5), rng.integers(2, 6)
    features = tuple(tuple(fmpq(int(v), 4) for v in row) for row in rng.integers(-8, 9, (k, dimension)))
    tasks = []
    for _ in range(n):
        masses = rng.integers(1, 9, k)
        raw = rng.integers(-8, 9, k)
        link = LOSSES[loss].link
        labels = np.where(raw >= 0, 4, -4) if link is Link.MARGIN else np.abs(raw) if link is Link.CANONICAL else raw
        atoms = (Atom(x, fmpq(int(labels[x]), 4), fmpq(int(masses[x]), int(masses.sum()))) for x in range(k))
        tasks.append(Task(fmpq(1, int(n)), tuple(atoms)))
    zero = (fmpq(0),) * dimension
    adaptation = Gradient(fmpq(*STEPS[loss]))
    return MetaSLInstance(Loss(loss, PARAMETERS.get(loss)), adaptation, features, tuple(tasks), zero, zero, fmpq(1))


def _multistart(count: int) -> Callable[[Objective, int, float], Array]:
    def run(objective: Objective, dimension: int, ball: float) -> Array:
        box = [(-ball, ball)] * dimension
        starts = np.random.default_rng(0).uniform(-ball, ball, (count, dimension))
        found = [optimize.minimize(objective, start, method="L-BFGS-B", bounds=box) for start in starts]
        return np.asarray(min(found, key=lambda r: r.fun).x)

    return run


def _shgo(objective: Objective, dimension: int, ball: float) -> Array:
    found = optimize.shgo(objective, [(-ball, ball)] * dimension, n=64, iters=2, sampling_method="sobol")
    return np.zeros(dimension) if found.x is None else np.asarray(found.x)


def _annealing(objective: Objective, dimension: int, ball: float) -> Array:
    found = optimize.dual_annealing(objective, [(-ball, ball)] * dimension, seed=0, maxiter=200)
    return np.asarray(found.x)


PEERS: dict[str, Callable[[Objective, int, float], Array]] = {
    "L-BFGS": _multistart(1),
    "10 x L-BFGS": _multistart(10),
    "shgo": _shgo,
    "annealing": _annealing,
}
"""scipy's L-BFGS-B from 1 and from 10 random starts, shgo, dual_annealing."""


@dataclass(frozen=True)
class Compared:
    """A loss and a dimension: median milliseconds of search, checker and peers, and wrong answers."""

    loss: str
    dimension: int
    instances: int
    undecided: int
    rejected: int
    median_boxes: float
    milliseconds: dict[str, float | None]
    slowest: float
    wrong: dict[str, int]


def compare(
    losses: tuple[str, ...] = tuple(STEPS),
    dimensions: tuple[int, ...] = (1, 2, 3),
    count: int = 6,
    progress: Callable[[str], None] = lambda message: None,
) -> list[Compared]:
    """One row per loss and dimension."""
    rows = []
    for loss in losses:
        for dimension in dimensions:
            progress(f"global minimum: {loss}, d = {dimension}")
            rows.append(_compare(loss, dimension, count))
    return rows


def _compare(loss: str, dimension: int, count: int) -> Compared:
    ball = BALL.get(loss, 4.0)
    times: dict[str, list[float]] = {name: [] for name in ("metagap", "checker", *PEERS)}
    wrong: dict[str, int] = dict.fromkeys(PEERS, 0)
    undecided = rejected = 0
    boxes: list[int] = []

    def kept(name: str, work: Callable[[], Found]) -> Found:
        found, seconds = timed(work, time.perf_counter)
        times[name].append(seconds)
        return found

    for seed in range(count):
        instance = landscape_instance(loss, dimension, seed)
        work = partial(minimise, instance, fmpq(int(ball)), Budget(gap=GAP, seconds=30), checked=False)
        found = kept("metagap", work)
        boxes.append(found.boxes)
        if not found.narrow or found.certificate is None:
            undecided += 1
            continue
        outcome = kept("checker", partial(check, found.certificate))
        rejected += not outcome.accepted
        found = replace(found, check=outcome)
        scape = Landscape(instance)
        for name, peer in PEERS.items():
            with np.errstate(over="ignore", invalid="ignore"):
                point = kept(name, partial(peer, _objective(scape), scape.dimension, ball))
            inside = into_ball(point[None], ball)
            value = float(scape.value(inside)[0])
            if value < found.lower:
                theta = tuple(rational(float(v)) for v in (inside @ scape.basis)[0])
                found.holds(exact_value(instance, theta), f"the value that {name} has found")
            wrong[name] += value > found.upper + GAP * max(abs(found.upper), 1e-3)
    return Compared(
        loss,
        dimension,
        count,
        undecided,
        rejected,
        statistics.median(boxes),
        {name: 1e3 * statistics.median(t) if t else None for name, t in times.items()},
        1e3 * max(times["metagap"]),
        wrong,
    )


def _objective(scape: Landscape) -> Objective:
    def objective(theta: Array) -> float:
        value = float(scape.value(np.asarray(theta, dtype=float)[None])[0])
        return value if np.isfinite(value) else 1e300

    return objective


def table(rows: list[Compared]) -> Table:
    """Milliseconds, with wrong answers in brackets."""

    def cells(row: Compared) -> tuple[str, ...]:
        ms = row.milliseconds
        return (
            f"{row.loss}, {row.dimension}",
            cell(ms["metagap"], ".1f") + (f" ({row.undecided} undecided)" if row.undecided else ""),
            f"{row.slowest:.0f}",
            f"{row.median_boxes:.0f}",
            cell(ms["checker"], ".1f"),
            *("" if ms[name] is None else f"{ms[name]:.1f} ({row.wrong[name]})" for name in PEERS),
        )

    title = f"global minimum, relative gap {GAP:g}: median ms (wrong answers)"
    return listing(title, "loss, d", ("metagap", "slowest", "boxes", "checker", *PEERS), map(cells, rows))
