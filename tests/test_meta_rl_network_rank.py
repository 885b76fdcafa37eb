"""C3 for policies: what the differences between actions can span, the two engines' ranks, exact reasons."""

from __future__ import annotations

import numpy as np
import pytest
from flint import ctx
from metagap.impl.families import META_RL_NETWORK, META_RL_SMOOTH_NETWORK, Family
from metagap.impl.policies.generate import POLICY_STEPS
from metagap.impl.sources import RandomSource

FAMILIES = pytest.mark.parametrize("family", [META_RL_NETWORK, META_RL_SMOOTH_NETWORK], ids=lambda f: f.name)


@FAMILIES
@pytest.mark.parametrize("variant", POLICY_STEPS)
def test_tasks_that_share_choices_have_no_room(family: Family, variant: str) -> None:
    """The float engine's rank is at most (A - 1) times the states that are a choice of some task."""
    shared = tight = 0
    for seed in range(20):
        with np.errstate(all="ignore"):
            batch = family.generator("arbitrary").build(RandomSource((seed, 2), 4), variant)
            at = family.batch_quantities(batch)
            table, used = at._contrasted(at.meta_features), at._used
        for b in range(len(batch)):
            rows = table[b][used[b]]
            room = int(at._choices[b].any(0).sum()) * (batch.shape[2] - 1)
            if not len(rows) or not np.isfinite(rows).all():
                continue
            values = np.linalg.svd(rows, compute_uv=False)
            assert (values > 1e-9 * values[0]).sum() <= room
            shared += len(rows) > room
            tight += bool((values > 1e-9 * values[0]).sum() == room)
    assert shared >= 10
    assert tight >= 10


@pytest.mark.ci(every=2)
@FAMILIES
@pytest.mark.parametrize("variant", POLICY_STEPS)
def test_features_with_an_enclosed_inverse_are_never_called_dependent(family: Family, variant: str) -> None:
    independent = dependent = 0
    for name in ("arbitrary", "interpolating"):
        for seed in range(8):
            with np.errstate(all="ignore"):
                batch = family.generator(name).build(RandomSource((seed, 6), 2), variant)
            for b in range(len(batch)):
                with ctx.workprec(256):
                    at = family.quantities(batch.instance(b))
                    if not any(at._choices):  # type: ignore[attr-defined]
                        continue
                    full = len(at._contrast_span.pivots) == at._count  # type: ignore[attr-defined]
                    assert not (full and at._certainly_dependent())  # type: ignore[attr-defined]
                    independent += full
                    dependent += not full
    assert independent >= 10
    assert dependent >= 5
