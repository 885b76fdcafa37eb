"""Bad instance files: every one is a BadInputError on one line, with what was given and what is required."""

from __future__ import annotations

import json
import os
import pickle
import stat
from pathlib import Path
from typing import Any

import pytest
from metagap.impl.families import load, loads
from metagap.impl.files import BadInputError, Missing
from metagap.impl.files import text as text_module

from .test_files import DROP, IMPLICIT, NESTED, VALID, edited, text_of

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
    "format not text": ([("format", 1)], "format", 1, "an own rule, is required"),
    "problem missing": (
        [("problem", DROP)],
        "problem",
        Missing.MISSING,
        "'meta-sl' or 'meta-rl' or 'any-model' is required",
    ),
    "problem unknown": (
        [("problem", "meta-xl")],
        "problem",
        "meta-xl",
        "'meta-sl' or 'meta-rl' or 'any-model' is required",
    ),
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
        "'gradient' (a network's risk is not convex: no one implicit step; own adaptations are of linear models)",
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
