"""Meta-RL instances one step smaller, for shrinking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from flint import fmpq

from ..instances import Vector
from ..models.smaller import fewer_neurons, simpler_weights
from ..models.weights import Weights
from ..shrink import put, simpler
from .instance import MetaRLInstance, Policies, PolicyInstance, PolicyNetworkInstance, Table, Task

AnyInstance = TypeVar("AnyInstance", bound=PolicyInstance)


def smaller(instance: PolicyInstance) -> Iterator[PolicyInstance]:
    """Instances one step smaller, structure first."""
    yield from _fewer_tasks(instance)
    yield from _fewer_states(instance)
    yield from _fewer_actions(instance)
    if isinstance(instance, MetaRLInstance):
        yield from _fewer_dimensions(instance)
    if isinstance(instance, PolicyNetworkInstance):
        yield from fewer_neurons(instance)
    yield from _simpler_tasks(instance)
    yield from _simpler_scalars(instance)
    yield from _simpler_points(instance)


def _without(vector: tuple, j: int) -> tuple:
    return vector[:j] + vector[j + 1 :]


def _fewer_tasks(instance: AnyInstance) -> Iterator[AnyInstance]:
    count = len(instance.tasks)
    for i in range(count if count > 1 else 0):
        left = 1 - instance.tasks[i].weight
        if left == 0:
            continue
        tasks = tuple(replace(t, weight=t.weight / left) for j, t in enumerate(instance.tasks) if j != i)
        rival = instance.comparator
        if isinstance(rival, Policies):
            rival = Policies(_without(rival.values, i))
        yield replace(instance, tasks=tasks, comparator=rival)
    if count > 1 and any(t.weight != fmpq(1, count) for t in instance.tasks):
        yield replace(instance, tasks=tuple(replace(t, weight=fmpq(1, count)) for t in instance.tasks))


def _fewer_states(instance: AnyInstance) -> Iterator[AnyInstance]:
    """A state goes, and what led there leads to another one."""
    count = len(instance.features)
    for s in range(count if count > 1 else 0):
        other = 0 if s != 0 else 1

        def redirected(row: Vector, s: int = s, other: int = other) -> Vector:
            return _without(put(row, other, row[other] + row[s]), s)

        tasks = tuple(
            Task(
                t.weight,
                t.gamma,
                tuple(tuple(redirected(row) for row in rows) for rows in _without(t.transitions, s)),
                _without(t.rewards, s),
                redirected(t.start),
            )
            for t in instance.tasks
        )
        rival = instance.comparator
        if isinstance(rival, Policies):
            rival = Policies(tuple(_without(policy, s) for policy in rival.values))
        yield replace(instance, features=_without(instance.features, s), tasks=tasks, comparator=rival)


def _fewer_actions(instance: AnyInstance) -> Iterator[AnyInstance]:
    count = len(instance.features[0])
    for a in range(count if count > 1 else 0):
        rival = instance.comparator
        if isinstance(rival, Policies):
            if any(row[a] == 1 for policy in rival.values for row in policy):
                continue
            rival = Policies(
                tuple(
                    tuple(tuple(p / (1 - row[a]) for p in _without(row, a)) for row in policy)
                    for policy in rival.values
                )
            )
        yield replace(
            instance,
            features=tuple(_without(rows, a) for rows in instance.features),
            tasks=tuple(
                replace(
                    t,
                    transitions=tuple(_without(rows, a) for rows in t.transitions),
                    rewards=tuple(_without(row, a) for row in t.rewards),
                )
                for t in instance.tasks
            ),
            comparator=rival,
        )


def _fewer_dimensions(instance: MetaRLInstance) -> Iterator[MetaRLInstance]:
    d = len(instance.omega)
    for j in range(d if d > 1 else 0):
        rival = instance.comparator
        yield replace(
            instance,
            features=tuple(tuple(_without(row, j) for row in rows) for rows in instance.features),
            omega=_without(instance.omega, j),
            comparator=rival if isinstance(rival, Policies) else _without(rival, j),
        )


def _sure(row: Vector) -> Iterator[Vector]:
    """Simpler distributions: all mass in one place, where there is most; or a short fraction of it there."""
    top = max(range(len(row)), key=lambda j: row[j])
    if row[top] != 1:
        yield tuple(fmpq(int(j == top)) for j in range(len(row)))
        half = fmpq(1, 2)
        rest = next((j for j in range(len(row)) if j != top and row[j] > 0), None)
        if rest is not None and any(p not in (0, half) for p in row):
            yield tuple(half if j in (top, rest) else fmpq(0) for j in range(len(row)))


def _simpler_tasks(instance: AnyInstance) -> Iterator[AnyInstance]:
    """With simpler discounts, starts, transitions or rewards."""
    for i, task in enumerate(instance.tasks):

        def with_task(changed: Task, i: int = i) -> AnyInstance:
            return replace(instance, tasks=put_in(instance.tasks, i, changed))

        for gamma in (fmpq(0), fmpq(1, 2)):
            if gamma.q < task.gamma.q or (gamma == 0 and task.gamma != 0):
                yield with_task(replace(task, gamma=gamma))
        for row in _sure(task.start):
            yield with_task(replace(task, start=row))
        for s, rows in enumerate(task.transitions):
            for a, row in enumerate(rows):
                for sure in _sure(row):
                    yield with_task(replace(task, transitions=put_in(task.transitions, s, put_in(rows, a, sure))))
        for s, rewards in enumerate(task.rewards):
            for a, reward in enumerate(rewards):
                for simple in simpler(reward):
                    yield with_task(replace(task, rewards=put_in(task.rewards, s, put(rewards, a, simple))))


def put_in(items: tuple, j: int, value: object) -> tuple:
    """The tuple with entry j replaced."""
    return (*items[:j], value, *items[j + 1 :])


def _simpler_scalars(instance: AnyInstance) -> Iterator[AnyInstance]:
    """With a simpler step size, temperature, radius or feature."""
    for eta in simpler(instance.eta):
        yield replace(instance, eta=eta)
    for tau in simpler(instance.tau, positive=True):
        yield replace(instance, tau=tau)
    for radius in simpler(instance.radius, positive=True):
        yield replace(instance, radius=radius)
    for s, rows in enumerate(instance.features):
        for a, row in enumerate(rows):
            for j, value in enumerate(row):
                for simple in simpler(value):
                    table: Table = put_in(rows, a, put(row, j, simple))
                    yield replace(instance, features=put_in(instance.features, s, table))


def _simpler_points(instance: AnyInstance) -> Iterator[AnyInstance]:
    """With a simpler omega, initialisation or comparator."""
    rival = instance.comparator
    for omega in _simpler_parameters(instance.omega):
        yield replace(instance, omega=omega)
    if isinstance(instance, PolicyNetworkInstance):
        for initial in simpler_weights(instance.initial):
            yield replace(instance, initial=initial)
        if isinstance(rival, Weights) and np.array_equal(rival.floats, instance.omega.floats):
            return
    if isinstance(rival, Policies):
        for i, policy in enumerate(rival.values):
            for s, row in enumerate(policy):
                for sure in _sure(row):
                    yield replace(instance, comparator=Policies(put_in(rival.values, i, put_in(policy, s, sure))))
    else:
        for simple in _simpler_parameters(rival):
            yield replace(instance, comparator=simple)


def _simpler_parameters(value: Any) -> Iterator[Any]:
    if isinstance(value, Weights):
        yield from simpler_weights(value)
    else:
        for j, entry in enumerate(value):
            for simple in simpler(entry):
                yield put(value, j, simple)
