"""MAML training of networks with torch: where W comes from on real tasks. Needs the extra `real`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...extras import require
from ..instance import NetworkInstance


@dataclass(frozen=True)
class TrainedNetwork:
    """Trained weights (m, d) and the meta-losses on the way."""

    weights: np.ndarray
    history: tuple[float, ...]


def train(
    instance: NetworkInstance, *, rounds: int = 60, rate: float = 1.0, first_order: bool = False
) -> TrainedNetwork:
    """Gradient descent on the meta-objective from W0; deterministic.

    The step does not depend on the width: in this parametrisation the kernel does not either.
    """
    require("torch")
    import torch

    from .tensors import TorchNetwork

    problem = TorchNetwork(instance)
    weights = torch.tensor(instance.initial.floats.copy(), requires_grad=True)
    history = []
    for _ in range(rounds):
        loss = problem.meta_objective(weights, first_order=first_order)
        (gradient,) = torch.autograd.grad(loss, weights)
        history.append(float(loss.detach()))
        weights = (weights.detach() - rate * gradient).requires_grad_()
    history.append(float(problem.meta_objective(weights).detach()))
    return TrainedNetwork(weights.detach().numpy(), tuple(history))
