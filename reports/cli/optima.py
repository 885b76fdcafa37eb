"""`metagap optimum`, `check` and `certify`: the global optimum, bracketed and checked, and the distance from it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from flint import fmpq

from ...impl.bracket import Status
from ...impl.families import FAMILIES, family_of, load
from ...impl.optimum import Budget, NotCoerciveError, UnsupportedError
from ...impl.optimum.headline import ORDINARY_BALL, STEEP, STEEP_BALL
from ...impl.own_claims import stating
from ...impl.shown import rounded_down, rounded_up
from ..certifying import answered, checked_certificate
from ..formats.judging import OptimumRecord
from ..processes import apart, improving
from .ending import fail, interrupted
from .options import ClaimsOption, JsonOption, exact_option, number, until
from .outputs import emit, ready, save
from .own_tasks import PLACES, ColumnOptions, EndOption, InnerOptions, OmegaOption, in_time, tasks_at
from .programs import (
    EpisodesOption,
    Options,
    RivalOption,
    StateOption,
    certify_program,
    is_program,
    no_program,
    only_programs,
)
from .shared import input_errors, paper, voice, working

RadiusOption = Annotated[
    str | None,
    typer.Option("--radius", metavar="B", help="Over ||theta|| <= B; without it over all parameters, where provable."),
]
GapOption = Annotated[
    float,
    typer.Option("--gap", parser=number(1e-12, 0.999), metavar="GAP", help="Relative width of the bracket, as 1e-6."),
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
    own: ClaimsOption = None,
    radius: RadiusOption = None,
    gap: GapOption = 1e-6,
    max_time: Annotated[float, until("For the search and its check, half of it for each.")] = 60.0,
    checked: Annotated[
        bool, typer.Option("--check/--no-check", help="Check the bracket; what is not checked is not certified.")
    ] = True,
    json: JsonOption = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="CERT", help="Write it here; - is standard output.")
    ] = None,
) -> None:
    """Bracket the global minimum of the meta-objective, with a certificate."""
    ball = _positive("--radius", radius)
    spoken = ready({"--json": json, "--certificate": certificate}, inputs=[path])
    with input_errors():
        instance = load(path, problem=True)
    headline = family_of(instance).headline
    if headline is None:
        able = ", ".join(family.name for family in FAMILIES.values() if family.headline)
        fail(f"{path}: family={instance.family!r}: one of {able} is required: of others no optimum is bracketed")
    if certificate is not None and headline.no_certificate:
        fail(f"--certificate={str(certificate)!r}: {headline.no_certificate}")
    with _supported(path), working("optimum") as show:
        found = headline.optimum(instance, ball, gap, max_time, checked=checked, tell=show)
    if certificate is not None and found.certificate is not None:
        save("--certificate", certificate, found.certificate.dumps())
    elif certificate is not None:
        none = f"not written, no lower end is known: {found.why}"
        typer.echo(f"metagap: --certificate={str(certificate)!r}: {none}", err=True)
    emit(OptimumRecord.of(found), json)
    if spoken:
        word = f"{found.status}, not checked" if found.status is Status.BRACKETED else found.status
        typer.echo(f"{found.what}: [{rounded_down(found.lower, 12)}, {rounded_up(found.upper, 12)}] {word}")
        for sentence in () if voice.quiet else (*found.said, *([f"{found.status}: {found.why}"] if found.why else [])):
            paper().print(sentence, highlight=False)
    if found.interrupted:
        interrupted("optimum: interrupted; the bracket is what was known by then")
    raise typer.Exit(0 if found.certified else 3)


def check(
    *,
    path: Annotated[
        Path, typer.Argument(metavar="CERT", help="A certificate of metagap optimum, or of metagap prove --region.")
    ],
    tasks: Annotated[
        str | None, typer.Option("--tasks", metavar="TASKS", help=f"Of a certificate that leaves them out. {PLACES}")
    ] = None,
    own: ClaimsOption = None,
    inner: InnerOptions,
    columns: ColumnOptions,
    max_time: EndOption = 600.0,
) -> None:
    """Prove a certificate again, by separate code in ball arithmetic.

    Status 1 if it is rejected. A region's certificate may leave a part of the region open: how much is said, and the
    status is 3, as that of metagap prove.
    """
    advice = "it is neither accepted nor rejected; allow more"
    source = None if tasks is None else tasks_at(tasks, inner, columns)
    for name in ("loss", "eta", "decay"):
        if source is None and getattr(inner, name):
            fail(f"--{name}: --tasks is required with it; give both, or none")
    with input_errors(), working("check") as show, in_time(max_time, advice):
        status, line = apart(stating(checked_certificate), (path, source), show, time.monotonic() + max_time)
    typer.echo(line)
    raise typer.Exit(status)


def certify(
    *,
    context: typer.Context,
    tasks: Annotated[str, typer.Argument(metavar="TASKS", help=f"Your tasks. {PLACES}")],
    omega: OmegaOption = None,
    train: Annotated[bool, typer.Option("--train", help="Train omega on the spot by MAML.")] = False,
    own: ClaimsOption = None,
    inner: InnerOptions,
    columns: ColumnOptions,
    radius: Annotated[
        str | None,
        typer.Option(
            "--radius",
            metavar="B",
            help="Compare with the optimum over ||theta|| <= B (networks: ||W - W0|| <= B; policies: |theta_j| <= B). "
            "Without it over all parameters, where a ball is known "
            f"to hold a minimiser; else over a ball of radius {ORDINARY_BALL} ({STEEP_BALL} for losses that adaptation "
            f"makes grow exponentially: {', '.join(STEEP)}), or the next integer that omega lies within.",
        ),
    ] = None,
    gap: GapOption = 1e-6,
    max_time: Annotated[
        float,
        until(
            "End all work then, whatever it is at; of a PyTorch model the search for better parameters alone ends, "
            "after half of it."
        ),
    ] = 30.0,
    json: JsonOption = None,
    episodes: EpisodesOption = None,
    state: StateOption = None,
    comparator: RivalOption = None,
) -> None:
    """How far your MAML solution is from the global optimum, what the theorem promises, and what to do."""
    begin = time.monotonic()
    if is_program(tasks):
        only_programs(context, "omega", "train", "decay", "task", "label", "ignore", "feature", "radius", "gap")
        eta = inner.eta
        rate = None if eta is None else float(exact_option("--eta", eta, lambda v: True, "a number is required"))
        certify_program(tasks, Options(episodes, state, comparator, inner.loss, rate, inner.steps), max_time, json)
    no_program(Options(episodes, state, comparator))
    source, ball = tasks_at(tasks, inner, columns), _positive("--radius", radius)
    budget = Budget(gap=gap, seconds=max_time, until=begin + JUDGING * max_time)
    spoken = ready({"--json": json}, inputs=[tasks, *([] if omega is None else [omega])])
    if train and omega is not None:
        fail(f"--omega={str(omega)!r}: no --omega is required with --train; give one of the two")
    advice = "there is no answer, and none was written; allow more, or fewer rows"
    with input_errors(), _supported(tasks), working("certify") as show, in_time(max_time, advice):
        found, ended = improving(stating(answered), (source, omega, train, ball, budget), show, begin + max_time)
    emit(found.record, json)
    if spoken:
        for line in found.lines[:1] if voice.quiet else found.lines:
            typer.echo(line)
    if found.interrupted or (ended is not None and ended.interrupted):
        where = f" while {ended.stage}" if ended is not None else ""
        interrupted(f"certify: interrupted{where}; the answer is that of what was known by then")
    if ended is not None:
        typer.echo(f"metagap: {ended.why(max_time)} while {ended.stage}; the answer stood before", err=True)
        raise typer.Exit(found.status if found.status == 1 else 3)
    raise typer.Exit(found.status)
