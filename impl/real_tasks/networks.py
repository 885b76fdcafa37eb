"""Real tasks for networks: sinusoid regression and handwritten digits, MAML-trained at widths 2^4 to 2^12,
with softplus and tanh to 2^8; few-shot digits of three classes.

Inputs have length 1 or less and a constant coordinate, labels are small; W0 is Gaussian, N(0, I/d), from a fixed seed.
Data ships with scikit-learn or is made. Weights are rounded to multiples of 2^-20.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np
from flint import fmpq

from ..arithmetic import Array
from ..extras import require
from ..losses import Loss
from ..models.activation import ACTIVATIONS
from ..models.weights import Weights
from ..sources import RealTasks, by_name
from ..supervised.adaptation import Gradient
from ..supervised.instance import Atom, NetworkInstance, SmoothInstance, Task
from ..supervised.relu.training import train
from ..vector_losses import VectorLoss
from .data import DIGITS, FINN, even_tasks, images, label_means, told_apart
from .grid import distance, on_grid, rounded

WIDTHS, SMOOTH_WIDTHS = (16, 64, 256, 1024, 4096), (16, 64, 256)
ROUNDS = 60
"""Steps of training."""


def _network(loss: Loss, eta: fmpq, inputs: Array, tasks: tuple[Task, ...], width: int, seed: int) -> NetworkInstance:
    """An untrained network of the given width on the tasks."""
    rng = np.random.default_rng((seed, width))
    d = inputs.shape[1]
    initial = Weights(on_grid(rng.standard_normal((width, d)) / np.sqrt(d)))
    rows = tuple(map(rounded, inputs))
    signs = tuple(int(b) for b in rng.choice([-1, 1], loss.outputs * width))
    return NetworkInstance(loss, Gradient(eta), rows, tasks, signs, initial, initial, initial, fmpq(1))


def trained_cases(label: str, instance: NetworkInstance, rate: float) -> list[tuple[str, NetworkInstance]]:
    """The trained network against the label means (of several outputs the initial one), the initial against the
    trained one."""
    trained = Weights(on_grid(train(instance, rounds=ROUNDS, rate=rate)))
    radius = distance(trained.floats, instance.initial.floats)
    placed = replace(instance, omega=trained, radius=radius)
    several = instance.loss.outputs > 1
    rival, said = (instance.initial, "the initial network") if several else (label_means(instance), "label means")
    return [
        (f"{label}; trained, against {said}", replace(placed, comparator=rival)),
        (f"{label}; initial, against the trained network", replace(instance, comparator=trained, radius=radius)),
    ]


def cases_of(label: str, instance: NetworkInstance, rate: float) -> list[tuple[str, NetworkInstance]]:
    """The trained cases, and the trained network against the optimum of the network linearised at W0 over the same
    ball, where that is convex."""
    from ..optimum.networks.floor import (
        NotConvexError,  # these load scipy's optimisers, which every worker would wait for
    )
    from ..optimum.networks.linearised import linearised_optimum

    cases = trained_cases(label, instance, rate)
    placed = cases[0][1]
    with suppress(NotConvexError):
        best = linearised_optimum(placed, placed.radius).adapted
        cases.append((f"{label}; trained, against the linearised optimum", replace(placed, comparator=best)))
    return cases


def sinusoid_network(width: int) -> NetworkInstance:
    """An untrained network on the sinusoid tasks."""
    rng = np.random.default_rng(2006)
    places = np.sort(rng.uniform(-5, 5, (4, 8)), axis=1)
    amplitudes, phases = rng.uniform(0.1, 2, 4), rng.uniform(0, np.pi, 4)
    inputs = np.column_stack([places.ravel() / 5, np.sin(places.ravel()), np.ones(places.size)]) / np.sqrt(3)
    labels = [a * np.sin(x - b) for a, b, x in zip(amplitudes, phases, places, strict=True)]
    tasks = even_tasks([list(range(8 * i, 8 * i + 8)) for i in range(4)], labels)
    return _network(Loss("squared"), fmpq(1, 2), inputs, tasks, width, 11)


PAIRS = ((0, 1), (2, 3), (4, 9), (5, 6))
"""Digits that are told apart."""


def digits_network(width: int) -> NetworkInstance:
    """An untrained network on the digit tasks."""
    components, tasks = told_apart(PAIRS, 3)
    return _network(Loss("logistic"), fmpq(2), _inputs(components), tasks, width, 12)


def _inputs(components: Array) -> Array:
    """With a constant, and scaled to lengths of 1 or less."""
    inputs = np.column_stack([components, np.full(len(components), 0.5)])
    return inputs / np.sqrt((inputs**2).sum(1)).max()


WAYS = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (1, 4, 9))
"""Digits that are told apart in a task."""
QUERIES = 2
"""Images of each digit that a task is judged on."""


def few_shot_network(width: int) -> NetworkInstance:
    """An untrained network of three outputs: a task per three digits, an image of each to adapt on, others as query."""
    components, target = images(7)
    rng, rows, tasks = np.random.default_rng(1707), list[int](), []
    for digits in WAYS:
        support, query = [], []
        for c, digit in enumerate(digits):
            first, *others = rng.permutation(np.flatnonzero(target == digit))[: 1 + QUERIES].tolist()
            support.append((len(rows), c))
            query += [(len(rows) + 1 + k, c) for k in range(QUERIES)]
            rows += [first, *others]
        laws = [tuple(Atom(x, fmpq(c), fmpq(1, len(law))) for x, c in law) for law in (query, support)]
        tasks.append(Task(fmpq(1, len(WAYS)), *laws))
    return _network(VectorLoss("softmax", outputs=3), fmpq(2), _inputs(components[rows]), tuple(tasks), width, 13)


def few_shot(activation: str = "") -> tuple[tuple[str, NetworkInstance], ...]:
    """Three digits from one image of each, by softmax: 4 tasks that adapt on 3 images and are judged on 6 others."""
    require("torch")
    words, network = _with(activation, few_shot_network(64))
    return tuple(trained_cases(f"softmax, 3-way 1-shot, {words}width 64", network, 4.0))


def sinusoid(activations: Iterable[str] = ("",)) -> tuple[tuple[str, NetworkInstance], ...]:
    """Regression of y = A sin(x - b), A in [0.1, 2], b in [0, pi]: 4 tasks, 8 inputs each in [-5, 5]."""
    return _of_every_width("squared", sinusoid_network, 1.0, activations)


def digits(activations: Iterable[str] = ("",)) -> tuple[tuple[str, NetworkInstance], ...]:
    """Pairs of digits told apart by logistic loss: 4 tasks of 6 images each, 7 principal components and a constant."""
    return _of_every_width("logistic", digits_network, 4.0, activations)


def _of_every_width(
    loss: str, made: Callable[[int], NetworkInstance], rate: float, activations: Iterable[str]
) -> tuple[tuple[str, NetworkInstance], ...]:
    require("torch")
    cases = []
    for activation in activations:
        for width in SMOOTH_WIDTHS if activation else WIDTHS:
            words, network = _with(activation, made(width))
            cases += cases_of(f"{loss}, {words}width {width}", network, rate)
    return tuple(cases)


def _with(activation: str, network: NetworkInstance) -> tuple[str, NetworkInstance]:
    """The name of another activation than relu for a label, and the network with it."""
    return (f"{activation}, ", SmoothInstance.of(network, activation)) if activation else ("", network)


REAL_TASKS = by_name(
    RealTasks("sinusoid-network", "Sinusoid regression with networks", FINN, sinusoid),
    RealTasks("digits-network", "Handwritten digits with networks", DIGITS, digits),
    RealTasks("few-shot-network", "Few-shot digits with networks", DIGITS, few_shot),
)
SMOOTH_REAL_TASKS = by_name(
    RealTasks(
        "sinusoid-smooth-network", "Sinusoid regression with smooth networks", FINN, partial(sinusoid, ACTIVATIONS)
    ),
    RealTasks("digits-smooth-network", "Handwritten digits with smooth networks", DIGITS, partial(digits, ACTIVATIONS)),
    RealTasks("few-shot-smooth-network", "Few-shot digits with smooth networks", DIGITS, partial(few_shot, "tanh")),
)
