"""What a run keeps of a user's claims: the record alone makes the page, and a run is its file's text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from metagap.impl.files import BadInputError
from metagap.impl.own_claims import Stating, read, standing, using
from metagap.reports.cli import app
from metagap.reports.formats import check
from metagap.reports.formats.auditing import AuditRecord, Joint
from metagap.reports.formats.own import OwnFile
from metagap.reports.formats.verifying import VerifyRecord
from metagap.reports.jobs import Profile
from metagap.reports.matrix import alarms, unsearched
from metagap.reports.own import recorded, shown
from metagap.reports.records import dumps
from metagap.reports.render import Report
from metagap.reports.verify import Run
from msgspec import structs
from typer.testing import CliRunner

from .test_own_claims import EXAMPLE


def test_another_file_in_a_worker_is_no_result(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(EXAMPLE.read_text())
    first = read(str(file))
    file.write_text(EXAMPLE.read_text().replace("eps*displacement", "eps*displacement/4"))
    with using(read(str(file))), pytest.raises(BadInputError, match="as when the run began"):
        Stating(first.place, first.path, first.sha256, lambda: None)()


@pytest.mark.ci
def test_a_page_is_made_of_the_record_alone(tmp_path: Path) -> None:
    """The same page where the file stands, and where nobody has it; nothing of the file is run."""
    file = tmp_path / "mine.py"
    file.write_text(EXAMPLE.read_text())
    with using(read(str(file))) as own:
        record = Run(Profile("none", 0, 0), 0, own.claims, "metagap verify").record()
        here = Report(record, None).pages()
    file.unlink()
    again = check(json.loads(dumps(record)), VerifyRecord, "verify.json")
    with shown(again.own):
        there = Report(again, None).pages()
    assert there == here
    assert standing() is None
    assert "L lies above its tangent" in here["claims"]
    assert "slope of L at omega" in here["notes"]
    assert "def slope(at: At)" in here["source"]


def test_what_an_audit_found_of_a_claim_is_on_the_first_page_and_nothing_of_ours(tmp_path: Path) -> None:
    """A violation, and commands that name the file; no claim of ours, none of our proofs."""
    file = tmp_path / "my claims.py"
    file.write_text(EXAMPLE.read_text())
    with using(read(str(file))) as own:
        found = Joint("meta-sl", own.claims[0].name, [], 9, 9, [], 3, "counterexamples/w.json")
        said: dict[str, Any] = {"version": "0", "seed": 0, "seconds": 1.0, "status": "complete", "started": ""}
        rows: dict[str, Any] = {name: [] for name in ("cells", "sharpness", "thresholds", "slack", "mutants")}
        verify = Run(Profile("none", 0, 0), 0, own.claims, "metagap verify").record()
        said |= {"environment": verify.environment, "command": "metagap audit", "files": {}, "own": recorded()}
        audit = AuditRecord(**said, **rows, joint=[found])
        audited, verified = Report(None, audit).pages(), Report(verify, None).pages()
    first = audited["index"]
    assert "meta-sl-tangent is violated</strong> on 3" in first and "No counterexample says so far" in first
    for pages in (audited, verified):
        assert "results" not in pages
        assert not [name for name, page in pages.items() if "results.html" in page or "s results" in page]
    assert ">meta-sl-tangent<" in audited["assumptions"] and "meta-sl-lifted" not in audited["assumptions"]
    assert re.search(r"metagap replay .*w\.json --claims &#39;.*my claims\.py&#39;", audited["assumptions"])
    assert re.search(r"metagap audit --claims &#39;.*my claims\.py&#39;", verified["assumptions"])
    assert "six lines" not in verified["claims"] and "In general: " not in verified["claims"]


def test_a_record_of_unknown_claims_needs_their_file() -> None:
    with using(read(str(EXAMPLE))) as own:
        record = json.loads(dumps(Run(Profile("none", 0, 0), 0, own.claims, "metagap verify").record()))
    check(record, VerifyRecord, "verify.json")
    record["own"] = None
    with pytest.raises(BadInputError, match="meta-sl-tangent"):
        check(record, VerifyRecord, "verify.json")


def test_an_assumption_that_nothing_breaks_is_an_alarm_of_ours_alone(
    small_run: tuple[Path, VerifyRecord, AuditRecord],
) -> None:
    """One's own may follow from the others, as differentiability from the squared loss: open, status 3."""
    audit = small_run[2]
    cell = structs.replace(audit.cells[0], status="open", searched=0, confirmed=None)
    ours = structs.replace(audit, cells=[cell], joint=[])
    own = structs.replace(ours, own=OwnFile("mine.py", "0" * 64, "", [], []))
    assert alarms(ours) == [cell] and alarms(own) == []
    assert unsearched(own) == [cell] == unsearched(ours)


@pytest.mark.ci
def test_no_record_says_what_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a claims file is kept by the hash of its text, and goes on where a command line names the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("import pathlib\npathlib.Path('ran').touch()\n" + EXAMPLE.read_text())
    arguments = ["verify", "--claims", "mine.py", "--no-real", "--max-time", "0", "--workers", "0"]
    assert CliRunner().invoke(app, arguments).exit_code == 3
    (folder,) = (tmp_path / "build/reports/.store").glob("*/run-*.json")
    (tmp_path / "ran").unlink()
    run = folder.stem.removeprefix("run-")
    result = CliRunner().invoke(app, ["runs", run, "--resume"])
    assert result.exit_code == 2 and "--claims mine.py" in result.stderr, result.stderr
    assert CliRunner().invoke(app, ["report"]).exit_code == 0
    assert not (tmp_path / "ran").exists()
    (tmp_path / "mine.py").write_text(EXAMPLE.read_text())
    assert CliRunner().invoke(app, arguments).exit_code == 3
    assert len(list((tmp_path / "build/reports/.store").glob("*/run-*.json"))) == 2
