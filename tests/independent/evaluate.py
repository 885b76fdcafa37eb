"""From the text of an instance to its quantities."""

from __future__ import annotations

import json
from typing import Any

from mpmath import mp

from .core import Core
from .meta_rl import MetaRL
from .meta_sl import MetaSL
from .network_quantities import NetworkSupervised
from .numbers import Fraction, digits
from .policy_networks import PolicyNetwork
from .programs import Program
from .vectors import VectorMetaSL, VectorNetwork, outputs_of


def read(text: str) -> dict[str, Any]:
    """The document; a JSON number is a float64."""
    return json.loads(text, parse_float=float)


def precision(document: dict[str, Any]) -> int:
    """Decimal digits that the instance asks for."""
    plain = {k: v for k, v in document.items() if k != "format" and not (k == "model" and "programs" in v)}
    return digits(plain, document.get("adaptation", {}).get("steps", 1))


def quantities(document: dict[str, Any], dps: int, direction: list[Fraction] | None = None) -> Core:
    """The quantities, to be asked while mpmath works with `dps` digits."""
    kinds = {
        ("meta-sl", True): MetaSL,
        ("meta-sl", False): NetworkSupervised,
        ("meta-rl", True): MetaRL,
        ("meta-rl", False): PolicyNetwork,
    }
    linear = document.get("model", {"name": "linear"})["name"] == "linear"
    with mp.workdps(dps):
        if document["problem"] == "any-model":
            return Program(document, direction)
        if document["problem"] == "meta-sl" and outputs_of(document) > 1:
            return (VectorMetaSL if linear else VectorNetwork)(document, direction)
        return kinds[document["problem"], linear](document, direction)
