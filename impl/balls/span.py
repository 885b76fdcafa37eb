r"""Vectors that are known by their inner products only: orthonormal coordinates of their span, enclosed.

Pivoted Cholesky in balls: M = C C' + E, with C (N, r) rigorous coordinates and E positive semidefinite, so that
vector a is (C_a, e_a) in R^r x (the rest), ||e_a||^2 = E_aa <= slack_a^2. Where the vectors are dependent r < N and
the slack is of the order of the square root of the working precision: give M twice the precision that is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import arb, arb_mat, ctx

from ..arithmetic import IrrationalError, Matrix, root


@dataclass(frozen=True)
class Span:
    """rows C (N, r), pivots [r] (whose own slack is 0), slack [N]. A span of nothing has one column of zeros."""

    rows: arb_mat
    pivots: tuple[int, ...]
    slack: tuple[arb, ...]

    def coefficients(self, coordinates: list[arb]) -> list[arb]:
        """alpha [N], on the pivots alone, with sum alpha_a C_a = coordinates [r]."""
        found = [arb(0)] * self.rows.nrows()
        rest = list(coordinates)
        # The pivots' rows are lower triangular: solve C_p' alpha = coordinates from the last to the first.
        for k in range(len(self.pivots) - 1, -1, -1):
            a = self.pivots[k]
            alpha = rest[k] / self.rows[a, k]
            found[a] = alpha
            rest = [v - alpha * self.rows[a, j] for j, v in enumerate(rest[:k])]
        return found

    def coordinates(self, pairings: list[arb]) -> list[arb]:
        """g [r] with C_a'g = pairings[a] at the pivots: the projection of a vector with these inner products."""
        found: list[arb] = []
        for k, a in enumerate(self.pivots):
            known = sum((self.rows[a, j] * v for j, v in enumerate(found)), start=arb(0))
            found.append((pairings[a] - known) / self.rows[a, k])
        return found + [arb(0)] * (self.rows.ncols() - len(found))


def span(gram: Matrix) -> Span:
    """Coordinates of vectors with the given Gram matrix (N, N). Errors: IrrationalError if it is one of rationals."""
    if not isinstance(gram, arb_mat):
        raise IrrationalError("orthonormal coordinates are enclosed in balls only")
    count = gram.nrows()
    diagonal = [gram[a, a] for a in range(count)]
    trace = sum((v.abs_upper() for v in diagonal), start=arb(0))
    least = trace * arb(2) ** (-(3 * ctx.prec) // 4)
    rows: list[list[arb]] = [[] for _ in range(count)]
    pivots: list[int] = []
    while len(pivots) < count:
        a = max((j for j in range(count) if j not in pivots), key=lambda j: float(diagonal[j].mid()))
        if not diagonal[a] > least:
            break
        size = diagonal[a].sqrt()
        # The inner products of all rows with row a.
        inner = [arb(0)] * count
        if pivots:
            known = arb_mat(count, len(pivots), [v for row in rows for v in row])
            inner = (known * arb_mat(len(pivots), 1, rows[a])).entries()
        column = []
        for b in range(count):
            if b in pivots:
                column.append(arb(0))
            elif b == a:
                column.append(size)
            else:
                column.append((gram[a, b] - inner[b]) / size)
        pivots.append(a)
        for b in range(count):
            rows[b].append(column[b])
            if b != a and b not in pivots:
                diagonal[b] = diagonal[b] - column[b] * column[b]
    slack = tuple(arb(0) if b in pivots else root(arb(diagonal[b].upper())) for b in range(count))
    table = arb_mat(count, max(len(pivots), 1), [v for row in rows for v in row or [arb(0)]])
    return Span(table, tuple(pivots), slack)
