"""The claims on any model without one assumption: a linear model is a program, so its counterexamples are some here.

On inputs that are all distinct, the quantities of a linear model in `meta_sl` are those of the same model as a program.
Two labels at one input are two points here, of which w is not averaged: each as often as its mass says. u and phi are
the same, and what these counterexamples say has w = 0 at every label, or a residual that is 0, or one label at each
input. So the documents are those of linear models; their own engine, which knows no graph, evaluates them.
"""

from __future__ import annotations

from dataclasses import replace

from .. import any_model
from ..claim import Ablation, Standing
from .cells import again
from .meta_sl import META_SL, WELL
from .meta_sl_corollaries import META_SL_COROLLARIES

_STEMS = {claim.name.removeprefix("any-model-") for claim in (*any_model.CLAIMS, any_model.HEADLINE)}
_UNFOUND = "Programs are generated off their kinks and with convex losses alone: what a linear model shows is enough."


def _of_programs(cell: Ablation) -> Ablation:
    needed = cell.standing is Standing.NEEDED
    return replace(
        cell,
        claim=cell.claim.replace("meta-sl", "any-model"),
        reason=f"A linear model is a program. {cell.reason}" if needed else cell.reason.replace("meta-sl", "any-model"),
        reading=None,
        unfound=_UNFOUND if needed else "",
    )


_FLAT = "w is 0 at the flat maximum: whatever multiplies it is 0, and the comparator is better."
_OTHER_FORMS = tuple(
    again(WELL, f"meta-sl-{form}", _FLAT)
    for form in (
        "l1 | misfit_l1",
        "first-order | radius*eps_first_order + weight_norm*misfit_plain",
        "c3 | eps*min_norm_solution",
    )
)
"""Of linear models these are found by search; programs are generated with convex losses alone."""

ANY_MODEL: tuple[Ablation, ...] = tuple(
    _of_programs(cell)
    for cell in (*META_SL, *META_SL_COROLLARIES, *_OTHER_FORMS)
    if cell.claim.removeprefix("meta-sl-") in _STEMS
)
