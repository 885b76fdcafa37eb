"""grad L of a batch by Taylor arithmetic through the definition of L, as `supervised.taylor` has it of one instance.

The independent route: only ell and ell' are evaluated, on dual numbers; no ell'', no Hessian, no Jacobian formula and
no meta-feature occurs. A parameter is an array (B, t, D, 1 + D) [value | tangents] of t tasks, or 1; linear maps act on
all columns alike. Tasks of weight 0 add 0.

Of c outputs a prediction is c series, in c directions at once: the first axis of a slope is that of the directions, and
a series along the tangents is the sum over the c directions of slopes times tangents.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...elementary import MidRads
from ...enclosed.duals import Dual, Duals
from ...enclosed.linear import joined, norm, proposed_inverse
from ...midrad import MidRad

LINE = MidRad(1.0)
"""The derivative of a prediction by itself."""


def _inner(batch: Any) -> tuple[Any, Any]:
    """Labels and masses that the adaptation sees."""
    if batch.support_masses is None:
        return batch.labels, batch.masses
    return batch.support_labels, batch.support_masses


def _series(loss: Any, z: MidRad) -> tuple[Any, MidRad]:
    """Predictions z (B, t, k, 1 + D) as series (B, t, points, 1), a list of them for several outputs, and the tangents
    (B, t, points, c, D)."""
    c = loss.outputs
    tangents = z[..., 1:].reshape(*z.shape[:2], -1, c, z.shape[3] - 1)
    if c == 1:
        return Dual(z[..., :1], LINE), tangents
    units = (MidRad(unit.reshape(c, 1, 1, 1, 1)) for unit in np.eye(c))
    parts = loss.parts(z[..., 0].reshape(*z.shape[:2], -1, 1, c))
    return [Dual(*pair) for pair in zip(parts, units, strict=True)], tangents


def _along(loss: Any, masses: MidRad, slope: MidRad, tangents: MidRad) -> MidRad:
    """The tangents (B, n, points, D) of sum p times what has these slopes (B, n, points, l), or (c, ...)."""
    if loss.outputs == 1:
        return (masses * slope).sum(3)[..., None] * tangents[..., 0, :]
    scale = (masses * slope).sum(4).transpose(1, 2, 3, 0)[..., None, :]
    return (scale @ tangents)[..., 0, :]


def _slopes(batch: Any, z: MidRad) -> MidRad:
    """[sum p ell' | its tangents] (B, n, k, 1 + D) at predictions z (B, t, k, 1 + D)."""
    (labels, masses), loss = _inner(batch), batch.loss
    series, tangents = _series(loss, z)
    parts = [loss.d1(Duals, series, labels)] if loss.outputs == 1 else loss.d1(Duals, series, loss.parts(labels))
    values = MidRads.stack([(masses * part.value).sum(3) for part in parts], -1)
    moved = MidRads.stack([_along(loss, masses, part.slope, tangents) for part in parts], -2)
    size, n, points, c = values.shape
    return joined(values.reshape(size, n, points * c, 1), moved.reshape(size, n, points * c, -1))


def gradient(batch: Any, features: MidRad, adapted: MidRad | None = None) -> MidRad:
    """grad L(omega) (B, D), features (B, k, D) of all components; adapted (B, n, D): the points U_i(omega), of an
    implicit step.

    At a joint of the loss the enclosure is that of all one-sided slopes.
    """
    size, _, d = features.shape
    unit = MidRad(np.broadcast_to(np.eye(d), (size, 1, d, d)))
    theta = joined(batch.omega.reshape(size, 1, d, 1), unit)
    features = features[:, None]
    theta = _stepped(batch, features, theta) if adapted is None else _implicit(batch, features, adapted)
    loss = batch.loss
    series, tangents = _series(loss, features @ theta)
    found = loss.value(Duals, series, batch.labels if loss.outputs == 1 else loss.parts(batch.labels))
    own = _along(loss, batch.masses, found.slope, tangents).sum(2)
    return (batch.weights[..., None] * own).sum(1)


def _stepped(batch: Any, features: MidRad, theta: MidRad) -> MidRad:
    """U_i on [value | tangents], by gradient steps."""
    turned = features.swapaxes(2, 3)
    pace = batch.rate[:, None, None, None]
    if batch.rates is not None:
        pace = pace * batch.rates.reshape(len(batch), 1, -1, 1)
    for _ in range(batch.steps):
        slope = turned @ _slopes(batch, features @ theta)
        if batch.decay is not None:
            slope = slope + batch.decay[:, None, None, None] * theta
        theta = theta - pace * slope
    return theta


def _implicit(batch: Any, features: MidRad, adapted: MidRad) -> MidRad:
    """[U_i(omega) | its tangents]: whatever proposed a tangent dt, the true one is within ||r|| of it, r = e_j - dt -
    (d/ds) grad R_i(t + s dt)/lambda (see `supervised.taylor`)."""
    size, n, d = adapted.shape
    turned = features.swapaxes(2, 3)

    def moved(tangents: MidRad) -> MidRad:
        slopes = _slopes(batch, features @ joined(adapted[..., None], tangents))[..., 1:]
        return tangents + (turned @ slopes) / batch.rate[:, None, None, None]

    unit = np.broadcast_to(np.eye(d), (size, n, d, d))
    near = MidRad(proposed_inverse(moved(MidRad(unit)).mid))
    rest = MidRad(unit) - moved(near)
    radius = norm(rest.transpose(0, 1, 3, 2)).high
    return joined(adapted[..., None], near.within(radius[:, :, None, :]))
