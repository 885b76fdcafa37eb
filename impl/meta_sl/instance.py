"""The meta-SL instance: tasks on a shared support, a loss, an adaptation, a linear model.

Every number is an exact rational, so that judging, hashing and writing lose nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from flint import fmpq

from ..instances import FORMAT, Instance, Vector
from ..losses import Loss


@dataclass(frozen=True)
class Gradient:
    """Adaptation by `steps` gradient steps: theta <- theta - eta grad R_i(theta)."""

    eta: fmpq
    steps: int = 1
    name: str = field(default="gradient", init=False)


@dataclass(frozen=True)
class Implicit:
    """Adaptation by a proximal step: argmin R_i(t) + (strength/2) ||t - theta||^2 (iMAML; "lambda" in files)."""

    strength: fmpq
    name: str = field(default="implicit", init=False)


Adaptation = Gradient | Implicit


@dataclass(frozen=True)
class Atom:
    """A point of a task's law: support point x (an index), label y, mass p."""

    x: int
    y: fmpq
    p: fmpq


@dataclass(frozen=True)
class Task:
    """A task: its weight q_i and its law D_i, whose masses sum to 1."""

    weight: fmpq
    atoms: tuple[Atom, ...]


@dataclass(frozen=True)
class Functions:
    """A comparator made of arbitrary functions: values[i][x] = h'_i at support point x; shape (n, k)."""

    values: tuple[Vector, ...]


Comparator = Vector | Functions


@dataclass(frozen=True)
class MetaSLInstance(Instance):
    """A meta-SL instance with a linear model: h_theta(x) = features[x]' theta.

    features (k, d), tasks (n), omega (d,) the point under test, comparator (d,) or functions (n, k),
    radius the R of the ball of directions. `notes` says what the reader changed (it is no part of the
    identity of the instance). `canonical` merges equal atoms and sorts them.
    """

    loss: Loss
    adaptation: Adaptation
    features: tuple[Vector, ...]
    tasks: tuple[Task, ...]
    omega: Vector
    comparator: Comparator
    radius: fmpq
    notes: tuple[str, ...] = field(default=(), compare=False)

    family = "meta-sl"

    @property
    def dimension(self) -> int:
        """d, the number of parameters."""
        return len(self.omega)

    @property
    def numbers(self) -> int:
        """How many numbers describe the instance: the measure by which witnesses are called small."""
        atoms = sum(len(task.atoms) for task in self.tasks)
        return len(self.features) * self.dimension + 2 * atoms + len(self.tasks) + 2 * self.dimension

    @cached_property
    def canonical(self) -> MetaSLInstance:
        """The same instance with equal atoms merged, massless atoms dropped and the rest sorted."""
        tasks = []
        for task in self.tasks:
            atoms: list[Atom] = []
            for atom in sorted((a for a in task.atoms if a.p != 0), key=lambda a: (a.x, a.y)):
                if atoms and (atoms[-1].x, atoms[-1].y) == (atom.x, atom.y):
                    atoms[-1] = Atom(atom.x, atom.y, atoms[-1].p + atom.p)
                else:
                    atoms.append(atom)
            tasks.append(Task(task.weight, tuple(atoms)))
        return MetaSLInstance(
            self.loss, self.adaptation, self.features, tuple(tasks), self.omega, self.comparator, self.radius
        )

    def document(self, number: Callable[[fmpq], object]) -> dict[str, object]:
        """The fields of the instance file, each number written by `number`."""
        loss: dict[str, object] = {"name": self.loss.name}
        if self.loss.parameter is not None and self.loss.profile.parameter is not None:
            loss[self.loss.profile.parameter] = number(self.loss.parameter)
        adaptation: dict[str, object] = {"name": self.adaptation.name}
        if isinstance(self.adaptation, Gradient):
            adaptation |= {"eta": number(self.adaptation.eta), "steps": self.adaptation.steps}
        else:
            adaptation |= {"lambda": number(self.adaptation.strength)}
        comparator: object
        if isinstance(self.comparator, Functions):
            comparator = {"functions": [[number(v) for v in row] for row in self.comparator.values]}
        else:
            comparator = [number(v) for v in self.comparator]
        return {
            "format": FORMAT,
            "problem": "meta-sl",
            "loss": loss,
            "adaptation": adaptation,
            "model": {"name": "linear"},
            "features": [[number(v) for v in row] for row in self.features],
            "tasks": [
                {
                    "weight": number(task.weight),
                    "atoms": [{"x": a.x, "y": number(a.y), "p": number(a.p)} for a in task.atoms],
                }
                for task in self.tasks
            ],
            "omega": [number(v) for v in self.omega],
            "comparator": comparator,
            "radius": number(self.radius),
        }
