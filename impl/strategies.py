"""Hypothesis strategies: instances that are valid by construction and shrink to the textbook case.

The generators are those of `generate`; here Hypothesis answers their questions. Integers shrink to 0, choices
to the first option: a failure ends at one task, one point, one dimension and small numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import strategies as st

from .families import META_SL, Family
from .sources import SMALL, Array, Limits, Option


class DrawnSource:
    """A source whose choices Hypothesis draws: a batch of one."""

    size = 1

    def __init__(self, draw: Callable[[st.SearchStrategy[object]], object]) -> None:
        self._draw = draw

    def choose(self, options: Sequence[Option]) -> Option:
        return self._draw(st.sampled_from(options))  # type: ignore[return-value]

    def grid(self, shape: tuple[int, ...], low: int, high: int) -> Array:
        elements = st.integers(low, high)
        fill = st.just(0) if low <= 0 <= high else st.just(low)
        drawn = self._draw(hnp.arrays(np.int64, (1, *shape), elements=elements, fill=fill))
        return np.asarray(drawn, dtype=float)


@st.composite
def batches(
    draw: Callable[[st.SearchStrategy[object]], object],
    generator: str = "arbitrary",
    variants: Sequence[str] | None = None,
    limits: Limits = SMALL,
    family: Family = META_SL,
) -> Any:
    """Batches of one instance from the named generator of a family."""
    chosen = family.generator(generator)
    variant = draw(st.sampled_from(tuple(variants or chosen.variants)))
    return chosen.build(DrawnSource(draw), variant, limits)


def instances(
    generator: str = "arbitrary",
    variants: Sequence[str] | None = None,
    limits: Limits = SMALL,
    family: Family = META_SL,
) -> st.SearchStrategy[Any]:
    """Instances from the named generator of a family."""
    return batches(generator, variants, limits, family).map(lambda batch: batch.instance(0))
