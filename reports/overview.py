"""What the page says first: the paper's results one by one, and the assumptions of every claim as a matrix."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ..impl.families import FAMILIES
from ..theory.claim import Relation
from ..theory.paper import RESULTS, Outcome
from .tally import loose

SIGNS = {"needed": "●", "not needed": "○", "not assumed": "–", "vacuous": "∅", "open": "?", "not audited": "·"}
"""One sign per status of an assumption: what the colour says is said without it too."""

OUTCOMES = {Outcome.AS_READ: ("✓", "PROVED"), Outcome.WITH_MORE: ("+", "UNDECIDED"), Outcome.INSTEAD: ("≠", "VIOLATED")}
"""Sign, and the verdict whose colour is used."""


def cell_id(claim: str, assumption: str) -> str:
    """The id of a cell's detail on the page."""
    return f"cell-{claim}-{assumption}"


def mutant_id(name: str) -> str:
    """The id of a mutant's detail on the page."""
    return f"mutant-{name}"


def results(verify: Mapping[str, Any] | None, audit: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The paper's results as rows: outcome, what is needed, how tight the claims are, where the need is shown."""
    found = {row["claim"]: row for row in verify["claims"]} if verify else {}
    cells = {(c["claim"], c["assumption"]): c for c in reversed(audit["cells"])} if audit else {}
    mutants = {m["name"]: m for m in audit["mutants"]} if audit else {}
    rows = []
    for result in RESULTS:
        sign, colour = OUTCOMES[result.outcome]
        rows.append(
            {
                "title": result.title,
                "reading": result.reading,
                "basis": result.basis.value,
                "outcome": result.outcome.value,
                "sign": sign,
                "colour": colour,
                "needs": result.needs,
                "claims": [tightness(name, found.get(name)) for name in result.claims],
                "shown": [cells[pair] for pair in result.shown if pair in cells],
                "refuted": [mutants[name] for name in result.refuted if name in mutants],
            }
        )
    return rows


def tightness(name: str, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """A claim and how tight it is, in words; an inequality is attained where both sides are certified equal."""
    if row is None:
        return {"claim": name, "title": None, "words": "not in this run"}
    counts, quantiles = row["counts"], row["quantiles"]
    violated = counts["VIOLATED"] + row["real_counts"]["VIOLATED"]
    if violated:
        words = f"violated on {violated} instances"
    elif row["relation"] == Relation.EQUAL.value:
        words = f"an equality, certified on {counts['PROVED'] + counts['HOLDS']} of {row['scope']} instances in scope"
    elif quantiles is None:
        words = "no instance with a positive bound"
    else:
        attained = f"attained on {counts['HOLDS']} instances"
        if not counts["HOLDS"]:
            attained = (
                f"at most {ratio(row['tightest']['ratio'])} where proved" if row["tightest"] else "never attained"
            )
        words = f"median {ratio(quantiles['0.5'])}, 99 % at most {ratio(quantiles['0.99'])}, {attained}"
    return {"claim": name, "title": row["title"], "words": words}


def ratio(value: float | None) -> str:
    """gap/bound with four decimals, never rounded up to 1."""
    return "–" if value is None else f"{math.floor(value * 10_000) / 10_000:.4g}"


def status(row: Mapping[str, Any]) -> str:
    """What the filter calls a claim's state."""
    counts, real = row["counts"], row["real_counts"]
    if counts["VIOLATED"] + real["VIOLATED"]:
        return "violated"
    if loose(row):
        return "undecided"
    if counts["UNDECIDED"] + real["UNDECIDED"]:
        return "proved, a few undecided"
    return "proved" if row["scope"] + counts["HOLDS"] else "not judged"


def tables(audit: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Per family: the assumptions that are audited or assumed, and one row per claim with a cell for each.

    A cell is None where the claim neither assumes it nor is audited for it.
    """
    found = []
    for family in FAMILIES.values():
        names = {claim.name for claim in family.all_claims}
        cells: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for cell in audit["cells"]:
            if cell["claim"] in names:
                cells.setdefault((cell["claim"], cell["assumption"]), []).append(cell)
        assumed = {(claim.name, a.name): a.statement for claim in family.all_claims for a in claim.assumptions}
        statements = {name: rows[0]["statement"] for (_, name), rows in cells.items()}
        statements |= {name: text for (_, name), text in assumed.items()}
        columns = list(dict.fromkeys(name for _, name in (*assumed, *cells)))
        rows = [
            {
                "claim": claim.name,
                "title": claim.title,
                "source": claim.source.name.lower(),
                "cells": [_cell(claim.name, name, cells, assumed) for name in columns],
            }
            for claim in family.all_claims
            if any((claim.name, name) in cells or (claim.name, name) in assumed for name in columns)
        ]
        if rows:
            found.append(
                {
                    "family": family.name,
                    "title": family.title,
                    "columns": [{"name": name, "statement": statements[name]} for name in columns],
                    "rows": rows,
                }
            )
    return found


def _cell(
    claim: str,
    name: str,
    cells: Mapping[tuple[str, str], list[Mapping[str, Any]]],
    assumed: Mapping[tuple[str, str], str],
) -> dict[str, Any] | None:
    found = cells.get((claim, name))
    if found is None:
        return {"status": "not audited", "sign": SIGNS["not audited"], "id": None} if (claim, name) in assumed else None
    standing = standing_of(found[0])
    return {"status": standing, "sign": SIGNS[standing], "id": cell_id(claim, name)}


def standing_of(cell: Mapping[str, Any]) -> str:
    """The cell's status; "not assumed" where the claim does not make the assumption, and so does not need it."""
    return "not assumed" if cell["evidence"] is not None else str(cell["status"])


def details(audit: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(cells, rest): the audit's cells with an id of their own, those that the claim does not assume apart.

    The first cell of a pair (claim, assumption) has the pair's id.
    """
    seen: dict[str, int] = {}
    cells: list[dict[str, Any]] = []
    rest: list[dict[str, Any]] = []
    for cell in audit["cells"]:
        name = cell_id(cell["claim"], cell["assumption"])
        seen[name] = seen.get(name, 0) + 1
        row = {**cell, "id": name if seen[name] == 1 else f"{name}-{seen[name]}"}
        (cells if cell["evidence"] is None else rest).append(row)
    return cells, rest


def answer(verify: Mapping[str, Any] | None) -> list[str]:
    """The title's question, answered from this run: certified distances on generated and on real tasks."""
    if verify is None:
        return []
    found = []
    variants = (verify["landscapes"] or {}).get("variants", [])
    points, traps = (sum(v[key] for v in variants) for key in ("points", "spurious"))
    if points:
        worst = max((v["largest_excess"] or 0.0 for v in variants), default=0.0)
        found.append(
            f"It can be far: of {points} critical points of small generated problems {traps} are certified not to be "
            f"global, by up to {ratio(worst)}. The theorem's bound held at every one of them."
        )
    close: list[str] = []
    wide: list[str] = []
    for family in verify["real_families"]:
        rows = [
            r
            for r in family["rows"]
            if r["optimum"]
            and re.search(r"(?<!un)trained", r["name"].split("against")[0])
            and r["optimum"]["gap"]["hi"] is not None
        ]
        for chosen, checked in ((close, True), (wide, False)):
            own = [r["optimum"] for r in rows if bool(r["optimum"]["checked"]) is checked]
            if own:
                far = max(own, key=lambda o: o["gap"]["hi"])
                chosen.append(f"{family['title']} {far['gap']['hi']:.2g} (bound {far['bound']['hi']:.2g})")
    if close:
        found.append(
            "On real tasks with few parameters the trained points are near: at most this far from the certified "
            f"optimum: {'; '.join(close)}."
        )
    if wide:
        found.append(f"Where the optimum is bracketed only roughly, at most this far: {'; '.join(wide)}.")
    return found
