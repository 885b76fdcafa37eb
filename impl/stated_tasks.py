"""What own quantities see of tasks: risks of a linear model with their derivatives, ranges of the loss, eigenvalues.

Written once more from the instance: nothing here is the engine's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
from flint import arb, arb_mat, ctx, fmpq

from .alike import agreed
from .arithmetic import Balls, IrrationalError, Number, NumberSystem, Rationals, dot, midpoint, root
from .balls.singular import positive_definite

Atoms = Sequence[tuple[list[Number], Number, Number]]


@dataclass(frozen=True)
class Risk:
    """R(theta) = sum p ell(phi'theta, y) of a law: (phi [d], y, p) of each atom; _laws: of which instances."""

    m: NumberSystem
    loss: Any
    atoms: Atoms
    _laws: Sequence[tuple[Any, Any]]

    @cached_property
    def spanning(self) -> bool:
        """Whether the features span R^d: without that no loss makes R strongly convex."""
        ranks = [
            Rationals.matrix([instance.rows[x] for x in sorted({a.x for a in law if a.p != 0})]).rank()
            for instance, law in self._laws
        ]
        return bool(agreed([rank == i.dimension for rank, (i, _) in zip(ranks, self._laws, strict=True)]))

    def predictions(self, theta: Sequence[Number]) -> list[Number]:
        """phi'theta of each atom."""
        return [self._dot(phi, theta) for phi, _, _ in self.atoms]

    def gradient(self, theta: Sequence[Number]) -> list[Number]:
        """grad R(theta) [d]."""
        slopes = [p * self.loss.d1(self.m, self._dot(phi, theta), y) for phi, y, p in self.atoms]
        return self._dotted(slopes, self._features)

    def hessian(self, theta: Sequence[Number]) -> list[list[Number]]:
        """Hess R(theta) [d][d]."""
        return self.weighted([self.loss.d2(self.m, self._dot(phi, theta), y) for phi, y, _ in self.atoms])

    def weighted(self, bends: Sequence[Number]) -> list[list[Number]]:
        """sum p bend phi phi' [d][d], of a number for each atom."""
        pulls = [p * bend for (_, _, p), bend in zip(self.atoms, bends, strict=True)]
        size = len(self.atoms[0][0])
        return [
            self._dotted([pull * phi[i] for pull, (phi, _, _) in zip(pulls, self.atoms, strict=True)], self._features)
            for i in range(size)
        ]

    @property
    def _features(self) -> list[list[Number]]:
        return [phi for phi, _, _ in self.atoms]

    def _dot(self, a: Sequence[Number], b: Sequence[Number]) -> Number:
        return sum((s * t for s, t in zip(a, b, strict=True)), start=self.m.number(fmpq(0)))

    def _dotted(self, numbers: Sequence[Number], vectors: Sequence[Sequence[Number]]) -> list[Number]:
        return [self._dot(numbers, column) for column in zip(*vectors, strict=True)]


@dataclass(frozen=True)
class TaskAt:
    """A task of positive weight: what it adapts on, and what it is judged on."""

    weight: Number
    support: Risk
    query: Risk

    def path(self, theta: Sequence[Number], step: Number, steps: int) -> list[list[Number]]:
        """theta and its iterates by plain gradient steps on the support [steps + 1][d]."""
        found = [list(theta)]
        for _ in range(steps):
            slope = self.support.gradient(found[-1])
            found.append([t - step * g for t, g in zip(found[-1], slope, strict=True)])
        return found


def tasks(instance: Any, m: NumberSystem) -> list[TaskAt]:
    """Those of an instance with a linear model of one output."""
    rows = [[m.number(v) for v in row] for row in instance.rows]

    def risk(given: Any) -> Risk:
        atoms = [a for a in given if a.p != 0]
        found = [(rows[a.x], m.number(a.y), m.number(a.p)) for a in atoms]
        return Risk(m, instance.loss, found, [(instance, given)])

    return [TaskAt(m.number(t.weight), risk(t.inner), risk(t.atoms)) for t in instance.tasks if t.weight != 0]


def between(loss: Any, m: NumberSystem, order: int, y: Number, a: Number, b: Number) -> tuple[Number, Number]:
    """The least and the largest ell^(order)(., y) between the predictions a and b: at an end, or where it turns; a loss
    with joints has both sides' second derivatives there.

    Errors: IrrationalError in rationals where it turns at no rational point.
    """
    evaluate: Callable[..., Number] = (loss.value, loss.d1, loss.d2, loss.d3)[order]
    values = [evaluate(m, z, y) for z in (a, b)]
    least, most = _least(m, values), -_least(m, [-v for v in values])
    turning = loss.profile.turning(order, loss._parameter(Balls))
    if turning is None:  # of a loss of one's own: the formula over the interval
        if m is not Balls:
            raise IrrationalError("nobody says where it turns: use balls")
        hull = evaluate(m, a.union(b), y)
        return arb(hull.lower()).min(least).union(least), arb(hull.upper()).max(most).union(most)
    for turn in turning:
        if m is not Balls and not turn.is_exact():
            raise IrrationalError("it turns at an irrational point: use balls")
        looks = (turn, *sides(loss, order, turn))
        at, *beside = (loss.prediction(t if m is Balls else t.fmpq(), y) for t in looks)
        side = (at - a) * (at - b)
        if side > 0 or side == 0:
            continue
        values = [evaluate(m, z, y) for z in beside]
        lower, upper = _least(m, [least, *values]), -_least(m, [-most, *(-v for v in values)])
        certain = side < 0
        least = lower if certain else lower.union(least)
        most = upper if certain else upper.union(most)
    return least, most


def sides(loss: Any, order: int, turn: arb) -> tuple[arb, ...]:
    """Where to look at a turning point: there; at a joint of the second derivative on either side."""
    return (turn / 2, turn * 3 / 2) if loss.profile.joints and order == 2 else (turn,)


def _least(m: NumberSystem, values: Sequence[Number]) -> Number:
    least = values[0]
    for value in values[1:]:
        least = least.min(value) if m is Balls else min(least, value)
    return least


def eigenvalues(m: NumberSystem, rows: Sequence[Sequence[Number]]) -> tuple[Number, Number]:
    """The least and the largest eigenvalue of a symmetric matrix.

    Errors: IrrationalError in rationals, but of diagonal matrices and those of rank one.
    """
    size = len(rows)
    alone = all(rows[i][j] == 0 for i in range(size) for j in range(size) if i != j)
    diagonal = [rows[i][i] for i in range(size)]
    if alone:
        return _least(m, diagonal), -_least(m, [-v for v in diagonal])
    entries = [v for row in rows for v in row]
    if m is not Balls or all(v.is_exact() for v in entries):
        exact = Rationals.matrix([[v if m is not Balls else v.fmpq() for v in row] for row in rows])
        if exact.rank() == 1:
            ends = (m.number(0), sum(diagonal, start=m.number(0)))
            return _least(m, ends), -_least(m, [-v for v in ends])
    if m is not Balls:
        raise IrrationalError("eigenvalues are evaluated in balls")
    matrix = arb_mat([list(row) for row in rows])
    return -largest_eigenvalue(-matrix), largest_eigenvalue(matrix)


def largest_eigenvalue(matrix: arb_mat) -> arb:
    """That of a symmetric matrix, of any sign.

    Lower bound: the Rayleigh quotient of a proposed vector, refined by inverse iteration. Upper bound: the smallest
    proposed t for which t - M is certified positive definite; at worst the norm.
    """
    size, entries = matrix.nrows(), matrix.entries()
    norm = root(dot(entries, entries))
    table = np.array([midpoint(v) for v in entries]).reshape(size, size)
    if not norm.is_finite() or not np.isfinite(table).all():
        return arb("nan")
    v = arb_mat([[float(t)] for t in np.linalg.eigh((table + table.T) / 2)[1][:, -1]])
    lower = _rayleigh(matrix, v)
    for bits in (40, 40, 80, 80, 160, 160, 320, 320):
        # From just above, so that it is the largest one that the iteration tends to.
        above = lower + arb(2) ** -bits * norm
        shifted = arb_mat([[matrix[i, j] - (above if i == j else 0) for j in range(size)] for i in range(size)])
        try:
            step = shifted.mid().solve(v, algorithm="approx")
        except ZeroDivisionError:
            break
        v = (step * (1 / reduce(arb.max, (t.abs_upper() for t in step.entries())))).mid()
        lower = lower.max(_rayleigh(matrix, v))
    for bits in range((3 * ctx.prec) // 4, 1, -8):
        candidate = arb((lower + norm * arb(2) ** -bits).upper())
        if positive_definite(-matrix, -candidate):
            return arb(lower.lower()).union(candidate)
    return arb(lower.lower()).union(arb(norm.upper()))


def _rayleigh(matrix: arb_mat, v: arb_mat) -> arb:
    return (v.transpose() * matrix * v)[0, 0] / sum((t * t for t in v.entries()), start=arb(0))


def constant(loss: Any, m: NumberSystem, name: str) -> Number | None:
    """A supremum of the loss over all predictions, "m1", "m2", "m3" (see `profiles.Constants`); None: infinite.

    Errors: IrrationalError in rationals where it is irrational.
    """
    found = getattr(loss.constants(), name)
    if found is None or m is Balls:
        return found
    if not found.is_exact():
        raise IrrationalError(f"{name} of the {loss.name} loss is irrational: use balls")
    return fmpq(found.fmpq())
