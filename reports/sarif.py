"""Records as SARIF 2.1.0, for code scanning: one result per violated claim, surviving mutant, unconfirmed ablation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from ..impl.families import all_claims
from ..impl.own_claims import standing
from ..theory.claim import Claim
from .formats import RunRecord
from .formats.auditing import AuditRecord
from .formats.verifying import VerifyRecord
from .junit import sides
from .places import places
from .records import in_folder

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
SOURCE_BASE, REPORT_BASE = "SRCROOT", "REPORT"


def sarif(record: RunRecord, folder: str) -> dict[str, object]:
    """The record (verify, audit or mutants) as a SARIF log; `folder` stands for {folder} in commands."""
    files = list(record.files)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "metagap",
                        "version": record.version,
                        "rules": [_rule(claim) for claim in all_claims()],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": record.status == "complete",
                        "commandLine": record.command,
                        "startTimeUtc": record.started,
                        "properties": {"status": record.status, "seed": record.seed, **record.environment},
                    }
                ],
                "originalUriBaseIds": {
                    SOURCE_BASE: {"description": {"text": "The root of metagap's sources."}},
                    REPORT_BASE: {"description": {"text": "The folder of the report."}},
                },
                "artifacts": [
                    {"location": {"uri": name, "uriBaseId": REPORT_BASE}, "hashes": {"sha-256": digest}}
                    for name, digest in record.files.items()
                ],
                "results": [_result(finding, files, folder) for finding in _findings(record)],
                "columnKind": "unicodeCodePoints",
            }
        ],
    }


def _rule(claim: Claim) -> dict[str, object]:
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


@dataclass(frozen=True)
class Finding:
    """What is wrong: its kind, the claim, the sentence, and a witness each as (kind, file, instance, command)."""

    kind: str
    claim: str
    text: str
    witnesses: Sequence[tuple[str, str, str, str]] = ()


def _findings(record: RunRecord) -> Iterator[Finding]:
    if isinstance(record, VerifyRecord):
        for row in record.claims:
            if row.violations:
                said = sides(row.violations[-1])
                text = f"{row.title} is violated although every assumption is certified: {said}."
                witnesses = [(v.kind, v.file, v.instance, v.command) for v in row.violations]
                yield Finding("violation", row.claim, text, witnesses)
        return
    for m in record.mutants:
        if m.status == "survived":
            text = f"The mutant {m.name} ({m.title}) is not refuted by {m.examples} examples."
            yield Finding(f"mutant/{m.name}", m.claim, text)
    for cell in record.cells if isinstance(record, AuditRecord) else ():
        if cell.confirmed is False:
            text = f"Without {cell.assumption} the claim was said to fail, and is not certified to: {sides(cell)}."
            witness = ("kept", cell.witness or "", cell.instance or "", cell.command or "")
            yield Finding(f"ablation/{cell.assumption}/{cell.title}", cell.claim, text, [witness])


def _result(found: Finding, files: list[str], folder: str) -> dict[str, object]:
    claim, (path, line) = found.claim, places()[found.claim]
    file = standing()
    own = file is not None and path == file.place
    commands = "".join(f"\n{in_folder(command, folder)}" for *_, command in found.witnesses)
    return {
        "ruleId": claim,
        "ruleIndex": [c.name for c in all_claims()].index(claim),
        "level": "error",
        "message": {"text": found.text + commands},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(path), **({} if own else {"uriBaseId": SOURCE_BASE})},
                    "region": {"startLine": line},
                },
                "logicalLocations": [{"name": claim, "kind": "object"}],
            }
        ],
        "relatedLocations": [
            {
                "id": number,
                "message": {"text": f"the {kind} counterexample, instance {instance}"},
                "physicalLocation": {
                    "artifactLocation": {"uri": file, "uriBaseId": REPORT_BASE, "index": files.index(file)}
                },
            }
            for number, (kind, file, instance, _) in enumerate(found.witnesses)
        ],
        "partialFingerprints": {"claimAndKind/v1": f"{claim}/{found.kind}"},
    }
