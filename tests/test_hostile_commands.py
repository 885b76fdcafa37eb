"""Commands meet hostile files, options and outputs: one line and status 2 before any work, and nothing written."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from metagap.reports.cli import app
from metagap.reports.formats.auditing import AuditRecord
from metagap.reports.formats.verifying import VerifyRecord
from metagap.reports.junit import junit
from metagap.reports.records import dumps
from metagap.reports.render import Report
from metagap.reports.sarif import sarif
from typer.testing import CliRunner

from .hostile_files import NUMBERS
from .test_formats import PLAIN
from .test_hostile_inputs import SECONDS, nothing_written


@pytest.mark.ci(every=7)
@pytest.mark.parametrize(
    "command",
    [
        ["judge", "BAD"],
        ["optimum", "BAD", "--json", "out.json", "--certificate", "out.cert"],
        ["check", "BAD"],
        ["replay", "BAD"],
        ["certify", "BAD", "--json", "out.json"],
        ["certify", "good.json", "--omega", "BAD"],
        ["audit", "BAD"],
    ],
    ids=" ".join,
)
def test_commands_say_one_line_and_write_nothing(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.json").write_text(json.dumps(PLAIN))
    Path("zero.json").symlink_to("/dev/zero")
    os.mkfifo("pipe.json")
    Path("empty").mkdir()
    Path("deep.json").write_text("[" * 100_000)
    Path("digits.json").write_text(json.dumps(PLAIN).replace('"radius": 1', '"radius": ' + "9" * 5000))
    # Some commands read in a process of their own, which takes its time to start.
    bad = ("zero.json", "pipe.json", "deep.json", "digits.json", "empty", "none.json")
    for name in bad if command[0] in ("judge", "optimum", "replay") else bad[:2]:
        with nothing_written(tmp_path):
            begin = time.monotonic()
            result = CliRunner().invoke(app, [name if part == "BAD" else part for part in command])
            assert time.monotonic() - begin < 60
        assert result.exit_code == 2, (name, result.output)
        assert result.stdout == "" and result.stderr.count("\n") == 1, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)


THIRD, ENORMOUS = "0." + "3" * 5000, {"7" * 5000, "1e10000", "1e400"}
OPTIONS: dict[str, set[str]] = {
    "--radius": {"1/3", THIRD},
    "--eta": {"1/3", THIRD, "-0"},
    "--loss": {"1/3", THIRD, *ENORMOUS},
    "--gap": {THIRD},
    "--max-time": {THIRD},
    "--steps": set(),
}
"""What is a number of each after all."""


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("option", OPTIONS)
def test_options_are_read_as_files_are(option: str, tmp_path: Path) -> None:
    for given in set(NUMBERS) - OPTIONS[option]:
        value = f"huber:{given}" if option == "--loss" else given
        begin = time.process_time()
        result = CliRunner().invoke(app, ["certify", str(tmp_path / "none.csv"), f"{option}={value}"])
        assert time.process_time() - begin < SECONDS
        assert result.exit_code == 2 and not result.stdout, (option, given, result.output)
        assert "none.csv" not in result.stderr, (option, given, result.output)


# --- outputs --------------------------------------------------------------------------------------------------


def ran(command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A shell's command, in which `metagap` is ours; its status is that of the first of a pipe."""
    python = f"{sys.executable} -m metagap.reports"
    line = command.replace("metagap", python)
    given = ["bash", "-c", f"{line}; exit ${{PIPESTATUS[0]}}"]
    return subprocess.run(
        given, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **variables}, timeout=120
    )


@pytest.mark.ci(every=4)
@pytest.mark.parametrize(
    ("command", "status", "lines"),
    [
        ("metagap judge good.json | true", 141, 0),
        ("metagap --help | true", 141, 0),
        ("metagap judge good.json > /dev/full", 2, 1),
        ("metagap judge good.json > /dev/null", 0, 0),
    ],
)
def test_output_that_nobody_takes_is_no_traceback(command: str, status: int, lines: int, tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(json.dumps(PLAIN))
    run = ran(command, tmp_path, MPLBACKEND="module://matplotlib_inline.backend_inline")
    assert (run.returncode, run.stderr.count("\n")) == (status, lines), run.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["judge", "good.json", "--json", "good.json"],
        ["judge", "good.json", "--json", "./folder/../good.json"],
        ["judge", "good.json", "--json", "link.json"],
        ["judge", "good.json", "--json", "hard.json"],
        ["judge", "link.json", "--json", "good.json"],
        ["optimum", "good.json", "--certificate", "good.json"],
        ["optimum", "good.json", "--json", "new", "--certificate", "new"],
        ["optimum", "good.json", "--json", "new", "--certificate", "folder/../new"],
        ["optimum", "good.json", "--json", "new", "--certificate", "dangling"],
        ["certify", "good.json", "--json", "good.json"],
        ["certify", "good.json", "--omega", "omega.json", "--json", "omega.json"],
        ["audit", "good.json", "--json", "good.json"],
        ["verify", "--json", "a", "--junit", "a"],
        ["verify", "--sarif", "out/index.html", "--out", "out"],
        ["audit", "--junit", "out/audit.json", "--out", "out"],
    ],
    ids=" ".join,
)
def test_no_output_is_an_input_or_another_output(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("good.json", "omega.json"):
        Path(name).write_text(json.dumps(PLAIN))
    Path("folder").mkdir()
    Path("link.json").symlink_to("good.json")
    os.link("good.json", "hard.json")
    Path("dangling").symlink_to("new")
    with nothing_written(tmp_path):
        result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2 and result.stdout == "", result.output
    assert "a file of its own is required" in result.stderr and result.stderr.count("\n") == 1


def test_pages_xml_and_commands_bear_any_text(small_run: tuple[Path, VerifyRecord, AuditRecord]) -> None:
    """Control characters and lone surrogates never stand raw; a folder's name is one word of a shell."""
    _, verify, audit = small_run
    record = copy.deepcopy(audit)
    for row in record.mutants:
        row.title, row.status, row.why = "a\x00b\x1b[31m\x7f\x85\ud800", "survived", "\x08<&>\ufffe"
    folder = "it's a $(folder)\x07"
    page = Report(verify, record, folder).single()
    page.encode()
    assert not [c for c in page if ord(c) < 32 and c not in "\n\t"] and "\x7f" not in page and "\x85" not in page
    assert "replay &#39;it&#39;&#34;&#39;&#34;&#39;s a $(folder)" in page
    root = ElementTree.fromstring(junit(record, folder))
    assert len(root.findall(".//failure")) >= len(record.mutants)
    json.loads(dumps(sarif(record, folder)).encode())
