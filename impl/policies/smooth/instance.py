"""The meta-RL instance with a smooth network policy: pi_W(a|s) ~ exp(f(x(s,a); W)/tau), f by a smooth sigma."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flint import fmpq

from ...models.activation import ACTIVATIONS, Activation
from ..relu.instance import PolicyNetworkInstance


@dataclass(frozen=True)
class SmoothPolicyInstance(PolicyNetworkInstance):
    """An instance with a network policy of another activation than relu: a name of ACTIVATIONS."""

    activation: str = "softplus"

    family = "meta-rl-smooth-network"

    @property
    def sigma(self) -> Activation:
        """The activation with its derivatives."""
        return ACTIVATIONS[self.activation]

    def model(self, number: Callable[[fmpq], object]) -> dict[str, object]:
        return {**super().model(number), "name": "smooth-network", "activation": self.activation}
