"""The families as parameters of tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from metagap.impl.families import FAMILIES
from metagap.impl.family import Family


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
