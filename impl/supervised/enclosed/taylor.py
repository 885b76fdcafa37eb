r"""grad L of a batch by Taylor arithmetic through the definition of L, as `supervised.taylor` has it of one instance.

The independent route: only ell and ell' are evaluated, on dual numbers; no ell'' and no meta-feature occurs. A step is
U(t) = t - P (grad R(t) + delta t), P = eta D, and grad R has a symmetric derivative (of one-sided slopes s at a joint,
too: sum p s phi phi'). So the gradient g of what follows a step, as a function of t, is

    g - delta x - (d/ds) grad R(t + s x),  x = P g,

one tangent for each step, the last one first.

Of c outputs a prediction is c series, in c directions at once: the first axis of a slope is that of the directions, and
a series along tangents is the sum over the c directions of slopes times tangents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...elementary import MidRads
from ...enclosed.duals import Dual, Duals
from ...enclosed.linear import applied, norm, proposed_inverse
from ...midrad import MidRad, contract

LINE = MidRad(1.0)
"""The derivative of a prediction by itself."""


def _inner(batch: Any) -> tuple[Any, Any]:
    """Labels and masses that the adaptation sees."""
    if batch.support_masses is None:
        return batch.labels, batch.masses
    return batch.support_labels, batch.support_masses


def _series(loss: Any, z: MidRad) -> Any:
    """Predictions z (B, t, k) as series (B, t, points, 1), a list of them for several outputs."""
    c = loss.outputs
    if c == 1:
        return Dual(z[..., None], LINE)
    units = (MidRad(unit.reshape(c, 1, 1, 1, 1)) for unit in np.eye(c))
    parts = loss.parts(z.reshape(*z.shape[:2], -1, 1, c))
    return [Dual(*pair) for pair in zip(parts, units, strict=True)]


def _turned(loss: Any, masses: MidRad, slope: MidRad) -> MidRad:
    """sum p times slopes (B, n, points, l), or (c, ...): (B, n, points, c)."""
    if loss.outputs == 1:
        return (masses * slope).sum(3)[..., None]
    return (masses * slope).sum(4).transpose(1, 2, 3, 0)


def _slopes(batch: Any, z: MidRad) -> tuple[MidRad, Callable[[MidRad], MidRad]]:
    """sum p ell' (B, n, k) at predictions z (B, t, k), and its tangents (B, n, k, D) along those (B, t, k, D) of z."""
    (labels, masses), loss = _inner(batch), batch.loss
    c, series = loss.outputs, _series(loss, z)
    parts = [loss.d1(Duals, series, labels)] if c == 1 else loss.d1(Duals, series, loss.parts(labels))
    values = [(masses * part.value).sum(3) for part in parts]
    bends = [_turned(loss, masses, part.slope) for part in parts]

    def along(tangents: MidRad) -> MidRad:
        if c == 1:
            return bends[0] * tangents
        split = tangents.reshape(*tangents.shape[:2], -1, c, tangents.shape[3])
        moved = MidRads.stack([(bend[..., None, :] @ split)[..., 0, :] for bend in bends], -2)
        return moved.reshape(*moved.shape[:2], -1, moved.shape[4])

    return MidRads.stack(values, -1).reshape(*values[0].shape[:2], -1), along


def gradient(batch: Any, features: MidRad, adapted: MidRad | None = None) -> MidRad:
    """grad L(omega) (B, D), features (B, k, D) of all components; adapted (B, n, D): the points U_i(omega), of an
    implicit step.

    At a joint of the loss the enclosure is that of all one-sided slopes.
    """
    features = features[:, None]
    if adapted is None:
        theta, backwards = _stepped(batch, features)
    else:
        theta, backwards = adapted, _implicit(batch, features, adapted)
    loss = batch.loss
    found = loss.value(
        Duals, _series(loss, applied(features, theta)), batch.labels if loss.outputs == 1 else loss.parts(batch.labels)
    )
    slopes = _turned(loss, batch.masses, found.slope)
    own = backwards(_pulled(slopes.reshape(*slopes.shape[:2], -1), features))
    return (batch.weights[..., None] * own).sum(1)


def _pulled(slopes: MidRad, features: MidRad) -> MidRad:
    """sum_x slopes(x) phi(x) (B, n, D)."""
    return contract("...i,...ij->...j", slopes, features)


def _stepped(batch: Any, features: MidRad) -> tuple[MidRad, Callable[[MidRad], MidRad]]:
    """U_i(omega) (B, n, D) by gradient steps, and what makes of gradients there those at omega."""
    theta, steps = batch.omega.reshape(len(batch), 1, -1), []
    pace, decay = batch.rate[:, None, None], batch.decay
    if batch.rates is not None:
        pace = pace * batch.rates.reshape(len(batch), 1, -1)
    if decay is not None:
        decay = decay[:, None, None]
    for _ in range(batch.steps):
        slopes, along = _slopes(batch, applied(features, theta))
        pull = _pulled(slopes, features)
        if decay is not None:
            pull = pull + decay * theta
        theta = theta - pace * pull
        steps.append(along)

    def backwards(own: MidRad) -> MidRad:
        for along in reversed(steps):
            x = pace * own
            if decay is not None:
                own = own - decay * x
            own = own - _pulled(along(applied(features, x)[..., None])[..., 0], features)
        return own

    return theta, backwards


def _implicit(batch: Any, features: MidRad, adapted: MidRad) -> Callable[[MidRad], MidRad]:
    """The same of an implicit step, by its tangents: whatever proposed a tangent dt, the true one is within ||r|| of
    it, r = e_j - dt - (d/ds) grad R_i(t + s dt)/lambda (see `supervised.taylor`)."""
    size, n, d = adapted.shape
    turned, (_, along) = features.swapaxes(2, 3), _slopes(batch, applied(features, adapted))

    def moved(tangents: MidRad) -> MidRad:
        return tangents + (turned @ along(features @ tangents)) / batch.rate[:, None, None, None]

    unit = np.broadcast_to(np.eye(d), (size, n, d, d))
    near = MidRad(proposed_inverse(moved(MidRad(unit)).mid))
    rest = MidRad(unit) - moved(near)
    radius = norm(rest.transpose(0, 1, 3, 2)).high
    tangents = near.within(radius[:, :, None, :])
    return lambda own: contract("...i,...ij->...j", own, tangents)
