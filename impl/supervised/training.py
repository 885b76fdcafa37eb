"""MAML training with torch: where omega comes from on real tasks. Needs the extra `real`.

A first-order outer loop (Adam), then L-BFGS to bring the gradient down; deterministic.
"""

from __future__ import annotations

from ..extras import require
from .instance import MetaSLInstance


def train(
    instance: MetaSLInstance,
    *,
    start: tuple[float, ...] | None = None,
    rounds: int = 60,
    rate: float = 0.1,
    first_order: bool = False,
    polish: bool = True,
) -> tuple[float, ...]:
    """theta [d] trained on the instance's tasks: MAML, or FOMAML (`first_order`, inner Jacobian stopped).

    start is theta_0 (default 0); `polish` adds L-BFGS (full MAML only).
    """
    require("torch")
    import torch

    from .tensors import TorchProblem

    problem = TorchProblem(instance)
    values = start if start is not None else (0.0,) * instance.dimension
    theta = torch.tensor(values, dtype=torch.float64, requires_grad=True)

    def objective() -> torch.Tensor:
        return problem.meta_objective(theta, first_order=first_order)

    optimiser = torch.optim.Adam([theta], lr=rate)
    for _ in range(rounds):
        optimiser.zero_grad()
        objective().backward()
        optimiser.step()
    if polish and not first_order:
        lbfgs = torch.optim.LBFGS(
            [theta],
            max_iter=100,
            tolerance_grad=1e-13,
            tolerance_change=1e-16,
            history_size=20,
            line_search_fn="strong_wolfe",
        )

        def closure() -> torch.Tensor:
            lbfgs.zero_grad()
            value = objective()
            value.backward()
            return value

        lbfgs.step(closure)
    return tuple(theta.detach().tolist())
