"""Infima over directions in float64: proposals, never verdicts.

`ball_least_squares`    inf_{||v|| <= R} ||u - A v||   for a batch, by singular values and Newton's secular equation
`lifted_least_squares`  the same over points with masses
`ray`                   where the L1 infimum would be if no residual were negative there, for a batch
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
    not squared: an eigenvalue of A'A that is 1e-14 of the largest would be one of rounding.
    """
    finite = np.isfinite(rows).all((1, 2)) & np.isfinite(target).all(1)
    rows, target = np.where(finite[:, None, None], rows, 0.0), np.where(finite[:, None], target, np.nan)
    left, values, vectors = np.linalg.svd(rows, full_matrices=False)
    live = values > 1e-13 * values[:, :1]
    weights = np.where(live, values * (left.transpose(0, 2, 1) @ target[..., None])[..., 0], 0.0)
    safe = np.where(live, values * values, 1.0)
    squares = weights * weights
    multiplier = np.zeros(len(rows))
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(30):
            shifted = safe + multiplier[:, None]
            terms = squares / (shifted * shifted)
            size2 = terms.sum(1)
            size = np.sqrt(size2)
            excess = size / radius - 1
            if not (excess > 1e-13).any():
                break
            slope = (terms / shifted).sum(1)
            multiplier = multiplier + np.where(excess > 0, excess * size2 / np.where(slope > 0, slope, 1.0), 0.0)
    coordinates = weights / (safe + multiplier[:, None])
    direction = (vectors.transpose(0, 2, 1) @ coordinates[..., None])[..., 0]
    length = np.sqrt((direction * direction).sum(1))
    scale = np.where(length > radius, radius / np.where(length > 0, length, 1.0), 1.0)
    direction = direction * scale[:, None]
    residual = target - (rows @ direction[..., None])[..., 0]
    return np.sqrt((residual * residual).sum(1)), direction


def lifted_least_squares(features: Array, target: Array, mass: Array, radius: Array) -> tuple[Array, Array]:
    """The same in the norm of masses; features (B, ..., d) or fewer that broadcast, target and mass (B, ...)."""
    root, count = np.sqrt(mass), len(mass)
    rows = (root[..., None] * features).reshape(count, -1, features.shape[-1])
    return ball_least_squares(rows, (root * target).reshape(count, -1), radius)


def ray(rows: Array, target: Array) -> Array:
    """Directions A'1 times factors >= 0 (B, d) with which no residual of u - A v is negative, or about that; rows A
    (B, N, d), target u (B, N). Where p = 1 is the dual of `l1_ends`, v is such."""
    along = rows.sum(1)
    with np.errstate(all="ignore"):
        slopes = (rows @ along[..., None])[..., 0]
        factors = target / slopes
        ample = np.abs(slopes) > 1e-12 * np.abs(slopes).max(1, keepdims=True, initial=0.0)
        low = np.where(ample & (slopes < 0), factors, 0.0).max(1, initial=0.0)
        high = np.where(ample & (slopes > 0), factors, np.inf).min(1, initial=np.inf)
        found: Array = along * np.where(np.isfinite(high), (low + high) / 2, low)[:, None]
    return found


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


def l1_ends(eps: float, rows: Array, target: Array) -> tuple[Array, Array]:
    """A direction v [d] and dual weights p [N] for eps ||v|| + sum_j |u_j - a_j'v|, rows (N, d), target (N,).

    With the residuals of `l1_active_set` 0 and the others' signs known, v = v_p + t: v_p the shortest solution, t along
    the part b_0 of b = sum of signed rows that is orthogonal to the active ones, ||t|| = ||v_p|| ||b_0||/(eps^2 -
    ||b_0||^2)^(1/2); the multipliers of the active rows are what stationarity leaves of them.
    """
    active, signs = l1_active_set(eps, rows, target)
    v, p = np.zeros(rows.shape[1]), np.array(signs, dtype=float)
    if not active or not np.isfinite(rows).all():
        return v, p
    face, pull = rows[active], p @ rows
    goal, bounded = _face_minimiser(eps, face, target[active], pull)
    v = goal if bounded else v
    length = float(np.linalg.norm(v))
    wanted = (eps / length * v if length > 0 else 0.0) - pull
    p[active] = np.linalg.lstsq(face.T, wanted, rcond=None)[0]
    return v, p
