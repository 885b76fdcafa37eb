"""torch's opinion on the meta-gradient: automatic differentiation through the definition of the meta-objective."""

from __future__ import annotations

import numpy as np
import torch
from metagap.impl.arithmetic import to_float
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import MetaSLInstance
from metagap.impl.supervised.tensors import TorchProblem
from torch import Tensor


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
