"""`metagap audit TASKS`: which assumptions hold on your tasks, with margins, and which one binds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from flint import fmpq

from ...impl.files.parameters import KINDS
from ...impl.instances import Vector
from ...impl.losses import LOSSES, Loss
from ...impl.own_claims import stating
from ...impl.own_tasks import TaskSource
from ...impl.supervised.document import OUTPUTS, STEPS
from ...impl.task_tables import DOUBTFUL, MEANT
from ...impl.vector_losses import VectorLoss
from ..certifying import conditions_of
from ..formats.judging import ConditionRow, ConditionsRecord
from ..processes import EndedError, improving
from .ending import fail, interrupted
from .options import exact_option, until, whole
from .outputs import emit
from .shared import input_errors, listing, paper, voice, working

OmegaOption = Annotated[
    Path | None,
    typer.Option(
        "--omega",
        metavar="FILE",
        help="Your solution: a JSON list of numbers (of a network, of rows), .npy, .npz, or a state_dict in .pt or "
        ".safetensors.",
    ),
]
EndOption = Annotated[float, until("End all work then, whatever it is at.")]
PLACES = f"An instance file, FILE.csv, FILE.npz (X, y, task; both may have {', '.join(MEANT)}), or sklearn:NAME."


@dataclass(frozen=True)
class InnerOptions:
    """How tasks adapt, where their file does not say it."""

    loss: Annotated[
        str | None,
        typer.Option("--loss", metavar="NAME[:PARAMETER]", help="Loss of data from CSV, NumPy or scikit-learn."),
    ] = None
    eta: Annotated[
        str | None,
        typer.Option(
            "--eta",
            metavar="STEP",
            help="Inner step size, such as 1/4; 1/4,0,1/2 has one for each parameter (0 freezes it), and so has a file "
            "as --omega takes. By default half of 1/curvature.",
        ),
    ] = None
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps", parser=whole(1, STEPS), metavar="K", help="Inner steps on data without them; by default 1."
        ),
    ] = None
    decay: Annotated[
        str | None,
        typer.Option("--decay", metavar="LAMBDA", help="Weight decay of the inner steps, such as 1/100; by default 0."),
    ] = None


@dataclass(frozen=True)
class ColumnOptions:
    """What the columns of a table mean."""

    task: Annotated[str, typer.Option("--task", metavar="COLUMN", help="CSV column that names the task.")] = "task"
    label: Annotated[
        str,
        typer.Option("--label", metavar="COLUMN", help="CSV column of the label (y1, y2, ... of several outputs: y)."),
    ] = "y"
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="COLUMN", help="CSV column or NumPy array to leave out (may be repeated)."),
    ] = None
    feature: Annotated[
        list[str] | None,
        typer.Option(
            "--feature",
            metavar="COLUMN",
            help=f"CSV column that is a feature though named {', '.join((*MEANT, *DOUBTFUL[:-1]))} or {DOUBTFUL[-1]}.",
        ),
    ] = None


def tasks_at(place: str, inner: InnerOptions, columns: ColumnOptions, adaptation: str | None = None) -> TaskSource:
    """The tasks that the options describe; bad options end the command with one line."""
    ignored, features = tuple(columns.ignore or ()), tuple(columns.feature or ())
    for name in {*ignored} & {*features}:
        fail(f"--feature={name!r}: a column that is not given to --ignore is required; leave one of the two out")
    loss, eta, decay = _loss(inner.loss), _eta(inner.eta), _decay(inner.decay)
    return TaskSource(place, columns.task, columns.label, ignored, features, loss, eta, inner.steps, decay, adaptation)


def _loss(text: str | None) -> Loss | None:
    if text is None:
        return None
    name, _, parameter = text.partition(":")
    if name == "softmax":
        required = f"softmax:C with the number of classes C, 2..{OUTPUTS}, is required; give softmax:3, say"
        count = exact_option("--loss", text, lambda v: v.q == 1 and 2 <= v <= OUTPUTS, required, parameter or "0")
        return VectorLoss("softmax", outputs=int(count.p))
    if name not in LOSSES:
        known = ", ".join((*LOSSES, "softmax:C"))
        fail(f"--loss={text!r}: one of {known} is required; the quartic and Huber losses with :PARAMETER")
    required = f"{name}:PARAMETER with a number > 0 is required; give {name}:1, say"
    value = exact_option("--loss", text, lambda v: v > 0, required, parameter) if parameter else None
    try:
        return Loss(name, value)
    except ValueError as error:
        fail(f"--loss={text!r}: {error}; give {name}:1, say" if not parameter else f"--loss={text!r}: {error}")


def _eta(text: str | None) -> fmpq | Vector | Path | None:
    """One step size, one for each parameter, or the file that has them."""
    if text is None:
        return None
    if Path(text).suffix.lower() in KINDS:
        return Path(text)
    required = "a number >= 0 and at most 1e30 (or several, with commas; or a file) is required; give one, such as 1/4"
    found = [exact_option("--eta", text, lambda v: 0 <= v <= 10**30, required, part) for part in text.split(",")]
    return found[0] if len(found) == 1 else tuple(found)


def _decay(text: str | None) -> fmpq | None:
    required = "a number >= 0 and at most 1e30 is required; give one, such as 1/100"
    return None if text is None else exact_option("--decay", text, lambda v: 0 <= v <= 10**30, required)


@contextmanager
def in_time(limit: float, advice: str) -> Iterator[None]:
    """Work that its time limit ended becomes one line and status 3."""
    try:
        yield
    except EndedError as error:
        if error.interrupted:
            raise
        typer.echo(f"metagap: {error.why(limit)} while {error.stage}; {advice}", err=True)
        raise typer.Exit(3) from None


def audit_tasks(source: TaskSource, omega: Path | None, max_time: float, json: Path | None, spoken: bool) -> None:
    """Print the conditions of the tasks, or write them where --json says."""
    advice, end = "no assumption was examined; allow more, or fewer rows", time.monotonic() + max_time
    with input_errors(), working("audit") as show, in_time(max_time, advice):
        record, ended = improving(stating(conditions_of), (source, omega), show, end)
    emit(record, json)
    if spoken:
        _print(record)
    if ended is not None and ended.interrupted:
        interrupted(f"audit: interrupted while {ended.stage}; what was not examined by then is open")
    if ended is not None:
        typer.echo(f"metagap: {ended.why(max_time)} while {ended.stage}; what remains is open", err=True)
    raise typer.Exit(3 if ended is not None or any(row.holds is None for row in record.assumptions) else 0)


def _print(record: ConditionsRecord) -> None:
    console = paper()
    applying = [row.claim for row in record.claims if row.applies]
    verdict = f"{len(applying)} of {len(record.claims)} claims apply"
    if voice.quiet:
        console.print(f"{verdict}.", soft_wrap=True)
        return
    table = listing(f"{record.tasks}  {record.instance[:12]}", "assumption")
    for heading in ("holds", "margin"):
        table.add_column(heading, no_wrap=True)
    table.add_column("statement")
    for row in record.assumptions:
        word = {True: "yes", False: "no", None: "open"}[row.holds]
        why = f" ({row.why})" if row.why else ""
        table.add_row(row.name, word, _margin(row), row.statement + why)
    console.print(table)
    console.print(f"{verdict}: {', '.join(applying)}." if applying else f"{verdict}.")
    for claim in record.claims:
        if not claim.applies:
            missing = (*claim.fails, *(f"{name} (open)" for name in claim.open), *([claim.why] if claim.why else []))
            console.print(f"  {claim.claim}: {', '.join(missing)}")
    for note in record.notes:
        console.print(f"The tasks: {note}.")
    if record.binding:
        console.print(f"Binding: {', '.join(record.binding)} (each alone keeps some claim from applying).")


def _margin(row: ConditionRow) -> str:
    """The margin for people; yes-or-no assumptions have none."""
    if row.margin is None or row.margin.lo is None or row.margin.hi is None:
        return ""
    low, high = row.margin.lo, row.margin.hi
    return "" if low == high and abs(low) == 1 else f"{(low + high) / 2:.4g}"
