"""The meta-objective by its definition on torch's tensors: for training, and for torch's opinion on derivatives.

Only the loss's value is written; inner gradients, the meta-gradient and the meta-Hessian are torch's
(`create_graph`), so this shares no derivative formula with either engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
    """An instance's tasks as tensors, all T side by side; `meta_objective` follows the definition."""

    def __init__(self, instance: Any, features: np.ndarray) -> None:
        self.loss: Loss = instance.loss
        self.adaptation = instance.adaptation
        tasks = [task for task in instance.tasks if task.weight != 0]
        self.weights = torch.tensor([to_float(task.weight) for task in tasks], dtype=torch.float64)
        laws = zip(*((task.atoms, task.inner) for task in tasks), strict=True)
        self.outer, self.inner = (law_tensors(self.loss, features, law) for law in laws)

    def predictions(self, rows: Tensor, theta: Tensor) -> Tensor:
        """h (T, N, c) of one theta, or of one per task, at the model's inputs or features."""
        raise NotImplementedError

    def risk(self, tensors: tuple[Tensor, ...], theta: Tensor) -> Tensor:
        """R_i(h_theta) (T,), of one theta or of one per task."""
        rows, labels, masses = tensors
        return mean_loss(self.loss, self.predictions(rows, theta), labels, masses)

    def adapt(self, tensors: tuple[Tensor, ...], theta: Tensor, *, first_order: bool = False) -> Tensor:
        """U_i(theta) (T, ...), differentiable in theta; `first_order` stops the inner gradient (FOMAML)."""
        rates, decay = self.adaptation.rates, to_float(self.adaptation.decay)
        steps = torch.from_numpy(nearest([self.adaptation.eta * r for r in rates or (fmpq(1),)]))
        steps = steps if rates is None else steps.reshape(theta.shape)
        theta = theta.expand(len(tensors[0]), *theta.shape)
        for _ in range(self.adaptation.steps):
            theta = theta - steps * (self.slope(tensors, theta, not first_order) + decay * theta)
        return theta

    def slope(self, tensors: tuple[Tensor, ...], theta: Tensor, graph: bool) -> Tensor:
        """grad R_i(theta_i), differentiable with a `graph`: of the sum, as no theta_i has a part in another's risk."""
        point = theta if theta.requires_grad else theta.clone().requires_grad_()
        (slope,) = torch.autograd.grad(self.risk(tensors, point).sum(), point, create_graph=graph)
        return slope if graph else slope.detach()

    def meta_objective(self, theta: Tensor, *, first_order: bool = False) -> Tensor:
        """L(theta) = sum_i q_i R_i(h_{U_i(theta)})."""
        return (self.weights * self.risk(self.outer, self.adapt(self.inner, theta, first_order=first_order))).sum()


class TorchProblem(TorchTasks):
    """With linear models: theta [d], or [c d]."""

    def __init__(self, instance: MetaSLInstance) -> None:
        super().__init__(instance, nearest(instance.rows).reshape(len(instance.features), instance.loss.outputs, -1))

    def predictions(self, rows: Tensor, theta: Tensor) -> Tensor:
        return (rows.flatten(1, 2) @ theta[..., None]).reshape(rows.shape[:3])

    def adapt(self, tensors: tuple[Tensor, ...], theta: Tensor, *, first_order: bool = False) -> Tensor:
        if isinstance(self.adaptation, Implicit):
            theta = theta.expand(len(tensors[0]), -1)
            return self._proximal(tensors, theta, to_float(self.adaptation.strength), first_order)
        if isinstance(self.adaptation, Own):
            raise ValueError(f"adaptation={self.adaptation.rule!r}: torch knows no adaptation of a claims file")
        return super().adapt(tensors, theta, first_order=first_order)

    def _proximal(self, tensors: tuple[Tensor, ...], theta: Tensor, strength: float, first_order: bool) -> Tensor:
        """The proximal points by Newton without a graph; then one step with it, which has the exact derivative."""
        center = theta.detach()

        def objective(t: Tensor) -> Tensor:
            return self.risk(tensors, t) + strength / 2 * ((t - center) ** 2).sum(-1)

        point, pull = center.clone(), strength * torch.eye(center.shape[-1], dtype=center.dtype)
        moving = torch.ones(len(point), dtype=torch.bool)
        for _ in range(NEWTON_ROUNDS):
            slope, hessian = self._derivatives(tensors, point)
            step = torch.linalg.solve(hessian + pull, slope + strength * (point - center)) * moving[:, None]
            size, length, here = step.norm(dim=-1), torch.ones(len(point), dtype=point.dtype), objective(point)
            while (far := (length > 1e-9) & (size > 1e-7) & (objective(point - length[:, None] * step) > here)).any():
                length = torch.where(far, length / 2, length)
            point = point - length[:, None] * step
            moving &= ~(size < 1e-11 * (1 + point.norm(dim=-1)))
            if not moving.any():
                break
        if first_order:
            return point + (theta - center)
        slope, hessian = self._derivatives(tensors, point)
        return point - torch.linalg.solve(hessian + pull, slope + strength * (point - theta))

    def _derivatives(self, tensors: tuple[Tensor, ...], theta: Tensor) -> tuple[Tensor, Tensor]:
        """grad R_i (T, d) and Hess R_i (T, d, d): those of the loss, in each prediction, between its rows."""
        rows, labels, masses = tensors
        z = self.predictions(rows, theta).requires_grad_()
        (slope,) = torch.autograd.grad(mean_loss(self.loss, z, labels, masses).sum(), z, create_graph=True)
        bends = [torch.autograd.grad(s.sum(), z, retain_graph=True)[0] for s in slope.unbind(-1)]
        table, flat = torch.stack(bends, -2) @ rows, rows.flatten(1, 2).mT
        return (flat @ slope.detach().flatten(1)[..., None])[..., 0], flat @ table.flatten(1, 2)


def mean_loss(loss: Loss, predictions: Tensor, labels: Tensor, masses: Tensor) -> Tensor:
    """The risks (T,) of predictions (T, N, c), labels (T, N) or (T, N, c), masses (T, N)."""
    several = loss.outputs > 1
    z, y = (predictions.unbind(-1), labels.unbind(-1)) if several else (predictions[..., 0], labels)
    return (masses * loss.value(Torch, z, y)).sum(-1)


def law_tensors(loss: Loss, features: np.ndarray, laws: Sequence[Sequence[Atom]]) -> tuple[Tensor, ...]:
    """Features of the laws' atoms (T, N, ...), labels (T, N), or (T, N, c), and masses (T, N): the shorter laws have
    their first atom again, of mass 0."""
    longest = max(map(len, laws))
    whole = [[*law, *[replace(law[0], p=fmpq(0))] * (longest - len(law))] for law in laws]
    rows = features[[[atom.x for atom in law] for law in whole]]
    labels = np.array([[loss.label(Floats, atom.y) for atom in law] for law in whole])
    masses = np.array([[to_float(atom.p) for atom in law] for law in whole])
    return tuple(torch.from_numpy(a) for a in (rows, labels, masses))
