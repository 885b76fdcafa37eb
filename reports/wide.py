"""Wide batches: inequalities on hundreds of instances at once, in arrays; balls decide what these leave open.

A claim is judged on the first instances of a batch, up to the one before the first beyond `OPEN` of each `PER` that
arrays leave open (assumptions that they cannot tell, attained bounds, what overlaps). Of these instances none is left
out: each has one verdict, by arrays or, where they leave it open, by balls at growing precision, as ever. Where a claim
is false on all of a batch, balls say so as often. Equalities, which arrays cannot decide, have none.

Ordinary batches go the same way, and of these every instance counts, for every claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from ..impl import files
from ..impl.arithmetic import Array
from ..impl.batch_judge import Decided
from ..impl.bracket import DefectError
from ..impl.families import FAMILIES
from ..impl.instances import Instance
from ..impl.judgement import ClaimJudgement
from ..impl.verdicts import ATTAINED
from ..theory.claim import Claim, Relation
from .tally import Kept, Outcome, judged_on, tightest_first

OPEN, PER = 4, 256
"""So many instances of a batch go to balls, for each claim and each (begun) so many of the batch."""

WIDE = 1_000_000_000
"""More batches than a plan and its rounds have of a kind: wide ones are counted from here on."""

MOST = 512
"""Instances of a wide batch at most: memory does not grow with a run, and each batch has a shape of its own."""


@dataclass(frozen=True)
class BatchJob:
    """Instances to generate and to judge: `count` from one generator and variant of a family, at one seed."""

    family: str
    generator: str
    variant: str
    seed: int
    index: int
    count: int

    def origin(self, b: int) -> str:
        """Where its instance b comes from."""
        title = FAMILIES[self.family].generator(self.generator).title
        return f"{title}; {self.variant}, seed {self.seed}, {self._place}, #{b}"

    @property
    def _place(self) -> str:
        return f"batch {self.index}"


class WideJob(BatchJob):
    """Those on the first of which inequalities are judged."""

    @property
    def _place(self) -> str:
        return f"wide batch {self.index - WIDE}"


def widely(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Those that are judged on wide batches."""
    return tuple(claim for claim in claims if claim.relation is Relation.AT_MOST)


def judge_batch(job: BatchJob, batch: Any, claims: Sequence[Claim], outcome: Outcome) -> None:
    """Judge the claims on the batch; of a wide one on the instances that count.

    Errors: DefectError for an instance that was not counted once.
    """
    family, wide = FAMILIES[job.family], isinstance(job, WideJob)

    @cache
    def instance(b: int) -> Instance:
        found: Instance = batch.instance(b)
        return found

    @cache
    def text(b: int) -> str:
        return files.dumps(instance(b))

    def keep(b: int, judged: ClaimJudgement) -> Kept:
        return Kept(judged, text(b), instance(b).sha256, instance(b).numbers, job.origin(b))

    left: dict[int, list[Claim]] = {}
    attained, decided = set[int](), list[tuple[Decided, int]]()
    counted = {claim.name: outcome.tallies[claim.name].counts.total() for claim in claims}
    for one in family.decided_in_arrays(batch, claims):
        count = reach(one.open) if wide else job.count
        decided.append((one, count))
        counted[one.claim.name] += count
        for b in np.flatnonzero(one.open[:count]).tolist():
            left.setdefault(b, []).append(one.claim)
        if one.met is not None:
            attained.update(np.flatnonzero(one.met[:count]).tolist())
    judged: list[tuple[int, ClaimJudgement]] = []
    for b in sorted(left):
        evaluator = family.evaluator(instance(b))
        if b in attained:  # fewer bits would decide nothing of it, and be for nothing
            evaluator.begin_at(ATTAINED)
        judged += ((b, one) for one in judged_on(evaluator, job.origin(b), left[b]).claims)
    for b, found in tightest_first(judged):
        outcome.tallies[found.claim].add(found, partial(keep, b, found), real=False)
    for one, count in decided:
        outcome.tallies[one.claim.name].add_decided(one, count, keep)
    for claim in claims:
        if (total := outcome.tallies[claim.name].counts.total()) != counted[claim.name]:
            raise DefectError(f"{job}: {claim.name} was judged {total} times on {counted[claim.name]} instances")
    outcome.generated = job.count
    outcome.wide = job.count if wide else 0


def reach(open_: Array) -> int:
    """How many instances count, from the first on: those before the one that is open beyond `OPEN` of each `PER`."""
    places, most = np.flatnonzero(open_), OPEN * -(-len(open_) // PER)
    return len(open_) if len(places) <= most else int(places[most])
