"""Many meta-RL instances of one shape as float64 arrays: the unit of searching.

All numbers are float64 and therefore exact: `instance(b)` loses nothing but the rounding of rows that do not sum to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from flint import fmpq

from ..arithmetic import rational, to_float
from ..instances import Vector
from ..sources import Field, Kind
from .instance import Adaptation, Comparator, MetaRLInstance, Policies, PolicyInstance, Table, Task

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
        return len(self.features)

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

    def exact_features(self, b: int) -> tuple[Table, ...]:
        """The features of instance b."""
        return tuple(tuple(_exact(row) for row in rows) for rows in self.features[b])

    def rival_policies(self, b: int) -> Policies | None:
        """The comparator of instance b, if it is given by policies."""
        if self.policies is None:
            return None
        return Policies(tuple(tuple(_normalised(row) for row in policy) for policy in self.policies[b]))

    def instance(self, b: int) -> MetaRLInstance:
        """Instance b, exactly; rows that do not sum to 1 in floats are renormalised."""
        comparator: Comparator | None = self.rival_policies(b)
        if comparator is None:
            assert self.rival is not None
            comparator = _exact(self.rival[b])
        return MetaRLInstance(
            self.exact_features(b),
            self.tasks(b),
            rational(float(self.tau[b])),
            rational(float(self.eta[b])),
            self.adaptation,
            _exact(self.omega[b]),
            comparator,
            rational(float(self.radius[b])),
        )


def _exact(values: Array) -> Vector:
    return tuple(rational(float(v)) for v in values)


def _normalised(values: Array) -> Vector:
    exact = _exact(values)
    total = sum(exact, start=fmpq(0))
    return exact if total == 1 else tuple(v / total for v in exact)


def array(rows: Any) -> Array:
    """Rationals, in rows of any depth, as float64 for a batch of one (1, ...)."""
    return np.array(_floats(rows))[None]


def problem_of(instance: PolicyInstance) -> dict[str, Any]:
    """The fields of a batch of one that do not depend on the model."""
    tasks = instance.tasks
    return {
        "adaptation": instance.adaptation,
        "features": array(instance.features),
        "transitions": array([task.transitions for task in tasks]),
        "rewards": array([task.rewards for task in tasks]),
        "start": array([task.start for task in tasks]),
        "gamma": array([task.gamma for task in tasks]),
        "weights": array([task.weight for task in tasks]),
        "tau": array(instance.tau),
        "eta": array(instance.eta),
        "radius": array(instance.radius),
    }


def batch_of(instance: MetaRLInstance) -> Batch:
    """A batch of one: the instance rounded to float64."""
    policies = rival = None
    if isinstance(instance.comparator, Policies):
        policies = array(instance.comparator.values)
    else:
        rival = array(instance.comparator)
    return Batch(omega=array(instance.omega), rival=rival, policies=policies, **problem_of(instance))


def _floats(value: Any) -> Any:
    return to_float(value) if isinstance(value, fmpq) else [_floats(v) for v in value]
