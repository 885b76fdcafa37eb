"""Meta-RL instances that break one assumption and keep the others: for leaving one out.

What is exact is drawn exactly, or to float64: folds of the adaptation, mirrored tasks, actions of probability 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..draws import draw_size
from ..sources import SMALL, Generator, Limits, Source
from .batch import Array, Batch
from .generate import ADAPTATIONS, Draw, cancelling, draw_policies, draw_problem, laid, policies
from .instance import Adaptation


def any_tabular(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """Unit features with any step and any number of tasks: T3e without its conditions."""
    states, actions = draw_size(source, min(limits.states, 2)), 2
    pairs = states * actions
    batch = draw_problem(source, adaptation, replace(limits, tasks=2), states=states, actions=actions, dimension=pairs)
    unit = np.broadcast_to(np.eye(pairs).reshape(states, actions, pairs), batch.features.shape)
    return replace(batch, features=np.array(unit))


def any_bandit(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """One state, two actions, one parameter, any step, either point the better one: T3f without its conditions."""
    batch = draw_problem(source, adaptation, limits, states=1, actions=2, dimension=1)
    return replace(batch, eta=batch.eta * source.choose((1.0, 16.0)))


def vanishing(source: Source, adaptation: str, limits: Limits = SMALL, draw: Draw = draw_problem) -> Batch:
    """Rewards 0 and 1 without a discount, eta = -1: the rational step gives the better actions probability 0, which
    arbitrary comparator policies do not."""
    batch = policies(source, adaptation, limits, draw)
    rewards = source.grid(batch.rewards.shape[1:], 0, 1)
    rewards[..., 0] = 0
    return replace(batch, rewards=rewards, gamma=np.zeros_like(batch.gamma), eta=-np.ones(source.size))


def crossing(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """1 + eta Q is 0 at omega = 0 for an action of the start, whose value changes with the parameter: the adapted
    probability crosses 0 (a randomised family around the exact counterexample)."""
    count = source.size
    height = (1 + source.grid((), 0, 7)) / 2
    transitions = np.zeros((1, 3, 2, 3))
    transitions[0, 0] = [[0, 1, 0], [0, 0, 1]]
    transitions[0, 1:, :, 2] = 1
    rewards = np.zeros((count, 1, 3, 2))
    # gamma = 1/2: Q(s0, a) = r/2 + V(s1)/2, V(s1) = height/4.
    rewards[:, 0, 0, 0], rewards[:, 0, 1, 0] = 2 - height / 4, height
    features = np.zeros((3, 2, 1))
    features[1, 0, 0] = 1
    radius, rival = (1 + source.grid((), 0, 31)) / 8, draw_policies(source, (1, 3), 2)
    zero = np.zeros((count, 1))
    return laid(source, adaptation, features, transitions, rewards, 0.5, -1.0, zero, radius, policies=rival)


def bandits(
    source: Source, adaptation: str, rewards: Any, features: Any, eta: Array, omega: Array, **comparator: Array
) -> Batch:
    """One state, no discount, tau = 1, R = 1. rewards (n, A), features (A, d), for all instances or for each."""
    features, rewards = np.asarray(features, float)[..., None, :, :], np.asarray(rewards, float)[..., None, :]
    transitions = np.ones((*rewards.shape[-3:], 1))
    return laid(source, adaptation, features, transitions, rewards, 0.0, eta, omega, **comparator)


def opposed(source: Source, adaptation: str) -> Batch:
    """Two tasks of one state with opposite rewards for its two actions, no adaptation: L is stationary at omega = 0,
    and policies that tell the tasks apart are better."""
    height, better = (1 + source.grid((), 0, 7)) / 4, (9 + source.grid((), 0, 7)) / 16
    turn = np.array([[0, 1], [1, 0]])
    rewards = np.stack([height, 0 * height], axis=1)[:, turn]
    rival = np.stack([better, 1 - better], axis=1)[:, turn]
    feature = (1 + source.grid((1,), 0, 7)) / 4
    features = np.stack([feature, np.zeros_like(feature)], axis=1)
    none = np.zeros(source.size)
    return bandits(source, adaptation, rewards, features, none, none[:, None], policies=rival[:, :, None])


def lines(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """Three actions on a line. Gradient step: over several orders of magnitude, so that it overshoots. KL step: short,
    and the outer actions are the good ones, so that L has two summits."""
    rewards = source.grid((1, 3), 0, 4) / 4
    eta = 2.0 ** source.grid((), 0, 8)
    if adaptation == Adaptation.KL_STEP.value:
        rewards[..., [0, 2]] += 0.25
        rewards[..., 1], eta = 0.0, eta / 1024
    omega, rival = source.grid((1,), -8, 8) / 4, source.grid((1,), -8, 8)
    return bandits(source, adaptation, rewards, [[1], [0], [-1]], eta, omega, rival=rival)


def valleys(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """Two actions and a long step: L may fall on the way from omega to a better parameter. Gradient step: one task,
    whose adapted logit x + eta h p(1 - p) falls beyond 0. KL step: eta < 0, and two opposite tasks."""
    eta, rival = 2.0 ** source.grid((), 2, 6), 1.0 + source.grid((1,), 0, 31)
    omega = (1 + source.grid((1,), 0, 15)) / 4
    if adaptation == Adaptation.GRADIENT.value:
        return bandits(source, adaptation, [[1, 0]], [[1], [0]], eta, omega, rival=rival)
    return bandits(source, adaptation, [[1, 0], [0, 1]], [[1], [0]], -eta / 2, -omega, rival=rival)


def folds(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """One task, unit features, and a step that folds at omega: L is stationary there (to float64), and better policies
    are many.

    KL step: in s0 one action stays and the other leaves for an absorbing state, for a reward; with p the probability
    to stay and gamma = 1/2 the adapted logit x - (eta h/4)/(1 - p/2) has slope 0 at eta h = 8 (1 - p/2)^2/(p(1 - p)).
    Gradient step: the adapted logit of a bandit, x + 2 eta h p(1 - p), has slope 0 at eta h = 1/(2 p(1 - p)(2p - 1)).
    """
    height = (1 + source.grid((), 0, 7)) / 4
    sure = 1 - 2.0 ** -source.grid((), 4, 10)
    if adaptation == Adaptation.GRADIENT.value:
        p = (9 + source.grid((), 0, 6)) / 16
        eta = 1 / (2 * p * (1 - p) * (2 * p - 1)) / height
        omega = np.stack([np.log(p / (1 - p)), np.zeros(source.size)], axis=1)
        rewards = np.stack([height, 0 * height], axis=1)[:, None]
        rival = np.stack([sure, 1 - sure], axis=1)[:, None, None]
        return bandits(source, adaptation, rewards, np.eye(2), eta, omega, policies=rival)
    p = (4 + source.grid((), 0, 9)) / 16
    rewards = np.zeros((source.size, 1, 2, 2))
    rewards[:, 0, 0, 1] = height
    omega = np.zeros((source.size, 4))
    omega[:, 0] = np.log(p / (1 - p))
    rival = np.full((source.size, 1, 2, 2), 0.5)
    rival[:, 0, 0] = np.stack([1 - sure, sure], axis=1)
    unit, leaving = np.eye(4).reshape(2, 2, 4), [[[[1, 0], [0, 1]], [[0, 1], [0, 1]]]]
    eta = 8 * (1 - p / 2) ** 2 / (p * (1 - p)) / height
    return laid(source, adaptation, unit, leaving, rewards, 0.5, eta, omega, policies=rival)


def mirrored(source: Source, adaptation: str, limits: Limits = SMALL) -> Batch:
    """Two mirrored tasks (those of `cancelling`) with unit features: omega = 0 is stationary and not optimal."""
    batch = cancelling(source, adaptation, limits)
    unit = np.broadcast_to(np.eye(6).reshape(3, 2, 6), (source.size, 3, 2, 6))
    return replace(batch, features=np.array(unit), omega=np.zeros((source.size, 6)))


BREAKING: tuple[Generator, ...] = (
    Generator("any-tabular", "unit features, any step, one task or two", any_tabular, ADAPTATIONS),
    Generator("any-bandit", "one state, two actions, one parameter, any step", any_bandit, ADAPTATIONS),
    Generator("vanishing", "actions of probability 0", vanishing, (Adaptation.RATIONAL_STEP.value,)),
    Generator("crossing", "a probability that crosses 0", crossing, (Adaptation.RATIONAL_STEP.value,)),
    Generator("lines", "three actions on a line", lines, (Adaptation.GRADIENT.value, Adaptation.KL_STEP.value)),
    Generator("valleys", "two actions, long steps", valleys, (Adaptation.GRADIENT.value, Adaptation.KL_STEP.value)),
    Generator("folds", "a step that folds at omega", folds, (Adaptation.KL_STEP.value, Adaptation.GRADIENT.value)),
    Generator("mirrored", "mirrored tasks with unit features", mirrored, (Adaptation.KL_STEP.value,)),
)  # fmt: skip
"""Instances that break an assumption which the others keep, for leaving one out."""
