"""The core and mixed quantities of a meta-SL instance with a linear model, in balls or exact rationals."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from typing import Self

from flint import arb

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Matrix, Number, Rationals, norm, solved
from ..balls.mixed import Mixed, MixedQuantities
from ..instances import Instance, Vector
from ..models.rows import Rows
from . import taylor
from .core_quantities import RowQuantities, Step
from .instance import Gradient, MetaSLInstance
from .maml import Law, Point, Problem


class TaskQuantities(RowQuantities, MixedQuantities):
    """Core and mixed quantities. Tasks of weight 0 take no part."""

    problem: Problem
    problem_of = Problem

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

    # --- adaptation and features --------------------------------------------------------------------

    @cached_property
    def _here(self) -> Point:
        return Point(self.problem, self.problem.omega)

    @cached_property
    def _steps(self) -> list[list[Step]]:
        """The models that the steps' Jacobians are at; the implicit step's is U_i(omega)."""
        at = slice(None, -1) if isinstance(self.instance.adaptation, Gradient) else slice(-1, None)
        return [[Step(model, []) for model in path[at]] for path in self._paths]

    def _through(self, rows: Matrix, law: Law, steps: Sequence[Step]) -> Matrix:
        return rows * self._jacobian(law, steps)

    def _jacobian(self, law: Law, steps: Sequence[Step]) -> Matrix:
        """The Jacobian of the steps (d, d), by its formula."""
        problem, adaptation = self.problem, self.instance.adaptation
        jacobian = problem.identity()
        for step in steps:
            hessian = problem.hessian(law, step.at.predictions)
            if isinstance(adaptation, Gradient):
                jacobian = (problem.identity() - hessian * problem.eta) * jacobian
            else:
                strength = self.m.number(adaptation.strength)
                jacobian = solved(problem.identity() + hessian * (1 / strength), problem.identity())
        return jacobian

    @cached_property
    def _jacobians(self) -> list[Matrix]:
        """J_i, the Jacobian of U_i at omega (d, d)."""
        return [self._jacobian(law, steps) for law, steps in zip(self.laws, self._steps, strict=True)]

    def _misfit_of(self, features: Rows, target: list[Number] | None = None) -> arb:
        return self._misfit(features.table, self._u if target is None else target).value

    def _misfit_against(self, target: list[Number], masses: list[Number] | None = None, *, free: bool = False) -> arb:
        return self._misfit(self._meta_features, target, masses, free).value

    @cached_property
    def _meta_features(self) -> Matrix:
        return self._features.table

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
