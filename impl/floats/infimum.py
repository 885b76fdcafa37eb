"""Infima over directions in float64: proposals, never verdicts.

`ball_least_squares`    inf_{||v|| <= R} ||u - A v||   for a batch, by singular values or their squares, and
                        Newton's secular equation
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


STEPS, FALL, BACK, ENOUGH, SPARSE = 30, 0.1, 0.999, 2.0**-40, 0.75
"""Of `l1_ends`: the most Newton steps; the share of what is open that becomes mu; how near to the border a step comes;
the share of the upper end that may stay open; the share of a batch below which what is done is taken out."""
FACES, NEAR, SOFT = range(4, STEPS, 3), 0.98, 1e-8
"""The steps after which a face is tried; the size of a weight from which its residual keeps its sign; how softly the
others are held at 0 at first."""
FEW, TELL, LEAST, TINY = 4, 2.0**-46, 1e-16, 1e-300
"""The most coordinates for which sums are taken along the batch, by numpy alone; the share of the largest target above
which targets have signs; the least mu; what is divided by instead of 0."""


def l1_ends(eps: Array, rows: Array, target: Array) -> tuple[Array, Array]:
    """Directions v (B, d) and dual weights p (B, N) for eps ||v|| + sum_j |u_j - a_j'v| of a whole batch; eps (B,),
    rows (B, N, d), target (B, N). Where numbers are not finite v = 0.

    ||v|| and |r_j|, r = u - A v, are smoothed to (||v||^2 + mu^2)^(1/2) and (r_j^2 + mu^2)^(1/2), with slopes q and p.
    Newton's method takes (||v||^2 + mu^2)^(1/2) q = v and (r_j^2 + mu^2)^(1/2) p_j = r_j as they stand, ||q|| < 1 and
    |p_j| < 1 throughout (Chan, Golub, Mulet, SIAM J. Sci. Comput. 20, 1999), while mu falls with what is open between
    the sum at v and p'u, p scaled to ||A'p|| <= eps. Now and then the face is tried where the residuals of weights well
    inside vanish. The best of each is kept; v = 0 and the signs of u are the first. v is sought among the combinations
    of the rows, which the best is: of few rows in coordinates of an orthonormal basis.

    Arrays are (d, N, B), (d, B), (N, B) inside. In memory the batch is last where d <= FEW, else first.
    """
    found_p = np.sign(np.nan_to_num(target))
    few = min(rows.shape[1:]) <= FEW
    laid = np.ascontiguousarray if few else np.asfortranarray
    a, u = laid(rows.T), laid(target.T)
    used = np.asarray(a.any(0))
    count, order = max(int(used.sum(0).max(initial=0)), 1), None
    if count < len(u):  # rows that are zero go last, and most of them out
        order = np.argsort(~used, axis=0, kind="stable")[:count]
        a, u, used = (laid(np.take_along_axis(x, i, -2)) for x, i in ((a, order[None]), (u, order), (used, order)))
    # The answer does not depend on the units of the rows (with eps) and of the target; squares must not underflow.
    size, height = np.maximum(np.abs(a).max((0, 1)), eps), np.abs(u).max(0)
    left = finite = np.flatnonzero((size > 0) & (size < np.inf) & (height > 0) & (height < np.inf))
    a, u, used, e, size, height = (_taken(x, left) for x in (a, u, used, eps, size, height))
    a, u, e, unit, basis = a / size, u / height, np.maximum(e / size, TINY), height / size, None
    if len(a) > count:
        basis, factor = np.linalg.qr(a.T.swapaxes(1, 2))
        a = laid(factor.swapaxes(1, 2).T)
    r, v, p, mu = u, np.zeros((len(a), len(left))), np.zeros_like(u), np.full(len(left), FALL)
    q, going, best_v, best_p = v, mu > 0, np.zeros_like(v), u / np.hypot(u, TELL)
    kept_v, kept_p = np.zeros((len(eps), len(a))), np.zeros((len(eps), count))
    upper, lower = np.abs(u).sum(0), _lower(e, a, u, best_p)
    for step in range(STEPS):
        goes_on = (upper - lower > ENOUGH * upper) & going
        if np.count_nonzero(goes_on) < SPARSE * len(left):  # those that are done go a few steps on
            kept_v[left], kept_p[left] = (best_v * unit).T, (best_p * _scale(e, a, best_p)).T
            some = np.flatnonzero(goes_on)
            kept = (left, unit, a, e, u, used, r, v, p, q, mu, best_v, best_p, upper, lower)
            left, unit, a, e, u, used, r, v, p, q, mu, best_v, best_p, upper, lower = (_taken(x, some) for x in kept)
        if not len(left):
            break
        going = mu > LEAST  # a step with the least mu is the last
        move, turn_p, turn_q = _smoothed_step(e, a, r, v, p, q, mu)
        share = np.minimum(1.0, BACK / np.maximum(_rate(p, turn_p), _ball_rate(q, turn_q)))
        turn_p *= share
        v, p, q = v + move, p + turn_p, q + share * turn_q
        r = u - _applied(a, v)
        above, below = e * _length(v) + np.abs(r).sum(0), _lower(e, a, u, p)
        mu = np.minimum(mu, np.maximum(FALL * (above - below) / (count + 1), LEAST))
        tried = [(above, below, v, p)]
        if step in FACES:
            face_v, face_p = _on_face(e, a, u, used, r, v, p)
            above = e * _length(face_v) + np.abs(u - _applied(a, face_v)).sum(0)
            tried.append((above, _lower(e, a, u, face_p), face_v, face_p))
        for above, below, some_v, some_p in tried:
            np.copyto(best_v, some_v, where=above < upper)
            np.copyto(best_p, some_p, where=below > lower)
            upper, lower = np.fmin(above, upper), np.fmax(below, lower)
    kept_v[left], kept_p[left] = (best_v * unit).T, (best_p * _scale(e, a, best_p)).T
    found_v = kept_v if basis is None else np.zeros(rows[:, 0].shape)
    if basis is not None:
        found_v[finite] = (basis @ kept_v[finite, :, None])[..., 0]
    if order is None:
        found_p[finite] = kept_p[finite]
    else:
        found_p[finite[:, None], order.T[finite]] = kept_p[finite]
    return found_v, found_p


def _smoothed_step(
    eps: Array, rows: Array, residual: Array, v: Array, p: Array, q: Array, mu: Array
) -> tuple[Array, Array, Array]:
    """Newton's changes of v (d, B), p (N, B) and q (d, B)."""
    square = mu * mu
    sizes = residual * residual
    sizes += square
    np.sqrt(sizes, out=sizes)
    lean = residual / sizes
    bend = p * lean
    np.subtract(1, bend, out=bend)
    bend /= sizes
    length = np.sqrt(_dot(v, v) + square)
    along, pull = v / length, eps / length
    cross = (pull / -2 * q)[:, None] * along
    system = _gram(rows, bend) + (cross + cross.swapaxes(0, 1))
    move = _solved(system, pull, _pulled(rows, lean) - pull * v)
    bend *= _applied(rows, move)
    lean -= bend
    lean -= p
    return move, lean, along + (move - q * _dot(along, move)) / length - q


def _on_face(
    eps: Array, rows: Array, target: Array, used: Array, residual: Array, v: Array, p: Array
) -> tuple[Array, Array]:
    """The v (d, B) and p (N, B) of the face where the residuals of the least weights vanish, at most d that are well
    inside, if the others keep their signs: two steps of Newton's method, by multipliers (Hestenes, JOTA 4, 1969)."""
    sizes, count = np.where(used, np.abs(p), 1.0), min(rows.shape[:2])
    near = np.argpartition(sizes, count - 1, axis=0)[:count]
    inside = np.take_along_axis(sizes, near, 0) < NEAR
    face = np.take_along_axis(rows, near[None], 1) * inside
    aims, weights = (np.take_along_axis(x, near, 0) * inside for x in (target, p))
    found = np.sign(residual)
    signs = np.where(inside, 0.0, np.take_along_axis(found, near, 0))
    np.put_along_axis(found, near, signs, 0)
    rest, held = _pulled(rows, found), _gram(face, np.full(aims.shape, 1 / SOFT))
    for _ in range(2):
        length = np.maximum(_length(v), TINY)
        along, pull = v / length, eps / length
        open_ = aims - _applied(face, v)
        slope = rest + _pulled(face, weights + open_ / SOFT) - eps * along
        move = _solved(held - (pull * along)[:, None] * along, pull, slope)
        v, weights = v + move, weights + (open_ - _applied(face, move)) / SOFT
    np.put_along_axis(found, near, signs + np.clip(weights, -1.0, 1.0), 0)
    return v, found


def _solved(system: Array, more: Array, right: Array) -> Array:
    """The solutions (d, B) of (system + more) x = right; systems (d, d, B) are positive, on paper: no pivots."""
    d = len(right)
    table = np.empty((d, d + 1, len(more)))
    table[:, :d], table[:, d] = system, right
    diagonal = table.reshape(-1, len(more))[:: d + 2]
    least = 2.0**-50 * diagonal.sum(0) + TINY
    diagonal += more + least
    if d > FEW:
        try:
            return np.asarray(np.linalg.solve(table[:, :d].T, right.T[..., None])[..., 0].T)
        except np.linalg.LinAlgError:
            pass
    for j in range(d):
        table[j, j + 1 :] /= np.maximum(table[j, j], least)
        table[j + 1 :, j + 1 :] -= table[j + 1 :, j, None] * table[j, j + 1 :]
    x = table[:, d]
    for j in range(d - 1, 0, -1):
        x[:j] -= table[:j, j] * x[j]
    return x


def _rate(p: Array, turn: Array) -> Array:
    """The share of the way to size 1 that turn is for the entries of p (N, B), at most."""
    room = np.maximum(1 - np.copysign(p, p * turn), 2.0**-52)
    return np.asarray((np.abs(turn) / room).max(0))


def _ball_rate(q: Array, turn: Array) -> Array:
    """The share of the way to length 1 that turn is for q (d, B)."""
    cross, rest = _dot(q, turn), np.maximum(1 - _dot(q, q), 2.0**-60)
    return np.asarray((cross + np.sqrt(cross * cross + _dot(turn, turn) * rest)) / rest)


def _lower(eps: Array, rows: Array, target: Array, p: Array) -> Array:
    """p'u, p scaled to ||A'p|| <= eps."""
    return np.asarray(_dot(p, target) * _scale(eps, rows, p))


def _scale(eps: Array, rows: Array, p: Array) -> Array:
    """The largest s <= 1 with ||A'(s p)|| <= eps."""
    return np.asarray(eps / np.maximum(_length(_pulled(rows, p)), eps))


def _applied(rows: Array, v: Array) -> Array:
    """A v (N, B)."""
    if len(rows) <= FEW:
        return np.asarray(np.einsum("inb,ib->nb", rows, v))
    return np.asarray((rows.T @ v.T[..., None])[..., 0].T)


def _pulled(rows: Array, p: Array) -> Array:
    """A'p (d, B)."""
    if len(rows) <= FEW:
        return np.asarray(np.einsum("inb,nb->ib", rows, p))
    return np.asarray((p.T[:, None] @ rows.T)[:, 0].T)


def _gram(rows: Array, weights: Array) -> Array:
    """A' diag(weights) A (d, d, B)."""
    if len(rows) > FEW:
        return np.asarray((rows.T.swapaxes(1, 2) @ (weights.T[..., None] * rows.T)).T)
    found = np.empty((len(rows), *rows[:, 0].shape))
    for i, column in enumerate(rows):
        np.einsum("nb,inb->ib", weights * column, rows[i:], out=found[i, i:])
        found[i + 1 :, i] = found[i, i + 1 :]
    return found


def _dot(a: Array, b: Array) -> Array:
    return np.asarray(np.add.reduce(a * b))


def _length(v: Array) -> Array:
    return np.asarray(np.sqrt(_dot(v, v)))


def _taken(x: Array, some: Array) -> Array:
    """The columns `some` along the last axis, laid in memory as before."""
    return x.take(some, -1) if x.flags.c_contiguous else x.T[some].T
