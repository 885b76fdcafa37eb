"""Generators: valid by construction, exact, varied, and repeatable."""

from __future__ import annotations

import numpy as np
import pytest
from flint import fmpq
from metagap.impl import files
from metagap.impl.families import META_SL, loads
from metagap.impl.sources import Generator, RandomSource
from metagap.impl.supervised.draws import CONVEX_LOSSES, draw_masses
from metagap.impl.supervised.generate import GENERATORS, arbitrary


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("generator", GENERATORS, ids=lambda g: g.name)
def test_instances_are_valid_files(generator: Generator) -> None:
    """Nothing is filtered: every generated instance passes the reader's validation."""
    for position, loss in enumerate(generator.variants):
        batch = generator.build(RandomSource((1, position), 8), loss)
        for b in range(len(batch)):
            instance = batch.instance(b)
            assert loads(files.dumps(instance)) == instance
            assert sum((t.weight for t in instance.tasks), start=fmpq(0)) == 1
            assert all(sum((a.p for a in t.atoms), start=fmpq(0)) == 1 for t in instance.tasks)


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda g: g.name)
def test_a_seed_is_a_pure_description(generator: Generator) -> None:
    first, second = (generator.build(RandomSource(4, 5), generator.variants[0]) for _ in range(2))
    assert [first.instance(b).sha256 for b in range(5)] == [second.instance(b).sha256 for b in range(5)]


def test_structure_is_covered() -> None:
    """Shapes, conflicting and repeated data, tiny weights, steps from 0 to far beyond 1/L, all adaptations."""
    shapes, steps, ranks, tiny, beyond, shared = set(), set(), set(), 0, 0, 0
    for seed in range(120):
        batch = arbitrary(RandomSource(seed, 4), CONVEX_LOSSES[seed % len(CONVEX_LOSSES)])
        n, k, _, d = batch.shape
        shapes.add((n, k, d))
        steps.add(batch.steps)
        ranks.add(tuple(int(np.linalg.matrix_rank(f)) - min(k, d) for f in batch.features))
        tiny += bool(((batch.weights > 0) & (batch.weights < 1e-5)).any())
        size = (batch.features**2).sum(2).max(1)
        beyond += bool((batch.steps == 1) and (batch.rate * size > 2).any())
        shared += bool(n > 1 and (batch.masses[:, :2].sum(3).min(1) > 0).any())
    assert {s[0] for s in shapes} == {1, 2, 3, 4}
    assert {s[1] for s in shapes} == {1, 2, 3, 4, 5}
    assert {s[2] for s in shapes} == {1, 2, 3}
    assert steps == {0, 1, 2, 3}
    assert any(min(r) < 0 for r in ranks)
    assert min(tiny, beyond, shared) >= 5


def test_tangent_comparators_of_what_overflows_have_a_radius() -> None:
    """Three steps of a Poisson loss overflow, and with them the slope along which the comparator would lie."""
    with np.errstate(all="ignore"):
        batch = META_SL.generator("rates").build(RandomSource((78, 243), 32), "poisson")
    assert all(batch.instance(b).radius > 0 for b in range(len(batch)))


def test_tasks_share_all_inputs_or_some() -> None:
    found = {tuple((draw_masses(RandomSource(seed, 1), 2, 4, 1)[0, :, :, 0] > 0).ravel()) for seed in range(30)}
    every, some = (True,) * 8, (True, False, True, False, False, True, False, True)
    assert {every, some} <= found
