"""Outside opinions on meta-RL: torch's gradient through the definition, cvxpy's linear programs of optimal returns.

Only the definition is written: softmax, the Bellman equation, the step, the return. Derivatives are torch's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cvxpy as cp
import numpy as np
import torch
from metagap.impl.arithmetic import to_float
from metagap.impl.policies.batch import batch_of
from metagap.impl.policies.instance import Adaptation, MetaRLInstance, PolicyInstance, PolicyNetworkInstance
from torch import Tensor

Activation = Callable[[Tensor], Tensor]


class TorchProcesses:
    """An instance's tasks as tensors."""

    def __init__(self, instance: PolicyInstance) -> None:
        self.adaptation, self.eta, self.tau = instance.adaptation, to_float(instance.eta), to_float(instance.tau)
        self.features = _tensor(instance.features)
        self.tasks = [
            tuple(map(_tensor, (task.weight, task.gamma, task.transitions, task.rewards, task.start)))
            for task in instance.tasks
        ]

    def logits(self, theta: Tensor) -> Tensor:
        """phi'theta/tau (S, A)."""
        return self.features @ theta / self.tau

    def _value(self, task: tuple[Tensor, ...], policy: Tensor) -> Tensor:
        _, gamma, transitions, rewards, _ = task
        chain = (policy[..., None] * transitions).sum(1)
        mean = (policy * rewards).sum(1)
        eye = torch.eye(len(chain), dtype=torch.float64)
        return torch.linalg.solve(eye - gamma * chain, (1 - gamma) * mean)

    def _return(self, task: tuple[Tensor, ...], policy: Tensor) -> Tensor:
        return (task[4] * self._value(task, policy)).sum()

    def meta_objective(self, theta: Tensor) -> Tensor:
        """L(theta)."""
        total = torch.zeros((), dtype=torch.float64)
        for task in self.tasks:
            weight, gamma, transitions, rewards, _ = task
            logits = self.logits(theta)
            prior = torch.softmax(logits, 1)
            if self.adaptation is Adaptation.GRADIENT:
                (slope,) = torch.autograd.grad(self._return(task, prior), theta, create_graph=True)
                policy = torch.softmax(self.logits(theta + self.eta * slope), 1)
            else:
                q = (1 - gamma) * rewards + gamma * (transitions @ self._value(task, prior))
                if self.adaptation is Adaptation.KL_STEP:
                    policy = torch.softmax(logits + self.eta * q, 1)
                else:
                    tilted = prior * (1 + self.eta * q)
                    policy = tilted / tilted.sum(1, keepdim=True)
            total = total + weight * self._return(task, policy)
        return total


class TorchNetworkPolicies(TorchProcesses):
    """The same with a network policy; theta is W (m, p)."""

    def __init__(self, instance: PolicyNetworkInstance, activation: Activation = torch.relu) -> None:
        super().__init__(instance)
        self.activation = activation
        self.output = torch.tensor(instance.signs, dtype=torch.float64) / instance.width**0.5

    def logits(self, theta: Tensor) -> Tensor:
        return self.activation(self.features @ theta.T) @ self.output / self.tau


def _tensor(value: Any) -> Tensor:
    def floats(part: Any) -> Any:
        return [floats(v) for v in part] if isinstance(part, tuple) else to_float(part)

    return torch.tensor(floats(value), dtype=torch.float64)


def network_meta_gradient(instance: PolicyNetworkInstance, activation: Activation = torch.relu) -> np.ndarray:
    """grad L(W) (m, p) by autograd."""
    weights = torch.tensor(instance.omega.floats.copy(), requires_grad=True)
    (gradient,) = torch.autograd.grad(TorchNetworkPolicies(instance, activation).meta_objective(weights), weights)
    return gradient.numpy()


def meta_gradient(instance: MetaRLInstance) -> np.ndarray:
    """grad L(omega) (d,) by autograd."""
    theta = torch.tensor([to_float(v) for v in instance.omega], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(TorchProcesses(instance).meta_objective(theta), theta)
    return gradient.numpy()


def meta_hessian(instance: MetaRLInstance) -> np.ndarray:
    """Hess L(omega) (d, d) by autograd, for steps on policies."""
    theta = torch.tensor([to_float(v) for v in instance.omega], dtype=torch.float64)
    return torch.autograd.functional.hessian(TorchProcesses(instance).meta_objective, theta).numpy()


def linear_program_return(instance: MetaRLInstance) -> float:
    """sum_i q_i J_i*: max <r, x> over visitations x >= 0 of each task, by Clarabel."""
    batch = batch_of(instance)
    total = 0.0
    for i in range(batch.shape[0]):
        gamma, rewards = float(batch.gamma[0, i]), batch.rewards[0, i]
        x: Any = cp.Variable(rewards.shape, nonneg=True)
        arrivals = [
            (1 - gamma) * batch.start[0, i, t] + gamma * cp.sum(cp.multiply(batch.transitions[0, i, :, :, t], x))
            for t in range(len(rewards))
        ]
        flow = [cp.sum(x[t]) == arrivals[t] for t in range(len(rewards))]
        problem = cp.Problem(cp.Maximize(cp.sum(cp.multiply(rewards, x))), flow)
        problem.solve(solver=cp.CLARABEL)
        if problem.status != cp.OPTIMAL:
            raise ArithmeticError(f"cvxpy: status {problem.status!r}")
        total += float(batch.weights[0, i]) * float(problem.value)
    return total
