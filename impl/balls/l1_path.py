r"""Points near the ends of the L1 infimum, inf_v eps ||v|| + sum_j |u_j - a_j'v|: a proposal for both of them.

The dual is max p'u over |p_j| <= 1 and s = (eps^2 - ||A'p||^2)/2 >= 0. With multipliers x, y, l >= 0 of its constraints
it is solved by p, and the infimum by v = l A'p, where

    u - l A A'p = x - y,    x_j (1 - p_j) = y_j (1 + p_j) = l s = mu,    mu -> 0;

for eps ||v|| + sum_j |u_j - a_j'v| - p'u <= sum_j (x_j (1 - p_j) + y_j (1 + p_j)) + l s. Newton's method for these
equations, mu chosen by what a step to mu = 0 would reach (Mehrotra, SIAM J. Optim. 2, 1992); its matrix, D + A M A', is
inverted by Woodbury's identity in d x d. In numbers without radii: nothing here is an enclosure.

x_j, y_j and 1 - |p_j| say which residuals vanish at the optimum (`vanishing`), which is then known in closed form long
before the path ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from flint import arb, arb_mat, ctx

from ..arithmetic import midpoint, root

STEPS = 400
STAY = 2.0**-12
"""Share of the way to the next constraint that a step leaves."""
MOST = 100_000
"""N d^2 beyond which a step takes too long: a hundred or more of them follow one another."""


INDEPENDENT = 1e-10
"""Rows that are closer to the span of others, relative to the longest, are taken for dependent on them."""


def l1_path(
    eps: arb, rows: arb_mat, target: Sequence[arb], stages: Sequence[int]
) -> Iterator[tuple[arb_mat, list[arb]]]:
    """v and its dual p for rows A (N, d) and target u [N], apart by about 2^-bits of sum |u|, for growing bits; it ends
    where the path is not numbers, or the problem too large."""
    if rows.nrows() * rows.ncols() * rows.ncols() > MOST:
        return
    path = _Path(eps, rows, target)
    for bits in stages:
        with ctx.workprec(2 * bits + 64):
            try:
                found = path.follow(bits)
            except ZeroDivisionError:
                return
        if found is None:
            return
        yield found


def vanishing(rows: arb_mat, target: Sequence[arb], v: arb_mat, p: Sequence[arb]) -> tuple[list[int], list[arb]]:
    """Which independent residuals vanish where the path leads, from its v (d, 1) and p [N]; and the duals of the others
    [N], 0 of these: signs where the residual does not vanish, p where it does as it depends on those."""
    total = sum((abs(u) for u in target), start=arb(0))
    rest = [u - a for u, a in zip(target, (rows * v).entries(), strict=True)]
    small = [j for j, r in enumerate(rest) if abs(r.mid()) < (1 - abs(p[j])) * total]
    signs = [arb(1) if r.mid() > 0 else arb(-1) for r in rest]
    for j in small:
        signs[j] = p[j]
    table = np.array([[midpoint(rows[j, k]) for k in range(rows.ncols())] for j in small])
    active = [small[k] for k in _independent(table)] if small and np.isfinite(table).all() else []
    for j in active:
        signs[j] = arb(0)
    return active, signs


def _dot(left: Sequence[arb], right: Sequence[arb]) -> arb:
    return arb(sum((a * b for a, b in zip(left, right, strict=True)), start=arb(0)).mid())


def _column(values: Sequence[arb]) -> arb_mat:
    return arb_mat(len(values), 1, list(values))


def _independent(table: np.ndarray) -> list[int]:
    """Rows that span all of (N, d): each the furthest from the span of those before."""
    left, found, first = table.copy(), list[int](), np.linalg.norm(table, axis=1).max()
    for _ in range(min(table.shape)):
        sizes = np.linalg.norm(left, axis=1)
        furthest = int(sizes.argmax())
        if not sizes[furthest] > INDEPENDENT * first:
            break
        found.append(furthest)
        along = left[furthest] / sizes[furthest]
        left -= np.outer(left @ along, along)
    return sorted(found)


class _Path:
    def __init__(self, eps: arb, rows: arb_mat, target: Sequence[arb]) -> None:
        self.rows, self.target, self.eps = rows.mid(), [arb(u.mid()) for u in target], arb(eps.mid())
        self.turned, self.unit = self.rows.transpose(), arb_mat(self.rows.ncols(), self.rows.ncols(), 1)
        self.table, count = self.rows.tolist(), len(self.target)
        self.total = arb(sum((abs(u) for u in self.target), start=arb(0)).mid())
        self.p, self.x, self.y = [arb(0)] * count, *([arb((self.total / (count + 1)).mid())] * count,) * 2
        self.pull = arb(0)

    def follow(self, bits: int) -> tuple[arb_mat, list[arb]] | None:
        """On, from where it is, at flint's precision."""
        if not (self.total.is_finite() and self.eps.is_finite() and self.total > 0 and self.eps > 0):
            return None
        self.room = arb((self.eps * self.eps).mid())
        self._turn()
        if self.pull == 0:
            self.pull = arb((self.x[0] / self.s).mid())
        for _ in range(STEPS):
            products = [x * (1 - p) + y * (1 + p) for x, y, p in zip(self.x, self.y, self.p, strict=True)]
            gap = sum(products, start=self.pull * self.s)
            if not gap.is_finite():
                return None
            if gap <= self.total * arb(2) ** -bits:
                break
            self._step(gap)
        v = (self.t * self.pull).mid()
        return (v, self.p) if all(x.is_finite() for x in (*v.entries(), *self.p)) else None

    def _turn(self) -> None:
        self.t = (self.turned * _column(self.p)).mid()
        t = self.t.entries()
        self.s = arb(((self.room - _dot(t, t)) / 2).mid())

    def _step(self, gap: arb) -> None:
        """Newton's step to mu = 0 says what mu to take, and the terms of second order that it leaves (Mehrotra)."""
        count, p, turned, pulled = len(self.p), self.p, self.turned, (self.rows * self.t).entries()
        below, above = [arb((1 - a).mid()) for a in p], [arb((1 + a).mid()) for a in p]
        scale = [arb((1 / (x / b + y / a)).mid()) for x, y, b, a in zip(self.x, self.y, below, above, strict=True)]
        scaled = arb_mat(count, turned.nrows(), [c * a for c, row in zip(scale, self.table, strict=True) for a in row])
        scaled = scaled.mid()
        # M^{-1} = (1 - t t'/(s + ||t||^2))/l, t = A'p
        t = self.t
        inner = (self.unit - t * (t.transpose() * (1 / (self.s + _dot(t.entries(), t.entries()))))) * (1 / self.pull)
        system, across = (inner + turned * scaled).mid(), scaled.transpose()

        def newton(ahead: list[arb]) -> list[arb]:
            """The change of p, for the right sides [N] of its equations."""
            found = system.solve((across * _column(ahead)).mid(), algorithm="approx")
            rest = (scaled * found).entries()
            return [arb((c * g - b).mid()) for c, g, b in zip(scale, ahead, rest, strict=True)]

        def others(step: list[arb], x: list[arb], y: list[arb], s: arb) -> _Others:
            """What goes with it, for the products x_j (1 - p_j), y_j (1 + p_j), l s that are wanted."""
            moved = (turned * _column(step)).entries()
            along = _dot(t.entries(), moved)
            return _Others(
                [arb(((w + z * d) / b - z).mid()) for w, z, d, b in zip(x, self.x, step, below, strict=True)],
                [arb(((w - z * d) / a - z).mid()) for w, z, d, a in zip(y, self.y, step, above, strict=True)],
                arb(((s + self.pull * along) / self.s - self.pull).mid()),
                along,
                moved,
            )

        nothing = [arb(0)] * count
        straight = newton(self.target)
        by = others(straight, nothing, nothing, arb(0))
        rest = 1 - self._reach(straight, by)
        mu = arb((gap / (2 * count + 1) * rest * rest * rest).mid())
        x = [arb((mu + a * d).mid()) for a, d in zip(by.x, straight, strict=True)]
        y = [arb((mu - a * d).mid()) for a, d in zip(by.y, straight, strict=True)]
        s = arb((mu + by.pull * by.along + self.pull * _dot(by.turned, by.turned) / 2).mid())
        bent = (self.rows * _column(by.turned)).entries()
        ahead = [
            arb((u - by.pull * c - w / b + v / a - s * q / self.s).mid())
            for u, c, w, b, v, a, q in zip(self.target, bent, x, below, y, above, pulled, strict=True)
        ]
        step = newton(ahead)
        self._move(step, others(step, x, y, s))

    def _reach(self, step: list[arb], by: _Others) -> arb:
        """How much of the step, at most all, is within the constraints."""
        ends = [((1 - p) if d > 0 else (1 + p)) / abs(d) for p, d in zip(self.p, step, strict=True) if d != 0]
        ends += [z / -d for z, d in zip((*self.x, *self.y, self.pull), (*by.x, *by.y, by.pull), strict=True) if d < 0]
        cross, square = by.along, _dot(by.turned, by.turned)
        if square > 0:
            root_ = root(cross * cross + 2 * square * self.s)
            ends.append(2 * self.s / (cross + root_) if cross > 0 else (root_ - cross) / square)
        return arb(min((arb(end.mid()) for end in ends), default=arb(1)).min(arb(1)).mid())

    def _move(self, step: list[arb], by: _Others) -> None:
        length = self._reach(step, by)
        length = length if length == 1 else length * (1 - arb(STAY))
        moved = [
            [arb((a + length * d).mid()) for a, d in zip(own, change, strict=True)]
            for own, change in ((self.p, step), (self.x, by.x), (self.y, by.y))
        ]
        self.p, self.x, self.y = moved
        self.pull = arb((self.pull + length * by.pull).mid())
        self._turn()


@dataclass(frozen=True)
class _Others:
    """The steps of x, y and l that go with one of p; <A'p, turned>, and turned = A' times that."""

    x: list[arb]
    y: list[arb]
    pull: arb
    along: arb
    turned: list[arb]
