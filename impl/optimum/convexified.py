"""Lower bounds of L over boxes by convexity (`relaxing`), in float64: they propose, `check` decides."""

from __future__ import annotations

import numpy as np

from ..arithmetic import Array
from .landscape import Landscape
from .ranges import SLACK
from .reach import Reach, middle_of, over
from .relaxing import ROUNDS, relaxation


def hessian_floor(scape: Landscape, path: list[Reach]) -> Array:
    """Matrices (N, d, d) less than Hess L on the boxes of a path of gradient steps, as quadratic forms (`relaxing`)."""
    n, k, d = scape.features.shape
    last, few = path[-1], k < d
    p, p_rad = (scape.weights * v for v in middle_of(*scape.ranges.over(1, *last.interval)))
    low = scape.weights * scape.ranges.over(2, *last.interval)[0]
    bends = [middle_of(*scape.inner.over(2, *reach.interval)) for reach in path[:-1]]
    rows = _rows(scape, bends) if few else [(reach.rows, reach.spread) for reach in path]
    pull, size = scape.rate * scape.gram, np.abs(scape.rate * scape.gram)
    count = last.centre.shape[-1]
    whole, around = np.zeros((d, d, count)), np.zeros((n, rows[0][0].shape[2], count))
    for t in range(len(path) - 1, -1, -1):
        if t < len(path) - 1:
            drawn, drawn_rad = pull @ p, size @ (p_rad + scape.room * np.abs(p))
            h, h_rad = bends[t]
            third = np.stack(scape.inner.over(3, *path[t].interval))
            ends = np.stack([drawn - drawn_rad, drawn + drawn_rad])
            low = -(third[:, None] * ends).max((0, 1))
            p_rad = p_rad + np.abs(h) * drawn_rad + h_rad * (np.abs(drawn) + drawn_rad) + scape.room * np.abs(p)
            p = p - h * drawn
        w, s = rows[t]
        # A term that is not negative may be left out, where it is not known well.
        w_size, s_size = np.abs(w).sum(2), s.sum(2)
        low = np.where((low > 0) & (s_size > w_size / 2), 0.0, low)
        weight = np.abs(low)
        around += (weight[:, :, None] * (np.abs(w) * s_size[:, :, None] + s * (w_size + s_size)[:, :, None])).sum(1)
        full = path[t].rows
        scaled = low[:, :, None] * full
        for j in range(d):
            whole[j, j:] += (scaled[:, :, j, None] * full[:, :, j:]).sum((0, 1))
        rounding = scape.room * (weight * (full * full).sum(2)).sum((0, 1))
        whole[range(d), range(d)] -= rounding
    upper = np.triu_indices(d, 1)
    whole[upper[1], upper[0]] = whole[upper]
    around *= 1 + SLACK
    whole = np.moveaxis(whole, -1, 0)
    if few:
        features = scape.features.reshape(n * k, d)
        spread = around.reshape(n * k, count).T
        return whole - np.einsum("Nx,xa,xb->Nab", spread, features, features, optimize=True)
    whole[:, range(d), range(d)] -= around.sum(0).T
    return whole


def _rows(scape: Landscape, bends: list[tuple[Array, Array]]) -> list[tuple[Array, Array]]:
    """J_t and its radius (n, k, k, N), where V = X and J_0 is the unit matrix."""
    k = scape.features.shape[1]
    unit = np.broadcast_to(np.eye(k)[..., None], (len(scape.features), k, k, 1))
    found = [(unit, np.zeros_like(unit))]
    pull, size = scape.rate * scape.gram[..., None], np.abs(scape.rate * scape.gram)[..., None]
    for h, h_rad in bends:
        w, s = found[-1]
        factor, factor_rad = unit - pull * h[:, None], size * h_rad[:, None]
        if len(found) == 1:
            found.append((factor, factor_rad + scape.room * (1 + np.abs(factor))))
            continue
        middle = np.einsum("nxjN,njaN->nxaN", factor, w)
        radius = np.einsum("nxjN,njaN->nxaN", np.abs(factor) * (1 + scape.room) + factor_rad, s)
        radius += np.einsum("nxjN,njaN->nxaN", factor_rad + scape.room * np.abs(factor), np.abs(w))
        found.append((middle, radius))
    return found


def bounds_by_convexity(
    scape: Landscape, path: list[Reach], centre: Array, half: Array, slope: Array, radius: float, inside: Array
) -> Array:
    """Lower bounds (N,) of L over boxes within the ball, or nan; `slope` about grad L at the centres."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        by = relaxation(hessian_floor(scape, path), slope, centre, half, inside)
        middle, around = (by.out * centre).sum(1), (np.abs(by.out) * half).sum(1)
        least, most = middle - around, np.minimum(middle + around, radius)
        halfway, found = (least + most) / 2, np.full(len(centre), np.nan)
        t, tilt = np.zeros_like(centre), slope + by.multiplier[:, None] * centre
        tilt = tilt + (by.kappa * (middle - halfway))[:, None] * by.out
        for _ in range(ROUNDS):
            t = by.point(tilt, t, half)
            at = centre + t
            point, along = over(scape, at, np.zeros_like(at)), (by.out * at).sum(1)
            gradient, spread = point.gradient
            tilt = gradient + by.e * t + by.multiplier[:, None] * at + (by.kappa * (along - halfway))[:, None] * by.out
            value = point.mean_value - (by.e * (half * half - t * t)).sum(1) / 2
            value = value + by.multiplier / 2 * ((at * at).sum(1) - radius * radius)
            value = value + by.kappa / 2 * (along - least) * (along - most)
            fall = (np.maximum(tilt * (half + t), -tilt * (half - t)) + spread * (half + np.abs(t))).sum(1)
            noise = np.abs(value) + (by.e * half * half).sum(1) + (by.multiplier + by.kappa) * radius * radius
            found = np.fmax(found, value - fall - SLACK * (noise + (np.abs(tilt) * half).sum(1)))
        return found
