"""The README's generated tables are current, and its commands are the ones that CI runs."""

from __future__ import annotations

import re
from pathlib import Path

from metagap.impl.families import FAMILIES
from metagap.reports.readme import fill
from metagap.theory.claim import Source

README = Path(__file__).resolve().parent.parent / "README.md"


def test_the_tables_are_current() -> None:
    text = README.read_text(encoding="utf-8")
    assert fill(text, None) == text


def test_every_theorem_is_a_row_with_a_verdict_in_each_of_its_families() -> None:
    rows = [line.split(" | ") for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert len(rows) == len({(row[0].split("`")[1], row[1]) for row in rows})
    for place, family in enumerate(FAMILIES.values()):
        for claim in family.all_claims:
            stem = claim.name.removeprefix(f"{family.name}-")
            (row,) = [r for r in rows if r[0].startswith(f"| `{stem}`") and claim.bound.text in r[1] and
                      claim.left.text in r[1] and re.search(r"\d+/\d+|not run", r[2 + place])]  # fmt: skip
            assert ("**" in row[2 + place]) == (claim.source is Source.PAPER), claim.name


def test_the_picture_exists() -> None:
    assert (README.parent / "reports" / "picture.png").stat().st_size > 10_000
