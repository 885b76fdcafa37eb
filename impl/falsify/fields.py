"""What the numbers of a batch are, by its fields: so they are moved, simplified and given to an optimiser.

A batch that was changed by these rules is valid by construction: shares stay shares, labels stay legal, positive
numbers stay positive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..arithmetic import Array
from ..losses import Link
from ..sources import Field, Kind

LIMIT = 16.0
"""Searches keep numbers within +-LIMIT, and factors within [2^-12, 2^12]: rounding tests the solver, not a theorem."""


def fields(batch: Any) -> Iterator[tuple[Field, Array]]:
    """The fields of a batch that it has, with their arrays (B, ...)."""
    for field in batch.fields:
        value = getattr(batch, field.name)
        if value is not None:
            yield field, value


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
    if field.kind is Kind.LABEL and batch.loss.link is Link.MARGIN:
        return np.where(values < 0, -1.0, 1.0)
    if field.kind is Kind.LABEL and batch.loss.link is Link.CLASS:
        found: Array = np.eye(values.shape[-1])[values.argmax(-1)]
        return found
    if field.kind is Kind.LABEL and batch.loss.link is Link.CANONICAL:
        return np.clip(np.abs(values), 0.0, LIMIT)
    return np.clip(values, -LIMIT, LIMIT)


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
        smaller["signs"] = np.delete(batch.signs, index, axis=-1)
    return replace(batch, **smaller) if smaller else None
