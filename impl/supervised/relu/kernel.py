"""Meta-features of a network as combinations of pattern features psi, through the kernel alone.

Task i's step k has the Jacobian S - D sum_x' bend(x') psi_k(x') psi_k(x')', psi_k with the patterns of iterate k and
bend(x') = eta E[ell''(f(x'; W^(k)), y); x'] under the inner law (of c outputs a block that couples the places of x');
D = diag(rates), S = I - eta decay D, both I for plain steps. So with K steps

    phi_i(x) = (S - sum bend_0 psi_0 psi_0'D) ... (S - sum bend_{K-1} psi_{K-1} psi_{K-1}'D) psi_K(x):

the last step's factor acts first. A lifted point has coefficients on the basis [patterns of the steps, each once |
patterns of the outer networks at the lifted points], times S, S^2, ... too where S is no number; and inner products of
meta-features, of any choice of patterns, come from pattern counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from ...arithmetic import Matrix, Number
from ...balls.span import Span, span
from ...models.combination import Combination
from ...models.weights import Weights
from ..core_quantities import Steps
from ..maml import Bends, Law
from .problem import NetworkProblem, is_zero
from .scales import KEPT, MOVED

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class MetaFeatures:
    """Meta-features with given patterns.

    inner (m, M) the patterns of the steps, outer (m, N) those of the outer feature, places their inputs, of every power
    of S, tasks [N]; columns: per task and step, input -> which of inner is the step's feature there.
    """

    problem: NetworkProblem
    inner: Array
    outer: Array
    places: list[int]
    tasks: list[int]
    columns: Sequence[Sequence[dict[int, int]]]
    bends: Sequence[Sequence[Bends]]

    @classmethod
    def of(cls, problem: NetworkProblem, laws: Sequence[Law], outer: Sequence[Any], steps: Steps) -> Self:
        """Those of the outer networks, with the factors of the steps, per task."""
        known: dict[tuple[int, bytes], int] = {}
        patterns: list[Array] = [np.zeros((problem.width, 0))]
        columns: list[list[dict[int, int]]] = []
        for law, each in zip(laws, steps, strict=True):
            columns.append([])
            for step in each:
                gates = step.at.gates(list(law.inner.rho))
                bits = np.packbits(gates > 0, axis=0).T
                place: dict[int, int] = {}
                for a, x in enumerate(law.inner.rho):
                    key = (x, bits[a].tobytes())
                    if key not in known:
                        known[key] = len(known)
                        patterns.append(gates[:, [a]])
                    place[x] = known[key]
                columns[-1].append(place)
        points = [(i, x) for i, law in enumerate(laws) for x in law.rho]
        places, powers = problem.scaled([x for x, _ in known], MOVED * problem.turned), 1
        places += [x for _, x in points]
        if problem.rated and problem.decays:
            powers += max(map(len, steps), default=0)
        return cls(
            problem,
            np.concatenate(patterns, axis=1),
            np.concatenate([at.gates(list(law.rho)) for at, law in zip(outer, laws, strict=True)], axis=1),
            [place for power in range(powers) for place in problem.scaled(places, KEPT * power)],
            [i for i, _ in points],
            columns,
            [[step.bends for step in each] for each in steps],
        )

    @cached_property
    def patterns(self) -> Array:
        """The patterns of the basis (m, M + N)."""
        own = np.concatenate([self.inner, self.outer], axis=1)
        return np.tile(own, len(self.places) // max(own.shape[1], 1))

    @cached_property
    def kernel(self) -> Matrix:
        """<psi, psi'> of the basis (M + N, M + N)."""
        return self.problem.kernel(self.patterns, self.places, self.patterns, self.places)

    @cached_property
    def pulling(self) -> Matrix:
        """<psi, D o psi'> for the patterns psi of the steps, psi' of the basis (M, .)."""
        if not self.problem.rated:
            return self.kernel
        own = self.places[: self.inner.shape[1]]
        places = self.problem.scaled(own, -MOVED if self.problem.turned else MOVED)
        return self.problem.kernel(self.inner, places, self.patterns, self.places)

    @cached_property
    def transform(self) -> Matrix:
        """The coefficients T (M + N, N): a column per lifted point."""
        size, zero = self.inner.shape[1], self.problem.m.number(0)
        found = [self._coefficients(i, size + a) for a, i in enumerate(self.tasks)]
        return self.problem.m.matrix([[c.get(j, zero) for c in found] for j in range(len(self.places))])

    def _coefficients(self, i: int, outer: int) -> dict[int, Number]:
        """Of the meta-feature of task i whose outer feature is the column `outer`; those that are not 0."""
        problem, kernel = self.problem, self.pulling
        found, ahead = {outer: problem.m.number(1)}, self.inner.shape[1] + self.outer.shape[1]
        for place, bends in zip(reversed(self.columns[i]), reversed(self.bends[i]), strict=True):
            here = list(found.items())
            pulls = {
                x: sum((c * kernel[j, b] for b, c in here[1:]), start=kernel[j, here[0][0]] * here[0][1])
                for x, j in place.items()
            }
            if problem.decays:
                found = {j + ahead: c for j, c in here} if problem.rated else {j: c * problem.share for j, c in here}
            for x, j in place.items():
                first, *others = (bend * pulls[x - x % len(bends[x]) + b] for b, bend in enumerate(bends[x]))
                change = sum(others, start=first)
                found[j] = found[j] - change if j in found else -change
        return found

    @property
    def confined(self) -> list[tuple[list[int], int]]:
        """Parts of the basis, and how many meta-features are combinations of each alone: the parts that single features
        are made of, those that share nothing with the rest, and all of it."""
        keys = zip(self.places, np.packbits(self.patterns > 0, axis=0).T, strict=True)
        first: dict[tuple[int, bytes], int] = {}
        own = [first.setdefault((place, bits.tobytes()), j) for j, (place, bits) in enumerate(keys)]
        made = [frozenset(own[j] for j, c in enumerate(column) if not is_zero(c))
                for column in zip(*self.transform.tolist(), strict=True)]  # fmt: skip
        parts: list[frozenset[int]] = []
        for part in made:
            near = [other for other in parts if other & part]
            parts = [other for other in parts if not other & part] + [part.union(*near)]
        parts.append(frozenset(own))
        return [(sorted(part), sum(one <= part for one in made)) for part in {*made, *parts}]

    @cached_property
    def gram(self) -> Matrix:
        """M = T'KT (N, N)."""
        return self.transform.transpose() * self.kernel * self.transform

    @cached_property
    def span(self) -> Span:
        """Orthonormal coordinates, in balls."""
        return span(self.gram)

    def paired(self, weights: Sequence[Number]) -> Combination:
        """sum_a weights[a] phi_a."""
        column = self.problem.m.matrix([[w] for w in weights])
        return Combination(self.problem, self.patterns, self.places, (self.transform * column).entries())

    def pairings(self, vector: Combination) -> list[Number]:
        """<phi_a, vector> [N]."""
        return self._combined(vector.pairings(self.patterns, self.places))

    def along(self, weights: Weights, less: Weights) -> list[Number]:
        """<phi_a, V - U> [N] for weights V and U."""
        return self._combined(self.problem.outputs(weights, self.patterns, self.places, less))

    def _combined(self, basis: list[Number]) -> list[Number]:
        """T'(values on the basis) [N]."""
        return (self.transform.transpose() * self.problem.m.matrix([[v] for v in basis])).entries()

    def minus(self, other: MetaFeatures) -> Matrix:
        """The Gram matrix of the differences to the same points' other meta-features (N, N)."""
        cross = self.problem.kernel(self.patterns, self.places, other.patterns, other.places)
        mixed = self.transform.transpose() * cross * other.transform
        return self.gram + other.gram - mixed - mixed.transpose()
