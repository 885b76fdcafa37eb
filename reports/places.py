"""Where each claim stands in the theory: file and line, for those who read code beside a report."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

from ..impl.families import ALL_CLAIMS
from .records import SOURCES


@cache
def places() -> dict[str, tuple[str, int]]:
    """Claim name -> (file such as theory/meta_sl.py, line of its statement).

    Found in the sources: a name written out, or one written for several claims at once (f"{family}-lifted"); of
    several places the one that spells out most of the name.
    """
    named = sorted(
        (found for path in (SOURCES / "theory").glob("*.py") for found in _named(path.read_text(), path.name)),
        key=lambda found: (-found[0], found[2:]),
    )
    return {
        claim.name: next((file, line) for _, pattern, file, line in named if pattern.fullmatch(claim.name))
        for claim in ALL_CLAIMS
    }


def _named(text: str, file: str) -> Iterator[tuple[int, re.Pattern[str], str, int]]:
    """The names that a file gives to claims: letters spelled out, what it matches, file, line."""
    for call in ast.walk(ast.parse(text)):
        if not (
            isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("Claim", "replace")
        ):
            continue
        given = [k.value for k in call.keywords if k.arg == "name"] or (
            call.args[:1] if call.func.id == "Claim" else []
        )
        for node in given:
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            spelled = [str(part.value) if isinstance(part, ast.Constant) else None for part in parts]
            pattern = "".join(".+" if part is None else re.escape(part) for part in spelled)
            yield sum(len(part or "") for part in spelled), re.compile(pattern), f"theory/{file}", call.lineno
