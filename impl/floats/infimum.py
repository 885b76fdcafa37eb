"""Infima over directions in float64: proposals, never verdicts.

`ball_least_squares`    inf_{||v|| <= R} ||u - A v||   for a batch, by singular values or their squares, and
                        Newton's secular equation
`lifted_least_squares`  the same over points with masses
`l1_active_set`         argmin eps ||v|| + sum_j |u_j - a_j'v|   for one instance, by descent along the kinks
"""

from __future__ import annotations

import math

import numpy as np

from ..arithmetic import Array


def ball_least_squares(rows: Array, target: Array, radius: Array) -> tuple[Array, Array]:
    """min over ||v|| <= radius of ||u - A v||; rows (B, N, d), target (B, N), radius (B,) (inf: free). Rows and target
    of one problem, B = 1, serve for all radii.

    Returns (residual norms (B,), directions (B, d)). Every direction is clipped into the ball, so the value is
    an upper bound of the infimum up to rounding, whatever the iteration did. What overflowed gives nan. The rows are
    not squared where an eigenvalue of A'A is below `SQUARED` of the largest: one of 1e-14 would be one of rounding.
    """
    finite = np.isfinite(rows).all((1, 2)) & np.isfinite(target).all(1)
    if not finite.all():
        rows, target = np.where(finite[:, None, None], rows, 0.0), np.where(finite[:, None], target, np.nan)
    weights, squares, vectors, squared = _decomposed(rows, target)
    live = squares > 1e-26 * squares.max(1, keepdims=True)
    weights, safe = np.where(live, weights, 0.0), np.where(live, squares, 1.0)
    heights = weights * weights
    multiplier = np.zeros(len(rows))
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(30):
            shifted = safe + multiplier[:, None]
            terms = heights / (shifted * shifted)
            size2 = terms.sum(1)
            size = np.sqrt(size2)
            excess = size / radius - 1
            if not (excess > 1e-13).any():
                break
            slope = (terms / shifted).sum(1)
            multiplier = multiplier + np.where(excess > 0, excess * size2 / np.where(slope > 0, slope, 1.0), 0.0)
    shifted = safe + multiplier[:, None]
    coordinates = weights / shifted
    turned = vectors.transpose(0, 2, 1)
    if squared.any():  # a step more makes up for the digits that squares have lost
        residual = target[..., None] - rows @ (turned @ coordinates[..., None])
        slope = (vectors @ (rows.transpose(0, 2, 1) @ residual))[..., 0] - multiplier[:, None] * coordinates
        coordinates = coordinates + np.where(squared[:, None], slope / shifted, 0.0)
    direction = (turned @ coordinates[..., None])[..., 0]
    length = np.sqrt((direction * direction).sum(1))
    scale = np.where(length > radius, radius / np.where(length > 0, length, 1.0), 1.0)
    direction = direction * scale[:, None]
    residual = target - (rows @ direction[..., None])[..., 0]
    return np.sqrt((residual * residual).sum(1)), direction


SQUARED, LOW = 1e-8, 1e-200
"""Share of the largest eigenvalue of A'A above which all are sharp enough; below `LOW` it may have lost digits."""


def _decomposed(rows: Array, target: Array) -> tuple[Array, Array, Array, Array]:
    """S U'u (B, r), S^2 (B, r) and V' (B, r, d) of rows U S V' (B, N, d) and targets u (B, N); which of them are by
    eigenvalues of A'A (B,)."""
    squared = np.zeros(len(rows), bool)
    if rows.shape[1] < rows.shape[2]:
        return *_by_singular_values(rows, target), squared
    gram = rows.transpose(0, 2, 1) @ rows
    finite = np.isfinite(gram).all((1, 2), keepdims=True)
    squares, vectors = np.linalg.eigh(np.where(finite, gram, 0.0))
    squared = (squares[:, 0] > SQUARED * squares[:, -1]) & (squares[:, -1] > LOW)
    vectors = vectors.transpose(0, 2, 1)
    weights = (vectors @ (rows.transpose(0, 2, 1) @ target[..., None]))[..., 0]
    if not squared.all():
        others = ~squared
        rest = _by_singular_values(rows[others], target[others])
        weights[others], squares[others], vectors[others] = rest
    return weights, squares, vectors, squared


def _by_singular_values(rows: Array, target: Array) -> tuple[Array, Array, Array]:
    """The same, which squares no row."""
    if rows.shape[1] > rows.shape[2] + 1:  # the triangle of [rows | target] has the same products, and few rows
        table = np.asarray(np.linalg.qr(np.concatenate([rows, target[..., None]], 2), mode="r"))
        rows, target = table[..., :-1], table[..., -1]
    basis = None
    if rows.shape[2] > rows.shape[1]:  # so has the triangle of the turned rows, in a basis of their span
        basis, triangle = np.linalg.qr(rows.transpose(0, 2, 1))
        rows = triangle.transpose(0, 2, 1)
    left, values, vectors = np.linalg.svd(rows, full_matrices=False)
    if basis is not None:
        vectors = vectors @ basis.transpose(0, 2, 1)
    return values * (left.transpose(0, 2, 1) @ target[..., None])[..., 0], values * values, vectors


def lifted_least_squares(features: Array, target: Array, mass: Array, radius: Array) -> tuple[Array, Array]:
    """The same in the norm of masses; features (B, ..., d) or fewer that broadcast, target and mass (B, ...)."""
    root, count = np.sqrt(mass), len(mass)
    rows = (root[..., None] * features).reshape(count, -1, features.shape[-1])
    return ball_least_squares(rows, (root * target).reshape(count, -1), radius)


def l1_active_set(eps: float, rows: Array, target: Array) -> tuple[list[int], list[int]]:
    """Which residuals vanish at the minimiser of eps ||v|| + sum_j |u_j - a_j'v|, and the signs of the others.

    rows (N, d), target (N,). Descent with exact line searches over the pieces of the objective: move to the
    minimiser on the current face {residuals of `active` = 0}, stop at a kink that turns the slope and join it, leave
    a kink whose multiplier exceeds 1. Every step decreases the objective, so no face comes twice: where rounding makes
    it stay, at a point where many kinks meet, nothing better is found.
    """
    count, dimension = rows.shape
    if not (np.isfinite(rows).all() and np.isfinite(target).all() and np.isfinite(eps)):
        return [], [int(np.sign(t)) if np.isfinite(t) else 0 for t in target]
    # The answer does not depend on the units of the rows (with eps) and of the target; squares must not underflow.
    size, height = max(float(np.abs(rows).max(initial=0)), eps), float(np.abs(target).max(initial=0))
    if size == 0 or height == 0:
        return [], [int(np.sign(t)) for t in target]
    rows, eps, target = rows / size, eps / size, target / height
    lengths = np.linalg.norm(rows, axis=1)
    v = np.zeros(dimension)
    signs = np.sign(target)
    active: list[int] = []
    stays = 0
    for _ in range(30 + 10 * dimension + count):
        face = rows[active]
        pull = signs @ rows - signs[active] @ face
        goal, bounded = _face_minimiser(eps, face, target[active], pull)
        step = goal - v if bounded else goal
        if bounded and np.linalg.norm(step) <= 1e-10 * (np.linalg.norm(v) + np.linalg.norm(goal)):
            length = float(np.linalg.norm(v))
            wanted = (eps / length * v if length > 0 else 0.0) - pull
            multipliers = np.linalg.lstsq(face.T, wanted, rcond=None)[0] if active else np.zeros(0)
            worst = int(np.argmax(np.abs(multipliers))) if active else -1
            if worst < 0 or abs(multipliers[worst]) <= 1 + 1e-9:
                break
            signs[active[worst]] = np.sign(multipliers[worst])
            active.pop(worst)
            continue
        length, joined = _line_search(eps, rows, target, v, step, signs, active, bounded)
        v, before = v + length * step, v
        stays = stays + 1 if np.abs(v - before).max() <= 1e-14 * np.abs(v).max() else 0
        if stays > count + dimension:
            break
        if joined is not None:
            part = rows[joined] / lengths[joined]
            if active:
                part = part - np.linalg.lstsq(face.T, part, rcond=None)[0] @ face
            if np.linalg.norm(part) > 1e-9 and len(active) < dimension:
                active.append(joined)
            else:
                signs[joined] = -signs[joined]
    return active, [0 if j in active else int(s) for j, s in enumerate(signs)]


def _face_minimiser(eps: float, face: Array, values: Array, pull: Array) -> tuple[Array, bool]:
    """argmin eps ||v|| - pull'v on {face v = values}, or (a descent direction, False) if there is none."""
    if len(face):
        solution = np.linalg.lstsq(face, np.column_stack([values, face @ pull]), rcond=None)[0]
        shortest, inside = solution[:, 0], solution[:, 1]
    else:
        shortest, inside = np.zeros(len(pull)), np.zeros(len(pull))
    free = pull - inside if len(face) < len(pull) else np.zeros(len(pull))
    room = eps * eps - float(free @ free)
    if room > 0:
        return shortest + free * (np.linalg.norm(shortest) / np.sqrt(room)), True
    if not free.any():
        return shortest, True
    return free, False


def _line_search(
    eps: float,
    rows: Array,
    target: Array,
    v: Array,
    step: Array,
    signs: Array,
    active: list[int],
    bounded: bool,
) -> tuple[float, int | None]:
    """The exact minimiser of the objective along v + t step, t > 0, and the kink where it lies, if it does.

    Flips the signs of the residuals that are passed. `bounded`: before any is passed the minimiser is at t = 1.
    """
    rates = rows @ step
    rates[active] = 0.0
    residual = target - rows @ v
    crossing = np.flatnonzero(np.sign(signs) * np.sign(rates) > 0)
    times = np.maximum(residual[crossing] / rates[crossing], 0.0)
    start2, across, step2 = float(v @ v), float(v @ step), float(step @ step)
    # (slope of ||v + t step||)^2 = p^2 step2 / (p^2 + spread), with p = across + t step2.
    spread = max(start2 * step2 - across * across, 0.0)

    def slope(t: float) -> float:
        p = across + t * step2
        size2 = p * p + spread
        return eps * p * math.sqrt(step2 / size2) if size2 else eps * math.sqrt(step2)

    def level(linear: float) -> float:
        """Where slope + linear vanishes; infinite if it does not."""
        room = eps * eps * step2 - linear * linear
        if room <= 0 or step2 == 0:
            return math.inf
        p = math.copysign(abs(linear) * math.sqrt(spread / room), -linear)
        return (p - across) / step2

    if bounded and times.min(initial=math.inf) > 1:
        return 1.0, None
    linear = -float(signs @ rates)
    before = 0.0
    order = np.argsort(times, kind="stable")
    for j, time, rate in zip(
        *(part[order].tolist() for part in (crossing, times, np.abs(rates[crossing]))), strict=True
    ):
        if slope(time) + linear >= 0:
            return min(max(level(linear), before), time), None
        before = time
        linear += 2 * rate
        if slope(before) + linear >= 0:
            return before, j
        signs[j] = -signs[j]
    end = max(level(linear), before)
    return (end if math.isfinite(end) else 2 * before + 1), None
