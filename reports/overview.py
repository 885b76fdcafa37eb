"""What the page says first: the paper's results one by one, and the assumptions of every claim as a matrix."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from msgspec.structs import asdict

from ..impl.families import FAMILIES, Family
from ..impl.own_claims import asked, standing
from ..impl.shown import Sheet, Shown
from ..theory.claim import Claim, Relation
from ..theory.paper import RESULTS, Outcome, Result
from ..theory.without.hypotheses import HYPOTHESES, META_RL_ROWS
from .formats.auditing import AuditRecord, Cell, MutantRow
from .formats.verifying import ClaimRow, Quantiles, VerifyRecord
from .formats.verifying import Shown as Instance

SIGNS = {"needed": "●", "not needed": "○", "not assumed": "–", "vacuous": "∅", "open": "?", "not audited": "·"}
"""One sign per status of an assumption: what the colour says is said without it too."""

OUTCOMES = {Outcome.AS_READ: ("✓", "PROVED"), Outcome.WITH_MORE: ("+", "UNDECIDED"), Outcome.INSTEAD: ("≠", "VIOLATED")}
"""Sign, and the verdict whose colour is used."""


def cell_id(claim: str, assumption: str) -> str:
    """The id of a cell's detail on the page."""
    return f"cell-{claim}-{assumption}"


def mutant_id(name: str) -> str:
    """The id of a mutant's detail on the page."""
    return f"mutant-{name}"


@dataclass(frozen=True)
class Tightness:
    """A claim and how tight it is, in words; no title: it is not in this run."""

    claim: str
    title: str | None
    words: str


@dataclass(frozen=True)
class ResultRow:
    """A result of the paper: its sign and colour, how tight its claims are, where what it needs is shown."""

    result: Result
    sign: str
    colour: str
    claims: list[Tightness]
    shown: list[Cell]
    refuted: list[MutantRow]


Row = TypeVar("Row", ClaimRow, Cell, MutantRow)


def by_family(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Rows about claims grouped by the claims' family, in the order of the record."""
    families = {claim.name: family.name for family in FAMILIES.values() for claim in family.all_claims}
    names = dict.fromkeys(families[row.claim] for row in rows)
    return [(name, [row for row in rows if families[row.claim] == name]) for name in names]


def results(verify: VerifyRecord | None, audit: AuditRecord | None) -> list[ResultRow]:
    """The paper's results as rows."""
    found = {row.claim: row for row in verify.claims} if verify else {}
    cells = {(c.claim, c.assumption): c for c in reversed(audit.cells)} if audit else {}
    mutants = {m.name: m for m in audit.mutants} if audit else {}
    return [
        ResultRow(
            result,
            *OUTCOMES[result.outcome],
            [tightness(name, found.get(name)) for name in result.claims],
            [cells[pair] for pair in result.shown if pair in cells],
            [mutants[name] for name in result.refuted if name in mutants],
        )
        for result in RESULTS
    ]


def tightness(name: str, row: ClaimRow | None) -> Tightness:
    """A claim and how tight it is; an inequality is attained where both sides are enclosed as equal."""
    if row is None:
        return Tightness(name, None, "not in this run")
    if row.violated:
        words = f"violated on {row.violated} instances"
    elif row.relation == Relation.EQUAL.value:
        words = f"an equality: {equality(row)}"
    elif row.quantiles is None:
        words = "no instance with a positive bound"
    else:
        words = quantiles(row.quantiles)
        if row.counts.EQUAL:
            words += f", attained on {row.counts.EQUAL} instances"
        elif row.tightest:
            words += f", at most {ratio(row.tightest.ratio)} where proved"
        if row.real_quantiles:
            words += f"; on real tasks {quantiles(row.real_quantiles)}"
    return Tightness(name, row.title, words)


def equality(row: ClaimRow) -> str:
    """What was decided of an equality: the exact rationals apart from the enclosures."""
    counts = row.counts
    return f"PROVED in exact rationals on {counts.PROVED} instances, EQUAL as far as enclosures tell on {counts.EQUAL}"


def quantiles(found: Quantiles) -> str:
    """The quantiles in words."""
    return f"median {ratio(found.middle)}, 80 % within {ratio(found.low)} to {ratio(found.high)}"


def ratio(value: float | None) -> str:
    """Left side over bound with three decimals, never rounded up to 1; a small one with two digits."""
    if value is None:
        return "–"
    return f"{value:.2g}" if 0 < value < 0.01 else f"{math.floor(value * 1000) / 1000:g}"


def status(row: ClaimRow) -> str:
    """What the filter calls a claim's state."""
    if row.violated:
        return "violated"
    if row.loose:
        return "undecided"
    if row.counts.UNDECIDED + row.real_counts.UNDECIDED:
        return "a few undecided"
    if row.counts.EQUAL + row.real_counts.EQUAL:
        return "all proved or equal"
    return "all instances proved" if row.scope else "not judged"


@dataclass(frozen=True)
class Undecided:
    """Claims that are undecided on the same instances: each with how many there are, of how many on which no
    assumption certifiably fails; why; and where the instance comes from, if it is one alone."""

    claims: list[tuple[str, int, int]]
    reasons: list[str]
    alone: Instance | None


def undecided(rows: Sequence[ClaimRow]) -> list[Undecided]:
    """What is undecided, by the instances that say so: an extreme one counts in claim after claim."""
    alike: dict[frozenset[str], list[ClaimRow]] = {}
    for row in rows:
        if row.undecided:
            alike.setdefault(frozenset(u.instance for u in row.undecided), []).append(row)
    found = []
    for instances, claims in alike.items():
        known, counts = [u for row in claims for u in row.undecided], []
        for row in claims:
            sums = Counter(row.counts.each) + Counter(row.real_counts.each)
            counts.append((row.claim, sums["UNDECIDED"], sums.total() - sums["OUTSIDE"]))
        alone = len(instances) == 1 and all(count == 1 for _, count, _ in counts)
        found.append(Undecided(counts, list(dict.fromkeys(u.reason for u in known)), known[0] if alone else None))
    return found


STAGES = (
    ("The identity", ("identity",)),
    ("Four steps", ("s1", "s2", "s3", "s4")),
    ("The bound", ("lifted",)),
    ("Its other forms", ("l1", "mixed", "mixed-l1", "first-order", "headline")),
)
"""How the proof goes, from the identity down; what is not named here is a corollary."""


def proof_map(rows: Sequence[ClaimRow], family: str) -> list[tuple[str, list[tuple[str, ClaimRow]]]]:
    """A family's claims by the stage of the proof at which they stand, each with its name within the family."""
    found = {row.claim.removeprefix(f"{family}-"): row for row in rows}
    stages = [(title, [(stem, found[stem]) for stem in stems if stem in found]) for title, stems in STAGES]
    named = {stem for _, stems in STAGES for stem in stems}
    stages.append(("Corollaries", [(stem, row) for stem, row in found.items() if stem not in named]))
    return [(title, chosen) for title, chosen in stages if chosen]


def colour(row: ClaimRow) -> str:
    """The verdict whose colour a claim has on the map."""
    if row.violated:
        return "VIOLATED"
    return "UNDECIDED" if row.loose else "PROVED" if row.scope else "OUTSIDE"


@dataclass(frozen=True)
class Column:
    """An assumption of a matrix, with its standard names."""

    name: str
    identifier: str
    statement: str


@dataclass(frozen=True)
class Sign:
    """A place of a matrix; id: of its detail on the page, None without one."""

    status: str
    id: str | None

    @property
    def sign(self) -> str:
        """What the colour says."""
        return SIGNS[self.status]


@dataclass(frozen=True)
class Matrix(Shown):
    """A family: the assumptions that are audited or assumed, and one row per claim with a sign for each.

    A sign is None where the claim neither assumes it nor is audited for it.
    """

    family: str
    title: str
    columns: list[Column]
    rows: list[tuple[Claim, list[Sign | None]]]

    @property
    def sheet(self) -> Sheet:
        """A row per claim: which assumptions it needs, which not, and so on."""
        met = {sign.status for _, signs in self.rows for sign in signs if sign}
        words = [word for word in SIGNS if word in met]
        rows = []
        for claim, signs in self.rows:
            pairs = list(zip(self.columns, signs, strict=True))
            named = {word: ", ".join(c.name for c, sign in pairs if sign and sign.status == word) for word in words}
            rows.append((claim.name, *named.values()))
        return Sheet(f"{self.title}: which claim needs which assumption", ("claim", *words), rows)


def tables(audit: AuditRecord) -> list[Matrix]:
    """The matrices of the families."""
    found = []
    known = {row.name: row for row in identifiers(audit)}
    for family in map(asked, FAMILIES.values()):
        names = {claim.name for claim in family.all_claims}
        cells: dict[tuple[str, str], Cell] = {}
        for cell in audit.cells:
            if cell.claim in names:
                cells.setdefault((cell.claim, cell.assumption), cell)
        assumed = {(claim.name, a.name): a.statement for claim in family.all_claims for a in claim.assumptions}
        statements = {name: cell.statement for (_, name), cell in cells.items()}
        statements |= {name: text for (_, name), text in assumed.items()}
        columns = list(dict.fromkeys(name for _, name in (*assumed, *cells)))
        rows = [
            (claim, [_sign(claim.name, name, cells, assumed) for name in columns])
            for claim in family.all_claims
            if any((claim.name, name) in cells or (claim.name, name) in assumed for name in columns)
        ]
        if rows:
            heads = [Column(name, _standard(known.get(name), family), statements[name]) for name in columns]
            found.append(Matrix(family.name, family.title, heads, rows))
    return found


@dataclass(frozen=True)
class Identified:
    """An assumption with its standard names (A1..A10 of the core result, RL-A..RL-P of meta-RL) and statements."""

    name: str
    identifiers: list[str]
    statements: list[str]


def identifiers(audit: AuditRecord | None) -> list[Identified]:
    """Every assumption, by its standard names."""
    found: dict[str, tuple[set[str], dict[str, None]]] = {}

    def add(name: str, identifier: str, statement: str) -> None:
        names, statements = found.setdefault(name, (set(), {}))
        names.update({identifier} - {""})
        if statement:
            statements[statement] = None

    for family in map(asked, FAMILIES.values()):
        for claim in family.all_claims:
            for a in claim.assumptions:
                add(a.name, a.identifier, a.statement)
    own = standing()
    if own is None or not own.claims:
        for h in HYPOTHESES:
            add(h.name, h.identifier, h.statement)
        for identifier, name in META_RL_ROWS.items():
            add(name, identifier, "")
    for cell in audit.cells if audit else ():
        add(cell.assumption, cell.identifier, "")
    rows = [Identified(name, sorted(names, key=_order), list(texts)) for name, (names, texts) in found.items()]
    return sorted(rows, key=lambda row: [_order(i) for i in row.identifiers] or [(2, 0, "")])


def _order(identifier: str) -> tuple[int, int, str]:
    """A1 to A10, then RL-A to RL-P."""
    number = identifier.removeprefix("A")
    return (0, int(number), "") if number.isdigit() else (1, 0, identifier)


def _standard(known: Identified | None, family: Family) -> str:
    """The identifiers of an assumption, those of meta-RL in its families alone."""
    return ", ".join(n for n in (known.identifiers if known else ()) if family.returns or not n.startswith("RL-"))


def _sign(
    claim: str, name: str, cells: Mapping[tuple[str, str], Cell], assumed: Mapping[tuple[str, str], str]
) -> Sign | None:
    found = cells.get((claim, name))
    if found is None:
        return Sign("not audited", None) if (claim, name) in assumed else None
    # What the claim does not assume it does not need.
    return Sign("not assumed" if found.evidence else found.status, cell_id(claim, name))


class Detail(Cell):
    """A cell with an id of its own on the page."""

    id: str


def details(audit: AuditRecord) -> tuple[list[Detail], list[Detail]]:
    """(cells, rest): the audit's cells, those that the claim does not assume apart.

    The first cell of a pair (claim, assumption) has the pair's id.
    """
    seen: Counter[str] = Counter()
    cells: list[Detail] = []
    rest: list[Detail] = []
    for cell in audit.cells:
        name = cell_id(cell.claim, cell.assumption)
        seen[name] += 1
        row = Detail(**asdict(cell), id=name if seen[name] == 1 else f"{name}-{seen[name]}")
        (cells if cell.evidence is None else rest).append(row)
    return cells, rest
