"""torch's opinion on the meta-gradient: automatic differentiation through the definition of the meta-objective.

Only the loss's value is written; inner gradients, the meta-gradient and the meta-Hessian are torch's
(`create_graph`), so this shares no derivative formula with either engine.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..arithmetic import FunctionSet, to_float
from ..losses import Loss
from ..meta_sl.instance import Gradient, MetaSLInstance

NEWTON_ROUNDS = 60


class Torch(FunctionSet):
    """The elementary functions on float64 tensors."""

    exp = staticmethod(torch.exp)
    sqrt = staticmethod(torch.sqrt)
    tanh = staticmethod(torch.tanh)
    sigmoid = staticmethod(torch.sigmoid)
    magnitude = staticmethod(torch.abs)

    @staticmethod
    def number(q: object) -> float:
        return to_float(q)  # type: ignore[arg-type]

    @staticmethod
    def sech(t: Tensor) -> Tensor:
        return 1 / torch.cosh(t)

    @staticmethod
    def log_cosh(t: Tensor) -> Tensor:
        # Smooth at 0, where |t| + log(1 + e^(-2|t|)) would lose the second derivative.
        return t + torch.logaddexp(-2 * t, torch.zeros_like(t)) - float(np.log(2.0))

    @staticmethod
    def softplus(t: Tensor) -> Tensor:
        return torch.logaddexp(t, torch.zeros_like(t))

    @staticmethod
    def clip(t: Tensor, a: float) -> Tensor:
        return torch.clamp(t, -a, a)

    @staticmethod
    def inside(t: Tensor, a: float) -> Tensor:
        return (torch.abs(t) < a).to(t.dtype)

    @staticmethod
    def sign(t: Tensor) -> Tensor:
        return torch.where(t < 0, -1.0, 1.0).to(t.dtype)


class TorchProblem:
    """An instance's tasks as tensors; `meta_objective` follows the definition, task by task."""

    def __init__(self, instance: MetaSLInstance) -> None:
        self.loss: Loss = instance.loss
        self.adaptation = instance.adaptation
        features = np.array([[to_float(v) for v in row] for row in instance.features])
        self.tasks = []
        for task in instance.tasks:
            if task.weight == 0:
                continue
            rows = features[[atom.x for atom in task.atoms]]
            labels = np.array([to_float(atom.y) for atom in task.atoms])
            masses = np.array([to_float(atom.p) for atom in task.atoms])
            tensors = tuple(torch.from_numpy(a) for a in (rows, labels, masses))
            self.tasks.append((to_float(task.weight), tensors))

    def risk(self, tensors: tuple[Tensor, ...], theta: Tensor) -> Tensor:
        """R_i(h_theta)."""
        rows, labels, masses = tensors
        return (masses * self.loss.value(Torch, rows @ theta, labels)).sum()

    def adapt(self, tensors: tuple[Tensor, ...], theta: Tensor, *, first_order: bool = False) -> Tensor:
        """U_i(theta), differentiable in theta; `first_order` stops the inner gradient (FOMAML)."""
        if isinstance(self.adaptation, Gradient):
            eta = to_float(self.adaptation.eta)
            for _ in range(self.adaptation.steps):
                theta = theta - eta * self._slope(tensors, theta, not first_order)
            return theta
        return self._proximal(tensors, theta, to_float(self.adaptation.strength), first_order)

    def _slope(self, tensors: tuple[Tensor, ...], theta: Tensor, graph: bool) -> Tensor:
        point = theta if theta.requires_grad else theta.clone().requires_grad_()
        (slope,) = torch.autograd.grad(self.risk(tensors, point), point, create_graph=graph)
        return slope if graph else slope.detach()

    def _proximal(self, tensors: tuple[Tensor, ...], theta: Tensor, strength: float, first_order: bool) -> Tensor:
        """The proximal point by Newton without a graph; then one step with it, which has the exact derivative."""
        center = theta.detach()

        def objective(t: Tensor) -> Tensor:
            return self.risk(tensors, t) + strength / 2 * ((t - center) ** 2).sum()

        point = center.clone()
        for _ in range(NEWTON_ROUNDS):
            probe = point.clone().requires_grad_()
            value = objective(probe)
            (slope,) = torch.autograd.grad(value, probe)
            hessian = torch.autograd.functional.hessian(objective, point)
            step = torch.linalg.solve(hessian, slope)
            length = 1.0
            here = float(value.detach())
            while length > 1e-9 and float(objective(point - length * step)) > here and step.norm() > 1e-7:
                length /= 2
            point = point - length * step
            if float(step.norm()) < 1e-11 * (1 + float(point.norm())):
                break
        if first_order:
            return point + (theta - theta.detach())
        hessian = torch.autograd.functional.hessian(objective, point)
        probe = point.clone().requires_grad_()
        (slope,) = torch.autograd.grad(self.risk(tensors, probe), probe)
        residual = slope + strength * (point - theta)
        return point - torch.linalg.solve(hessian, residual)

    def meta_objective(self, theta: Tensor, *, first_order: bool = False) -> Tensor:
        """L(theta) = sum_i q_i R_i(h_{U_i(theta)})."""
        total = torch.zeros((), dtype=torch.float64)
        for weight, tensors in self.tasks:
            total = total + weight * self.risk(tensors, self.adapt(tensors, theta, first_order=first_order))
        return total


def _omega(instance: MetaSLInstance) -> Tensor:
    return torch.tensor([to_float(v) for v in instance.omega], dtype=torch.float64)


def meta_gradient(instance: MetaSLInstance) -> np.ndarray:
    """grad L(omega) (d,) by autograd."""
    theta = _omega(instance).requires_grad_()
    (gradient,) = torch.autograd.grad(TorchProblem(instance).meta_objective(theta), theta)
    return gradient.numpy()


def first_order_gradient(instance: MetaSLInstance) -> np.ndarray:
    """FOMAML's gradient sum_i q_i grad R_i(omega_i) (d,) by autograd with the inner graph stopped."""
    theta = _omega(instance).requires_grad_()
    objective = TorchProblem(instance).meta_objective(theta, first_order=True)
    (gradient,) = torch.autograd.grad(objective, theta)
    return gradient.numpy()


def meta_hessian(instance: MetaSLInstance) -> np.ndarray:
    """Hess L(omega) (d, d) by autograd, gradient adaptation."""
    if not isinstance(instance.adaptation, Gradient):
        raise ValueError(f"adaptation={instance.adaptation.name!r}: expected 'gradient'")
    problem = TorchProblem(instance)
    return torch.autograd.functional.hessian(problem.meta_objective, _omega(instance)).numpy()
