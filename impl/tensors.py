"""The elementary functions on torch's tensors: one more number system, whose derivatives are torch's own."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .arithmetic import FunctionSet, to_float


class Torch(FunctionSet):
    """The elementary functions on float64 tensors."""

    exp = staticmethod(torch.exp)
    sqrt = staticmethod(torch.sqrt)
    tanh = staticmethod(torch.tanh)
    sigmoid = staticmethod(torch.sigmoid)
    magnitude = staticmethod(torch.abs)
    positive = staticmethod(torch.relu)

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
