"""Infima over directions, enclosed by a feasible point from above and a multiplier from below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mpmath import mp, mpf

from .numbers import Vector, dot, norm, solve


def _combined(rows: list[Vector], weights: Sequence[Any]) -> Vector:
    return [mp.fsum(w * row[j] for w, row in zip(weights, rows, strict=True)) for j in range(len(rows[0]))]


def misfit(rows: list[Vector], target: Vector, masses: Vector, radius: Any) -> tuple[Any, Any]:
    """Both sides of inf_{||v|| <= radius} (sum masses (target - rows v)^2)^{1/2}.

    For lam > 0 and A, b weighted, v minimises ||b - A v||^2 + lam ||v||^2, so f(v) + lam (||v||^2 - radius^2) is at
    most the infimum, and v scaled into the ball is feasible. Sought by bisection: ||v|| = radius, or lam as good as 0.
    """
    if not rows:
        return mpf(0), mpf(0)
    roots = [mp.sqrt(m) for m in masses]
    a = [[r * x for x in row] for r, row in zip(roots, rows, strict=True)]
    b = [r * t for r, t in zip(roots, target, strict=True)]
    wide = len(a[0]) > len(a)
    columns = a if wide else [list(c) for c in zip(*a, strict=True)]
    gram = [[dot(x, y) for y in columns] for x in columns]
    size = max(gram[j][j] for j in range(len(gram)))
    if size == 0:
        whole = norm(b)
        return whole, whole
    right = b if wide else [dot(c, b) for c in columns]

    def ridge(lam: Any) -> Vector:
        system = [[g + lam if i == j else g for j, g in enumerate(row)] for i, row in enumerate(gram)]
        found = solve(system, right)
        return _combined(a, found) if wide else found

    low = size * mpf(10) ** (-mp.dps // 2)
    lam, v = low, ridge(low)
    if norm(v) > radius:
        high = norm(right) / radius * (norm([x for row in a for x in row]) if wide else 1) + size
        # ||v(lam)|| falls: bisect the exponent, then the secant of 1/||v||, which is nearly linear.
        low, high = mp.log(low), mp.log(high)
        for _ in range(12):
            middle = (low + high) / 2
            if norm(ridge(mp.exp(middle))) > radius:
                low = middle
            else:
                high = middle
        low, high = mp.exp(low), mp.exp(high)
        at_low, at_high = (1 / norm(ridge(x)) - 1 / radius for x in (low, high))
        for _ in range(80):
            lam = high - at_high * (high - low) / (at_high - at_low)
            v = ridge(lam)
            value = 1 / norm(v) - 1 / radius
            if abs(value) * radius < mpf(10) ** (-mp.dps // 3) or lam in (low, high):
                break
            if value < 0:
                low, at_low, at_high = lam, value, at_high / 2
            else:
                high, at_high, at_low = lam, value, at_low / 2
    rest = [t - dot(row, v) for t, row in zip(b, a, strict=True)]
    below = dot(rest, rest) + lam * (dot(v, v) - radius**2)
    inside = min(mpf(1), radius / norm(v)) if any(v) else mpf(1)
    above = norm([t - inside * dot(row, v) for t, row in zip(b, a, strict=True)])
    return min(mp.sqrt(max(below, mpf(0))), above), above


def l1(eps: Any, rows: list[Vector], target: Vector) -> tuple[Any, Any]:
    """Both sides of inf_v eps ||v|| + sum |target - rows v|.

    From above: Newton on the smoothed sum of roots. From below: p'target for |p| <= 1, ||rows'p|| <= eps. With 40
    digits both are known up to rounding of sums of size sum |target| and ||v||, however small the value is.
    """
    if not rows:
        return mpf(0), mpf(0)
    scale = mp.fsum(abs(t) for t in target)
    if scale == 0:
        return mpf(0), mpf(0)
    columns = [list(c) for c in zip(*rows, strict=True)]
    reach = max(max(abs(x) for x in column) for column in columns)
    if reach == 0:
        return scale, scale
    with mp.workdps(40):
        a = [[x / reach for x in row] for row in rows]
        b = [t / scale for t in target]
        e = eps / reach
        basis, a = _reduced(a)
        v: Vector = [mpf(0)] * len(basis)
        found = []
        for power in range(0, 19, 3):
            mu = mpf(10) ** -power
            v = _newton(e, a, b, v, mu)
            p = [r / mp.sqrt(r * r + mu * mu) for r in _rests(a, b, v)]
            spare = mpf(10) ** -36 * (1 + norm(v))
            value = e * norm(v) + mp.fsum(abs(r) for r in _rests(a, b, v))
            found.append((_dual(e, a, b, p) - spare, value + spare))
        lower, upper = max(f[0] for f in found), min(f[1] for f in found)
        return max(lower, mpf(0)) * scale, min(upper, mpf(1) + mpf(10) ** -36) * scale


def _dual(e: Any, a: list[Vector], b: Vector, p: Vector) -> Any:
    """p'b for the p made feasible: what it pulls beyond e is taken away along the rows, then it is scaled."""
    pull = _combined(a, p)
    size = norm(pull)
    if size > e:
        columns = list(zip(*a, strict=True))
        gram = [[dot(x, y) for y in columns] for x in columns]
        try:
            spare = solve(gram, [g * (1 - e / size) for g in pull])
        except ZeroDivisionError:
            return mpf(0)  # too nearly dependent for these digits
        p = [x - dot(row, spare) for x, row in zip(p, a, strict=True)]
    pulled = norm(_combined(a, p))
    if e > 0:
        return dot(p, b) / max(mpf(1), pulled / e, *(abs(x) for x in p))
    # With e = 0 rounding is left of the pull: it costs its size times the length of the best v, 10^8 being ample.
    return (dot(p, b) - pulled * mpf(10) ** 8) / max(mpf(1), *(abs(x) for x in p))


def _rests(a: list[Vector], b: Vector, v: Vector) -> Vector:
    return [t - dot(row, v) for t, row in zip(b, a, strict=True)]


def _reduced(a: list[Vector]) -> tuple[list[Vector], list[Vector]]:
    """An orthonormal basis of the rows' span, and the rows in it."""
    basis: list[Vector] = []
    for row in a:
        rest = list(row)
        for _ in range(2):
            for base in basis:
                along = dot(rest, base)
                rest = [x - along * y for x, y in zip(rest, base, strict=True)]
        size = norm(rest)
        if size > mpf(10) ** -30 * norm(row) and size > 0:
            basis.append([x / size for x in rest])
    return basis, [[dot(row, base) for base in basis] for row in a]


def _newton(e: Any, a: list[Vector], b: Vector, v: Vector, mu: Any) -> Vector:
    """The minimiser of e sqrt(||v||^2 + mu^2) + sum sqrt(rest^2 + mu^2), from v."""
    d = len(v)

    def value(v: Vector) -> Any:
        return e * mp.sqrt(dot(v, v) + mu * mu) + mp.fsum(mp.sqrt(r * r + mu * mu) for r in _rests(a, b, v))

    here = value(v)
    for _ in range(40):
        rests = _rests(a, b, v)
        sizes = [mp.sqrt(r * r + mu * mu) for r in rests]
        length = mp.sqrt(dot(v, v) + mu * mu)
        pull = _combined(a, [r / s for r, s in zip(rests, sizes, strict=True)])
        slope = [e * x / length - g for x, g in zip(v, pull, strict=True)]
        bends = [mu * mu / s**3 for s in sizes]
        hessian = [
            [
                mp.fsum(w * row[i] * row[j] for w, row in zip(bends, a, strict=True))
                + e * ((1 / length if i == j else 0) - v[i] * v[j] / length**3)
                for j in range(d)
            ]
            for i in range(d)
        ]
        ridge = max(mpf(10) ** -33, mpf(10) ** -34 * max(hessian[i][i] for i in range(d)))
        for i in range(d):
            hessian[i][i] += ridge
        move = solve(hessian, slope)
        decrease = dot(move, slope)
        if decrease <= here * mpf(10) ** -20:
            break
        factor = mpf(1)
        while factor > mpf(10) ** -12:
            tried = [x - factor * y for x, y in zip(v, move, strict=True)]
            there = value(tried)
            if there < here - factor * decrease / 10:
                break
            factor /= 4
        else:
            break
        v, here = tried, there
    return v
