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
from ..tensors import law_tensors


class TorchNetwork:
    """An instance's tasks as tensors; weights are (m, d)."""

    def __init__(self, instance: NetworkInstance) -> None:
        adaptation = instance.adaptation
        self.loss, self.steps, self.decay = instance.loss, adaptation.steps, to_float(adaptation.decay)
        rates = [to_float(adaptation.eta * r) for r in adaptation.rates or (fmpq(1),) * instance.parameters]
        self.rates = torch.tensor(rates, dtype=torch.float64).reshape(instance.initial.floats.shape)
        self.activation = partial(instance.sigma.value, Torch)
        self.output = torch.tensor(instance.output, dtype=torch.float64) / instance.width**0.5
        inputs = np.array([[to_float(v) for v in row] for row in instance.features])
        self.tasks = []
        for task in instance.tasks:
            outer, inner = (law_tensors(instance.loss, inputs, atoms) for atoms in (task.atoms, task.inner))
            self.tasks.append((to_float(task.weight), outer, inner))

    def risk(self, tensors: tuple[Tensor, ...], weights: Tensor) -> Tensor:
        """R_i(f(.; W))."""
        rows, labels, masses = tensors
        predictions = (self.activation(rows @ weights.T) @ self.output.T).unbind(-1)
        several = self.loss.outputs > 1
        z, y = (predictions, labels.unbind(-1)) if several else (predictions[0], labels)
        return (masses * self.loss.value(Torch, z, y)).sum()

    def adapt(self, tensors: tuple[Tensor, ...], weights: Tensor, *, first_order: bool = False) -> Tensor:
        """U_i(W), differentiable in W unless `first_order`."""
        here = weights
        for _ in range(self.steps):
            point = here if here.requires_grad else here.clone().requires_grad_()
            (slope,) = torch.autograd.grad(self.risk(tensors, point), point, create_graph=not first_order)
            here = here - self.rates * (slope + self.decay * here)
        return here

    def meta_objective(self, weights: Tensor, *, first_order: bool = False) -> Tensor:
        """L(W) = sum_i q_i R_i(f(.; U_i(W)))."""
        total = torch.zeros((), dtype=torch.float64)
        for share, outer, inner in self.tasks:
            total = total + share * self.risk(outer, self.adapt(inner, weights, first_order=first_order))
        return total
