"""The claims on ReLU networks without one assumption, claim by claim; instances have one neuron or two."""

from __future__ import annotations

from collections.abc import Iterator

from ..claim import Ablation, Reading
from .cells import (
    AT_KINK_S2,
    IMPLIED,
    L1,
    NOTHING_REPRESENTS,
    OFF,
    OFF_C4,
    ONE_KINK_RULE,
    TWO_RULES,
    again,
    any_divergence,
    at_kink,
    at_kink_init,
    errors_of,
    implied,
    needed,
    not_needed,
    steps_of_any_features,
)
from .instances import Content, functions, neuron, relu, supervised, varied
from .meta_sl import LIFTED, S1, S2, S3, SMOOTH

REPRESENTATION = "representation of u"
EXPANSION = "||I - eta H_0|| <= kap"
NO_BALL = (
    "Nothing needs W near W0: the displacement is measured, and N2' has no error term. Rates in the width need a ball."
)
ONE_VALUE = (
    "At a joint of the loss ell'' has two one-sided values; with either of them throughout, every step holds: H_i may "
    "be any symmetric matrix between. Assumed so that H_i has a value."
)
CONVEX = "Implied: the other assumption says ell'' >= 0 everywhere."

_TIE = needed(
    f"network-lifted | {SMOOTH} | {S2} | {TWO_RULES}",
    "At its kink the neuron is stationary in the directional sense (L does not decrease to either side), so that a "
    "gradient of 0 is a reasonable choice; with the feature of the active side the bound is 0.",
    "a neuron at its kink",
    neuron("squared", "0", "-1", "0", functions("-1")),
    exact={"gap": "1/2", "eps_formal": "0", "weight_norm": "1"},
    reading=at_kink(),
)
_KINK = "A neuron at its kink, from which L rises to one side and is constant to the other: "
_FLIP: Content = supervised("geman-mcclure", "25", "1", "1: 0 0 1", "2", functions("0"), model=relu(["2"]))


def flipped_nowhere(family: str, tie: Ablation, reason: str) -> Iterator[Ablation]:
    """The bounds with features at initialisation at a neuron at its kink, by each of their errors."""
    counted = (
        "A neuron at its kink is within reach of W, and k* counts it as flipped: no generated network makes up for "
        "that error. The kept instance reads the count with <."
    )
    for name, reading, unfound in (
        ("operator", at_kink_init("operator"), ""),
        ("pointwise", at_kink_init("flips"), ""),
        ("count", None, counted),
    ):
        of = f"{family}-init-{name} | radius*eps_formal + weight_norm*misfit_init"
        yield again(tie, of, reason, reading=reading, unfound=unfound)


NETWORK: tuple[Ablation, ...] = (
    again(
        _TIE,
        f"network-identity | {TWO_RULES} | gap + bregman",
        f"{_KINK}a slope of 0 and the active side's feature leave nothing on the right.",
        reading=at_kink(IMPLIED, left="gap + bregman"),
    ),
    again(
        _TIE,
        "network-s2 | radius*eps_formal | pairing",
        f"{_KINK}<w, phi'v> of the active side is 1, the slope to the other side is 0.",
        reading=AT_KINK_S2,
    ),
    *steps_of_any_features("network", SMOOTH),
    # The lifted form.
    needed(
        f"network-lifted | outer-convexity | {S1} | {LIFTED}",
        "A dead neuron predicts 0, the flat maximum of the double well: nothing is left of w, and 1 is better.",
        "double well",
        neuron("double-well", "0", "0", "-1", functions("1")),
        exact={"gap": "1", "weight_norm": "0", "bregman": "-1"},
    ),
    _TIE,
    needed(
        f"network-lifted | stationarity-of-L | {S3} | radius*eps_first_order + weight_norm*misfit",
        "A point where FOMAML stops is not stationary for L: with its eps and the full meta-feature the bound is 0.",
        "first-order stationary network",
        supervised("squared", "1/8", "1; 2", "1/2: 0 0 1 | 1/2: 1 23/8 1", "1", "3/4", model=relu(["1"])),
        exact={"gap": "55/4096", "eps": "21/128", "eps_first_order": "0"},
        identifier="A3",
    ),
    *not_needed("""
    minimiser-exists | network-lifted | A5
        The claim compares with any network or any functions. A minimiser need not exist, even on a compact ball: L is
        discontinuous at kinks. m = d = b = 1, eta = 1/4, tasks (x, y) = (2, 3) and (1, 0): L(W) = 9 W^2/64 for W > 0
        and 9/4 for W <= 0, so the infimum 0 is not attained.
    """),
    needed(
        f"network-lifted | one-radius | {S3} | radius*eps + weight_norm*misfit_free",
        "R eps with a smaller R than the ball of the infimum.",
        "unconstrained infimum",
        neuron("squared", "0", "1", "2", "1", "1/4"),
        exact={"gap": "1/2", "eps": "1"},
        identifier="A6",
    ),
    again(
        _TIE,
        f"network-l1 | {TWO_RULES}",
        f"{_KINK}with the feature of the active side nothing is left of the misfit.",
        reading=at_kink(L1),
    ),
    # The Bregman divergence kept.
    *any_divergence("network"),
    *(
        again(
            _TIE,
            f"network-{name} | {TWO_RULES}{off}",
            f"{_KINK}nothing is left of the misfit, and what is subtracted is 1/2.",
            reading=at_kink(why, f"{TWO_RULES}{off}"),
        )
        for name, off, why in (("c4", OFF_C4, ""), ("refined", OFF, ""), ("refined-l1", OFF, L1))
    ),
    needed(
        f"network-c4 | strong-convexity | {S1} | {LIFTED} - function_displacement**2/2",
        "On Huber's tail the gap is R eps: subtracting ||u||^2/2 breaks it.",
        "Huber tail, one neuron",
        neuron({"name": "huber", "delta": "1"}, "0", "-16", "1", functions("-1"), "2"),
        exact={"gap": "2", "eps": "1"},
    ),
    # The formal gradient, and features at initialisation.
    needed(
        f"network-formal | one-kink-rule | {S2} | {TWO_RULES}",
        "Any value of 1{0 > 0} will do, but one and the same in the gradient, in W_i and in the features.",
        "two rules at one kink",
        _TIE.data,
        exact={"gap": "1/2", "eps_formal": "0"},
        identifier="A2",
        reading=ONE_KINK_RULE,
    ),
    *not_needed(f"""
    differentiable-adaptation | network-formal
        v'G = <w, phi'v> is the definition of the formal gradient; S1 and S4 use no derivative.
    W-in-the-ball | network-init | A10
        {NO_BALL}
    """),
    *flipped_nowhere(
        "network",
        _TIE,
        f"{_KINK}no neuron counts as flipped if the kink is read as active, and the slope is read as 0.",
    ),
    *implied(f"""
    outer-convexity | network-init-pointwise, network-init-count
        {CONVEX}
    """),
    *(
        needed(
            f"network-init-{name} | convex-loss | {EXPANSION} | "
            f"radius*eps + radius*weight_norm*error_{error} + weight_norm*misfit_init",
            "The step expands, where the loss is concave, by more than kap allows, and kills the neuron, where it is "
            "convex again: eps is 0, and the feature at initialisation is as long as the expansion.",
            f"Geman-McClure, flip by adaptation ({name})",
            varied(_FLIP, tasks="1: 0 -1/2 1", comparator=functions("-1/100"), radius="3/1000"),
        )
        for name, error in (("pointwise", "flips"), ("count", "count"))
    ),
    needed(
        f"network-error-pointwise | convex-loss | {EXPANSION} | error_flips",
        "With ell'' < 0 the step expands: 1 - eta ell'' = 27/5 exceeds kap = max(1, eta |ell''| - 1) = 17/5.",
        "Geman-McClure, flip by adaptation",
        _FLIP,
        left="error_trace",
        exact={"weight_norm": "0"},
    ),
    *not_needed(f"""
    off-joints | network-formal, network-init, {errors_of("network", "gradient operator pointwise count")}
        {ONE_VALUE}
    """),
    needed(
        "network-linearisation | regular-data | N3: E(1 - a_r/d_r)_+^2 <= c d_r/(3 ||W0_r||) | displacement_init**3/3",
        "N3 needs that no hyperplane through 0 has mass. At one atom its bound ||f - phi_0'W||^2 <= (c B^3/(3m)) "
        "(sum_r ||W0_r||^{-2})^{1/2}, c = 1, here B^3/3, fails: the neuron is near its kink at the atom.",
        "one neuron, one atom",
        supervised("squared", "0", "1 0", "1: 0 0 1", "-8/13 12/13", functions("0"), model=relu(["5/13", "12/13"])),
        left="linearisation**2",
        exact={"linearisation": "8/13", "displacement_init": "1"},
        identifier="A9",
        reading=Reading(
            "linearisation**2", "linearisation_regular", "N3 at one W0, before the expectation, with c = 1."
        ),
    ),
    # N5 and C3.
    again(
        _TIE,
        "network-projected | eps_formal + weight_norm*misfit_other_kinks",
        f"{_KINK}in the ball of radius 2 the feature of the active side represents u.",
        changes={"radius": "2"},
        reading=at_kink(bound="eps_projected + weight_norm*misfit_projected_other_kinks"),
    ),
    needed(
        f"network-c3 | full-row-rank | {REPRESENTATION} | radius*eps",
        "Two tasks share an input and contradict each other: stationary for every radius, not optimal.",
        "contradictory labels",
        supervised("squared", "0", "1", "1/2: 0 2 1 | 1/2: 0 0 1", "1", functions("2; 0"), model=relu(["1"])),
        exact={"gap": "1/2", "eps": "0"},
        reading=NOTHING_REPRESENTS,
    ),
    again(
        _TIE,
        "network-c3 | eps_formal",
        f"{_KINK}one point, and the feature of the active side is 1, of full rank.",
        reading=at_kink(" Their rank is full.", "eps_formal*min_norm_other_kinks", lost=("full-row-rank",)),
    ),
)
