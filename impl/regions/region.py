"""A box of instances: an instance file in which numbers may be intervals, and what it is over a part of the box.

The same fields are filled with exact numbers (one instance of the box), with balls (all instances of a part) or with
the generators of a polynomial ring (all instances of its shape).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flint import arb, fmpq

from ..balls.core import TooLargeError
from ..supervised.adaptation import Gradient
from ..supervised.instance import Atom, Functions, MetaSLInstance, Task
from ..supervised.mixed import AtomClass

Box = tuple[tuple[fmpq, fmpq], ...]
"""Ends of each interval of a region, or of a part of it."""


class Filled(MetaSLInstance):
    """An instance whose numbers need not be rationals: nothing is sorted or merged by them."""

    @property
    def canonical(self) -> Filled:
        """The instance itself."""
        return self


@dataclass(frozen=True)
class Region:
    """The instances that `corner` is with each of the `places` anywhere between its ends in `box`.

    places name fields of the instance file ("omega[0]"); rests are masses or weights that are 1 less the others
    """

    corner: MetaSLInstance
    places: tuple[str, ...]
    box: Box
    rests: tuple[str, ...]
    document: dict[str, Any]

    def at(self, point: Sequence[fmpq]) -> MetaSLInstance:
        """The instance at exact values of the places."""
        fields = self._fields(dict(zip(self.places, point, strict=True)))
        return MetaSLInstance(**fields)

    def over(self, box: Box) -> Filled:
        """All instances of a part of the box, in balls. Errors: TooLargeError where a weight or a mass may be 0.

        Who has none is left out everywhere, which must be so of all instances or of none.
        """
        given = {place: between(*ends) for place, ends in zip(self.places, box, strict=True)}
        found = Filled(**self._fields(given))
        laws = (law for task in found.tasks for law in (task.atoms, task.support or ()))
        shares = (*(task.weight for task in found.tasks), *(atom.p for law in laws for atom in law))
        if any(isinstance(share, arb) and not share > 0 for share in shares):
            raise TooLargeError("a weight or a mass is not told from 0 in the region")
        return found

    def with_numbers(self, numbers: Mapping[str, Any]) -> Filled:
        """The instance with a number of any kind at each place."""
        return Filled(**self._fields(numbers))

    def every_place(self) -> Iterator[str]:
        """All places of numbers but the loss's parameter, rests left out."""
        corner = self.corner
        yield from (place for place, value in _adaptation(corner) if value is not None)
        yield from (f"features[{x}][{j}]" for x, row in enumerate(corner.features) for j in range(len(row)))
        for i, task in enumerate(corner.tasks):
            yield from (place for place in (f"tasks[{i}].weight",) if place not in self.rests)
            for name, law in (("atoms", task.atoms), ("support", task.support or ())):
                for a in range(len(law)):
                    place = f"tasks[{i}].{name}[{a}]"
                    yield from (f"{place}.{part}" for part in "py" if f"{place}.{part}" not in self.rests)
        yield from (f"omega[{j}]" for j in range(corner.dimension))
        rival = corner.comparator
        if isinstance(rival, Functions):
            yield from (f"comparator.functions[{i}][{x}]" for i, r in enumerate(rival.values) for x in range(len(r)))
        else:
            yield from (f"comparator[{j}]" for j in range(len(rival)))
        yield "radius"

    def _fields(self, given: Mapping[str, Any]) -> dict[str, Any]:
        corner = self.corner
        adaptation, rival = corner.adaptation, corner.comparator
        assert isinstance(adaptation, Gradient)

        def row(name: str, values: Sequence[Any]) -> tuple[Any, ...]:
            return tuple([given.get(f"{name}[{j}]", v) for j, v in enumerate(values)])

        if isinstance(rival, Functions):
            rows = (row(f"comparator.functions[{i}]", own) for i, own in enumerate(rival.values))
            comparator: Any = Functions(tuple(rows))
        else:
            comparator = row("comparator", rival)
        weights = self._shares("tasks[{}].weight", [task.weight for task in corner.tasks], given)
        tasks = []
        for i, task in enumerate(corner.tasks):
            laws: list[tuple[Atom, ...] | None] = []
            for name, law in (("atoms", task.atoms), ("support", task.support)):
                if law is None:
                    laws.append(None)
                    continue
                masses = self._shares(f"tasks[{i}].{name}[{{}}].p", [atom.p for atom in law], given)
                labels = [given.get(f"tasks[{i}].{name}[{a}].y", atom.y) for a, atom in enumerate(law)]
                pairs = zip(law, labels, masses, strict=True)
                laws.append(tuple([Atom(atom.x, y, p) for atom, y, p in pairs]))
            tasks.append(Task(weights[i], laws[0] or (), laws[1]))
        pace = dict(_adaptation(corner))
        eta, decay = (given.get(f"adaptation.{name}", pace[f"adaptation.{name}"]) for name in ("eta", "decay"))
        return {
            "loss": given.get("loss", corner.loss),
            "adaptation": Gradient(eta, adaptation.steps, adaptation.rates, decay),
            "features": tuple([row(f"features[{x}]", own) for x, own in enumerate(corner.features)]),
            "tasks": tuple(tasks),
            "omega": row("omega", corner.omega),
            "comparator": comparator,
            "radius": given.get("radius", corner.radius),
        }

    def _shares(self, place: str, exact: Sequence[fmpq], given: Mapping[str, Any]) -> list[Any]:
        """Numbers that sum to 1: as given, the rest of them as what is left."""
        found = [given.get(place.format(j), value) for j, value in enumerate(exact)]
        for j in range(len(found)):
            if place.format(j) in self.rests:
                found[j] = 1 - sum(found[:j] + found[j + 1 :], start=fmpq(0))
        return found


def _adaptation(corner: MetaSLInstance) -> list[tuple[str, fmpq]]:
    steps = corner.adaptation
    assert isinstance(steps, Gradient)
    return [("adaptation.eta", steps.eta), ("adaptation.decay", steps.decay)]


def between(low: fmpq, high: fmpq) -> arb:
    """The numbers from low to high as a ball."""
    return arb(low) if low == high else arb(low).union(arb(high))


def share(box: Box, of: Box) -> fmpq:
    """The volume of a part of a box, as a part of the whole."""
    found = fmpq(1)
    for (low, high), (least, most) in zip(box, of, strict=True):
        found *= (high - low) / (most - least)
    return found


def halves(box: Box, axis: int) -> tuple[Box, Box]:
    """The lower and the upper half along an axis."""
    low, high = box[axis]
    middle = (low + high) / 2
    return (*box[:axis], (low, middle), *box[axis + 1 :]), (*box[:axis], (middle, high), *box[axis + 1 :])


def told_apart(tasks: Sequence[Task], apart: Callable[[Any, Any], bool] = lambda one, other: True) -> list[AtomClass]:
    """The atoms of the inner laws, each a class of its own, over the tasks that have it.

    apart: whether labels that are not equal are certainly different. Errors: TooLargeError where they are not.
    """
    found: list[AtomClass] = []
    for i, atom in ((i, atom) for i, task in enumerate(tasks) for atom in task.inner):
        near = [other for other in found if other.atoms[0][0] == atom.x]
        same = [other for other in near if other.atoms[0][1] == atom.y]
        if not all(other in same or apart(other.atoms[0][1], atom.y) for other in near):
            raise TooLargeError("labels of two atoms may coincide in the region")
        if same:
            same[0].tasks[i] = tasks[i].weight * atom.p
        else:
            found.append(AtomClass({i: tasks[i].weight * atom.p}, [(atom.x, atom.y, fmpq(1))]))
    return found
