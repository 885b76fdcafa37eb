"""Meta-RL instances with network policies one step smaller, for shrinking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ...models.smaller import fewer_neurons, simpler_weights
from ...models.weights import Weights
from ..smaller import fewer_parts, simpler_policies, simpler_scalars, simpler_tasks
from .instance import PolicyNetworkInstance


def smaller(instance: PolicyNetworkInstance) -> Iterator[PolicyNetworkInstance]:
    """Instances one step smaller, structure first."""
    yield from fewer_parts(instance)
    yield from fewer_neurons(instance)
    yield from simpler_tasks(instance)
    yield from simpler_scalars(instance)
    for omega in simpler_weights(instance.omega):
        yield replace(instance, omega=omega)
    for initial in simpler_weights(instance.initial):
        yield replace(instance, initial=initial)
    yield from simpler_policies(instance)
    rival = instance.comparator
    if isinstance(rival, Weights) and not np.array_equal(rival.floats, instance.omega.floats):
        for simple in simpler_weights(rival):
            yield replace(instance, comparator=simple)
