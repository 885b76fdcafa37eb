"""Meta-RL by definition, in balls or exact rationals: policies, values, visitations, adaptation, the meta-objective.

A `Problem` holds an instance's numbers in one number system. A table over (state, action) is a list of rows [S][A], or
a matrix whose row s A + a belongs to (s, a). Nothing here knows meta-features or bounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from flint import arb, arb_mat, ctx, fmpq, fmpq_mat

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Matrix, Number, NumberSystem
from ..instances import Vector
from .instance import Adaptation, Policies, PolicyInstance, Task

Policy = list[list[Number]]

NO_POLICY = "the rational step leaves no action any probability"
NEGATIVE = "the rational step makes a probability negative"


@dataclass(frozen=True)
class Process:
    """A task's weight and decision process in one number system.

    transitions (SA, S), rewards (SA, 1), start (1, S); reward_steps (SAA, 1) and transition_steps (SAA, S) hold
    (1-gamma)(r(s,a) - r(s,b)) and gamma(P(.|s,a) - P(.|s,b)), exactly 0 where two actions do the same; offset the most
    common reward, of which values are kept free (states that see no other then have values of exactly 0).
    """

    task: Task
    weight: Number
    gamma: Number
    transitions: Matrix
    rewards: Matrix
    start: Matrix
    reward_steps: Matrix
    transition_steps: Matrix
    offset: Number

    @cached_property
    def _closure(self) -> list[frozenset[int]]:
        """Per state, the states that a positive policy visits from there on (itself among them)."""
        count = len(self.task.start)
        step = [{t for row in rows for t, p in enumerate(row) if p != 0} for rows in self.task.transitions]
        if self.task.gamma == 0:
            return [frozenset({s}) for s in range(count)]
        found = []
        for s in range(count):
            seen, front = {s}, [s]
            while front:
                ahead = step[front.pop()] - seen
                seen |= ahead
                front += ahead
            found.append(frozenset(seen))
        return found

    def _visited(self, begin: Vector) -> list[int]:
        return sorted(frozenset().union(*(self._closure[s] for s, p in enumerate(begin) if p != 0)))

    @cached_property
    def reachable(self) -> list[int]:
        """The states that are visited under a positive policy."""
        return self._visited(self.task.start)

    @cached_property
    def onward(self) -> list[list[int]]:
        """Those that are visited from the next one on, at s A + a."""
        return [self._visited(row) for table in self.task.transitions for row in table]


class Point(NamedTuple):
    """A parameter's energies, minus the largest per state, and its policy [S][A]."""

    energies: list[list[Number]]
    policy: Policy


@dataclass(frozen=True)
class Evaluation:
    """A policy in a process: visitation (S, S) with rows M(s, .) of the chain started at s, value (S, 1) of the rewards
    minus the offset, and frequencies nu [S]."""

    visitation: Matrix
    value: Matrix
    frequencies: list[Number]


class Problem:
    """An instance's numbers in the number system `m`."""

    def __init__(self, instance: PolicyInstance, m: NumberSystem) -> None:
        self.instance, self.m = instance, m
        self.states, self.actions, self.dimension = instance.shape
        self.tau, self.eta = m.number(instance.tau), m.number(instance.eta)
        self.features: Matrix = m.matrix([[m.number(v) for v in row] for rows in instance.features for row in rows])
        self._points: dict[tuple[Any, int], Point] = {}
        self.processes = tuple(self._process(task) for task in instance.tasks if task.weight != 0)

    def _process(self, task: Task) -> Process:
        def numbers(exact: fmpq_mat) -> Matrix:
            return arb_mat(exact) if self.m is Balls else exact

        m = self.m
        transitions = fmpq_mat([list(row) for table in task.transitions for row in table])
        rewards = fmpq_mat([[r] for table in task.rewards for r in table])
        common = Counter(rewards.entries()).most_common(1)[0][0]
        return Process(
            task,
            m.number(task.weight),
            m.number(task.gamma),
            numbers(transitions),
            numbers(rewards),
            numbers(fmpq_mat([list(task.start)])),
            numbers(self._differences * rewards * (1 - task.gamma)),
            numbers(self._differences * transitions * task.gamma),
            m.number(common),
        )

    @cached_property
    def _differences(self) -> fmpq_mat:
        """What takes a table (SA, .) to its differences between actions (SAA, .)."""
        pairs = range(self.states * self.actions)
        rows = []
        for x in pairs:
            first = x - x % self.actions
            rows += [[int(z == x) - int(z == y) for z in pairs] for y in range(first, first + self.actions)]
        return fmpq_mat(rows)

    @cached_property
    def basis(self) -> Matrix | None:
        """An orthonormal basis (d, r) of the span of the features, by exact elimination; None if that is everything."""
        found: list[list[fmpq]] = []
        for row in dict.fromkeys(row for rows in self.instance.features for row in rows):
            rest = list(row)
            for other in found:
                share = _dot(rest, other) / _dot(other, other)
                rest = [a - share * b for a, b in zip(rest, other, strict=True)]
            if any(v != 0 for v in rest):
                found.append(rest)
        if not 0 < len(found) < self.dimension:
            return None
        columns = [[arb(v) / arb(_dot(row, row)).sqrt() for v in row] for row in found]
        return self.m.matrix(columns).transpose()

    # --- policies -----------------------------------------------------------------------------------------

    def softmax(self, logits: list[list[Number]]) -> Policy:
        """exp(logits) normalised per state [S][A], every probability to the relative precision of its logit."""
        found = []
        for row in logits:
            top = max(v.mid() for v in row) if self.m is Balls else row[0]
            powers = [self.m.exp(v - top) for v in row]
            total = sum(powers[1:], start=powers[0])
            found.append([p / total for p in powers])
        return found

    @property
    def origin(self) -> list[Number]:
        """omega in the coordinates of the features."""
        return [self.m.number(v) for v in self.instance.omega]

    def exact_energies(self, theta: Any) -> list[list[fmpq]]:
        """phi'theta of an exact theta [S][A]."""
        return [[_dot(row, theta) for row in rows] for rows in self.instance.features]

    def level(self, theta: Any) -> bool:
        """Whether all actions have equal energies in every state: then pi_theta is uniform, and rational."""
        return all(len(set(row)) == 1 for row in self.exact_energies(theta))

    def energies(self, theta: Any) -> list[list[Number]]:
        """phi'theta/tau of an exact theta, minus its largest per state, 0 exactly where actions are equal [S][A]."""
        tau = self.instance.tau
        return [[self.shrunk((v - max(row)) / tau) for v in row] for row in self.exact_energies(theta)]

    def shrunk(self, total: fmpq) -> Number:
        """An exact energy, or difference of energies, as `exact_energies` has them, in the number system."""
        return self.m.number(total)

    def line(self, direction: list[Number]) -> list[list[list[Number]]]:
        """Taylor coefficients of the energies at omega + t direction, up to a function of the state [S][A][2]."""
        column: Matrix = self.m.matrix([[v] for v in direction])
        slopes = (self.features * column * (1 / self.tau)).entries()
        return [
            [[energy, slopes[s * self.actions + a]] for a, energy in enumerate(row)]
            for s, row in enumerate(self.point(self.instance.omega).energies)
        ]

    def point(self, theta: Any) -> Point:
        """The energies and the policy of theta; those of the last two parameters are known."""
        key = theta, ctx.prec
        if key not in self._points:
            energies = self.energies(theta)
            self._points = {**dict(list(self._points.items())[-1:]), key: Point(energies, self.softmax(energies))}
        return self._points[key]

    def prior(self, theta: Any) -> Policy:
        """pi_theta [S][A]."""
        return self.point(theta).policy

    def selector(self, policy: Policy) -> Matrix:
        """The matrix (S, SA) that averages tables over the policy."""
        zero, count = self.m.number(0), self.actions
        return self.m.matrix(
            [[*[zero] * (s * count), *row, *[zero] * ((self.states - s - 1) * count)] for s, row in enumerate(policy)]
        )

    def rival(self, index: int, process: Process) -> Policy:
        """The comparator's policy for the process, which is task `index` of those with positive weight."""
        comparator = self.instance.comparator
        if isinstance(comparator, Policies):
            tables = [t for t, task in zip(comparator.values, self.instance.tasks, strict=True) if task.weight != 0]
            return [[self.m.number(p) for p in row] for row in tables[index]]
        return self.adapt(process, comparator)

    # --- values -------------------------------------------------------------------------------------------

    def evaluate(self, process: Process, policy: Policy) -> Evaluation:
        """The policy's visitations and values in the process."""
        m, select = self.m, self.selector(policy)
        visitation = m.matrix(visitations(m, (select * process.transitions).tolist(), process.gamma))
        shifted = [[r - process.offset] for r in process.rewards.entries()]
        value = visitation * (select * m.matrix(shifted))
        return Evaluation(visitation, value, (process.start * visitation).entries())

    def steps(self, process: Process, value: Matrix) -> list[list[list[Number]]]:
        """Q(s,a) - Q(s,b) of the policy with that value [S][A][A]."""
        flat = (process.reward_steps + process.transition_steps * value).entries()
        count = self.actions
        return [
            [flat[(s * count + a) * count : (s * count + a + 1) * count] for a in range(count)]
            for s in range(self.states)
        ]

    def advantages(self, steps: list[list[list[Number]]], policy: Policy) -> list[list[Number]]:
        """A(s,a) = sum_b pi(b|s)(Q(s,a) - Q(s,b)) [S][A]: small where the policy is nearly sure, without cancelling."""
        return [
            [sum((p * v for p, v in zip(pi, row, strict=True)), start=self.m.number(0)) for row in rows]
            for pi, rows in zip(policy, steps, strict=True)
        ]

    def action_values(self, process: Process, value: Matrix) -> list[list[Number]]:
        """Q(s,a) of the rewards themselves [S][A]."""
        ahead = (process.transitions * value).entries()
        flat = [
            (1 - process.gamma) * r + process.gamma * (v + process.offset)
            for r, v in zip(process.rewards.entries(), ahead, strict=True)
        ]
        return [flat[s * self.actions : (s + 1) * self.actions] for s in range(self.states)]

    def returns(self, process: Process, evaluation: Evaluation) -> Number:
        """J = zeta'V."""
        return (process.start * evaluation.value)[0, 0] + process.offset

    def value_gradient(self, process: Process, policy: Policy, at: Evaluation, features: Matrix) -> Matrix:
        """grad V (S, d) of pi_theta with features phi (SA, d): K^{-1}B, K = I - gamma P_pi, B(s) = E_pi[A phi/tau]."""
        advantages = self.advantages(self.steps(process, at.value), policy)
        weights = [[p * v for p, v in zip(*rows, strict=True)] for rows in zip(policy, advantages, strict=True)]
        slope = self.selector(weights) * features
        return at.visitation * slope * (1 / (self.tau * (1 - process.gamma)))

    # --- adaptation -----------------------------------------------------------------------------------------

    def adapt(self, process: Process, theta: Any, at: Evaluation | None = None) -> Policy:
        """pi_{i,theta}, the policy adapted to the process; `at`: what pi_theta is there, if that is known."""
        energies, prior = self.point(theta)
        if self.instance.eta == 0:
            return prior
        at = self.evaluate(process, prior) if at is None else at
        if self.instance.adaptation is Adaptation.KL_STEP:
            steps = self.steps(process, at.value)
            return self.softmax(
                [
                    [e + self.eta * v[0] for e, v in zip(*rows, strict=True)]
                    for rows in zip(energies, steps, strict=True)
                ]
            )
        if self.instance.adaptation is Adaptation.RATIONAL_STEP:
            values = self.action_values(process, at.value)
            found = []
            for pi, row in zip(prior, values, strict=True):
                tilted = [p * (1 + self.eta * q) for p, q in zip(pi, row, strict=True)]
                total = sum(tilted[1:], start=tilted[0])
                if total == 0:
                    raise UndefinedQuantityError(NO_POLICY)
                found.append([t / total for t in tilted])
                if any(share < 0 for share in found[-1]):
                    raise UndefinedQuantityError(NEGATIVE)
            return found
        slope = process.start * self.value_gradient(process, prior, at, self.features)
        moved = self.m.matrix([[self.m.number(t) + self.eta * g] for t, g in zip(theta, slope.entries(), strict=True)])
        flat = (self.features * moved * (1 / self.tau)).entries()
        return self.softmax([flat[s * self.actions : (s + 1) * self.actions] for s in range(self.states)])

    def meta_objective(self, theta: Any) -> Number:
        """L(theta) = sum_i q_i J_i(pi_{i,theta})."""
        total = self.m.number(0)
        for process in self.processes:
            at = self.evaluate(process, self.adapt(process, theta))
            total += process.weight * self.returns(process, at)
        return total


def visitations(m: NumberSystem, transition: list[list[Number]], gamma: Number) -> list[list[Number]]:
    """(1-gamma)(I - gamma P)^{-1} for a stochastic P (S, S), by elimination without subtractions.

    The diagonal of an M-matrix is its row sum plus its off-diagonal entries; kept in that form (Grassmann, Taksar,
    Heyman) every step only adds and divides positive numbers, so that even rare visits keep their relative precision.
    """
    count = len(transition)
    off = [[gamma * p for p in row] for row in transition]
    rest = [1 - gamma] * count
    diagonal: list[Number] = []
    for k in range(count):
        diagonal.append(sum(off[k][k + 1 :], start=rest[k]))
        for i in range(k + 1, count):
            factor = off[i][k] / diagonal[k]
            off[i][k] = factor
            for j in range(k + 1, count):
                off[i][j] += factor * off[k][j]
            rest[i] += factor * rest[k]
    columns = []
    zero, scale = m.number(0), 1 - gamma
    for c in range(count):
        x = [zero] * count
        x[c] = scale
        for i in range(c + 1, count):
            x[i] = sum((off[i][k] * x[k] for k in range(c, i)), start=zero)
        for i in range(count - 1, -1, -1):
            x[i] = sum((off[i][j] * x[j] for j in range(i + 1, count)), start=x[i]) / diagonal[i]
        columns.append(x)
    return [list(row) for row in zip(*columns, strict=True)]


def _dot(row: Sequence[fmpq], theta: Sequence[fmpq]) -> fmpq:
    return sum((a * t for a, t in zip(row, theta, strict=True)), start=fmpq(0))
