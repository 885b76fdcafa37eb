"""Starting up: help and a small file's verdict load little, and the table of commands says what each one says."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib.metadata import version

import pytest
from metagap.reports.cli import COMMANDS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_has_the_first_line_of_each_help(name: str) -> None:
    room, line = COMMANDS[name]
    command = getattr(importlib.import_module(f"metagap.reports.cli.{room}"), name)
    assert command.__doc__.split("\n")[0] == line


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
