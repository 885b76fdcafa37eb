"""Rows of the engine that decides: linear meta-SL and meta-RL, instances judged per second.

Each is a new copy: nothing that was computed of it before is used again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...impl.families import META_RL, META_SL, judge
from ...impl.policies.generate import arbitrary as arbitrary_processes
from ...impl.policies.instance import MetaRLInstance
from ...impl.policies.optimum import maximise
from ...impl.sources import RandomSource
from ...impl.supervised.generate import arbitrary
from ...impl.supervised.instance import MetaSLInstance
from .rows import Row, installed


def _fitting(make: Callable[[int], Any], fits: Callable[[Any], bool], count: int) -> list[Any]:
    """The first instances of the batches that fit, by their seeds."""
    batches = filter(fits, map(make, itertools.count()))
    return list(itertools.islice((batch.instance(b) for batch in batches for b in range(len(batch))), count))


def ball_instances(count: int) -> list[MetaSLInstance]:
    """Generated instances with exactly n = 4, k = 5, d = 3, one label a point."""
    return _fitting(
        lambda seed: arbitrary(RandomSource(seed, 8), "log-cosh"),
        lambda batch: batch.shape == (4, 5, 1, 3) and batch.steps == 1,
        count,
    )


def process_instances(count: int) -> list[MetaRLInstance]:
    """Generated meta-RL instances with exactly n = 4, S = 5, A = 3, d = 3, KL step."""
    return _fitting(
        lambda seed: arbitrary_processes(RandomSource(seed, 8), "kl-step"),
        lambda batch: batch.shape == (4, 5, 3, 3),
        count,
    )


def line_instances(count: int) -> list[MetaRLInstance]:
    """Generated meta-RL instances with two actions and one parameter, 3 to 5 states, KL step."""
    return _fitting(
        lambda seed: arbitrary_processes(RandomSource((seed, 1), 1), "kl-step"),
        lambda batch: batch.shape[1] >= 3 and batch.shape[2:] == (2, 1) and batch.gamma.max() <= 0.9,
        count,
    )


def _process_rows() -> list[Row]:
    instances, lines = process_instances(16), line_instances(8)
    core = tuple(c for c in META_RL.claims if c.name == "meta-rl-lifted")
    group = "rigorous judging, meta-RL, n=4 S=5 A=3 d=3"
    return [
        Row(group, "lifted claim, balls", 16, lambda: [judge(replace(i), core) for i in instances]),
        Row(group, "all claims, balls", 16, lambda: [judge(replace(i)) for i in instances]),
        Row(
            "certified maximum, meta-RL, A=2 d=1, gap 1e-3",
            "policy boxes on the whole line",
            8,
            lambda: [maximise(i, gap=1e-3, seconds=10) for i in lines],
        ),
    ]


def rows() -> list[Row]:
    """The rows of both families."""
    instances = ball_instances(16)
    core = tuple(claim for claim in META_SL.claims if claim.name == "meta-sl-lifted")
    group = "rigorous judging, n=4 k=5 d=3"
    found = [
        Row(group, "lifted claim, balls", 16, lambda: [judge(replace(i), core) for i in instances]),
        Row(group, "all claims, balls", 16, lambda: [judge(replace(i)) for i in instances]),
    ]
    if installed("cvxpy"):
        from ...impl.oracles.convex import float_misfit

        found.append(Row(group, "one misfit by cvxpy, unproved", 16, lambda: [float_misfit(i) for i in instances]))
    return found + _process_rows()
