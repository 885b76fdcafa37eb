"""What `metagap audit` prints: a summary by family; claim by claim and mutant by mutant for chosen families.

The report has every cell; a terminal of 80 columns has room for what must be seen.
"""

from __future__ import annotations

import statistics
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ...impl.answers import count
from ...theory.claim import Standing
from ..formats.auditing import AuditRecord, Cell, Joint, MutantRow, MutantsRecord
from ..matrix import alarms
from ..overview import by_family
from ..own import option
from ..records import in_folder
from .shared import listing, paper, voice


def print_audit(record: AuditRecord | MutantsRecord, page: Path | None, *, detailed: bool) -> None:
    """The audit's outcome. `detailed`: which assumptions each claim needs, and each mutant, a row each; last, in a line
    (quiet: nothing else), what was refuted."""
    console = paper()
    survived = [row.name for row in record.mutants if row.status == "survived"]
    if not voice.quiet:
        if isinstance(record, AuditRecord):
            _print_assumptions(console, record, detailed, None if page is None else str(page.parent))
            _print_sharpness(console, record)
        if detailed:
            console.print(_mutants(record.mutants))
        console.print(_power(record.mutants))
        if survived:
            console.print(f"Mutants that nothing refuted: {', '.join(survived)}.", style="bold red")
    said = []
    if isinstance(record, AuditRecord):
        within = "" if page is None else f"{page.parent}/"
        said += [f"VIOLATED: {row.claim} ({within}{row.witness})" for row in record.joint if row.violated]
        needed = [row for row in record.cells if row.status == Standing.NEEDED.value]
        said.append(f"{count(len(needed), 'time')} an assumption is needed, with a counterexample")
        opened = [row for row in record.cells if row.status == Standing.OPEN.value]
        if opened:
            said.append(f"open (superfluous?): {', '.join(f'{row.claim} without {row.assumption}' for row in opened)}")
    wrong = [row for row in record.mutants if row.status != "equivalent"]
    said.append(f"{sum(row.status == 'refuted' for row in wrong)} of {len(wrong)} mutants refuted")
    said.append(record.status)
    where = "" if page is None else f". Report: {page}"
    style = "bold red" if survived or (isinstance(record, AuditRecord) and alarms(record)) else "bold"
    console.print(f"{'; '.join(said)}{where}", style=style, highlight=False, soft_wrap=True)


def _print_assumptions(console: Console, record: AuditRecord, detailed: bool, folder: str | None) -> None:
    headings = ("needed", "found again", "not needed", "vacuous", "open")
    table = listing("Assumptions of claims: what fails without each", "family", headings)
    for family, rows in by_family(record.cells):
        counts = [sum(row.status == standing.value for row in rows) for standing in Standing]
        needed = [row for row in rows if row.status == Standing.NEEDED.value]
        again = sum(row.found is not None for row in needed)
        table.add_row(family, *(str(n) for n in (counts[0], again, *counts[1:])))
    console.print(table)
    console.print("needed: with a certified counterexample; found again: by the search, from scratch\n")
    if detailed:
        needs = listing("What each claim needs, and the step of its proof that breaks without it", "claim")
        needs.add_column("needs", overflow="fold")
        for name in dict.fromkeys(row.claim for row in record.cells):
            own = [c for c in record.cells if c.claim == name and c.status == Standing.NEEDED.value]
            parts = dict.fromkeys(_need(c) for c in own)
            needs.add_row(name, ", ".join(parts) or "nothing that it could lose")
        console.print(needs)
    opened = [row for row in record.cells if row.status == Standing.OPEN.value]
    for row in opened:
        console.print(f"open: {row.claim} without {row.assumption}: {row.reason}")
    for joint in record.joint:
        if joint.void:
            console.print(_lacking(joint))
    for alarm in alarms(record):
        if alarm not in opened:
            if isinstance(alarm, Joint):
                replay = in_folder(f"metagap replay {{folder}}/{alarm.witness}{option()}", folder or "")
                what = f"is VIOLATED where all its assumptions are certified: {replay}"
            else:
                what = f"({alarm.assumption}): see the report"
            console.print(f"alarm: {alarm.claim} {what}", style="bold red", soft_wrap=True)


def _lacking(row: Joint) -> str:
    """That a claim has no value although all its assumptions hold, and why."""
    why = "; ".join(f"{name}: {', '.join(reasons)}" for name, reasons in row.lacking.items())
    where = f"on {row.void} of {count(row.met, 'instance')}"
    return f"{row.claim}: under all its assumptions it has no value {where} ({why}): an assumption is missing"


def _need(cell: Cell) -> str:
    step = cell.step.split(":")[0]
    return f"{cell.assumption} ({step})" if step else cell.assumption


def _print_sharpness(console: Console, record: AuditRecord) -> None:
    rows = record.sharpness
    counts = {status: sum(row.status == status for row in rows) for status in ("sharp", "bracketed", "open")}
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    console.print(f"Constants in front of the terms of the bounds: {said}.\n")


def _power(rows: list[MutantRow]) -> Table:
    headings = ("refuted", "of", "median s", "slowest s", "equivalent")
    table = listing("Mutants: the suite's own power", "family", headings)
    for family, own in by_family(rows):
        wrong = [row for row in own if row.status != "equivalent"]
        refuted = [row.seconds for row in wrong if row.status == "refuted"]
        times = (f"{statistics.median(refuted):.2f}", f"{max(refuted):.2f}") if refuted else ("", "")
        table.add_row(family, str(len(refuted)), str(len(wrong)), *times, str(len(own) - len(wrong)))
    return table


def _mutants(rows: list[MutantRow]) -> Table:
    columns: dict[str, list[str]] = {
        "mutant": [row.name for row in rows],
        "status": [row.status for row in rows],
        "found by": [row.generator or "" for row in rows],
        "examples": [str(row.examples) for row in rows],
        "s": [f"{row.seconds:.2f}" for row in rows],
        "numbers": ["" if row.simplest is None else str(row.simplest.numbers) for row in rows],
    }
    widths = {heading: max(map(len, (heading, *texts))) for heading, texts in columns.items()}
    # Names that leave no room for who found it go without it; it is in the report.
    room = paper().width - sum(width + 2 for heading, width in widths.items() if heading != "found by") - 1
    if room < len("found"):
        del columns["found by"]
    table = listing("Mutants", "mutant", fold=True)
    table.show_edge = False
    for heading in list(columns)[1:]:
        if heading == "found by":
            table.add_column(heading, overflow="fold", width=min(widths[heading], room))
        else:
            table.add_column(heading, justify="left" if heading == "status" else "right", no_wrap=True)
    for row, cells in zip(rows, zip(*columns.values(), strict=True), strict=True):
        table.add_row(*cells, style="bold red" if row.status == "survived" else "")
    table.caption = "numbers: of the smallest counterexample"
    return table
