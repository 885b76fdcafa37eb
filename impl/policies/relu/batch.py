"""Many meta-RL instances with network policies of one shape as float64 arrays: the unit of searching."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ...arithmetic import rational
from ...models.batch import WEIGHTS
from ...models.weights import Weights
from ...sources import Field
from ..batch import PROCESSES, Array, Batch, array, problem_of
from ..instance import Policies
from .instance import PolicyNetworkInstance


@dataclass(frozen=True)
class PolicyNetworkBatch(Batch):
    """B instances: features (B, S, A, p) are the inputs, omega, rival and initial are (B, m, p), signs (B, m)."""

    signs: Array = field(kw_only=True)
    initial: Array = field(kw_only=True)

    fields: ClassVar[tuple[Field, ...]] = (*WEIGHTS, *PROCESSES)

    def instance(self, b: int) -> PolicyNetworkInstance:  # type: ignore[override]
        """Instance b, exactly."""
        comparator: Policies | Weights | None = self.rival_policies(b)
        if comparator is None:
            assert self.rival is not None
            comparator = Weights(self.rival[b])
        return PolicyNetworkInstance(
            self.exact_features(b),
            self.tasks(b),
            rational(float(self.tau[b])),
            rational(float(self.eta[b])),
            self.adaptation,
            Weights(self.omega[b]),
            comparator,
            rational(float(self.radius[b])),
            signs=tuple(int(v) for v in self.signs[b]),
            initial=Weights(self.initial[b]),
        )


def batch_of(instance: PolicyNetworkInstance) -> PolicyNetworkBatch:
    """A batch of one: the instance rounded to float64."""
    policies = rival = None
    if isinstance(instance.comparator, Policies):
        policies = array(instance.comparator.values)
    else:
        rival = instance.comparator.floats[None]
    return PolicyNetworkBatch(
        omega=instance.omega.floats[None],
        rival=rival,
        policies=policies,
        signs=np.array([instance.signs], dtype=float),
        initial=instance.initial.floats[None],
        **problem_of(instance),
    )
