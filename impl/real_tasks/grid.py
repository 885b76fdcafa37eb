"""The grid on which numbers of real tasks are rounded: data, initial and trained parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arithmetic import Array, rational
from ..instances import Vector

GRID = 2.0**20


def on_grid(values: Sequence[float] | Array) -> Array:
    """The nearest multiples of 1/GRID."""
    return np.round(np.asarray(values, dtype=float) * GRID) / GRID


def rounded(values: Sequence[float] | Array) -> Vector:
    """The same, as rationals."""
    return tuple(rational(float(v)) for v in on_grid(values))
