"""Where each claim stands in the theory: file and line, for those who read code beside a report."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from ..impl.families import FAMILIES
from .records import SOURCES


@cache
def places() -> dict[str, tuple[str, int]]:
    """Claim name -> (file such as theory/meta_sl.py, line of its statement).

    Found in the sources: a name written out, or written for every family at once (f"{family}-lifted").
    """
    found: dict[str, tuple[str, int]] = {}
    for path in sorted((SOURCES / "theory").glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Claim" and call.args:
                for name in _names(call.args[0]):
                    found.setdefault(name, (f"theory/{path.name}", call.lineno))
    return found


def _names(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.JoinedStr):
        for family in FAMILIES:
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else family for part in node.values)
