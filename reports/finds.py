"""Search from a find: the tightest instance of a claim is moved, and what comes closest to refuting it is judged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ..impl.falsify.pursuit import pursue
from ..impl.families import FAMILIES, Family, loads
from ..impl.instances import Instance

WORK = 4096
"""Instances that a search looks at in float64; in balls each counts as sixteen."""


@dataclass(frozen=True)
class SearchJob:
    """A search from `start`, the text of the tightest instance of the claim before this round."""

    family: str
    claim: str
    start: str
    seed: int
    round: int
    index: int
    count: int = 1


def searchable(family: Family) -> bool:
    """Whether the family's instances can be moved."""
    return family.batch_of is not None and family.batch_quantities is not None


def moved(job: SearchJob) -> Iterator[tuple[str, Instance]]:
    """The tightest instance that the search found, or those that refute the claim, with where they come from."""
    family = FAMILIES[job.family]
    claim, start = family.claim(job.claim), loads(job.start, job.claim)
    assert claim is not None and family.batch_of is not None
    begun = iter([family.batch_of(start)])
    found = pursue(claim, seed=(job.seed, job.round, job.index), seconds=math.inf, work=WORK, begun=begun)
    origin = f"moved from {start.sha256[:12]} towards {claim.name}; seed {job.seed}, round {job.round}, #{job.index}"
    best = [] if found.best is None else [found.best.instance(0)]
    for instance in [refutation.instance for refutation in found.refutations] or best:
        yield origin, instance
