"""The page from records: complete, escaped, repeatable, and loud where it must be."""

from __future__ import annotations

import copy
import html
import json
from pathlib import Path
from typing import Any

import pytest
from metagap.impl.files import BadInputError
from metagap.reports import audit as auditing
from metagap.reports.jobs import PROFILES, Job, LandscapeJob, run_job
from metagap.reports.render import enclosure, number, render, share, write_report
from metagap.reports.verify import Run
from metagap.theory.meta_sl import CLAIMS, HEADLINE


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    claims = (*CLAIMS, HEADLINE)
    run = Run(PROFILES["quick"], 0, claims, "metagap verify --profile quick --seed 0")
    for job in (
        Job("meta-sl", "tangent", "log-cosh", 0, 0, 8),
        Job("meta-sl", "arbitrary", "squared", 0, 0, 8),
        LandscapeJob("meta-sl", "log-cosh", 0, 0),
        LandscapeJob("meta-sl", "pseudo-huber", 0, 0),
    ):
        run._take(job, run_job(job, tuple(c.name for c in claims)), lambda name, count: None)
    folder = tmp_path_factory.mktemp("audit")
    audit = auditing.audit(folder, seed=0, effort=auditing.Effort(2, 20), command="metagap audit")
    return run.record(), audit


def test_every_claim_cell_and_mutant_is_on_the_page(records: tuple[dict[str, Any], dict[str, Any]]) -> None:
    page = render(*records)
    for claim in CLAIMS:
        assert f'id="{claim.name}"' in page
        assert claim.title in html.unescape(page)
    for cell in records[1]["cells"]:
        assert cell["assumption"] in page
    for mutant in records[1]["mutants"]:
        assert mutant["name"] in page
    assert "alarm" not in page.split("</style>")[1]
    assert "{folder}" not in page


def test_the_page_is_a_function_of_the_records(records: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert render(*records) == render(*copy.deepcopy(records))


def test_missing_records_say_how_to_make_them(records: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert "metagap audit" in render(records[0], None)
    assert "metagap verify" in render(None, records[1])


def test_a_violation_is_loud_and_text_is_escaped(records: tuple[dict[str, Any], dict[str, Any]]) -> None:
    verify = copy.deepcopy(records[0])
    row = verify["claims"][5]
    row["counts"]["VIOLATED"] = 1
    side = {"lo": 2.0, "hi": 2.0}
    row["violations"] = [
        {"kind": "worst", "grade": "genuine", "gap": side, "bound": {"lo": 1.0, "hi": 1.0}, "terms": {},
         "instance": "0" * 64, "file": "x", "origin": "<b>somebody</b>", "command": "metagap replay {folder}/x"}
    ]  # fmt: skip
    page = render(verify, None)
    assert "1 certified violations" in page
    assert "&lt;b&gt;somebody" in page
    assert "the worst witness" in page


def test_records_are_read_back_and_checked(records: tuple[dict[str, Any], dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"verify\.json or audit\.json"):
        write_report(tmp_path)
    (tmp_path / "verify.json").write_text(json.dumps(records[0], allow_nan=False))
    assert write_report(tmp_path).read_text(encoding="utf-8").startswith("<!doctype html>")
    (tmp_path / "audit.json").write_text("{")
    with pytest.raises(BadInputError, match="a record in JSON"):
        write_report(tmp_path)
    (tmp_path / "audit.json").write_text(json.dumps({"format": "metagap/audit/9"}))
    with pytest.raises(BadInputError, match="metagap/audit/1"):
        write_report(tmp_path)


def test_numbers_for_people() -> None:
    assert number(None) == "–"
    assert number(0.0) == "0"
    assert number(0.125) == "0.125"
    assert number(1.5e-9) == "1.500e-09"
    assert enclosure({"lo": 0.1, "hi": 0.1 + 1e-12}) == "0.1"
    assert enclosure({"lo": 0.1, "hi": 0.2}) == "[0.1, 0.2]"
    assert enclosure({"lo": -1e-40, "hi": 1e-40}) == "0 (to 1e-9)"
    assert share(0.99999) == "99.9 %"
    assert share(1.0) == "100 %"
