"""Many instances of one shape as float64 arrays: the unit of searching.

Every task may have up to `l` labels at every one of the `k` support points; a mass of 0 is no atom. All
numbers are float64 and therefore exact: `instance(b)` loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from flint import fmpq

from ..arithmetic import Array, Floats, nearest, rational, to_float
from ..losses import Loss
from ..sources import Field, Kind
from .adaptation import Adaptation, Gradient, Implicit, Own
from .instance import Atom, Comparator, Functions, MetaSLInstance, Task

TASKS = (
    Field("labels", Kind.LABEL, ("task", "point", "slot")),
    Field("masses", Kind.SHARES, ("task", "point", "slot"), 2),
    Field("support_labels", Kind.LABEL, ("task", "point", "support slot")),
    Field("support_masses", Kind.SHARES, ("task", "point", "support slot"), 2),
    Field("weights", Kind.SHARES, ("task",), 1),
    Field("functions", Kind.REAL, ("task", "point")),
    Field("rate", Kind.FACTOR),
    Field("radius", Kind.FACTOR),
    Field("decay", Kind.FACTOR),
)
"""The fields that do not depend on the model."""
PER_OUTPUT = ("labels", "support_labels", "functions")


def with_outputs(fields: tuple[Field, ...], outputs: int, names: Sequence[str] = PER_OUTPUT) -> tuple[Field, ...]:
    """The fields; of c outputs those of these names have an axis of components, the last one (of parameters the
    first)."""
    if outputs == 1:
        return fields
    return tuple(
        replace(f, axes=(*f.axes, "output") if f.name in PER_OUTPUT else ("output", *f.axes)) if f.name in names else f
        for f in fields
    )


def shaped_functions(batch: Any, functions: Array | None) -> Array | None:
    """A comparator's functions (B, n, k, c) of c outputs, given as (B, n, k c) or so."""
    if functions is None or batch.loss.outputs == 1:
        return functions
    return functions.reshape(*batch.masses.shape[:3], batch.loss.outputs)


LINEAR = (
    Field("omega", Kind.REAL, ("dimension",)),
    Field("rival", Kind.REAL, ("dimension",)),
    Field("rates", Kind.REAL, ("dimension",)),
    Field("features", Kind.REAL, ("point", "dimension")),
    *TASKS,
)


@dataclass(frozen=True)
class Batch:
    """B instances with the same loss, adaptation and shape.

    features (B, k, d), labels and masses (B, n, k, l), weights (B, n), omega (B, d), radius (B,),
    rate (B,) the step size eta (or lambda if steps is 0: implicit adaptation; eta again of a rule), and one of
    rival (B, d) the comparator's parameter, functions (B, n, k) its values.
    support_labels, support_masses (B, n, k, l) the inner laws, None: they are the outer ones.
    rates (B, d) of gradient steps, a factor of the step size for each parameter, None: 1; decay (B,), None: 0.
    Of c outputs omega, rival and rates are (B, c, d), labels (B, n, k, l, c), a class its unit vector, and functions
    (B, n, k, c).
    """

    loss: Loss
    steps: int
    rate: Array
    features: Array
    labels: Array
    masses: Array
    weights: Array
    omega: Array
    radius: Array
    rival: Array | None = None
    functions: Array | None = None
    origin: str = ""
    support_labels: Array | None = None
    support_masses: Array | None = None
    rates: Array | None = None
    decay: Array | None = None
    rule: str = ""

    @property
    def fields(self) -> tuple[Field, ...]:
        """What its numbers are."""
        return with_outputs(LINEAR, self.loss.outputs, (*PER_OUTPUT, "omega", "rival", "rates"))

    def __len__(self) -> int:
        return int(self.features.shape[0])

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, k, l, d)."""
        return (*self.masses.shape[1:], self.features.shape[2])

    def against(self, *, rival: Array | None = None, functions: Array | None = None) -> Batch:
        """The same problems with another comparator; functions may be (B, n, k c)."""
        return replace(self, rival=rival, functions=shaped_functions(self, functions))

    @property
    def spread(self) -> Batch:
        """The batch whose omega, rival, rates are (B, c d), and functions (B, n, k c), with these in their shapes."""
        c = self.loss.outputs
        if c == 1:
            return self
        rival, rates = (None if v is None else v.reshape(len(self), c, -1) for v in (self.rival, self.rates))
        omega = self.omega.reshape(len(self), c, -1)
        return replace(self, omega=omega, rates=rates).against(rival=rival, functions=self.functions)

    def take(self, chosen: Array | Sequence[int]) -> Batch:
        """The instances of the given indices (or mask)."""
        picked: dict[str, Any] = {}
        for field in self.fields:
            value = getattr(self, field.name)
            picked[field.name] = None if value is None else value[chosen]
        return replace(self, **picked)

    def instance(self, b: int) -> MetaSLInstance:
        """Instance b, exactly; task weights and masses that do not sum to 1 in floats are renormalised."""
        rate = rational(float(self.rate[b]))
        adaptation: Adaptation = Own(self.rule, rate) if self.rule else Implicit(rate)
        if self.steps:
            adaptation = steps_at(self, b)
        comparator: Comparator
        if self.functions is not None:
            comparator = functions_at(self.functions[b])
        else:
            assert self.rival is not None
            comparator = tuple(rational(float(v)) for v in self.rival[b].flat)
        return MetaSLInstance(
            self.loss,
            adaptation,
            tuple(tuple(rational(float(v)) for v in row) for row in self.features[b]),
            tasks_at(self, b),
            tuple(rational(float(v)) for v in self.omega[b].flat),
            comparator,
            rational(float(self.radius[b])),
        )


def inner_law(batch: Any) -> tuple[Any, Any]:
    """Labels and masses (B, n, k, l) that the adaptation sees."""
    if batch.support_masses is None:
        return batch.labels, batch.masses
    return batch.support_labels, batch.support_masses


def steps_at(batch: Any, b: int) -> Gradient:
    """The gradient steps of instance b, exactly."""
    rates = None if batch.rates is None else tuple(rational(float(v)) for v in batch.rates[b].flat)
    decay = fmpq(0) if batch.decay is None else rational(float(batch.decay[b]))
    return Gradient(rational(float(batch.rate[b])), batch.steps, rates, decay)


def steps_of(adaptation: Gradient) -> dict[str, Any]:
    """The fields steps, rate (1,), rates (1, p) and decay (1,), in float64."""
    rates, decay = adaptation.rates, adaptation.decay
    return {
        "steps": adaptation.steps,
        "rate": np.array([to_float(adaptation.eta)]),
        "rates": None if rates is None else np.array([[to_float(r) for r in rates]]),
        "decay": None if decay == 0 else np.array([to_float(decay)]),
    }


def tasks_at(batch: Any, b: int) -> tuple[Task, ...]:
    """The tasks of instance b, exactly."""
    tasks = []
    for i, weight in enumerate(_normalised(batch.weights[b])):
        support = None
        if batch.support_masses is not None:
            support = _atoms_at(batch.loss, batch.support_labels[b, i], batch.support_masses[b, i])
        tasks.append(Task(weight, _atoms_at(batch.loss, batch.labels[b, i], batch.masses[b, i]), support))
    return tuple(tasks)


def _atoms_at(loss: Loss, labels: Array, masses: Array) -> tuple[Atom, ...]:
    """The atoms of labels (k, l), or (k, l, c), and masses (k, l)."""
    slots = np.argwhere(masses != 0)
    shares = _normalised(np.array([masses[x, a] for x, a in slots]))
    return tuple(Atom(int(x), loss.given(labels[x, a]), mass) for (x, a), mass in zip(slots, shares, strict=True))


def functions_at(values: Array) -> Functions:
    """A comparator's functions (n, k), or (n, k, c), exactly."""
    return Functions(tuple(tuple(rational(float(v)) for v in row.flat) for row in values))


def _normalised(values: Array) -> list[fmpq]:
    exact = [rational(float(v)) for v in values]
    total = sum(exact, start=fmpq(0))
    return exact if total == 1 else [v / total for v in exact]


Shares = Callable[[Sequence[fmpq]], Sequence[float]]
"""How masses and weights that sum to 1 are float64 numbers."""


def laws_of(loss: Loss, tasks: Sequence[Task], k: int, shares: Shares = nearest) -> dict[str, Any]:
    """Of canonical tasks on k points, in float64: the fields labels and masses (1, n, k, l), weights (1, n), and those
    of the inner laws, None if every task has one law."""
    labels, masses = _slots(loss, [task.atoms for task in tasks], k, shares)
    support_labels = support_masses = None
    if any(task.support is not None for task in tasks):
        support_labels, support_masses = _slots(loss, [task.inner for task in tasks], k, shares)
    return {
        "labels": labels,
        "masses": masses,
        "weights": np.array([shares([task.weight for task in tasks])]),
        "support_labels": support_labels,
        "support_masses": support_masses,
    }


def _slots(loss: Loss, laws: Sequence[Sequence[Atom]], k: int, shares: Shares) -> tuple[Array, Array]:
    """Labels (1, n, k, l), or (1, n, k, l, c), and masses (1, n, k, l)."""
    slots: list[list[list[tuple[Atom, float]]]] = [[[] for _ in range(k)] for _ in laws]
    for i, atoms in enumerate(laws):
        for atom, mass in zip(atoms, shares([atom.p for atom in atoms]), strict=True):
            slots[i][atom.x].append((atom, mass))
    depth = max(len(slot) for row in slots for slot in row)
    labels = np.ones((1, len(laws), k, depth, *((loss.outputs,) if loss.outputs > 1 else ())))
    masses = np.zeros((1, len(laws), k, depth))
    for i, row in enumerate(slots):
        for x, slot in enumerate(row):
            for a, (atom, mass) in enumerate(slot):
                labels[0, i, x, a], masses[0, i, x, a] = loss.label(Floats, atom.y), mass
    return labels, masses


def values_of(functions: Functions) -> Array:
    """A comparator's functions (1, n, k), rounded to float64."""
    return np.array([[[to_float(v) for v in row] for row in functions.values]])


def batch_of(instance: MetaSLInstance, shares: Shares = nearest) -> Batch:
    """A batch of one: the instance rounded to float64, what sums to 1 by `shares`."""
    canonical = instance.canonical
    adaptation = canonical.adaptation
    if isinstance(adaptation, Gradient):
        steps = steps_of(adaptation)
    elif isinstance(adaptation, Own):
        steps = {"steps": 0, "rate": np.array([to_float(adaptation.eta)]), "rule": adaptation.rule}
    else:
        steps = {"steps": 0, "rate": np.array([to_float(adaptation.strength)])}
    functions = rival = None
    if isinstance(canonical.comparator, Functions):
        functions = values_of(canonical.comparator)
    else:
        rival = np.array([[to_float(v) for v in canonical.comparator]])
    return Batch(
        loss=canonical.loss,
        features=np.array([[[to_float(v) for v in row] for row in canonical.features]]),
        omega=np.array([[to_float(v) for v in canonical.omega]]),
        radius=np.array([to_float(canonical.radius)]),
        rival=rival,
        functions=functions,
        **steps,
        **laws_of(canonical.loss, canonical.tasks, len(canonical.features), shares),
    ).spread
