"""Instance files: what is written is read back exactly; every bad input is a BadInputError on one line."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from flint import fmpq, fmpz
from hypothesis import given
from hypothesis import strategies as st
from metagap.impl.arithmetic import rational
from metagap.impl.families import loads
from metagap.impl.files import BadInputError, dumps
from metagap.impl.files.text import laid_out
from metagap.impl.losses import LOSSES, Link, Loss
from metagap.impl.supervised.adaptation import Adaptation, Gradient, Implicit
from metagap.impl.supervised.instance import Atom, Comparator, Functions, MetaSLInstance, Task

VALID: dict[str, Any] = {
    "format": "metagap/instance/1",
    "problem": "meta-sl",
    "loss": {"name": "quartic", "c": 0.25},
    "adaptation": {"name": "gradient", "eta": 0.25, "steps": 2},
    "model": {"name": "linear"},
    "features": [[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]],
    "tasks": [
        {"weight": 0.5, "atoms": [{"x": 0, "y": 1.0, "p": 0.25}, {"x": 1, "y": -1.0, "p": 0.75}]},
        {"weight": 0.5, "atoms": [{"x": 2, "y": 2.0, "p": 1.0}]},
    ],
    "omega": [0.5, -0.5],
    "comparator": {"functions": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]},
    "radius": 4.0,
}
IMPLICIT = {"name": "implicit", "lambda": 1.0}
DROP = object()


def edited(*edits: tuple[str, Any], valid: dict[str, Any] = VALID) -> dict[str, Any]:
    """A document with some fields set, added or dropped; a path is its keys and indices, separated by spaces."""
    document = copy.deepcopy(valid)
    for path, value in edits:
        *parents, last = [int(key) if key.isdigit() else key for key in path.split(" ")]
        place: Any = document
        for key in parents:
            place = place[key]
        if value is DROP:
            del place[last]
        else:
            place[last] = value
    return document


def text_of(document: Any) -> str:
    """JSON text in which a string "@..." stands for the raw text after the sign."""
    text = json.dumps(document)
    for raw in RAW:
        text = text.replace(json.dumps("@" + raw), raw)
    return text


NESTED = "[" * 28 + "]" * 28
DEEP = "[" * 20_000 + "]" * 20_000
RAW = ("1e999", "-1e999", "9" * 5000, NESTED, DEEP)


# Round trips


def numbers(minimum: int | None = None) -> st.SearchStrategy[fmpq]:
    exact = st.one_of(
        st.integers(-3, 3),
        st.floats(allow_nan=False, allow_infinity=False),
        st.fractions(max_denominator=10**6),
        st.integers(-(10**400), 10**400),
    ).map(rational)
    return exact if minimum is None else exact.map(lambda q: abs(q) + minimum)


@st.composite
def simplices(draw: st.DrawFn) -> list[fmpq]:
    """Numbers >= 0 that sum to 1 exactly; most are not float64 numbers."""
    parts = [draw(st.integers(1, 8)), *draw(st.lists(st.integers(0, 8), max_size=3))]
    return [fmpq(part, sum(parts)) for part in parts]


@st.composite
def instances(draw: st.DrawFn) -> MetaSLInstance:
    name = draw(st.sampled_from(sorted(LOSSES)))
    parameter = draw(numbers(minimum=1)) if LOSSES[name].profile.parameter else None
    loss = Loss(name, parameter)
    labels = {
        Link.RESIDUAL: numbers(),
        Link.MARGIN: st.sampled_from([fmpq(-1), fmpq(1)]),
        Link.CANONICAL: numbers(minimum=0),
    }[loss.link]
    adaptation: Adaptation = Gradient(draw(numbers()), draw(st.integers(1, 1000)))
    if loss.profile.convex and not loss.profile.joints and draw(st.booleans()):
        adaptation = Implicit(draw(numbers(minimum=1)))
    k, d = draw(st.integers(1, 3)), draw(st.integers(1, 3))

    def vector(size: int) -> tuple[fmpq, ...]:
        return tuple(draw(numbers()) for _ in range(size))

    tasks = tuple(
        Task(q, tuple(Atom(draw(st.integers(0, k - 1)), draw(labels), p) for p in draw(simplices())))
        for q in draw(simplices())
    )
    comparator: Comparator = vector(d)
    if draw(st.booleans()):
        comparator = Functions(tuple(vector(k) for _ in tasks))
    features = tuple(vector(d) for _ in range(k))
    return MetaSLInstance(loss, adaptation, features, tasks, vector(d), comparator, draw(numbers(minimum=1)))


@given(instances())
def test_writing_and_reading_loses_nothing(instance: MetaSLInstance) -> None:
    text = dumps(instance)
    for again in (loads(text), loads(text.encode())):
        assert again == instance
        assert again.sha256 == instance.sha256
        assert again.notes == ()
        assert dumps(again) == text


@given(st.one_of(numbers(), st.floats(allow_nan=False, allow_infinity=False).map(rational)))
def test_a_number_is_written_as_json_number_exactly_if_it_is_a_float64(q: fmpq) -> None:
    written = json.loads(dumps(loads(json.dumps(edited(("adaptation eta", f"{q.p}/{q.q}"))))))["adaptation"]["eta"]
    nearest = Fraction(int(q.p), int(q.q))
    try:
        is_float = Fraction(float(nearest)) == nearest
    except OverflowError:
        is_float = False
    assert written == (float(nearest) if is_float else f"{q.p}/{q.q}")


@pytest.mark.parametrize(
    ("number", "exact"),
    [
        ("0.1", Fraction(0.1)),
        ("1", Fraction(1)),
        ("-0.0", Fraction(0)),
        ("-0", Fraction(0)),
        ("5e-324", Fraction(1, 2**1074)),
        ("2e-324", Fraction(0)),
        ("1e300", Fraction(1e300)),
        ("9007199254740993", Fraction(2**53)),
        ("100000000000000000000000", Fraction(1e23)),
        ("0.30000000000000004", Fraction(0.1 + 0.2)),
        ('"0.1"', Fraction(1, 10)),
        ('"1/3"', Fraction(1, 3)),
        ('"-2/6"', Fraction(-1, 3)),
        ('"+7"', Fraction(7)),
        ('"007/002"', Fraction(7, 2)),
        ('"-.5e1"', Fraction(-5)),
        ('"5.E-1"', Fraction(1, 2)),
        ('"9007199254740993"', Fraction(2**53 + 1)),
        ('"1e400"', Fraction(10**400)),
        ('"1e-10000"', Fraction(1, 10**10000)),
        ('"1e+00000000000000000002"', Fraction(100)),
        ('"0x1.8p-2"', Fraction(3, 8)),
        ('"-0X.8P+1"', Fraction(-1)),
        ('"0xff"', Fraction(255)),
        ('"0x1.00000000000001p0"', 1 + Fraction(1, 2**56)),
        ('"0x1p-2000"', Fraction(1, 2**2000)),
    ],
)
def test_numbers_are_read_exactly(number: str, exact: Fraction) -> None:
    instance = loads(json.dumps(VALID).replace('"eta": 0.25', f'"eta": {number}'))
    assert isinstance(instance.adaptation, Gradient)
    assert Fraction(int(instance.adaptation.eta.p), int(instance.adaptation.eta.q)) == exact
    assert loads(dumps(instance)) == instance


@given(
    st.from_regex(r"[+-]?([0-9]{1,30}/[1-9][0-9]{0,30}|[0-9]{0,5}\.?[0-9]{1,30}([eE][+-]?[0-9]{1,3})?)", fullmatch=True)
)
def test_number_strings_mean_what_fractions_say(text: str) -> None:
    eta = loads(json.dumps(edited(("adaptation eta", text)))).adaptation
    assert isinstance(eta, Gradient)
    assert eta.eta == rational(Fraction(text))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_hex_floats_and_json_numbers_spell_the_same_number(value: float) -> None:
    as_hex = loads(json.dumps(edited(("omega 0", value.hex()))))
    as_json = loads(json.dumps(edited(("omega 0", value))))
    assert as_hex == as_json
    assert as_hex.omega[0] == rational(value)


def test_a_file_has_a_line_for_each_row_and_each_atom() -> None:
    lines = [line.strip().rstrip(",") for line in dumps(loads(json.dumps(VALID))).splitlines()]
    assert '"loss": {"name": "quartic", "c": 0.25}' in lines
    assert "[1.0, -1.0]" in lines
    assert '{"x": 1, "y": -1.0, "p": 0.75}' in lines
    assert '"omega": [0.5, -0.5]' in lines


def test_numbers_beyond_the_bound_are_not_written() -> None:
    largest = loads(json.dumps(edited(("radius", f"{2**65536 - 1:#x}"))))
    assert loads(dumps(largest)) == largest
    beyond = replace(largest, radius=largest.radius + 1)
    with pytest.raises(ValueError, match=r"number='2003.*': at most 65536 bits"):
        dumps(beyond)


# Sums


def masses(*values: Any) -> list[dict[str, Any]]:
    return [{"x": 0, "y": index, "p": value} for index, value in enumerate(values)]


def test_exact_sums_are_left_alone() -> None:
    instance = loads(json.dumps(edited(("tasks 0 atoms", masses("1/3", "1/3", "0x1p-2", "1/12")))))
    assert [atom.p for atom in instance.tasks[0].atoms] == [fmpq(1, 3), fmpq(1, 3), fmpq(1, 4), fmpq(1, 12)]
    assert instance.notes == ()


def test_float_sums_are_renormalised_exactly_and_noted() -> None:
    instance = loads(json.dumps(edited(("tasks 0 atoms", masses(*[0.1] * 10)), ("tasks 0 weight", 0.5 + 1e-13))))
    assert [atom.p for atom in instance.tasks[0].atoms] == [fmpq(1, 10)] * 10
    heavier = rational(0.5 + 1e-13)
    assert [task.weight for task in instance.tasks] == [
        heavier / (heavier + fmpq(1, 2)),
        fmpq(1, 2) / (heavier + fmpq(1, 2)),
    ]
    assert [note.split(":")[0] for note in instance.notes] == ["tasks", "tasks[0].atoms"]
    assert instance.notes[1] == "tasks[0].atoms: masses summed to 1 + 5.55112e-17 and were renormalised"
    assert instance.notes[0].startswith("tasks: weights summed to 1 + 1.0003")
    again = loads(dumps(instance))
    assert again == instance
    assert again.notes == ()


@pytest.mark.parametrize(
    ("values", "accepted"),
    [
        ((0.5, "1/2"), True),
        ((0.5, "0.5000000000009"), True),
        ((0.5, "0.500000000001"), True),
        ((0.5, "0.5000000000011"), False),
        ((0.5, "0.4999999999989"), False),
        (("0.5", "0.5000000000001"), False),
        (("1", "1e-400"), False),
        (("0", "0"), False),
        ((0, 1), True),
    ],
)
def test_tolerance_of_sums(values: tuple[Any, ...], accepted: bool) -> None:
    text = json.dumps(edited(("tasks 1 atoms", masses(*values))))
    if accepted:
        assert sum((atom.p for atom in loads(text).tasks[1].atoms), fmpq(0)) == 1
    else:
        with pytest.raises(BadInputError, match="masses summed to 1 ") as caught:
            loads(text)
        assert caught.value.field == "tasks[1].atoms[*].p"
        assert caught.value.given == list(values)


def test_a_renormalisation_that_could_not_be_written_is_refused() -> None:
    awkward = [f"1/{fmpz(10) ** 9900 + offset}" for offset in (1, 3)]
    text = json.dumps(edited(("tasks 0 atoms", masses(1, *awkward))))
    with pytest.raises(BadInputError, match="renormalised within 65536 bits") as caught:
        loads(text)
    assert caught.value.field == "tasks[0].atoms[*].p"


# Values at the edge of what is allowed


@pytest.mark.parametrize(
    "edits",
    [
        [("loss c", 0)],
        [("adaptation eta", "-1/3")],
        [("adaptation steps", 1000)],
        [("adaptation", {"name": "implicit", "lambda": "1e-10000"})],
        [("loss", {"name": "poisson"}), ("tasks 0 atoms 1 y", 0)],
        [("loss", {"name": "logistic"}), ("tasks 1 atoms 0 y", "-1")],
        [("tasks 0 weight", 0), ("tasks 1 weight", 1)],
        [("tasks 0 atoms 0 p", 0), ("tasks 0 atoms 1 p", 1)],
    ],
    ids=str,
)
def test_the_edge_of_what_is_allowed(edits: list[tuple[str, Any]]) -> None:
    instance = loads(json.dumps(edited(*edits)))
    assert instance.notes == ()
    assert loads(dumps(instance)) == instance


def test_rows_are_laid_out_as_they_are() -> None:
    """A line for each row of numbers, texts and fields as they were, deeper ones a line further in."""
    assert laid_out([[0.5, 1], [], [2]], "") == "[\n  [0.5, 1],\n  [],\n  [2]\n]"
    assert laid_out([[[0.5], [1]], [[2]]], "") == "[\n  [\n    [0.5],\n    [1]\n  ],\n  [\n    [2]\n  ]\n]"
    assert laid_out([[{"a": 1}]], "") == '[\n  [\n    {"a": 1}\n  ]\n]'
    for rows in ([["a], [b"], [1.0]], [[{}], [{"], [": [1]}]], [["[", "]"], [2]]):
        assert json.loads(laid_out(rows, "")) == rows
