"""The quantities of the meta-RL corollaries, the margins of their assumptions, and what mutants use instead."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from flint import arb

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Matrix, Number, norm
from ..balls.core import TooLargeError
from ..models.weights import Weights
from . import taylor
from .constants import half_span, lipschitz, lookahead, smoothness
from .instance import Adaptation, Policies
from .planning import proposed_policy
from .problem import Process
from .task_quantities import Side, TaskQuantities


class MetaRLQuantities(TaskQuantities):
    """Everything that meta-RL claims, their assumptions and their mutants name."""

    # --- returns ------------------------------------------------------------------------------------------

    def _mean_return(self, sides: list[Side]) -> Number:
        return self._sum(
            process.weight * self.problem.returns(process, side.at)
            for process, side in zip(self.processes, sides, strict=True)
        )

    @property
    def step_size(self) -> Number:
        return self.problem.eta

    @cached_property
    def prior_return(self) -> Number:
        return self._mean_return(self._priors)

    @cached_property
    def adapted_return(self) -> Number:
        return self._mean_return(self._adapted)

    @cached_property
    def gap_elsewhere(self) -> Number:
        """What the comparator returns when every task starts in the next state, minus L(omega)."""
        tasks = tuple(replace(task, start=task.start[-1:] + task.start[:-1]) for task in self.instance.tasks)
        there = type(self)(replace(self.instance, tasks=tasks), self.m)
        return there.gap + there.adapted_return - self.adapted_return

    @cached_property
    def improvement(self) -> Number:
        return self.adapted_return - self.prior_return

    @cached_property
    def jeffreys(self) -> Number:
        """sum_i q_i E_nu_i[sum_a (pi_i - pi) log(pi_i/pi)]/(1-gamma_i); of the KL step the log is eta Q_i minus its
        normaliser."""
        if self.instance.eta == 0:
            return self.zero
        self._balls_only("a logarithm")
        total = self.zero
        for process, own, prior in zip(self.processes, self._adapted, self._priors, strict=True):
            for nu, pi, base in zip(own.at.frequencies, own.policy, prior.policy, strict=True):
                divergence = self._sum((p - q) * (p.log() - q.log()) for p, q in zip(pi, base, strict=True))
                total += process.weight * nu * divergence / (1 - process.gamma)
        return total

    @cached_property
    def tilted_variance(self) -> Number:
        """sum_i q_i E_nu_i[Var_pi(Q_i)/(1 + eta V_i)]/(1-gamma_i); no value where 1 + eta V_i is 0."""
        total, count = self.zero, self.problem.actions
        for i, (process, own, prior) in enumerate(zip(self.processes, self._adapted, self._priors, strict=True)):
            for s, nu in enumerate(own.at.frequencies):
                pi, tilts = prior.policy[s], self._tilts[i][s * count : (s + 1) * count]
                variance = self._sum(p * v * v for p, v in zip(pi, prior.advantages[s], strict=True))
                mean = self._sum(p * t for p, t in zip(pi, tilts, strict=True))
                if mean == 0:
                    raise UndefinedQuantityError("1 + eta V is 0")
                total += process.weight * nu * variance / mean / (1 - process.gamma)
        return total

    @cached_property
    def optimal_return(self) -> arb:
        """sum_i q_i J_i*: a deterministic policy from below, its Bellman residual from above."""
        self._balls_only("policy iteration")
        return self._sum(process.weight * self._optimal(process) for process in self.processes)

    @property
    def trivial(self) -> arb:
        """What the optimal returns alone say of the gap."""
        return self.optimal_return - self.adapted_return

    def _optimal(self, process: Process) -> arb:
        problem = self.problem
        choice = proposed_policy(process.task)
        policy = [[arb(int(a == c)) for a in range(problem.actions)] for c in choice]
        side = self._side(process, policy)
        excess = arb(0)
        for row in side.advantages:
            for advantage in row:
                excess = excess.max(advantage)
        value = problem.returns(process, side.at)
        return value.union(value + excess / (1 - process.gamma))

    # --- a priori constants ---------------------------------------------------------------------------------

    def _span(self, process: Process) -> Number:
        """max r - min r."""
        rewards = [r for row in process.task.rewards for r in row]
        return self.m.number(max(rewards) - min(rewards))

    def _half_spans(self) -> list[tuple[Number, Number]]:
        """(q_i, span_i/(2(1-gamma_i)))."""
        return [(p.weight, half_span(p.gamma, self._span(p))) for p in self.processes]

    @cached_property
    def weight_bound(self) -> Number:
        return self._root_sum(self._half_spans())

    @cached_property
    def _half_width(self) -> arb:
        """b = max ||phi(s,a) - phi(s,b)||/(2 tau)."""
        self._balls_only("a norm")
        largest = arb(0)
        for rows in self.instance.features:
            for row in rows:
                for other in rows:
                    largest = largest.max(norm([arb(x - y) for x, y in zip(row, other, strict=True)]))
        return largest / (2 * self.problem.tau)

    def _lookahead(self, process: Process) -> Number:
        """|eta| gamma_i span_i/(2(1-gamma_i))."""
        return lookahead(self.m.number(abs(self.instance.eta)), process.gamma, self._span(process))

    @cached_property
    def lipschitz(self) -> arb:
        return self._sum(
            p.weight * lipschitz(self._half_width, p.gamma, self._span(p), self._lookahead(p)) for p in self.processes
        )

    @cached_property
    def smoothness(self) -> arb:
        return self._sum(
            p.weight * smoothness(self._half_width, p.gamma, self._span(p), self._lookahead(p)) for p in self.processes
        )

    @cached_property
    def curvature_size(self) -> arb:
        """|v'Hess L v|/||v||^2 for v the gradient (the first unit vector where that is 0)."""
        self._balls_only("a second derivative")
        if self.instance.adaptation is Adaptation.GRADIENT and self.instance.eta != 0:
            raise TooLargeError("the curvature after a step on the parameter; that after a step on policies is taken")
        v = [arb(g.mid()) for g in self._gradient]
        if all(g.is_zero() for g in v):
            v = [arb(1)] + [arb(0)] * (len(v) - 1)
        size = norm(v)
        return Balls.magnitude(2 * taylor.along(self.problem, [x / size for x in v], 2)[2])

    # --- one task, one state ----------------------------------------------------------------------------------

    @cached_property
    def tabular_norm(self) -> arb:
        """tau sqrt(SA) max_s osc_a u(s, .) (one task)."""
        self._balls_only("a square root")
        largest = arb(0)
        for (i, s, _), u in zip(self._points, self._u, strict=True):
            for (j, t, _), other in zip(self._points, self._u, strict=True):
                if (i, s) == (j, t):
                    largest = largest.max(u - other)
        return self.problem.tau * arb(self.problem.states * self.problem.actions).sqrt() * largest

    @cached_property
    def contraction_margin(self) -> Number:
        """1 - kappa, of the task with the largest kappa."""
        first, *others = (1 - self._lookahead(process) for process in self.processes)
        for margin in others:
            first = first.min(margin) if self.m is Balls else min(first, margin)
        return first

    @cached_property
    def slope_to_comparator(self) -> Number:
        comparator = self.instance.comparator
        if isinstance(comparator, Policies):
            raise UndefinedQuantityError("the comparator is given by policies, not by a parameter")
        if isinstance(comparator, Weights):
            raise UndefinedQuantityError("the parameter is a network's weights, not a vector")
        steps = zip(self._gradient, comparator, self.instance.omega, strict=True)
        return self._sum(g * self.m.number(t - o) for g, t, o in steps)

    # --- first-order and plain ----------------------------------------------------------------------------------

    @cached_property
    def _plain_rows(self) -> Matrix:
        return self._centred([self._plain] * len(self.processes))

    @cached_property
    def misfit_plain(self) -> arb:
        return self._misfit(self._plain_rows).value

    @cached_property
    def eps_first_order(self) -> arb:
        return self._vector(self._pulled(self._plain_rows)).length

    # --- margins of assumptions: positive where the assumption holds ------------------------------------------

    def _structural(self, holds: bool) -> Number:
        return self.m.number(1 if holds else -1)

    @cached_property
    def margin_positive_policy(self) -> Number:
        """1 for softmax policies (exponentials are positive); the smallest 1 + eta Q_i for the rational step."""
        if self.instance.eta == 0 or self.instance.adaptation is not Adaptation.RATIONAL_STEP:
            return self.m.number(1)
        margin = self._tilts[0][0]
        for tilts in self._tilts:
            for tilt in tilts:
                margin = margin.min(tilt) if self.m is Balls else min(margin, tilt)
        return margin

    @cached_property
    def margin_policy_step(self) -> Number:
        return self._structural(self.instance.adaptation is not Adaptation.GRADIENT)

    @cached_property
    def margin_kl_step(self) -> Number:
        return self._structural(self.instance.adaptation is Adaptation.KL_STEP)

    @cached_property
    def margin_rational_step(self) -> Number:
        return self._structural(self.instance.adaptation is Adaptation.RATIONAL_STEP)

    @property
    def margin_forward_step(self) -> Number:
        return self.problem.eta

    @cached_property
    def margin_no_backward_step(self) -> Number:
        return self._structural(self.instance.eta >= 0)

    @cached_property
    def margin_no_lookahead(self) -> Number:
        myopic = all(process.task.gamma == 0 for process in self.processes)
        step = self.instance.adaptation is not Adaptation.GRADIENT
        return self._structural(self.instance.eta == 0 or (myopic and step))

    @cached_property
    def margin_single_task(self) -> Number:
        return self._structural(len(self.processes) == 1)

    @cached_property
    def margin_tabular(self) -> Number:
        rows = [row for rows in self.instance.features for row in rows]
        units = {tuple(int(j == k) for j in range(len(rows))) for k in range(len(rows))}
        return self._structural({tuple(row) for row in rows} == units)

    @property
    def margin_contraction(self) -> arb:
        return self.contraction_margin

    @cached_property
    def margin_one_state(self) -> Number:
        return self._structural(self.instance.shape == (1, 2, 1))

    @cached_property
    def margin_parameter_comparator(self) -> Number:
        return self._structural(not isinstance(self.instance.comparator, Policies))

    @cached_property
    def margin_better_comparator(self) -> Number:
        """The gap; exactly 0 where no policy changes a one-state return, or the comparator is omega, or a parameter
        where no parameter changes the policy."""
        instance = self.instance
        level = not isinstance(instance.comparator, Policies) and all(len(set(rows)) == 1 for rows in instance.features)
        same = all(len(set(task.rewards[0])) == 1 for task in instance.tasks if task.weight != 0)
        if instance.comparator == instance.omega or level or (same and len(instance.features) == 1):
            return self.zero
        return self.gap

    # --- what mutants use instead ------------------------------------------------------------------------

    @cached_property
    def eps_largest_entry(self) -> arb:
        self._balls_only("a largest entry")
        largest = arb(0)
        for g in self._gradient:
            largest = largest.max(Balls.magnitude(g))
        return largest

    @cached_property
    def weight_norm_no_horizon(self) -> arb:
        rests = [1 - self.processes[i].gamma for i, _, _ in self._points]
        return self._root_sum((mass, w * rest) for mass, w, rest in zip(self._masses, self._w, rests, strict=True))

    @cached_property
    def misfit_swapped_ratio(self) -> arb:
        """With u = 1 - sigma/sigma' - the like, the density upside down: (nu/nu')(pi/pi' - 1)."""
        target = []
        for i, s, a in self._points:
            own, rival = self._adapted[i], self._rivals[i]
            if rival.policy[s][a] == 0 or rival.at.frequencies[s] == 0:
                raise UndefinedQuantityError("the comparator's visitation vanishes somewhere")
            ratio = own.at.frequencies[s] / rival.at.frequencies[s]
            target.append(ratio * (own.policy[s][a] / rival.policy[s][a] - 1))
        return self._misfit(self._meta_features, target).value

    def _per_task(self, values: list[Number]) -> Number:
        """sum_i q_i (E_sigma_i[values^2])^{1/2}."""
        total = self.zero
        for i, process in enumerate(self.processes):
            own = [
                (mass / process.weight, v)
                for (j, _, _), mass, v in zip(self._points, self._masses, values, strict=True)
                if j == i
            ]
            total += process.weight * self._root_sum(own)
        return total

    @cached_property
    def mean_weight_norm(self) -> arb:
        return self._per_task(self._w)

    @cached_property
    def mean_residual_norm(self) -> arb:
        return self._per_task(self._at_direction)

    @cached_property
    def residual_l1(self) -> arb:
        self._balls_only("an absolute value")
        return self._sum(m * Balls.magnitude(r) for m, r in zip(self._masses, self._at_direction, strict=True))

    @cached_property
    def root_tasks(self) -> arb:
        return arb(len(self.processes)).sqrt()

    def _pairing(self, sides: list[Side], weights: list[Number] | None = None) -> Number:
        """<w, u> with the advantages of other policies, or with other masses."""
        masses = self._masses if weights is None else weights
        return self._sum(
            mass * sides[i].advantages[s][a] / (1 - self.processes[i].gamma) * u
            for (i, s, a), mass, u in zip(self._points, masses, self._u, strict=True)
        )

    @cached_property
    def pairing_prior_visitation(self) -> Number:
        masses = [
            self.processes[i].weight * self._priors[i].at.frequencies[s] * self._priors[i].policy[s][a]
            for i, s, a in self._points
        ]
        return self._pairing(self._adapted, masses)

    @cached_property
    def pairing_prior_advantage(self) -> Number:
        return self._pairing(self._priors)

    @cached_property
    def pairing_rival_advantage(self) -> Number:
        return self._pairing(self._rivals)

    def _defect(self, tables: list[Matrix]) -> Number:
        return self._whole_gradient.plus(self._vector(self._pulled(self._centred(tables))), -1).length

    def _rescaled(self, factors: list[Number]) -> list[Matrix]:
        return [self._plain + slope * f for slope, f in zip(self._slopes, factors, strict=True)]

    @cached_property
    def defect_plain(self) -> Number:
        return self._defect(self._rescaled([self.zero] * len(self.processes)))

    @cached_property
    def defect_discounted(self) -> Number:
        return self._defect(self._rescaled([1 - process.gamma for process in self.processes]))

    @cached_property
    def defect_step_squared(self) -> Number:
        return self._defect(self._rescaled([self.problem.eta] * len(self.processes)))

    @cached_property
    def defect_undiscounted(self) -> Number:
        """With grad V at the next state undiscounted."""
        if any(process.task.gamma == 0 for process in self.processes):
            raise UndefinedQuantityError("a discount is 0")
        return self._defect(self._rescaled([1 / process.gamma for process in self.processes]))

    @cached_property
    def weight_norm_action_value(self) -> arb:
        """||Q/(1-gamma)||: w without centring."""
        values = [
            self.problem.action_values(process, side.at.value)
            for process, side in zip(self.processes, self._adapted, strict=True)
        ]
        rows = [values[i][s][a] / (1 - self.processes[i].gamma) for i, s, a in self._points]
        return self._root_sum(zip(self._masses, rows, strict=True))

    @cached_property
    def misfit_other_shift(self) -> arb:
        """With u = sigma'/sigma - 1 in place of the natural shift nu'/nu."""
        target = []
        for (i, s, _), u in zip(self._points, self._u, strict=True):
            ratio = self._rivals[i].at.frequencies[s] / self._adapted[i].at.frequencies[s]
            target.append(u + ratio - 1)
        return self._misfit(self._meta_features, target).value

    @cached_property
    def misfit_uncentred(self) -> arb:
        count = self.problem.actions
        tables = [table.tolist() for table in self._meta_tables]
        rows = self.m.matrix([tables[i][s * count + a] for i, s, a in self._points])
        return self._misfit(rows).value
