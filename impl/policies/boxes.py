r"""Upper bounds of L over boxes of theta, d = 1 or 2, any number of actions: many boxes at once, every rounding proved.

A box of theta bounds, per state, every difference of two actions' energies and with it every probability of the prior;
the values over all policies of the box lie between those of its least and its greatest vertex (a robust decision
process: optimal vertices by policy iteration in float64); values bound Q(s,b) - Q(s,a), hence the adapted differences,
the adapted policy box, and the return over it.

Who decides: an exact value function is never needed. Any v with T v <= v + c (T the Bellman operator of the box, in
midpoint-radius numbers) satisfies v* <= v + c/(1-gamma); so each proposed v is checked by its Bellman residual and
shifted by it. T is a linear program over lo <= p <= hi, sum p = 1, whose dual bounds it for any multiplier.

Axes of arrays: n boxes, t tasks, s states, then actions; of differences b - a the axes are b, a.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..arithmetic import Array, Balls
from ..elementary import MidRads
from ..midrad import MidRad, contract
from .instance import MetaRLInstance
from .problem import Problem

Interval = tuple[float, float]
Box = tuple[Interval, ...]
Ends = tuple[Array, Array]
"""A lower and an upper end, rounded outward; infinite where nothing is known."""

MOST = 700.0
"""Differences of logits beyond which a probability is told from 0 no more."""
TOGETHER, ENTRIES = 512, 2_000_000
"""Boxes that are bounded at once, at most, and numbers that are held for it."""
UNKNOWN = np.errstate(over="ignore", invalid="ignore", divide="ignore")
"""What overflows or is not a number is an end that is not known."""
ROUNDS = 50
"""Steps of policy iteration, at most: a proposal need not be optimal."""


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
        self.problem = Problem(instance, Balls)
        processes, (states, actions, d) = self.problem.processes, instance.shape
        count, exact = len(processes), [process.task for process in processes]
        self.contrasts = MidRad.of(
            [(v - u) / instance.tau for rows in instance.features for other in rows for row in rows
             for v, u in zip(other, row, strict=True)],
            (states, actions, actions, d),
        )  # fmt: skip
        """(phi(s,b) - phi(s,a))/tau."""
        self.rest = MidRad.of([1 - task.gamma for task in exact], (count, 1))
        self.rewards = MidRad.of(
            [(1 - task.gamma) * r for task in exact for row in task.rewards for r in row], (count, states, actions)
        )
        self.chain = MidRad.of(
            [task.gamma * p for task in exact for rows in task.transitions for row in rows for p in row],
            (count, states, actions, states),
        )
        self.reward_steps = MidRad.of(
            [r for process in processes for r in process.reward_steps.entries()], (count, states, actions, actions)
        )
        self.chain_steps = MidRad.of(
            [p for process in processes for p in process.transition_steps.entries()],
            (count, states, actions, actions, states),
        )
        self.start = MidRad.of([task.weight * p for task in exact for p in task.start], (count, states))
        self.eta = None if instance.eta == 0 else MidRad.of([instance.eta], ())
        self.together = max(1, min(TOGETHER, ENTRIES // (count * states * max(states, actions * actions))))

    @UNKNOWN
    def upper(self, boxes: Sequence[Box]) -> Array:
        """Upper bounds of L over the boxes; infinite where nothing is known."""
        parts = [boxes[k : k + self.together] for k in range(0, len(boxes), self.together)]
        return np.concatenate([self._upper(np.array(part)) for part in parts])

    def _upper(self, boxes: Array) -> Array:
        """Of boxes (n, d, 2)."""
        low, high = _linear(self.contrasts, boxes)
        least, greatest = (end[:, None] for end in _policy_box(low, high))
        if self.eta is not None:
            values = self.envelope(least, greatest, -1), self.envelope(least, greatest, 1)
            tilt = self.differences(*values) * self.eta
            tilted = (MidRad(low[:, None]) + tilt).low, (MidRad(high[:, None]) + tilt).high
            least, greatest = _policy_box(*_known(*tilted))
        highest = MidRad(self.envelope(least, greatest, 1))
        total = contract("ts,nts->n", self.start, highest).high
        return _known(total, total)[1]

    def differences(self, low: Array, high: Array) -> MidRad:
        """Q(s, b) - Q(s, a) for values between low and high (n, t, s)."""
        return contract("tsbaz,ntz->ntsba", self.chain_steps, MidRad.between(low, high)) + self.reward_steps

    def envelope(self, low: Array, high: Array, sign: int) -> Array:
        """v >= V (sign 1) or v <= V (sign -1) for every policy between low and high (n, 1 or t, s, a), per state.

        A float64 fixed point, shifted by its Bellman residual over 1-gamma: the operator is monotone and contracts
        by gamma, so v + c/(1-gamma) dominates it whenever T v <= v + c.
        """
        proposal = self._proposed(low, high, sign)
        ahead = self.rewards + contract("tsaz,ntz->ntsa", self.chain, MidRad(proposal))
        residuals = _greatest_mean((ahead - proposal[..., None]) * sign, low, high)
        worst = np.maximum(residuals.max(-1, keepdims=True), 0.0)
        moved = MidRad(proposal) + MidRad(worst) / self.rest * sign
        return moved.high if sign > 0 else moved.low

    def _proposed(self, low: Array, high: Array, sign: int) -> Array:
        """Values of the greatest (least) vertex policies by policy iteration in float64 (n, t, s)."""
        shape = (len(low), *self.rewards.shape)
        low, high = np.broadcast_to(low, shape), np.broadcast_to(high, shape)
        order, value = np.broadcast_to(np.arange(shape[-1]), shape), np.zeros(shape[:-1])
        for _ in range(ROUNDS):
            policy = _filled(low, high, order)
            chain = np.einsum("ntsa,tsaz->ntsz", policy, self.chain.mid)
            mean = (policy * self.rewards.mid).sum(-1)
            try:
                value = np.linalg.solve(np.eye(shape[2]) - chain, mean[..., None])[..., 0]
            except np.linalg.LinAlgError:  # gamma is 1 in float64
                break
            q = self.rewards.mid + np.einsum("tsaz,ntz->ntsa", self.chain.mid, value)
            better = np.argsort(-sign * q, axis=-1, kind="stable")
            if (better == order).all():
                break
            order = better
        return value


def _linear(contrasts: MidRad, boxes: Array) -> Ends:
    """The ranges of contrast'theta over boxes (n, d, 2), for contrasts (s, b, a, d); 0 times infinity is 0."""
    low = high = MidRad(np.zeros((len(boxes), *contrasts.shape[:-1])))
    for j in range(boxes.shape[1]):
        c, ends = contrasts[..., j], boxes[:, j, :, None, None, None]
        known, still = (c.mid > 0) | (c.mid < 0), (c.mid == 0) & (c.rad == 0)
        first, last = (np.where(c.mid > 0, ends[:, k], ends[:, 1 - k]) for k in (0, 1))
        low += MidRad(np.where(still, 0.0, np.where(known, (c * first).low, -np.inf)))
        high += MidRad(np.where(still, 0.0, np.where(known, (c * last).high, np.inf)))
    return _known(low.low, high.high)


def _known(low: Array, high: Array) -> Ends:
    """The ends, infinite where they are not numbers."""
    return np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)


def _policy_box(low: Array, high: Array) -> Ends:
    """The ranges of the actions' probabilities (..., a), by those of logit b - logit a (..., b, a)."""
    least, greatest = _shares(high).low, _shares(low).high
    return np.where(least > 0, least, 0.0), np.where(greatest < 1, greatest, 1.0)


def _shares(differences: Array) -> MidRad:
    """1/(sum_b exp(difference_b)): an action's probability, by how much the others' logits exceed its own.

    A difference is cut at MOST: both numbers, with it and without, lie between 0 and e^-MOST < 2^-900, which is less
    than what every quotient of midpoint-radius numbers has as its radius.
    """
    far = differences == -np.inf
    powers = MidRads.exp(MidRad(np.where(far, 0.0, np.minimum(differences, MOST))))
    return 1 / MidRad(np.where(far, 0.0, powers.mid), np.where(far, 0.0, powers.rad)).sum(-2)


def _greatest_mean(gains: MidRad, low: Array, high: Array) -> Array:
    """Upper bounds of max sum_a p_a gain_a over low <= p <= high, sum p = 1 (the last axis): of every p with sum 1

        sum_a p_a gain_a = x + sum_a p_a (gain_a - x) <= x + sum_a max(low_a (gain_a - x), high_a (gain_a - x)),

    whatever x; with the gain of the action that is filled in part this is the maximum.
    """
    shape = gains.shape
    low, high = np.broadcast_to(low, shape), np.broadcast_to(high, shape)
    order = np.argsort(-gains.mid, axis=-1)
    filled = np.cumsum(np.take_along_axis(high - low, order, -1), -1) >= 1 - low.sum(-1, keepdims=True)
    place = np.where(filled.any(-1, keepdims=True), filled.argmax(-1)[..., None], shape[-1] - 1)
    x = np.take_along_axis(gains.mid, np.take_along_axis(order, place, -1), -1)
    rest = gains - x
    return (MidRad(np.maximum((rest * low).high, (rest * high).high)).sum(-1) + x[..., 0]).high


def _filled(low: Array, high: Array, order: Array) -> Array:
    """Policies between low and high that fill the actions in that order (the last axis)."""
    spare = 1 - low.sum(-1, keepdims=True)
    room = np.take_along_axis(high - low, order, -1)
    before = np.cumsum(room, axis=-1) - room
    policy = low.copy()
    share = np.take_along_axis(low, order, -1) + np.clip(spare - before, 0.0, room)
    np.put_along_axis(policy, order, share, -1)
    total: Array = policy.sum(-1, keepdims=True)
    return policy / total
