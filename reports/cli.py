"""The command line: thin; every command is a function of `verify`, `audit`, `bench` and `render`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..impl import files
from ..impl.families import ALL_CLAIMS, FAMILIES
from ..impl.judge import judge as judge_instance
from ..theory.claim import Claim
from . import audit as auditing
from . import bench as benching
from . import verify as verifying
from .jobs import PROFILES
from .records import dumps, judgement_record, write_text
from .render import write_report

app = typer.Typer(
    help="Optimality-gap theorems of model-agnostic meta-learning: proved instance by instance, and attacked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
screen = Console(stderr=True)

FOLDER = Path("build/reports")


class ProfileName(StrEnum):
    """How much to do."""

    quick = "quick"
    ci = "ci"
    deep = "deep"


ClaimOption = Annotated[
    list[str] | None, typer.Option("--claim", metavar="NAME", help="Only this claim (may be repeated).")
]
JsonOption = Annotated[
    Path | None, typer.Option("--json", metavar="OUT", help="Write the record here; - is standard output.")
]
FolderOption = Annotated[Path, typer.Option("--out", help="Folder of the report.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything that is drawn.")]


def _fail(message: str) -> NoReturn:
    """One line on the error stream, status 2."""
    typer.echo(f"metagap: {message}", err=True)
    raise typer.Exit(2)


@contextmanager
def _input_errors() -> Iterator[None]:
    """Bad input becomes one line and status 2."""
    try:
        yield
    except files.BadInputError as error:
        _fail(str(error))


def _claims(names: list[str] | None) -> tuple[Claim, ...]:
    if not names:
        return ALL_CLAIMS
    known = {claim.name: claim for claim in ALL_CLAIMS}
    for name in names:
        if name not in known:
            _fail(f"--claim={name!r}: expected one of {', '.join(known)}")
    return tuple(claim for claim in ALL_CLAIMS if claim.name in names)


def _emit(record: Any, target: Path | None) -> None:
    """Write the record where --json says; nothing else goes to standard output."""
    if target is None:
        return
    if str(target) == "-":
        typer.echo(dumps(record), nl=False)
        return
    try:
        write_text(target, dumps(record))
    except OSError as error:
        _fail(f"--json={str(target)!r}: {error.strerror}; give a path that can be written")


@app.command()
def judge(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Instance files.")],
    claim: ClaimOption = None,
    json: JsonOption = None,
) -> None:
    """Judge every claim on instance files, term by term, in ball arithmetic."""
    claims = _claims(claim)
    with _input_errors():
        instances = [files.load(path) for path in paths]
    judgements = [
        judge_instance(instance, [c for c in FAMILIES[instance.family].claims if c in claims], complete=True)
        for instance in instances
    ]
    records = [judgement_record(judgement) for judgement in judgements]
    _emit(records if len(records) > 1 else records[0], json)
    if json is None or str(json) != "-":
        console = Console()
        for path, judgement in zip(paths, judgements, strict=True):
            table = Table(title=f"{path}  {judgement.instance[:12]}", title_justify="left")
            for heading in ("claim", "verdict", "gap", "bound", "gap/bound", "because"):
                table.add_column(heading, overflow="fold")
            for one in judgement.claims:
                shown = (
                    "" if one.gap is None else f"{one.gap.middle:.6g}",
                    "" if one.bound is None else f"{one.bound.middle:.6g}",
                    "" if one.ratio is None else f"{one.ratio:.3f}",
                )
                table.add_row(one.claim, one.verdict.name, *shown, one.reason)
            console.print(table)
            for note in judgement.notes:
                console.print(f"note: {note}")
    verdicts = {one.verdict.name for judgement in judgements for one in judgement.claims}
    raise typer.Exit(1 if "VIOLATED" in verdicts else 3 if "UNDECIDED" in verdicts else 0)


@app.command()
def verify(
    claim: ClaimOption = None,
    profile: Annotated[ProfileName, typer.Option(help="How many instances.")] = ProfileName.quick,
    seed: SeedOption = 0,
    max_time: Annotated[
        float | None,
        typer.Option("--max-time", min=0.0, metavar="SECONDS", help="Stop then, with what there is."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = min(os.cpu_count() or 1, 8),
    real: Annotated[bool, typer.Option(help="Judge the real task families too.")] = True,
    json: JsonOption = None,
    out: FolderOption = FOLDER,
) -> None:
    """Prove every claim on generated and real instances; write the report."""
    chosen = PROFILES[profile.value]
    claims = _claims(claim)
    command = f"metagap verify --profile {chosen.name} --seed {seed}"
    command += "".join(f" --claim {name}" for name in claim or ())
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    run = verifying.Run(chosen, seed, claims, command)
    deadline = None if max_time is None else time.monotonic() + max_time
    with _bar() as progress:
        task = progress.add_task("judging", total=run.size)
        run.execute(
            workers,
            deadline,
            lambda name, count: progress.update(task, advance=count, description=f"judging: {name}"),
            real,
        )
    record = run.record()
    with _writing(out):
        verifying.save_instances(run.kept, out)
        write_text(out / "verify.json", dumps(record))
        page = write_report(out)
    _emit(record, json)
    if json is None or str(json) != "-":
        _print_verification(record, page)
    raise typer.Exit(verifying.exit_status(record))


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _fail(f"--out={str(out)!r}: {error.strerror}; give a folder that can be written")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=screen,
    )


def _print_verification(record: dict[str, Any], page: Path) -> None:
    console = Console()
    table = Table(
        title="Meta-SL claims on generated instances",
        title_justify="left",
        caption="scope: assumptions hold; equal: attained; real: real tasks; median, 99 %: of gap/bound",
        caption_justify="left",
    )
    table.add_column("claim", no_wrap=True)
    for heading in ("scope", "proved", "equal", "violated", "open", "real", "median", "99 %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in record["claims"]:
        counts, real, quantiles = row["counts"], row["real_counts"], row["quantiles"] or {}
        attained = counts["HOLDS"] if row["relation"] == "<=" else 0
        proved = counts["PROVED"] + counts["HOLDS"] - attained
        alarm = "bold red" if counts["VIOLATED"] + real["VIOLATED"] else ""
        table.add_row(
            row["claim"].removeprefix("meta-sl-"),
            str(row["scope"] + attained),
            str(proved),
            str(attained),
            str(counts["VIOLATED"] + real["VIOLATED"]),
            str(counts["UNDECIDED"]),
            str(real["PROVED"] + (real["HOLDS"] if row["relation"] == "=" else 0)),
            f"{quantiles['0.5']:.3f}" if quantiles else "",
            f"{quantiles['0.99']:.3f}" if quantiles else "",
            style=alarm,
        )
    console.print(table)
    console.print(
        f"{record['generated']} generated and {record['real']} real instances, "
        f"{record['judgements']} judgements in {record['seconds']:.0f} s ({record['status']})."
    )
    if record["real_note"]:
        console.print(record["real_note"])
    console.print(f"Report: {page}")


@app.command()
def audit(
    mutants: Annotated[bool, typer.Option("--mutants", help="The wrong theorems alone.")] = False,
    profile: Annotated[ProfileName, typer.Option(help="How long to attack.")] = ProfileName.quick,
    seed: SeedOption = 0,
    json: JsonOption = None,
    out: FolderOption = FOLDER,
) -> None:
    """Show for each assumption what fails without it, and that wrong theorems are refuted."""
    rounds = {"quick": 8, "ci": 16, "deep": 64}[profile.value]
    command = f"metagap audit{' --mutants' if mutants else ''} --profile {profile.value} --seed {seed}"
    with screen.status("auditing") as status, _writing(out):
        record = auditing.audit(
            out,
            seed=seed,
            rounds=rounds,
            command=command,
            only_mutants=mutants,
            progress=lambda message: status.update(f"auditing: {message}"),
        )
        page = out / "index.html"
        if not mutants:
            write_text(out / "audit.json", dumps(record))
            page = write_report(out)
    _emit(record, json)
    if json is None or str(json) != "-":
        _print_audit(record, page)
    survived = [m for m in record["mutants"] if m["status"] == "survived"]
    broken = [c for c in record.get("cells", []) if c["confirmed"] is False]
    raise typer.Exit(1 if survived or broken else 0)


def _print_audit(record: dict[str, Any], page: Path) -> None:
    console = Console()
    if "cells" in record:
        table = Table(title="Assumptions", title_justify="left")
        for heading in (
            "claim",
            "assumption",
            "status",
            "counterexample",
            "gap",
            "bound without it",
            "breaks",
        ):
            table.add_column(heading, overflow="fold")
        for cell in record["cells"]:
            sides = ["" if cell[k] is None else f"{cell[k]['lo']:.6g}" for k in ("gap", "bound")]
            table.add_row(cell["claim"], cell["assumption"], cell["status"], cell["title"], *sides, cell["step"])
        console.print(table)
    table = Table(title="Wrong theorems", title_justify="left")
    for heading in ("mutant", "status", "generator", "examples", "seconds", "smallest witness (numbers)"):
        table.add_column(heading)
    for row in record["mutants"]:
        small = row["simplest"]
        table.add_row(
            row["name"],
            row["status"],
            row["generator"] or "",
            str(row["examples"]),
            f"{row['seconds']:.2f}",
            "" if small is None else str(small["numbers"]),
        )
    console.print(table)
    if "cells" in record:
        console.print(f"Report: {page}")


@app.command()
def replay(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Witness files.")],
) -> None:
    """Judge kept witnesses again: still violated, fixed, or error."""
    outcomes = []
    with _input_errors():
        for path in paths:
            outcomes.append((path, auditing.replay(path)))
    for path, found in outcomes:
        sides = ""
        if found.gap is not None and found.bound is not None:
            sides = f": gap {found.gap.middle:.12g}, bound {found.bound.middle:.12g}"
        typer.echo(f"{path}: {found.outcome} ({found.sentence}){sides}")
    raise typer.Exit(3 if any(found.outcome == "error" for _, found in outcomes) else 0)


@app.command()
def bench(
    seconds: Annotated[float, typer.Option(min=0.1, help="Time per row.")] = 2.0,
    json: JsonOption = None,
) -> None:
    """Time both engines beside the alternatives, in one run."""
    record = benching.bench(seconds, lambda message: screen.print(f"[dim]{message}[/dim]"))
    _emit(record, json)
    if json is None or str(json) != "-":
        for table in benching.tables(record):
            Console().print(table)


@app.command()
def report(out: FolderOption = FOLDER) -> None:
    """Write the page again from the records in the folder."""
    with _input_errors(), _writing(out):
        typer.echo(str(write_report(out)))


def main() -> None:
    """The command `metagap`."""
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("metagap: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
