"""Meta-SL instances on the edge: those that break one assumption and keep the others, for leaving one out; and those
that use up the constant of a corollary, for attacking it.

The generators of `generate` rarely meet what is exact: points that are stationary, folds, joints of the loss. These
are drawn here, in one dimension, with all numbers left free that need not be tied.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from flint import fmpq

from ..arithmetic import to_float
from ..draws import with_radius
from ..losses import Link, Loss
from ..sources import SMALL, Generator, Limits, Source
from .batch import Array, Batch
from .batch_quantities import BatchQuantities
from .draws import draw_loss, laid
from .generate import arbitrary, tangent_comparators


def _radius(source: Source) -> Array:
    return (1 + source.grid((), 0, 63)) / 8


def _single(loss: Loss, rate: Array, feature: Array, label: Array, omega: Array) -> Batch:
    """One task of one input (B, 1, 1) with one label (B, 1), R = 1."""
    return laid(Batch, loss, feature, label[:, None, None], np.ones((len(omega), 1, 1, 1)), rate=rate, omega=omega)


def mirrored(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """omega = 0 and labels in opposite pairs, of two tasks or of two inputs with one feature: L is stationary, exactly,
    and functions that tell the two apart are better. Half of the mass may have the label 0 in common."""
    base = draw_loss(source, loss)
    margin, by_task = base.link is Link.MARGIN, source.choose((True, False))
    shared = 0.0 if margin else source.choose((0.0, 0.5))
    height = np.ones(source.size) if margin else (1 + source.grid((), 0, 7)) / 4
    n, k = (2, 1) if by_task else (1, 2)
    labels = np.zeros((source.size, n, k, 2))
    signs = np.array([1.0, -1.0]).reshape(n, k)
    labels[..., 1] = height[:, None, None] * signs
    labels[..., 0] = labels[..., 1] if margin else 0.0
    masses = np.zeros_like(labels)
    masses[..., 0], masses[..., 1] = shared / k, (1 - shared) / k
    feature = (1 + source.grid((1, 1), 0, 7)) / 4
    share = (1 + source.grid((), 0, 7)) / 8
    adapted = source.choose((0.0, 0.0, 1.0))
    batch = laid(
        Batch,
        base,
        np.repeat(feature, k, axis=1),
        labels,
        masses,
        rate=adapted * 2.0 ** -source.grid((), 4, 8),
        omega=np.zeros((source.size, 1)),
        radius=_radius(source),
    )
    return batch.against(functions=(share * height)[:, None, None] * signs)


def balanced(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Two tasks of one input each whose weights all but cancel FOMAML's gradient, and not that of L; the comparator is
    a small step down L."""
    base = draw_loss(source, loss)
    features = (1 + source.grid((2, 1), 0, 7)) / 4
    labels = np.ones((source.size, 2, 2, 1))
    if base.link is Link.MARGIN:
        labels[:, 1] = -1.0
    else:
        pulls = 1 + source.grid((2,), 0, 7)
        labels[:, 0, :, 0], labels[:, 1, :, 0] = (
            pulls[:, :1] / 4,
            (0 if base.link is Link.CANONICAL else -pulls[:, 1:] / 4),
        )
    masses = np.zeros((source.size, 2, 2, 1))
    masses[:, 0, 0] = masses[:, 1, 1] = 1.0
    omega = source.grid((1,), -4, 4) / 8
    size = np.maximum((features**2).max((1, 2)), 2.0**-6)
    rate = 2.0 ** (np.floor(-np.log2(size)) - source.grid((), 3, 7))
    batch = laid(Batch, base, features, labels, masses, rate=rate, omega=omega, rival=omega)
    at = BatchQuantities(batch)
    pull = np.abs((at.slopes[:, [0, 1], [0, 1]]) * features[..., 0])
    share = np.round(2.0**20 * pull[:, 1] / np.maximum(pull.sum(1), 2.0**-20)) / 2.0**20
    batch = replace(batch, weights=np.stack([share, 1 - share], axis=1))
    step = 2.0 ** -source.grid((), 4, 10)[:, None] * np.sign(BatchQuantities(batch).gradient)
    return replace(batch.against(rival=omega - step), radius=np.abs(step[:, 0]) + (step[:, 0] == 0))


def joints(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """The prediction sits on a joint of Huber's loss for one label, and a long step folds there: the adapted prediction
    is largest (or smallest) at omega. There may be a label beyond it, with more mass: then L rises to both sides."""
    base = draw_loss(source, loss)
    delta = 1.0 if base.parameter is None else to_float(base.parameter)
    side = 1 - 2 * source.grid((), 0, 1)
    feature, omega = 2.0 ** source.grid((1, 1), -1, 1), source.grid((1,), -8, 8) / 4
    stretch = 3 + source.grid((), 0, 5)
    labels = (feature[:, 0] * omega + (side * delta)[:, None])[:, None, None]
    masses = np.ones_like(labels)
    if source.choose((True, True, False)):
        far = (stretch + source.grid((), 0, 8) / 2) * delta * side
        share = (2 + source.grid((), 0, 2)) / 8
        labels = np.concatenate([labels, labels + far[:, None, None, None]], axis=3)
        masses = np.stack([share, 1 - share], axis=1)[:, None, None]
    batch = laid(
        Batch,
        base,
        feature,
        labels,
        masses,
        rate=stretch / feature[:, 0, 0] ** 2,
        omega=omega,
        radius=8 * _radius(source),
        rival=omega + (side * stretch * delta)[:, None] / feature[:, 0] * source.grid((1,), -8, 32) / 16,
    )
    if source.choose(("functions", "parameter", "parameter")) == "parameter":
        return batch
    return batch.against(
        functions=BatchQuantities(batch).after + side[:, None, None] * source.grid((1, 1), -16, 64) / 16
    )


def two_laws(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """Two tasks with one query and one support input, labels in opposite pairs, and a small step: omega = 0 is
    stationary, and L falls where the Jacobian turns the query away: its curvature there is the adaptation's alone."""
    side = 1 - 2 * source.grid((1,), 0, 1)
    query = (1 + source.grid((1,), 0, 7)) / 4 * np.array([1.0, 0.0])
    support = (1 + source.grid((2,), 0, 7)) / 4
    labels, support_labels = np.zeros((source.size, 2, 2, 1)), np.zeros((source.size, 2, 2, 1))
    signs = np.array([1.0, -1.0])
    labels[:, :, 0, 0] = -side * signs * (1 + source.grid((1,), 0, 15)) / 8
    support_labels[:, :, 1, 0] = side * signs * (1 + source.grid((1,), 0, 7)) / 4
    size = np.maximum((support**2).sum(1), (query**2).sum(1))
    batch = laid(
        Batch,
        draw_loss(source, loss),
        np.stack([query, support], axis=1),
        labels,
        np.ones((source.size, 2, 2, 1)) * np.array([1.0, 0.0])[:, None],
        rate=2.0 ** np.floor(-np.log2(size) - source.grid((), 4, 8)),
        omega=np.zeros((source.size, 2)),
        support_labels=support_labels,
        support_masses=np.ones((source.size, 2, 2, 1)) * np.array([0.0, 1.0])[:, None],
    )
    row = BatchQuantities(batch.against(rival=batch.omega)).meta_features[:, 0, 0]
    away = 2.0 ** -source.grid((1,), 2, 6) * np.stack([-row[:, 1], row[:, 0]], axis=1)
    return with_radius(source, batch.against(rival=away))


def folds(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """One task with 1 - eta ell'' phi^2 = 0 at omega, exactly: the Jacobian of the adaptation is singular."""
    base = draw_loss(source, loss)
    # 1 + 12 c r^2 = 4.
    reach = 1.0 if base.parameter == fmpq(1, 4) else 0.5
    side = 1 - 2 * source.grid((), 0, 1)
    feature = 2.0 ** source.grid((1, 1), -1, 1)
    omega = source.grid((1,), -8, 8) / 4
    label = feature[:, 0] * omega + (side * reach)[:, None]
    batch = _single(base, 0.25 / feature[:, 0, 0] ** 2, feature, label, omega)
    return with_radius(source, batch.against(rival=source.grid((1,), -16, 16) / 4))


def _far(source: Source, loss: str, limits: Limits) -> Batch:
    """omega far from the comparator, which predicts the one label: a bounded loss is all but flat at omega."""
    feature, rival = 2.0 ** source.grid((1, 1), -1, 1), source.grid((1,), -8, 8) / 4
    side = 1 - 2 * source.grid((1,), 0, 1)
    base, rate = draw_loss(source, loss), 2.0 ** -source.grid((), 2, 6)
    omega = rival + side * (2 + source.grid((1,), 0, 16) / 4) / feature[:, 0]
    batch = _single(base, rate, feature, feature[:, 0] * rival, omega)
    return with_radius(source, batch.against(rival=rival))


def nonconvex(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """One task and one input under a loss that is not convex; as often as not without adaptation."""
    kind = source.choose(("parameter", "functions", "far"))
    small = replace(limits, tasks=1, points=1, labels=1, dimension=1)
    batch = _far(source, loss, small) if kind == "far" else arbitrary(source, loss, small, kind)
    return replace(batch, steps=1, rate=batch.rate * source.choose((0.0, 1.0)))


def overshooting(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """One task and one input, and a step so long that its Jacobian is below -1: FOMAML's gradient is smaller than that
    of L."""
    batch = arbitrary(source, loss, replace(limits, points=1, dimension=1), tasks=1)
    return replace(batch, steps=1, rate=8 * batch.rate)


def attaining(source: Source, loss: str, limits: Limits = SMALL) -> Batch:
    """One input where a constant is used up. Squared loss: a step that overshoots, against a tangent comparator (C6).
    Log-cosh: a singular Jacobian where the third derivative is largest (tanh^2 = 1/3), and a comparator nearby (C2)."""
    if loss == "squared":
        return tangent_comparators(source, BatchQuantities(overshooting(source, loss, limits)))
    feature, omega = 2.0 ** source.grid((1, 1), -1, 1), source.grid((1,), -8, 8) / 4
    side = 1 - 2 * source.grid((), 0, 1)
    label = feature[:, 0] * omega - (side * np.arctanh(3**-0.5))[:, None]
    batch = _single(draw_loss(source, loss), 1.5 / feature[:, 0, 0] ** 2, feature, label, omega)
    return with_radius(source, batch.against(rival=omega + 2.0 ** -source.grid((1,), 2, 12)))


BREAKING: tuple[Generator, ...] = (
    Generator("mirrored", "labels in opposite pairs, omega stationary", mirrored,
              ("squared", "log-cosh", "logistic", "pseudo-huber", "quartic")),
    Generator("balanced", "FOMAML's gradient cancels, that of L does not", balanced,
              ("squared", "log-cosh", "logistic", "pseudo-huber")),
    Generator("joints", "a prediction on a joint of the loss", joints, ("huber",)),
    Generator("nonconvex", "one input, a loss that is not convex", nonconvex, ("geman-mcclure", "double-well")),
    Generator("overshooting", "one input, a Jacobian below -1", overshooting, ("squared", "log-cosh")),
    Generator("folds", "a singular Jacobian of the adaptation", folds, ("quartic",)),
    Generator("two-laws", "mirrored supports and queries at a saddle", two_laws, ("log-cosh", "pseudo-huber")),
)  # fmt: skip

ATTAINING: tuple[Generator, ...] = (
    Generator("attaining", "one input where a constant is used up (C2, C6)", attaining, ("log-cosh", "squared")),
)
