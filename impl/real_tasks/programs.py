"""Real tasks for PyTorch programs: Finn's sinusoid network, a convolutional network on digits, both trained here.

Each is trained by MAML and by first-order MAML on the same tasks, from the same start. The right theorems are judged
at both. Two comparators are for the wrong ones: where MAML stops, against predictions along the features without the
Hessian, the bound with those features and MAML's eps is false; where first-order MAML stops, a step of MAML's gradient
away, the bound with its own eps and MAML's features is (of the sinusoids; on digits its own gradient is the longer).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..arithmetic import rational
from ..extras import require
from ..models.traced.systems import parts
from ..sources import RealTasks, by_name
from ..traced.instance import TracedInstance
from ..traced.quantities import TracedQuantities
from .data import DIGITS, FINN

STEP = 2.0**-14
"""How far the comparators that show something are."""
Case = tuple[str, TracedInstance]


def sinusoid() -> tuple[Case, ...]:
    """Regression of y = A sin(x + b), A in [0.1, 5], b in [0, pi], by a ReLU network 1-40-40-1: 3 tasks, 5 points to
    adapt on and 5 to be judged on, in [-5, 5]; one inner step of rate 0.01."""
    require("torch")
    import torch

    from ..traced.learner import SGD, Task

    torch.manual_seed(3)
    tasks = []
    for _ in range(3):
        amplitude, phase = torch.rand((), dtype=torch.float64) * 4.9 + 0.1, torch.rand((), dtype=torch.float64) * np.pi
        x = torch.rand(10, 1, dtype=torch.float64) * 10 - 5
        y = amplitude * (x + phase).sin()
        tasks.append(Task((x[:5], y[:5]), (x[5:], y[5:])))
    layers = torch.nn
    model = layers.Sequential(
        layers.Linear(1, 40), layers.ReLU(), layers.Linear(40, 40), layers.ReLU(), layers.Linear(40, 1)
    ).double()
    return cases(model, tasks, SGD(0.01), "mse", 60, 0.02)


def digits() -> tuple[Case, ...]:
    """5-way 1-shot classification of 8 x 8 digits: one image per class to adapt on, one to be judged on; a convolution
    of 3 x 3 to 4 channels, ReLU, mean pooling, a linear layer; one inner step of rate 0.1."""
    require("torch")
    require("sklearn")
    import torch
    from sklearn.datasets import load_digits

    from ..traced.learner import SGD, Task

    data, rng = load_digits(), np.random.default_rng(5)
    tasks = []
    for _ in range(2):
        classes = rng.choice(10, 5, replace=False)
        chosen = [rng.choice(np.nonzero(data.target == c)[0], 2, replace=False) for c in classes]
        sets = [(torch.tensor(np.stack([data.images[pair[k]] for pair in chosen])[:, None] / 16), torch.arange(5))
                for k in (0, 1)]  # fmt: skip
        tasks.append(Task(sets[0], sets[1]))
    torch.manual_seed(5)
    layers = torch.nn
    model = layers.Sequential(
        layers.Conv2d(1, 4, 3, padding=1), layers.ReLU(), layers.AvgPool2d(2), layers.Flatten(), layers.Linear(64, 5)
    ).double()
    return cases(model, tasks, SGD(0.1), "cross_entropy", 40, 0.02)


def cases(model: Any, tasks: Any, inner: Any, loss: str, rounds: int, rate: float) -> tuple[Case, ...]:
    """The points where MAML and first-order MAML stop, against comparators."""
    from ..traced.problem import instance_of

    maml, first = (trained(model, tasks, inner, loss, rounds, rate, first_order) for first_order in (False, True))
    model.load_state_dict(maml, strict=False)
    posed = instance_of(model, tasks, inner, loss, first)
    other = replace(posed, omega=posed.comparator, comparator=posed.omega)
    return (
        ("trained by MAML, against predictions along the features without the Hessian", without_hessian(posed)),
        ("trained by first-order MAML, against MAML's point", other),
        ("trained by first-order MAML, against a step of MAML's gradient away", a_step_away(other)),
    )


def trained(
    model: Any, tasks: Any, inner: Any, loss: str, rounds: int, rate: float, first_order: bool
) -> dict[str, Any]:
    """Parameters by name: Adam with a rate that falls to 0, from the model's own. Tasks are of one shape: their
    gradient is traced once."""
    import torch
    from torch.func import grad
    from torch.fx.experimental.proxy_tensor import make_fx

    from ..traced.learner import Learner, weights

    learner = Learner(model, inner, loss)
    data = [(float(q.p) / float(q.q), learner.data(task.support, task.query))
            for q, task in zip(weights(tasks), tasks, strict=True)]  # fmt: skip

    def risk(p: Any, d: Any) -> Any:
        return learner.loss(learner.adapted_predictions(p, *d[:3]), d[3])

    def outer(p: Any, d: Any) -> Any:
        return learner.loss(learner.predict(dict(zip(learner.names, p, strict=True)), d[2]), d[3])

    def slope(p: Any, d: Any) -> Any:
        return grad(outer)(learner.adapt(p, *d[:2]), d) if first_order else grad(risk)(p, d)

    gradient = make_fx(slope)(learner.omega, data[0][1])
    moving = [p.clone().requires_grad_() for p in learner.omega]
    descent = torch.optim.Adam(moving, lr=rate)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(descent, rounds)
    for _ in range(rounds):
        point = tuple(p.detach() for p in moving)
        parts_of = [(q, gradient(point, d)) for q, d in data]
        for k, p in enumerate(moving):
            p.grad = sum((q * g[k].detach() for q, g in parts_of), start=torch.zeros_like(p))
        descent.step()
        falling.step()
    return {n: p.detach() for n, p in zip(learner.names, moving, strict=True)}


def a_step_away(instance: TracedInstance) -> TracedInstance:
    """Against omega less STEP along MAML's gradient."""
    gradient = parts(TracedQuantities(instance)._whole_gradient.value)[0]
    v = STEP * gradient / np.linalg.norm(gradient)
    ends = np.cumsum([a.size for a in instance.omega])[:-1]
    rival = tuple(a - d.reshape(a.shape) for a, d in zip(instance.omega, np.split(v, ends), strict=True))
    return replace(instance, comparator=rival, radius=rational(STEP))


def without_hessian(instance: TracedInstance) -> TracedInstance:
    """Against predictions z - phi'v, phi the features without the Hessian, v of length STEP along first-order MAML's
    gradient."""
    at = TracedQuantities(instance)
    gradient = parts(at.first_order_gradient.value)[0]
    u = parts(at._plain.rows)[0] @ (STEP * gradient / np.linalg.norm(gradient))
    z = np.concatenate([parts(v)[0].ravel() for v in at._predictions])
    ends = np.cumsum([int(np.prod(task.shape)) for task in instance.tasks])[:-1]
    rival = tuple(p.reshape(t.shape) for p, t in zip(np.split(z - u, ends), instance.tasks, strict=True))
    return replace(instance, comparator=rival, functions=True, radius=rational(STEP))


REAL_TASKS = by_name(
    RealTasks("sinusoid-program", "Finn's sinusoid network", FINN, sinusoid),
    RealTasks("digits-program", "A convolutional network on digits", DIGITS, digits),
)
