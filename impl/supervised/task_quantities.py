"""The core and mixed quantities of a meta-SL instance with a linear model, in balls or exact rationals."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from typing import Self

from flint import arb

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Matrix, Number, NumberSystem, Rationals, norm, solved
from ..balls.mixed import Mixed, MixedQuantities
from ..instances import Instance, Vector
from . import taylor
from .instance import Functions, Gradient, MetaSLInstance
from .maml import Problem
from .prediction_quantities import PredictionQuantities


class TaskQuantities(PredictionQuantities, MixedQuantities):
    """Core and mixed quantities. Tasks of weight 0 take no part."""

    def __init__(
        self,
        instance: MetaSLInstance,
        m: NumberSystem = Balls,
        direction: Vector | None = None,
    ) -> None:
        super().__init__(instance, m, direction)
        self.instance = instance.canonical
        self.problem: Problem
        self._start(Problem(self.instance, m), self.instance.tasks)

    @classmethod
    def exact(cls, instance: Instance, direction: Vector | None = None) -> Self | None:
        assert isinstance(instance, MetaSLInstance)
        adaptation = instance.adaptation
        moderate = not isinstance(adaptation, Gradient) or adaptation.steps <= 2
        return cls(instance, Rationals, direction) if instance.loss.profile.rational and moderate else None

    @property
    def _increasing(self) -> bool:
        used = {x for _, x, _ in self._points}
        return self.problem.dimension == 1 and all(self.instance.features[x][0] > 0 for x in used)

    @cached_property
    def _row_sizes(self) -> list[arb]:
        return [norm(row) for row in self.problem.features.tolist()]

    @cached_property
    def _stretches(self) -> list[arb]:
        return [1 + sum((abs(v.mid()) for v in jacobian.entries()), start=arb(0)) for jacobian in self._jacobians]

    def rounding(self, name: str) -> float:
        """What a float64 evaluation of the quantity may differ by, if these are balls of 53 bits: their radius.

        An infimum is Lipschitz in its data: |change| <= ||change of u|| + R ||change of the features||; solving for it
        rounds once more, relative to ||u|| + R ||features||.
        """
        if name in ("gap", "bregman", "pairing", "inner_product", "direction"):
            # Any of these may be had from the others by subtraction.
            return float(self.gap.rad() + self.pairing.rad() + self(name).rad())
        if "misfit" not in name:
            return float(self(name).rad())
        rows, mixed = self._meta_features, name.startswith("mixed")
        target, masses = self._u, self._masses
        if mixed:
            rows, masses = self._mixed.rows, self._mixed.masses
            certain = (vanishes is False for vanishes in self._vanishing)
            target = [self._mixed_target(j) if live else arb(0) for j, live in enumerate(certain)]
        if name.endswith("l1"):
            return 4 * float(self.pairing.rad() + self.radius * self.eps.rad())
        reach = 1 + self.radius
        radii, sizes = [], []
        for row, u in zip(rows.tolist(), target, strict=True):
            radii.append(u.rad() + reach * sum((a.rad() for a in row), start=arb(0)))
            sizes.append(Balls.magnitude(u) + reach * norm(row))
        change, size = (self._root_sum(zip(masses, values, strict=True)) for values in (radii, sizes))
        return float(change.upper()) + 2.0**-50 * float(size.upper())

    # --- adaptation -------------------------------------------------------------------------------

    @cached_property
    def _paths(self) -> list[list[Matrix]]:
        return [self.problem.adapt(law, self.problem.omega) for law in self.laws]

    @cached_property
    def _before(self) -> list[Number]:
        """h_omega at the support [k]."""
        return self.problem.predictions(self.problem.omega)

    @cached_property
    def _after(self) -> list[list[Number]]:
        """h_{omega_i} at the support, per task."""
        return [self.problem.predictions(path[-1]) for path in self._paths]

    @cached_property
    def _rival(self) -> Matrix:
        """theta' as a column."""
        comparator = self.instance.comparator
        if isinstance(comparator, Functions):
            raise UndefinedQuantityError("the comparator is given by functions, not by a parameter")
        return self.problem.column(comparator)

    @cached_property
    def _rivals(self) -> list[Matrix]:
        """Adapted comparator parameters, per task."""
        return [self.problem.adapt(law, self._rival)[-1] for law in self.laws]

    @cached_property
    def _comparator(self) -> list[list[Number]]:
        """h'_i at the support, per task."""
        comparator = self.instance.comparator
        if isinstance(comparator, Functions):
            values = [row for row, task in zip(comparator.values, self.instance.tasks, strict=True) if task.weight != 0]
            return [[self.m.number(v) for v in row] for row in values]
        return [self.problem.predictions(theta) for theta in self._rivals]

    @cached_property
    def _jacobians(self) -> list[Matrix]:
        """J_i, the Jacobian of U_i at omega (d, d), by its formula."""
        problem, adaptation = self.problem, self.instance.adaptation
        found = []
        for law, path in zip(self.laws, self._paths, strict=True):
            if isinstance(adaptation, Gradient):
                jacobian = problem.identity()
                for theta in path[:-1]:
                    factor = problem.hessian(law, problem.predictions(theta)) * problem.eta
                    jacobian = (problem.identity() - factor) * jacobian
            else:
                strength = self.m.number(adaptation.strength)
                hessian = problem.hessian(law, problem.predictions(path[-1]))
                jacobian = solved(problem.identity() + hessian * (1 / strength), problem.identity())
            found.append(jacobian)
        return found

    # --- the task-lifted space: points are (task, x) with mass q_i rho_i(x) ------------------------

    def _rows(self, transforms: Sequence[Matrix]) -> Matrix:
        """phi_i(x)' = phi(x)'T_i at every point (N, d)."""
        per_task = [(self.problem.features * t).tolist() for t in transforms]
        return self.m.matrix([per_task[i][x] for i, x, _ in self._points])

    @cached_property
    def _meta_features(self) -> Matrix:
        return self._rows(self._jacobians)

    @cached_property
    def _gradient(self) -> list[Number]:
        return taylor.gradient(self.problem)

    # --- the mixed form: points (x, y, x') ---

    @cached_property
    def _mixed(self) -> Mixed:
        adaptation = self.instance.adaptation
        if not isinstance(adaptation, Gradient) or adaptation.steps != 1:
            raise UndefinedQuantityError("the mixed feature is task-independent for one gradient step only")
        problem, m = self.problem, self.m
        exact = [task for task in self.instance.tasks if task.weight != 0]
        u = {(i, x): value for (i, x, _), value in zip(self._points, self._u, strict=True)}
        labels = sorted(atom.y for task in exact for atom in task.atoms)
        rank = {
            (i, a): bisect_left(labels, atom.y) for i, task in enumerate(exact) for a, atom in enumerate(task.atoms)
        }
        index: dict[tuple[int, int, int], int] = {}
        weight: list[Number] = []
        target: list[Number] = []
        masses: list[Number] = []
        sources: list[int] = []
        heads: list[tuple[int, Number, int]] = []
        for i, law in enumerate(self.laws):
            slopes = self._slopes[i]
            for a, (x, y, p) in enumerate(law.atoms):
                joint = law.weight * p
                for other, rho in law.rho.items():
                    w = joint * slopes[other]
                    key = (x, rank[i, a], other)
                    at = index.get(key)
                    if at is None:
                        index[key] = len(weight)
                        heads.append((x, y, other))
                        weight.append(w)
                        target.append(w * u[i, other])
                        masses.append(joint * rho)
                        sources.append(1)
                    else:
                        weight[at] += w
                        target[at] += w * u[i, other]
                        masses[at] += joint * rho
                        sources[at] += 1
        features = problem.features.tolist()
        gram = (problem.features * problem.transposed).tolist()
        rows = []
        previous = None
        for x, y, other in heads:
            if (x, id(y)) != previous:
                previous, bend = (x, id(y)), problem.eta * problem.loss.d2(m, self._before[x], y)
            pull = bend * gram[x][other]
            rows.append([b - pull * a for a, b in zip(features[x], features[other], strict=True)])
        psi = m.matrix(rows)
        return Mixed(weight, target, self._scaled(psi, weight), masses, sources, psi)

    @cached_property
    def _rational_twin(self) -> Self | None:
        return self.exact(self.instance) if isinstance(self.instance.adaptation, Gradient) else None
