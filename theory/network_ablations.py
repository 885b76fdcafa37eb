"""Assumptions of the network claims dropped: exact instances of one or two neurons, small enough to check by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .claim import Ablation, Expression, Standing

Atoms = Sequence[tuple[int, str, str]]


def _instance(
    loss: str,
    eta: str,
    inputs: Sequence[Sequence[str]],
    tasks: Sequence[tuple[str, Atoms]],
    start: Sequence[Sequence[str]],
    omega: Sequence[Sequence[str]],
    comparator: Sequence[Sequence[str]] | dict[str, Any],
    radius: str = "1",
) -> dict[str, Any]:
    """An instance file's content, with b = 1 for every neuron; atoms are (x, y, p)."""
    return {
        "format": "metagap/instance/1",
        "problem": "meta-sl",
        "loss": {"name": loss},
        "adaptation": {"name": "gradient", "eta": eta, "steps": 1},
        "model": {"name": "relu-network", "b": ["1"] * len(start), "W0": [list(row) for row in start]},
        "features": [list(row) for row in inputs],
        "tasks": [
            {"weight": weight, "atoms": [{"x": x, "y": y, "p": p} for x, y, p in atoms]} for weight, atoms in tasks
        ],
        "omega": [list(row) for row in omega],
        "comparator": comparator if isinstance(comparator, dict) else [list(row) for row in comparator],
        "radius": radius,
    }


def _neuron(
    loss: str, eta: str, y: str, omega: str, comparator: str | dict[str, Any], radius: str = "1"
) -> dict[str, Any]:
    """One neuron, one task, x = 1, W0 = 1."""
    rival = comparator if isinstance(comparator, dict) else [[comparator]]
    return _instance(loss, eta, [["1"]], [("1", [(0, y, "1")])], [["1"]], [[omega]], rival, radius)


_TIE = _neuron("squared", "0", "-1", "0", {"functions": [["-1"]]})
_TWO_RULES = Expression("radius*eps_formal + weight_norm*misfit_other_kinks")

ABLATIONS: tuple[Ablation, ...] = (
    Ablation(
        "outer-convexity",
        "network-lifted",
        Standing.NEEDED,
        "A dead neuron predicts 0, the flat maximum of the double well: nothing is left of w, and 1 is better.",
        "double well",
        "S1: functional geometry",
        bound=Expression("radius*eps + weight_norm*misfit"),
        instance=_neuron("double-well", "0", "0", "-1", {"functions": [["1"]]}),
        exact={"gap": "1", "weight_norm": "0", "bregman": "-1"},
    ),
    Ablation(
        "differentiable-adaptation",
        "network-lifted",
        Standing.NEEDED,
        "At its kink the neuron is stationary in the directional sense (L does not decrease to either side), so that a "
        "gradient of 0 is a reasonable choice; with the feature of the active side the bound is 0.",
        "a neuron at its kink",
        "S2: chain rule",
        bound=_TWO_RULES,
        instance=_TIE,
        exact={"gap": "1/2", "eps_formal": "0", "weight_norm": "1"},
    ),
    Ablation(
        "one-kink-rule",
        "network-formal",
        Standing.NEEDED,
        "Any value of 1{0 > 0} will do, but one and the same in the gradient, in W_i and in the features.",
        "two rules at one kink",
        "S2: chain rule",
        bound=_TWO_RULES,
        instance=_TIE,
        exact={"gap": "1/2", "eps_formal": "0"},
        identifier="A2",
    ),
    Ablation(
        "differentiable-adaptation",
        "network-formal",
        Standing.NOT_NEEDED,
        "v'G = <w, phi'v> is the definition of the formal gradient; S1 and S4 use no derivative.",
    ),
    Ablation(
        "stationarity-of-L",
        "network-lifted",
        Standing.NEEDED,
        "A point where FOMAML stops is not stationary for L: with its eps and the full meta-feature the bound is 0.",
        "first-order stationary network",
        "S3: stationarity",
        bound=Expression("radius*eps_first_order + weight_norm*misfit"),
        instance=_instance(
            "squared",
            "1/8",
            [["1"], ["2"]],
            [("1/2", [(0, "0", "1")]), ("1/2", [(1, "23/8", "1")])],
            [["1"]],
            [["1"]],
            [["3/4"]],
        ),
        exact={"gap": "55/4096", "eps": "21/128", "eps_first_order": "0"},
        identifier="A3",
    ),
    Ablation(
        "minimiser-exists",
        "network-lifted",
        Standing.NOT_NEEDED,
        "The claim compares with any network or any functions. A minimiser need not exist, even on a compact ball: L "
        "is discontinuous at kinks. m = d = b = 1, eta = 1/4, tasks (x, y) = (2, 3) and (1, 0): L(W) = 9 W^2/64 for "
        "W > 0 and 9/4 for W <= 0, so the infimum 0 is not attained.",
        identifier="A5",
    ),
    Ablation(
        "one-radius",
        "network-lifted",
        Standing.NEEDED,
        "R eps with a smaller R than the ball of the infimum.",
        "unconstrained infimum",
        "S3: stationarity",
        bound=Expression("radius*eps + weight_norm*misfit_free"),
        instance=_neuron("squared", "0", "1", "2", "1", "1/4"),
        exact={"gap": "1/2", "eps": "1"},
        identifier="A6",
    ),
    Ablation(
        "regular-data",
        "network-linearisation",
        Standing.NEEDED,
        "N3 needs that no hyperplane through 0 has mass. At one atom its bound ||f - phi_0'W||^2 <= (c B^3/(3m)) "
        "(sum_r ||W0_r||^{-2})^{1/2}, c = 1, here B^3/3, fails: the neuron is near its kink at the atom.",
        "one neuron, one atom",
        "N3: E(1 - a_r/d_r)_+^2 <= c d_r/(3 ||W0_r||)",
        left=Expression("linearisation**2"),
        bound=Expression("displacement_init**3/3"),
        instance=_instance(
            "squared",
            "0",
            [["1", "0"]],
            [("1", [(0, "0", "1")])],
            [["5/13", "12/13"]],
            [["-8/13", "12/13"]],
            {"functions": [["0"]]},
        ),
        exact={"linearisation": "8/13", "displacement_init": "1"},
        identifier="A9",
    ),
    Ablation(
        "W-in-the-ball",
        "network-init",
        Standing.NOT_NEEDED,
        "Nothing needs W near W0: the displacement is measured, and N2' has no error term. Rates in the width need "
        "a ball.",
        identifier="A10",
    ),
    Ablation(
        "convex-loss",
        "network-error-pointwise",
        Standing.NEEDED,
        "With ell'' < 0 the step expands: 1 - eta ell'' = 27/5 exceeds kap = max(1, eta |ell''| - 1) = 17/5.",
        "Geman-McClure, flip by adaptation",
        "||I - eta H_0|| <= kap",
        left=Expression("error_trace"),
        bound=Expression("error_flips"),
        instance=_instance(
            "geman-mcclure", "25", [["1"]], [("1", [(0, "0", "1")])], [["2"]], [["2"]], {"functions": [["0"]]}
        ),
        exact={"weight_norm": "0"},
    ),
    Ablation(
        "full-row-rank",
        "network-c3",
        Standing.NEEDED,
        "Two tasks share an input and contradict each other: stationary for every radius, not optimal.",
        "contradictory labels",
        "representation of u",
        bound=Expression("radius*eps"),
        instance=_instance(
            "squared",
            "0",
            [["1"]],
            [("1/2", [(0, "2", "1")]), ("1/2", [(0, "0", "1")])],
            [["1"]],
            [["1"]],
            {"functions": [["2"], ["0"]]},
        ),
        exact={"gap": "1/2", "eps": "0"},
    ),
)
