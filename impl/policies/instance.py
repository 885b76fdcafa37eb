"""The meta-RL instance: finite Markov decision processes, one class of policies, an adaptation of policies.

Every number is an exact rational. Values are normalised: V = (1 - gamma) E sum_t gamma^t r_t lies in [min r, max r].
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from flint import fmpq

from ..arithmetic import listed
from ..instances import FORMAT, Instance, Vector
from ..models.activation import ACTIVATIONS, Activation
from ..models.weights import Weights

Table = tuple[Vector, ...]


class Adaptation(StrEnum):
    """How the policy pi_theta(a|s) ~ exp(phi(s,a)'theta/tau) adapts to a task."""

    KL_STEP = "kl-step"
    """pi_i ~ pi_theta exp(eta Q_i): the KL-proximal step (mirror descent, PPO)."""
    GRADIENT = "gradient"
    """theta_i = theta + eta grad J_i(pi_theta): MAML's own step, on parameters."""
    RATIONAL_STEP = "rational-step"
    """pi_i ~ pi_theta (1 + eta Q_i): the first-order KL step, rational in its data."""


@dataclass(frozen=True)
class Task:
    """A task: its weight q_i and its decision process.

    gamma the discount in [0, 1), transitions (S, A, S) with rows that sum to 1, rewards (S, A), start (S,).
    """

    weight: fmpq
    gamma: fmpq
    transitions: tuple[Table, ...]
    rewards: Table
    start: Vector


@dataclass(frozen=True)
class Policies:
    """A comparator made of arbitrary policies, one per task: values (n, S, A), rows sum to 1."""

    values: tuple[Table, ...]


Comparator = Vector | Policies


@dataclass(frozen=True)
class PolicyInstance(Instance):
    """What meta-RL instances of every policy class share; omega and a parameter comparator are of that class.

    features (S, A, d), tasks (n), tau > 0 the temperature, eta the step size, omega the point under test, comparator a
    parameter or policies (n, S, A), radius the R of the ball of directions. `notes` says what the reader changed.
    """

    features: tuple[Table, ...]
    tasks: tuple[Task, ...]
    tau: fmpq
    eta: fmpq
    adaptation: Adaptation
    omega: Any
    comparator: Any
    radius: fmpq
    notes: tuple[str, ...] = field(default=(), compare=False)

    functional = Policies

    @property
    def shape(self) -> tuple[int, int, int]:
        """(S, A, d)."""
        return len(self.features), len(self.features[0]), len(self.features[0][0])

    @property
    def parameters(self) -> int:
        return self.shape[2]

    @property
    def numbers(self) -> int:
        """How many numbers describe the instance: the measure by which witnesses are called small."""
        states, actions, d = self.shape
        rows = len(self.tasks) * (states * actions * (states + 1) + states + 2)
        rival = len(self.tasks) * states * actions if isinstance(self.comparator, Policies) else self.parameters
        return states * actions * d + rows + self.parameters + rival

    @property
    def canonical(self) -> Self:
        """The instance itself, without notes: nothing can be written in two ways."""
        return replace(self, notes=()) if self.notes else self

    @abstractmethod
    def model(self, number: Callable[[fmpq], object]) -> dict[str, object]:
        """The file's field model."""

    @abstractmethod
    def parameter(self, value: Any, number: Callable[[fmpq], object]) -> list[Any]:
        """A parameter as the file has it."""

    def document(self, number: Callable[[fmpq], object]) -> dict[str, object]:
        """The fields of the instance file, each number written by `number`."""
        rival = self.comparator
        policies = {"policies": listed(number, rival.values)} if isinstance(rival, Policies) else None
        return {
            "format": FORMAT,
            "problem": "meta-rl",
            "model": self.model(number),
            "features": listed(number, self.features),
            "tasks": [
                {
                    "weight": number(task.weight),
                    "gamma": number(task.gamma),
                    "P": listed(number, task.transitions),
                    "r": listed(number, task.rewards),
                    "start": listed(number, task.start),
                }
                for task in self.tasks
            ],
            "tau": number(self.tau),
            "eta": number(self.eta),
            "adaptation": {"name": self.adaptation.value},
            "omega": self.parameter(self.omega, number),
            "comparator": policies or self.parameter(rival, number),
            "radius": number(self.radius),
        }


@dataclass(frozen=True)
class MetaRLInstance(PolicyInstance):
    """A meta-RL instance with energy-based linear policies: omega (d,), comparator (d,) or policies (n, S, A)."""

    omega: Vector
    comparator: Comparator

    family = "meta-rl"

    def model(self, number: Callable[[fmpq], object]) -> dict[str, object]:
        return {"name": "linear"}

    def parameter(self, value: Vector, number: Callable[[fmpq], object]) -> list[Any]:
        return listed(number, value)


@dataclass(frozen=True)
class PolicyNetworkInstance(PolicyInstance):
    """With a two-layer network: pi_W(a|s) ~ exp(f(x(s,a); W)/tau), f = m^{-1/2} sum_r b_r sigma(W_r'x).

    features (S, A, p) the inputs x(s,a), signs [m] the output weights b (+-1), fixed, initial (m, p) the W0 to which
    features "at initialisation" refer, omega (m, p), comparator (m, p) or policies (n, S, A), adapted by a step on
    policies; activation "relu" or a name of ACTIVATIONS.
    """

    omega: Weights
    comparator: Weights | Policies
    signs: tuple[int, ...] = field(kw_only=True)
    initial: Weights = field(kw_only=True)
    activation: str = field(default="relu", kw_only=True)

    @property
    def family(self) -> str:  # type: ignore[override]
        """The name of its family of problems."""
        return "meta-rl-network" if self.sigma is None else "meta-rl-smooth-network"

    @property
    def sigma(self) -> Activation | None:
        """The smooth activation with its derivatives; None: relu, which has a kink."""
        return ACTIVATIONS.get(self.activation)

    @property
    def width(self) -> int:
        """m, the number of neurons."""
        return len(self.signs)

    @property
    def parameters(self) -> int:
        return self.width * self.shape[2]

    @property
    def shape_of_omega(self) -> tuple[int, ...]:
        return self.initial.floats.shape

    def with_omega(self, numbers: Vector) -> Self:
        return replace(self, omega=Weights.shaped(numbers, self.width))

    def model(self, number: Callable[[fmpq], object]) -> dict[str, object]:
        weights = {"b": [number(fmpq(b)) for b in self.signs], "W0": self.initial.document(number)}
        if self.sigma is None:
            return {"name": "relu-network", **weights}
        return {"name": "smooth-network", "activation": self.activation, **weights}

    def parameter(self, value: Weights, number: Callable[[fmpq], object]) -> list[Any]:
        return value.document(number)
