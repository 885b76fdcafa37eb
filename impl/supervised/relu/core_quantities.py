"""The core quantities of a network: predictions, kernels and coordinates in the span of the meta-features.

Directions v of the bound lie in the span of the meta-features (the rest changes nothing but ||v||), so a network of
any width has as many coordinates as the support has lifted points. Everything is computed at twice the precision, since
coordinates come from a Gram matrix.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Self

import numpy as np
from flint import arb

from ....theory.claim import UndefinedQuantityError
from ...arithmetic import Balls, Matrix, Number, NumberSystem, Rationals
from ...instances import Instance, Vector
from ...models.combination import Combination
from ..instance import Functions, NetworkInstance
from ..rank_quantities import RankQuantities
from . import taylor
from .kernel import Basis, Bends, MetaFeatures
from .problem import EXACT_STEPS, Iterate, NetworkProblem, Point


class NetworkCore(RankQuantities):
    """Core quantities of a network instance. `direction` gives coefficients of v in the meta-features [N]."""

    problem: NetworkProblem

    def __init__(self, instance: NetworkInstance, m: NumberSystem = Balls, direction: Vector | None = None) -> None:
        super().__init__(instance, m, direction)
        self.instance = instance.canonical
        self._start(NetworkProblem(self.instance, m), self.instance.tasks)

    @classmethod
    def exact(cls, instance: Instance, direction: Vector | None = None) -> Self | None:
        assert isinstance(instance, NetworkInstance)
        square_width = math.isqrt(instance.width) ** 2 == instance.width
        rational = instance.loss.profile.rational and instance.adaptation.steps <= EXACT_STEPS
        return cls(instance, Rationals, direction) if rational and square_width else None

    # --- predictions --------------------------------------------------------------------------------

    @cached_property
    def _indices(self) -> list[int]:
        """The tasks of positive weight."""
        return [i for i, task in enumerate(self.instance.tasks) if task.weight != 0]

    @cached_property
    def _before(self) -> list[Number]:
        return self.problem.omega.predictions

    def _walk(self, point: Point) -> list[list[Iterate]]:
        """The iterates of the adaptation from a network, per task."""
        return [point.path(i) for i in self._indices]

    @cached_property
    def _paths(self) -> list[list[Iterate]]:
        return self._walk(self.problem.omega)

    @cached_property
    def _iterates(self) -> list[list[list[Number]]]:
        return [[here.predictions for here in path[:-1]] for path in self._paths]

    @cached_property
    def _after(self) -> list[list[Number]]:
        return [path[-1].predictions for path in self._paths]

    @cached_property
    def _rival(self) -> Point:
        """The comparator network."""
        comparator = self.instance.comparator
        if isinstance(comparator, Functions):
            raise UndefinedQuantityError("the comparator is given by functions, not by a parameter")
        return Point(self.problem, comparator)

    @cached_property
    def _comparator(self) -> list[list[Number]]:
        comparator = self.instance.comparator
        if isinstance(comparator, Functions):
            return [[self.m.number(v) for v in comparator.values[i]] for i in self._indices]
        return [path[-1].predictions for path in self._walk(self._rival)]

    @property
    def _tasks(self) -> taylor.Paths:
        return list(zip(self.laws, self._paths, strict=True))

    # --- meta-features --------------------------------------------------------------------------------

    @cached_property
    def _lifted_points(self) -> list[tuple[int, int]]:
        return [(i, x) for i, x, _ in self._points]

    @cached_property
    def _outer(self) -> np.ndarray:
        """S^(K) (m, N)."""
        return np.concatenate([path[-1].active for path in self._paths], axis=1)

    def _curvatures(self, predictions: Sequence[Sequence[list[Number]]]) -> list[list[list[Number]]]:
        """eta sum_y p ell'' at the predictions per task and step [k]."""
        eta, curvatures = self.problem.eta, self.problem.curvatures
        return [
            [[eta * c for c in curvatures(law, z)] for z in steps]
            for law, steps in zip(self.laws, predictions, strict=True)
        ]

    @cached_property
    def _bends(self) -> list[list[list[Number]]]:
        """eta sum_y p ell''(f(x; W^(k)), y) per task and step [k]."""
        return self._curvatures(self._iterates)

    @cached_property
    def _basis(self) -> Basis:
        return Basis.of(self.problem.omega.active, self._paths)

    def _basis_at(self, active: np.ndarray) -> Basis:
        """The patterns (m, k) of one network in every step."""
        return Basis.at(active, [list(law.rho) for law in self.laws], self.instance.adaptation.steps)

    def _feature_set(self, basis: Basis, outer: np.ndarray, bends: Bends | None) -> MetaFeatures:
        return MetaFeatures(self.problem, basis, outer, self._lifted_points, bends)

    @cached_property
    def _features(self) -> MetaFeatures:
        return self._feature_set(self._basis, self._outer, self._bends)

    @cached_property
    def _meta_features(self) -> Matrix:
        """Coordinates (N, r) in the span; in rationals the Gram matrix, so that directions are coefficients."""
        return self._features.span.rows if self.m is Balls else self._features.gram

    @cached_property
    def _pairings(self) -> list[Number]:
        """<grad L, phi_a> [N]."""
        return self._combined(self._whole_gradient.pairings(self._features.patterns, self._features.places))

    def _combined(self, basis: list[Number]) -> list[Number]:
        """T'(values on the basis) [N]."""
        column = self.m.matrix([[v] for v in basis])
        return (self._features.transform.transpose() * column).entries()

    @cached_property
    def _gradient(self) -> list[Number]:
        """grad L's part in the span, in the coordinates of the meta-features."""
        return self._features.span.coordinates(self._pairings) if self.m is Balls else self._pairings

    @property
    def _increasing(self) -> bool:
        """Never: predictions of a ReLU network have kinks of their own."""
        return False

    @cached_property
    def _whole_gradient(self) -> Combination:
        """grad L in R^{md}, by Taylor arithmetic through the definition."""
        return taylor.gradient(self.problem, self._tasks)

    @cached_property
    def eps(self) -> arb:
        return self._whole_gradient.length

    def _norm_of(self, features: MetaFeatures) -> Number:
        """||<w, phi>|| for the given meta-features."""
        return features.paired(self._weighted).length

    @cached_property
    def chain_rule_defect(self) -> Number:
        return self._whole_gradient.plus(self._features.paired(self._weighted), -1).length

    @cached_property
    def _gradient_from_start(self) -> Number:
        own, start = (self._whole_gradient.along(at.weights) for at in (self.problem.omega, self.problem.start))
        return own - start

    # --- sizes ------------------------------------------------------------------------------------------

    @cached_property
    def _row_sizes(self) -> list[arb]:
        return [arb(self.problem.inputs.products[x][x]).sqrt() for x in range(len(self._before))]

    @cached_property
    def _stretches(self) -> list[arb]:
        squares = [size * size for size in self._row_sizes]

        def stretch(row: Sequence[Number]) -> arb:
            return sum((abs(arb(b).mid()) * squares[x] for x, b in enumerate(row)), start=arb(1))

        return [math.prod(map(stretch, rows), start=arb(1)) for rows in self._bends]
