r"""Upper bounds of L over boxes of theta, d = 1 or 2, any number of actions: in balls, whatever floats propose.

A box of theta bounds, per state, every difference of two actions' energies and with it every probability of the prior;
the values over all policies of the box lie between those of its least and its greatest vertex (a robust decision
process: optimal vertices by policy iteration in float64); values bound Q(s,b) - Q(s,a), hence the adapted differences,
the adapted policy box, and the return over it.

Who decides: an exact value function is never needed. Any v with T v <= v + c (T the Bellman operator of the box, in
balls) satisfies v* <= v + c/(1-gamma); so each proposed v is checked by its Bellman residual and shifted by it. T is a
linear program over lo <= p <= hi, sum p = 1, whose dual bounds it for any multiplier.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from flint import arb, fmpq

from ..arithmetic import Balls, bounds, to_float
from ..instances import Vector
from .instance import MetaRLInstance
from .problem import Problem, Process

BITS = 64
"""Precision of the Bellman checks: far beyond that of the proposals, whose errors they repair."""

Interval = tuple[float, float]
Box = tuple[Interval, ...]


def halves(box: Box) -> list[Box]:
    """The box cut in two across its longest side; infinite sides are cut at finite points that move outwards."""
    widths = [_compressed(hi) - _compressed(lo) for lo, hi in box]
    j = max(range(len(box)), key=widths.__getitem__)
    lo, hi = box[j]
    if math.isinf(lo) and math.isinf(hi):
        cut = 0.0
    elif math.isinf(lo):
        cut = min(2 * hi, -1.0)
    elif math.isinf(hi):
        cut = max(2 * lo, 1.0)
    else:
        cut = lo / 2 + hi / 2
    return [(*box[:j], half, *box[j + 1 :]) for half in ((lo, cut), (cut, hi))]


def _compressed(x: float) -> float:
    return math.copysign(1.0, x) if math.isinf(x) else x / (1 + abs(x))


class Boxes:
    """The instance's numbers, and upper bounds of boxes."""

    def __init__(self, instance: MetaRLInstance) -> None:
        self.instance = instance
        self.problem = Problem(instance, Balls)
        self.contrasts = [
            [[tuple((v - u) / instance.tau for u, v in zip(own, row, strict=True)) for row in rows] for own in rows]
            for rows in instance.features
        ]
        """(phi(s,b) - phi(s,a))/tau [S][A][A]."""
        self.tasks = [_Task(process, instance.eta) for process in self.problem.processes]

    def upper(self, box: Box) -> float:
        """An upper bound of L over the box."""
        logits = [
            _antisymmetric(len(table), lambda a, b, table=table: _linear(table[a][b], box))  # type: ignore[misc]
            for table in self.contrasts
        ]
        total = arb(0)
        for task in self.tasks:
            total += task.process.weight * task.upper(logits)
        return bounds(total)[1]


def _linear(contrast: Vector, box: Box) -> tuple[arb, arb]:
    """The range of contrast'theta over the box, as (lowest, highest); 0 times infinity is 0."""
    low, high = arb(0), arb(0)
    for c, (lo, hi) in zip(contrast, box, strict=True):
        if c == 0:
            continue
        ends = (lo, hi) if c > 0 else (hi, lo)
        low += arb(c) * arb(ends[0]) if math.isfinite(ends[0]) else arb("-inf")
        high += arb(c) * arb(ends[1]) if math.isfinite(ends[1]) else arb("inf")
    return low, high


Range = tuple[arb, arb]
"""Two balls: a quantity is at least the first and at most the second."""


def _share(differences: list[arb]) -> arb:
    """1/(sum_b exp(difference_b)): the probability of an action, by how much the others' logits exceed its own."""
    if any(not d.is_finite() and d > 0 for d in differences):
        return arb(0)
    return 1 / sum((d.exp() for d in differences if d.is_finite()), start=arb(0))


def _antisymmetric(count: int, above: Callable[[int, int], Range]) -> list[list[Range]]:
    """The ranges of x_b - x_a [a][b], of which only those with a < b are computed."""
    zero = arb(0)
    found = [[(zero, zero)] * count for _ in range(count)]
    for a in range(count):
        for b in range(a + 1, count):
            low, high = above(a, b)
            found[a][b], found[b][a] = (low, high), (-high, -low)
    return found


def _policy_box(logits: list[list[Range]]) -> list[Range]:
    """The range of every action's probability, by the ranges of logit b - logit a [A][A]."""
    return [(_share([hi for _, hi in line]), _share([lo for lo, _ in line])) for line in logits]


class _Task:
    """One process in balls and in float64."""

    def __init__(self, process: Process, eta: fmpq) -> None:
        task = process.task
        self.process, self.eta = process, arb(eta)
        self.gamma = to_float(task.gamma)
        self.chain = np.array([[[to_float(p) for p in row] for row in rows] for rows in task.transitions])
        self.rewards = np.array([[to_float(r) for r in row] for row in task.rewards])
        self.steps = process.transition_steps.tolist()
        self.count, self.actions = self.rewards.shape

    def upper(self, logits: list[list[list[Range]]]) -> arb:
        """An upper bound of J(pi_i) over the prior's box: ranges of logit b - logit a [S][A][A]."""
        prior = [_policy_box(table) for table in logits]
        if self.eta.is_zero():
            return self._greatest_return(prior)
        low, high = self.envelope(prior, -1), self.envelope(prior, 1)
        adapted = []
        for s, table in enumerate(logits):

            def tilted(a: int, b: int, s: int = s, table: list[list[Range]] = table) -> Range:
                ends = [self.eta * q for q in self.difference(s, b, a, low, high)]
                least, greatest = ends if self.eta > 0 else ends[::-1]
                return table[a][b][0] + least, table[a][b][1] + greatest

            adapted.append(_policy_box(_antisymmetric(self.actions, tilted)))
        return self._greatest_return(adapted)

    def _greatest_return(self, box: list[list[Range]]) -> arb:
        values = self.envelope(box, 1)
        return sum((arb(p) * v for p, v in zip(self.process.task.start, values, strict=True)), start=arb(0))

    def difference(self, s: int, b: int, a: int, low: list[arb], high: list[arb]) -> Range:
        """The range of Q(s, b) - Q(s, a) for values between low and high."""
        row = (s * self.actions + b) * self.actions + a
        least = greatest = self.process.reward_steps[row, 0]
        for p, lo, hi in zip(self.steps[row], low, high, strict=True):
            if p.is_zero():
                continue
            least += p * (lo if p >= 0 else hi)
            greatest += p * (hi if p >= 0 else lo)
        return least, greatest

    def envelope(self, box: list[list[Range]], sign: int) -> list[arb]:
        """v >= V (sign 1) or v <= V (sign -1) for every policy of the box, per state.

        A float64 fixed point, shifted by its Bellman residual over 1-gamma: the operator is monotone and contracts
        by gamma, so v + c/(1-gamma) dominates it whenever T v <= v + c.
        """
        proposal = [arb(float(v)) for v in self._proposed(box, sign)]
        worst = arb(0)
        for s, v in enumerate(proposal):
            gains = [(self._action_value(s, a, proposal) - v) * sign for a in range(self.actions)]
            worst = worst.max(_greatest_mean(gains, box[s]))
        shift = sign * arb((worst / (1 - self.process.gamma)).upper())
        return [v + shift for v in proposal]

    def _action_value(self, s: int, a: int, values: list[arb]) -> arb:
        task = self.process.task
        ahead = sum((arb(p) * v for p, v in zip(task.transitions[s][a], values, strict=True) if p != 0), start=arb(0))
        return (1 - self.process.gamma) * arb(task.rewards[s][a]) + self.process.gamma * ahead

    def _proposed(self, box: list[list[Range]], sign: int) -> np.ndarray:
        """Values of the greatest (least) vertex policy by policy iteration in float64."""
        low, high = (np.array([[float(r[end].mid()) for r in line] for line in box]) for end in (0, 1))
        order = np.tile(np.arange(self.actions), (self.count, 1))
        value = np.zeros(self.count)
        for _ in range(50):
            policy = _filled(low, high, order)
            chain = (policy[:, None] @ self.chain)[:, 0]
            mean = (1 - self.gamma) * (policy * self.rewards).sum(1)
            value = np.linalg.solve(np.eye(self.count) - self.gamma * chain, mean)
            q = (1 - self.gamma) * self.rewards + self.gamma * (self.chain @ value)
            better = np.argsort(-sign * q, axis=1, kind="stable")
            if (better == order).all():
                break
            order = better
        return value


def _greatest_mean(gains: list[arb], box: list[Range]) -> arb:
    """An upper bound of max sum_a p_a gain_a over lo <= p <= hi, sum p = 1: of every p with sum 1

        sum_a p_a gain_a = x + sum_a p_a (gain_a - x) <= x + sum_a max(lo_a (gain_a - x), hi_a (gain_a - x)),

    whatever x; with the gain of the action that is filled in part this is the maximum.
    """
    order = sorted(range(len(gains)), key=lambda a: -float(gains[a].mid()))
    left, marginal = 1.0 - sum(float(lo.mid()) for lo, _ in box), order[-1]
    for a in order:
        left -= float((box[a][1] - box[a][0]).mid())
        if left <= 0:
            marginal = a
            break
    x = arb(gains[marginal].mid())
    total = x
    for gain, (lo, hi) in zip(gains, box, strict=True):
        total += (lo * (gain - x)).max(hi * (gain - x))
    return total


def _filled(low: np.ndarray, high: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Policies (S, A) between low and high that fill the actions in that order [S][A]."""
    spare = 1 - low.sum(1, keepdims=True)
    room = np.take_along_axis(high - low, order, 1)
    before = np.cumsum(room, axis=1) - room
    share = np.clip(spare - before, 0.0, room)
    policy = low.copy()
    np.put_along_axis(policy, order, np.take_along_axis(low, order, 1) + share, 1)
    return policy / policy.sum(1, keepdims=True)
