"""Meta-RL instance files, generators and shrinking: exact, valid by construction, one line for every bad input."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np
import pytest
from flint import fmpq
from metagap.impl import files
from metagap.impl.falsify import refute
from metagap.impl.families import META_RL, loads
from metagap.impl.files import BadInputError, Missing
from metagap.impl.policies.generate import ADAPTATIONS, DISCOUNTS, arbitrary
from metagap.impl.policies.instance import Adaptation, MetaRLInstance, Policies
from metagap.impl.policies.smaller import smaller
from metagap.impl.shrink import shrink
from metagap.impl.sources import Generator, RandomSource

from .test_files import DROP
from .test_files import edited as edited_document

VALID: dict[str, Any] = {
    "format": "metagap/instance/1",
    "problem": "meta-rl",
    "model": {"name": "linear"},
    "features": [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [0.5, -1.0]], [[0.0, 0.0], [0.0, 0.0]]],
    "tasks": [
        {
            "weight": 0.5,
            "gamma": 0.5,
            "P": [[[0, 1, 0], [0, 0.5, 0.5]], [["1/3", "1/3", "1/3"], [1, 0, 0]], [[0, 0, 1], [0, 0, 1]]],
            "r": [[1, 0], [0, 2], [0, 0]],
            "start": [0.5, 0.5, 0],
        },
        {
            "weight": 0.5,
            "gamma": 0,
            "P": [[[1, 0, 0], [0, 1, 0]], [[1, 0, 0], [0, 1, 0]], [[0, 0, 1], [0, 1, 0]]],
            "r": [[0, 1], [0, -1], [3, "1/7"]],
            "start": [1, 0, 0],
        },
    ],
    "tau": 1,
    "eta": -0.5,
    "adaptation": {"name": "kl-step"},
    "omega": [0.5, -1],
    "comparator": {"policies": [[[1, 0], [0.5, 0.5], [0.25, 0.75]], [[0, 1], ["1/3", "2/3"], [1, 0]]]},
    "radius": 4,
}
edited = partial(edited_document, valid=VALID)


def test_the_model_may_be_left_out_and_adaptations_are_read() -> None:
    whole = loads(json.dumps(VALID))
    assert loads(json.dumps(edited(("model", DROP)))) == whole
    assert isinstance(whole, MetaRLInstance)
    assert whole.shape == (3, 2, 2)
    assert whole.tasks[0].transitions[1][0] == (fmpq(1, 3),) * 3
    for name in ADAPTATIONS:
        instance = loads(json.dumps(edited(("adaptation name", name), ("comparator", [1, "1/3"]))))
        assert isinstance(instance, MetaRLInstance)
        assert instance.adaptation is Adaptation(name)
        assert instance.comparator == (fmpq(1), fmpq(1, 3))
        assert loads(files.dumps(instance)).sha256 == instance.sha256


def test_float_rows_are_renormalised_and_noted() -> None:
    rows = [0.1, 0.2, 0.7]
    instance = loads(json.dumps(edited(("tasks 0 P 0 1", rows), ("comparator policies 1 2", [0.9, 0.1 + 1e-14]))))
    assert isinstance(instance, MetaRLInstance)
    assert isinstance(instance.comparator, Policies)
    assert sum(instance.tasks[0].transitions[0][1], start=fmpq(0)) == 1
    assert sum(instance.comparator.values[1][2], start=fmpq(0)) == 1
    assert [note.split(":")[0] for note in instance.notes] == ["tasks[0].P[0][1]", "comparator.policies[1][2]"]
    assert "probabilities summed to 1 - 2.77556e-17 and were renormalised" in instance.notes[0]
    again = loads(files.dumps(instance))
    assert again == instance
    assert again.notes == ()
    assert again.sha256 == instance.sha256


P = "tasks 0 P"
BAD: dict[str, tuple[list[tuple[str, Any]], str, Any, str]] = {
    # what is wrong: the edits of VALID, then field, given and words of the requirement
    "model unknown": (
        [("model name", "forest")],
        "model.name",
        "forest",
        "'linear', 'relu-network' or 'smooth-network' is required",
    ),
    "tau missing": ([("tau", DROP)], "tau", Missing.MISSING, "add it"),
    "tau zero": ([("tau", 0)], "tau", 0, "a number > 0"),
    "radius zero": ([("radius", 0)], "radius", 0, "a number > 0"),
    "gamma one": ([("tasks 1 gamma", 1)], "tasks[1].gamma", 1, "a number >= 0 and < 1"),
    "gamma negative": ([("tasks 1 gamma", "-1/2")], "tasks[1].gamma", "-1/2", "a number >= 0 and < 1"),
    "weights": ([("tasks 1 weight", 0.25)], "tasks[*].weight", [0.5, 0.25], "weights summed to 1 - 0.25"),
    "row sum": ([(f"{P} 0 1", [0, 0.5, 0.25])], "tasks[0].P[0][1]", [0, 0.5, 0.25], "probabilities summed to 1 - 0.25"),
    "row sum, exact": (
        [(f"{P} 0 1", ["0", "1/2", "0.49"])],
        "tasks[0].P[0][1]",
        ["0", "1/2", "0.49"],
        "exactly 1 (all are exact strings)",
    ),
    "row negative": ([(f"{P} 0 1", [0, 1.5, -0.5])], "tasks[0].P[0][1][2]", -0.5, "a number >= 0"),
    "row short": ([(f"{P} 1 0", [0.5, 0.5])], "tasks[0].P[1][0]", [0.5, 0.5], "3 numbers, one per next state"),
    "rows missing": ([(f"{P} 1", [[1, 0, 0]])], "tasks[0].P[1]", [[1, 0, 0]], "give 2 rows"),
    "states missing": ([("tasks 1 P", [])], "tasks[1].P", [], "give S=3 lists"),
    "rewards short": ([("tasks 1 r", [[0, 0]])], "tasks[1].r", [[0, 0]], "give S=3 rows"),
    "rewards row": ([("tasks 1 r 2", [0])], "tasks[1].r[2]", [0], "give A=2 numbers"),
    "reward text": ([("tasks 1 r 2 0", "many")], "tasks[1].r[2][0]", "many", "a finite number"),
    "start sum": ([("tasks 1 start", [1, 1, 0])], "tasks[1].start", [1, 1, 0], "summed to 1 + 1"),
    "start short": ([("tasks 1 start", [1])], "tasks[1].start", [1], "one per state"),
    "task fields": ([("tasks 0 s", 1)], "tasks[0].s", 1, "the fields weight, gamma, P, r, start"),
    "task without P": ([("tasks 0 P", DROP)], "tasks[0].P", Missing.MISSING, "add it"),
    "no tasks": ([("tasks", [])], "tasks", [], "at least one task"),
    "no states": ([("features", [])], "features", [], "at least one state"),
    "no actions": ([("features 0", [])], "features[0]", [], "at least one action"),
    "no dimension": ([("features 0 0", [])], "features[0][0]", [], "at least one number"),
    "features ragged": ([("features 1", [[1, 0]])], "features[1]", [[1, 0]], "give A=2 rows"),
    "features row": ([("features 1 1", [1])], "features[1][1]", [1], "give d=2 numbers"),
    "omega": ([("omega", [1])], "omega", [1], "give d=2 numbers"),
    "comparator": ([("comparator", [1, 2, 3])], "comparator", [1, 2, 3], "give d=2 numbers"),
    "policies": ([("comparator policies", [])], "comparator.policies", [], "give n=2 policies"),
    "policy rows": ([("comparator policies 0", [[1, 0]])], "comparator.policies[0]", [[1, 0]], "give 3 rows"),
    "policy row": (
        [("comparator policies 0 1", [0.5, 0.6])],
        "comparator.policies[0][1]",
        [0.5, 0.6],
        "probabilities summed to 1 + 0.1",
    ),
    "policy negative": (
        [("comparator policies 0 1", [1.5, -0.5])],
        "comparator.policies[0][1][1]",
        -0.5,
        "a number >= 0",
    ),
    "adaptation": (
        [("adaptation name", "implicit")],
        "adaptation.name",
        "implicit",
        "kl-step, gradient, rational-step",
    ),
    "adaptation with steps": ([("adaptation steps", 1)], "adaptation.steps", 1, "remove this field"),
}


@pytest.mark.parametrize("edits, field, given, words", BAD.values(), ids=list(BAD))  # noqa: PT006
def test_bad_files(edits: list[tuple[str, Any]], field: str, given: Any, words: str) -> None:
    with pytest.raises(BadInputError) as caught:
        loads(json.dumps(edited(*edits)), "bad.json")
    error = caught.value
    assert (error.field, error.given) == (field, given)
    assert words in error.required
    assert str(error).startswith(f"bad.json: {field}=")
    assert "\n" not in str(error)


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("generator", META_RL.generators, ids=lambda g: g.name)
def test_generated_instances_are_valid_files(generator: Generator) -> None:
    """Nothing is filtered: every generated instance passes the reader's validation."""
    for position, variant in enumerate(generator.variants):
        with np.errstate(all="ignore"):
            batch = generator.build(RandomSource((1, position), 6), variant)
            again = generator.build(RandomSource((1, position), 6), variant)
        assert len(batch.take([0, 2])) == 2
        for b in range(len(batch)):
            instance = batch.instance(b)
            assert loads(files.dumps(instance)) == instance
            assert instance.sha256 == again.instance(b).sha256


def test_structure_is_covered() -> None:
    """Shapes, discounts, step sizes and temperatures over orders of magnitude, absorbing and unreachable states."""
    shapes, discounts, tau, eta = set(), set(), set(), set()
    sure = unreachable = 0
    for seed in range(150):
        batch = arbitrary(RandomSource(seed, 4), "kl-step")
        shapes.add(batch.shape)
        discounts |= set(batch.gamma.ravel())
        tau |= set(batch.tau)
        eta |= set(np.abs(batch.eta))
        sure += bool((batch.transitions.max(4) == 1).all())
        visited = (batch.start > 0) | (batch.transitions.max((2, 3)) > 0)
        unreachable += bool((~visited).any())
    assert {s[0] for s in shapes} == {1, 2, 3, 4}
    assert {s[1] for s in shapes} == {1, 2, 3, 4, 5}
    assert {s[2] for s in shapes} == {2, 3}
    assert {s[3] for s in shapes} == {1, 2, 3}
    assert discounts == set(DISCOUNTS)
    assert max(tau) / min(tau) >= 1e3
    assert max(eta) / min(eta - {0}) >= 5e3
    assert 0 in eta
    assert min(sure, unreachable) >= 10


def test_shrinking_never_leaves_the_valid_instances() -> None:
    with np.errstate(all="ignore"):
        batch = META_RL.generator("policies").build(RandomSource(7, 4), "kl-step")
    seen = 0

    def keeps(candidate: Any) -> bool:
        nonlocal seen
        seen += 1
        assert loads(files.dumps(candidate)) == candidate
        return seen % 3 == 0

    for b in range(4):
        shrink(batch.instance(b), keeps, smaller)
    assert seen > 200


def test_a_witness_stays_a_witness_while_it_shrinks() -> None:
    half = next(m for m in META_RL.mutants if m.name == "rl-half-constant")
    with np.errstate(all="ignore"):
        batch = META_RL.generator("tangent").build(RandomSource(3, 8), "kl-step")
    start = next(i for i in map(batch.instance, range(8)) if refute(half, i) is not None)
    ended = shrink(start, lambda i: refute(half, i) is not None, smaller)
    assert refute(half, ended) is not None
    assert ended.numbers < start.numbers
