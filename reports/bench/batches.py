"""Rows of whole batches: instances proved per second in arrays, beside balls and beside float64, which proves nothing.

Random logistic instances of the sizes of `floats`. Equalities are no business of arrays: "then balls" is what a run
does, arrays first and balls for the claims that they leave.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...impl.batch_judge import share
from ...impl.families import META_SL, judge
from ...impl.supervised.batch import Batch
from ...impl.supervised.batch_quantities import BatchQuantities
from ...theory.claim import Claim, Relation
from .floats import SIZES, float_batch
from .rows import Note, Row

LIFTED = tuple(claim for claim in META_SL.claims if claim.name == "meta-sl-lifted")
INEQUALITIES = tuple(claim for claim in META_SL.claims if claim.relation is Relation.AT_MOST)
COUNT, SLOW = 512, 4
"""Instances of a row; of a row that judges in balls."""


def rows() -> list[Row]:
    """The rows, size by size."""
    return [row for size, shape in SIZES.items() for row in _rows(f"proved, size {size}", float_batch(shape, COUNT))]


def _rows(group: str, batch: Batch) -> list[Row]:
    part = batch.take(np.arange(64))
    few = batch.take(np.arange(SLOW))
    instances = [few.instance(b) for b in range(SLOW)]
    return [
        Row(group, "lifted claim, arrays", COUNT, _arrays(batch, LIFTED)),
        Row(group, "lifted claim, float64: not proved", COUNT, lambda: _compared(batch)),
        Row(group, "lifted claim, balls", SLOW, lambda: [judge(replace(i), LIFTED) for i in instances]),
        Row(group, "all inequalities, arrays", 64, _arrays(part, INEQUALITIES)),
        Row(group, "all inequalities, balls", SLOW, lambda: [judge(replace(i), INEQUALITIES) for i in instances]),
        Row(group, "all claims, arrays, then balls", SLOW, lambda: both(few)),
        Row(group, "all claims, balls", SLOW, lambda: [judge(replace(i)) for i in instances]),
    ]


def _arrays(batch: Batch, claims: tuple[Claim, ...]) -> Callable[[], object]:
    return lambda: META_SL.judged_in_arrays(batch, claims)


def _compared(batch: Batch) -> int:
    at = BatchQuantities(batch)
    return int((at.gap > at.radius * at.eps + at.weight_norm * at.misfit).sum())


def both(batch: Batch) -> int:
    """Every claim on every instance: the judgements made."""
    known = META_SL.judged_in_arrays(batch, META_SL.claims)
    left = [[claim for claim in META_SL.claims if claim.name not in one] for one in known]
    judged = [judge(batch.instance(b), claims) for b, claims in enumerate(left)]
    return sum(map(len, known)) + sum(len(one.claims) for one in judged)


def shares() -> list[Note]:
    """The share of each inequality that arrays decide, of random instances, size by size."""
    found = []
    for size, shape in SIZES.items():
        batch = float_batch(shape, 64)
        decided = share(META_SL.judged_in_arrays(batch, INEQUALITIES), INEQUALITIES)
        found += [Note(f"size {size}, {name}", value, "") for name, value in decided.items()]
    return found
