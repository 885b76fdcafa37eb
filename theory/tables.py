"""Tables as texts: a row begins at the margin, with | between its parts; lines further in go on with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import dedent


def rows(text: str, parts: int = 0) -> Iterator[tuple[list[str], list[str]]]:
    """(parts, lines below) of each row, of at most so many parts (0: any number); a row that begins with # is none."""
    for row in re.split(r"\n(?=\S)", dedent(text).strip()):
        if not row.startswith("#"):
            head, *below = map(str.strip, row.splitlines())
            yield head.split(" | ", parts - 1), below
