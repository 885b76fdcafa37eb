"""Many network instances of one shape as float64 arrays: the unit of searching."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from ...arithmetic import nearest, rational, to_float
from ...losses import Loss
from ...models.activation import ACTIVATIONS, RELU, Activation
from ...models.batch import WEIGHTS
from ...models.weights import Weights
from ...sources import Field, Kind
from ..batch import (
    TASKS,
    Shares,
    functions_at,
    laws_of,
    shaped_functions,
    steps_at,
    steps_of,
    tasks_at,
    values_of,
    with_outputs,
)
from ..instance import Functions, NetworkComparator, NetworkInstance, SmoothInstance

Array = np.ndarray


@dataclass(frozen=True)
class NetworkBatch:
    """B instances with the same loss, shape and number of steps.

    features (B, k, d) the inputs, labels and masses (B, n, k, l), weights (B, n), signs (B, c, m), initial and omega
    (B, m, d), rate (B,) the step size, radius (B,), and one of rival (B, m, d), functions (B, n, k). support_labels and
    support_masses (B, n, k, l) the inner laws, None: they are the outer ones. rates (B, m, d) factors of the step size,
    None: 1; decay (B,), None: 0. Of c outputs labels and functions have an axis of components, the last one.
    """

    loss: Loss
    rate: Array
    features: Array
    labels: Array
    masses: Array
    weights: Array
    signs: Array
    initial: Array
    omega: Array
    radius: Array
    rival: Array | None = None
    functions: Array | None = None
    steps: int = 1
    activation: str | None = None
    """A name of ACTIVATIONS; None: relu."""
    support_labels: Array | None = None
    support_masses: Array | None = None
    rates: Array | None = None
    decay: Array | None = None

    @property
    def fields(self) -> tuple[Field, ...]:
        """What its numbers are."""
        rates = Field("rates", Kind.REAL, ("neuron", "dimension"))
        own = (*WEIGHTS, rates, Field("features", Kind.REAL, ("point", "dimension")), *TASKS)
        return with_outputs(own, self.loss.outputs)

    def __len__(self) -> int:
        return int(self.features.shape[0])

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """(n, k, l, m, d)."""
        return (*self.masses.shape[1:], *self.omega.shape[1:])

    @property
    def sigma(self) -> Activation:
        """The activation with its derivatives."""
        return RELU if self.activation is None else ACTIVATIONS[self.activation]

    def against(self, *, rival: Array | None = None, functions: Array | None = None) -> Self:
        """The same problems with another comparator; functions may be (B, n, k c)."""
        return replace(self, rival=rival, functions=shaped_functions(self, functions))

    def take(self, chosen: Array | Sequence[int]) -> Self:
        """The instances of the given indices (or mask)."""
        picked: dict[str, Any] = {}
        for name in ("signs", "initial", *(field.name for field in self.fields)):
            value = getattr(self, name)
            picked[name] = None if value is None else value[chosen]
        return replace(self, **picked)

    def instance(self, b: int) -> NetworkInstance:
        """Instance b, exactly."""
        comparator: NetworkComparator
        if self.functions is not None:
            comparator = functions_at(self.functions[b])
        else:
            assert self.rival is not None
            comparator = Weights(self.rival[b])
        network = NetworkInstance(
            self.loss,
            steps_at(self, b),
            tuple(tuple(rational(float(v)) for v in row) for row in self.features[b]),
            tasks_at(self, b),
            tuple(int(v) for v in self.signs[b].flat),
            Weights(self.initial[b]),
            Weights(self.omega[b]),
            comparator,
            rational(float(self.radius[b])),
        )
        return network if self.activation is None else SmoothInstance.of(network, self.activation)


def batch_of(instance: NetworkInstance, shares: Shares = nearest) -> NetworkBatch:
    """A batch of one: the instance rounded to float64, what sums to 1 by `shares`."""
    canonical = instance.canonical
    steps, functions, rival = steps_of(canonical.adaptation), None, None
    rates = steps["rates"]
    if isinstance(canonical.comparator, Functions):
        functions = values_of(canonical.comparator)
    else:
        rival = canonical.comparator.floats[None]
    return NetworkBatch(
        loss=canonical.loss,
        features=np.array([[[to_float(v) for v in row] for row in canonical.features]]),
        signs=np.array([canonical.output], dtype=float),
        initial=canonical.initial.floats[None],
        omega=canonical.omega.floats[None],
        radius=np.array([to_float(canonical.radius)]),
        activation=canonical.activation if isinstance(canonical, SmoothInstance) else None,
        **(steps | {"rates": None if rates is None else rates.reshape(1, canonical.width, -1)}),
        **laws_of(canonical.loss, canonical.tasks, len(canonical.features), shares),
    ).against(rival=rival, functions=functions)
