"""What an audit prints: everything that is wrong by name, on a terminal of 80 columns."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from metagap.reports.cli.audit_tables import print_audit
from metagap.reports.formats.auditing import AuditRecord
from metagap.reports.formats.verifying import VerifyRecord


@pytest.fixture
def record(small_run: tuple[Path, VerifyRecord, AuditRecord], monkeypatch: pytest.MonkeyPatch) -> AuditRecord:
    monkeypatch.setenv("COLUMNS", "80")
    return copy.deepcopy(small_run[2])


def printed(record: AuditRecord, capsys: pytest.CaptureFixture[str], *, detailed: bool) -> str:
    print_audit(record, Path("build/reports/index.html"), detailed=detailed)
    text = capsys.readouterr().out
    *tables, verdict = text.splitlines()
    assert max(map(len, tables)) <= 80
    refuted = sum(row.status == "refuted" for row in record.mutants)
    assert f"; {refuted} of " in verdict and verdict.endswith("; complete. Report: build/reports/index.html")
    return text


def test_a_survivor_an_open_cell_and_an_alarm_are_named(
    record: AuditRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    survivor, (opened, unconfirmed, *_) = record.mutants[0], [c for c in record.cells if c.confirmed]
    survivor.status, survivor.simplest, survivor.worst = "survived", None, None
    opened.status, opened.reason, opened.searched = "open", "Left out on 7 instances: none refutes the claim.", 7
    unconfirmed.confirmed = False
    text = " ".join(printed(record, capsys, detailed=False).split())
    assert survivor.name in text.split("nothing refuted:")[1]
    assert f"open: {opened.claim} without {opened.assumption}: Left out on 7 instances" in text
    assert f"alarm: {unconfirmed.claim} ({unconfirmed.assumption})" in text


def test_the_last_line_says_what_is_violated_and_what_is_open(
    record: AuditRecord, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metagap.reports.cli.audit_tables.voice.quiet", True)
    (wrong, loose, *_), opened = record.joint, next(c for c in record.cells if c.confirmed)
    print_audit(record, None, detailed=False)
    line = capsys.readouterr().out
    assert "VIOLATED" not in line and "open" not in line
    wrong.violated, wrong.witness = 3, "counterexamples/wrong.json"
    opened.status = "open"
    print_audit(record, None, detailed=False)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"VIOLATED: {wrong.claim} (counterexamples/wrong.json); ")
    assert f"; open (superfluous?): {opened.claim} without {opened.assumption}; " in line
    monkeypatch.setattr("metagap.reports.cli.audit_tables.voice.quiet", False)
    wrong.violated = 0
    loose.void, loose.lacking = 5, {"smoothness": ["m2 is infinite", "no steps"]}
    text = " ".join(printed(record, capsys, detailed=False).split())
    assert f"{loose.claim}: under all its assumptions it has no value on 5 of {loose.met}" in text
    assert "(smoothness: m2 is infinite, no steps): an assumption is missing" in text


def test_details_name_each_needed_assumption_with_its_step_and_each_mutant(
    record: AuditRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(record, capsys, detailed=True)
    for row in record.mutants:
        assert row.name in text
    flat = " ".join(text.split())
    for cell in record.cells:
        if cell.status == "needed" and cell.step.startswith("S"):
            assert f"{cell.assumption} ({cell.step.split(':')[0]})" in flat, cell


def test_long_names_split_no_header(record: AuditRecord, capsys: pytest.CaptureFixture[str]) -> None:
    del record.mutants[1:]
    (row,) = record.mutants
    row.generator, heads = "support-small-step", ["mutant", "status", "examples", "s", "numbers"]
    for length, by in ((20, ["found", "by"]), (37, ["by"]), (44, []), (90, [])):
        row.name = "n" * length
        text = printed(record, capsys, detailed=True)
        (line,) = (line for line in text.splitlines() if line.startswith("mutant "))
        assert line.split() == [*heads[:2], *by, *heads[2:]]
        assert length == 90 or row.name in text


def test_the_summary_counts_what_the_record_has(record: AuditRecord, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(record, capsys, detailed=False)
    needed = sum(c.status == "needed" and c.claim.startswith("meta-sl") for c in record.cells)
    row = next(line.split() for line in text.splitlines() if line.split()[:1] == ["meta-sl"])
    assert row[1] == str(needed) != "0"
