"""What instance files say of a network: its activation, its signs, its weights."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..files.faults import FaultError
from ..files.numbers import Row, exact_row
from ..files.records import Record
from .activation import ACTIVATIONS
from .weights import LARGEST_WIDTH, Weights


class NetworkModel(Record):
    """A ReLU network's model."""

    name: Literal["relu-network"]
    b: Row
    W0: list[Row]


class SmoothModel(Record):
    """A smooth network's model."""

    name: Literal["smooth-network"]
    activation: str
    b: Row
    W0: list[Row]


ROWS = "a list of m rows of d numbers, one row per neuron (as long as model.b) and one column per input coordinate,"
SMOOTH_MODEL_REQUIRED = {
    "model": "an object with the fields name ('smooth-network'), activation, b, W0",
    "model.activation": " or ".join(map(repr, ACTIVATIONS)),
}


def read_signs(row: Row) -> tuple[int, ...]:
    """b [m]."""
    if not 1 <= len(row) <= LARGEST_WIDTH:
        raise FaultError("model.b", "give one number per neuron")
    values = exact_row(row, "model.b")
    for r, value in enumerate(values):
        if abs(value) != 1:
            raise FaultError(f"model.b[{r}]")
    return tuple(int(v.p) for v in values)


def read_weights(rows: list[Row], field: str, width: int, dimension: int) -> Weights:
    """A weight matrix (m, d)."""
    if len(rows) != width:
        raise FaultError(field, f"give m={width} rows")
    for r, row in enumerate(rows):
        if len(row) != dimension:
            raise FaultError(f"{field}[{r}]", f"give d={dimension} numbers")
    if all(isinstance(v, float) for row in rows for v in row):
        floats = np.array(rows, dtype=float)
        if np.isfinite(floats).all():
            return Weights(floats)
    return Weights.of([exact_row(row, f"{field}[{r}]") for r, row in enumerate(rows)])


def read_activation(model: SmoothModel) -> str:
    """The activation's name. Errors: FaultError."""
    if model.activation not in ACTIVATIONS:
        raise FaultError("model.activation", "give an activation that is known")
    return model.activation
