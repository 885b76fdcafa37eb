"""The grid on which numbers of real tasks are rounded: data, initial and trained parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from flint import fmpq

from ..arithmetic import Array, nearest, rationals
from ..instances import Vector

Placed = TypeVar("Placed", bound=Any)
GRID = 2.0**20


def on_grid(values: Sequence[float] | Array) -> Array:
    """The nearest multiples of 1/GRID."""
    return np.round(np.asarray(values, dtype=float) * GRID) / GRID


def rounded(values: Sequence[float] | Array) -> Vector:
    """The same, as rationals."""
    return rationals(on_grid(values))


def distance(omega: Array, rival: Array) -> fmpq:
    """||omega - rival||, rounded up to a sixteenth."""
    return fmpq(max(int(np.ceil(float(np.linalg.norm(omega - rival)) * 16)), 1), 16)


def against(instance: Placed, omega: Vector, rival: Any) -> Placed:
    """The instance at omega against a comparator; R is the parameters' distance rounded up, 1 for functions."""
    radius = distance(nearest(omega), nearest(rival)) if isinstance(rival, tuple) else fmpq(1)
    return replace(instance, omega=omega, comparator=rival, radius=radius)
