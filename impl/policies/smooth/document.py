"""Meta-RL instance files with a smooth network policy: those of ReLU policies, with model.activation."""

from __future__ import annotations

from functools import partial

from ...files.records import Reader
from ...models.document import SMOOTH_MODEL_REQUIRED, SmoothModel, read_activation
from ..relu.document import POLICY_NETWORK_REQUIRED, PolicyNetworkRecord, read_policy_network
from ..relu.instance import PolicyNetworkInstance
from .instance import SmoothPolicyInstance


class _Document(PolicyNetworkRecord):
    model: SmoothModel


def _instance(record: _Document) -> PolicyNetworkInstance:
    return read_policy_network(record, partial(SmoothPolicyInstance, activation=read_activation(record.model)))


READER = Reader("meta-rl", "smooth-network", _Document, {**POLICY_NETWORK_REQUIRED, **SMOOTH_MODEL_REQUIRED}, _instance)
