"""Benchmarks of own tasks: every way finds the certified optimum, or says why it was not asked."""

from __future__ import annotations

import pytest
from flint import fmpq
from metagap.reports.bench import programs, workers
from metagap.reports.bench.own_tasks import SOLVERS, Case, compare, table


@pytest.mark.ci
def test_every_way_finds_the_certified_optimum() -> None:
    pytest.importorskip("cvxpy")
    rows = compare((Case("squared", 3, 20, 4, fmpq(1, 2)), Case("logistic", 3, 20, 4, fmpq(1, 8))))
    assert table(rows).row_count == len(rows) + 2
    for row in rows:
        if row.way in ("metagap, found", "metagap, checked"):
            assert row.says == "proved" and row.seconds is not None
        if row.way == "metagap, checked":
            assert row.excess is not None and 0 <= row.excess < 1e-12
        elif row.excess is not None:
            assert -1e-14 < row.excess < 1e-4, row
    asked = {row.way for row in rows if row.seconds is not None and row.case.startswith("squared")}
    assert asked == {"metagap, found", "metagap, checked", "L-BFGS", "normal equations", *SOLVERS}
    left = [row for row in rows if row.seconds is None]
    assert {row.way for row in left} == {"normal equations", *SOLVERS} and all(row.says for row in left)


@pytest.mark.ci
def test_programs_are_judged_through_their_trace() -> None:
    pytest.importorskip("torch")
    (row,) = programs.compare(models=programs.MODELS[:1])
    assert programs.table([row]).row_count == 1 and row.parameters == 1761
    assert 0 < row.radius < 1e-9 and row.ratio > 1 and min(row.trace, row.torch, row.balls, row.gram, row.judgement) > 0
    good, every = map(int, row.says.removesuffix(" decided").split(" of "))
    assert every - 1 <= good <= every  # full rank of meta-features may stay open


@pytest.mark.ci
def test_workers_of_both_kinds_do_the_same_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(workers, "ROUNDS", 2)
    found = {row.name: row.value for row in workers.compare(0.5, large=False)}
    assert set(found) == {
        "empty job, this process", "empty job, 2 local processes", "empty job, local:2", "2 local processes",
        "2 Dask workers", "Dask over local", "Dask over local, by processor time", "result kept",
        "result looked for in vain", "result read", "result",
    }  # fmt: skip
    assert all(value is not None and value > 0 for value in found.values())
    assert found["empty job, this process"] < found["empty job, local:2"]
