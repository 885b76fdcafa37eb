"""The tables of the README files, made from the theory and the losses so that they cannot drift.

`python -m metagap.reports.readme [verify.json]` rewrites them in the current folder.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..impl.families import FAMILIES, all_claims
from ..impl.losses import LOSSES, VECTOR_LOSSES, Link
from ..theory.claim import Claim, Relation, Source
from ..theory.paper import RESULTS
from .formats import read
from .formats.verifying import ClaimRow, VerifyRecord
from .overview import SIGNS
from .places import places
from .proving import Standing, all_mutants, current
from .records import SOURCES, write_text
from .statements import generated

CLAIMS = {claim.name for claim in all_claims()}
PAGES = ("theory/README.md", "impl/files/README.md")
"""The pages with generated tables."""


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of GitHub's Markdown; `|` within a cell is escaped."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def theorems() -> list[tuple[str, str, dict[str, Claim]]]:
    """(name without the family's, statement, the claim of each family): one for each distinct statement."""
    rows: dict[tuple[str, str], dict[str, Claim]] = {}
    for family in FAMILIES.values():
        for claim in family.all_claims:
            relation = "≤" if claim.relation is Relation.AT_MOST else "="
            statement = f"`{claim.left.text} {relation} {claim.bound.text}`"
            rows.setdefault((claim.name.removeprefix(f"{family.name}-"), statement), {})[family.name] = claim
    stems = list(dict.fromkeys(stem for stem, _ in rows))
    ordered = sorted(rows.items(), key=lambda row: stems.index(row[0][0]))
    return [(stem, statement, claims) for (stem, statement), claims in ordered]


def claims_table(record: VerifyRecord | None) -> str:
    """One row per theorem and statement, one column per family with its last verdict (from a verification record)."""
    found = {row.claim: row for row in record.claims} if record else {}
    rows = []
    for stem, statement, claims in theorems():
        first = next(iter(claims.values()))
        homes = dict.fromkeys(places()[claim.name][0] for claim in claims.values())
        links = ", ".join(f"[{Path(home).stem}]({Path(home).relative_to('theory')})" for home in homes)
        verdicts = (
            _verdict(claims[name].source, found.get(claims[name].name)) if name in claims else "" for name in FAMILIES
        )
        rows.append((f"`{stem}` {first.title} ({links})", statement, *verdicts))
    return table(("theorem", "statement", *(family.short for family in FAMILIES.values())), rows)


def contents_table() -> str:
    """One row per theorem and statement: where it and its proof stand, in which families, what its assumptions are for,
    how many mutants it has, whether Coq proves it in general."""
    rows, proofs = [], current()
    for stem, statement, claims in theorems():
        first = next(iter(claims.values()))
        homes = dict.fromkeys(places()[claim.name][0].removeprefix("theory/") for claim in claims.values())
        links = ", ".join(f"[{Path(home).stem}]({home})" for home in homes)
        families = " · ".join(FAMILIES[name].short for name in claims)
        signs: dict[str, set[str]] = {}
        thought_of = made = 0
        for name, claim in claims.items():
            own = [m for m in FAMILIES[name].mutants if m.claim == claim.name]
            thought_of += sum(not m.generated for m in own)
            made += sum(m.generated for m in own)
            for assumption in claim.assumptions:
                known = {
                    a.standing.value
                    for a in FAMILIES[name].ablations
                    if (a.claim, a.assumption) == (claim.name, assumption.name)
                }
                signs.setdefault(assumption.name, set()).update(SIGNS[s] for s in known or {"open"})
        needs = ", ".join(f"{name}\u00a0{''.join(sorted(found))}" for name, found in signs.items())
        rows.append(
            (
                f"`{stem}` {first.title} ({links})",
                statement,
                families,
                needs,
                f"{thought_of} + {made}",
                _proof(claims, proofs),
            )
        )
    return table(("theorem", "statement", "families", "assumptions", "mutants", "in general"), rows)


def _proof(claims: dict[str, Claim], proofs: dict[str, Standing]) -> str:
    """Whether it is formal or argued; of which families, where they differ."""
    words = {family: proofs[claim.name].word for family, claim in claims.items()}
    kinds = sorted(set(words.values()))
    if len(kinds) == 1:
        return kinds[0]
    named = {kind: " · ".join(FAMILIES[f].short for f, word in words.items() if word == kind) for kind in kinds}
    return "; ".join(f"{kind}: {named[kind]}" for kind in reversed(kinds))


def rooms_table() -> str:
    """Where the setting of each family is, its mutants, and its claims without an assumption."""
    rows = []
    for name, family in FAMILIES.items():
        rooms = [[f"{room}/{module}.py" for module in _defining(room, name)] for room in ("mutants", "without")]
        links = (", ".join(f"[{path}]({path})" for path in paths) for paths in ([family.home.name], *rooms))
        rows.append((f"{family.short}: {family.title}", *links))
    return table(("family", "setting, own claims", "mutants", "without an assumption"), rows)


def _defining(room: str, family: str) -> list[str]:
    """The modules of a room of the theory that a family's data are in."""
    constant = family.replace("-", "_").upper()
    tree = ast.parse((SOURCES / "theory" / room / "__init__.py").read_text(encoding="utf-8"))
    taken = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level == 1]
    names = (constant, f"{constant}_COROLLARIES")
    return [str(n.module) for n in taken for alias in n.names if (alias.asname or alias.name) in names]


def _verdict(source: Source, row: ClaimRow | None) -> str:
    """Of how many in scope the claim is PROVED, of how many the sides are EQUAL, or by how many it is violated; the
    paper's results (as we read them) in bold."""
    if row is None:
        return "not run"
    counts = row.counts
    if counts.VIOLATED:
        return f"**{counts.VIOLATED} VIOLATED**"
    equal = f", {counts.EQUAL} EQUAL" if counts.EQUAL else ""
    scope = row.scope + (counts.EQUAL if row.relation == "<=" else 0)
    text = f"{counts.PROVED}/{scope} PROVED{equal}"
    return f"**{text}**" if source is Source.PAPER else text


def results_table() -> str:
    """The paper's results as we read them, what became of each, and the claims that carry it."""
    rows = [
        (
            f"**{result.title}.** {result.reading} (Basis: {result.basis.value}.)",
            f"**{result.outcome.value}.** {result.needs}",
            ", ".join(f"`{name}`" for name in result.claims),
        )
        for result in RESULTS
    ]
    return table(("the paper, as we read it", "what became of it", "claims"), rows)


def loss_table() -> str:
    """The losses."""
    rows = []
    for family in {**LOSSES, **VECTOR_LOSSES}.values():
        profile = family.profile
        convex = "yes" if profile.convex else "no (for counterexamples)"
        several = "; a list of numbers" if family.name in VECTOR_LOSSES and family.name in LOSSES else ""
        given = "classes" if family.link is Link.CLASS else profile.parameter or ""
        rows.append((f"`{family.name}`", f"${profile.latex}$", family.link.value + several, given, convex))
    return table(("loss", "formula", "labels", "parameter", "convex"), rows)


def fill(text: str, record: VerifyRecord | None) -> str:
    """A README with its generated sections replaced. Without a record verdicts stay, and new claims are "not run"."""
    tables = {"losses": loss_table, "results": results_table, "rooms": rooms_table, "contents": contents_table}
    for name, make in {**tables, "claims": lambda: claims_table(record)}.items():
        begin, end = f"<!-- {name} -->\n", "<!-- end -->"
        if begin in text:
            head, rest = text.split(begin, 1)
            old, new = rest[: rest.index(end)], make() + "\n"
            text = head + begin + (_kept(old, new) if name == "claims" and record is None else new) + rest[len(old) :]
    return text


def _kept(old: str, new: str) -> str:
    """A table's new rows, or the old ones of the same theorems and statements, if the columns are the same."""
    theorem = {tuple(line.split(" | ")[:2]): line for line in old.splitlines(keepends=True)}
    if new.splitlines(keepends=True)[0] not in theorem.values():
        return new
    return "".join(theorem.get(tuple(line.split(" | ")[:2]), line) for line in new.splitlines(keepends=True))


def main() -> None:
    """Rewrite the pages and Coq's statements in the current folder; an argument names the verification record to take
    verdicts from."""
    record = read(Path(sys.argv[1]), VerifyRecord) if len(sys.argv) > 1 else None
    if record is not None and (missing := len(CLAIMS - {row.claim for row in record.claims})):
        say = f"{sys.argv[1]}: {missing} of {len(CLAIMS)} claims are not in this record: a record of all is required"
        sys.stderr.write(f"{say}; make one by metagap verify --json FILE, without --claim\n")
        sys.exit(2)
    for file, text in generated(all_claims(), all_mutants()).items():
        write_text(Path("theory/formal") / file, text)
    for path in map(Path, PAGES):
        write_text(path, fill(path.read_text(encoding="utf-8"), record))


if __name__ == "__main__":
    main()
