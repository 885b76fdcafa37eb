"""Infima over directions in float64: proposals, never verdicts.

`ball_least_squares`    inf_{||v|| <= R} ||u - A v||   for a batch, by singular values and Newton's secular equation
`lifted_least_squares`  the same over points with masses
`l1_active_set`         argmin eps ||v|| + sum_j |u_j - a_j'v|   for one instance, by descent along the kinks
`l1_ends`               the same for a batch, and its dual, by Newton's method on smoothed kinks
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
    left, values, vectors = _decomposed(rows, target)
    live = values > 1e-13 * values[:, :1]
    weights = np.where(live, values * left, 0.0)
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


def _decomposed(rows: Array, target: Array) -> tuple[Array, Array, Array]:
    """U'u (B, r), the singular values (B, r) and V' (B, r, d) of rows U S V' (B, N, d) and targets u (B, N)."""
    if rows.shape[1] > rows.shape[2] + 1:  # the triangle of [rows | target] has the same products, and few rows
        table = np.asarray(np.linalg.qr(np.concatenate([rows, target[..., None]], 2), mode="r"))
        rows, target = table[..., :-1], table[..., -1]
    left, values, vectors = np.linalg.svd(rows, full_matrices=False)
    return (left.transpose(0, 2, 1) @ target[..., None])[..., 0], values, vectors


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


STEPS, FALL, BACK, ENOUGH, SPARSE = 30, 0.1, 0.999, 2.0**-40, 0.75
"""Of `l1_ends`: the most Newton steps; the share of what is open that becomes mu; how near to the border a step comes;
the share of the upper end that may stay open; the share of a batch below which what is done is taken out."""


def l1_ends(eps: Array, rows: Array, target: Array) -> tuple[Array, Array]:
    """Directions v (B, d) and dual weights p (B, N) for eps ||v|| + sum_j |u_j - a_j'v| of a whole batch; eps (B,),
    rows (B, N, d), target (B, N). Where numbers are not finite v = 0.

    ||v|| and |r_j|, r = u - A v, are smoothed to (||v||^2 + mu^2)^(1/2) and (r_j^2 + mu^2)^(1/2), with slopes q and p.
    Newton's method takes (||v||^2 + mu^2)^(1/2) q = v and (r_j^2 + mu^2)^(1/2) p_j = r_j as they stand, ||q|| < 1 and
    |p_j| < 1 throughout (Chan, Golub, Mulet, SIAM J. Sci. Comput. 20, 1999), while mu falls with what is open between
    the sum at v and p'u, p scaled to ||A'p|| <= eps. The best of each is kept. v is sought among the combinations of
    the rows, which the best is: of few rows in coordinates of an orthonormal basis.
    """
    found_v, found_p = np.zeros((len(rows), min(rows.shape[1:]))), np.sign(np.nan_to_num(target))
    # The answer does not depend on the units of the rows (with eps) and of the target; squares must not underflow.
    size, height = np.maximum(np.abs(rows).max((1, 2)), eps), np.abs(target).max(1)
    left = np.flatnonzero((size > 0) & (size < np.inf) & (height > 0) & (height < np.inf))
    size, height = size[left], height[left]
    a, e, u = rows[left] / size[:, None, None], eps[left] / size, target[left] / height[:, None]
    finite, basis = left, None
    if a.shape[2] > a.shape[1]:
        basis, factor = np.linalg.qr(a.swapaxes(1, 2))
        a = factor.swapaxes(1, 2)
    r, v, p, mu = u, found_v[left], np.zeros(u.shape), np.ones(len(left))
    q, best_v, best_p, upper, lower = v, v, p, np.abs(u).sum(1), np.zeros(len(left))
    for step in range(STEPS):
        if not len(left):
            break
        move, turn_p, turn_q = _smoothed_step(e, a, r, v, p, q, mu)
        share = np.minimum(1.0, BACK * np.minimum(_room(p, turn_p), _ball_room(q, turn_q)))[:, None]
        v, p, q = v + move, p + share * turn_p, q + share * turn_q
        r = u - (a @ v[..., None])[..., 0]
        above, pulled = e * _length(v) + np.abs(r).sum(1), _length((p[:, None] @ a)[:, 0])
        below = np.where(pulled > e, e / np.where(pulled > 0, pulled, 1.0), 1.0) * (p * u).sum(1)
        best_v, best_p = np.where((above < upper)[:, None], v, best_v), np.where((below > lower)[:, None], p, best_p)
        upper, lower = np.fmin(above, upper), np.fmax(below, lower)
        mu = np.minimum(mu, np.maximum(FALL * (above - below) / (u.shape[1] + 1), 1e-16))
        goes_on = (upper - lower > ENOUGH * upper) & (step + 1 < STEPS)
        if goes_on.mean() < SPARSE:  # those that are done go a few steps on
            found_v[left], found_p[left] = best_v * (height / size)[:, None], best_p
            kept = (left, size, height, a, e, u, r, v, p, q, mu, best_v, best_p, upper, lower)
            left, size, height, a, e, u, r, v, p, q, mu, best_v, best_p, upper, lower = (x[goes_on] for x in kept)
    if basis is not None:
        coordinates, found_v = found_v, np.zeros(rows[:, 0].shape)
        found_v[finite] = (basis @ coordinates[finite, :, None])[..., 0]
    return found_v, found_p


def _smoothed_step(
    eps: Array, rows: Array, residual: Array, v: Array, p: Array, q: Array, mu: Array
) -> tuple[Array, Array, Array]:
    """Newton's changes of v (B, d), p (B, N) and q (B, d)."""
    unit = np.eye(v.shape[1])
    sizes, length = np.sqrt(residual**2 + mu[:, None] ** 2), np.sqrt((v * v).sum(1) + mu**2)[:, None]
    lean, along = residual / sizes, v / length
    bend, pull = (1 - p * lean) / sizes, eps[:, None] / length
    cross = q[:, :, None] * along[:, None]
    system = rows.swapaxes(1, 2) @ (bend[..., None] * rows)
    system = system + pull[..., None] * (unit - (cross + cross.swapaxes(1, 2)) / 2)
    system = system + (2.0**-50 * system.trace(axis1=1, axis2=2))[:, None, None] * unit
    slope = (lean[:, None] @ rows)[:, 0] - pull * v
    try:
        move = np.linalg.solve(system, slope[..., None])[..., 0]
    except np.linalg.LinAlgError:  # regular on paper
        move = (np.linalg.pinv(system) @ slope[..., None])[..., 0]
    turn_p = lean - bend * (rows @ move[..., None])[..., 0] - p
    turn_q = along + (move - q * (along * move).sum(1)[:, None]) / length - q
    return move, turn_p, turn_q


def _room(p: Array, turn: Array) -> Array:
    """How many times turn may be added to p (B, N) until an entry is of size 1."""
    moving = turn != 0
    room: Array = np.where(moving, (np.sign(turn) - p) / np.where(moving, turn, 1.0), np.inf).min(1)
    return room


def _ball_room(q: Array, turn: Array) -> Array:
    """How many times turn may be added to q (B, d) until its length is 1."""
    square, cross, rest = (turn * turn).sum(1), (q * turn).sum(1), np.maximum(1 - (q * q).sum(1), 0.0)
    room = (np.sqrt(cross * cross + square * rest) - cross) / np.where(square > 0, square, 1.0)
    return np.where(square > 0, room, np.inf)


def _length(v: Array) -> Array:
    return np.asarray(np.sqrt((v * v).sum(1)))
