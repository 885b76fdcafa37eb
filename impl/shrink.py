"""Smaller witnesses: a greedy search over instances that keeps a property.

First structure goes (tasks, atoms, support points, dimensions), then numbers become 0, 1, -1, small integers or
short fractions. Every candidate is a valid instance; the property is asked in balls, so nothing is lost on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from flint import fmpq

from .instances import Atom, Comparator, Functions, Gradient, Implicit, Instance, Task
from .losses import Link

Property = Callable[[Instance], bool]


def shrink(instance: Instance, keeps: Property, budget: int = 400) -> Instance:
    """A smaller instance with the property; at most `budget` candidates are tried."""
    instance = instance.canonical
    tried = 0
    progress = True
    while progress and tried < budget:
        progress = False
        for candidate in _smaller(instance):
            tried += 1
            if tried > budget:
                break
            if keeps(candidate):
                instance, progress = candidate.canonical, True
                break
    return instance


def _smaller(instance: Instance) -> Iterator[Instance]:
    yield from _fewer_tasks(instance)
    yield from _fewer_atoms(instance)
    yield from _fewer_points(instance)
    yield from _fewer_dimensions(instance)
    yield from _simpler_numbers(instance)


def _fewer_tasks(instance: Instance) -> Iterator[Instance]:
    count = len(instance.tasks)
    for i in range(count if count > 1 else 0):
        left = 1 - instance.tasks[i].weight
        if left == 0:
            continue
        tasks = tuple(replace(t, weight=t.weight / left) for j, t in enumerate(instance.tasks) if j != i)
        yield replace(instance, tasks=tasks, comparator=_without_task(instance, i))
    if count > 1 and any(t.weight != fmpq(1, count) for t in instance.tasks):
        yield replace(instance, tasks=tuple(replace(t, weight=fmpq(1, count)) for t in instance.tasks))


def _without_task(instance: Instance, i: int) -> Comparator:
    comparator = instance.comparator
    if isinstance(comparator, Functions):
        return Functions(tuple(row for j, row in enumerate(comparator.values) if j != i))
    return comparator


def _fewer_atoms(instance: Instance) -> Iterator[Instance]:
    for i, task in enumerate(instance.tasks):
        for a in range(len(task.atoms) if len(task.atoms) > 1 else 0):
            left = 1 - task.atoms[a].p
            atoms = tuple(replace(t, p=t.p / left) for b, t in enumerate(task.atoms) if b != a)
            yield _with_task(instance, i, replace(task, atoms=atoms))
        even = fmpq(1, len(task.atoms))
        if any(t.p != even for t in task.atoms):
            yield _with_task(instance, i, replace(task, atoms=tuple(replace(t, p=even) for t in task.atoms)))


def _with_task(instance: Instance, i: int, task: Task) -> Instance:
    return replace(instance, tasks=(*instance.tasks[:i], task, *instance.tasks[i + 1 :]))


def _fewer_points(instance: Instance) -> Iterator[Instance]:
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


def _fewer_dimensions(instance: Instance) -> Iterator[Instance]:
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


def _simple(value: fmpq, positive: bool = False) -> Iterator[fmpq]:
    """Simpler numbers near or far, simplest first."""
    near = [fmpq(round(float(int(value.p)) / float(int(value.q)) * scale), scale) for scale in (1, 2, 4, 16)]
    for candidate in dict.fromkeys([fmpq(0), fmpq(1), fmpq(-1), *near]):
        if _complexity(candidate) < _complexity(value) and (candidate > 0 or not positive):
            yield candidate


def _complexity(value: fmpq) -> tuple[int, int]:
    if value == 0:
        return 0, 0
    return int(value.q).bit_length(), 2 * abs(int(value.p)).bit_length() + int(value < 0)


def _simpler_numbers(instance: Instance) -> Iterator[Instance]:
    adaptation = instance.adaptation
    if isinstance(adaptation, Gradient):
        if adaptation.steps > 1:
            yield replace(instance, adaptation=replace(adaptation, steps=1))
        for eta in _simple(adaptation.eta):
            yield replace(instance, adaptation=Gradient(eta, adaptation.steps))
    else:
        for strength in _simple(adaptation.strength, positive=True):
            yield replace(instance, adaptation=Implicit(strength))
    for radius in _simple(instance.radius, positive=True):
        yield replace(instance, radius=radius)
    for j, value in enumerate(instance.omega):
        for simple in _simple(value):
            yield replace(instance, omega=_put(instance.omega, j, simple))
    for x, row in enumerate(instance.features):
        for j, value in enumerate(row):
            for simple in _simple(value):
                features = (*instance.features[:x], _put(row, j, simple), *instance.features[x + 1 :])
                yield replace(instance, features=features)
    comparator = instance.comparator
    if isinstance(comparator, Functions):
        for i, row in enumerate(comparator.values):
            for x, value in enumerate(row):
                for simple in _simple(value):
                    rows = (*comparator.values[:i], _put(row, x, simple), *comparator.values[i + 1 :])
                    yield replace(instance, comparator=Functions(rows))
    else:
        for j, value in enumerate(comparator):
            for simple in _simple(value):
                yield replace(instance, comparator=_put(comparator, j, simple))
    if instance.loss.link is Link.MARGIN:
        return
    positive = instance.loss.link is Link.CANONICAL
    for i, task in enumerate(instance.tasks):
        for a, atom in enumerate(task.atoms):
            for simple in _simple(atom.y):
                if simple >= 0 or not positive:
                    atoms = (*task.atoms[:a], replace(atom, y=simple), *task.atoms[a + 1 :])
                    yield _with_task(instance, i, replace(task, atoms=atoms))


def _put(vector: tuple[fmpq, ...], j: int, value: fmpq) -> tuple[fmpq, ...]:
    return (*vector[:j], value, *vector[j + 1 :])
