"""Rounds of a long run: they go to what is undecided or loose, share what was found, and depend on nobody's order."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from metagap.impl.families import META_RL, META_SL, loads
from metagap.reports.executing import Workers
from metagap.reports.finds import SearchJob
from metagap.reports.jobs import LOOSE, PER_CLAIM, Job, Profile, jobs, round_of, run_job
from metagap.reports.records import dumps
from metagap.reports.store import Store
from metagap.reports.tally import Tally
from metagap.reports.verify import Run, store_of

from .test_executing import timeless

PROFILE = Profile("quick", 8, 8, 4, rounds=2)
CLAIMS = tuple(claim for claim in META_RL.claims if claim.name in ("meta-rl-t3e", "meta-rl-t3d-smooth"))
"""Their bounds are far from what generators draw."""


def test_a_round_goes_to_what_is_undecided_or_loose() -> None:
    """As many jobs in each, none of the plan's or of another round's; nothing is left to do of what is tight."""
    names = tuple(claim.name for claim in META_SL.claims)
    plan = jobs(PROFILE, 0, [META_SL])
    assert isinstance(plan[0], Job)
    tallies = run_job(plan[0], names).tallies
    tight, loose, undecided = (tallies[f"meta-sl-{name}"] for name in ("s1", "lifted", "c1"))
    for tally in tallies.values():
        tally.tightest = None
    assert round_of(1, tallies, PROFILE, 0) == []
    kept = run_job(Job("meta-sl", "arbitrary", "log-cosh", 0, 0, 2), names).tallies["meta-sl-lifted"].tightest
    assert kept is not None and kept.judged.ratio is not None and kept.judged.ratio < LOOSE
    loose.tightest, undecided.counts = kept, Counter(UNDECIDED=1)
    tight.counts["EQUAL"] = 1
    first, second = (round_of(number, tallies, PROFILE, 0) for number in (1, 2))
    assert len(first) == len(second) == PER_CLAIM * len(tallies)
    assert len({*plan, *first, *second}) == len(plan) + len(first) + len(second)
    searches = [job for job in first if isinstance(job, SearchJob)]
    assert {(job.claim, job.start) for job in searches} == {("meta-sl-lifted", kept.text)}
    assert 2 * len(searches) == len(first) and len({job.variant for job in first if isinstance(job, Job)}) > 3
    loose.tightest = None
    assert {type(job) for job in round_of(1, tallies, PROFILE, 0)} == {Job}
    assert round_of(1, {name: Tally() for name in names}, PROFILE, 0) == []


def run(workers: Workers, store: Store[Any] | None = None, stop: int = 10**9) -> Run:
    """A run with rounds, as interrupted after so many searches."""
    searches: list[str] = []

    def advance(name: str, count: int) -> None:
        searches.extend([name] * (name == "search"))
        if len(searches) == stop:
            raise KeyboardInterrupt

    found = Run(PROFILE, 0, CLAIMS, "metagap verify")
    found.execute(workers, None, advance, real=False, store=store)
    return found


@pytest.mark.ci
def test_with_rounds_the_record_is_the_same_for_any_workers(tmp_path: Path) -> None:
    """On one worker and on two, and by two after it was stopped in the middle of the second round."""
    whole, store = run(Workers(0)), store_of(tmp_path, CLAIMS)
    stopped = run(Workers(0), store, PER_CLAIM * len(CLAIMS) + 3)
    assert stopped.status == "interrupted" and stopped.done < whole.done
    resumed = run(Workers(2), store)
    assert whole.done == resumed.done <= len(whole.plan(real=False)) + whole.later
    records = [timeless(json.loads(dumps(one.record()))) for one in (whole, run(Workers(2)), resumed)]
    assert records[0] == records[1] == records[2]
    assert {row["name"]: row["instances"] for row in records[0]["generators"]}["search"] > 0


@pytest.mark.ci
def test_rounds_find_tighter_instances() -> None:
    """Each search starts from the tightest instance of the rounds before, and stays where the claim says something."""
    alone = Run(replace(PROFILE, rounds=0), 0, CLAIMS, "metagap verify")
    alone.execute(Workers(0), None, lambda name, count: None, real=False)
    whole = run(Workers(0))
    grown = {name: (tightest(alone, name), tightest(whole, name)) for name in whole.tallies}
    assert all(after > before + 0.1 for before, after in grown.values()), grown


def tightest(one: Run, name: str) -> float:
    """How tight the claim's tightest instance is."""
    kept = one.tallies[name].tightest
    assert kept is not None and kept.judged.ratio is not None
    assert loads(kept.text, "kept").sha256 == kept.sha256
    return kept.judged.ratio
