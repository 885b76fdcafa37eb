"""Rows of the engine that decides: linear meta-SL and meta-RL, instances judged per second.

Each is a new copy: nothing that was computed of it before is used again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from ...impl.families import META_RL, META_SL
from ...impl.policies.generate import arbitrary as arbitrary_processes
from ...impl.policies.optimum import maximise
from ...impl.sources import RandomSource
from ...impl.supervised.generate import arbitrary
from .batches import in_balls
from .rows import Row, installed, lifted


def _generated(make: Callable[[int], Any], fits: Callable[[Any], bool], count: int) -> list[Any]:
    """The first instances of the batches that fit, by their seeds."""
    batches = filter(fits, map(make, itertools.count()))
    return list(itertools.islice((batch.instance(b) for batch in batches for b in range(len(batch))), count))


def rows() -> list[Row]:
    """The rows of both families: supervised with one label a point, processes with a KL step."""
    supervised = _generated(
        lambda seed: arbitrary(RandomSource(seed, 8), "log-cosh"),
        lambda batch: batch.shape == (4, 5, 1, 3) and batch.steps == 1,
        16,
    )
    processes = _generated(
        lambda seed: arbitrary_processes(RandomSource(seed, 8), "kl-step"),
        lambda batch: batch.shape == (4, 5, 3, 3),
        16,
    )
    lines = _generated(
        lambda seed: arbitrary_processes(RandomSource((seed, 1), 1), "kl-step"),
        lambda batch: batch.shape[1] >= 3 and batch.shape[2:] == (2, 1) and batch.gamma.max() <= 0.9,
        8,
    )
    found = []
    for family, group, instances in (
        (META_SL, "rigorous judging, n=4 k=5 d=3", supervised),
        (META_RL, "rigorous judging, meta-RL, n=4 S=5 A=3 d=3", processes),
    ):
        found += [in_balls(group, "lifted claim", instances, lifted(family)), in_balls(group, "all claims", instances)]
        if family is META_SL and installed("cvxpy"):
            from ...impl.oracles.convex import float_misfit

            found.append(Row(group, "one misfit by cvxpy, unproved", 16, lambda: [float_misfit(i) for i in supervised]))
    group, name = "certified maximum, meta-RL, A=2 d=1, gap 1e-3", "policy boxes on the whole line"
    return [*found, Row(group, name, len(lines), lambda: [maximise(i, gap=1e-3, seconds=10) for i in lines])]
