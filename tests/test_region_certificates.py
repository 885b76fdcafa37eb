"""Certificates of regions: what is tampered with is refused; files, the command, what is kept and shown."""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from metagap.impl.files import BadInputError
from metagap.impl.files.text import laid_out
from metagap.impl.regions.certificate import Certificate, loads, provable, text_of
from metagap.impl.regions.check import check
from metagap.impl.regions.document import region_in
from metagap.impl.regions.leaves import PROVED, Prover
from metagap.reports import regions
from metagap.reports.certifying import checked_certificate
from metagap.reports.cli import app
from metagap.reports.formats.auditing import AuditRecord
from metagap.reports.formats.verifying import VerifyRecord
from metagap.reports.render import Report
from metagap.theory.claim import Expression
from metagap.theory.meta_sl import CLAIMS
from metagap.theory.mutants.meta_sl import MUTANTS
from metagap.theory.regions import STATEMENTS
from typer.testing import CliRunner

from .regions import EXAMPLE, document, ends
from .test_regions import LIFTED, proof

runner = CliRunner()

# --- tampering ------------------------------------------------------------------------------------------------


def changed(made: Certificate, **fields: Any) -> str:
    return json.dumps(json.loads(made.dumps()) | fields)


def packed(tree: bytes) -> str:
    return base64.b64encode(zlib.compress(tree)).decode()


def test_a_false_leaf_is_refused() -> None:
    open_ = proof("half-constant", largest=1)
    for letter in b"adsv":
        shares = {
            "proved": int(letter in PROVED),
            "outside": int(letter == ord("s")),
            "violated": int(letter == ord("v")),
        }
        found = check(loads(changed(open_, tree=packed(bytes([letter])), **shares)))
        assert not found.accepted


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"proved": 0.5}, "the shares"),
        ({"statement": "gap <= radius*eps"}, "is not what"),
        ({"weights": {"ball": 2, "breg": -1, "convex-loss": 1}}, "do not add up"),
        ({"claim": "half-constant", "statement": text_of(provable()["half-constant"])}, "do not add up"),
        ({"tree": packed(b"aa")}, "bytes too many"),
        ({"tree": packed(b"\x00a")}, "ends before"),
        ({"tree": packed(b"z")}, "no interval and no leaf"),
        ({"tree": packed(b"")}, "ends before"),
    ],
    ids=str,
)
def test_a_certificate_that_was_changed_is_rejected(fields: dict[str, Any], why: str) -> None:
    found = check(loads(changed(proof("meta-sl-lifted"), **fields)))
    assert not found.accepted
    assert why in found.reason


def test_a_larger_region_is_not_proved_by_the_same_boxes() -> None:
    made = proof("convex")
    wider = document(adaptation={"name": "gradient", "eta": ends("1/16", 4), "steps": 1})
    assert not check(loads(changed(made, region=wider))).accepted


def test_a_claim_that_changes_needs_another_certificate() -> None:
    made = proof("meta-sl-lifted")
    drifted = replace(LIFTED, bound=Expression("radius*eps + weight_norm*misfit/2"))
    assert not check(replace(made, what=drifted)).accepted
    assert Prover(made.region, drifted, made.weights).lemmas is None


# --- files and the command ------------------------------------------------------------------------------------

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no interval": ({"adaptation": {"name": "gradient", "eta": 0.5, "steps": 1}, "omega": [0], "comparator": [0],
                     "tasks": [{"weight": 1, "atoms": [{"x": 0, "y": 0, "p": 1}]}]}, "document"),
    "ends in the wrong order": ({"omega": [ends(1, -1)]}, "omega[0]"),
    "one end": ({"omega": [{"from": 1}]}, "omega[0]"),
    "an end that is no number": ({"omega": [ends("x", 1)]}, "omega[0].from"),
    "an interval of steps": ({"adaptation": {"name": "gradient", "eta": 0.5, "steps": ends(1, 2)}}, "adaptation.steps"),
    "a radius that may be 0": ({"radius": ends(0, 1)}, "radius"),
    "a mass that may be 0": (
        {"tasks": [{"weight": ends(0, 1), "atoms": [{"x": 0, "y": 0, "p": 1}]},
                   {"weight": "rest", "atoms": [{"x": 0, "y": 1, "p": 1}]}]}, "tasks[1].weight"),
    "weights that leave no rest": (
        {"tasks": [{"weight": ends("1/4", 2), "atoms": [{"x": 0, "y": 0, "p": 1}]},
                   {"weight": "rest", "atoms": [{"x": 0, "y": 1, "p": 1}]}]}, "tasks[1].weight"),
    "weights that sum to more": (
        {"tasks": [{"weight": ends("1/4", "1/2"), "atoms": [{"x": 0, "y": 0, "p": 1}]},
                   {"weight": "1/2", "atoms": [{"x": 0, "y": 1, "p": 1}]}]}, "tasks[*].weight"),
    "two rests": (
        {"tasks": [{"weight": "rest", "atoms": [{"x": 0, "y": 0, "p": 1}]},
                   {"weight": "rest", "atoms": [{"x": 0, "y": 1, "p": 1}]}]}, "tasks[1].weight"),
    "a task that is none": ({"tasks": [0, {"weight": "rest", "atoms": [{"x": 0, "y": 1, "p": 1}]}]}, "tasks[0]"),
    "no weight": (
        {"tasks": [{"atoms": [{"x": 0, "y": 0, "p": 1}]},
                   {"weight": "rest", "atoms": [{"x": 0, "y": 1, "p": 1}]}]}, "tasks[0].weight"),
    "labels of classes": ({"loss": {"name": "logistic"}}, "tasks[0].atoms[0].y"),
    "a loss with a kink": ({"loss": {"name": "absolute"}}, "loss.name"),
    "an implicit step": ({"adaptation": {"name": "implicit", "lambda": 1}}, "adaptation.name"),
    "a network": ({"model": {"name": "relu-network"}}, "model.name"),
    "an instance file": ({"format": "metagap/instance/1"}, "format"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_region_is_one_line(kind: str, tmp_path: Path) -> None:
    changes, field = BAD[kind]
    with pytest.raises(BadInputError) as caught:
        region_in(document(**changes), "region.json")
    assert caught.value.field == field, caught.value
    path = tmp_path / "region.json"
    path.write_text(json.dumps(document(**changes)), encoding="utf-8")
    done = runner.invoke(app, ["prove", "--region", str(path), "--claim", "convex"])
    assert done.exit_code == 2
    assert done.output.count("\n") == 1


def test_the_command_proves_and_check_proves_again(tmp_path: Path) -> None:
    made, record = tmp_path / "lifted.cert", tmp_path / "record.json"
    asked = ["--region", str(EXAMPLE), "--claim", "meta-sl-lifted", "--certificate", str(made), "--json", str(record)]
    done = runner.invoke(app, ["prove", *asked])
    assert done.exit_code == 0, done.output
    (row,) = json.loads(record.read_text(encoding="utf-8"))["rows"]
    assert (row["proved"], row["whole"]) == (1, True)
    assert loads(made.read_text(encoding="utf-8")).shares.proved == 1
    status, line = checked_certificate(made, None, lambda stage: None)
    assert status == 0 and "proved on 100.0000 % of the region: every box that it claims is proved (" in line
    part = tmp_path / "half.cert"
    asked = ["--claim", "half-constant", "--max-time", "0.1", "--certificate", str(part)]
    assert runner.invoke(app, ["prove", "--region", str(EXAMPLE), *asked]).exit_code == 3
    status, line = checked_certificate(part, None, lambda stage: None)
    assert status == 3 and re.search(r"accepted: .* % of the volume is left open", line), line
    with pytest.raises(BadInputError, match="metagap prove --region --certificate"):
        checked_certificate(EXAMPLE, None, lambda stage: None)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--claim", "convex"],
        ["--certificate", "c.json"],
        ["--region", str(EXAMPLE), "--check"],
        ["--region", str(EXAMPLE), "--claim", "meta-sl-lifte"],
        ["--region", str(EXAMPLE), "--certificate", "c.json"],
    ],
    ids=str,
)
def test_options_that_do_not_go_together_are_one_line(arguments: list[str]) -> None:
    done = runner.invoke(app, ["prove", *arguments])
    assert done.exit_code == 2
    assert done.output.count("\n") == 1


def test_statements_are_no_claims() -> None:
    assert len(provable()) == len(CLAIMS) + len(MUTANTS) + len(STATEMENTS)


def test_the_kept_record_is_of_the_example_and_of_the_claims_now() -> None:
    record, rows = regions.kept()
    assert record.region == laid_out(document(), "")
    assert set(rows) == set(regions.usual())
    (again,) = regions.proved(EXAMPLE, ["meta-sl-lifted"], 60, lambda stage: None)[0].rows
    assert again == rows["meta-sl-lifted"]


def test_what_was_proved_of_another_statement_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    drifted = {**provable(), "meta-sl-lifted": replace(LIFTED, bound=Expression("radius*eps"))}
    monkeypatch.setattr(regions.certificate, "provable", lambda: drifted)
    assert set(regions.usual()) - set(regions.kept()[1]) == {"meta-sl-lifted"}


@pytest.mark.ci
def test_the_page_shows_the_share_of_a_region(small_run: tuple[Path, VerifyRecord, AuditRecord]) -> None:
    _, verify, _ = small_run
    page = Report(verify, None).single()
    shown = {row.claim for row in verify.claims} & set(regions.kept()[1])
    assert shown
    assert page.count("<dt>Over a region</dt>") == len(shown)
