"""The page from records: complete, escaped, repeatable, and loud where it must be."""

from __future__ import annotations

import copy
import html
import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from metagap.impl.families import FAMILIES, META_SL, all_claims, judge, load
from metagap.impl.files import BadInputError
from metagap.reports import proving, render
from metagap.reports.answer import (
    Distance,
    sentences,
)
from metagap.reports.figures import COLOURS
from metagap.reports.filters import enclosure, entry, number, prose, share
from metagap.reports.formats import check
from metagap.reports.formats.auditing import AuditRecord
from metagap.reports.formats.searching import MutationRecord
from metagap.reports.formats.shared import Interval
from metagap.reports.formats.verifying import (
    VerifyRecord,
    Violation,
)
from metagap.reports.overview import cell_id, identifiers, tables
from metagap.reports.pages import PAGES
from metagap.reports.places import places
from metagap.reports.records import dumps
from metagap.reports.render import INSTALL, Report, write_report
from metagap.reports.worked import FILE, worked
from metagap.theory.meta_sl import CLAIMS
from metagap.theory.paper import RESULTS, Outcome
from metagap.theory.without.hypotheses import META_RL_ROWS
from msgspec import to_builtins

from .test_face import shows_itself
from .test_formats import MUTATION

Both = tuple[VerifyRecord, AuditRecord]


def single(verify: VerifyRecord | None, audit: AuditRecord | None, **more: Any) -> str:
    return Report(verify, audit, **more).single()


@pytest.fixture(scope="module")
def records(small_run: tuple[Path, VerifyRecord, AuditRecord]) -> Both:
    return small_run[1:]


@pytest.fixture(scope="module")
def page(records: Both) -> str:
    return single(*records)


def test_every_claim_cell_and_mutant_is_on_the_page(records: Both, page: str) -> None:
    for claim in CLAIMS:
        assert f'id="{claim.name}"' in page
        assert claim.title in html.unescape(page)
        place = places()[claim.name]
        assert f'<a href="#{place.id}">{place}</a>' in page and f'<mark id="{place.id}">' in page
        for assumption in claim.assumptions:
            assert f'href="#{cell_id(claim.name, assumption.name)}"' in page.split('id="assumptions"')[0]
    for cell in records[1].cells:
        assert cell.assumption in page
    for mutant in records[1].mutants:
        assert mutant.name in page
    assert "alarm" not in page.split("</style>")[1]
    assert "{folder}" not in page


def test_an_instance_that_leaves_several_claims_undecided_is_named_once(records: Both) -> None:
    verify = copy.deepcopy(records[0])
    shown = next(row.tightest for row in verify.claims if row.tightest)
    for row, count in zip(verify.claims[:3], (1, 1, 1234), strict=True):
        row.undecided, row.counts.UNDECIDED = [shown], count
    text = single(verify, records[1]).split('id="undecided"')[1].split("</ul>")[0]
    first, second, third = (row.claim for row in verify.claims[:3])
    said = [" ".join(re.sub("<[^>]+>", "", line).split()) for line in text.split("<li>")[1:]]
    assert len(said) == 1 and said[0].startswith(f"{first}, 1 of the") and f"{third}, 1,234 of the 1," in said[0]
    verify.claims[2].undecided = []
    text = single(verify, records[1]).split('id="undecided"')[1].split("</ul>")[0]
    assert f"{second}</a>, one instance ({shown.origin}; " in text and text.count(shown.file) == 1


def test_each_claim_says_whether_it_is_proved_in_general(records: Both, page: str) -> None:
    proofs = [proving.current()[row.claim] for row in records[0].claims]
    formal = [one for one in proofs if one.formal]
    assert formal and len(formal) < len(proofs)
    assert page.count("Formal: Coq proves this statement") == len(formal)
    assert page.count("Argued, in words alone") == len(proofs) - len(formal)
    assert all(html.escape(one.statement, quote=True).replace("&#x27;", "&#39;") in page for one in formal)
    assert f"last checked on {proving.kept().date}" in page


def test_the_page_is_a_function_of_the_records(records: Both, page: str) -> None:
    assert page == single(*copy.deepcopy(records))


def test_every_page_has_its_sections_and_links_lead_to_the_page_of_their_target(records: Both, page: str) -> None:
    pages = Report(*records).pages()
    assert list(pages) == [each.name for each in PAGES] and next(iter(pages)) == "index"
    ids = {name: re.findall(r'\bid="([^"]+)"', text) for name, text in pages.items()}
    shared = {"main", "unfold", "fold", "print-all"}
    every = [i for found in ids.values() for i in set(found) - shared]
    assert len(every) == len(set(every)) and set(every) == set(re.findall(r'\bid="([^"]+)"', page)) - shared
    led = 0
    for name, text in pages.items():
        for file, target in re.findall(r'href="(\w+\.html)?#([^"]+)"', text):
            assert target in ids[file.removesuffix(".html") or name], (name, file, target)
            led += bool(file)
    assert led > 50


def test_the_verdict_is_three_sentences_from_the_counts(records: Both) -> None:
    verify = copy.deepcopy(records[0])
    held, *_ = sentences(verify, [])
    counts = [c for row in verify.claims for c in (row.counts, row.real_counts)]
    assert not held.alarm and f"{sum(c.PROVED for c in counts):,} times proved" in held.text
    assert held.head == "No claim was violated."
    nothing = copy.deepcopy(verify)
    for row in nothing.claims:
        row.counts.PROVED = row.counts.EQUAL = row.real_counts.PROVED = row.real_counts.EQUAL = 0
    assert sentences(nothing, [])[0].head == "Nothing was proved."
    nothing.claims[0].counts.OUTSIDE += 3
    nothing.claims[0].void = {"m2 is infinite": 3}
    outside = sum(c.OUTSIDE for row in nothing.claims for c in (row.counts, row.real_counts)) - 3
    assert f"{outside:,} times an assumption of the claim does not hold; 3 times none" in sentences(nothing, [])[0].text
    verify.claims[0].counts.VIOLATED = 2
    assert sentences(verify, [])[0].alarm and sentences(verify, [])[0].head.startswith("2 certified")
    far = Distance(0.5, 1.0, 0.75, "lifted", None, "", "a", "A", "", 1, 1, 0.7, None)
    more, none = replace(far, bound=0.6), replace(far, trivial=None, bound=1e3)
    assert [d.speaks for d in (far, more, none)] == [False, True, False] and none.empty
    assert far.remark == ", which says less than L ≥ 0 alone (0.7)" and none.remark == ", which says nothing"


def test_the_worked_example_is_what_the_engine_says_of_its_instance(page: str) -> None:
    example = worked()
    instance = load(FILE)
    judged = judge(instance)
    lifted, identity = judged["meta-sl-lifted"], judged["meta-sl-identity"]
    assert lifted.verdict.name == identity.verdict.name == example.verdict == "PROVED"
    for enclosure_, value in ((lifted.gap, example.gap), (lifted.bound, example.bound)):
        assert enclosure_.lo <= float(value) <= enclosure_.hi and enclosure_.hi - enclosure_.lo < 1e-12
    assert lifted.terms["eps"].hi < 1e-30 and example.second == Fraction(33, 125)
    assert example.status == "certified" and "0.1622 (certified)" in page
    assert example.least < float(example.rival.risk) < float(example.omega.risk)
    middle = len(example.axis) // 2
    assert example.axis[middle] == 0 and example.values[middle] == pytest.approx(float(example.omega.risk))
    assert example.values[middle - 1] > example.values[middle] < example.values[middle + 1]
    assert "6027/5000" in page and "33/125" in page


def test_missing_records_say_how_to_make_them(records: Both) -> None:
    assert "metagap audit" in single(records[0], None)
    alone = single(None, records[1])
    assert "metagap verify" in alone and "not in this run" in alone


@pytest.mark.ci
def test_the_tests_own_power_is_shown_with_its_interval(records: Both, page: str) -> None:
    assert "cosmic-ray" not in page
    shown = html.unescape(single(*records, mutation=check(MUTATION, MutationRecord, "x")))
    assert "<strong>1 of 2</strong> changes, 0 of them in the small tier" in shown
    assert "9.4 % to 90.5 %" in shown
    survivor, noticed = MUTATION["changes"]
    assert survivor["diff"] in shown and noticed["diff"] not in shown


def test_a_violation_is_loud_and_text_is_escaped(records: Both) -> None:
    verify = copy.deepcopy(records[0])
    row = verify.claims[5]
    row.counts.VIOLATED = 1
    row.violations = [
        Violation(kind="worst", grade="genuine", gap=Interval(2.0, 2.0), bound=Interval(1.0, 1.0), terms={},
                  instance="0" * 64, file="x", origin="<b>somebody</b>", command="metagap replay {folder}/x")
    ]  # fmt: skip
    page = single(verify, None)
    assert "1 certified violation." in page
    assert "&lt;b&gt;somebody" in page
    assert "the worst counterexample" in page


def test_records_are_read_back_and_checked(records: Both, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"verify\.json or audit\.json"):
        write_report(tmp_path)
    (tmp_path / "verify.json").write_text(dumps(records[0]))
    assert write_report(tmp_path).read_text(encoding="utf-8").startswith("<!doctype html>")
    (tmp_path / "audit.json").write_text("{")
    with pytest.raises(BadInputError, match="line 1 column 2=<missing>: JSON"):
        write_report(tmp_path)
    (tmp_path / "audit.json").write_text(json.dumps({"format": "metagap/audit/9"}))
    with pytest.raises(BadInputError, match="metagap/audit/1"):
        write_report(tmp_path)
    older = {key: value for key, value in to_builtins(records[1]).items() if key != "files"}
    (tmp_path / "audit.json").write_text(json.dumps(older))
    with pytest.raises(
        BadInputError, match=r"audit\.json: files=<missing>: a record of this version .*run the command"
    ):
        write_report(tmp_path)


@pytest.mark.ci
def test_a_stale_record_is_left_out_of_a_fresh_one(small_run: tuple[Path, Any, Any], tmp_path: Path) -> None:
    folder = small_run[0]
    (tmp_path / "verify.json").write_text((folder / "verify.json").read_text())
    (tmp_path / "audit.json").write_text('{"format": "metagap/audit/0"}')
    told: list[BadInputError] = []
    page = write_report(tmp_path, "verify.json", told.append)
    assert page.name == "index.html" and "metagap audit" in (tmp_path / "assumptions.html").read_text()
    assert len(told) == 1
    with pytest.raises(BadInputError):
        write_report(tmp_path, "audit.json", told.append)


def test_each_result_of_the_paper_says_what_became_of_it_and_where(page: str) -> None:
    text = html.unescape(page)
    for result in RESULTS:
        assert result.title in text and result.outcome.value in text
        assert html.unescape(prose(result.needs)) in text and html.unescape(prose(result.reading)) in text
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


def test_every_assumption_of_the_audit_is_explained(records: Both, page: str) -> None:
    rows = {row.name: row for row in identifiers(records[1])}
    assert {cell.assumption for cell in records[1].cells} <= set(rows)
    assert rows["outer-convexity"].identifiers == ["A1"]
    names = [name for row in identifiers(None) for name in row.identifiers]
    assert {f"A{n}" for n in range(1, 11)} | set(META_RL_ROWS) == set(names)
    for row in rows.values():
        assert all(statement in html.unescape(page) for statement in row.statements)
    mixed = next(c for c in records[1].cells if c.assumption == "population-risk" and c.population)
    assert all(line in html.unescape(page) for line in mixed.population)


def test_the_install_command_is_the_readmes() -> None:
    readme = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
    assert INSTALL in readme.split("<!-- main -->")[1].split("<!-- end -->")[0]


def test_prose_and_names_for_people(records: Both) -> None:
    assert prose("a < b") == "a &lt; b"
    assert "<math" in prose("of order $m^{-1/4}$") and "$" not in prose("of order $m^{-1/4}$")
    c1, l1 = (copy.deepcopy(next(c for c in records[0].claims if c.claim == f"meta-sl-{n}")) for n in ("c1", "l1"))
    c1.title, l1.title = "C1: squared loss", "L1 form"
    assert entry(c1, "meta-sl") == "C1: squared loss"
    assert entry(l1, "meta-sl") == "l1: L1 form"


def test_the_matrix_has_every_cell_of_the_audit_and_every_assumption_of_a_claim(records: Both, page: str) -> None:
    found = {
        (claim.name, column.name): sign
        for table in tables(records[1])
        for claim, signs in table.rows
        for column, sign in zip(table.columns, signs, strict=True)
        if sign is not None
    }
    audited = {
        (c.claim, c.assumption): c.status if c.evidence is None else "not assumed" for c in reversed(records[1].cells)
    }
    assumed = {(c.name, a.name) for c in all_claims() for a in c.assumptions}
    assert set(found) == set(audited) | assumed
    for pair, cell in found.items():
        assert cell.status == audited.get(pair, "not audited")
        assert (cell.id is not None) == (pair in audited)
    for table in tables(records[1]):
        for column in table.columns:
            assert column.statement
        shows_itself(table)
    assert page.count('class="matrix"') == len(FAMILIES)


@pytest.mark.ci
def test_two_states_of_the_sources_are_said(records: Both, page: str) -> None:
    assert "different states" not in page
    other = copy.deepcopy(records[1])
    other.environment["sources"] = "0" * 64
    assert "different states" in single(records[0], other)


def test_provenance_names_versions_machine_sources_and_files(records: Both, page: str) -> None:
    page = page.split('id="provenance"')[1]
    for record in records:
        assert record.command in page
        for key in ("sources", "machine", "python-flint"):
            assert record.environment[key] in page
        assert len(record.files) > 5
        for name, digest in record.files.items():
            assert name in page and digest in page


def test_numbers_for_people() -> None:
    assert number(None) == "–"
    assert number(0.0) == "0"
    assert number(0.125) == "0.125"
    assert number(1.5e-9) == "1.500e-09"
    assert enclosure(Interval(0.1, 0.1 + 1e-12)) == "0.1"
    assert enclosure(Interval(0.1, 0.2)) == "[0.1, 0.2]"
    assert enclosure(Interval(-1e-40, 1e-40)) == "0 (to 1e-9)"
    assert share(0.99999) == "99.9 %"
    assert share(1.0) == "100 %"


def test_every_colour_of_the_page_is_one() -> None:
    """A variable that is defined by itself is none, and nothing complains."""
    text = (Path(render.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    defined = dict(re.findall(r"(--[\w-]+):\s*([^;]+);", text))
    assert len(defined) >= 11 and all(re.fullmatch(r"#[0-9a-f]{6}", value) for value in defined.values()), defined
    used = set(re.findall(r"var\((--[\w-]+)\)", text))
    assert used <= set(defined) | {f"--{name.lower()}" for name in COLOURS}


@pytest.mark.ci
def test_what_a_search_found_of_few_cells_is_grammatical(records: Both) -> None:
    """Of none, of one and of two; what a second engine looked at, too."""
    audit = copy.copy(records[1])
    needed = [cell for cell in audit.cells if cell.status == "needed"]
    seen, unseen = (next(c for c in needed if (c.second is not None) is known) for known in (True, False))
    said = [
        ([], "This run searched from scratch, without the counterexamples that ship with the theory. It left out"),
        ([seen], "A second engine, in float64, looked at the one needed cell. Where the two sides"),
        ([unseen], "A second engine, in float64, looked at none of them; it does not know them"),
        ([seen, unseen], "looked at 1 of the 2 needed cells; it does not know the others"),
    ]
    audit.kept = False
    for audit.cells, words in said:
        text = " ".join(Report(None, audit).pages()["assumptions"].split())
        assert words in text, text[text.find("This run") :][:700]
        assert "1 of the 1 " not in text
