"""Witnesses survive: what is kept replays, foreign files are passed over, a reviewer can check without the package."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from metagap.impl import files
from metagap.impl.falsify import refute
from metagap.impl.families import FAMILIES
from metagap.impl.insight import indifferent
from metagap.reports import witnesses
from metagap.reports.check_witness import check
from metagap.reports.witnesses import CHECKER, put_checker

KEPT = sorted(witnesses.KEPT.glob("*.json"))


def content(path: Path) -> dict[str, object]:
    return dict(json.loads(path.read_text()))


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("path", KEPT, ids=lambda p: p.stem)
def test_a_kept_witness_still_refutes(path: Path) -> None:
    assert witnesses.replay(path).outcome == "still violated"


def test_every_mutant_that_somebody_thought_of_and_that_is_not_equivalent_has_a_kept_witness() -> None:
    kept = {(str(content(path)["kind"]), str(content(path)["name"])) for path in KEPT}
    mutants = {m.name for family in FAMILIES.values() for m in family.mutants if not (m.equivalent or m.generated)}
    lacking = sorted(mutants - {name for kind, name in kept if kind == "mutant"})
    assert not lacking, (
        f"{lacking}: metagap falsify MUTANT, then keep build/reports/counterexamples/falsify-MUTANT-simplest.json as "
        "theory/counterexamples/mutant-MUTANT-simplest.json"
    )


@pytest.mark.ci(every=2)
@pytest.mark.parametrize(("every", "share"), [(8, 0.85), (1, 0.9)])
def test_the_standard_library_alone_refutes_most_and_never_contradicts(every: int, share: float) -> None:
    small = [path for path in KEPT if path.stat().st_size < 12_000][::every]
    outcomes = {path.stem: check(content(path))[0] for path in small}  # type: ignore[arg-type]
    assert [stem for stem, outcome in outcomes.items() if outcome == "not refuted"] == []
    assert sum(outcome == "refuted" for outcome in outcomes.values()) >= share * len(outcomes) >= 200 / every


def test_the_checker_runs_by_itself_and_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    script = tmp_path / CHECKER.name
    put_checker(tmp_path)
    good = next(path for path in KEPT if path.stem.startswith("mutant-half-constant"))
    run = subprocess.run([sys.executable, "-I", "-S", script, good], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.split(": ")[1]) == (0, "refuted")
    harmless = content(good)
    harmless["statement"] = {"left": "gap", "relation": "<=", "bound": "radius*eps + weight_norm*misfit"}
    path = tmp_path / "true.json"
    path.write_text(json.dumps(harmless))
    run = subprocess.run([sys.executable, "-I", "-S", script, path], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.split(": ")[1]) == (1, "not refuted")
    path.write_text("{")
    run = subprocess.run([sys.executable, "-I", "-S", script, path], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1


def test_the_checker_goes_on_after_a_file_that_it_cannot_read(tmp_path: Path) -> None:
    """A folder with one of each outcome: all are told, counted, and the worst one is the status."""
    script, folder = tmp_path / CHECKER.name, tmp_path / "counterexamples"
    put_checker(tmp_path)
    folder.mkdir()
    (folder / "a-damaged.json").write_text("{")
    good = next(path for path in KEPT if path.stem.startswith("mutant-half-constant"))
    shutil.copy(good, folder / "b.json")
    beyond = content(good)
    beyond["statement"] = {"left": "gap", "relation": "<=", "bound": "no_such_quantity"}
    (folder / "c.json").write_text(json.dumps(beyond))

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", script, folder]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    told = run()
    assert told.returncode == 2
    assert told.stdout.splitlines()[-1] == "refuted 1 of 3, 1 not read, 1 not checked: meta-sl linear 1 of 2"
    harmless = content(good)
    harmless["statement"] = {"left": "gap", "relation": "<=", "bound": "radius*eps + weight_norm*misfit"}
    (folder / "d.json").write_text(json.dumps(harmless))
    assert run().returncode == 1
    for name in ("a-damaged.json", "d.json"):
        (folder / name).unlink()
    assert run().returncode == 3


def test_foreign_and_damaged_files_are_passed_over_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / witnesses.FOLDER
    folder.mkdir()
    shutil.copy(KEPT[0], folder)
    (folder / "foreign.json").write_text('{"format": "something/else"}')
    (folder / "damaged.json").write_text('{"format": "metagap/witn')
    found = dict(witnesses.kept(folder))
    broken = [path.name for path, one in found.items() if isinstance(one, files.BadInputError)]
    assert broken == ["damaged.json", "foreign.json"]
    assert len(list(folder.glob("*.json"))) == 3
    own = found[folder / KEPT[0].name]
    assert not isinstance(own, files.BadInputError)
    assert witnesses.find(KEPT[0].stem, tmp_path) == [folder / KEPT[0].name]
    assert witnesses.find(own.sha256[:8], tmp_path) == [folder / KEPT[0].name]
    with pytest.raises(files.BadInputError, match=r"FILE\|ID='nothing'"):
        witnesses.find("nothing", tmp_path)


def test_what_does_not_matter_to_a_witness_may_change() -> None:
    """The squared loss with eta = 0, y = 0 at omega = 1 against 0: half the constant fails whatever eta would be 0."""
    path = next(path for path in KEPT if path.stem == "mutant-no-hessian-simplest")
    mutant = next(m for m in FAMILIES["meta-sl"].mutants if m.name == "no-hessian")
    instance = witnesses.read(path)[2]
    free = indifferent(instance, lambda candidate: refute(mutant, candidate) is not None)
    assert free
    assert "adaptation.eta" not in free, "without adaptation there is no Hessian to forget"
    assert indifferent(instance, lambda candidate: False) == []
