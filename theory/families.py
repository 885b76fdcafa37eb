"""The claims of each family, and its claim on the distance from the global optimum where that can be certified."""

from __future__ import annotations

from . import meta_rl, meta_rl_network, meta_rl_smooth_network, meta_sl, network, smooth_network
from .claim import Claim

CLAIMS: dict[str, tuple[Claim, ...]] = {
    "meta-sl": meta_sl.CLAIMS,
    "meta-rl": meta_rl.CLAIMS,
    "network": network.CLAIMS,
    "smooth-network": smooth_network.CLAIMS,
    "meta-rl-network": meta_rl_network.CLAIMS,
    "meta-rl-smooth-network": meta_rl_smooth_network.CLAIMS,
}
"""By family; their wrong versions are in `mutants`, what their assumptions are for in `without`."""

HEADLINES: dict[str, Claim] = {
    "meta-sl": meta_sl.HEADLINE,
    "meta-rl": meta_rl.HEADLINE,
    "network": network.HEADLINE,
    "smooth-network": smooth_network.HEADLINE,
}
