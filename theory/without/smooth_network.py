"""The claims on smooth networks without one assumption, claim by claim; instances have one tanh neuron."""

from __future__ import annotations

from typing import Any

from ..claim import Ablation
from .cells import (
    AT_JOINT_S2,
    IMPLIED,
    L1,
    NOTHING_REPRESENTS,
    OFF,
    again,
    any_divergence,
    at_joint,
    implied,
    needed,
    not_needed,
    steps_of_any_features,
)
from .instances import Content, functions, gradient, supervised, tanh, varied
from .network import CONVEX, EXPANSION, LIFTED, NO_BALL, ONE_VALUE, REPRESENTATION, S1, S2, S3, SMOOTH

_EXPANDING: Content = supervised(
    "geman-mcclure", "4", "1", "1: 0 -1 1", "0", functions("-967/1000"), "1/1000", model=tanh("0")
)
"""ell' = 1/2 and ell'' = -1/2 at W = W0 = 0, so W_i = -2: the slope of tanh falls from 1 to 0.07."""

_SQUARED = varied(_EXPANDING, loss={"name": "squared"})
_BALANCED: Content = varied(
    _SQUARED,
    adaptation=gradient("1/8"),
    features=[["1"], ["2"]],
    tasks="1/2: 0 1/64 1 | 1/2: 1 -7/512 1",
    comparator=functions("2828/1000000 0; 0 -5836/1000000"),
)
"""To first order in the labels w = (-7/8 y_1, -1/2 y_2) and <w, phi_{W_i}> = (w_1 + 2 w_2)/2 = 0."""

_JOINT: Content = varied(
    _EXPANDING,
    loss={"name": "huber", "delta": "1"},
    adaptation=gradient("2"),
    tasks="1: 0 1 1",
    comparator=functions("1"),
    radius="4",
)
_LATE: Content = varied(
    _JOINT,
    loss={"name": "huber", "delta": "1/64"},
    adaptation=gradient("8"),
    tasks="1: 0 1/64 1/4, 0 1 3/4",
    comparator=functions("27/200"),
    radius="1/64",
)
"""U = W + 1/8 to the left of 0, and has slope -1 to the right; ell' is so small that W_i is near W = W0."""


def _at_joint(name: str, what: str, bound: str, instance: Content, left: str = "gap", **more: Any) -> Ablation:
    return needed(
        f"smooth-network-{name}",
        SMOOTH,
        "A prediction on the joint of Huber's loss: U has slope 1 to the left and -1 to the right and is largest at "
        "W = 0, so that L rises to both sides and eps is 0 in the directional sense. Either one-sided feature "
        f"represents u: {what}",
        f"Huber at its joint, tanh ({name})",
        S2,
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
    EXPANSION,
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
    S3,
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
    *steps_of_any_features("smooth-network", SMOOTH),
    needed(
        "smooth-network-lifted",
        "outer-convexity",
        "tanh at W = 0 predicts 0, the flat maximum of the double well: nothing is left of w, and 1 is better.",
        "double well, smooth",
        S1,
        LIFTED,
        supervised("double-well", "0", "1", "1: 0 0 1", "0", functions("1"), model=tanh("0")),
        exact={"gap": "1", "weight_norm": "0"},
    ),
    _at_joint("lifted", "the bound is 0.", "zero", _JOINT, reading=at_joint()),
    _at_joint("l1", "the bound is 0.", "zero", _JOINT, reading=at_joint(L1)),
    *any_divergence("smooth-network"),
    *(
        _at_joint(
            name,
            "less than 0 is on the right.",
            f"zero{OFF}",
            _JOINT,
            reading=at_joint(why, f"radius*eps_directional + weight_norm*misfit_one_sided{OFF}"),
        )
        for name, why in (("refined", ""), ("refined-l1", L1))
    ),
    needed(
        "smooth-network-c4",
        SMOOTH,
        "As for the linear model, with all predictions after the step on the quadratic part and all of them so near 0 "
        "that tanh is nearly straight: U has slope 1 to the left of the joint and 1/2 to the right for the first task, "
        "and L rises to both sides. The feature of the left side represents u but for a 1000th.",
        "Huber at its joint, tanh, quadratic after the step",
        S2,
        "weight_norm*function_displacement/1000 - function_displacement**2/2",
        varied(
            _LATE,
            adaptation=gradient("1/2"),
            tasks="8/11: 0 1/64 1 | 3/11: 0 -11/512 1",
            comparator=functions("9/1024; -7/1024"),
            radius="1",
        ),
        unfound="The kept instance takes the feature of one side: see the linear model.",
    ),
    needed(
        "smooth-network-c4",
        "strong-convexity",
        "On Huber's tail the gap is R eps: subtracting ||u||^2/2 breaks it.",
        "Huber tail, tanh",
        S1,
        f"{LIFTED} - function_displacement**2/2",
        varied(_JOINT, adaptation=gradient("0"), tasks="1: 0 -16 1", comparator=functions("-1"), radius="1"),
        exact={"gap": "1"},
    ),
    *not_needed(
        SMOOTH,
        ["smooth-network-first-order"],
        "v'G = <w, phi'v> is the definition of FOMAML's gradient; S1 and S4 use no derivative.",
    ),
    # Features at initialisation.
    *not_needed("W-in-the-ball", ["smooth-network-init"], NO_BALL, "A10"),
    *not_needed(
        SMOOTH,
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
    *implied("outer-convexity", ["smooth-network-init-pointwise", "smooth-network-init-ball"], CONVEX),
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
        ONE_VALUE,
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
        REPRESENTATION,
        "radius*eps",
        varied(
            _SQUARED,
            adaptation=gradient("0"),
            tasks="1/2: 0 1 1 | 1/2: 0 -1 1",
            comparator=functions("1; -1"),
            radius="1",
        ),
        exact={"gap": "1/2"},
        reading=NOTHING_REPRESENTS,
    ),
)
