"""FrozenLake with network policies: exact, trained upwards, every bound proved, errors as large as the theory says."""

from __future__ import annotations

import pytest
from metagap.impl import files
from metagap.impl.families import judge, loads
from metagap.impl.real_tasks.policy_networks import WIDTHS, frozen_lake, frozen_lake_alone
from metagap.theory.claim import Verdict

pytestmark = pytest.mark.ci


def test_every_bound_is_proved_on_the_lake() -> None:
    built = frozen_lake()
    assert len(built) == 3 * len(WIDTHS)
    for name, instance in built:
        assert loads(files.dumps(instance)).sha256 == instance.sha256
        judgement = judge(instance)
        *others, last = judgement.claims
        for judged in others:
            assert judged.verdict in (Verdict.PROVED, Verdict.EQUAL), (name, judged)
        # The tasks share their squares.
        assert (last.claim, last.verdict) == ("meta-rl-network-c3", Verdict.OUTSIDE)
        gap = judgement["meta-rl-network-lifted"].gap
        assert gap is not None and gap.lo > 0
        terms = {term: value for claim in judgement.claims for term, value in claim.terms.items()}
        if "untrained" in name:
            assert terms["error_count"].hi == 0, "W is W0"
        else:
            assert 0 < terms["error_operator"].lo < terms["error_flips"].lo < terms["error_count"].hi


def test_a_lake_alone_is_over_parameterised() -> None:
    """33 differences of actions on 11 squares are independent at width 64: stationary would be optimal."""
    for name, instance in frozen_lake_alone():
        judged = judge(instance)["meta-rl-network-c3"]
        assert judged.verdict is Verdict.PROVED, name
        assert 1 < judged.terms["condition"].lo < judged.terms["condition"].hi < 1e4
