"""Meta-features of a network as combinations of pattern features psi, through the kernel alone.

One gradient step: phi_i(x) = phi_{W_i}(x) - sum_x' eta E[ell''(f(x'; W), y); x'] <phi_W(x'), phi_{W_i}(x)> phi_W(x').
So a lifted point has N_i + 1 coefficients on the basis [inner patterns at the support | outer patterns at the lifted
points], and inner products of meta-features, of any choice of patterns, come from pattern counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arithmetic import Matrix, Number
from ..balls.span import Span, span
from .network import NetworkProblem

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class MetaFeatures:
    """Meta-features with given patterns.

    inner (m, k) the patterns in H_i, outer (m, N) those of the outer feature, points [N] as (task, x), bends [k] per
    task: eta sum_y p ell'' at the support points. None of both: without the Hessian.
    """

    problem: NetworkProblem
    inner: Array
    outer: Array
    points: Sequence[tuple[int, int]]
    bends: Sequence[Sequence[Number]] | None

    @cached_property
    def places(self) -> list[int]:
        """The inputs of the basis [k + N]."""
        return [*range(self.inner.shape[1]), *(x for _, x in self.points)]

    @cached_property
    def patterns(self) -> Array:
        """The patterns of the basis (m, k + N)."""
        return np.concatenate([self.inner, self.outer], axis=1)

    @cached_property
    def kernel(self) -> Matrix:
        """<psi, psi'> of the basis (k + N, k + N)."""
        return self.problem.kernel(self.patterns, self.places, self.patterns, self.places)

    @cached_property
    def transform(self) -> Matrix:
        """The coefficients T (k + N, N): a column per lifted point."""
        k, count = self.inner.shape[1], len(self.points)
        zero, one = self.problem.m.number(0), self.problem.m.number(1)
        rows = [[zero] * count for _ in range(k)]
        if self.bends is not None:
            kernel = self.kernel
            for a, (i, _) in enumerate(self.points):
                for x in self.problem_support(i):
                    rows[x][a] = -self.bends[i][x] * kernel[x, k + a]
        rows += [[one if a == b else zero for b in range(count)] for a in range(count)]
        return self.problem.m.matrix(rows)

    def problem_support(self, i: int) -> list[int]:
        """The support points of task i (of the tasks of positive weight)."""
        return sorted({x for j, x in self.points if j == i})

    @cached_property
    def gram(self) -> Matrix:
        """M = T'KT (N, N)."""
        return self.transform.transpose() * self.kernel * self.transform

    @cached_property
    def span(self) -> Span:
        """Orthonormal coordinates, in balls."""
        return span(self.gram)

    def minus(self, other: MetaFeatures) -> Matrix:
        """The Gram matrix of the differences to the same points' other meta-features (N, N)."""
        cross = self.problem.kernel(self.patterns, self.places, other.patterns, other.places)
        mixed = self.transform.transpose() * cross * other.transform
        return self.gram + other.gram - mixed - mixed.transpose()
