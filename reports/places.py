"""Where each claim stands in the theory: file and line, for those who read code beside a report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from ..impl.families import all_claims, family_of
from ..impl.own_claims import standing
from ..theory.claim import Source
from .records import SOURCES

THEORY = SOURCES / "theory"


class Place(NamedTuple):
    """A line of a file such as theory/meta_sl.py."""

    file: str
    line: int

    @property
    def id(self) -> str:
        """Its id on the page."""
        return f"{re.sub('[^A-Za-z0-9]+', '-', self.file.removesuffix('.py')).strip('-')}-{self.line}"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@cache
def statements() -> dict[str, tuple[Path, int]]:
    """Claim name -> where it is stated.

    A claim is written in its family's file, or in one that this file takes it from: the nearest that names it.
    """
    found = {}
    for claim in all_claims():
        if claim.source is Source.OWN:
            continue
        family = family_of(claim)
        stem = claim.name.removeprefix(f"{family.name}-")
        lines = ((path, _named(path).get(stem)) for path in _taken(family.home))
        found[claim.name] = next((path, line) for path, line in lines if line is not None)
    return found


def places() -> dict[str, Place]:
    """Claim name -> where it is stated; of own claims in their file, as the command line named it."""
    own = standing()
    found = {name: Place(f"theory/{path.name}", line) for name, (path, line) in statements().items()}
    if own is not None:
        found |= {claim.name: Place(own.place, own.line(claim.name)) for claim in own.claims}
    return found


def sources() -> dict[str, list[tuple[str, str]]]:
    """File -> its text with numbered lines, in parts: a line on which a claim is stated with its id, or what is between
    such lines with none.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    own = standing()
    if own is not None:
        lines = {place.line: place.id for place in (Place(own.place, own.line(c.name)) for c in own.claims)}
        found[own.place] = _parts(own.text, lines)
    for path in sorted({path for path, _ in statements().values()}):
        file = f"theory/{path.name}"
        lines = {line: Place(file, line).id for other, line in statements().values() if other == path}
        found[file] = _parts(path.read_text(encoding="utf-8"), lines)
    return found


def _parts(text: str, stated: Mapping[int, str]) -> list[tuple[str, str]]:
    numbered = [(stated.get(n, ""), f"{n:>4}  {line}") for n, line in enumerate(text.splitlines(keepends=True), 1)]
    return [(id_, "".join(text for _, text in part)) for id_, part in groupby(numbered, lambda row: row[0])]


@cache
def _taken(path: Path) -> list[Path]:
    """The file and those of the theory that it imports from, the nearest first."""
    found = [path]
    for one in found:
        modules = re.findall(r"^from \.(\w+) import", one.read_text(encoding="utf-8"), re.MULTILINE)
        found += [p for p in dict.fromkeys(THEORY / f"{module}.py" for module in modules) if p not in found]
    return found


CALL = re.compile(r'\b(?:claim\(\s*|(with_error|step)\([^",]+,\s*)"([^"]+)"')
"""A claim is stated by a call with its stem, or with that which another one's is made of."""


@cache
def _named(path: Path) -> dict[str, int]:
    """Stem -> line of the claims that a file states."""
    text, begin = path.read_text(encoding="utf-8"), {"with_error": "init-", "step": "error-", None: ""}
    return {begin[call[1]] + call[2]: text.count("\n", 0, call.start()) + 1 for call in CALL.finditer(text)}
