"""Wide batches: inequalities on hundreds of instances at once, in arrays; balls decide what these leave open.

A claim is judged on the first instances of a batch, up to the one before the (`OPEN` + 1)-th that arrays leave open
(assumptions that they cannot tell, attained bounds, what overlaps). Of these instances none is left out: each has one
verdict, by arrays or, where they leave it open, by balls at growing precision, as ever. Where a claim is false on all
of a batch, balls say so `OPEN` times. Equalities, which arrays cannot decide, have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..impl import files
from ..impl.arithmetic import Array
from ..impl.batch_judge import Decided
from ..impl.bracket import DefectError
from ..impl.families import FAMILIES
from ..impl.instances import Instance
from ..impl.verdicts import ATTAINED
from ..theory.claim import Claim, Relation
from .tally import Kept, Outcome, tally_instance

OPEN = 4
"""Instances of a batch that go to balls, for each claim."""

WIDE = 1_000_000_000
"""More batches than a plan and its rounds have of a kind: wide ones are counted from here on."""

MOST = 256
"""Instances of a wide batch at most: memory does not grow with a run."""


@dataclass(frozen=True)
class BatchJob:
    """Instances to generate and to judge: `count` from one generator and variant of a family, at one seed."""

    family: str
    generator: str
    variant: str
    seed: int
    index: int
    count: int


class WideJob(BatchJob):
    """Those that are judged all at once."""


def widely(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Those that are judged on wide batches."""
    return tuple(claim for claim in claims if claim.relation is Relation.AT_MOST)


def judge_widely(job: WideJob, batch: Any, claims: Sequence[Claim], outcome: Outcome) -> None:
    """Judge the claims on the batch. Errors: DefectError for an instance that was not counted once."""
    title = FAMILIES[job.family].generator(job.generator).title

    @cache
    def instance(b: int) -> Instance:
        found: Instance = batch.instance(b)
        return found

    @cache
    def text(b: int) -> str:
        return files.dumps(instance(b))

    def origin(b: int) -> str:
        return f"{title}; {job.variant}, seed {job.seed}, wide batch {job.index - WIDE}, #{b}"

    left: dict[int, list[Claim]] = {}
    attained = set[int]()
    counted = {claim.name: outcome.tallies[claim.name].counts.total() for claim in claims}
    for decided in FAMILIES[job.family].decided_in_arrays(batch, claims):
        claim, count = decided.claim, reach(decided.open)

        def keep(b: int, decided: Decided = decided) -> Kept:
            return Kept(decided.proof(b), text(b), instance(b).sha256, instance(b).numbers, origin(b))

        outcome.tallies[claim.name].add_decided(decided, count, keep)
        counted[claim.name] += count
        for b in np.flatnonzero(decided.open[:count]).tolist():
            left.setdefault(b, []).append(claim)
        if decided.met is not None:
            attained.update(np.flatnonzero(decided.met[:count]).tolist())
    for b, open_claims in left.items():
        evaluator = FAMILIES[job.family].evaluator(instance(b))
        if b in attained:
            evaluator.begin_at(ATTAINED)
        tally_instance(outcome.tallies, instance(b), origin(b), tuple(open_claims), real=False, evaluator=evaluator)
    for claim in claims:
        if (found := outcome.tallies[claim.name].counts.total()) != counted[claim.name]:
            raise DefectError(f"{job}: {claim.name} was judged {found} times on {counted[claim.name]} instances")
    outcome.generated = outcome.wide = job.count


def reach(open_: Array) -> int:
    """How many instances count, from the first on: those before the (OPEN + 1)-th that is open."""
    places = np.flatnonzero(open_)
    return len(open_) if len(places) <= OPEN else int(places[OPEN])
