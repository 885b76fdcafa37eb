"""`metagap audit` and `replay`: assumptions, mutants, kept witnesses."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from msgspec import convert

from ...impl import files
from ...impl.answers import count
from ...impl.extras import available, missing
from ...impl.families import FAMILIES
from ...impl.files.faults import nearest
from ...impl.own_claims import standing, stating
from .. import audit as audits
from .. import witnesses
from ..formats.auditing import AuditRecord, MutantsRecord
from ..matrix import alarms, unsearched
from ..own import option
from ..processes import apart
from ..records import dumps, hashes, save_files, write_text
from ..render import write_report
from ..sharpness import tightest
from . import options
from .audit_tables import print_audit
from .ending import fail, interrupted
from .outputs import Live, begin, end, ready, store_at, told, writing
from .own_tasks import PLACES, ColumnOptions, InnerOptions, OmegaOption, audit_tasks, in_time, tasks_at
from .shared import input_errors, left_out, started, voice, workers_of, working

OF_TASKS = {"omega", "loss", "eta", "steps", "decay", "adaptation", "task", "label", "ignore", "feature"}
BOTH = {"tasks", "json", "max_time", "own", "quiet", "verbose"}
"""Options of an audit of TASKS; the others belong to the audit of the claims."""


def audit(
    *,
    context: typer.Context,
    tasks: Annotated[
        str | None, typer.Argument(metavar="TASKS", help=f"Your tasks: which assumptions hold there. {PLACES}")
    ] = None,
    omega: OmegaOption = None,
    max_time: Annotated[
        float | None, options.until("End then; the same command goes on. Default 600 with TASKS.", least=0.0)
    ] = None,
    inner: InnerOptions,
    adaptation: Annotated[
        str | None,
        typer.Option(
            "--adaptation",
            metavar="NAME",
            help="An adaptation of your claims file (--claims), in place of gradient steps, on data without one.",
        ),
    ] = None,
    columns: ColumnOptions,
    own: options.ClaimsOption = None,
    mutants: Annotated[bool, typer.Option("--mutants", help="The mutants alone.")] = False,
    profile: Annotated[options.ProfileName, typer.Option(help="How long to attack.")] = "quick",
    seed: options.SeedOption = 0,
    family: Annotated[
        list[str] | None, typer.Option("--family", metavar="NAME", help="Only this family (may be repeated).")
    ] = None,
    claim: options.ClaimOption = None,
    who: options.WorkerOptions,
    to: options.RunOptions,
) -> None:
    """Show for each assumption what fails without it, and that mutants are refuted; or audit your own tasks.

    With --family or --claim: claim by claim, and each mutant. The report (--out) has every cell and every
    counterexample; with --claim, of these claims, their mutants and constants alone.

    With TASKS: which assumptions hold on your own tasks, with margins, which claims apply, and which assumption binds;
    with --claims, those of your claims.
    """
    given = options.on_the_line(context)
    foreign = given - OF_TASKS - BOTH if tasks is not None else given & OF_TASKS
    for name in sorted(foreign):
        where = "without TASKS only" if tasks is not None else "with TASKS only"
        value = context.params[name]
        shown = "" if isinstance(value, bool | list | tuple) else f"={str(value)!r}"
        fail(f"--{name.replace('_', '-')}{shown}: this option has a meaning {where}; leave it out")
    out = to.out
    if tasks is None:
        spoken = ready(to.targets, out)
    else:
        spoken = ready(to.targets, inputs=[tasks, *([] if omega is None else [omega])])
        source = tasks_at(tasks, inner, columns, adaptation)
        audit_tasks(source, omega, 600.0 if max_time is None else max_time, to.json, spoken)
    stated = standing()
    chosen = list(dict.fromkeys(family or (_able() if stated is None else stated.families)))
    for name in chosen:
        if name not in FAMILIES:
            fail(f"--family={name!r}: expected one of {', '.join(FAMILIES)}{nearest(name, FAMILIES)}")
    claims = [one.name for one in options.chosen_claims(claim)] if claim else []
    for name in claims:
        if not any(FAMILIES[one].claim(name) for one in chosen):
            fail(f"--claim={name!r}: a claim of {', '.join(chosen)} is required, which alone can be audited here")
    command = f"metagap audit{' --mutants' if mutants else ''} --profile {profile} --seed {seed}"
    command += "".join(f" --family {name}" for name in family or ())
    command += "".join(f" --claim {name}" for name in claim or ()) + option()
    deadline = None if max_time is None else time.monotonic() + max_time
    known = {} if mutants else tightest(out)
    found = audits.Audit(
        audits.audit_jobs(chosen, seed, audits.EFFORTS[profile], mutants, known, claims), seed, command
    )
    kept_in = audits.audit_store(store_at(to.store, out))
    live = Live(kept_in.progress, lambda: _write(found, mutants, out, lambda error: None))
    with (
        working("audit", "what was finished is kept; the same command goes on from there") as show,
        started(who.cluster),
    ):
        begin(kept_in, command, out, to.store, len(found.jobs))
        found.execute(workers_of(min(who.workers, len(found.jobs)), who.cluster), deadline, kept_in, show, live)
        with writing(out):
            record, page = _write(found, mutants, out, left_out)
    end(kept_in, record, to, len(found.parts))
    if spoken:
        print_audit(record, page, detailed=bool(family or claim) or mutants or stated is not None)
    told("audit", record)
    if record.status == "interrupted":
        interrupted("audit: interrupted; the same command goes on from there")
    survived = [m for m in record.mutants if m.status == "survived"]
    # A mutant of ours that survives is a fault of the suite; of one's own claim it may be a better theorem.
    if (survived and stated is None) or (isinstance(record, AuditRecord) and alarms(record)):
        raise typer.Exit(1)
    unmet = isinstance(record, AuditRecord) and unsearched(record)
    raise typer.Exit(0 if record.status == "complete" and not record.lost and not survived and not unmet else 3)


def _write(
    found: audits.Audit, only_mutants: bool, out: Path, warn: Callable[[files.BadInputError], None]
) -> tuple[AuditRecord | MutantsRecord, Path | None]:
    """The record and, but for that of the mutants alone, the report in its folder. Errors: OSError."""
    record = found.record()
    witnesses.put_checker(out)
    save_files(found.files, out)
    record.files = hashes(record, out)
    if only_mutants:
        return convert(record, MutantsRecord, from_attributes=True), None
    write_text(out / "audit.json", dumps(record))
    return record, write_report(out, "audit.json", warn)


def replay(
    which: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE|FOLDER|ID...",
            help="Files of counterexamples, folders with some (FOLDER/*.json), or names or sha256s of those in the "
            "folder of the report.",
        ),
    ] = None,
    own: options.ClaimsOption = None,
    max_time: Annotated[float | None, options.until("End all work then.")] = None,
    out: options.FolderOption = options.FOLDER,
) -> None:
    """Judge kept counterexamples again: still violated, fixed, undecided or error.

    Without arguments all that the report kept. Of these, and in a folder, files that are none are skipped with a
    message; a file that was asked for must be one. Status 3 if one is undecided or in error, else 0: that it is still
    violated is what it was kept for.
    """
    paths: list[Path] = []
    with input_errors():
        for name in which or ():
            if os.path.isdir(name):
                options.listed([Path(name)])
                paths += _of_folder(Path(name), repr(name))
            else:
                paths += [Path(name)] if Path(name).exists() or "/" in name else witnesses.find(name, out)
        if not which:
            paths += _of_folder(out / witnesses.FOLDER, f"--out={str(out)!r}")
    if not paths:
        fail(f"--out={str(out)!r}: a folder with {witnesses.FOLDER}/*.json is required; run metagap audit first")
    outcomes = Counter[str]()

    with working("replay", "what was replayed by then is above") as show:

        def hear(told: str | witnesses.Replayed) -> None:
            if isinstance(told, str):
                show(told)
                return
            path, found = told
            outcomes[found.outcome] += 1
            sides = ""
            if found.gap is not None and found.bound is not None:
                sides = f": {found.left} is {found.gap.middle:.12g}, the bound {found.bound.middle:.12g}"
            if not voice.quiet:
                typer.echo(f"{path}: {found.outcome} ({found.sentence}){sides}")

        with input_errors(), in_time(max_time or math.inf, "what was replayed by then is above; allow more"):
            if max_time is None:
                witnesses.replay_all(paths, hear)
            else:
                apart(stating(witnesses.replay_all), (paths,), hear, time.monotonic() + max_time)
    typer.echo(f"{count(len(paths), 'counterexample')}: {', '.join(f'{n} {word}' for word, n in outcomes.items())}")
    raise typer.Exit(3 if outcomes["undecided"] + outcomes["error"] else 0)


def _of_folder(folder: Path, named: str) -> list[Path]:
    """The counterexamples of a folder; its other files are skipped with a line each. One that has others alone ends the
    command with one line."""
    found, skipped = list[Path](), 0
    for path, instance in witnesses.kept(folder):
        if isinstance(instance, files.BadInputError):
            skipped += 1
            typer.echo(f"metagap: skipped: {instance}", err=True)
        else:
            found.append(path)
    if skipped and not found:
        required = f"a counterexample of this version is required; all {skipped} were skipped, as is said above"
        fail(f"{named}: {required}")
    return found


def _able() -> list[str]:
    """The families of which instances can be generated here; of the others a line says why not."""
    for family in FAMILIES.values():
        if family.needs and not available(family.needs):
            typer.echo(f"metagap: audit: {family.title}: left out; {missing(family.needs, family.purpose)}", err=True)
    return [family.name for family in FAMILIES.values() if not family.needs or available(family.needs)]
