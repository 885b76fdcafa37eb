"""The core and mixed quantities of a meta-RL instance with linear policies, in balls or exact rationals.

Points of the lifted space are (task, state, action) with mass q_i sigma_i(s, a), sigma_i = nu_i pi_i the visitation of
the adapted policy. w_i = A_i/(1-gamma_i), u_i = (nu'_i/nu_i)(pi'_i/pi_i - 1), the meta-feature is centred under pi_i.
"""

from __future__ import annotations

import math
from functools import cached_property, reduce
from typing import NamedTuple, Self

from flint import arb

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Matrix, Number, NumberSystem, Rationals, midpoint, square
from ..balls.mixed import Mixed, MixedQuantities
from ..instances import Instance, Vector
from . import taylor
from .instance import Adaptation, Policies, PolicyInstance
from .problem import Evaluation, Policy, Problem, Process


class Side(NamedTuple):
    """A policy in a task's process, with its values and visitations, Q(s,a) - Q(s,b), and its advantages."""

    policy: Policy
    at: Evaluation
    steps: list[list[list[Number]]]
    advantages: list[list[Number]]


class TaskQuantities(MixedQuantities):
    """Core and mixed quantities. Tasks of weight 0 take no part."""

    instance: PolicyInstance
    problem: Problem

    def __init__(self, instance: PolicyInstance, m: NumberSystem = Balls, direction: Vector | None = None) -> None:
        super().__init__(instance, m, direction)
        self.instance = instance.canonical
        self.problem = self._posed()
        self.processes = self.problem.processes

    def _posed(self) -> Problem:
        return Problem(self.instance, self.m)

    @classmethod
    def exact(cls, instance: Instance, direction: Vector | None = None) -> Self | None:
        """In rationals where nothing is transcendental: the rational step or no adaptation, and equal energies of all
        actions at omega (omega = 0, say) and at a parameter comparator."""
        assert isinstance(instance, PolicyInstance)
        if instance.eta != 0 and instance.adaptation is not Adaptation.RATIONAL_STEP:
            return None
        points = [instance.omega]
        if not isinstance(instance.comparator, Policies):
            points.append(instance.comparator)
        found = cls(instance, Rationals, direction)
        return found if all(found.problem.level(theta) for theta in points) else None

    # --- the two policies of every task -------------------------------------------------------------------

    def _side(self, process: Process, policy: Policy) -> Side:
        at = self.problem.evaluate(process, policy)
        steps = self.problem.steps(process, at.value)
        return Side(policy, at, steps, self.problem.advantages(steps, policy))

    @cached_property
    def _priors(self) -> list[Side]:
        """pi_omega, per task."""
        return [self._side(process, self.problem.prior(self.instance.omega)) for process in self.processes]

    @cached_property
    def _adapted(self) -> list[Side]:
        """pi_{i,omega}, per task."""
        omega = self.instance.omega
        pairs = zip(self.processes, self._priors, strict=True)
        return [self._side(process, self.problem.adapt(process, omega, prior.at)) for process, prior in pairs]

    @cached_property
    def _rivals(self) -> list[Side]:
        """pi'_i, per task."""
        return [self._side(process, self.problem.rival(i, process)) for i, process in enumerate(self.processes)]

    # --- the task-lifted space ------------------------------------------------------------------------------

    @cached_property
    def _points(self) -> list[tuple[int, int, int]]:
        """(task, state, action), without those whose visitation under the adapted policy is exactly 0."""
        return [
            (i, s, a)
            for i, (process, side) in enumerate(zip(self.processes, self._adapted, strict=True))
            for s in process.reachable
            for a in range(self.problem.actions)
            if not (side.policy[s][a] == 0 or side.at.frequencies[s] == 0)
        ]

    @cached_property
    def _masses(self) -> list[Number]:
        return [
            self.processes[i].weight * self._adapted[i].at.frequencies[s] * self._adapted[i].policy[s][a]
            for i, s, a in self._points
        ]

    @cached_property
    def _w(self) -> list[Number]:
        """A_i/(1-gamma_i) at every point."""
        return [self._adapted[i].advantages[s][a] / (1 - self.processes[i].gamma) for i, s, a in self._points]

    @cached_property
    def _weighted(self) -> list[Number]:
        return [mass * w for mass, w in zip(self._masses, self._w, strict=True)]

    @cached_property
    def _u(self) -> list[Number]:
        found = []
        for i, s, a in self._points:
            own, rival = self._adapted[i], self._rivals[i]
            ratio = rival.at.frequencies[s] / own.at.frequencies[s]
            found.append(ratio * ((rival.policy[s][a] - own.policy[s][a]) / own.policy[s][a]))
        return found

    def _centred(self, tables: list[Matrix]) -> Matrix:
        """Rows (N, d) at every point of per-task tables (SA, d), minus their mean under the adapted policy."""
        count = self.problem.actions
        rows = [table.tolist() for table in tables]
        found = []
        for i, s, a in self._points:
            block, pi = rows[i][s * count : (s + 1) * count], self._adapted[i].policy[s]
            others = [b for b in range(count) if not (b == a or pi[b] == 0)]
            found.append([self._sum(pi[b] * (v - block[b][j]) for b in others) for j, v in enumerate(block[a])])
        return self.m.matrix(found)

    def _l1(self, rows: Matrix, target: list[Number]) -> Number:
        # Directions that no feature sees only make v longer: without them the rows have full rank.
        basis = self.problem.basis
        return super()._l1(rows if basis is None else rows * basis, target)

    @cached_property
    def _plain(self) -> Matrix:
        """phi/tau (SA, d)."""
        return self.problem.features * (1 / self.problem.tau)

    def _value_gradient(self, i: int, features: Matrix) -> Matrix:
        """grad V_i of the prior (S, d) with these features."""
        side = self._priors[i]
        return self.problem.value_gradient(self.processes[i], side.policy, side.at, features)

    @cached_property
    def _slopes(self) -> list[Matrix]:
        """eta times the derivative of the adaptation's logits' task part (SA, d), per task: eta grad Q_i for the
        KL step, eta grad Q_i/(1 + eta Q_i) for the rational step, eta phi H_i/tau for the gradient step."""
        if self.instance.adaptation is Adaptation.GRADIENT:
            return [self._plain * self._hessian(i) * self.problem.eta for i in range(len(self.processes))]
        return self._slopes_of(self.problem.features)

    def _slopes_of(self, ahead: Matrix) -> list[Matrix]:
        """Those of a step on policies with features `ahead` in grad Q."""
        return [self._lookahead_of(i, self._value_gradient(i, ahead)) for i in range(len(self.processes))]

    def _lookahead_of(self, i: int, value_gradient: Matrix) -> Matrix:
        """eta gamma P grad V (SA, d) of task i, over 1 + eta Q for the rational step."""
        process = self.processes[i]
        table = process.transitions * value_gradient * (self.problem.eta * process.gamma)
        if self.instance.adaptation is Adaptation.RATIONAL_STEP:
            # Where 1 + eta Q is 0 so is the probability: the logarithm has no gradient there, and nothing asks for it.
            rows = zip(table.tolist(), self._tilts[i], strict=True)
            table = self.m.matrix([[self.zero if t == 0 else v / t for v in row] for row, t in rows])
        return table

    @cached_property
    def _tilts(self) -> list[list[Number]]:
        """1 + eta Q_i [SA], per task."""
        eta, problem = self.problem.eta, self.problem
        return [
            [1 + eta * q for row in problem.action_values(process, side.at.value) for q in row]
            for process, side in zip(self.processes, self._priors, strict=True)
        ]

    def _hessian(self, i: int) -> Matrix:
        """Hess J_i of the prior at omega (d, d): with the score psi and K V = (1-gamma) r_pi + gamma P_pi V,
        J_jk = (1-gamma)^{-1} E_nu sum_a pi [(psi_j psi_k - cov_jk) Q + psi_j dQ_k + psi_k dQ_j]."""
        process, side = self.processes[i], self._priors[i]
        count, d = self.problem.actions, self.problem.dimension
        slopes = (process.transitions * self._value_gradient(i, self.problem.features) * process.gamma).tolist()
        rows = self._plain.tolist()
        total = [[self.zero] * d for _ in range(d)]
        for s, nu in enumerate(side.at.frequencies):
            pi, advantages = side.policy[s], side.advantages[s]
            block = rows[s * count : (s + 1) * count]
            mean = [self._sum(p * row[j] for p, row in zip(pi, block, strict=True)) for j in range(d)]
            for a in range(count):
                psi = [v - c for v, c in zip(block[a], mean, strict=True)]
                slope = slopes[s * count + a]
                for j in range(d):
                    for k in range(d):
                        # sum_a pi A = 0, so the covariance drops out once Q is replaced by A.
                        bend = psi[j] * psi[k] * advantages[a] + psi[j] * slope[k] + psi[k] * slope[j]
                        total[j][k] += nu * pi[a] * bend
        return self.m.matrix(total) * (1 / (1 - process.gamma))

    @cached_property
    def _meta_tables(self) -> list[Matrix]:
        """The meta-feature (SA, d) before centring, per task."""
        return [self._plain + slope for slope in self._slopes]

    @cached_property
    def _meta_features(self) -> Matrix:
        return self._centred(self._meta_tables)

    @cached_property
    def gap(self) -> Number:
        return self._sum(
            process.weight * (self.problem.returns(process, rival.at) - self.problem.returns(process, own.at))
            for process, rival, own in zip(self.processes, self._rivals, self._adapted, strict=True)
        )

    @property
    def bregman(self) -> Number:
        """0: the performance difference is exact."""
        return self.zero

    @cached_property
    def _gradient(self) -> list[Number]:
        return taylor.gradient(self.problem)

    # --- the mixed form: points (s, a, s', a') ---

    @cached_property
    def _mixed(self) -> Mixed:
        if self.instance.adaptation is Adaptation.GRADIENT:
            raise UndefinedQuantityError("the mixed feature is task-independent for steps on policies only")
        problem, count = self.problem, self.problem.actions
        u = {point: (w, value) for point, w, value in zip(self._points, self._w, self._u, strict=True)}
        index: dict[tuple[int, int], int] = {}
        weight: list[Number] = []
        target: list[Number] = []
        masses: list[Number] = []
        sources: list[int] = []
        bent: list[Number] = []
        for (i, s, a), mass in zip(self._points, self._masses, strict=True):
            process, prior = self.processes[i], self._priors[i]
            w, displacement = u[i, s, a]
            x = s * count + a
            rate = problem.eta * process.gamma / ((1 - process.gamma) * problem.tau)
            if self.instance.adaptation is Adaptation.RATIONAL_STEP:
                rate = rate / self._tilts[i][x]
            ahead = self._ahead[i][x]
            for t in process.onward[x]:
                for b in range(count):
                    joint = mass * ahead[t] * prior.policy[t][b]
                    share = joint * w
                    bend = share * rate * prior.advantages[t][b]
                    at = index.get((x, t * count + b))
                    if at is None:
                        index[x, t * count + b] = len(weight)
                        weight.append(share)
                        target.append(share * displacement)
                        masses.append(joint)
                        sources.append(1)
                        bent.append(bend)
                    else:
                        weight[at] += share
                        target[at] += share * displacement
                        masses[at] += joint
                        sources[at] += 1
                        bent[at] += bend
        # sum_i share_i (f(s, a) + bend_i f(s', a')): what differs between tasks are two numbers, and no row.
        features, plain = problem.features.tolist(), self._plain.tolist()
        pull = [
            [w * v + bend * f for v, f in zip(plain[x], features[y], strict=True)]
            for (x, y), w, bend in zip(index, weight, bent, strict=True)
        ]
        return Mixed(weight, target, masses, sources, list(index), self.m.matrix(pull))

    @cached_property
    def _ahead(self) -> list[list[list[Number]]]:
        """The prior's visitation from the next state on: sum_t P(t|s,a) M(t, .) [SA][S], per task."""
        return [
            (process.transitions * side.at.visitation).tolist()
            for process, side in zip(self.processes, self._priors, strict=True)
        ]

    @cached_property
    def _rational_twin(self) -> Self | None:
        return self.exact(self.instance)

    # --- sizes, for rounding ----------------------------------------------------------------------------------

    @cached_property
    def _horizon_size(self) -> arb:
        """sum_i q_i max|r_i|/(1-gamma_i)^2: the size of what is added up in values and their derivatives."""
        total = arb(0)
        for process in self.processes:
            largest = reduce(arb.max, (abs(arb(r)) for r in process.rewards.entries()))
            total += arb(process.weight) * largest / square(arb(1 - process.gamma))
        return total

    def scale(self, name: str) -> arb:
        """The size of the sums behind a quantity: what its rounding errors are relative to, beside its own size."""
        if name in ("radius", "zero"):
            return arb(0)
        stretch = 1 + reduce(arb.max, (abs(v.mid()) for v in self._meta_features.entries()), arb(0))
        if "misfit" in name or name in ("residual_norm", "function_displacement"):
            return stretch * (1 + reduce(arb.max, (abs(v.mid()) for v in self._u), arb(0)))
        return stretch * self._horizon_size

    def rounding(self, name: str) -> float:
        """What a float64 evaluation of the quantity may differ by, if these are balls of 53 bits.

        The radius, and for infima the change by errors of u and of the meta-features; float64 solves the Bellman
        equation with absolute errors, which ratios of visitations amplify by 1/((1-gamma) nu).
        """
        own = float(self(name).rad())
        if name in ("radius", "zero"):
            return own
        if "misfit" not in name and name not in ("residual_norm", "function_displacement"):
            return own + 2.0**-48 * float(self.scale(name))
        total = 0.0
        reach = 1 + midpoint(self.radius)
        for (i, s, _), mass, u, row in zip(
            self._points, self._masses, self._u, self._meta_features.tolist(), strict=True
        ):
            rare = midpoint(self._adapted[i].at.frequencies[s]) * (1 - midpoint(self.processes[i].gamma))
            if not rare > 0 or not midpoint(mass) >= 0:
                return math.inf
            size = (1 + 1 / rare) * (1 + abs(midpoint(u)) + reach * sum(abs(midpoint(v)) for v in row))
            total += midpoint(mass) * (size * size)
        return own + 2.0**-48 * total**0.5
