"""What is said of the paper's results says what the claims that carry it assume; instances where it matters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import ctx, fmpq
from metagap.impl.arithmetic import Balls
from metagap.impl.families import FAMILIES, NETWORK, SMOOTH_NETWORK, judge
from metagap.impl.losses import Loss
from metagap.impl.sources import RandomSource
from metagap.impl.supervised import errors
from metagap.impl.supervised.adaptation import Gradient, Implicit
from metagap.impl.supervised.draws import UNUSUAL_LOSSES
from metagap.impl.supervised.instance import Atom, Functions, MetaSLInstance, Task
from metagap.theory.claim import Verdict
from metagap.theory.paper import RESULTS, Result

SAID = {
    "parameter-comparator": "parameter",
    "one-gradient-step": "one gradient step",
    "squared-loss": "squared loss",
    "single-task": "one task",
    "tabular": "tabular",
    "kl-step": "KL step",
    "policy-step": "step on policies",
    "invertible-jacobian": "invertible",
    "contraction": "kappa",
    "numerator-vanishes": "(D)",
    "full-row-rank": "independent",
    "full-action-rank": "independent",
    "regular-data": "regular data",
}
"""Assumptions that not every bound has, and the words that a sentence must have if it rests on a claim with them."""


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.title)
def test_results_name_what_their_claims_assume(result: Result) -> None:
    claims = {claim.name: claim for family in FAMILIES.values() for claim in family.all_claims}
    text = " ".join((result.title, result.reading, result.needs))
    for name in result.claims:
        for assumption in claims[name].assumptions:
            word = SAID.get(assumption.name)
            assert word is None or word in text.replace("One task", "one task"), (name, assumption.name)


def contradicted(adaptation: Gradient | Implicit, comparator: Functions | tuple[fmpq, ...]) -> MetaSLInstance:
    """One task, squared loss, two inputs with one feature and the labels 1 and -1, omega = 0."""
    half, one = fmpq(1, 2), fmpq(1)
    task = Task(one, (Atom(0, one, half), Atom(1, -one, half)))
    return MetaSLInstance(Loss("squared"), adaptation, ((one,), (one,)), (task,), (fmpq(0),), comparator, one)


@pytest.mark.parametrize("adaptation", [Gradient(fmpq(0)), Gradient(fmpq(1, 2), 2), Implicit(fmpq(1))], ids=str)
def test_no_parameter_does_better_and_functions_do(adaptation: Gradient | Implicit) -> None:
    """C1 and C7 are about parameters: here eps = 0, the Jacobian is invertible, and functions are better by 1/2."""
    functions = contradicted(adaptation, Functions(((fmpq(1), fmpq(-1)),)))
    with ctx.workprec(128):
        at = FAMILIES["meta-sl"].quantities(functions)
        assert at("eps").contains(0)
        assert float(at("eps").upper()) <= 1e-30
        assert at("gap").contains(fmpq(1, 2))
        assert at("margin_invertible_jacobian") > 0
    found = judge(functions)
    for name in ("meta-sl-c1", "meta-sl-c7", "meta-sl-c3"):
        assert found[name].verdict is Verdict.OUTSIDE
    for value in (fmpq(1), fmpq(-1, 3), fmpq(10**9)):
        found = judge(contradicted(adaptation, (value,)))
        for name in ("meta-sl-c1", "meta-sl-c7"):
            assert found[name].verdict is Verdict.PROVED
        gap = found["meta-sl-c1"].gap
        assert gap is not None
        assert gap.hi <= 0


def test_full_representation_needs_a_convex_loss() -> None:
    """eps = 0, one task and one input, so that the features are independent: at the top between two wells."""
    one = fmpq(1)
    instance = MetaSLInstance(
        Loss("double-well"), Gradient(fmpq(0)), ((one,),), (Task(one, (Atom(0, fmpq(0), one),)),), (fmpq(0),),
        Functions(((one,),)), one,
    )  # fmt: skip
    with ctx.workprec(128):
        at = FAMILIES["meta-sl"].quantities(instance)
        assert at("margin_full_row_rank") > 0
        assert at("eps").contains(0)
        assert float(at("eps").upper()) <= 1e-30
        assert at("gap") > 0
    assert judge(instance)["meta-sl-c3"].verdict is Verdict.OUTSIDE


class Signed(Balls):
    """Balls for error terms without absolute values."""

    @staticmethod
    def magnitude(t: Any) -> Any:
        return t


@pytest.mark.ci(every=2)
@pytest.mark.parametrize(
    ("family", "name", "less", "more"),
    [
        (NETWORK, "pushed", "error_flips", "error_count"),
        (SMOOTH_NETWORK, "arbitrary", "error_pointwise", "error_ball"),
    ],
    ids=["network", "smooth-network"],
)
def test_errors_grow_with_the_flips_for_every_loss(
    family: Any, name: str, less: str, more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """|E ell''|, not E ell'': with the sign, counts of more flips give smaller errors where the loss is concave."""
    assert "double-well" in UNUSUAL_LOSSES
    refuted = compared = 0
    for seed in range(60):
        with np.errstate(all="ignore"):
            batch = family.generator(name).build(RandomSource((seed, 9), 1), "double-well")
        if batch.signs.shape[1] > 4:
            continue
        instance = replace(batch, steps=1, rate=np.array([0.25])).instance(0)
        with ctx.workprec(128):
            at = family.quantities(instance)
            assert not at(less) > at(more)
            compared += 1
            with monkeypatch.context() as patch:
                patch.setattr(errors, "Balls", Signed)
                wrong = family.quantities(instance)
                refuted += bool(wrong(less) > wrong(more))
    assert compared >= 20
    assert refuted >= 1
