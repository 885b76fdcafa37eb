"""A survey that is not finished, as a document: so that an interrupted one goes on where it was.

Counts and instances are kept, exactly; what was judged is judged again when it is read.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta

from ..theory.claim import Claim
from . import files
from .families import Family, family_of, instance_in
from .files.faults import FaultError
from .files.records import Record, typed
from .leave_one_out import Found, Survey, cells_of
from .standings import conclusion

SOURCE = "an unfinished survey"
Count = Annotated[int, Meta(ge=0)]


class _FoundRecord(Record):
    instance: dict[str, Any]
    origin: str
    examples: Count
    seconds: float


class _CellRecord(Record):
    key: tuple[str, str]
    searched: Count
    held: Count
    equal: Count
    first: _FoundRecord | None
    found: _FoundRecord | None


class SurveyRecord(Record):
    looked: Count
    hunted: list[tuple[str, str, Count]]
    examples: Count
    seconds: float
    met: dict[str, Count]
    void: dict[str, Count]
    lacking: dict[str, dict[str, list[str]]]
    together: list[tuple[str, str, Count]]
    violations: list[tuple[str, _FoundRecord]]
    cells: list[_CellRecord]


def document(found: Survey) -> SurveyRecord:
    """The survey as a record."""
    return SurveyRecord(
        found.looked,
        sorted((*key, turns) for key, turns in found.hunted.items()),
        found.examples,
        found.seconds,
        dict(found.met),
        dict(found.void),
        found.lacking,
        [(*_pair(pair), count) for pair, count in found.together.items()],
        [(one.judged.claim, _found(one)) for one in found.violations],
        [
            _CellRecord(
                key,
                cell.searched,
                cell.held,
                cell.equal,
                None if cell.first is None else _found(cell.first),
                None if cell.found is None else _found(cell.found),
            )
            for key, cell in found.cells.items()
        ],
    )


def restored(content: object, family: Family, claims: Sequence[Claim]) -> Survey:
    """The survey in a document of the same theory. Errors: files.BadInputError if it is none."""
    try:
        record = typed(content, SurveyRecord, lambda place, words: f"a survey of this version ({words})")
    except FaultError as fault:
        raise files.BadInputError(SOURCE, fault.field, fault.given, fault.what or "") from None
    cells = cells_of(family, claims)
    named = {claim.name: claim for claim in claims}
    for known, names in ((named, {name for name, _ in record.violations}), (cells, {row.key for row in record.cells})):
        for name in sorted(names - set(known)):
            raise files.BadInputError(SOURCE, "name", name, "a name of this version")
    for row in record.cells:
        cell = cells[row.key]
        cell.searched, cell.held, cell.equal = row.searched, row.held, row.equal
        cell.first, cell.found = (
            None if one is None else _again(one, cell.claim, family) for one in (row.first, row.found)
        )
    return Survey(
        cells,
        [_again(one, named[name], family) for name, one in record.violations],
        Counter(record.met),
        Counter(record.void),
        record.lacking,
        Counter({frozenset((a, b)): count for a, b, count in record.together}),
        record.examples,
        record.seconds,
        record.looked,
        Counter({(claim, assumption): turns for claim, assumption, turns in record.hunted}),
    )


def _pair(names: frozenset[str]) -> tuple[str, str]:
    first, second = sorted(names)
    return first, second


def _found(one: Found) -> _FoundRecord:
    return _FoundRecord(json.loads(files.dumps(one.instance)), one.origin, one.examples, one.seconds)


def _again(content: _FoundRecord, claim: Claim, family: Family) -> Found:
    instance = instance_in(content.instance, SOURCE)
    if instance.family != family.name:
        raise files.BadInputError(SOURCE, "family", instance.family, repr(family.name))
    judged = conclusion(claim, family_of(instance).evaluator(instance))
    return Found(instance, judged, content.origin, content.examples, content.seconds)
