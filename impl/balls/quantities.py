"""From an instance to the quantities that claims speak about, in balls or exact rationals.

One evaluator for both number systems: `Quantities(instance)(name)` computes a quantity of
`theory.notation` once, when it is asked for. What needs a root or an infimum exists in balls only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flint import arb, arb_mat, fmpq

from ..arithmetic import Balls, IrrationalError, Number, Rationals, midpoint, root, square
from ..instances import Functions, Gradient, Instance, Vector
from . import taylor
from .infimum import Infimum, misfit, misfit_l1, residuals
from .maml import Matrix, NumberSystem, Problem, norm
from .singular import smallest_singular_value


class UndefinedQuantityError(ArithmeticError):
    """The quantity has no value on this instance (an assumption of the claim fails structurally)."""


@dataclass(frozen=True)
class Mixed:
    """The mixed form on triples (x, y, x'): rows psi (T, d), density-weighted numerators, masses of M."""

    rows: Matrix
    weight: list[Number]
    target: list[Number]
    masses: list[Number]
    sources: list[int]
    """How many tasks give mass to the triple."""


class Quantities:
    """The record of one instance. Tasks of weight 0 take no part.

    `direction` fixes the v of the identity [d] (exact); by default it is the direction of the lifted infimum.
    """

    def __init__(
        self,
        instance: Instance,
        m: NumberSystem = Balls,
        direction: Vector | None = None,
    ) -> None:
        self.instance = instance.canonical
        self.m = m
        self.problem = Problem(self.instance, m)
        self.laws = [law for law in self.problem.laws if law.weight != 0]
        self._direction = direction
        self._known: dict[str, Number] = {}

    def __call__(self, name: str) -> Number:
        """The quantity of that name. Errors: UndefinedQuantityError, IrrationalError."""
        if name not in self._known:
            self._known[name] = getattr(self, name)
        return self._known[name]

    @cached_property
    def _scales(self) -> tuple[float, float, float]:
        """Sizes of what is added up: in the risks, in the gradient, in the predictions (float64)."""
        risks = slopes = sizes = 0.0
        rows = [math.hypot(*map(midpoint, row)) for row in self.problem.features.tolist()]
        stretch = [1.0 + sum(abs(midpoint(v)) for v in jacobian.entries()) for jacobian in self._jacobians]
        loss = self.problem.loss
        for i, (law, z, h) in enumerate(zip(self.laws, self._after, self._comparator, strict=True)):
            for x, y, p in law.atoms:
                mass = midpoint(law.weight * p)
                slope = abs(midpoint(loss.d1(Balls, z[x], y)))
                size = abs(midpoint(z[x])) + abs(midpoint(h[x]))
                risks += mass * (
                    abs(midpoint(loss.value(Balls, z[x], y))) + abs(midpoint(loss.value(Balls, h[x], y)))
                    + slope * size
                )  # fmt: skip
                bend = abs(midpoint(loss.d2(Balls, z[x], y))) * (size + rows[x])
                slopes += mass * (slope + bend) * rows[x] * stretch[i]
                sizes = max(sizes, size)
        return risks, slopes, sizes

    def scale(self, name: str) -> float:
        """The size of the sums behind a quantity: what its rounding errors are relative to, beside its own size."""
        risks, slopes, sizes = self._scales
        if name in ("gap", "bregman", "pairing", "inner_product", "descent", "misfit_l1", "mixed_misfit_l1"):
            return risks
        if name in ("eps", "eps_first_order", "direction", "chain_rule_defect", "eps_directional"):
            return slopes
        return sizes if "misfit" in name or "displacement" in name or name == "residual_norm" else 0.0

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
            live = [j for j, vanishes in enumerate(self._vanishing) if vanishes is False]
            target = [self._mixed_target(j) if j in live else arb(0) for j in range(len(masses))]
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
                jacobian = (problem.identity() + hessian * (1 / strength)).inv()
            found.append(jacobian)
        return found

    # --- the task-lifted space: points are (task, x) with mass q_i rho_i(x) ------------------------

    @cached_property
    def _points(self) -> list[tuple[int, int, Number]]:
        return [(i, x, law.weight * rho) for i, law in enumerate(self.laws) for x, rho in law.rho.items()]

    @cached_property
    def _masses(self) -> list[Number]:
        return [mass for _, _, mass in self._points]

    @cached_property
    def _slopes(self) -> list[list[Number]]:
        """sum_y p ell'(z_i(x), y) = rho_i(x) w_i(x) [k], per task."""
        return [self.problem.slopes(law, z) for law, z in zip(self.laws, self._after, strict=True)]

    @cached_property
    def _u(self) -> list[Number]:
        return [self._after[i][x] - self._comparator[i][x] for i, x, _ in self._points]

    def _rows(self, transforms: Sequence[Matrix]) -> Matrix:
        """phi_i(x)' = phi(x)'T_i at every point (N, d)."""
        per_task = [(self.problem.features * t).tolist() for t in transforms]
        return self.m.matrix([per_task[i][x] for i, x, _ in self._points])

    @cached_property
    def _meta_features(self) -> Matrix:
        return self._rows(self._jacobians)

    # --- the core quantities -------------------------------------------------------------------------

    @property
    def zero(self) -> Number:
        return self.m.number(fmpq(0))

    @property
    def radius(self) -> Number:
        return self.m.number(self.instance.radius)

    def _sum(self, terms: Any) -> Number:
        return sum(terms, start=self.zero)

    @cached_property
    def gap(self) -> Number:
        problem = self.problem
        return self._sum(
            law.weight * (problem.risk(law, z) - problem.risk(law, h))
            for law, z, h in zip(self.laws, self._after, self._comparator, strict=True)
        )

    @cached_property
    def _divergences(self) -> list[tuple[Number, Number, Number, Number, Number]]:
        """Per atom: (q p, ell(h') - ell(z) - ell'(z)(h' - z), z, h', y)."""
        loss, m = self.problem.loss, self.m
        found = []
        for law, z, h in zip(self.laws, self._after, self._comparator, strict=True):
            for x, y, p in law.atoms:
                change = loss.value(m, h[x], y) - loss.value(m, z[x], y)
                slope = loss.d1(m, z[x], y) * (h[x] - z[x])
                found.append((law.weight * p, change - slope, z[x], h[x], y))
        return found

    @cached_property
    def bregman(self) -> Number:
        return self._sum(mass * value for mass, value, *_ in self._divergences)

    @cached_property
    def pairing(self) -> Number:
        return self._sum(
            self.laws[i].weight * self._slopes[i][x] * u for (i, x, _), u in zip(self._points, self._u, strict=True)
        )

    @cached_property
    def _gradient(self) -> list[Number]:
        return taylor.gradient(self.problem)

    @cached_property
    def eps(self) -> arb:
        return self._length(self._gradient)

    def _length(self, entries: list[Number]) -> Number:
        return self._root_sum((self.m.number(fmpq(1)), v) for v in entries)

    @cached_property
    def _feature_gradient(self) -> list[Number]:
        """<w, phi_omega> = sum_i q_i J_i'E[w_i phi] [d]."""
        return self._pulled_back(self._jacobians)

    def _pulled_back(self, transforms: Sequence[Matrix] | None) -> list[Number]:
        total = self.problem.omega * self.zero
        for i, law in enumerate(self.laws):
            pull = self.problem.transposed * self.m.matrix([[s] for s in self._slopes[i]])
            if transforms is not None:
                pull = transforms[i].transpose() * pull
            total = total + pull * law.weight
        return total.entries()

    @cached_property
    def chain_rule_defect(self) -> Number:
        pairs = zip(self._gradient, self._feature_gradient, strict=True)
        return self._length([a - b for a, b in pairs])

    @cached_property
    def weight_norm(self) -> arb:
        return self._weight_norm(self._slopes, [law.weight for law in self.laws])

    def _weight_norm(self, slopes: list[list[Number]], weights: list[Number]) -> Number:
        """(sum_i weight_i sum_x slopes_i(x)^2 / rho_i(x))^{1/2}."""
        return self._root_sum((weights[i] / self.laws[i].rho[x], slopes[i][x]) for i, x, _ in self._points)

    def _root_sum(self, terms: Iterable[tuple[Number, Number]]) -> Number:
        """(sum of mass times value^2)^{1/2}; in rationals only if that is rational."""
        if self.m is Balls:
            return root(self._sum(mass * square(value) for mass, value in terms))
        return Rationals.sqrt(self._sum(mass * value * value for mass, value in terms))

    def _balls_only(self, what: str) -> None:
        if self.m is not Balls:
            raise IrrationalError(f"{what} is evaluated in balls only")

    def _misfit(self, rows: Matrix, target: list[arb], masses: list[arb] | None = None, free: bool = False) -> Infimum:
        self._balls_only("an infimum")
        radius = None if free else self.radius
        return misfit(rows, target, self._masses if masses is None else masses, radius)

    @cached_property
    def _lifted(self) -> Infimum:
        return self._misfit(self._meta_features, self._u)

    @property
    def misfit(self) -> arb:
        return self._lifted.value

    # --- the identity, along one direction -----------------------------------------------------------

    @cached_property
    def along(self) -> list[Number]:
        """The direction v [d]."""
        if self._direction is not None:
            return [self.m.number(v) for v in self._direction]
        self._balls_only("the direction of an infimum")
        return self._lifted.direction.entries()

    @cached_property
    def exact_direction(self) -> Vector:
        """The direction v rounded to float64 numbers, so that it can be given to another evaluation."""
        return tuple(fmpq(*_ratio(midpoint(v))) for v in self.along)

    @cached_property
    def _at_direction(self) -> list[Number]:
        v: Matrix = self.m.matrix([[c] for c in self.along])
        return residuals(self._meta_features, self._u, v)

    @cached_property
    def direction(self) -> Number:
        return self._sum(g * v for g, v in zip(self._gradient, self.along, strict=True))

    @cached_property
    def inner_product(self) -> Number:
        return self._sum(
            self.laws[i].weight * self._slopes[i][x] * r
            for (i, x, _), r in zip(self._points, self._at_direction, strict=True)
        )

    @cached_property
    def residual_norm(self) -> arb:
        return self._root_sum(zip(self._masses, self._at_direction, strict=True))

    # --- the L1 forms --------------------------------------------------------------------------------

    def _l1(self, rows: Matrix, target: list[arb]) -> arb:
        self._balls_only("an infimum")
        return misfit_l1(self.eps, rows, target).value

    @cached_property
    def misfit_l1(self) -> arb:
        rows = self._meta_features.tolist()
        weights = [self.laws[i].weight * self._slopes[i][x] for i, x, _ in self._points]
        scaled = self.m.matrix([[w * a for a in row] for w, row in zip(weights, rows, strict=True)])
        return self._l1(scaled, [w * u for w, u in zip(weights, self._u, strict=True)])

    # --- the mixed form ------------------------------------------------------------------------------

    @cached_property
    def _mixed(self) -> Mixed:
        adaptation = self.instance.adaptation
        if not isinstance(adaptation, Gradient) or adaptation.steps != 1:
            raise UndefinedQuantityError("the mixed feature is task-independent for one gradient step only")
        problem, m = self.problem, self.m
        exact = [task for task in self.instance.tasks if task.weight != 0]
        u = {(i, x): value for (i, x, _), value in zip(self._points, self._u, strict=True)}
        labels = sorted(atom.y for task in exact for atom in task.atoms)
        rank = {(i, a): labels.index(atom.y) for i, task in enumerate(exact) for a, atom in enumerate(task.atoms)}
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
        return Mixed(m.matrix(rows), weight, target, masses, sources)

    @cached_property
    def _vanishing(self) -> list[bool | None]:
        """Per triple: whether the mixed weight is 0 (None: an enclosure cannot tell)."""
        found: list[bool | None] = []
        exact: list[fmpq] | None = None
        for j, w in enumerate(self._mixed.weight):
            if self.m is Balls and w.contains(0):
                if w.is_zero():
                    found.append(True)
                    continue
                if exact is None and self._rational_twin is not None:
                    exact = self._rational_twin._mixed.weight
                found.append(None if exact is None else exact[j] == 0)
            else:
                found.append(w == 0)
        return found

    @cached_property
    def _rational_twin(self) -> Quantities | None:
        """The same instance in exact rationals, where its loss allows that at moderate cost."""
        adaptation = self.instance.adaptation
        if not self.problem.loss.profile.rational or not isinstance(adaptation, Gradient):
            return None
        return Quantities(self.instance, Rationals) if adaptation.steps <= 2 else None

    @cached_property
    def margin_numerator_vanishes(self) -> arb:
        """min |weight| where it is not 0; minus the largest |numerator| where it is 0 and the numerator is not."""
        mixed, margin, failed = self._mixed, arb(1), arb(0)
        for j, vanishes in enumerate(self._vanishing):
            if vanishes is False:
                margin = margin.min(Balls.magnitude(mixed.weight[j] / mixed.masses[j]))
            elif vanishes:
                twin = self._rational_twin
                numerator = arb(twin._mixed.target[j]) if twin is not None else mixed.target[j]
                failed = failed.max(Balls.magnitude(numerator / mixed.masses[j]))
            elif mixed.sources[j] > 1:
                margin = margin.min(arb(0).union(Balls.magnitude(mixed.weight[j] / mixed.masses[j])))
        return margin if failed.is_zero() else -failed if failed > 0 else -failed.union(margin)

    @cached_property
    def mixed_weight_norm(self) -> arb:
        self._balls_only("a norm")
        mixed = self._mixed
        return root(self._sum(square(w) / m for w, m in zip(mixed.weight, mixed.masses, strict=True)))

    @cached_property
    def mixed_misfit(self) -> arb:
        mixed, d = self._mixed, self.problem.dimension

        def restricted(keep: Callable[[bool | None], bool]) -> arb:
            chosen = [j for j, vanishes in enumerate(self._vanishing) if keep(vanishes)]
            rows = arb_mat(len(chosen), d, [mixed.rows[j, k] for j in chosen for k in range(d)])
            target = [self._mixed_target(j) for j in chosen]
            return self._misfit(rows, target, [mixed.masses[j] for j in chosen]).value

        certain = restricted(lambda vanishes: vanishes is False)
        if None not in self._vanishing:
            return certain
        return arb(certain.lower()).union(restricted(lambda vanishes: vanishes is not True).upper())

    def _mixed_target(self, j: int) -> arb:
        mixed = self._mixed
        return mixed.target[j] / mixed.weight[j]

    @cached_property
    def mixed_misfit_l1(self) -> arb:
        mixed = self._mixed
        rows = mixed.rows.tolist()
        scaled = self.m.matrix([[w * a for a in row] for w, row in zip(mixed.weight, rows, strict=True)])
        return self._l1(scaled, mixed.target)

    # --- first-order, and the quantities of the corollaries ------------------------------------------

    @cached_property
    def eps_first_order(self) -> arb:
        return self._length(self._pulled_back(None))

    @cached_property
    def misfit_plain(self) -> arb:
        return self._misfit(self._rows([self.problem.identity()] * len(self.laws)), self._u).value

    @cached_property
    def displacement(self) -> arb:
        return self._length((self.problem.omega - self._rival).entries())

    @cached_property
    def function_displacement(self) -> arb:
        return self._root_sum(zip(self._masses, self._u, strict=True))

    @cached_property
    def adapted_displacement(self) -> arb:
        self._single()
        return self._length((self._paths[0][-1] - self._rivals[0]).entries())

    @cached_property
    def jacobian_min(self) -> arb:
        self._single()
        self._balls_only("a singular value")
        smallest = smallest_singular_value(self._jacobians[0])
        twin = self._rational_twin if smallest.contains(0) else None
        singular = twin is not None and twin._jacobians[0].det() == 0
        return arb(0) if singular else smallest

    def _single(self) -> None:
        if len(self.laws) != 1:
            raise UndefinedQuantityError(f"there are {len(self.laws)} tasks, not one")

    @cached_property
    def strong_convexity(self) -> arb:
        loss = self.problem.loss
        if not loss.profile.convex or self.m is not Balls:
            raise UndefinedQuantityError("the loss is not convex")
        return arb(min(loss.range(2, z.union(h), y).lower() for _, _, z, h, y in self._divergences))

    @cached_property
    def feature_bound(self) -> arb:
        self._balls_only("a norm")
        used = sorted({x for _, x, _ in self._points})
        rows = self.problem.features.tolist()
        largest = arb(0)
        for x in used:
            largest = largest.max(norm(rows[x]))
        return largest

    @cached_property
    def _step_size(self) -> arb:
        """a = eta m2 B^2."""
        self._gradient_steps()
        return Balls.magnitude(self.problem.eta) * self._finite("m2") * square(self.feature_bound)

    def _gradient_steps(self) -> None:
        if not isinstance(self.instance.adaptation, Gradient):
            raise UndefinedQuantityError("the adaptation is not by gradient steps")

    def _finite(self, constant: str) -> arb:
        value = getattr(self.problem.loss.constants(), constant)
        if value is None:
            raise UndefinedQuantityError(f"{constant} is infinite for the {self.problem.loss.name} loss")
        return value

    @cached_property
    def _stretch(self) -> arb:
        """c >= ||J^(k)||: max(1, a - 1), or 1 + a if eta < 0."""
        a = self._step_size
        return (a - 1).max(arb(1)) if self.problem.eta >= 0 else 1 + a

    @cached_property
    def remainder_constant(self) -> arb:
        third = self._finite("m3") * self.feature_bound**4 / 2
        adaptation = self.instance.adaptation
        if not isinstance(adaptation, Gradient):
            return third / self.m.number(adaptation.strength)
        growth = arb(1)
        if adaptation.steps > 1:
            c, k = self._stretch, adaptation.steps
            growth = c ** (k - 1) * sum((c**j for j in range(k)), start=arb(0))
        return Balls.magnitude(self.problem.eta) * third * growth

    @cached_property
    def jacobian_deviation(self) -> arb:
        adaptation = self.instance.adaptation
        if not isinstance(adaptation, Gradient):
            a = self._finite("m2") * square(self.feature_bound) / self.m.number(adaptation.strength)
            return a / (1 + a)
        return self._step_size * sum((self._stretch**j for j in range(adaptation.steps)), start=arb(0))

    @cached_property
    def min_norm_solution(self) -> arb:
        self._balls_only("a norm")
        rows = self._meta_features
        gram = rows * rows.transpose()
        target = arb_mat(len(self._u), 1, self._u)
        try:
            return root((target.transpose() * gram.solve(target))[0, 0])
        except ZeroDivisionError:
            return arb("nan")

    @cached_property
    def smoothness(self) -> arb:
        """beta = c^2 m2 B^2 + eta m1 m3 B^4 (the second term is 0 for the squared loss)."""
        self._gradient_steps()
        third = self._finite("m3")
        bend = arb(0) if third.is_zero() else self._finite("m1") * third
        size = Balls.magnitude(self.problem.eta)
        bound = square(self._stretch) * self._finite("m2") * square(self.feature_bound)
        return bound + size * bend * self.feature_bound**4

    @cached_property
    def descent(self) -> arb:
        if self.smoothness.is_zero():
            return arb(0)
        step = arb_mat(self.problem.dimension, 1, self._gradient) * (1 / self.smoothness)
        here = self._sum(law.weight * self.problem.risk(law, z) for law, z in zip(self.laws, self._after, strict=True))
        return here - self.problem.meta_objective(self.problem.omega - step)

    @cached_property
    def curvature_size(self) -> arb:
        self._gradient_steps()
        along = [arb(g.mid()) for g in self._gradient]
        if all(g.is_zero() for g in along):
            along = [arb(1)] + [arb(0)] * (len(along) - 1)
        return Balls.magnitude(taylor.curvature(self.problem, along))

    # --- margins of assumptions: positive where the assumption holds -----------------------------------

    def _structural(self, holds: bool) -> arb:
        return arb(1) if holds else arb(-1)

    @cached_property
    def margin_outer_convexity(self) -> Number:
        """1 for a convex loss (proved in the loss table); else the total Bregman divergence itself."""
        return arb(1) if self.problem.loss.profile.convex else self.bregman

    @cached_property
    def margin_differentiability(self) -> arb:
        loss, margin = self.problem.loss, arb(1)
        if not loss.profile.joints:
            return margin
        self._balls_only("a distance")
        moves = not isinstance(self.instance.adaptation, Gradient) or self.instance.adaptation.eta != 0
        for law, path in zip(self.laws, self._paths, strict=True):
            inner = path[:-1] if moves else []
            outer = path[-1:] if loss.profile.kinked else []
            for theta in (*inner, *outer):
                z = self.problem.predictions(theta)
                for x, y, _ in law.atoms:
                    distance = loss.joint_distance(z[x], y)
                    if distance is not None:
                        if distance <= 0:
                            return distance
                        margin = margin.min(distance)
        return margin

    @cached_property
    def margin_one_gradient_step(self) -> arb:
        adaptation = self.instance.adaptation
        return self._structural(isinstance(adaptation, Gradient) and adaptation.steps == 1)

    @cached_property
    def margin_parameter_comparator(self) -> arb:
        return self._structural(not isinstance(self.instance.comparator, Functions))

    @cached_property
    def margin_squared_loss(self) -> arb:
        return self._structural(self.problem.loss.name == "squared")

    @cached_property
    def margin_third_derivative(self) -> arb:
        adaptation, constants = self.instance.adaptation, self.problem.loss.constants()
        one = isinstance(adaptation, Gradient) and adaptation.steps == 1
        convex = isinstance(adaptation, Gradient) or self.problem.loss.profile.convex
        return self._structural(constants.m3 is not None and (one or constants.m2 is not None) and convex)

    @cached_property
    def margin_full_row_rank(self) -> arb:
        """A lower bound of the smallest squared singular value of the meta-feature matrix, or -1 if it is singular."""
        d, count = self.problem.dimension, len(self._points)
        features = [self.instance.features[x] for _, x, _ in self._points]
        if count > d or Rationals.matrix(features).rank() < count:
            return arb(-1)
        rows = self._meta_features
        try:
            return 1 / norm((rows * rows.transpose()).inv().entries())
        except ZeroDivisionError:
            twin = self._rational_twin
            singular = twin is not None and twin._meta_features.rank() < count
            return arb(0) if singular else arb(0).union(1)

    @cached_property
    def margin_no_adaptation(self) -> arb:
        adaptation = self.instance.adaptation
        return self._structural(isinstance(adaptation, Gradient) and adaptation.eta == 0)

    @cached_property
    def margin_bounded_curvature(self) -> arb:
        return self._structural(self.problem.loss.constants().m2 is not None)

    @cached_property
    def margin_single_task(self) -> arb:
        return self._structural(len(self.laws) == 1)

    @property
    def margin_invertible_jacobian(self) -> arb:
        return self.jacobian_min

    @cached_property
    def margin_small_step(self) -> arb:
        adaptation, constants = self.instance.adaptation, self.problem.loss.constants()
        one = isinstance(adaptation, Gradient) and adaptation.steps == 1 and adaptation.eta >= 0
        m1, m2, kappa = constants.m1, constants.m2, constants.kappa
        if not one or m1 is None or m2 is None or kappa is None:
            return arb(-1)
        s = self.problem.eta * square(self.feature_bound)
        room, bend = 1 - m2 * s, kappa * m1 * s
        return room.min(square(room) * (-bend).exp() - bend)

    @cached_property
    def margin_smooth(self) -> arb:
        adaptation, constants = self.instance.adaptation, self.problem.loss.constants()
        one = isinstance(adaptation, Gradient) and adaptation.steps == 1
        bend = constants.m3 is not None and (constants.m3.is_zero() or constants.m1 is not None)
        return self._structural(one and constants.m2 is not None and bend)

    # --- what wrong theorems use instead ----------------------------------------------------------------

    @cached_property
    def misfit_hessian_at_adapted(self) -> arb:
        self._gradient_steps()
        problem = self.problem
        transforms = [
            problem.identity() - problem.hessian(law, z) * problem.eta
            for law, z in zip(self.laws, self._after, strict=True)
        ]
        return self._misfit(self._rows(transforms), self._u).value

    @cached_property
    def weight_norm_unadapted(self) -> arb:
        slopes = [self.problem.slopes(law, self._before) for law in self.laws]
        return self._weight_norm(slopes, [law.weight for law in self.laws])

    @cached_property
    def misfit_u_unadapted(self) -> arb:
        if isinstance(self.instance.comparator, Functions):
            rivals = self._comparator
        else:
            rivals = [self.problem.predictions(self._rival)] * len(self.laws)
        target = [self._before[x] - rivals[i][x] for i, x, _ in self._points]
        return self._misfit(self._meta_features, target).value

    @cached_property
    def misfit_free(self) -> arb:
        return self._misfit(self._meta_features, self._u, free=True).value

    @cached_property
    def weight_norm_uniform(self) -> arb:
        return self._weight_norm(self._slopes, [arb(1) / len(self.laws)] * len(self.laws))

    @cached_property
    def misfit_uniform(self) -> arb:
        masses = [self.laws[i].rho[x] / len(self.laws) for i, x, _ in self._points]
        return self._misfit(self._meta_features, self._u, masses).value

    @cached_property
    def eps_directional(self) -> Number:
        """max(0, L'(omega; 1), L'(omega; -1)) for d = 1: what a directional notion of stationarity would say."""
        self._gradient_steps()
        if self.problem.dimension != 1:
            raise UndefinedQuantityError("the one-sided slopes are compared for d = 1 only")
        if self.m is Balls:
            if self._rational_twin is None:
                raise UndefinedQuantityError("one-sided slopes are compared in exact rationals only")
            return arb(self._rational_twin.eps_directional)
        return max(self.zero, *(taylor.along(self.problem, [fmpq(s)], 1)[1] for s in (1, -1)))


def _ratio(value: float) -> tuple[int, int]:
    return value.as_integer_ratio()
