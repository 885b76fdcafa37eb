"""FrozenLake with softplus policies, trained at widths 4 and 16: as with ReLU policies. Needs the extra `real`."""

from __future__ import annotations

from dataclasses import replace

from ..policies.instance import PolicyInstance
from ..sources import RealTasks, by_name
from .policies import LAKE
from .policy_networks import cases, lakes, one_lake

WIDTHS = (4, 16)


def frozen_lake() -> tuple[tuple[str, PolicyInstance], ...]:
    """FrozenLake 4x4, 3 tasks that differ in slip, KL step, eta = 8, softplus policies of 4 and 16 neurons."""
    found: list[tuple[str, PolicyInstance]] = []
    for width in WIDTHS:
        start, best = lakes(width)
        found += cases(replace(start, activation="softplus"), best)
    return tuple(found)


def frozen_lake_alone() -> tuple[tuple[str, PolicyInstance], ...]:
    """One FrozenLake 4x4 (success 2/3), KL step, eta = 8, 16 softplus neurons, no opposite inputs: C3 applies."""
    start, best = one_lake(16)
    return tuple(cases(replace(start, activation="softplus"), best))


REAL_TASKS = by_name(
    RealTasks("frozen-lake-smooth-network", "FrozenLake, softplus network policies", LAKE, frozen_lake),
    RealTasks("frozen-lake-alone-smooth-network", "One FrozenLake, softplus network policies", LAKE, frozen_lake_alone),
)
