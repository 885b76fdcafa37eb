"""Meta-features of a network as combinations of pattern features psi, through the kernel alone.

Task i's step k has the Jacobian I - sum_x' bend(x') psi_k(x') psi_k(x')', psi_k with the patterns of iterate k and
bend(x') = eta E[ell''(f(x'; W^(k)), y); x']. So with K steps

    phi_i(x) = (I - sum bend_0 psi_0 psi_0') ... (I - sum bend_{K-1} psi_{K-1} psi_{K-1}') psi_K(x):

the last step's factor acts first. A lifted point has coefficients on the basis [patterns of the iterates before the
last, each once | patterns of the last at the lifted points], and inner products of meta-features, of any choice of
patterns, come from pattern counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from ...arithmetic import Matrix, Number
from ...balls.span import Span, span
from ...models.combination import Combination
from .problem import Iterate, NetworkProblem

Array = np.ndarray
Bends = Sequence[Sequence[Sequence[Number]]]
"""Per task and step: eta sum_y p ell'' at the support [k]."""


@dataclass(frozen=True, eq=False)
class Basis:
    """The pattern features of all steps' Jacobians: patterns (m, M) at inputs [M].

    columns: per task and step, input -> which of them is the step's feature there
    """

    patterns: Array
    inputs: list[int]
    columns: Sequence[Sequence[dict[int, int]]]

    @classmethod
    def of(cls, active: Array, paths: Sequence[Sequence[Iterate]]) -> Self:
        """That of the tasks' iterates: the patterns (m, k) of W, and those of later iterates that differ."""
        patterns, inputs = [active], list(range(active.shape[1]))
        columns = []
        for path in paths:
            place = {x: x for x in path[0].xs}
            steps = [place]
            for before, here in itertools.pairwise(path[:-1]):
                place = dict(place)
                for a in np.flatnonzero((here.active != before.active).any(0)):
                    place[here.xs[a]] = len(inputs)
                    inputs.append(here.xs[a])
                    patterns.append(here.active[:, [a]])
                steps.append(place)
            columns.append(steps)
        return cls(np.concatenate(patterns, axis=1), inputs, columns)

    @classmethod
    def at(cls, active: Array, supports: Sequence[Sequence[int]], steps: int) -> Self:
        """The patterns (m, k) of one network in all steps of all tasks."""
        return cls(active, list(range(active.shape[1])), [[{x: x for x in xs}] * steps for xs in supports])

    def chosen(self, order: Sequence[int]) -> Self:
        """With the steps of the given numbers, in that order."""
        return replace(self, columns=[[steps[k] for k in order] for steps in self.columns])


@dataclass(frozen=True, eq=False)
class MetaFeatures:
    """Meta-features with given patterns.

    basis those in the Jacobians of the steps, outer (m, N) those of the outer feature, points [N] as (task, x), bends
    for every step of the basis; None: without the Hessians.
    """

    problem: NetworkProblem
    basis: Basis
    outer: Array
    points: Sequence[tuple[int, int]]
    bends: Bends | None

    @cached_property
    def places(self) -> list[int]:
        """The inputs of the basis [M + N]."""
        return [*self.basis.inputs, *(x for _, x in self.points)]

    @cached_property
    def patterns(self) -> Array:
        """The patterns of the basis (m, M + N)."""
        return np.concatenate([self.basis.patterns, self.outer], axis=1)

    @cached_property
    def kernel(self) -> Matrix:
        """<psi, psi'> of the basis (M + N, M + N)."""
        return self.problem.kernel(self.patterns, self.places, self.patterns, self.places)

    @cached_property
    def transform(self) -> Matrix:
        """The coefficients T (M + N, N): a column per lifted point."""
        size, zero = len(self.basis.inputs), self.problem.m.number(0)
        found = [self._coefficients(i, size + a) for a, (i, _) in enumerate(self.points)]
        return self.problem.m.matrix([[c.get(j, zero) for c in found] for j in range(size + len(self.points))])

    def _coefficients(self, i: int, outer: int) -> dict[int, Number]:
        """Of the meta-feature of task i whose outer feature is the column `outer`; those that are not 0."""
        found = {outer: self.problem.m.number(1)}
        if self.bends is None:
            return found
        kernel = self.kernel
        for place, bends in zip(reversed(self.basis.columns[i]), reversed(self.bends[i]), strict=True):
            here = list(found.items())
            for x, j in place.items():
                pull = sum((c * kernel[j, b] for b, c in here[1:]), start=kernel[j, here[0][0]] * here[0][1])
                found[j] = found[j] - bends[x] * pull if j in found else -bends[x] * pull
        return found

    @cached_property
    def gram(self) -> Matrix:
        """M = T'KT (N, N)."""
        return self.transform.transpose() * self.kernel * self.transform

    def paired(self, weights: Sequence[Number]) -> Combination:
        """sum_a weights[a] phi_a."""
        column = self.problem.m.matrix([[w] for w in weights])
        return Combination(self.problem, self.patterns, self.places, (self.transform * column).entries())

    @cached_property
    def span(self) -> Span:
        """Orthonormal coordinates, in balls."""
        return span(self.gram)

    def minus(self, other: MetaFeatures) -> Matrix:
        """The Gram matrix of the differences to the same points' other meta-features (N, N)."""
        cross = self.problem.kernel(self.patterns, self.places, other.patterns, other.places)
        mixed = self.transform.transpose() * cross * other.transform
        return self.gram + other.gram - mixed - mixed.transpose()
