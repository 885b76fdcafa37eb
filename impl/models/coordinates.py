"""Exact coordinates of vectors that are known by their inner products: elimination in rationals, so that rank is exact.

psi_a = sum_k L_ak e_k with orthogonal e_k, ||e_k||^2 = D_k (e_k a psi less its projection on those before it). In balls
a vector's coordinates are L_ak D_k^{1/2}, on the orthonormal e_k D_k^{-1/2}. In rationals a direction is v = sum_k
beta_k e_k and psi_a has the row L_ak D_k, so that rows still pair as <psi_a, v>; only lengths need D.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flint import arb, fmpq, fmpq_mat, fmpz

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
    """Coordinates of vectors with the given Gram matrix (N, N).

    By elimination without fractions: row k of its triangle is D_1 ... D_k L'_k, in units of the entries' denominator.
    What is left of a Gram matrix is one, so that a pivot of 0 has a row of zeros: every pivot is on the diagonal.
    """
    table, bottom = fmpq_mat(gram).numer_denom()
    order, _, _, triangle = table.fflu()
    columns: list[list[fmpq]] = []
    squares: list[fmpq] = []
    last = fmpz(1)
    for turned, row in zip(order.tolist(), triangle.tolist(), strict=True):
        place = next((a for a, v in enumerate(row) if v != 0), None)
        if place is None:
            break
        top = row[place]
        assert turned[place] == 1 and top * last > 0, "this is no Gram matrix"
        columns.append([fmpq(v, top) for v in row])
        squares.append(fmpq(top, last * bottom))
        last = top
    if not squares:
        return Coordinates([[fmpq(0)] for _ in gram], [fmpq(1)])
    return Coordinates([list(row) for row in zip(*columns, strict=True)], squares)
