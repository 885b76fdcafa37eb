r"""Infima over directions for whole batches, enclosed from both sides.

`misfit`     inf_{||v|| <= R} ||u - A v||
`misfit_l1`  inf_v  eps ||v|| + sum_j |u_j - a_j'v|

Floats propose a direction v and weights p (`floats.infimum`, `floats.l1_ends`); both are then exact numbers, whose
values are enclosed.

Upper ends are values at v, for the first after v was scaled into the ball, and found to be in it. Lower ends are dual:
for every v in the ball and every p but 0,

    ||u - A v||  >=  p'(u - A v)/||p||  >=  (p'u - R ||A'p||)/||p||,

and with the residual at the optimum for p, A'p = lam v and ||v|| = R or lam = 0, that is the infimum itself. For every
v and every p with |p_j| <= 1 and ||A'p|| <= eps

    eps ||v|| + sum_j |u_j - a_j'v|  >=  ||A'p|| ||v|| + p'(u - A v)  >=  p'u;

a p that is too long is scaled: s p with s = min(1, eps/||A'p||). No other p has any claim to be best, and none need be.
"""

from __future__ import annotations

import numpy as np

from ..arithmetic import Array
from ..elementary import MidRads
from ..floats.infimum import ball_least_squares
from ..floats.l1_ends import l1_ends
from ..midrad import MidRad, U
from .linear import Rows, norm

SHARP = 2.0**-36
"""Share of its upper end to which an infimum is enclosed well enough."""
LEAST = 2.0**-900
"""Factors below may have lost digits to underflow."""


def within(v: Array, radius: Array) -> Array:
    """The directions (B, d), scaled into the balls of these radii; nan where that did not succeed."""
    length = norm(MidRad(v)).high
    scale = np.where(length > radius, radius / np.where(length > 0, length, 1.0) * (1 - 16 * U), 1.0)
    scaled = v * scale[:, None]
    inside = norm(MidRad(scaled)).high <= radius
    return np.where(inside[:, None], scaled, np.nan)


def misfit(rows: Rows, target: MidRad, radius: Array) -> tuple[MidRad, Array]:
    """inf_{||v|| <= radius} ||u - A v|| (B,) and the exact direction (B, d) of its upper end, none where that is no
    number; rows A (B, N, d), target u (B, N), radius (B,) exactly."""
    v = within(ball_least_squares(rows.mid, np.broadcast_to(target.mid, target.shape), radius)[1], radius)
    residual = target - rows.applied(MidRad(v))
    upper = norm(residual).high
    p = MidRad(residual.mid)
    gain = ((p * target).sum(-1) - MidRad(radius) * norm(rows.pulled(p))) / norm(p)
    return _between(gain.low, upper), np.where(np.isfinite(upper)[:, None], v, np.nan)


def misfit_l1(eps: MidRad, rows: Rows, target: MidRad) -> MidRad:
    """inf_v eps ||v|| + sum_j |u_j - a_j'v| (B,); eps (B,), rows A (B, N, d), target u (B, N).

    v = 0 may be the optimum, and the signs of the targets its dual: others are proposed where that leaves something
    open.
    """
    signs = MidRad(np.broadcast_to(np.where(target.mid < 0, -1.0, 1.0), target.shape))
    pulled, upper = rows.pulled(signs), MidRads.magnitude(target).sum(-1).high
    lower = _dual_end(eps, pulled, target, signs)
    unsettled = ~(upper - lower <= SHARP * upper)
    if unsettled.any():
        open_ = slice(None) if 4 * unsettled.sum() > 3 * len(unsettled) else unsettled
        some, few, aims = eps[open_], rows[open_], target[open_]
        # Weights are sought that radii, twice over, leave within eps: to scale them would cost more.
        room = some.low - 2 * np.sqrt((np.broadcast_to(pulled.rad, pulled.shape)[open_] ** 2).sum(1))
        v, p = l1_ends(np.where(room > 0, room, some.mid), rows.columns[open_].swapaxes(1, 2), aims.mid)
        left = MidRads.magnitude(aims - few.applied(MidRad(v))).sum(-1)
        upper[open_] = np.fmin(upper[open_], (some * norm(MidRad(v)) + left).high)
        weights = MidRad(np.clip(p, -1.0, 1.0))
        lower[open_] = np.fmax(lower[open_], _dual_end(some, few.pulled(weights), aims, weights))
    return _between(lower, upper)


def _dual_end(eps: MidRad, pulled: MidRad, target: MidRad, p: MidRad) -> Array:
    """Lower ends (B,) by exact weights p (B, N) of sizes at most 1, with A'p (B, d)."""
    length, limit = norm(pulled).high, np.maximum(eps.low, 0.0)
    scale = np.where(length <= limit, 1.0, limit / length * (1 - 8 * U))
    scale = np.where(scale > LEAST, scale, 0.0)  # also where it is no number
    return (MidRad(scale) * (p * target).sum(-1)).low


def _between(lower: Array, upper: Array) -> MidRad:
    """An infimum that is not negative, from its ends; a lower end that is no number says nothing."""
    return MidRad.between(np.where(lower > 0, lower, 0.0), upper)
