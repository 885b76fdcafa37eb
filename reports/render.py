"""From records to one self-contained page: statements in MathML, histograms as inline SVG, nothing fetched."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from latex2mathml.converter import convert
from markupsafe import Markup, escape

from ..impl.families import FAMILIES
from ..impl.files import BadInputError
from ..impl.losses import LOSSES
from ..theory.claim import Verdict
from ..theory.network import RATES
from ..theory.notation import OBJECTS, SYMBOLS
from ..theory.smooth_network import RATES as SMOOTH_RATES
from .answer import (
    EMPTY,
    certified_distance,
    compared,
    form_of,
    is_empty,
    landscape_answer,
    once,
    parts,
    point_of,
    rate_answers,
    real_distances,
    uninformative,
    without_theorem,
)
from .figures import COLOURS, histogram, landscape, rates
from .formats import Kind, read
from .formats.auditing import AuditRecord
from .formats.searching import MutationRecord
from .formats.shared import Interval
from .formats.verifying import ClaimRow, VerifyRecord
from .overview import (
    SIGNS,
    by_family,
    cell_id,
    details,
    equality,
    identifiers,
    mutant_id,
    quantiles,
    ratio,
    results,
    status,
    tables,
)
from .places import places
from .records import clean, in_folder, write_text

INSTALL = (
    "python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt -e '.[real]' && .venv/bin/metagap verify"
)
"""The README's main command."""


@cache
def mathml(latex: str, display: str = "inline") -> Markup:
    """LaTeX as MathML, which browsers typeset themselves."""
    return Markup(convert(latex, display=display))


def prose(text: str) -> Markup:
    """Text with formulas between dollar signs: these as MathML, the rest escaped."""
    parts = text.split("$")
    return Markup("").join(mathml(part) if n % 2 else escape(part) for n, part in enumerate(parts))


def number(value: float | None, digits: int = 4) -> str:
    """A number for people."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    return f"{value:.{digits}g}" if 1e-3 <= abs(value) < 1e6 else f"{value:.{digits - 1}e}"


def enclosure(value: Interval | None, digits: int = 6) -> str:
    """An enclosure for people: the digits that both ends share; both ends where they share few."""
    if value is None:
        return "–"
    low, high = value.lo, value.hi
    if low is None or high is None:
        return f"unbounded: [{'-∞' if low is None else number(low)}, {'∞' if high is None else number(high)}]"
    middle = low / 2 + high / 2
    if high - low <= 1e-6 * abs(middle) or high == low:
        return number(middle, digits)
    if max(abs(low), abs(high)) < 1e-9:
        return "0 (to 1e-9)"
    return f"[{number(low, digits)}, {number(high, digits)}]"


def below(value: float, digits: int = 7) -> str:
    """A number that a bracket says something is above: rounded down, never up to 1."""
    scale = 10.0**digits
    return number(math.floor(value * scale) / scale, digits) if value * scale >= 1 else number(value, digits)


def most(values: Iterable[str], count: int = 4) -> list[tuple[str, int]]:
    """The commonest of them, with how often they occur."""
    return Counter(values).most_common(count)


def against_functions(data: list[str]) -> bool:
    """Whether a written instance compares omega with functions or policies, which no parameter need reach."""
    return any(line.startswith(("comparator: functions", "comparator: policies")) for line in data)


def share(value: float | None) -> str:
    """A share in per cent, never rounded up to 100."""
    if value is None:
        return "–"
    return "100 %" if value == 1 else f"{math.floor(value * 1000) / 10:.1f} %"


def entry(row: ClaimRow, family: str) -> str:
    """A claim in the list of contents: its theorem and its title, once where the title says it too."""
    stem, title = row.claim.removeprefix(f"{family}-"), row.title
    said = ":" in title and stem.split("-")[0].lower() in title.split(":")[0].lower()
    return title if said else f"{stem}: {title}"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("metagap.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "mathml": mathml,
        "number": number,
        "enclosure": enclosure,
        "share": share,
        "below": below,
        "most": most,
        "against_functions": against_functions,
        "by_family": by_family,
        "entry": entry,
        "histogram": histogram,
        "landscape": landscape,
        "rates": rates,
        "prose": prose,
        "in_folder": in_folder,
        "certified_distance": certified_distance,
        "once": once,
        "parts": parts,
        "is_empty": is_empty,
        "form_of": form_of,
        "without_theorem": without_theorem,
        "equality": equality,
        "quantiles": quantiles,
        "point_of": point_of,
        "status": status,
        "ratio": ratio,
    }
    environment.globals |= {
        "colours": COLOURS,
        "verdicts": {v.name: v.value for v in Verdict},
        "objects": OBJECTS,
        "families": {family.name: family.title for family in FAMILIES.values()},
        "losses": list(LOSSES.values()),
        "symbols": list(SYMBOLS.values()),
        "rate_statements": (*RATES, *SMOOTH_RATES),
        "signs": SIGNS,
        "install": INSTALL,
        "meaning": SYMBOLS,
        "empty": EMPTY,
        "cell_id": cell_id,
        "mutant_id": mutant_id,
    }
    return environment


def render(
    verify: VerifyRecord | None,
    audit: AuditRecord | None,
    folder: str = "build/reports",
    mutation: MutationRecord | None = None,
) -> str:
    """The page from the records; a missing record's sections say how to make it.

    `folder` replaces {folder} in the reproducing commands, quoted for a shell.
    """
    template = _environment().get_template("report.html.j2")
    page = template.render(
        verify=verify,
        audit=audit,
        mutation=mutation,
        folder=folder,
        summary=_summary(verify, audit),
        distances=real_distances(verify),
        comparison=compared(verify),
        landscape_answer=landscape_answer(verify),
        rate_answers=rate_answers(verify.rates if verify else ()),
        uninformative=uninformative(verify),
        results=results(verify, audit),
        shown_claims={row.claim for row in verify.claims} if verify else set(),
        identifiers=identifiers(audit),
        tables=tables(audit) if audit else [],
        details=details(audit) if audit else ([], []),
        shown_cells={cell_id(c.claim, c.assumption) for c in audit.cells} if audit else set(),
        places=places(),
    )
    return clean(page)


@dataclass(frozen=True)
class Summary:
    """Judgements by verdict, and the mutants: how many were killed of those that can be."""

    verdicts: Counter[str]
    killed: int
    mutants: int


def _summary(verify: VerifyRecord | None, audit: AuditRecord | None) -> Summary:
    counts = [each for row in verify.claims for each in (row.counts.each, row.real_counts.each)] if verify else []
    alive = [m for m in audit.mutants if m.status != "equivalent"] if audit else []
    verdicts = sum(map(Counter, counts), start=Counter[str]())
    return Summary(verdicts, sum(m.status == "killed" for m in alive), len(alive))


def write_report(
    folder: Path, fresh: str | None = None, warn: Callable[[BadInputError], None] = lambda error: None
) -> Path:
    """Read the records in the folder and write its index.html.

    `fresh` names the record that was just written: another one that cannot be read (it may be of an older version) is
    then left out, and `warn` told. Errors: BadInputError if a record is damaged or of another format, or if there is
    none.
    """

    def found(name: str, kind: type[Kind]) -> Kind | None:
        try:
            return read(folder / name, kind) if (folder / name).exists() else None
        except BadInputError as error:
            if fresh in (None, name):
                raise
            warn(error)
            return None

    verify, audit = found("verify.json", VerifyRecord), found("audit.json", AuditRecord)
    if verify is None and audit is None:
        raise BadInputError(str(folder), "records", "none", "verify.json or audit.json; run metagap verify first")
    page = folder / "index.html"
    write_text(page, render(verify, audit, folder.as_posix(), found("mutation.json", MutationRecord)))
    return page
