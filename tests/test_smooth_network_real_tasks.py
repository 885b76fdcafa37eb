"""Smooth networks trained on real tasks: every claim is decided, and the error terms shrink as the networks widen."""

from __future__ import annotations

import pytest
from metagap.impl.families import judge
from metagap.impl.models.activation import ACTIVATIONS
from metagap.impl.real_tasks import networks as real_tasks
from metagap.theory.claim import Verdict

pytestmark = pytest.mark.ci


@pytest.mark.parametrize("name", ["sinusoid", "digits"])
def test_trained_networks_are_judged(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    monkeypatch.setattr(real_tasks, "SMOOTH_WIDTHS", (16, 64))
    errors: dict[str, list[float]] = {}
    for label, instance in getattr(real_tasks, name)(ACTIVATIONS):
        judgement = judge(instance)
        assert {c.verdict for c in judgement.claims} <= {Verdict.PROVED, Verdict.EQUAL}, label
        gap = judgement["smooth-network-lifted"].gap
        assert gap is not None
        # The trained network beats the initial one; nothing beats the label means of the squared loss.
        assert gap.lo > 0 or "label means" in label
        if "label means" in label:
            activation = label.split(", ")[1]
            found = judgement["smooth-network-error-pointwise"].terms
            errors.setdefault(activation, []).append(found["error_pointwise"].middle)
    assert len(errors) == 2
    for narrow, wide in errors.values():
        assert wide < narrow


def test_few_shot_networks_are_judged() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    (_, trained), (_, initial) = real_tasks.few_shot("tanh")
    gaps = []
    for instance in (trained, initial):
        judgement = judge(instance)
        decided = {c.claim: c.verdict for c in judgement.claims}
        assert decided.pop("smooth-network-c4") is Verdict.OUTSIDE  # softmax is not strongly convex
        assert set(decided.values()) <= {Verdict.PROVED, Verdict.EQUAL}
        gaps.append(judgement["smooth-network-lifted"].gap)
    assert gaps[0] is not None and gaps[1] is not None and gaps[0].hi < 0 < gaps[1].lo
