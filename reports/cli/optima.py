"""`metagap optimum`, `check` and `certify`: the global optimum, certified, and the distance from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from flint import fmpq

from ...impl import files
from ...impl.arithmetic import rational, to_float
from ...impl.extras import MissingExtraError
from ...impl.headlines import headline_of
from ...impl.meta_rl.headline import supremum
from ...impl.meta_rl.instance import MetaRLInstance
from ...impl.meta_sl import training
from ...impl.meta_sl.instance import MetaSLInstance
from ...impl.network.floor import NotConvexError
from ...impl.network.instance import NetworkInstance
from ...impl.network.linearised import linearised_optimum
from ...impl.optimum import Budget, NotCoerciveError, UnsupportedError, answer, minimise
from ...impl.optimum import check as check_certificate
from ...impl.optimum.certificate import load as load_certificate
from ...impl.optimum.headline import ORDINARY_BALL, STEEP, STEEP_BALL
from ...impl.smooth_network.instance import SmoothInstance
from ...theory.claim import Verdict
from ..records import answer_record, network_optimum_record, optimum_record
from .own_tasks import PLACES, EtaOption, LabelOption, LossOption, TaskOption, tasks_at
from .shared import JsonOption, emit, fail, input_errors, ready, save, screen

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
    if not fmpq(1, 10**30) <= value <= 10**30:
        fail(f"{name}={text!r}: a number from 1e-30 to 1e30 is required; give one, such as 4 or 7/2")
    return value


def _budget(gap: float, seconds: float) -> Budget:
    if not 1e-12 <= gap < 1:
        fail(f"--gap={gap!r}: a number from 1e-12 to 1 is required; 1e-6 is usual")
    return Budget(gap=gap, seconds=seconds)


@contextmanager
def _searching(source: object) -> Iterator[Callable[[int, float, float], None]]:
    """A status line with the bracket; problems without an answer become one line and status 2."""
    with screen.status("searching") as status:

        def show(boxes: int, lower: float, upper: float) -> None:
            status.update(f"searching: {boxes} boxes, bracket [{lower:.6g}, {upper:.6g}]")

        try:
            yield show
        except (UnsupportedError, NotCoerciveError) as error:
            fail(
                f"{source}: {error}" if isinstance(error, UnsupportedError) else f"{source}: without --radius: {error}"
            )


def optimum(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="An instance file; omega is not needed.")],
    radius: RadiusOption = None,
    gap: GapOption = 1e-6,
    max_time: TimeOption = 60.0,
    checked: Annotated[
        bool | None,
        typer.Option("--check/--no-check", help="Check the certificate (by default where that takes seconds)."),
    ] = None,
    json: JsonOption = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="CERT", help="Write it here; - is standard output.")
    ] = None,
) -> None:
    """Bracket the global minimum of the meta-objective, with a certificate."""
    ball, budget = _positive("--radius", radius), _budget(gap, max_time)
    spoken = ready({"--json": json, "--certificate": certificate})
    with input_errors():
        instance = files.load(path, problem=True)
    if isinstance(instance, MetaRLInstance):
        if certificate is not None:
            fail(f"--certificate={str(certificate)!r}: a meta-sl instance is required; leave it out for meta-rl")
        _supremum(path, instance, ball, budget, json, spoken)
    if isinstance(instance, NetworkInstance):
        if certificate is not None:
            fail(f"--certificate={str(certificate)!r}: a linear model is required; leave it out for networks")
        _network_infimum(instance, ball, budget.gap, json, spoken)
    if not isinstance(instance, MetaSLInstance):
        required = "a meta-sl or meta-rl instance with a linear model, or a meta-sl network, is required"
        fail(f"{path}: family={instance.family!r}: {required}")
    with _searching(path) as show:
        found = minimise(instance, ball, budget, checked=checked, progress=show)
    if certificate is not None and found.certificate is not None:
        save("--certificate", certificate, found.certificate.dumps())
    elif certificate is not None:
        why = "the lower bound needed no search" if found.certified else found.why
        typer.echo(f"metagap: --certificate={str(certificate)!r}: not written, there is none: {why}", err=True)
    emit(optimum_record(found), json)
    if spoken:
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


def _supremum(
    path: Path, instance: MetaRLInstance, ball: fmpq | None, budget: Budget, json: Path | None, spoken: bool
) -> NoReturn:
    """The bracket of sup L of a meta-RL instance; each coordinate of theta is at most `ball`."""
    try:
        with screen.status("searching"):
            found = supremum(instance, None if ball is None else to_float(ball), budget.gap, budget.seconds)
    except ValueError as error:
        fail(f"{path}: {error}")
    record = {
        "format": "metagap/optimum/1",
        "lower": found.lower,
        "upper": found.upper,
        "at": list(found.at),
        "status": found.status,
        "boxes": found.boxes,
        "seconds": found.seconds,
    }
    emit(record, json)
    if spoken:
        typer.echo(f"sup L: [{found.lower:.12g}, {found.upper:.12g}]  {found.status} (it need not be attained)")
        typer.echo(f"at {list(found.at)}; {found.boxes} boxes, {found.seconds:.3f} s")
    raise typer.Exit(0 if found.status == "certified" else 3)


def _network_infimum(
    instance: NetworkInstance, ball: fmpq | None, gap: float, json: Path | None, spoken: bool
) -> NoReturn:
    """The bracket of inf L of a network over ||W - W0|| <= ball, or over all W."""
    linear = None
    with screen.status("bracketing"):
        found = headline_of(instance).bracketed(instance, ball, gap)
        with suppress(NotConvexError):
            if ball is not None and not isinstance(instance, SmoothInstance):
                linear = linearised_optimum(instance, ball)
    emit(network_optimum_record(found, linear), json)
    if spoken:
        where = "over all W" if ball is None else f"over ||W - W0|| <= {ball}"
        typer.echo(f"inf L {where}: [{found.lower:.12g}, {found.upper:.12g}]  {found.status} (it need not be attained)")
        typer.echo(f"lower bound: {found.method}; {found.seconds:.3f} s")
        if linear is not None:
            typer.echo(f"linearised at W0, over the same ball: [{linear.lower:.12g}, {linear.upper:.12g}]")
        if found.why:
            typer.echo(f"undecided: {found.why}")
    raise typer.Exit(0 if found.certified else 3)


def check(
    path: Annotated[Path, typer.Argument(metavar="CERT", help="A certificate of metagap optimum.")],
) -> None:
    """Prove a certificate again, by separate code in ball arithmetic."""
    with input_errors():
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


def certify(
    tasks: Annotated[str, typer.Argument(metavar="TASKS", help=f"Your tasks. {PLACES}")],
    omega: Annotated[
        Path | None, typer.Option("--omega", metavar="FILE", help="Your solution: a JSON list of numbers.")
    ] = None,
    train: Annotated[bool, typer.Option("--train", help="Train omega on the spot by MAML.")] = False,
    loss: LossOption = None,
    eta: EtaOption = None,
    task: TaskOption = "task",
    label: LabelOption = "y",
    radius: Annotated[
        str | None,
        typer.Option(
            "--radius",
            metavar="B",
            help="Compare with the optimum over ||theta|| <= B. Without it over all parameters, where a ball is known "
            f"to hold a minimiser; else over a ball of radius {ORDINARY_BALL} ({STEEP_BALL} for losses that adaptation "
            f"makes grow exponentially: {', '.join(STEEP)}), or the next integer that omega lies within.",
        ),
    ] = None,
    gap: GapOption = 1e-6,
    max_time: TimeOption = 30.0,
    json: JsonOption = None,
) -> None:
    """How far your MAML solution is from the global optimum, what the theorem promises, and why they differ."""
    ball, budget, spoken = _positive("--radius", radius), _budget(gap, max_time), ready({"--json": json})
    instance = tasks_at(tasks, loss, eta, task, label)
    if not isinstance(instance, MetaSLInstance):
        fail(f"{tasks}: problem={instance.family!r}: a meta-sl instance with a linear model is required")
    if train and omega is not None:
        fail(f"--omega={str(omega)!r}: no --omega is required with --train; give one of the two")
    if omega is not None:
        with input_errors():
            instance = replace(instance, omega=files.load_vector(omega, instance.dimension))
    if train:
        try:
            trained = training.train(instance)
        except MissingExtraError as error:
            fail(str(error))
        instance = replace(instance, omega=tuple(rational(v) for v in trained.omega))
    size = sum((v * v for v in instance.omega), start=fmpq(0))
    if ball is not None and size > ball * ball:
        length = to_float(size) ** 0.5
        fail(f"--radius={radius!r}: at least ||omega|| = {length:.6g} is required: omega must lie in the ball")
    with _searching(tasks) as show:
        found = answer.certify(instance, ball, budget, show)
    emit(answer_record(instance, found), json)
    if spoken:
        where = "over all parameters" if found.everywhere else f"over ||theta|| <= {found.optimum.ball}"
        given = "" if train or omega is not None else " (omega as in the file; 0 where it has none)"
        typer.echo(
            f"Your solution{given} is within [{found.least:.6g}, {found.most:.6g}] of the global optimum {where}."
        )
        if found.choice:
            typer.echo(f"That ball was chosen: {found.choice}; give another with --radius.")
        typer.echo(f"The theorem promises at most {found.promise:.6g} ({found.judged.verdict.name}). It is made of")
        for reason in found.why:
            typer.echo(f"  {reason}")
    raise typer.Exit(1 if found.judged.verdict is Verdict.VIOLATED else 0 if found.optimum.certified else 3)
