"""Brackets and counts, case by case: the words are those of what was done, infinite ends are null, EQUAL is EQUAL."""

from __future__ import annotations

import math
from typing import Any

from metagap.impl.bracket import Bracket, Check, Status
from metagap.impl.judgement import ClaimJudgement, Enclosure
from metagap.reports.formats.shared import Interval, JudgedClaim
from metagap.reports.tally import Tally
from metagap.theory.claim import Verdict

YES, NO = Check(True, "proved"), Check(False, "not proved")


def bracket(lower: float = 1.0, upper: float = 1.0, **more: Any) -> Bracket:
    return Bracket(lower=lower, upper=upper, gap=1e-6, **more)


def test_statuses_say_what_was_done() -> None:
    for supremum in (False, True):
        for check, status in ((YES, Status.CERTIFIED), (NO, Status.BRACKETED), (None, Status.BRACKETED)):
            found = bracket(check=check, supremum=supremum)
            assert found.status is status and found.certified == (check is YES)
            assert found.sure == (1.0 if check is YES else math.inf if supremum else -math.inf)
        for lower, upper in ((1.0, 2.0), (-math.inf, 1.0), (1.0, math.inf), (1.0, 1.0 + 1e-5)):
            for check in (YES, NO, None):
                assert bracket(lower, upper, check=check, supremum=supremum).status is Status.UNDECIDED
                stopped = bracket(lower, upper, check=check, supremum=supremum, interrupted=True)
                assert stopped.status is Status.INTERRUPTED
    assert bracket(check=NO, fallback=0.5).sure == 0.5


def judged(verdict: Verdict) -> ClaimJudgement:
    one = Enclosure(1.0, 1.0)
    return ClaimJudgement("meta-sl-lifted", verdict, one, one, {}, {}, 1.0)


def test_equal_is_counted_apart() -> None:
    tally = Tally()
    for verdict in (Verdict.EQUAL, Verdict.EQUAL, Verdict.PROVED):
        tally.add(judged(verdict), lambda: None, real=False)  # type: ignore[arg-type, return-value]
        assert JudgedClaim.of(judged(verdict)).verdict == verdict.name
    assert tally.counts == {"EQUAL": 2, "PROVED": 1}
    assert not tally.real_counts


def test_infinite_ends_are_null() -> None:
    assert Interval.of(Enclosure(-math.inf, 1.0)) == Interval(None, 1.0)
    assert Interval.of(Enclosure(math.nan, math.inf)) == Interval(None, None)
