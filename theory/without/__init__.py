"""The claims without one assumption: what each assumption is for, cell by cell of the assumption matrix.

`cells` says how a cell is settled. The families' files have them claim by claim; `hypotheses` has what is built into a
statement rather than listed, and how the statement reads without it.
"""

from __future__ import annotations

from ..claim import Ablation, Claim, Reading
from .hypotheses import HYPOTHESES
from .meta_rl import META_RL
from .meta_rl_corollaries import META_RL_COROLLARIES
from .meta_sl import META_SL
from .meta_sl_corollaries import META_SL_COROLLARIES
from .network import NETWORK
from .policy_networks import META_RL_NETWORK, META_RL_SMOOTH_NETWORK
from .smooth_network import SMOOTH_NETWORK

WITHOUT: dict[str, tuple[Ablation, ...]] = {
    "meta-sl": (*META_SL, *META_SL_COROLLARIES),
    "meta-rl": (*META_RL, *META_RL_COROLLARIES),
    "network": NETWORK,
    "smooth-network": SMOOTH_NETWORK,
    "meta-rl-network": META_RL_NETWORK,
    "meta-rl-smooth-network": META_RL_SMOOTH_NETWORK,
}
"""By family."""


_READINGS: dict[tuple[str, str], Reading] = {
    (cell.claim, cell.assumption): cell.reading for own in WITHOUT.values() for cell in own if cell.reading is not None
}


def without(claim: Claim, assumption: str, family: str) -> tuple[Claim, str] | None:
    """(what the claim says where the assumption fails, why that); None where it stands as it is written.

    Of a hypothesis that is built in, None: leaving it out changes nothing, or cannot be said.
    """
    reading = _READINGS.get((claim.name, assumption))
    if reading is not None:
        return reading.of(claim), reading.why
    built_in = next((h for h in HYPOTHESES if h.name == assumption), None)
    dropped = None if built_in is None else built_in.dropped(claim, family)
    return None if dropped is None else (dropped, "")
