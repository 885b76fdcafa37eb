"""The suite's power: in every family wrong theorems are refuted by search that does not know which one it faces."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from metagap.impl import files
from metagap.impl.falsify import attack, refute
from metagap.impl.families import FAMILIES, META_RL, META_SL, Family, all_claims, judge, loads
from metagap.theory.claim import Mutant, Relation, Verdict
from metagap.theory.mutants.edits import sharpened

from .kinds import families

ROUNDS = {"meta-sl": 10, "meta-rl": 8, "network": 10, "smooth-network": 8, "meta-rl-network": 10}
"""Batches of each generator, 8 where nothing is said."""
EQUIVALENT = {"meta-sl": 2, "meta-rl": 5, "network": 3, "smooth-network": 0, "meta-rl-network": 1, "any-model": 2}
"""Mutants that are proved to be true, and must not be refuted."""
OPEN = {"meta-rl-t3d-smooth-half"}
"""Generated mutants that are neither refuted nor proved."""


@pytest.mark.ci
@families()
def test_every_wrong_theorem_is_refuted(family: Family, effort: int) -> None:
    """At two seeds (five in the ci profile): each kill is certified in balls, with every assumption that the mutant
    kept; the true claim is not hurt. Generated mutants at one seed (five in the ci profile)."""
    for seed in range(1 + effort):
        chosen = [m for m in family.mutants if not m.generated or seed == 0 or effort > 1]
        refuted(family, chosen, seed)


@pytest.mark.ci(every=6)
@families()
def test_some_wrong_theorems_of_every_family_are_refuted(family: Family) -> None:
    refuted(family, [m for m in family.mutants if not m.generated][::12], 0)


def refuted(family: Family, mutants: Sequence[Mutant], seed: int) -> None:
    equivalent = 0
    for found in attack(family, mutants, seed=seed, rounds=ROUNDS.get(family.name, 8), enough=1):
        mutant = found.mutant
        if mutant.equivalent:
            equivalent += 1
            assert found.status == "equivalent", mutant.name
            continue
        if mutant.open:
            assert found.status == "open", f"{mutant.name} is refuted: say so"
            continue
        assert found.status == "refuted", mutant.name
        worst = found.worst()
        assert worst is not None
        assert refute(mutant, worst.instance) is not None
        apart = worst.gap.lo > worst.bound.hi
        assert apart or (mutant.relation is Relation.EQUAL and worst.gap.hi < worst.bound.lo)
        claim = family.claim(mutant.claim)
        assert claim is not None
        verdict = judge(worst.instance, (claim,)).claims[0].verdict
        fine = (Verdict.OUTSIDE,) if mutant.drops else (Verdict.PROVED, Verdict.EQUAL)
        if mutant.drops and mutant.bound.text != claim.bound.text:
            # It states another bound, too, which may be false where the claim is true.
            fine = (*fine, Verdict.PROVED, Verdict.EQUAL)
        assert verdict in fine, mutant.name
    assert equivalent == sum(mutant.equivalent for mutant in mutants)


SHRUNK = (
    ("meta-sl", "no-hessian"),
    ("meta-rl", "rl-half-constant"),
    ("meta-rl", "rl-prior-visitation"),
    ("meta-rl", "rl-no-lookahead"),
    ("network", "network-no-hessian"),
    ("network", "network-u-unadapted"),
    ("smooth-network", "smooth-network-no-fold"),
    ("meta-rl-network", "rl-network-no-error-term"),
    ("meta-rl-network", "rl-network-no-lookahead"),
    ("meta-rl-network", "rl-network-other-kinks"),
    ("meta-rl-smooth-network", "rl-smooth-no-propagation"),
    ("meta-rl-smooth-network", "rl-smooth-half-bend"),
)


@pytest.mark.ci(every=12)
@pytest.mark.parametrize(("family", "name"), SHRUNK)
def test_witnesses_shrink_and_stay_certified(family: str, name: str) -> None:
    (mutant,) = (m for m in FAMILIES[family].mutants if m.name == name)
    (found,) = attack(FAMILIES[family], (mutant,), seed=1, rounds=6)
    simplest, worst = found.simplest(), found.worst()
    assert simplest is not None and worst is not None
    assert refute(mutant, simplest.instance) is not None
    assert simplest.instance.numbers <= min(60, worst.instance.numbers, *(r.instance.numbers for r in found.found))
    assert loads(files.dumps(simplest.instance)).sha256 == simplest.instance.sha256


def test_features_visitations_and_advantages_are_seen_by_the_exact_steps() -> None:
    """Inequalities at ordinary comparators hardly notice them; the identity's steps do at the first batch."""
    exact = [m for m in META_RL.mutants if m.claim in ("meta-rl-s1", "meta-rl-s2")]
    assert len(exact) >= 7
    for found in attack(META_RL, exact, seed=5, rounds=2):
        assert found.first is not None
        assert found.first.generator == "arbitrary"


def test_the_mutants_cover_what_was_promised() -> None:
    wanted = {
        "no-hessian",
        "hessian-at-adapted",
        "w-at-omega",
        "u-unadapted",
        "no-stationarity-term",
        "half-constant",
        "free-infimum",
        "uniform-norms",
        "first-order-eps",
        "mixed-zero-over-zero",
    }
    assert wanted <= {m.name for m in META_SL.mutants if not m.equivalent}
    assert sum(not m.equivalent for m in META_RL.mutants) >= 19


@families()
def test_every_claim_has_a_wrong_version(family: Family) -> None:
    """The headlines aside, which are the lifted form against a certified comparator."""
    attacked = {mutant.claim for mutant in family.mutants if not (mutant.equivalent or mutant.generated)}
    assert attacked >= {claim.name for claim in family.claims}


@families()
def test_every_half_and_every_dropped_summand_is_among_the_wrong_theorems(family: Family) -> None:
    stated = {(mutant.claim, mutant.left, mutant.relation, mutant.bound) for mutant in family.mutants}
    for claim in family.claims:
        edits = list(sharpened(claim))
        assert len(edits) >= len(claim.bound.summands) or claim.bound.names == ("zero",)
        for name, _, edit in edits:
            wrong = edit(claim)
            assert (claim.name, wrong.left, wrong.relation, wrong.bound) in stated, name
    assert sum(mutant.equivalent for mutant in family.mutants) == EQUIVALENT.get(family.name, 0)
    assert {mutant.name for mutant in family.mutants if mutant.open} == {
        n for n in OPEN if family.claim(n.removesuffix("-half"))
    }


def test_a_half_is_smaller_and_what_is_left_out_is_missing() -> None:
    """At positive values every edit makes a bound smaller by a summand or by half of it; a subtracted one counts
    twice."""
    rng = random.Random(0)
    for claim in all_claims():
        values = {name: rng.uniform(1, 2) for name in (*claim.left.names, *claim.bound.names)}
        terms = [term(values.__getitem__) for term in claim.bound.summands]
        for name, title, edit in sharpened(claim):
            wrong = edit(claim)
            lost = sum(terms) - wrong.bound(values.__getitem__)
            if wrong.left != claim.left:
                assert claim.relation is Relation.EQUAL and len(wrong.left.summands) < len(claim.left.summands)
                continue
            expected = [abs(t) if "-no-" in name or t < 0 else t / 2 for t in terms]
            assert any(lost == pytest.approx(e, rel=1e-12) for e in expected), title
