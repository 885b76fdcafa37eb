"""The page's figures as inline SVG: repeatable, each with a label for readers that do not see it."""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup, escape

from .answer import top, without_theorem
from .formats.verifying import ClaimRow, LandscapePicture, Series, VerifyRecord
from .worked import Worked

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALETTE = {
    "PROVED": ("#0b6e4f", "#5fd3a5"),
    "EQUAL": ("#2a6f97", "#7cc1ec"),
    "VIOLATED": ("#b00020", "#ff8f9c"),
    "OUTSIDE": ("#6b7280", "#aab4bf"),
    "UNDECIDED": ("#9a6700", "#e9b949"),
}
"""Verdict colours (distinguishable without red and green; the word is always printed too), on a light and a dark
page."""
COLOURS, DARK = ({name: pair[k] for name, pair in PALETTE.items()} for k in (0, 1))

REFERRED = re.compile(r"""(?:url\(#|href="#)([^)"]+)""")
NAMED = re.compile(r'\s?\bid="([^"]+)"')


def _drawing(name: str, size: tuple[float, float], draw: Callable[[Axes], None], label: str) -> Markup:
    """One pair of axes as SVG; `name` seeds the ids, so that the same record gives the same page."""
    # A kernel of Jupyter names its own backend, without which matplotlib cannot be imported; figures need none.
    os.environ.pop("MPLBACKEND", None)
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    used = set(REFERRED.findall(text))
    # matplotlib numbers its groups from 1 in every figure: names that nothing refers to would occur twice on a page.
    text = NAMED.sub(lambda found: found[0] if found[1] in used else "", text)
    head, rest = text[text.index("<svg") :].split(">", 1)
    return Markup(f'{head} role="img" aria-label="{escape(label)}">{rest}')


def histogram(row: ClaimRow) -> Markup | None:
    """How tight: a bar per interval of left side over bound, its height the root of the count; None if empty."""
    counts = row.histogram
    if not sum(counts):
        return None
    width, most = 240 / len(counts), max(counts)
    bars = [(i * width, 40 * math.sqrt(n / most)) for i, n in enumerate(counts) if n]
    path = "".join(f"M{x + 1:.4g} 41v{-height:.3g}h{width - 2:.4g}v{height:.3g}z" for x, height in bars)
    label = (
        f"Left side over bound for {row.claim}, from 0 to 1: {sum(counts)} instances with a positive bound and a left "
        f"side of at least 0; {counts[-1]} of them at 0.95 or more."
    )
    return Markup(
        f'<svg class="strip" viewBox="0 0 240 42" role="img" aria-label="{escape(label)}">'
        f'<path d="M0 41.5h240" stroke="currentColor" fill="none"/><path d="{path}" fill="var(--equal)"/></svg>'
    )


def landscape(row: LandscapePicture) -> Markup:
    """A certified landscape: L, its critical points, the certified bracket, and the bound as a band."""
    values = np.array([np.nan if v is None else v for v in row.values])
    kind = _line if row.dimension == 1 else _contours
    traps = sum(p.spurious for p in row.points)
    return _drawing(
        f"{row.variant}-{row.dimension}",
        (5.2, 3.1),
        lambda axes: kind(axes, row, values),
        f"The meta-objective of a {row.variant} problem along {row.dimension} "
        f"direction{'s' if row.dimension > 1 else ''}: certified minimum {row.upper:.6g}, {len(row.points)} critical "
        f"points, {traps} of them certified not to be global.",
    )


def worked_figure(example: Worked) -> Markup:
    """The worked example: L, the two points, the certified minimum, and where the bound allows a stationary point."""
    low, high = float(example.rival.risk), float(example.rival.risk + example.bound)

    def draw(axes: Axes) -> None:
        axes.axhspan(low, high, color=COLOURS["UNDECIDED"], alpha=0.13, linewidth=0)
        axes.plot(example.axis, example.values, color=COLOURS["EQUAL"], linewidth=1.6)
        axes.axhline(example.least, color=COLOURS["PROVED"], linewidth=1, linestyle="--")
        for point, mark, colour, above, words in (
            (example.omega, "o", "VIOLATED", 9, f"ω = {example.omega.theta}: L = {float(example.omega.risk):.4f}"),
            (example.rival, "D", "PROVED", -15, f"θ′ = {example.rival.theta}: L = {low:.4f}"),
        ):
            place = float(point.theta), float(point.risk)
            axes.plot(*place, mark, color=COLOURS[colour], markersize=6, zorder=3)
            axes.annotate(words, place, (0, above), textcoords="offset points", ha="center", color=COLOURS[colour])
        axes.annotate(f"the bound: {low:.4f} + {float(example.bound):.4f}", (0, high), (0, -11),
                      textcoords="offset points", ha="center", color=COLOURS["UNDECIDED"])  # fmt: skip
        axes.set(xlim=(example.axis[0], example.axis[-1]), ylim=(0, 1.2 * high), xlabel="θ", ylabel="L(θ)")

    return _drawing(
        "worked",
        (7.2, 3.2),
        draw,
        f"A curve with a local minimum at {example.omega.theta} of height {float(example.omega.risk):.4f}, and lower "
        f"points: at {example.rival.theta} it is {low:.4f}. The bound allows stationary points up to {high:.4f}.",
    )


def scatter(verify: VerifyRecord) -> Markup | None:
    """Gap against smallest bound of real points, log-log, with the diagonal and L >= 0; None if there is none."""
    points: dict[str, list[tuple[float, float]]] = {}
    trivial = []
    for family in verify.real_families:
        for row in family.rows:
            if row.gap is None or row.smallest is None or row.smallest.bound is None:
                continue
            gap, bound = row.gap.hi, row.smallest.bound.hi
            if gap is None or bound is None or not (gap > 0 and bound > 0):
                continue
            points.setdefault(family.title, []).append((gap, bound))
            alone = top(row.trivial) if without_theorem(family.name) == "L ≥ 0" else None
            away = row.optimum and top(row.optimum.gap)
            if alone and away and 2 * away > alone / 1e6:
                trivial.append((away, alone))
    if not points:
        return None
    count = sum(map(len, points.values()))
    said = sum(bound < 10 * gap for rows in points.values() for gap, bound in rows)
    # Where both are enclosed as equal, their upper ends differ by a rounding either way.
    below = sum(gap > bound * (1 + 1e-12) for rows in points.values() for gap, bound in rows)

    gaps = [gap for rows in points.values() for gap, _ in rows]
    low, high = min(gaps) / 2, max(gaps) * 3
    top_ = 1e3 * high

    def draw(axes: Axes) -> None:
        ends = np.array([low, high])
        axes.set(xscale="log", yscale="log")
        axes.fill_between(ends, ends, [low / 2] * 2, color="#8c959f", alpha=0.15, linewidth=0)
        axes.plot(ends, ends, color="#57606a", linewidth=1)
        axes.plot(ends, 10 * ends, color="#8c959f", linewidth=0.9, linestyle=":")
        for (title, rows), colour, mark in zip(points.items(), LINES * 3, "osD^v<>ph*" * 3, strict=False):
            shown = [(gap, min(bound, top_ / 1.5)) for gap, bound in rows]
            axes.plot(*zip(*shown, strict=True), mark, color=colour, markersize=4, alpha=0.8, label=title)
            for (gap, bound), (_, height) in zip(rows, shown, strict=True):
                if bound > height:
                    axes.annotate(f"{bound:.0e}", (gap, height), (5, -3), textcoords="offset points", fontsize=6.5)
        if trivial:
            axes.plot(*zip(*trivial, strict=True), "x", color="#1b1b1b", markersize=5, label="L >= 0 alone")
        axes.set(xlim=(low, high), ylim=(low / 2, top_))
        axes.set(xlabel="gap to the comparator", ylabel="the theorem's bound on it")
        axes.legend(fontsize=6.5, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))

    return _drawing(
        "scatter", (7.6, 4.2), draw,
        f"Gap against bound of {count} real points, both logarithmic: {below or 'none'} below the diagonal, {said} "
        "with a bound below ten times the gap.",
    )  # fmt: skip


_MARKS = {"local minimum": "v", "local maximum": "^", "saddle": "s", "flat minimum": "_"}


def _mark(axes: Axes, kind: str, x: float, y: float, spurious: bool) -> None:
    colour = COLOURS["VIOLATED"] if spurious else COLOURS["PROVED"]
    axes.plot([x], [y], _MARKS[kind], color=colour, markersize=7, zorder=3)


def _line(axes: Axes, row: LandscapePicture, values: np.ndarray) -> None:
    axes.plot(row.axis, values, color=COLOURS["EQUAL"], linewidth=1.4)
    points = [(p, p.gap.hi + row.lower) for p in row.points if p.gap.hi is not None]
    top = max([row.upper, *(height for _, height in points)])
    room = 0.25 * (top - row.lower) + 1e-9
    axes.set_ylim(row.lower - 0.15 * room, top + 2 * room)
    axes.axhline(row.upper, color=COLOURS["PROVED"], linewidth=1, linestyle="--")
    for point, height in points:
        _mark(axes, point.kind, point.omega[0], height, point.spurious)
        if point.spurious and point.bound.hi is not None:
            # The theorem: L(omega) is at most lower + bound, a band above the certified minimum.
            x, high, edge = point.omega[0], row.lower + point.bound.hi, axes.get_ylim()[1]
            axes.plot([x] * 2, [row.lower, min(high, edge)], color=COLOURS["UNDECIDED"], linewidth=3, alpha=0.35)
            if high > edge:
                axes.annotate(f"↑ to {high:.3g}", (x, edge), (3, -8), textcoords="offset points", fontsize=7)
    axes.set(xlabel="theta", ylabel="L(theta)")


def _contours(axes: Axes, row: LandscapePicture, values: np.ndarray) -> None:
    count = len(row.axis)
    grid = np.log10(np.maximum(values - row.lower, 1e-12)).reshape(count, count).T
    drawn = axes.contourf(row.axis, row.axis, grid, levels=14, cmap="cividis")
    axes.figure.colorbar(drawn, ax=axes, label="log10 (L - certified lower bound)")
    for point in row.points:
        x, y = point.omega
        _mark(axes, point.kind, x, y, point.spurious)
    axes.plot(*row.at, "*", color="white", markeredgecolor="black", markersize=11, zorder=4)
    axes.set(xlabel="theta 1", ylabel="theta 2")


GUIDES = (("-1/6", -1 / 6), ("-1/4", -1 / 4), ("-1/2", -1 / 2))
"""Slopes that are drawn for comparison."""
LINES = ("#0b6e4f", "#2a6f97", "#9a6700", "#57606a", "#7b3294", "#b2182b", "#1b1b1b")


def rates(series: list[Series]) -> Markup:
    """Measured series over the width on log-log axes, each with its name and its theory's dashed line; guide slopes."""

    def draw(axes: Axes) -> None:
        first, last = (choose(m for row in series for m in row.widths) for choose in (min, max))
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        drawn: list[tuple[list[int], list[float]]] = []
        for row, colour in zip(series, LINES, strict=False):
            axes.errorbar(row.widths, row.means, yerr=row.errors, fmt="o-", markersize=4, color=colour)
            # Two lines may have one theory: it is the first one's.
            if (row.widths, row.theory) not in drawn:
                axes.plot(row.widths, row.theory, "--", linewidth=1.3, color=colour, alpha=0.8)
            drawn.append((row.widths, row.theory))
        lowest = min(min(row.means) for row in series)
        for name, slope in GUIDES:
            # From one corner below the data, over the first four doublings.
            ends = np.array([first, 16 * first]), lowest * 0.8 * np.array([1.0, 16.0**slope])
            axes.plot(*ends, color="#8c959f", linewidth=1)
            axes.annotate(
                name, (ends[0][1], ends[1][1]), (3, -2), textcoords="offset points", color="#57606a", fontsize=7
            )
        # Names stand right of the lines' ends, pushed apart where two ends are near.
        taken = np.inf
        for row, colour in sorted(zip(series, LINES, strict=False), key=lambda pair: -pair[0].means[-1]):
            height = min(row.means[-1], taken / 1.3)
            taken = height
            axes.plot([row.widths[-1], 1.5 * last], [row.means[-1], height], ":", linewidth=0.7, color=colour)
            axes.annotate(row.name, (1.5 * last, height), (3, -2), textcoords="offset points", color=colour)
        axes.set(xlim=(first / 1.5, 64 * last), xlabel="width m", ylabel="value (see the table)")
        axes.set_xticks([m for m in 2.0 ** np.arange(0, 40, 2) if first <= m <= last])

    slopes = "; ".join(f"{row.name}: slope {row.slope.value:.3f}" for row in series)
    return _drawing("rates", (7.2, 4.8), draw, f"Rates in the width, log-log. {slopes}.")
