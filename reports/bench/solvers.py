"""Global solvers on the landscapes of `optimum`: how fast beside the certified minimum, how often outside its bracket.

An answer is what a solver says to be optimal. It is below if it is less than the certified lower end, which no value of
L is; above if it exceeds the certified upper end by more than the gap that was asked for; and a solver's own lower
bound is false if it exceeds the certified upper end; all beyond what float64 rounds. Seconds are wall time, with a
limit; each solver has a process of its own on each landscape, which ends if it does not keep to the limit.

All five install from the registry (PySCIPOpt 6.3, discopt 0.8, maingopy 0.10, codac 2.1, cvxpy 1.9). On two instances
each of squared, quartic and logistic landscapes in one and two dimensions, 2 s each on a busy machine, ours certified
12 of 12 (0.03 to 0.3 s); MAiNGO solved 12 (0.1 to 0.8 s), with one lower bound 8e-9 above the certified minimum,
relative to it; SCIP solved 7, of which 5 below it, by up to 2e-6 (its tolerance of feasibility); codac, halved naively,
4 (5 in a run before), none outside; discopt 1: with quartics it does not keep to a limit, as it multiplies powers of
sums out, and on logistic ones in two dimensions its process was killed; cvxpy the 4 of the squared loss.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from flint import fmpq
from rich.table import Table

from ...impl.optimum import Budget, minimise
from ...impl.oracles.global_solvers import MODULES, Opinion, loaded, solve
from ..processes import EndedError, apart
from .optimum import GAP, landscape_instance
from .rows import by_case, cell, installed, listing, timed

LOSSES = ("squared", "quartic", "logistic", "pseudo-huber")
RADIUS, COUNT = 4, 3
START = 30.0
"""Seconds that a process may take to load a solver."""
ROUNDING = 1e-12
"""What float64 may round, relative to the minimum."""


@dataclass(frozen=True)
class Solved:
    """A solver on one kind of landscape: median seconds, their ratio to finding and checking ours, how many it said to
    have solved, how many of these are below or above, how many lower bounds are false, and the farthest answer from
    the bracket, relative to the minimum (None: inside). Without seconds it was not asked, or did not come back."""

    loss: str
    dimension: int
    solver: str
    instances: int
    seconds: float | None
    ratio: float | None
    solved: int = 0
    below: int = 0
    above: int = 0
    false_bounds: int = 0
    farthest: float | None = None
    says: str = ""


Answer = tuple[float, Opinion]


def compare(
    seconds: float,
    progress: Callable[[str], None] = lambda message: None,
    losses: tuple[str, ...] = LOSSES,
    dimensions: tuple[int, ...] = (1, 2),
    count: int = COUNT,
    names: tuple[str, ...] = tuple(MODULES),
) -> list[Solved]:
    """One row per landscape and solver; `seconds` for each of `count` instances."""
    rows: list[Solved] = []
    for loss in losses:
        for dimension in dimensions:
            rows += _compare(loss, dimension, count, seconds, names, progress)
    return rows


def _compare(
    loss: str, dimension: int, count: int, seconds: float, names: tuple[str, ...], progress: Callable[[str], None]
) -> list[Solved]:
    progress(f"global solvers: {loss}, d = {dimension}, metagap")
    took, brackets, budget = [], [], Budget(gap=GAP, seconds=30)
    for seed in range(count):
        instance = landscape_instance(loss, dimension, seed)
        found, spent = timed(partial(minimise, instance, fmpq(RADIUS), budget), time.perf_counter)
        took.append(spent)
        certified = found.check is not None and found.check.accepted
        brackets.append((found.lower, found.upper) if certified else (-math.inf, math.inf))
    ours = statistics.median(took)
    proved = sum(map(math.isfinite, (low for low, _ in brackets)))
    rows = [Solved(loss, dimension, "metagap", count, ours, 1.0, proved, says="certified")]
    for name in names:
        if name == "cvxpy" and loss != "squared":
            continue
        progress(f"global solvers: {loss}, d = {dimension}, {name}")
        if not installed(MODULES[name]):
            rows.append(Solved(loss, dimension, name, count, None, None, says=f"{MODULES[name]} is not installed"))
            continue
        answers, why = _answers(name, loss, dimension, count, seconds, progress)
        rows.append(judged(Solved(loss, dimension, name, count, None, None, says=why), answers, brackets, ours))
    return rows


def judged(row: Solved, answers: list[Answer], brackets: list[tuple[float, float]], ours: float) -> Solved:
    """The row with a solver's answers beside certified brackets (lower, upper), in their order."""
    below = above = false = solved = 0
    farthest = []
    for (_, opinion), (low, high) in zip(answers, brackets, strict=False):
        size = max(abs(high), 1e-3)
        excess = (opinion.lower - high) / size
        false += excess > ROUNDING
        farthest.append(excess)
        if opinion.done:
            under, over = (low - opinion.value) / size, (opinion.value - high) / size
            solved, below, above = solved + 1, below + (under > ROUNDING), above + (over > GAP)
            farthest += [under, over]
    if not answers:
        return row
    middle, most = statistics.median(t for t, _ in answers), max(farthest)
    return replace(
        row, seconds=middle, ratio=middle / ours, solved=solved, below=below, above=above, false_bounds=false,
        farthest=most if most > 0 else None,
    )  # fmt: skip


def _answers(
    name: str, loss: str, dimension: int, count: int, seconds: float, progress: Callable[[str], None]
) -> tuple[list[Answer], str]:
    """What a solver said of the instances that it came back from, with seconds; and why these are not all."""
    answers: list[Answer] = []

    def hear(told: str | Answer) -> None:
        if isinstance(told, str):
            progress(told)
        else:
            answers.append(told)

    try:
        apart(_asked, (name, loss, dimension, count, seconds), hear, time.monotonic() + START + 1.5 * seconds * count)
    except EndedError as error:
        if error.interrupted:
            raise KeyboardInterrupt from None
        return answers, error.died or f"did not keep to {seconds:g} s"
    except Exception as error:  # what another program may raise
        return answers, f"{type(error).__name__}: {error}"
    return answers, ""


def _asked(
    name: str, loss: str, dimension: int, count: int, seconds: float, tell: Callable[[str | Answer], None]
) -> None:
    tell(f"global solvers: {name}")
    loaded(name)
    for seed in range(count):
        tell(f"global solvers: {loss}, d = {dimension}, {name}, {seed + 1} of {count}")
        instance = landscape_instance(loss, dimension, seed)
        opinion, took = timed(partial(solve, name, instance, float(RADIUS), GAP, seconds), time.perf_counter)
        tell((took, opinion))


def table(rows: list[Solved]) -> Table:
    """The rows for people."""

    def cells(row: Solved) -> tuple[str, ...]:
        counts = {"below": row.below, "above": row.above, "false bound": row.false_bounds}
        outside = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
        outside = outside or ("none" if row.solved and not row.says else "")
        return (
            row.solver,
            cell(row.seconds, ".3f"),
            cell(row.ratio, ".2g"),
            f"{row.solved} of {row.instances}",
            cell(row.farthest, ".0e"),
            "; ".join(filter(None, (outside, row.says))),
        )

    title = f"global solvers, relative gap {GAP:g} (ours, checked = 1): answers outside the certified bracket"
    shown = by_case(rows, lambda row: f"{row.loss}, d = {row.dimension}", cells)
    return listing(title, "landscape, solver", ("s", "ratio", "solved", "by"), shown, "outside")
