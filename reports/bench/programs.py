"""PyTorch models judged through their trace: what a proof costs beside torch's own gradient.

Every model is measured in a process of its own, for its peak of memory. A gradient is the meta-gradient of one task by
one inner step, in processor time on one thread, the least of some rounds that take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from flint import ctx
from rich.table import Table

from ...theory.claim import Verdict
from ..processes import apart
from .own_tasks import peak
from .rows import cell, installed, least, listing, timed

SECONDS = 900.0
"""Until when a model is ended."""
ROUNDS, BITS = 5, 128
MODELS = ("1-40-40-1", "784-256-128-64-64-5", "4 blocks of convolution, 28 x 28")


@dataclass(frozen=True)
class Program:
    """Seconds of a model's trace, of one gradient by torch, in midpoint-radius numbers (with their ratio and their
    widest radius) and in balls, of the Gram matrix, of a whole judgement after tracing; megabytes at the peak.
    """

    model: str
    parameters: int
    nodes: int
    tasks: str
    trace: float
    torch: float
    enclosed: float
    ratio: float
    radius: float
    balls: float
    gram: float
    judgement: float
    says: str
    megabytes: float | None


def drawn(name: str) -> tuple[Callable[[int], Any], list[Any], str, int]:
    """A model by its seed, tasks, the loss, inputs in a task."""
    import torch
    from torch import nn

    from ...impl.traced.problem import Task

    def model(seed: int) -> Any:
        torch.manual_seed(seed)
        if name == MODELS[2]:
            layers: list[Any] = []
            for k in range(4):
                layers += [nn.Conv2d(8 if k else 1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 5))
        widths = [int(w) for w in name.split("-")]
        layers = []
        for a, b in pairwise(widths):
            layers += [nn.Linear(a, b), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    rng = np.random.default_rng(0)
    tasks = []
    for _ in range(5 if name == MODELS[0] else 1):
        if name == MODELS[0]:
            x, amplitude, phase = rng.uniform(-5, 5, (20, 1)), rng.uniform(0.1, 5), rng.uniform(0, np.pi)
            y = torch.tensor(amplitude * np.sin(x + phase))
        else:
            x = rng.random((10, *((784,) if name == MODELS[1] else (1, 28, 28))))
            y = torch.arange(5).repeat(2)
        half, pair = len(x) // 2, torch.tensor(x)
        tasks.append(Task((pair[:half], y[:half]), (pair[half:], y[half:])))
    return model, tasks, "mse" if name == MODELS[0] else "cross_entropy", half


def _measured(name: str, tell: Callable[[str], None]) -> Program:
    import torch
    from threadpoolctl import threadpool_limits

    from ...impl.models.traced.evaluate import evaluated
    from ...impl.models.traced.middles import Middles
    from ...impl.models.traced.systems import Fine, System
    from ...impl.models.traced.trace import array_of
    from ...impl.traced.judging import judged
    from ...impl.traced.problem import SGD, Learner, instance_of
    from ...impl.traced.quantities import TracedQuantities

    torch.set_num_threads(1)
    model, tasks, loss, points = drawn(name)
    with threadpool_limits(1):
        tell(f"{name}: gradients")
        learner = Learner(model(0), SGD(0.01), loss)
        data = learner.data(tasks[0].support, tasks[0].query)
        z = learner.unadapted(data)
        graphs, trace = timed(lambda: learner.graphs(data, z, ("gradient",)))
        inputs = [array_of(t) for t in (*learner.omega, *data)]

        def enclose(system: System) -> Any:
            return evaluated(graphs["gradient"], inputs, system)[0]

        values = enclose(Middles())
        learner.run("gradient", data)
        unproved, enclosed = least([lambda: learner.run("gradient", data), lambda: enclose(Middles())], ROUNDS)
        tell(f"{name}: balls")
        with ctx.workprec(BITS):
            _, balls = timed(lambda: enclose(Fine()))
        tell(f"{name}: judgement")
        instance = instance_of(model(0), tasks, SGD(0.01), loss, model(1))
        _, gram = timed(lambda: TracedQuantities(instance, precise=False)._features.gram)
        outcome, judgement = timed(lambda: judged(instance))
    verdicts = [one.verdict for one in outcome.claims]
    good = sum(v in (Verdict.PROVED, Verdict.EQUAL) for v in verdicts)
    return Program(
        name, sum(p.numel() for p in learner.omega), len(graphs["gradient"].nodes), f"{len(tasks)} x {points}", trace,
        unproved, enclosed, enclosed / unproved, max(float(np.max(v.rad)) for v in values), balls, gram, judgement,
        f"{good} of {len(verdicts)} decided", peak(),
    )  # fmt: skip


def compare(progress: Callable[[str], None] = lambda message: None, models: Sequence[str] = MODELS) -> list[Program]:
    """The models, one after the other; none without torch."""
    if not installed("torch"):
        return []
    return [apart(_measured, (name,), progress, time.monotonic() + SECONDS) for name in models]


def table(rows: Sequence[Program]) -> Table:
    """The rows for people."""

    def cells(row: Program) -> tuple[str, ...]:
        seconds = (row.trace, row.torch, row.enclosed, row.ratio, row.balls, row.gram, row.judgement)
        what = f"{row.model}, {row.parameters:,}, {row.tasks}"
        return what, *(f"{value:.3g}" for value in seconds), cell(row.megabytes, ".0f"), row.says

    title, first = "PyTorch models through their trace (seconds of processor time)", "model, parameters, tasks x points"
    headings = ("trace", "torch", "enclosed", "ratio", "balls", "Gram", "judgement", "MB")
    return listing(title, first, headings, map(cells, rows), "it says")
