"""JUnit and SARIF: what continuous integration reads, from runs in order and from runs with findings."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlparse
from xml.etree import ElementTree

import pytest
import typer
from metagap.impl.families import all_claims, family_of
from metagap.reports.cli import app
from metagap.reports.cli.options import RunOptions
from metagap.reports.cli.outputs import exchange
from metagap.reports.formats.auditing import AuditRecord
from metagap.reports.formats.shared import Interval
from metagap.reports.formats.verifying import VerifyRecord, Violation
from metagap.reports.junit import junit
from metagap.reports.places import places
from metagap.reports.records import dumps
from metagap.reports.sarif import sarif
from metagap.theory.claim import Claim
from msgspec import structs
from typer.testing import CliRunner

Both = tuple[VerifyRecord, AuditRecord]

ROOT = Path(__file__).resolve().parent.parent

SUITE = {"name", "id", "package", "timestamp", "hostname", "tests", "failures", "errors", "skipped", "time"}


@pytest.fixture(scope="module")
def clean(small_run: tuple[Path, VerifyRecord, AuditRecord]) -> Both:
    """A verify and an audit record with nothing wrong."""
    _, verify, audit = copy.deepcopy(small_run)
    for row in audit.mutants:
        row.status = "refuted" if row.status == "survived" else row.status
    return verify, audit


@pytest.fixture(scope="module")
def wrong(clean: Both) -> Both:
    """The same with a violated claim and an undecided one, a survivor, an unconfirmed ablation."""
    verify, audit = copy.deepcopy(clean)
    claim = next(c for c in verify.claims if c.claim == "meta-sl-lifted")
    shown = claim.tightest
    assert shown is not None
    claim.counts.VIOLATED = 3
    kinds: tuple[Literal["simplest", "worst"], ...] = ("simplest", "worst")
    claim.violations = [
        Violation(kind=kind, grade="genuine", instance=shown.instance, file=shown.file, gap=Interval(2.0, 2.5),
                  bound=Interval(1.0, 1.5), terms={}, origin="<&\"'>", command="metagap replay {folder}/x")
        for kind in kinds
    ]  # fmt: skip
    loose = next(c for c in verify.claims if c.claim == "meta-sl-l1")
    loose.counts.UNDECIDED, loose.undecided = 8, [shown]
    cell = next(c for c in audit.cells if c.confirmed)
    cell.confirmed = False
    survivor = audit.mutants[0]
    survivor.status, survivor.simplest, survivor.worst = "survived", None, None
    return verify, audit


def cases(text: str) -> tuple[ElementTree.Element, list[ElementTree.Element]]:
    """The parsed file, after what every JUnit reader requires of it."""
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite"
        assert set(suite.attrib) == SUITE
        tags = [child.tag for child in suite]
        inner = tags[1:-2]
        assert tags[0] == "properties" and tags[-2:] == ["system-out", "system-err"]
        assert set(inner) == {"testcase"}
        assert int(suite.attrib["tests"]) == len(inner)
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.attrib[key]) == len(suite.findall(f"testcase/{tag}"))
        for case in suite.findall("testcase"):
            assert set(case.attrib) == {"name", "classname", "time"}
            assert float(case.attrib["time"]) >= 0
            assert len(case) <= 1
            for outcome in case:
                assert outcome.attrib["message"]
                assert ("type" in outcome.attrib) == (outcome.tag in ("failure", "error"))
    found = list(root.iter("testcase"))
    names = [(c.attrib["classname"], c.attrib["name"]) for c in found]
    assert len(names) == len(set(names))
    for key in ("tests", "failures", "errors"):
        assert int(root.attrib[key]) == sum(int(suite.attrib[key]) for suite in root)
    return root, found


def test_junit_of_a_run_in_order_has_one_case_per_claim_cell_and_mutant(clean: Both) -> None:
    verify, audit = clean
    for record, expected in ((verify, len(verify.claims)), (audit, len(audit.cells) + len(audit.mutants))):
        root, found = cases(junit(record, "out"))
        assert len(found) == expected
        assert root.attrib["failures"] == root.attrib["errors"] == "0"


def test_a_run_that_was_cut_is_said_to_be(clean: Both) -> None:
    for status, whole in (("complete", True), ("out of time", False)):
        record = structs.replace(clean[0], status=status)
        assert f'<property name="status" value="{status}" />' in junit(record, "out")
        (invocation,) = sarif(record, "out")["runs"][0]["invocations"]  # type: ignore[index]
        assert invocation["executionSuccessful"] is whole and invocation["properties"]["status"] == status


def test_junit_names_what_failed_and_how_to_see_it(wrong: Both) -> None:
    _, found = cases(junit(wrong[0], "out"))
    outcomes = {c.attrib["name"]: c[0] for c in found if len(c) and c[0].tag != "skipped"}
    assert {name: o.tag for name, o in outcomes.items()} == {"meta-sl-lifted": "failure", "meta-sl-l1": "error"}
    failure = outcomes["meta-sl-lifted"]
    assert "VIOLATED on 3" in failure.attrib["message"]
    assert (failure.text or "").count("metagap replay out/x") == 2
    assert "left side 2.0 or more, bound 1.5 or less" in (failure.text or "")
    assert "metagap judge out/instances/" in (outcomes["meta-sl-l1"].text or "")
    _, found = cases(junit(wrong[1], "out"))
    bad = {c.attrib["classname"]: c[0] for c in found if len(c) and c[0].tag == "failure"}
    assert set(bad) == {"metagap.assumptions", "metagap.mutants"}
    assert "metagap replay out/counterexamples" in (bad["metagap.assumptions"].text or "")
    assert "survived" in bad["metagap.mutants"].attrib["message"]


def logged(record: VerifyRecord | AuditRecord, folder: str) -> Any:
    """The log, as it is read."""
    return json.loads(dumps(sarif(record, folder)))


def check_log(log: dict[str, Any]) -> list[dict[str, Any]]:
    """What SARIF 2.1.0 requires of the objects that are written here; the results."""
    assert log["version"] == "2.1.0"
    assert set(log) == {"$schema", "version", "runs"}
    assert urlparse(log["$schema"]).path.endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "metagap"
    rules = driver["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules) == len(all_claims())
    for rule in rules:
        for key in ("shortDescription", "fullDescription", "help"):
            assert rule[key]["text"].strip()
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
    assert all(isinstance(i["executionSuccessful"], bool) for i in run["invocations"])
    for artifact in run["artifacts"]:
        check_location(artifact["location"], run)
        assert len(artifact["hashes"]["sha-256"]) == 64
    for result in run["results"]:
        assert result["message"]["text"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == "error"
        (place,) = result["locations"]
        physical = place["physicalLocation"]
        check_location(physical["artifactLocation"], run)
        assert physical["region"]["startLine"] >= 1
        for related in result["relatedLocations"]:
            location = related["physicalLocation"]["artifactLocation"]
            check_location(location, run)
            assert run["artifacts"][location["index"]]["location"]["uri"] == location["uri"]
    assert len({json.dumps(r["partialFingerprints"]) for r in run["results"]}) == len(run["results"])
    return list(run["results"])


def check_location(location: dict[str, Any], run: dict[str, Any]) -> None:
    """An artifactLocation: a relative reference below a base that the run names."""
    assert location["uriBaseId"] in run["originalUriBaseIds"]
    assert not location["uri"].startswith("/") and "\\" not in location["uri"] and " " not in location["uri"]


def test_sarif_of_a_run_in_order_has_rules_and_no_results(clean: Both) -> None:
    for record in clean:
        assert check_log(logged(record, "out")) == []


def test_sarif_has_one_result_per_finding_at_the_line_of_its_claim(wrong: Both) -> None:
    (violated,) = check_log(logged(wrong[0], "out"))
    assert violated["ruleId"] == "meta-sl-lifted"
    assert violated["message"]["text"].count("metagap replay out/x") == 2
    assert len(violated["relatedLocations"]) == 2
    physical = violated["locations"][0]["physicalLocation"]
    lines = (ROOT / physical["artifactLocation"]["uri"]).read_text().splitlines()
    start = physical["region"]["startLine"]
    assert "lifted" in "".join(lines[start - 1 : start + 1])
    survivor, cell = check_log(logged(wrong[1], "out"))
    assert "is not refuted" in survivor["message"]["text"]
    assert "not certified" in cell["message"]["text"]
    assert cell["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("counterexamples/")


@pytest.mark.parametrize("claim", all_claims(), ids=lambda c: c.name)
def test_every_claim_has_a_place_where_its_name_is_written(claim: Claim) -> None:
    """Its name without the family's, in the family's file or in one for several families."""
    file, line = places()[claim.name]
    found = re.search(r'"([^"]*)"', "".join((ROOT / file).read_text().splitlines()[line - 1 : line + 2]))
    assert found
    assert re.fullmatch(f"{family_of(claim).name}-((init|error)-)?{found[1]}", claim.name)


@pytest.mark.ci
def test_the_commands_write_both_and_say_where_they_cannot(tmp_path: Path) -> None:
    runner = CliRunner()
    common = ["verify", "--no-real", "--max-time", "1", "--workers", "1", "--claim", "meta-sl-lifted"]
    out, xml, log = tmp_path / "out", tmp_path / "made" / "verify.xml", tmp_path / "made" / "verify.sarif"
    result = runner.invoke(app, [*common, "--out", str(out), "--junit", str(xml), "--sarif", str(log)])
    assert result.exit_code in (0, 3), result.output
    _, found = cases(xml.read_text())
    assert [case.attrib["name"] for case in found] == ["meta-sl-lifted"]
    assert check_log(json.loads(log.read_text())) == []
    assert sorted(p.name for p in xml.parent.iterdir()) == ["verify.sarif", "verify.xml"]


def test_a_path_that_cannot_be_written_is_one_line(
    clean: Both, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("junit", "sarif"):
        with pytest.raises(typer.Exit) as stopped:
            exchange(clean[1], RunOptions(out=tmp_path, **{option: tmp_path}))
        assert stopped.value.exit_code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"metagap: --{option}=")
    assert list(tmp_path.iterdir()) == []
