"""Assumptions of the network-policy claims dropped: exact instances of one neuron, small enough to check by hand."""

from __future__ import annotations

from typing import Any

from .claim import Ablation, Expression, Standing
from .meta_rl_ablations import bandit_task

_S2 = "S2: chain rule"


def _neuron(
    weight: str, start: str, rival: tuple[str, str], radius: str, sign: str = "1", eta: str = "0"
) -> dict[str, Any]:
    """One state, two actions with x = (1, 0), r = (1, 0), gamma = 0, one neuron."""
    return {
        "format": "metagap/instance/1",
        "problem": "meta-rl",
        "model": {"name": "relu-network", "b": [sign], "W0": [[start]]},
        "features": [[["1"], ["0"]]],
        "tasks": [bandit_task(["1", "0"])],
        "tau": "1",
        "eta": eta,
        "adaptation": {"name": "kl-step" if eta == "0" else "rational-step"},
        "omega": [[weight]],
        "comparator": {"policies": [[list(rival)]]},
        "radius": radius,
    }


_KINK = _neuron("0", "1", ("1", "0"), "2", sign="-1")
"""L: f = -relu(W), so pi(a0) = logistic(-relu(W)) <= 1/2 with equality for W <= 0: W = 0 is a maximum in W."""

ABLATIONS: tuple[Ablation, ...] = (
    Ablation(
        "differentiable-adaptation",
        "meta-rl-network-lifted",
        Standing.NEEDED,
        "L: one neuron with b = -1 at its kink. No direction improves L (L'(0; v) = -max(v, 0)/4 <= 0), so that "
        "eps = 0 is reasonable; with the feature of the active side, Phi = (-1/2, 1/2), u = (1, -1) = -2 Phi and R = 2 "
        "the bound is 0, and the gap is 1/2.",
        "a neuron at its kink (directional stationarity)",
        _S2,
        bound=Expression("radius*eps_formal + weight_norm*misfit_other_kinks"),
        instance=_KINK,
        exact={"gap": "1/2", "weight_norm": "1/2", "eps_formal": "0"},
        identifier="RL-L",
    ),
    Ablation(
        "one-kink-rule",
        "meta-rl-network-formal",
        Standing.NEEDED,
        "L: any value of 1{0 > 0} will do, but one and the same in the gradient and in the features. With 1{0 > 0} = 1 "
        "in both, ||G|| = 1/4, and R ||G|| = 1/2 is the gap.",
        "two rules at one kink of a policy",
        _S2,
        bound=Expression("radius*eps_formal + weight_norm*misfit_other_kinks"),
        instance=_KINK,
        exact={"gap": "1/2", "eps_formal": "0"},
        identifier="RL-L",
    ),
    Ablation(
        "differentiable-adaptation",
        "meta-rl-network-formal",
        Standing.NOT_NEEDED,
        "L: v'G = <w, Phi v> is the definition of the formal gradient; the performance difference uses no derivative.",
        identifier="RL-L",
    ),
    Ablation(
        "positive-policy",
        "meta-rl-network-lifted",
        Standing.NEEDED,
        "A: a dead neuron gives a uniform prior, and the rational step with eta = -1 the better action probability 0.",
        "an action of probability 0, network",
        "S1: performance difference",
        bound=Expression("radius*eps + weight_norm*misfit"),
        instance=_neuron("-1", "1", ("1", "0"), "1", eta="-1"),
        exact={"gap": "1", "weight_norm": "0"},
        identifier="RL-A",
    ),
    Ablation(
        "W-in-the-ball",
        "meta-rl-network-init",
        Standing.NOT_NEEDED,
        "Nothing needs W near W0: the displacement is measured, and N1 with its own pairing has no error term. Rates "
        "in the width need a ball, and more than a finite process gives.",
        identifier="A10",
    ),
    Ablation(
        "full-action-rank",
        "meta-rl-network-c3",
        Standing.NEEDED,
        "Two tasks share a state and want opposite actions. Two neurons of opposite output are uniform policies, and L "
        "is 1/2 for every W: stationary, at any width, and each task's best policy has 1.",
        "contradictory tasks, network",
        "representation of u",
        bound=Expression("radius*eps"),
        instance={
            **_neuron("1", "1", ("1", "0"), "1"),
            "model": {"name": "relu-network", "b": ["1", "-1"], "W0": [["1"], ["1"]]},
            "tasks": [{**bandit_task(["1", "0"]), "weight": "1/2"}, {**bandit_task(["0", "1"]), "weight": "1/2"}],
            "omega": [["1"], ["1"]],
            "comparator": {"policies": [[["1", "0"]], [["0", "1"]]]},
        },
        exact={"gap": "1/2", "eps": "0"},
    ),
)
