"""The core and mixed quantities of a meta-SL instance with a linear model, in balls or exact rationals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from typing import Self

from flint import arb

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Matrix, Number, NumberSystem, Rationals, norm, solved
from ..balls.mixed import Mixed, MixedQuantities, System
from ..instances import Instance, Vector
from . import taylor
from .instance import Functions, Gradient, MetaSLInstance
from .maml import Problem
from .mixed import LARGEST, AtomClass, Part, bounded, classes, condensed
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

    @property
    def _unadapted_rivals(self) -> list[list[Number]]:
        return [self.problem.predictions(self._rival)] * len(self.laws)

    def _misfit_against(self, target: list[Number], masses: list[Number] | None = None, *, free: bool = False) -> arb:
        return self._misfit(self._meta_features, target, masses, free).value

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

    # --- the mixed form: points (class of atoms, x') ---

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
        return Mixed(weight, target, masses, sources)

    @cached_property
    def _parts(self) -> list[list[Part]]:
        """Per class its atoms: psi(x, y, x') = phi(x') - F phi(x') with F = eta ell'' phi phi'."""
        m, problem, features = self.m, self.problem, self.problem.features.tolist()

        def part(x: int, y: Number, share: Number) -> Part:
            bend = problem.eta * problem.loss.d2(m, self._before[x], y)
            return Part(share, m.number(1), m.matrix([[bend * v] for v in features[x]]), m.matrix([features[x]]))

        return [[part(x, m.number(y), m.number(share)) for x, y, share in g.atoms] for g in self._classes]

    def _mixed_size(self, chosen: list[int], parts: list[list[Part]]) -> int:
        """The numbers in `_mixed_rows`."""
        return sum(len(parts[self._mixed_points[j][0]]) for j in chosen) * self.problem.dimension

    def _mixed_rows(self, chosen: list[int], parts: list[list[Part]]) -> list[tuple[int, Part, list[Number]]]:
        """Of every chosen point and part of its class: the point, the part, its row."""
        features, found = self.problem.features.tolist(), []
        bounded(self._mixed_size(chosen, parts), "numbers in its rows")
        for index, group in groupby(chosen, lambda j: self._mixed_points[j][0]):
            members = list(group)
            ahead = self.m.matrix([features[self._mixed_points[j][1]] for j in members])
            for part in parts[index]:
                found += [(j, part, row) for j, row in zip(members, part.rows(ahead), strict=True)]
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
        rows = [[part.share * mixed.weight[j] * a for a in row] for j, part, row in found]
        return self.m.matrix(rows), [part.share * mixed.target[j] for j, part, _ in found]

    @cached_property
    def _rational_twin(self) -> Self | None:
        return self.exact(self.instance) if isinstance(self.instance.adaptation, Gradient) else None
