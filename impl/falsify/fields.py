"""What the numbers of a batch are: the one table by which they are moved, simplified and given to an optimiser.

A batch that was changed by these rules is valid by construction: shares stay shares, labels stay legal, positive
numbers stay positive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from ..arithmetic import Array
from ..losses import Link
from ..meta_rl.batch import Batch as MetaRLBatch
from ..meta_rl_network.batch import PolicyNetworkBatch
from ..meta_rl_smooth_network.batch import SmoothPolicyBatch
from ..meta_sl.batch import Batch as MetaSLBatch
from ..network.batch import NetworkBatch
from ..smooth_network.batch import SmoothBatch


class Kind(Enum):
    """What values a field may take."""

    REAL = "any number"
    FACTOR = "a number whose sign, or whose being 0, belongs to the problem"
    UNIT = "a number >= 0 and < 1; 0 belongs to the problem"
    SHARES = "numbers >= 0 that sum to 1; a 0 belongs to the problem"
    LABEL = "what the loss takes"


@dataclass(frozen=True)
class Field:
    """One array of a batch: its kind, what its axes count, and over how many of the last axes shares sum to 1."""

    name: str
    kind: Kind
    axes: tuple[str, ...] = ()
    span: int = 0


_POINTS = (
    Field("labels", Kind.LABEL, ("task", "point", "slot")),
    Field("masses", Kind.SHARES, ("task", "point", "slot"), 2),
    Field("weights", Kind.SHARES, ("task",), 1),
    Field("functions", Kind.REAL, ("task", "point")),
    Field("rate", Kind.FACTOR),
    Field("radius", Kind.FACTOR),
)

_WEIGHTS = tuple(Field(name, Kind.REAL, ("neuron", "dimension")) for name in ("omega", "rival", "initial"))

_NETWORK = (*_WEIGHTS, Field("features", Kind.REAL, ("point", "dimension")), *_POINTS)

_PROCESSES = (
    Field("features", Kind.REAL, ("state", "action", "dimension")),
    Field("rewards", Kind.REAL, ("task", "state", "action")),
    Field("transitions", Kind.SHARES, ("task", "state", "action", "next"), 1),
    Field("start", Kind.SHARES, ("task", "state"), 1),
    Field("policies", Kind.SHARES, ("task", "state", "action"), 1),
    Field("weights", Kind.SHARES, ("task",), 1),
    Field("gamma", Kind.UNIT, ("task",)),
    Field("tau", Kind.FACTOR),
    Field("eta", Kind.FACTOR),
    Field("radius", Kind.FACTOR),
)

FIELDS: dict[type, tuple[Field, ...]] = {
    MetaSLBatch: (
        Field("omega", Kind.REAL, ("dimension",)),
        Field("rival", Kind.REAL, ("dimension",)),
        Field("features", Kind.REAL, ("point", "dimension")),
        *_POINTS,
    ),
    NetworkBatch: _NETWORK,
    SmoothBatch: _NETWORK,
    MetaRLBatch: (
        Field("omega", Kind.REAL, ("dimension",)),
        Field("rival", Kind.REAL, ("dimension",)),
        *_PROCESSES,
    ),
    PolicyNetworkBatch: (*_WEIGHTS, *_PROCESSES),
    SmoothPolicyBatch: (*_WEIGHTS, *_PROCESSES),
}
"""The fields of every family's batch that a search may change; `None` arrays are skipped."""

LIMIT = 16.0
"""Searches keep numbers within +-LIMIT, and factors within [2^-12, 2^12]: rounding tests the solver, not a theorem."""


def fields(batch: Any) -> Iterator[tuple[Field, Array]]:
    """The fields of a batch that it has, with their arrays (B, ...)."""
    for field in FIELDS[type(batch)]:
        value = getattr(batch, field.name)
        if value is not None:
            yield field, value


def link(batch: Any) -> Link:
    """How the batch's loss meets labels."""
    found: Link = batch.loss.link
    return found


def normalised(values: Array, span: int) -> Array:
    """Shares (B, ...) >= 0, scaled to sum to 1 over the last `span` axes."""
    axes = tuple(range(-span, 0))
    return values / values.sum(axes, keepdims=True)


def legal(batch: Any, field: Field, values: Array) -> Array:
    """The values, put back where the field may be: within its limits, shares scaled, labels legal."""
    if field.kind is Kind.SHARES:
        return normalised(values, field.span)
    if field.kind is Kind.FACTOR:
        return np.sign(values) * np.clip(np.abs(values), 2.0**-12 * (values != 0), 2.0**12)
    if field.kind is Kind.UNIT:
        return np.clip(values, 0.0, 1 - 2.0**-10)
    if field.kind is Kind.LABEL and link(batch) is Link.MARGIN:
        return np.where(values < 0, -1.0, 1.0)
    if field.kind is Kind.LABEL and link(batch) is Link.CANONICAL:
        return np.clip(np.abs(values), 0.0, LIMIT)
    return np.clip(values, -LIMIT, LIMIT)


def changed(batch: Any, **arrays: Array) -> Any:
    """The batch with some arrays replaced."""
    return replace(batch, **arrays)


def repeated(batch: Any, count: int) -> Any:
    """`count` copies of a batch of one."""
    return batch.take(np.zeros(count, dtype=int))


def joined(first: Any, second: Any) -> Any:
    """Two batches of one shape as one."""
    both = {field.name: np.concatenate([value, getattr(second, field.name)]) for field, value in fields(first)}
    if hasattr(first, "signs"):
        both["signs"] = np.concatenate([first.signs, second.signs])
    return replace(first, **both)


def without(batch: Any, axis: str, index: int) -> Any | None:
    """The batch without one task, point, dimension, ...; None where nothing would be left of it or of its shares."""
    smaller: dict[str, Array] = {}
    for field, value in fields(batch):
        cut = [1 + j for j, name in enumerate(field.axes) if name == axis or (axis == "state" and name == "next")]
        if not cut:
            continue
        if value.shape[cut[0]] == 1:
            return None
        kept = value
        for where in cut:
            kept = np.delete(kept, index, axis=where)
        if field.kind is Kind.SHARES:
            if not (kept.sum(tuple(range(-field.span, 0))) > 0).all():
                return None
            kept = normalised(kept, field.span)
        smaller[field.name] = kept
    if axis == "neuron":
        smaller["signs"] = np.delete(batch.signs, index, axis=1)
    return replace(batch, **smaller) if smaller else None
