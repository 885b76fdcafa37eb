"""Many meta-RL instances of one shape as float64 arrays: the unit of searching.

All numbers are float64 and therefore exact: `instance(b)` loses nothing but the rounding of rows that do not sum to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from flint import fmpq

from ..arithmetic import nearest, rational, to_float
from ..instances import Vector
from ..models.batch import WEIGHTS
from ..models.weights import Weights
from ..sources import Field, Kind
from .instance import Adaptation, MetaRLInstance, Policies, PolicyInstance, PolicyNetworkInstance, Task

Array = np.ndarray


PROCESSES = (
    Field("features", Kind.REAL, ("state", "action", "dimension")),
    Field("rewards", Kind.REAL, ("task", "state", "action")),
    Field("transitions", Kind.SHARES, ("task", "state", "action", "next"), 1),
    Field("start", Kind.SHARES, ("task", "state"), 1),
    Field("policies", Kind.SHARES, ("task", "state", "action"), 1),
    Field("weights", Kind.SHARES, ("task",), 1),
    Field("gamma", Kind.UNIT, ("task",)),
    Field("tau", Kind.FACTOR),
    Field("eta", Kind.FACTOR),
    Field("radius", Kind.FACTOR),
)
"""The fields that do not depend on the policies' class."""


@dataclass(frozen=True)
class Batch:
    """B instances with the same adaptation and shape.

    features (B, S, A, d), transitions (B, n, S, A, S), rewards (B, n, S, A), start (B, n, S), gamma and weights (B, n),
    tau, eta and radius (B,), omega (B, d), and one of rival (B, d) the comparator's parameter, policies (B, n, S, A).
    """

    adaptation: Adaptation
    features: Array
    transitions: Array
    rewards: Array
    start: Array
    gamma: Array
    weights: Array
    tau: Array
    eta: Array
    omega: Array
    radius: Array
    rival: Array | None = None
    policies: Array | None = None

    fields: ClassVar[tuple[Field, ...]] = (
        Field("omega", Kind.REAL, ("dimension",)),
        Field("rival", Kind.REAL, ("dimension",)),
        *PROCESSES,
    )

    def __len__(self) -> int:
        return int(self.features.shape[0])

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, S, A, d)."""
        return (*self.rewards.shape[1:], self.features.shape[3])

    def against(self, *, rival: Array | None = None, policies: Array | None = None) -> Self:
        """The same problems with another comparator."""
        return replace(self, rival=rival, policies=policies)

    def take(self, chosen: Array | Sequence[int]) -> Self:
        """The instances of the given indices (or mask)."""
        picked: dict[str, Any] = {}
        for name, value in vars(self).items():
            picked[name] = value[chosen] if isinstance(value, np.ndarray) else value
        return type(self)(**picked)

    def tasks(self, b: int) -> tuple[Task, ...]:
        """The tasks of instance b; rows that do not sum to 1 in floats are renormalised."""
        weights = _normalised(self.weights[b])
        return tuple(
            Task(
                weights[i],
                rational(float(self.gamma[b, i])),
                tuple(tuple(_normalised(row) for row in rows) for rows in self.transitions[b, i]),
                tuple(_exact(row) for row in self.rewards[b, i]),
                _normalised(self.start[b, i]),
            )
            for i in range(self.shape[0])
        )

    def instance(self, b: int) -> PolicyInstance:
        """Instance b, exactly; rows that do not sum to 1 in floats are renormalised."""
        comparator: Any
        if self.policies is None:
            assert self.rival is not None
            comparator = self._parameter(self.rival[b])
        else:
            comparator = Policies(tuple(tuple(_normalised(row) for row in policy) for policy in self.policies[b]))
        return self._kind(b)(
            tuple(tuple(_exact(row) for row in rows) for rows in self.features[b]),
            self.tasks(b),
            rational(float(self.tau[b])),
            rational(float(self.eta[b])),
            self.adaptation,
            self._parameter(self.omega[b]),
            comparator,
            rational(float(self.radius[b])),
        )

    def _parameter(self, values: Array) -> Any:
        return _exact(values)

    def _kind(self, b: int) -> Callable[..., PolicyInstance]:
        return MetaRLInstance


@dataclass(frozen=True)
class NetworkBatch(Batch):
    """With networks: features (B, S, A, p) are the inputs, omega, rival and initial are (B, m, p), signs (B, m)."""

    signs: Array = field(kw_only=True)
    initial: Array = field(kw_only=True)
    activation: str = field(default="relu", kw_only=True)

    fields: ClassVar[tuple[Field, ...]] = (*WEIGHTS, *PROCESSES)

    def _parameter(self, values: Array) -> Weights:
        return Weights(values)

    def _kind(self, b: int) -> Callable[..., PolicyInstance]:
        signs, initial = tuple(int(v) for v in self.signs[b]), Weights(self.initial[b])
        return partial(PolicyNetworkInstance, signs=signs, initial=initial, activation=self.activation)


def _exact(values: Array) -> Vector:
    return tuple(rational(float(v)) for v in values)


def _normalised(values: Array) -> Vector:
    exact = _exact(values)
    total = sum(exact, start=fmpq(0))
    return exact if total == 1 else tuple(v / total for v in exact)


def _array(rows: Any) -> Array:
    """Rationals, in rows of any depth, as float64 for a batch of one (1, ...)."""
    return np.array(_floats(rows))[None]


def _of_rows(rows: Any, shares: Callable[[Vector], Sequence[float]]) -> Any:
    """Rows of any depth, each by `shares`."""
    return shares(rows) if isinstance(rows[0], fmpq) else [_of_rows(row, shares) for row in rows]


def _floats(value: Any) -> Any:
    return to_float(value) if isinstance(value, fmpq) else [_floats(v) for v in value]


def batch_of(instance: PolicyInstance, shares: Callable[[Vector], Sequence[float]] = nearest) -> Batch:
    """A batch of one: the instance rounded to float64, what sums to 1 by `shares`."""
    tasks, rival = instance.tasks, instance.comparator

    def summing(rows: Any) -> Array:
        return np.array(_of_rows(rows, shares))[None]

    shared: dict[str, Any] = {
        "adaptation": instance.adaptation,
        "features": _array(instance.features),
        "transitions": summing([task.transitions for task in tasks]),
        "rewards": _array([task.rewards for task in tasks]),
        "start": summing([task.start for task in tasks]),
        "gamma": _array([task.gamma for task in tasks]),
        "weights": summing([task.weight for task in tasks]),
        "tau": _array(instance.tau),
        "eta": _array(instance.eta),
        "radius": _array(instance.radius),
        "omega": _parameters(instance.omega),
        "rival": None if isinstance(rival, Policies) else _parameters(rival),
        "policies": summing(rival.values) if isinstance(rival, Policies) else None,
    }
    if not isinstance(instance, PolicyNetworkInstance):
        return Batch(**shared)
    signs, initial = np.array([instance.signs], dtype=float), instance.initial.floats[None]
    return NetworkBatch(**shared, signs=signs, initial=initial, activation=instance.activation)


def _parameters(value: Vector | Weights) -> Array:
    return value.floats[None] if isinstance(value, Weights) else _array(value)
