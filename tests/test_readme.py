"""The pages' generated tables are current, and the README's commands are the ones that CI runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from metagap.impl.families import FAMILIES, META_SL, judge, loads
from metagap.reports.formats import schema
from metagap.reports.formats.verifying import Counts
from metagap.reports.jobs import PROFILES
from metagap.reports.readme import PAGES as GENERATED
from metagap.reports.readme import claims_table, fill
from metagap.reports.records import dumps, write_text
from metagap.reports.verify import Run
from metagap.theory.claim import Source, Verdict

ROOT = Path(__file__).resolve().parent.parent
README, THEORY, FILES = ROOT / "README.md", ROOT / "theory" / "README.md", ROOT / "impl" / "files" / "README.md"
INSTANCES = re.findall(r"```json\n(.*?)```", FILES.read_text(encoding="utf-8"), re.DOTALL)


def block(name: str) -> str:
    """The code between the README's markers of that name."""
    part = README.read_text(encoding="utf-8").split(f"<!-- {name} -->")[1].split("<!-- end -->")[0]
    return re.search(r"```\w*\n(.*)```", part, re.DOTALL)[1]  # type: ignore[index]


def test_the_first_screens_are_what_one_gets_and_how_to_start() -> None:
    text = README.read_text(encoding="utf-8")
    order = (
        "<!-- own -->",
        "<!-- answer -->",
        "<!-- few -->",
        "<!-- main -->",
        "<!-- test -->",
        "## Commands",
        "## Where to read on",
    )
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert text[: places[1]].count("\n") < 35 and len(text) < 9000


@pytest.mark.parametrize("text", INSTANCES)
def test_the_instances_are_read_fit_the_schema_and_violate_nothing(text: str) -> None:
    instance = loads(text)
    assert Draft202012Validator(schema("instance")).is_valid(json.loads(text))
    verdicts = {one.verdict for one in judge(instance).claims}
    assert Verdict.PROVED in verdicts
    assert not verdicts & {Verdict.VIOLATED, Verdict.UNDECIDED}


def test_there_is_an_instance_of_every_kind() -> None:
    kinds = {(loads(text).family, json.loads(text).get("adaptation", {}).get("name")) for text in INSTANCES}
    families = ("meta-sl", "network", "smooth-network")
    rest = {("meta-sl", "implicit"), ("meta-rl", "kl-step"), ("any-model", None)}
    assert kinds == rest | {(name, "gradient") for name in families}


def test_the_answer_is_what_certify_prints() -> None:
    script = block("own").splitlines()[1].replace(".venv/bin/metagap", f"{sys.executable} -m metagap.reports")
    done = subprocess.run(["bash", "-e", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == block("answer")


@pytest.mark.ci
def test_the_few_shot_example_is_made_of_digits_and_says_what_certify_prints() -> None:
    """A task per draw of five digits: one image of each to adapt on, three to be judged on; two components."""
    from sklearn.datasets import load_digits
    from sklearn.decomposition import PCA

    data = load_digits()
    images = PCA(n_components=2, svd_solver="full", random_state=0).fit_transform(data.data)
    images, rng, rows = np.round(images / np.abs(images).max(), 3), np.random.default_rng(0), []
    for task in range(4):
        for label, digit in enumerate(rng.permutation(10)[:5]):
            for k, i in enumerate(rng.permutation(np.flatnonzero(data.target == digit))[:4]):
                rows.append(f"{task},{label},{'query' if k else 'support'},1,{images[i, 0]:g},{images[i, 1]:g}")
    table = ROOT / "reports" / "example" / "few_shot.csv"
    assert table.read_text().splitlines() == ["task,y,split,bias,pc1,pc2", *rows]
    command, *said = block("few").splitlines()
    script = command.replace(".venv/bin/metagap", f"{sys.executable} -m metagap.reports")
    done = subprocess.run(["bash", "-e", "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 3, "no search is known for softmax: the bracket stays open"
    assert said == [line for line in done.stdout.splitlines() if line in said] and len(said) == 3


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "instance.json").write_text(INSTANCES[0])
    monkeypatch.chdir(tmp_path)
    exec(block("python"), {})
    verdict, bracket = capsys.readouterr().out.splitlines()
    assert verdict == "PROVED"
    lower, upper, status = bracket.split()
    assert status == "certified" and f"# {lower[:8]}... {upper[:8]}... certified" in block("python")


PAGES = (README, THEORY, FILES)


@pytest.mark.parametrize("page", [ROOT / name for name in GENERATED], ids=lambda path: path.parent.name)
def test_the_tables_are_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert fill(text, None) == text, f"{page}: python -m metagap.reports.readme, in the repository's folder, renews it"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.parent.name)
def test_github_shows_every_row_with_all_its_cells(page: Path) -> None:
    """A `|` within a cell would begin another one: GitHub leaves out what is beyond the heading's number."""
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    tokens = MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
    shown = [t.content for t in tokens if t.type == "inline"]
    assert len(rows) > 10
    for row in rows:
        cells = [c.replace("\\|", "|").strip() for c in re.split(r"(?<!\\)\|", row)[1:-1]]
        assert set(cells) - set("-") <= {*shown, "", "---"}, row


def test_the_contents_page_names_every_file_of_the_theory() -> None:
    text = THEORY.read_text(encoding="utf-8")
    folder = THEORY.parent
    files = {
        str(p.relative_to(folder))
        for p in folder.rglob("*.py")
        if p.name not in ("__init__.py", "cells.py", "instances.py")
    }
    assert {file for file in files if f"({file})" not in text} == set()


@pytest.mark.parametrize("page", [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"], ids=str)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def test_every_theorem_is_a_row_with_a_verdict_in_each_of_its_families() -> None:
    part = THEORY.read_text(encoding="utf-8").split("<!-- claims -->")[1].split("<!-- end -->")[0]
    rows = [line.split(" | ") for line in part.splitlines() if line.startswith("| `")]
    assert len(rows) == len({(row[0].split("`")[1], row[1]) for row in rows})
    for place, family in enumerate(FAMILIES.values()):
        for claim in family.all_claims:
            stem = claim.name.removeprefix(f"{family.name}-")
            (row,) = [r for r in rows if r[0].startswith(f"| `{stem}`") and claim.bound.text in r[1] and
                      claim.left.text in r[1] and re.search(r"\d+/\d+|not run", r[2 + place])]  # fmt: skip
            assert ("**" in row[2 + place]) == (claim.source is Source.PAPER), claim.name


def test_without_a_record_verdicts_stay_and_a_new_claim_was_not_run() -> None:
    """Neither of a changed statement nor of a table with other columns an old verdict stays."""
    page = THEORY.read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("| `c1`") and "PROVED" in line)
    for other in ("", row.replace("eps*displacement", "eps")):
        (made,) = set(fill(page.replace(row, other), None).splitlines()) - set(page.splitlines())
        assert made.split(" | ")[:2] == row.split(" | ")[:2] and "not run" in made and "PROVED" not in made
    fewer = page.replace("| theorem | statement | SL |", "| theorem | statement | other |")
    assert fewer != page and row not in fill(fewer, None)


def test_the_picture_exists() -> None:
    assert (README.parent / "reports" / "picture.png").stat().st_size > 10_000


@pytest.mark.ci
def test_a_record_of_some_claims_renews_no_page(tmp_path: Path) -> None:
    (tmp_path / "theory").mkdir()
    record = tmp_path / "verify.json"
    write_text(record, dumps(Run(PROFILES["quick"], 0, META_SL.claims[:1], "a test").record()))
    program = [sys.executable, "-m", "metagap.reports.readme", record]
    told = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 2 and told.stderr.count("\n") == 1
    assert f"{record}: " in told.stderr and "without --claim" in told.stderr
    assert not any((tmp_path / "theory").iterdir())


def test_proved_and_equal_are_counted_apart() -> None:
    wanted = {"meta-sl-identity": (7, 10), "meta-sl-lifted": (7, 3), "meta-sl-c1": (0, 3)}
    claims = tuple(claim for claim in META_SL.claims if claim.name in wanted)
    record = Run(PROFILES["quick"], 0, claims, "a test").record()
    for row in record.claims:
        equal, row.scope = wanted[row.claim]
        row.counts = Counts(3, equal, 0, 2, 0)
    lines = claims_table(record).splitlines()
    for name, text in (("identity", "3/10 PROVED, 7 EQUAL"), ("lifted", "3/10 PROVED, 7 EQUAL"), ("c1", "3/3 PROVED")):
        assert any(line.startswith(f"| `{name}`") and text in line for line in lines), name
