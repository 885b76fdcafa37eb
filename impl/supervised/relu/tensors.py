"""The meta-objective of networks by its definition on torch's tensors: for training, and for torch's opinion."""

from __future__ import annotations

import torch
from torch import Tensor

from ...arithmetic import nearest
from ...tensors import Torch
from ..instance import NetworkInstance
from ..tensors import TorchTasks


class TorchNetwork(TorchTasks):
    """With networks: theta is W (m, d)."""

    def __init__(self, instance: NetworkInstance) -> None:
        super().__init__(instance, nearest(instance.features))
        self.sigma = instance.sigma
        self.output = torch.tensor(instance.output, dtype=torch.float64) / instance.width**0.5

    def predictions(self, rows: Tensor, theta: Tensor) -> Tensor:
        return self.sigma.value(Torch, rows @ theta.mT) @ self.output.T
