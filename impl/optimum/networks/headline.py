"""The headlines for networks: one row per kind."""

from __future__ import annotations

from ....theory import network, smooth_network
from ...supervised.relu.quantities import NetworkQuantities
from ...supervised.smooth.quantities import SmoothQuantities
from .bracket import CertifiedQuantities, NetworkHeadline


class ReluHeadline(CertifiedQuantities, NetworkQuantities):
    """The quantities of ReLU networks, and the certified lower bound."""


class SmoothHeadline(CertifiedQuantities, SmoothQuantities):
    """The quantities of smooth networks, and the certified lower bound."""


RELU = NetworkHeadline(network.HEADLINE, ReluHeadline)
SMOOTH = NetworkHeadline(smooth_network.HEADLINE, SmoothHeadline)
