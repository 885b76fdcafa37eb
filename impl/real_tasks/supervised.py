"""Real task families as instances: sinusoid regression, handwritten digits, diabetes. Needs the extra `real`.

Data ships with scikit-learn or is made; nothing is fetched. Features are small and scaled, numbers are rounded to a
dyadic grid so that instance files are exact and short. omega comes from MAML training.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from flint import fmpq

from ..extras import require
from ..losses import Loss
from ..sources import RealTasks, by_name
from ..supervised.adaptation import Adaptation, Gradient, Implicit
from ..supervised.instance import MetaSLInstance, Task
from ..supervised.training import train
from .data import DIGITS, FINN, even_tasks, images, label_means, law, told_apart
from .grid import against, rounded


def _problem(loss: Loss, adaptation: Adaptation, features: np.ndarray, tasks: tuple[Task, ...]) -> MetaSLInstance:
    zero = (fmpq(0),) * features.shape[1]
    return MetaSLInstance(loss, adaptation, tuple(rounded(row) for row in features), tasks, zero, zero, fmpq(1))


def _cases(label: str, instance: MetaSLInstance, start: Sequence[float]) -> list[tuple[str, MetaSLInstance]]:
    """MAML-trained, FOMAML-trained and untrained omega, against the other point and against label means."""
    trained = train(instance)
    other = train(instance, start=tuple(start), rounds=10, polish=False)
    first = train(instance, first_order=True)
    best, rival, zero = rounded(trained), rounded(other), (fmpq(0),) * instance.dimension
    return [
        (f"{label}; MAML-trained, against a briefly trained point", against(instance, best, rival)),
        (f"{label}; MAML-trained, against label means", against(instance, best, label_means(instance))),
        (f"{label}; FOMAML-trained, against the MAML-trained point", against(instance, rounded(first), best)),
        (f"{label}; untrained, against the MAML-trained point", against(instance, zero, best)),
    ]


def _small(label: str, instance: MetaSLInstance) -> list[tuple[str, MetaSLInstance]]:
    """MAML-trained and untrained omega of a problem with few parameters, so that its optimum can be searched."""
    best, zero = rounded(train(instance)), (fmpq(0),) * instance.dimension
    return [
        (f"{label}, {instance.dimension} parameters; MAML-trained", against(instance, best, zero)),
        (f"{label}, {instance.dimension} parameters; untrained", against(instance, zero, best)),
    ]


def sinusoid() -> tuple[tuple[str, MetaSLInstance], ...]:
    """Regression of y = A sin(x - b), A in [0.1, 5], b in [0, pi]; 6 tasks, 16 inputs in [-5, 5], 7 features."""
    require("torch")
    rng = np.random.default_rng(2006)
    inputs = np.linspace(-5, 5, 16)
    centres = np.linspace(-5, 5, 6)
    bumps = np.exp(-((inputs[:, None] - centres) ** 2) / 4)
    features = np.column_stack([np.ones(len(inputs)), bumps]) / 2
    amplitudes, phases = rng.uniform(0.1, 5, 6), rng.uniform(0, np.pi, 6)
    labels = [a * np.sin(inputs - b) for a, b in zip(amplitudes, phases, strict=True)]
    tasks = even_tasks([range(len(inputs))] * 6, labels)
    start = [0.5] * features.shape[1]
    cases = []
    for loss, name in ((Loss("squared"), "squared"), (Loss("pseudo-huber", fmpq(1)), "pseudo-Huber")):
        for steps in (1, 2):
            instance = _problem(loss, Gradient(fmpq(1, 2), steps), features, tasks)
            cases += _cases(f"{name}, {steps} step{'s' * (steps > 1)}", instance, start)
        waves = np.column_stack([np.ones(len(inputs)), np.sin(inputs), np.cos(inputs)]) / 2
        cases += _small(f"{name}, 1 step", _problem(loss, Gradient(fmpq(1, 2)), waves, tasks))
    return tuple(cases)


PAIRS = ((0, 1), (2, 3), (4, 9), (5, 6), (7, 8))
"""Digits that are told apart."""


def digits() -> tuple[tuple[str, MetaSLInstance], ...]:
    """Pairs of digits told apart by logistic loss: 5 tasks of 16 images each, 7 principal components and a constant."""
    rows, tasks = told_apart(PAIRS, 8)
    features = np.column_stack([np.ones(len(rows)), rows])
    start = [0.25] * features.shape[1]
    cases = []
    for adaptation, name in ((Gradient(fmpq(2)), "one step"), (Implicit(fmpq(1, 4)), "implicit")):
        cases += _cases(f"logistic, {name}", _problem(Loss("logistic"), adaptation, features, tasks), start)
    cases += _small("logistic, one step", _problem(Loss("logistic"), Gradient(fmpq(2)), features[:, :3], tasks))
    return tuple(cases)


SHOTS, QUERIES = 5, 6
"""The most images of each digit in a support, and those in a query."""


def _few_shot(
    images: np.ndarray, target: np.ndarray, loss: Loss, eta: fmpq, shots: int, components: int
) -> MetaSLInstance:
    """A task per pair of digits: that many images of each digit to adapt on, QUERIES others of each to be judged on,
    drawn by a fixed seed; principal components and a constant.
    """
    rng, kept, tasks = np.random.default_rng(1707), list[int](), []
    for low, high in PAIRS:
        drawn = [rng.permutation(np.flatnonzero(target == digit)) for digit in (low, high)]
        laws = []
        for part in (slice(shots), slice(SHOTS, SHOTS + QUERIES)):
            chosen = np.concatenate([of_one[part] for of_one in drawn])
            rows = range(len(kept), len(kept) + len(chosen))
            laws.append(law(rows, np.where(target[chosen] == high, 1.0, -1.0).tolist()))
            kept += chosen.tolist()
        support, query = laws
        tasks.append(Task(fmpq(1, len(PAIRS)), query, support))
    features = np.column_stack([np.ones(len(kept)), images[kept, :components]])
    return _problem(loss, Gradient(eta), features, tuple(tasks))


def few_shot() -> tuple[tuple[str, MetaSLInstance], ...]:
    """Pairs of digits from 1 or 5 images of each: 5 tasks that adapt on these and are judged on 12 others."""
    require("torch")
    drawn, cases = images(16), []
    for shots, components in ((1, 2), (SHOTS, 2), (SHOTS, 16)):
        for name, eta in (("logistic", fmpq(2)), ("squared", fmpq(1, 2))):
            instance = _few_shot(*drawn, Loss(name), eta, shots, components)
            label = f"{name}, {shots}-shot, {instance.dimension} parameters"
            best, zero = rounded(train(instance, rounds=10)), (fmpq(0),) * instance.dimension
            cases += [
                (f"{label}; MAML-trained", against(instance, best, zero)),
                (f"{label}; untrained", against(instance, zero, best)),
            ]
            if components == 2:
                first = rounded(train(instance, first_order=True))
                cases.append((f"{label}; FOMAML-trained", against(instance, first, best)))
    return tuple(cases)


def diabetes() -> tuple[tuple[str, MetaSLInstance], ...]:
    """Disease progression, patients grouped by age: 4 tasks of 16 patients, 5 measurements and a constant."""
    require("sklearn")
    from sklearn.datasets import load_diabetes

    data = load_diabetes()
    ages = data.data[:, 0]
    measurements = data.data[:, [2, 3, 4, 8, 9]]
    measurements = measurements / np.abs(measurements).max(0)
    target = (data.target - data.target.mean()) / data.target.std()
    order = np.argsort(ages, kind="stable")
    rows: list[np.ndarray] = []
    points, labels = [], []
    for group in np.array_split(order, 4):
        chosen = group[:: len(group) // 16][:16]
        points.append(range(len(rows), len(rows) + len(chosen)))
        rows += [measurements[i] for i in chosen]
        labels.append(target[chosen])
    features = np.column_stack([np.ones(len(rows)), np.array(rows)])
    tasks = even_tasks(points, labels)
    start = [0.5] * features.shape[1]
    cases = []
    losses = ((Loss("squared"), "squared"), (Loss("log-cosh"), "log-cosh"), (Loss("huber", fmpq(1)), "Huber"))
    for loss, name in losses:
        instance = _problem(loss, Gradient(fmpq(1, 2)), features, tasks)
        cases += _cases(f"{name}, one step", instance, start)
        cases += _small(f"{name}, one step", _problem(loss, Gradient(fmpq(1, 2)), features[:, :3], tasks))
    return tuple(cases)


REAL_TASKS = by_name(
    RealTasks("sinusoid", "Sinusoid regression", FINN, sinusoid),
    RealTasks("digits", "Handwritten digits", DIGITS, digits),
    RealTasks("few-shot", "Few-shot digits", DIGITS, few_shot),
    RealTasks("diabetes", "Diabetes", "scikit-learn load_diabetes (Efron et al. 2004)", diabetes),
)
