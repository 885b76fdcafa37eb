"""Instances of smooth networks that break one assumption and keep the others: those of one tanh neuron at W0 = 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from flint import fmpq

from ...losses import Loss
from ...sources import SMALL, Generator, Limits, Source
from ..draws import draw_loss
from ..relu.batch import NetworkBatch
from ..relu.batch_quantities import NetworkBatchQuantities
from ..relu.breaking import balance, expand, mirror, simple


def _tanh(batch: NetworkBatch) -> NetworkBatch:
    return replace(batch, activation="tanh")


def joints(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """W = W0 = 0 predicts 0, a joint of Huber's loss for one label; the other is beyond, with more mass. A long step
    folds there, so that the adapted prediction is largest and L rises to both sides."""
    delta = source.choose((fmpq(1), fmpq(1, 8), fmpq(1, 64)))
    width = int(delta.p) / int(delta.q)
    share = (1 + source.grid((), 0, 3)) / 8
    far = (1 + source.grid((), 0, 7) / 8) * max(width, 0.125) * 2
    rate = 2.0 + source.grid((), 0, 14)
    zero, one = np.zeros((source.size, 1, 1)), np.ones((source.size, 1, 1))
    batch = simple(Loss(loss, delta), rate, one, zero, one, zero)
    batch = replace(
        batch,
        labels=np.stack([np.full(source.size, width), width + far], axis=1)[:, None, None],
        masses=np.stack([share, 1 - share], axis=1)[:, None, None],
    )
    after = NetworkBatchQuantities(_tanh(batch)).after
    functions = after + 2.0 ** -source.grid((1, 1), 2, 10)
    return replace(_tanh(batch.against(functions=functions)), radius=2.0 ** -source.grid((), -4, 8))


def mirrored(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """`mirror` at W = 0, which predicts 0."""
    return _tanh(mirror(source, draw_loss(source, loss), np.zeros((source.size, 1, 1))))


def balanced(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """Tangent comparators where the weights of two tasks all but cancel FOMAML's gradient, and labels so near the
    predictions that the features hardly move."""
    size = 2.0 ** -source.choose((6, 8, 10, 12))
    return balance(source, draw_loss(source, loss), "tanh", place=0.0, size=size)


def expanding(source: Source, loss: str, limits: Limits = SMALL) -> NetworkBatch:
    """A step that expands where the loss is concave, far enough to flatten the neuron: the labels are where ell'' is
    below 0 and not small beside ell', which the second derivative's error is proportional to."""
    labels = (1 - 2 * source.grid((1, 1), 0, 1)) * (6 + source.grid((1, 1), 0, 8)) / 8
    return expand(source, draw_loss(source, loss), np.zeros((source.size, 1, 1)), labels, "tanh")


BREAKING: tuple[Generator, ...] = (
    Generator("joints", "a prediction on a joint of the loss", joints, ("huber",)),
    Generator("mirrored", "labels to either side of the prediction", mirrored, ("squared", "log-cosh")),
    Generator("balanced", "FOMAML's gradient cancels, that of L does not", balanced, ("squared", "log-cosh")),
    Generator("expanding", "a step that expands", expanding, ("geman-mcclure",)),
)
