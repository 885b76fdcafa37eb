"""Meta-RL instances one step smaller, for shrinking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np
from flint import fmpq

from ..instances import Vector
from ..models.smaller import fewer_neurons, simpler_parameters, simpler_weights
from ..models.weights import Weights
from ..shrink import at_each, fewer_tasks, put, simpler, simpler_rows, with_each, without
from .instance import MetaRLInstance, Policies, PolicyInstance, PolicyNetworkInstance, Table, Task

AnyInstance = TypeVar("AnyInstance", bound=PolicyInstance)


def smaller(instance: PolicyInstance) -> Iterator[PolicyInstance]:
    """Instances one step smaller, structure first."""
    yield from fewer_tasks(instance)
    yield from _fewer_states(instance)
    yield from _fewer_actions(instance)
    if isinstance(instance, MetaRLInstance):
        yield from _fewer_dimensions(instance)
    if isinstance(instance, PolicyNetworkInstance):
        yield from fewer_neurons(instance)
    yield from _simpler_numbers(instance)


def _fewer_states(instance: AnyInstance) -> Iterator[AnyInstance]:
    """A state goes, and what led there leads to another one."""
    count = len(instance.features)
    for s in range(count if count > 1 else 0):
        other = 0 if s != 0 else 1

        def redirected(row: Vector, s: int = s, other: int = other) -> Vector:
            return without(put(row, other, row[other] + row[s]), s)

        tasks = tuple(
            Task(
                t.weight,
                t.gamma,
                tuple(tuple(redirected(row) for row in rows) for rows in without(t.transitions, s)),
                without(t.rewards, s),
                redirected(t.start),
            )
            for t in instance.tasks
        )
        rival = instance.comparator
        if isinstance(rival, Policies):
            rival = Policies(tuple(without(policy, s) for policy in rival.values))
        yield replace(instance, features=without(instance.features, s), tasks=tasks, comparator=rival)


def _fewer_actions(instance: AnyInstance) -> Iterator[AnyInstance]:
    count = len(instance.features[0])
    for a in range(count if count > 1 else 0):
        rival = instance.comparator
        if isinstance(rival, Policies):
            if any(row[a] == 1 for policy in rival.values for row in policy):
                continue
            rival = Policies(
                tuple(
                    tuple(tuple(p / (1 - row[a]) for p in without(row, a)) for row in policy) for policy in rival.values
                )
            )
        yield replace(
            instance,
            features=tuple(without(rows, a) for rows in instance.features),
            tasks=tuple(
                replace(
                    t,
                    transitions=tuple(without(rows, a) for rows in t.transitions),
                    rewards=tuple(without(row, a) for row in t.rewards),
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
            features=tuple(tuple(without(row, j) for row in rows) for rows in instance.features),
            omega=without(instance.omega, j),
            comparator=rival if isinstance(rival, Policies) else without(rival, j),
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


def _surer(rows: Table) -> Iterator[Table]:
    """Rows of which one is a simpler distribution."""
    return at_each(rows, _sure)


def _simpler_task(task: Task) -> Iterator[Task]:
    """With a simpler discount, start, transition or reward."""
    discounts = (fmpq(0), fmpq(1, 2))
    return with_each(
        task,
        gamma=(gamma for gamma in discounts if gamma.q < task.gamma.q or (gamma == 0 and task.gamma != 0)),
        start=_sure(task.start),
        transitions=at_each(task.transitions, _surer),
        rewards=simpler_rows(task.rewards),
    )


def _simpler_numbers(instance: AnyInstance) -> Iterator[AnyInstance]:
    """With simpler tasks, step size, temperature, radius, features, omega, initialisation or comparator."""
    rival = instance.comparator
    yield from with_each(
        instance,
        tasks=at_each(instance.tasks, _simpler_task),
        eta=simpler(instance.eta),
        tau=simpler(instance.tau, positive=True),
        radius=simpler(instance.radius, positive=True),
        features=at_each(instance.features, simpler_rows),
        omega=simpler_parameters(instance.omega),
    )
    if isinstance(instance, PolicyNetworkInstance):
        yield from with_each(instance, initial=simpler_weights(instance.initial))
        if isinstance(rival, Weights) and np.array_equal(rival.floats, instance.omega.floats):
            return
    policies = isinstance(rival, Policies)
    simple = map(Policies, at_each(rival.values, _surer)) if policies else simpler_parameters(rival)
    yield from with_each(instance, comparator=simple)
