"""Many meta-RL instances of one shape as float64 arrays: the unit of searching.

All numbers are float64 and therefore exact: `instance(b)` loses nothing but the rounding of rows that do not sum to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np

from ..arithmetic import Array, nearest, normalised, rationals
from ..instances import Vector
from ..models.batch import WEIGHTS
from ..models.weights import Weights
from ..sources import Arrays, Field, Kind
from .instance import Adaptation, MetaRLInstance, Policies, PolicyInstance, PolicyNetworkInstance, Task

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
class Batch(Arrays):
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

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, S, A, d)."""
        return (*self.rewards.shape[1:], self.features.shape[3])

    def against(self, *, rival: Array | None = None, policies: Array | None = None) -> Self:
        """The same problems with another comparator."""
        return replace(self, rival=rival, policies=policies)

    def tasks(self, b: int) -> tuple[Task, ...]:
        """The tasks of instance b; rows that do not sum to 1 in floats are renormalised."""
        weights = normalised(self.weights[b])
        return tuple(
            Task(
                weights[i],
                rationals(self.gamma[b, i]),
                tuple(tuple(normalised(row) for row in rows) for rows in self.transitions[b, i]),
                rationals(self.rewards[b, i]),
                normalised(self.start[b, i]),
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
            comparator = Policies(tuple(tuple(normalised(row) for row in policy) for policy in self.policies[b]))
        return self._kind(b)(
            rationals(self.features[b]),
            self.tasks(b),
            rationals(self.tau[b]),
            rationals(self.eta[b]),
            self.adaptation,
            self._parameter(self.omega[b]),
            comparator,
            rationals(self.radius[b]),
        )

    def _parameter(self, values: Array) -> Any:
        return rationals(values)

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


def batch_of(instance: PolicyInstance, shares: Callable[[Any], Array] = nearest) -> Batch:
    """A batch of one: the instance rounded to float64, rows that sum to 1 by `shares`."""
    tasks, rival = instance.tasks, instance.comparator
    shared: dict[str, Any] = {
        "adaptation": instance.adaptation,
        "features": nearest([instance.features]),
        "transitions": shares([[task.transitions for task in tasks]]),
        "rewards": nearest([[task.rewards for task in tasks]]),
        "start": shares([[task.start for task in tasks]]),
        "gamma": nearest([[task.gamma for task in tasks]]),
        "weights": shares([[task.weight for task in tasks]]),
        "tau": nearest([instance.tau]),
        "eta": nearest([instance.eta]),
        "radius": nearest([instance.radius]),
        "omega": _parameters(instance.omega),
        "rival": None if isinstance(rival, Policies) else _parameters(rival),
        "policies": shares([rival.values]) if isinstance(rival, Policies) else None,
    }
    if not isinstance(instance, PolicyNetworkInstance):
        return Batch(**shared)
    signs, initial = np.array([instance.signs], dtype=float), instance.initial.floats[None]
    return NetworkBatch(**shared, signs=signs, initial=initial, activation=instance.activation)


def _parameters(value: Vector | Weights) -> Array:
    return value.floats[None] if isinstance(value, Weights) else nearest([value])
