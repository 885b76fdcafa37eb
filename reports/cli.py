"""The command line: thin; every command is a function of `verify`, `audit`, `bench` and `render`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from flint import fmpq
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..impl import files
from ..impl.arithmetic import rational, to_float
from ..impl.extras import MissingExtraError
from ..impl.families import ALL_CLAIMS, FAMILIES
from ..impl.instances import Instance
from ..impl.judge import ClaimJudgement, Judgement
from ..impl.judge import judge as judge_instance
from ..impl.meta_rl.headline import judge_headline as judge_meta_rl_headline
from ..impl.meta_rl.headline import supremum
from ..impl.meta_rl.instance import MetaRLInstance
from ..impl.meta_sl import training
from ..impl.meta_sl.instance import MetaSLInstance
from ..impl.network.floor import NotConvexError
from ..impl.network.headline import bracketed
from ..impl.network.headline import judge_headline as judge_network_headline
from ..impl.network.instance import NetworkInstance
from ..impl.network.linearised import linearised_optimum
from ..impl.optimum import Budget, NotCoerciveError, UnsupportedError, answer, minimise
from ..impl.optimum import check as check_certificate
from ..impl.optimum.certificate import load as load_certificate
from ..impl.optimum.headline import headline
from ..impl.smooth_network.instance import SmoothInstance
from ..theory.claim import Claim, Verdict
from . import audit as auditing
from . import bench as benching
from . import verify as verifying
from .jobs import PROFILES
from .records import answer_record, dumps, judgement_record, network_optimum_record, optimum_record, write_text
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


def _judged(instance: Instance, claims: tuple[Claim, ...]) -> Judgement:
    """Every claim asked for; the headline last, where the problem has an optimum to certify."""
    family = FAMILIES[instance.family]
    judgement = judge_instance(instance, [c for c in family.claims if c in claims], complete=True)
    found = _headline(instance) if family.headline in claims else None
    return judgement if found is None else replace(judgement, claims=(*judgement.claims, found))


def _headline(instance: Instance) -> ClaimJudgement | None:
    """The headline at the instance's omega, or None where the optimum cannot be certified."""
    with suppress(UnsupportedError, ValueError):
        if isinstance(instance, MetaSLInstance):
            return headline(instance)
        if isinstance(instance, MetaRLInstance):
            return judge_meta_rl_headline(instance, supremum(instance), "omega", complete=True).judged
        if isinstance(instance, NetworkInstance):
            return judge_network_headline(instance, bracketed(instance), complete=True).judged
    return None


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
    judgements = [_judged(instance, claims) for instance in instances]
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


RadiusOption = Annotated[
    str | None,
    typer.Option("--radius", metavar="B", help="Over ||theta|| <= B; without it over all parameters, where provable."),
]
GapOption = Annotated[float, typer.Option("--gap", help="Relative width of the bracket.")]
TimeOption = Annotated[float, typer.Option("--max-time", min=0.1, metavar="SECONDS", help="Stop the search then.")]


def _positive(name: str, text: str | None) -> fmpq | None:
    if text is None:
        return None
    try:
        value = rational(text) if len(text) <= 100 else fmpq(0)
    except (ValueError, ZeroDivisionError, OverflowError):
        value = fmpq(0)
    if value <= 0:
        _fail(f"{name}={text!r}: a number > 0 is required; give one, such as 4 or 7/2")
    return value


def _budget(gap: float, seconds: float) -> Budget:
    if not 1e-12 <= gap < 1:
        _fail(f"--gap={gap!r}: a number from 1e-12 to 1 is required; 1e-6 is usual")
    return Budget(gap=gap, seconds=seconds)


def _problem(path: Path) -> MetaSLInstance:
    with _input_errors():
        instance = files.load(path, problem=True)
    if not isinstance(instance, MetaSLInstance):
        _fail(f"{path}: problem={instance.family!r}: a meta-sl instance with a linear model is required")
    return instance


@contextmanager
def _searching() -> Iterator[Callable[[int, float, float], None]]:
    """A status line with the bracket; problems without an answer become one line and status 2."""
    with screen.status("searching") as status:

        def show(boxes: int, lower: float, upper: float) -> None:
            status.update(f"searching: {boxes} boxes, bracket [{lower:.6g}, {upper:.6g}]")

        try:
            yield show
        except (UnsupportedError, NotCoerciveError) as error:
            _fail(f"{error}" if isinstance(error, UnsupportedError) else f"--radius=None: {error}")


@app.command()
def optimum(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="An instance file; omega is not needed.")],
    radius: RadiusOption = None,
    gap: GapOption = 1e-6,
    max_time: TimeOption = 60.0,
    checked: Annotated[
        bool | None, typer.Option("--check/--no-check", help="Check the certificate (by default in 1 or 2 dimensions).")
    ] = None,
    json: JsonOption = None,
    certificate: Annotated[Path | None, typer.Option("--certificate", metavar="CERT", help="Write it here.")] = None,
) -> None:
    """Bracket the global minimum of the meta-objective, with a certificate."""
    ball, budget = _positive("--radius", radius), _budget(gap, max_time)
    with _input_errors():
        instance = files.load(path, problem=True)
    if isinstance(instance, MetaRLInstance):
        if certificate is not None:
            _fail(f"--certificate={str(certificate)!r}: a meta-sl instance is required; leave it out for meta-rl")
        _supremum(instance, ball, budget, json)
    if isinstance(instance, SmoothInstance):
        _fail(
            f"{path}: model='smooth-network': a linear model or a relu-network is required; "
            "no optimum is certified for smooth networks"
        )
    if isinstance(instance, NetworkInstance):
        if certificate is not None:
            _fail(f"--certificate={str(certificate)!r}: a linear model is required; leave it out for networks")
        _network_infimum(instance, ball, budget.gap, json)
    assert isinstance(instance, MetaSLInstance)
    with _searching() as show:
        found = minimise(instance, ball, budget, checked=checked, progress=show)
    if certificate is not None and found.certificate is not None:
        try:
            write_text(certificate, found.certificate.dumps())
        except OSError as error:
            _fail(f"--certificate={str(certificate)!r}: {error.strerror}; give a path that can be written")
    _emit(optimum_record(found), json)
    if json is None or str(json) != "-":
        where = (
            f"over ||theta|| <= {ball}" if ball is not None else f"over all parameters (attained within {found.ball})"
        )
        typer.echo(f"inf L {where}: [{found.lower:.12g}, {found.upper:.12g}]  {found.status}")
        typer.echo(f"at {[float(f'{v:.9g}') for v in found.at]}; {found.boxes} boxes, {found.seconds:.3f} s")
        if found.check is not None:
            typer.echo(f"certificate checked: {found.check.reason} ({found.check.boxes} boxes)")
        if found.why:
            typer.echo(f"undecided: {found.why}")
    raise typer.Exit(0 if found.certified else 3)


def _supremum(instance: MetaRLInstance, ball: fmpq | None, budget: Budget, json: Path | None) -> NoReturn:
    """The bracket of sup L of a meta-RL instance; each coordinate of theta is at most `ball`."""
    try:
        with screen.status("searching"):
            found = supremum(instance, None if ball is None else to_float(ball), budget.gap, budget.seconds)
    except ValueError as error:
        _fail(str(error))
    record = {
        "format": "metagap/optimum/1",
        "lower": found.lower,
        "upper": found.upper,
        "at": list(found.at),
        "status": found.status,
        "boxes": found.boxes,
        "seconds": found.seconds,
    }
    _emit(record, json)
    if json is None or str(json) != "-":
        typer.echo(f"sup L: [{found.lower:.12g}, {found.upper:.12g}]  {found.status} (it need not be attained)")
        typer.echo(f"at {list(found.at)}; {found.boxes} boxes, {found.seconds:.3f} s")
    raise typer.Exit(0 if found.status == "certified" else 3)


def _network_infimum(instance: NetworkInstance, ball: fmpq | None, gap: float, json: Path | None) -> NoReturn:
    """The bracket of inf L of a network over ||W - W0|| <= ball, or over all W."""
    linear = None
    with screen.status("bracketing"):
        found = bracketed(instance, ball, gap)
        with suppress(NotConvexError):
            linear = None if ball is None else linearised_optimum(instance, ball)
    _emit(network_optimum_record(found, linear), json)
    if json is None or str(json) != "-":
        where = "over all W" if ball is None else f"over ||W - W0|| <= {ball}"
        typer.echo(f"inf L {where}: [{found.lower:.12g}, {found.upper:.12g}]  {found.status} (it need not be attained)")
        typer.echo(f"lower bound: {found.method}; {found.seconds:.3f} s")
        if linear is not None:
            typer.echo(f"linearised at W0, over the same ball: [{linear.lower:.12g}, {linear.upper:.12g}]")
        if found.why:
            typer.echo(f"undecided: {found.why}")
    raise typer.Exit(0 if found.certified else 3)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(metavar="CERT", help="A certificate of metagap optimum.")],
) -> None:
    """Prove a certificate again, by separate code in ball arithmetic."""
    with _input_errors():
        certificate = load_certificate(path)
    with screen.status("checking") as status:
        found = check_certificate(certificate, lambda boxes: status.update(f"checking: {boxes} boxes"))
    word = "accepted" if found.accepted else "rejected"
    where = "all parameters" if certificate.radius is None else f"||theta|| <= {certificate.radius}"
    typer.echo(
        f"{path}: {word}: {certificate.lower!r} <= inf L <= {certificate.upper!r} over {where}: "
        f"{found.reason} ({found.boxes} boxes, {found.extra} beyond the tree)"
    )
    raise typer.Exit(0 if found.accepted else 1)


@app.command()
def certify(
    path: Annotated[Path, typer.Argument(metavar="TASKS", help="An instance file with your tasks.")],
    omega: Annotated[
        Path | None, typer.Option("--omega", metavar="FILE", help="Your solution: a JSON list of numbers.")
    ] = None,
    train: Annotated[bool, typer.Option("--train", help="Train omega on the spot by MAML.")] = False,
    radius: RadiusOption = None,
    gap: GapOption = 1e-6,
    max_time: TimeOption = 30.0,
    json: JsonOption = None,
) -> None:
    """How far your MAML solution is from the global optimum, what the theorem promises, and why they differ."""
    instance, ball = _problem(path), _positive("--radius", radius)
    if train and omega is not None:
        _fail(f"--omega={str(omega)!r}: no --omega is required with --train; give one of the two")
    if omega is not None:
        with _input_errors():
            instance = replace(instance, omega=files.load_vector(omega, instance.dimension))
    if train:
        try:
            trained = training.train(instance)
        except MissingExtraError as error:
            _fail(str(error))
        instance = replace(instance, omega=tuple(rational(v) for v in trained.omega))
    with _searching() as show:
        found = answer.certify(instance, ball, _budget(gap, max_time), show)
    _emit(answer_record(instance, found), json)
    if json is None or str(json) != "-":
        where = "over all parameters" if found.everywhere else f"over ||theta|| <= {found.optimum.ball}"
        typer.echo(f"Your solution is within [{found.least:.6g}, {found.most:.6g}] of the global optimum {where}.")
        typer.echo(f"The theorem promises at most {found.promise:.6g} ({found.judged.verdict.name}). It is made of")
        for reason in found.why:
            typer.echo(f"  {reason}")
    raise typer.Exit(1 if found.judged.verdict is Verdict.VIOLATED else 0 if found.optimum.certified else 3)


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
    for family in dict.fromkeys(row["family"] for row in record["claims"]):
        console.print(_verification_table(family, [row for row in record["claims"] if row["family"] == family]))
    console.print("scope: assumptions hold; equal: attained; real: real tasks; median, 99 %: of gap/bound")
    console.print(
        f"{record['generated']} generated and {record['real']} real instances, "
        f"{record['judgements']} judgements in {record['seconds']:.0f} s ({record['status']})."
    )
    if record["real_note"]:
        console.print(record["real_note"])
    console.print(f"Report: {page}")


def _verification_table(family: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=f"{FAMILIES[family].title}: {family}-...", title_justify="left")
    table.add_column("claim", overflow="fold")
    for heading in ("scope", "proved", "equal", "violated", "open", "real", "median", "99 %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        counts, real, quantiles = row["counts"], row["real_counts"], row["quantiles"] or {}
        attained = counts["HOLDS"] if row["relation"] == "<=" else 0
        proved = counts["PROVED"] + counts["HOLDS"] - attained
        alarm = "bold red" if counts["VIOLATED"] + real["VIOLATED"] else ""
        table.add_row(
            row["claim"].removeprefix(f"{family}-"),
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
    return table


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
