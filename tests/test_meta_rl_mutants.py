"""Wrong meta-RL theorems are refuted by search that does not know which one it faces."""

from __future__ import annotations

import pytest
from metagap.impl.falsify import attack, refute
from metagap.impl.families import META_RL
from metagap.impl.judge import judge
from metagap.theory.claim import Relation, Verdict
from metagap.theory.meta_rl_mutants import MUTANTS


@pytest.mark.parametrize("seed", range(3))
def test_every_wrong_theorem_is_refuted(seed: int) -> None:
    """Each kill is certified in balls, with every assumption that the mutant kept; the true claim is not hurt."""
    for found in attack(META_RL, seed=seed, rounds=8):
        mutant = found.mutant
        if mutant.equivalent:
            assert found.status == "equivalent", mutant.name
            continue
        assert found.status == "killed", mutant.name
        worst = found.worst()
        assert worst is not None
        apart = worst.gap.lo > worst.bound.hi
        assert apart or (mutant.relation is Relation.EQUAL and worst.gap.hi < worst.bound.lo)
        verdict = judge(worst.instance, (META_RL.claim(mutant.claim),)).claims[0].verdict  # type: ignore[arg-type]
        fine = (Verdict.OUTSIDE,) if mutant.drops else (Verdict.PROVED, Verdict.HOLDS)
        assert verdict in fine


@pytest.mark.parametrize("name", ["rl-half-constant", "rl-prior-visitation", "rl-no-lookahead"])
def test_witnesses_shrink_to_a_few_numbers(name: str) -> None:
    mutant = next(m for m in MUTANTS if m.name == name)
    (found,) = attack(META_RL, (mutant,), seed=1, rounds=3)
    small, start = found.simplest(), found.found[0]
    assert small is not None
    assert refute(mutant, small.instance) is not None
    assert small.instance.numbers <= min(start.instance.numbers, 60)


def test_features_visitations_and_advantages_are_seen_by_the_exact_steps() -> None:
    """Inequalities at ordinary comparators hardly notice them; the identity's steps do at the first batch."""
    exact = [m for m in MUTANTS if m.claim in ("meta-rl-s1", "meta-rl-s2")]
    assert len(exact) >= 7
    for found in attack(META_RL, exact, seed=5, rounds=2):
        assert found.first is not None
        assert found.first.generator == "arbitrary"


def test_the_mutants_cover_the_notes() -> None:
    assert sum(not m.equivalent for m in MUTANTS) >= 19
    assert sum(m.equivalent for m in MUTANTS) >= 3
