"""Wide batches: their verdicts are those of balls, each instance that counts has one, and none is left out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from metagap.impl import files
from metagap.impl.batch_judge import BLUNT
from metagap.impl.bracket import DefectError
from metagap.impl.families import FAMILIES, META_RL_SMOOTH_NETWORK, META_SL, loads
from metagap.impl.judge import Evaluator, judge_claim
from metagap.impl.judgement import Judgement
from metagap.reports.executing import Workers
from metagap.reports.jobs import PROFILES, Job, Profile, batch_of, jobs, run_job
from metagap.reports.records import dumps
from metagap.reports.store import Store
from metagap.reports.tally import Outcome, Tally, judged_on
from metagap.reports.verify import Run, store_of
from metagap.reports.wide import MOST, OPEN, PER, WIDE, WideJob, judge_batch, reach, widely
from metagap.theory.claim import Claim, Expression, Relation

from .test_batch_judge import AT_V
from .test_executing import timeless

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

DRAWN = (
    ("meta-sl", "arbitrary", "log-cosh"), ("meta-sl", "one-task", "huber"), ("meta-sl", "rates", "softmax"),
    ("meta-rl", "arbitrary", "KL step"), ("network", "arbitrary", "logistic"), ("smooth-network", "local", "squared"),
    ("meta-rl-network", "delayed", "KL step"),
)  # fmt: skip
LIFTED = next(claim for claim in META_SL.claims if claim.name == "meta-sl-lifted")


def job_of(family: str, generator: str, variant: str, count: int = 24) -> WideJob:
    known = FAMILIES[family].generator(generator).variants
    return WideJob(family, generator, variant if variant in known else known[0], 0, WIDE, count)


def expected(job: WideJob, claim: Claim) -> tuple[Counter[str], list[float]]:
    """The verdicts of balls on the first instances, up to the one before the fifth that arrays leave open, and how
    tight the proved ones are."""
    family, batch, open_ = FAMILIES[job.family], batch_of(job), 0
    found, ratios = Counter[str](), list[float]()
    for b, known in enumerate(family.judged_in_arrays(batch, [claim])):
        open_ += claim.name not in known
        if open_ > OPEN:
            break
        judged = judge_claim(claim, family.evaluator(batch.instance(b)))
        found[judged.verdict.name] += 1
        if judged.verdict.name == "PROVED" and judged.ratio is not None and judged.bound and judged.bound.lo > 0:
            ratios.append(judged.ratio)
    return found, ratios


def agree(job: WideJob, claim: Claim, tally: Tally) -> None:
    """That a wide job's tally is what balls say. Along a direction, arrays may prove what balls attain at another."""
    right, ratios = expected(job, claim)
    counts = tally.counts
    if claim.name.endswith(AT_V):
        counts, right = (Counter(c) for c in (counts, right))
        for c in (counts, right):
            c["PROVED"] += c.pop("EQUAL", 0)
    assert +counts == +right, claim.name
    assert tally.outside.total() == counts["OUTSIDE"]
    assert tally.arrays >= counts.total() - OPEN
    if ratios and not claim.name.endswith(AT_V):
        assert tally.tightest is not None and tally.tightest.judged.ratio == pytest.approx(max(ratios), rel=2 * BLUNT)
        kept = loads(tally.tightest.text, "kept")
        assert kept.sha256 == tally.tightest.sha256
        assert kept.sha256 in {batch_of(job).instance(b).sha256 for b in range(job.count)}


@pytest.mark.ci(every=9)
@pytest.mark.parametrize(("family", "generator", "variant"), DRAWN)
def test_wide_verdicts_are_those_of_balls(family: str, generator: str, variant: str, effort: int) -> None:
    job = job_of(family, generator, variant, 8 + 8 * effort)
    try:
        outcome = run_job(job, tuple(claim.name for claim in FAMILIES[family].all_claims))
    except DefectError as error:
        pytest.fail(str(error))
    assert outcome.generated == outcome.wide == job.count
    for claim in FAMILIES[family].claims:
        if claim.relation is Relation.EQUAL:
            assert not outcome.tallies[claim.name].counts
        else:
            agree(job, claim, outcome.tallies[claim.name])


def test_a_false_claim_is_violated_by_balls_on_the_instances_that_arrays_leave_open() -> None:
    false = replace(LIFTED, bound=Expression("radius*eps/2 + weight_norm*misfit/2"))
    job, outcome = job_of("meta-sl", "local", "squared", 64), Outcome({LIFTED.name: Tally()})
    judge_batch(job, batch_of(job), (false,), outcome)
    tally = outcome.tallies[LIFTED.name]
    agree(job, false, tally)
    assert tally.counts["VIOLATED"] > 0 and tally.simplest is not None
    assert 0 < tally.counts.total() < 64


def test_what_is_attained_begins_at_the_bits_that_decide_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the L1 form, attained along the gradient; what arrays leave open for another reason begins as ever."""
    begun = dict[str, set[int]]()

    def judged(evaluator: Evaluator, origin: str, claims: Iterable[Claim]) -> Judgement:
        found = judged_on(evaluator, origin, claims)
        for one in found.claims:
            begun.setdefault(one.verdict.name, set()).add(min(evaluator.known_at))
        return found

    monkeypatch.setattr("metagap.reports.wide.judged_on", judged)
    run_job(job_of("meta-sl", "arbitrary", "log-cosh", 16), ("meta-sl-refined-l1",))
    assert begun["EQUAL"] == {256}
    begun.clear()
    monkeypatch.setattr("metagap.impl.batch_judge.BLUNT", 0.0)
    run_job(job_of("meta-sl", "arbitrary", "log-cosh", 16), ("meta-sl-lifted",))
    assert begun == {"PROVED": {128}}


def test_an_instance_that_has_no_verdict_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metagap.reports.wide.judged_on", lambda *given: Judgement("", ()))
    with pytest.raises(DefectError, match="was judged"):
        run_job(job_of("meta-sl", "arbitrary", "log-cosh"), ("meta-sl-refined-l1",))


def test_so_many_of_each_begun_part_of_a_batch_go_to_balls() -> None:
    open_ = np.ones(2 * PER + 1, dtype=bool)
    assert [reach(open_[:count]) for count in (1, PER, PER + 1, 2 * PER + 1)] == [1, OPEN, 2 * OPEN, 3 * OPEN]
    assert reach(~open_) == len(open_)


@pytest.mark.parametrize("blunt", [0.0, BLUNT])
def test_a_job_writes_the_instances_that_it_shows_and_no_others(monkeypatch: pytest.MonkeyPatch, blunt: float) -> None:
    """Whether arrays leave all of them to balls or some."""
    monkeypatch.setattr("metagap.impl.batch_judge.BLUNT", blunt)
    written, right = list[str](), files.dumps
    monkeypatch.setattr(files, "dumps", lambda instance: written.append(instance.sha256) or right(instance))
    job = job_of("meta-sl", "arbitrary", "squared", 12)
    for each in (job, Job(*astuple(replace(job, index=0)))):
        written.clear()
        tallies = run_job(each, ("meta-sl-lifted", "meta-sl-l1", "meta-sl-refined-l1")).tallies.values()
        shown = {kept.sha256 for tally in tallies for kept in (tally.tightest, *tally.undecided) if kept is not None}
        assert sorted(written) == sorted(shown)


def test_wide_batches_are_others_than_those_of_jobs_and_bounded() -> None:
    """Equalities have none; nor has a family without arrays."""
    for profile in PROFILES.values():
        plan = jobs(profile, 0)
        wide = [job for job in plan if isinstance(job, WideJob)]
        assert wide and max(job.count for job in wide) <= MOST
        assert max(job.index for job in plan if isinstance(job, Job)) < WIDE <= min(job.index for job in wide)
        assert {job.family for job in wide} == {f.name for f in FAMILIES.values() if f.enclosed_quantities}
        assert not any(job.generator in ("tangent", "kinks") for job in wide)
    assert widely([c for c in META_SL.claims if c.relation is Relation.EQUAL]) == ()


CLAIMS = tuple(c for c in META_RL_SMOOTH_NETWORK.claims if c.name.endswith(("-error-pointwise", "-identity")))


def run(workers: Workers, store: Store[Outcome] | None = None, stop: int = 10**9) -> Run:
    """A run with wide batches, as interrupted after so many jobs."""
    seen = list[str]()

    def advance(name: str, count: int) -> None:
        seen.append(name)
        if len(seen) == stop:
            raise KeyboardInterrupt

    found = Run(Profile("quick", 8, 8, 4, wide=1), 0, CLAIMS, "metagap verify")
    found.execute(workers, None, advance, real=False, store=store)
    return found


@pytest.mark.ci
def test_a_run_with_wide_batches_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole, store = run(Workers(0)), store_of(tmp_path, CLAIMS)
    stopped = run(Workers(0), store, 20)
    assert stopped.status == "interrupted" and 0 < sum(stopped.wide.values()) < sum(whole.wide.values())
    resumed = run(Workers(2), store)
    records = [timeless(json.loads(dumps(one.record()))) for one in (whole, resumed)]
    assert records[0] == records[1]
    bounded, identity = (next(row for row in records[0]["claims"] if row["claim"].endswith(end)) for end in ("e", "y"))
    assert sum(bounded["counts"].values()) > 3 * sum(identity["counts"].values()) > 0 == identity["arrays"]
    assert sum(row["wide"] for row in records[0]["generators"]) == sum(whole.wide.values())
