"""Meta-RL tasks with network policies by construction: widths 1 to 64, ||W - W0|| from 1e-2 to 1e2, kinks, flips.

ReLU, and smooth activations: the same at widths up to 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..draws import draw_entries, shifted, with_radius
from ..models.activation import ACTIVATIONS
from ..sources import SMALL, Generator, Limits, Source
from .batch import NetworkBatch
from .breaking import bandits, vanishing
from .breaking import crossing as linear_crossing
from .breaking import opposed as linear_opposed
from .generate import POLICY_STEPS, Draw, arbitrary, draw_problem, one_step_away, policies, tangent_comparators
from .instance import Adaptation
from .network_batch_quantities import AtStart, NetworkBatchQuantities

WIDTHS = (1, 2, 4, 16, 64)
SMOOTH_WIDTHS = WIDTHS[:-1]
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
) -> NetworkBatch:
    """Problems with W0, W and a parameter comparator on the grid."""
    batch = draw_problem(source, adaptation, limits, states=states, dimension=dimension)
    m = source.choose(tuple(m for m in widths if m * source.size <= NEURONS) or widths[:1])
    initial = draw_entries(source, (m, batch.shape[3]))
    omega, rival = shifted(source, initial, REACH), shifted(source, initial, REACH)
    output = 1 - 2 * source.grid((m,), 0, 1)
    fields = vars(batch) | {"omega": omega, "rival": rival}
    return with_radius(source, NetworkBatch(**fields, signs=output, initial=initial))


def tempered(source: Source, batch: NetworkBatch) -> NetworkBatch:
    """The batch with tau in units of the network's outputs: logits up to 2^-3 .. 2^5, from nearly uniform policies to
    nearly sure ones."""
    drive = np.abs(NetworkBatchQuantities(batch).energies(batch.omega[:, None])).max((1, 2, 3)) * batch.tau
    scale = 2.0 ** np.ceil(np.log2(np.maximum(drive, 2.0**-10)))
    return replace(batch, tau=scale * 2.0 ** -source.grid((), -3, 5))


def draw_relu(source: Source, adaptation: str, limits: Limits, states: int | None = None) -> NetworkBatch:
    """Problems with ReLU policies."""
    return tempered(source, drawn(source, adaptation, limits, states))


def draw_smooth(source: Source, adaptation: str, limits: Limits, states: int | None = None) -> NetworkBatch:
    """Problems with smooth policies."""
    activation = source.choose(tuple(ACTIVATIONS))
    batch = drawn(source, adaptation, limits, states, SMOOTH_WIDTHS)
    return tempered(source, replace(batch, activation=activation))


# --- generators for networks of any activation ------------------------------------------------------


def delayed(source: Source, adaptation: str, limits: Limits = SMALL, draw: Draw = draw_relu) -> NetworkBatch:
    """Nothing to see (x = 0) and no reward at the start, long steps: errors of the features come through grad Q."""
    batch: NetworkBatch = draw(source, adaptation, limits, states=2)
    features, start, rewards = batch.features.copy(), np.zeros_like(batch.start), batch.rewards.copy()
    features[:, 0], start[..., 0], rewards[:, :, 0] = 0.0, 1.0, 0.0
    # The first action goes on to the second state, whose values balance under an even policy; the others stay.
    moved, last = batch.transitions.copy(), rewards.shape[3] - 1
    moved[:, :, 0], moved[:, :, 0, 0] = np.eye(2)
    rewards[:, :, -1, last] = -rewards[:, :, -1, 0]
    eta = batch.eta if batch.adaptation is Adaptation.RATIONAL_STEP else 2.0 ** source.grid((), 0, 6)
    gamma = np.clip(batch.gamma, 0.5, 0.75)
    return replace(batch, features=features, start=start, transitions=moved, rewards=rewards, eta=eta, gamma=gamma)


def interpolating(source: Source, adaptation: str, limits: Limits = SMALL, smooth: bool = False) -> NetworkBatch:
    """Tasks with states of their own, enough neurons, a comparator one small gradient step away: the
    bound of C3 is nearly attained."""
    batch = apart(source, adaptation, limits)
    if smooth:
        batch = replace(batch, activation=source.choose(tuple(ACTIVATIONS)))
    return one_step_away(source, tempered(source, batch))


def apart(source: Source, adaptation: str, limits: Limits) -> NetworkBatch:
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


# --- generators for ReLU ----------------------------------------------------------------------------


def near_kink(source: Source, adaptation: str, limits: Limits = SMALL) -> NetworkBatch:
    """Neurons within rounding of a kink, at W or at W0: floats cannot tell on which side."""
    batch = draw_relu(source, adaptation, limits)
    name = source.choose(("omega", "initial"))
    weights, x = getattr(batch, name).copy(), batch.features[:, 0, :1]
    size = (x**2).sum(2)
    neuron = weights[:, :1]
    pull = np.where(size > 0, (neuron * x).sum(2) / np.where(size > 0, size, 1.0), 0.0)
    # Another scale, so that the product is not short: the rest is the rounding of W itself.
    weights[:, :1] = (neuron - pull[..., None] * x) / 3
    return replace(batch, **{name: weights})


def kinks(source: Source, adaptation: str, limits: Limits = SMALL) -> NetworkBatch:
    """Coarse grids: neurons exactly at their kink, against tangent comparators of the formal gradient."""
    batch = drawn(source, adaptation, limits)
    omega = source.grid(batch.omega.shape[1:], -2, 2)
    coarse = replace(batch, omega=omega, features=source.grid(batch.features.shape[1:], -2, 2))
    coarse = tempered(source, coarse)
    return tangent_comparators(source, coarse)


def level(source: Source, adaptation: str, limits: Limits = SMALL) -> NetworkBatch:
    """Neurons in pairs of opposite output: f = 0 with live features, so that with the rational step, or without
    adaptation, everything is rational. Comparators are policies."""
    batch: NetworkBatch = policies(source, adaptation, limits, draw_relu)
    omega = np.concatenate([batch.omega, batch.omega], axis=1)
    initial = np.concatenate([batch.initial, shifted(source, batch.initial, REACH)], axis=1)
    return replace(batch, omega=omega, initial=initial, signs=np.concatenate([batch.signs, -batch.signs], axis=1))


def pushed(source: Source, adaptation: str, limits: Limits = SMALL) -> NetworkBatch:
    """One state, all inputs on one line: as many neurons as the ball allows pushed just across their kinks, so that k*
    is attained at every input."""
    batch = draw_relu(source, adaptation, limits, states=1)
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


def crossing(source: Source, adaptation: str, limits: Limits = SMALL) -> NetworkBatch:
    """A probability that crosses 0 with W: two neurons of opposite output that cancel."""
    linear = linear_crossing(source, adaptation, limits)
    weights = np.ones((source.size, 2, 1)) * (1 + source.grid((1, 1), 0, 3))
    fields = vars(linear) | {"omega": weights}
    return NetworkBatch(**fields, signs=np.tile([1.0, -1.0], (source.size, 1)), initial=weights)


def opposed(source: Source, adaptation: str, limits: Limits = SMALL) -> NetworkBatch:
    """Opposite tasks in one state, and two neurons of opposite output, which cancel: all policies are even."""
    weights = np.ones((source.size, 2, 1)) * (1 + source.grid((1, 1), 0, 3)) / 2
    fields = vars(linear_opposed(source, adaptation)) | {"omega": weights}
    return NetworkBatch(**fields, signs=np.tile([1.0, -1.0], (source.size, 1)), initial=weights)


def at_kinks(source: Source, adaptation: str, limits: Limits = SMALL) -> NetworkBatch:
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
    return NetworkBatch(**fields, signs=1 - 2 * source.grid((1,), 0, 1), initial=initial)


# --- generators for smooth activations --------------------------------------------------------------


def bent(source: Source, adaptation: str, limits: Limits = SMALL) -> NetworkBatch:
    """One state, one input x != 0, all neurons moved alike along x from where sigma bends most: errors by displacement
    are nearly those of the features, and all neurons' together are those of the ball."""
    batch = draw_smooth(source, adaptation, limits, states=1)
    x = np.where(batch.features[:, 0, :1] == 0, 1.0, batch.features[:, 0, :1])
    unit = x / (x**2).sum(2, keepdims=True)
    features = np.zeros_like(batch.features)
    features[:, 0, 0] = x[:, 0]
    place = abs(round(32 * ACTIVATIONS[batch.activation].steepest)) / 32
    initial = np.broadcast_to(place * unit, batch.initial.shape)
    omega = initial + 2.0 ** source.grid((1, 1), -8, 0) * unit
    return tempered(source, replace(batch, features=features, initial=initial, omega=omega))


def at_zero(source: Source, adaptation: str, limits: Limits = SMALL, *, relu: Any) -> NetworkBatch:
    """The generator `relu` with tanh neurons at W = 0, which cancel as those do."""
    batch: NetworkBatch = relu(source, adaptation, limits)
    return replace(batch, activation="tanh", omega=np.zeros_like(batch.omega))


# --- tables -----------------------------------------------------------------------------------------


def _shared(draw: Draw) -> tuple[Generator, ...]:
    """The generators for networks of any activation."""
    rivals = tangent_comparators, partial(tangent_comparators, quantities=AtStart), one_step_away
    tangent, tangent_start, local = (partial(arbitrary, draw=draw, rival=rival) for rival in rivals)
    return (
        Generator("arbitrary", "anything on the grid", partial(arbitrary, draw=draw), POLICY_STEPS, 3),
        Generator("policies", "arbitrary comparator policies", partial(policies, draw=draw), POLICY_STEPS, 2),
        Generator(
            "tangent", "tangent comparators, where the bound is an equality", tangent, POLICY_STEPS, 3, wide=False
        ),
        Generator("tangent-start", "the same for features at initialisation", tangent_start, POLICY_STEPS, wide=False),
        Generator("local", "comparator one small gradient step away", local, POLICY_STEPS),
    )


def _breaking(draw: Draw, crossed: Any, opposite: Any, *own: Generator) -> tuple[Generator, ...]:
    """Generators that break an assumption which the others keep."""
    rational, kl = (Adaptation.RATIONAL_STEP.value,), (Adaptation.KL_STEP.value,)
    return (
        Generator("vanishing", "actions of probability 0", partial(vanishing, draw=draw), rational),
        Generator("crossing", "a probability that crosses 0", crossed, rational),
        *own,
        Generator("opposed", "opposite tasks in one state", opposite, kl),
    )


GENERATORS: tuple[Generator, ...] = (
    *_shared(draw_relu),
    Generator("near-kink", "neurons within rounding of a kink", near_kink, POLICY_STEPS, wide=False),
    Generator("kinks", "neurons exactly at their kink", kinks, POLICY_STEPS, 2, wide=False),
    Generator("level", "paired neurons: the rational route", level, POLICY_STEPS, 2),
    Generator("pushed", "the largest number of flips in the ball (k*)", pushed, POLICY_STEPS),
    Generator("delayed", "flips at later states only, long steps", delayed, POLICY_STEPS),
    Generator("interpolating", "states of their own, one small step (C3)", interpolating, POLICY_STEPS),
)
SMOOTH_GENERATORS: tuple[Generator, ...] = (
    *_shared(draw_smooth),
    Generator("bent", "all neurons moved where sigma bends most", bent, POLICY_STEPS),
    Generator("delayed", "features at later states only, long steps", partial(delayed, draw=draw_smooth),
              POLICY_STEPS),
    Generator("interpolating", "states of their own, one small step (C3)", partial(interpolating, smooth=True),
              POLICY_STEPS),
)  # fmt: skip
_AT_KINKS = Generator("at-kinks", "one neuron at its kink, W = 0", at_kinks, (Adaptation.KL_STEP.value,))
BREAKING = _breaking(draw_relu, crossing, opposed, _AT_KINKS)
SMOOTH_BREAKING = _breaking(draw_smooth, partial(at_zero, relu=crossing), partial(at_zero, relu=opposed))
"""Instances that break an assumption which the others keep, for leaving one out."""

_SEARCHING = ("arbitrary", "policies", "tangent", "tangent-start", "local")
SEARCHING = (*_SEARCHING, "kinks", "pushed", "delayed", "interpolating")
SMOOTH_SEARCHING = (*_SEARCHING, "bent", "delayed", "interpolating")
"""The generators that look for counterexamples."""
