"""Certificates of the search: genuine ones are accepted, what is accepted is true, and a bad file is one line."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metagap.impl import families
from metagap.impl.families import META_SL
from metagap.impl.files import BadInputError
from metagap.impl.optimum import Budget, check, minimise
from metagap.impl.optimum.certificate import loads
from metagap.impl.optimum.headline import ball_of
from metagap.impl.sources import Limits, RandomSource
from metagap.impl.strategies import instances
from metagap.impl.supervised.generate import LANDSCAPES, landscapes
from metagap.impl.supervised.instance import MetaSLInstance

from .test_optimum import FEW, ONE, SEEDS, SMOOTH, some


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("loss", SMOOTH)
@FEW
@given(seed=SEEDS)
def test_genuine_certificates_are_accepted_and_raised_ones_rejected(loss: str, seed: int) -> None:
    instance = some(loss, seed, limits=Limits(tasks=3, points=3, dimension=2))[0]
    found = minimise(instance, ONE, Budget(boxes=4000), checked=False, convexity=False)
    if found.certificate is None:
        return
    outcome = check(found.certificate)
    assert outcome.accepted, outcome.reason
    assert found.lower <= found.upper
    room = 1e-5 * max(abs(found.upper), 1e-3)
    for lie in (
        replace(found.certificate, lower=found.upper + room),
        replace(found.certificate, upper=found.lower - room),
    ):
        assert not check(lie).accepted


@given(instances("landscapes", family=replace(META_SL, generators=(LANDSCAPES,))), st.data())
def test_whatever_is_accepted_is_true(instance: MetaSLInstance, data: st.DataObject) -> None:
    """Certificates are mutated with every checksum recomputed; the bracket of an accepted one must be true."""
    found = minimise(instance, ONE, Budget(boxes=4000), checked=False, convexity=False)
    if found.certificate is None or found.certificate.how != "tree":
        return
    content = json.loads(found.certificate.dumps())
    kind = data.draw(st.sampled_from(["lower", "upper", "tree", "cut", "leaf", "at", "half", "ball", "label"]))
    tree = bytearray(found.certificate.tree)
    if kind in ("lower", "upper"):
        content[kind] += data.draw(st.sampled_from([-1.0, -1e-3, -1e-7, 1e-7, 1e-3, 1.0]))
    elif kind == "tree":
        place = data.draw(st.integers(0, len(tree) - 1))
        tree[place] = data.draw(st.sampled_from(b"\0\1onmgkcrx"))
    elif kind == "cut":
        del tree[data.draw(st.integers(0, len(tree) - 1)) :]
    elif kind == "leaf":
        tree = bytearray(data.draw(st.sampled_from([b"o", b"n", b"m", b"g", b"k", b"c"])))
    elif kind == "at":
        content["at"][0] = data.draw(st.sampled_from([0, "1/2", -0.25, 2]))
    elif kind in ("half", "ball"):
        content[kind] = data.draw(st.sampled_from(["1/2", "1", "2", "1/1024"]))
        content["radius"] = content["ball"]
    else:
        content["instance"]["tasks"][0]["atoms"][0]["y"] = 1
        mutated = json.dumps(content["instance"])

        content["sha256"] = families.loads(mutated).sha256
    content["tree"] = base64.b64encode(zlib.compress(bytes(tree))).decode()
    certificate = loads(json.dumps(content))
    outcome = check(certificate)
    if not outcome.accepted:
        return
    assert certificate.radius is not None
    truth = minimise(certificate.instance, certificate.radius, Budget(seconds=5.0), checked=False)
    assert certificate.lower <= truth.upper
    assert truth.lower <= certificate.upper


@pytest.mark.parametrize(("index", "b"), [(21, 3), (101, 1), (101, 4)])
def test_slopes_beyond_float64_do_not_mislead_the_checker(index: int, b: int) -> None:
    """Poisson's loss after several steps: the checker once split the same side for ever."""
    kind = LANDSCAPES.variants.index("poisson")
    with np.errstate(all="ignore"):
        instance = landscapes(RandomSource((0, index, kind, 7), 8), "poisson").instance(b)
    found = minimise(instance, ball_of(instance))
    assert found.check is not None
    assert found.check.accepted, found.check.reason


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "metagap/certificate/2"),
        ("sha256", "0" * 64),
        ("tree", "?"),
        ("tree", base64.b64encode(zlib.compress(b"n")[:-3]).decode()),
        ("tree", 7),
        ("at", []),
        ("at", ["x"]),
        ("lower", "0"),
        ("lower", None),
        ("upper", float("nan")),
        ("radius", "-1"),
        ("ball", "1/0"),
        ("half", True),
        ("extra", 1),
    ],
)
def test_bad_certificates_are_refused_on_one_line(field: str, value: Any) -> None:
    found = minimise(some("quartic", 3, limits=Limits(dimension=1))[0], ONE, convexity=False)
    assert found.certificate is not None
    content = json.loads(found.certificate.dumps())
    content[field] = value
    with pytest.raises(BadInputError) as caught:
        loads(json.dumps(content))
    assert "\n" not in str(caught.value)
    assert field in str(caught.value)


def test_a_truncated_certificate_is_refused() -> None:
    found = minimise(some("quartic", 3, limits=Limits(dimension=1))[0], ONE)
    assert found.certificate is not None
    text = found.certificate.dumps()
    assert loads(text) == replace(found.certificate, instance=found.certificate.instance.canonical)
    for end in (0, 10, len(text) // 2):
        with pytest.raises(BadInputError):
            loads(text[:end])
