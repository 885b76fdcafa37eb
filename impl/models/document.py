"""What instance files say of a network: its activation, its signs, its weights."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..files.faults import FaultError
from ..files.numbers import Number, Row, exact_row
from ..files.records import Record
from .activation import ACTIVATIONS
from .weights import LARGEST_WIDTH, Weights


class NetworkModel(Record):
    """A ReLU network's model."""

    name: Literal["relu-network"]
    b: list[Number | Row]
    W0: list[Row]


class SmoothModel(Record):
    """A smooth network's model."""

    name: Literal["smooth-network"]
    activation: str
    b: list[Number | Row]
    W0: list[Row]


ROWS = "a list of m rows of d numbers, one row per neuron (as long as model.b) and one column per input coordinate,"
SMOOTH_MODEL_REQUIRED = {
    "model": "an object with the fields name ('smooth-network'), activation, b, W0",
    "model.activation": " or ".join(map(repr, ACTIVATIONS)),
}


def read_signs(given: list[Number | Row], outputs: int = 1) -> tuple[int, ...]:
    """b [m], or of c outputs [c m] from c rows."""
    rows: Any = [given]
    if outputs > 1:
        rows = given
        if len(rows) != outputs or not all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows):
            what = f"a list of {outputs} rows, one per output, each of one number per neuron,"
            raise FaultError("model.b", f"give c={outputs} rows of m numbers", what)
    found = []
    for a, row in enumerate(rows):
        field = "model.b" if outputs == 1 else f"model.b[{a}]"
        if not 1 <= len(row) <= LARGEST_WIDTH:
            raise FaultError("model.b", "give one number per neuron")
        if any(isinstance(v, list) for v in row):
            raise FaultError("model.b", "give one number per neuron, for one output")
        values = exact_row(row, field)
        for r, value in enumerate(values):
            if abs(value) != 1:
                raise FaultError(f"{field}[{r}]")
        found += [int(v.p) for v in values]
    return tuple(found)


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
