"""Training on real tasks: it lowers the meta-objective, and what it returns is judged like everything else."""

from __future__ import annotations

import numpy as np
import pytest
from flint import ctx
from metagap.impl.families import judge
from metagap.impl.real_tasks import networks as real_tasks
from metagap.impl.supervised.relu.quantities import NetworkQuantities
from metagap.theory.claim import Verdict

pytestmark = pytest.mark.ci


@pytest.mark.parametrize("name", ["sinusoid", "digits", "few_shot"])
def test_trained_networks_are_judged(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    monkeypatch.setattr(real_tasks, "WIDTHS", (16, 64))
    built = getattr(real_tasks, name)()
    assert len(built) == {"sinusoid": 6, "digits": 4, "few_shot": 2}[name]
    for label, instance in built:
        judgement = judge(instance)
        verdicts = {c.claim: c.verdict for c in judgement.claims}
        assert Verdict.VIOLATED not in verdicts.values()
        assert Verdict.UNDECIDED not in verdicts.values()
        assert verdicts["network-lifted"] in (Verdict.PROVED, Verdict.EQUAL)
        with ctx.workprec(128):
            gap = NetworkQuantities(instance)("gap")
        # The trained network beats the initial one; nothing beats the label means of the squared loss.
        assert gap < 0 if "the initial network" in label else (gap > 0 or "label means" in label)
        if "label means" in label:
            moved = instance.omega.floats - instance.initial.floats
            assert np.linalg.norm(moved) > 0.1
