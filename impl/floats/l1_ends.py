"""Sums of sizes in float64, for batches: argmin eps ||v|| + sum_j |u_j - a_j'v| and its dual, by Newton's method on
smoothed kinks. Proposals, never verdicts.
"""

from __future__ import annotations

import numpy as np

from ..arithmetic import Array

STEPS, FALL, BACK, ENOUGH, SPARSE = 30, 0.1, 0.999, 2.0**-40, 0.75
"""Of `l1_ends`: the most Newton steps; the share of what is open that becomes mu; how near to the border a step comes;
the share of the upper end that may stay open; the share of a batch below which what is done is taken out."""
FACES, RARE, NEAR, SOFT = range(4, STEPS, 3), range(10, STEPS, 6), 0.98, 1e-8
"""The steps after which a face is tried, and after which everywhere; the size of a weight from which its residual keeps
its sign; how softly the others are held at 0 at first."""
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
        np.copyto(best_v, v, where=above < upper)
        np.copyto(best_p, p, where=below > lower)
        upper, lower = np.fmin(above, upper), np.fmax(below, lower)
        hopeful = _hopeful(step, used, p, len(a))
        if len(hopeful):
            parts = [e, a, u, used, r, v, p]
            if len(hopeful) < len(left):
                parts = [_taken(x, hopeful) for x in parts]
            face_v, face_p = _on_face(*parts)
            above = parts[0] * _length(face_v) + np.abs(parts[2] - _applied(parts[1], face_v)).sum(0)
            below = _lower(parts[0], parts[1], parts[2], face_p)
            less, more = above < upper[hopeful], below > lower[hopeful]
            best_v[:, hopeful[less]], best_p[:, hopeful[more]] = face_v[:, less], face_p[:, more]
            upper[hopeful], lower[hopeful] = np.fmin(above, upper[hopeful]), np.fmax(below, lower[hopeful])
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


def _hopeful(step: int, used: Array, p: Array, d: int) -> Array:
    """Where the face is tried after a step: of many coordinates, mostly, where no more weights are well inside."""
    if step not in FACES:
        return np.arange(0)
    if d <= FEW or step in RARE:
        return np.arange(p.shape[1])
    return np.flatnonzero((used & (np.abs(p) < NEAR)).sum(0) <= d)


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
