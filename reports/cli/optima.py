"""`metagap optimum`, `check` and `certify`: the global optimum, bracketed and checked, and the distance from it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from flint import fmpq

from ...impl import files
from ...impl.arithmetic import to_float
from ...impl.bracket import Bracket, Status
from ...impl.headlines import headline_of
from ...impl.meta_rl.headline import supremum
from ...impl.meta_rl.instance import MetaRLInstance
from ...impl.meta_sl.instance import MetaSLInstance
from ...impl.network.floor import NotConvexError
from ...impl.network.instance import NetworkInstance
from ...impl.network.linearised import linearised_optimum
from ...impl.optimum import Budget, NotCoerciveError, UnsupportedError, minimise
from ...impl.optimum.answer import lower_end
from ...impl.optimum.headline import ORDINARY_BALL, STEEP, STEEP_BALL
from ...impl.smooth_network.instance import SmoothInstance
from ..certifying import certify as answered
from ..certifying import checked_certificate
from ..processes import EndedError, apart
from ..records import finite, network_optimum_record, optimum_record
from .own_tasks import PLACES, EtaOption, LabelOption, LossOption, StepsOption, TaskOption, tasks_at
from .shared import (
    JsonOption,
    emit,
    exact_option,
    fail,
    input_errors,
    interrupted,
    number,
    paper,
    ready,
    save,
    working,
)

RadiusOption = Annotated[
    str | None,
    typer.Option("--radius", metavar="B", help="Over ||theta|| <= B; without it over all parameters, where provable."),
]
GapOption = Annotated[
    float,
    typer.Option("--gap", parser=number(1e-12, 0.999), metavar="GAP", help="Relative width of the bracket, as 1e-6."),
]
TimeOption = Annotated[
    float,
    typer.Option(
        "--max-time",
        parser=number(0.1),
        metavar="SECONDS",
        help="For the search and its check, half of it for each.",
    ),
]

JUDGING = 0.8
"""The part of certify's time after which the bracket must stand; the theorem is then judged."""


def _positive(name: str, text: str | None) -> fmpq | None:
    if text is None:
        return None
    required = "a number from 1e-30 to 1e30 is required; give one, such as 4 or 7/2"
    return exact_option(name, text, lambda v: fmpq(1, 10**30) <= v <= 10**30, required)


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
        bool, typer.Option("--check/--no-check", help="Check the bracket; what is not checked is not certified.")
    ] = True,
    json: JsonOption = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="CERT", help="Write it here; - is standard output.")
    ] = None,
) -> None:
    """Bracket the global minimum of the meta-objective, with a certificate."""
    ball, budget = _positive("--radius", radius), Budget(gap=gap, seconds=max_time)
    spoken = ready({"--json": json, "--certificate": certificate}, inputs=[path])
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
        none = f"not written, no lower end is known: {found.why}"
        typer.echo(f"metagap: --certificate={str(certificate)!r}: {none}", err=True)
    emit(optimum_record(found), json)
    if spoken:
        where = (
            f"over ||theta|| <= {ball}" if ball is not None else f"over all parameters (attained within {found.ball})"
        )
        _bracket(f"inf L {where}", found)
        _point(found.at)
        _wrapped(lower_end(found))
        typer.echo(_effort(found))
        if found.why:
            _wrapped(f"{found.status}: {found.why}")
    if found.interrupted:
        interrupted("optimum: interrupted; the bracket is what was known by then")
    raise typer.Exit(0 if found.certified else 3)


def _bracket(what: str, found: Bracket) -> None:
    """What is enclosed, and the bracket below it: both fit a line."""
    word = f"{found.status}, not checked" if found.status is Status.BRACKETED else found.status
    typer.echo(f"{what}:")
    typer.echo(f"  [{found.lower:.12g}, {found.upper:.12g}]  {word}")


def _effort(found: Bracket) -> str:
    checked = "" if found.check is None else f", {found.check.boxes} in the checker"
    return f"{found.boxes} boxes in the search{checked}; {found.seconds:.3f} s"


def _wrapped(text: str) -> None:
    """Words, in lines that break between them."""
    paper().print(text, highlight=False)


def _point(at: Sequence[float]) -> None:
    """The parameter, in lines that break between its numbers."""
    _wrapped(f"at [{', '.join(f'{v:.9g}' for v in at)}]")


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
        "lower": finite(found.lower),
        "upper": finite(found.upper),
        "at": list(found.at),
        "status": found.status,
        "checked": None if found.check is None else found.check.accepted,
        "why": found.why,
        "boxes": found.boxes,
        "seconds": found.seconds,
    }
    emit(record, json)
    if spoken:
        _bracket("sup L (it need not be attained)", found)
        _point(found.at)
        typer.echo(_effort(found))
        if found.why:
            _wrapped(f"{found.status}: {found.why}")
    raise typer.Exit(0 if found.certified else 3)


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
        _bracket(f"inf L {where} (it need not be attained)", found)
        says = "no checker is known for this" if found.check is None else f"the checker: {found.check.reason}"
        _wrapped(f"lower end: {found.method}; {says}; {found.seconds:.3f} s")
        if linear is not None:
            typer.echo("linearised at W0, over the same ball:")
            typer.echo(f"  [{linear.lower:.12g}, {linear.upper:.12g}]")
        if found.why:
            _wrapped(f"{found.status}: {found.why}")
    raise typer.Exit(0 if found.certified else 3)


def check(
    path: Annotated[Path, typer.Argument(metavar="CERT", help="A certificate of metagap optimum.")],
    max_time: Annotated[
        float,
        typer.Option("--max-time", parser=number(0.1), metavar="SECONDS", help="End all work then, whatever it is at."),
    ] = 600.0,
) -> None:
    """Prove a certificate again, by separate code in ball arithmetic."""
    with input_errors(), working("check") as show:
        try:
            accepted, line = apart(checked_certificate, (path,), show, time.monotonic() + max_time)
        except EndedError as error:
            if error.interrupted:
                raise
            advice = "it is neither accepted nor rejected; allow more"
            typer.echo(f"metagap: --max-time={max_time:g}: out of time while {error.stage}; {advice}", err=True)
            raise typer.Exit(3) from None
    typer.echo(line)
    raise typer.Exit(0 if accepted else 1)


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
        float,
        typer.Option("--max-time", parser=number(0.1), metavar="SECONDS", help="End all work then, whatever it is at."),
    ] = 30.0,
    json: JsonOption = None,
) -> None:
    """How far your MAML solution is from the global optimum, what the theorem promises, and why they differ."""
    begin = time.monotonic()
    source, ball = tasks_at(tasks, loss, eta, steps, task, label), _positive("--radius", radius)
    budget = Budget(gap=gap, seconds=max_time, until=begin + JUDGING * max_time)
    spoken = ready({"--json": json}, inputs=[tasks, *([] if omega is None else [omega])])
    if train and omega is not None:
        fail(f"--omega={str(omega)!r}: no --omega is required with --train; give one of the two")
    with input_errors(), _supported(tasks), working("certify") as show:
        try:
            found = apart(answered, (source, omega, train, ball, budget), show, begin + max_time)
        except EndedError as error:
            if error.interrupted:
                raise
            advice = "there is no answer, and none was written; allow more, or fewer rows"
            typer.echo(f"metagap: --max-time={max_time:g}: out of time while {error.stage}; {advice}", err=True)
            raise typer.Exit(3) from None
    emit(found.record, json)
    if spoken:
        for line in found.lines:
            typer.echo(line)
    if found.interrupted:
        interrupted("certify: interrupted; the answer is that of the bracket that was known by then")
    raise typer.Exit(found.status)
