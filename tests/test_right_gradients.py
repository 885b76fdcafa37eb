"""Right gradients raise no alarm: generated architectures, losses and inner loops, in float32 and float64.

What rounding explains is derived, not chosen (`traced.tolerance`); in no order does it explain more than is proved.
The user's loop here is PyTorch's own, in the dtype, in its order of operations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")

from metagap.torch import SGD, Task, check_gradient  # noqa: E402

torch.set_num_threads(1)
nn, functional_call = torch.nn, torch.func.functional_call
ACTIVATIONS = (nn.ReLU, nn.Tanh, nn.Softplus, nn.GELU, nn.Sigmoid, nn.ELU, nn.SiLU, nn.LeakyReLU)
DRAWS = 10
"""Weights and data for each architecture."""


class Residual(nn.Module):  # type: ignore[misc]
    """x + f(x)."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        return x + self.inner(x)


def architecture(rng: np.random.Generator, outputs: int) -> tuple[Any, tuple[int, ...]]:
    """A small network, and the shape of its inputs."""
    activation = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    if rng.random() < 0.2:
        layers = [nn.Conv2d(1, 2, 3, padding=1), activation(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(8, outputs)]
        if rng.random() < 0.5:
            layers.insert(1, nn.BatchNorm2d(2, track_running_stats=False))
        return nn.Sequential(*layers), (1, 4, 4)
    width, first = int(rng.integers(1, 17)), int(rng.integers(1, 5))
    layers = [nn.Linear(first, width), activation()]
    for _ in range(rng.integers(0, 4)):
        block = nn.Sequential(nn.Linear(width, width), activation())
        layers.append(Residual(block) if rng.random() < 0.4 else block)
    if rng.random() < 0.2:
        layers.append(nn.LayerNorm(width))
    return nn.Sequential(*layers, nn.Linear(width, outputs)), (first,)


def labelled(rng: np.random.Generator, loss: str, shape: tuple[int, ...], outputs: int, dtype: Any) -> Any:
    n = 4
    x = torch.tensor(rng.normal(size=(n, *shape))).to(dtype)
    if loss == "cross_entropy":
        return x, torch.tensor(rng.integers(0, outputs, n))
    y = rng.normal(size=(n, outputs)) if loss == "mse" else rng.integers(0, 2, (n, outputs))
    return x, torch.tensor(y).to(dtype)


LOSSES = {"mse": lambda z, y: ((z - y) ** 2).mean() / 2, "cross_entropy": nn.functional.cross_entropy,
          "bce": nn.functional.binary_cross_entropy_with_logits}  # fmt: skip


def looped(model: Any, tasks: list[Task], inner: SGD, loss: Any) -> list[Any]:
    """A user's right loop."""
    model.zero_grad()
    for task in tasks:
        fast = dict(model.named_parameters())
        for _ in range(inner.steps):
            value = loss(functional_call(model, fast, (task.support[0],)), task.support[1])
            slopes = torch.autograd.grad(value, list(fast.values()), create_graph=True)
            fast = {n: p - inner.lr * g for (n, p), g in zip(fast.items(), slopes, strict=True)}
        (loss(functional_call(model, fast, (task.query[0],)), task.query[1]) / len(tasks)).backward()
    return [p.grad.clone() for p in model.parameters()]


def checked(seed: int, draws: int) -> Iterator[tuple[str, Any]]:
    """What is said of right gradients, with the dtype: of one architecture, both dtypes in turn."""
    rng = np.random.default_rng(seed)
    loss = list(LOSSES)[rng.integers(3)]
    outputs = int(rng.integers(2, 5)) if loss == "cross_entropy" else int(rng.integers(1, 3))
    model, shape = architecture(rng, outputs)
    inner = SGD(float(10.0 ** rng.uniform(-3, -0.5)), int(rng.integers(1, 4)))
    count = int(rng.integers(1, 4))
    for draw in range(draws):
        dtype = (torch.float32, torch.float64)[draw % 2]
        model.to(torch.float64)
        with torch.no_grad():
            for p in model.parameters():
                size = 1 / max(1, p.shape[-1]) ** 0.5 if p.dim() > 1 else 0.3
                p.copy_(torch.tensor(rng.normal(size=tuple(p.shape)) * size))
        model.to(dtype)
        tasks = [Task(*(labelled(rng, loss, shape, outputs, dtype) for _ in range(2))) for _ in range(count)]
        yield (
            str(dtype).removeprefix("torch."),
            check_gradient(looped(model, tasks, inner, LOSSES[loss]), model, tasks, inner=inner, loss=loss),
        )


def alarm(said: Any) -> bool:
    """Of a right gradient: whether it is called another, or no order of rounding explains it."""
    return said.name != "maml" or not said.distance.lo <= said.proved


@pytest.mark.ci
def test_right_gradients_raise_no_alarm(request: pytest.FixtureRequest) -> None:
    """`python -m tests.gradient_campaign` does so for as long as is allowed."""
    deep = request.config.getoption("--profile") == "deep"
    for seed in range(1000 // DRAWS if deep else 2):
        for draw, (dtype, said) in enumerate(checked(seed, DRAWS if deep else 4)):
            assert not alarm(said), f"seed {seed}, draw {draw}, {dtype}: {said.message}"
