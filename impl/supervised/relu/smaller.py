"""Network instances one step smaller, for shrinking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ...models.smaller import fewer_neurons, simpler_weights
from ...shrink import fewer_tasks, simpler, simpler_rows, with_each
from ..instance import Functions, NetworkInstance
from ..smaller import fewer_atoms, fewer_points, simpler_adaptations, simpler_comparators, simpler_loss


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
    yield from with_each(
        instance,
        adaptation=simpler_adaptations(instance.adaptation),
        radius=simpler(instance.radius, positive=True),
        features=simpler_rows(instance.features),
        omega=simpler_weights(instance.omega),
        initial=simpler_weights(instance.initial),
    )
    rival = instance.comparator
    if isinstance(rival, Functions) or not np.array_equal(rival.floats, instance.omega.floats):
        yield from with_each(instance, comparator=simpler_comparators(rival))
