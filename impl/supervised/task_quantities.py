"""The core and mixed quantities of a meta-SL instance with a linear model, in balls or exact rationals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from typing import Any, Self

from flint import arb

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, IrrationalError, Matrix, Number, Rationals, norm, solved
from ..balls.infimum import Infimum
from ..balls.mixed import Mixed, MixedQuantities, System
from ..instances import Instance, Vector
from ..models.rows import Rows
from ..rules import is_rational
from . import taylor
from .adaptation import Gradient, Own
from .core_quantities import RowQuantities, Step
from .instance import MetaSLInstance
from .maml import Law, Point, Problem
from .mixed import LARGEST, AtomClass, Part, bounded, classes, condensed
from .rule_jacobians import jacobian


class TaskQuantities(RowQuantities, MixedQuantities):
    """Core and mixed quantities. Tasks of weight 0 take no part."""

    problem: Problem
    problem_of = Problem

    @classmethod
    def exact(cls, instance: Instance, direction: Vector | None = None) -> Self | None:
        assert isinstance(instance, MetaSLInstance)
        adaptation = instance.adaptation
        moderate = not isinstance(adaptation, Gradient) or adaptation.steps <= 2
        moderate = is_rational(adaptation.rule) if isinstance(adaptation, Own) else moderate
        return cls(instance, Rationals, direction) if instance.loss.profile.rational and moderate else None

    @property
    def _increasing(self) -> bool:
        used = {x for law in self.laws for x in law.points}
        own = isinstance(self.instance.adaptation, Own)  # asks for slopes wherever it likes
        return self.problem.dimension == 1 and not own and all(self.instance.features[x][0] > 0 for x in used)

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
        if name in ("gap", "bregman", "bregman_swapped", "pairing", "inner_product", "direction"):
            # Any of these may be had from the others by subtraction.
            return float(self.gap.rad() + self.pairing.rad() + self(name).rad())
        if "misfit" not in name:
            return float(self(name).rad())
        if name.endswith("l1"):
            return 4 * float(self.pairing.rad() + self.radius * self.eps.rad())
        rows, target, masses = self._meta_features, self._u, self._masses
        if name.startswith("mixed"):
            rows, target, masses = self._mixed_system([j for j, v in enumerate(self._vanishing) if v is False])
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
        at = slice(None, -1) if isinstance(self.instance.adaptation, Gradient | Own) else slice(-1, None)
        return [[Step(model, []) for model in path[at]] for path in self._paths]

    def _through(self, rows: Matrix, law: Law, steps: Sequence[Step]) -> Matrix:
        return rows * self._jacobian(law, steps)

    def _jacobian(self, law: Law, steps: Sequence[Step]) -> Matrix:
        """The Jacobian of the steps (d, d), by its formula."""
        problem, adaptation = self.problem, self.instance.adaptation
        found = problem.identity()
        for step in steps:
            if isinstance(adaptation, Own):
                found = jacobian(problem, law, step.at.theta)
                continue
            hessian = problem.hessian(law, step.at.predictions)
            if isinstance(adaptation, Gradient):
                found = problem.stepped(found, hessian * found)
            else:
                strength = self.m.number(adaptation.strength)
                found = solved(problem.identity() + hessian * (1 / strength), problem.identity())
        return found

    @cached_property
    def _jacobians(self) -> list[Matrix]:
        """J_i, the Jacobian of U_i at omega (d, d)."""
        return [self._jacobian(law.inner, steps) for law, steps in zip(self.laws, self._steps, strict=True)]

    def _misfit(self, features: Rows, *others: Any, **named: Any) -> Infimum:
        return super()._misfit(features.table, *others, **named)

    @cached_property
    def _meta_features(self) -> Matrix:
        return self._features.table

    @cached_property
    def _gradient(self) -> list[Number]:
        return taylor.gradient(self.problem)

    # --- the mixed form: points (class of atoms of the inner laws, x' of the outer ones) ---

    @cached_property
    def _classes(self) -> list[AtomClass]:
        adaptation = self.instance.adaptation
        if not isinstance(adaptation, Gradient) or adaptation.steps != 1:
            raise UndefinedQuantityError("the mixed feature is task-independent for one gradient step only")
        return classes([task for task in self.instance.tasks if task.weight != 0])

    @cached_property
    def _mixed_points(self) -> list[tuple[int, int]]:
        """(class, x') with mass."""
        bounded(sum(len(self.laws[i].rho) for g in self._classes for i in g.tasks), "products of a class and a point")
        supports = [sorted({x for i in g.tasks for x in self.laws[i].rho}) for g in self._classes]
        return [(index, x) for index, support in enumerate(supports) for x in support]

    @cached_property
    def _mixed(self) -> Mixed:
        u = {(i, x): value for (i, x, _), value in zip(self._points, self._u, strict=True)}
        tasks = [[(i, self.m.number(a)) for i, a in g.tasks.items()] for g in self._classes]
        weight, target, masses, sources = [], [], [], []
        for index, x in self._mixed_points:
            own = [(i, a) for i, a in tasks[index] if x in self.laws[i].rho]
            shares = [(i, a * self._slopes[i][x]) for i, a in own]
            weight.append(self._sum(w for _, w in shares))
            target.append(self._sum(w * u[i, x] for i, w in shares))
            masses.append(self._sum(a * self.laws[i].rho[x] for i, a in own))
            sources.append(len(own))
        return Mixed(weight, target, masses, sources, self._mixed_points)

    def _mixed_target(self, j: int) -> Number:
        """T/W: where one task alone has mass, T = W u, and it is u, also where an enclosure of W contains 0."""
        if self._mixed.sources[j] > 1:
            return super()._mixed_target(j)
        index, x = self._mixed_points[j]
        (i,) = (i for i in self._classes[index].tasks if x in self.laws[i].rho)
        return self._after[i][x] - self._comparator[i][x]

    @cached_property
    def _parts(self) -> list[list[Part]]:
        """Per class its atoms: psi(x, y, x') = S phi(x') - F eta D phi(x'), F = ell'' phi phi', S = I - eta D decay."""
        m, problem, features = self.m, self.problem, self.problem.features.tolist()

        def part(x: int, label: Any, share: Number) -> Part:
            y, c = problem.loss.label(m, label), problem.loss.outputs
            if c == 1:
                bend = problem.loss.d2(m, self._before[x], y)
                return Part(share, m.number(1), m.matrix([[bend * v] for v in features[x]]), m.matrix([features[x]]))
            own, bends = slice(x * c, x * c + c), problem.loss.d2(m, self._before[x * c : x * c + c], y)
            rows = m.matrix(features[own])
            return Part(share, m.number(1), rows.transpose() * m.matrix(bends), rows)

        return [[part(x, y, m.number(share)) for x, y, share in g.atoms] for g in self._classes]

    def _mixed_size(self, chosen: list[int], parts: list[list[Part]]) -> int:
        """The numbers in `_mixed_rows`."""
        return sum(len(parts[self._mixed_points[j][0]]) for j in chosen) * self.problem.dimension

    def _mixed_rows(self, chosen: list[int], parts: list[list[Part]]) -> list[tuple[int, Part, list[Number]]]:
        """Of every chosen point and part of its class: the point, the part, its row."""
        features, found = self.problem.features.tolist(), []
        bounded(self._mixed_size(chosen, parts), "numbers in its rows")
        for index, group in groupby(chosen, lambda j: self._mixed_points[j][0]):
            members = list(group)
            ahead = self.m.matrix([features[self._mixed_points[j][1]] for j in members]).transpose()
            left, moved = self.problem.stepped(ahead, ahead * 0).transpose(), self.problem.paced(ahead).transpose()
            for part in parts[index]:
                found += [(j, part, row) for j, row in zip(members, part.rows(left, moved), strict=True)]
        return found

    def _mixed_system(self, chosen: list[int]) -> System:
        parts = self._parts
        if self._mixed_size(chosen, parts) > LARGEST:
            parts = [condensed(own, self.problem.dimension) for own in parts]
        found = self._mixed_rows(chosen, parts)
        goals = {j: self._mixed_target(j) for j in chosen}
        return (
            self.m.matrix([row for _, _, row in found]),
            [part.size * goals[j] for j, part, _ in found],
            [part.share * self._mixed.masses[j] for j, part, _ in found],
        )

    def _mixed_l1_system(self) -> tuple[Matrix, list[Number]]:
        mixed = self._mixed
        found = self._mixed_rows(list(range(len(mixed.weight))), self._parts)
        rows = self.m.matrix([[part.share * mixed.weight[j] * a for a in row] for j, part, row in found])
        c, at = self.problem.loss.outputs, self._mixed_points
        blocks = [(at[j][0], id(part), at[j][1] // c) for j, part, _ in found]
        return self._joined(rows, [part.share * mixed.target[j] for j, part, _ in found], blocks)

    @cached_property
    def _rational_twin(self) -> Self | None:
        if not isinstance(self.instance.adaptation, Gradient | Own):
            return None
        found = self.exact(self.instance)
        if found is not None and isinstance(self.instance.adaptation, Own):
            try:
                found._meta_features  # noqa: B018
            except (IrrationalError, UndefinedQuantityError):
                return None
        return found
