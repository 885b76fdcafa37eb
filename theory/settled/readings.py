"""How cells are settled: a known counterexample read against another claim, an argument, an implication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import (
    ablations,
    meta_rl_ablations,
    meta_rl_network_ablations,
    meta_rl_smooth_network_ablations,
    network_ablations,
    smooth_network_ablations,
)
from ..claim import Ablation, Expression, Standing

_KEPT = (
    *ablations.ABLATIONS,
    *meta_rl_ablations.ABLATIONS,
    *network_ablations.ABLATIONS,
    *meta_rl_network_ablations.ABLATIONS,
    *smooth_network_ablations.ABLATIONS,
    *meta_rl_smooth_network_ablations.ABLATIONS,
)


def known(claim: str, title: str) -> Ablation:
    """The counterexample of that claim and title."""
    return next(a for a in _KEPT if (a.claim, a.title) == (claim, title))


def again(
    source: Ablation,
    claim: str,
    reason: str,
    bound: str,
    left: str = "gap",
    *,
    changes: Mapping[str, Any] | None = None,
) -> Ablation:
    """The instance of `source`, read against another claim; `changes` are fields of the instance."""
    assert source.instance is not None
    return Ablation(
        source.assumption,
        claim,
        Standing.NEEDED,
        reason,
        f"{source.title} ({claim.split('-', 2)[-1]})",
        source.step,
        left=Expression(left),
        bound=Expression(bound),
        instance={**source.instance, **(changes or {})},
        direction=source.direction,
        identifier=source.identifier,
    )


def not_needed(assumption: str, claims: Sequence[str], reason: str) -> tuple[Ablation, ...]:
    return tuple(Ablation(assumption, claim, Standing.NOT_NEEDED, reason) for claim in claims)


def implied(assumption: str, claims: Sequence[str], reason: str) -> tuple[Ablation, ...]:
    return tuple(Ablation(assumption, claim, Standing.VACUOUS, reason) for claim in claims)


ANY_VECTOR = "S3 is Cauchy-Schwarz for v'g, whatever vector g stands for the gradient; that it is the gradient is S2."
ANY_FEATURE = "S4 is Cauchy-Schwarz for whatever features; that they are the derivative is S2."
