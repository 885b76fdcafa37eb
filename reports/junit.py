"""Records as JUnit XML, for continuous integration: one test case per claim, assumption and mutant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree

from .formats import RunRecord
from .formats.auditing import AuditRecord, Cell, MutantRow
from .formats.verifying import ClaimRow, VerifyRecord, Violation
from .records import clean, in_folder


@dataclass(frozen=True)
class Case:
    """A test case; outcome is None (passed), failure, error or skipped, with its reason and what reproduces it."""

    group: str
    name: str
    seconds: float = 0.0
    outcome: str | None = None
    reason: str = ""
    details: str = ""


def junit(record: RunRecord, folder: str) -> str:
    """The record (verify, audit or mutants) as JUnit XML; `folder` stands for {folder} in commands."""
    if isinstance(record, VerifyRecord):
        cases = [_claim(row) for row in record.claims]
    else:
        cells = record.cells if isinstance(record, AuditRecord) else []
        cases = [*map(_cell, cells), *map(_mutant, record.mutants)]
    groups = {name: [c for c in cases if c.group == name] for name in dict.fromkeys(c.group for c in cases)}
    root = ElementTree.Element("testsuites", {"name": record.command, **_totals(cases)})
    for index, (name, members) in enumerate(groups.items()):
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            {
                "id": str(index),
                "package": "metagap",
                "name": name,
                "timestamp": record.started.rstrip("Z"),
                "hostname": "localhost",
                "skipped": str(sum(c.outcome == "skipped" for c in members)),
                **_totals(members),
            },
        )
        properties = ElementTree.SubElement(suite, "properties")
        values = {"command": record.command, "status": record.status, "seed": str(record.seed), **record.environment}
        for key, value in values.items():
            ElementTree.SubElement(properties, "property", name=key, value=value)
        for case in members:
            _add(suite, case, folder)
        ElementTree.SubElement(suite, "system-out")
        ElementTree.SubElement(suite, "system-err")
    ElementTree.indent(root)
    declaration = "<?xml version='1.0' encoding='utf-8'?>\n"
    return declaration + clean(ElementTree.tostring(root, encoding="unicode")) + "\n"


def _add(suite: ElementTree.Element, case: Case, folder: str) -> None:
    element = ElementTree.SubElement(
        suite, "testcase", classname=f"metagap.{case.group}", name=case.name, time=f"{case.seconds:.3f}"
    )
    if case.outcome is not None:
        kind = {} if case.outcome == "skipped" else {"type": case.outcome}
        found = ElementTree.SubElement(element, case.outcome, {"message": case.reason, **kind})
        found.text = in_folder(case.details, folder)


def _totals(cases: Iterable[Case]) -> dict[str, str]:
    cases = list(cases)
    counts = {key: sum(c.outcome == key[:-1] for c in cases) for key in ("failures", "errors")}
    return {
        "tests": str(len(cases)),
        **{key: str(count) for key, count in counts.items()},
        "time": f"{sum(c.seconds for c in cases):.3f}",
    }


def sides(row: Violation | Cell) -> str:
    """The two sides of a certified falsehood, in words."""
    gap, bound = row.gap, row.bound
    return f"left side {gap.lo!r} or more, bound {bound.hi!r} or less" if gap and bound else "no sides"


def _claim(row: ClaimRow) -> Case:
    group, name = row.family, row.claim
    if row.violations:
        lines = [f"{v.kind} counterexample ({v.grade}): {sides(v)}\n{v.command}" for v in row.violations]
        reason = f"VIOLATED on {row.violated} instances: {row.title}"
        return Case(group, name, 0.0, "failure", reason, "\n".join(lines))
    if row.loose:
        lines = [f"{u.reason}\n{u.command}" for u in row.undecided]
        reason = f"UNDECIDED on {row.counts.UNDECIDED} of {row.scope} instances"
        return Case(group, name, 0.0, "error", reason, "\n".join(lines))
    if not row.scope + row.real_counts.total:
        return Case(group, name, 0.0, "skipped", "no instance was judged in its scope")
    return Case(group, name)


def _cell(row: Cell) -> Case:
    name = f"{row.claim} without {row.assumption}" + (f" ({row.title})" if row.title else "")
    if row.confirmed is False:
        return Case("assumptions", name, 0.0, "failure", f"not confirmed: {sides(row)}", row.command or "")
    if row.status == "open":
        return Case("assumptions", name, 0.0, "skipped", f"open: {row.reason}")
    return Case("assumptions", name)


def _mutant(row: MutantRow) -> Case:
    if row.status == "survived":
        reason = f"survived {row.examples} examples: {row.title}"
        return Case("mutants", row.name, row.seconds, "failure", reason, f"{row.claim}: {row.why}")
    return Case("mutants", row.name, row.seconds)
