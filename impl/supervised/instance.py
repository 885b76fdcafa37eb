"""Instances of supervised learning: tasks on a shared support, a loss, an adaptation, a model.

Models are linear, or two-layer networks f(x; W) = m^{-1/2} sum_r b_r sigma(W_r'x), of which only W is trained; W0 is
the initialisation, to which features "at initialisation" and the ball refer. Every number is an exact rational, so
that judging, hashing and writing lose nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from typing import Any, Self, overload

import numpy as np
from flint import fmpq

from ..arithmetic import Array, listed, rational, to_float
from ..instances import Instance, Vector
from ..losses import Loss
from ..models.activation import ACTIVATIONS, RELU, Activation
from ..models.weights import Weights
from .adaptation import Adaptation, Gradient
from .tables import Lazy
from .written import document_of


@dataclass(frozen=True)
class Atom:
    """A point of a task's law: support point x (an index), label y (a number, or c of them), mass p."""

    x: int
    y: Any
    p: fmpq


class Atoms(Lazy):
    """Atoms of one task: points [k], float64 labels [k], counts [k]; sorted, without equal ones.

    rows [total] says of each row that was given, in its order, which atom it is.
    """

    def __init__(self, points: Array, labels: Array, rows: Array) -> None:
        self.points, self.labels, self.rows = points, labels, rows
        self.counts, self.total = np.bincount(rows, minlength=len(points)), len(rows)

    @classmethod
    def of(cls, points: Array, labels: Array) -> Atoms:
        """Rows of equal mass: equal ones merged."""
        order = np.lexsort((labels, points))
        points, labels = points[order], labels[order]
        new = np.ones(len(points), dtype=bool)
        new[1:] = (points[1:] != points[:-1]) | (labels[1:] != labels[:-1])
        rows = np.empty(len(points), dtype=int)
        rows[order] = np.cumsum(new) - 1
        return cls(points[new], labels[new], rows)

    def __len__(self) -> int:
        return len(self.points)

    @overload
    def __getitem__(self, index: int) -> Atom: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Atom, ...]: ...
    def __getitem__(self, index: int | slice) -> Atom | tuple[Atom, ...]:
        if isinstance(index, slice):
            return tuple(self)[index]
        label, count = float(self.labels[index]), int(self.counts[index])
        return Atom(int(self.points[index]), rational(label), fmpq(count, self.total))

    def __iter__(self) -> Iterator[Atom]:
        mass = {int(c): fmpq(int(c), self.total) for c in np.unique(self.counts)}
        for x, y, c in zip(self.points.tolist(), self.labels.tolist(), self.counts.tolist(), strict=True):
            yield Atom(x, rational(y), mass[c])


@dataclass(frozen=True)
class Task:
    """A task: its weight q_i, its outer law D_i (the query), whose masses sum to 1, and its inner law D_i^s.

    support: the atoms of the law that the adaptation sees; None: the outer law itself
    """

    weight: fmpq
    atoms: Sequence[Atom]
    support: Sequence[Atom] | None = None

    @property
    def inner(self) -> Sequence[Atom]:
        """The atoms of the inner law."""
        return self.atoms if self.support is None else self.support

    @property
    def numbers(self) -> int:
        """How many numbers describe the task."""
        return 1 + 2 * len(self.atoms) + 2 * len(self.support or ())


def points(task: Task) -> list[int]:
    """The support points with mass in either law, sorted."""
    return sorted({atom.x for law in (task.atoms, task.inner) for atom in law if atom.p != 0})


@dataclass(frozen=True)
class Functions:
    """A comparator made of arbitrary functions: values[i][x] = h'_i at support point x; shape (n, k), or (n, k c)."""

    values: tuple[Vector, ...]


Comparator = Vector | Functions


def shape_of(columns: int, outputs: int) -> tuple[int, ...]:
    """(d,), or (c, d) with c > 1 outputs: a row per output."""
    return (columns,) if outputs == 1 else (outputs, columns)


@dataclass(frozen=True)
class MetaSLInstance(Instance):
    """A meta-SL instance with a linear model: h_theta(x) = features[x]' theta.

    features (k, d), tasks (n), omega (d,) the point under test, comparator (d,) or functions (n, k),
    radius the R of the ball of directions. `notes` says what the reader changed (it is no part of the
    identity of the instance). `canonical` merges equal atoms and sorts them.

    With c outputs h_theta(x) = Theta phi(x), and theta (c d,) has Theta's c rows one after the other. Component a at
    the point x is the lifted point x c + a, whose features are e_a (x) phi(x): `rows` (k c, c d).
    """

    loss: Loss
    adaptation: Adaptation
    features: Sequence[Vector]
    tasks: tuple[Task, ...]
    omega: Vector
    comparator: Comparator
    radius: fmpq
    notes: tuple[str, ...] = field(default=(), compare=False)

    family = "meta-sl"
    functional = Functions

    @property
    def dimension(self) -> int:
        """d, the number of parameters."""
        return len(self.omega)

    @property
    def parameters(self) -> int:
        return self.dimension

    @property
    def shape_of_omega(self) -> tuple[int, ...]:
        """Theta's; a flat list of it would not say in which order it is."""
        return shape_of(self.dimension // self.loss.outputs, self.loss.outputs)

    @property
    def numbers(self) -> int:
        """How many numbers describe the instance: the measure by which witnesses are called small."""
        columns = self.dimension // self.loss.outputs
        return len(self.features) * columns + 2 * self.dimension + sum(task.numbers for task in self.tasks)

    @cached_property
    def rows(self) -> Sequence[Vector]:
        """The features of the lifted points."""
        c, none = self.loss.outputs, (fmpq(0),)
        if c == 1:
            return self.features
        return tuple(none * (a * len(f)) + f + none * ((c - 1 - a) * len(f)) for f in self.features for a in range(c))

    @cached_property
    def canonical(self) -> MetaSLInstance:
        """The same instance with equal atoms merged, massless atoms dropped and the rest sorted."""
        tasks = canonical_tasks(self.tasks)
        return MetaSLInstance(
            self.loss, self.adaptation.canonical, self.features, tasks, self.omega, self.comparator, self.radius
        )

    def document(self, number: Callable[[fmpq], object]) -> dict[str, object]:
        """The fields of the instance file, each number written by `number`."""
        return document_of(self, number, {"name": "linear"}, partial(listed, number))


# --- what instances of every model share ---


def canonical_tasks(tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """The tasks with equal atoms merged, massless atoms dropped and the rest sorted; a support that is the outer law is
    none."""
    found = []
    for task in tasks:
        atoms = _canonical_atoms(task.atoms)
        support = None if task.support is None else _canonical_atoms(task.support)
        found.append(Task(task.weight, atoms, None if support == atoms else support))
    return tuple(found)


def _canonical_atoms(given: Sequence[Atom]) -> Sequence[Atom]:
    if isinstance(given, Atoms):
        return given
    atoms: list[Atom] = []
    for atom in sorted((a for a in given if a.p != 0), key=lambda a: (a.x, a.y)):
        if atoms and (atoms[-1].x, atoms[-1].y) == (atom.x, atom.y):
            atoms[-1] = Atom(atom.x, atom.y, atoms[-1].p + atom.p)
        else:
            atoms.append(atom)
    return tuple(atoms)


def laws_in_words(instance: Any) -> str:
    """What tasks adapt on, and what they are judged on."""
    if not split(instance):
        return "adapted and judged on the same rows"
    tasks = [task for task in instance.tasks if task.weight != 0]
    support, query = (sum(map(rows_of, laws)) for laws in ([t.inner for t in tasks], [t.atoms for t in tasks]))
    adapted = f"adapted on {support} support row{'s' * (support != 1)}"
    return f"{adapted}, judged on {query} query row{'s' * (query != 1)}"


def steps_in_words(adaptation: Gradient) -> str:
    """How many steps, at which rates, with what decay."""
    low, high = (to_float(end) for end in adaptation.span)
    rates = f"{high:.4g}" if low == high else f"rates {low:.4g} to {high:.4g}"
    decay = f" with weight decay {to_float(adaptation.decay):.4g}" if adaptation.decay != 0 else ""
    return f"{adaptation.steps} inner step{'s' * (adaptation.steps != 1)} of {rates}{decay}"


def both_laws(task: Task) -> list[tuple[int, fmpq, fmpq, fmpq]]:
    """The atoms (x, y) of either law of a canonical task, sorted, with their masses in the inner and the outer one."""
    inner, outer = ({(a.x, a.y): a.p for a in law} for law in (task.inner, task.atoms))
    keys = sorted({*inner, *outer})
    return [(x, y, inner.get((x, y), fmpq(0)), outer.get((x, y), fmpq(0))) for x, y in keys]


def rows_of(atoms: Sequence[Atom]) -> int:
    """Rows of a law, equal ones counted."""
    return atoms.total if isinstance(atoms, Atoms) else sum(1 for a in atoms if a.p != 0)


def all_rows(task: Task) -> int:
    """Rows of a task, those of a support of its own too."""
    return rows_of(task.atoms) + (0 if task.support is None else rows_of(task.support))


def split(instance: Any) -> bool:
    """Whether a task of positive weight adapts on another law than the one that it is judged on."""
    return any(task.support is not None and task.weight != 0 for task in instance.canonical.tasks)


NetworkComparator = Weights | Functions


@dataclass(frozen=True)
class NetworkInstance(Instance):
    """A meta-SL instance with a two-layer ReLU network, adapted by gradient steps; rates are those of W row by row.

    features (k, d) the inputs x, signs [m] the output weights b (+-1), initial (m, d) the W0, omega (m, d) the point
    under test, comparator (m, d) or functions (n, k), radius the R of the ball of directions.

    Of c outputs f_a(x; W) = m^{-1/2} sum_r b_ar sigma(W_r'x), all of the same neurons: signs [c m] are those of one
    output after the other, functions (n, k c), and component a at the point x is the lifted point x c + a.
    """

    loss: Loss
    adaptation: Gradient
    features: tuple[Vector, ...]
    tasks: tuple[Task, ...]
    signs: tuple[int, ...]
    initial: Weights
    omega: Weights
    comparator: NetworkComparator
    radius: fmpq
    notes: tuple[str, ...] = field(default=(), compare=False)

    family = "network"
    functional = Functions

    @property
    def sigma(self) -> Activation:
        """The activation with its derivatives."""
        return RELU

    @property
    def width(self) -> int:
        """m, the number of neurons."""
        return len(self.signs) // self.loss.outputs

    @property
    def output(self) -> tuple[tuple[int, ...], ...]:
        """b (c, m)."""
        return tuple(self.signs[r : r + self.width] for r in range(0, len(self.signs), self.width))

    @property
    def parameters(self) -> int:
        return self.width * len(self.features[0])

    @property
    def shape_of_omega(self) -> tuple[int, ...]:
        return self.initial.floats.shape

    def with_omega(self, numbers: Vector) -> Self:
        return replace(self, omega=Weights.shaped(numbers, self.width))

    @property
    def numbers(self) -> int:
        """How many numbers describe the instance."""
        d = len(self.features[0])
        return len(self.features) * d + sum(task.numbers for task in self.tasks) + 3 * self.width * d

    @cached_property
    def canonical(self) -> NetworkInstance:
        """The same instance with equal atoms merged, massless atoms dropped and the rest sorted."""
        return replace(self, tasks=canonical_tasks(self.tasks), adaptation=self.adaptation.canonical, notes=())

    @property
    def _model(self) -> dict[str, str]:
        """What the instance file says of the model beside its weights."""
        return {"name": "relu-network"}

    def document(self, number: Callable[[fmpq], object]) -> dict[str, object]:
        """The fields of the instance file, each number written by `number`."""
        sign = {b: number(fmpq(b)) for b in (1, -1)}
        signs = [[sign[b] for b in row] for row in self.output]
        b, initial = signs if len(signs) > 1 else signs[0], self.initial.document(number)
        model: dict[str, object] = {**self._model, "b": b, "W0": initial}
        return document_of(self, number, model, lambda weights: weights.document(number), self.width)


@dataclass(frozen=True)
class SmoothInstance(NetworkInstance):
    """A network instance with another activation than relu: a name of ACTIVATIONS."""

    activation: str = "softplus"

    family = "smooth-network"

    @classmethod
    def of(cls, network: NetworkInstance, activation: str) -> SmoothInstance:
        """The same weights and tasks with that activation."""
        return cls(**{f.name: getattr(network, f.name) for f in fields(NetworkInstance)}, activation=activation)

    @property
    def sigma(self) -> Activation:
        return ACTIVATIONS[self.activation]

    @property
    def _model(self) -> dict[str, str]:
        return {"name": "smooth-network", "activation": self.activation}
