"""How templates show numbers, formulas, enclosures and lists: text for people."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from functools import cache

from latex2mathml.converter import convert
from markupsafe import Markup, escape

from .formats.shared import Interval
from .formats.verifying import ClaimRow
from .overview import Detail


@cache
def mathml(latex: str, display: str = "inline") -> Markup:
    """LaTeX as MathML, which browsers typeset themselves."""
    return Markup(convert(latex, display=display))


def prose(text: str) -> Markup:
    """Text with formulas between dollar signs: these as MathML, the rest escaped."""
    parts = text.split("$")
    return Markup("").join(mathml(part) if n % 2 else escape(part) for n, part in enumerate(parts))


def number(value: float | None, digits: int = 4) -> str:
    """A number for people."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    return f"{value:.{digits}g}" if 1e-3 <= abs(value) < 1e6 else f"{value:.{digits - 1}e}"


def enclosure(value: Interval | None, digits: int = 6) -> str:
    """An enclosure for people: the digits that both ends share; both ends where they share few."""
    if value is None:
        return "–"
    low, high = value.lo, value.hi
    if low is None or high is None:
        return f"unbounded: [{'-∞' if low is None else number(low)}, {'∞' if high is None else number(high)}]"
    middle = low / 2 + high / 2
    if high - low <= 1e-6 * abs(middle) or high == low:
        return number(middle, digits)
    if max(abs(low), abs(high)) < 1e-9:
        return "0 (to 1e-9)"
    return f"[{number(low, digits)}, {number(high, digits)}]"


def signed(value: Fraction) -> str:
    """A fraction with a minus sign that is typeset as one."""
    return str(value).replace("-", "\N{MINUS SIGN}")


def decimal(value: Fraction) -> str:
    """A fraction with four decimals."""
    return f"{float(value):.4f}"


def below(value: float, digits: int = 7) -> str:
    """A number that a bracket says something is above: rounded down, never up to 1."""
    scale = 10.0**digits
    return number(math.floor(value * scale) / scale, digits) if value * scale >= 1 else number(value, digits)


def most(values: Iterable[str], count: int = 4) -> list[tuple[str, int]]:
    """The commonest of them, with how often they occur."""
    return Counter(values).most_common(count)


def pairs(cells: Iterable[Detail]) -> list[Detail]:
    """One cell for each pair of a claim and an assumption, which may have several counterexamples."""
    return list({(cell.claim, cell.assumption): cell for cell in cells}.values())


def against_functions(data: list[str]) -> bool:
    """Whether a written instance compares omega with functions or policies, which no parameter need reach."""
    return any(line.startswith(("comparator: functions", "comparator: policies")) for line in data)


def share(value: float | None) -> str:
    """A share in per cent, never rounded up to 100."""
    if value is None:
        return "–"
    return "100 %" if value == 1 else f"{math.floor(value * 1000) / 10:.1f} %"


def entry(row: ClaimRow, family: str) -> str:
    """A claim in the list of contents: its theorem and its title, once where the title says it too."""
    stem, title = row.claim.removeprefix(f"{family}-"), row.title
    said = ":" in title and stem.split("-")[0].lower() in title.split(":")[0].lower()
    return title if said else f"{stem}: {title}"
