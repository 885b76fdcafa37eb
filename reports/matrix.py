"""The assumption matrix: claims x assumptions, each cell with its status, its witness and what was searched.

Sources of a cell, in this order: counterexamples and arguments of the theory (`theory.without`), confirmed
here; then leave-one-out search (`impl.leave_one_out`). What neither settles is open, with a count.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..impl.counterexample import confirm, instance_of, second_opinion
from ..impl.families import Family, all_claims
from ..impl.files import BadInputError, text
from ..impl.instances import Instance
from ..impl.judge import Enclosure
from ..impl.leave_one_out import HUNTERS, Cell, Survey, survey
from ..impl.unfinished import document, restored
from ..theory.claim import Ablation, Assumption, Claim, Expression, Relation, Standing
from ..theory.notation import LETTERS
from ..theory.without.hypotheses import HYPOTHESES
from .records import dumps, enclosure, opinion_record, write_text
from .witnesses import FOLDER, readable, witness


def matrix(
    family: Family,
    folder: Path,
    seed: int,
    examples: int,
    seconds: float = 0.0,
    progress: Callable[[str], None] = lambda message: None,
    unfinished: Path | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(cells, joint): the matrix of a family, and whether each claim's assumptions can be met together.

    `examples` instances are generated; `seconds` of every driver go to each needed cell that they do not refute.
    Writes the witnesses beside the record. `unfinished`: a file from which an interrupted search goes on.
    """
    kept: dict[str, tuple[str, Instance]] = {}
    for a in family.ablations:
        if a.instance is not None and a.population is None:
            instance = instance_of(a.instance)
            title, _ = kept.get(instance.sha256, (a.title, instance))
            kept[instance.sha256] = min(title, a.title, key=len), instance
    known = [(f"counterexample: {title}", instance) for title, instance in kept.values()]
    settled = {(a.claim, a.assumption) for a in family.ablations}
    needed = dict.fromkeys((a.claim, a.assumption) for a in family.ablations if a.standing is Standing.NEEDED)
    found = survey(
        family,
        examples,
        begun=None if unfinished is None else _begun(unfinished, family),
        keep=lambda found: None if unfinished is None else write_text(unfinished, dumps(document(found))),
        seed=seed,
        known=known,
        settled=settled,
        hunted=needed,
        seconds=seconds,
        progress=progress,
    )
    progress(f"{family.title}: counterexamples")
    cells = [row for claim in family.all_claims for row in _row(family, claim, found, folder)]
    return cells, [_joint(family, claim, found, folder) for claim in family.claims]


def _begun(unfinished: Path, family: Family) -> Survey | None:
    """The survey in the file, if it is whole."""
    try:
        return restored(text.document(unfinished), family, family.claims)
    except BadInputError:
        return None


def _row(family: Family, claim: Claim, found: Survey, folder: Path) -> list[dict[str, Any]]:
    """The cells of one claim: what it assumes, what is built into it, and what it does not need."""
    searched = {cell.assumption: cell for (name, _), cell in found.cells.items() if name == claim.name}
    names = dict.fromkeys((*(a.name for a in claim.assumptions), *(h.name for h in HYPOTHESES), *searched))
    rows = []
    for name in names:
        cell = searched.get(name)
        curated = [a for a in family.ablations if (a.claim, a.assumption) == (claim.name, name)]
        rows += [_curated(ablation, cell, folder) for ablation in curated]
        if not curated and cell is not None:
            rows.append(_searched(family, cell, folder) if cell.assumed else _unused(cell))
    return rows


def _cell(claim: str, assumption: str, identifier: str = "") -> dict[str, Any]:
    """A cell without content; `statement` and `identifier` come from the theory."""
    known: dict[str, tuple[str, str]] = {h.name: (h.identifier, h.statement) for h in HYPOTHESES}
    own = next((c for c in all_claims() if c.name == claim), None)
    listed: tuple[Assumption, ...] = () if own is None else own.assumptions
    everywhere = [a for c in all_claims() for a in c.assumptions]
    for a in (*everywhere[::-1], *listed):
        known[a.name] = (a.identifier, a.statement)
    standard, statement = known.get(assumption, ("", ""))
    return {
        "claim": claim,
        "assumption": assumption,
        "identifier": identifier or standard,
        "statement": statement,
        "status": Standing.OPEN.value,
        "title": "",
        "step": "",
        "witness": None,
        "instance": None,
        "data": [],
        "population": [],
        "gap": None,
        "bound": None,
        "exact": {},
        "statement_without": None,
        "confirmed": None,
        "others": [],
        "second": None,
        "searched": 0,
        "found": None,
        "unfound": "",
        "evidence": None,
        "reason": "",
        "command": None,
    }


def _curated(ablation: Ablation, cell: Cell | None, folder: Path) -> dict[str, Any]:
    row = _cell(ablation.claim, ablation.assumption, ablation.identifier) | {
        "status": ablation.standing.value,
        "title": ablation.title,
        "step": ablation.step,
        "reason": ablation.reason,
        **_search_record(cell),
    }
    if ablation.standing is Standing.NEEDED and row["found"] is None:
        row["unfound"] = ablation.unfound or _searched_in_vain(cell)
    if ablation.instance is None or ablation.bound is None:
        return row
    checked = confirm(ablation)
    alone = ablation.population is None and ablation.direction is None and not ablation.meaningless
    return row | {
        **_witness(folder, "ablation", ablation.name, checked.instance, checked.gap, checked.bound),
        "population": [] if ablation.population is None else readable(instance_of(ablation.population)),
        "gap": enclosure(checked.gap),
        "bound": enclosure(checked.bound),
        "exact": checked.exact,
        "statement_without": _statement(ablation.left, ablation.bound, Relation.AT_MOST),
        "confirmed": checked.confirmed,
        "others": list(checked.others),
        "second": opinion_record(second_opinion(ablation.left, ablation.bound, checked.instance)) if alone else None,
    }


def _searched(family: Family, cell: Cell, folder: Path) -> dict[str, Any]:
    """A cell that only the search speaks of: a counterexample that it found, or none."""
    row = _cell(cell.claim.name, cell.assumption) | _search_record(cell)
    found = cell.found
    if found is None:
        return row | {"reason": _searched_in_vain(cell)}
    step = next((a.step for a in family.ablations if a.assumption == cell.assumption and a.step), "")
    if found.meaningless:
        reason = f"The conclusion loses its meaning: {found.judged.reason}."
    else:
        reason = "The conclusion is false on the instance found; no other assumption fails there."
    name = f"{cell.claim.name}-without-{cell.assumption}"
    left, bound = cell.claim.left, cell.claim.bound
    opinion = second_opinion(left, bound, found.instance, cell.claim.relation)
    return row | {
        **_witness(folder, "leave-one-out", name, found.instance, found.judged.gap, found.judged.bound),
        "status": Standing.NEEDED.value,
        "title": f"found by search ({found.origin})",
        "step": step,
        "gap": enclosure(found.judged.gap),
        "bound": enclosure(found.judged.bound),
        "statement_without": _statement(left, bound, cell.claim.relation),
        "confirmed": True,
        "second": None if found.meaningless else opinion_record(opinion),
        "reason": reason,
        "unfound": "" if cell.first is not None else f"{_searched_in_vain(cell)} A kept instance of another cell does.",
    }


def _searched_in_vain(cell: Cell | None) -> str:
    if cell is None:
        return "Nothing is rewritten without it: there is no statement to refute by search."
    if not cell.searched:
        return "No generated instance breaks this assumption and meets the others."
    return f"Left out on {cell.searched} generated instances: none refutes the claim, nor does a hunt."


def _unused(cell: Cell) -> dict[str, Any]:
    return _cell(cell.claim.name, cell.assumption) | {
        "status": Standing.NOT_NEEDED.value,
        "reason": "The claim does not assume it: no step of its proof uses it.",
        "evidence": {"failing": cell.searched, "proved": cell.held - cell.equal, "equal": cell.equal},
    }


def _search_record(cell: Cell | None) -> dict[str, Any]:
    """What the search adds: how many instances it tried, and its own counterexample, if it found one."""
    if cell is None:
        return {}
    first = cell.first
    return {
        "searched": cell.searched,
        "found": first
        and {
            "statement": _statement(cell.claim.left, cell.claim.bound, cell.claim.relation),
            "why": cell.why,
            "driver": first.origin if first.origin in HUNTERS else "generators",
            "generator": first.origin,
            "examples": first.examples,
            "seconds": round(first.seconds, 2),
            "numbers": first.instance.numbers,
            "meaningless": first.meaningless,
        },
    }


def _witness(
    folder: Path, kind: str, name: str, instance: Instance, left: Enclosure | None, bound: Enclosure | None
) -> dict[str, Any]:
    file = f"{FOLDER}/{name}.json"
    write_text(folder / file, witness(kind, name, instance, left, bound))
    return {
        "witness": file,
        "instance": instance.sha256,
        "data": readable(instance),
        "command": f"metagap replay {{folder}}/{file}",
    }


def _statement(left: Expression, bound: Expression, relation: Relation) -> str:
    sign = r"\le" if relation is Relation.AT_MOST else "="
    return rf"{left.latex(LETTERS)} {sign} {bound.latex(LETTERS)}"


def _joint(family: Family, claim: Claim, found: Survey, folder: Path) -> dict[str, Any]:
    """Whether the search met all assumptions of a claim together, which pairs it never met, and whether the claim was
    violated where it met them all."""
    violated = [one for one in found.violations if one.judged.claim == claim.name]
    shown = min(violated, key=lambda one: one.instance.numbers, default=None)
    sides = None if shown is None else (shown.instance, shown.judged.gap, shown.judged.bound)
    return {
        "family": family.name,
        "claim": claim.name,
        "assumptions": [a.name for a in claim.assumptions],
        "examples": found.examples,
        "met": found.met[claim.name],
        "conflicts": [list(pair) for pair in found.conflicts(claim)],
        "violated": len(violated),
        "witness": None if sides is None else _witness(folder, "claim", claim.name, *sides)["witness"],
    }


def alarms(record: dict[str, Any]) -> list[dict[str, Any]]:
    """What must not be in a matrix: cells that are open without a search, counterexamples that are not confirmed, and
    claims violated where all their assumptions are certified."""
    cells = record.get("cells", [])
    opened = [c for c in cells if c["status"] == Standing.OPEN.value and not c["searched"]]
    violated = [j for j in record.get("joint", []) if j["violated"]]
    return [*opened, *(c for c in cells if c["confirmed"] is False), *violated]
