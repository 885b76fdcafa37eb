"""`metagap verify`: the main job."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ...impl.answers import count
from ...impl.families import FAMILIES
from ...impl.files import BadInputError
from .. import verify as verification
from ..answer import real_distances, sentences
from ..audit import not_refuting
from ..formats.auditing import AuditRecord
from ..formats.verifying import ClaimRow, VerifyRecord
from ..jobs import PROFILES
from ..own import option
from ..records import dumps, hashes, in_folder, save_files, write_text
from ..render import write_report
from ..witnesses import put_checker
from . import options
from .ending import INTERRUPTED, interrupted
from .outputs import Live, begin, emit, end, ready, store_at, told, writing
from .shared import input_errors, left_out, listing, paper, screen, started, voice, workers_of, working


def verify(
    *,
    claim: options.ClaimOption = None,
    own: options.ClaimsOption = None,
    profile: Annotated[options.ProfileName, typer.Option(help="How many instances.")] = "quick",
    seed: options.SeedOption = 0,
    max_time: Annotated[float | None, options.until("Stop then, with what there is.", least=0.0)] = None,
    who: options.WorkerOptions,
    real: Annotated[bool, typer.Option(help="Judge the real task families too.")] = True,
    to: options.RunOptions,
) -> None:
    """Prove every claim on generated and real instances; write the report."""
    chosen = PROFILES[profile]
    claims = options.chosen_claims(claim)
    command = f"metagap verify --profile {chosen.name} --seed {seed}"
    command += "".join(f" --claim {name}" for name in claim or ()) + ("" if real else " --no-real")
    command += option()
    out, spoken = to.out, ready(to.targets, to.out)
    run = verification.Run(chosen, seed, claims, command)
    kept_in = verification.store_of(store_at(to.store, out), claims)
    deadline = None if max_time is None else time.monotonic() + max_time
    live = Live(kept_in.progress, lambda: _write(run, run.record(), out, lambda error: None))
    with input_errors(), _advancing(run.size) as advance, started(who.cluster):
        begin(kept_in, command, out, to.store, len(run.plan(real)) + run.later)
        run.execute(workers_of(who.workers, who.cluster), deadline, advance, real, kept_in, live)
    record = run.record()
    try:
        with screen.status("writing the report"), writing(out):
            page, kept = _write(run, record, out, left_out)
    except typer.Exit:
        # What was found is told all the same, and what was finished is kept.
        emit(record, to.json)
        if spoken:
            _print_verification(record, None, out)
        raise
    end(kept_in, record, to, run.done)
    if spoken:
        _print_verification(record, page, out)
    status = verification.exit_status(record)
    if kept is not None and (failed := not_refuting(kept)):
        typer.echo(f"metagap: verify: kept counterexamples that refute no more: {', '.join(failed)}", err=True)
        status = status if status == INTERRUPTED else 1
    told("verify", record)
    if kept_in.trouble:
        typer.echo(f"metagap: verify: what was finished could not be kept: {kept_in.trouble}", err=True)
    if status == INTERRUPTED:
        interrupted("verify: interrupted; the report has what was judged by then; the same command goes on from there")
    raise typer.Exit(status)


def _write(
    run: verification.Run, record: VerifyRecord, out: Path, warn: Callable[[BadInputError], None]
) -> tuple[Path, AuditRecord | None]:
    """The report in its folder: its page, and the record of what was kept and judged again. Errors: OSError."""
    save_files(run.kept, out)
    put_checker(out)
    record.files = hashes(record, out)
    write_text(out / "verify.json", dumps(record))
    kept = run.audit_record()
    if kept is not None:
        kept.files = hashes(kept, out)
        write_text(out / "kept.json", dumps(kept))
    return write_report(out, "verify.json", warn), kept


@contextmanager
def _advancing(size: int) -> Iterator[Callable[[str, int], None]]:
    """A bar of the instances that were judged; without a terminal, or verbose, lines."""
    if not screen.is_terminal or voice.verbose:
        judged = 0
        with working("verify", "its report was not written") as show:

            def say(name: str, count: int) -> None:
                nonlocal judged
                judged += count
                show(f"judging: {judged} of {size} instances, last {name}")

            yield say
        return
    columns = TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=screen) as progress:
        task = progress.add_task("judging", total=size)
        yield lambda name, count: progress.update(task, advance=count, description=f"judging: {name}")


def _print_verification(record: VerifyRecord, page: Path | None, folder: Path) -> None:
    """What was judged, claim by claim; last, in a line (quiet: nothing else), what holds."""
    console = paper()
    verdict, *rest = sentences(record, real_distances(record))
    if not voice.quiet:
        _print_claims(console, record, folder)
        for line in rest:
            console.print(f"{line.head} {line.text}", style="bold", highlight=False)
    alarm = "bold red" if verdict.alarm else "bold"
    last = f"{verdict.head} {verdict.text} ({record.status}, {record.seconds:.0f} s)"
    last += "" if page is None else f" Report: {page}"
    console.print(last, style=alarm, highlight=False, soft_wrap=True)


def _print_claims(console: Console, record: VerifyRecord, folder: Path) -> None:
    unseen = []
    for family in dict.fromkeys(row.family for row in record.claims):
        rows = [row for row in record.claims if row.family == family]
        if any(row.counts.total + row.real_counts.total for row in rows):
            console.print(_verification_table(family, rows))
        else:
            unseen.append(family)
    if unseen:
        console.print(f"Nothing was judged ({record.status}) of {', '.join(unseen)}.", style="bold")
    console.print("scope: assumptions hold; equal: both sides enclosed as equal, not proved; false: violated;")
    console.print("open: undecided; real: proved+equal on real tasks; 50 %, 90 %: quantiles of left side/bound")
    if record.real_note:
        console.print(record.real_note)
    for row in record.claims:
        for one in row.violations[:1]:
            again = in_folder(one.command, str(folder))
            console.print(f"{row.claim} is VIOLATED: {again}", style="bold red", highlight=False, soft_wrap=True)
        if row.void:
            why = ", ".join(f"{words}: {number}" for words, number in row.void.items())
            where = f"on {count(sum(row.void.values()), 'instance')} ({why})"
            console.print(f"{row.claim}: no assumption of it fails, yet it has no value {where}: one is missing.")
    open_claims = [row.claim for row in record.claims if row.loose]
    if open_claims:
        console.print(f"Status 3: more than 3 in 100 instances are undecided for {', '.join(open_claims)}.")


def _verification_table(family: str, rows: list[ClaimRow]) -> Table:
    headings = ("scope", "proved", "equal", "false", "open", "real", "50 %", "90 %")
    table = listing(f"{FAMILIES[family].title}: {family}-...", "claim", headings, fold=True)
    for row in rows:
        counts, real, quantiles = row.counts, row.real_counts, row.quantiles
        table.add_row(
            row.claim.removeprefix(f"{family}-"),
            str(row.scope + (counts.EQUAL if row.relation == "<=" else 0)),
            str(counts.PROVED),
            str(counts.EQUAL),
            str(row.violated),
            str(counts.UNDECIDED),
            f"{real.PROVED}+{real.EQUAL}" if real.EQUAL else str(real.PROVED),
            f"{quantiles.middle:.3f}" if quantiles else "",
            f"{quantiles.high:.3f}" if quantiles else "",
            style="bold red" if row.violated else "",
        )
    return table
