"""The headline for meta-RL: never violated, and never below what any parameter reaches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from metagap.impl.policies.generate import LANDSCAPES, landscapes
from metagap.impl.policies.headline import POLICIES
from metagap.impl.sources import RandomSource
from metagap.theory.claim import Verdict

FEW = settings(max_examples=max(settings().max_examples // 5, 1))


@FEW
@given(st.integers(0, 2**32))
@example(5643)  # ascent leaves a box around omega
@example(487040601)  # the supremum is a reward: its bounds differ in their last digits
def test_the_headline_is_never_violated(seed: int) -> None:
    with np.errstate(all="ignore"):
        instance = landscapes(RandomSource(seed, 1), LANDSCAPES.variants[0]).instance(0)
    found = POLICIES.study(instance)
    assert found.bracket.lower <= found.bracket.upper
    for finding in found.findings:
        assert finding.judged.verdict in (Verdict.PROVED, Verdict.EQUAL), finding.judged
        assert finding.judged.gap is not None
        assert finding.judged.gap.hi >= 0


@pytest.mark.ci
def test_points_where_ascent_stops_are_not_always_global() -> None:
    traps = 0
    for seed in range(24):
        instance = landscapes(RandomSource(seed, 1), LANDSCAPES.variants[0]).instance(0)
        traps += sum(f.spurious and f.kind == "where ascent stops" for f in POLICIES.study(instance).findings)
    assert traps > 0
