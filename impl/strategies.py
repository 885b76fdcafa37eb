"""Hypothesis strategies: instances that are valid by construction and shrink to the textbook case.

The generators are those of `generate`; here Hypothesis answers their questions. Integers shrink to 0, choices
to the first option: a failure ends at one task, one point, one dimension and small numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import strategies as st

from .floats.batch import Array, Batch
from .generate import CONVEX_LOSSES, GENERATORS, Generator, Limits, Option
from .instances import Instance


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
    losses: Sequence[str] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Batch:
    """Batches of one instance from the named generator."""
    chosen: Generator = next(g for g in GENERATORS if g.name == generator)
    loss = draw(st.sampled_from(tuple(losses or chosen.losses)))
    return chosen.build(DrawnSource(draw), loss, limits)


def instances(
    generator: str = "arbitrary",
    losses: Sequence[str] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> st.SearchStrategy[Instance]:
    """Instances from the named generator."""
    return batches(generator, losses, limits).map(lambda batch: batch.instance(0))


def any_instance(losses: Sequence[str] = CONVEX_LOSSES) -> st.SearchStrategy[Instance]:
    """Instances from every generator that takes all losses."""
    names = [g.name for g in GENERATORS if g.losses == CONVEX_LOSSES]
    return st.one_of([instances(name, losses) for name in names])
