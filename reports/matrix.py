"""The assumption matrix: claims x assumptions, each cell with its status, its witness and what was searched.

Sources of a cell, in this order: counterexamples and arguments of the theory (`theory.without`), confirmed
here; then leave-one-out search (`impl.leave_one_out`). What neither settles is open, with a count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import convert

from ..impl.counterexample import confirm, instance_of, second_opinion
from ..impl.families import Family, all_claims
from ..impl.files import BadInputError, text
from ..impl.instances import Instance
from ..impl.judgement import Enclosure
from ..impl.leave_one_out import HUNTERS, Cell, Found, Survey, survey
from ..impl.unfinished import document, restored
from ..theory.claim import Ablation, Assumption, Claim, Relation, Source, Standing
from ..theory.without.hypotheses import HYPOTHESES
from .formats.auditing import AuditRecord, AuditRows, DriverName, Evidence, Joint, Search, StandingName
from .formats.auditing import Cell as Row
from .formats.shared import Opinion, WitnessKind, interval, latex
from .own import option
from .records import dumps, write_text
from .witnesses import FOLDER, readable, witness


def matrix(
    family: Family,
    folder: Path,
    seed: int,
    examples: int,
    work: float = 0.0,
    progress: Callable[[str], None] = lambda message: None,
    unfinished: Path | None = None,
    known: Sequence[tuple[str, Instance]] = (),
    until: float = math.inf,
    claims: Sequence[Claim] | None = None,
) -> AuditRows:
    """The matrix of a family (or of these of its claims), and whether each claim's assumptions can be met together.

    `examples` instances are generated; that much `work` of every driver goes to each needed cell
    that they do not refute.
    Writes the witnesses beside the record. `unfinished`: a file from which an interrupted search goes on. `known`:
    further instances, each with what it is, on which assumptions are left out first. `until`: as in `survey`.
    """
    claims = family.all_claims if claims is None else claims
    searched = tuple(claim for claim in family.claims if claim in claims)
    kept: dict[str, tuple[str, Instance]] = {}
    for a in family.ablations:
        if a.instance is not None and a.population is None:
            instance = instance_of(a.instance)
            if instance.family == family.name:
                title, _ = kept.get(instance.sha256, (a.title, instance))
                kept[instance.sha256] = min(title, a.title, key=len), instance
    known = [*((f"counterexample: {title}", instance) for title, instance in kept.values()), *known]
    settled = {(a.claim, a.assumption) for a in family.ablations}
    needed = dict.fromkeys((a.claim, a.assumption) for a in family.ablations if a.standing is Standing.NEEDED)
    # Of own claims nobody has said yet which assumptions they need.
    needed |= dict.fromkeys((c.name, a.name) for c in family.claims if c.source is Source.OWN for a in c.assumptions)
    found = survey(
        family,
        examples if searched else 0,
        claims=searched,
        begun=None if unfinished is None else _begun(unfinished, family, searched),
        keep=lambda found: None if unfinished is None else write_text(unfinished, dumps(document(found))),
        seed=seed,
        known=known,
        settled=settled,
        hunted=needed,
        work=work,
        progress=progress,
        until=until,
    )
    progress(f"{family.title}: counterexamples")
    cells = [row for claim in claims for row in _row(family, claim, found, folder)]
    return AuditRows(cells, [_joint(family, claim, found, folder) for claim in searched])


def _begun(unfinished: Path, family: Family, claims: Sequence[Claim]) -> Survey | None:
    """The survey in the file, if it is whole."""
    try:
        return restored(text.document(unfinished), family, claims)
    except BadInputError:
        return None


def _row(family: Family, claim: Claim, found: Survey, folder: Path) -> list[Row]:
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


def _cell(claim: str, assumption: str, standing: Standing, cell: Cell | None, identifier: str = "") -> Row:
    """A cell without witness, with what the search adds; `statement` and `identifier` come from the theory."""
    known: dict[str, tuple[str, str]] = {h.name: (h.identifier, h.statement) for h in HYPOTHESES}
    own = next((c for c in all_claims() if c.name == claim), None)
    listed: tuple[Assumption, ...] = () if own is None else own.assumptions
    everywhere = [a for c in all_claims() for a in c.assumptions]
    for a in (*everywhere[::-1], *listed):
        known[a.name] = (a.identifier, a.statement)
    standard, statement = known.get(assumption, ("", ""))
    return Row(
        claim=claim,
        assumption=assumption,
        identifier=identifier or standard,
        statement=statement,
        status=convert(standing.value, StandingName),
        title="",
        step="",
        witness=None,
        instance=None,
        data=[],
        population=[],
        gap=None,
        bound=None,
        exact={},
        statement_without=None,
        confirmed=None,
        others=[],
        second=None,
        searched=0 if cell is None else cell.searched,
        found=None if cell is None or cell.first is None else _search(cell, cell.first),
        unfound="",
        evidence=None,
        reason="",
        command=None,
    )


def _search(cell: Cell, first: Found) -> Search:
    """The search's own counterexample."""
    driver = first.origin if first.origin in HUNTERS else "generators"
    return Search(
        latex(cell.claim.left, cell.claim.relation, cell.claim.bound),
        cell.why,
        convert(driver, DriverName),
        first.origin,
        first.examples,
        round(first.seconds, 2),
        first.instance.numbers,
        first.meaningless,
    )


def _curated(ablation: Ablation, cell: Cell | None, folder: Path) -> Row:
    row = _cell(ablation.claim, ablation.assumption, ablation.standing, cell, ablation.identifier)
    row.title, row.step, row.reason = ablation.title, ablation.step, ablation.reason
    if ablation.standing is Standing.NEEDED and row.found is None:
        row.unfound = ablation.unfound or _searched_in_vain(cell)
    if ablation.instance is None or ablation.bound is None:
        return row
    checked = confirm(ablation)
    alone = ablation.population is None and ablation.direction is None and not ablation.meaningless
    _show(row, folder, "ablation", ablation.name, checked.instance, checked.gap, checked.bound)
    row.population = [] if ablation.population is None else readable(instance_of(ablation.population))
    row.exact, row.confirmed, row.others = checked.exact, checked.confirmed, list(checked.others)
    row.statement_without = latex(ablation.left, Relation.AT_MOST, ablation.bound)
    row.second = Opinion.of(second_opinion(ablation.left, ablation.bound, checked.instance) if alone else None)
    return row


def _searched(family: Family, cell: Cell, folder: Path) -> Row:
    """A cell that only the search speaks of: a counterexample that it found, or none."""
    claim, found = cell.claim, cell.found
    row = _cell(claim.name, cell.assumption, Standing.OPEN if found is None else Standing.NEEDED, cell)
    if found is None:
        row.reason = _searched_in_vain(cell)
        return row
    name = f"{claim.name}-without-{cell.assumption}"
    _show(row, folder, "leave-one-out", name, found.instance, found.judged.side, found.judged.bound)
    row.title, row.confirmed = f"found by search ({found.origin})", True
    row.step = next((a.step for a in family.ablations if a.assumption == cell.assumption and a.step), "")
    row.statement_without = latex(claim.left, claim.relation, claim.bound)
    if found.meaningless:
        row.reason = f"The conclusion loses its meaning: {found.judged.reason}."
    else:
        row.reason = "The conclusion is false on the instance found; no other assumption fails there."
        row.second = Opinion.of(second_opinion(claim.left, claim.bound, found.instance, claim.relation))
    if cell.first is None:
        row.unfound = f"{_searched_in_vain(cell)} A kept instance of another cell does."
    return row


def _searched_in_vain(cell: Cell | None) -> str:
    if cell is None:
        return "Nothing is rewritten without it: there is no statement to refute by search."
    if not cell.searched:
        return "No generated instance breaks this assumption and meets the others."
    held = f"Left out on {cell.searched} generated instances ({cell.held - cell.equal} PROVED, {cell.equal} EQUAL)"
    return f"{held}: none refutes the claim, nor does a hunt. It may be superfluous."


def _unused(cell: Cell) -> Row:
    row = _cell(cell.claim.name, cell.assumption, Standing.NOT_NEEDED, None)
    row.reason = "The claim does not assume it: no step of its proof uses it."
    row.evidence = Evidence(cell.searched, cell.held - cell.equal, cell.equal)
    return row


def _show(
    row: Row,
    folder: Path,
    kind: WitnessKind,
    name: str,
    instance: Instance,
    left: Enclosure | None,
    bound: Enclosure | None,
) -> None:
    """The instance as the row's witness, in a file."""
    row.witness = _kept(folder, kind, name, instance, left, bound)
    row.command = f"metagap replay {{folder}}/{row.witness}{option()}"
    row.instance, row.data = instance.sha256, readable(instance)
    row.gap, row.bound = interval(left), interval(bound)


def _kept(
    folder: Path, kind: WitnessKind, name: str, instance: Instance, left: Enclosure | None, bound: Enclosure | None
) -> str:
    file = f"{FOLDER}/{name}.json"
    write_text(folder / file, witness(kind, name, instance, left, bound))
    return file


def _joint(family: Family, claim: Claim, found: Survey, folder: Path) -> Joint:
    """Whether the search met all assumptions of a claim together, which pairs it never met, and whether the claim was
    violated where it met them all."""
    violated = [one for one in found.violations if one.judged.claim == claim.name]
    file = None
    if violated:
        one = min(violated, key=lambda one: one.instance.numbers)
        file = _kept(folder, "claim", claim.name, one.instance, one.judged.side, one.judged.bound)
    return Joint(
        family=family.name,
        claim=claim.name,
        assumptions=[a.name for a in claim.assumptions],
        examples=found.examples,
        met=found.met[claim.name],
        conflicts=found.conflicts(claim),
        violated=len(violated),
        witness=file,
        void=found.void[claim.name],
        lacking=found.lacking.get(claim.name, {}),
    )


def unsearched(record: AuditRecord) -> list[Row]:
    """Cells that are open, and no instance was found that could close them."""
    return [c for c in record.cells if c.status == Standing.OPEN.value and not c.searched]


def alarms(record: AuditRecord) -> list[Row | Joint]:
    """What must not be in a matrix: cells of ours that are open without a search, counterexamples that are not
    confirmed, and claims violated where all their assumptions are certified."""
    opened = unsearched(record) if record.own is None else []
    return [*opened, *(c for c in record.cells if c.confirmed is False), *(j for j in record.joint if j.violated)]
