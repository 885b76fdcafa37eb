"""Instances of supervised learning as the fields of their files, whatever the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from flint import fmpq

from ..arithmetic import listed
from ..instances import FORMAT, SPLIT_FORMAT
from ..losses import Link, Loss
from .adaptation import Gradient, Own, adaptation_field
from .tables import Rows

if TYPE_CHECKING:
    from .instance import Atom, Task


def document_of(
    instance: Any,
    number: Callable[[fmpq], object],
    model: dict[str, object],
    parameter: Callable[[Any], object],
    width: int | None = None,
) -> dict[str, object]:
    """The fields of an instance file: numbers written by `number`, parameters by `parameter`; a network has a width."""
    rival, rows = instance.comparator, instance.features
    functions = {"functions": listed(number, rival.values)} if isinstance(rival, instance.functional) else None
    plain = instance.loss.outputs == 1 and all(task.support is None for task in instance.tasks)
    if isinstance(instance.adaptation, Gradient):
        plain = plain and instance.adaptation.rates is None and instance.adaptation.decay == 0
    plain = plain and not isinstance(instance.adaptation, Own)
    return {
        "format": FORMAT if plain else SPLIT_FORMAT,
        "problem": "meta-sl",
        "loss": loss_field(instance.loss, number),
        "adaptation": adaptation_field(instance.adaptation, number, width),
        "model": model,
        "features": rows.written(number) if isinstance(rows, Rows) else listed(number, rows),
        "tasks": tasks_field(instance.tasks, number),
        "omega": parameter(instance.omega),
        "comparator": functions or parameter(rival),
        "radius": number(instance.radius),
    }


def loss_field(loss: Loss, number: Callable[[fmpq], object]) -> dict[str, object]:
    """The field "loss" of a document."""
    field: dict[str, object] = {"name": loss.name}
    if loss.parameter is not None and loss.profile.parameter is not None:
        field[loss.profile.parameter] = number(loss.parameter)
    return field | ({"classes": loss.outputs} if loss.link is Link.CLASS else {})


def tasks_field(tasks: tuple[Task, ...], number: Callable[[fmpq], object]) -> list[dict[str, object]]:
    """The field "tasks" of a document."""

    def written(atoms: Sequence[Atom]) -> list[dict[str, object]]:
        return [{"x": a.x, "y": listed(number, a.y), "p": number(a.p)} for a in atoms]

    return [
        {"weight": number(task.weight), "atoms": written(task.atoms)}
        | ({} if task.support is None else {"support": written(task.support)})
        for task in tasks
    ]
