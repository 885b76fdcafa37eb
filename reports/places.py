"""Where each claim stands in the theory: file and line, for those who read code beside a report."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ..impl.families import all_claims, family_of
from .records import SOURCES

THEORY = SOURCES / "theory"


@cache
def places() -> dict[str, tuple[str, int]]:
    """Claim name -> (file such as theory/meta_sl.py, line of its statement).

    A claim is written in its family's file, or in one that this file takes it from: the nearest that names it.
    """
    found = {}
    for claim in all_claims():
        family = family_of(claim)
        stem = claim.name.removeprefix(f"{family.name}-")
        found[claim.name] = next(
            (f"theory/{path.name}", line)
            for path in _taken(family.home)
            for line in [_named(path).get(stem)]
            if line is not None
        )
    return found


def _taken(path: Path) -> list[Path]:
    """The file and those of the theory that it imports from, the nearest first."""
    found = [path]
    for one in found:
        for node in ast.walk(_tree(one)):
            if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
                found += [p for p in [THEORY / f"{node.module}.py"] if p not in found]
    return found


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _named(path: Path) -> dict[str, int]:
    """Stem -> line of the claims that a file states."""
    return dict(_stated(path))


def _stated(path: Path) -> Iterator[tuple[str, int]]:
    begin = {"with_error": "init-", "step": "error-"}
    for call in ast.walk(_tree(path)):
        if isinstance(call, ast.Call):
            function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            stem = call.args[0] if function == "claim" else call.args[1] if function in begin else None
            if isinstance(stem, ast.Constant) and isinstance(stem.value, str):
                yield begin.get(function, "") + stem.value, call.lineno
