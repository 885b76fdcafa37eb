"""Instances: the canonical form, and the name that depends on the instance and on nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from fractions import Fraction
from typing import Any

import pytest
from flint import fmpq
from hypothesis import example, given
from hypothesis import strategies as st
from metagap.impl.arithmetic import rational
from metagap.impl.families import loads
from metagap.impl.instances import _sorted
from metagap.impl.losses import Loss
from metagap.impl.supervised.adaptation import Gradient, Implicit
from metagap.impl.supervised.instance import Atom, Functions, MetaSLInstance, Task

ONE, HALF, THIRD = fmpq(1), fmpq(1, 2), fmpq(1, 3)

SMALL = MetaSLInstance(
    loss=Loss("quartic", fmpq(1, 4)),
    adaptation=Gradient(HALF, 2),
    features=((ONE, fmpq(0)), (THIRD, fmpq(-2))),
    tasks=(
        Task(THIRD, (Atom(1, ONE, HALF), Atom(0, fmpq(3), fmpq(1, 4)), Atom(1, ONE, fmpq(1, 4)))),
        Task(1 - THIRD, (Atom(0, fmpq(5), fmpq(0)), Atom(0, THIRD, ONE))),
    ),
    omega=(ONE, HALF),
    comparator=(fmpq(0), fmpq(7)),
    radius=fmpq(4),
)

numbers = st.one_of(
    st.integers(-3, 3), st.fractions(max_denominator=20), st.floats(allow_nan=False, allow_infinity=False)
).map(rational)


@st.composite
def simplices(draw: st.DrawFn) -> list[fmpq]:
    """Positive numbers that sum to 1."""
    parts = draw(st.lists(st.integers(1, 8), min_size=1, max_size=4))
    return [fmpq(part, sum(parts)) for part in parts]


@st.composite
def instances(draw: st.DrawFn) -> MetaSLInstance:
    """Quartic instances with labels from a few numbers, so that atoms repeat; every atom has mass."""
    k, d = draw(st.integers(1, 3)), draw(st.integers(1, 3))

    def vector(size: int) -> tuple[fmpq, ...]:
        return tuple(draw(numbers) for _ in range(size))

    def atom(mass: fmpq) -> Atom:
        return Atom(draw(st.integers(0, k - 1)), fmpq(draw(st.integers(-1, 1))), mass)

    tasks = tuple(Task(q, tuple(map(atom, draw(simplices())))) for q in draw(simplices()))
    positive = numbers.map(lambda q: abs(q) + 1)
    adaptation = draw(st.builds(Gradient, numbers, st.integers(1, 1000)) | st.builds(Implicit, positive))
    functions = Functions(tuple(vector(k) for _ in tasks))
    return MetaSLInstance(
        loss=Loss("quartic", abs(draw(numbers))),
        adaptation=adaptation,
        features=tuple(vector(d) for _ in range(k)),
        tasks=tasks,
        omega=vector(d),
        comparator=functions if draw(st.booleans()) else vector(d),
        radius=draw(positive),
    )


# The canonical form


def test_canonical_merges_equal_atoms_drops_massless_ones_and_sorts() -> None:
    assert SMALL.canonical.tasks == (
        Task(THIRD, (Atom(0, fmpq(3), fmpq(1, 4)), Atom(1, ONE, fmpq(3, 4)))),
        Task(1 - THIRD, (Atom(0, THIRD, ONE),)),
    )
    assert replace(SMALL.canonical, tasks=SMALL.tasks) == SMALL


def test_the_name_is_the_hash_of_the_key_sorted_canonical_text() -> None:
    text = (
        '{"adaptation":{"eta":"1/2","name":"gradient","steps":2},"comparator":["0/1","7/1"],'
        '"features":[["1/1","0/1"],["1/3","-2/1"]],"format":"metagap/instance/1",'
        '"loss":{"c":"1/4","name":"quartic"},"model":{"name":"linear"},"omega":["1/1","1/2"],'
        '"problem":"meta-sl","radius":"4/1","tasks":['
        '{"atoms":[{"p":"1/4","x":0,"y":"3/1"},{"p":"3/4","x":1,"y":"1/1"}],"weight":"1/3"},'
        '{"atoms":[{"p":"1/1","x":0,"y":"1/3"}],"weight":"2/3"}]}'
    )
    assert SMALL.sha256 == hashlib.sha256(text.encode()).hexdigest()


@given(st.recursive(st.text() | st.integers(0, 9), lambda kind: st.lists(kind) | st.dictionaries(st.text(), kind)))
@example({"loss": "\u00e9"})
@example(["\x7f", "\b", "\\"])
def test_what_is_hashed_is_the_text_of_json(document: Any) -> None:
    """A rule of one's own may have any letters in its name."""
    assert _sorted(document).decode() == json.dumps(document, sort_keys=True, separators=(",", ":"))


@given(instances())
def test_canonical_atoms_are_distinct_sorted_and_of_the_same_law(instance: MetaSLInstance) -> None:
    canonical = instance.canonical
    assert canonical.canonical == canonical
    assert canonical.sha256 == instance.sha256
    assert replace(canonical, tasks=instance.tasks) == instance
    for task, same in zip(instance.tasks, canonical.tasks, strict=True):
        points = [(atom.x, atom.y) for atom in same.atoms]
        assert points == sorted({(atom.x, atom.y) for atom in task.atoms})
        for x, y in points:
            (mass,) = (atom.p for atom in same.atoms if (atom.x, atom.y) == (x, y))
            assert mass == sum((a.p for a in task.atoms if (a.x, a.y) == (x, y)), fmpq(0))


# What the name does not depend on


@given(instances(), st.data())
def test_the_order_and_the_splitting_of_atoms_do_not_change_the_name(
    instance: MetaSLInstance, data: st.DataObject
) -> None:
    tasks = []
    for task in instance.tasks:
        atoms = list(task.atoms)
        first = atoms.pop()
        share = data.draw(st.fractions(0, 1).map(rational))
        atoms += [replace(first, p=share * first.p), replace(first, p=(1 - share) * first.p)]
        tasks.append(replace(task, atoms=tuple(data.draw(st.permutations(atoms)))))
    same = replace(instance, tasks=tuple(tasks))
    assert same != instance
    assert same.canonical == instance.canonical
    assert same.sha256 == instance.sha256


def test_notes_are_no_part_of_the_identity() -> None:
    noted = replace(SMALL, notes=("tasks: weights summed to 1 - 1e-17 and were renormalised",))
    assert noted == SMALL
    assert hash(noted) == hash(SMALL)
    assert noted.sha256 == SMALL.sha256


def spelled_as_fraction(value: float) -> str:
    return "/".join(map(str, value.as_integer_ratio()))


def spelled_as_decimal(value: float) -> str:
    return f"{Fraction(value).numerator}e0" if value.is_integer() else f"{value:.1100f}"


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4),
    st.sampled_from([spelled_as_fraction, spelled_as_decimal, float.hex]),
)
def test_the_spelling_of_a_number_does_not_change_the_name(
    values: list[float], spelling: Callable[[float], str]
) -> None:
    def text(spell: Callable[[float], object]) -> str:
        a, b, c, d = (spell(value) for value in values)
        half = spell(0.5)
        document: dict[str, Any] = {
            "format": "metagap/instance/1",
            "problem": "meta-sl",
            "loss": {"name": "pseudo-huber", "delta": half},
            "adaptation": {"name": "gradient", "eta": a, "steps": 1},
            "model": {"name": "linear"},
            "features": [[b]],
            "tasks": [{"weight": half, "atoms": [{"x": 0, "y": y, "p": spell(1.0)}]} for y in (c, d)],
            "omega": [d],
            "comparator": [a],
            "radius": half,
        }
        document["tasks"][0]["atoms"] = [{"x": 0, "y": y, "p": half} for y in (c, spell(-0.0))]
        return json.dumps(document)

    as_floats, as_strings = loads(text(float)), loads(text(spelling))
    assert as_floats == as_strings
    assert as_floats.sha256 == as_strings.sha256


# What the name depends on


def changed_task(instance: MetaSLInstance, **changes: Any) -> MetaSLInstance:
    return replace(instance, tasks=(replace(instance.tasks[0], **changes), *instance.tasks[1:]))


def changed_atom(instance: MetaSLInstance, **changes: Any) -> MetaSLInstance:
    first, *rest = instance.tasks[0].atoms
    return changed_task(instance, atoms=(replace(first, **changes), *rest))


def changed_comparator(instance: MetaSLInstance) -> MetaSLInstance:
    if not isinstance(instance.comparator, Functions):
        return replace(instance, comparator=(*instance.comparator[:-1], instance.comparator[-1] + 1))
    *rest, row = instance.comparator.values
    return replace(instance, comparator=Functions((*rest, (*row[:-1], row[-1] + 1))))


def changed_kind_of_comparator(instance: MetaSLInstance) -> MetaSLInstance:
    if isinstance(instance.comparator, Functions):
        return replace(instance, comparator=instance.comparator.values[0])
    return replace(instance, comparator=Functions((instance.comparator,)))


def changed_adaptation(instance: MetaSLInstance) -> MetaSLInstance:
    adaptation = instance.adaptation
    if isinstance(adaptation, Implicit):
        return replace(instance, adaptation=Implicit(adaptation.strength + 1))
    return replace(instance, adaptation=Gradient(adaptation.eta + 1, adaptation.steps))


def changed_steps(instance: MetaSLInstance) -> MetaSLInstance:
    adaptation = instance.adaptation
    if isinstance(adaptation, Implicit):
        return replace(instance, adaptation=Gradient(adaptation.strength, 1))
    return replace(instance, adaptation=Gradient(adaptation.eta, adaptation.steps + 1))


CHANGES: dict[str, Callable[[MetaSLInstance], MetaSLInstance]] = {
    "loss": lambda i: replace(i, loss=Loss("squared")),
    "loss parameter": lambda i: replace(i, loss=Loss("quartic", i.loss.parameter + THIRD)),
    "adaptation": changed_adaptation,
    "steps": changed_steps,
    "a feature": lambda i: replace(i, features=(tuple(v + 1 for v in i.features[0]), *i.features[1:])),
    "one more support point": lambda i: replace(i, features=(*i.features, i.features[0])),
    "a weight": lambda i: changed_task(i, weight=i.tasks[0].weight / 2),
    "one more task": lambda i: replace(i, tasks=(*i.tasks, replace(i.tasks[0], weight=fmpq(0)))),
    "a support point of an atom": lambda i: changed_atom(i, x=i.tasks[0].atoms[0].x + 1),
    "a label": lambda i: changed_atom(i, y=i.tasks[0].atoms[0].y + 1),
    "a mass": lambda i: changed_atom(i, p=i.tasks[0].atoms[0].p / 2),
    "omega": lambda i: replace(i, omega=(*i.omega[:-1], i.omega[-1] + fmpq(1, 10**30))),
    "comparator": changed_comparator,
    "kind of comparator": changed_kind_of_comparator,
    "radius": lambda i: replace(i, radius=i.radius * 2),
}


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@given(instance=instances())
def test_any_change_changes_the_name(
    change: Callable[[MetaSLInstance], MetaSLInstance], instance: MetaSLInstance
) -> None:
    other = change(instance)
    assert other != instance
    assert other.sha256 != instance.sha256


def test_every_field_is_changed_in_the_test_above() -> None:
    changed = {f.name for f in fields(SMALL) for change in CHANGES.values() if differs(change(SMALL), f.name)}
    assert changed == {f.name for f in fields(SMALL)} - {"notes"}


def differs(other: MetaSLInstance, name: str) -> bool:
    return bool(getattr(other, name) != getattr(SMALL, name))


def test_the_order_of_tasks_counts() -> None:
    assert replace(SMALL, tasks=SMALL.tasks[::-1]).sha256 != SMALL.sha256


# Data


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (SMALL, "radius"),
        (SMALL.tasks[0], "weight"),
        (SMALL.tasks[0].atoms[0], "p"),
        (SMALL.adaptation, "eta"),
        (Implicit(ONE), "strength"),
        (Functions(((ONE,),)), "values"),
        (SMALL.loss, "parameter"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
def test_instances_are_frozen(value: Any, name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(value, name, ONE)
    with pytest.raises(FrozenInstanceError):
        delattr(value, name)


@given(instances())
def test_equal_instances_have_equal_hashes(instance: MetaSLInstance) -> None:
    copy = replace(instance, notes=("a copy",))
    assert instance.sha256 == copy.sha256
    assert len({instance, copy, CHANGES["radius"](instance)}) == 2


def test_sizes() -> None:
    assert SMALL.dimension == 2
    assert SMALL.numbers == 2 * 2 + 2 * 5 + 2 + 2 * 2
