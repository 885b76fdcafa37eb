"""Readers refuse what they must, one fault each; witnesses that refute nothing are not called refuted, nor replayed."""

from __future__ import annotations

import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from metagap.impl import families
from metagap.impl.files import BadInputError
from metagap.impl.files.records import Record
from metagap.impl.files.text import document
from metagap.impl.optimum.certificate import loads
from metagap.impl.own_tasks import TaskSource
from metagap.reports import check_witness as checker
from metagap.reports import witnesses
from metagap.reports.cli.options import number, whole
from metagap.reports.cli.own_tasks import ColumnOptions, InnerOptions, tasks_at
from metagap.reports.formats import rows
from metagap.reports.formats.auditing import FactorRow, SlackRow, ThresholdRow
from metagap.reports.witnesses import KEPT
from msgspec import to_builtins

from .test_checker_by_hand import honest

WITNESS = KEPT / "mutant-half-constant-simplest.json"

GOOD: dict[str, Any] = {
    "format": "metagap/instance/1", "problem": "meta-sl", "loss": {"name": "huber", "delta": 1},
    "adaptation": {"name": "gradient", "eta": "1/3", "steps": 2}, "model": {"name": "linear"},
    "features": [[1, 0], [0, 1]],
    "tasks": [{"weight": "1/3", "atoms": [{"x": 0, "y": 1, "p": 1}]},
              {"weight": "2/3", "atoms": [{"x": 0, "y": 1, "p": "1/4"}, {"x": 1, "y": 2, "p": "3/4"}]}],
    "omega": [1, 0], "comparator": [0, 1], "radius": 1,
}  # fmt: skip


def altered(path: str, value: Any) -> str:
    document = json.loads(json.dumps(GOOD))
    *outer, last = path.split(".")
    place = document
    for name in outer:
        place = place[int(name) if isinstance(place, list) else name]
    place[int(last) if isinstance(place, list) else last] = value
    return json.dumps(document)


BAD = {
    "weights that sum to 4/3": altered("tasks.0.weight", "2/3"),
    "masses that sum to 1/2": altered("tasks.1.atoms.1.p", "1/4"),
    "a negative mass": altered("tasks.1.atoms", [{"x": 0, "y": 1, "p": "-1/4"}, {"x": 1, "y": 2, "p": "5/4"}]),
    "a negative index": altered("tasks.0.atoms.0.x", -1),
    "an index that is too large": altered("tasks.0.atoms.0.x", 2),
    "a radius of 0": altered("radius", 0),
    "delta = 0": altered("loss.delta", 0),
    "no steps": altered("adaptation.steps", 0),
    "rows of unequal lengths": altered("features.1", [1]),
    "a parameter that is too short": altered("omega", [1]),
    "an unknown field": altered("more", 1),
    "an unknown loss": altered("loss.name", "hinge"),
    "a fraction over 0": altered("radius", "1/0"),
    "no number": altered("radius", "one"),
    "a number of a million bits": altered("radius", "1e999999"),
    "not a number": json.dumps(GOOD).replace('"radius": 1', '"radius": NaN'),
    "infinity": json.dumps(GOOD).replace('"radius": 1', '"radius": Infinity'),
    "a field given twice": json.dumps(GOOD).replace('"radius": 1', '"radius": 1, "radius": 2'),
    "another format": json.dumps(GOOD).replace("metagap/instance/1", "metagap/instance/9"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_instance_is_refused(name: str) -> None:
    families.loads(json.dumps(GOOD))
    with pytest.raises(BadInputError) as caught:
        families.loads(BAD[name])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["hash", "length of at", "tree"])
def test_a_bad_certificate_is_refused(name: str) -> None:
    text = honest("one step").dumps()
    assert loads(text).lower == honest("one step").lower
    content = json.loads(text)
    field, value = {
        "hash": ("sha256", "0" * 64),
        "length of at": ("at", [*content["at"], 0]),
        "tree": ("tree", content["tree"][:-8]),
    }[name]
    with pytest.raises(BadInputError):
        loads(json.dumps(content | {field: value}))


@pytest.mark.parametrize("name", ["lower", "at", "sha256", "radius"])
def test_a_field_of_a_certificate_that_is_given_twice_is_refused(name: str) -> None:
    """Where the last one is right, too: another reader may take the first."""
    text = honest("one step").dumps()
    loads(text)
    assert text.count(f'\n "{name}":') == 1
    with pytest.raises(BadInputError, match="given once"):
        loads(text.replace(f'\n "{name}":', f'\n "{name}": 0, "{name}":'))


CSV = "task,y,a,b\nfirst,1,0.5,2\nsecond,1,0.5,2\n"
BAD_TABLES = {
    "a row that is too long": (CSV + "first,1,2,3,4\n", "line 4="),
    "a feature given twice": (CSV.replace("a,b", "a,a"), "header[3]='a'"),
    "a label given twice": (CSV.replace("a,b", "a,y"), "one column named 'y'"),
    "a column without a name": (CSV.replace("a,b", "a,"), "header[3]=''"),
    "an infinite number": (CSV.replace("0.5", "inf"), "line 2, column a='inf'"),
    "a number beyond float64": (CSV.replace("0.5", "1e999"), "line 2, column a='1e999'"),
    "digits of another script": (CSV.replace("0.5", "\u0661"), "line 2, column a="),
    "an underscore in a number": (CSV.replace("0.5", "1_0"), "line 2, column a='1_0'"),
    "a row of no task": (CSV.replace("second", ""), "line 3, column task='': the name of a task, not an"),
    "a null character": (CSV.replace("second", "se\0cond"), "fields without control characters"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "tasks.csv"
    path.write_text(CSV, encoding="utf-8")
    TaskSource(str(path)).load()
    text, place = BAD_TABLES[name]
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError) as caught:
        TaskSource(str(path)).load()
    assert place in str(caught.value)


def archive(**members: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **({"X": np.ones((2, 1)), "y": np.ones(2), "task": np.array(["a", "b"])} | members))
    return file.getvalue()


BAD_ARCHIVES = {
    "something after it": (archive() + b"more", "nothing before or after it"),
    "something before it": (b"more" + archive(), "nothing before or after it"),
    "dates": (archive(y=np.array(["2020-01-01", "2020-01-02"], dtype="M8[D]")), "y='datetime64[D]'"),
    "complex numbers": (archive(X=np.ones((2, 1)) + 0j), "X='complex128'"),
    "a table of names": (archive(task=np.array([["a"], ["b"]])), "task=(2, 1)"),
}


@pytest.mark.parametrize("name", BAD_ARCHIVES)
def test_a_bad_archive_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "tasks.npz"
    path.write_bytes(archive())
    TaskSource(str(path)).load()
    data, place = BAD_ARCHIVES[name]
    path.write_bytes(data)
    with pytest.raises(BadInputError) as caught:
        TaskSource(str(path)).load()
    assert place in str(caught.value)


class Part(Record):
    sharpness: list[FactorRow]
    thresholds: list[ThresholdRow]
    slack: list[SlackRow]


ROW = {"loss": "logistic", "proved": 0.25, "refuted": 0.5, "curvature": -0.5, "instance": "0" * 64, "file": "kept.json"}
PART: dict[str, Any] = {"sharpness": [], "thresholds": [ROW], "slack": []}
BAD_PARTS = {
    "a list that is missing": json.dumps({"thresholds": [ROW], "slack": []}),
    "a list of another kind": json.dumps(PART | {"more": []}),
    "no number": json.dumps(PART | {"thresholds": [ROW | {"proved": "0.25"}]}),
    "not a number": json.dumps(PART | {"thresholds": [ROW | {"proved": float("nan")}]}),
    "a list given twice": json.dumps(PART).replace("{", '{"slack": [], ', 1),
    "a text that was cut": json.dumps(PART)[:-1],
}


@pytest.mark.parametrize("name", BAD_PARTS)
def test_a_bad_part_of_a_record_is_refused(name: str, tmp_path: Path) -> None:
    def read(content: str) -> object:
        (tmp_path / "part.json").write_text(content)
        return to_builtins(rows(document(tmp_path / "part.json"), Part, "part.json"))

    assert read(json.dumps(PART)) == PART
    with pytest.raises(BadInputError):
        read(BAD_PARTS[name])


def test_options_are_refused_where_they_must_be() -> None:
    """Integers and decimals in ASCII within their ends, exact numbers within theirs."""
    assert whole(1, 64)("64") == 64 and number(0.5, 1)("0.5") == 0.5
    for text in ("0", "65", "1.0", "\u0661", " 1", "1_0", "1" * 30, ""):
        with pytest.raises(typer.BadParameter):
            whole(1, 64)(text)
    for text in ("0.4", "1.1", "nan", "inf", "\u0661", " 1", "0_1", ""):
        with pytest.raises(typer.BadParameter):
            number(0.5, 1)(text)

    def given(loss: str | None, eta: str | None) -> TaskSource:
        return tasks_at("tasks.csv", InnerOptions(loss, eta), ColumnOptions())

    assert given("huber:1/3", "1/3") == given("huber:1/3", "2/6")
    for text in ("1/0", "nan", "1e31", "one", ""):
        with pytest.raises(typer.Exit):
            given(None, text)
    for text in ("huber:0", "huber:-1", "huber:nan", "huber", "hinge", "log-cosh:1"):
        with pytest.raises(typer.Exit):
            given(text, None)


@pytest.mark.parametrize("name", ["a field given twice", "a device", "too many brackets"])
def test_the_checker_of_witnesses_refuses_files(name: str, tmp_path: Path) -> None:
    text = WITNESS.read_text()
    bad = {
        "a field given twice": text.replace('"statement":', '"statement": {}, "statement":', 1),
        "too many brackets": "[" * 40 + "]" * 40,
    }
    path = Path("/dev/null") if name == "a device" else tmp_path / "witness.json"
    if name in bad:
        path.write_text(text)
        assert checker.read(str(path)) == json.loads(text)
        path.write_text(bad[name])
    with pytest.raises(ValueError, match=r"given twice|not a regular file|brackets"):
        checker.read(str(path))


def witness(**changes: Any) -> dict[str, Any]:
    content = json.loads(WITNESS.read_text())
    return content | {"instance": content["instance"] | changes}


def test_a_witness_that_refutes_nothing_is_said_to() -> None:
    """omega itself as comparator leaves no gap; a statement that is true; sides that are not the file's."""
    assert checker.check(witness())[0] == "refuted"
    assert checker.check(witness(comparator=witness()["instance"]["omega"]))[0] == "not refuted"
    true = witness() | {"statement": witness()["statement"] | {"bound": "radius*eps + weight_norm*misfit"}}
    assert checker.check(true)[0] == "not refuted"
    said = witness()
    said["judged"] = said["judged"] | {"left": {"lo": 1000.0, "hi": 1000.0}}
    assert checker.check(said)[0] == "not refuted"
    unknown = witness() | {"statement": witness()["statement"] | {"bound": "no_such_quantity"}}
    assert checker.check(unknown)[0] == "not checked"


def test_a_witness_that_refutes_nothing_is_not_replayed_as_one(tmp_path: Path) -> None:
    assert witnesses.replay(WITNESS).outcome == "still violated"
    harmless = witness(comparator=witness()["instance"]["omega"])
    path = tmp_path / "harmless.json"
    path.write_text(json.dumps(harmless))
    assert witnesses.replay(path).outcome == "fixed"


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sigmoid", "softplus", "root", "product", "quotient",
                                  "sum", "erf", "bell"])  # fmt: skip
def test_the_checkers_own_numbers_contain(name: str) -> None:
    """Ranges of the standard-library checker, against fractions of hundreds of digits."""
    from mpmath import mp, mpf, workdps

    third, seventh = Fraction(1, 3), Fraction(-2, 7)
    with workdps(400):
        a, b = mpf(1) / 3, mpf(-2) / 7
        value = {
            "exp": mp.exp(b), "log": mp.log(a), "tanh": mp.tanh(b), "sigmoid": 1 / (1 + mp.exp(-b)),
            "softplus": mp.log(1 + mp.exp(b)), "root": mp.sqrt(a), "product": mp.exp(b) * b, "quotient": mp.exp(b) / b,
            "sum": mp.exp(b) + b, "erf": mp.erf(b), "bell": 2 / mp.sqrt(mp.pi) * mp.exp(-b * b),
        }[name]  # fmt: skip
        one, other = checker.exactly(third), checker.exactly(seventh)
        e = checker.exp(other)
        found = {
            "product": lambda: e * other, "quotient": lambda: e / other, "sum": lambda: e + other,
            "log": lambda: checker.log(one), "root": lambda: checker.root(one),
        }.get(name, lambda: getattr(checker, name)(other))()  # fmt: skip
        scaled = int(mp.floor(value * mpf(10) ** 350))
        low, high = Fraction(scaled, 10**350), Fraction(scaled + 1, 10**350)
    assert found.low <= low and high <= found.high
    assert found.high - found.low < Fraction(1, 2**200)
