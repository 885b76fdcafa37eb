"""Meta-RL tasks with smooth network policies by construction: those of ReLU policies at widths up to 16."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...models.activation import ACTIVATIONS
from ...sources import SMALL, Generator, Limits, Source
from ..batch import Array
from ..breaking import vanish
from ..generate import POLICY_STEPS, tangent_comparators
from ..instance import Adaptation
from ..relu.generate import against_policies, apart, drawn, one_step_away, postponed, tempered
from ..relu.generate import crossing as relu_crossing
from ..relu.generate import opposed as relu_opposed
from .batch import SmoothPolicyBatch
from .batch_quantities import SmoothPolicyBatchQuantities

WIDTHS = (1, 2, 4, 16)
BENDS = {"softplus": 0.0, "tanh": 0.65625}
"""Near where |sigma''| is largest."""


def _problem(source: Source, adaptation: str, limits: Limits, states: int | None = None) -> SmoothPolicyBatch:
    activation = source.choose(tuple(ACTIVATIONS))
    batch = SmoothPolicyBatch.of(drawn(source, adaptation, limits, states, WIDTHS), activation)
    return tempered(source, batch, SmoothPolicyBatchQuantities)


def arbitrary(source: Source, adaptation: str, limits: Limits = SMALL) -> SmoothPolicyBatch:
    """Any problem, W and comparator on the grid."""
    return _problem(source, adaptation, limits)


def policies(source: Source, adaptation: str, limits: Limits = SMALL) -> SmoothPolicyBatch:
    """Comparators that are arbitrary policies, one per task, at times sure of their actions."""
    return against_policies(source, _problem(source, adaptation, limits))


def tangent(source: Source, adaptation: str, limits: Limits = SMALL) -> SmoothPolicyBatch:
    """Comparators at which the lifted bound is attained."""
    return tangent_comparators(source, _problem(source, adaptation, limits), SmoothPolicyBatchQuantities)


class _AtStart(SmoothPolicyBatchQuantities):
    """Quantities with the features at initialisation for those at W."""

    @property
    def meta_features(self) -> Array:
        return self.initial_features


def tangent_start(source: Source, adaptation: str, limits: Limits = SMALL) -> SmoothPolicyBatch:
    """Comparators at which the bound with features at initialisation is attained."""
    return tangent_comparators(source, _problem(source, adaptation, limits), _AtStart)


def local(source: Source, adaptation: str, limits: Limits = SMALL) -> SmoothPolicyBatch:
    """A comparator one small gradient step away."""
    return one_step_away(source, _problem(source, adaptation, limits), SmoothPolicyBatchQuantities)


def bent(source: Source, adaptation: str, limits: Limits = SMALL) -> SmoothPolicyBatch:
    """One state, one input x != 0, all neurons moved alike along x from where sigma bends most: errors by displacement
    are nearly those of the features, and all neurons' together are those of the ball."""
    batch = _problem(source, adaptation, limits, states=1)
    x = np.where(batch.features[:, 0, :1] == 0, 1.0, batch.features[:, 0, :1])
    unit = x / (x**2).sum(2, keepdims=True)
    features = np.zeros_like(batch.features)
    features[:, 0, 0] = x[:, 0]
    initial = np.broadcast_to(BENDS[batch.activation] * unit, batch.initial.shape)
    omega = initial + 2.0 ** source.grid((1, 1), -8, 0) * unit
    moved = replace(batch, features=features, initial=initial, omega=omega)
    return tempered(source, moved, SmoothPolicyBatchQuantities)


def delayed(source: Source, adaptation: str, limits: Limits = SMALL) -> SmoothPolicyBatch:
    """Nothing to see at the start (x = 0), long steps: errors of the features come through grad Q."""
    return postponed(source, _problem(source, adaptation, limits, states=2))


def interpolating(source: Source, adaptation: str, limits: Limits = SMALL) -> SmoothPolicyBatch:
    """Tasks with states of their own, enough neurons, a comparator one small gradient step away: the
    bound of C3 is nearly attained."""
    batch = SmoothPolicyBatch.of(apart(source, adaptation, limits), source.choose(tuple(ACTIVATIONS)))
    batch = tempered(source, batch, SmoothPolicyBatchQuantities)
    return one_step_away(source, batch, SmoothPolicyBatchQuantities)


GENERATORS: tuple[Generator, ...] = (
    Generator("arbitrary", "anything on the grid", arbitrary, POLICY_STEPS, 3),
    Generator("policies", "arbitrary comparator policies", policies, POLICY_STEPS, 2),
    Generator("tangent", "tangent comparators, where the bound is an equality", tangent, POLICY_STEPS, 3),
    Generator("tangent-start", "the same for features at initialisation", tangent_start, POLICY_STEPS),
    Generator("local", "comparator one small gradient step away", local, POLICY_STEPS),
    Generator("bent", "all neurons moved where sigma bends most", bent, POLICY_STEPS),
    Generator("delayed", "features at later states only, long steps", delayed, POLICY_STEPS),
    Generator("interpolating", "states of their own, one small step (C3)", interpolating, POLICY_STEPS),
)


def vanishing(source: Source, adaptation: str, limits: Limits = SMALL) -> SmoothPolicyBatch:
    """Actions of probability 0, which arbitrary comparator policies do not give it."""
    return vanish(source, policies(source, adaptation, limits))


def crossing(source: Source, adaptation: str, limits: Limits = SMALL) -> SmoothPolicyBatch:
    """A probability that crosses 0 with W: tanh neurons at W = 0."""
    batch = SmoothPolicyBatch.of(relu_crossing(source, adaptation, limits), "tanh")
    return replace(batch, omega=np.zeros_like(batch.omega))


def opposed(source: Source, adaptation: str, limits: Limits = SMALL) -> SmoothPolicyBatch:
    """Opposite tasks in one state, tanh neurons at W = 0: all policies are even."""
    batch = SmoothPolicyBatch.of(relu_opposed(source, adaptation, limits), "tanh")
    return replace(batch, omega=np.zeros_like(batch.omega))


BREAKING: tuple[Generator, ...] = (
    Generator("vanishing", "actions of probability 0", vanishing, (Adaptation.RATIONAL_STEP.value,)),
    Generator("crossing", "a probability that crosses 0", crossing, (Adaptation.RATIONAL_STEP.value,)),
    Generator("opposed", "opposite tasks in one state", opposed, (Adaptation.KL_STEP.value,)),
)
"""Instances that break an assumption which the others keep, for leaving one out."""

SEARCHING = ("arbitrary", "policies", "tangent", "tangent-start", "local", "bent", "delayed", "interpolating")
"""The generators that look for counterexamples."""
