"""grad L of a batch by Taylor arithmetic through the definition of L, as `supervised.taylor` has it of one instance.

The independent route: only ell and ell' are evaluated, on dual numbers; no ell'', no Hessian, no Jacobian formula and
no meta-feature occurs. A parameter is an array (B, t, d, 1 + d) [value | tangents] of t tasks, or 1; linear maps act on
all columns alike. Tasks of weight 0 add 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

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


def _slopes(batch: Any, z: MidRad) -> MidRad:
    """[sum p ell' | its tangents] (B, n, k, 1 + d) at predictions z (B, t, k, 1 + d)."""
    labels, masses = _inner(batch)
    found = batch.loss.d1(Duals, Dual(z[..., :1], LINE), labels)
    value, scale = (masses * found.value).sum(3), (masses * found.slope).sum(3)
    return joined(value[..., None], scale[..., None] * z[..., 1:])


def gradient(batch: Any, adapted: MidRad | None = None) -> MidRad:
    """grad L(omega) (B, d); adapted (B, n, d): the points U_i(omega), of an implicit step.

    At a joint of the loss the enclosure is that of all one-sided slopes.
    """
    size, d = batch.omega.shape
    unit = MidRad(np.broadcast_to(np.eye(d), (size, 1, d, d)))
    theta = joined(batch.omega[:, None, :, None], unit)
    features = batch.features[:, None]
    theta = _stepped(batch, features, theta) if adapted is None else _implicit(batch, features, adapted)
    z = features @ theta
    found = batch.loss.value(Duals, Dual(z[..., :1], LINE), batch.labels)
    own = ((batch.masses * found.slope).sum(3)[..., None] * z[..., 1:]).sum(2)
    return (batch.weights[..., None] * own).sum(1)


def _stepped(batch: Any, features: MidRad, theta: MidRad) -> MidRad:
    """U_i on [value | tangents], by gradient steps."""
    turned = batch.features.transpose(0, 2, 1)[:, None]
    pace = batch.rate[:, None, None, None]
    if batch.rates is not None:
        pace = pace * batch.rates[:, None, :, None]
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
    turned = batch.features.transpose(0, 2, 1)[:, None]

    def moved(tangents: MidRad) -> MidRad:
        slopes = _slopes(batch, features @ joined(adapted[..., None], tangents))[..., 1:]
        return tangents + (turned @ slopes) / batch.rate[:, None, None, None]

    unit = np.broadcast_to(np.eye(d), (size, n, d, d))
    near = MidRad(proposed_inverse(moved(MidRad(unit)).mid))
    rest = MidRad(unit) - moved(near)
    radius = norm(rest.transpose(0, 1, 3, 2)).high
    return joined(adapted[..., None], near.within(radius[:, :, None, :]))
