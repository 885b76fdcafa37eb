r"""Vectors and small matrices of midpoint-radius numbers, stacked along leading axes.

Inverses: with X near A^{-1} (of floats), G = I - XA and q >= ||G||, the largest sum of sizes in a row, q < 1 makes
XA = I - G regular, and

    A^{-1} - X = (I - G)^{-1} G X,    |A^{-1} - X| <= |GX| + q/(1 - q) max |GX|,

entry by entry, the maximum that of the column. G and GX are enclosed; q >= 1: not a number.
"""

from __future__ import annotations

import numpy as np

from ..arithmetic import Array
from ..elementary import MidRads
from ..midrad import GUARD, UP, MidRad


def norm(values: MidRad) -> MidRad:
    """||.|| along the last axis."""
    return MidRads.sqrt((values * values).sum(-1))


def applied(rows: MidRad, v: MidRad) -> MidRad:
    """A v (B, N) of rows (B, N, d) and vectors (B, d)."""
    return (rows @ v[..., None])[..., 0]


def pulled(rows: MidRad, p: MidRad) -> MidRad:
    """A'p (B, d) of rows (B, N, d) and vectors (B, N)."""
    return (p[:, None] @ rows)[:, 0]


def proposed_inverse(table: Array) -> Array:
    """Inverses of (..., d, d) in float64, pseudoinverses if one is singular; nan where numbers overflowed."""
    sound = np.isfinite(table).all((-1, -2), keepdims=True)
    finite = np.where(sound, table, np.eye(table.shape[-1]))
    try:
        found = np.linalg.inv(finite)
    except np.linalg.LinAlgError:
        found = np.linalg.pinv(finite)
    return np.where(sound, found, np.nan)


def inverse(system: MidRad) -> MidRad:
    """Inverses of (..., d, d)."""
    near = MidRad(proposed_inverse(system.mid))
    off = MidRad(np.eye(system.shape[-1])) - near @ system
    rest = (off @ near).size
    most = MidRad(off.size).sum(-1).high.max(-1)[..., None, None]
    share = np.where(most < 1, most / (1 - most) * UP, np.nan)
    return MidRad(near.mid, (rest + share * rest.max(-2, keepdims=True)) * UP + GUARD)


def joined(left: MidRad, right: MidRad) -> MidRad:
    """[left | right] along the last axis."""
    mids = [np.broadcast_to(x.mid, x.shape) for x in (left, right)]
    rads = [np.broadcast_to(x.rad, x.shape) for x in (left, right)]
    return MidRad(np.concatenate(mids, -1), np.concatenate(rads, -1))
