"""Leave one out: which assumption of which claim matters, searched from scratch.

One pass over generated instances serves every cell (claim, assumption) of a family; what it did not find is then
hunted, cell by cell, by evolution and by Hypothesis (`falsify.pursuit`). On an instance where the
assumption certifiably fails and all the others of the claim are certified, the claim's own conclusion is decided in
balls: false, without a value, or true. Where its words have no meaning without the assumption, what it says then is
decided (`theory.without`). A hypothesis that is built into the statement is left out by rewriting the claim, on
instances where all its assumptions are certified. An assumption that the claim does not make is watched too:
how often does it fail while the claim is proved. And a claim whose assumptions are never met together is vacuous: that
shows.

A conclusion without a value counts against leaving an assumption out if that takes the value away: not where what has
no value has none either on an instance that meets all assumptions. There another one is missing.
"""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

import numpy as np

from ..theory.claim import Assumption, Claim, Source, Verdict
from ..theory.without import without
from ..theory.without.hypotheses import HYPOTHESES
from .batch_judge import Judged, judged_in_arrays, standings_in_arrays
from .falsify.mutants import batches
from .falsify.pursuit import pursue
from .families import Family, family_of
from .instances import Instance
from .judge import Evaluator
from .judgement import ClaimJudgement
from .shrink import shrink
from .standings import Standings, conclusion, standings, undefined

CHUNK = 1024
"""Instances after which an unfinished survey is kept."""

BATCH = 4
"""Instances of a generator that are looked at together, in arrays."""

SHARES = (1 / 16, 3 / 16, 3 / 4)
"""Of a hunt's work, by turn: in the first every cell that is open gets a little."""

SHRINKING = 200
"""Candidates that are tried to make a witness smaller."""

HUNTERS = ("evolution", "hypothesis")
"""Drivers of the hunt for what generated instances do not show."""

Key = tuple[str, str]
"""A cell: the names of the claim and of the assumption."""


@dataclass(frozen=True)
class Found:
    """An instance on which a claim's conclusion fails, or has no value, without one assumption.

    judged     the conclusion, as if the claim had no assumptions
    examples   instances that were looked at until then
    """

    instance: Instance
    judged: ClaimJudgement
    origin: str
    examples: int
    seconds: float

    @property
    def meaningless(self) -> bool:
        """Whether the conclusion has no value (rather than being false)."""
        return self.judged.verdict is Verdict.OUTSIDE

    @property
    def rank(self) -> tuple[bool, int]:
        """Best first: a conclusion that is false says more than one without a value; then the smallest."""
        return self.meaningless, self.instance.numbers


@dataclass
class Cell:
    """What the search knows of one claim and one assumption.

    searched   instances on which every (other) assumption of the claim is certified, and a listed one fails
    held       those on which the conclusion is PROVED or EQUAL all the same
    equal      those of them on which it is EQUAL
    first      the first counterexample among generated instances; found the best one, shrunk, wherever it came from
    """

    claim: Claim
    """As it is judged: rewritten where a built-in hypothesis is left out, or where `theory.without` says how."""
    assumption: str
    assumed: bool
    built_in: bool = False
    rewritten: bool = False
    why: str = ""
    """Why the claim is rewritten so."""
    searched: int = 0
    held: int = 0
    equal: int = 0
    first: Found | None = None
    found: Found | None = None


@dataclass
class Survey:
    """A family's cells; how many instances met all assumptions of a claim, and each pair of assumptions together."""

    cells: dict[Key, Cell]
    violations: list[Found] = field(default_factory=list)
    """Instances on which a claim is false although all its assumptions are certified."""
    met: Counter[str] = field(default_factory=Counter)
    void: Counter[str] = field(default_factory=Counter)
    """Of them, those on which the claim has no value all the same, as far as it was judged there."""
    lacking: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """By claim: the quantities that have none there, and why (each reason once)."""
    together: Counter[frozenset[str]] = field(default_factory=Counter)
    examples: int = 0
    seconds: float = 0.0
    looked: int = 0
    """Instances that were looked at, the known ones too."""
    hunted: Counter[Key] = field(default_factory=Counter)
    """How many turns each cell was hunted."""

    def record(self, cell: Cell, judged: ClaimJudgement, origin: str, instance: Instance, generated: bool) -> None:
        """Count a conclusion that was judged for a cell, and keep the first and the best witness against it."""
        if cell.rewritten and judged.verdict is Verdict.OUTSIDE:
            return  # the reading says nothing of this instance, which refutes no theorem
        cell.searched += generated
        cell.held += generated and judged.verdict in (Verdict.PROVED, Verdict.EQUAL)
        cell.equal += generated and judged.verdict is Verdict.EQUAL
        if cell.assumed and (judged.verdict is Verdict.VIOLATED or self.lost(cell.claim, judged, instance)):
            new = Found(instance, judged, origin, self.examples, self.seconds)
            if generated and (cell.first is None or new.meaningless < cell.first.meaningless):
                cell.first = new
            if cell.found is None or new.rank < cell.found.rank:
                cell.found = new

    def lost(self, claim: Claim, judged: ClaimJudgement, instance: Instance) -> str:
        """Why the conclusion, judged there, has no value, if that cannot happen where all assumptions hold, as far as
        is known; else nothing."""
        if judged.verdict is not Verdict.OUTSIDE or claim.name not in self.lacking:
            return judged.reason if judged.verdict is Verdict.OUTSIDE else ""
        found = undefined(claim, judged, family_of(instance).evaluator(instance))
        return next((why for name, why in found.items() if name not in self.lacking[claim.name]), "")

    def missing(self, claim: Claim, judged: ClaimJudgement, evaluator: Evaluator, generated: bool) -> None:
        """Count an instance that meets all assumptions and on which the claim has no value; witnesses that say the same
        do not count any more."""
        self.void[claim.name] += generated
        known, found = self.lacking.setdefault(claim.name, {}), undefined(claim, judged, evaluator)
        new = found.keys() - known.keys()
        for name, why in found.items():
            known[name] = list(dict.fromkeys((*known.get(name, ()), why)))
        if not new:
            return
        for (name, _), cell in self.cells.items():
            if name == claim.name and not cell.rewritten:
                cell.first, cell.found = (
                    one if one is None or not one.meaningless or self.lost(claim, one.judged, one.instance) else None
                    for one in (cell.first, cell.found)
                )

    def conflicts(self, claim: Claim) -> list[tuple[str, str]]:
        """Pairs of the claim's assumptions that no instance met together."""
        names = [a.name for a in claim.assumptions]
        return [(a, b) for a, b in itertools.combinations(names, 2) if not self.together[frozenset((a, b))]]


def _assumptions(family: Family, claims: Sequence[Claim]) -> dict[str, Assumption]:
    return {a.name: a for claim in (*family.claims, *claims) for a in claim.assumptions}


def cells_of(family: Family, claims: Sequence[Claim]) -> dict[Key, Cell]:
    """The cells of the claims, with nothing searched: every assumption of the family, and what is built in."""
    cells = {}
    for claim, name in itertools.product(claims, _assumptions(family, claims)):
        assumed = any(a.name == name for a in claim.assumptions)
        reading = without(claim, name, family.ablations, family.built_in) if assumed else None
        read, why = reading or (claim, "")
        cells[claim.name, name] = Cell(read, name, assumed, rewritten=reading is not None, why=why)
    for claim, hypothesis in itertools.product(claims, HYPOTHESES):
        reading = without(claim, hypothesis.name, family.ablations, family.built_in)
        if reading is not None:
            cells[claim.name, hypothesis.name] = Cell(reading[0], hypothesis.name, True, True, True, reading[1])
    return cells


def survey(
    family: Family,
    examples: int,
    *,
    seed: int = 0,
    claims: Sequence[Claim] | None = None,
    known: Sequence[tuple[str, Instance]] = (),
    settled: Collection[Key] = (),
    hunted: Collection[Key] = (),
    work: float = 0.0,
    progress: Callable[[str], None] = lambda message: None,
    begun: Survey | None = None,
    keep: Callable[[Survey], None] = lambda found: None,
    until: float = math.inf,
) -> Survey:
    """Look at `examples` generated instances, then at the `known` ones (origin, instance); shrink what was found.

    settled   cells that have a witness already: what is found there is not made smaller
    begun     an unfinished survey with the same arguments, which goes on; keep is given it every now and then
    hunted    cells worth that much `work` (of `pursue`) of each driver of `HUNTERS` where generated instances refute
              nothing; so are those that only a known instance refutes
    until     the time (of time.monotonic) when it ends with what it has: the hunts begin at half of it at the latest,
              and in each turn every open cell gets as much work
    """
    chosen = family.claims if claims is None else tuple(claims)
    found = begun or Survey(cells_of(family, chosen))
    cells, start, begin = found.cells, time.monotonic(), time.perf_counter() - found.seconds

    def look_on(end: float) -> None:
        for generated, looks in _looks(family, chosen, found, examples, seed, known):
            if generated and time.monotonic() > end:
                break
            for look in looks:
                found.looked += 1
                found.examples += generated
                found.seconds = time.perf_counter() - begin
                if found.looked % 64 == 1:
                    progress(f"{family.title}: leave one out, {found.looked - 1} instances{_told(found)}")
                _look(found, chosen, look, generated)
                if found.looked % CHUNK == 0:
                    keep(found)

    look_on(start + (until - start) / 2)
    elsewhere = [key for key, cell in cells.items() if cell.found is not None and cell.first is None]
    asked = [key for key in dict.fromkeys((*hunted, *elsewhere)) if key in cells and cells[key].assumed and work > 0]
    for (turn, share), key in itertools.product(enumerate(SHARES), asked):
        if cells[key].first is None and found.hunted[key] <= turn and time.monotonic() <= until:
            progress(f"{family.title}: hunting {key[0]} without {key[1]}{_told(found)}")
            _hunt(found, cells[key], (seed, turn), work * share, until)
            if time.monotonic() <= until:
                found.hunted[key] = turn + 1
            keep(found)
    if found.looked < examples + len(known):
        look_on(until)
    for key, cell in cells.items():
        if cell.found is not None and key not in settled and time.monotonic() <= until:
            progress(f"{family.title}: smaller witness of {cell.claim.name} without {cell.assumption}")
            cell.found = _smaller(family, cell, cell.found, found)
    found.seconds = time.perf_counter() - begin
    return found


def _told(found: Survey) -> str:
    """How many assumptions are known to be needed, and which one was found last."""
    firsts = [(cell.first.seconds, cell) for cell in found.cells.values() if cell.first is not None]
    if not firsts:
        return ""
    _, last = max(firsts, key=itemgetter(0))
    return f"; {len(firsts)} needed, last {last.assumption} of {last.claim.name}"


@dataclass(frozen=True)
class Look:
    """An instance, and what arrays say of it: how assumptions stand, and conclusions by claim and by cell."""

    origin: str
    instance: Instance
    evaluator: Evaluator
    at: Standings
    claims: Judged = field(default_factory=dict)
    cells: Mapping[Key, ClaimJudgement] = field(default_factory=dict)


def _looks(
    family: Family,
    claims: Sequence[Claim],
    found: Survey,
    examples: int,
    seed: int,
    known: Sequence[tuple[str, Instance]],
) -> Iterator[tuple[bool, Iterator[Look]]]:
    """What was not looked at yet: generated instances (True) batch by batch, then the known ones."""
    assumptions = _assumptions(family, claims)
    bare = [replace(claim, assumptions=()) for claim in claims]
    skipped, rounds = found.looked, -(-examples // BATCH)
    for generator, variant, batch in itertools.islice(batches(family, seed, BATCH, wild=True), rounds):
        count = min(BATCH, examples)
        examples -= count
        places, skipped = range(min(skipped, count), count), max(skipped - count, 0)
        if not places:
            continue
        at, size = family.in_arrays(batch), len(batch)
        with np.errstate(all="ignore"):
            told, judged = standings_in_arrays(assumptions.values(), at, size), judged_in_arrays(bare, at, size)
            # Rewritten claims have the names of others.
            rewritten = {
                key: judged_in_arrays([replace(cell.claim, assumptions=())], at, size)
                for key, cell in found.cells.items()
                if cell.rewritten and cell.first is None
            }

        def look(b: int) -> Look:
            instance = batch.instance(b)  # noqa: B023
            evaluator = family.evaluator(instance)
            cells = {key: rows[b][key[0]] for key, rows in rewritten.items() if key[0] in rows[b]}  # noqa: B023
            stand = standings(assumptions, evaluator, told[b])  # noqa: B023
            return Look(f"{generator.name}, {variant}", instance, evaluator, stand, judged[b], cells)  # noqa: B023

        yield True, map(look, places)
    for origin, instance in known[skipped:]:
        evaluator = family.evaluator(instance)
        yield False, iter([Look(origin, instance, evaluator, standings(assumptions, evaluator))])


def _hunt(found: Survey, cell: Cell, seed: tuple[int, int], work: float, until: float) -> None:
    """Look for a counterexample to the claim without the assumption, by drivers that climb its ratio."""
    kept = tuple(a for a in cell.claim.assumptions if a.name != cell.assumption)
    begin = time.perf_counter()
    for driver in HUNTERS if family_of(cell.claim).batch_quantities else ("random",):
        claim = replace(cell.claim, assumptions=kept)
        hunt = pursue(claim, driver, seed=seed, seconds=max(until - time.monotonic(), 0.0), work=work, wild=True)
        found.examples += hunt.evaluations
        found.seconds += time.perf_counter() - begin
        for refutation in hunt.refutations:
            judged = alone(cell, refutation.instance)
            if judged is not None and judged.verdict is Verdict.VIOLATED:
                found.record(cell, judged, driver, refutation.instance, True)
                return


def _look(found: Survey, claims: Sequence[Claim], look: Look, generated: bool) -> None:
    at, instance, origin = look.at, look.instance, look.origin
    found.together.update(frozenset(pair) for pair in itertools.combinations(sorted(at.holds), 2))
    for claim in claims:
        missing = {a.name for a in claim.assumptions} - at.holds
        watched = {name for name in missing if at.alone(claim.assumptions, name) is not False}
        if not missing:
            found.met[claim.name] += generated
            watched = at.fails | at.void
        watched = {name for name in watched if not found.cells[claim.name, name].rewritten}
        # An own claim is judged wherever it applies: nobody has verified it before.
        if watched or (not missing and claim.source is Source.OWN):
            judged = look.claims.get(claim.name) or conclusion(claim, look.evaluator)
            if not missing and judged.verdict is Verdict.VIOLATED:
                found.violations.append(Found(instance, judged, origin, found.examples, found.seconds))
            if not missing and judged.verdict is Verdict.OUTSIDE:
                found.missing(claim, judged, look.evaluator, generated)
            for name in watched:
                if len(missing) < 2 or judged.verdict is Verdict.OUTSIDE:
                    found.record(found.cells[claim.name, name], judged, origin, instance, generated)
    # One generated witness of a rewritten claim is enough: each costs quantities that no claim shares.
    for key, cell in found.cells.items():
        if cell.rewritten and (cell.first is None or not generated) and _concerns(cell, at):
            judged = look.cells.get(key) or conclusion(cell.claim, look.evaluator)
            found.record(cell, judged, origin, instance, generated)


def _concerns(cell: Cell, at: Standings) -> bool:
    """Whether an instance breaks what the cell leaves out, and nothing else that its claim assumes."""
    if cell.built_in:
        return {a.name for a in cell.claim.assumptions} <= at.holds
    return bool(at.alone(cell.claim.assumptions, cell.assumption))


def alone(cell: Cell, instance: Instance) -> ClaimJudgement | None:
    """The conclusion of the cell's claim on an instance that breaks its assumption and no other of the claim; None on
    any other.

    Where other assumptions lose their meaning with this one, only a conclusion without a value counts.
    """
    evaluator = family_of(instance).evaluator(instance)
    at = standings({a.name: a for a in cell.claim.assumptions}, evaluator)
    if cell.built_in:
        return conclusion(cell.claim, evaluator) if _concerns(cell, at) else None
    only = at.alone(cell.claim.assumptions, cell.assumption)
    if only is False:
        return None
    judged = conclusion(cell.claim, evaluator)
    return judged if only or judged.verdict is Verdict.OUTSIDE else None


def _smaller(family: Family, cell: Cell, found: Found, known: Survey) -> Found:
    def keeps(candidate: Instance) -> bool:
        judged = alone(cell, candidate)
        if judged is None or judged.verdict is not found.judged.verdict:
            return False
        return not found.meaningless or bool(known.lost(cell.claim, judged, candidate))

    small = shrink(found.instance, keeps, family.smaller, budget=SHRINKING)
    judged = conclusion(cell.claim, family_of(small).evaluator(small))
    if found.meaningless:
        judged = replace(judged, reason=known.lost(cell.claim, judged, small))
    return replace(found, instance=small, judged=judged)
