"""Network instances one step smaller, for shrinking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ...models.smaller import fewer_neurons, simpler_weights
from ...shrink import simpler
from ..adaptation import Gradient
from ..instance import Functions, NetworkInstance
from ..smaller import fewer_atoms, fewer_points, fewer_tasks, simpler_adaptations, simpler_loss, simpler_rows


def smaller(instance: NetworkInstance) -> Iterator[NetworkInstance]:
    """Instances one step smaller, structure first."""
    yield from fewer_tasks(instance)
    yield from fewer_atoms(instance)
    yield from fewer_points(instance)
    adaptation, d = instance.adaptation, len(instance.features[0])

    def fewer_rates(keep: list[int]) -> dict[str, Any]:
        rates = adaptation.rates
        kept = None if rates is None else tuple(rates[r * d + j] for r in keep for j in range(d))
        return {"adaptation": replace(adaptation, rates=kept)}

    yield from fewer_neurons(instance, fewer_rates)
    yield from simpler_loss(instance)
    yield from _simpler_numbers(instance)


def _simpler_numbers(instance: NetworkInstance) -> Iterator[NetworkInstance]:
    for adaptation in simpler_adaptations(instance.adaptation):
        assert isinstance(adaptation, Gradient)
        yield replace(instance, adaptation=adaptation)
    for radius in simpler(instance.radius, positive=True):
        yield replace(instance, radius=radius)
    for features in simpler_rows(instance.features):
        yield replace(instance, features=features)
    for omega in simpler_weights(instance.omega):
        yield replace(instance, omega=omega)
    for initial in simpler_weights(instance.initial):
        yield replace(instance, initial=initial)
    if isinstance(instance.comparator, Functions):
        for values in simpler_rows(instance.comparator.values):
            yield replace(instance, comparator=Functions(values))
        return
    if not np.array_equal(instance.comparator.floats, instance.omega.floats):
        for rival in simpler_weights(instance.comparator):
            yield replace(instance, comparator=rival)
