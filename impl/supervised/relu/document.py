"""Network instance files: their records, and from records to the instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from ...files.numbers import Number, Row, positive
from ...files.records import Reader, Record
from ...instances import Vector
from ...models.document import ROWS, NetworkModel, read_signs, read_weights
from ...models.weights import LARGEST_WIDTH
from ..document import (
    FORMATS,
    REQUIRED,
    FunctionsRecord,
    LossRecord,
    TaskRecord,
    outputs_of,
    read_functions,
    read_loss,
    read_rows,
    read_steps,
    read_tasks,
)
from ..instance import NetworkComparator, NetworkInstance


class GradientAlone(Record):
    """The gradient steps of a network: its name is a field, since there is no union that it would tell apart."""

    name: Literal["gradient"]
    eta: Number
    steps: int
    rates: list[Row] | UnsetType = UNSET
    decay: Number | UnsetType = UNSET


class NetworkRecord(Record):
    """The fields of a network's instance file, whatever its activation."""

    format: str
    problem: str
    loss: LossRecord
    adaptation: GradientAlone
    model: Any
    features: list[Row]
    tasks: list[TaskRecord]
    omega: list[Row]
    comparator: list[Row] | FunctionsRecord
    radius: Number


class _Document(NetworkRecord):
    model: NetworkModel


NETWORK_REQUIRED = {
    **REQUIRED,
    "adaptation": "an object with the fields name ('gradient'), eta, steps (and rates, decay)",
    "adaptation.name": "'gradient' (a network's risk is not convex: no one implicit step; own adaptations are of "
    "linear models)",
    "adaptation.rates": "a list of rows of numbers, of the shape of omega: the rate of that weight is eta times it,",
    "adaptation.rates[]": "a row of d numbers, one per column of features,",
    "model": "an object with the fields name ('relu-network'), b, W0",
    "model.name": "'linear', 'relu-network' or 'smooth-network'",
    "model.b": f"a non-empty list of at most {LARGEST_WIDTH} numbers, each -1 or 1, or of c outputs c such rows,",
    "model.b[]": "-1 or 1",
    "model.b[][]": "-1 or 1",
    "model.W0": ROWS,
    "model.W0[]": "a row of d numbers, one per column of features,",
    "features": "a non-empty list of rows of numbers, all of one length d >= 1: the inputs x,",
    "omega": ROWS,
    "omega[]": "a row of d numbers, one per column of features,",
    "comparator": ROWS[:-1] + ", or {'functions': [...]}",
    "comparator[]": "a row of d numbers, one per column of features,",
}


def read_network(record: Any, kind: Callable[..., NetworkInstance] = NetworkInstance) -> NetworkInstance:
    """The instance, made by `kind`, that a record with a network's fields describes. Errors: FaultError."""
    loss = outputs_of(record) or read_loss(record.loss)
    features = read_rows(record.features)
    tasks, notes = read_tasks(record, loss, len(features))
    signs = read_signs(record.model.b, loss.outputs)
    shape = len(signs) // loss.outputs, len(features[0])

    def rates(given: list[Row]) -> Vector:
        table = read_weights(given, "adaptation.rates", *shape)
        return tuple(v for r in range(table.width) for v in table.row(r))

    adaptation = read_steps(record.adaptation, record.format, rates)
    initial = read_weights(record.model.W0, "model.W0", *shape)
    omega = read_weights(record.omega, "omega", *shape)
    comparator: NetworkComparator
    if isinstance(record.comparator, FunctionsRecord):
        comparator = read_functions(record.comparator, len(tasks), loss.outputs * len(features))
    else:
        comparator = read_weights(record.comparator, "comparator", *shape)
    radius = positive(record.radius, "radius")
    return kind(loss, adaptation, features, tasks, signs, initial, omega, comparator, radius, notes)


class NetworkReader(Reader):
    """A reader whose point under test is W0 by default."""

    def completed(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document with the point under test filled in where it is missing: omega and comparator W0, radius 1."""
        model = document.get("model")
        start = dict.fromkeys(("omega", "comparator"), model["W0"]) if isinstance(model, dict) and "W0" in model else {}
        return {**start, "radius": 1} | document


READER = NetworkReader("meta-sl", "relu-network", _Document, NETWORK_REQUIRED, read_network, FORMATS)
