"""Many instances of one shape as float64 arrays: the unit of searching.

Every task may have up to `l` labels at every one of the `k` support points; a mass of 0 is no atom. All
numbers are float64 and therefore exact: `instance(b)` loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

import numpy as np
from flint import fmpq

from ..arithmetic import Array, Floats, nearest, normalised, rationals
from ..losses import Loss
from ..sources import Arrays, Field, Kind
from .adaptation import Adaptation, Gradient, Implicit, Own
from .instance import Atom, Functions, MetaSLInstance, Task

Parameter = TypeVar("Parameter")

Shares = Callable[[Any], Array]
"""How rows of numbers that sum to 1 become float64."""
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


LINEAR = (
    Field("omega", Kind.REAL, ("dimension",)),
    Field("rival", Kind.REAL, ("dimension",)),
    Field("rates", Kind.REAL, ("dimension",)),
    Field("features", Kind.REAL, ("point", "dimension")),
    *TASKS,
)


@dataclass(frozen=True)
class TaskBatch(Arrays):
    """B instances with the same loss, adaptation and shape, of any model with a parameter of shape P.

    rate (B,) the step size eta of `steps` steps, features (B, k, d), labels and masses (B, n, k, l), weights (B, n),
    omega (B, P), radius (B,), and one of rival (B, P) the comparator's parameter, functions (B, n, k) its values.
    support_labels, support_masses (B, n, k, l) the inner laws, None: they are the outer ones.
    rates (B, P) of gradient steps, a factor of the step size for each parameter, None: 1; decay (B,), None: 0.
    Of c outputs labels are (B, n, k, l, c), a class its unit vector, and functions (B, n, k, c).
    """

    loss: Loss
    rate: Array
    features: Array
    labels: Array
    masses: Array
    weights: Array
    omega: Array
    radius: Array
    rival: Array | None = None
    functions: Array | None = None
    steps: int = 1
    support_labels: Array | None = None
    support_masses: Array | None = None
    rates: Array | None = None
    decay: Array | None = None

    def against(self, *, rival: Array | None = None, functions: Array | None = None) -> Self:
        """The same problems with another comparator; functions may be (B, n, k c)."""
        if functions is not None and self.loss.outputs > 1:
            functions = functions.reshape(*self.masses.shape[:3], self.loss.outputs)
        return replace(self, rival=rival, functions=functions)

    def comparator(self, b: int, parameter: Callable[[Array], Parameter]) -> Parameter | Functions:
        """That of instance b, exactly; `parameter` makes one of numbers (P)."""
        if self.functions is None:
            assert self.rival is not None
            return parameter(self.rival[b])
        return Functions(tuple(rationals(row.ravel()) for row in self.functions[b]))

    def gradient_steps(self, b: int) -> Gradient:
        """Those of instance b, exactly."""
        rates = None if self.rates is None else rationals(self.rates[b].ravel())
        decay = fmpq(0) if self.decay is None else rationals(self.decay[b])
        return Gradient(rationals(self.rate[b]), self.steps, rates, decay)

    def tasks(self, b: int) -> tuple[Task, ...]:
        """Those of instance b, exactly; weights and masses that do not sum to 1 in floats are renormalised."""
        tasks = []
        for i, weight in enumerate(normalised(self.weights[b])):
            support = None
            if self.support_masses is not None:
                assert self.support_labels is not None
                support = _atoms_at(self.loss, self.support_labels[b, i], self.support_masses[b, i])
            tasks.append(Task(weight, _atoms_at(self.loss, self.labels[b, i], self.masses[b, i]), support))
        return tuple(tasks)


@dataclass(frozen=True)
class Batch(TaskBatch):
    """With linear models: P = d, and c d of c outputs, as (B, c, d). Of 0 steps lambda is the rate (implicit
    adaptation), or eta again of a `rule`."""

    rule: str = ""

    @property
    def fields(self) -> tuple[Field, ...]:
        """What its numbers are."""
        return with_outputs(LINEAR, self.loss.outputs, (*PER_OUTPUT, "omega", "rival", "rates"))

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, k, l, d)."""
        return (*self.masses.shape[1:], self.features.shape[2])

    def instance(self, b: int) -> MetaSLInstance:
        """Instance b, exactly."""
        rate = rationals(self.rate[b])
        adaptation: Adaptation = Own(self.rule, rate) if self.rule else Implicit(rate)
        return MetaSLInstance(
            self.loss,
            self.gradient_steps(b) if self.steps else adaptation,
            rationals(self.features[b]),
            self.tasks(b),
            rationals(self.omega[b].ravel()),
            self.comparator(b, lambda rival: rationals(rival.ravel())),
            rationals(self.radius[b]),
        )


def inner_law(batch: Any) -> tuple[Any, Any]:
    """Labels and masses (B, n, k, l) that the adaptation sees."""
    if batch.support_masses is None:
        return batch.labels, batch.masses
    return batch.support_labels, batch.support_masses


def _atoms_at(loss: Loss, labels: Array, masses: Array) -> tuple[Atom, ...]:
    """The atoms of labels (k, l), or (k, l, c), and masses (k, l)."""
    slots = np.argwhere(masses != 0)
    shares = normalised(np.array([masses[x, a] for x, a in slots]))
    return tuple(Atom(int(x), loss.given(labels[x, a]), mass) for (x, a), mass in zip(slots, shares, strict=True))


def shared_of(canonical: Any, parameter: Callable[[Any], Array], shares: Shares) -> dict[str, Any]:
    """A canonical instance in float64, for a batch of one: the fields of any model; `parameter` makes arrays (P) of its
    own kind of parameters, `shares` those of what sums to 1."""
    rival, omega = canonical.comparator, parameter(canonical.omega)[None]
    fields = laws_of(canonical.loss, canonical.tasks, len(canonical.features), shares) | {
        "loss": canonical.loss,
        "features": nearest([canonical.features]),
        "radius": nearest([canonical.radius]),
        "omega": omega,
    }
    if isinstance(rival, Functions):
        outputs = (canonical.loss.outputs,) if canonical.loss.outputs > 1 else ()
        fields["functions"] = nearest([rival.values]).reshape(*fields["masses"].shape[:3], *outputs)
    else:
        fields["rival"] = parameter(rival)[None]
    if isinstance(canonical.adaptation, Gradient):
        rates, decay = canonical.adaptation.rates, canonical.adaptation.decay
        fields |= {"steps": canonical.adaptation.steps, "rate": nearest([canonical.adaptation.eta])}
        fields["rates"] = None if rates is None else nearest(rates).reshape(omega.shape)
        fields["decay"] = None if decay == 0 else nearest([decay])
    return fields


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
        "weights": shares([[task.weight for task in tasks]]),
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


def batch_of(instance: MetaSLInstance, shares: Shares = nearest) -> Batch:
    """A batch of one: the instance rounded to float64, what sums to 1 by `shares`."""
    canonical, adaptation = instance.canonical, instance.canonical.adaptation
    fields = shared_of(canonical, lambda values: nearest(values).reshape(canonical.shape_of_omega), shares)
    if isinstance(adaptation, Own):
        fields |= {"steps": 0, "rate": nearest([adaptation.eta]), "rule": adaptation.rule}
    elif isinstance(adaptation, Implicit):
        fields |= {"steps": 0, "rate": nearest([adaptation.strength])}
    return Batch(**fields)
