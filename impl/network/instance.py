"""The network instance: meta-SL tasks, and a two-layer ReLU network f(x; W) = m^{-1/2} sum_r b_r relu(W_r'x).

Only W is trained; b is fixed. W0 is the initialisation, to which features "at initialisation" and the ball refer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from flint import fmpq

from ..instances import FORMAT, Instance, Vector
from ..losses import Loss
from ..meta_sl.instance import (
    Functions,
    Gradient,
    Task,
    adaptation_field,
    canonical_tasks,
    functions_field,
    loss_field,
    tasks_field,
)
from .weights import Weights

Comparator = Weights | Functions


@dataclass(frozen=True)
class NetworkInstance(Instance):
    """A meta-SL instance with a two-layer ReLU network, adapted by gradient steps.

    features (k, d) the inputs x, signs [m] the output weights b (+-1), initial (m, d) the W0, omega (m, d) the point
    under test, comparator (m, d) or functions (n, k), radius the R of the ball of directions.
    """

    loss: Loss
    adaptation: Gradient
    features: tuple[Vector, ...]
    tasks: tuple[Task, ...]
    signs: tuple[int, ...]
    initial: Weights
    omega: Weights
    comparator: Comparator
    radius: fmpq
    notes: tuple[str, ...] = field(default=(), compare=False)

    family = "network"

    @property
    def sigma(self) -> Any:
        """The smooth activation with its derivatives; None: relu, which has a kink."""
        return None

    @property
    def width(self) -> int:
        """m, the number of neurons."""
        return len(self.signs)

    @property
    def parameters(self) -> int:
        return self.width * len(self.features[0])

    @property
    def numbers(self) -> int:
        """How many numbers describe the instance."""
        atoms = sum(len(task.atoms) for task in self.tasks)
        d = len(self.features[0])
        return len(self.features) * d + 2 * atoms + len(self.tasks) + 3 * self.width * d

    @cached_property
    def canonical(self) -> NetworkInstance:
        """The same instance with equal atoms merged, massless atoms dropped and the rest sorted."""
        return replace(self, tasks=canonical_tasks(self.tasks), notes=())

    @property
    def _model(self) -> dict[str, str]:
        """What the instance file says of the model beside its weights."""
        return {"name": "relu-network"}

    def document(self, number: Callable[[fmpq], object]) -> dict[str, object]:
        """The fields of the instance file, each number written by `number`."""
        return self._document(number, lambda weights: weights.document(number))

    def _document(self, number: Callable[[fmpq], object], rows: Callable[[Weights], Any]) -> dict[str, object]:
        comparator: object
        if isinstance(self.comparator, Functions):
            comparator = functions_field(self.comparator, number)
        else:
            comparator = rows(self.comparator)
        sign = {b: number(fmpq(b)) for b in (1, -1)}
        return {
            "format": FORMAT,
            "problem": "meta-sl",
            "loss": loss_field(self.loss, number),
            "adaptation": adaptation_field(self.adaptation, number),
            "model": {**self._model, "b": [sign[b] for b in self.signs], "W0": rows(self.initial)},
            "features": [[number(v) for v in row] for row in self.features],
            "tasks": tasks_field(self.tasks, number),
            "omega": rows(self.omega),
            "comparator": comparator,
            "radius": number(self.radius),
        }

    def fractions(self) -> dict[str, object]:
        """What `document` gives with that writing; a million weights reach it without a rational for each."""
        return self._document(lambda q: f"{q.p}/{q.q}", Weights.fractions)
