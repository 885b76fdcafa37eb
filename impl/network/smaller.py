"""Network instances one step smaller, for shrinking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..instances import Vector
from ..meta_sl.instance import Functions, Gradient
from ..meta_sl.smaller import fewer_atoms, fewer_points, fewer_tasks, simpler_loss
from ..shrink import put, simpler
from .instance import NetworkInstance
from .weights import Weights

FEW = 16
"""Neurons up to which single numbers are simplified."""


def smaller(instance: NetworkInstance) -> Iterator[NetworkInstance]:
    """Instances one step smaller, structure first."""
    yield from fewer_tasks(instance)
    yield from fewer_atoms(instance)
    yield from fewer_points(instance)
    yield from fewer_neurons(instance)
    yield from simpler_loss(instance)
    yield from _simpler_numbers(instance)


def _kept(weights: Weights, keep: list[int]) -> Weights:
    return Weights.of([weights.row(r) for r in keep]) if weights.odd else Weights(weights.floats[keep])


def fewer_neurons(instance: Any) -> Iterator[Any]:
    """Half of the neurons, or one less."""
    m = instance.width
    cuts = [list(range(m // 2)), list(range(m // 2, m))] if m > 1 else []
    if 1 < m <= FEW:
        cuts += [[r for r in range(m) if r != drop] for drop in range(m)]
    for keep in cuts:
        comparator = instance.comparator
        yield replace(
            instance,
            signs=tuple(instance.signs[r] for r in keep),
            initial=_kept(instance.initial, keep),
            omega=_kept(instance.omega, keep),
            comparator=_kept(comparator, keep) if isinstance(comparator, Weights) else comparator,
        )


def simpler_weights(weights: Weights) -> Iterator[Weights]:
    """Of few neurons: with one simpler entry."""
    if weights.width > FEW:
        return
    rows = [weights.row(r) for r in range(weights.width)]
    for r, row in enumerate(rows):
        for j, value in enumerate(row):
            for simple in simpler(value):
                yield Weights.of([*rows[:r], put(row, j, simple), *rows[r + 1 :]])


def _simpler_rows(rows: tuple[Vector, ...]) -> Iterator[tuple[Vector, ...]]:
    for x, row in enumerate(rows):
        for j, value in enumerate(row):
            for simple in simpler(value):
                yield (*rows[:x], put(row, j, simple), *rows[x + 1 :])


def _simpler_numbers(instance: NetworkInstance) -> Iterator[NetworkInstance]:
    steps = instance.adaptation.steps
    for fewer in sorted({1, steps - 1} - {0, steps}):
        yield replace(instance, adaptation=replace(instance.adaptation, steps=fewer))
    for eta in simpler(instance.adaptation.eta):
        yield replace(instance, adaptation=Gradient(eta, steps))
    for radius in simpler(instance.radius, positive=True):
        yield replace(instance, radius=radius)
    for features in _simpler_rows(instance.features):
        yield replace(instance, features=features)
    for omega in simpler_weights(instance.omega):
        yield replace(instance, omega=omega)
    for initial in simpler_weights(instance.initial):
        yield replace(instance, initial=initial)
    if isinstance(instance.comparator, Functions):
        for values in _simpler_rows(instance.comparator.values):
            yield replace(instance, comparator=Functions(values))
        return
    if not np.array_equal(instance.comparator.floats, instance.omega.floats):
        for rival in simpler_weights(instance.comparator):
            yield replace(instance, comparator=rival)
