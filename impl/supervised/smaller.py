"""Meta-SL instances one step smaller, for shrinking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

from flint import fmpq

from ..losses import Link, Loss
from ..shrink import put, simpler
from .instance import Atom, Functions, Gradient, Implicit, MetaSLInstance, Task

Model = TypeVar("Model", bound=Any)
"""An instance with any model: tasks, features and a comparator are what is cut here."""


def smaller(instance: MetaSLInstance) -> Iterator[MetaSLInstance]:
    """Instances one step smaller, structure first."""
    yield from fewer_tasks(instance)
    yield from fewer_atoms(instance)
    yield from fewer_points(instance)
    yield from _fewer_dimensions(instance)
    yield from simpler_loss(instance)
    if isinstance(instance.adaptation, Implicit):
        yield replace(instance, adaptation=Gradient(1 / instance.adaptation.strength, 1))
    yield from _simpler_numbers(instance)


def fewer_tasks(instance: Model) -> Iterator[Model]:
    count = len(instance.tasks)
    for i in range(count if count > 1 else 0):
        left = 1 - instance.tasks[i].weight
        if left == 0:
            continue
        tasks = tuple(replace(t, weight=t.weight / left) for j, t in enumerate(instance.tasks) if j != i)
        yield replace(instance, tasks=tasks, comparator=_without_task(instance, i))
    if count > 1 and any(t.weight != fmpq(1, count) for t in instance.tasks):
        yield replace(instance, tasks=tuple(replace(t, weight=fmpq(1, count)) for t in instance.tasks))


def _without_task(instance: Any, i: int) -> Any:
    comparator = instance.comparator
    if isinstance(comparator, Functions):
        return Functions(tuple(row for j, row in enumerate(comparator.values) if j != i))
    return comparator


def fewer_atoms(instance: Model) -> Iterator[Model]:
    for i, task in enumerate(instance.tasks):
        for a in range(len(task.atoms) if len(task.atoms) > 1 else 0):
            left = 1 - task.atoms[a].p
            atoms = tuple(replace(t, p=t.p / left) for b, t in enumerate(task.atoms) if b != a)
            yield with_task(instance, i, replace(task, atoms=atoms))
        even = fmpq(1, len(task.atoms))
        if any(t.p != even for t in task.atoms):
            yield with_task(instance, i, replace(task, atoms=tuple(replace(t, p=even) for t in task.atoms)))


def with_task(instance: Model, i: int, task: Task) -> Model:
    return replace(instance, tasks=(*instance.tasks[:i], task, *instance.tasks[i + 1 :]))


def fewer_points(instance: Model) -> Iterator[Model]:
    used = {atom.x for task in instance.tasks for atom in task.atoms}
    keep = [x for x in range(len(instance.features)) if x in used]
    if len(keep) == len(instance.features):
        return
    place = {x: j for j, x in enumerate(keep)}
    tasks = tuple(replace(t, atoms=tuple(Atom(place[a.x], a.y, a.p) for a in t.atoms)) for t in instance.tasks)
    comparator = instance.comparator
    if isinstance(comparator, Functions):
        comparator = Functions(tuple(tuple(row[x] for x in keep) for row in comparator.values))
    features = tuple(instance.features[x] for x in keep)
    yield replace(instance, features=features, tasks=tasks, comparator=comparator)


def simpler_loss(instance: Model) -> Iterator[Model]:
    """The same problem with a polynomial loss: then every quantity is a fraction or a root of one."""
    plain = [Loss("squared"), Loss("quartic", fmpq(1, 4))]
    if instance.loss.name == "squared":
        return
    for loss in plain if instance.loss.name != "quartic" else plain[:1]:
        yield replace(instance, loss=loss)


def _fewer_dimensions(instance: MetaSLInstance) -> Iterator[MetaSLInstance]:
    d = instance.dimension
    for j in range(d if d > 1 else 0):

        def cut(vector: tuple[fmpq, ...], j: int = j) -> tuple[fmpq, ...]:
            return vector[:j] + vector[j + 1 :]

        comparator = instance.comparator
        yield replace(
            instance,
            features=tuple(cut(row) for row in instance.features),
            omega=cut(instance.omega),
            comparator=comparator if isinstance(comparator, Functions) else cut(comparator),
        )


def _simpler_numbers(instance: MetaSLInstance) -> Iterator[MetaSLInstance]:
    adaptation = instance.adaptation
    if isinstance(adaptation, Gradient):
        if adaptation.steps > 1:
            yield replace(instance, adaptation=replace(adaptation, steps=1))
        for eta in simpler(adaptation.eta):
            yield replace(instance, adaptation=Gradient(eta, adaptation.steps))
    else:
        for strength in simpler(adaptation.strength, positive=True):
            yield replace(instance, adaptation=Implicit(strength))
    for radius in simpler(instance.radius, positive=True):
        yield replace(instance, radius=radius)
    for j, value in enumerate(instance.omega):
        for simple in simpler(value):
            yield replace(instance, omega=put(instance.omega, j, simple))
    for x, row in enumerate(instance.features):
        for j, value in enumerate(row):
            for simple in simpler(value):
                features = (*instance.features[:x], put(row, j, simple), *instance.features[x + 1 :])
                yield replace(instance, features=features)
    comparator = instance.comparator
    if isinstance(comparator, Functions):
        for i, row in enumerate(comparator.values):
            for x, value in enumerate(row):
                for simple in simpler(value):
                    rows = (*comparator.values[:i], put(row, x, simple), *comparator.values[i + 1 :])
                    yield replace(instance, comparator=Functions(rows))
    else:
        for j, value in enumerate(comparator):
            for simple in simpler(value):
                yield replace(instance, comparator=put(comparator, j, simple))
    if instance.loss.link is Link.MARGIN:
        return
    positive = instance.loss.link is Link.CANONICAL
    for i, task in enumerate(instance.tasks):
        for a, atom in enumerate(task.atoms):
            for simple in simpler(atom.y):
                if simple >= 0 or not positive:
                    atoms = (*task.atoms[:a], replace(atom, y=simple), *task.atoms[a + 1 :])
                    yield with_task(instance, i, replace(task, atoms=atoms))
