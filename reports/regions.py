"""`metagap prove --region FILE`: claims over a box of instances, the share of its volume, certificates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from flint import fmpq

from ..impl.files.text import laid_out
from ..impl.regions import certificate, document, search
from ..impl.regions.check import check
from ..theory.meta_sl import CLAIMS
from ..theory.regions import LEMMAS, STATEMENTS
from .formats import read
from .formats.proving import RegionRow, RegionsRecord

RECORD = Path(__file__).parent / "example" / "regions.json"
"""Of `metagap prove --region reports/example/region.json`."""
GRAIN = 10**6
"""Shares are shown in millionths, rounded down."""


def kept() -> tuple[RegionsRecord, dict[str, RegionRow]]:
    """What was last proved over the example's region, and of it what is about claims as they are now, by name."""
    record, known = read(RECORD, RegionsRecord), certificate.provable()
    now = {name: certificate.text_of(what) for name, what in known.items()}
    current = (row for row in record.rows if row.statement == now.get(row.what))
    return record, {row.what: row for row in current}


def names() -> tuple[str, ...]:
    """What can be asked of a region: claims, mutants, statements."""
    return tuple(certificate.provable())


def usual() -> tuple[str, ...]:
    """What is asked where nothing is named: claims and statements."""
    return (*(claim.name for claim in CLAIMS), *(statement.name for statement in STATEMENTS))


def proved(
    path: Path, wanted: Iterable[str], seconds: float, tell: Callable[[str], None]
) -> tuple[RegionsRecord, list[str]]:
    """The record, and the text of each certificate. Errors: BadInputError."""
    region, known = document.load(path), certificate.provable()
    rows, certificates = [], []
    for name in wanted:
        tell(name)
        found = search.prove(region, known[name], seconds, tell)
        rows.append(_row(found))
        certificates.append(found.certificate.dumps())
    text = laid_out(region.document, "")
    return RegionsRecord(loss=region.corner.loss.name, region=text, seconds=seconds, rows=rows), certificates


def _row(found: search.Proof) -> RegionRow:
    made, shares = found.certificate, found.certificate.shares
    lemmas = None if made.weights is None else [lemma for lemma in LEMMAS if lemma.name in made.weights]
    return RegionRow(
        made.what.name,
        made.statement,
        _down(shares.proved),
        _down(shares.outside),
        _down(shares.violated),
        shares.proved + shares.outside + shares.violated == 1,
        None if lemmas is None else [lemma.name for lemma in lemmas],
        [] if lemmas is None else list(dict.fromkeys(lemma.words for lemma in lemmas if lemma.words)),
        found.boxes,
    )


def _down(part: fmpq) -> float:
    grains = part * GRAIN
    return int(grains.p) // int(grains.q) / GRAIN


def checked(content: object, source: str, tell: Callable[[str], None]) -> tuple[int, str]:
    """The answer in a line, and its status: 1 rejected; 3 it proves what it claims, and leaves a part of the region
    open; else 0. Errors: BadInputError."""
    given = certificate.read(content, source)
    found = check(given, lambda boxes: tell(f"checking: {boxes} boxes"))
    word = "accepted" if found.accepted else "rejected"
    shares = given.shares
    parts = {"proved": shares.proved, "outside its assumptions": shares.outside, "false": shares.violated}
    said = ", ".join(f"{name} on {100 * _down(part):.4f} %" for name, part in parts.items() if part or name == "proved")
    rest = 1 - sum(parts.values(), start=fmpq(0))
    left = ""
    if found.accepted and rest > 0:
        left = f"; {100 * int(rest.p) / int(rest.q):.3g} % of the volume is left open"
    line = f"{source}: {word}: {given.what.name} {said} of the region: {found.reason}{left} ({found.boxes} boxes)"
    return 1 if not found.accepted else 3 if left else 0, line
