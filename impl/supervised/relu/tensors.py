"""The meta-objective of networks by its definition on torch's tensors: for training, and for torch's opinion."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from flint import fmpq
from torch import Tensor

from ...arithmetic import to_float
from ...tensors import Torch
from ..instance import NetworkInstance
from ..tensors import law_tensors, mean_loss


class TorchNetwork:
    """An instance's tasks as tensors, all T side by side; weights are (m, d)."""

    def __init__(self, instance: NetworkInstance) -> None:
        adaptation = instance.adaptation
        self.loss, self.steps, self.decay = instance.loss, adaptation.steps, to_float(adaptation.decay)
        rates = [to_float(adaptation.eta * r) for r in adaptation.rates or (fmpq(1),) * instance.parameters]
        self.rates = torch.tensor(rates, dtype=torch.float64).reshape(instance.initial.floats.shape)
        self.activation = partial(instance.sigma.value, Torch)
        self.output = torch.tensor(instance.output, dtype=torch.float64) / instance.width**0.5
        inputs = np.array([[to_float(v) for v in row] for row in instance.features])
        self.weights = torch.tensor([to_float(task.weight) for task in instance.tasks], dtype=torch.float64)
        laws = zip(*((task.atoms, task.inner) for task in instance.tasks), strict=True)
        self.outer, self.inner = (law_tensors(instance.loss, inputs, law) for law in laws)

    def risk(self, tensors: tuple[Tensor, ...], weights: Tensor) -> Tensor:
        """R_i(f(.; W)) (T,), of one W or one per task (T, m, d)."""
        rows, labels, masses = tensors
        return mean_loss(self.loss, self.activation(rows @ weights.mT) @ self.output.T, labels, masses)

    def adapt(self, tensors: tuple[Tensor, ...], weights: Tensor, *, first_order: bool = False) -> Tensor:
        """U_i(W) (T, m, d), differentiable in W unless `first_order`."""
        here = weights.expand(len(tensors[0]), -1, -1)
        for _ in range(self.steps):
            point = here if here.requires_grad else here.clone().requires_grad_()
            (slope,) = torch.autograd.grad(self.risk(tensors, point).sum(), point, create_graph=not first_order)
            here = here - self.rates * (slope + self.decay * here)
        return here

    def meta_objective(self, weights: Tensor, *, first_order: bool = False) -> Tensor:
        """L(W) = sum_i q_i R_i(f(.; U_i(W)))."""
        return (self.weights * self.risk(self.outer, self.adapt(self.inner, weights, first_order=first_order))).sum()
