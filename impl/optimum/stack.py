r"""All tasks' atoms as rows of one float64 table: what the convex path proposes on, and what its checker encloses with.

Row a has features x_a, label y_a, mass p_a within its task and q_a p_a in all; of a task with a support the rows are
the atoms of either law, `masses` are those of the inner law, that it adapts to, `outer` those of the outer one. Tasks
are runs of rows. A vector of parameters in float64 with an error is a ball of the Euclidean norm: (mid, rad) stands
for every v, ||v - mid|| <= rad. With it products need no second product for their rounding; by Cauchy and Schwarz, for
any order of summation and with or without fused products (so that any BLAS may be used that adds products up),

    |fl(x'v) - x'v| <= gamma_d ||x|| ||v||,      ||fl(X'w) - X'w|| <= gamma_k ||X||_F ||w||,    gamma_m = m u/(1 - m u),

and an error of norm r in v or w moves them by at most ||x|| r, or ||X||_F r. Sums over rows are taken in pieces of at
most `PIECE` rows, so that k is that many, and then over pieces.

Where features are no float64 numbers, each entry is rounded once: relative u, which `error` adds to gamma.

With a rate for each parameter steps are theta <- theta - rate R X_i's, R = diag(rates), and A = X R X'. Where R >= 0
that is YY' with Y = X R^(1/2), the table of `scaled`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import fmpq

from ..arithmetic import Array, rational, to_float
from ..blas import compared, signs, tried
from ..loss_ranges import LossRanges
from ..losses import Loss
from ..midrad import GUARD, UP, MidRad, U
from ..supervised.adaptation import Gradient
from ..supervised.instance import Atoms, MetaSLInstance, Task, both_laws
from ..supervised.tables import Rows
from .spread import of_one_output

PIECE = 512
"""Rows whose products are added up at once."""
ONE = fmpq(1)
MINUS = MidRad(-1.0)
TINY = 2.0**-500
"""Covers the squares that underflow below a root."""


@dataclass(frozen=True)
class Balls2:
    """Vectors (n, d) with the norms of their errors (n,)."""

    mid: Array
    rad: Array

    @cached_property
    def size(self) -> Array:
        """Numbers that no ||v|| exceeds (n,)."""
        return (norms(self.mid, 1) + self.rad) * UP


@dataclass(frozen=True)
class Path:
    """An adaptation: predictions after it z (N,), the masses times ell'' before each step, the sum of R times its
    gradients."""

    z: MidRad
    bends: list[MidRad]
    pull: Balls2


def norms(table: Array, axis: int) -> Array:
    """At least the Euclidean norms along an axis."""
    count = table.shape[axis]
    return np.sqrt((table * table).sum(axis)) * (1 + (count + 8) * U) + TINY


def gamma(count: int) -> float:
    """At least gamma_count, and what adding it up costs."""
    return (count + 4) * U * (1 + 8 * count * U)


class Stack:
    """The instance's atoms: points, labels, masses, outer [N], x (N, d), tasks' weights [n] and `starts` [n + 1]."""

    def __init__(self, instance: MetaSLInstance) -> None:
        instance = of_one_output(instance)
        self.loss: Loss = instance.loss
        self.dimension = instance.dimension
        adaptation = instance.adaptation.canonical
        self.steps = adaptation.steps if isinstance(adaptation, Gradient) and adaptation.eta != 0 else 0
        rates = adaptation.rates if isinstance(adaptation, Gradient) else None
        self.rates = None if rates is None else MidRad.of(rates, (len(rates),))
        decay = adaptation.decay if isinstance(adaptation, Gradient) else fmpq(0)
        self.decay = None if decay == 0 else MidRad.of([decay], ())
        self.eta = adaptation.eta if isinstance(adaptation, Gradient) else fmpq(0)
        self.rate = MidRad.of([self.eta], ())
        table, exact = _floats(instance)
        self.error = 0.0 if exact else 2 * U
        tasks = [task for task in instance.canonical.tasks if task.weight != 0]
        self.points, labels, masses, self.outer = _atoms(tasks)
        self.x = table[self.points]
        counts = [len(task.atoms if task.support is None else both_laws(task)) for task in tasks]
        self.starts = np.concatenate([[0], np.cumsum(counts)]).astype(int)
        self.task = np.repeat(np.arange(len(tasks)), counts)
        self.labels, self.masses = labels, masses
        self.weights = numbers([task.weight for task in tasks])
        self.ranges = LossRanges(instance.loss, self.labels)

    @property
    def count(self) -> int:
        """Rows."""
        return len(self.x)

    @cached_property
    def slices(self) -> list[slice]:
        """The rows of each task."""
        return [slice(a, b) for a, b in zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True)]

    @cached_property
    def _pieces(self) -> list[tuple[int, slice]]:
        return [
            (i, slice(a, min(a + PIECE, own.stop)))
            for i, own in enumerate(self.slices)
            for a in range(own.start, own.stop, PIECE)
        ]

    @cached_property
    def _signed(self) -> _Signed:
        return _Signed(self)

    @cached_property
    def lengths(self) -> Array:
        """At least ||x_a|| (N,)."""
        return norms(self.x, 1) * (1 + self.error)

    @cached_property
    def sizes(self) -> Array:
        """At least ||X_i||_F per task (n,)."""
        return np.array([norms(self.lengths[own], 0) for own in self.slices])

    @cached_property
    def row_weights(self) -> MidRad:
        """q_i p_a of the outer laws (N,)."""
        return self.outer * self.weights[self.task]

    # --- products, in floats and enclosed -------------------------------------------------------------------------

    def times(self, theta: Array) -> Array:
        """x_a'theta_i (N,) of one vector (d,), or of one for each task (n, d)."""
        if theta.ndim == 1:
            return self.x @ theta
        found = np.empty(self.count)
        for i, own in self._pieces:
            found[own] = self.x[own] @ theta[i]
        return found

    def pulled(self, w: Array) -> Array:
        """X_i'w per task (n, d), of w (N,)."""
        found = np.zeros((len(self.slices), self.dimension))
        for i, own in self._pieces:
            found[i] += w[own] @ self.x[own]
        return found

    def predictions(self, theta: Balls2) -> MidRad:
        """x_a'theta_i enclosed (N,); theta of n vectors, or of one for all tasks."""
        one = len(theta.mid) == 1
        mid = self.times(theta.mid[0] if one else theta.mid)
        self._signed.times(mid, theta.mid)
        room = (theta.rad + (gamma(self.dimension) + self.error) * theta.size) * UP
        return MidRad(mid, self.lengths * (room if one else room[self.task]) * UP + GUARD)

    def gathered(self, w: MidRad) -> Balls2:
        """X_i'w enclosed per task (n, d), of w (N,): pieces of at most PIECE rows, and then the sum of the pieces."""
        longest = int(np.diff(self.starts).max())
        rate = gamma(min(longest, PIECE) - (-longest // PIECE)) + self.error
        size = np.broadcast_to((w.rad + rate * np.abs(w.mid)) * UP + GUARD, w.shape)
        errors = np.array([norms(size[own], 0) for own in self.slices])
        mid = np.broadcast_to(w.mid, w.shape)
        pulled = self.pulled(mid)
        self._signed.pulled(mid, pulled)
        return Balls2(pulled, self.sizes * errors * UP + GUARD)

    # --- adaptation, and its derivative ---------------------------------------------------------------------------

    def adapted(
        self, start: Balls2, masses: MidRad, rate: MidRad, steps: int, watch: Callable[[], None] = lambda: None
    ) -> Path:
        """Of every task from its start (one for all, or n), by steps theta <- theta - rate R (X_i's(X_i theta) + decay
        theta)."""
        z, bends, here = self.predictions(start), [], start
        pull = Balls2(np.zeros((len(self.slices), self.dimension)), np.zeros(len(self.slices)))
        for _ in range(steps):
            watch()
            bends.append(masses * self.ranges.at(2, z))
            gradient = self.gathered(masses * self.ranges.at(1, z))
            if self.decay is not None:
                gradient = less(gradient, here, -self.decay)
            gradient = self.paced(gradient)
            here = less(here, gradient, rate)
            z, pull = z - rate * self.predictions(gradient), less(pull, gradient, MINUS)
        return Path(z, bends, pull)

    def back(
        self, v: Balls2, bends: Sequence[MidRad], rate: MidRad, watch: Callable[[], None] = lambda: None
    ) -> Balls2:
        """The transpose of the adaptation's Jacobian, times v: v <- v - rate (X_i'D X_i + decay) R v, the last step
        first."""
        for bend in reversed(bends):
            watch()
            turned = self.paced(v)
            change = self.gathered(bend * self.predictions(turned))
            v = less(v, change if self.decay is None else less(change, turned, -self.decay), rate)
        return v

    def paced(self, v: Balls2) -> Balls2:
        """R v, of vectors (n, d)."""
        if self.rates is None:
            return v
        most, off = float(self.rates.size.max()), float(self.rates.rad.max())
        return Balls2(v.mid * self.rates.mid, (most * v.rad + (2 * U * most + off) * v.size) * UP + GUARD)

    def turned(self, v: Array) -> Array:
        """R v in float64, of vectors (d,) or (n, d)."""
        return v if self.rates is None else v * self.rates.mid

    @property
    def fading(self) -> float:
        """The weight decay in float64."""
        return 0.0 if self.decay is None else float(self.decay.mid)

    @cached_property
    def scaled(self) -> Stack:
        """The stack of X R^(1/2), for rates >= 0: a root and its product err by less than 4 u."""
        if self.rates is None:
            return self
        one = self._fresh()
        one.x, one.error, one.rates = self.x * np.sqrt(self.rates.mid), self.error + 4 * U, None
        return one

    def without(self, rates: bool, decay: bool) -> Stack:
        """The same with one rate for all parameters, or without weight decay."""
        one = copy(self)
        one.rates, one.decay = None if rates else self.rates, None if decay else self.decay
        return one

    def _fresh(self) -> Stack:
        """A copy without what is computed from the features."""
        one = copy(self)
        for name in ("slices", "_pieces", "_signed", "lengths", "sizes", "row_weights", "scaled"):
            one.__dict__.pop(name, None)
        return one

    def only(self, i: int) -> Stack:
        """One task alone, with its weight."""
        own, one = self.slices[i], self._fresh()
        one.points, one.x, one.labels = self.points[own], self.x[own], self.labels[own]
        one.masses, one.outer = self.masses[own], self.outer[own]
        one.weights, one.starts = self.weights[i : i + 1], np.array([0, own.stop - own.start])
        one.task = np.zeros(own.stop - own.start, dtype=int)
        one.ranges = LossRanges(self.loss, one.labels)
        return one


class _Signed:
    """Products of a stack's features with vectors, compared (`blas`): r'(X theta) with (r'X) theta, by pieces of rows,
    and (X'w)'s with w'(X s); r'X and X s are added up once."""

    def __init__(self, stack: Stack) -> None:
        tried()
        pieces = stack._pieces
        self.starts, self.task = np.array([own.start for _, own in pieces]), np.array([i for i, _ in pieces])
        self.firsts = np.flatnonzero(np.diff(self.task, prepend=-1))
        self.rows, self.columns = signs(stack.count), signs(stack.dimension)
        x = stack.x
        self.down = np.array([np.einsum("a,aj->j", self.rows[own], x[own], optimize=False) for _, own in pieces])
        self.across = np.einsum("aj,j->a", x, self.columns, optimize=False)
        # At least the sizes of the sums: |r'X||theta| and |X||s| <= ||x|| ||.|| times the root of the numbers of terms.
        self.lengths, self.root = stack.lengths, math.sqrt(stack.dimension)
        self.terms = stack.dimension + min(PIECE, stack.count)

    def times(self, z: Array, theta: Array) -> None:
        """z = X theta, (N,) of (1, d) or (n, d). Errors: DefectError."""
        starts = theta if len(theta) == 1 else theta[self.task]
        left = np.add.reduceat(self.rows * z, self.starts)
        right = np.einsum("pj,pj->p", self.down, np.broadcast_to(starts, self.down.shape), optimize=False)
        size = np.add.reduceat(self.lengths, self.starts) * norms(starts, 1)
        compared(left, right, 4 * size, self.terms, "a product of features and a parameter")

    def pulled(self, w: Array, v: Array) -> None:
        """v = X_i'w per task, (n, d) of (N,). Errors: DefectError."""
        pieces = np.add.reduceat(w * self.across, self.starts)
        size = np.add.reduceat(np.add.reduceat(np.abs(w) * self.lengths, self.starts), self.firsts) * self.root
        terms = self.terms + int(np.diff(self.firsts, append=len(self.starts)).max())
        left = np.einsum("ij,j->i", v, self.columns, optimize=False)
        compared(left, np.add.reduceat(pieces, self.firsts), 4 * size, terms, "a product of features and weights")


def less(v: Balls2, w: Balls2, rate: MidRad) -> Balls2:
    """v - rate w, of vectors (n, d)."""
    size = float(rate.size)
    mid = v.mid - rate.mid * w.mid
    rounding = 4 * U * (v.size + size * w.size) + float(rate.rad) * w.size
    return Balls2(mid, (v.rad + size * w.rad + rounding) * UP + GUARD)


def weighted(weights: MidRad, v: Balls2) -> tuple[Array, float]:
    """sum_i q_i v_i (d,) and the norm of its error."""
    mid = weights.mid @ v.mid
    room = weights.size * v.rad + (gamma(len(v.mid)) + 2 * U) * weights.size * v.size + weights.rad * v.size
    return mid, float(room.sum()) * (1 + 2.0**-40) + GUARD


def total(terms: MidRad) -> MidRad:
    """The sum of many numbers, in two rounds so that few roundings add up."""
    count = terms.shape[0]
    side = max(math.isqrt(count), 1)
    rows = -(-count // side)
    padded = [
        np.concatenate([np.broadcast_to(v, terms.shape), np.zeros(rows * side - count)]) for v in (terms.mid, terms.rad)
    ]
    return MidRad(*padded).reshape(rows, side).sum(1).sum(0)


def _floats(instance: MetaSLInstance) -> tuple[Array, bool]:
    """The features in float64, and whether they are exactly that."""
    if isinstance(instance.features, Rows):
        return instance.features.array, True
    table = np.array([[to_float(v) for v in row] for row in instance.features])
    exact = np.isfinite(table).all() and all(
        rational(f) == v
        for floats, row in zip(table.tolist(), instance.features, strict=True)
        for f, v in zip(floats, row, strict=True)
    )
    return table, bool(exact)


def _atoms(tasks: Sequence[Task]) -> tuple[Array, MidRad, MidRad, MidRad]:
    """Points, labels, inner and outer masses of all atoms [N]."""
    points, labels, masses, outer = [], [], [], []
    for task in tasks:
        atoms = task.atoms
        if isinstance(atoms, Atoms) and task.support is None:
            points.append(atoms.points)
            labels.append(MidRad(atoms.labels, np.zeros(len(atoms))))
            masses.append(numbers(atoms.counts.tolist(), fmpq(1, atoms.total)))
            outer.append(masses[-1])
        else:
            rows = both_laws(task)
            points.append(np.array([x for x, _, _, _ in rows]))
            labels.append(numbers([y for _, y, _, _ in rows]))
            masses.append(numbers([p for _, _, p, _ in rows]))
            outer.append(masses[-1] if task.support is None else numbers([p for _, _, _, p in rows]))
    return np.concatenate(points), _joined(labels), _joined(masses), _joined(outer)


def _joined(parts: Sequence[MidRad]) -> MidRad:
    return MidRad(np.concatenate([v.mid for v in parts]), np.concatenate([v.rad for v in parts]))


def numbers(values: Sequence[fmpq | int], unit: fmpq = ONE) -> MidRad:
    """Exact numbers times a unit, rounded outward [N]; each different one once."""
    distinct = {value: j for j, value in enumerate(dict.fromkeys(values))}
    table = MidRad.of([value * unit for value in distinct], (len(distinct),))
    return table[np.array([distinct[value] for value in values])]
