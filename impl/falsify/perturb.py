"""Moving a batch a little, or a lot: valid by construction, for every family."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..arithmetic import Array
from ..losses import Link
from .fields import Kind, fields, legal

DENSITIES = (1.0, 0.3, 0.05)
"""Shares of the numbers of an instance that one move touches."""


def perturb(batch: Any, rng: np.random.Generator, scale: Array) -> Any:
    """Each instance b moved by steps of size `scale` (B,): its numbers, or a random part of them.

    Reals move by addition, factors and shares by multiplication, discounts in their log-odds, labels +-1 by flips.
    """
    density = rng.choice(DENSITIES, len(batch))
    moved: dict[str, Array] = {}
    for field, value in fields(batch):
        flat = (slice(None), *[None] * (value.ndim - 1))
        touched = rng.random(value.shape) < density[flat]
        step = np.where(touched, scale[flat] * rng.standard_normal(value.shape), 0.0)
        if field.kind is Kind.LABEL and batch.loss.link is Link.MARGIN:
            after = np.where(np.abs(step) > 1.5, -value, value)
        elif field.kind in (Kind.FACTOR, Kind.SHARES):
            after = value * np.exp(step)
        elif field.kind is Kind.UNIT:
            after = value / (value + (1 - value) * np.exp(-step))
        else:
            after = value + step
        moved[field.name] = legal(batch, field, after)
    return replace(batch, **moved)
