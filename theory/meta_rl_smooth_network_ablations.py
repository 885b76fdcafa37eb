"""Assumptions of the smooth network-policy claims dropped: exact instances of one tanh neuron at W = 0."""

from __future__ import annotations

from .claim import Ablation, Expression, Standing
from .meta_rl_ablations import bandit_task

ABLATIONS: tuple[Ablation, ...] = (
    Ablation(
        "positive-policy",
        "meta-rl-smooth-network-lifted",
        Standing.NEEDED,
        "A: tanh(0) = 0 gives a uniform prior, and the rational step with eta = -1 the better action probability 0.",
        "an action of probability 0, tanh network",
        "S1: performance difference",
        bound=Expression("radius*eps + weight_norm*misfit"),
        instance={
            "format": "metagap/instance/1",
            "problem": "meta-rl",
            "model": {"name": "smooth-network", "activation": "tanh", "b": ["1"], "W0": [["1"]]},
            "features": [[["1"], ["0"]]],
            "tasks": [bandit_task(["1", "0"])],
            "tau": "1",
            "eta": "-1",
            "adaptation": {"name": "rational-step"},
            "omega": [["0"]],
            "comparator": {"policies": [[["1", "0"]]]},
            "radius": "1",
        },
        exact={"gap": "1", "weight_norm": "0"},
        identifier="RL-A",
    ),
    Ablation(
        "W-in-the-ball",
        "meta-rl-smooth-network-init",
        Standing.NOT_NEEDED,
        "Nothing needs W near W0: the displacement is measured, and N1 with its own pairing has no error term.",
        identifier="A10",
    ),
    Ablation(
        "regular-data",
        "meta-rl-smooth-network-init-ball",
        Standing.NOT_NEEDED,
        "N1' holds at every input: sigma' is Lipschitz, so that an atom of the data costs nothing.",
    ),
    Ablation(
        "full-action-rank",
        "meta-rl-smooth-network-c3",
        Standing.NEEDED,
        "Two tasks share a state and want opposite actions. tanh(0) = 0 gives uniform policies, and L is 1/2 for every "
        "W: stationary, at any width, and each task's best policy has 1.",
        "contradictory tasks, tanh network",
        "representation of u",
        bound=Expression("radius*eps"),
        instance={
            "format": "metagap/instance/1",
            "problem": "meta-rl",
            "model": {"name": "smooth-network", "activation": "tanh", "b": ["1"], "W0": [["1"]]},
            "features": [[["1"], ["0"]]],
            "tasks": [{**bandit_task(["1", "0"]), "weight": "1/2"}, {**bandit_task(["0", "1"]), "weight": "1/2"}],
            "tau": "1",
            "eta": "0",
            "adaptation": {"name": "kl-step"},
            "omega": [["0"]],
            "comparator": {"policies": [[["1", "0"]], [["0", "1"]]]},
            "radius": "1",
        },
        exact={"gap": "1/2"},
    ),
)
