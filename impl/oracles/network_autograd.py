"""torch's opinion on networks: the meta-objective by its definition, differentiated by autograd."""

from __future__ import annotations

import numpy as np
import torch

from ..supervised.instance import NetworkInstance
from ..supervised.relu.tensors import TorchNetwork


def meta_gradient(instance: NetworkInstance) -> tuple[float, np.ndarray]:
    """L(W) and grad L(W) (m, d) by autograd."""
    weights = torch.tensor(instance.omega.floats.copy(), requires_grad=True)
    value = TorchNetwork(instance).meta_objective(weights)
    (gradient,) = torch.autograd.grad(value, weights)
    return float(value.detach()), gradient.numpy()
