r"""A certified bracket of sup L over theta for two actions and d = 1 (the whole line) or d = 2 (a box).

Branch and bound on boxes of theta by policy boxes. A box of theta bounds, per state, the logit of the prior and with it
the prior policy; the values over all policies of the box lie between those of its least and its greatest vertex
(a robust decision process: optimal vertices by policy iteration in float64); values bound Q(a0) - Q(a1), hence the
adapted logit, the adapted policy box, and the return over it.

Who decides: an exact value function is never needed. Any v with T v <= v + c (T the Bellman operator of the box, in
balls) satisfies v* <= v + c/(1-gamma); so each proposed v is checked by its Bellman residual and shifted by it.
The lower bound is L at a point, in balls.
"""

from __future__ import annotations

import heapq
import math
import time
from dataclasses import dataclass

import numpy as np
from flint import arb, ctx, fmpq

from ..arithmetic import Balls, bounds, rational, to_float
from ..instances import Vector
from .instance import Adaptation, MetaRLInstance
from .problem import Problem, Process

BITS = 64
"""Precision of the Bellman checks: far beyond that of the proposals, whose errors they repair."""

Interval = tuple[float, float]
Box = tuple[Interval, ...]


@dataclass(frozen=True)
class Optimum:
    """lower <= sup L <= upper, lower = L(at) rounded down; boxes examined; status certified or undecided."""

    lower: float
    upper: float
    at: tuple[float, ...]
    status: str
    boxes: int
    seconds: float


def maximise(
    instance: MetaRLInstance, *, radius: float | None = None, gap: float = 1e-3, most: int = 20_000, seconds: float = 60
) -> Optimum:
    """Bracket sup L over |theta_j| <= radius (None: the whole line, d = 1 only).

    `gap` is relative to max(|upper|, 1e-3); after `most` boxes or `seconds` the bracket is wider and undecided.

    Errors: ValueError for another number of actions or parameters, or for the gradient step.
    """
    begin = time.monotonic()
    _supported(instance, radius)
    limit = math.inf if radius is None else radius
    with ctx.workprec(BITS):
        search = _Search(instance)
        root: Box = ((-limit, limit),) * len(instance.omega)
        queue = [(-search.upper(root), 0, root)]
        boxes = 1
        search.improve(root)
        while True:
            upper = max(-queue[0][0], search.lower) if queue else search.lower
            done = upper - search.lower <= gap * max(abs(upper), 1e-3)
            if done or not queue or boxes >= most or time.monotonic() - begin > seconds:
                break
            _, _, box = heapq.heappop(queue)
            for half in _halves(box):
                search.improve(half)
                bound = min(search.upper(half), upper)
                boxes += 1
                if bound > search.lower:
                    heapq.heappush(queue, (-bound, boxes, half))
    status = "certified" if done else "undecided"
    return Optimum(search.lower, upper, search.at, status, boxes, time.monotonic() - begin)


def _supported(instance: MetaRLInstance, radius: float | None) -> None:
    _, actions, d = instance.shape
    if actions != 2:
        raise ValueError(f"A={actions}: the policy-box search needs 2 actions")
    if d > 2 or (d == 2 and radius is None):
        raise ValueError(f"d={d}, radius={radius}: expected d = 1, or d = 2 with a radius")
    if instance.adaptation is not Adaptation.KL_STEP and instance.eta != 0:
        raise ValueError(f"adaptation={instance.adaptation.value!r}: expected 'kl-step' (or eta = 0)")


def _halves(box: Box) -> list[Box]:
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


class _Search:
    """The instance's numbers, the best point so far, and upper bounds of boxes."""

    def __init__(self, instance: MetaRLInstance) -> None:
        self.instance = instance
        self.problem = Problem(instance, Balls)
        self.contrasts = [
            tuple((a - b) / instance.tau for a, b in zip(rows[0], rows[1], strict=True)) for rows in instance.features
        ]
        """(phi(s,a0) - phi(s,a1))/tau, per state."""
        self.tasks = [_Task(process, instance.eta) for process in self.problem.processes]
        self.lower, self.at = -math.inf, (0.0,) * len(instance.omega)

    def improve(self, box: Box) -> None:
        """Try points of the box: its middle (or a finite end)."""
        point = tuple(_inner(lo, hi) for lo, hi in box)
        theta: Vector = tuple(rational(x) for x in point)
        value, _ = bounds(self.problem.meta_objective(theta))
        if value > self.lower:
            self.lower, self.at = value, point

    def upper(self, box: Box) -> float:
        """An upper bound of L over the box."""
        logits = [_linear(contrast, box) for contrast in self.contrasts]
        total = arb(0)
        for task in self.tasks:
            total += task.process.weight * task.upper(logits)
        return bounds(total)[1]


def _inner(lo: float, hi: float) -> float:
    if math.isinf(lo) and math.isinf(hi):
        return 0.0
    if math.isinf(lo) or math.isinf(hi):
        end = hi if math.isinf(lo) else lo
        return end + math.copysign(1 + abs(end), -1 if math.isinf(lo) else 1)
    return lo / 2 + hi / 2


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


def _logistic(x: arb) -> arb:
    if x.is_finite():
        return Balls.sigmoid(x)
    return arb(1) if x > 0 else arb(0)


class _Task:
    """One process in balls and in float64."""

    def __init__(self, process: Process, eta: fmpq) -> None:
        task = process.task
        self.process, self.eta = process, arb(eta)
        self.gamma = to_float(task.gamma)
        self.chain = np.array([[[to_float(p) for p in row] for row in rows] for rows in task.transitions])
        self.rewards = np.array([[to_float(r) for r in row] for row in task.rewards])
        self.steps = process.transition_steps.tolist()
        self.count = len(task.start)

    def upper(self, logits: list[tuple[arb, arb]]) -> arb:
        """An upper bound of J(pi_i) over the prior logits' box."""
        prior = [(_logistic(lo), _logistic(hi)) for lo, hi in logits]
        if self.eta.is_zero():
            return self._greatest_return(prior)
        low, high = self.envelope(prior, -1), self.envelope(prior, 1)
        adapted = []
        for s, (lo, hi) in enumerate(logits):
            least, greatest = self.difference(s, low, high)
            tilt = (self.eta * least, self.eta * greatest) if self.eta > 0 else (self.eta * greatest, self.eta * least)
            adapted.append((_logistic(lo + tilt[0]), _logistic(hi + tilt[1])))
        return self._greatest_return(adapted)

    def _greatest_return(self, box: list[tuple[arb, arb]]) -> arb:
        values = self.envelope(box, 1)
        return sum((arb(p) * v for p, v in zip(self.process.task.start, values, strict=True)), start=arb(0))

    def difference(self, s: int, low: list[arb], high: list[arb]) -> tuple[arb, arb]:
        """The range of Q(s, a0) - Q(s, a1) for values between low and high."""
        least = greatest = self.process.reward_steps[4 * s + 1, 0]
        for p, lo, hi in zip(self.steps[4 * s + 1], low, high, strict=True):
            least += p * (lo if p >= 0 else hi)
            greatest += p * (hi if p >= 0 else lo)
        return least, greatest

    def envelope(self, box: list[tuple[arb, arb]], sign: int) -> list[arb]:
        """v >= V (sign 1) or v <= V (sign -1) for every policy of the box, per state.

        A float64 fixed point, shifted by its Bellman residual over 1-gamma: the operator is monotone and contracts
        by gamma, so v + c/(1-gamma) dominates it whenever T v <= v + c.
        """
        proposal = [arb(float(v)) for v in self._proposed(box, sign)]
        worst = arb(0)
        for s, v in enumerate(proposal):
            q = [self._action_value(s, a, proposal) for a in range(2)]
            ends = [q[1] + p * (q[0] - q[1]) for p in box[s]]
            best = ends[0].max(ends[1]) if sign > 0 else ends[0].min(ends[1])
            worst = worst.max((best - v) * sign)
        shift = sign * arb((worst / (1 - self.process.gamma)).upper())
        return [v + shift for v in proposal]

    def _action_value(self, s: int, a: int, values: list[arb]) -> arb:
        task = self.process.task
        ahead = sum((arb(p) * v for p, v in zip(task.transitions[s][a], values, strict=True) if p != 0), start=arb(0))
        return (1 - self.process.gamma) * arb(task.rewards[s][a]) + self.process.gamma * ahead

    def _proposed(self, box: list[tuple[arb, arb]], sign: int) -> np.ndarray:
        """Values of the greatest (least) vertex policy by policy iteration in float64."""
        ends = np.array([[float(lo.mid()), float(hi.mid())] for lo, hi in box])
        choice, each = np.zeros(self.count, dtype=int), np.arange(self.count)
        value = np.zeros(self.count)
        for _ in range(50):
            p = ends[each, choice][:, None]
            chain = p * self.chain[:, 0] + (1 - p) * self.chain[:, 1]
            mean = p[:, 0] * self.rewards[:, 0] + (1 - p[:, 0]) * self.rewards[:, 1]
            value = np.linalg.solve(np.eye(self.count) - self.gamma * chain, (1 - self.gamma) * mean)
            q = (1 - self.gamma) * self.rewards + self.gamma * (self.chain @ value)
            better = (sign * (q[:, 0] - q[:, 1]) > 0).astype(int)
            if (better == choice).all():
                break
            choice = better
        return value
