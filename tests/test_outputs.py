"""Where records go: outputs that cannot be written, standard output, pipes and links."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest
from metagap.reports.cli import app
from metagap.reports.records import write_text

from .test_cli import MIRRORED, runner, write

COMMANDS = (
    ["judge", "good.json", "--json"],
    ["optimum", "good.json", "--json"],
    ["optimum", "good.json", "--certificate"],
    ["certify", "good.json", "--json"],
    ["verify", "--json"],
    ["verify", "--sarif"],
    ["verify", "--out"],
    ["audit", "--junit"],
    ["audit", "good.json", "--json"],
    ["falsify", "meta-sl-lifted", "--json"],
    ["falsify", "meta-sl-lifted", "--out"],
    ["bench", "--json"],
    ["bench", "--out"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_outputs_that_cannot_be_written_are_refused_before_any_work(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, MIRRORED, "good.json")
    for target in ("/proc/x", "good.json/x", "x" * 300, "loop/x"):
        Path("loop").unlink(missing_ok=True)
        Path("loop").symlink_to("loop")
        begin = time.monotonic()
        result = runner.invoke(app, [*command, target])
        assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.output
        assert result.stderr.startswith(f"metagap: {command[-1]}={target!r}: ")
        assert time.monotonic() - begin < 5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["good.json", "loop"]


def test_a_dash_is_standard_output_for_every_file_and_for_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, MIRRORED, "good.json")
    certificate = runner.invoke(app, ["optimum", "good.json", "--certificate", "-"])
    assert json.loads(certificate.stdout)["format"].startswith("metagap/certificate/")
    both = runner.invoke(app, ["optimum", "good.json", "--json", "-", "--certificate", "-"])
    assert both.exit_code == 2 and "--json='-', --certificate='-'" in both.stderr and not both.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["good.json"]


def test_a_pipe_is_written_and_a_link_stays_one(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    read = threading.Thread(target=lambda: (tmp_path / "copy").write_text(pipe.read_text()))
    read.start()
    write_text(pipe, "one")
    read.join()
    assert pipe.is_fifo() and (tmp_path / "copy").read_text() == "one"
    link.symlink_to("target")
    write_text(link, "two")
    assert link.is_symlink() and (tmp_path / "target").read_text() == "two"
