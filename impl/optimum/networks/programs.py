r"""Convex programs per activation pattern: certified lower bounds over a ball of networks, by branch and bound.

A program asks for the least of sum_j mass_j ell(f_j, y_j) over ||D|| <= B, where f_j is a sum of w_u relu(t_u) over the
units u of prediction j, and every t_u = alpha_u'D + tau_u is affine in D = W - W0. On a cell, where each unit is on
(t_u >= 0, relu(t_u) = t_u) or off (t_u <= 0, relu(t_u) = 0), the program is convex; a unit that is still open lies
between its sides. Any z and any slopes a_u of the right signs prove a bound on the cell. With g_j = mass_j ell'(z_j,
y_j) and k_u = g_j w_u (j the prediction of u),

    sum_j mass_j ell(f_j, y_j) >= sum_j [mass_j ell(z_j, y_j) - g_j z_j] + sum_u k_u relu(t_u),
    k_u relu(t_u) >= a_u t_u + c_u,   on: a_u <= k_u,  off: a_u >= 0,  c_u = 0,
                                      open, k_u >= 0: 0 <= a_u <= k_u, c_u = 0,
                                      open, k_u < 0: the chord of k_u relu over lo <= t_u <= hi,
    sum_u a_u t_u >= sum_u a_u tau_u - B ||sum_u a_u alpha_u||.

Proof. ell(f) >= ell(z) + ell'(z)(f - z) by convexity. On: (k - a) t >= 0. Off: 0 >= a t. Open: k t <= k max(t, 0) for
k >= 0 (and so for smaller slopes down to 0); a concave function is above its chord. Cauchy-Schwarz. An empty cell has
proofs of any size. Floats propose z and a; balls decide; which of two cells is cut next is no part of the proof.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from flint import arb, arb_mat

from ...arithmetic import Balls, Floats, bounds, midpoint, norm, proposed, root
from ...losses import Loss

Array = np.ndarray

ON, OFF, OPEN = 1, -1, 0
Pattern = tuple[int, ...]
"""ON, OFF or OPEN per unit."""


@dataclass(frozen=True)
class Drive:
    """An affine function of D = W - W0 (m, d): alpha'D + tau."""

    alpha: list[arb]
    tau: arb

    def plus(self, other: Drive, factor: arb) -> Drive:
        """self + factor other."""
        alpha = [a + factor * b for a, b in zip(self.alpha, other.alpha, strict=True)]
        return Drive(alpha, self.tau + factor * other.tau)


@dataclass(frozen=True)
class Unit:
    """relu(alpha'D + tau) with weight w in a prediction; the range of its argument on the ball.

    A weight of 0 makes it a constraint alone.
    """

    alpha: arb_mat
    tau: arb
    prediction: int
    weight: arb
    low: arb
    high: arb

    def settled(self, status: int) -> int:
        """The status; that of the whole ball where the unit is open and the ball does not cross its sign."""
        if status == OPEN and self.low >= 0:
            return ON
        if status == OPEN and self.high <= 0:
            return OFF
        return status


@dataclass(frozen=True)
class Proof:
    """A certified lower bound on a cell; in float64 D and the predictions of the relaxation, the program's value at D,
    and by how much each open unit is off its relu there, in the prediction."""

    bound: float
    value: float
    point: Array
    predictions: Array
    strain: Array


def unit(drive: Drive, prediction: int, weight: arb, radius: arb) -> Unit:
    """A unit with its range on ||D|| <= radius."""
    tau, reach = drive.tau, radius * norm(drive.alpha)
    return Unit(arb_mat([drive.alpha]), tau, prediction, weight, (tau - reach).lower(), (tau + reach).upper())


class Program:
    """min sum_j mass_j ell(f_j, y_j) over the ball; atoms (prediction, y, mass)."""

    def __init__(
        self,
        loss: Loss,
        atoms: Sequence[tuple[int, arb, arb]],
        units: Sequence[Unit],
        radius: arb,
        pattern: Pattern = (),
    ) -> None:
        self.loss, self.atoms, self.units, self.radius = loss, atoms, units, radius
        self.predictions = 1 + max(j for j, _, _ in atoms)
        given = pattern or (OPEN,) * len(units)
        self.root = tuple(u.settled(s) for u, s in zip(units, given, strict=True))
        self._alpha = np.array([[midpoint(v) for v in u.alpha.entries()] for u in units])
        self._tau = np.array([midpoint(u.tau) for u in units])
        self._weight = np.array([midpoint(u.weight) for u in units])
        self._low, self._high = (np.array([midpoint(getattr(u, end)) for u in units]) for end in ("low", "high"))
        self._owner = np.array([u.prediction for u in units])
        self._place = np.array([j for j, _, _ in atoms])
        self._labels, self._masses = (
            np.array([midpoint(arb(v)) for v in c]) for c in list(zip(*atoms, strict=True))[1:]
        )

    # --- proposals, in float64 ------------------------------------------------------------------------------

    def _relaxed(self, pattern: Pattern) -> tuple[Array, Array, Array]:
        """(D, predictions, values of the open units) that nearly solve the relaxation."""
        status = np.array(pattern)
        open_ = np.flatnonzero((status == OPEN) & (self._weight != 0))
        on = np.flatnonzero(status == ON)
        d, count = self._alpha.shape[1], len(open_)
        into = np.zeros((self.predictions, d + count))
        base = np.zeros(self.predictions)
        for u in on:
            into[self._owner[u], :d] += self._weight[u] * self._alpha[u]
            base[self._owner[u]] += self._weight[u] * self._tau[u]
        into[self._owner[open_], d + np.arange(count)] += self._weight[open_]

        def risk(v: Array) -> tuple[float, Array]:
            with np.errstate(over="ignore", invalid="ignore"):
                z = (base + into @ v)[self._place]
                slope = self._masses * self.loss.d1(Floats, z, self._labels)
                value = float(self._masses @ self.loss.value(Floats, z, self._labels))
            return value, np.bincount(self._place, slope, self.predictions) @ into

        # Signs of decided units that may be crossed; open units above 0, above t, below the chord.
        signed = np.flatnonzero(((status == ON) & (self._low < 0)) | ((status == OFF) & (self._high > 0)))
        rows = [np.concatenate([status[u] * self._alpha[u], np.zeros(count)]) for u in signed]
        sides = [status[u] * self._tau[u] for u in signed]
        for k, u in enumerate(open_):
            own = np.eye(count)[k]
            slope = self._high[u] / (self._high[u] - self._low[u])
            rows += [np.concatenate([-self._alpha[u], own]), np.concatenate([slope * self._alpha[u], -own])]
            sides += [-self._tau[u], slope * (self._tau[u] - self._low[u])]
        limits = [(None, None)] * d + [(0.0, None)] * count
        size = midpoint(self.radius)
        constraints = [{"type": "ineq", "fun": lambda v: size * size - v[:d] @ v[:d],
                        "jac": lambda v: np.concatenate([-2 * v[:d], np.zeros(count)])}]  # fmt: skip
        if rows:
            matrix, side = np.array(rows), np.array(sides)
            constraints.append({"type": "ineq", "fun": lambda v: matrix @ v + side, "jac": lambda v: matrix})
        start = np.concatenate([np.zeros(d), np.maximum(self._tau[open_], 0.0)])
        found = scipy.optimize.minimize(risk, start, jac=True, method="SLSQP", bounds=limits, constraints=constraints,
                         options={"maxiter": 200, "ftol": 1e-13}).x  # fmt: skip
        v = found if np.isfinite(found).all() else start
        return v[:d], base + into @ v, v[d:]

    def _slopes(self, pattern: Pattern, pulls: Array) -> Array:
        """a_u [U] that nearly maximise the bound for k_u = pulls."""
        status = np.array(pattern)
        chord = pulls * self._high / np.where(self._high > self._low, self._high - self._low, 1.0)
        start = np.where(status == ON, pulls, np.where((status == OPEN) & (pulls < 0), chord, 0.0))
        free = np.flatnonzero(
            (status == ON) & (self._low < 0) | (status == OFF) & (self._high > 0) | (status == OPEN) & (pulls > 0)
        )
        if not len(free):
            return start
        limits = [(None, pulls[u]) if status[u] == ON else (0.0, None if status[u] == OFF else pulls[u]) for u in free]
        size = midpoint(self.radius)

        def lack(a: Array) -> tuple[float, Array]:
            full = start.copy()
            full[free] = a
            pull = full @ self._alpha
            length = float(np.linalg.norm(pull))
            along = self._alpha @ pull / length if length > 0 else np.zeros(len(full))
            return size * length - float(full @ self._tau), (size * along - self._tau)[free]

        inner = np.where((status == OPEN)[free], pulls[free] / 2, start[free])
        found = scipy.optimize.minimize(lack, inner, jac=True, method="L-BFGS-B", bounds=limits,
                         options={"maxiter": 500, "ftol": 1e-16, "gtol": 1e-12}).x  # fmt: skip
        start[free] = found
        return start

    # --- decisions, in balls --------------------------------------------------------------------------------

    def prove(self, pattern: Pattern) -> Proof:
        """A lower bound on the cell."""
        point, predictions, values = self._relaxed(pattern)
        at = proposed(predictions)
        total = arb(0)
        slopes = [arb(0)] * self.predictions
        for j, y, mass in self.atoms:
            slope = mass * self.loss.d1(Balls, arb(at[j]), y)
            total += mass * self.loss.value(Balls, arb(at[j]), y) - slope * at[j]
            slopes[j] = slopes[j] + slope
        pulls = [slopes[u.prediction] * u.weight for u in self.units]
        chosen = self._slopes(pattern, np.array([midpoint(k) for k in pulls]))
        direction = self.units[0].alpha * 0
        for u, k, a, status in zip(self.units, pulls, chosen, pattern, strict=True):
            slope, offset = line(u, k, arb(float(a)), status)
            total += slope * u.tau + offset
            direction += u.alpha * slope
        bound = bounds(total - self.radius * root(sum((v * v for v in direction.entries()), start=arb(0))))[0]
        relu = np.maximum(self._alpha @ point + self._tau, 0.0)
        strain = np.zeros(len(self.units))
        open_ = [i for i, s in enumerate(pattern) if s == OPEN and self._weight[i] != 0]
        strain[open_] = np.abs(self._weight[open_] * (values - relu[open_]))
        z = np.bincount(self._owner, self._weight * relu, self.predictions)[self._place]
        with np.errstate(over="ignore", invalid="ignore"):
            value = float(self._masses @ self.loss.value(Floats, z, self._labels))
        return Proof(bound if bound == bound else -np.inf, value, point, predictions, strain)


def line(unit: Unit, pull: arb, proposal: arb, status: int) -> tuple[arb, arb]:
    """(a, c) with pull relu(t) >= a t + c on the unit's cell: the proposal, moved to where that is proved."""
    if status == ON:
        return (proposal if proposal <= pull else pull), arb(0)
    if status == OFF:
        return (proposal if proposal >= 0 else arb(0)), arb(0)
    if pull >= 0:
        return (proposal if proposal >= 0 and proposal <= pull else arb(0) if proposal <= 0 else pull), arb(0)
    if pull < 0:
        slope = pull * unit.high / (unit.high - unit.low)
        return slope, -slope * unit.low
    return arb(0), -Balls.magnitude(pull) * unit.high


@dataclass(frozen=True)
class Minimum:
    """A certified lower bound; D and the predictions in the cell where it is least; the cells examined."""

    bound: float
    point: Array
    predictions: Array
    cells: int


def least(programs: Sequence[Program], gap: float = 1e-9, most: int = 400) -> Minimum:
    """A lower bound of the smallest value among programs: the cell with the least bound is cut until it is tight to
    `gap`, nothing is left to cut in it, or `most` cells were examined."""
    queue: list[tuple[float, int, Program, Pattern, Proof]] = []
    cells = 0
    for program in programs:
        proof = program.prove(program.root)
        queue.append((proof.bound, cells, program, program.root, proof))
        cells += 1
    heapq.heapify(queue)
    while True:
        bound, _, program, pattern, proof = queue[0]
        cut = int(np.argmax(proof.strain))
        if proof.value - bound <= gap * max(abs(bound), 1e-3) or proof.strain[cut] == 0 or cells >= most:
            return Minimum(bound, proof.point, proof.predictions, cells)
        heapq.heappop(queue)
        for status in (ON, OFF):
            half = (*pattern[:cut], status, *pattern[cut + 1 :])
            proof = program.prove(half)
            heapq.heappush(queue, (max(proof.bound, bound), cells, program, half, proof))
            cells += 1
