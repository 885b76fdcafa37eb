r"""A problem of c outputs with the squared loss as one of one output: its components are support points of their own.

The squared loss couples no components: with the lifted points x c + a as support points, their features as rows and
atoms (x c + a, y_a) of the masses p, L, U_i and all parameters are the same; masses of a task sum to c.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from flint import fmpq

from ..bracket import UnsupportedError
from ..losses import Link, Loss
from ..supervised.adaptation import Own
from ..supervised.instance import Atom, MetaSLInstance, canonical_tasks


@dataclass(frozen=True)
class Spread(MetaSLInstance):
    """The problem of one output; its document and its name are those of the origin."""

    origin: MetaSLInstance | None = None

    @cached_property
    def canonical(self) -> Spread:
        return replace(self, tasks=canonical_tasks(self.tasks), adaptation=self.adaptation.canonical, notes=())

    def document(self, number: Callable[[fmpq], object]) -> dict[str, Any]:
        assert self.origin is not None
        asked = replace(self.origin, omega=self.omega, comparator=self.comparator, radius=self.radius)
        return asked.canonical.document(number)


def require_steps(instance: MetaSLInstance) -> None:
    """Errors: UnsupportedError for an adaptation of one's own, which nothing encloses over a box."""
    if isinstance(instance.adaptation, Own):
        required = "gradient steps or a proximal step are required, whose L can be enclosed over boxes of parameters"
        raise UnsupportedError(f"adaptation={instance.adaptation.rule!r}: {required}; `judge` and `verify` take it")


def of_one_output(instance: MetaSLInstance) -> MetaSLInstance:
    """The same problem with one output: itself if it has no more.

    Errors: UnsupportedError for softmax, and as `require_steps`.
    """
    require_steps(instance)
    c = instance.loss.outputs
    if c == 1:
        return instance
    if instance.loss.link is Link.CLASS:
        offered = "`judge`, `optimum` and `certify` take it"
        raise UnsupportedError(f"loss={instance.loss.name!r}: a loss that couples no outputs is required; {offered}")

    def spread(atoms: Sequence[Atom]) -> tuple[Atom, ...]:
        return tuple(Atom(atom.x * c + a, y, atom.p) for atom in atoms for a, y in enumerate(atom.y))

    tasks = tuple(
        replace(task, atoms=spread(task.atoms), support=None if task.support is None else spread(task.support))
        for task in instance.tasks
    )
    return Spread(
        Loss(instance.loss.name),
        instance.adaptation,
        tuple(instance.rows),
        tasks,
        instance.omega,
        instance.comparator,
        instance.radius,
        instance.notes,
        instance,
    )
