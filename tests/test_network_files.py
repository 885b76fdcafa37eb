"""Network instance files: lossless, named by the same kind of text, refused on one line."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import fmpq
from metagap.impl import files
from metagap.impl.arithmetic import rational
from metagap.impl.families import NETWORK, loads
from metagap.impl.models.weights import Inputs, Weights, limbs, row_distances, signs, squared_distance
from metagap.impl.sources import Generator, RandomSource
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import NetworkInstance

VALID: dict[str, Any] = {
    "format": "metagap/instance/1",
    "problem": "meta-sl",
    "loss": {"name": "squared"},
    "adaptation": {"name": "gradient", "eta": 0.25, "steps": 1},
    "model": {"name": "relu-network", "b": [1, -1], "W0": [[1.0, 0.5], ["1/3", -1.0]]},
    "features": [[1.0, 0.0], [0.5, 1.0]],
    "tasks": [{"weight": 1.0, "atoms": [{"x": 0, "y": 1.0, "p": 0.25}, {"x": 1, "y": -1.0, "p": 0.75}]}],
    "omega": [[1.0, 0.25], [0.5, -1.0]],
    "comparator": [[0.0, 1.0], ["1e-400", 4.0]],
    "radius": 4.0,
}


def test_what_is_written_is_read_back() -> None:
    instance = loads(json.dumps(VALID))
    assert isinstance(instance, NetworkInstance)
    assert instance.initial.row(1) == (fmpq(1, 3), fmpq(-1))
    again = loads(files.dumps(instance))
    assert again == instance
    assert again.sha256 == instance.sha256


@pytest.mark.parametrize("model", [{"name": "relu-network"}, {"name": "smooth-network", "activation": "tanh"}])
def test_steps_are_read_back(model: dict[str, Any]) -> None:
    document = {
        **VALID,
        "adaptation": {"name": "gradient", "eta": "1/3", "steps": 1000},
        "model": {**VALID["model"], **model},
    }
    instance = loads(json.dumps(document))
    assert isinstance(instance, NetworkInstance)
    assert instance.adaptation == Gradient(fmpq(1, 3), 1000)
    again = loads(files.dumps(instance))
    assert again == instance
    fewer = replace(instance, adaptation=Gradient(fmpq(1, 3), 999))
    assert again.sha256 == instance.sha256 != fewer.sha256


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("generator", NETWORK.generators, ids=lambda g: g.name)
def test_generated_instances_are_valid_files(generator: Generator) -> None:
    for position, loss in enumerate(generator.variants):
        with np.errstate(all="ignore"):
            batch = generator.build(RandomSource((1, position), 4), loss)
        for b in range(len(batch)):
            instance = batch.instance(b)
            if instance.width <= 64:
                assert loads(files.dumps(instance)) == instance


def test_the_name_is_the_hash_of_the_text_of_every_instance() -> None:
    """The quick way to the text of a million weights is the way of all instances."""
    instance = loads(json.dumps(VALID))
    document = instance.canonical.document(lambda q: f"{q.p}/{q.q}")
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    assert instance.sha256 == hashlib.sha256(text.encode()).hexdigest()
    other = replace(instance, omega=Weights.of([(fmpq(1), fmpq(1, 4)), (fmpq(1, 2), fmpq(-1) + fmpq(1, 10**30))]))
    assert other.sha256 != instance.sha256
    assert other != instance


FAULTS: dict[str, tuple[list[tuple[str, Any]], str, str]] = {
    "no steps": ([("adaptation steps", 0)], "adaptation.steps", "an integer 1..1000"),
    "too many steps": ([("adaptation steps", 1001)], "adaptation.steps", "an integer 1..1000"),
    "implicit": ([("adaptation", {"name": "implicit", "lambda": 1.0})], "adaptation.name", "risk is not convex"),
    "b missing": ([("model", {"name": "relu-network", "W0": [[1.0, 1.0]]})], "model.b", "add it"),
    "b not a sign": ([("model b 1", 2)], "model.b[1]", "-1 or 1"),
    "no neurons": ([("model b", [])], "model.b", "one number per neuron"),
    "W0 too short": ([("model W0", [[1.0, 2.0]])], "model.W0", "give m=2 rows"),
    "omega too long": ([("omega", [[1.0, 2.0]] * 3)], "omega", "give m=2 rows"),
    "row too short": ([("omega 1", [1.0])], "omega[1]", "give d=2 numbers"),
    "row of text": ([("omega 1 0", "a")], "omega[1][0]", "a finite number"),
    "comparator a vector": ([("comparator", [1.0, 2.0])], "comparator[0]", "a row of d numbers"),
    "functions too many": ([("comparator", {"functions": [[1.0, 2.0]] * 2})], "comparator.functions", "give n=1 rows"),
    "unknown field": ([("model width", 2)], "model.width", "remove this field"),
    "radius": ([("radius", 0)], "radius", "a number > 0"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_on_one_line(name: str) -> None:
    edits, field, said = FAULTS[name]
    document = copy.deepcopy(VALID)
    for path, value in edits:
        *parents, last = [int(key) if key.isdigit() else key for key in path.split(" ")]
        place: Any = document
        for key in parents:
            place = place[key]
        place[last] = value
    with pytest.raises(files.BadInputError) as caught:
        loads(json.dumps(document), "net.json")
    message = str(caught.value)
    assert message.startswith(f"net.json: {field}=")
    assert said in message
    assert "\n" not in message


def rough(seed: int, shape: tuple[int, int]) -> Weights:
    """Weights of wildly different sizes, some of them no float64 numbers."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape) * 10.0 ** rng.integers(-200, 40, shape)
    rows = [tuple(rational(float(v)) for v in row) for row in values]
    rows[0] = tuple(q / 3 for q in rows[0])
    return Weights.of(rows)


def test_sums_over_neurons_are_exact() -> None:
    weights = rough(1, (7, 3))
    pattern = np.random.default_rng(2).choice([-1.0, 0.0, 1.0], (5, 7))
    expected = [
        [sum((int(c) * weights.row(r)[j] for r, c in enumerate(row)), start=fmpq(0)) for j in range(3)]
        for row in pattern
    ]
    assert weights.sums(pattern) == expected
    assert weights.odd


def test_limbs_lose_nothing() -> None:
    values = np.array([[1e300, -1e-300], [5e-324, 0.1]])
    total = np.zeros(values.shape, dtype=object) + fmpq(0)
    for exponent, whole in limbs(values, 26):
        assert np.abs(whole).max() <= 2.0**26
        for place in np.ndindex(values.shape):
            total[place] += fmpq(int(whole[place])) * fmpq(2) ** exponent
    assert all(total[p] == rational(float(values[p])) for p in np.ndindex(values.shape))


def test_distances_are_exact_or_enclosed() -> None:
    one, other = rough(3, (6, 2)), rough(4, (6, 2))
    squares = [
        sum(((a - b) ** 2 for a, b in zip(one.row(r), other.row(r), strict=True)), start=fmpq(0)) for r in range(6)
    ]
    assert squared_distance(one, other) == sum(squares, start=fmpq(0))
    low, high = row_distances(one, other)
    for r, q in enumerate(squares):
        assert rational(float(low[r])) ** 2 <= q <= rational(float(high[r])) ** 2


def test_signs_within_rounding_are_decided_exactly() -> None:
    """Rows orthogonal to an input up to the rounding of their entries, exact ties, and entries that are no floats."""
    rng = np.random.default_rng(5)
    inputs = Inputs(tuple(tuple(rational(float(v)) for v in row) for row in rng.standard_normal((3, 4))))
    x = inputs.floats[0]
    values = rng.standard_normal((200, 4))
    values -= np.outer(values @ x / (x @ x), x)
    rows = [tuple(rational(float(v)) for v in row) for row in values]
    first = inputs.rows[0]
    rows.append((first[1], -first[0], fmpq(0), fmpq(0)))
    rows.append((fmpq(1, 3) * first[1], -fmpq(1, 3) * first[0], fmpq(0), fmpq(0)))
    weights = Weights.of(rows)
    found = signs(weights, inputs)
    for r, row in enumerate(rows):
        for k, point in enumerate(inputs.rows):
            exact = sum((a * b for a, b in zip(row, point, strict=True)), start=fmpq(0))
            assert found.signs[r, k] == (exact > 0) - (exact < 0)
    assert found.signs[200, 0] == found.signs[201, 0] == 0
    naive = np.sign(weights.floats @ inputs.floats[0])
    assert (naive[:200] != found.signs[:200, 0]).any(), "no row was hard for floats"
