"""Real families: exact, repeatable, trained, and proved."""

from __future__ import annotations

import pytest
import torch
from flint import fmpq
from metagap.impl import files
from metagap.impl.extras import MissingExtraError, require
from metagap.impl.families import judge, loads
from metagap.impl.real_tasks.supervised import REAL_TASKS, diabetes
from metagap.impl.supervised.tensors import TorchProblem
from metagap.impl.supervised.training import train
from metagap.theory.claim import Verdict
from metagap.theory.meta_sl import CLAIMS

pytestmark = pytest.mark.ci


@pytest.mark.parametrize("family", REAL_TASKS.values(), ids=lambda f: f.name)
def test_every_bound_is_proved_on_real_tasks(family: object) -> None:
    built = family.build()  # type: ignore[attr-defined]
    assert len(built) >= 8
    assert len({name for name, _ in built}) == len(built)
    for name, instance in built:
        assert sum((t.weight for t in instance.tasks), start=fmpq(0)) == 1
        assert loads(files.dumps(instance)).sha256 == instance.sha256
        assert max(abs(float(int(v.p)) / float(int(v.q))) for row in instance.features for v in row) <= 4
        judgement = judge(instance, CLAIMS)
        for judged in judgement.claims:
            assert judged.verdict in (Verdict.PROVED, Verdict.EQUAL, Verdict.OUTSIDE), (name, judged)
        assert judgement["meta-sl-lifted"].verdict is Verdict.PROVED
        if "; MAML-trained" in name:
            assert judgement["meta-sl-lifted"].terms["eps"].hi < 1e-5


def test_a_family_is_repeatable() -> None:
    first, second = diabetes(), diabetes()
    assert [i.sha256 for _, i in first] == [i.sha256 for _, i in second]


def test_training_goes_down_and_first_order_stops_elsewhere() -> None:
    _, instance = diabetes()[0]
    problem, zero = TorchProblem(instance), (0.0,) * instance.dimension
    points = (
        torch.tensor(p, dtype=torch.float64, requires_grad=True)
        for p in (zero, train(instance), train(instance, first_order=True))
    )
    start, full, first = ((point, problem.meta_objective(point)) for point in points)
    assert full[1] < start[1] and full[1] <= first[1]
    assert float(torch.autograd.grad(full[1], full[0])[0].norm()) < 1e-8
    assert float((full[0] - first[0]).abs().max()) > 1e-4


def test_a_missing_extra_says_what_to_install() -> None:
    with pytest.raises(MissingExtraError, match=r"metagap\[real\]"):
        require("no_such_package")
