"""Smooth network instance files: those of networks, with model.activation."""

from __future__ import annotations

from functools import partial
from typing import Literal

from ..files.faults import FaultError
from ..files.numbers import Row
from ..files.records import Record
from ..network.document import NETWORK_REQUIRED, NetworkReader, NetworkRecord, read_network
from ..network.instance import NetworkInstance
from .activation import ACTIVATIONS
from .instance import SmoothInstance


class SmoothModel(Record):
    """A smooth network's model."""

    name: Literal["smooth-network"]
    activation: str
    b: Row
    W0: list[Row]


class _Document(NetworkRecord):
    model: SmoothModel


SMOOTH_MODEL_REQUIRED = {
    "model": "an object with the fields name ('smooth-network'), activation, b, W0",
    "model.activation": " or ".join(map(repr, ACTIVATIONS)),
}


def read_activation(model: SmoothModel) -> str:
    """The activation's name. Errors: FaultError."""
    if model.activation not in ACTIVATIONS:
        raise FaultError("model.activation", "give an activation that is known")
    return model.activation


def _instance(record: _Document) -> NetworkInstance:
    return read_network(record, partial(SmoothInstance, activation=read_activation(record.model)))


READER = NetworkReader("meta-sl", "smooth-network", _Document, {**NETWORK_REQUIRED, **SMOOTH_MODEL_REQUIRED}, _instance)
