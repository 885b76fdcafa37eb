"""What the page says first: the paper's results one by one, and the assumptions of every claim as a matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..impl.families import FAMILIES
from ..theory.claim import Relation
from ..theory.paper import RESULTS, Outcome
from ..theory.without.hypotheses import HYPOTHESES, META_RL_ROWS
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
    """A claim and how tight it is, in words; an inequality is attained where both sides are enclosed as equal."""
    if row is None:
        return {"claim": name, "title": None, "words": "not in this run"}
    counts = row["counts"]
    violated = counts["VIOLATED"] + row["real_counts"]["VIOLATED"]
    if violated:
        words = f"violated on {violated} instances"
    elif row["relation"] == Relation.EQUAL.value:
        words = f"an equality: {equality(row)}"
    elif row["quantiles"] is None:
        words = "no instance with a positive bound"
    else:
        words = quantiles(row["quantiles"])
        if counts["EQUAL"]:
            words += f", attained on {counts['EQUAL']} instances"
        elif row["tightest"]:
            words += f", at most {ratio(row['tightest']['ratio'])} where proved"
        if row["real_quantiles"]:
            words += f"; on real tasks {quantiles(row['real_quantiles'])}"
    return {"claim": name, "title": row["title"], "words": words}


def equality(row: Mapping[str, Any]) -> str:
    """What was decided of an equality: the exact rationals apart from the enclosures."""
    counts = row["counts"]
    return (
        f"PROVED in exact rationals on {counts['PROVED']} instances, EQUAL as far as enclosures tell on "
        f"{counts['EQUAL']}"
    )


def quantiles(found: Mapping[str, float]) -> str:
    """The quantiles in words."""
    return f"10 %, 50 %, 90 % quantiles {', '.join(ratio(found[q]) for q in ('0.1', '0.5', '0.9'))}"


def ratio(value: float | None) -> str:
    """Left side over bound with three decimals, never rounded up to 1; a small one with two digits."""
    if value is None:
        return "–"
    return f"{value:.2g}" if 0 < value < 0.01 else f"{math.floor(value * 1000) / 1000:g}"


def status(row: Mapping[str, Any]) -> str:
    """What the filter calls a claim's state."""
    counts, real = row["counts"], row["real_counts"]
    if counts["VIOLATED"] + real["VIOLATED"]:
        return "violated"
    if loose(row):
        return "undecided"
    if counts["UNDECIDED"] + real["UNDECIDED"]:
        return "a few undecided"
    if counts["EQUAL"] + real["EQUAL"]:
        return "all proved or equal"
    return "all instances proved" if row["scope"] else "not judged"


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
        known = identifiers(audit)
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
                    "columns": [
                        {"name": name, "identifier": _standard(known, name, family.name), "statement": statements[name]}
                        for name in columns
                    ],
                    "rows": rows,
                }
            )
    return found


def identifiers(audit: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Every assumption with its standard names (A1..A10 of the core result, RL-A..RL-P of meta-RL) and statements."""
    found: dict[str, tuple[set[str], dict[str, None]]] = {}

    def add(name: str, identifier: str, statement: str) -> None:
        names, statements = found.setdefault(name, (set(), {}))
        names.update({identifier} - {""})
        if statement:
            statements[statement] = None

    for family in FAMILIES.values():
        for claim in family.all_claims:
            for a in claim.assumptions:
                add(a.name, a.identifier, a.statement)
    for h in HYPOTHESES:
        add(h.name, h.identifier, h.statement)
    for identifier, name in META_RL_ROWS.items():
        add(name, identifier, "")
    for cell in audit["cells"] if audit else ():
        add(cell["assumption"], cell["identifier"], "")
    rows = [
        {"name": name, "identifiers": sorted(names, key=_order), "statements": list(statements)}
        for name, (names, statements) in found.items()
    ]
    return sorted(rows, key=lambda row: [_order(i) for i in row["identifiers"]] or [(2, 0, "")])


def _order(identifier: str) -> tuple[int, int, str]:
    """A1 to A10, then RL-A to RL-P."""
    number = identifier.removeprefix("A")
    return (0, int(number), "") if number.isdigit() else (1, 0, identifier)


def _standard(known: list[dict[str, Any]], name: str, family: str) -> str:
    """The identifiers of an assumption, those of meta-RL in its families alone."""
    names: list[str] = next((row["identifiers"] for row in known if row["name"] == name), [])
    return ", ".join(n for n in names if FAMILIES[family].returns or not n.startswith("RL-"))


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
