"""The checker's lower bound by convexity (leaf r) of one box, in balls at any precision: `relaxing` derives it."""

from __future__ import annotations

import numpy as np
from flint import arb, arb_mat, fmpq

from ..arithmetic import dot, midpoint, rational, to_float
from ..balls.singular import positive_definite
from .boxes import Box, TaskModel, TaskReach
from .relaxing import ROUNDS, relaxation


def hessian_floor(box: Box) -> arb_mat:
    """A matrix (d, d) of which Hess L is at least one, as a quadratic form, throughout the box."""
    d = box.model.dimension
    total = arb_mat(d, d)
    for task, reach in box.pairs:
        total += task.law.weight * _task_floor(task, reach, box.model.rate)
    return total


def _task_floor(task: TaskModel, reach: TaskReach, rate: arb) -> arb_mat:
    """The same for the risk of one task."""
    k, d = task.count, task.features.ncols()
    few, unit = k < d, arb_mat(k, k, [int(i == j) for i in range(k) for j in range(k)])
    pull = task.gram * rate
    rows = [iterate.rows for iterate in reach.path] + [reach.rows]
    if few:
        rows = [unit]
        for iterate in reach.path:
            rows.append((unit - pull * _diagonal(iterate.bends)) * rows[-1])
    width = k if few else d
    p, bends = (task.sums(task.outer, order, reach.over) for order in (1, 2))
    lows = [arb(h.lower()) for h in bends]
    total, around = arb_mat(width, width), [arb(0)] * width
    for t in range(len(reach.path), -1, -1):
        if t < len(reach.path):
            iterate = reach.path[t]
            drawn = (pull * arb_mat([[v] for v in p])).entries()
            thirds = task.sums(task.inner, 3, iterate.over)
            lows = [arb((-third * v).lower()) for third, v in zip(thirds, drawn, strict=True)]
            p = [v - h * w for v, h, w in zip(p, iterate.bends, drawn, strict=True)]
        for x in range(k):
            row = rows[t].tolist()[x]
            middle, spread = [arb(v.mid()) for v in row], [arb(v.rad()) for v in row]
            size, wide = sum(map(abs, middle), start=arb(0)), sum(spread, start=arb(0))
            # A floor that is not negative may be 0.
            if lows[x] > 0 and wide > size / 2:
                continue
            column = arb_mat([[v] for v in middle])
            total += column * column.transpose() * lows[x]
            for a in range(width):
                around[a] += abs(lows[x]) * (abs(middle[a]) * wide + spread[a] * (size + wide))
    total -= _diagonal(around)
    return task.features.transpose() * total * task.features if few else total


def _diagonal(values: list[arb]) -> arb_mat:
    count = len(values)
    return arb_mat(count, count, [v if i == j else arb(0) for i, v in enumerate(values) for j in range(count)])


def at_least(box: Box, centre: list[fmpq], half: list[fmpq], ball: fmpq, lower: arb) -> bool:
    """Whether L >= lower on the part of the box in the ball, by convexity of F there."""
    floor, d = hessian_floor(box), len(half)
    if not all(v.is_finite() for v in (*floor.entries(), *box.gradient)):
        return False
    c, r = (np.array([[to_float(v) for v in side]]) for side in (centre, half))
    far = [abs(v) + w for v, w in zip(centre, half, strict=True)]
    inside = dot(far, far) < ball * ball
    matrix = np.array([midpoint(v) for v in floor.entries()]).reshape(1, d, d)
    slope = np.array([[midpoint(g) for g in box.gradient]])
    by = relaxation(matrix, slope, c, r, np.array([inside]))
    proposed = (*by.multiplier, *by.kappa, *by.e[0], *by.out[0])
    if not np.isfinite(proposed).all() or min(proposed[: d + 2]) < 0:
        return False
    mu, kappa, *rest = (rational(float(v)) for v in proposed)
    e, out = rest[:d], rest[d:]
    kappa = kappa if dot(out, out) <= 1 else fmpq(0)
    middle = dot(out, centre)
    around = sum((abs(o) * w for o, w in zip(out, half, strict=True)), start=fmpq(0))
    least, most = middle - around, min(middle + around, ball)
    hessian = [
        [floor[i, j] + kappa * out[i] * out[j] + (e[i] + mu if i == j else 0) for j in range(d)] for i in range(d)
    ]
    # Scaled by the box: definite if and only if it is without.
    scaled = [[half[i] * v * half[j] for j, v in enumerate(row)] for i, row in enumerate(hessian)]
    if not positive_definite(arb_mat(scaled), arb(0)):
        return False
    t, point = [fmpq(0)] * d, None
    for _ in range(ROUNDS + 1):
        at = [a + b for a, b in zip(centre, t, strict=True)]
        along = dot(out, at)
        push = kappa * (along - (least + most) / 2)
        slopes = [arb(g.mid()) for g in box.gradient] if point is None else point.gradient
        tilt = [g + a * b + mu * v + push * o for g, a, b, v, o in zip(slopes, e, t, at, out, strict=True)]
        if point is not None:
            value = point.at_centre + mu / 2 * (dot(at, at) - ball * ball)
            value += kappa / 2 * (along - least) * (along - most)
            for a, b, w, g in zip(e, t, half, tilt, strict=True):
                value -= a / 2 * (w * w - b * b) + (g * (w + b)).max(-g * (w - b)).max(arb(0))
            if value >= lower:
                return True
        step = by.point(np.array([[midpoint(v) for v in tilt]]), np.array([[to_float(v) for v in t]]), r)[0]
        if not np.isfinite(step).all():
            return False
        t = [min(max(rational(float(v)), -w), w) for v, w in zip(step, half, strict=True)]
        point = Box(box.model, [a + b for a, b in zip(centre, t, strict=True)], [fmpq(0)] * d)
    return False
