"""Meta-RL instance files with a network policy: their records, and from records to the instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...files.faults import FaultError
from ...files.numbers import Number, Row
from ...files.records import Reader, Record
from ...models.document import ROWS, NetworkModel, read_signs, read_weights
from ...models.weights import LARGEST_WIDTH, Weights
from ..document import (
    REQUIRED,
    AdaptationRecord,
    PoliciesRecord,
    TaskRecord,
    read_features,
    read_policies,
    read_scalars,
    read_tasks,
)
from ..instance import Adaptation, Policies
from .instance import PolicyNetworkInstance


class PolicyNetworkRecord(Record):
    """The fields of an instance file with a network policy, whatever its activation."""

    format: str
    problem: str
    model: Any
    features: list[list[Row]]
    tasks: list[TaskRecord]
    tau: Number
    eta: Number
    adaptation: AdaptationRecord
    omega: list[Row]
    comparator: list[Row] | PoliciesRecord
    radius: Number


class _Document(PolicyNetworkRecord):
    model: NetworkModel


_STEPS = (Adaptation.KL_STEP, Adaptation.RATIONAL_STEP)
_ROW = "a row of p numbers, one per entry of an input,"
POLICY_NETWORK_REQUIRED = {
    **REQUIRED,
    "document": "a JSON object with the fields " + ", ".join(PolicyNetworkRecord.__struct_fields__),
    "model": "an object with the fields name ('relu-network'), b, W0",
    "model.name": "'linear', 'relu-network' or 'smooth-network'",
    "model.b": f"a non-empty list of at most {LARGEST_WIDTH} numbers, each -1 or 1,",
    "model.b[]": "-1 or 1",
    "model.W0": ROWS,
    "model.W0[]": _ROW,
    "features": "a non-empty list, per state a list of rows, per action a row of p >= 1 numbers (the input),",
    "adaptation.name": " or ".join(_STEPS) + " (policy networks are adapted by a step on policies)",
    "omega": ROWS,
    "omega[]": _ROW,
    "comparator": ROWS[:-1] + ", or {'policies': [...]}",
    "comparator[]": _ROW,
}


def read_policy_network(
    record: PolicyNetworkRecord, kind: Callable[..., PolicyNetworkInstance] = PolicyNetworkInstance
) -> PolicyNetworkInstance:
    """The instance of that kind that a record describes. Errors: FaultError."""
    features = read_features(record.features)
    states, actions, p = len(features), len(features[0]), len(features[0][0])
    tasks, notes = read_tasks(record.tasks, states, actions)
    tau, eta, radius = read_scalars(record.tau, record.eta, record.radius)
    if record.adaptation.name not in _STEPS:
        raise FaultError("adaptation.name")
    signs = read_signs(record.model.b)

    def weights(rows: list[Row], field: str) -> Weights:
        return read_weights(rows, field, len(signs), p)

    initial, omega = weights(record.model.W0, "model.W0"), weights(record.omega, "omega")
    comparator: Weights | Policies
    if isinstance(record.comparator, PoliciesRecord):
        comparator, more = read_policies(record.comparator, len(tasks), states, actions)
        notes += more
    else:
        comparator = weights(record.comparator, "comparator")
    return kind(
        features, tasks, tau, eta, Adaptation(record.adaptation.name), omega, comparator, radius, notes,
        signs=signs, initial=initial,
    )  # fmt: skip


READER = Reader("meta-rl", "relu-network", _Document, POLICY_NETWORK_REQUIRED, read_policy_network)
