"""Cells of the assumption matrix that an argument settles, or the counterexample of another claim.

`ablations` and its siblings hold the counterexamples themselves, each where it is smallest. Here the same instances are
read against the other claims that make the assumption, and assumptions are named that a claim lists for definiteness
only: no step of its proof uses them (not needed), or its other assumptions imply them (vacuous).
"""

from __future__ import annotations

from ..claim import Ablation
from .meta_rl import META_RL
from .meta_sl import META_SL
from .networks import META_RL_NETWORK, META_RL_SMOOTH_NETWORK, NETWORK, SMOOTH_NETWORK

SETTLED: dict[str, tuple[Ablation, ...]] = {
    "meta-sl": META_SL,
    "meta-rl": META_RL,
    "network": NETWORK,
    "smooth-network": SMOOTH_NETWORK,
    "meta-rl-network": META_RL_NETWORK,
    "meta-rl-smooth-network": META_RL_SMOOTH_NETWORK,
}
"""By family."""
