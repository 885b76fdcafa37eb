"""Vectors of parameters, and features as rows of them, in the number system in which a graph was evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import arb, arb_mat

from ..arithmetic import Matrix, Number, root
from ..balls.span import Span, span
from ..models.traced.systems import System, Value, each, shape_of


@dataclass(frozen=True, eq=False)
class Entries:
    """A vector of parameters [p] in a system."""

    s: System
    value: Value

    @cached_property
    def length(self) -> arb:
        return root(self.s.balls(self.s.sum(self.s.mul(self.value, self.value), (0,), False))[0])

    def plus(self, other: Entries, factor: int = 1) -> Entries:
        """The sum with factor times another."""
        return Entries(self.s, self.s.add(self.value, self.s.mul(other.value, self.s.lift(factor))))


@dataclass(frozen=True, eq=False)
class Features:
    """Features as rows (N, p) in a system."""

    s: System
    rows: Value

    @cached_property
    def gram(self) -> Matrix:
        """Their inner products (N, N)."""
        found = self.s.balls(self.s.product(self.rows, each(np.transpose, self.rows)))
        count = shape_of(self.rows)[0]
        table = arb_mat(count, count, found)
        # Either triangle encloses both: a Gram matrix is symmetric.
        return arb_mat([[table[max(a, b), min(a, b)] for b in range(count)] for a in range(count)])

    @cached_property
    def span(self) -> Span:
        """Orthonormal coordinates."""
        return span(self.gram)

    def paired(self, weights: Sequence[Number]) -> Entries:
        """sum_a weights[a] phi_a."""
        row = self.s.from_balls(list(weights), (1, len(weights)))
        return Entries(self.s, each(lambda x: x[0], self.s.product(row, self.rows)))

    def pairings(self, vector: Entries) -> list[Number]:
        """<phi_a, vector> [N]."""
        return self.s.balls(self.s.product(self.rows, each(lambda x: x[:, None], vector.value)))


def joined(tensors: Sequence[Value]) -> Value:
    """Tensors as one vector [p]."""
    return each(lambda *x: np.concatenate(x), *(each(np.ravel, v) for v in tensors))
