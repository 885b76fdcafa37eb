"""Any time, never nothing: the answer that stands when `certify` is stopped, stage by stage; and its advice."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from flint import fmpq
from metagap.impl.judgement import Enclosure
from metagap.impl.losses import Loss
from metagap.impl.optimum import Budget, advice
from metagap.impl.optimum.answer import LINEAR_ANSWER, Answer
from metagap.impl.own_tasks import from_arrays
from metagap.impl.supervised.instance import MetaSLInstance
from metagap.theory.claim import Verdict

certify = LINEAR_ANSWER.certify

QUARTER = fmpq(1, 4)


def problem(eta: fmpq = QUARTER) -> MetaSLInstance:
    made = from_arrays(
        [[1.0, 0.5], [1.0, 2.0], [1.0, 1.0], [1.0, -1.0]], [0.0, 3.0, 1.0, -2.0], [0, 0, 1, 1], loss=Loss("log-cosh"),
        eta=eta,
    )  # fmt: skip
    return replace(made, omega=(fmpq(2), fmpq(-1)))


def _stopped_at(stage: str) -> Callable[[str], None]:
    def stop(name: str) -> None:
        if name.startswith(stage):
            raise KeyboardInterrupt

    return stop


def test_of_what_was_not_tried_nothing_is_said() -> None:
    """Stopped before it is known if L is convex, an answer does not say that it is not, nor that a shorter step helps;
    beside a bracket that a search has left wide, it does."""
    heard, long = list[Answer](), problem(fmpq(64))
    stopped = certify(long, fmpq(4), stage=_stopped_at("minimising"), told=heard.append)
    late = certify(long, fmpq(4), Budget(seconds=1e-9), told=heard.append)
    assert late.optimum.why == "the time ended the search for a minimum where L is convex"
    for one in (*heard, stopped, late):
        assert not any("convex (" in said for said in advice.advice(one)), one.optimum.why
    whole = certify(long, fmpq(4), Budget(seconds=30))
    searched = replace(whole, optimum=replace(whole.optimum, gap=1e-30))
    assert any("convex (" in said for said in advice.advice(searched)), searched.optimum


STAGES = ("comparing", "looking for a better", "judging", "minimising", "searching", "checking")


@pytest.mark.ci(every=6)
@pytest.mark.parametrize("stage", STAGES)
def test_stopped_at_any_stage_the_answer_stands(stage: str) -> None:
    whole, heard = certify(problem(), fmpq(4)), list[Answer]()

    found = certify(problem(), fmpq(4), stage=_stopped_at(stage), told=heard.append)
    assert found.optimum.interrupted and heard
    for one in (*heard, found):
        assert one.gap.lo <= whole.gap.lo * (1 + 1e-5) and whole.gap.hi <= one.gap.hi * (1 + 1e-5)
        assert one.optimum.sure <= whole.optimum.upper and whole.optimum.lower <= one.optimum.upper
        assert one.value.lo <= whole.value.hi and whole.value.lo <= one.value.hi
        assert advice.sentences(one)[0].startswith("Your solution")
    widths = [one.gap.hi - one.gap.lo for one in heard]
    assert all(b <= a * (1 + 1e-9) for a, b in pairwise(widths)), "no answer is worse than the last"


def test_before_the_first_answer_there_is_none() -> None:
    def stop(name: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        certify(problem(), stage=stop)


def test_nothing_is_promised_by_what_is_not_proved() -> None:
    found = certify(problem(), fmpq(4), Budget(seconds=30))
    assert found.judged is not None and found.judged.bound is not None and found.smallest is not None
    assert found.judged.verdict is Verdict.PROVED
    assert found.smallest.bound is not None and found.smallest.bound.hi < found.judged.bound.hi
    for verdict in (Verdict.OUTSIDE, Verdict.UNDECIDED, Verdict.VIOLATED):
        wrong = replace(found.judged, verdict=verdict)
        alone = replace(found, judged=wrong, smallest=None)
        assert alone.promise == math.inf
        assert f"promises nothing here that is proved ({verdict.name})" in " ".join(advice.sentences(alone))
        other = replace(found, judged=replace(wrong, bound=Enclosure(0.0, 0.0)))
        assert other.promise == found.smallest.bound.hi
        assert f"{found.promise:.6g}, in its form " in advice.promise(other) and verdict.name in advice.promise(other)


def test_what_is_said_is_rounded_outwards() -> None:
    found = certify(problem(), fmpq(4))
    assert found.judged is not None
    for low in (0.041960049, 0.0419600451, 1.2345678949):
        high = low * (1 + 1e-4)
        ends = Enclosure(low, high)
        judged = replace(found.judged, bound=Enclosure(0.0, low))
        optimum = replace(found.optimum, fallback=low, lower=low, upper=high)
        said = "\n".join(advice.sentences(replace(found, gap=ends, optimum=optimum, judged=judged, smallest=None)))
        told = [
            re.search(form, said) for form in (r"between (\S+) and (\S+) above", r"optimum lies in \[(\S+), (\S+)\]")
        ]
        for one in told:
            assert one is not None and float(one[1]) <= low < high <= float(one[2])
        bound = re.search(r"promises at most (\S+) ", said)
        assert bound is not None and float(bound[1]) >= low


def test_of_a_tiny_value_no_part_is_said_to_be_left() -> None:
    """L = 5e-9 + theta^2/8 at the optimum 0: omega is 16 % above, and nearer than a narrow bracket need be."""
    made = from_arrays([[1.0], [1.0]], [1e-4, -1e-4], [0, 0], loss=Loss("squared"), eta=fmpq(1, 2))
    found = certify(replace(made, omega=(fmpq(8, 10**5),)), fmpq(1))
    assert found.optimum.certified and "nothing: omega is at the optimum, within 8.01e-10" in advice.advice(found)
    assert any(said.endswith(": 16 % above.") for said in advice.sentences(found))


def test_shares_of_the_bound_are_what_the_advice_says() -> None:
    found = certify(problem(), fmpq(4), Budget(seconds=30))
    assert found.judged is not None and found.judged.verdict is Verdict.PROVED
    shares, said = advice.shares(found), advice.advice(found)
    assert math.isclose(sum(shares.values()), 1) and set(shares) == {"stationarity", "representation", "bracket"}
    terms = {name: term.hi for name, term in found.judged.terms.items()}
    assert found.judged.bound is not None and found.promise <= found.judged.bound.hi
    assert math.isclose(shares["stationarity"] * found.judged.bound.hi, terms["radius"] * terms["eps"], rel_tol=1e-9)
    for name, words in (("stationarity", "train further"), ("representation", "add features")):
        assert any(words in one and f"{100 * shares[name]:.0f} %" in one for one in said) == (shares[name] >= 0.05)
    assert found.relative.lo <= found.gap.lo / found.optimum.upper


@pytest.mark.ci
def test_a_step_that_is_too_long_is_told() -> None:
    """lambda_max of the second task at omega is at least that along (1, -1): 2 ell''; a step of 16 is beyond 2."""
    said = advice.advice(certify(problem(fmpq(64)), fmpq(4), Budget(seconds=5)))
    assert any(one.startswith("the inner step overshoots at omega: eta lambda_max = ") for one in said)
    assert not any("lambda_max" in one for one in advice.advice(certify(problem(), fmpq(4))))
    squared = certify(replace(problem(fmpq(64)), loss=Loss("squared")), fmpq(4), Budget(seconds=5))
    assert any("the inner step diverges: eta" in one for one in advice.advice(squared))
