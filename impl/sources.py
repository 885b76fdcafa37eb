"""Where generated instances come from: the same generators for Hypothesis and for campaigns.

A generator asks a `Source` for choices and integers and builds a batch. `RandomSource` answers for a whole batch from a
seed; the source in `strategies` answers with what Hypothesis draws (a batch of one), so that a failure shrinks. A batch
says of its numbers what they are, so that a search can change them (`falsify.fields`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from .arithmetic import Array
from .instances import Instance

Option = TypeVar("Option")


class Kind(Enum):
    """What values a field may take."""

    REAL = "any number"
    FACTOR = "a number whose sign, or whose being 0, belongs to the problem"
    UNIT = "a number >= 0 and < 1; 0 belongs to the problem"
    SHARES = "numbers >= 0 that sum to 1; a 0 belongs to the problem"
    LABEL = "what the loss takes"


@dataclass(frozen=True)
class Field:
    """One array of a batch: its kind, what its axes count, and over how many of the last axes shares sum to 1.

    Nothing is cut off an axis of `entry`: its length belongs to a program.
    """

    name: str
    kind: Kind
    axes: tuple[str, ...] = ()
    span: int = 0


class Batch(Protocol):
    """Instances of one shape as float64 arrays."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Those that a search may change; one that is None is skipped."""

    def __len__(self) -> int: ...

    def instance(self, b: int) -> Instance:
        """Instance b, exactly."""
        ...


@dataclass(frozen=True)
class Arrays:
    """What batches have in common that are `features` (B, ...) and other arrays of B instances."""

    def __len__(self) -> int:
        return int(self.features.shape[0])  # type: ignore[attr-defined]

    def take(self, chosen: Array | Sequence[int]) -> Self:
        """The instances of the given indices (or mask)."""
        arrays = {name: value[chosen] for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return replace(self, **arrays)


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
        return options[len(options) - 1] if isinstance(options, range) else super().choose(options)  # type: ignore[return-value]


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
    wide: bool = True
    """Whether runs judge wide batches of it: not where bounds are attained by construction, which arrays leave open."""


@dataclass(frozen=True)
class Tasks:
    """Tasks of one's own: `make` takes a numpy random generator, and returns an instance, always of one family."""

    name: str
    title: str
    make: Callable[[np.random.Generator], Instance]


def tasks(title: str) -> Callable[[Callable[[np.random.Generator], Instance]], Tasks]:
    """Makes `Tasks` of the function below, which is named like it."""
    return lambda make: Tasks(make.__name__.replace("_", "-"), title, make)


class Listed(list[Instance]):
    """Instances that are no arrays: those of one's own tasks."""

    def instance(self, b: int) -> Instance:
        """The b-th of them."""
        return self[b]


@dataclass(frozen=True)
class RealTasks:
    """Real task families; `build` makes the instances, each with a name that says what differs, and describes them."""

    name: str
    title: str
    source: str
    build: Callable[[], Sequence[tuple[str, Instance]]]

    @property
    def description(self) -> str:
        """What `build` says of itself."""
        return (self.build.func if isinstance(self.build, partial) else self.build).__doc__ or ""


def by_name(*families: RealTasks) -> dict[str, RealTasks]:
    """Families of real tasks by their names."""
    return {family.name: family for family in families}
