"""Cells of the assumption matrix: a claim without one assumption, by a counterexample, an argument, or an implication.

A counterexample is an exact instance, small enough to check by hand, with what the claim says there. What search reads
in the claim's place, where its own words have no meaning without the assumption, stands with it: a `Reading`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..claim import Ablation, Expression, Reading, Relation, Standing
from ..tables import rows

NO_FACTOR = "2**20"
"""A factor that does not exist, read as large: what is refuted with it is refuted with every smaller one."""


def needed(
    head: str, reason: str, title: str, instance: Mapping[str, Any], *, left: str = "gap", **more: Any
) -> Ablation:
    """CLAIM | ASSUMPTION | STEP | BOUND: the claim without the assumption, left <= bound, fails on the instance; `more`
    are fields of `Ablation`."""
    claim, assumption, step, bound = head.split(" | ")
    return Ablation(
        assumption, claim, Standing.NEEDED, reason, title, step, Expression(left), Expression(bound), instance, **more
    )


def again(
    source: Ablation, head: str, reason: str, *, changes: Mapping[str, Any] | None = None, **more: Any
) -> Ablation:
    """CLAIM | BOUND (| LEFT): the instance of `source`, read against another claim; `changes` are fields of the
    instance."""
    claim, bound, left = [*head.split(" | "), "gap"][:3]
    kept = {"direction": source.direction, "identifier": source.identifier, "left": left}
    title = f"{source.title} ({claim.split('-', 2)[-1]})"
    instance = {**source.data, **(changes or {})}
    return needed(
        f"{claim} | {source.assumption} | {source.step} | {bound}", reason, title, instance, **{**kept, **more}
    )


def _argued(standing: Standing, text: str) -> tuple[Ablation, ...]:
    return tuple(
        Ablation(assumption, claim, standing, " ".join(why), step="".join(more[1:]), identifier="".join(more[:1]))
        for (assumption, claims, *more), why in rows(text)
        for claim in claims.split(", ")
    )


def not_needed(text: str) -> tuple[Ablation, ...]:
    """ASSUMPTION | CLAIM, ... | IDENTIFIER, and below why no step of the proofs uses the assumption."""
    return _argued(Standing.NOT_NEEDED, text)


def implied(text: str) -> tuple[Ablation, ...]:
    """ASSUMPTION | CLAIM, ... | IDENTIFIER | STEP, and below why the claims' other assumptions imply this one."""
    return _argued(Standing.VACUOUS, text)


def errors_of(family: str, names: str) -> str:
    """The claims on errors of features at initialisation, as a part of a row."""
    return ", ".join(f"{family}-error-{name}" for name in names.split())


def steps_of_any_features(family: str, assumption: str) -> tuple[Ablation, ...]:
    """S3 and S4 need no derivative."""
    return not_needed(f"""
    {assumption} | {family}-s3
        S3 is Cauchy-Schwarz for v'g, whatever vector g stands for the gradient; that it is the gradient is S2.
    {assumption} | {family}-s4
        S4 is Cauchy-Schwarz for whatever features; that they are the derivative is S2.
    """)


_KINK = (
    "At a kink neither the gradient nor the feature has a value. Either side's may stand for it, and the claim does "
    "not say that both take the same side: the gradient takes 1{0 > 0} = 0, the features take 1."
)
_JOINT = (
    "At a joint of the loss there is a derivative to either side. L falls to neither side by more than eps (omega is "
    "stationary in the directional sense), and whichever side the features take, the larger misfit counts."
)
IMPLIED = " The identity implies this by S3 and S4."
L1 = " The lifted bound stands for the L1 form, which is never larger."
TWO_RULES = "radius*eps_formal + weight_norm*misfit_other_kinks"
ONE_SIDED = "radius*eps_directional + weight_norm*misfit_one_sided"
OFF = " - bregman"
"""What the refined forms take off."""
OFF_C4 = " - strong_convexity*function_displacement**2/2"


def any_divergence(family: str) -> tuple[Ablation, ...]:
    """The refined forms need no convex loss."""
    return not_needed(f"""
    outer-convexity | {family}-refined, {family}-refined-l1 | A1
        Breg is subtracted whatever its sign; only S1 needs it to be >= 0.
    """)


def at_kink(why: str = "", bound: str = TWO_RULES, left: str = "gap", *, lost: tuple[str, ...] = ()) -> Reading:
    """What a claim says at a kink: two rules."""
    return Reading(left, bound, _KINK + why, lost=lost)


ONE_KINK_RULE = Reading("gap", TWO_RULES, "The gradient takes 1{0 > 0} = 0, the features take 1.")

AT_KINK_S2 = Reading(
    "eps_formal",
    "eps_other_kinks",
    f"{_KINK} If the pairing with both were the gradient, both would be as long.",
    Relation.EQUAL,
)


def at_kink_init(error: str) -> Reading:
    """The same for the features of which an error is counted."""
    return at_kink(
        " So do the features of which the error is counted.",
        f"radius*eps_formal + radius*weight_norm*error_{error}_other_kinks + weight_norm*misfit_init",
    )


def at_joint(why: str = "", bound: str = ONE_SIDED, left: str = "gap", *, lost: tuple[str, ...] = ()) -> Reading:
    """What a claim says at a joint of the loss: the larger one of both sides."""
    return Reading(left, bound, _JOINT + why, lost=lost)


AT_JOINT_S2 = Reading(
    "eps_left",
    "eps_right",
    "At a joint of the loss there is a derivative to either side, each paired with its own features. If both "
    "pairings were the gradient, they would be the same.",
    Relation.EQUAL,
)


def no_factor(factor: str, why: str, rest: str = "") -> Reading:
    """Nothing stands before eps."""
    return Reading(
        "gap", f"{NO_FACTOR}*{factor}{rest}", f"{why}: no factor stands before eps, read as one beyond 10^6."
    )


NOTHING_REPRESENTS = no_factor("radius*eps", "Nothing need represent u")
"""C3 where the features need not be independent."""
