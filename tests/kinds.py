"""The families as parameters of tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from metagap.impl.families import FAMILIES, judge
from metagap.impl.family import Family
from metagap.impl.instances import Instance
from metagap.impl.sources import RandomSource
from metagap.theory.claim import Verdict


def families(which: Callable[[Family], Any] = lambda family: True) -> Any:
    """Those families, one after the other; where instances are traced, which takes a second each, in the ci profile."""
    rows = [
        pytest.param(family, id=name, marks=[pytest.mark.ci] if family.needs else [])
        for name, family in FAMILIES.items()
        if which(family)
    ]
    return pytest.mark.parametrize("family", rows)


def searched(family: Family) -> bool:
    """Whether an engine of its own searches in float64: the others' second opinion is PyTorch's (`test_traced`)."""
    return family.batch_quantities is not None


def built(family: Family, generator: str, variant: str, seed: int, count: int) -> list[Any]:
    """Instances of a generator."""
    with np.errstate(all="ignore"):
        batch = family.generator(generator).build(RandomSource((seed, 5), count), variant)
    return [batch.instance(b) for b in range(count)]


def no_claim_is_violated(instance: Instance) -> None:
    """Of those of its family."""
    for judged in judge(instance).claims:
        assert judged.verdict is not Verdict.VIOLATED, (judged.claim, judged.gap, judged.bound)
