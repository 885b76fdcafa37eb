"""Shortest solutions and condition numbers for a batch in float64: where rank is doubtful, nan."""

from __future__ import annotations

import math

import numpy as np

from ..arithmetic import Array

CUTOFF = 1e-5
"""Least ratio of singular values at which rows count as independent."""


def _factors(rows: Array, used: Array) -> tuple[Array, Array, Array]:
    """U (B, N, r) and singular values (B, r) of the rows (B, N, D) that are used (B, N), and which of them count:
    as many as rows. All nan where the rows are not well independent."""
    table = np.nan_to_num(np.where(used[..., None], rows, 0.0), posinf=0.0, neginf=0.0)
    if rows.shape[2] > rows.shape[1]:
        table = np.asarray(np.linalg.qr(table.transpose(0, 2, 1), mode="r")).transpose(0, 2, 1)
    left, values, _ = np.linalg.svd(table, full_matrices=False)
    count = used.sum(1)
    kept = np.arange(values.shape[1]) < count[:, None]
    least = np.where(kept, values, np.inf).min(1, initial=np.inf)
    good = (count <= values.shape[1]) & (count > 0) & (least > CUTOFF * values[:, 0]) & np.isfinite(rows).all((1, 2))
    return left, np.where(good[:, None], values, np.nan), kept


def shortest(rows: Array, target: Array, used: Array) -> Array:
    """||v|| (B,) for the shortest v with rows (B, N, D) v = target (B, N) where used (B, N)."""
    left, values, kept = _factors(rows, used)
    inside = (left.transpose(0, 2, 1) @ np.where(used, target, 0.0)[..., None])[..., 0]
    return np.sqrt((np.where(kept, inside / np.where(kept, values, 1.0), 0.0) ** 2).sum(1))


def condition(rows: Array, used: Array) -> Array:
    """The condition number (B,) of the Gram matrix of the rows (B, N, D) that are used (B, N)."""
    _, values, kept = _factors(rows, used)
    return (values[:, 0] / np.where(kept, values, np.inf).min(1)) ** 2


def reduced(rows: Array) -> Array:
    """Rows (B, ..., D) in coordinates of their span, at most as many as there are rows: inner products are all that
    counts, and taking them would lose half of the digits."""
    count, *shape, dimension = rows.shape
    if dimension <= math.prod(shape):
        return rows
    flat = rows.reshape(count, -1, dimension)
    finite = np.isfinite(flat).all((1, 2))
    factor = np.asarray(np.linalg.qr(np.where(finite[:, None, None], flat, 0.0).transpose(0, 2, 1), mode="r"))
    found = factor.transpose(0, 2, 1).copy()
    found[~finite] = np.nan
    return found.reshape(count, *shape, -1)
