"""Many meta-RL instances with smooth network policies as float64 arrays: those of ReLU policies, with an activation."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..relu.batch import PolicyNetworkBatch
from ..relu.batch import batch_of as network_batch_of
from ..relu.instance import PolicyNetworkInstance
from .instance import SmoothPolicyInstance


@dataclass(frozen=True)
class SmoothPolicyBatch(PolicyNetworkBatch):
    """A batch of network policies with an activation of ACTIVATIONS."""

    activation: str = "softplus"

    @classmethod
    def of(cls, batch: PolicyNetworkBatch, activation: str) -> SmoothPolicyBatch:
        """The batch with another activation."""
        return cls(**{f.name: getattr(batch, f.name) for f in fields(PolicyNetworkBatch)}, activation=activation)

    def instance(self, b: int) -> SmoothPolicyInstance:  # type: ignore[override]
        """Instance b, exactly."""
        found = super().instance(b)
        return SmoothPolicyInstance(
            **{f.name: getattr(found, f.name) for f in fields(PolicyNetworkInstance)}, activation=self.activation
        )


def batch_of(instance: SmoothPolicyInstance) -> SmoothPolicyBatch:
    """A batch of one: the instance rounded to float64."""
    return SmoothPolicyBatch.of(network_batch_of(instance), instance.activation)
