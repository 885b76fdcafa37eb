"""Instance files' contents, for exact instances that are small enough to check by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Atoms = Sequence[tuple[int, str, str]]
Rows = Sequence[Any]
Content = dict[str, Any]

LINEAR: Content = {"name": "linear"}


def relu(*start: Sequence[str], signs: Sequence[str] = ()) -> Content:
    """A ReLU network with these rows of W0; b = 1 for every neuron if no signs are given."""
    return {"name": "relu-network", "b": list(signs) or ["1"] * len(start), "W0": [list(row) for row in start]}


def tanh(start: str) -> Content:
    """One tanh neuron with one weight."""
    return {"name": "smooth-network", "activation": "tanh", "b": ["1"], "W0": [[start]]}


def supervised(
    loss: str | Mapping[str, str],
    eta: str,
    features: Rows,
    tasks: Sequence[tuple[str, Atoms]],
    omega: Rows,
    comparator: Rows | Mapping[str, Any],
    radius: str = "1",
    *,
    model: Content = LINEAR,
) -> Content:
    """Supervised learning with one gradient step; tasks are (weight, atoms), atoms (x, y, p)."""
    return {
        "format": "metagap/instance/1",
        "problem": "meta-sl",
        "loss": {"name": loss} if isinstance(loss, str) else dict(loss),
        "adaptation": gradient(eta),
        "model": model,
        "features": features,
        "tasks": [task(weight, *atoms) for weight, atoms in tasks],
        "omega": omega,
        "comparator": comparator,
        "radius": radius,
    }


def gradient(eta: str, steps: int = 1) -> Content:
    """Adaptation by gradient steps."""
    return {"name": "gradient", "eta": eta, "steps": steps}


def task(weight: str, *atoms: tuple[int, str, str], support: Atoms = ()) -> Content:
    """A supervised task of atoms (x, y, p); support: those that it adapts on, if they are others."""

    def law(given: Atoms) -> list[Content]:
        return [{"x": x, "y": y, "p": p} for x, y, p in given]

    return {"weight": weight, "atoms": law(atoms)} | ({"support": law(support)} if support else {})


def single(loss: str | Mapping[str, str], eta: str, y: str, omega: str, rival: str, radius: str) -> Content:
    """One task, one point, one dimension, phi = 1."""
    return supervised(loss, eta, [["1"]], [("1", [(0, y, "1")])], [omega], [rival], radius)


def neuron(
    loss: str | Mapping[str, str], eta: str, y: str, omega: str, comparator: Rows | Mapping[str, Any], radius: str = "1"
) -> Content:
    """One ReLU neuron, one task, x = 1, W0 = 1."""
    tasks = [("1", [(0, y, "1")])]
    return supervised(loss, eta, [["1"]], tasks, [[omega]], comparator, radius, model=relu(["1"]))


def process(gamma: str, transitions: Rows, rewards: Rows, start: Sequence[str], weight: str = "1") -> Content:
    """A task of meta-RL."""
    return {"weight": weight, "gamma": gamma, "P": transitions, "r": rewards, "start": start}


def bandit(rewards: Sequence[str], weight: str = "1") -> Content:
    """One state, one step (gamma = 0)."""
    return process("0", [[["1"]] * len(rewards)], [list(rewards)], ["1"], weight)


def policies(
    features: Rows,
    tasks: Sequence[Content],
    omega: Rows,
    comparator: Rows | Mapping[str, Any],
    *,
    eta: str = "0",
    radius: str = "1",
    adaptation: str = "kl-step",
    model: Content = LINEAR,
) -> Content:
    """Meta-RL with tau = 1."""
    return {
        "format": "metagap/instance/1",
        "problem": "meta-rl",
        "model": model,
        "features": features,
        "tasks": tasks,
        "tau": "1",
        "eta": eta,
        "adaptation": {"name": adaptation},
        "omega": omega,
        "comparator": comparator,
        "radius": radius,
    }
