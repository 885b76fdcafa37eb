r"""Losses of predictions z in R^c, c >= 2: a residual loss summed over components, and softmax cross-entropy.

    squared    sum_a (z_a - y_a)^2/2, y in R^c
    softmax    g(z) - z_y, y one of the classes 0..c-1, g(z) = log sum_a e^{z_a}

A prediction is a list [c] of numbers (or arrays), a label too: that of a class is its unit vector. Derivatives are a
list [c] and a matrix of lists [c][c].

Softmax's constants, in Euclidean norms; p = grad g(z) are the probabilities, E, Var under p, y a unit vector. A
direction h with ||h|| = 1 has max h - min h <= sqrt 2 =: L.

    m1     ||p - y||^2 = sum_{a != y} p_a^2 + (1 - p_y)^2 <= 2 (1 - p_y)^2 <= 2.
    m2     h'Hess g h = Var h <= L^2/4 = 1/2 (Popoviciu).
    m3     D^3 g[h, h, h] = E(h - Eh)^3, the norm of a symmetric form is that on one direction (Banach). A variable X in
           [-s, b], s + b = L, with EX = 0 has EX^3 <= the concave envelope of x^3 at 0. For s <= b/2 that is the chord
           over [-s, b]: s b (b - s) = L^3 q(1 - q)(1 - 2q) with q = s/L, at most L^3/(6 sqrt 3). For s > b/2 it is the
           chord from the point of tangency -b/2: b^3/4 < (2L/3)^3/4 < L^3/(6 sqrt 3). So m3 = sqrt 2/(3 sqrt 3).
    kappa  |D^3 g[h, h, v]| = |E (h - Eh)^2 (v - Ev)| <= max |v - Ev| Var h <= sqrt 2 ||v|| h'Hess g h.
    mu     0: Hess g 1 = 0.

m2 and m3 are attained for c = 2 (p = 1/2; p_0 = (1 - 1/sqrt 3)/2) and approached for more classes as the others'
probabilities vanish; m1 as p_y -> 0, kappa with h = (0, 1), v = (-1, 1)/sqrt 2 as p_1 -> 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from flint import arb, fmpq

from .arithmetic import Array, Balls, Floats, IrrationalError, Number, norm, rational, square
from .losses import LOSSES, Constants, Link, Loss, LossFamily, Profile

Block = list[Any]


class Softmax(Profile):
    """The log-partition of a class: g(z) = log sum_a e^{z_a}; derivatives are vectors and matrices."""

    title, latex = "softmax", r"\log \sum_a e^{z_a} - z_y"

    def value(self, m: Any, t: Block, p: Number) -> Number:
        return reduce(lambda total, z: total + m.softplus(z - total), t[1:], t[0])

    def d1(self, m: Any, t: Block, p: Number) -> Block:
        total = self.value(m, t, p)
        return [m.exp(z - total) for z in t]

    def d2(self, m: Any, t: Block, p: Number) -> list[Block]:
        q = self.d1(m, t, p)
        others = _others(q)
        return [[q[a] * others[a] if a == b else -q[a] * q[b] for b in range(len(q))] for a in range(len(q))]

    def constants(self, p: arb | None) -> Constants:
        root = arb(2).sqrt()
        return Constants(root, arb(1) / 2, root / (3 * arb(3).sqrt()), root, arb(0))


VECTOR_LOSSES: dict[str, LossFamily] = {
    family.name: family for family in (LOSSES["squared"], LossFamily("softmax", Softmax(), Link.CLASS))
}


@dataclass(frozen=True)
class VectorLoss(Loss):
    """One loss of c components: a row of the table. ell and its derivatives in z, over any numbers."""

    outputs: int = 2  # type: ignore[misc]

    def __post_init__(self) -> None:
        family = VECTOR_LOSSES[self.name]
        object.__setattr__(self, "profile", family.profile)
        object.__setattr__(self, "link", family.link)

    def label(self, m: Any, y: Any) -> Block:
        if self.link is Link.CLASS:
            return [m.number(fmpq(int(y == a))) for a in range(self.outputs)]
        return [m.number(v) for v in y]

    def given(self, y: Any) -> Any:
        return fmpq(int(np.argmax(y))) if self.link is Link.CLASS else tuple(rational(float(v)) for v in y)

    def on_arrays(self, order: int, z: Array, y: Array) -> Array:
        evaluate: Any = (self.value, self.d1, self.d2)[order]
        found = np.asarray(evaluate(Floats, list(np.moveaxis(z, -1, 0)), list(np.moveaxis(y, -1, 0))))
        return np.moveaxis(found, tuple(range(order)), tuple(range(-order, 0)))

    def value(self, m: Any, z: Sequence[Number], y: Sequence[Number]) -> Number:
        if self.link is Link.RESIDUAL:
            return sum(self.profile.value(m, a - b, None) for a, b in zip(z, y, strict=True))
        own = sum(a * b for a, b in zip(z, y, strict=True))
        return self.profile.value(m, [a - own for a in z], None)

    def d1(self, m: Any, z: Sequence[Number], y: Sequence[Number]) -> Block:
        if self.link is Link.RESIDUAL:
            return [self.profile.d1(m, a - b, None) for a, b in zip(z, y, strict=True)]
        # p - y without cancelling: of the label's own class -(the sum of the others).
        p = self.profile.d1(m, list(z), None)
        return [(1 - b) * own - b * other for own, other, b in zip(p, _others(p), y, strict=True)]

    def d2(self, m: Any, z: Sequence[Number], y: Sequence[Number]) -> list[Block]:
        if self.link is Link.CLASS:
            found: list[Block] = self.profile.d2(m, list(z), None)
            return found
        bends = [self.profile.d2(m, a - b, None) for a, b in zip(z, y, strict=True)]
        return [[bend if a == b else 0 * bend for b in range(len(z))] for a, bend in enumerate(bends)]

    def bregman(self, m: Any, z: Sequence[Number], h: Sequence[Number], y: Sequence[Number]) -> Number:
        """ell(h, y) - ell(z, y) - grad ell(z, y)'(h - z), as a sum of terms that are never negative.

        Of softmax it is KL(p(z) || p(h)) = sum_a p_a(z) (e^{r_a} - 1 - r_a), r_a = log p_a(h)/p_a(z), for both sum to
        1; of the squared loss ||h - z||^2/2.
        """
        if self.link is Link.RESIDUAL:
            apart = [a - b for a, b in zip(h, z, strict=True)]
            return sum(square(d) if m is Balls else d * d for d in apart) / 2
        if m is not Balls:
            raise IrrationalError("this quantity is irrational: use balls")
        here, there = (self.profile.value(m, list(t), None) for t in (z, h))
        terms = ((a - here, b - there) for a, b in zip(z, h, strict=True))
        return Balls.positive(sum((p.exp() * _excess(q - p) for p, q in terms), start=arb(0)))

    def least_curvature(self, z: Any, h: Any, y: Any) -> arb:
        """The smallest eigenvalue of the Hessian between z and h."""
        return self.constants().mu

    def length(self, z: Any) -> arb:
        return norm([v.mid() for v in z])

    def sizes(self, z: Any, y: Any) -> tuple[arb, arb]:
        bends = self.d2(Balls, z, y)
        return self.length(self.d1(Balls, z, y)), norm([v.mid() for row in bends for v in row])

    def joint_distance(self, z: Any, y: Any) -> arb | None:
        return None


def _others(p: Block) -> Block:
    """Of each entry the sum of all others."""
    return [sum(p[:a] + p[a + 1 :]) for a in range(len(p))]


def _excess(r: arb) -> arb:
    """e^r - 1 - r >= 0, enclosed: it falls up to 0 and rises beyond."""

    def at(t: arb) -> arb:
        return square(t) / 2 * t.hypgeom_1f1(1, 3)

    ends = at(arb(r.lower())).union(at(arb(r.upper())))
    return ends.union(arb(0)) if r.contains(0) else ends
