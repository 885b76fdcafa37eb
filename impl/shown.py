"""What a result shows of itself: a table in a notebook (`_repr_html_`), the same on rich's terminal (`__rich__`); ends
of intervals, rounded outwards to few digits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rich.table import Table


class Sheet(NamedTuple):
    """A table of texts: its caption, its head (empty: none), its rows."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Shown:
    """Shows its `sheet` wherever tables are shown."""

    __slots__ = ()

    @property
    def sheet(self) -> Sheet:
        """What to show."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        caption, head, rows = self.sheet
        heads = f"<thead><tr>{_cells('th', head)}</tr></thead>" if head else ""
        body = "".join(f"<tr>{_cells('td', row)}</tr>" for row in rows)
        return f"<table><caption>{escape(caption)}</caption>{heads}<tbody>{body}</tbody></table>"

    def __rich__(self) -> Table:
        # A terminal that shows no table need not wait for rich.
        from rich import box
        from rich.table import Table
        from rich.text import Text

        caption, head, rows = self.sheet
        table = Table(title=Text(caption), title_justify="left", box=box.SIMPLE_HEAD, show_header=bool(head))
        for name in head or rows[0]:
            table.add_column(Text(name), overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        return table


def _cells(tag: str, texts: Sequence[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)


def rounded_up(value: float, digits: int) -> str:
    """A number of so many digits that is not below the value as Python writes it, to half a unit of its last place."""
    return _rounded(value, digits, ROUND_CEILING)


def rounded_down(value: float, digits: int) -> str:
    """A number of so many digits that is not above the value as Python writes it, to half a unit of its last place."""
    return _rounded(value, digits, ROUND_FLOOR)


def between(low: float, high: float, digits: int) -> str:
    """An interval, rounded outwards; its one number where so many digits do not tell its ends apart."""
    if f"{low:.{digits}g}" == f"{high:.{digits}g}":
        return f"{high:.{digits}g}"
    return f"between {rounded_down(low, digits)} and {rounded_up(high, digits)}"


def _rounded(value: float, digits: int, way: str) -> str:
    if value == 0 or not math.isfinite(value):
        return f"{value + 0.0:.{digits}g}"
    exact = Decimal(repr(float(value)))
    found = float(exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), way))
    return f"{found:.{digits}g}" if math.isfinite(found) else repr(float(value))
