"""Long work: it ends when it is told to, says where it is without a terminal, and goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from metagap.reports.cli import app, shared
from typer.testing import CliRunner

AUDIT = ("audit", "--family", "meta-rl-network", "--workers", "1")


def test_an_audit_out_of_time_leaves_a_valid_report_and_says_how_to_go_on(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [*AUDIT, "--max-time", "0", "--out", str(tmp_path)])
    assert done.exit_code == 3, done.output
    assert "audit: out of time; the same command goes on from there" in done.stderr
    assert json.loads((tmp_path / "audit.json").read_text())["status"] == "out of time"
    assert "The audit is partial: out of time" in (tmp_path / "index.html").read_text()


def test_without_a_terminal_verify_says_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "QUIET", 0.0)
    options = ["verify", "--no-real", "--claim", "meta-sl-c5", "--max-time", "3", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, options)
    assert done.exit_code in (0, 3), done.output
    assert "metagap: verify: judging: " in done.stderr and " instances, last " in done.stderr
