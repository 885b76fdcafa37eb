"""An audit that was interrupted goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from metagap.reports import audit as audits
from metagap.reports.cli import app
from metagap.reports.store import kept_runs

from .test_cli import runner
from .test_executing import timeless


@pytest.mark.ci
@pytest.mark.usefixtures("short_audit")
def test_an_interrupted_audit_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the second family: the first one is in the record, with its witnesses and no others; the same command
    does not do it again."""
    attack, done = audits.attack, []

    def stopping(family: Any, *rest: Any, **options: Any) -> Any:
        if family.name == second_family and len(done) == 1:
            raise KeyboardInterrupt
        done.append(family.name)
        return attack(family, *rest, **options)

    monkeypatch.setattr(audits, "attack", stopping)
    first_family, second_family = "meta-rl-smooth-network", "meta-rl-network"
    command = ["audit", "--mutants", "--workers", "0", "--family", first_family, "--family", second_family]
    command += ["--out", str(tmp_path), "--json", str(tmp_path / "mutants.json")]
    first = runner.invoke(app, command)
    assert first.exit_code == 130
    assert "the same command goes on" in first.stderr
    record = json.loads((tmp_path / "mutants.json").read_text())
    assert record["status"] == "interrupted"
    assert {m["claim"].startswith(first_family) for m in record["mutants"]} == {True}
    named = {Path(file).name for file in record["files"]}
    assert {path.name for path in (tmp_path / "counterexamples").glob("*.json")} == named
    done.append("resumed")
    second = runner.invoke(app, command)
    assert second.exit_code == 0, second.output
    assert done == [first_family, "resumed", second_family]
    record = json.loads((tmp_path / "mutants.json").read_text())
    assert record["status"] == "complete"
    assert {m["claim"].startswith(first_family) for m in record["mutants"]} == {True, False}
    assert not (tmp_path / ".store").exists()


@pytest.mark.ci
@pytest.mark.usefixtures("short_audit")
def test_an_interrupted_family_goes_on_with_its_next_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between the parts of a family: its matrix is in the report, is not made again by the same audit, and is
    made again for another seed."""
    made, attack, matrix = [], audits.attack, audits.matrix

    def stopping(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    def counting(family: Any, folder: Path, seed: int, *rest: Any, **options: Any) -> Any:
        made.append(seed)
        return matrix(family, folder, seed, *rest, **options)

    monkeypatch.setattr(audits, "matrix", counting)
    monkeypatch.setattr(audits, "attack", stopping)
    command = ["audit", "--workers", "0", "--family", "meta-rl-smooth-network", "--out", str(tmp_path)]
    command += ["--json", str(tmp_path / "audit.json")]
    first = runner.invoke(app, command)
    assert first.exit_code == 130, first.output
    begun = json.loads((tmp_path / "audit.json").read_text())
    assert begun["cells"] and not begun["mutants"] and begun["status"] == "interrupted"
    assert runner.invoke(app, [*command, "--seed", "1"]).exit_code == 130
    monkeypatch.setattr(audits, "attack", attack)
    second = runner.invoke(app, command)
    assert second.exit_code == 0, second.output
    assert made == [0, 1]
    record = json.loads((tmp_path / "audit.json").read_text())
    assert record["cells"] and record["mutants"]
    named = {Path(file).name for file in record["files"]}
    assert {path.name for path in (tmp_path / "counterexamples").glob("*.json")} <= named
    assert sorted(run.state for _, run in kept_runs(tmp_path / ".store")) == ["finished", "unfinished"]  # of seed 1


@pytest.mark.ci
@pytest.mark.usefixtures("short_audit")
def test_an_audit_on_a_cluster_is_that_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.syspath_prepend(Path(__file__).resolve().parent.parent)
    found = []
    for name, workers in (("here", ["--workers", "0"]), ("cluster", ["--cluster", "local:2"])):
        command = ["audit", "--family", "meta-rl-smooth-network", "--out", str(tmp_path / name), *workers]
        done = runner.invoke(app, command)
        assert done.exit_code == 0, done.output
        found.append(timeless(json.loads((tmp_path / name / "audit.json").read_text())))
        assert not (tmp_path / name / ".store").exists()
    assert found[0] == found[1] and found[0]["cells"] and found[0]["mutants"]
