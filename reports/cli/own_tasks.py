"""`metagap audit TASKS`: which assumptions hold on your tasks, with margins, and which one binds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from flint import fmpq
from rich.table import Table

from ...impl.arithmetic import rational
from ...impl.conditions import Condition, Conditions, conditions
from ...impl.extras import MissingExtraError
from ...impl.instances import Instance
from ...impl.losses import LOSSES, Loss
from ...impl.meta_sl.own_tasks import load_tasks
from ..records import enclosure
from .shared import emit, fail, input_errors, paper, screen

PLACES = "An instance file, FILE.csv, FILE.npz (X, y, task), or sklearn:NAME."

LossOption = Annotated[
    str | None,
    typer.Option("--loss", metavar="NAME[:PARAMETER]", help="Loss of data from CSV, NumPy or scikit-learn."),
]
EtaOption = Annotated[
    str | None,
    typer.Option("--eta", metavar="STEP", help="Inner step size, such as 1/4; by default half of 1/curvature."),
]
TaskOption = Annotated[str, typer.Option("--task", metavar="COLUMN", help="CSV column that names the task.")]
LabelOption = Annotated[str, typer.Option("--label", metavar="COLUMN", help="CSV column of the label.")]


def tasks_at(place: str, loss: str | None, eta: str | None, task: str, label: str) -> Instance:
    """The tasks that the options describe; bad input ends the command with one line."""
    try:
        with input_errors():
            return load_tasks(place, task=task, label=label, loss=_loss(loss), eta=_eta(eta))
    except MissingExtraError as error:
        fail(str(error))


def _loss(text: str | None) -> Loss | None:
    if text is None:
        return None
    name, _, parameter = text.partition(":")
    if name not in LOSSES:
        fail(f"--loss={text!r}: one of {', '.join(LOSSES)} is required; the quartic and Huber losses with :PARAMETER")
    try:
        value = rational(parameter) if parameter else None
    except (ValueError, ZeroDivisionError, OverflowError):
        fail(f"--loss={text!r}: parameter={parameter!r}: a number > 0 is required; give {name}:1, say")
    try:
        if value is not None and value <= 0:
            raise ValueError(f"parameter={parameter!r}: a number > 0 is required")
        return Loss(name, value)
    except ValueError as error:
        fail(f"--loss={text!r}: {error}; give {name}:1, say" if not parameter else f"--loss={text!r}: {error}")


def _eta(text: str | None) -> fmpq | None:
    if text is None:
        return None
    try:
        value = rational(text) if len(text) <= 100 else None
    except (ValueError, ZeroDivisionError, OverflowError):
        value = None
    if value is None or abs(value) > 10**30:
        fail(f"--eta={text!r}: a number of at most 1e30 is required; give one, such as 1/4")
    return value


def audit_tasks(place: str, instance: Instance, json: Path | None, spoken: bool) -> None:
    """Print the conditions of the tasks, or write them where --json says."""
    with screen.status("auditing") as status:
        found = conditions(instance, lambda name: status.update(f"auditing: {name}"))
    emit(_record(place, instance, found), json)
    if spoken:
        _print(place, instance, found)
    raise typer.Exit(3 if any(c.holds is None for c in found.conditions) else 0)


def _record(place: str, instance: Instance, found: Conditions) -> dict[str, Any]:
    """metagap/conditions/1."""
    return {
        "format": "metagap/conditions/1",
        "tasks": place,
        "instance": instance.sha256,
        "assumptions": [
            {
                "name": c.assumption.name,
                "identifier": c.assumption.identifier,
                "statement": c.assumption.statement,
                "holds": c.holds,
                "margin": enclosure(c.margin),
                "why": c.why,
            }
            for c in found.conditions
        ],
        "claims": [
            {"claim": a.claim.name, "applies": a.applies, "fails": list(a.fails), "open": list(a.open),
             "tightest": a.tightest}
            for a in found.claims
        ],
        "binding": list(found.binding),
    }  # fmt: skip


def _print(place: str, instance: Instance, found: Conditions) -> None:
    console = paper()
    table = Table(title=f"{place}  {instance.sha256[:12]}", title_justify="left")
    for heading in ("assumption", "holds", "margin", "statement"):
        table.add_column(heading, overflow="fold")
    for condition in found.conditions:
        word = {True: "yes", False: "no", None: "open"}[condition.holds]
        table.add_row(condition.assumption.name, word, _margin(condition), condition.assumption.statement)
    console.print(table)
    applying = [a.claim.name for a in found.claims if a.applies]
    console.print(f"{len(applying)} of {len(found.claims)} claims apply: {', '.join(applying)}.")
    for a in found.claims:
        if not a.applies:
            console.print(f"  {a.claim.name}: {', '.join((*a.fails, *(f'{name} (open)' for name in a.open)))}")
    if found.binding:
        console.print(f"Binding: {', '.join(found.binding)} (each alone keeps some claim from applying).")


def _margin(condition: Condition) -> str:
    """The margin for people; yes-or-no assumptions have none."""
    if condition.margin is None or (condition.margin.lo == condition.margin.hi and abs(condition.margin.lo) == 1):
        return condition.why
    return f"{condition.margin.middle:.4g}"
