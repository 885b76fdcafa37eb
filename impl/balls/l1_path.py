r"""The central path of the L1 infimum, inf_v eps ||v|| + sum_j |u_j - a_j'v|: a proposal for both of its ends.

The dual, max p'u over |p_j| <= 1 and ||A'p|| <= eps, has the barrier

    F(p) = sum_j log(1 - p_j^2) + log s,    s = eps^2 - ||A'p||^2.

Where p'u + mu F(p) is greatest, v = (2 mu / s) A'p leaves the residuals u_j - a_j'v = 2 mu p_j / (1 - p_j^2), so that

    eps ||v|| + sum_j |u_j - a_j'v| - p'u = 2 mu (||A'p|| / (eps + ||A'p||) + sum_j |p_j| / (1 + |p_j|)) < (N + 2) mu,

whatever vanishes, and however many constraints meet, at the optimum. Newton's method with mu falling by a factor 32
(Nesterov and Nemirovskii, Interior-Point Polynomial Algorithms in Convex Programming, SIAM 1994); its Hessian
D + A M A' is inverted by Woodbury's identity in d x d. In numbers without radii: nothing here is an enclosure.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb, arb_mat, ctx

from ..arithmetic import root

FALL = 5
"""Bits by which mu falls: with 12 the centring of tangent comparators, where all constraints meet, does not end."""
STEPS, CENTRING = 2000, 12
MOST = 100_000
"""N d^2 beyond which a step takes too long: a hundred or more of them follow one another."""


def l1_path(eps: arb, rows: arb_mat, target: Sequence[arb], bits: int) -> tuple[arb_mat, list[arb]] | None:
    """v and its dual p for rows A (N, d) and target u [N], apart by about 2^-bits of sum |u|; None where the path is
    not numbers, or the problem too large."""
    if rows.nrows() * rows.ncols() * rows.ncols() > MOST:
        return None
    before, ctx.prec = ctx.prec, 2 * bits + 64
    try:
        return _Path(eps, rows, target).follow(bits)
    except ZeroDivisionError:
        return None
    finally:
        ctx.prec = before


def _dot(left: Sequence[arb], right: Sequence[arb]) -> arb:
    return arb(sum((a * b for a, b in zip(left, right, strict=True)), start=arb(0)).mid())


def _column(values: Sequence[arb]) -> arb_mat:
    return arb_mat(len(values), 1, list(values))


class _Path:
    def __init__(self, eps: arb, rows: arb_mat, target: Sequence[arb]) -> None:
        self.rows, self.target = rows.mid(), [arb(u.mid()) for u in target]
        self.turned, self.room = self.rows.transpose(), arb((eps * eps).mid())
        self.table, self.unit = self.rows.tolist(), arb_mat(self.rows.ncols(), self.rows.ncols(), 1)
        self.p = [arb(0)] * len(self.target)
        self.t = self.turned * _column(self.p)

    def follow(self, bits: int) -> tuple[arb_mat, list[arb]] | None:
        count = len(self.target)
        total = sum((abs(u) for u in self.target), start=arb(0))
        if not (total.is_finite() and self.room.is_finite() and total > 0 and self.room > 0):
            return None
        mu, end, centred = arb((total / (count + 1)).mid()), total * arb(2) ** -bits, 0
        for _ in range(STEPS):
            step, gain, slack = self._newton(mu)
            if not gain.is_finite():
                return None
            if gain > 0.1:
                self._move(step, self._length(step, gain, mu, slack))
            elif mu * (count + 2) > end:
                mu = mu * arb(2) ** -FALL
            elif gain > arb(2) ** (-2 * bits) and centred < CENTRING:
                # v is read off the barrier: it is as good as the centring, which squares what is left.
                centred += 1
                self._move(step, arb(1))
            else:
                break
        v = (self.t * (2 * mu / self._slack())).mid()
        return (v, self.p) if all(x.is_finite() for x in (*v.entries(), *self.p)) else None

    def _slack(self) -> arb:
        t = self.t.entries()
        return arb((self.room - _dot(t, t)).mid())

    def _newton(self, mu: arb) -> tuple[list[arb], arb, arb]:
        """Newton's step for p'u / mu + F, its decrement squared, and s."""
        s, t = self._slack(), self.t.entries()
        inverse = [arb((1 / (1 - x * x)).mid()) for x in self.p]
        pulled = (self.rows * self.t).entries()
        slope = [
            arb((u / mu - 2 * x * i - 2 * q / s).mid())
            for u, x, i, q in zip(self.target, self.p, inverse, pulled, strict=True)
        ]
        scale = [arb((1 / (2 * (1 + x * x) * i * i)).mid()) for x, i in zip(self.p, inverse, strict=True)]
        scaled = arb_mat([[c * a for a in row] for c, row in zip(scale, self.table, strict=True)]).mid()
        # M^{-1} = s/2 - s t t' / (s + 2 ||t||^2), t = A'p
        inner = self.unit * (s / 2) - self.t * (self.t.transpose() * (s / (s + 2 * _dot(t, t))))
        system = (inner + self.turned * scaled).mid()
        found = system.solve((scaled.transpose() * _column(slope)).mid(), algorithm="approx")
        back = (scaled * found).entries()
        step = [arb((c * g - b).mid()) for c, g, b in zip(scale, slope, back, strict=True)]
        return step, _dot(slope, step), s

    def _length(self, step: list[arb], gain: arb, mu: arb, slack: arb) -> arb:
        """Where the barrier's slope along the step has fallen to a tenth, or as near as halving comes."""
        turned = (self.turned * _column(step)).entries()
        linear, cross, square = _dot(self.target, step) / mu, _dot(self.t.entries(), turned), _dot(turned, turned)
        ends = [((1 - x) if y > 0 else (1 + x)) / abs(y) for x, y in zip(self.p, step, strict=True) if y != 0]
        if square > 0:
            reach = root(cross * cross + square * slack)
            ends.append(slack / (cross + reach) if cross > 0 else (reach - cross) / square)
        low, high = arb(0), arb(min(ends).mid())
        length = high / 2 if high < 2 else arb(1)
        for _ in range(12):
            rest = slack - 2 * length * cross - length * length * square
            slope = linear - 2 * (cross + length * square) / rest
            for x, y in zip(self.p, step, strict=True):
                there = x + length * y
                slope -= 2 * y * there / (1 - there * there)
            if abs(slope) < gain / 10:
                return arb(length.mid())
            low, high = (length, high) if slope > 0 else (low, length)
            length = arb(((low + high) / 2).mid())
        return low if low > 0 else length

    def _move(self, step: list[arb], length: arb) -> None:
        self.p = [arb((x + length * y).mid()) for x, y in zip(self.p, step, strict=True)]
        self.t = (self.turned * _column(self.p)).mid()
