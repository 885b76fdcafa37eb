"""FrozenLake with softplus policies, trained at widths 4 and 16: as with ReLU policies. Needs the extra `real`."""

from __future__ import annotations

from ..meta_rl_network.instance import PolicyNetworkInstance
from ..meta_rl_network.real_tasks import cases, lakes
from ..sources import RealTasks
from .batch import SmoothPolicyBatch
from .batch_quantities import SmoothPolicyBatchQuantities

WIDTHS = (4, 16)


def frozen_lake() -> tuple[tuple[str, PolicyNetworkInstance], ...]:
    """FrozenLake 4x4, 3 tasks that differ in slip, KL step, eta = 8, softplus policies of 4 and 16 neurons."""
    found: list[tuple[str, PolicyNetworkInstance]] = []
    for width in WIDTHS:
        start, best = lakes(width)
        found += cases(SmoothPolicyBatch.of(start, "softplus"), SmoothPolicyBatchQuantities, best)
    return tuple(found)


REAL_TASKS: dict[str, RealTasks] = {
    "frozen-lake-smooth-network": RealTasks(
        "frozen-lake-smooth-network", "FrozenLake, softplus network policies", frozen_lake.__doc__ or "",
        "gymnasium FrozenLake-v1", frozen_lake,
    )
}  # fmt: skip
