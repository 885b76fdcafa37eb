r"""Infima over directions, enclosed from both sides.

`misfit`   inf_{||v|| <= R} ||u - A v||     (weighted least squares on a ball)
`misfit_l1`  inf_v  eps ||v|| + sum_j |u_j - a_j'v|

Floats and iterations only propose points. What decides:

Upper bounds are values at an exact feasible v. The lower bound of the first is weak duality with a multiplier
lam > 0: for any exact v, with f(v) = ||u - A v||^2 and rho = (A'A + lam)v - A'u,

    min_{||t|| <= R} f(t)  >=  min_t f(t) + lam(||t||^2 - R^2)  >=  f(v) + lam(||v||^2 - R^2) - ||rho||^2 / lam,

because t -> f + lam ||.||^2 is quadratic with Hessian 2(A'A + lam) >= 2 lam and gradient 2 rho at v.
The lower bound of the second is any p with |p_j| <= 1 and ||A'p|| <= eps: the value is at least p'u.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, reduce

import numpy as np
from flint import arb, arb_mat, ctx

from ..arithmetic import Balls, exactly, midpoint, norm, root, square
from ..floats.infimum import l1_active_set
from .l1_path import l1_path, vanishing
from .singular import singular_above

STAGES = (48, 144)
"""Bits at which the central path is asked where it leads."""


@dataclass(frozen=True)
class Infimum:
    """An enclosed infimum and the exact direction that gives its upper bound."""

    value: arb
    direction: arb_mat


def residuals(rows: arb_mat, target: Sequence[arb], direction: arb_mat) -> list[arb]:
    """u - A v, row by row."""
    fit = (rows * direction).entries()
    return [u - a for u, a in zip(target, fit, strict=True)]


def zero_column(dimension: int) -> arb_mat:
    return arb_mat(dimension, 1, [0] * dimension)


def misfit(rows: arb_mat, target: Sequence[arb], masses: Sequence[arb], radius: arb | None) -> Infimum:
    """inf_{||v|| <= radius} (sum_j m_j (u_j - a_j'v)^2)^{1/2}; rows A (N, d), target u [N], masses m [N] >= 0.

    radius None: no constraint; then only the upper bound is sharp (the lower one is 0), which is all that the
    refutation of a mutant needs.
    """
    count, dimension = rows.nrows(), rows.ncols()
    if count == 0:
        return Infimum(arb(0), zero_column(dimension))
    table = rows.tolist()
    weighted = arb_mat(count, dimension, [m * a for m, row in zip(masses, table, strict=True) for a in row])
    gram = weighted.transpose() * rows
    cross = weighted.transpose() * arb_mat(count, 1, list(target))
    trace = sum((gram[j, j].upper() for j in range(dimension)), start=arb(0))
    if trace == 0:
        return Infimum(_weighted_norm(target, masses), zero_column(dimension))
    if not trace.is_finite():
        return Infimum(arb(0).union(_weighted_norm(target, masses)), zero_column(dimension))
    tiny = arb((trace * arb(2) ** (-(3 * ctx.prec) // 4)).mid())
    multiplier = tiny if radius is None else max(arb(_float_multiplier(gram, cross, radius)), tiny)
    rough = ctx.prec // 3
    if radius is not None and multiplier > trace * arb(2) ** -(rough // 2):
        # Where float64 knows the multiplier, few bits are enough for what it gains in the first steps.
        with ctx.workprec(rough):
            multiplier = _secular(gram, cross, radius, multiplier, tiny, _ridge(gram, cross, multiplier))[0]
    v = _ridge(gram, cross, multiplier)
    if radius is not None:
        multiplier, v = _secular(gram, cross, radius, multiplier, tiny, v)
        feasible = _shrink(v, radius)
    else:
        feasible = v
    upper = _weighted_norm(residuals(rows, target, feasible), masses)
    if radius is None:
        return Infimum(arb(0).union(upper), feasible)
    slack = gram * v + v * multiplier - cross
    for _ in range(2):
        # Nearly singular systems are solved with few correct bits; their residuals are known with all.
        v = (v - _ridge(gram, slack, multiplier)).mid()
        slack = gram * v + v * multiplier - cross
        if not _squares(slack.entries()) > multiplier * arb(2) ** -ctx.prec * trace:
            break
    at = _squares(residuals(rows, target, v), masses)
    size = _squares(v.entries())
    lower = at + multiplier * (size - square(radius)) - _squares(slack.entries()) / multiplier
    low = root(arb(lower.lower()).max(arb(0))) if lower > 0 else arb(0)
    # Features that are 0 but for rounding: ||u - A v|| >= ||u|| - R ||A||.
    low = low.max(_weighted_norm(target, masses) - radius * root(trace))
    return Infimum(low.lower().min(upper.lower()).union(upper), feasible)


def _squares(values: Sequence[arb], masses: Sequence[arb] | None = None) -> arb:
    if masses is None:
        return sum((square(v) for v in values), start=arb(0))
    return sum((m * square(v) for v, m in zip(values, masses, strict=True)), start=arb(0))


def _weighted_norm(values: Sequence[arb], masses: Sequence[arb]) -> arb:
    return root(_squares(values, masses))


def _ridge(gram: arb_mat, cross: arb_mat, multiplier: arb) -> arb_mat:
    """An exact approximation of (A'A + lam)^{-1} A'u."""
    try:
        return _shifted(gram, multiplier).solve(cross.mid(), algorithm="approx")
    except ZeroDivisionError:
        return zero_column(gram.nrows())


def _shifted(gram: arb_mat, multiplier: arb) -> arb_mat:
    """A'A + lam, at the enclosures' middles."""
    d = gram.nrows()
    return (gram + _identity(d) * multiplier).mid()


@cache
def _identity(d: int) -> arb_mat:
    return arb_mat(d, d, [int(i == j) for i in range(d) for j in range(d)])


def _secular(gram: arb_mat, cross: arb_mat, radius: arb, multiplier: arb, tiny: arb, v: arb_mat) -> tuple[arb, arb_mat]:
    """Halley on 1/R - 1/||v(lam)|| from the float proposal: the multiplier of the ball constraint.

    With w = (A'A + lam)^{-1} v, ||v||^2 has the derivatives -2 v'w and 6 w'w: the second one costs nothing.
    """
    for _ in range(40):
        size = norm(v.entries())
        if multiplier <= tiny and not size > radius:
            break
        excess = (size - radius) / radius
        if excess.abs_upper() < arb(2) ** (-(2 * ctx.prec) // 3):
            break
        try:
            ahead = _shifted(gram, multiplier).solve(v, algorithm="approx")
            slope = (v.transpose() * ahead)[0, 0]
        except ZeroDivisionError:
            break
        if slope > 0:
            step = excess * square(size) / slope
            bend = 3 * step * (_squares(ahead.entries()) / slope - slope / square(size)) / 2
            if abs(bend) < 0.5:
                step /= 1 - bend
            after = arb((multiplier + step).mid())
            multiplier = after if after > tiny else tiny if multiplier <= 4 * tiny else arb((multiplier / 4).mid())
        else:
            # A singular Gram matrix: rounding over the multiplier drowns what is there, until it is larger.
            multiplier *= 2**16
        v = _ridge(gram, cross, multiplier)
    return multiplier, v


def _shrink(v: arb_mat, radius: arb) -> arb_mat:
    """v, or v scaled into the ball of the given radius, exactly feasible."""
    size = norm(v.entries())
    if size <= radius:
        return v
    scale = arb((radius / size).lower()) * (1 - arb(2) ** (4 - ctx.prec))
    return (v * scale).mid() * arb((1 - arb(2) ** (8 - ctx.prec)).mid())


def _float_multiplier(gram: arb_mat, cross: arb_mat, radius: arb) -> float:
    """The multiplier of the ball constraint in float64 (0 if the constraint is slack); a proposal."""
    matrix, pull, size = _floats(gram), _floats(cross)[:, 0], midpoint(radius)
    if not (np.isfinite(matrix).all() and np.isfinite(pull).all() and size > 0):  # or a radius below float64
        return 0.0
    values, vectors = np.linalg.eigh(matrix)
    least, weights = 1e-14 * float(values[-1]), [p * p for p in (vectors.T @ pull).tolist()]
    # Few numbers and many steps: Python's own floats are faster than arrays.
    kept = [(s, w) for s, w in zip(values.tolist(), weights, strict=True) if s > least and w > 0]
    multiplier = 0.0
    for _ in range(60):
        shifted = [(s + multiplier, w) for s, w in kept]
        squares = [w / s / s for s, w in shifted]
        total, slope = sum(squares), sum(square / s for square, (s, _) in zip(squares, shifted, strict=True))
        excess = math.sqrt(total) / size - 1
        if not (excess > 1e-14 and 0 < slope < math.inf):
            break
        multiplier += excess * total / slope
    return multiplier if math.isfinite(multiplier) else 0.0


def misfit_l1(eps: arb, rows: arb_mat, target: Sequence[arb]) -> Infimum:
    """inf_v eps ||v|| + sum_j |u_j - a_j'v|; rows A (N, d), target u [N].

    A float64 descent proposes which residuals vanish at the optimum and the signs of the others; these determine
    the optimum and its dual in closed form, which are then certified from both sides. p = 1 is tried as a dual too:
    where the rows carry w, it is w itself, feasible because ||<w, phi>|| = eps, and optimal where all residuals vanish.
    Where the ends are further apart than a third of the precision says, and than the data's own radii leave them, the
    central path gives both, at any precision, and on its way says again which residuals vanish.
    """
    aims = np.array([midpoint(t) for t in target])
    if (ray := _ray(rows, target)) is not None:
        found = _l1_between(eps, rows, target, arb(0), [ray], [[arb(1)] * rows.nrows()])
        if found.value.upper() - found.value.lower() <= arb(2) ** (-(9 * ctx.prec) // 10) * found.value.upper():
            return found
    least = singular_above(rows) if rows.nrows() >= rows.ncols() else arb(0)
    active = _active_set(midpoint(eps), rows.ncols(), _floats(rows).tobytes(), aims.tobytes())
    v, dual = _stationary(eps, rows, target, *active)
    duals = [[arb(1)] * rows.nrows(), dual]
    found = _l1_between(eps, rows, target, least, [zero_column(rows.ncols()), v], duals)
    if _apart(eps, rows, target, found, duals, ctx.prec // 3):
        whole = (3 * ctx.prec) // 5 + 8
        for v, dual in l1_path(eps, rows, target, [bits for bits in STAGES if bits < whole] + [whole]):
            at, multipliers = _stationary(eps, rows, target, *vanishing(rows, target, v, dual))
            duals = [dual, multipliers]
            closer = _l1_between(eps, rows, target, least, [found.direction, v, at], duals)
            found = Infimum(found.value.lower().max(closer.value.lower()).union(closer.value.upper()), closer.direction)
            if not _apart(eps, rows, target, found, duals, whole):
                break
    return found


def _ray(rows: arb_mat, target: Sequence[arb]) -> arb_mat | None:
    """v = t A'1 with t >= 0 where no residual is negative: the optimum if eps = ||A'1||, and p = 1 its dual. None where
    there is no such t.

    Proof. With no residual negative, eps ||v|| + |u - A v|_1 = eps t ||A'1|| + 1'u - t ||A'1||^2 = 1'u, which p = 1
    shows to be the least. Conversely, where p = 1 is optimal so is such a v: of an optimum v, 1'u = eps ||v|| +
    |r|_1 >= (A'1)'v + 1'r = 1'u, hence |r| = r, and v is on the ray of A'1. It is a proposal: its value is enclosed.
    """
    pull = (rows.transpose() * arb_mat(rows.nrows(), 1, [1] * rows.nrows())).mid()
    low, high = arb(0), arb("inf")
    for u, slope in zip(target, (rows * pull).entries(), strict=True):
        if not slope.contains(0):
            bound = arb((u / slope).mid())
            low, high = (low, min(high, bound)) if slope > 0 else (max(low, bound), high)
        elif u < 0:
            return None
    if low - high > low * arb(2) ** -(ctx.prec // 2) or not low.is_finite():
        return None
    t = arb(0) if low == 0 else (low + high) / 2 if high.is_finite() else 2 * low
    # Of few digits where it may be, and a float64 number where it is one but for rounding: its value may be exact.
    short = exactly(midpoint(t))
    v = (pull * (short if low <= short <= high else t)).mid()
    near = [(c, exactly(midpoint(c))) for c in v.entries()]
    few = arb(2) ** -(ctx.prec // 2)
    return arb_mat(len(near), 1, [given if abs(given - c) <= few * abs(c) else c for c, given in near])


def _apart(eps: arb, rows: arb_mat, target: Sequence[arb], found: Infimum, duals: list[list[arb]], bits: int) -> bool:
    """Whether the ends are further apart than that, and than the data's own radii leave them."""
    wide = found.value.upper() - found.value.lower()
    if not wide > arb(2) ** -bits * found.value.upper():
        return False
    return not wide <= 16 * _blur(eps, rows, target, found, duals)


@lru_cache(maxsize=16)
def _active_set(eps: float, columns: int, rows: bytes, target: bytes) -> tuple[list[int], list[int]]:
    """`l1_active_set`, once for the same floats: at every precision they are nearly always that."""
    return l1_active_set(eps, np.frombuffer(rows).reshape(-1, columns), np.frombuffer(target))


def _l1_between(
    eps: arb, rows: arb_mat, target: Sequence[arb], least: arb, points: list[arb_mat], duals: list[list[arb]]
) -> Infimum:
    """What these points prove from above and these duals from below; least: at most the smallest singular value."""
    # `min` keeps the first where a value is nan: the first point is one whose value is known.
    values = [(_l1_value(eps, rows, target, v), v) for v in points]
    value, best = min(values, key=lambda pair: pair[0].upper())
    reach = _reach(least, target, value)
    lower = reduce(arb.max, (arb(_dual_value(eps, rows, target, p, reach).lower()) for p in duals))
    return Infimum(lower.min(value.upper()).union(value.upper()), best)


def _blur(eps: arb, rows: arb_mat, target: Sequence[arb], found: Infimum, duals: list[list[arb]]) -> arb:
    """About what the radii of the data leave open between the ends, whatever is proposed."""
    value = _l1_value(eps, rows, target, found.direction)
    pulled = (norm((rows.transpose() * arb_mat(len(dual), 1, dual)).entries()) for dual in duals)
    shares = ((eps.rad() + pull.rad()) / eps.lower() for pull in pulled)
    return 2 * value.rad() + value.upper() * reduce(arb.min, shares)


def _floats(rows: arb_mat) -> np.ndarray:
    return np.array([midpoint(a) for a in rows.entries()]).reshape(rows.nrows(), rows.ncols())


def _l1_value(eps: arb, rows: arb_mat, target: Sequence[arb], v: arb_mat) -> arb:
    total = eps * norm(v.entries())
    return total + sum((Balls.magnitude(r) for r in residuals(rows, target, v)), start=arb(0))


def _reach(least: arb, target: Sequence[arb], value: arb) -> arb | None:
    """A bound on ||v|| where the objective is at most `value`: ||A v|| <= |u|_1 + value. None without full rank."""
    total = sum((Balls.magnitude(t) for t in target), start=arb(0)) + value
    return arb((total / least).upper()) if least > 0 else None


def _dual_value(eps: arb, rows: arb_mat, target: Sequence[arb], dual: list[arb], reach: arb | None) -> arb:
    """A certified lower bound p'u - (||A'p|| - eps)||v||, or p'u after scaling p into the constraints |p_j| <= 1,
    ||A'p|| <= eps."""
    pulled = norm((rows.transpose() * arb_mat(len(dual), 1, dual)).entries())
    largest = reduce(arb.max, (p.abs_upper() for p in dual), arb(0))
    scale = arb(1)
    if largest > 1:
        scale = 1 / largest
    total = sum((p * u for p, u in zip(dual, target, strict=True)), start=arb(0))
    limit, pull = arb(eps.lower()), pulled.upper() * scale
    found = arb(0)
    if reach is not None and total > 0:
        found = arb((arb(scale.lower()) * total - (pull - limit).max(arb(0)) * reach).lower()).max(found)
    if pull > limit:
        scale = scale * limit / pull if limit > 0 else arb(0)
    return arb((arb(scale.lower()) * total).lower()).max(found)


def _stationary(
    eps: arb, rows: arb_mat, target: Sequence[arb], active: list[int], signs: Sequence[int | arb]
) -> tuple[arb_mat, list[arb]]:
    """The optimum if the active residuals vanish, and those that depend on them, and the others have the given signs;
    and its dual, of those that depend as given.

    Minimise eps ||v|| - b'v on {A_S v = u_S}, b = sum of signed inactive rows: v = v_p + t, v_p the shortest
    solution, t = ||v_p|| b_0 / sqrt(eps^2 - ||b_0||^2) along the part b_0 of b orthogonal to the active rows.
    """
    d = rows.ncols()
    eps = arb(eps.mid())
    pull = (rows.transpose() * arb_mat(len(signs), 1, signs)).mid()
    dual = [arb(s) for s in signs]
    if not active:
        return zero_column(d), dual
    chosen = arb_mat(len(active), d, [rows[j, k] for j in active for k in range(d)]).mid()
    gram = chosen * chosen.transpose()
    try:
        shortest = chosen.transpose() * gram.solve(arb_mat(len(active), 1, [target[j] for j in active]))
        inside = chosen.transpose() * gram.solve(chosen * pull)
    except ZeroDivisionError:
        return zero_column(d), dual
    free = pull - inside if len(active) < d else zero_column(d)
    room = square(eps) - _squares(free.entries())
    size = norm(shortest.entries())
    v = shortest + free * (size / room.sqrt()) if room > 0 else shortest
    v = v.mid()
    length = norm(v.entries())
    wanted = v * (eps / length) - pull if length > 0 else -pull
    multipliers = gram.solve(chosen * wanted).mid()
    for j, p in zip(active, multipliers.entries(), strict=True):
        dual[j] = p
    return v, dual
