"""The quantities of meta-SL's claims on the linear model, beyond the core: corollaries and the mixed form."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from mpmath import mp, mpf

from . import infimum
from .losses import INFINITE
from .numbers import (
    Fraction,
    UndefinedError,
    Vector,
    differences,
    dot,
    exact,
    is_small,
    norm,
    number,
    singular_values,
    step_size,
)
from .supervised import Supervised, Task


class MetaSL(Supervised):
    """The linear model's corollaries."""

    @property
    def margin_parameter_comparator(self) -> bool:
        return not self.functions

    @property
    def margin_squared_loss(self) -> bool:
        return self.loss.name == "squared"

    @property
    def margin_one_gradient_step(self) -> bool:
        return self.steps == 1

    @property
    def margin_single_task(self) -> bool:
        return len(self.tasks) == 1

    @property
    def margin_no_adaptation(self) -> bool:
        return self.gradient_steps and not any(self.rates)

    @property
    def margin_no_decay(self) -> bool:
        return self.decay == 0 or not any(self.rates)

    @property
    def margin_bounded_curvature(self) -> bool:
        return self.loss.m2 is not INFINITE

    @property
    def margin_third_derivative(self) -> bool:
        bounded = self.loss.m3 is not INFINITE and (self.steps == 1 or self.loss.m2 is not INFINITE)
        return bounded and (self.gradient_steps or self.loss.convex)

    @property
    def margin_smooth(self) -> bool:
        m3 = self.loss.m3
        bend = m3 is not INFINITE and (m3 == 0 or self.loss.m1 is not INFINITE)
        return self.steps == 1 and self.loss.m2 is not INFINITE and bend

    @property
    def margin_invertible_jacobian(self) -> bool | None:
        smallest = self.jacobian_min
        return True if smallest > mpf(10) ** (-mp.dps // 5) else None

    @property
    def margin_small_step(self) -> bool | None:
        loss = self.loss
        if self.steps != 1 or INFINITE in (loss.m1, loss.m2, loss.kappa):
            return False
        s = self.fastest * max(self.feature_bound, self.support_feature_bound) ** 2
        room, bend = 1 - loss.m2 * s, loss.kappa * loss.m1 * s
        margin = min(room, room**2 * mp.exp(-bend) - bend)
        return None if abs(margin) < mpf(10) ** -30 else bool(margin > 0)

    @property
    def displacement(self) -> Any:
        return norm([a - b for a, b in zip(self.omega, self.rival, strict=True)])

    @property
    def adapted_displacement(self) -> Any:
        if len(self.tasks) != 1:
            raise UndefinedError("not one task")
        rival = self.path(self.tasks[0], self.rival)[-1]
        return norm([a - b for a, b in zip(self.paths[0][-1], rival, strict=True)])

    @cached_property
    def jacobian_min(self) -> Any:
        """The adapted parameter, differentiated."""
        if len(self.tasks) != 1:
            raise UndefinedError("not one task")
        if not self.smooth:
            raise UndefinedError("not differentiable")
        return singular_values(differences(lambda theta: self.path(self.tasks[0], theta)[-1], self.omega, step_size()))[
            0
        ]

    @property
    def feature_bound(self) -> Any:
        return max(norm(self.model.inputs[x]) for _, x, _ in self.points)

    @property
    def support_feature_bound(self) -> Any:
        return max(norm(self.model.inputs[x]) for task in self.tasks for x in task.inner.rho)

    @property
    def laws(self) -> list[tuple[dict[tuple[int, Fraction], Any], dict[tuple[int, Fraction], Any]]]:
        """Per task the masses of atoms under the inner and the outer law."""

        def law(task: Task) -> dict[tuple[int, Fraction], Any]:
            found: dict[tuple[int, Fraction], Any] = {}
            for (x, _, p), y in zip(task.atoms, task.labels, strict=True):
                found[x, y] = found.get((x, y), mpf(0)) + p
            return found

        return [(law(task.inner), law(task)) for task in self.tasks]

    @property
    def margin_one_law(self) -> bool:
        return all(
            inner.keys() == outer.keys() and all(is_small(inner[a] - outer[a], outer[a]) for a in outer)
            for inner, outer in self.laws
        )

    @property
    def margin_dominated(self) -> bool | None:
        loss = self.loss
        if self.steps != 1 or INFINITE in (loss.m1, loss.m2, loss.kappa):
            return False
        if not all(inner.keys() <= outer.keys() for inner, outer in self.laws):
            return False
        share = max(p / outer[a] for inner, outer in self.laws for a, p in inner.items())
        s, r = (self.fastest * self.support_feature_bound * b for b in (self.support_feature_bound, self.feature_bound))
        room, bend = 1 - loss.m2 * s, loss.kappa * loss.m1 * r
        margin = min(room, room**2 * mp.exp(-bend) / share - bend)
        return None if abs(margin) < mpf(10) ** -30 else bool(margin > 0)

    def finite(self, constant: Any) -> Any:
        if constant is INFINITE:
            raise UndefinedError("an infinite constant")
        return constant

    @property
    def fastest(self) -> Any:
        """The largest |rate|."""
        if not self.gradient_steps:
            raise UndefinedError("not by gradient steps")
        return max(map(abs, self.rates))

    @property
    def sharpest(self) -> Any:
        return self.finite(self.loss.m2) * self.support_feature_bound**2

    @property
    def a(self) -> Any:
        return self.fastest * (self.sharpest + self.decay)

    @property
    def c(self) -> Any:
        """||I - D (H + decay)|| of 0 <= H <= m2 B_s^2 (or |H|), by the mean of the rates' ends and what is off it."""
        mean, off = (max(self.rates) + min(self.rates)) / 2, (max(self.rates) - min(self.rates)) / 2
        ends = [0, 1] if self.loss.convex else [-1, 1]
        kept = max(abs(1 - mean * (self.decay + t * self.sharpest)) for t in ends)
        return kept + off * (self.sharpest + self.decay)

    @property
    def remainder_constant(self) -> Any:
        half = self.finite(self.loss.m3) * self.support_feature_bound**3 * self.feature_bound / 2
        if not self.gradient_steps:
            return half / number(exact(self.adaptation["lambda"]))
        growth = mpf(1) if self.steps == 1 else self.c ** (self.steps - 1) * mp.fsum(
            self.c**j for j in range(self.steps)
        )  # fmt: skip
        return self.fastest * half * growth

    @property
    def jacobian_deviation(self) -> Any:
        if not self.gradient_steps:
            a = self.finite(self.loss.m2) * self.support_feature_bound**2 / number(exact(self.adaptation["lambda"]))
            return a / (1 + a)
        return self.a * mp.fsum(self.c**j for j in range(self.steps))

    @cached_property
    def smoothness(self) -> Any:
        return self.smoothness_of(self.c)

    @property
    def smoothness_one_rate(self) -> Any:
        a = self.fastest * self.sharpest
        return self.smoothness_of(max(mpf(1), a - 1) if self.loss.convex else 1 + a)

    def smoothness_of(self, c: Any) -> Any:
        m3 = self.finite(self.loss.m3)
        bend = mpf(0) if m3 == 0 else self.finite(self.loss.m1) * m3
        turn = self.fastest * bend * self.support_feature_bound**3 * self.feature_bound
        return c**2 * self.finite(self.loss.m2) * self.feature_bound**2 + turn

    @property
    def descent(self) -> Any:
        if self.smoothness == 0:
            return mpf(0)
        there = [t - g / self.smoothness for t, g in zip(self.omega, self.gradient, strict=True)]
        return self.total(self.z) - self.objective(there)

    @property
    def curvature_size(self) -> Any:
        """|L''| along a direction."""
        if not self.smooth or not self.gradient_steps:
            raise UndefinedError("not differentiable")
        return self.bend(self.objective, self.total(self.z), self.omega)

    def moved(self, there: Vector) -> tuple[Vector, Vector]:
        """What decay leaves of a feature, and the feature times the rates."""
        moved = [rate * v for rate, v in zip(self.rates, there, strict=True)]
        return [v - self.decay * m for v, m in zip(there, moved, strict=True)], moved

    # --- the mixed form: triples (x, y, x') under M = sum q_i D_i x rho_i ---------------------------------------

    @cached_property
    def mixed(self) -> tuple[list[Any], Vector, Vector, Vector, list[Vector], list[bool]]:
        """Masses M, Wn M, Un M, and the feature psi, per triple; and whether Wn is 0 there, Un is 0 there."""
        if self.steps != 1:
            raise UndefinedError("not one gradient step")
        if not self.smooth:
            raise UndefinedError("not differentiable")
        w = {(i, x): v for (i, x, _), v in zip(self.points, self.w, strict=True)}
        u = {(i, x): v for (i, x, _), v in zip(self.points, self.u, strict=True)}
        found: dict[tuple[int, Fraction, int], list[Any]] = {}
        for i, task in enumerate(self.tasks):
            for (x, y, p), label in zip(task.inner.atoms, task.inner.labels, strict=True):
                for other, rho in task.rho.items():
                    mass = task.weight * p * rho
                    at = found.setdefault((x, label, other), [mpf(0), mpf(0), mpf(0), mpf(0), mpf(0), y])
                    at[0] += mass
                    at[1] += mass * w[i, other]
                    at[2] += mass * w[i, other] * u[i, other]
                    at[3] += mass * abs(w[i, other])
                    at[4] += mass * abs(w[i, other] * u[i, other])
        masses, weights, targets, rows, gone, empty = [], [], [], [], [], []
        for (x, _, other), (mass, weight, target, size, reach, y) in found.items():
            phi, there = self.model.inputs[x], self.model.inputs[other]
            left, moved = self.moved(there)
            bend = self.loss.second(dot(phi, self.omega), y) * dot(phi, moved)
            masses.append(mass)
            weights.append(weight)
            targets.append(target)
            rows.append([b - bend * a for a, b in zip(phi, left, strict=True)])
            gone.append(is_small(weight, size))
            empty.append(is_small(target, reach))
        return masses, weights, targets, rows, gone, empty

    @property
    def mixed_weight_norm(self) -> Any:
        masses, weights, *_ = self.mixed
        return mp.sqrt(mp.fsum(w * w / m for m, w in zip(masses, weights, strict=True)))

    @property
    def margin_numerator_vanishes(self) -> bool:
        *_, gone, empty = self.mixed
        return all(e for g, e in zip(gone, empty, strict=True) if g)

    @property
    def mixed_misfit(self) -> tuple[Any, Any]:
        masses, weights, targets, rows, gone, _ = self.mixed
        live = [j for j, g in enumerate(gone) if not g]
        if not self.margin_numerator_vanishes:
            raise UndefinedError("the target is undefined")
        return infimum.misfit(
            [rows[j] for j in live], [targets[j] / weights[j] for j in live], [masses[j] for j in live], self.radius
        )

    @property
    def mixed_misfit_l1(self) -> tuple[Any, Any]:
        _, weights, targets, rows, *_ = self.mixed
        return infimum.l1(self.eps, [[w * x for x in row] for w, row in zip(weights, rows, strict=True)], targets)
