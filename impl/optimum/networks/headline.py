"""The headlines for networks: one row per kind."""

from __future__ import annotations

from ....theory import network, smooth_network
from ...supervised.relu.quantities import NetworkQuantities
from ...supervised.smooth.quantities import SmoothQuantities
from .bracket import NetworkHeadline

RELU = NetworkHeadline(network.HEADLINE, NetworkQuantities)
SMOOTH = NetworkHeadline(smooth_network.HEADLINE, SmoothQuantities)
