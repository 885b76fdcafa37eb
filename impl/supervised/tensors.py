"""The meta-objective by its definition on torch's tensors: for training, and for torch's opinion on derivatives.

Only the loss's value is written; inner gradients, the meta-gradient and the meta-Hessian are torch's
(`create_graph`), so this shares no derivative formula with either engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from flint import fmpq
from torch import Tensor

from ..arithmetic import Floats, nearest, to_float
from ..losses import Loss
from ..tensors import Torch
from .adaptation import Implicit, Own
from .instance import Atom, MetaSLInstance

NEWTON_ROUNDS = 60


class TorchTasks:
    """An instance's tasks as tensors; `meta_objective` follows the definition, task by task."""

    def __init__(self, instance: Any, features: np.ndarray) -> None:
        self.loss: Loss = instance.loss
        self.adaptation = instance.adaptation
        self.tasks = []
        for task in instance.tasks:
            if task.weight != 0:
                outer, inner = (law_tensors(self.loss, features, atoms) for atoms in (task.atoms, task.inner))
                self.tasks.append((to_float(task.weight), outer, inner))

    def predictions(self, rows: Tensor, theta: Tensor) -> Tensor:
        """h_theta (N,), or (N, c), at the model's inputs or features."""
        raise NotImplementedError

    def risk(self, tensors: tuple[Tensor, ...], theta: Tensor) -> Tensor:
        """R_i(h_theta)."""
        rows, labels, masses = tensors
        z = self.predictions(rows, theta)
        if self.loss.outputs > 1:
            return (masses * self.loss.value(Torch, z.unbind(-1), labels.unbind(-1))).sum()
        return (masses * self.loss.value(Torch, z, labels)).sum()

    def adapt(self, tensors: tuple[Tensor, ...], theta: Tensor, *, first_order: bool = False) -> Tensor:
        """U_i(theta), differentiable in theta; `first_order` stops the inner gradient (FOMAML)."""
        rates, decay = self.adaptation.rates, to_float(self.adaptation.decay)
        steps = torch.from_numpy(nearest([self.adaptation.eta * r for r in rates or (fmpq(1),)]))
        steps = steps if rates is None else steps.reshape(theta.shape)
        for _ in range(self.adaptation.steps):
            theta = theta - steps * (self.slope(tensors, theta, not first_order) + decay * theta)
        return theta

    def slope(self, tensors: tuple[Tensor, ...], theta: Tensor, graph: bool) -> Tensor:
        """grad R_i(theta), differentiable with a `graph`."""
        point = theta if theta.requires_grad else theta.clone().requires_grad_()
        (slope,) = torch.autograd.grad(self.risk(tensors, point), point, create_graph=graph)
        return slope if graph else slope.detach()

    def meta_objective(self, theta: Tensor, *, first_order: bool = False) -> Tensor:
        """L(theta) = sum_i q_i R_i(h_{U_i(theta)})."""
        total = torch.zeros((), dtype=torch.float64)
        for weight, outer, inner in self.tasks:
            total = total + weight * self.risk(outer, self.adapt(inner, theta, first_order=first_order))
        return total


class TorchProblem(TorchTasks):
    """With linear models: theta [d], or [c d]."""

    def __init__(self, instance: MetaSLInstance) -> None:
        features = nearest(instance.rows)
        if instance.loss.outputs > 1:
            features = features.reshape(len(instance.features), instance.loss.outputs, -1)
        super().__init__(instance, features)

    def predictions(self, rows: Tensor, theta: Tensor) -> Tensor:
        return rows @ theta

    def adapt(self, tensors: tuple[Tensor, ...], theta: Tensor, *, first_order: bool = False) -> Tensor:
        if isinstance(self.adaptation, Implicit):
            return self._proximal(tensors, theta, to_float(self.adaptation.strength), first_order)
        if isinstance(self.adaptation, Own):
            raise ValueError(f"adaptation={self.adaptation.rule!r}: torch knows no adaptation of a claims file")
        return super().adapt(tensors, theta, first_order=first_order)

    def _proximal(self, tensors: tuple[Tensor, ...], theta: Tensor, strength: float, first_order: bool) -> Tensor:
        """The proximal point by Newton without a graph; then one step with it, which has the exact derivative."""
        center = theta.detach()

        def objective(t: Tensor) -> Tensor:
            return self.risk(tensors, t) + strength / 2 * ((t - center) ** 2).sum()

        point, pull = center.clone(), strength * torch.eye(len(center), dtype=center.dtype)
        for _ in range(NEWTON_ROUNDS):
            slope, hessian = self._derivatives(tensors, point)
            step = torch.linalg.solve(hessian + pull, slope + strength * (point - center))
            length = 1.0
            here = float(objective(point))
            while length > 1e-9 and float(objective(point - length * step)) > here and step.norm() > 1e-7:
                length /= 2
            point = point - length * step
            if float(step.norm()) < 1e-11 * (1 + float(point.norm())):
                break
        if first_order:
            return point + (theta - theta.detach())
        slope, hessian = self._derivatives(tensors, point)
        return point - torch.linalg.solve(hessian + pull, slope + strength * (point - theta))

    def _derivatives(self, tensors: tuple[Tensor, ...], theta: Tensor) -> tuple[Tensor, Tensor]:
        """grad R_i and Hess R_i. Of one output they are of the loss alone, in each prediction, between its row."""
        rows, labels, masses = tensors
        if self.loss.outputs > 1:
            hessian = torch.autograd.functional.hessian(lambda t: self.risk(tensors, t), theta)
            return self.slope(tensors, theta, False), hessian
        z = (rows @ theta).requires_grad_()
        (slope,) = torch.autograd.grad((masses * self.loss.value(Torch, z, labels)).sum(), z, create_graph=True)
        (bend,) = torch.autograd.grad(slope.sum(), z)
        return rows.T @ slope.detach(), rows.T @ (bend[:, None] * rows)


def law_tensors(loss: Loss, features: np.ndarray, atoms: Sequence[Atom]) -> tuple[Tensor, ...]:
    """Rows (N, d), or (N, c, c d), labels (N,), or (N, c), and masses (N,) of a law's atoms."""
    rows = features[[atom.x for atom in atoms]]
    labels = np.array([loss.label(Floats, atom.y) for atom in atoms])
    masses = np.array([to_float(atom.p) for atom in atoms])
    return tuple(torch.from_numpy(a) for a in (rows, labels, masses))
