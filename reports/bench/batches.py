"""Rows of whole batches: instances proved per second in arrays, beside balls and beside float64, which proves nothing.

Random logistic instances of the sizes of `floats`, the same with three classes, the same of two-layer networks, and
random policies that adapt by a KL step, linear or of networks. Arrays decide as in a wide batch of a run: verdicts and
both sides' ends, in arrays. Equalities are no business of theirs: "then balls" is what a run does with its other
batches, arrays first and balls for the claims that they leave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...impl.batch_judge import share
from ...impl.families import (
    META_RL,
    META_RL_NETWORK,
    META_RL_SMOOTH_NETWORK,
    META_SL,
    NETWORK,
    SMOOTH_NETWORK,
    judge,
)
from ...impl.family import Family
from ...impl.policies.batch import Batch as PolicyBatch
from ...impl.policies.batch import NetworkBatch as NetworkPolicyBatch
from ...impl.policies.instance import Adaptation
from ...impl.supervised.batch import Batch
from ...impl.supervised.relu.batch import NetworkBatch
from ...impl.vector_losses import VectorLoss
from ...theory.claim import Claim, Relation
from .floats import SIZES, float_batch
from .rows import Note, Row, lifted

POLICY_SIZES = {"S": (2, 3, 2, 2), "M": (4, 4, 3, 4), "L": (8, 6, 4, 8)}
"""(n, S, A, d): tasks, states, actions, dimension."""
WIDTHS = {"S": 4, "M": 16, "L": 64}
COUNT, SLOW, WIDE = {"S": 1024, "M": 512, "L": 128}, 4, {"S": 64, "M": 32, "L": 4}
"""Instances of a row: at S the calls of numpy themselves are four fifths of the time of 64 at once, a fifth of that of
1,024, and at L few of a batch need most steps of an infimum; the most of a row that judges in balls, which are an
eighth of the others; of one of networks, whose features are arrays of every neuron."""


def processes(n: int, states: int, actions: int, d: int, count: int, seed: int = 0) -> PolicyBatch:
    """Random policies of d parameters in n processes, against those of another parameter; a KL step."""
    rng = np.random.default_rng(seed)
    chains = rng.integers(1, 16, (count, n, states, actions, states)).astype(float)
    return PolicyBatch(
        Adaptation.KL_STEP,
        rng.integers(-8, 9, (count, states, actions, d)) / 4,
        chains / chains.sum(4, keepdims=True),
        rng.integers(-8, 9, (count, n, states, actions)) / 4,
        np.full((count, n, states), 1 / states),
        rng.choice([0.5, 0.75, 0.9], (count, n)),
        np.full((count, n), 1 / n),
        np.ones(count),
        np.full(count, 0.5),
        rng.integers(-8, 9, (count, d)) / 8,
        np.full(count, 4.0),
        rng.integers(-8, 9, (count, d)) / 8,
    )


def class_batch(size: str, count: int, seed: int = 0) -> Batch:
    """Random softmax instances of three classes, of the numbers of `float_batch`."""
    given, rng = float_batch(SIZES[size], count, seed=seed), np.random.default_rng(seed)
    omega, rival = (rng.integers(-8, 9, (count, 3, given.shape[3])) / 4 for _ in range(2))
    labels = np.eye(3)[rng.integers(0, 3, given.labels.shape)]
    return replace(given, loss=VectorLoss("softmax", outputs=3), labels=labels, omega=omega, rival=rival)


def near_start(size: str, count: int, d: int, seed: int) -> dict[str, np.ndarray]:
    """Weights of 4, 16 or 64 neurons near their initialisation, and the neurons' signs (count, m)."""
    rng, shape = np.random.default_rng(seed), (count, WIDTHS[size], d)
    initial, omega, rival = (rng.standard_normal(shape) * scale for scale in (1.0, 0.25, 0.25))
    signs = rng.choice([-1.0, 1.0], shape[:2])
    return {"initial": initial, "omega": initial + omega, "rival": initial + rival, "signs": signs}


def network_batch(size: str, count: int, seed: int = 0, activation: str | None = None) -> NetworkBatch:
    """Random networks on the laws of `float_batch`; None: relu."""
    given = float_batch(SIZES[size], count, seed=seed)
    drawn = near_start(size, count, given.shape[3], seed)
    names = ("loss", "rate", "features", "labels", "masses", "weights", "radius")
    shared = {name: getattr(given, name) for name in names}
    return NetworkBatch(**(shared | drawn | {"signs": drawn["signs"][:, None]}), activation=activation)


def network_policy_batch(size: str, count: int, seed: int = 0, activation: str = "relu") -> NetworkPolicyBatch:
    """The same processes with policies of networks."""
    given = processes(*POLICY_SIZES[size], count, seed)
    drawn = near_start(size, count, given.shape[3], seed)
    return NetworkPolicyBatch(**(vars(given) | drawn), activation=activation)


def _cases() -> Iterator[tuple[str, Family, Callable[[int], Any], int]]:
    """(heading, family, the batch of so many instances, the most of them)."""
    for size in SIZES:
        yield f"size {size}", META_SL, partial(float_batch, SIZES[size]), COUNT[size]
        yield f"three classes, size {size}", META_SL, partial(class_batch, size), COUNT[size]
        smooth, relu = (partial(network_batch, size, activation=kind) for kind in ("tanh", None))
        yield f"smooth networks, size {size}", SMOOTH_NETWORK, smooth, WIDE[size]
        yield f"ReLU networks, size {size}", NETWORK, relu, WIDE[size]
    for size in POLICY_SIZES:
        yield f"policies, size {size}", META_RL, partial(processes, *POLICY_SIZES[size]), COUNT[size]
        for kind, family, activation in (("smooth", META_RL_SMOOTH_NETWORK, "tanh"), ("ReLU", META_RL_NETWORK, "relu")):
            draw = partial(network_policy_batch, size, activation=activation)
            yield f"{kind} network policies, size {size}", family, draw, WIDE[size]


def rows() -> list[Row]:
    """The rows, family by family and size by size."""
    return [row for size, family, draw, most in _cases() for row in _rows(f"proved, {size}", family, draw(most))]


def inequalities(family: Family) -> tuple[Claim, ...]:
    """The claims that arrays may decide."""
    return tuple(claim for claim in family.claims if claim.relation is Relation.AT_MOST)


def _rows(group: str, family: Family, batch: Any) -> list[Row]:
    slow = max(min(SLOW, len(batch) // 8), 1)
    few = batch.take(np.arange(slow))
    instances = [few.instance(b) for b in range(slow)]
    one, all_, arrays = lifted(family), inequalities(family), family.decided_in_arrays
    return [
        Row(group, "lifted claim, arrays", len(batch), partial(arrays, batch, one)),
        Row(group, "lifted claim, float64: not proved", len(batch), partial(_compared, family, batch)),
        in_balls(group, "lifted claim", instances, one),
        Row(group, "all inequalities, arrays", len(batch), partial(arrays, batch, all_)),
        in_balls(group, "all inequalities", instances, all_),
        Row(group, "all claims, arrays, then balls", slow, partial(both, family, few)),
        in_balls(group, "all claims", instances),
    ]


def in_balls(group: str, name: str, instances: Sequence[Any], claims: tuple[Claim, ...] | None = None) -> Row:
    """Claims (None: all) on the instances by the engine that decides; nothing that was computed before is used."""
    return Row(group, f"{name}, balls", len(instances), lambda: [judge(replace(i), claims) for i in instances])


def _compared(family: Family, batch: Any) -> int:
    assert family.batch_quantities is not None
    at = family.batch_quantities(batch)
    return int((at.gap > at.radius * at.eps + at.weight_norm * at.misfit).sum())


def both(family: Family, batch: Any) -> int:
    """Every claim on every instance: the judgements made."""
    known = family.judged_in_arrays(batch, family.claims)
    left = [[claim for claim in family.claims if claim.name not in one] for one in known]
    judged = [judge(batch.instance(b), claims) for b, claims in enumerate(left)]
    return sum(map(len, known)) + sum(len(one.claims) for one in judged)


def shares() -> list[Note]:
    """The share of each inequality that arrays decide, of random instances, size by size."""
    found = []
    for size, family, draw, most in _cases():
        claims = inequalities(family)
        decided = share(family.judged_in_arrays(draw(min(64, most)), claims), claims)
        found += [Note(f"{size}, {name}", value, "") for name, value in decided.items()]
    return found
