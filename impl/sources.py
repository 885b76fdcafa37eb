"""Where generated instances come from: the same generators for Hypothesis and for campaigns.

A generator asks a `Source` for choices and integers and builds a batch. `RandomSource` answers for a whole batch from a
seed; the source in `strategies` answers with what Hypothesis draws (a batch of one), so that a failure shrinks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from .arithmetic import Array
from .instances import Instance

Option = TypeVar("Option")


class Batch(Protocol):
    """Instances of one shape as float64 arrays."""

    def __len__(self) -> int: ...

    def instance(self, b: int) -> Instance:
        """Instance b, exactly."""
        ...


class Source(Protocol):
    """Where choices come from. `size` is the number of instances that are built at once."""

    size: int

    def choose(self, options: Sequence[Option]) -> Option:
        """One option for the whole batch; the first is the simplest."""
        ...

    def grid(self, shape: tuple[int, ...], low: int, high: int) -> Array:
        """Integers low..high as float64 (size, *shape); 0 is the simplest."""
        ...


class RandomSource:
    """A source of pseudo-random choices: a pure function of its seed."""

    def __init__(self, seed: int | Sequence[int], size: int) -> None:
        self.rng, self.size = np.random.default_rng(seed), size

    def choose(self, options: Sequence[Option]) -> Option:
        return options[int(self.rng.integers(len(options)))]

    def grid(self, shape: tuple[int, ...], low: int, high: int) -> Array:
        return self.rng.integers(low, high + 1, (self.size, *shape)).astype(float)


class FullSource(RandomSource):
    """The same, but every size (an option of a range) is the largest."""

    def choose(self, options: Sequence[Option]) -> Option:
        return super().choose(options[-1:] if isinstance(options, range) else options)


@dataclass(frozen=True)
class Limits:
    """Largest sizes of generated instances."""

    tasks: int = 4
    points: int = 5
    labels: int = 2
    dimension: int = 3
    states: int = 5
    actions: int = 3


SMALL = Limits()
"""The sizes of ordinary runs."""


@dataclass(frozen=True)
class Generator:
    """A family of instances: builds a batch of any of its variants (losses; or adaptations)."""

    name: str
    title: str
    build: Callable[..., Any]
    variants: tuple[str, ...]
    share: int = 1
    """Relative number of instances in a campaign."""


@dataclass(frozen=True)
class RealTasks:
    """Real task families; `build` makes the instances, each with a name that says what differs."""

    name: str
    title: str
    description: str
    source: str
    build: Callable[[], Sequence[tuple[str, Instance]]]
