"""The meta-RL instance with a network policy: pi_W(a|s) ~ exp(f(x(s,a); W)/tau), f = m^{-1/2} sum_r b_r relu(W_r'x).

Only W is trained; b is fixed. W0 is the initialisation, to which features "at initialisation" refer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flint import fmpq

from ...models.weights import Weights
from ..instance import Policies, PolicyInstance


@dataclass(frozen=True)
class PolicyNetworkInstance(PolicyInstance):
    """A meta-RL instance with a two-layer ReLU policy, adapted by a step on policies.

    features (S, A, p) the inputs x(s,a), signs [m] the output weights b (+-1), initial (m, p) the W0, omega (m, p),
    comparator (m, p) or policies (n, S, A).
    """

    omega: Weights
    comparator: Weights | Policies
    signs: tuple[int, ...] = field(kw_only=True)
    initial: Weights = field(kw_only=True)

    family = "meta-rl-network"

    @property
    def width(self) -> int:
        """m, the number of neurons."""
        return len(self.signs)

    @property
    def parameters(self) -> int:
        return self.width * self.shape[2]

    def model(self, number: Callable[[fmpq], object]) -> dict[str, object]:
        signs = [number(fmpq(b)) for b in self.signs]
        return {"name": "relu-network", "b": signs, "W0": self.initial.document(number)}

    def parameter(self, value: Weights, number: Callable[[fmpq], object]) -> list[Any]:
        return value.document(number)
