"""`metagap optimum`, `check` and `certify`: the global optimum, certified, and the distance from it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from flint import fmpq

from ...impl import files
from ...impl.arithmetic import rational, to_float
from ...impl.headlines import headline_of
from ...impl.meta_rl.headline import supremum
from ...impl.meta_rl.instance import MetaRLInstance
from ...impl.meta_sl.instance import MetaSLInstance
from ...impl.network.floor import NotConvexError
from ...impl.network.instance import NetworkInstance
from ...impl.network.linearised import linearised_optimum
from ...impl.optimum import Budget, NotCoerciveError, UnsupportedError, minimise
from ...impl.optimum import check as check_certificate
from ...impl.optimum.certificate import load as load_certificate
from ...impl.optimum.headline import ORDINARY_BALL, STEEP, STEEP_BALL
from ...impl.smooth_network.instance import SmoothInstance
from ..certifying import certify as answered
from ..processes import EndedError, apart
from ..records import network_optimum_record, optimum_record
from .ending import fail, interrupted
from .own_tasks import PLACES, EtaOption, LabelOption, LossOption, StepsOption, TaskOption, tasks_at
from .shared import JsonOption, emit, input_errors, paper, ready, save, working

RadiusOption = Annotated[
    str | None,
    typer.Option("--radius", metavar="B", help="Over ||theta|| <= B; without it over all parameters, where provable."),
]
GapOption = Annotated[float, typer.Option("--gap", help="Relative width of the bracket.")]
TimeOption = Annotated[float, typer.Option("--max-time", min=0.1, metavar="SECONDS", help="Stop the search then.")]

SEARCH = 0.6
"""The part of certify's time after which the search stops; what it found is then checked and judged."""


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
def _supported(source: object) -> Iterator[None]:
    """Problems without an answer become one line and status 2."""
    try:
        yield
    except (UnsupportedError, NotCoerciveError) as error:
        fail(f"{source}: {error}" if isinstance(error, UnsupportedError) else f"{source}: without --radius: {error}")


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
    with _supported(path), working("optimum") as show:

        def searching(boxes: int, lower: float, upper: float) -> None:
            show(f"searching: {boxes} boxes, bracket [{lower:.6g}, {upper:.6g}]")

        found = minimise(instance, ball, budget, checked=checked, progress=searching, stage=show)
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
        _bracket(f"inf L {where}", found.lower, found.upper, found.status)
        _point(found.at)
        typer.echo(f"{found.boxes} boxes, {found.seconds:.3f} s")
        if found.check is not None:
            typer.echo(f"certificate checked: {found.check.reason} ({found.check.boxes} boxes)")
        if found.why:
            typer.echo(f"undecided: {found.why}")
    if found.interrupted:
        interrupted("optimum: the search was interrupted; the bracket is what it had by then")
    raise typer.Exit(0 if found.certified else 3)


def _bracket(what: str, lower: float, upper: float, status: str) -> None:
    """What is enclosed, and the bracket below it: both fit a line."""
    typer.echo(f"{what}:")
    typer.echo(f"  [{lower:.12g}, {upper:.12g}]  {status}".rstrip())


def _point(at: Sequence[float]) -> None:
    """The parameter, in lines that break between its numbers."""
    paper().print(f"at [{', '.join(f'{v:.9g}' for v in at)}]", highlight=False)


def _supremum(
    path: Path, instance: MetaRLInstance, ball: fmpq | None, budget: Budget, json: Path | None, spoken: bool
) -> NoReturn:
    """The bracket of sup L of a meta-RL instance; each coordinate of theta is at most `ball`."""
    try:
        with working("optimum") as show:
            show("searching")
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
        _bracket("sup L (it need not be attained)", found.lower, found.upper, found.status)
        _point(found.at)
        typer.echo(f"{found.boxes} boxes, {found.seconds:.3f} s")
    raise typer.Exit(0 if found.status == "certified" else 3)


def _network_infimum(
    instance: NetworkInstance, ball: fmpq | None, gap: float, json: Path | None, spoken: bool
) -> NoReturn:
    """The bracket of inf L of a network over ||W - W0|| <= ball, or over all W."""
    linear = None
    with working("optimum") as show:
        show("bracketing")
        found = headline_of(instance).bracketed(instance, ball, gap)
        with suppress(NotConvexError):
            if ball is not None and not isinstance(instance, SmoothInstance):
                linear = linearised_optimum(instance, ball)
    emit(network_optimum_record(found, linear), json)
    if spoken:
        where = "over all W" if ball is None else f"over ||W - W0|| <= {ball}"
        _bracket(f"inf L {where} (it need not be attained)", found.lower, found.upper, found.status)
        typer.echo(f"lower bound: {found.method}; {found.seconds:.3f} s")
        if linear is not None:
            _bracket("linearised at W0, over the same ball", linear.lower, linear.upper, "")
        if found.why:
            typer.echo(f"undecided: {found.why}")
    raise typer.Exit(0 if found.certified else 3)


def check(
    path: Annotated[Path, typer.Argument(metavar="CERT", help="A certificate of metagap optimum.")],
) -> None:
    """Prove a certificate again, by separate code in ball arithmetic."""
    with input_errors():
        certificate = load_certificate(path)
    with working("check") as show:
        show("checking")
        found = check_certificate(certificate, lambda boxes: show(f"checking: {boxes} boxes"))
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
    steps: StepsOption = None,
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
    max_time: Annotated[
        float, typer.Option("--max-time", min=0.1, metavar="SECONDS", help="End all work then, whatever it is at.")
    ] = 30.0,
    json: JsonOption = None,
) -> None:
    """How far your MAML solution is from the global optimum, what the theorem promises, and why they differ."""
    begin = time.monotonic()
    source, ball = tasks_at(tasks, loss, eta, steps, task, label), _positive("--radius", radius)
    budget = replace(_budget(gap, max_time), until=begin + SEARCH * max_time)
    spoken = ready({"--json": json})
    if train and omega is not None:
        fail(f"--omega={str(omega)!r}: no --omega is required with --train; give one of the two")
    with input_errors(), _supported(tasks), working("certify") as show:
        try:
            found = apart(answered, (source, omega, train, ball, budget), show, begin + max_time)
        except EndedError as error:
            if error.interrupted:
                raise
            advice = "the optimum and the promise are not certified, nothing was written; allow more, or fewer rows"
            typer.echo(f"metagap: --max-time={max_time:g}: out of time while {error.stage}; {advice}", err=True)
            raise typer.Exit(3) from None
    emit(found.record, json)
    if spoken:
        for line in found.lines:
            typer.echo(line)
    if found.interrupted:
        interrupted("certify: the search was interrupted; the answer is that of its bracket so far")
    raise typer.Exit(found.status)
