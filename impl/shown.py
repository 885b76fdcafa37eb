"""What a result shows of itself: a table in a notebook (`_repr_html_`), the same on rich's terminal (`__rich__`)."""

from __future__ import annotations

from collections.abc import Sequence
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
