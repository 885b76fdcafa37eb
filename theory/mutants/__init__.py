"""Plausible wrong theorems, as data: what somebody could have written instead, and why it is wrong.

Each changes one thing in a claim (`edits`). The suite must refute every one that is not proved equivalent; if it could
not, its proofs would mean little. Beside those that somebody thought of stand the generated ones: every half and every
dropped summand of every claim.
"""

from __future__ import annotations

from .any_model import MUTANTS as ANY_MODEL
from .meta_rl import MUTANTS as META_RL
from .meta_sl import MUTANTS as META_SL
from .networks import NETWORK, SMOOTH_NETWORK
from .policy_networks import META_RL_NETWORK, META_RL_SMOOTH_NETWORK

__all__ = ["ANY_MODEL", "META_RL", "META_RL_NETWORK", "META_RL_SMOOTH_NETWORK", "META_SL", "NETWORK", "SMOOTH_NETWORK"]
