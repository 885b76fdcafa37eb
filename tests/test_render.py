"""The page from records: complete, escaped, repeatable, and loud where it must be."""

from __future__ import annotations

import copy
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from metagap.impl.families import ALL_CLAIMS, FAMILIES, META_SL
from metagap.impl.files import BadInputError
from metagap.reports.overview import cell_id, status, tables, tightness
from metagap.reports.places import places
from metagap.reports.render import enclosure, number, render, share, write_report
from metagap.theory.meta_sl import CLAIMS
from metagap.theory.paper import RESULTS, Outcome

from .test_formats import MUTATION


@pytest.fixture(scope="module")
def records(small_run: tuple[Path, dict[str, Any], dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    return small_run[1:]


@pytest.fixture(scope="module")
def page(records: tuple[dict[str, Any], dict[str, Any]]) -> str:
    return render(*records)


def test_every_claim_cell_and_mutant_is_on_the_page(records: tuple[dict[str, Any], dict[str, Any]], page: str) -> None:
    for claim in CLAIMS:
        assert f'id="{claim.name}"' in page
        assert claim.title in html.unescape(page)
        file, line = places()[claim.name]
        assert f"<code>{file}</code>, line {line}" in page
        for assumption in claim.assumptions:
            assert f'href="#{cell_id(claim.name, assumption.name)}"' in page.split('id="assumptions"')[0]
    for cell in records[1]["cells"]:
        assert cell["assumption"] in page
    for mutant in records[1]["mutants"]:
        assert mutant["name"] in page
    assert "alarm" not in page.split("</style>")[1]
    assert "{folder}" not in page


def test_the_page_is_a_function_of_the_records(records: tuple[dict[str, Any], dict[str, Any]], page: str) -> None:
    assert page == render(*copy.deepcopy(records))


def test_missing_records_say_how_to_make_them(records: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert "metagap audit" in render(records[0], None)
    alone = render(None, records[1])
    assert "metagap verify" in alone and "not in this run" in alone


def test_the_tests_own_power_is_shown_with_its_interval(
    records: tuple[dict[str, Any], dict[str, Any]], page: str
) -> None:
    assert "cosmic-ray" not in page
    shown = html.unescape(render(*records, mutation=MUTATION))
    assert "noticed <strong>1 of 2</strong> changes" in shown
    assert "9.4 % to 90.5 %" in shown
    assert MUTATION["modules"][0]["survivors"][0]["diff"] in shown


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
    older = {key: value for key, value in records[1].items() if key != "files"}
    (tmp_path / "audit.json").write_text(json.dumps(older))
    with pytest.raises(
        BadInputError, match=r"audit\.json: files=<missing>: a record of this version .*run the command"
    ):
        write_report(tmp_path)


def test_a_stale_record_is_left_out_of_a_fresh_one(small_run: tuple[Path, Any, Any], tmp_path: Path) -> None:
    folder = small_run[0]
    (tmp_path / "verify.json").write_text((folder / "verify.json").read_text())
    (tmp_path / "audit.json").write_text('{"format": "metagap/audit/0"}')
    told: list[BadInputError] = []
    page = write_report(tmp_path, "verify.json", told.append)
    assert "metagap audit" in page.read_text()
    assert len(told) == 1
    with pytest.raises(BadInputError):
        write_report(tmp_path, "audit.json", told.append)


def test_each_result_of_the_paper_says_what_became_of_it_and_where(page: str) -> None:
    text = html.unescape(page)
    for result in RESULTS:
        assert result.title in text and result.needs in text and result.outcome.value in text
        # The run's audit is of meta-SL alone: what it lacks is not linked to.
        for pair in result.shown:
            there = pair[0].startswith("meta-sl-")
            assert page.count(f'id="{cell_id(*pair)}"') == there
            assert (f'href="#{cell_id(*pair)}"' in page) == there
        own = {mutant.name for mutant in META_SL.mutants}
        for name in result.refuted:
            assert page.count(f'id="mutant-{name}"') == (name in own)
    for word in (o.value for o in Outcome):
        assert f"</span> {word}" in page
    ids = re.findall(r'\bid="([^"]+)"', page.split("<main")[1])
    ours = [i for i in ids if i.startswith(("cell-", "mutant-", "result-"))]
    assert len(ours) == len(set(ours))


def test_tightness_in_words(records: tuple[dict[str, Any], dict[str, Any]]) -> None:
    rows = {row["claim"]: row for row in records[0]["claims"]}
    row = copy.deepcopy(rows["meta-sl-lifted"])
    row["quantiles"], row["counts"]["HOLDS"] = {"0.5": 0.25, "0.9": 0.5, "0.99": 0.999999}, 0
    row["tightest"]["ratio"] = 0.99999
    assert tightness("x", row)["words"] == "median 0.25, 99 % at most 0.9999, at most 0.9999 where proved"
    row["counts"]["HOLDS"] = 7
    assert tightness("x", row)["words"].endswith("attained on 7 instances")
    row["counts"]["VIOLATED"] = 2
    assert tightness("x", row)["words"] == "violated on 2 instances"
    assert status(row) == "violated"
    row["counts"]["VIOLATED"], row["counts"]["UNDECIDED"], row["scope"] = 0, 1, 100
    assert status(row) == "proved, a few undecided"
    row["counts"]["UNDECIDED"] = 4
    assert status(row) == "undecided"
    assert tightness("x", rows["meta-sl-identity"])["words"].startswith("an equality, certified on ")


def test_the_matrix_has_every_cell_of_the_audit_and_every_assumption_of_a_claim(
    records: tuple[dict[str, Any], dict[str, Any]], page: str
) -> None:
    found = {
        (row["claim"], column["name"]): cell
        for table in tables(records[1])
        for row in table["rows"]
        for column, cell in zip(table["columns"], row["cells"], strict=True)
        if cell is not None
    }
    audited = {
        (c["claim"], c["assumption"]): c["status"] if c["evidence"] is None else "not assumed"
        for c in reversed(records[1]["cells"])
    }
    assumed = {(c.name, a.name) for c in ALL_CLAIMS for a in c.assumptions}
    assert set(found) == set(audited) | assumed
    for pair, cell in found.items():
        assert cell["status"] == audited.get(pair, "not audited")
        assert (cell["id"] is not None) == (pair in audited)
    for table in tables(records[1]):
        for column in table["columns"]:
            assert column["statement"]
    assert page.count('class="matrix"') == len(FAMILIES)


def test_provenance_names_versions_machine_sources_and_files(
    records: tuple[dict[str, Any], dict[str, Any]], page: str
) -> None:
    page = page.split('id="provenance"')[1]
    for record in records:
        assert record["command"] in page
        for key in ("sources", "machine", "python-flint"):
            assert record["environment"][key] in page
        assert len(record["files"]) > 5
        for name, digest in record["files"].items():
            assert name in page and digest in page


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
