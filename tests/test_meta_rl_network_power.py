"""The suite's power on network policies: wrong theorems refuted, whatever the seed; witnesses shrink."""

from __future__ import annotations

import pytest
from metagap.impl import files
from metagap.impl.falsify import attack, refute
from metagap.impl.families import META_RL_NETWORK
from metagap.impl.judge import judge
from metagap.theory.claim import Verdict


@pytest.mark.parametrize("seed", range(3))
def test_every_wrong_theorem_is_refuted(seed: int) -> None:
    """Each kill is certified in balls; the true claim is not hurt."""
    for found in attack(META_RL_NETWORK, seed=seed, rounds=10):
        mutant = found.mutant
        if mutant.equivalent:
            assert found.status == "equivalent", mutant.name
            continue
        assert found.status == "killed", mutant.name
        worst = found.worst()
        assert worst is not None
        assert refute(mutant, worst.instance) is not None
        claim = META_RL_NETWORK.claim(mutant.claim)
        assert claim is not None
        assert judge(worst.instance, (claim,)).claims[0].verdict in (Verdict.PROVED, Verdict.HOLDS)


@pytest.mark.parametrize("name", ["rl-network-no-error-term", "rl-network-no-lookahead", "rl-network-other-kinks"])
def test_witnesses_shrink_and_stay_certified(name: str) -> None:
    chosen = [m for m in META_RL_NETWORK.mutants if m.name == name]
    (found,) = attack(META_RL_NETWORK, chosen, seed=1, rounds=4)
    simplest = found.simplest()
    assert simplest is not None
    assert refute(chosen[0], simplest.instance) is not None
    assert simplest.instance.numbers <= min(60, *(r.instance.numbers for r in found.found))
    assert files.loads(files.dumps(simplest.instance)).sha256 == simplest.instance.sha256
