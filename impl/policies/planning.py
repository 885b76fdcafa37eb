"""Optimal policies in float64: proposals, never verdicts."""

from __future__ import annotations

import numpy as np

from ..arithmetic import nearest, to_float
from .instance import Task


def proposed_policy(task: Task) -> list[int]:
    """An optimal action per state by policy iteration."""
    gamma = to_float(task.gamma)
    chain, rewards = nearest(task.transitions), nearest(task.rewards)
    states = len(rewards)
    choice, each = np.zeros(states, dtype=int), np.arange(states)
    for _ in range(200):
        system = np.eye(states) - gamma * chain[each, choice]
        try:
            value = np.linalg.solve(system, (1 - gamma) * rewards[each, choice])
        except np.linalg.LinAlgError:
            break  # the discount is 1 in float64
        ahead = (1 - gamma) * rewards + gamma * (chain @ value)
        better = ahead.argmax(1)
        gain = ahead[each, better] - ahead[each, choice]
        improves = gain > 1e-13 * np.abs(ahead).max()
        if not improves.any():
            break
        choice = np.where(improves, better, choice)
    return [int(c) for c in choice]
