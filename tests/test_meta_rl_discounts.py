"""Discounts that float64 takes for 1: no traceback, and nothing false is let through as within rounding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flint import arb, arb_mat, ctx, fmpq
from metagap.impl.balls.singular import largest_eigenvalue, smallest_singular_value
from metagap.impl.families import META_RL, judge
from metagap.impl.sources import RandomSource
from metagap.theory.claim import Claim, Expression, Verdict


def wrong(name: str, more: str) -> Claim:
    """The claim with something added to its left side."""
    claim = META_RL.claim(f"meta-rl-{name}")
    assert claim is not None
    return replace(claim, name="wrong", left=Expression(claim.left.text + more))


@pytest.mark.ci(every=5)
@pytest.mark.parametrize("exponent", [20, 40, 53, 60, 200, 1100])
def test_no_false_statement_holds_near_discount_1(exponent: int) -> None:
    """t3b compares returns between -1 and 1, so 9 R more on its left side is false; so is R more in the identity."""
    refuted = 0
    for seed in range(3):
        drawn = META_RL.generator("arbitrary").build(RandomSource((seed, 3), 1), "kl-step").instance(0)
        near = 1 - fmpq(1, 2) ** exponent
        instance = replace(drawn, tasks=tuple(replace(task, gamma=near) for task in drawn.tasks))
        found = judge(instance, [wrong("identity", " + radius"), wrong("t3b", " + 9*radius")]).claims
        assert {claim.verdict for claim in found} <= {Verdict.VIOLATED, Verdict.UNDECIDED, Verdict.OUTSIDE}
        refuted += sum(claim.verdict is Verdict.VIOLATED for claim in found)
        true = judge(instance).claims
        assert Verdict.VIOLATED not in {claim.verdict for claim in true}
    assert refuted or exponent > 1000


@pytest.mark.parametrize("exponent", [0, -600, -1200, 400])
def test_singular_values_do_not_depend_on_the_unit(exponent: int) -> None:
    unit = arb(2) ** exponent
    with ctx.workprec(128):
        matrix = arb_mat([[3 * unit, unit], [unit, 2 * unit], [unit, unit]])
        # The Gram matrix [[11, 6], [6, 6]] has the eigenvalues 15 and 2.
        least, largest = smallest_singular_value(matrix), largest_eigenvalue(matrix.transpose() * matrix)
        assert (least / unit).overlaps(arb(2).sqrt())
        assert (largest / unit**2).overlaps(arb(15))
        assert float((least / unit).rad()) <= 1e-3
        assert float((largest / unit**2).rad()) <= 1e-3
