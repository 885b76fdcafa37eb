"""Assumptions of the network claims dropped, as exact instances."""

from __future__ import annotations

from .claim import Ablation

ABLATIONS: tuple[Ablation, ...] = ()
