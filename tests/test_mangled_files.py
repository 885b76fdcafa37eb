"""Instance files mangled at random: nothing but BadInputError."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from metagap.impl.families import loads
from metagap.impl.files import BadInputError, dumps

from .test_files import RAW, VALID, instances, text_of

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


@settings(max_examples=min(25 * settings().max_examples // 4, 300), deadline=None)
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
