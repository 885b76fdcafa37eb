"""The meta-RL audit: every row of the derivation's table has an entry, folds are what they are called, gamma = 1."""

from __future__ import annotations

import json
import re
from string import ascii_uppercase

import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import Balls, Rationals, rational
from metagap.impl.families import META_RL, META_RL_NETWORK, loads
from metagap.impl.files import BadInputError
from metagap.impl.policies.instance import MetaRLInstance
from metagap.impl.policies.network_quantities import ReluPolicyQuantities
from metagap.impl.policies.problem import Problem
from metagap.theory.claim import Ablation, Standing

ABLATIONS, NETWORK_ABLATIONS = META_RL.ablations, META_RL_NETWORK.ablations
LETTERS = ascii_uppercase[:16]
ROWS: dict[str, list[Ablation]] = {
    letter: [a for a in (*ABLATIONS, *NETWORK_ABLATIONS) if a.reason.startswith(f"{letter}: ")] for letter in LETTERS
}


@pytest.mark.parametrize("letter", LETTERS)
def test_every_row_has_an_entry_with_its_letter(letter: str) -> None:
    found = ROWS[letter]
    assert found
    for ablation in found:
        assert re.fullmatch(rf"A\d+|RL-{letter}|", ablation.identifier)
    # What is needed is shown: B is automatic, C, D and N are not needed at all.
    needed = [a for a in found if a.standing is Standing.NEEDED]
    assert bool(needed) == (letter not in "BCDN")
    assert all(a.instance is not None or a.undefined is not None for a in needed)


def test_an_undiscounted_process_is_refused() -> None:
    (ablation,) = (a for a in ABLATIONS if a.undefined is not None)
    document = dict(ablation.undefined or {})
    with pytest.raises(BadInputError) as caught:
        loads(json.dumps(document), "undiscounted.json")
    assert str(caught.value).startswith("undiscounted.json: tasks[0].gamma='1': a number >= 0 and < 1 is required")
    # gamma is all that is wrong with it.
    document["tasks"] = [{**document["tasks"][0], "gamma": "99/100"}]
    assert isinstance(loads(json.dumps(document)), MetaRLInstance)


def fold(where: str) -> MetaRLInstance:
    (ablation,) = (a for a in ABLATIONS if a.title.startswith(f"fold at p = {where} "))
    instance = loads(json.dumps(ablation.instance))
    assert isinstance(instance, MetaRLInstance)
    return instance


def along(instance: MetaRLInstance, shift: fmpq) -> arb:
    """L at the fold's theta, the first entry moved by `shift`."""
    first, *rest = instance.omega
    return Problem(instance, Balls).meta_objective((first + shift, *rest))


@pytest.mark.parametrize(("where", "kind"), [("1/2", (1, 1)), ("4/5", (-1, -1)), ("2/3", (1, -1))])
def test_the_folds_are_what_they_are_called(where: str, kind: tuple[int, int]) -> None:
    """L to the left and to the right of the stationary point: above, below, or one of each; at p as it is called."""
    instance = fold(where)
    with ctx.workprec(128):
        prior = Problem(instance, Balls).prior(instance.omega)[0][0]
        assert abs(float((prior - arb(rational(where))).mid())) < 1e-38
        here = along(instance, fmpq(0))
        for distance in (fmpq(1, 4), fmpq(1, 32)):
            for side, sign in zip((-distance, distance), kind, strict=True):
                assert (along(instance, side) - here) * sign > 0


def test_the_kink_of_l_holds_with_one_rule() -> None:
    """With 1{0 > 0} = 1 in the gradient too: R ||G|| = 2/4 is the gap 1/2, and the misfit is 0."""
    content = next(a.instance for a in NETWORK_ABLATIONS if a.identifier == "RL-L" and a.instance is not None)
    instance = loads(json.dumps(content))
    exact = ReluPolicyQuantities(instance, Rationals)  # type: ignore[arg-type]
    features = exact._with_gates((exact.problem.omega.signs.signs >= 0).astype(float))
    assert exact._paired(features) == fmpq(1, 4)
    assert exact("radius") * exact._paired(features) == fmpq(1, 2) == exact("gap")
    with ctx.workprec(128):
        assert ReluPolicyQuantities(instance)("misfit_other_kinks").upper() < 1e-20  # type: ignore[arg-type]
