"""The distance from the global optimum: which room certifies it, for each family that can.

Beside the table of families and not in it: headlines are judged, and judging needs that table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .instances import Instance
from .meta_rl.headline import study as study_meta_rl
from .network.bracket import NetworkHeadline
from .network.headline import RELU
from .network.instance import NetworkInstance
from .optimum.headline import study as study_meta_sl
from .smooth_network.headline import SMOOTH
from .study import Study

NETWORKS: Mapping[str, NetworkHeadline] = {"network": RELU, "smooth-network": SMOOTH}

STUDIES: Mapping[str, Callable[[Instance], Study]] = {
    "meta-sl": study_meta_sl,
    "meta-rl": study_meta_rl,
    **{name: headline.study for name, headline in NETWORKS.items()},
}
"""By family: certify the optimum of an instance and judge points of it."""


def headline_of(instance: NetworkInstance) -> NetworkHeadline:
    """The headline of a network's activation."""
    return NETWORKS[instance.family]
