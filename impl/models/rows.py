"""Features written out, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from flint import arb

from ..arithmetic import Matrix, Number, NumberSystem, dot, root
from ..balls.dense import Dense
from ..balls.span import Span, span
from ..instances import Vector


def lengths(rows: Sequence[Vector]) -> list[arb]:
    """||x|| of exact rows [k], in balls."""
    return [root(arb(dot(row, row))) for row in rows]


@dataclass(frozen=True, eq=False)
class Rows:
    """Features as rows (N, D)."""

    m: NumberSystem
    table: Matrix

    @cached_property
    def gram(self) -> Matrix:
        """Their inner products (N, N)."""
        return self.table * self.table.transpose()

    @cached_property
    def span(self) -> Span:
        """Orthonormal coordinates, in balls."""
        return span(self.gram)

    def _column(self, entries: Sequence[Number]) -> Matrix:
        return self.m.matrix([[v] for v in entries])

    def paired(self, weights: Sequence[Number]) -> Dense:
        """sum_a weights[a] phi_a."""
        return Dense(self.m, (self.table.transpose() * self._column(weights)).entries())

    def pairings(self, vector: Dense) -> list[Number]:
        """<phi_a, vector> [N]."""
        return (self.table * self._column(vector.entries)).entries()

    def along(self, offset: Matrix) -> list[Number]:
        """<phi_a, V> [N] for parameters V with as many entries as a row."""
        return (self.table * self._column(offset.entries())).entries()

    def minus(self, other: Rows) -> Matrix:
        """The Gram matrix of the differences to other rows (N, N)."""
        rows = self.table - other.table
        return rows * rows.transpose()
