"""FrozenLake with network policies: exact, trained upwards, every bound proved, errors as large as the theory says."""

from __future__ import annotations

from metagap.impl import files
from metagap.impl.judge import judge
from metagap.impl.meta_rl_network.real_tasks import WIDTHS, frozen_lake
from metagap.theory.claim import Verdict


def test_every_bound_is_proved_on_the_lake() -> None:
    built = frozen_lake()
    assert len(built) == 3 * len(WIDTHS)
    for name, instance in built:
        assert files.loads(files.dumps(instance)).sha256 == instance.sha256
        judgement = judge(instance)
        for judged in judgement.claims:
            assert judged.verdict in (Verdict.PROVED, Verdict.HOLDS), (name, judged)
        gap = judgement["meta-rl-network-lifted"].gap
        assert gap is not None and gap.lo > 0
        terms = {term: value for claim in judgement.claims for term, value in claim.terms.items()}
        if "untrained" in name:
            assert terms["error_count"].hi == 0, "W is W0"
        else:
            assert 0 < terms["error_operator"].lo < terms["error_flips"].lo < terms["error_count"].hi
