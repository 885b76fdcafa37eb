"""Benchmarks: rows have their names, whoever is installed; what is compared says the same, or why it was not asked.

Nothing here is timed.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from flint import fmpq
from metagap.impl.oracles.global_solvers import Opinion
from metagap.reports import bench
from metagap.reports.bench import floats, programs, scaling, solvers, workers
from metagap.reports.bench.own_tasks import SOLVERS, Case, compare, table
from metagap.reports.records import dumps


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
def test_a_peak_of_memory_is_that_of_a_process_and_flat() -> None:
    """Whatever the process that began it has had; four times the instances take as much."""
    held = b"x" * 2**28
    small, large = (row.value for row in workers.memory())
    assert small is not None and large is not None and 0 < small <= large < min(1.1 * small, 256), len(held)


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
        "result looked for in vain", "result read", "result", "memory, 64 instances", "memory, 256 instances",
    }  # fmt: skip
    assert all(value is not None and value > 0 for value in found.values())
    assert found["empty job, this process"] < found["empty job, local:2"]


PEERS = {"metagap, closed form": None, "torch.func vmap(grad)": "torch", "JAX jit(vmap(grad))": "jax"}


@pytest.mark.parametrize("present", [(), pytest.param(("torch",), marks=pytest.mark.ci)], ids=["none", "torch"])
def test_rows_of_meta_gradients_have_their_names(present: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floats, "installed", lambda package: package in present)
    rows = floats.rows()
    ways = [way for way, package in PEERS.items() if package is None or package in present]
    for size in "SML":
        names = [row.name for row in rows if row.group == f"meta-gradient, size {size}"]
        assert names == [f"{way}, {count} at once" for count in (512, 4096) for way in ways]
        assert [row.name for row in rows if row.group == f"floats, size {size}"] == ["generate, terms, bound, compare"]
    assert {package for package in PEERS.values() if package} <= set(bench.OPTIONAL)


@pytest.mark.ci
@pytest.mark.parametrize("size", floats.SIZES)
def test_every_way_has_the_same_meta_gradient(size: str) -> None:
    first, *others = (np.asarray(way()) for way in floats.gradients(floats.float_batch(floats.SIZES[size], 6)).values())
    assert others and all(np.abs(first - other).max() < 1e-14 for other in others)


def test_answers_outside_a_bracket_are_counted() -> None:
    brackets = [(1.0, 1.0 + 1e-9)] * 7
    answers = [
        Opinion(1.0, 0.5, True),
        Opinion(1.0 - 1e-8, 0.5, True),  # below
        Opinion(1.0 + 2e-6, -math.inf, True),  # above
        Opinion(1.0 + 5e-7, 1.0, True),  # within the gap that was asked for
        Opinion(1.1, 1.0 + 1e-7, False),  # a false bound, and no answer
        Opinion(math.inf, -math.inf, False),
    ]
    row = solvers.Solved("quartic", 1, "SCIP", 7, None, None)
    found = solvers.judged(row, [(2.0, opinion) for opinion in answers], brackets, 0.5)
    assert (found.solved, found.below, found.above, found.false_bounds) == (4, 1, 1, 1)
    assert found.farthest == pytest.approx(2e-6, rel=1e-2) and (found.seconds, found.ratio) == (2.0, 4.0)
    assert solvers.judged(row, [], brackets, 0.5) == row
    inside = solvers.judged(row, [(1.0, answers[0])], brackets, 0.5)
    assert inside.farthest is None and not inside.below + inside.above + inside.false_bounds


def test_solvers_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solvers, "installed", lambda package: False)
    rows = solvers.compare(1.0, losses=("squared", "logistic"), dimensions=(1,), count=1)
    names = ["metagap", "SCIP", "discopt", "MAiNGO", "codac"]
    assert [row.solver for row in rows if row.loss == "logistic"] == names
    assert [row.solver for row in rows if row.loss == "squared"] == [*names, "cvxpy"]
    for row in rows:
        if row.solver == "metagap":
            assert (row.solved, row.says) == (1, "certified")
        else:
            assert row.seconds is None and row.says.endswith("is not installed")
    assert solvers.table(rows).row_count == len(rows) + 2
    assert len(json.loads(dumps(rows))) == len(rows)


@pytest.mark.ci
def test_a_solver_answers_from_a_process_of_its_own() -> None:
    pytest.importorskip("cvxpy")
    rows = solvers.compare(20.0, losses=("squared",), dimensions=(1,), count=2, names=("cvxpy",))
    (row,) = (row for row in rows if row.solver == "cvxpy")
    assert (row.solved, row.above, row.false_bounds, row.says) == (2, 0, 0, "")


def test_slopes_are_those_of_powers() -> None:
    sizes = (1, 2, 4, 8, 16)
    assert scaling.slope(sizes, tuple(3.0 * n**2 for n in sizes)) == pytest.approx(2)
    assert scaling.slope(sizes, (9.0, 9.0, *(float(n) for n in sizes[2:]))) == pytest.approx(1), "the largest half"
    for one in scaling.SERIES:
        for letter, grown in one.grows.items():
            counts = [one.count({**one.base, letter: size}) for size in grown]
            assert counts == sorted(counts) and grown == tuple(sorted(grown))


@pytest.mark.ci
def test_growth_has_rows_plots_and_strict_json(tmp_path: Path) -> None:
    letters = [(one.what, letter) for one in scaling.SERIES for letter in one.grows]
    assert {letter for _, letter in letters} == {"n", "K", "d", "k", "m", "S", "A"}
    rows = []
    for one in scaling.SERIES[::3]:
        small = {letter: tuple(2**j for j in range(3)) for letter in one.grows if letter != "m"}
        rows += scaling.compare(0.0, series=(scaling.replace(one, grows=small or {"m": (4, 8, 16)}),))
    assert [(row.what, row.letter) for row in rows] == [
        (what, letter) for what, letter in letters if what in {one.what for one in scaling.SERIES[::3]}
    ]
    assert scaling.table(rows).row_count == len(rows) + 2
    written = scaling.draw(rows, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scaling.png", "scaling.svg"]
    assert written[1].read_bytes().startswith(b"\x89PNG") and "<svg" in written[0].read_text()
    assert "slope" in dumps(rows)
