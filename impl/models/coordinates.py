"""Exact coordinates of vectors that are known by their inner products: elimination in rationals, so that rank is exact.

psi_a = sum_k L_ak e_k with orthogonal e_k, ||e_k||^2 = D_k (e_k a psi less its projection on those before it). In balls
a vector's coordinates are L_ak D_k^{1/2}, on the orthonormal e_k D_k^{-1/2}. In rationals a direction is v = sum_k
beta_k e_k and psi_a has the row L_ak D_k, so that rows still pair as <psi_a, v>; only lengths need D.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flint import arb, fmpq

from ..arithmetic import Balls, Matrix, Number, NumberSystem


@dataclass(frozen=True)
class Coordinates:
    """lower L (N, r) and squares D [r] > 0; a span of nothing has one column of zeros and D = 1."""

    lower: list[list[fmpq]]
    squares: list[fmpq]

    def table(self, m: NumberSystem) -> Matrix:
        """The rows (N, r) in the number system."""
        scales: Sequence[Number] = self.scales if m is Balls else self.squares
        return m.matrix([[m.number(v) * s for v, s in zip(row, scales, strict=True)] for row in self.lower])

    @property
    def scales(self) -> list[arb]:
        """D^{1/2} [r]: ||e_k||."""
        return [arb(d).sqrt() for d in self.squares]


def coordinates(gram: list[list[fmpq]]) -> Coordinates:
    """Coordinates of vectors with the given Gram matrix (N, N)."""
    pivots: list[int] = []
    squares: list[fmpq] = []
    lower: list[list[fmpq]] = []
    for a, row in enumerate(gram):
        own: list[fmpq] = []
        for k, b in enumerate(pivots):
            known = sum((u * v * d for u, v, d in zip(own, lower[b], squares, strict=False)), start=fmpq(0))
            own.append((row[b] - known) / squares[k])
        rest = row[a] - sum((v * v * d for v, d in zip(own, squares, strict=True)), start=fmpq(0))
        lower.append(own)
        if rest != 0:
            pivots.append(a)
            squares.append(rest)
            own.append(fmpq(1))
    width = max(len(pivots), 1)
    return Coordinates([row + [fmpq(0)] * (width - len(row)) for row in lower], squares or [fmpq(1)])
