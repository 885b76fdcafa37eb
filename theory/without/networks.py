"""The claims on networks without one assumption, claim by claim; instances have one neuron or two."""

from __future__ import annotations

from ..claim import Ablation, Reading
from .cells import (
    AT_JOINT_S2,
    AT_KINK_S2,
    IMPLIED,
    L1,
    NOTHING_REPRESENTS,
    ONE_KINK_RULE,
    again,
    at_joint,
    at_kink,
    at_kink_init,
    implied,
    needed,
    not_needed,
    steps_of_any_features,
)
from .instances import Content, gradient, neuron, relu, supervised, tanh, task

_S1 = "S1: functional geometry"
_S2 = "S2: chain rule"
_S3 = "S3: stationarity"
_REPRESENTATION = "representation of u"
_EXPANSION = "||I - eta H_0|| <= kap"
_SMOOTH = "differentiable-adaptation"
_LIFTED = "radius*eps + weight_norm*misfit"
_TWO_RULES = "radius*eps_formal + weight_norm*misfit_other_kinks"
_NO_BALL = (
    "Nothing needs W near W0: the displacement is measured, and N2' has no error term. Rates in the width need a ball."
)
_ONE_VALUE = (
    "At a joint of the loss ell'' has two one-sided values; with either of them throughout, every step holds: H_i may "
    "be any symmetric matrix between. Assumed so that H_i has a value."
)
_CONVEX = "Implied: the other assumption says ell'' >= 0 everywhere."

_TIE = needed(
    "network-lifted",
    _SMOOTH,
    "At its kink the neuron is stationary in the directional sense (L does not decrease to either side), so that a "
    "gradient of 0 is a reasonable choice; with the feature of the active side the bound is 0.",
    "a neuron at its kink",
    _S2,
    _TWO_RULES,
    neuron("squared", "0", "-1", "0", {"functions": [["-1"]]}),
    exact={"gap": "1/2", "eps_formal": "0", "weight_norm": "1"},
    reading=at_kink(),
)
_KINK = "A neuron at its kink, from which L rises to one side and is constant to the other: "
COUNTED = (
    "A neuron at its kink is within reach of W, and k* counts it as flipped: no generated network makes up for that "
    "error. The kept instance reads the count with <."
)
_FLIP: Content = supervised(
    "geman-mcclure",
    "25",
    [["1"]],
    [("1", [(0, "0", "1")])],
    [["2"]],
    {"functions": [["0"]]},
    model=relu(["2"]),
)

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
    *steps_of_any_features("network", _SMOOTH),
    # The lifted form.
    needed(
        "network-lifted",
        "outer-convexity",
        "A dead neuron predicts 0, the flat maximum of the double well: nothing is left of w, and 1 is better.",
        "double well",
        _S1,
        _LIFTED,
        neuron("double-well", "0", "0", "-1", {"functions": [["1"]]}),
        exact={"gap": "1", "weight_norm": "0", "bregman": "-1"},
    ),
    _TIE,
    needed(
        "network-lifted",
        "stationarity-of-L",
        "A point where FOMAML stops is not stationary for L: with its eps and the full meta-feature the bound is 0.",
        "first-order stationary network",
        _S3,
        "radius*eps_first_order + weight_norm*misfit",
        supervised(
            "squared",
            "1/8",
            [["1"], ["2"]],
            [("1/2", [(0, "0", "1")]), ("1/2", [(1, "23/8", "1")])],
            [["1"]],
            [["3/4"]],
            model=relu(["1"]),
        ),
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
        _S3,
        "radius*eps + weight_norm*misfit_free",
        neuron("squared", "0", "1", "2", [["1"]], "1/4"),
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
    # The formal gradient, and features at initialisation.
    needed(
        "network-formal",
        "one-kink-rule",
        "Any value of 1{0 > 0} will do, but one and the same in the gradient, in W_i and in the features.",
        "two rules at one kink",
        _S2,
        _TWO_RULES,
        _TIE.data,
        exact={"gap": "1/2", "eps_formal": "0"},
        identifier="A2",
        reading=ONE_KINK_RULE,
    ),
    *not_needed(
        _SMOOTH,
        ["network-formal"],
        "v'G = <w, phi'v> is the definition of the formal gradient; S1 and S4 use no derivative.",
    ),
    *not_needed("W-in-the-ball", ["network-init"], _NO_BALL, "A10"),
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
    *implied("outer-convexity", ["network-init-pointwise", "network-init-count"], _CONVEX),
    *(
        needed(
            f"network-init-{name}",
            "convex-loss",
            "The step expands, where the loss is concave, by more than kap allows, and kills the neuron, where it is "
            "convex again: eps is 0, and the feature at initialisation is as long as the expansion.",
            f"Geman-McClure, flip by adaptation ({name})",
            _EXPANSION,
            f"radius*eps + radius*weight_norm*error_{error} + weight_norm*misfit_init",
            {
                **_FLIP,
                "tasks": [task("1", (0, "-1/2", "1"))],
                "comparator": {"functions": [["-1/100"]]},
                "radius": "3/1000",
            },
        )
        for name, error in (("pointwise", "flips"), ("count", "count"))
    ),
    needed(
        "network-error-pointwise",
        "convex-loss",
        "With ell'' < 0 the step expands: 1 - eta ell'' = 27/5 exceeds kap = max(1, eta |ell''| - 1) = 17/5.",
        "Geman-McClure, flip by adaptation",
        _EXPANSION,
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
        _ONE_VALUE,
    ),
    needed(
        "network-linearisation",
        "regular-data",
        "N3 needs that no hyperplane through 0 has mass. At one atom its bound ||f - phi_0'W||^2 <= (c B^3/(3m)) "
        "(sum_r ||W0_r||^{-2})^{1/2}, c = 1, here B^3/3, fails: the neuron is near its kink at the atom.",
        "one neuron, one atom",
        "N3: E(1 - a_r/d_r)_+^2 <= c d_r/(3 ||W0_r||)",
        "displacement_init**3/3",
        supervised(
            "squared",
            "0",
            [["1", "0"]],
            [("1", [(0, "0", "1")])],
            [["-8/13", "12/13"]],
            {"functions": [["0"]]},
            model=relu(["5/13", "12/13"]),
        ),
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
        _REPRESENTATION,
        "radius*eps",
        supervised(
            "squared",
            "0",
            [["1"]],
            [("1/2", [(0, "2", "1")]), ("1/2", [(0, "0", "1")])],
            [["1"]],
            {"functions": [["2"], ["0"]]},
            model=relu(["1"]),
        ),
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

_EXPANDING: Content = supervised(
    "geman-mcclure",
    "4",
    [["1"]],
    [("1", [(0, "-1", "1")])],
    [["0"]],
    {"functions": [["-967/1000"]]},
    "1/1000",
    model=tanh("0"),
)
"""ell' = 1/2 and ell'' = -1/2 at W = W0 = 0, so W_i = -2: the slope of tanh falls from 1 to 0.07."""

_SQUARED = {**_EXPANDING, "loss": {"name": "squared"}}
_BALANCED: Content = {
    **_SQUARED,
    "adaptation": gradient("1/8"),
    "features": [["1"], ["2"]],
    "tasks": [task("1/2", (0, "1/64", "1")), task("1/2", (1, "-7/512", "1"))],
    "comparator": {"functions": [["2828/1000000", "0"], ["0", "-5836/1000000"]]},
}
"""To first order in the labels w = (-7/8 y_1, -1/2 y_2) and <w, phi_{W_i}> = (w_1 + 2 w_2)/2 = 0."""

_JOINT: Content = {
    **_EXPANDING,
    "loss": {"name": "huber", "delta": "1"},
    "adaptation": gradient("2"),
    "tasks": [task("1", (0, "1", "1"))],
    "comparator": {"functions": [["1"]]},
    "radius": "4",
}
_LATE: Content = {
    **_JOINT,
    "loss": {"name": "huber", "delta": "1/64"},
    "adaptation": gradient("8"),
    "tasks": [task("1", (0, "1/64", "1/4"), (0, "1", "3/4"))],
    "comparator": {"functions": [["27/200"]]},
    "radius": "1/64",
}
"""U = W + 1/8 to the left of 0, and has slope -1 to the right; ell' is so small that W_i is near W = W0."""


def _at_joint(name: str, what: str, bound: str, instance: Content, left: str = "gap", **more: object) -> Ablation:
    return needed(
        f"smooth-network-{name}",
        _SMOOTH,
        "A prediction on the joint of Huber's loss: U has slope 1 to the left and -1 to the right and is largest at "
        "W = 0, so that L rises to both sides and eps is 0 in the directional sense. Either one-sided feature "
        f"represents u: {what}",
        f"Huber at its joint, tanh ({name})",
        _S2,
        bound,
        instance,
        left=left,
        **more,
    )


_SPREADING = needed(
    "smooth-network-error-pointwise",
    "convex-loss",
    "With ell'' < 0 the step expands: 1 - eta ell'' = 3, where kap = max(1, eta |ell''| - 1) = 1.",
    "Geman-McClure, tanh",
    _EXPANSION,
    "error_pointwise",
    _EXPANDING,
    left="error_trace",
)
_STOPPED = needed(
    "smooth-network-init-pointwise",
    "stationarity-of-L",
    "Labels of size 1/64 keep W_i so near W = W0 = 0 that ||w|| ||e|| is of order 1/64^2. FOMAML stops there; the "
    "Hessian turns the balance of the two tasks, and ||G_0|| is of order 1/64.",
    "first-order stationary network, tanh",
    _S3,
    "radius*eps_first_order + radius*weight_norm*error_pointwise + weight_norm*misfit_init",
    _BALANCED,
    identifier="A3",
)

SMOOTH_NETWORK: tuple[Ablation, ...] = (
    _at_joint(
        "identity",
        "nothing is on the right.",
        "zero",
        _JOINT,
        "gap + bregman",
        reading=at_joint(IMPLIED, left="gap + bregman"),
    ),
    _at_joint(
        "s2",
        "<w, phi'v> is the pairing, and no one-sided derivative of L is below 0.",
        "zero",
        _JOINT,
        "pairing",
        reading=AT_JOINT_S2,
    ),
    *steps_of_any_features("smooth-network", _SMOOTH),
    needed(
        "smooth-network-lifted",
        "outer-convexity",
        "tanh at W = 0 predicts 0, the flat maximum of the double well: nothing is left of w, and 1 is better.",
        "double well, smooth",
        _S1,
        _LIFTED,
        supervised(
            "double-well",
            "0",
            [["1"]],
            [("1", [(0, "0", "1")])],
            [["0"]],
            {"functions": [["1"]]},
            model=tanh("0"),
        ),
        exact={"gap": "1", "weight_norm": "0"},
    ),
    _at_joint("lifted", "the bound is 0.", "zero", _JOINT, reading=at_joint()),
    _at_joint("l1", "the bound is 0.", "zero", _JOINT, reading=at_joint(L1)),
    *not_needed(
        _SMOOTH,
        ["smooth-network-first-order"],
        "v'G = <w, phi'v> is the definition of FOMAML's gradient; S1 and S4 use no derivative.",
    ),
    # Features at initialisation.
    *not_needed("W-in-the-ball", ["smooth-network-init"], _NO_BALL, "A10"),
    *not_needed(
        _SMOOTH,
        ["smooth-network-init"],
        "N2' holds for any features with their own pairing; it uses no derivative of U_i.",
    ),
    *(
        _at_joint(
            f"init-{name}",
            what,
            f"radius*weight_norm*error_{error}",
            _LATE,
            reading=at_joint(
                bound=f"radius*eps_directional + radius*weight_norm*error_{name}_one_sided + "
                "weight_norm*misfit_init_one_sided"
            ),
        )
        for name, error, what in (
            ("operator", "pointwise", "what is left is R||w|| E_op, E_op <= ||e||."),
            ("pointwise", "pointwise", "what is left is R||w|| ||e||."),
            ("ball", "ball", "what is left is R||w|| ||e||, W_i being near W0."),
        )
    ),
    *implied("outer-convexity", ["smooth-network-init-pointwise", "smooth-network-init-ball"], _CONVEX),
    *(
        again(
            _SPREADING,
            f"smooth-network-init-{name}",
            "The step expands, where the loss is concave, by more than kap allows, and flattens the neuron, where the "
            "loss is convex again: the feature at initialisation is 14 times as long.",
            f"radius*eps + radius*weight_norm*error_{name} + weight_norm*misfit_init",
        )
        for name in ("pointwise", "ball")
    ),
    _STOPPED,
    again(
        _STOPPED,
        "smooth-network-init-ball",
        "The balls of W and W_i are as small: ||w|| ||e|| is of order 1/64^2, ||G_0|| of order 1/64.",
        "radius*eps_first_order + radius*weight_norm*error_ball + weight_norm*misfit_init",
    ),
    _SPREADING,
    *not_needed(
        "off-joints",
        [f"smooth-network-error-{name}" for name in ("gradient", "operator", "pointwise", "ball")],
        _ONE_VALUE,
    ),
    # N5 and C3.
    _at_joint(
        "projected",
        "e5 and the misfit are 0.",
        "zero",
        _LATE,
        reading=at_joint(bound="eps_projected_directional + weight_norm*misfit_projected_one_sided"),
    ),
    _at_joint(
        "c3",
        "eps is 0, and one feature that is not 0 has full rank.",
        "zero",
        _JOINT,
        reading=at_joint(
            " Their rank is full to both sides.",
            "eps_directional*min_norm_solution_one_sided",
            lost=("full-row-rank",),
        ),
    ),
    needed(
        "smooth-network-c3",
        "full-row-rank",
        "Two tasks share an input and contradict each other; there is no step. W = 0 is stationary and not optimal.",
        "contradictory labels, tanh",
        _REPRESENTATION,
        "radius*eps",
        {
            **_SQUARED,
            "adaptation": gradient("0"),
            "tasks": [task("1/2", (0, "1", "1")), task("1/2", (0, "-1", "1"))],
            "comparator": {"functions": [["1"], ["-1"]]},
            "radius": "1",
        },
        exact={"gap": "1/2"},
        reading=NOTHING_REPRESENTS,
    ),
)
