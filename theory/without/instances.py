"""Instance files' contents, for exact instances that are small enough to check by hand.

In texts rows are "1 0; 0 1", and tasks "1/2: 0 -1 1 | 1/2: 0 0 3/4, 1 1 1/4": weights, and atoms (x, y, p).
"""

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


def rows(text: str) -> list[list[str]]:
    """The rows of a text."""
    return [row.split() for row in text.split(";")]


def functions(text: str) -> Content:
    """A comparator: predictions, a row per task."""
    return {"functions": rows(text)}


def varied(base: Mapping[str, Any], **changes: Any) -> Content:
    """The same with other fields; tasks may be a text."""
    given = {**base, **changes}
    return given | {"tasks": tasks(given["tasks"])} if isinstance(given.get("tasks"), str) else given


def tasks(text: str) -> list[Content]:
    """The tasks of a text."""
    parts = [part.partition(":") for part in text.split("|")]
    atoms = [[(int(x), y, p) for x, y, p in map(str.split, given.split(","))] for *_, given in parts]
    return [task(weight.strip(), *own) for (weight, *_), own in zip(parts, atoms, strict=True)]


def supervised(
    loss: str | Mapping[str, str],
    eta: str,
    features: str,
    given: str,
    omega: str,
    comparator: str | Mapping[str, Any],
    radius: str = "1",
    *,
    model: Content = LINEAR,
) -> Content:
    """Supervised learning with one gradient step, on `given` tasks."""

    def point(text: str) -> Rows:
        return rows(text)[0] if model is LINEAR else rows(text)

    return {
        "format": "metagap/instance/1",
        "problem": "meta-sl",
        "loss": {"name": loss} if isinstance(loss, str) else dict(loss),
        "adaptation": gradient(eta),
        "model": model,
        "features": rows(features),
        "tasks": tasks(given),
        "omega": point(omega),
        "comparator": point(comparator) if isinstance(comparator, str) else comparator,
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
    return supervised(loss, eta, "1", f"1: 0 {y} 1", omega, rival, radius)


def neuron(
    loss: str | Mapping[str, str], eta: str, y: str, omega: str, comparator: str | Mapping[str, Any], radius: str = "1"
) -> Content:
    """One ReLU neuron, one task, x = 1, W0 = 1."""
    return supervised(loss, eta, "1", f"1: 0 {y} 1", omega, comparator, radius, model=relu(["1"]))


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
