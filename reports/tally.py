"""What is known of each claim so far: counts, ratios, and the instances worth showing. Tallies add up."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from types import MappingProxyType

import numpy as np

from ..impl import files
from ..impl.batch_judge import Decided
from ..impl.families import family_of
from ..impl.instances import Instance
from ..impl.judge import Evaluator, judge_claims
from ..impl.judgement import ClaimJudgement, Judgement
from ..impl.stated import judging
from ..theory.claim import Claim, Verdict
from .formats.auditing import AuditRows
from .formats.shared import File
from .formats.verifying import Landscape, Quantiles, RealFamily, Series

QUANTILES = (0.1, 0.5, 0.9)
"""How tight a bound is: quantiles of left side over bound."""

TINY = 1e-9
"""Bounds below are tight for no better reason than that everything is small there."""


@dataclass(frozen=True)
class Kept:
    """An instance worth showing, with its judgement of one claim."""

    judged: ClaimJudgement
    text: str
    sha256: str
    numbers: int
    origin: str


@dataclass
class Tally:
    """What is known of one claim so far; tallies of jobs add up."""

    counts: Counter[str] = field(default_factory=Counter)
    real_counts: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)
    real_outside: Counter[str] = field(default_factory=Counter)
    ratios: Counter[float] = field(default_factory=Counter)
    real_ratios: Counter[float] = field(default_factory=Counter)
    """Left side over bound in three digits, with how often: a few thousand at most, however long the run."""
    tightest: Kept | None = None
    undecided: list[Kept] = field(default_factory=list)
    simplest: Kept | None = None
    worst: Kept | None = None
    arrays: int = 0
    """Verdicts on generated instances that arrays gave, and not balls."""

    def add(self, judged: ClaimJudgement, keep: Callable[[], Kept], real: bool) -> None:
        """Count one judgement; `keep` makes the record of its instance, if it is worth it."""
        name = judged.verdict.name
        self.arrays += judged.brief and not real
        (self.real_counts if real else self.counts)[name] += 1
        if judged.verdict is Verdict.OUTSIDE:
            (self.real_outside if real else self.outside)[judged.reason.split(":")[0]] += 1
            return
        if judged.verdict is Verdict.UNDECIDED and len(self.undecided) < 3:
            self.undecided.append(keep())
        if judged.verdict is Verdict.VIOLATED:
            self._violation(keep())
        if judged.ratio is None or judged.bound is None or not judged.bound.lo > 0:
            return
        if _loose(judged):
            return
        (self.real_ratios if real else self.ratios)[_digits(judged.ratio)] += 1
        if judged.verdict is Verdict.PROVED:
            self._tight(judged, lambda _: keep())

    def add_decided(self, decided: Decided, count: int, keep: Callable[[int, ClaimJudgement], Kept]) -> None:
        """Count what arrays decide of the first `count` instances of a batch; `keep` makes the record of one."""
        for reason, where in decided.outside:
            if found := int(np.count_nonzero(where[:count])):
                self.counts["OUTSIDE"] += found
                self.outside[reason.split(":")[0]] += found
                self.arrays += found
        places = np.flatnonzero(decided.proved[:count])
        if not len(places):
            return
        self.counts["PROVED"] += len(places)
        self.arrays += len(places)
        ratio, bound = decided.ratios(places)
        told = np.isfinite(ratio)
        self.ratios.update(map(_digits, ratio[told].tolist()))
        if told.any():
            rows = ((bound > TINY) & (bound < 1 / TINY), ratio, -places)
            place = -max(zip(*(row[told].tolist() for row in rows), strict=True))[2]
            self._tight(decided.proof(place), partial(keep, place))

    def _tight(self, judged: ClaimJudgement, keep: Callable[[ClaimJudgement], Kept]) -> None:
        """The tightest one so far, if this is not behind it."""
        if self.tightest is None or _telling(judged) >= _telling(self.tightest.judged):
            self.tightest = _better(self.tightest, keep(judged), lambda kept: _telling(kept.judged))

    def _violation(self, kept: Kept) -> None:
        self.simplest = _better(self.simplest, kept, lambda one: (-one.numbers,))
        self.worst = _better(self.worst, kept, lambda one: (_excess(one.judged),))

    def merge(self, other: Tally) -> None:
        """Add another tally: the sum is the same in any order."""
        for mine, theirs in (
            (self.counts, other.counts),
            (self.real_counts, other.real_counts),
            (self.outside, other.outside),
            (self.real_outside, other.real_outside),
        ):
            mine.update(theirs)
        self.ratios.update(other.ratios)
        self.arrays += other.arrays
        self.real_ratios.update(other.real_ratios)
        self.undecided = sorted(self.undecided + other.undecided, key=lambda kept: kept.sha256)[:3]
        if other.tightest is not None:
            self.tightest = _better(self.tightest, other.tightest, lambda kept: _telling(kept.judged))
        for kept in (other.simplest, other.worst):
            if kept is not None:
                self._violation(kept)


def _better(mine: Kept | None, other: Kept, worth: Callable[[Kept], tuple[float, ...]]) -> Kept:
    """The one of greater worth; of equals the one whose hash comes first, whoever was found first."""
    if mine is None or worth(other) > worth(mine):
        return other
    return other if worth(other) == worth(mine) and other.sha256 < mine.sha256 else mine


def _loose(judged: ClaimJudgement) -> bool:
    """Whether the bracket of the optimum, which stands on both sides, is more than a hundredth of the bound: then the
    ratio says little about the theorem."""
    bracket = judged.terms.get("bracket")
    return bracket is not None and judged.bound is not None and bracket.hi > 0.01 * judged.bound.lo


def _telling(judged: ClaimJudgement) -> tuple[bool, float]:
    """Which of two tight instances is shown: one with a bound of a size that people know, then the tighter one."""
    assert judged.bound is not None and judged.ratio is not None
    return TINY < judged.bound.hi < 1 / TINY, judged.ratio


def _excess(judged: ClaimJudgement) -> float:
    """By how much a violated claim fails, relative to the size of its sides."""
    left = judged.side
    if left is None or judged.bound is None:
        return 0.0
    return (left.middle - judged.bound.middle) / (abs(left.middle) + abs(judged.bound.middle) + 1e-300)


def _digits(ratio: float) -> float:
    """The ratio in three digits; -1 below 0, and 0 below a millionth."""
    return -1.0 if ratio < 0 else 0.0 if ratio < 1e-6 else float(f"{ratio:.3g}")


def quantiles(ratios: Mapping[float, int]) -> Quantiles | None:
    """Quantiles of left side over bound where the left side is at least 0, None without one; in between, linear."""
    found = sorted(r for r in ratios if r >= 0)
    ends = list(itertools.accumulate(ratios[r] for r in found))
    if not found:
        return None

    def at(q: float) -> float:
        place = q * (ends[-1] - 1)
        low, high = (found[bisect_right(ends, whole)] for whole in (math.floor(place), math.ceil(place)))
        return low + (high - low) * (place % 1)

    return Quantiles(*map(at, QUANTILES))


Tallies = dict[str, Tally]


@dataclass
class Outcome:
    """What a job found: tallies and how many instances it generated; of landscapes their rows; of a real family its
    rows; of kept counterexamples a family's audit; instance files."""

    tallies: Tallies
    generated: int = 0
    wide: int = 0
    """How many of them in wide batches."""
    landscapes: list[Landscape] = field(default_factory=list)
    rates: list[Series] = field(default_factory=list)
    family: RealFamily | None = None
    audit: AuditRows | None = None
    kept: dict[File, str] = field(default_factory=dict)
    note: str = ""


NOTHING: Mapping[str, ClaimJudgement] = MappingProxyType({})


def judged_on(evaluator: Evaluator, origin: str, claims: Iterable[Claim]) -> Judgement:
    """The claims on the evaluator's instance, which comes from there."""
    with judging(origin):
        return judge_claims(evaluator, claims)


def tightest_first(judged: Iterable[tuple[int, ClaimJudgement]]) -> list[tuple[int, ClaimJudgement]]:
    """Proofs in the order in which they are told, then the others: of few instances a file is written."""

    def rank(found: ClaimJudgement) -> tuple[bool, float]:
        told = found.verdict is Verdict.PROVED and found.ratio is not None and found.bound is not None
        return _telling(found) if told else (False, -math.inf)

    return sorted(judged, key=lambda row: rank(row[1]), reverse=True)


def tally_instance(
    tallies: Tallies,
    instance: Instance,
    origin: str,
    claims: tuple[Claim, ...],
    real: bool,
    evaluator: Evaluator | None = None,
    text: str | None = None,
    known: Mapping[str, ClaimJudgement] = NOTHING,
) -> dict[str, ClaimJudgement]:
    """Judge one instance (by its evaluator, and with its file's text, if there is one already), but for the claims of
    which the judgement is known, and count the verdicts."""
    at = family_of(instance).evaluator(instance) if evaluator is None else evaluator
    judgement = judged_on(at, origin, [claim for claim in claims if claim.name not in known])
    found = {**known, **{judged.claim: judged for judged in judgement.claims}}
    written = cache(lambda: files.dumps(instance) if text is None else text)
    for judged in found.values():

        def keep(judged: ClaimJudgement = judged) -> Kept:
            return Kept(judged, written(), judgement.instance, instance.numbers, origin)

        tallies[judged.claim].add(judged, keep, real)
    return found
