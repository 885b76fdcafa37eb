"""The README's tables, made from the theory and the losses so that they cannot drift.

`python -m metagap.reports.readme [verify.json]` rewrites README.md in the current folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ..impl.families import FAMILIES
from ..impl.losses import LOSSES
from ..theory.claim import Claim, Relation, Source
from ..theory.paper import RESULTS
from .places import places
from .records import write_text

SHORT = {
    "meta-sl": "SL",
    "meta-rl": "RL",
    "network": "ReLU",
    "smooth-network": "smooth",
    "meta-rl-network": "RL, ReLU",
    "meta-rl-smooth-network": "RL, smooth",
}
"""Families as columns."""


def claims_table(record: dict[str, Any] | None) -> str:
    """One row per theorem and statement, one column per family with its last verdict (from a verification record)."""
    found = {row["claim"]: row for row in record["claims"]} if record else {}
    rows: dict[tuple[str, str], dict[str, Claim]] = {}
    for family in FAMILIES.values():
        for claim in family.all_claims:
            relation = "≤" if claim.relation is Relation.AT_MOST else "="
            statement = f"`{claim.left.text} {relation} {claim.bound.text}`"
            rows.setdefault((claim.name.removeprefix(f"{family.name}-"), statement), {})[family.name] = claim
    lines = [f"| theorem | statement | {' | '.join(SHORT[name] for name in FAMILIES)} |", "|---" * 8 + "|"]
    stems = list(dict.fromkeys(stem for stem, _ in rows))
    for (stem, statement), claims in sorted(rows.items(), key=lambda row: stems.index(row[0][0])):
        first = next(iter(claims.values()))
        homes = dict.fromkeys(places()[claim.name][0] for claim in claims.values())
        links = ", ".join(f"[{Path(home).stem}]({home})" for home in homes)
        verdicts = " | ".join(
            _verdict(claims[name].source, found.get(claims[name].name)) if name in claims else "" for name in FAMILIES
        )
        lines.append(f"| `{stem}` {first.title} ({links}) | {statement} | {verdicts} |")
    return "\n".join(lines)


def _verdict(source: Source, row: dict[str, Any] | None) -> str:
    """Of how many in scope the claim is PROVED, of how many the sides are EQUAL, or by how many it is violated; the
    paper's results (as we read them) in bold."""
    if row is None:
        return "not run"
    counts = row["counts"]
    if counts["VIOLATED"]:
        return f"**{counts['VIOLATED']} VIOLATED**"
    equal = f", {counts['EQUAL']} EQUAL" if counts["EQUAL"] else ""
    scope = row["scope"] + (counts["EQUAL"] if row["relation"] == "<=" else 0)
    text = f"{counts['PROVED']}/{scope} PROVED{equal}"
    return f"**{text}**" if source is Source.PAPER else text


def results_table() -> str:
    """The paper's results as we read them, what became of each, and the claims that carry it."""
    lines = ["| the paper, as we read it | what became of it | claims |", "|---|---|---|"]
    for result in RESULTS:
        claims = ", ".join(f"`{name}`" for name in result.claims)
        lines.append(
            f"| **{result.title}.** {result.reading} (Basis: {result.basis.value}.) "
            f"| **{result.outcome.value}.** {result.needs} | {claims} |"
        )
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
    tables = {"losses": loss_table(), "results": results_table()}
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
