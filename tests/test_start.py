"""Starting up: help and a small file's verdict load little, and the table of commands says what each one says."""

from __future__ import annotations

import importlib
import os
import shlex
import subprocess
import sys
from importlib.metadata import version

import pytest
from metagap.reports.cli import COMMANDS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_has_the_first_line_of_each_help(name: str) -> None:
    known = COMMANDS[name]
    command = getattr(importlib.import_module(f"metagap.reports.cli.{known.room}"), name.replace("-", "_"))
    assert " ".join(command.__doc__.split("\n\n")[0].split()) == known.line


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_in_a_commands_help_is_one_that_it_takes(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = shlex.split(COMMANDS[name].example)
    assert words[:2] == ["metagap", name]
    monkeypatch.setattr(sys, "argv", [*words, "--help"])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        main()
    shown = capsys.readouterr().out
    assert f"For example: {COMMANDS[name].example}" in shown
    assert all(f"{word} " in shown for word in words if word.startswith("--"))


def test_alone_it_says_what_to_try_first(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["metagap"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().out
    assert ended.value.code == 0 and "metagap certify" in said and "metagap verify" in said


def test_shells_complete_the_names_of_commands() -> None:
    asked = {"_METAGAP_COMPLETE": "complete_bash", "COMP_WORDS": "metagap ce", "COMP_CWORD": "1"}
    run = [sys.executable, "-m", "metagap.reports"]
    found = subprocess.run(run, env=os.environ | asked, capture_output=True, text=True)
    assert found.stdout.split() == ["certify"], found.stderr


def loaded(code: str) -> set[str]:
    """The packages that a fresh process has loaded after the code."""
    text = f"{code}\nimport sys\nsys.stderr.write(' '.join(m for m in sys.modules if '.' not in m))"
    return set(subprocess.run([sys.executable, "-c", text], capture_output=True, check=True).stderr.decode().split())


def test_help_loads_no_number_and_judging_no_library_that_it_does_not_use() -> None:
    run = "import sys\nfrom metagap.reports.cli import app\ntry:\n    app(['--help'])\nexcept SystemExit:\n    pass"
    assert not loaded(run) & {"numpy", "flint", "msgspec", "sympy", "matplotlib", "hypothesis", "jinja2", "torch"}
    heavy = {"sympy", "matplotlib", "hypothesis", "jinja2", "torch", "sklearn", "gymnasium", "cvxpy"}
    judging = loaded("import sys\nimport metagap.reports.cli.judging\nassert 'scipy.optimize' not in sys.modules")
    assert "flint" in judging
    assert not judging & heavy


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("words", [(), ("judge",), ("schema",)])
def test_both_spellings_of_help_are_known_everywhere(
    option: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["metagap", *words, option])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    assert "Usage: metagap" in capsys.readouterr().out


def test_the_version_is_the_packages() -> None:
    run = subprocess.run([sys.executable, "-m", "metagap.reports", "--version"], capture_output=True, text=True)
    assert run.stdout == f"metagap {version('metagap')}\n"
    assert run.returncode == 0


def test_nothing_is_loaded_before_ctrl_c_is_one_line() -> None:
    code = "import sys\nknown = {*sys.modules}\nfrom metagap.reports.__main__ import main\n"
    code += "sys.stdout.write(' '.join(sorted({*sys.modules} - known)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["metagap", "metagap.reports", "metagap.reports.__main__"]
