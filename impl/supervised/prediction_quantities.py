"""The core quantities of meta-SL from predictions alone: what is the same for every model."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, reduce
from typing import Any, Self

from flint import arb, fmpq

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Number, exactly
from ..balls.core import CoreQuantities
from ..losses import Link, OneSided
from .instance import Functions, Task
from .maml import Law, Risks


class PredictionQuantities(CoreQuantities):
    """Gap, functional gradient, displacement and divergences from z = h_omega, h_{omega_i} and h'_i at the support."""

    instance: Any
    problem: Risks
    laws: list[Law]
    """The laws of the tasks of positive weight: the others take no part."""
    lower: float | None = None
    """A proved lower end of L, of an instance whose comparator is a bracket's point."""

    def above(self, lower: float) -> Self:
        """These, with that lower end."""
        self.lower = lower
        return self

    def _start(self, problem: Risks, tasks: tuple[Task, ...]) -> None:
        self.problem = problem
        self.laws = [law for law, task in zip(problem.laws, tasks, strict=True) if task.weight != 0]

    # --- what a model supplies ----------------------------------------------------------------------

    @cached_property
    @abstractmethod
    def _before(self) -> list[Number]:
        """h_omega at the support [k]."""

    @cached_property
    @abstractmethod
    def _after(self) -> list[list[Number]]:
        """h_{omega_i} at the support, per task."""

    @cached_property
    @abstractmethod
    def _comparator(self) -> list[list[Number]]:
        """h'_i at the support, per task."""

    @property
    @abstractmethod
    def _unadapted_rivals(self) -> list[list[Number]]:
        """The predictions of the comparator's own model at the support, per task, if it is a model."""

    @cached_property
    @abstractmethod
    def _row_sizes(self) -> list[arb]:
        """The sizes of the gradient features at the support [k]."""

    @cached_property
    @abstractmethod
    def _stretches(self) -> list[arb]:
        """The sizes of the Jacobians of the adaptation, per task."""

    # --- joints of the loss -----------------------------------------------------------------------

    def _joint_margin(self, laws: Sequence[Law], predictions: Sequence[Sequence[list[Number]]]) -> arb:
        """Of predictions per task and step [k], at the laws' labels."""
        loss, margin = self.problem.loss, arb(1)
        if not loss.profile.joints:
            return margin
        for law, steps in zip(laws, predictions, strict=True):
            for z, (x, y, _) in itertools.product(steps, law.atoms):
                gap = loss.joint_distance(z[x], y)
                if gap is not None:
                    if gap <= 0:
                        return gap
                    margin = margin.min(gap)
        return margin

    # --- joints of the loss, for models of one parameter that all predictions increase with --------

    @property
    @abstractmethod
    def _increasing(self) -> bool:
        """Whether the model has one parameter, and every prediction increases with it."""

    @property
    def _slope(self) -> Number:
        """grad L, by Taylor arithmetic, if there is one parameter."""
        return self._whole_gradient.entries[0]

    @cached_property
    def _sides(self) -> tuple[Self, Self]:
        """The quantities with the derivatives of the step to the left and to the right of omega.

        Predictions that increase with the parameter all leave their joints to the side to which it goes.
        """
        loss = self.problem.loss
        if not loss.profile.joints or loss.profile.kinked or not self._increasing:
            raise UndefinedQuantityError("one-sided derivatives are those of Huber's loss and one increasing parameter")
        left, right = (
            type(self)(replace(self.instance, loss=OneSided(loss.name, loss.parameter, side)), self.m)
            for side in (-1, 1)
        )
        return left, right

    def __call__(self, name: str) -> Number:
        """The quantity of that name; with "_one_sided" the larger one of both sides' derivatives."""
        if name in self._known or not name.endswith("_one_sided"):
            return super().__call__(name)
        both = name.removesuffix("_one_sided")
        left, right = (side(both) for side in self._sides)
        return left.max(right) if self.m is Balls else max(left, right)

    @property
    def eps_left(self) -> Number:
        return self._sides[0]._slope

    @property
    def eps_right(self) -> Number:
        return self._sides[1]._slope

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

    @property
    def _own_rival(self) -> bool:
        """Whether the comparator is omega itself: then h' is z, task by task, and u and the gap are 0."""
        return False

    @cached_property
    def _u(self) -> list[Number]:
        if self._own_rival:
            return [self.zero] * len(self._points)
        return [self._after[i][x] - self._comparator[i][x] for i, x, _ in self._points]

    @cached_property
    def gap(self) -> Number:
        problem = self.problem
        return self._sum(
            law.weight * (problem.risk(law, z) - problem.risk(law, h))
            for law, z, h in zip(self.laws, self._after, self._comparator, strict=True)
            if not (self._own_rival or all(z[x] == h[x] for x in law.rho))  # risks of the same numbers
        )

    @cached_property
    def trivial(self) -> Number:
        """L(omega): what L >= 0 alone says of the gap."""
        if not self.problem.loss.profile.nonnegative:
            raise UndefinedQuantityError("the loss may be negative")
        return self.level

    def _objective(self, predictions: list[list[Number]]) -> Number:
        """sum_i q_i R_i at predictions per task."""
        return self._sum(law.weight * self.problem.risk(law, z) for law, z in zip(self.laws, predictions, strict=True))

    @property
    def level(self) -> Number:
        """L(omega)."""
        return self._objective(self._after)

    @cached_property
    def bracket(self) -> Number:
        """sum_i q_i R_i(h'_i) - lower."""
        if self.lower is None:
            raise UndefinedQuantityError("no lower end is known")
        return self._objective(self._comparator) - exactly(self.lower)

    @cached_property
    def certified_gap(self) -> Number:
        """L(omega) - lower."""
        return self.gap + self.bracket

    @cached_property
    def _divergences(self) -> list[tuple[Number, Number, Number, Number, Number]]:
        """Per atom: (q p, ell(h') - ell(z) - ell'(z)(h' - z), z, h', y)."""
        loss, m = self.problem.loss, self.m
        return [
            (law.weight * p, loss.bregman(m, z[x], h[x], y), z[x], h[x], y)
            for law, z, h in zip(self.laws, self._after, self._comparator, strict=True)
            for x, y, p in law.atoms
        ]

    @cached_property
    def bregman(self) -> Number:
        pairs = ((mass * value, z, h) for mass, value, z, h, _ in self._divergences)
        return self._sum(value for value, z, h in pairs if not (self._own_rival or z == h))

    @cached_property
    def strong_convexity(self) -> arb:
        """The smallest ell'' on the segments between z and h'."""
        return reduce(arb.min, (self.problem.loss.least_curvature(z, h, y) for _, _, z, h, y in self._curved))

    @property
    def _curved(self) -> list[tuple[Number, Number, Number, Number, Number]]:
        """Of a loss of one's own, which nobody calls convex, too: Breg >= (mu/2) ||u||^2 takes nothing but ell'' >= mu
        on these very segments, where its least ell'' is enclosed; above 0 it is the convexity that is needed."""
        profile = self.problem.loss.profile
        if not (profile.convex or profile.own) or self.m is not Balls:
            raise UndefinedQuantityError("the loss is not convex")
        return self._divergences

    @cached_property
    def _weighted(self) -> list[Number]:
        return [self.laws[i].weight * self._slopes[i][x] for i, x, _ in self._points]

    # --- what wrong theorems use instead ----------------------------------------------------------------

    @cached_property
    def strong_convexity_adapted(self) -> arb:
        """The smallest ell'' at z."""
        loss = self.problem.loss
        if loss.outputs > 1:
            return reduce(arb.min, (loss.least_curvature(z, z, y) for _, _, z, _, y in self._curved))
        return reduce(arb.min, (loss.d2(Balls, z, y) for _, _, z, _, y in self._curved))

    @cached_property
    def bregman_swapped(self) -> Number:
        """sum_i q_i E[ell(z) - ell(h') - ell'(h')(z - h')]: what remains of the slopes' difference without Breg."""
        loss, m = self.problem.loss, self.m
        if loss.outputs > 1:
            return self._sum(mass * loss.bregman(m, h, z, y) for mass, _, z, h, y in self._divergences)
        between = ((loss.d1(m, h, y) - loss.d1(m, z, y)) * (h - z) for _, _, z, h, y in self._divergences)
        masses = (mass for mass, *_ in self._divergences)
        return self._sum(mass * value for mass, value in zip(masses, between, strict=True)) - self.bregman

    def _weight_norm(self, slopes: list[list[Number]], weights: list[Number]) -> Number:
        """(sum_i weight_i sum_x slopes_i(x)^2 / rho_i(x))^{1/2}."""
        return self._root_sum((weights[i] / self.laws[i].rho[x], slopes[i][x]) for i, x, _ in self._points)

    @cached_property
    def weight_norm_unadapted(self) -> arb:
        slopes = [self.problem.slopes(law, self._before) for law in self.laws]
        return self._weight_norm(slopes, [law.weight for law in self.laws])

    @cached_property
    def weight_norm_uniform(self) -> arb:
        return self._weight_norm(self._slopes, [self.m.number(fmpq(1, len(self.laws)))] * len(self.laws))

    @cached_property
    def misfit_uniform(self) -> arb:
        masses = [self.laws[i].rho[x] / len(self.laws) for i, x, _ in self._points]
        return self._misfit(self._features, None, masses).value

    @cached_property
    def _u_unadapted(self) -> list[Number]:
        rivals = self._comparator if isinstance(self.instance.comparator, Functions) else self._unadapted_rivals
        return [self._before[x] - rivals[i][x] for i, x, _ in self._points]

    @cached_property
    def misfit_u_unadapted(self) -> arb:
        return self._misfit(self._features, self._u_unadapted).value

    @cached_property
    def pairing_unadapted(self) -> Number:
        """<w, u> with the unadapted displacement."""
        return self._sum(w * u for w, u in zip(self._weighted, self._u_unadapted, strict=True))

    @cached_property
    def _other_laws(self) -> Self:
        """The instance with inner and outer laws exchanged."""
        tasks = tuple(replace(t, atoms=t.inner, support=t.atoms) for t in self.instance.tasks)
        return type(self)(replace(self.instance, tasks=tasks), self.m)

    @property
    def eps_exchanged(self) -> Number:
        return self._other_laws.eps

    @property
    def weight_norm_exchanged(self) -> Number:
        return self._other_laws.weight_norm

    @property
    def misfit_exchanged(self) -> arb:
        return self._other_laws.misfit

    @cached_property
    def weight_norm_support(self) -> Number:
        """||w|| with w_i(x) = E[ell'(z_i, y) | x], and the norm, under the inner laws."""
        laws = [law.inner for law in self.laws]
        slopes = (self.problem.slopes(law, z) for law, z in zip(laws, self._after, strict=True))
        return self._root_sum(
            (law.weight / rho, own[x]) for law, own in zip(laws, slopes, strict=True) for x, rho in law.rho.items()
        )

    # --- what wrong theorems of several outputs use ---

    @cached_property
    def outputs(self) -> Number:
        """c, if there are several."""
        if self.problem.loss.outputs == 1:
            raise UndefinedQuantityError("there is one output")
        return self.m.number(self.problem.loss.outputs)

    @cached_property
    def weight_norm_shifted(self) -> Number:
        """||w|| with the label of every class shifted by one."""
        if self.problem.loss.link is not Link.CLASS:
            raise UndefinedQuantityError("labels that are classes are required")
        laws = [replace(law, atoms=tuple((x, y[-1:] + y[:-1], p) for x, y, p in law.atoms)) for law in self.laws]
        slopes = [self.problem.slopes(law, z) for law, z in zip(laws, self._after, strict=True)]
        return self._weight_norm(slopes, [law.weight for law in self.laws])

    # --- sizes, for rounding ---

    @cached_property
    def _risk_scale(self) -> arb:
        """Of what is added up in the risks (at the enclosures' centres)."""
        loss, total = self.problem.loss, arb(0)
        for law, z, h in zip(self.laws, self._after, self._comparator, strict=True):
            for x, y, p in law.atoms:
                slope, size = loss.length(loss.d1(Balls, z[x], y)), loss.length(z[x]) + loss.length(h[x])
                values = (abs(loss.value(Balls, at[x], y).mid()) for at in (z, h))
                total += law.weight * p * sum(values, start=slope * size)
        return total

    @cached_property
    def _slope_scale(self) -> arb:
        """Of what is added up in the gradient."""
        loss, rows, total = self.problem.loss, self._row_sizes, arb(0)
        for law, z, h, stretch in zip(self.laws, self._after, self._comparator, self._stretches, strict=True):
            for x, y, p in law.atoms:
                row, (slope, bend) = rows[x.start if isinstance(x, slice) else x], loss.sizes(z[x], y)
                size = loss.length(z[x]) + loss.length(h[x])
                total += law.weight * p * (slope + bend * (size + row)) * row * stretch
        return total

    @cached_property
    def _prediction_scale(self) -> arb:
        """Of the predictions."""
        loss, pairs = self.problem.loss, zip(self.laws, self._after, self._comparator, strict=True)
        sizes = (loss.length(z[x]) + loss.length(h[x]) for law, z, h in pairs for x, _, _ in law.atoms)
        return reduce(arb.max, sizes, arb(0))

    def scale(self, name: str) -> arb:
        """The size of the sums behind a quantity: what its rounding errors are relative to, beside its own size."""
        if name.endswith("_exchanged"):
            return self._other_laws.scale(name.removesuffix("_exchanged"))
        if name in (
            "gap",
            "bregman",
            "bregman_swapped",
            "pairing",
            "inner_product",
            "descent",
            "misfit_l1",
            "mixed_misfit_l1",
        ):
            return self._risk_scale
        if name in ("eps", "eps_first_order", "direction", "chain_rule_defect", "eps_directional"):
            return self._slope_scale
        return (
            self._prediction_scale if "misfit" in name or "displacement" in name or name == "residual_norm" else arb(0)
        )

    # --- margins that every model has ---

    def _structural(self, holds: bool) -> arb:
        return arb(1) if holds else arb(-1)

    @cached_property
    def margin_outer_convexity(self) -> Number:
        """1 for a convex loss (proved in the loss table), and where a loss of one's own is enclosed as convex on every
        segment between the predictions; else the total Bregman divergence itself, which may be 0: there it is 1."""
        loss = self.problem.loss
        if loss.profile.convex:
            return arb(1)
        if loss.profile.own and all(loss.range(2, z.union(h), y) >= 0 for _, _, z, h, y in self._divergences):
            return arb(1)
        return arb(1) if self.bregman == 0 else self.bregman
