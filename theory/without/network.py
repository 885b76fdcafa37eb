"""The claims on ReLU networks without one assumption, claim by claim; instances have one neuron or two."""

from __future__ import annotations

from ..claim import Ablation, Reading
from .cells import (
    AT_KINK_S2,
    IMPLIED,
    L1,
    NOTHING_REPRESENTS,
    OFF,
    OFF_C4,
    ONE_KINK_RULE,
    again,
    any_divergence,
    at_kink,
    at_kink_init,
    implied,
    needed,
    not_needed,
    steps_of_any_features,
)
from .instances import Content, functions, neuron, relu, supervised, varied

S1 = "S1: functional geometry"
S2 = "S2: chain rule"
S3 = "S3: stationarity"
REPRESENTATION = "representation of u"
EXPANSION = "||I - eta H_0|| <= kap"
SMOOTH = "differentiable-adaptation"
LIFTED = "radius*eps + weight_norm*misfit"
_TWO_RULES = "radius*eps_formal + weight_norm*misfit_other_kinks"
NO_BALL = (
    "Nothing needs W near W0: the displacement is measured, and N2' has no error term. Rates in the width need a ball."
)
ONE_VALUE = (
    "At a joint of the loss ell'' has two one-sided values; with either of them throughout, every step holds: H_i may "
    "be any symmetric matrix between. Assumed so that H_i has a value."
)
CONVEX = "Implied: the other assumption says ell'' >= 0 everywhere."

_TIE = needed(
    "network-lifted",
    SMOOTH,
    "At its kink the neuron is stationary in the directional sense (L does not decrease to either side), so that a "
    "gradient of 0 is a reasonable choice; with the feature of the active side the bound is 0.",
    "a neuron at its kink",
    S2,
    _TWO_RULES,
    neuron("squared", "0", "-1", "0", functions("-1")),
    exact={"gap": "1/2", "eps_formal": "0", "weight_norm": "1"},
    reading=at_kink(),
)
_KINK = "A neuron at its kink, from which L rises to one side and is constant to the other: "
COUNTED = (
    "A neuron at its kink is within reach of W, and k* counts it as flipped: no generated network makes up for that "
    "error. The kept instance reads the count with <."
)
_FLIP: Content = supervised("geman-mcclure", "25", "1", "1: 0 0 1", "2", functions("0"), model=relu(["2"]))

NETWORK: tuple[Ablation, ...] = (
    again(
        _TIE,
        "network-identity",
        f"{_KINK}a slope of 0 and the active side's feature leave nothing on the right.",
        _TWO_RULES,
        "gap + bregman",
        reading=at_kink(IMPLIED, left="gap + bregman"),
    ),
    again(
        _TIE,
        "network-s2",
        f"{_KINK}<w, phi'v> of the active side is 1, the slope to the other side is 0.",
        "radius*eps_formal",
        "pairing",
        reading=AT_KINK_S2,
    ),
    *steps_of_any_features("network", SMOOTH),
    # The lifted form.
    needed(
        "network-lifted",
        "outer-convexity",
        "A dead neuron predicts 0, the flat maximum of the double well: nothing is left of w, and 1 is better.",
        "double well",
        S1,
        LIFTED,
        neuron("double-well", "0", "0", "-1", functions("1")),
        exact={"gap": "1", "weight_norm": "0", "bregman": "-1"},
    ),
    _TIE,
    needed(
        "network-lifted",
        "stationarity-of-L",
        "A point where FOMAML stops is not stationary for L: with its eps and the full meta-feature the bound is 0.",
        "first-order stationary network",
        S3,
        "radius*eps_first_order + weight_norm*misfit",
        supervised("squared", "1/8", "1; 2", "1/2: 0 0 1 | 1/2: 1 23/8 1", "1", "3/4", model=relu(["1"])),
        exact={"gap": "55/4096", "eps": "21/128", "eps_first_order": "0"},
        identifier="A3",
    ),
    *not_needed(
        "minimiser-exists",
        ["network-lifted"],
        "The claim compares with any network or any functions. A minimiser need not exist, even on a compact ball: L "
        "is discontinuous at kinks. m = d = b = 1, eta = 1/4, tasks (x, y) = (2, 3) and (1, 0): L(W) = 9 W^2/64 for "
        "W > 0 and 9/4 for W <= 0, so the infimum 0 is not attained.",
        "A5",
    ),
    needed(
        "network-lifted",
        "one-radius",
        "R eps with a smaller R than the ball of the infimum.",
        "unconstrained infimum",
        S3,
        "radius*eps + weight_norm*misfit_free",
        neuron("squared", "0", "1", "2", "1", "1/4"),
        exact={"gap": "1/2", "eps": "1"},
        identifier="A6",
    ),
    again(
        _TIE,
        "network-l1",
        f"{_KINK}with the feature of the active side nothing is left of the misfit.",
        _TWO_RULES,
        reading=at_kink(L1),
    ),
    # The Bregman divergence kept.
    *any_divergence("network"),
    *(
        again(
            _TIE,
            f"network-{name}",
            f"{_KINK}nothing is left of the misfit, and what is subtracted is 1/2.",
            f"{_TWO_RULES}{off}",
            reading=at_kink(why, f"{_TWO_RULES}{off}"),
        )
        for name, off, why in (("c4", OFF_C4, ""), ("refined", OFF, ""), ("refined-l1", OFF, L1))
    ),
    needed(
        "network-c4",
        "strong-convexity",
        "On Huber's tail the gap is R eps: subtracting ||u||^2/2 breaks it.",
        "Huber tail, one neuron",
        S1,
        f"{LIFTED} - function_displacement**2/2",
        neuron({"name": "huber", "delta": "1"}, "0", "-16", "1", functions("-1"), "2"),
        exact={"gap": "2", "eps": "1"},
    ),
    # The formal gradient, and features at initialisation.
    needed(
        "network-formal",
        "one-kink-rule",
        "Any value of 1{0 > 0} will do, but one and the same in the gradient, in W_i and in the features.",
        "two rules at one kink",
        S2,
        _TWO_RULES,
        _TIE.data,
        exact={"gap": "1/2", "eps_formal": "0"},
        identifier="A2",
        reading=ONE_KINK_RULE,
    ),
    *not_needed(
        SMOOTH,
        ["network-formal"],
        "v'G = <w, phi'v> is the definition of the formal gradient; S1 and S4 use no derivative.",
    ),
    *not_needed("W-in-the-ball", ["network-init"], NO_BALL, "A10"),
    *(
        again(
            _TIE,
            f"network-init-{name}",
            f"{_KINK}no neuron counts as flipped if the kink is read as active, and the slope is read as 0.",
            "radius*eps_formal + weight_norm*misfit_init",
            reading=None if error is None else at_kink_init(error),
            unfound=COUNTED if error is None else "",
        )
        for name, error in (("operator", "operator"), ("pointwise", "flips"), ("count", None))
    ),
    *implied("outer-convexity", ["network-init-pointwise", "network-init-count"], CONVEX),
    *(
        needed(
            f"network-init-{name}",
            "convex-loss",
            "The step expands, where the loss is concave, by more than kap allows, and kills the neuron, where it is "
            "convex again: eps is 0, and the feature at initialisation is as long as the expansion.",
            f"Geman-McClure, flip by adaptation ({name})",
            EXPANSION,
            f"radius*eps + radius*weight_norm*error_{error} + weight_norm*misfit_init",
            varied(_FLIP, tasks="1: 0 -1/2 1", comparator=functions("-1/100"), radius="3/1000"),
        )
        for name, error in (("pointwise", "flips"), ("count", "count"))
    ),
    needed(
        "network-error-pointwise",
        "convex-loss",
        "With ell'' < 0 the step expands: 1 - eta ell'' = 27/5 exceeds kap = max(1, eta |ell''| - 1) = 17/5.",
        "Geman-McClure, flip by adaptation",
        EXPANSION,
        "error_flips",
        _FLIP,
        left="error_trace",
        exact={"weight_norm": "0"},
    ),
    *not_needed(
        "off-joints",
        [
            f"network-{name}"
            for name in ("formal", "init", "error-gradient", "error-operator", "error-pointwise", "error-count")
        ],
        ONE_VALUE,
    ),
    needed(
        "network-linearisation",
        "regular-data",
        "N3 needs that no hyperplane through 0 has mass. At one atom its bound ||f - phi_0'W||^2 <= (c B^3/(3m)) "
        "(sum_r ||W0_r||^{-2})^{1/2}, c = 1, here B^3/3, fails: the neuron is near its kink at the atom.",
        "one neuron, one atom",
        "N3: E(1 - a_r/d_r)_+^2 <= c d_r/(3 ||W0_r||)",
        "displacement_init**3/3",
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
        "network-projected",
        f"{_KINK}in the ball of radius 2 the feature of the active side represents u.",
        "eps_formal + weight_norm*misfit_other_kinks",
        changes={"radius": "2"},
        reading=at_kink(bound="eps_projected + weight_norm*misfit_projected_other_kinks"),
    ),
    needed(
        "network-c3",
        "full-row-rank",
        "Two tasks share an input and contradict each other: stationary for every radius, not optimal.",
        "contradictory labels",
        REPRESENTATION,
        "radius*eps",
        supervised("squared", "0", "1", "1/2: 0 2 1 | 1/2: 0 0 1", "1", functions("2; 0"), model=relu(["1"])),
        exact={"gap": "1/2", "eps": "0"},
        reading=NOTHING_REPRESENTS,
    ),
    again(
        _TIE,
        "network-c3",
        f"{_KINK}one point, and the feature of the active side is 1, of full rank.",
        "eps_formal",
        reading=at_kink(" Their rank is full.", "eps_formal*min_norm_other_kinks", lost=("full-row-rank",)),
    ),
)
