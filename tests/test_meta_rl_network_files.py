"""Meta-RL instance files with a network policy: lossless, refused on one line that says what was required."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from flint import fmpq
from metagap.impl import files
from metagap.impl.families import META_RL_NETWORK, loads
from metagap.impl.files import BadInputError
from metagap.impl.policies.instance import PolicyNetworkInstance
from metagap.impl.sources import Generator, RandomSource

VALID: dict[str, Any] = {
    "format": "metagap/instance/1",
    "problem": "meta-rl",
    "model": {"name": "relu-network", "b": [1, -1], "W0": [[1.0, 0.5], ["1/3", -1.0]]},
    "features": [[[1.0, 0.0], [0.5, 1.0]]],
    "tasks": [{"weight": 1.0, "gamma": 0.5, "P": [[[1.0], [1.0]]], "r": [[1.0, 0.0]], "start": [1.0]}],
    "tau": 0.5,
    "eta": "1/8",
    "adaptation": {"name": "kl-step"},
    "omega": [[1.0, 0.25], [0.5, -1.0]],
    "comparator": [[0.0, 1.0], ["1e-400", 4.0]],
    "radius": 4.0,
}


def test_what_is_written_is_read_back() -> None:
    for comparator in (VALID["comparator"], {"policies": [[["1/3", "2/3"]]]}):
        instance = loads(json.dumps(VALID | {"comparator": comparator}))
        assert isinstance(instance, PolicyNetworkInstance)
        assert instance.family == "meta-rl-network"
        assert instance.initial.row(1) == (fmpq(1, 3), fmpq(-1))
        again = loads(files.dumps(instance))
        assert again == instance
        assert again.sha256 == instance.sha256


@pytest.mark.parametrize("generator", META_RL_NETWORK.generators, ids=lambda g: g.name)
def test_generated_instances_are_valid_files(generator: Generator) -> None:
    for position, variant in enumerate(generator.variants):
        with np.errstate(all="ignore"):
            batch = generator.build(RandomSource((1, position), 4), variant)
        for b in range(len(batch)):
            instance = batch.instance(b)
            assert loads(files.dumps(instance)) == instance


def test_rows_that_nearly_sum_to_one_are_noted_and_named_alike() -> None:
    rough = VALID | {"comparator": {"policies": [[[0.1, 0.9 - 2.0**-53]]]}}
    instance = loads(json.dumps(rough))
    assert instance.notes
    assert instance.canonical.notes == ()
    assert loads(files.dumps(instance.canonical)).sha256 == instance.sha256


@pytest.mark.parametrize(
    ("path", "value", "place", "required"),
    [
        (("adaptation", "name"), "gradient", "adaptation.name='gradient'", "kl-step or rational-step"),
        (("model", "b"), [], "model.b=[]", "a non-empty list"),
        (("model", "b"), [1, 2], "model.b[1]=2", "-1 or 1"),
        (("model", "W0"), [[1.0, 0.5]], "model.W0=", "m rows"),
        (("model", "name"), "tanh-tower", "model.name='tanh-tower'", "'linear', 'relu-network' or 'smooth-network'"),
        (("omega",), [[1.0], [2.0]], "omega[0]=", "one per entry of an input"),
        (("omega",), [1.0, 2.0], "omega[0]=", "one per entry of an input"),
        (("comparator",), {"policies": [[[0.5, 0.25]]]}, "comparator.policies[0][0]", "a sum of 1"),
        (("tau",), 0, "tau=0", "a number > 0"),
        (("radius",), -1, "radius=-1", "a number > 0"),
        (("features",), [[[]]], "features[0][0]", "row of numbers"),
    ],
)
def test_bad_fields_are_named(path: tuple[str, ...], value: object, place: str, required: str) -> None:
    document = copy.deepcopy(VALID)
    target = document
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(BadInputError) as caught:
        loads(json.dumps(document), "task.json")
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"task.json: {place}"), message
    assert required in message, message
