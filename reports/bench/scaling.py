"""How costs grow with a problem: processor time per instance, and multiplications counted by hand, over one size.

All other sizes stay. A slope is that of the least-squares line through the largest half of the points, both axes
logarithmic: of time, and of the count over the same sizes. The counts are of products of matrices alone, with n tasks,
k points, d parameters, K steps, S states, A actions:

    meta-gradient, linear    k d (1 + n(4K + 1)): predictions, pulls, and one vector of each task back through K steps
    lifted claim, linear     n(K k d^2 + (K - 1) d^3) Jacobians, n k d^2 meta-features, n k d^2 + d^3 their infimum
    lifted claim, network    n k m (d + k): predictions, and inner products of features, of m neurons
    meta-gradient, policies  n(4 S^3 + 4 S^2 A + S^2 A d + S A^2 d): visitations and values of two policies, grad Q, and
                             centred features

A time that grows more slowly than its count is still that of small matrices and of Python; memory makes it grow faster.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import truediv
from pathlib import Path

import numpy as np
from rich.table import Table

from ...impl.families import META_RL, META_SL, NETWORK, judge
from ...impl.policies.batch_quantities import BatchQuantities as PolicyQuantities
from ...impl.supervised.batch_quantities import BatchQuantities
from ..records import write_bytes
from .batches import processes
from .floats import float_batch
from .networks import fresh, wide_instance
from .rows import by_case, least, lifted, listing

ROUNDS = 3
Work = Callable[[], object]


@dataclass(frozen=True)
class Scaling:
    """What is done, the letter that grows, its values, seconds per instance, multiplications, and both slopes."""

    what: str
    letter: str
    sizes: tuple[int, ...]
    seconds: tuple[float, ...]
    operations: tuple[float, ...]
    slope: float
    operations_slope: float


@dataclass(frozen=True)
class Series:
    """What is measured: `make` gives, for sizes by letter, the work and its number of instances; `count` is what one
    instance takes; `base` are the sizes that stay; `grows` are those that do not, letter by letter."""

    what: str
    base: dict[str, int]
    grows: dict[str, tuple[int, ...]]
    make: Callable[[dict[str, int]], tuple[Work, int]]
    count: Callable[[dict[str, int]], float]


def slope(sizes: tuple[int, ...], values: tuple[float, ...]) -> float:
    """The slope of the least-squares line through the largest half of the points, both axes logarithmic."""
    half = len(sizes) // 2
    return float(np.polyfit(np.log(sizes[half:]), np.log(values[half:]), 1)[0])


# --- what is measured ---------------------------------------------------------------------------------------------


def _gradient(at: dict[str, int]) -> tuple[Work, int]:
    batch = float_batch((at["n"], at["k"], at["d"]), 16, at["K"])
    return lambda: BatchQuantities(batch).gradient, 16


def _arrays(at: dict[str, int]) -> tuple[Work, int]:
    batch = float_batch((at["n"], at["k"], at["d"]), 16, at["K"])
    return lambda: META_SL.judged_in_arrays(batch, lifted(META_SL)), 16


def _balls(at: dict[str, int]) -> tuple[Work, int]:
    instance = float_batch((at["n"], at["k"], at["d"]), 1, at["K"]).instance(0)
    return lambda: judge(replace(instance), lifted(META_SL)), 1


def _network(at: dict[str, int]) -> tuple[Work, int]:
    instance = wide_instance(at["m"])
    return lambda: judge(fresh(instance), lifted(NETWORK)), 1


def _policy_gradient(at: dict[str, int]) -> tuple[Work, int]:
    batch = processes(at["n"], at["S"], at["A"], at["d"], 4)
    return lambda: PolicyQuantities(batch).gradient, 4


def _policy_balls(at: dict[str, int]) -> tuple[Work, int]:
    instance = processes(at["n"], at["S"], at["A"], at["d"], 1).instance(0)
    return lambda: judge(replace(instance), lifted(META_RL)), 1


def _of_gradient(at: dict[str, int]) -> float:
    return at["k"] * at["d"] * (1 + at["n"] * (4 * at["K"] + 1))


def _of_claim(at: dict[str, int]) -> float:
    n, k, d, steps = (at[letter] for letter in "nkdK")
    return n * (steps * k * d**2 + (steps - 1) * d**3) + 2 * n * k * d**2 + d**3


def _of_network(at: dict[str, int]) -> float:
    return 4 * 5 * at["m"] * (8 + 5)


def _of_policies(at: dict[str, int]) -> float:
    n, s, a, d = (at[letter] for letter in "nSAd")
    return n * (4 * s**3 + 4 * s**2 * a + s**2 * a * d + s * a**2 * d)


LINEAR, LARGER = {"n": 4, "k": 8, "d": 8, "K": 1}, {"n": 8, "k": 32, "d": 32, "K": 1}
PROCESS = {"n": 2, "S": 4, "A": 4, "d": 4}
SERIES = (
    Series("meta-gradient, linear, float64", LARGER,
           {"n": (8, 16, 32, 64, 128), "K": (1, 2, 4, 8, 16), "d": (64, 128, 256, 512, 1024),
            "k": (16, 32, 64, 128, 256)},
           _gradient, _of_gradient),
    Series("lifted claim, linear, arrays", LINEAR,
           {"n": (4, 8, 16, 32, 64), "K": (1, 2, 4, 8), "d": (4, 8, 16, 32, 64), "k": (8, 16, 32, 64, 128)},
           _arrays, _of_claim),
    Series("lifted claim, linear, balls", LINEAR,
           {"n": (2, 4, 8, 16, 32), "K": (1, 2, 4, 8), "d": (4, 8, 16, 32), "k": (4, 8, 16, 32, 64)},
           _balls, _of_claim),
    Series("lifted claim, network, balls", {}, {"m": (256, 1024, 4096, 16384)}, _network, _of_network),
    Series("meta-gradient, policies, float64", PROCESS,
           {"n": (2, 4, 8, 16), "S": (4, 8, 16, 32, 64), "A": (4, 8, 16, 32, 64), "d": (16, 64, 256, 1024)},
           _policy_gradient, _of_policies),
    Series("lifted claim, policies, balls", PROCESS,
           {"n": (2, 4, 8, 16), "S": (4, 8, 16), "A": (4, 8, 16), "d": (4, 8, 16, 32)},
           _policy_balls, _of_policies),
)  # fmt: skip


def compare(
    seconds: float,
    progress: Callable[[str], None] = lambda message: None,
    series: tuple[Series, ...] = SERIES,
) -> list[Scaling]:
    """Every letter of every series; about a twentieth of `seconds` for each size and round, the least of the rounds."""
    rows = []
    for one in series:
        for letter, sizes in one.grows.items():
            progress(f"scaling: {one.what}, {letter}")
            shapes = [{**one.base, letter: size} for size in sizes]
            works, each = zip(*(one.make(shape) for shape in shapes), strict=True)
            for work in works:
                work()
            took = tuple(map(truediv, least(works, ROUNDS, seconds / 20), each))
            counts = tuple(float(one.count(shape)) for shape in shapes)
            rows.append(Scaling(one.what, letter, sizes, took, counts, slope(sizes, took), slope(sizes, counts)))
    return rows


# --- for people ---------------------------------------------------------------------------------------------------


def table(rows: list[Scaling]) -> Table:
    """The slopes for people."""

    def cells(row: Scaling) -> tuple[str, ...]:
        sizes = f"{row.letter} = {row.sizes[0]:,} to {row.sizes[-1]:,}"
        return sizes, f"{row.slope:.2f}", f"{row.operations_slope:.2f}", f"{1e3 * row.seconds[-1]:.3g} ms"

    title = "growth: slopes in log-log of time per instance, and of multiplications"
    shown = by_case(rows, lambda row: row.what, cells)
    return listing(title, "what and over which size", ("time", "count", "at most"), shown)


COLOURS = ("#0b6e4f", "#2a6f97", "#b00020", "#9a6700")
MARKS = "osD^"


def draw(rows: list[Scaling], folder: Path) -> list[Path]:
    """The rows as log-log plots, `scaling.svg` and `scaling.png`: times as marks, counts as dashed lines through the
    last mark, slopes beside the letters."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    names = list(dict.fromkeys(row.what for row in rows))
    wide = min(3, len(names))
    with rc_context({"svg.hashsalt": "scaling", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(3.6 * wide, 3.4 * math.ceil(len(names) / wide)), layout="constrained")
        grid = figure.subplots(math.ceil(len(names) / wide), wide, squeeze=False).ravel()
        for axes, name in zip(grid, names, strict=False):
            for row, colour, mark in zip((r for r in rows if r.what == name), COLOURS, MARKS, strict=False):
                label = f"{row.letter}: {row.slope:.2f} ({row.operations_slope:.2f})"
                axes.loglog(row.sizes, row.seconds, mark + "-", color=colour, markersize=4, label=label)
                scale = row.seconds[-1] / row.operations[-1]
                axes.loglog(row.sizes, [scale * c for c in row.operations], "--", color=colour, linewidth=0.8)
            axes.set_xscale("log", base=2)
            axes.yaxis.set_minor_formatter(NullFormatter())
            axes.set_title(name, loc="left")
            axes.set(xlabel="size; slopes of time, and of multiplications (dashed)", ylabel="seconds per instance")
            axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
            axes.spines[["top", "right"]].set_visible(False)
        for axes in grid[len(names) :]:
            axes.set_axis_off()
        written = []
        for kind, more in (("svg", {"metadata": {"Date": None, "Creator": None}}), ("png", {"dpi": 150})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, **more)
            write_bytes(folder / f"scaling.{kind}", buffer.getvalue())
            written.append(folder / f"scaling.{kind}")
    return written
