"""Records as SARIF 2.1.0, for code scanning: one result per violated claim, surviving mutant, unconfirmed ablation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..impl.families import all_claims
from ..theory.claim import Claim
from .junit import sides
from .places import places
from .records import in_folder

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
SOURCE_BASE, REPORT_BASE = "SRCROOT", "REPORT"


def sarif(record: dict[str, Any], folder: str) -> dict[str, Any]:
    """The record (verify, audit or mutants) as a SARIF log; `folder` stands for {folder} in commands."""
    files = list(record["files"])
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "metagap",
                        "version": record["version"],
                        "rules": [_rule(claim) for claim in all_claims()],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "commandLine": record["command"],
                        "startTimeUtc": record["started"],
                        "properties": {"seed": record["seed"], **record["environment"]},
                    }
                ],
                "originalUriBaseIds": {
                    SOURCE_BASE: {"description": {"text": "The root of metagap's sources."}},
                    REPORT_BASE: {"description": {"text": "The folder of the report."}},
                },
                "artifacts": [
                    {"location": {"uri": name, "uriBaseId": REPORT_BASE}, "hashes": {"sha-256": digest}}
                    for name, digest in record["files"].items()
                ],
                "results": [_result(finding, files, folder) for finding in _findings(record)],
                "columnKind": "unicodeCodePoints",
            }
        ],
    }


def _rule(claim: Claim) -> dict[str, Any]:
    held = "; ".join(f"{a.name}: {a.statement}" for a in claim.assumptions) or "none"
    text = f"{claim.reading}\n\nAssumptions: {held}\n\nProof: {claim.proof}\n\nAgainst the paper: {claim.difference}"
    return {
        "id": claim.name,
        "name": "".join(word.capitalize() for word in claim.name.split("-")),
        "shortDescription": {"text": claim.title},
        "fullDescription": {"text": f"{claim.left.text} {claim.relation.value} {claim.bound.text}. {claim.reading}"},
        "help": {"text": text},
        "defaultConfiguration": {"level": "error"},
        "properties": {"source": claim.source.value},
    }


def _findings(record: dict[str, Any]) -> Iterator[tuple[str, str, str, list[dict[str, Any]]]]:
    """What is wrong: its kind, the claim, the sentence, the witnesses as rows with file, instance and command."""
    for row in record.get("claims", ()):
        if row["violations"]:
            worst = row["violations"][-1]
            text = f"{row['title']} is violated although every assumption is certified: {sides(worst)}."
            yield "violation", row["claim"], text, row["violations"]
    for row in record.get("mutants", ()):
        if row["status"] == "survived":
            text = f"The wrong theorem {row['name']} ({row['title']}) survived {row['examples']} examples."
            yield f"mutant/{row['name']}", row["claim"], text, []
    for row in record.get("cells", ()):
        if row["confirmed"] is False:
            text = f"Without {row['assumption']} the claim was said to fail, and is not certified to: {sides(row)}."
            witness = {"kind": "kept", "file": row["witness"], "instance": row["instance"], "command": row["command"]}
            yield f"ablation/{row['assumption']}/{row['title']}", row["claim"], text, [witness]


def _result(finding: tuple[str, str, str, list[dict[str, Any]]], files: list[str], folder: str) -> dict[str, Any]:
    kind, claim, text, witnesses = finding
    file, line = places()[claim]
    commands = "".join(f"\n{in_folder(w['command'], folder)}" for w in witnesses)
    return {
        "ruleId": claim,
        "ruleIndex": [c.name for c in all_claims()].index(claim),
        "level": "error",
        "message": {"text": text + commands},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": file, "uriBaseId": SOURCE_BASE},
                    "region": {"startLine": line},
                },
                "logicalLocations": [{"name": claim, "kind": "object"}],
            }
        ],
        "relatedLocations": [
            {
                "id": number,
                "message": {"text": f"the {w['kind']} witness, instance {w['instance']}"},
                "physicalLocation": {
                    "artifactLocation": {"uri": w["file"], "uriBaseId": REPORT_BASE, "index": files.index(w["file"])}
                },
            }
            for number, w in enumerate(witnesses)
        ],
        "partialFingerprints": {"claimAndKind/v1": f"{claim}/{kind}"},
    }
