"""Network instances that break one assumption and keep the others: for leaving one out.

One neuron or a few, one parameter each, so that what must be exact can be: kinks, joints, stationary points.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...losses import Link, Loss
from ...sources import SMALL, Generator, Limits, Source
from ..draws import draw_loss, laid
from .batch import Array, NetworkBatch
from .batch_quantities import NetworkBatchQuantities
from .generate import AtStart, tangents


def simple(
    loss: Loss, rate: Array, features: Array, labels: Array, masses: Array, omega: Array, initial: Array | None = None
) -> NetworkBatch:
    """One label at every input, equal tasks, neurons of output 1, R = 1; W is its own comparator.

    features (B, k, d), labels and masses (B, n, k), omega and initial (B, m, d).
    """
    return laid(
        NetworkBatch,
        loss,
        features,
        labels[..., None],
        masses[..., None],
        rate=rate,
        signs=np.ones((len(omega), 1, omega.shape[1])),
        initial=omega if initial is None else initial,
        omega=omega,
        rival=omega,
    )


def at_kinks(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """W = 0: every neuron is at its kink at every input, as it was not at W0, and all that is better is in reach of the
    features of the active side."""
    width, d = source.choose((1, 2)), source.choose((1, 2))
    features = (1 + source.grid((1, d), 0, 7)) / 4
    height = source.grid((1, 1), -8, 8) / 4
    zero = np.zeros((source.size, width, d))
    initial = (1 + source.grid((width, d), 0, 7)) / 8
    rate = source.choose((0.0, 1.0)) * 2.0 ** -source.grid((), 3, 6)
    batch = simple(draw_loss(source, loss), rate, features, height, np.ones((source.size, 1, 1)), zero, initial)
    share = (1 + source.grid((), 0, 7)) / 8
    radius = 2.0 ** source.grid((), 0, 6)
    return replace(batch.against(functions=share[:, None, None] * height), radius=radius)


def mirrored(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """`mirror` where one active neuron predicts x W."""
    return mirror(source, draw_loss(source, loss), (1 + source.grid((1, 1), 0, 7)) / 4)


def mirror(source: Source, loss: Loss, omega: Array) -> NetworkBatch:
    """Two tasks whose labels lie to either side of what W predicts, x W, at the input x that they share: L is
    stationary, and functions that tell the tasks apart are better."""
    feature = 2.0 ** source.grid((1, 1), -1, 1)
    here, reach = feature * omega, (1 + source.grid((1, 1), 0, 7)) / 4
    labels = np.concatenate([here + reach, here - reach], axis=1)
    batch = simple(loss, np.zeros(source.size), feature, labels, np.ones((source.size, 2, 1)), omega)
    share = (1 + source.grid((), 0, 7)) / 8
    sides = np.concatenate([reach, -reach], axis=1)
    return batch.against(functions=here + share[:, None, None] * sides)


def balanced(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """Tangent comparators where the weights of two tasks all but cancel FOMAML's gradient; W = W0."""
    return balance(source, draw_loss(source, loss))


def balance(
    source: Source, loss: Loss, activation: str | None = None, place: float = 1.0, size: float = 1.0
) -> NetworkBatch:
    """Two tasks of one input each, one neuron at W = W0 = `place` and more, labels that differ from its predictions by
    about `size`, and a short step; weights at which FOMAML's gradient all but vanishes, and that of L need not."""
    features = (1 + source.grid((2, 1), 0, 7)) / 4
    omega = np.full((source.size, 1, 1), place) + (source.grid((1, 1), 0, 7) / 8 if place else 0.0)
    pulls = size * (1 + source.grid((2,), 0, 7)) / 8 * np.array([1.0, -1.0])
    flat = np.zeros((source.size, 2, 2))
    masses = np.broadcast_to(np.eye(2), flat.shape)
    steepest = (features**2).max((1, 2))
    rate = 2.0 ** (np.floor(-np.log2(steepest)) - source.grid((), 1, 4))
    batch = replace(simple(loss, rate, features, flat, np.array(masses), omega), activation=activation)
    here = NetworkBatchQuantities(batch).after
    labels = here + pulls[:, :, None]
    labels = np.sign(pulls)[:, :, None] + flat if loss.link is Link.MARGIN else np.round(labels * 2.0**16) / 2.0**16
    batch = replace(batch, labels=labels[..., None])
    at = NetworkBatchQuantities(batch)
    pull = np.abs((at._plain[..., 0] * at.slopes)[:, [0, 1], [0, 1]])
    share = np.round(2.0**20 * pull[:, 1] / np.maximum(pull.sum(1), 2.0**-60)) / 2.0**20
    return tangents(source, replace(batch, weights=np.stack([share, 1 - share], axis=1)), AtStart)


def expanding(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """A step that expands where the loss is concave and kills the neuron; tangent comparators of the features at
    initialisation."""
    labels = source.grid((1, 1), -8, 8) / 8
    omega = 1 + source.grid((1, 1), 0, 7) / 4
    return expand(source, draw_loss(source, loss), omega, labels)


def expand(source: Source, loss: Loss, omega: Array, labels: Array, activation: str | None = None) -> NetworkBatch:
    """One input x = 1, one neuron at W = W0, a step over several orders of magnitude."""
    rate = (1 + source.grid((), 0, 7)) * 2.0 ** source.grid((), 0, 3)
    one = np.ones((source.size, 1, 1))
    batch = replace(simple(loss, rate, one, labels, one, omega), activation=activation)
    return tangents(source, batch, AtStart)


def across(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """One neuron near its kink at the one input, and W on the other side of it."""
    feature, zero = 2.0 ** -source.grid((), 0, 2), np.zeros(source.size)
    near, far = (1 + source.grid((), 0, 15)) / 32, (1 + source.grid((), 0, 7)) / 8
    initial = np.stack([near, far], axis=1)[:, None]
    omega = initial - np.stack([(1 + source.grid((), 0, 15)) / 8, zero], axis=1)[:, None]
    features = np.stack([feature, zero], axis=1)[:, None]
    one = np.ones((source.size, 1, 1))
    return simple(draw_loss(source, loss), zero, features, 0 * one, one, omega, initial)


BREAKING: tuple[Generator, ...] = (
    Generator("at-kinks", "W = 0", at_kinks, ("squared", "log-cosh", "pseudo-huber", "quartic")),
    Generator("mirrored", "labels to either side of the prediction", mirrored, ("squared", "log-cosh")),
    Generator("balanced", "FOMAML's gradient cancels, that of L does not", balanced,
              ("squared", "log-cosh", "logistic", "pseudo-huber")),
    Generator("expanding", "a step that expands", expanding, ("geman-mcclure",)),
    Generator("across", "one neuron across its kink at an atom", across, ("squared",)),
)  # fmt: skip
