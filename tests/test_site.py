"""The documentation: its tutorials say what commands and Python say, and the site builds without a warning."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from metagap.impl.families import FAMILIES, all_claims
from metagap.reports.documentation import TUTORIALS, pages

pytestmark = pytest.mark.ci

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "reports" / "site"
FENCE = re.compile(r"```\{\.(\w+)(?: title=\"([\w.]+)\")?\}\n(.*?)```\n", re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("page", TUTORIALS.values())
def test_a_tutorial_says_what_is_so(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are written, commands run in a shell, Python by doctest, in the order of the page, in one folder."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name, module in (("metagap", "-m metagap.reports"), ("python", ""), ("python3", "")):
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        (commands / name).chmod(0o755)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("COLUMNS", "80")
    for name in [name for name in os.environ if name.startswith("PYTEST")]:
        monkeypatch.delenv(name)
    done, names = 0, dict[str, object]()
    for kind, title, text in FENCE.findall((SITE / "pages" / page).read_text(encoding="utf-8")):
        if title:
            (folder / title).write_text(text)
        elif kind == "console":
            for command, wanted in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
                ran = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
                assert doctest.OutputChecker().check_output(wanted, ran.stdout, FLAGS), (
                    command,
                    ran.stdout,
                    ran.stderr,
                )
                done += 1
        else:
            assert kind == "pycon"
            said: list[str] = []
            test = doctest.DocTestParser().get_doctest(text, names, page, page, 0)
            doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append, clear_globs=False)
            names = test.globs
            assert not said, "".join(said)
            done += 1
    assert done


def test_the_site_builds_without_a_warning_and_has_every_claim(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-f", str(SITE / "mkdocs.yml"), "-d"]
    where = [str(tmp_path / "site")]
    done = subprocess.run([*command, *where], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, family in FAMILIES.items():
        page = (tmp_path / "site" / "theory" / f"{name}.html").read_text(encoding="utf-8")
        assert all(f'id="{claim.name}"' in page for claim in family.all_claims)
        assert page.count("<math") >= len(family.all_claims)
    assert "metagap certify" in (tmp_path / "site" / "commands.html").read_text(encoding="utf-8")
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|link|img)[^>]*(?:src|href)=\"(https?:[^\"]+)", page.read_text(encoding="utf-8")
        )
        assert not loaded, page


def test_pages_are_made_of_every_claim_and_public_name() -> None:
    made = dict(pages())
    assert all(any(f"## {claim.name} " in text for text in made.values()) for claim in all_claims())
    assert all(f"## {name} " in made["api.md"] for name in ("metagap.certify", "metagap.strategies.instances"))


def test_the_workflow_is_one_whose_commands_are_ours() -> None:
    workflow = yaml.safe_load((ROOT / "reports" / "example" / "metagap.yml").read_text())
    steps = workflow["jobs"]["theory"]["steps"]
    script = "\n".join(step.get("run", "") for step in steps)
    uses = [step["uses"].split("@")[0] for step in steps if "uses" in step]
    assert uses[-2:] == ["actions/upload-artifact", "github/codeql-action/upload-sarif"]
    assert "--sarif build/metagap.sarif" in script
    for command in re.findall(r"metagap (\w+)((?: (?:--?[\w-]+|\\|\n|[\w/.]+))*)", script.replace("\\\n", " ")):
        name, options = command
        if name in ("pytest",):
            continue
        shown = subprocess.run(
            [sys.executable, "-m", "metagap.reports", name, "--help"], capture_output=True, text=True, check=True
        ).stdout
        assert all(option in shown for option in re.findall(r"--[\w-]+", options)), command


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert project is not None and citation["version"] == project[1]
    assert {"cff-version", "message", "title", "authors", "license"} <= set(citation)
