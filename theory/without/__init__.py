"""The claims without one assumption: what each assumption is for, cell by cell of the assumption matrix.

`cells` says how a cell is settled. The families' files have them claim by claim; `hypotheses` has what is built into a
statement rather than listed, and how the statement reads without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..claim import Ablation, Claim
from .any_model import ANY_MODEL
from .hypotheses import replaced
from .meta_rl import META_RL
from .meta_rl_corollaries import META_RL_COROLLARIES
from .meta_sl import META_SL
from .meta_sl_corollaries import META_SL_COROLLARIES
from .network import NETWORK
from .policy_networks import META_RL_NETWORK, META_RL_SMOOTH_NETWORK
from .smooth_network import SMOOTH_NETWORK

__all__ = [
    "ANY_MODEL", "META_RL", "META_RL_COROLLARIES", "META_RL_NETWORK", "META_RL_SMOOTH_NETWORK", "META_SL",
    "META_SL_COROLLARIES", "NETWORK", "SMOOTH_NETWORK", "without",
]  # fmt: skip


def without(
    claim: Claim, assumption: str, cells: Sequence[Ablation], built_in: Mapping[str, Mapping[str, str]]
) -> tuple[Claim, str] | None:
    """(what the claim says where the assumption fails, why that); None where it stands as it is written.

    `cells` and `built_in` are the family's. Of a hypothesis that is built in, None: leaving it out changes nothing, or
    cannot be said.
    """
    for cell in cells:
        if (cell.claim, cell.assumption) == (claim.name, assumption) and cell.reading is not None:
            return cell.reading.of(claim), cell.reading.why
    dropped = replaced(claim, built_in.get(assumption, {}))
    return None if dropped is None else (dropped, "")
