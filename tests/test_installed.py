"""The wheel and the sdist, built from the sources and used alone from another folder: commands, data, pytest plugin."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.ci

ROOT = Path(__file__).resolve().parent.parent
BUILD = "from setuptools import build_meta as b; import sys; b.build_{kind}(sys.argv[1])"


def built(kind: str, sources: Path, target: Path) -> Path:
    """What the build backend makes of the sources: a wheel, or an sdist."""
    target.mkdir()
    run = [sys.executable, "-W", "ignore", "-c", BUILD.format(kind=kind), str(target)]
    subprocess.run(run, cwd=sources, check=True, capture_output=True)
    (made,) = target.iterdir()
    return made


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources alone: building leaves folders behind."""
    folder = tmp_path_factory.mktemp("sources")
    for path in ROOT.iterdir():
        if path.name in ("theory", "impl", "reports", "tests", ".ci"):
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.is_file() and not path.name.startswith("."):
            shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def site(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the wheel is installed, to be put on Python's path."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(built("wheel", sources, folder.with_name("wheels"))) as wheel:
        wheel.extractall(folder)
    return folder


def run(site: Path, folder: Path, *words: str, status: int = 0) -> str:
    """What Python says, with the installed wheel, in the folder; it ends with that status."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, *words]
    done = subprocess.run(
        command, cwd=folder, env=environment | {"PYTHONPATH": str(site)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_sdist_makes_the_same_wheel_and_the_documentation(sources: Path, site: Path, tmp_path: Path) -> None:
    """It has all that the sources have: tests run from it, and the site is built from it, with its wheel."""
    with tarfile.open(built("sdist", sources, tmp_path / "sdist")) as sdist:
        sdist.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    made = {path.relative_to(sources) for path in sources.rglob("*") if path.is_file()}
    made = {path for path in made if not {"build", "metagap.egg-info"} & set(path.parts)}
    assert {str(path) for path in made if not (unpacked / path).is_file()} == set()
    build = ["mkdocs", "build", "--strict", "-q", "-f", "reports/site/mkdocs.yml", "-d", str(tmp_path / "docs")]
    run(site, unpacked, "-m", *build)
    assert (tmp_path / "docs" / "api.html").stat().st_size > 10_000
    with zipfile.ZipFile(built("wheel", unpacked, tmp_path / "wheel")) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info" not in name}
    assert names == {
        path.relative_to(site).as_posix()
        for path in site.rglob("*")
        if path.is_file() and ".dist-info" not in path.as_posix() and "__pycache__" not in path.parts
    }


def test_commands_run_from_another_folder(site: Path, tmp_path: Path) -> None:
    assert str(site) in run(site, tmp_path, "-c", "import metagap; print(metagap.__file__)")
    example = site / "metagap" / "reports" / "example"
    tasks = [str(example / "tasks.csv"), "--loss", "log-cosh", "--eta", "1/4", "--steps", "2"]
    said = run(site, tmp_path, "-m", "metagap.reports", "certify", *tasks, "--omega", str(example / "omega.json"))
    assert "above the global optimum over all parameters" in said
    cut = ["verify", "--no-real", "--claim", "meta-sl-lifted", "--claim", "meta-sl-l1", "--workers", "0"]
    run(site, tmp_path, "-m", "metagap.reports", *cut, "--out", "report")
    assert (tmp_path / "report" / "index.html").stat().st_size > 10_000
    assert "metagap/instance/1" in run(site, tmp_path, "-m", "metagap.reports", "schema", "instance")
    run(site, tmp_path, "-m", "metagap.reports", "bundle", "evidence.zip", "--out", "report", "-q")
    checker = site / "metagap" / "reports" / "check_bundle.py"
    assert "whole" in run(site, tmp_path, "-S", str(checker), "evidence.zip", status=3)


PACKAGE = """
[project]
name = "their-theorems"
version = "1"
[project.entry-points."metagap.claims"]
their-paper = "theirs"
[tool.setuptools]
py-modules = ["theirs"]
"""


def test_a_package_that_is_installed_brings_its_claims(site: Path, tmp_path: Path) -> None:
    """By an entry point: listed, judged by processes of their own, and kept in a record."""
    for folder in ("source", "theirs", "project"):
        (tmp_path / folder).mkdir()
    (tmp_path / "source" / "pyproject.toml").write_text(PACKAGE)
    shutil.copy(site / "metagap" / "reports" / "example" / "own_claims.py", tmp_path / "source" / "theirs.py")
    with zipfile.ZipFile(built("wheel", tmp_path / "source", tmp_path / "wheels")) as wheel:
        wheel.extractall(tmp_path / "theirs")
    path, project = Path(f"{site}{os.pathsep}{tmp_path / 'theirs'}"), tmp_path / "project"
    assert "meta-sl-tangent" in run(path, project, "-m", "metagap.reports", "falsify", "--claims", "their-paper")
    cut = ["--no-real", "--max-time", "5", "--workers", "2", "--json", "record.json"]
    run(path, project, "-m", "metagap.reports", "verify", "--claims", "their-paper", *cut, status=3)
    own = json.loads((project / "record.json").read_text())["own"]
    assert own["text"] == (tmp_path / "source" / "theirs.py").read_text()


def test_the_workflow_runs(site: Path, tmp_path: Path) -> None:
    """Its commands in their order, in a project with one test, as GitHub's shell runs them; verify cut short."""
    workflow = yaml.safe_load((site / "metagap" / "reports" / "example" / "metagap.yml").read_text())
    (tmp_path / "test_mine.py").write_text(USER.partition("@settings(deadline=None, derandomize")[0])
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, module in (("metagap", "-m metagap.reports"), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        (programs / name).chmod(0o755)
    commands = [step["run"] for step in workflow["jobs"]["theory"]["steps"] if "run" in step]
    assert commands[0].startswith("python -m pip install metagap")
    script = f'export PATH="{programs}:$PATH"\n' + "\n".join(commands[1:]).replace("--max-time 900", "--max-time 10")
    (tmp_path / "steps.sh").write_text(script)
    start = "import subprocess, sys; sys.exit(subprocess.run(['bash', '-eo', 'pipefail', 'steps.sh']).returncode)"
    run(site, tmp_path, "-c", start)
    made = {path.name for path in (tmp_path / "build").iterdir()}
    assert {"pytest.xml", "metagap.xml", "metagap.sarif", "evidence.zip", "reports"} <= made


PLAIN = """
import sys

def test_nothing_of_metagap_is_loaded_but_its_plugin():
    ours = {name for name in sys.modules if name.split(".")[0] == "metagap"}
    assert ours == {"metagap", "metagap.reports", "metagap.reports.pytest_plugin"}
    assert not {"numpy", "flint", "msgspec", "sympy", "rich"} & set(sys.modules)
"""


def test_a_project_that_does_not_use_it_loads_nothing_of_it(site: Path, tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(PLAIN)
    assert "1 passed" in run(site, tmp_path, "-m", "pytest", "-q")


USER = """
from dataclasses import replace

import metagap
from hypothesis import given, settings
from metagap.impl.families import META_SL
from metagap.theory.claim import Expression

HALF = replace(META_SL.claim("meta-sl-lifted"), name="half", bound=Expression("radius*eps/2"))


@settings(deadline=None, max_examples=20)
@given(metagap.strategies.instances("meta-sl", tasks=2, loss="log-cosh"))
def test_true(instance):
    assert len(instance.tasks) <= 2 and instance.loss.name == "log-cosh"
    metagap.assert_proved("meta-sl-lifted", instance)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(metagap.strategies.instances("meta-sl", loss="squared"))
def test_false(instance):
    metagap.assert_proved(HALF, instance)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(metagap.strategies.instances("meta-sl", loss="huber"))
def test_outside(instance):
    metagap.assert_proved("meta-sl-lifted", instance)
"""


def test_a_fresh_project_proves_and_is_shown_the_smallest_witness(site: Path, tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(USER)
    said = run(site, tmp_path, "-m", "pytest", "-q", status=1)
    assert "1 passed" in said and "2 failed" in said
    assert "half is VIOLATED on this instance: gap <= radius*eps/2" in said
    files = sorted((tmp_path / ".pytest_cache" / "d" / "metagap").glob("*.json"))
    assert [file.name for file in files] == ["test-mine-py-test-false-0.json", "test-mine-py-test-outside-0.json"]
    for file in files:
        assert f"witness: {file.relative_to(tmp_path)}" in said
    # What Hypothesis shrank to: one task, one point, one dimension.
    size = "import metagap, sys; i = metagap.load(sys.argv[1]); print(len(i.tasks), len(i.features), i.dimension)"
    assert run(site, tmp_path, "-c", size, str(files[0])) == "1 1 1\n"
    # pytest's last lines repeat a failure's words where a machine reads them (CI is set).
    (words,) = {line.split("replay:")[1] for line in said.splitlines() if "replay:  metagap judge" in line}
    first, *arguments = words.split()
    assert first == "metagap"
    assert "OUTSIDE" in run(site, tmp_path, "-m", "metagap.reports", *arguments)
