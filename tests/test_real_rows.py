"""Rows of real tasks: what arrays decide of them, and what they show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from metagap.impl.families import FAMILIES
from metagap.reports import jobs
from metagap.reports.jobs import RealJob, run_job


@pytest.mark.ci
def test_a_row_shows_what_balls_say_whatever_arrays_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows and verdicts with arrays and without; and arrays do decide something."""
    pytest.importorskip("sklearn")
    pytest.importorskip("torch")
    family = FAMILIES["meta-sl"]
    real = family.real_tasks["diabetes"]
    built = real.build()[3:6]
    few = replace(real, build=lambda: built)
    monkeypatch.setitem(jobs.FAMILIES, "meta-sl", replace(family, real_tasks={"diabetes": few}))
    names = tuple(claim.name for claim in family.claims)
    both = [run_job(RealJob("meta-sl", "diabetes"), names)]

    def none(*given: object) -> Iterator[object]:
        yield from ()

    monkeypatch.setattr(jobs, "stacks", none)
    both.append(run_job(RealJob("meta-sl", "diabetes"), names))
    found, without = both
    assert found.family == without.family and found.kept == without.kept
    assert found.family is not None and all(row.terms["eps"] is not None for row in found.family.rows)
    decided = 0
    for name, tally in found.tallies.items():
        other = without.tallies[name]
        assert tally.real_counts == other.real_counts and tally.real_outside == other.real_outside
        assert tally.arrays == 0  # those count generated instances
        decided += tally.tightest is not None and tally.tightest.judged.brief
    assert decided > 3
