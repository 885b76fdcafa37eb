"""The quantities of the meta-SL corollaries, the margins of their assumptions, and what wrong theorems use instead."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from flint import arb, arb_mat, fmpq

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Number, Rationals, fenced, norm, square
from ..balls.singular import smallest_singular_value
from ..losses import Loss
from . import taylor
from .core_quantities import Step
from .instance import Functions, Gradient
from .rank_quantities import RankQuantities
from .task_quantities import TaskQuantities


def small_step_margin(loss: Loss, s: arb) -> arb:
    """C8's margin for s = eta B^2 >= 0: positive where L is convex whatever the data; -1 for infinite constants."""
    constants = loss.constants()
    m1, m2, kappa = constants.m1, constants.m2, constants.kappa
    if m1 is None or m2 is None or kappa is None:
        return arb(-1)
    room, bend = 1 - m2 * s, kappa * m1 * s
    return room.min(square(room) * (-bend).exp() - bend)


class MetaSLQuantities(TaskQuantities, RankQuantities):
    """Everything that meta-SL claims, their assumptions and their mutants name."""

    # --- the quantities of the corollaries ------------------------------------------------------------

    @cached_property
    def displacement(self) -> arb:
        return self._length((self._here.theta - self._rival.theta).entries())

    @cached_property
    def adapted_displacement(self) -> arb:
        self._single()
        return self._length((self._adapted[0].theta - self._rivals[0].theta).entries())

    @cached_property
    def jacobian_min(self) -> arb:
        self._single()
        self._balls_only("a singular value")
        smallest = smallest_singular_value(self._jacobians[0])
        twin = self._rational_twin if smallest.contains(0) else None
        singular = twin is not None and twin._jacobians[0].det() == 0
        return arb(0) if singular else smallest

    @property
    def jacobian_inverse(self) -> arb:
        return 1 / self.jacobian_min

    def _single(self) -> None:
        if len(self.laws) != 1:
            raise UndefinedQuantityError(f"there are {len(self.laws)} tasks, not one")

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
        self._balls_only("a norm")
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
        """c >= ||J^(k)||: max(1, a - 1) where 0 <= eta H_i, and 1 + a if eta < 0 or the loss is not convex."""
        a = self._step_size
        forward = self.problem.eta >= 0 and self.problem.loss.profile.convex
        return (a - 1).max(arb(1)) if forward else 1 + a

    @cached_property
    def remainder_constant(self) -> arb:
        third = self._finite("m3") * fenced(self.feature_bound) ** 4 / 2
        adaptation = self.instance.adaptation
        if not isinstance(adaptation, Gradient):
            return third / self.m.number(adaptation.strength)
        growth = arb(1)
        if adaptation.steps > 1:
            c, k = self._stretch, adaptation.steps
            growth = fenced(c) ** (k - 1) * sum((fenced(c) ** j for j in range(k)), start=arb(0))
        return Balls.magnitude(self.problem.eta) * third * growth

    @cached_property
    def jacobian_deviation(self) -> arb:
        adaptation = self.instance.adaptation
        if not isinstance(adaptation, Gradient):
            a = self._finite("m2") * square(self.feature_bound) / self.m.number(adaptation.strength)
            return a / (1 + a)
        return self._step_size * sum((fenced(self._stretch) ** j for j in range(adaptation.steps)), start=arb(0))

    @cached_property
    def smoothness(self) -> arb:
        """beta = c^2 m2 B^2 + eta m1 m3 B^4 (the second term is 0 for the squared loss)."""
        self._gradient_steps()
        self._balls_only("a norm")
        third = self._finite("m3")
        bend = arb(0) if third.is_zero() else self._finite("m1") * third
        size = Balls.magnitude(self.problem.eta)
        bound = square(self._stretch) * self._finite("m2") * square(self.feature_bound)
        return bound + size * bend * fenced(self.feature_bound) ** 4

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
        self._balls_only("a curvature")
        along = [arb(g.mid()) for g in self._gradient]
        if all(g.is_zero() for g in along):
            along = [arb(1)] + [arb(0)] * (len(along) - 1)
        return Balls.magnitude(taylor.curvature(self.problem, along))

    # --- a sample: the likeliest label of every task -------------------------------------------------

    @cached_property
    def _sample(self) -> MetaSLQuantities:
        likeliest = (max(task.atoms, key=lambda atom: atom.p) for task in self.instance.tasks)
        tasks = tuple(
            replace(task, atoms=(replace(atom, p=fmpq(1)),))
            for task, atom in zip(self.instance.tasks, likeliest, strict=True)
        )
        return type(self)(replace(self.instance, tasks=tasks), self.m)

    @property
    def eps_sampled(self) -> Number:
        return self._sample.eps

    @property
    def weight_norm_sampled(self) -> Number:
        return self._sample.weight_norm

    @property
    def misfit_sampled(self) -> arb:
        return self._sample.misfit

    # --- margins of assumptions: positive where the assumption holds -----------------------------------

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

    def _certainly_dependent(self) -> bool:
        features = [self.instance.features[x] for _, x, _ in self._points]
        if self._crowded or Rationals.matrix(features).rank() < len(features):
            return True
        twin = self._rational_twin
        return twin is not None and twin._meta_features.rank() < len(features)

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
        adaptation = self.instance.adaptation
        one = isinstance(adaptation, Gradient) and adaptation.steps == 1 and adaptation.eta >= 0
        if not one:
            return arb(-1)
        return small_step_margin(self.problem.loss, self.problem.eta * square(self.feature_bound))

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
        return self._misfit(self._set(self._adapted, [[Step(at, [])] for at in self._adapted])).value

    @cached_property
    def eps_directional(self) -> Number:
        """max(0, -L'(omega; 1), -L'(omega; -1)) for d = 1: 0 where no direction leads down.

        In exact rationals, for any features and any joints; smooth networks have balls only, and their own.
        """
        self._gradient_steps()
        if self.problem.dimension != 1:
            raise UndefinedQuantityError("the one-sided slopes are compared for d = 1 only")
        if self.m is Balls:
            if self._rational_twin is None:
                raise UndefinedQuantityError("one-sided slopes are compared in exact rationals only")
            return arb(self._rational_twin.eps_directional)
        return max(self.zero, *(-taylor.along(self.problem, [fmpq(s)], 1)[1] for s in (1, -1)))
