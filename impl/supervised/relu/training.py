"""MAML training of networks with torch: where W comes from on real tasks. Needs the extra `real`."""

from __future__ import annotations

import numpy as np

from ...extras import require
from ..instance import NetworkInstance


def train(instance: NetworkInstance, *, rounds: int = 60, rate: float = 1.0) -> np.ndarray:
    """W (m, d) after gradient descent on the meta-objective from W0; deterministic.

    The step does not depend on the width: in this parametrisation the kernel does not either.
    """
    require("torch")
    import torch

    from .tensors import TorchNetwork

    problem = TorchNetwork(instance)
    weights = torch.tensor(instance.initial.floats.copy(), requires_grad=True)
    for _ in range(rounds):
        (gradient,) = torch.autograd.grad(problem.meta_objective(weights), weights)
        weights = (weights.detach() - rate * gradient).requires_grad_()
    return weights.detach().numpy()
