"""The search's own quality: a planted false bound shrinks to the textbook case."""

from __future__ import annotations

import pytest
from flint import fmpq
from hypothesis import HealthCheck, Phase, find, settings
from metagap.impl.falsify import refute
from metagap.impl.shrink import shrink
from metagap.impl.strategies import instances
from metagap.impl.supervised.instance import MetaSLInstance
from metagap.impl.supervised.smaller import smaller
from metagap.theory.mutants.meta_sl import MUTANTS

HALF = next(m for m in MUTANTS if m.name == "half-constant")
DROPPED = next(m for m in MUTANTS if m.name == "no-stationarity-term")


def small(instance: MetaSLInstance) -> None:
    assert len(instance.tasks) == len(instance.features) == instance.dimension == 1
    assert len(instance.tasks[0].atoms) == 1
    numbers = [*instance.omega, instance.features[0][0], instance.tasks[0].atoms[0].y]
    assert all(abs(v) <= 4 and v.q <= 4 for v in numbers)


@pytest.mark.ci
@pytest.mark.parametrize("mutant", [HALF, DROPPED], ids=lambda m: m.name)
def test_hypothesis_shrinks_a_planted_falsehood_to_one_task_point_and_dimension(mutant: object) -> None:
    quiet = settings(
        max_examples=2000,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    found = find(instances("arbitrary"), lambda i: refute(mutant, i) is not None, settings=quiet)  # type: ignore[arg-type]
    small(found)


def test_the_greedy_shrinker_keeps_the_property_and_ends_small() -> None:
    quiet = settings(max_examples=500, database=None, derandomize=True, deadline=None, phases=[Phase.generate])
    start = find(
        instances("arbitrary", variants=("squared", "log-cosh")),
        lambda i: len(i.tasks) >= 2 and i.dimension >= 2 and refute(DROPPED, i) is not None,
        settings=settings(quiet, suppress_health_check=list(HealthCheck)),
    )
    ended = shrink(start, lambda i: refute(DROPPED, i) is not None, smaller)
    assert refute(DROPPED, ended) is not None
    assert ended.numbers < start.numbers
    small(ended)


def test_shrinking_never_leaves_the_valid_instances() -> None:
    quiet = settings(max_examples=50, database=None, derandomize=True, deadline=None, phases=[Phase.generate])
    start = find(
        instances("functions"),
        lambda i: len(i.tasks) >= 2,
        settings=settings(quiet, suppress_health_check=list(HealthCheck)),
    )
    seen = []

    def keeps(candidate: MetaSLInstance) -> bool:
        seen.append(candidate)
        assert sum((t.weight for t in candidate.tasks), start=fmpq(0)) == 1
        assert all(sum((a.p for a in t.atoms), start=fmpq(0)) == 1 for t in candidate.tasks)
        assert candidate.radius > 0
        return len(seen) % 3 == 0

    shrink(start, keeps, smaller)
    assert len(seen) > 10
