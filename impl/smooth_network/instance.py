"""The smooth network instance: meta-SL tasks, and f(x; W) = m^{-1/2} sum_r b_r sigma(W_r'x) with a smooth sigma."""

from __future__ import annotations

from dataclasses import dataclass, fields

from flint import fmpq

from ..instances import Vector
from ..network.instance import NetworkInstance
from .activation import ACTIVATIONS, Activation


@dataclass(frozen=True)
class SmoothInstance(NetworkInstance):
    """A network instance with another activation than relu: a name of ACTIVATIONS."""

    activation: str = "softplus"

    family = "smooth-network"

    @classmethod
    def of(cls, network: NetworkInstance, activation: str) -> SmoothInstance:
        """The same weights and tasks with that activation."""
        return cls(**{f.name: getattr(network, f.name) for f in fields(NetworkInstance)}, activation=activation)

    @property
    def sigma(self) -> Activation:
        """The activation with its derivatives."""
        return ACTIVATIONS[self.activation]

    @property
    def _model(self) -> dict[str, str]:
        return {"name": "smooth-network", "activation": self.activation}


def place(x: Vector, *, odd: bool) -> tuple[tuple[str, ...], fmpq]:
    """A name of x, the same for x and -x if the network is odd, and the sign of its predictions; 0 at x = 0."""
    first = next((v for v in x if v != 0), fmpq(0))
    sign = fmpq(0) if first == 0 else fmpq(-1) if odd and first < 0 else fmpq(1)
    return tuple(str(v * sign) for v in x), sign
