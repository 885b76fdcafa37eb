"""A second opinion: instances of the supervised families as PyTorch programs, judged through the trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flint import fmpq
from metagap.impl.arithmetic import rational
from metagap.impl.families import family_of, judge
from metagap.impl.losses import Loss
from metagap.impl.models.weights import Weights
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import Atom, MetaSLInstance, NetworkInstance, SmoothInstance, Task

torch = pytest.importorskip("torch")
from metagap import torch as traced  # noqa: E402

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")

LOSSES: dict[str, tuple[Any, float | None]] = {
    "squared": (lambda z, y: ((z - y) ** 2).mean() / 2, None),
    "logistic": (lambda z, y: torch.nn.functional.softplus(-y * z, threshold=1e9).mean(), None),
    "log-cosh": (lambda z, y: torch.log(torch.cosh(z - y)).mean(), None),
    "huber": (lambda z, y: torch.nn.functional.huber_loss(z, y, delta=0.5), 0.5),
}
"""The losses that PyTorch has, and their parameter."""
CLAIMS = ("identity", "s1", "s2", "s3", "s4", "lifted", "l1", "first-order")


class Linear(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, theta: np.ndarray) -> None:
        super().__init__()
        self.theta = torch.nn.Parameter(torch.tensor(theta))

    def forward(self, x: Any) -> Any:
        return x @ self.theta


class Network(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, w: np.ndarray, signs: np.ndarray, activation: Any) -> None:
        super().__init__()
        self.w, self.signs, self.activation = torch.nn.Parameter(torch.tensor(w)), torch.tensor(signs), activation

    def forward(self, x: Any) -> Any:
        return self.activation(x @ self.w.T) @ self.signs / len(self.signs) ** 0.5


def exact(table: np.ndarray) -> tuple[Any, ...]:
    return tuple(tuple(map(rational, row)) for row in table.tolist())


def drawn(name: str, seed: int) -> tuple[np.ndarray, np.ndarray, list[list[int]]]:
    """Inputs (k, d), labels per task, the inputs of each task: support and query are one set in these families."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(6, 3))
    y = rng.normal(size=(2, 3))
    return x, np.sign(y) if name == "logistic" else y, [[0, 1, 2], [2, 4, 5]]


def meets(
    instance: Any, model: Any, other: Any, name: str, x: np.ndarray, y: np.ndarray, chosen: list[list[int]]
) -> None:
    tasks = []
    for own, labels in zip(chosen, y, strict=True):
        pair = (torch.tensor(x[own]), torch.tensor(labels))
        tasks.append(traced.Task(pair, pair))
    function, _ = LOSSES[name]
    found = traced.judge(model, tasks, inner=traced.SGD(0.125, steps=instance.adaptation.steps), loss=function,
                         comparator=other, radius=2.0)  # fmt: skip
    ours = judge(instance)
    family = family_of(instance).name
    for claim in CLAIMS:
        mine, theirs = ours[f"{family}-{claim}"], found[claim]
        assert mine.verdict.name in ("PROVED", "EQUAL"), (claim, mine.reason)
        assert theirs.verdict.name in ("PROVED", "EQUAL"), (claim, theirs.reason)
        if claim in ("s3", "s4", "identity", "s2"):
            continue  # along directions of their own
        for a, b in ((mine.left, theirs.left), (mine.bound, theirs.bound)):
            assert a is not None and b is not None
            assert a.lo <= b.hi and b.lo <= a.hi, (claim, a, b)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.ci(every=4)
def test_linear_models(name: str) -> None:
    x, y, chosen = drawn(name, 0)
    theta, other = np.random.default_rng(1).normal(size=(2, 3))
    steps = 2 if name == "logistic" else 1
    parameter = LOSSES[name][1]
    instance = MetaSLInstance(
        Loss(name, None if parameter is None else rational(parameter)), Gradient(fmpq(1, 8), steps), exact(x),
        laws(y, chosen),
        tuple(map(rational, theta.tolist())), tuple(map(rational, other.tolist())), fmpq(2),
    )  # fmt: skip
    meets(instance, Linear(theta), Linear(other), name, x, y, chosen)


@pytest.mark.parametrize("activation", ["relu", "softplus", "tanh"])
@pytest.mark.ci(every=3)
def test_networks(activation: str) -> None:
    x, y, chosen = drawn("squared", 2)
    rng = np.random.default_rng(3)
    w, other = rng.normal(size=(2, 4, 3))
    signs = np.array([1.0, -1.0, 1.0, -1.0])
    own = NetworkInstance(
        Loss("squared"), Gradient(fmpq(1, 8), 1), exact(x), laws(y, chosen), tuple(map(int, signs)), Weights(w),
        Weights(w), Weights(other), fmpq(2),
    )  # fmt: skip
    instance = own if activation == "relu" else SmoothInstance.of(own, activation)
    made = {"relu": torch.relu, "tanh": torch.tanh, "softplus": torch.nn.Softplus(threshold=1e9)}[activation]
    meets(instance, Network(w, signs, made), Network(other, signs, made), "squared", x, y, chosen)


def laws(y: np.ndarray, chosen: list[list[int]]) -> tuple[Task, ...]:
    return tuple(
        Task(fmpq(1, 2), tuple(Atom(k, rational(float(v)), fmpq(1, 3)) for k, v in zip(own, labels, strict=True)))
        for own, labels in zip(chosen, y, strict=True)
    )
