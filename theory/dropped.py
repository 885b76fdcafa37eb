"""What a claim says where an assumption that it lists fails, if its own words have no meaning there.

Where all quantities of a claim keep their meaning without the assumption, the claim itself is judged. Elsewhere
something must stand for what is missing: what a reader would take who forgot the assumption, or what makes the claim
weaker still. (Hypotheses that are built into a statement are left out in `hypotheses`.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .claim import Claim, Relation
from .hypotheses import NO_FACTOR, rewritten
from .stationarity import DIFFERENTIABLE


@dataclass(frozen=True)
class Dropped:
    """The sides of a claim without an assumption, and why that is what it says then.

    lost   other assumptions that have no meaning there; the reading says what is left of them
    """

    claim: str
    assumption: str
    left: str
    bound: str
    why: str
    relation: Relation = Relation.AT_MOST
    lost: tuple[str, ...] = ()

    def of(self, claim: Claim) -> Claim:
        """The claim as it is judged where the assumption fails."""
        kept = tuple(a for a in claim.assumptions if a.name not in self.lost)
        return rewritten(replace(claim, assumptions=kept), self.left, self.bound, self.relation)


_KINK = (
    "At a kink neither the gradient nor the feature has a value. Either side's may stand for it, and the claim does "
    "not say that both take the same side: the gradient takes 1{0 > 0} = 0, the features take 1."
)
_JOINT = (
    "At a joint of the loss there is a derivative to either side. L falls to neither side by more than eps (omega is "
    "stationary in the directional sense), and whichever side the features take, the larger misfit counts."
)
_IMPLIED = " The identity implies this by S3 and S4."
_L1 = " The lifted bound stands for the L1 form, which is never larger."


def _at_kinks(family: str) -> Iterator[Dropped]:
    lifted = "radius*eps_formal + weight_norm*misfit_other_kinks"
    sides = (
        ("identity", "gap + bregman" if family == "network" else "gap", lifted, _KINK + _IMPLIED),
        ("lifted", "gap", lifted, _KINK),
        ("l1", "gap", lifted, _KINK + _L1),
        *(
            (
                f"init-{name}",
                "gap",
                f"radius*eps_formal + radius*weight_norm*error_{error}_other_kinks + weight_norm*misfit_init",
                _KINK + " So do the features of which the error is counted.",
            )
            for name, error in (("operator", "operator"), ("pointwise", "flips"))
        ),
    )
    for name, left, bound, why in sides:
        yield Dropped(f"{family}-{name}", DIFFERENTIABLE.name, left, bound, why)
    yield Dropped(
        f"{family}-s2",
        DIFFERENTIABLE.name,
        "eps_formal",
        "eps_other_kinks",
        f"{_KINK} If the pairing with both were the gradient, both would be as long.",
        Relation.EQUAL,
    )


def _at_joints(family: str) -> Iterator[Dropped]:
    lifted = "radius*eps_directional + weight_norm*misfit_one_sided"
    yield Dropped(f"{family}-identity", DIFFERENTIABLE.name, "gap + bregman", lifted, _JOINT + _IMPLIED)
    yield Dropped(f"{family}-lifted", DIFFERENTIABLE.name, "gap", lifted, _JOINT)
    yield Dropped(f"{family}-l1", DIFFERENTIABLE.name, "gap", lifted, _JOINT + _L1)
    yield Dropped(
        f"{family}-s2",
        DIFFERENTIABLE.name,
        "eps_left",
        "eps_right",
        "At a joint of the loss there is a derivative to either side, each paired with its own features. If both "
        "pairings were the gradient, they would be the same.",
        Relation.EQUAL,
    )


def _without_factor(claim: str, assumption: str, factor: str, why: str, rest: str = "") -> Dropped:
    bound = f"{NO_FACTOR}*{factor}{rest}"
    return Dropped(claim, assumption, "gap", bound, f"{why}: no factor stands before eps, read as one beyond 10^6.")


_NO_PARAMETER = "Functions have no distance from omega"

DROPPED: tuple[Dropped, ...] = (
    *_at_kinks("network"),
    *_at_kinks("meta-rl-network"),
    Dropped(
        "network-projected",
        DIFFERENTIABLE.name,
        "gap",
        "eps_projected + weight_norm*misfit_projected_other_kinks",
        _KINK,
    ),
    *(
        Dropped(
            f"{family}-c3",
            DIFFERENTIABLE.name,
            "gap",
            "eps_formal*min_norm_other_kinks",
            f"{_KINK} Their rank is full.",
            lost=(rank,),
        )
        for family, rank in (("network", "full-row-rank"), ("meta-rl-network", "full-action-rank"))
    ),
    *_at_joints("meta-sl"),
    *_at_joints("smooth-network"),
    Dropped(
        "meta-sl-mixed",
        DIFFERENTIABLE.name,
        "gap",
        "radius*eps_directional + mixed_weight_norm*mixed_misfit_one_sided",
        _JOINT,
    ),
    Dropped(
        "meta-sl-mixed-l1",
        DIFFERENTIABLE.name,
        "gap",
        "radius*eps_directional + mixed_weight_norm*mixed_misfit_one_sided",
        f"{_JOINT} The divided bound stands for the undivided one, which is never larger.",
    ),
    *(
        Dropped(
            f"{family}-c3",
            DIFFERENTIABLE.name,
            "gap",
            "eps_directional*min_norm_solution_one_sided",
            f"{_JOINT} Their rank is full to both sides.",
            lost=("full-row-rank",),
        )
        for family in ("meta-sl", "smooth-network")
    ),
    Dropped(
        "meta-sl-c7",
        DIFFERENTIABLE.name,
        "gap",
        "eps_directional*adapted_displacement*jacobian_inverse_one_sided",
        f"{_JOINT} The Jacobians of both sides are invertible.",
        lost=("invertible-jacobian",),
    ),
    *(
        Dropped(
            f"smooth-network-init-{name}",
            DIFFERENTIABLE.name,
            "gap",
            f"radius*eps_directional + radius*weight_norm*error_{name}_one_sided + weight_norm*misfit_init_one_sided",
            _JOINT,
        )
        for name in ("operator", "pointwise", "ball")
    ),
    Dropped(
        "smooth-network-projected",
        DIFFERENTIABLE.name,
        "gap",
        "eps_projected_directional + weight_norm*misfit_projected_one_sided",
        _JOINT,
    ),
    *(
        _without_factor(f"{family}-c3", rank, "radius*eps", "Nothing need represent u")
        for family, rank in (
            ("meta-sl", "full-row-rank"),
            ("network", "full-row-rank"),
            ("smooth-network", "full-row-rank"),
            ("meta-rl-network", "full-action-rank"),
            ("meta-rl-smooth-network", "full-action-rank"),
        )
    ),
    *(
        _without_factor(f"meta-sl-{name}", "parameter-comparator", "eps", _NO_PARAMETER)
        for name in ("c1", "c5", "c7", "c8")
    ),
    _without_factor(
        "meta-sl-c2",
        "parameter-comparator",
        "eps",
        _NO_PARAMETER,
        f" + {NO_FACTOR}*weight_norm*remainder_constant",
    ),
    _without_factor(
        "meta-sl-c7", "invertible-jacobian", "eps*adapted_displacement", "The Jacobian has no inverse"
    ),
    _without_factor(
        "meta-rl-t3e", "contraction", "eps*tabular_norm", "1 - kappa is no lower bound of anything, and not positive"
    ),
)  # fmt: skip
"""Checked by tests: the sides name quantities, and every reading is refuted by search."""


_HEADLINE = (
    "A headline is judged on certified landscapes, and none is generated without this. The lifted form, of which it is "
    "a corollary, is refuted by search."
)
_COUNTED = (
    "A neuron at its kink is within reach of W, and k* counts it as flipped: no generated network makes up for that "
    "error. The kept instance reads the count with <."
)

_QUADRATIC = (
    "The kept instance takes the feature of one side. With the larger misfit of both sides, as search reads the other "
    "claims, only a fold can refute it, and where the prediction after the step is on the quadratic part a step that "
    "folds overshoots its label."
)

UNFOUND: dict[tuple[str, str], str] = {
    ("meta-sl-headline", "outer-convexity"): _HEADLINE,
    ("meta-sl-headline", "differentiable-adaptation"): _HEADLINE,
    ("meta-sl-c4", "differentiable-adaptation"): _QUADRATIC,
    ("network-init-count", "differentiable-adaptation"): _COUNTED,
    ("meta-rl-network-init-count", "differentiable-adaptation"): _COUNTED,
    ("meta-rl-lifted", "discount-below-1"): "Nothing is defined at gamma = 1, so that no instance can be generated.",
}
"""Needed cells for which search has no counterexample of its own, and why; the theory's instance speaks alone."""


def without(claim: Claim, assumption: str) -> Dropped | None:
    """How the claim is read where the assumption fails; None: as it stands."""
    return next((d for d in DROPPED if (d.claim, d.assumption) == (claim.name, assumption)), None)
