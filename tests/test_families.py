"""One row of the table of families, and every command covers it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from metagap.impl import files
from metagap.impl.families import FAMILIES, load
from metagap.impl.own_claims import asked
from metagap.impl.sources import RandomSource
from metagap.reports import audit as audits
from metagap.reports import falsifying, places
from metagap.reports.cli import app
from metagap.reports.executing import Workers
from metagap.reports.jobs import PROFILES, Job, LandscapeJob, run_job
from metagap.reports.records import dumps, hashes, save_files
from metagap.reports.verify import Run
from typer.testing import CliRunner

from .toy_family import HEADLINE, LIFTED, ROW, ToyInstance

NAMES = {LIFTED.name, HEADLINE.name}


def called(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def row(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The table with one row more."""
    monkeypatch.setitem(FAMILIES, "toy", ROW)
    places.statements.cache_clear()
    yield
    places.statements.cache_clear()


@pytest.fixture
def instance(row: None, tmp_path: Path) -> Path:
    """A file of the toy's."""
    path = tmp_path / "toy.json"
    path.write_text(files.dumps(ROW.landscapes.build(RandomSource((1, 1), 1), "log-cosh").instance(0)))  # type: ignore[union-attr]
    return path


def test_without_its_row_a_family_is_not_known(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(load(instance), ToyInstance)
    monkeypatch.delitem(FAMILIES, "toy")
    with pytest.raises(files.BadInputError, match="model"):
        load(instance)


def test_instances_are_judged_and_bracketed(instance: Path, tmp_path: Path) -> None:
    judged = called("judge", instance, "--json", tmp_path / "judged.json")
    assert judged.exit_code in (0, 3), judged.output
    assert {one["claim"] for one in json.loads((tmp_path / "judged.json").read_text())["claims"]} == NAMES
    found = called("optimum", instance, "--radius", 2, "--gap", 0.1, "--certificate", tmp_path / "cert.json")
    assert found.exit_code in (0, 3) and "inf L over ||theta|| <= 2" in found.output, found.output


def test_it_is_verified_audited_and_reported(row: None, tmp_path: Path) -> None:
    claims = (LIFTED, HEADLINE)
    run = Run(PROFILES["quick"], 0, claims, "metagap verify --profile quick --seed 0")
    assert {job.family for job in run.plan(real=True)} == {"toy"}
    for job in (Job("toy", "arbitrary", "squared", 0, 0, 4), LandscapeJob("toy", "log-cosh", 0, 0, 1)):
        run._take(job, run_job(job, tuple(NAMES)), lambda name, count: None)
    verify = run.record()
    assert {row.claim for row in verify.claims if row.counts.total} == NAMES
    effort = audits.Effort(1, 10, 0, 128)
    audited = audits.Audit(audits.audit_jobs(("toy",), 0, effort, False, {}), 0, "metagap audit")
    audited.execute(Workers(0), None, audits.audit_store(tmp_path / "store"))
    audit = audited.record()
    assert {row.claim for row in audit.mutants} == {"toy-lifted"} and audit.cells
    save_files(run.kept | audited.files, tmp_path)
    for name, record in (("verify", verify), ("audit", audit)):
        record.files = hashes(record, tmp_path)
        (tmp_path / f"{name}.json").write_text(dumps(record))
    made = called("report", "--out", tmp_path)
    assert made.exit_code == 0, made.output
    assert "A toy" in (tmp_path / "claims.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("driver", ["evolution", "hypothesis", "gradient"])
def test_it_is_searched(row: None, tmp_path: Path, driver: Any) -> None:
    if driver == "gradient":
        pytest.importorskip("torch")
    found = falsifying.falsify("toy-lifted", tmp_path, driver=driver, seconds=0.3)
    assert found.name == "toy-lifted" and found.status == "not refuted" and found.evaluations > 0


def test_without_claims_of_ones_own_a_family_is_asked_as_it_is() -> None:
    assert all(asked(family) is family for family in FAMILIES.values())
