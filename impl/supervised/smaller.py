"""Meta-SL instances one step smaller, for shrinking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from flint import fmpq

from ..losses import Link, Loss
from ..models.smaller import simpler_parameters
from ..shrink import at_each, fewer_tasks, put, simpler, simpler_entries, simpler_rows, with_each
from .adaptation import Adaptation, Gradient, Implicit, Own
from .instance import Atom, Functions, MetaSLInstance, Task

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


def fewer_atoms(instance: Model) -> Iterator[Model]:
    """One law for a task of two; fewer atoms of either law, or equal masses."""
    for i, task in enumerate(instance.tasks):
        if task.support is not None:
            yield with_law(instance, i, "support", None)
        for name, atoms in _laws(task):
            for a in range(len(atoms) if len(atoms) > 1 else 0):
                left = 1 - atoms[a].p
                kept = tuple(replace(t, p=t.p / left) for b, t in enumerate(atoms) if b != a)
                yield with_law(instance, i, name, kept)
            even = fmpq(1, len(atoms))
            if any(t.p != even for t in atoms):
                yield with_law(instance, i, name, tuple(replace(t, p=even) for t in atoms))


def _laws(task: Task) -> Iterator[tuple[str, Sequence[Atom]]]:
    """The laws of a task that it has, by their fields."""
    yield "atoms", task.atoms
    if task.support is not None:
        yield "support", task.support


def with_law(instance: Model, i: int, name: str, atoms: Any) -> Model:
    return replace(instance, tasks=put(instance.tasks, i, replace(instance.tasks[i], **{name: atoms})))


def fewer_points(instance: Model) -> Iterator[Model]:
    used = {atom.x for task in instance.tasks for _, atoms in _laws(task) for atom in atoms}
    keep = [x for x in range(len(instance.features)) if x in used]
    if len(keep) == len(instance.features):
        return
    place = {x: j for j, x in enumerate(keep)}
    tasks = tuple(
        replace(t, **{name: tuple(Atom(place[a.x], a.y, a.p) for a in atoms) for name, atoms in _laws(t)})
        for t in instance.tasks
    )
    comparator = instance.comparator
    if isinstance(comparator, Functions):
        c = instance.loss.outputs
        own = [x * c + a for x in keep for a in range(c)]
        comparator = Functions(tuple(tuple(row[j] for j in own) for row in comparator.values))
    features = tuple(instance.features[x] for x in keep)
    yield replace(instance, features=features, tasks=tasks, comparator=comparator)


def simpler_loss(instance: Model) -> Iterator[Model]:
    """The same problem with a polynomial loss: then every quantity is a fraction or a root of one."""
    plain = [Loss("squared"), Loss("quartic", fmpq(1, 4))]
    if instance.loss.name == "squared" or instance.loss.outputs > 1:
        return
    for loss in plain if instance.loss.name != "quartic" else plain[:1]:
        yield replace(instance, loss=loss)


def _fewer_dimensions(instance: MetaSLInstance) -> Iterator[MetaSLInstance]:
    d = instance.dimension // instance.loss.outputs
    for j in range(d if d > 1 else 0):

        def cut(vector: tuple[fmpq, ...], j: int = j) -> tuple[fmpq, ...]:
            return tuple(v for k, v in enumerate(vector) if k % d != j)

        adaptation, comparator = instance.adaptation, instance.comparator
        if isinstance(adaptation, Gradient) and adaptation.rates is not None:
            adaptation = replace(adaptation, rates=cut(adaptation.rates))
        yield replace(
            instance,
            adaptation=adaptation,
            features=tuple(cut(row) for row in instance.features),
            omega=cut(instance.omega),
            comparator=comparator if isinstance(comparator, Functions) else cut(comparator),
        )


def simpler_adaptations(adaptation: Adaptation) -> Iterator[Adaptation]:
    """Fewer steps, simpler step sizes."""
    if isinstance(adaptation, Implicit):
        yield from (Implicit(strength) for strength in simpler(adaptation.strength, positive=True))
        return
    if isinstance(adaptation, Own):
        yield from with_each(adaptation, eta=simpler(adaptation.eta))
        return
    yield from with_each(adaptation, steps=sorted({1, adaptation.steps - 1} - {0, adaptation.steps}))
    if not adaptation.plain:
        yield Gradient(adaptation.eta, adaptation.steps)
    decays = (decay for decay in simpler(adaptation.decay) if decay >= 0)
    rates = simpler_entries(adaptation.rates or ())
    yield from with_each(adaptation, decay=decays, rates=rates, eta=simpler(adaptation.eta))


def simpler_comparators(comparator: Any) -> Iterator[Any]:
    """Functions or a parameter with one simpler number."""
    if isinstance(comparator, Functions):
        return map(Functions, simpler_rows(comparator.values))
    return simpler_parameters(comparator)


def _simpler_numbers(instance: MetaSLInstance) -> Iterator[MetaSLInstance]:
    yield from with_each(
        instance,
        adaptation=simpler_adaptations(instance.adaptation),
        radius=simpler(instance.radius, positive=True),
        omega=simpler_entries(instance.omega),
        features=simpler_rows(instance.features),
        comparator=simpler_comparators(instance.comparator),
    )
    if instance.loss.link is Link.MARGIN or instance.loss.outputs > 1:
        return
    positive = instance.loss.link is Link.CANONICAL

    def labelled(atom: Atom) -> Iterator[Atom]:
        return with_each(atom, y=(y for y in simpler(atom.y) if y >= 0 or not positive))

    for i, task in enumerate(instance.tasks):
        for name, atoms in _laws(task):
            for kept in at_each(atoms, labelled):
                yield with_law(instance, i, name, kept)
