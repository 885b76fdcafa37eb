"""From records to one self-contained page: statements in MathML, histograms as inline SVG, nothing fetched."""

from __future__ import annotations

import io
import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from latex2mathml.converter import convert
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from ..impl.families import FAMILIES
from ..impl.files import BadInputError
from ..theory.claim import Verdict
from ..theory.notation import OBJECTS, SYMBOLS
from .records import write_text

RECORDS = {"verify.json": "metagap/verify/1", "audit.json": "metagap/audit/1"}

COLOURS = {
    "PROVED": "#0b6e4f",
    "HOLDS": "#2a6f97",
    "VIOLATED": "#b00020",
    "OUTSIDE": "#6b7280",
    "UNDECIDED": "#9a6700",
}
"""Verdict colours (distinguishable without red and green; the word is always printed too)."""


@cache
def mathml(latex: str, display: str = "inline") -> Markup:
    """LaTeX as MathML, which browsers typeset themselves."""
    return Markup(convert(latex, display=display))


def number(value: float | None, digits: int = 4) -> str:
    """A number for people."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    return f"{value:.{digits}g}" if 1e-3 <= abs(value) < 1e6 else f"{value:.{digits - 1}e}"


def enclosure(value: dict[str, float | None] | None, digits: int = 6) -> str:
    """An enclosure for people: the digits that both ends share; both ends where they share few."""
    if value is None:
        return "–"
    low, high = value["lo"], value["hi"]
    if low is None or high is None:
        return f"[{number(low)}, {number(high)}]"
    middle = low / 2 + high / 2
    if high - low <= 1e-6 * abs(middle) or high == low:
        return number(middle, digits)
    if max(abs(low), abs(high)) < 1e-9:
        return "0 (to 1e-9)"
    return f"[{number(low, digits)}, {number(high, digits)}]"


def share(value: float | None) -> str:
    """A share in per cent, never rounded up to 100."""
    if value is None:
        return "–"
    return "100 %" if value == 1 else f"{math.floor(value * 1000) / 10:.1f} %"


def histogram(row: dict[str, Any]) -> Markup | None:
    """The distribution of gap/bound as inline SVG, with a title and a description for readers that do not see it."""
    counts: list[int] = row["histogram"]
    if not sum(counts):
        return None
    with matplotlib.rc_context({"svg.hashsalt": row["claim"], "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(5.2, 1.9), layout="constrained")
        axes = figure.subplots()
        width = 1 / len(counts)
        axes.bar([(i + 0.5) * width for i in range(len(counts))], counts, 0.9 * width, color=COLOURS["HOLDS"])
        axes.set_xlim(0, 1)
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(0, max(counts) * 1.6)
        axes.set_xlabel("gap / bound (1: the bound is attained)")
        axes.set_ylabel("instances")
        axes.spines[["top", "right"]].set_visible(False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    drawing = text[text.index("<svg") :]
    label = (
        f"Histogram of gap over bound for {row['claim']}: {sum(counts)} instances with a positive bound and a gap "
        f"of at least 0; {counts[-1]} of them at 0.95 or more."
    )
    head, rest = drawing.split(">", 1)
    return Markup(f'{head} role="img" aria-label="{escape(label)}">{rest}')


def picture(row: dict[str, Any]) -> Markup:
    """A certified landscape as inline SVG: L, its critical points, the certified bracket, and the bound as a band."""
    name = f"{row['variant']}-{row['dimension']}"
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(5.2, 3.1), layout="constrained")
        axes = figure.subplots()
        values = np.array([np.nan if v is None else v for v in row["values"]])
        (_line if row["dimension"] == 1 else _contours)(axes, row, values)
        axes.spines[["top", "right"]].set_visible(False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawing = buffer.getvalue()
    head, rest = drawing[drawing.index("<svg") :].split(">", 1)
    traps = sum(p["spurious"] for p in row["points"])
    label = (
        f"The meta-objective of a {row['variant']} problem with {row['dimension']} parameter(s): certified minimum "
        f"{row['upper']:.6g}, {len(row['points'])} critical points, {traps} of them certified not to be global."
    )
    return Markup(f'{head} role="img" aria-label="{escape(label)}">{rest}')


_MARKS = {"local minimum": "v", "local maximum": "^", "saddle": "s", "flat minimum": "_"}


def _mark(axes: Any, kind: str, x: float, y: float, spurious: bool) -> None:
    colour = COLOURS["VIOLATED"] if spurious else COLOURS["PROVED"]
    axes.plot([x], [y], _MARKS[kind], color=colour, markersize=7, zorder=3)


def _line(axes: Any, row: dict[str, Any], values: np.ndarray) -> None:
    axes.plot(row["axis"], values, color=COLOURS["HOLDS"], linewidth=1.4)
    heights = [p["gap"]["hi"] + row["lower"] for p in row["points"]]
    top = max([row["upper"], *heights])
    room = 0.25 * (top - row["lower"]) + 1e-9
    axes.set_ylim(row["lower"] - 0.15 * room, top + 2 * room)
    axes.axhline(row["upper"], color=COLOURS["PROVED"], linewidth=1, linestyle="--")
    for point, height in zip(row["points"], heights, strict=True):
        _mark(axes, point["kind"], point["omega"][0], height, point["spurious"])
        if point["spurious"] and point["bound"]["hi"] is not None:
            # The theorem: L(omega) is at most lower + bound, a band above the certified minimum.
            high = row["lower"] + point["bound"]["hi"]
            axes.plot(
                [point["omega"][0]] * 2, [row["lower"], high], color=COLOURS["UNDECIDED"], linewidth=3, alpha=0.35
            )
    axes.set_xlabel("theta")
    axes.set_ylabel("L(theta)")


def _contours(axes: Any, row: dict[str, Any], values: np.ndarray) -> None:
    count = len(row["axis"])
    grid = np.log10(np.maximum(values - row["lower"], 1e-12)).reshape(count, count).T
    drawn = axes.contourf(row["axis"], row["axis"], grid, levels=14, cmap="cividis")
    axes.figure.colorbar(drawn, ax=axes, label="log10 (L - certified lower bound)")
    for point in row["points"]:
        x, y = point["omega"]
        _mark(axes, point["kind"], x, y, point["spurious"])
    axes.plot(*row["at"], "*", color="white", markeredgecolor="black", markersize=11, zorder=4)
    axes.set_xlabel("theta 1")
    axes.set_ylabel("theta 2")


def rates(series: list[dict[str, Any]]) -> Markup:
    """Measured series over the width on log-log axes, with the theory's lines dashed."""
    with matplotlib.rc_context({"svg.hashsalt": "rates", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(5.6, 3.6), layout="constrained")
        axes = figure.subplots()
        for row, colour in zip(series, ("#0b6e4f", "#2a6f97", "#9a6700", "#6b7280", "#7b3294"), strict=False):
            axes.errorbar(row["widths"], row["means"], yerr=row["errors"], fmt="o-", markersize=4, color=colour,
                          label=row["name"])  # fmt: skip
            axes.plot(row["widths"], row["theory"], "--", linewidth=1, color=colour)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xlabel("width m")
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawing = buffer.getvalue()
    head, rest = drawing[drawing.index("<svg") :].split(">", 1)
    slopes = "; ".join(f"{row['name']}: slope {row['slope']['value']:.3f}" for row in series)
    return Markup(f'{head} role="img" aria-label="Rates in the width, log-log. {escape(slopes)}.">{rest}')


def by_family(rows: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Claims grouped by family, in the order of the record."""
    names = dict.fromkeys(row["family"] for row in rows)
    return [(name, [row for row in rows if row["family"] == name]) for name in names]


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("metagap.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "mathml": mathml,
        "number": number,
        "enclosure": enclosure,
        "share": share,
        "by_family": by_family,
        "histogram": histogram,
        "picture": picture,
        "rates": rates,
    }
    environment.globals |= {
        "colours": COLOURS,
        "verdicts": {v.name: v.value for v in Verdict},
        "objects": OBJECTS,
        "families": {family.name: family.title for family in FAMILIES.values()},
        "symbols": list(SYMBOLS.values()),
    }
    return environment


def render(verify: dict[str, Any] | None, audit: dict[str, Any] | None, folder: str = "build/reports") -> str:
    """The page from the records; a missing record's sections say how to make it.

    `folder` replaces {folder} in the reproducing commands.
    """
    template = _environment().get_template("report.html.j2")
    return template.render(verify=verify, audit=audit, folder=folder, summary=_summary(verify, audit))


def _summary(verify: dict[str, Any] | None, audit: dict[str, Any] | None) -> dict[str, Any]:
    found: dict[str, Any] = {"violated": 0, "claims": 0, "proved": 0, "attained": 0, "killed": 0, "mutants": 0}
    if verify is not None:
        found["claims"] = len(verify["claims"])
        for row in verify["claims"]:
            for counts in (row["counts"], row["real_counts"]):
                found["violated"] += counts["VIOLATED"]
                found["proved"] += counts["PROVED"]
                found["attained"] += counts["HOLDS"]
    if audit is not None:
        alive = [m for m in audit["mutants"] if m["status"] != "equivalent"]
        found["mutants"], found["killed"] = len(alive), sum(m["status"] == "killed" for m in alive)
    return found


def write_report(folder: Path) -> Path:
    """Read the records in the folder and write its index.html.

    Errors: BadInputError if a record is damaged or of another format, or if there is none.
    """
    found = {name: _read(folder / name, form) for name, form in RECORDS.items() if (folder / name).exists()}
    if not found:
        raise BadInputError(str(folder), "records", "none", "verify.json or audit.json; run metagap verify first")
    page = folder / "index.html"
    write_text(page, render(found.get("verify.json"), found.get("audit.json"), folder.as_posix()))
    return page


def _read(path: Path, form: str) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInputError(str(path), "document", str(error), "a record in JSON; run the command again") from None
    given = record.get("format") if isinstance(record, dict) else None
    if given != form:
        raise BadInputError(str(path), "format", given, f"{form!r}; run the command again")
    return dict(record)
