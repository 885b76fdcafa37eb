"""The title's question, answered from a run: how far trained points are from the optimum, and what limits that."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ..impl.answers import count
from ..impl.families import FAMILIES
from ..impl.shown import rounded_down, rounded_up
from .formats.shared import Interval
from .formats.verifying import Form, NamedForm, RealFamily, RealOptimum, RealRow, VerifyRecord

SLACK = 1.5
"""A distance of at most this many widths of the certified bracket is the bracket's own: within the tolerance."""

NEAR = 1e-9
"""Bounds that differ by this share say the same."""

EMPTY = 100
"""A bound of more than this many times what it bounds carries no information."""


@dataclass(frozen=True)
class Parts:
    """What a bound R eps + ||w|| misfit is made of; share: the misfit's of ||u||, the most it can be."""

    radius: float
    eps: float
    stationarity: float
    representation: float
    share: float


@dataclass(frozen=True)
class Known:
    """What is known of the distance from the global optimum: an interval, the theorem's bound, what limits the number.

    bound       the smallest that is PROVED or EQUAL; form: of which claim
    tolerance   the width of the bracket where the distance does not exceed it, else None
    """

    low: float
    high: float | None
    bound: float | None
    form: str
    tolerance: float | None
    limit: str


@dataclass(frozen=True)
class Distance(Known):
    """The same of a family's trained point that may be farthest; trivial: what L >= 0 (in meta-RL: the
    optimal returns) alone gives."""

    name: str
    title: str
    point: str
    parameters: int
    count: int
    trivial: float | None
    parts: Parts | None

    @property
    def words(self) -> str:
        """The interval in words."""
        return _between(self.low, self.high)

    @property
    def against(self) -> str:
        """Whether it says more than what is known without a theorem, as much, or less."""
        return said(self.bound, self.trivial)

    @property
    def without(self) -> str:
        """What is known without a theorem."""
        return without_theorem(self.name)

    @property
    def empty(self) -> bool:
        """Whether the bound carries no information."""
        return self.bound is not None and self.high is not None and self.bound > EMPTY * self.high > 0

    @property
    def speaks(self) -> bool:
        """Whether the bound says more than L >= 0 does; where L is a return: whether it is not empty."""
        return self.bound is not None and (not self.empty if self.trivial is None else self.against == "more")

    @property
    def remark(self) -> str:
        """What there is to say of the bound beside its number."""
        if self.bound is None:
            return "; no optimum is certified, so the theorem is not applied to it"
        if self.trivial is None:
            return ", which says nothing" if self.empty else ""
        than = "as much as" if self.against == "as much" else f"{self.against} than"
        return f", which says {than} {self.without} alone ({self.told(self.trivial)})"

    def told(self, value: float) -> str:
        """A bound, rounded up to as many digits as tell it from the trivial one, if they differ."""
        ends = (self.bound or 0.0, self.trivial or 0.0)
        apart = (n for n in range(4, 8) if rounded_up(ends[0], n) != rounded_up(ends[1], n))
        return rounded_up(value, 4 if self.against == "as much" else next(apart, 4))


@dataclass(frozen=True)
class Sentence:
    """A sentence of the verdict: what it says first, the rest, and where more of it is."""

    head: str
    text: str
    target: str
    more: str
    alarm: bool = False


def sentences(verify: VerifyRecord | None, distances: Sequence[Distance]) -> list[Sentence]:
    """The verdict of a run: what holds, where it says something, and that stationary does not mean global."""
    if verify is None:
        return []
    counts = [each for row in verify.claims for each in (row.counts, row.real_counts)]
    proved, equal = sum(c.PROVED for c in counts), sum(c.EQUAL for c in counts)
    violated, undecided = sum(c.VIOLATED for c in counts), sum(c.UNDECIDED for c in counts)
    claims, instances = len(verify.claims), verify.generated + verify.real
    wide = sum(row.wide for row in verify.generators)
    numbers = f"{count(claims, 'claim')} on {instances:,} instance{'s' * (instances != 1)}"
    numbers += f" ({wide:,} of them for inequalities alone)" if wide else ""
    numbers += f": {proved:,} times proved, "
    void = sum(sum(row.void.values()) for row in verify.claims)
    outside = sum(c.OUTSIDE for c in counts) - void
    numbers += f"{equal:,} equal as far as enclosures tell" + (f"; {undecided:,} undecided" if undecided else "")
    numbers += f"; {outside:,} times an assumption of the claim does not hold" if outside else ""
    numbers += f"; {void:,} times none fails and the claim has no value: it misses one." if void else "."
    head = "No claim was violated." if proved + equal else "Nothing was proved."
    head = f"{count(violated, 'certified violation')}." if violated else head
    found = [Sentence(head, numbers, "claims", "Claim by claim.", bool(violated))]
    comparison = compared(verify)
    if comparison is not None:
        against = comparison.smallest
        more, total = against["more"], against.total()
        text = f"On {more} of {total} real instances the bound says more than is known without it, on "
        text += f"{against['as much']} as much, on {against['less']} less"
        near = [ratio for family in verify.real_families for row in family.rows if (ratio := _ratio(row)) is not None]
        if near:
            text += f"; half of the gaps are at least {median(near):.2g} times the bound"
        head = "something on most" if 2 * more > total else "little on"
        alone = f"; the lifted form alone says more on {comparison.lifted['more']}" if comparison.lifted else ""
        text += f" (its smallest form{alone})"
        far = sum(d.speaks for d in distances)
        if any(d.bound is not None for d in distances):
            text += f". At the worst trained point of each kind of task it says more on {far} of {len(distances)}"
        found.append(Sentence(f"The bound says {head} real instances.", f"{text}.", "answers", "Task by task."))
    kinds = [variant.kinds for variant in (verify.landscapes.variants if verify.landscapes else ())]
    rows = [each["local minimum"] for each in kinds if "local minimum" in each]
    points, traps = sum(row.points for row in rows), sum(row.spurious for row in rows)
    if points:
        deepest = max(row.largest_excess for row in rows)
        text = f"Of {points} local minima of small generated problems, {traps} are certified not to be global"
        text += f", by up to {deepest:.3g}." if traps else "."
        head = "Stationary does not mean global." if traps else "No local minimum was certified not to be global."
        found.append(Sentence(head, text, "optimum", "Landscape by landscape."))
    return found


def _ratio(row: RealRow) -> float | None:
    """Gap over smallest bound, where omega is not the better point."""
    return row.smallest.ratio if row.smallest is not None and (top(row.gap) or 0.0) > 0 else None


def top(value: Interval | None) -> float | None:
    """The upper end of what may have no value."""
    return None if value is None else value.hi


def _bound(form: Form | None) -> float | None:
    return None if form is None else top(form.bound)


def form_of(found: NamedForm | None) -> str:
    """Which form of the bound it is: its claim without the family's name."""
    family = None if found is None else next(f for f in FAMILIES.values() if f.claim(found.claim))
    return "" if found is None or family is None else found.claim.removeprefix(f"{family.name}-")


def real_distances(verify: VerifyRecord | None) -> list[Distance]:
    """One row per family of real tasks: the trained point that may be farthest from the global optimum."""
    return [_farthest(family) for family in (verify.real_families if verify else ()) if _trained(family)]


def _trained(family: RealFamily) -> list[RealRow]:
    """The rows whose omega was trained, each point once."""
    points: dict[object, RealRow] = {}
    for row in family.rows:
        if re.search(r"(?<!un)trained", row.name.split("against")[0]):
            far = row.optimum
            if far is None:
                points.setdefault((point_of(row.name), row.name), row)
            elif top(far.gap) is not None:
                points.setdefault((far.lower, far.upper, str(far.gap)), row)
    return list(points.values())


def point_of(name: str) -> str:
    """A real instance's name without its comparator."""
    return name.split(", against")[0]


def once(rows: Sequence[RealRow]) -> list[RealRow]:
    """Real instances with a certified optimum: each omega once, whatever its comparator."""
    found: dict[object, RealRow] = {}
    for row in rows:
        if row.optimum:
            found.setdefault((point_of(row.name), str(row.optimum)), row)
    return list(found.values())


def distance(optimum: RealOptimum) -> tuple[float, float | None]:
    """(at least, at most): how far omega is from the global optimum, from L(omega) - lower and the bracket's width."""
    if optimum.gap is None or optimum.gap.lo is None:
        return 0.0, top(optimum.gap)
    return max(0.0, optimum.gap.lo - (optimum.upper - optimum.lower)), optimum.gap.hi


def _farthest(family: RealFamily) -> Distance:
    rows = _trained(family)
    certified = [(top(row.optimum.gap) or 0.0, row, row.optimum) for row in rows if row.optimum]
    if certified:
        _, row, optimum = max(certified, key=lambda found: found[0])
        known, count = certified_distance(optimum), len(certified)
        limit = known.limit + _where(family.name, optimum.ball)
        terms = optimum.terms
        without = len({point_of(r.name) for r in rows} - {point_of(r.name) for _, r, _ in certified})
        if without:
            limit += f"; {without} more trained point{'s' * (without > 1)} without a certified optimum"
    else:
        best = [row for row in rows if row.lifted and "best policy" in row.name]
        rows = best or rows
        # No policies do better than each task's best ones; of losses nothing is known but that they are at least 0.
        row = max(rows, key=lambda r: top(r.gap if best else r.trivial) or 0.0)
        low = _surpassed(family, row)
        if best:
            limit = "no certified optimum: at most the distance from each task's best policy"
            known = Known(low, top(row.gap), _bound(row.smallest), form_of(row.smallest), None, limit)
        else:
            limit = "no certified optimum: at most L(omega), as L ≥ 0"
            known = Known(low, top(row.trivial), None, "", None, limit)
        terms, count = row.terms if best else {}, len(rows)
    said = vars(known) | {"limit": limit, "point": point_of(row.name), "parameters": row.parameters, "count": count}
    return Distance(**said, name=family.name, title=family.title, trivial=top(row.trivial), parts=parts(terms))


def _surpassed(family: RealFamily, row: RealRow) -> float:
    """How far the row's omega is at least from the optimum: the best of the parameters that it is compared with."""
    gaps = [
        r.gap.lo
        for r in family.rows
        if point_of(r.name) == point_of(row.name) and r.comparator == "parameter" and r.gap
    ]
    return max([0.0, *(lo for lo in gaps if lo is not None)])


def parts(terms: Mapping[str, Interval | None]) -> Parts | None:
    """What a bound is made of, from its terms' upper ends; None if one is not known."""
    needed = ("radius", "eps", "weight_norm", "misfit", "function_displacement")
    ends = [end for name in needed if (end := top(terms.get(name))) is not None]
    if len(ends) < len(needed):
        return None
    radius, eps, weight, misfit, size = ends
    return Parts(radius, eps, radius * eps, weight * misfit, min(misfit / size, 1.0) if size > 0 else 0.0)


def _between(low: float, high: float | None) -> str:
    """An interval with as few digits as tell its ends apart."""
    if high is None:
        return f"at least {rounded_down(low, 2)}"
    digits = next((n for n in range(2, 7) if f"{low:.{n}g}" != f"{high:.{n}g}"), None)
    if digits is None:
        return f"{high:.6g}"
    return f"between {rounded_down(low, digits)} and {rounded_up(high, digits)}"


def certified_distance(optimum: RealOptimum) -> Known:
    """The distance from a certified optimum."""
    low, high = distance(optimum)
    width = optimum.upper - optimum.lower
    within = optimum.status == "certified" and high is not None and high <= SLACK * width
    if within:
        limit = f"the search's tolerance, {width:.1e}"
    elif optimum.status == "certified" or (high is not None and width <= 0.01 * high):
        limit = f"the bracket's width, {width:.1e}"
    elif optimum.lower == 0:
        limit = "the lower bound is trivial (0)" + ("; nothing better was found" if low == 0 else "")
    else:
        limit = f"the bracket is wide: {width:.1e}"
    best = optimum.smallest
    bound, form = (top(optimum.bound), "") if best is None else (_bound(best), form_of(best))
    return Known(low, high, bound, form, width if within else None, limit)


def _where(tasks: str, ball: float | None) -> str:
    """What the optimum is taken over, where it is not everything."""
    if ball is None:
        return ""
    family = next(f for f in FAMILIES.values() if tasks in f.real_tasks)
    shape = "box of half-width" if family.returns else "ball of radius"
    return f"; over a {shape} {ball:.3g} only"


def is_empty(row: RealRow) -> bool:
    """Whether the smallest bound of a real instance is more than EMPTY times the gap that it bounds."""
    bound, gap = _bound(row.smallest), top(row.gap)
    return bound is not None and gap is not None and bound > EMPTY * gap > 0


@dataclass(frozen=True)
class Comparison:
    """On how many real instances the smallest bound (PROVED or EQUAL) says more than, as much as, less than what is
    known without a theorem; on how many the same of the lifted bound, empty if no instance has one."""

    smallest: Counter[str]
    lifted: Counter[str]


def compared(verify: VerifyRecord | None) -> Comparison | None:
    """The real instances of a run, counted; None without any, or without any bound of the gap."""
    rows = [row for family in (verify.real_families if verify else ()) for row in family.rows if row.trivial]
    # What a run asks of need not bound the gap: one claim of many, or a claims file.
    counts = [
        Counter(said(_bound(form), top(row.trivial)) for form, row in zip(forms, rows, strict=True) if any(forms))
        for forms in ([row.smallest for row in rows], [row.lifted for row in rows])
    ]
    return Comparison(*counts) if counts[0] else None


def without_theorem(tasks: str) -> str:
    """What alone is known of the gap on a family of real tasks."""
    family = next((f for f in FAMILIES.values() if tasks in f.real_tasks), None)
    return "the optimal returns" if family is not None and family.returns else "L ≥ 0"


def said(bound: float | None, trivial: float | None) -> str:
    """Whether a bound says more than the trivial one, as much (within what enclosures leave), or less."""
    if bound is None or trivial is None:
        return "less"
    if abs(bound - trivial) <= NEAR * abs(trivial):
        return "as much"
    return "more" if bound < trivial else "less"


@dataclass(frozen=True)
class Uninformative:
    """A family of real tasks with instances on which no bound carries information; ends of the smallest one's range."""

    title: str
    instances: int
    bounds: tuple[float, float]
    gaps: tuple[float, float]
    policies: bool


def uninformative(verify: VerifyRecord | None) -> list[Uninformative]:
    """The families with such instances."""
    found = []
    for family in verify.real_families if verify else ():
        rows = [row for row in family.rows if is_empty(row)]
        if rows:
            bounds = [end for row in rows if (end := _bound(row.smallest)) is not None]
            gaps = [end for row in rows if (end := top(row.gap)) is not None]
            policies = all("best policy" in row.name for row in rows)
            ranges = (min(bounds), max(bounds)), (min(gaps), max(gaps))
            found.append(Uninformative(family.title, len(rows), *ranges, policies))
    return found
