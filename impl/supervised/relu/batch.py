"""Many network instances of one shape as float64 arrays: the unit of searching."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...arithmetic import Array, nearest, rationals
from ...models.activation import ACTIVATIONS, RELU, Activation
from ...models.batch import WEIGHTS
from ...models.weights import Weights
from ...sources import Field, Kind
from ..batch import TASKS, Shares, TaskBatch, shared_of, with_outputs
from ..instance import NetworkInstance, SmoothInstance


@dataclass(frozen=True)
class NetworkBatch(TaskBatch):
    """With networks: features are the inputs, omega, rival, rates and initial (B, m, d), signs (B, c, m)."""

    signs: Array = field(kw_only=True)
    initial: Array = field(kw_only=True)
    activation: str | None = field(default=None, kw_only=True)
    """A name of ACTIVATIONS; None: relu."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """What its numbers are."""
        rates = Field("rates", Kind.REAL, ("neuron", "dimension"))
        own = (*WEIGHTS, rates, Field("features", Kind.REAL, ("point", "dimension")), *TASKS)
        return with_outputs(own, self.loss.outputs)

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """(n, k, l, m, d)."""
        return (*self.masses.shape[1:], *self.omega.shape[1:])

    @property
    def sigma(self) -> Activation:
        """The activation with its derivatives."""
        return RELU if self.activation is None else ACTIVATIONS[self.activation]

    def instance(self, b: int) -> NetworkInstance:
        """Instance b, exactly."""
        network = NetworkInstance(
            self.loss,
            self.gradient_steps(b),
            rationals(self.features[b]),
            self.tasks(b),
            tuple(int(v) for v in self.signs[b].flat),
            Weights(self.initial[b]),
            Weights(self.omega[b]),
            self.comparator(b, Weights),
            rationals(self.radius[b]),
        )
        return network if self.activation is None else SmoothInstance.of(network, self.activation)


def batch_of(instance: NetworkInstance, shares: Shares = nearest) -> NetworkBatch:
    """A batch of one: the instance rounded to float64, what sums to 1 by `shares`."""
    canonical = instance.canonical
    return NetworkBatch(
        signs=np.array([canonical.output], dtype=float),
        initial=canonical.initial.floats[None],
        activation=canonical.activation if isinstance(canonical, SmoothInstance) else None,
        **shared_of(canonical, lambda weights: weights.floats, shares),
    )
