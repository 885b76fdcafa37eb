"""Instance files: what is written is read back exactly; every bad input is a BadInputError on one line."""

from __future__ import annotations

import copy
import json
import os
import pickle
import stat
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from flint import fmpq, fmpz
from hypothesis import given, settings
from hypothesis import strategies as st
from metagap.impl import files
from metagap.impl.arithmetic import rational
from metagap.impl.families import load, loads
from metagap.impl.files import BadInputError, Missing, dumps, save
from metagap.impl.files import text as text_module
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


def edited(*edits: tuple[str, Any]) -> dict[str, Any]:
    """VALID with some fields set, added or dropped; a path is its keys and indices, separated by spaces."""
    document = copy.deepcopy(VALID)
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


def test_numbers_beyond_the_bound_are_not_written(tmp_path: Path) -> None:
    largest = loads(json.dumps(edited(("radius", f"{2**65536 - 1:#x}"))))
    assert loads(dumps(largest)) == largest
    beyond = replace(largest, radius=largest.radius + 1)
    with pytest.raises(ValueError, match=r"number='2003.*': at most 65536 bits"):
        save(beyond, tmp_path / "beyond.json")
    assert list(tmp_path.iterdir()) == []


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


# Bad files

NUMBER = "a finite number"
ATOM = "tasks 0 atoms 0"
BAD: dict[str, tuple[list[tuple[str, Any]], str, Any, str]] = {
    # what is wrong: the edits of VALID, then field, given and words of the requirement
    "format missing": ([("format", DROP)], "format", Missing.MISSING, "'metagap/instance/1', or"),
    "format unknown": ([("format", "csv")], "format", "csv", "give an instance file"),
    "format newer": ([("format", "metagap/instance/3")], "format", "metagap/instance/3", "reads no other"),
    "format of a judgement": (
        [("format", "metagap/judgement/1")],
        "format",
        "metagap/judgement/1",
        "another kind of metagap file",
    ),
    "format not text": ([("format", 1)], "format", 1, "a support, is required"),
    "problem missing": ([("problem", DROP)], "problem", Missing.MISSING, "'meta-sl' or 'meta-rl' is required"),
    "problem unknown": ([("problem", "meta-xl")], "problem", "meta-xl", "'meta-sl' or 'meta-rl' is required"),
    "problem of other fields": ([("loss", 1), ("problem", "meta-rl")], "loss", 1, "fields format, problem, features"),
    "model missing": ([("model", DROP)], "model", Missing.MISSING, "add it"),
    "model unknown": (
        [("model name", "forest")],
        "model.name",
        "forest",
        "'linear', 'relu-network' or 'smooth-network' is required",
    ),
    "network with the implicit step": (
        [
            ("model", {"name": "relu-network", "b": [1], "W0": [[1, 2]]}),
            ("omega", [[1, 2]]),
            ("adaptation", {"name": "implicit", "lambda": 1}),
        ],
        "adaptation.name",
        "implicit",
        "'gradient' (a network's risk is not convex: the implicit step has no unique solution) is required",
    ),
    "model with weights": ([("model b", [1])], "model.b", [1], "remove this field"),
    "unknown top field": ([("note", "hi")], "note", "hi", "remove this field"),
    "unknown task field": ([("tasks 1 name", "a")], "tasks[1].name", "a", "the fields weight, atoms"),
    "unknown atom field": ([(f"{ATOM} w", 0)], "tasks[0].atoms[0].w", 0, "the fields x, y, p"),
    "unknown comparator field": ([("comparator policies", [])], "comparator.policies", [], "functions"),
    "field name of two lines": ([("tasks 0 a\nb", 1)], "tasks[0]['a\\nb']", 1, "remove this field"),
    "loss missing": ([("loss", DROP)], "loss", Missing.MISSING, "add it"),
    "loss not an object": ([("loss", "squared")], "loss", "squared", "an object with the field name"),
    "loss unknown": ([("loss name", "hinge")], "loss.name", "hinge", "squared, quartic, logistic"),
    "loss nameless": ([("loss name", DROP)], "loss.name", Missing.MISSING, "squared, quartic, logistic"),
    "c missing": ([("loss c", DROP)], "loss.c", Missing.MISSING, "the quartic loss needs it"),
    "c negative": ([("loss c", -0.5)], "loss.c", -0.5, "a number >= 0"),
    "c superfluous": ([("loss name", "squared")], "loss.c", 0.25, "squared has none"),
    "delta superfluous": ([("loss delta", 1)], "loss.delta", 1, "quartic has none"),
    "delta missing": ([("loss", {"name": "huber"})], "loss.delta", Missing.MISSING, "a number > 0"),
    "delta zero": ([("loss", {"name": "pseudo-huber", "delta": 0})], "loss.delta", 0, "a number > 0"),
    "delta negative": ([("loss", {"name": "huber", "delta": "-1/2"})], "loss.delta", "-1/2", "a number > 0"),
    "adaptation unknown": (
        [("adaptation name", "kl-step")],
        "adaptation.name",
        "kl-step",
        "one of gradient, implicit",
    ),
    "adaptation nameless": ([("adaptation name", DROP)], "adaptation.name", Missing.MISSING, "add it"),
    "eta missing": ([("adaptation eta", DROP)], "adaptation.eta", Missing.MISSING, NUMBER),
    "eta null": ([("adaptation eta", None)], "adaptation.eta", None, NUMBER),
    "steps zero": ([("adaptation steps", 0)], "adaptation.steps", 0, "an integer 1..1000"),
    "steps too many": ([("adaptation steps", 1001)], "adaptation.steps", 1001, "an integer 1..1000"),
    "steps fractional": ([("adaptation steps", 1.5)], "adaptation.steps", 1.5, "an integer 1..1000"),
    "steps true": ([("adaptation steps", True)], "adaptation.steps", True, "an integer 1..1000"),
    "lambda zero": (
        [("adaptation", {"name": "implicit", "lambda": 0})],
        "adaptation.lambda",
        0,
        "number > 0",
    ),
    "lambda misspelt": (
        [("adaptation", {"name": "implicit", "strength": 1})],
        "adaptation.strength",
        1,
        "name, lambda",
    ),
    "implicit, not convex": (
        [("adaptation", IMPLICIT), ("loss", {"name": "double-well"})],
        "loss.name",
        "double-well",
        "a convex, twice differentiable loss",
    ),
    "implicit, with joints": (
        [("adaptation", IMPLICIT), ("loss", {"name": "huber", "delta": 1})],
        "loss.name",
        "huber",
        "a convex, twice differentiable loss",
    ),
    "features empty": ([("features", [])], "features", [], "at least one row"),
    "features row empty": ([("features", [[], []])], "features[0]", [], "at least one number"),
    "features ragged": ([("features 2", [1.0])], "features[2]", [1.0], "give d=2 numbers"),
    "features flat": ([("features", [1.0, 2.0])], "features[0]", 1.0, "row of numbers"),
    "feature a bool": ([("features 1 1", False)], "features[1][1]", False, NUMBER),
    "tasks empty": ([("tasks", [])], "tasks", [], "at least one task"),
    "tasks an object": ([("tasks", {"0": {}})], "tasks", {"0": {}}, "a non-empty list of tasks"),
    "task without atoms": ([("tasks 1 atoms", [])], "tasks[1].atoms", [], "at least one atom"),
    "weight missing": ([("tasks 1 weight", DROP)], "tasks[1].weight", Missing.MISSING, "a number >= 0"),
    "weight negative": ([("tasks 1 weight", -0.5)], "tasks[1].weight", -0.5, "a number >= 0"),
    "weights sum wrong": ([("tasks 1 weight", 0.25)], "tasks[*].weight", [0.5, 0.25], "summed to 1 - 0.25"),
    "mass negative": ([(f"{ATOM} p", "-1/4")], "tasks[0].atoms[0].p", "-1/4", "a number >= 0"),
    "masses sum wrong": ([(f"{ATOM} p", 0.5)], "tasks[0].atoms[*].p", [0.5, 0.75], "summed to 1 + 0.25"),
    "x missing": ([(f"{ATOM} x", DROP)], "tasks[0].atoms[0].x", Missing.MISSING, "index of a row"),
    "x fractional": ([(f"{ATOM} x", 0.5)], "tasks[0].atoms[0].x", 0.5, "index of a row"),
    "x text": ([(f"{ATOM} x", "0")], "tasks[0].atoms[0].x", "0", "index of a row"),
    "x negative": ([(f"{ATOM} x", -1)], "tasks[0].atoms[0].x", -1, "the rows 0..2"),
    "x too large": ([(f"{ATOM} x", 3)], "tasks[0].atoms[0].x", 3, "the rows 0..2"),
    "x huge": ([(f"{ATOM} x", 10**30)], "tasks[0].atoms[0].x", 1e30, "index of a row"),
    "label of a margin loss": (
        [("loss", {"name": "logistic"}), ("tasks 1 atoms 0 y", 0.5)],
        "tasks[1].atoms[0].y",
        0.5,
        "-1 or 1, for the logistic loss",
    ),
    "label of a count": (
        [("loss", {"name": "poisson"})],
        "tasks[0].atoms[1].y",
        -1.0,
        "a number >= 0, for the poisson loss",
    ),
    "omega too long": ([("omega", [1, 2, 3])], "omega", [1, 2, 3], "give d=2 numbers"),
    "omega a matrix": ([("omega", [[1, 2]])], "omega[0]", [1, 2], NUMBER),
    "omega nested": ([("omega 0", "@" + NESTED)], "omega[0]", json.loads(NESTED), NUMBER),
    "omega null": ([("omega", None)], "omega", None, "one per column of features"),
    "comparator too short": ([("comparator", [1])], "comparator", [1], "give d=2 numbers"),
    "comparator a number": ([("comparator", 1)], "comparator", 1, "a list of d numbers"),
    "functions too few": (
        [("comparator functions", [[0, 0, 0]])],
        "comparator.functions",
        [[0, 0, 0]],
        "n=2",
    ),
    "function too short": ([("comparator functions 1", [7])], "comparator.functions[1]", [7], "give k=3"),
    "radius zero": ([("radius", 0)], "radius", 0, "a number > 0"),
    "radius negative": ([("radius", "-0x1p3")], "radius", "-0x1p3", "a number > 0"),
    "radius NaN": ([("radius", float("nan"))], "radius", float("nan"), NUMBER),
    "number infinite": ([("omega 1", float("-inf"))], "omega[1]", float("-inf"), NUMBER),
    "number overflows": ([("omega 1", "@1e999")], "omega[1]", float("inf"), "a large number as a string"),
    "integer overflows": ([("omega 1", "@" + "9" * 5000)], "omega[1]", float("inf"), "as a string"),
    "text no number": ([("omega 1", "one")], "omega[1]", "one", NUMBER),
    "text empty": ([("omega 1", "")], "omega[1]", "", NUMBER),
    "text with a space": ([("omega 1", " 1")], "omega[1]", " 1", NUMBER),
    "text of two lines": ([("omega 1", "1\n")], "omega[1]", "1\n", NUMBER),
    "text with digits from elsewhere": ([("omega 1", "١")], "omega[1]", "١", NUMBER),
    "text infinite": ([("omega 1", "inf")], "omega[1]", "inf", NUMBER),
    "only an exponent": ([("omega 1", "e5")], "omega[1]", "e5", NUMBER),
    "only a hex prefix": ([("omega 1", "0x.p1")], "omega[1]", "0x.p1", NUMBER),
    "division by zero": ([("omega 1", "1/00")], "omega[1]", "1/00", "q > 0"),
    "decimal fraction": ([("omega 1", "0.5/2")], "omega[1]", "0.5/2", NUMBER),
    "exponent huge": ([("omega 1", "1e999999999")], "omega[1]", "1e999999999", "within -10000..10000"),
    "exponent tiny": ([("omega 1", "1e-10001")], "omega[1]", "1e-10001", "within -10000..10000"),
    "hex exponent huge": ([("omega 1", "0x1p99999999")], "omega[1]", "0x1p99999999", "within -10000..10000"),
    "exponent of many digits": ([("omega 1", "1e" + "9" * 9999)], "omega[1]", "1e" + "9" * 9999, "within"),
    "number too precise": ([("omega 1", "7" * 30_000)], "omega[1]", "7" * 30_000, "at most 65536 bits"),
    "number too long": ([("omega 1", "0" * 40_001)], "omega[1]", "0" * 40_001, "at most 40000 characters"),
}


@pytest.mark.parametrize(("edits", "field", "value", "words"), BAD.values(), ids=BAD)
def test_bad_files(tmp_path: Path, edits: list[tuple[str, Any]], field: str, value: Any, words: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text_of(edited(*edits)), encoding="utf-8")
    with pytest.raises(BadInputError) as caught:
        load(path)
    assert repr(caught.value.given) == repr(value)
    assert_reported(caught.value, str(path), field, words)


def assert_reported(error: BadInputError, file: str, field: str, words: str) -> None:
    """The error is one line with the file, the field, what was given (shortened) and what was required."""
    message = str(error)
    assert (error.file, error.field) == (file, field)
    assert words in error.required
    assert message.startswith(f"{file}: {field}=")
    assert message.endswith(f": {error.required}")
    shown = message[len(f"{file}: {field}=") : -len(f": {error.required}")]
    whole = repr(error.given)
    start, dots, _ = shown.partition("...")
    assert shown == whole or (dots and whole.startswith(start) and len(whole) > len(shown))
    assert len(shown) <= 160
    assert message.isprintable()


BAD_TEXTS: dict[str, tuple[bytes, str, Any, str]] = {
    "nothing": (b"", "line 1 column 1", Missing.MISSING, "JSON"),
    "no JSON": (b"{\n  format: 1}", "line 2 column 3", "format: 1}", "JSON"),
    "no object": (b"[1, 2]", "document", [1, 2], "a JSON object with the fields format, problem"),
    "a trailing comma": (b'{"format": 1,}', "line 1 column 14", "}", "JSON"),
    "two documents": (b"{} {}", "line 1 column 4", "{}", "JSON"),
    "no UTF-8": (b'{"format": "\xff"}', "byte 12", b"\xff", "UTF-8"),
    "UTF-16": (json.dumps(VALID).encode("utf-16"), "byte 0", b"\xff", "UTF-8"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "line 1 column 1", "\ufeff{}", "JSON"),
    "deep lists": (b"[" * 100_000, "document", "[" * 40, "nested at most 32 deep"),
    "deep objects": (b'{"a":' * 100_000, "document", '{"a":' * 8, "nested at most 32 deep"),
    "a top field called like a path": (
        json.dumps(VALID | {"a` - at `$.b": 1}).encode(),
        "['a` - at `$.b']",
        1,
        "remove this field",
    ),
    "an inner field called like a path": (
        json.dumps(VALID | {"model": {"name": "linear", "a` - at `$.b": 1}}).encode(),
        "model['a` - at `$.b']",
        1,
        "remove this field",
    ),
    "a lone surrogate": (
        json.dumps(VALID | {"loss": {"name": "squared", "\udfff": 1}}).encode(),
        "document",
        "\udfff",
        "surrogates",
    ),
    "a repeated top field": (json.dumps(VALID)[:-1].encode() + b', "radius": 5}', "radius", 5, "given once"),
    "a repeated inner field": (
        json.dumps(VALID).replace('"y": 2.0', '"p": 1, "y": 2.0').encode(),
        "tasks[1].atoms[0].p",
        1.0,
        "given once",
    ),
    "repeated fields in a field that is overwritten": (
        b'{"a": {"b": 1, "b": 2}, "c": [{"d": 3}, {"e": 4, "e": 5}], "a": 6}',
        "a",
        6,
        "given once",
    ),
}


@pytest.mark.parametrize(("text", "field", "value", "words"), BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_bad_texts(tmp_path: Path, text: bytes, field: str, value: Any, words: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(text)
    with pytest.raises(BadInputError) as caught:
        load(path)
    assert repr(caught.value.given) == repr(value)
    assert_reported(caught.value, str(path), field, words)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = str(tmp_path / "absent.json")
    with pytest.raises(BadInputError) as caught:
        load(path)
    assert_reported(caught.value, path, "path", "a readable file (no such file or directory)")


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        load(tmp_path)
    assert_reported(caught.value, str(tmp_path), "path", "a readable file (is a directory)")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.json"
    path.touch()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(text_module, "open", refuse, raising=False)
    with pytest.raises(BadInputError) as caught:
        load(path)
    assert_reported(caught.value, str(path), "path", "a readable file (permission denied)")


@pytest.mark.parametrize("path", ["null\0.json", "\ud800.json", "loop\n.json", "b" * 5000])
def test_names_of_no_file(path: str) -> None:
    with pytest.raises(BadInputError) as caught:
        load(path)
    assert (caught.value.file, caught.value.field, caught.value.given) == (path, "path", path)
    assert str(caught.value).isprintable()


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.json"
    path.touch()
    os.truncate(path, 64 * 2**20 + 1)
    monkeypatch.setattr(text_module, "open", None, raising=False)  # its size suffices
    with pytest.raises(BadInputError) as caught:
        load(path)
    assert caught.value.given == 64 * 2**20 + 1
    assert_reported(caught.value, str(path), "size", "at most 67108864 bytes")


def test_the_size_limit_is_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "instance.json"
    text = json.dumps(VALID)
    path.write_text(text)
    monkeypatch.setattr(text_module, "LARGEST_FILE", len(text))
    assert load(path) == loads(text)
    monkeypatch.setattr(text_module, "LARGEST_FILE", len(text) - 1)
    with pytest.raises(BadInputError) as caught:
        load(path)
    assert_reported(caught.value, str(path), "size", f"at most {len(text) - 1} bytes")
    with pytest.raises(BadInputError) as caught:
        loads(text, "stream")
    assert_reported(caught.value, "stream", "size", f"at most {len(text) - 1} bytes")
    monkeypatch.setattr(text_module.os, "stat", lambda _: os.stat_result([stat.S_IFREG, *[0] * 9]))
    with pytest.raises(BadInputError) as caught:
        load(path)
    assert_reported(caught.value, str(path), "size", f"at most {len(text) - 1} bytes")


def test_errors_survive_pickling() -> None:
    with pytest.raises(BadInputError) as caught:
        loads("{}", "empty.json")
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert again.given is Missing.MISSING


# Mutants of valid files: nothing but BadInputError

WRONG: list[Any] = [
    *(None, True, False, [], [[]], [[[]]], {}, {"name": []}),
    *(float("nan"), float("inf"), float("-inf"), *("@" + raw for raw in RAW)),
    *("", "abc", "1/0", "nan", "1_000", "1e999999999", "0x1p-99999999", "\ud800", "1" * 100_000),
]


def sites(value: Any, fields_only: bool = False) -> list[tuple[Any, Any]]:
    """Every place in a document, as its container and its key or index."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    here = [] if fields_only and isinstance(value, list) else [(value, key) for key in keys]
    return here + [site for key in keys for site in sites(value[key], fields_only)]


documents = instances().map(dumps).map(json.loads)


def refused(text: str | bytes) -> None:
    with pytest.raises(BadInputError) as caught:
        loads(text, "mutant.json")
    error = caught.value
    assert str(error).startswith(f"mutant.json: {error.field}=")
    assert str(error).endswith(f": {error.required}")
    assert str(error).isprintable()
    assert len(str(error)) < 2000


@settings(max_examples=300, deadline=None)
@given(documents, st.data())
def test_a_wrong_value_anywhere_is_refused(document: dict[str, Any], data: st.DataObject) -> None:
    container, key = data.draw(st.sampled_from(sites(document)))
    container[key] = data.draw(st.sampled_from(WRONG))
    refused(text_of(document))


@given(documents, st.data())
def test_a_dropped_renamed_added_or_repeated_field_is_refused(document: dict[str, Any], data: st.DataObject) -> None:
    container, key = data.draw(st.sampled_from(sites(document, fields_only=True)))
    change = data.draw(st.sampled_from(["drop", "rename", "add", "repeat"]))
    value = container[key] if change in ("add", "repeat") else container.pop(key)
    if change in ("rename", "add"):
        container[data.draw(st.text().filter(lambda name: name not in FIELDS))] = value
    if change == "repeat":
        container["@twice"] = value
    refused(json.dumps(document).replace('"@twice"', json.dumps(key)))


FIELDS = {"c", "delta", *(key for container, key in sites(VALID, fields_only=True)), "lambda"}


@given(documents.map(json.dumps), st.data())
def test_a_truncated_file_is_refused(text: str, data: st.DataObject) -> None:
    refused(text[: data.draw(st.integers(0, len(text) - 1))].encode())


def refused_or_kept(text: str | bytes) -> None:
    """The text is refused properly, or it is an instance in its own right."""
    try:
        instance = loads(text, "mutant.json")
    except BadInputError:
        refused(text)
    else:
        assert loads(dumps(instance)) == instance
        assert all(sum((atom.p for atom in task.atoms), fmpq(0)) == 1 for task in instance.tasks)


@pytest.mark.ci
@settings(max_examples=300, deadline=None)
@given(
    instances().map(dumps),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1),
)
def test_flipped_bytes_are_refused_or_harmless(text: str, flips: list[tuple[float, int]]) -> None:
    mutant = bytearray(text.encode())
    for place, bits in flips:
        mutant[int(place * len(mutant))] ^= bits
    refused_or_kept(bytes(mutant))


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(), inner),
    max_leaves=8,
)


@pytest.mark.ci
@settings(max_examples=300, deadline=None)
@given(documents, ANY_JSON, st.data())
def test_any_value_anywhere_is_refused_or_harmless(document: Any, value: Any, data: st.DataObject) -> None:
    container, key = data.draw(st.sampled_from(sites(document)))
    container[key] = value
    refused_or_kept(json.dumps(document))


@given(st.one_of(st.binary(), st.text(), st.text(st.characters(categories=["Cs", "Po"])), ANY_JSON.map(json.dumps)))
def test_any_text_at_all_is_refused(text: str | bytes) -> None:
    refused(text)


# Saving


def test_saving_writes_one_whole_file(tmp_path: Path) -> None:
    instance = loads(json.dumps(VALID))
    path = tmp_path / "instance.json"
    path.write_text("old")
    save(instance, path)
    assert path.read_bytes() == dumps(instance).encode()
    assert load(path) == load(str(path)) == instance
    assert list(tmp_path.iterdir()) == [path]


def test_saved_files_have_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    save(loads(json.dumps(VALID)), str(tmp_path / "saved"))
    usual, saved = (stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "saved"))
    assert saved == usual


def test_a_failure_while_saving_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "instance.json"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        save(loads(json.dumps(VALID)), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_saving_into_no_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save(loads(json.dumps(VALID)), tmp_path / "absent" / "instance.json")
    with pytest.raises(IsADirectoryError):
        save(loads(json.dumps(VALID)), tmp_path)
    assert list(tmp_path.iterdir()) == []
