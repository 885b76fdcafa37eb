"""Long work: it ends when it is told to, says where it is without a terminal, and leaves a whole report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from metagap.impl.families import META_SL
from metagap.reports import audit
from metagap.reports.audit import kept_family
from metagap.reports.cli import app, shared
from metagap.reports.formats.auditing import AuditRecord
from metagap.reports.formats.verifying import VerifyRecord
from metagap.reports.records import dumps
from metagap.reports.render import write_report
from metagap.reports.witnesses import FOLDER, KEPT
from msgspec.structs import replace
from typer.testing import CliRunner

WRITTEN = sorted(m.name for m in META_SL.mutants if not (m.generated or m.equivalent or m.open))
AUDIT = ("audit", "--family", "meta-rl-network", "--workers", "0")


@pytest.mark.ci
def test_an_audit_out_of_time_leaves_a_valid_report_and_says_how_to_go_on(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [*AUDIT, "--max-time", "0", "--out", str(tmp_path)])
    assert done.exit_code == 3, done.output
    assert "audit: out of time; the same command goes on from there" in done.stderr
    assert json.loads((tmp_path / "audit.json").read_text())["status"] == "out of time"
    assert "The audit is partial: out of time" in (tmp_path / "index.html").read_text()


@pytest.mark.ci
def test_without_a_terminal_verify_says_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "QUIET", 0.0)
    options = ["verify", "--no-real", "--claim", "meta-sl-c5", "--max-time", "3", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, options)
    assert done.exit_code in (0, 3), done.output
    assert "metagap: verify: judging: " in done.stderr and " instances, last " in done.stderr


def test_the_kept_counterexamples_settle_every_cell_and_refute_every_mutant(
    small_run: tuple[Path, VerifyRecord, AuditRecord],
) -> None:
    folder, _, found = small_run
    cells = [cell for cell in found.cells if cell.status == "needed"]
    assert cells and all(cell.confirmed for cell in cells) and not any(c.status == "open" for c in found.cells)
    mutants = {row.name: row.status for row in found.mutants}
    assert set(mutants) == {mutant.name for mutant in META_SL.mutants} and "survived" not in mutants.values()
    assert {path.name for path in (folder / FOLDER).glob("*.json")} >= {f"mutant-{n}-simplest.json" for n in WRITTEN}


@pytest.mark.ci
def test_a_kept_counterexample_that_refutes_nothing_any_more_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = WRITTEN[0]
    folder = tmp_path / "kept"
    shutil.copytree(KEPT, folder)
    text = json.loads((folder / f"mutant-{name}-simplest.json").read_text())
    text["instance"] |= {"comparator": text["instance"]["omega"]}
    (folder / f"mutant-{name}-simplest.json").write_text(json.dumps(text))
    monkeypatch.setattr(audit, "KEPT", folder)
    rows = kept_family("meta-sl", tmp_path, seed=0)
    (row,) = [r for r in rows.mutants if r.name == name]
    assert row.status == "survived" and row.simplest is None
    record = audit.record_of([rows], 0, 1.0, "complete", "", "metagap verify", kept=True)
    assert audit.not_refuting(record) == [name]
    record.cells[0].confirmed = False
    assert len(audit.not_refuting(record)) == 2


@pytest.mark.ci
def test_the_page_takes_the_searched_audit_unless_it_is_of_another_theory(
    small_run: tuple[Path, VerifyRecord, AuditRecord], tmp_path: Path
) -> None:
    _, verify, searched = small_run
    (tmp_path / "verify.json").write_text(dumps(verify))
    kept = replace(searched, kept=True, files={})
    (tmp_path / "kept.json").write_text(dumps(kept))
    write_report(tmp_path)
    assert "judged every one of them again" in (tmp_path / "assumptions.html").read_text()
    (tmp_path / "audit.json").write_text(dumps(replace(searched, files={})))
    write_report(tmp_path)
    assert "judged every one of them again" not in (tmp_path / "assumptions.html").read_text()
    older = replace(searched, files={}, environment=searched.environment | {"sources": "0" * 64})
    (tmp_path / "audit.json").write_text(dumps(older))
    write_report(tmp_path)
    assert "judged every one of them again" in (tmp_path / "assumptions.html").read_text()
