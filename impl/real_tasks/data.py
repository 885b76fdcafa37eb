"""Data of real tasks, which ships with scikit-learn or is made: rows as tasks, handwritten digits, means of labels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from flint import fmpq

from ..arithmetic import Array
from ..extras import require
from ..supervised.instance import Atom, Functions, Task
from .grid import rounded

FINN = "MAML's own example (Finn, Abbeel, Levine, ICML 2017), data made here"
DIGITS = "scikit-learn load_digits (UCI)"


def law(points: Sequence[int], labels: Sequence[float] | Array) -> tuple[Atom, ...]:
    """Uniform atoms at those rows of the features."""
    return tuple(Atom(int(x), y, fmpq(1, len(points))) for x, y in zip(points, rounded(labels), strict=True))


def even_tasks(points: Sequence[Sequence[int]], labels: Sequence[Sequence[float] | Array]) -> tuple[Task, ...]:
    """Uniform tasks with uniform atoms: points[i] are rows of the features, labels[i] their labels."""
    return tuple(Task(fmpq(1, len(points)), law(*pair)) for pair in zip(points, labels, strict=True))


@lru_cache(4)
def images(components: int) -> tuple[Array, Array]:
    """Principal components of the handwritten digits in [-1, 1], and the digits. Errors: MissingExtraError."""
    require("sklearn")
    from sklearn.datasets import load_digits
    from sklearn.decomposition import PCA

    data = load_digits()
    found = PCA(n_components=components, svd_solver="full", random_state=0).fit_transform(data.data)
    return found / np.abs(found).max(), data.target


def told_apart(pairs: Sequence[tuple[int, int]], each: int) -> tuple[Array, tuple[Task, ...]]:
    """A task per pair of digits, labels -1 and 1, by so many images of each: seven principal components, the tasks."""
    components, target = images(7)
    chosen = [np.concatenate([np.flatnonzero(target == digit)[:each] for digit in pair]) for pair in pairs]
    labels = [np.where(target[own] == high, 1.0, -1.0) for own, (_, high) in zip(chosen, pairs, strict=True)]
    points = np.arange(2 * each * len(pairs)).reshape(len(pairs), -1).tolist()
    return components[np.concatenate(chosen)], even_tasks(points, labels)


def label_means(instance: Any) -> Functions:
    """Per task, the mean label at each support point (0 where there is none): functions that no model need reach."""
    rows = []
    for task in instance.tasks:
        sums, masses = ([fmpq(0)] * len(instance.features) for _ in range(2))
        for atom in task.atoms:
            sums[atom.x] += atom.p * atom.y
            masses[atom.x] += atom.p
        rows.append(tuple(s / m if m != 0 else fmpq(0) for s, m in zip(sums, masses, strict=True)))
    return Functions(tuple(rows))
