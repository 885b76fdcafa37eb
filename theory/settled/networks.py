"""Cells of the network claims that an argument or the counterexample of another claim settles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..claim import Ablation, Expression, Standing
from .meta_rl import CROSSING, CROSSING_REASON
from .readings import ANY_FEATURE, ANY_VECTOR, again, implied, known, not_needed

_TIE = known("network-lifted", "a neuron at its kink")
_FLIP: Mapping[str, Any] = known("network-error-pointwise", "Geman-McClure, flip by adaptation").instance or {}
_KINK = "A neuron at its kink, from which L rises to one side and is constant to the other: "
_TWO_RULES = "radius*eps_formal + weight_norm*misfit_other_kinks"
_ONE_VALUE = (
    "At a joint of the loss ell'' has two one-sided values; with either of them throughout, every step holds: H_i may "
    "be any symmetric matrix between. Assumed so that H_i has a value."
)

NETWORK: tuple[Ablation, ...] = (
    again(_TIE, "network-identity", _KINK + "a slope of 0 and the active side's feature leave nothing on the right.",
           _TWO_RULES, "gap + bregman"),
    again(_TIE, "network-s2", _KINK + "<w, phi'v> of the active side is 1, the slope to the other side is 0.",
           "radius*eps_formal", "pairing"),
    *not_needed("differentiable-adaptation", ["network-s3"], ANY_VECTOR),
    *not_needed("differentiable-adaptation", ["network-s4"], ANY_FEATURE),
    again(_TIE, "network-l1", _KINK + "with the feature of the active side nothing is left of the misfit.",
           _TWO_RULES),
    *(
        again(
            _TIE,
            f"network-init-{name}",
            _KINK + "no neuron counts as flipped if the kink is read as active, and the slope is read as 0.",
            "radius*eps_formal + weight_norm*misfit_init",
        )
        for name in ("operator", "pointwise", "count")
    ),
    again(_TIE, "network-projected", _KINK + "in the ball of radius 2 the feature of the active side represents u.",
           "eps_formal + weight_norm*misfit_other_kinks", changes={"radius": "2"}),
    again(_TIE, "network-c3", _KINK + "one point, and the feature of the active side is 1, of full rank.",
           "eps_formal"),
    *implied(
        "outer-convexity",
        ["network-init-pointwise", "network-init-count"],
        "Implied: the other assumption says ell'' >= 0 everywhere.",
    ),
    *(
        Ablation(
            "convex-loss",
            f"network-init-{name}",
            Standing.NEEDED,
            "The step expands, where the loss is concave, by more than kap allows, and kills the neuron, where it is "
            "convex again: eps is 0, and the feature at initialisation is as long as the expansion.",
            f"Geman-McClure, flip by adaptation ({name})",
            "||I - eta H_0|| <= kap",
            bound=Expression(f"radius*eps + radius*weight_norm*error_{error} + weight_norm*misfit_init"),
            instance={
                **_FLIP,
                "tasks": [{"weight": "1", "atoms": [{"x": 0, "y": "-1/2", "p": "1"}]}],
                "comparator": {"functions": [["-1/100"]]},
                "radius": "3/1000",
            },
        )
        for name, error in (("pointwise", "flips"), ("count", "count"))
    ),
    *not_needed(
        "off-joints",
        [f"network-{name}" for name in ("formal", "init", "error-gradient", "error-operator", "error-pointwise",
                                        "error-count")],
        _ONE_VALUE,
    ),
)  # fmt: skip

_POLICY_TIE = known("meta-rl-network-lifted", "a neuron at its kink (directional stationarity)")
_SURE_NEURON = known("meta-rl-network-lifted", "an action of probability 0, network")
_NO_TERM = "w is 0 on all that is visited, and a factor of every term of the bound."
_ANY_SUPPORT = "An inequality of norms on the pairs that are visited, whatever their probabilities."

META_RL_NETWORK: tuple[Ablation, ...] = (
    *(
        again(_SURE_NEURON, f"meta-rl-network-{name}", _NO_TERM, "weight_norm")
        for name in ("identity", "l1", "formal", "init", "init-operator", "init-pointwise", "init-count")
    ),
    again(
        _SURE_NEURON,
        "meta-rl-network-c3",
        "w is 0 on all that is visited, so eps is 0; two neurons of opposite output have one difference, not 0.",
        "eps",
        changes={
            "model": {"name": "relu-network", "b": ["1", "-1"], "W0": [["1"], ["1"]]},
            "omega": [["1"], ["1"]],
        },
    ),
    Ablation(
        "positive-policy",
        "meta-rl-network-s2",
        Standing.NEEDED,
        CROSSING_REASON,
        "a probability that crosses 0, network",
        "S2: chain rule",
        left=Expression("eps"),
        bound=Expression("weight_norm"),
        instance={
            **CROSSING,
            "model": {"name": "relu-network", "b": ["1", "-1"], "W0": [["1"], ["1"]]},
            "omega": [["1"], ["1"]],
            "comparator": [["1/2"], ["1"]],
        },
        exact={"weight_norm": "0"},
    ),
    *not_needed("positive-policy", ["meta-rl-network-s3"], ANY_VECTOR),
    *not_needed("positive-policy", ["meta-rl-network-s4"], ANY_FEATURE),
    *not_needed(
        "positive-policy",
        [f"meta-rl-network-error-{name}" for name in ("gradient", "pointwise", "count")],
        _ANY_SUPPORT,
    ),
    again(_POLICY_TIE, "meta-rl-network-identity", "With a slope of 0 and the active side's feature it is 0.",
           _TWO_RULES),
    again(_POLICY_TIE, "meta-rl-network-s2", "<w, Phi v> of the active side is 1/2, no direction improves L.",
           "radius*eps_formal", "pairing"),
    *not_needed("differentiable-adaptation", ["meta-rl-network-s3"], ANY_VECTOR),
    *not_needed("differentiable-adaptation", ["meta-rl-network-s4"], ANY_FEATURE),
    again(_POLICY_TIE, "meta-rl-network-l1", "The active side's feature leaves no misfit.", _TWO_RULES),
    again(_POLICY_TIE, "meta-rl-network-c3", "The active side's feature has one difference, which is not 0.",
           "eps_formal"),
    *(
        again(
            _POLICY_TIE,
            f"meta-rl-network-init-{name}",
            "No neuron counts as flipped if the kink is read as active, and the slope is read as 0.",
            "radius*eps_formal + weight_norm*misfit_init",
        )
        for name in ("operator", "pointwise", "count")
    ),
)  # fmt: skip

_SURE_TANH = known("meta-rl-smooth-network-lifted", "an action of probability 0, tanh network")

META_RL_SMOOTH_NETWORK: tuple[Ablation, ...] = (
    *(
        again(_SURE_TANH, f"meta-rl-smooth-network-{name}", _NO_TERM, "weight_norm")
        for name in ("identity", "l1", "init", "init-operator", "init-pointwise", "init-ball")
    ),
    again(
        _SURE_TANH,
        "meta-rl-smooth-network-c3",
        "w is 0 on all that is visited, so eps is 0; the neuron's difference is not 0.",
        "eps",
    ),
    Ablation(
        "positive-policy",
        "meta-rl-smooth-network-s2",
        Standing.NEEDED,
        CROSSING_REASON,
        "a probability that crosses 0, tanh network",
        "S2: chain rule",
        left=Expression("eps"),
        bound=Expression("weight_norm"),
        instance={
            **CROSSING,
            "model": {"name": "smooth-network", "activation": "tanh", "b": ["1"], "W0": [["1"]]},
            "omega": [["0"]],
            "comparator": [["-1"]],
        },
        exact={"weight_norm": "0"},
    ),
    *not_needed("positive-policy", ["meta-rl-smooth-network-s3"], ANY_VECTOR),
    *not_needed("positive-policy", ["meta-rl-smooth-network-s4"], ANY_FEATURE),
    *not_needed(
        "positive-policy",
        [f"meta-rl-smooth-network-error-{name}" for name in ("gradient", "pointwise", "ball")],
        _ANY_SUPPORT,
    ),
)

_JOINT: Mapping[str, Any] = {
    **(known("smooth-network-lifted", "double well, smooth").instance or {}),
    "loss": {"name": "huber", "delta": "1"},
    "adaptation": {"name": "gradient", "eta": "2", "steps": 1},
    "tasks": [{"weight": "1", "atoms": [{"x": 0, "y": "1", "p": "1"}]}],
    "radius": "4",
}
_BOTH_SIDES = (
    "A prediction on the joint of Huber's loss: U has slope 1 to the left and -1 to the right and is largest at W = 0, "
    "so that L rises to both sides and eps is 0 in the directional sense. Either one-sided feature represents u: "
)

_LATE: Mapping[str, Any] = {
    **_JOINT,
    "loss": {"name": "huber", "delta": "1/64"},
    "adaptation": {"name": "gradient", "eta": "8", "steps": 1},
    "tasks": [{"weight": "1", "atoms": [{"x": 0, "y": "1/64", "p": "1/4"}, {"x": 0, "y": "1", "p": "3/4"}]}],
    "comparator": {"functions": [["27/200"]]},
    "radius": "1/64",
}
"""U = W + 1/8 to the left of 0, and has slope -1 to the right; ell' is so small that W_i is near W = W0."""
_EXPANDING = known("smooth-network-error-pointwise", "Geman-McClure, tanh")

SMOOTH_NETWORK: tuple[Ablation, ...] = (
    *(
        Ablation(
            "differentiable-adaptation",
            f"smooth-network-{name}",
            Standing.NEEDED,
            _BOTH_SIDES + what,
            f"Huber at its joint, tanh ({name})",
            "S2: chain rule",
            left=Expression(left),
            bound=Expression(bound),
            instance=_JOINT,
        )
        for name, what, left, bound in (
            ("identity", "nothing is on the right.", "gap + bregman", "zero"),
            ("s2", "<w, phi'v> is the pairing, and no one-sided derivative of L is below 0.", "pairing", "zero"),
            ("lifted", "the bound is 0.", "gap", "zero"),
            ("l1", "the bound is 0.", "gap", "zero"),
            ("c3", "eps is 0, and one feature that is not 0 has full rank.", "gap", "zero"),
        )
    ),
    *not_needed("differentiable-adaptation", ["smooth-network-s3"], ANY_VECTOR),
    *not_needed("differentiable-adaptation", ["smooth-network-s4"], ANY_FEATURE),
    *not_needed(
        "differentiable-adaptation",
        ["smooth-network-init"],
        "N2' holds for any features with their own pairing; it uses no derivative of U_i.",
    ),
    *(
        Ablation(
            "differentiable-adaptation",
            f"smooth-network-{name}",
            Standing.NEEDED,
            _BOTH_SIDES + what,
            f"Huber at its joint, tanh ({name})",
            "S2: chain rule",
            bound=Expression(bound),
            instance=_LATE,
        )
        for name, what, bound in (
            ("init-operator", "what is left is R||w|| E_op, E_op <= ||e||.", "radius*weight_norm*error_pointwise"),
            ("init-pointwise", "what is left is R||w|| ||e||.", "radius*weight_norm*error_pointwise"),
            ("init-ball", "what is left is R||w|| ||e||, W_i being near W0.", "radius*weight_norm*error_ball"),
            ("projected", "e5 and the misfit are 0.", "zero"),
        )
    ),
    *implied(
        "outer-convexity",
        ["smooth-network-init-pointwise", "smooth-network-init-ball"],
        "Implied: the other assumption says ell'' >= 0 everywhere.",
    ),
    *(
        again(
            _EXPANDING,
            f"smooth-network-init-{name}",
            "The step expands, where the loss is concave, by more than kap allows, and flattens the neuron, where the "
            "loss is convex again: the feature at initialisation is 14 times as long.",
            f"radius*eps + radius*weight_norm*error_{name} + weight_norm*misfit_init",
        )
        for name in ("pointwise", "ball")
    ),
    again(
        known("smooth-network-init-pointwise", "first-order stationary network, tanh"),
        "smooth-network-init-ball",
        "The balls of W and W_i are as small: ||w|| ||e|| is of order 1/64^2, ||G_0|| of order 1/64.",
        "radius*eps_first_order + radius*weight_norm*error_ball + weight_norm*misfit_init",
    ),
    *not_needed(
        "off-joints",
        [f"smooth-network-error-{name}" for name in ("gradient", "operator", "pointwise", "ball")],
        _ONE_VALUE,
    ),
)
