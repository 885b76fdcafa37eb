"""Many smooth network instances of one shape as float64 arrays: those of networks, with an activation."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..instance import SmoothInstance
from ..relu.batch import NetworkBatch
from ..relu.batch import batch_of as network_batch_of


@dataclass(frozen=True)
class SmoothBatch(NetworkBatch):
    """A batch of networks with an activation of ACTIVATIONS."""

    activation: str = "softplus"

    @classmethod
    def of(cls, batch: NetworkBatch, activation: str) -> SmoothBatch:
        """The batch with another activation."""
        return cls(**{f.name: getattr(batch, f.name) for f in fields(NetworkBatch)}, activation=activation)

    def instance(self, b: int) -> SmoothInstance:
        """Instance b, exactly."""
        return SmoothInstance.of(super().instance(b), self.activation)


def batch_of(instance: SmoothInstance) -> SmoothBatch:
    """A batch of one: the instance rounded to float64."""
    return SmoothBatch.of(network_batch_of(instance), instance.activation)
