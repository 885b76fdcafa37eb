r"""Lower bounds of the meta-objective over boxes by convexity, in float64: they propose, `check` decides.

Let Hess L + diag(e) + mu I be positive semidefinite on the box c +- r, with e, mu >= 0. Then

    F(theta) = L(theta) + sum_j e_j((theta_j - c_j)^2 - r_j^2)/2 + mu(|theta|^2 - B^2)/2

is convex on the box, at most L on its part of the ball, and there L >= F(a) + grad F(a)'(theta - a) for any a of the box.

A floor of the Hessian: of a task with X = UV (V = X if it has fewer rows than columns, else U = X), z_0 = U u, u = V theta,
J_t = dz_t/du, and p_t the gradient of its risk in z_t,

    Hess_u = sum_t J_t' diag(d_t) J_t,   d_K = h(z_K),   d_t = -eta ell'''(z_t) A p_{t+1},   p_t = (I - eta diag h(z_t) A)p_{t+1}.

d ww' >= low ww' if d >= low; and with w = m + e, |e| <= s, low (ww' - mm') has entries of at most |low|(|m|s' + s|m|' + ss'),
which is at most the diagonal matrix of its row sums: Hess L >= sum q m m' low - V' diag(row sums) V. What tasks do in one
direction adds up with its sign, and wide ranges of the third derivative cost no more than in that direction.
"""

from __future__ import annotations

import numpy as np

from ..arithmetic import Array
from .landscape import Landscape, Reach, middle_of
from .ranges import SLACK

SWEEPS = 4
"""Rounds of coordinate descent towards the minimum of a quadratic over a box."""


def hessian_floor(scape: Landscape, path: list[Reach]) -> Array:
    """Matrices (N, d, d) that Hess L - them is positive semidefinite for, over the boxes of a path of gradient steps."""
    n, k, d = scape.features.shape
    last, few = path[-1], k < d
    p, p_rad = (scape.weights * v for v in middle_of(*scape.ranges.over(1, *last.interval)))
    low = scape.weights * scape.ranges.over(2, *last.interval)[0]
    bends = [middle_of(*scape.ranges.over(2, *reach.interval)) for reach in path[:-1]]
    rows = _rows(scape, bends) if few else [(reach.rows, reach.spread) for reach in path]
    pull, size = scape.rate * scape.gram, np.abs(scape.rate * scape.gram)
    count = last.centre.shape[-1]
    whole, around = np.zeros((d, d, count)), np.zeros((n, rows[0][0].shape[2], count))
    for t in range(len(path) - 1, -1, -1):
        if t < len(path) - 1:
            drawn, drawn_rad = pull @ p, size @ (p_rad + scape.room * np.abs(p))
            h, h_rad = bends[t]
            third = np.stack(scape.ranges.over(3, *path[t].interval))
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


def shifts(floor: Array, half: Array) -> Array:
    """e >= 0 (N, d) with floor + diag(e) positive semidefinite: for floors (N, d, d), sum e r^2 small; inf: not finite.

    With the floor scaled by r, e r^2 is the size of the least eigenvalue, or the row sums of the negative part.
    """
    scaled = floor * half[:, :, None] * half[:, None]
    usable = np.isfinite(scaled).all((1, 2))
    scaled = np.where(usable[:, None, None], scaled, 0.0)
    values, vectors = np.linalg.eigh(scaled)
    noise = 1e-13 * np.abs(scaled).sum((1, 2))
    least = np.maximum(-values, 0.0)
    negative = np.abs(np.einsum("Nai,Ni,Nbi->Nab", vectors, least, vectors, optimize=True)).sum(2)
    alike = np.repeat(least[:, :1], half.shape[1], axis=1)
    chosen = np.where((negative.sum(1) < alike.sum(1))[:, None], negative, alike)
    chosen = np.where((values[:, 0] > noise)[:, None], 0.0, chosen + noise[:, None])
    return np.where(usable[:, None], chosen / (half * half), np.inf)


def lowest_point(bend: Array, slope: Array, half: Array) -> Array:
    """About where slope't + t'bend t/2 is least over |t| <= half (N, d), by coordinate descent."""
    count, d = slope.shape
    t, size = np.zeros_like(slope), np.abs(bend[:, range(d), range(d)])
    pull = slope.copy()
    for _ in range(SWEEPS):
        for j in range(d):
            with np.errstate(divide="ignore", invalid="ignore"):
                to = np.clip(np.nan_to_num(t[:, j] - pull[:, j] / size[:, j]), -half[:, j], half[:, j])
            pull += bend[:, :, j] * (to - t[:, j])[:, None]
            t[:, j] = to
    return t


def bounds_by_convexity(
    scape: Landscape, path: list[Reach], centre: Array, half: Array, slope: Array, radius: float, inside: Array
) -> Array:
    """Lower bounds (N,) of L over boxes within the ball; `slope` about grad L at the centres (N, d)."""
    floor, d = hessian_floor(scape, path), half.shape[1]
    size = np.maximum(np.linalg.norm(centre, axis=1, keepdims=True), 1e-300)
    edge, out = ~inside, centre / size * (1 - SLACK)
    multiplier = np.where(edge, np.maximum(-(slope * out).sum(1) / size[:, 0], 0), 0.0)
    floor = floor + multiplier[:, None, None] * np.eye(d)
    kappa = np.where(edge & (multiplier > 0), _outward(floor, out), 0.0)
    floor = floor + kappa[:, None, None] * (out[:, :, None] * out[:, None])
    ends = (out * centre).sum(1), (np.abs(out) * half).sum(1)
    least, most = ends[0] - ends[1], np.minimum(ends[0] + ends[1], radius)
    e = shifts(floor, half)
    floor, e = np.where(np.isfinite(e)[..., None], floor, 0.0), np.where(np.isfinite(e), e, 1e300)
    bend = floor + e[:, :, None] * np.eye(d)
    tilt, t = slope + multiplier[:, None] * centre, np.zeros_like(centre)
    tilt = tilt + (kappa * (ends[0] - (least + most) / 2))[:, None] * out
    found = np.full(len(t), -np.inf)
    for _ in range(2):
        t = lowest_point(bend, tilt - (bend @ t[..., None])[..., 0], half)
        at = centre + t
        point, along = scape.over(at, np.zeros_like(at)), (out * at).sum(1)
        gradient, spread = point.gradient
        tilt = gradient + e * t + multiplier[:, None] * at + (kappa * (along - (least + most) / 2))[:, None] * out
        value = point.mean_value - (e * (half * half - t * t)).sum(1) / 2
        value = value + multiplier / 2 * ((at * at).sum(1) - radius * radius)
        value = value + kappa / 2 * (along - least) * (along - most)
        fall = (np.maximum(tilt * (half + t), -tilt * (half - t)) + spread * (half + np.abs(t))).sum(1)
        noise = np.abs(value) + (e * half * half).sum(1) + (multiplier + kappa) * radius * radius
        noise = noise + (np.abs(tilt) * half).sum(1)
        found = np.fmax(found, value - fall - SLACK * noise)
    return found


def _outward(floor: Array, out: Array) -> Array:
    """kappa >= 0 (N,) for which floor + kappa out out' has no negative eigenvalue, if it has one and that will do."""
    usable = np.isfinite(floor).all((1, 2))
    values, vectors = np.linalg.eigh(np.where(usable[:, None, None], floor, 0.0))
    with np.errstate(all="ignore"):
        share = (np.einsum("Nai,Na->Ni", vectors, out) ** 2 / values).sum(1)
        needed = np.where((values[:, 0] < 0) & (share < 0), -1.25 / share, 0.0)
    return np.where(np.isfinite(needed), needed, 0.0)
