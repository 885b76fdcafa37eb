"""The campaign: pure jobs, tallies that add up, partial runs, and violations kept twice."""

from __future__ import annotations

import gc
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from metagap.impl.balls.core import CoreQuantities
from metagap.impl.families import FAMILIES
from metagap.impl.instances import Instance
from metagap.impl.judge import Evaluator
from metagap.reports.cli import app, outputs, verifying
from metagap.reports.executing import Workers
from metagap.reports.formats import read
from metagap.reports.formats.verifying import Counts, VerifyRecord
from metagap.reports.jobs import PROFILES, AnyJob, Job, RealJob, generate, jobs, run_job
from metagap.reports.records import save_files
from metagap.reports.tally import QUANTILES, Outcome, Tally, _digits, quantiles, tally_instance
from metagap.reports.verify import Run, exit_status
from metagap.reports.witnesses import replay
from metagap.theory.claim import Expression
from metagap.theory.meta_sl import CLAIMS
from msgspec.structs import replace as replaced
from typer.testing import CliRunner

NAMES = tuple(c.name for c in CLAIMS)
LIFTED = next(c for c in CLAIMS if c.name == "meta-sl-lifted")
JOB = Job("meta-sl", "tangent", "log-cosh", 0, 0, 12)


def test_jobs_are_pure_functions() -> None:
    first, second = run_job(JOB, NAMES), run_job(JOB, NAMES)
    assert {n: t.counts for n, t in first.tallies.items()} == {n: t.counts for n, t in second.tallies.items()}
    assert [i.sha256 for _, i in generate(JOB)] == [i.sha256 for _, i in generate(JOB)]
    assert len({i.sha256 for _, i in generate(JOB)}) == 12


def test_tallies_add_up() -> None:
    whole, parts = {n: Tally() for n in NAMES}, {n: Tally() for n in NAMES}
    for job in (JOB, replace(JOB, variant="squared"), replace(JOB, generator="one-task")):
        for name, tally in run_job(job, NAMES).tallies.items():
            parts[name].merge(tally)
        for origin, instance in generate(job):
            tally_instance(whole, instance, origin, CLAIMS, real=False)
    for name in NAMES:
        assert whole[name].counts == parts[name].counts
        assert whole[name].outside == parts[name].outside
        assert whole[name].ratios == parts[name].ratios
        assert whole[name].counts.total() == 36


HELD = (Instance, CoreQuantities, Evaluator, Outcome, Tally)


def alive() -> Counter[type]:
    """Objects that are somewhere, by kind."""
    gc.collect()
    # isinstance would ask objects of others for their class, which some warn of.
    return Counter(kind for each in gc.get_objects() for kind in HELD if issubclass(type(each), kind))


@pytest.mark.ci
@pytest.mark.parametrize("family", ["meta-sl", "meta-rl", "network", "smooth-network"])
def test_a_run_keeps_nothing_of_an_instance_but_what_it_shows(family: str) -> None:
    """However many there are: texts of a few, and one tally for each claim."""
    claims, variant = FAMILIES[family].claims, FAMILIES[family].generator("arbitrary").variants[0]
    before = alive()
    for count in (1, 3):
        run = Run(PROFILES["quick"], 0, claims, "metagap verify")
        given = [Job(family, "arbitrary", variant, count, index, 8) for index in range(count)]
        vars(run)["plan"] = lambda real, given=given: given
        run.execute(Workers(0), None, lambda name, count: None)
        assert run.generated.total() == 8 * count
        assert alive() == before + Counter({Tally: len(claims)})
        assert all(len(tally.undecided) <= 3 for tally in run.tallies.values())
        del run


def name(job: AnyJob) -> str:
    return job.generator if isinstance(job, Job) else type(job).__name__


def test_every_profile_meets_every_generator_early_and_the_larger_ones_do_more() -> None:
    sizes = []
    for profile in PROFILES.values():
        found = jobs(profile, 0)
        # Families in turn: a column has one job of each.
        first = len(FAMILIES) * max(len(f.all_generators) + (f.rates is not None) + 2 for f in FAMILIES.values())
        assert len({name(job) for job in found[:first]}) == len({name(job) for job in found})
        assert len(set(found)) == len(found)
        sizes.append(sum(job.count for job in found))
    assert sizes == sorted(sizes)
    assert sizes[0] >= 9_000


def test_a_run_cut_short_has_seen_every_family_before_any_real_task() -> None:
    found = jobs(PROFILES["quick"], 0, real=True)
    assert [job.family for job in found[: len(FAMILIES)]] == list(FAMILIES)
    first = next(i for i, job in enumerate(found) if isinstance(job, RealJob))
    assert {job.family for job in found[:first]} == set(FAMILIES)
    assert sum(isinstance(job, RealJob) for job in found) == sum(len(f.real_tasks) for f in FAMILIES.values())


def test_a_false_claim_is_reported_with_both_witnesses(tmp_path: Path) -> None:
    false = replace(LIFTED, bound=Expression("radius*eps + weight_norm*misfit/2"))
    run = Run(PROFILES["quick"], 0, (false,), "a test")
    for origin, instance in generate(JOB):
        tally_instance(run.tallies, instance, origin, (false,), real=False)
    record = run.record()
    assert exit_status(record) == 1
    simplest, worst = record.claims[0].violations
    assert (simplest.kind, worst.kind) == ("simplest", "worst")
    for row in (simplest, worst):
        assert row.grade == "genuine"
        assert row.gap and row.bound and row.gap.lo > row.bound.hi  # type: ignore[operator]
    save_files(run.kept, tmp_path)
    small = json.loads((tmp_path / simplest.file).read_text())["instance"]
    large = json.loads((tmp_path / worst.file).read_text())["instance"]
    assert len(json.dumps(small)) <= len(json.dumps(large))
    assert len(small["tasks"]) == len(small["features"]) == 1
    # The claim of that name is true, so its replay finds the witness harmless.
    assert replay(tmp_path / simplest.file).outcome == "fixed"


def test_a_deadline_leaves_a_partial_record() -> None:
    run = Run(PROFILES["ci"], 0, (LIFTED,), "a test")
    seen: Counter[str] = Counter()
    run.execute(Workers(0), time.monotonic() + 1, lambda name, count: seen.update({name: count}), real=False)
    record = run.record()
    assert record.status == "out of time"
    assert record.generated == sum(seen.values()) > 0
    assert record.claims[0].counts.PROVED > 0


def test_many_undecided_fail_a_run() -> None:
    record = Run(PROFILES["quick"], 0, (LIFTED,), "a test").record()
    (row,), record.judgements = record.claims, 100
    row.scope, row.counts = 100, Counts(0, 0, 0, 0, 4)
    assert exit_status(record) == 3
    row.counts.UNDECIDED = 3
    assert exit_status(record) == 0
    assert exit_status(replaced(record, status="interrupted")) == 130
    assert exit_status(replaced(record, judgements=0)) == 3
    row.counts.VIOLATED = 1
    assert exit_status(record) == 1


def test_quantiles_of_counts_are_those_of_the_list() -> None:
    ratios = Counter({0.25: 3, 0.5: 1, 0.75: 4, 1.0: 2, -1.0: 5})
    found = quantiles(ratios)
    listed = [r for r in ratios.elements() if r >= 0]
    assert found is not None
    assert np.allclose([found.low, found.middle, found.high], np.quantile(listed, QUANTILES), rtol=1e-15)
    assert quantiles(Counter({-1.0: 5})) is None


def test_ratios_are_kept_in_three_digits_and_take_no_more_room_the_more_there_are() -> None:
    assert [_digits(r) for r in (-0.3, 0.0, 4e-7, 0.123456, 0.99951, 2.5)] == [-1.0, 0.0, 0.0, 0.123, 1.0, 2.5]
    rng = np.random.default_rng(0)
    assert len({_digits(float(r)) for r in 10.0 ** -rng.uniform(-0.001, 9, 100_000)}) < 5_500


@pytest.mark.ci
def test_a_report_is_written_while_its_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every state is a whole record that says more than the one before; one that cannot be written stops nothing."""
    states: list[VerifyRecord] = []
    write = verifying._write

    def seen(run: Run, record: VerifyRecord, out: Path, warn: Any) -> Any:
        written = write(run, record, out, warn)
        states.append(read(out / "verify.json", VerifyRecord))
        if len(states) == 2:
            raise OSError(28, "No space left on device")
        return written

    monkeypatch.setattr(verifying, "_write", seen)
    monkeypatch.setattr(outputs, "PAUSE", -1e9)
    monkeypatch.setattr(outputs, "LEAST", 0)
    options = ["--no-real", "--claim", "any-model-identity", "--workers", "0", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, ["verify", *options])
    assert done.exit_code == 0, done.output
    assert [state.status for state in states] == ["running"] * (len(states) - 1) + ["complete"]
    generated = [state.generated for state in states[:-1]]
    assert len(states) > 3 and generated == sorted(set(generated))
    assert "The page is written again" not in (tmp_path / "index.html").read_text()
