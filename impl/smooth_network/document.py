"""Smooth network instance files: those of networks, with model.activation."""

from __future__ import annotations

from functools import partial
from typing import Literal

from ..files.faults import FaultError
from ..files.numbers import Row
from ..files.records import Record
from ..network.document import NETWORK_REQUIRED, NetworkReader, NetworkRecord, read_network
from .activation import ACTIVATIONS
from .instance import SmoothInstance


class _Model(Record):
    name: Literal["smooth-network"]
    activation: str
    b: Row
    W0: list[Row]


class _Document(NetworkRecord):
    model: _Model


_REQUIRED = {
    **NETWORK_REQUIRED,
    "model": "an object with the fields name ('smooth-network'), activation, b, W0",
    "model.activation": " or ".join(map(repr, ACTIVATIONS)),
}


def _instance(record: _Document) -> SmoothInstance:
    if record.model.activation not in ACTIVATIONS:
        raise FaultError("model.activation", "give an activation that is known")
    instance = read_network(record, partial(SmoothInstance, activation=record.model.activation))
    assert isinstance(instance, SmoothInstance)
    return instance


READER = NetworkReader(_Document, _REQUIRED, _instance)
