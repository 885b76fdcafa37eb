"""The default driver: an evolution strategy on whole batches, started from the family's generators."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..arithmetic import Array
from .fields import joined
from .perturb import perturb

Visit = Callable[[Any], Array]
"""Evaluates a batch (B,) and remembers what matters; raises `Enough` when the search is over."""

SCREEN = 4
"""Starts that are looked at for one that is evolved."""

PATIENCE = 15
"""Generations without progress after which one is left."""

STEPS = (1e-7, 1.0)
"""Step sizes stay within these."""


class Enough(BaseException):
    """The search is over: not an Exception, so that nothing on the way takes it for a failure."""


def evolution(starts: Iterator[Any], visit: Visit, rng: np.random.Generator, population: int = 128) -> None:
    """(population/16 + population)-selection with a step size of its own for every instance.

    Of every `SCREEN` starts, all are looked at and one is evolved, whichever: the best one would always be a tight one
    of the same kind. It is left when the distance of its best value from 1 has not shrunk by a hundredth in `PATIENCE`
    generations.
    """
    while True:
        screened = list(itertools.islice(starts, SCREEN))
        if not screened:
            return
        seen = [visit(start) for start in screened]
        chosen = rng.integers(len(screened))
        elite, values = screened[chosen], seen[chosen]
        steps = np.full(len(elite), 0.3)
        stale, best = 0, float(values.max())
        while stale < PATIENCE and np.isfinite(best):
            order = np.argsort(-values)[: max(population // 16, 2)]
            elite, values, steps = elite.take(order), values[order], steps[order]
            parent = rng.integers(len(elite), size=population)
            reach = np.clip(steps[parent] * np.exp(0.7 * rng.standard_normal(population)), *STEPS)
            children = perturb(elite.take(parent), rng, reach)
            found = visit(children)
            elite, values, steps = joined(elite, children), np.append(values, found), np.append(steps, reach)
            top = float(values.max())
            stale = 0 if abs(1 - top) < 0.99 * abs(1 - best) else stale + 1
            best = top
