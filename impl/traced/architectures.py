"""Networks for generated and real problems, as PyTorch modules, and the problems that they pose: traced once each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import torch
from torch import nn

from ..task_tables import Task
from .instance import TracedInstance
from .learner import SGD
from .problem import ALL, instance_of

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
}


@dataclass(frozen=True)
class Architecture:
    """Layers of these sizes, inputs first; `residual`: a layer that keeps its size is added to what it is given."""

    sizes: tuple[int, ...]
    activation: str
    residual: bool = False


class Network(nn.Module):
    """A fully connected network."""

    def __init__(self, form: Architecture) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(form.sizes))
        self.activation = ACTIVATIONS[form.activation]()
        self.residual = form.residual

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """h(x), from (n, inputs) to (n, outputs)."""
        for k, layer in enumerate(self.layers):
            y = layer(x) if k == len(self.layers) - 1 else self.activation(layer(x))
            x = x + y if self.residual and x.shape == y.shape else y
        return x


@lru_cache(64)
def posed(form: Architecture, loss: str, inner: SGD, tasks: int, support: int, query: int) -> TracedInstance:
    """A problem of that form, whose numbers stand for any: programs and shapes. Kept: a trace takes a second."""
    torch.manual_seed(0)
    model = Network(form).double()
    labels = torch.long if loss == "cross_entropy" else torch.float64
    shape = () if loss == "cross_entropy" else (form.sizes[-1],)

    def points(n: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.rand(n, form.sizes[0], dtype=torch.float64), torch.zeros(n, *shape, dtype=labels)

    given = [Task(points(support), points(query)) for _ in range(tasks)]
    return instance_of(model, given, inner, loss, model, wanted=(*ALL, "unadapted"))
