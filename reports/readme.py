"""The README's tables, made from the theory and the losses so that they cannot drift.

`python -m metagap.reports.readme [verify.json]` rewrites README.md in the current folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ..impl.families import ALL_CLAIMS
from ..impl.losses import LOSSES
from ..theory.claim import Relation
from .places import places
from .records import write_text


def claims_table(record: dict[str, Any] | None) -> str:
    """One row per claim: statement, whose, where, last verdict (from a verification record)."""
    found = {row["claim"]: row for row in record["claims"]} if record else {}
    lines = ["| claim | statement | source | theory | last verdict |", "|---|---|---|---|---|"]
    for claim in ALL_CLAIMS:
        relation = "≤" if claim.relation is Relation.AT_MOST else "="
        statement = f"`{claim.left.text} {relation} {claim.bound.text}`"
        home, _ = places()[claim.name]
        name = Path(home).name
        lines.append(
            f"| `{claim.name}` {claim.title} | {statement} | {claim.source.name.lower()} | [{name}]({home}) "
            f"| {_verdict(found.get(claim.name))} |"
        )
    return "\n".join(lines)


def _verdict(row: dict[str, Any] | None) -> str:
    if row is None:
        return "not run"
    counts = row["counts"]
    attained = counts["HOLDS"] if row["relation"] == "<=" else 0
    proved = counts["PROVED"] + counts["HOLDS"] - attained
    text = f"{proved} of {row['scope']} proved" if row["relation"] == "<=" else f"{proved} of {row['scope']} hold"
    extra = f", {attained} attained" if attained else ""
    return f"{text}{extra}, {counts['VIOLATED']} violated"


def difference_table() -> str:
    """The paper's results as we read them, our claims, and the difference."""
    lines = [
        "| the paper, as we read its abstract (unchecked) | our claim | difference |",
        "|---|---|---|",
    ]
    for claim in ALL_CLAIMS:
        if claim.source.name == "PAPER":
            lines.append(f"| {claim.reading} | `{claim.name}` | {claim.difference} |")
    return "\n".join(lines)


def loss_table() -> str:
    """The losses."""
    lines = ["| loss | formula | labels | parameter | convex |", "|---|---|---|---|---|"]
    for family in LOSSES.values():
        profile = family.profile
        convex = "yes" if profile.convex else "no (for counterexamples)"
        lines.append(
            f"| `{family.name}` | ${profile.latex}$ | {family.link.value} | {profile.parameter or ''} | {convex} |"
        )
    return "\n".join(lines)


def fill(text: str, record: dict[str, Any] | None) -> str:
    """The README with its generated sections replaced; verdicts only if a record is given."""
    tables = {"losses": loss_table(), "differences": difference_table()}
    if record is not None:
        tables["claims"] = claims_table(record)
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->\n", "<!-- end -->"
        head, rest = text.split(begin, 1)
        text = head + begin + table + "\n" + rest[rest.index(end) :]
    return text


def main() -> None:
    """Rewrite README.md in the current folder; an argument names the verification record to take verdicts from."""
    path = Path("README.md")
    record = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")) if len(sys.argv) > 1 else None
    write_text(path, fill(path.read_text(encoding="utf-8"), record))


if __name__ == "__main__":
    main()
