"""Losses of predictions z in R^c, c >= 2: a residual loss summed over components, and softmax cross-entropy.

    squared    sum_a (z_a - y_a)^2/2, y in R^c
    softmax    g(z) - z_y, y one of the classes 0..c-1, g(z) = log sum_a e^{z_a}

A prediction is a list [c] of numbers (or arrays), a label too: that of a class is its unit vector. Derivatives are a
list [c] and a matrix of lists [c][c].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, fmpq

from .arithmetic import Array, Balls, Floats, Number, norm, rational, square
from .losses import VECTOR_LOSSES, Link, Loss
from .profiles import others_of

Block = list[Any]


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

    def parts(self, values: Any) -> Block:
        """Predictions or labels (..., c) as a list [c]."""
        return [values[..., a] for a in range(self.outputs)]

    def on_arrays(self, order: int, z: Array, y: Array, m: Any = Floats) -> Array:
        evaluate: Any = (self.value, self.d1, self.d2)[order]
        found = evaluate(m, self.parts(z), self.parts(y))
        return self._stacked(m, found) if order == 2 else m.stack(found, -1) if order else found

    def turned_on_arrays(self, z: Array, y: Array, along: Array, m: Any = Floats) -> Array:
        """`turned` over arrays of m (..., c, c), of predictions and directions (..., c)."""
        return self._stacked(m, self.turned(m, *map(self.parts, (z, y, along))))

    @staticmethod
    def _stacked(m: Any, rows: list[Block]) -> Array:
        found: Array = m.stack([m.stack(row, -1) for row in rows], -2)
        return found

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
        return [(1 - b) * own - b * other for own, other, b in zip(p, others_of(p), y, strict=True)]

    def d2(self, m: Any, z: Sequence[Number], y: Sequence[Number]) -> list[Block]:
        if self.link is Link.CLASS:
            return self.profile.d2(m, list(z), None)
        bends = [self.profile.d2(m, a - b, None) for a, b in zip(z, y, strict=True)]
        return [[bend if a == b else 0 * bend for b in range(len(z))] for a, bend in enumerate(bends)]

    def turned(self, m: Any, z: Sequence[Number], y: Sequence[Number], along: Sequence[Number]) -> list[Block]:
        """Of softmax, Hess g = diag(p) - p p', with dp = Hess g along: diag(dp) - dp p' - p dp'."""
        places = range(len(z))
        if self.link is Link.RESIDUAL:
            turns = [self.profile.d3(m, a - b, None) * t for a, b, t in zip(z, y, along, strict=True)]
            return [[turn if a == b else 0 * turn for b in places] for a, turn in enumerate(turns)]
        p: Block = self.profile.d1(m, list(z), None)
        moved = [sum(bend * t for bend, t in zip(row, along, strict=True)) for row in self.d2(m, z, y)]
        return [[(moved[a] if a == b else 0) - moved[a] * p[b] - p[a] * moved[b] for b in places] for a in places]

    def bregman(self, m: Any, z: Sequence[Number], h: Sequence[Number], y: Sequence[Number]) -> Number:
        """ell(h, y) - ell(z, y) - grad ell(z, y)'(h - z), as a sum of terms that are never negative.

        Of softmax it is KL(p(z) || p(h)) = sum_a p_a(z) (e^{r_a} - 1 - r_a), r_a = log p_a(h)/p_a(z), for both sum to
        1 (in arrays the difference itself, which may cancel); of the squared loss ||h - z||^2/2.
        """
        if self.link is Link.RESIDUAL:
            apart = [a - b for a, b in zip(h, z, strict=True)]
            return sum(square(d) if m is Balls else d * d for d in apart) / 2
        if m is not Balls:
            change = self.value(m, h, y) - self.value(m, z, y)
            return change - sum(d * (a - b) for d, a, b in zip(self.d1(m, z, y), h, z, strict=True))
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

    def joint_distance(self, z: Any, y: Any, m: Any = Balls) -> arb | None:
        return None


def _excess(r: arb) -> arb:
    """e^r - 1 - r >= 0, enclosed: it falls up to 0 and rises beyond."""

    def at(t: arb) -> arb:
        return square(t) / 2 * t.hypgeom_1f1(1, 3)

    ends = at(arb(r.lower())).union(at(arb(r.upper())))
    return ends.union(arb(0)) if r.contains(0) else ends
