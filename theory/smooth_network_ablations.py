"""Assumptions of the claims on smooth networks dropped: exact instances of one neuron."""

from __future__ import annotations

from typing import Any

from .claim import Ablation, Expression, Standing

_EXPANDING: dict[str, Any] = {
    "format": "metagap/instance/1",
    "problem": "meta-sl",
    "loss": {"name": "geman-mcclure"},
    "adaptation": {"name": "gradient", "eta": "4", "steps": 1},
    "model": {"name": "smooth-network", "activation": "tanh", "b": ["1"], "W0": [["0"]]},
    "features": [["1"]],
    "tasks": [{"weight": "1", "atoms": [{"x": 0, "y": "-1", "p": "1"}]}],
    "omega": [["0"]],
    "comparator": {"functions": [["-967/1000"]]},
    "radius": "1/1000",
}
"""ell' = 1/2 and ell'' = -1/2 at W = W0 = 0, so W_i = -2: the slope of tanh falls from 1 to 0.07."""

_BALANCED: dict[str, Any] = {
    **_EXPANDING,
    "loss": {"name": "squared"},
    "adaptation": {"name": "gradient", "eta": "1/8", "steps": 1},
    "features": [["1"], ["2"]],
    "tasks": [
        {"weight": "1/2", "atoms": [{"x": 0, "y": "1/64", "p": "1"}]},
        {"weight": "1/2", "atoms": [{"x": 1, "y": "-7/512", "p": "1"}]},
    ],
    "comparator": {"functions": [["2828/1000000", "0"], ["0", "-5836/1000000"]]},
}
"""To first order in the labels w = (-7/8 y_1, -1/2 y_2) and <w, phi_{W_i}> = (w_1 + 2 w_2)/2 = 0."""

ABLATIONS: tuple[Ablation, ...] = (
    Ablation(
        "outer-convexity",
        "smooth-network-lifted",
        Standing.NEEDED,
        "tanh at W = 0 predicts 0, the flat maximum of the double well: nothing is left of w, and 1 is better.",
        "double well, smooth",
        "S1: functional geometry",
        bound=Expression("radius*eps + weight_norm*misfit"),
        instance={
            "format": "metagap/instance/1",
            "problem": "meta-sl",
            "loss": {"name": "double-well"},
            "adaptation": {"name": "gradient", "eta": "0", "steps": 1},
            "model": {"name": "smooth-network", "activation": "tanh", "b": ["1"], "W0": [["0"]]},
            "features": [["1"]],
            "tasks": [{"weight": "1", "atoms": [{"x": 0, "y": "0", "p": "1"}]}],
            "omega": [["0"]],
            "comparator": {"functions": [["1"]]},
            "radius": "1",
        },
        exact={"gap": "1", "weight_norm": "0"},
    ),
    Ablation(
        "differentiable-adaptation",
        "smooth-network-first-order",
        Standing.NOT_NEEDED,
        "v'G = <w, phi'v> is the definition of FOMAML's gradient; S1 and S4 use no derivative.",
    ),
    Ablation(
        "convex-loss",
        "smooth-network-error-pointwise",
        Standing.NEEDED,
        "With ell'' < 0 the step expands: 1 - eta ell'' = 3, where kap = max(1, eta |ell''| - 1) = 1.",
        "Geman-McClure, tanh",
        "||I - eta H_0|| <= kap",
        left=Expression("error_trace"),
        bound=Expression("error_pointwise"),
        instance=_EXPANDING,
    ),
    Ablation(
        "stationarity-of-L",
        "smooth-network-init-pointwise",
        Standing.NEEDED,
        "Labels of size 1/64 keep W_i so near W = W0 = 0 that ||w|| ||e|| is of order 1/64^2. FOMAML stops there; the "
        "Hessian turns the balance of the two tasks, and ||G_0|| is of order 1/64.",
        "first-order stationary network, tanh",
        "S3: stationarity",
        bound=Expression("radius*eps_first_order + radius*weight_norm*error_pointwise + weight_norm*misfit_init"),
        instance=_BALANCED,
        identifier="A3",
    ),
    Ablation(
        "W-in-the-ball",
        "smooth-network-init",
        Standing.NOT_NEEDED,
        "Nothing needs W near W0: the displacement is measured, and N2' has no error term. Rates in the width need "
        "a ball.",
        identifier="A10",
    ),
    Ablation(
        "full-row-rank",
        "smooth-network-c3",
        Standing.NEEDED,
        "Two tasks share an input and contradict each other; there is no step. W = 0 is stationary and not optimal.",
        "contradictory labels, tanh",
        "representation of u",
        bound=Expression("radius*eps"),
        instance={
            **_EXPANDING,
            "loss": {"name": "squared"},
            "adaptation": {"name": "gradient", "eta": "0", "steps": 1},
            "tasks": [
                {"weight": "1/2", "atoms": [{"x": 0, "y": "1", "p": "1"}]},
                {"weight": "1/2", "atoms": [{"x": 0, "y": "-1", "p": "1"}]},
            ],
            "comparator": {"functions": [["1"], ["-1"]]},
            "radius": "1",
        },
        exact={"gap": "1/2"},
    ),
)
