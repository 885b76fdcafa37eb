"""Meta-RL tasks with network policies by construction: widths 1 to 64, ||W - W0|| from 1e-2 to 1e2, kinks, flips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ...draws import draw_entries, shifted, with_radius
from ...sources import SMALL, Generator, Limits, Source
from ..breaking import bandits, vanish
from ..breaking import crossing as linear_crossing
from ..breaking import opposed as linear_opposed
from ..generate import POLICY_STEPS, draw_policies, draw_problem, tangent_comparators
from ..instance import Adaptation
from .batch import Array, PolicyNetworkBatch
from .batch_quantities import PolicyNetworkBatchQuantities

AnyBatch = TypeVar("AnyBatch", bound=PolicyNetworkBatch)

WIDTHS = (1, 2, 4, 16, 64)
NEURONS = 2**10
"""Neurons in one batch: large batches have narrow networks."""
REACH = (-7, 7)
"""||W - W0||: about 2^-7 to 2^7."""


def drawn(
    source: Source,
    adaptation: str,
    limits: Limits,
    states: int | None = None,
    widths: Sequence[int] = WIDTHS,
    dimension: int | None = None,
) -> PolicyNetworkBatch:
    """Problems with W0, W and a parameter comparator on the grid."""
    batch = draw_problem(source, adaptation, limits, states=states, dimension=dimension)
    m = source.choose(tuple(m for m in widths if m * source.size <= NEURONS) or widths[:1])
    initial = draw_entries(source, (m, batch.shape[3]))
    omega, rival = shifted(source, initial, REACH), shifted(source, initial, REACH)
    output = 1 - 2 * source.grid((m,), 0, 1)
    fields = vars(batch) | {"omega": omega, "rival": rival}
    return with_radius(source, PolicyNetworkBatch(**fields, signs=output, initial=initial))


def tempered(
    source: Source, batch: AnyBatch, quantities: Callable[[AnyBatch], PolicyNetworkBatchQuantities]
) -> AnyBatch:
    """The batch with tau in units of the network's outputs: logits up to 2^-3 .. 2^5, from nearly uniform policies to
    nearly sure ones."""
    drive = np.abs(quantities(batch).energies(batch.omega[:, None])).max((1, 2, 3)) * batch.tau
    scale = 2.0 ** np.ceil(np.log2(np.maximum(drive, 2.0**-10)))
    return replace(batch, tau=scale * 2.0 ** -source.grid((), -3, 5))


def _problem(source: Source, adaptation: str, limits: Limits, states: int | None = None) -> PolicyNetworkBatch:
    return tempered(source, drawn(source, adaptation, limits, states), PolicyNetworkBatchQuantities)


# --- generators -----------------------------------------------------------------------------------


def arbitrary(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """Any problem, W and comparator on the grid."""
    return _problem(source, adaptation, limits)


def policies(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """Comparators that are arbitrary policies, one per task, at times sure of their actions."""
    return against_policies(source, _problem(source, adaptation, limits))


def against_policies(source: Source, batch: AnyBatch) -> AnyBatch:
    """The batch against arbitrary policies."""
    n, states, actions, _ = batch.shape
    return batch.against(policies=draw_policies(source, (n, states), actions, sure=source.choose((False, False, True))))


def tangent(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """Comparators at which the lifted bound is attained: those of linear policies with the features at W."""
    return tangent_comparators(source, _problem(source, adaptation, limits), PolicyNetworkBatchQuantities)


class _AtStart(PolicyNetworkBatchQuantities):
    """Quantities with the features at initialisation for those at W."""

    @property
    def meta_features(self) -> Array:
        return self.initial_features


def tangent_start(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """Comparators at which the bound with features at initialisation is attained."""
    return tangent_comparators(source, _problem(source, adaptation, limits), _AtStart)


def local(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """A comparator one small gradient step away."""
    return one_step_away(source, _problem(source, adaptation, limits), PolicyNetworkBatchQuantities)


def one_step_away(
    source: Source, batch: AnyBatch, quantities: Callable[[AnyBatch], PolicyNetworkBatchQuantities]
) -> AnyBatch:
    """The batch against W after one small gradient step; R is its length."""
    at = quantities(batch)
    size = np.where(at.eps > 0, at.eps, 1.0)
    step = 2.0 ** -source.grid((), 0, 12)
    rival = batch.omega + ((step / size)[:, None] * at.gradient).reshape(batch.omega.shape)
    rival = np.where(np.isfinite(rival), rival, batch.omega)
    distance = np.sqrt(((batch.omega - rival) ** 2).sum((1, 2)))
    return replace(batch.against(rival=rival), radius=np.where(distance > 0, distance, 1.0))


def near_kink(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """Neurons within rounding of a kink, at W or at W0: floats cannot tell on which side."""
    batch = _problem(source, adaptation, limits)
    name = source.choose(("omega", "initial"))
    weights, x = getattr(batch, name).copy(), batch.features[:, 0, :1]
    size = (x**2).sum(2)
    neuron = weights[:, :1]
    pull = np.where(size > 0, (neuron * x).sum(2) / np.where(size > 0, size, 1.0), 0.0)
    # Another scale, so that the product is not short: the rest is the rounding of W itself.
    weights[:, :1] = (neuron - pull[..., None] * x) / 3
    return replace(batch, **{name: weights})


def kinks(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """Coarse grids: neurons exactly at their kink, against tangent comparators of the formal gradient."""
    batch = drawn(source, adaptation, limits)
    omega = source.grid(batch.omega.shape[1:], -2, 2)
    coarse = replace(batch, omega=omega, features=source.grid(batch.features.shape[1:], -2, 2))
    coarse = tempered(source, coarse, PolicyNetworkBatchQuantities)
    return tangent_comparators(source, coarse, PolicyNetworkBatchQuantities)


def level(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """Neurons in pairs of opposite output: f = 0 with live features, so that with the rational step, or without
    adaptation, everything is rational. Comparators are policies."""
    batch = policies(source, adaptation, limits)
    omega = np.concatenate([batch.omega, batch.omega], axis=1)
    initial = np.concatenate([batch.initial, shifted(source, batch.initial, REACH)], axis=1)
    return replace(batch, omega=omega, initial=initial, signs=np.concatenate([batch.signs, -batch.signs], axis=1))


def pushed(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """One state, all inputs on one line: as many neurons as the ball allows pushed just across their kinks, so that k*
    is attained at every input."""
    batch = _problem(source, adaptation, limits, states=1)
    line = batch.features[:, :1, :1]
    turns = source.grid((1, batch.features.shape[2], 1), -2, 2)
    x = line[:, 0, 0]
    size = np.sqrt((x**2).sum(1))[:, None]
    drive = (batch.initial @ x[..., None])[..., 0]
    rank = np.argsort(np.argsort(np.abs(drive), axis=1), axis=1)
    count = 1 + np.floor(source.grid((), 0, 63) / 64 * drive.shape[1])
    length = np.where(rank < count[:, None], np.abs(drive) / np.maximum(size, 2.0**-20) * (1 + 2.0**-12), 0.0)
    unit = np.sign(drive)[..., None] * (x / np.where(size > 0, size, 1.0))[:, None]
    return replace(batch, features=line * turns, omega=batch.initial - length[..., None] * unit)


def delayed(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """Nothing to see at the start (x = 0), flips later, long steps: errors of the features come through grad Q."""
    return postponed(source, _problem(source, adaptation, limits, states=2))


def postponed(source: Source, batch: AnyBatch) -> AnyBatch:
    """The batch (of two states) with x = 0 and no reward at the start, and long steps."""
    features, start, rewards = batch.features.copy(), np.zeros_like(batch.start), batch.rewards.copy()
    features[:, 0], start[..., 0], rewards[:, :, 0] = 0.0, 1.0, 0.0
    # The first action goes on to the second state, whose values balance under an even policy; the others stay.
    moved, last = batch.transitions.copy(), rewards.shape[3] - 1
    moved[:, :, 0], moved[:, :, 0, 0] = np.eye(2)
    rewards[:, :, -1, last] = -rewards[:, :, -1, 0]
    eta = batch.eta if batch.adaptation is Adaptation.RATIONAL_STEP else 2.0 ** source.grid((), 0, 6)
    gamma = np.clip(batch.gamma, 0.5, 0.75)
    return replace(batch, features=features, start=start, transitions=moved, rewards=rewards, eta=eta, gamma=gamma)


def interpolating(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """Tasks with states of their own, enough neurons, a comparator one small gradient step away: the
    bound of C3 is nearly attained."""
    batch = tempered(source, apart(source, adaptation, limits), PolicyNetworkBatchQuantities)
    return one_step_away(source, batch, PolicyNetworkBatchQuantities)


def apart(source: Source, adaptation: str, limits: Limits) -> PolicyNetworkBatch:
    """One or two tasks that share no state, inputs apart and on one side of a line, 16 neurons or more."""
    few = replace(limits, tasks=min(limits.tasks, 2))
    states = source.choose((2, max(limits.states - limits.states % 2, 2)))
    batch = drawn(source, adaptation, few, states=states, widths=(16, 64), dimension=2)
    n, states, actions, _ = batch.shape
    size = states // n
    # State t of task i becomes state (t mod size) of the task's own block.
    home = np.arange(n)[:, None] * size + np.arange(states) % size
    fold = (home[..., None] == np.arange(states)).astype(float)
    angles = (np.arange(states * actions) + source.grid((states * actions,), -1, 1) / 4) * np.pi / (states * actions)
    inputs = np.round(np.stack([np.cos(angles), np.sin(angles)], 2) * 64) / 64
    return replace(
        batch,
        features=inputs.reshape(batch.features.shape),
        transitions=batch.transitions @ fold[:, None],
        start=(batch.start[..., None, :] @ fold)[..., 0, :],
    )


GENERATORS: tuple[Generator, ...] = (
    Generator("arbitrary", "anything on the grid", arbitrary, POLICY_STEPS, 3),
    Generator("policies", "arbitrary comparator policies", policies, POLICY_STEPS, 2),
    Generator("tangent", "tangent comparators, where the bound is an equality", tangent, POLICY_STEPS, 3),
    Generator("tangent-start", "the same for features at initialisation", tangent_start, POLICY_STEPS),
    Generator("local", "comparator one small gradient step away", local, POLICY_STEPS),
    Generator("near-kink", "neurons within rounding of a kink", near_kink, POLICY_STEPS),
    Generator("kinks", "neurons exactly at their kink", kinks, POLICY_STEPS, 2),
    Generator("level", "paired neurons: the rational route", level, POLICY_STEPS, 2),
    Generator("pushed", "the largest number of flips in the ball (k*)", pushed, POLICY_STEPS),
    Generator("delayed", "flips at later states only, long steps", delayed, POLICY_STEPS),
    Generator("interpolating", "states of their own, one small step (C3)", interpolating, POLICY_STEPS),
)


def vanishing(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """Actions of probability 0, which arbitrary comparator policies do not give it."""
    return vanish(source, policies(source, adaptation, limits))


def crossing(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """A probability that crosses 0 with W: two neurons of opposite output that cancel."""
    linear = linear_crossing(source, adaptation, limits)
    weights = np.ones((source.size, 2, 1)) * (1 + source.grid((1, 1), 0, 3))
    fields = vars(linear) | {"omega": weights}
    return PolicyNetworkBatch(**fields, signs=np.tile([1.0, -1.0], (source.size, 1)), initial=weights)


def opposed(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """Opposite tasks in one state, and two neurons of opposite output, which cancel: all policies are even."""
    weights = np.ones((source.size, 2, 1)) * (1 + source.grid((1, 1), 0, 3)) / 2
    fields = vars(linear_opposed(source, adaptation)) | {"omega": weights}
    return PolicyNetworkBatch(**fields, signs=np.tile([1.0, -1.0], (source.size, 1)), initial=weights)


def at_kinks(source: Source, adaptation: str, limits: Limits = SMALL) -> PolicyNetworkBatch:
    """One neuron at its kink, W = 0, as it was not at W0, and better policies within reach of the active side."""
    feature = (1 + source.grid((1,), 0, 7)) / 4
    features = np.stack([feature, np.zeros_like(feature)], axis=1)
    height = (1 + source.grid((), 0, 7)) / 4
    rewards = np.stack([height, np.zeros_like(height)], axis=1)[:, None]
    better = (9 + source.grid((), 0, 7)) / 16
    rival = np.stack([better, 1 - better], axis=1)[:, None, None]
    zero = np.zeros((source.size, 1, 1))
    linear = bandits(source, adaptation, rewards, features, np.zeros(source.size), zero, policies=rival)
    fields = vars(linear) | {"radius": 2.0 ** source.grid((), 0, 4)}
    initial = (1 + source.grid((1, 1), 0, 7)) / 4
    return PolicyNetworkBatch(**fields, signs=1 - 2 * source.grid((1,), 0, 1), initial=initial)


BREAKING: tuple[Generator, ...] = (
    Generator("vanishing", "actions of probability 0", vanishing, (Adaptation.RATIONAL_STEP.value,)),
    Generator("crossing", "a probability that crosses 0", crossing, (Adaptation.RATIONAL_STEP.value,)),
    Generator("at-kinks", "one neuron at its kink, W = 0", at_kinks, (Adaptation.KL_STEP.value,)),
    Generator("opposed", "opposite tasks in one state", opposed, (Adaptation.KL_STEP.value,)),
)
"""Instances that break an assumption which the others keep, for leaving one out."""

SEARCHING = (
    "arbitrary",
    "policies",
    "tangent",
    "tangent-start",
    "local",
    "kinks",
    "pushed",
    "delayed",
    "interpolating",
)
"""The generators that look for counterexamples."""
