"""Smooth network instance files: those of networks, with model.activation."""

from __future__ import annotations

from functools import partial

from ...models.document import SMOOTH_MODEL_REQUIRED, SmoothModel, read_activation
from ..document import FORMATS
from ..instance import NetworkInstance, SmoothInstance
from ..relu.document import NETWORK_REQUIRED, NetworkReader, NetworkRecord, read_network


class _Document(NetworkRecord):
    model: SmoothModel


def _instance(record: _Document) -> NetworkInstance:
    return read_network(record, partial(SmoothInstance, activation=read_activation(record.model)))


READER = NetworkReader(
    "meta-sl", "smooth-network", _Document, {**NETWORK_REQUIRED, **SMOOTH_MODEL_REQUIRED}, _instance, FORMATS
)
