"""`metagap audit` and `replay`: assumptions, mutants, kept witnesses."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ...impl import files
from ...impl.families import FAMILIES
from .. import audit as audits
from .. import witnesses
from ..formats.auditing import AuditRecord
from ..matrix import alarms
from ..records import dumps, hashes, nearest, write_text
from ..render import write_report
from .audit_tables import print_audit
from .ending import fail, interrupted
from .own_tasks import (
    PLACES,
    EtaOption,
    FeatureOption,
    IgnoreOption,
    LabelOption,
    LossOption,
    OmegaOption,
    StepsOption,
    TaskOption,
    audit_tasks,
    tasks_at,
)
from .shared import (
    FOLDER,
    WORKERS,
    FolderOption,
    JsonOption,
    JunitOption,
    ProfileName,
    SarifOption,
    SeedOption,
    WorkersOption,
    emit,
    exchange,
    input_errors,
    left_out,
    number,
    ready,
    working,
    writing,
)

OF_TASKS = {"omega", "loss", "eta", "steps", "task", "label", "ignore", "feature"}
BOTH = {"tasks", "json", "max_time"}
"""Options of an audit of TASKS; the others belong to the audit of the claims."""


def audit(
    context: typer.Context,
    tasks: Annotated[
        str | None, typer.Argument(metavar="TASKS", help=f"Your tasks: which assumptions hold there. {PLACES}")
    ] = None,
    omega: OmegaOption = None,
    max_time: Annotated[
        float | None,
        typer.Option(
            parser=number(0.0),
            metavar="SECONDS",
            help="End then; the same command goes on. Default 600 with TASKS.",
        ),
    ] = None,
    loss: LossOption = None,
    eta: EtaOption = None,
    steps: StepsOption = None,
    task: TaskOption = "task",
    label: LabelOption = "y",
    ignore: IgnoreOption = None,
    feature: FeatureOption = None,
    mutants: Annotated[bool, typer.Option("--mutants", help="The mutants alone.")] = False,
    profile: Annotated[ProfileName, typer.Option(help="How long to attack.")] = "quick",
    seed: SeedOption = 0,
    family: Annotated[
        list[str] | None, typer.Option("--family", metavar="NAME", help="Only this family (may be repeated).")
    ] = None,
    workers: WorkersOption = WORKERS,
    json: JsonOption = None,
    junit: JunitOption = None,
    sarif: SarifOption = None,
    out: FolderOption = FOLDER,
) -> None:
    """Show for each assumption what fails without it, and that mutants are refuted; or audit your own tasks.

    With --family: claim by claim, and each mutant. The report (--out) has every cell and every counterexample.

    With TASKS: which assumptions hold on your own tasks, with margins, which claims apply, and which assumption binds.
    """
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}
    foreign = given - OF_TASKS - BOTH if tasks is not None else given & OF_TASKS
    for name in sorted(foreign):
        where = "without TASKS only" if tasks is not None else "with TASKS only"
        fail(
            f"--{name.replace('_', '-')}={str(context.params[name])!r}: this option has a meaning {where}; leave it out"
        )
    targets = {"--json": json, "--junit": junit, "--sarif": sarif}
    spoken = (
        ready(targets, out) if tasks is None else ready(targets, inputs=[tasks, *([] if omega is None else [omega])])
    )
    if tasks is not None:
        source = tasks_at(tasks, loss, eta, steps, task, label, ignore, feature)
        audit_tasks(source, omega, 600.0 if max_time is None else max_time, json, spoken)
    chosen = list(dict.fromkeys(family or FAMILIES))
    for name in chosen:
        if name not in FAMILIES:
            fail(f"--family={name!r}: expected one of {', '.join(FAMILIES)}{nearest(name, FAMILIES)}")
    command = f"metagap audit{' --mutants' if mutants else ''} --profile {profile} --seed {seed}"
    command += "".join(f" --family {name}" for name in family or ())
    deadline = None if max_time is None else time.monotonic() + max_time
    with working("audit", "what was finished is kept; the same command goes on from there") as show, writing(out):
        record = audits.audit(
            out,
            seed=seed,
            effort=audits.EFFORTS[profile],
            command=command,
            families=chosen,
            workers=min(workers, len(chosen)),
            only_mutants=mutants,
            deadline=deadline,
            progress=show,
        )
        record.files = hashes(record, out)
        page = out / "index.html"
        if isinstance(record, AuditRecord):
            write_text(out / "audit.json", dumps(record))
            page = write_report(out, "audit.json", left_out)
    emit(record, json)
    exchange(record, out, junit, sarif)
    if spoken:
        print_audit(record, None if mutants else page, detailed=bool(family) or mutants)
    for row in record.lost:
        typer.echo(f"metagap: audit: lost: {row.job}: {row.why}; the same command tries it again", err=True)
    if record.status == "interrupted":
        interrupted("audit: interrupted; the same command goes on from there")
    if record.status == "out of time":
        typer.echo("metagap: audit: out of time; the same command goes on from there", err=True)
    survived = [m for m in record.mutants if m.status == "survived"]
    if survived or (isinstance(record, AuditRecord) and alarms(record)):
        raise typer.Exit(1)
    raise typer.Exit(0 if record.status == "complete" and not record.lost else 3)


def replay(
    which: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE|ID...",
            help="Files of counterexamples, or names or sha256s of those in the folder of the report.",
        ),
    ] = None,
    out: FolderOption = FOLDER,
) -> None:
    """Judge kept counterexamples again: still violated, fixed, undecided or error.

    Without arguments all that the report kept. Of these, files that are none are skipped with a message; a file that
    was asked for must be one.
    """
    paths: list[Path] = []
    with input_errors():
        for name in which or ():
            paths += [Path(name)] if Path(name).exists() or "/" in name else witnesses.find(name, out)
        if not which:
            for path, instance in witnesses.kept(out / witnesses.FOLDER):
                if isinstance(instance, files.BadInputError):
                    typer.echo(f"metagap: skipped: {instance}", err=True)
                else:
                    paths.append(path)
        outcomes = [(path, witnesses.replay(path)) for path in paths]
    if not outcomes:
        fail(f"--out={str(out)!r}: a folder with {witnesses.FOLDER}/*.json is required; run metagap audit first")
    for path, found in outcomes:
        sides = ""
        if found.gap is not None and found.bound is not None:
            sides = f": gap {found.gap.middle:.12g}, bound {found.bound.middle:.12g}"
        typer.echo(f"{path}: {found.outcome} ({found.sentence}){sides}")
    raise typer.Exit(3 if any(found.outcome in ("undecided", "error") for _, found in outcomes) else 0)
