"""The quantities of the meta-SL corollaries, the margins of their assumptions, and what wrong theorems use instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from flint import arb, arb_mat, fmpq

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Matrix, Number, Rationals, norm, square
from ..balls.singular import smallest_singular_value
from ..losses import Loss
from ..models.rows import Rows
from . import taylor
from .adaptation import Gradient, Implicit, Own
from .constants import StepConstants, small_step_margin
from .core_quantities import Step
from .instance import Functions
from .maml import Law, uncoupled
from .rank_quantities import RankQuantities
from .rule_jacobians import affine
from .rule_steps import visited
from .task_quantities import TaskQuantities


class MetaSLQuantities(StepConstants, TaskQuantities, RankQuantities):
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

    def _longest(self, laws: Sequence[Law]) -> arb:
        """The largest ||phi(x)|| of points with mass in one of the laws."""
        self._balls_only("a norm")
        rows = self.problem.features.tolist()
        largest = arb(0)
        for x in sorted({x for law in laws for x in law.rho}):
            largest = largest.max(norm(rows[x]))
        return largest

    @cached_property
    def feature_bound(self) -> arb:
        """B_q, of the outer laws."""
        return self._longest(self.laws)

    @cached_property
    def support_feature_bound(self) -> arb:
        """B_s, of the inner laws."""
        return self._longest([law.inner for law in self.laws])

    def _gradient_steps(self) -> Gradient:
        self._steps_of_ours()
        if not isinstance(self.instance.adaptation, Gradient):
            raise UndefinedQuantityError("the adaptation is not by gradient steps")
        return self.instance.adaptation

    def _steps_of_ours(self) -> None:
        """Errors: UndefinedQuantityError for an adaptation of one's own, of which no constant is known."""
        if isinstance(self.instance.adaptation, Own):
            _ = self.instance.adaptation.strength

    @cached_property
    def margin_joints(self) -> arb:
        """Of an adaptation of one's own: how far from joints it looks at the risk; no number where the enclosure of its
        derivative is not finite."""
        if not isinstance(self.instance.adaptation, Own):
            return super().margin_joints
        if not all(v.is_finite() for jacobian in self._jacobians for v in jacobian.entries()):
            return arb("nan")
        laws = [law.inner for law in self.laws]
        looks: list[Any] = [visited(self.problem, law, self._here.theta) for law in laws]
        return self._joint_margin(laws, looks)

    @property
    def _loss(self) -> Loss:
        return self.problem.loss

    @property
    def _step_count(self) -> int:
        self._steps_of_ours()
        adaptation = self.instance.adaptation
        return adaptation.steps if isinstance(adaptation, Gradient) else 0

    @property
    def _strength(self) -> Number:
        assert isinstance(self.instance.adaptation, Implicit)
        return self.m.number(self.instance.adaptation.strength)

    @property
    def _decay(self) -> Number:
        return self.problem.decay

    @property
    def _rate(self) -> arb:
        return arb(self._gradient_steps().largest)

    @property
    def _paces(self) -> tuple[arb, arb]:
        low, high = self._gradient_steps().span
        return arb((low + high) / 2), arb((high - low) / 2)

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
        """1 for the squared loss; no value with an adaptation of one's own that is not proved to be affine then: the
        objective would be no quadratic."""
        squared, adaptation = self.problem.loss.name == "squared", self.instance.adaptation
        own = squared and isinstance(adaptation, Own)
        if own and not all(affine(self.problem, law.inner, self._here.theta) for law in self.laws):
            raise UndefinedQuantityError(f"the adaptation {adaptation.rule} is not affine with it")
        return self._structural(squared)

    @cached_property
    def margin_third_derivative(self) -> arb:
        adaptation, constants = self.instance.adaptation, self.problem.loss.constants()
        one = isinstance(adaptation, Gradient) and adaptation.steps == 1
        convex = isinstance(adaptation, Gradient) or (
            isinstance(adaptation, Implicit) and self.problem.loss.profile.convex
        )
        return self._structural(constants.m3 is not None and (one or constants.m2 is not None) and convex)

    def _certainly_dependent(self) -> bool:
        """Whether they are dependent for a reason that features alone show, or in exact rationals.

        The rows J_i phi(x) of a task lie in the span of its features, those of the inner law included (where parameters
        decay at different rates, S = diag(kept), in that of S^k phi(x) up to the number of steps). Of tasks that adapt
        on their own law, or do not adapt, these are the features of the rows themselves, of all such tasks together
        (not with such a decay). Any task has dependent rows where its features are, and of an adaptation
        of one's own no more is known.
        """
        adaptation = self.instance.adaptation
        still = isinstance(adaptation, Gradient) and adaptation.eta == 0
        kept, fades, ruled = list[fmpq](), 0, isinstance(adaptation, Own)
        if isinstance(adaptation, Gradient) and adaptation.rates is not None and adaptation.decay != 0:
            kept, fades = [1 - adaptation.eta * adaptation.decay * r for r in adaptation.rates], adaptation.steps
        alone = [ruled or fades > 0 or not (law.support is None or still) for law in self.laws]
        groups = [[law for law, own in zip(self.laws, alone, strict=True) if not own]]
        groups += [[law] for law, own in zip(self.laws, alone, strict=True) if own]

        def rank(places: Iterable[int], fades: int = 0) -> int:
            rows = last = [self.instance.rows[x] for x in places]
            for _ in range(fades):
                last = [tuple(v * k for v, k in zip(row, kept, strict=True)) for row in last]
                rows = rows + last
            return Rationals.matrix(rows).rank() if rows else 0

        rows, count = [[x for law in group for x in law.rho] for group in groups], len(self._points)
        everything = {x for law in self.laws for x in law.points}
        if self._crowded or any(rank(own) < len(own) for own in rows):
            return True
        table = self._meta_features.tolist()
        if any(all(v == 0 for v in row) for row in table) if ruled else rank(everything, fades) < count:
            return True
        twin = self._rational_twin
        return twin is not None and twin._meta_features.rank() < count

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
        if not self._one_step:
            return arb(-1)
        longest = self.feature_bound.max(self.support_feature_bound)
        return small_step_margin(self.problem.loss, self._rate * square(longest))

    @property
    def _one_step(self) -> bool:
        adaptation = self.instance.adaptation
        return isinstance(adaptation, Gradient) and adaptation.steps == 1

    @cached_property
    def margin_no_decay(self) -> arb:
        adaptation = self.instance.adaptation
        return self._structural(not isinstance(adaptation, Gradient) or adaptation.decay == 0)

    @cached_property
    def margin_one_law(self) -> arb:
        return self._structural(all(law.support is None for law in self.laws))

    @cached_property
    def margin_dominated(self) -> arb:
        """C8's margin for two laws; -1 where an atom of a support has no mass under the outer law."""
        if not self._one_step:
            return arb(-1)
        share = fmpq(1)
        for task in self.instance.tasks:
            if task.support is None or task.weight == 0:
                continue
            outer = {(atom.x, atom.y): atom.p for atom in task.atoms}
            for atom in task.support:
                if (atom.x, atom.y) not in outer:
                    return arb(-1)
                share = max(share, atom.p / outer[atom.x, atom.y])
        step, inner = self._rate, self.support_feature_bound
        return small_step_margin(self.problem.loss, step * square(inner), step * inner * self.feature_bound, share)

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
    def misfit_support(self) -> arb:
        """The lifted infimum in the norm of the inner laws: their points, with the meta-features there."""
        rows, target, masses = [], [], []
        for i, (law, jacobian) in enumerate(zip(self.laws, self._jacobians, strict=True)):
            rows += (self._adapted[i].rows(list(law.inner.rho)) * jacobian).tolist()
            target += [self._after[i][x] - self._comparator[i][x] for x in law.inner.rho]
            masses += [law.weight * rho for rho in law.inner.rho.values()]
        return self._misfit(Rows(self.m, self.m.matrix(rows)), target, masses).value

    @cached_property
    def misfit_query_hessian(self) -> arb:
        """The Jacobians with the Hessians of the outer laws."""
        self._steps_of_ours()
        table = []
        for law, at, steps in zip(self.laws, self._adapted, self._steps, strict=True):
            table += self._through(at.rows(list(law.rho)), law, steps).tolist()
        return self._misfit(Rows(self.m, self.m.matrix(table))).value

    # --- what wrong theorems of rates and decay use ---

    def _misfit_by(self, stepped: Callable[[Matrix, Matrix], Matrix]) -> arb:
        """The misfit with another Jacobian: `stepped` takes a step's Hessian and the Jacobian before it."""
        self._gradient_steps()
        table = []
        for law, at, steps in zip(self.laws, self._adapted, self._steps, strict=True):
            jacobian = self.problem.identity()
            for step in steps:
                jacobian = stepped(self.problem.hessian(law.inner, step.at.predictions), jacobian)
            table += (at.rows(list(law.rho)) * jacobian).tolist()
        return self._misfit(Rows(self.m, self.m.matrix(table))).value

    @cached_property
    def misfit_rates_turned(self) -> arb:
        """Factors I - eta (H + decay) D in place of I - eta D (H + decay)."""

        def stepped(hessian: Matrix, jacobian: Matrix) -> Matrix:
            moved = self.problem.paced(jacobian)
            return jacobian - hessian * moved - moved * self.problem.decay

        return self._misfit_by(stepped)

    @cached_property
    def misfit_no_decay(self) -> arb:
        return self._misfit_by(lambda hessian, jacobian: jacobian - self.problem.paced(hessian * jacobian))

    @cached_property
    def smoothness_one_rate(self) -> arb:
        """beta as if all parameters had the largest rate."""
        a = self._rate * self._bend
        return self._smoothness((a - 1).max(arb(1)) if self.problem.loss.profile.convex else 1 + a)

    # --- what wrong theorems of several outputs use ---

    @cached_property
    def misfit_uncoupled(self) -> arb:
        """One step's Jacobian with Hessians of the loss that have no mixed derivatives."""
        problem, adaptation = self.problem, self.instance.adaptation
        one = isinstance(adaptation, Gradient) and adaptation.steps == 1
        if problem.loss.outputs == 1 or not one:
            raise UndefinedQuantityError("several outputs and one gradient step are required")
        table = []
        for law, at in zip(self.laws, self._adapted, strict=True):
            hessian = problem.bent(uncoupled(problem.curvatures(law.inner, self._before)))
            table += (at.rows(list(law.rho)) * problem.stepped(problem.identity(), hessian)).tolist()
        return self._misfit(Rows(self.m, self.m.matrix(table))).value

    @cached_property
    def independent_supports(self) -> Number:
        """1 where the features of all supports are linearly independent, else 0."""
        used = [self.instance.rows[x] for law in self.laws for x in law.inner.rho]
        return self.m.number(int(Rationals.matrix(used).rank() == len(used)))

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
