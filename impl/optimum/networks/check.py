r"""The checker of lower ends of inf L over all networks: it proves them again, and imports nothing that finds them.

`check_predictions`: no network does better than the best predictions that its kind can have, input by input. Along a
ray of inputs f(t x) = t f(x) for relu, t >= 0, with f >= 0 (f <= 0) if every b_r is 1 (-1); |f| < sqrt m and
f(-x) = -f(x) for tanh; f > 0 (f < 0) for softplus if every b_r is 1 (-1). Inputs that so share one number s have a
group; what is proposed is s. With phi(s) = sum p ell(t s, y) convex, left < s < right with phi'(left) < 0 <
phi'(right) (or an end of the range there) holds the minimiser, so that

    inf phi >= phi(s) - |phi'(s)| max(s - left, right - s).

`check_cells`: one or two relu neurons with scalar inputs, squared loss, one step. In V = W/sqrt m, where the signs of V
and of all V_i are fixed, f(x; V) = a_x'V with a_x = (b_r 1{V_r x > 0} x)_r, V_i = V - (eta/m) sum p (a_x'V - y) a_x, so
that L is a convex quadratic q; relu is continuous, so that closed cells cover all V_r != 0, and V_r = 0 leaves a neuron
off. Any v and lambda >= 0 with grad q(v) = sum lambda_j grad c_j and c_j(v) = 0 where lambda_j > 0 prove q >= q(v)
where all c_j >= 0. A cell is empty where lambda >= 0, not 0, makes sum lambda_j c_j a constant <= 0. All in rationals.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from flint import arb, ctx, fmpq, fmpq_mat

from ...arithmetic import Balls, bounds, rational, root
from ...bracket import Check
from ...instances import Vector
from ...losses import Link, Loss
from ...supervised.instance import Functions, NetworkInstance, Task

PRECISION = 128
STEPS = range(-110, 8, 6)
"""Exponents of the distances at which the sign of phi' is looked for."""

Law = list[tuple[fmpq, fmpq, fmpq]]
"""(t, y, p): the prediction is t s."""
Ends = tuple[arb | None, arb | None]
"""The range of s; None: no end."""


def check_predictions(instance: NetworkInstance, proposed: Functions, lower: float) -> Check:
    """Whether inf L >= lower over all networks of the instance's kind, from proposed predictions (n, k)."""
    instance = instance.canonical
    total, count = arb(0), 0
    with ctx.workprec(PRECISION):
        kind = _Kind(instance)
        for weight, task, row in _tasks(instance, proposed):
            groups: dict[object, Law] = {}
            points: dict[object, fmpq] = {}
            for atom in task.atoms:
                name, t = kind.place(instance.features[atom.x])
                if t == 0:
                    total += weight * atom.p * instance.loss.value(Balls, kind.at_zero, arb(atom.y))
                    continue
                groups.setdefault(name, []).append((t, atom.y, atom.p))
                points[name] = row[atom.x] / t
            for name, law in groups.items():
                count += 1
                total += weight * _least(instance.loss, law, points[name], kind.ends)
        accepted = bool(total >= arb(rational(lower)))
    least = bounds(total)[0]
    said = "the best predictions are proved" if accepted else f"the best predictions give {least!r}, not {lower!r}"
    return Check(accepted, said, count)


def _tasks(instance: NetworkInstance, proposed: Functions) -> Iterator[tuple[fmpq, Task, Vector]]:
    """Weights, laws and proposals of the networks that may differ: without a step all tasks have the same."""
    if instance.adaptation.eta != 0:
        for task, row in zip(instance.tasks, proposed.values, strict=True):
            yield task.weight, task, row
        return
    mixed = [type(atom)(atom.x, atom.y, task.weight * atom.p) for task in instance.tasks for atom in task.atoms]
    yield fmpq(1), Task(fmpq(1), tuple(mixed)), proposed.values[0]


class _Kind:
    """What predictions the networks of a kind can have."""

    def __init__(self, instance: NetworkInstance) -> None:
        self.activation = getattr(instance, "activation", "relu")
        up = None if 1 in instance.signs else arb(0)
        down = None if -1 in instance.signs else arb(0)
        self.ends: Ends = (down, up)
        self.at_zero = arb(0)
        if self.activation == "tanh":
            limit = root(arb(instance.width))
            self.ends = (-limit, limit)
        elif self.activation == "softplus":
            self.at_zero = arb(2).log() * sum(instance.signs) / root(arb(instance.width))
        else:
            assert self.activation == "relu", self.activation

    def place(self, x: Vector) -> tuple[object, fmpq]:
        """The group of x and its factor t; 0 at the input 0."""
        first = next((v for v in x if v != 0), fmpq(0))
        if first == 0:
            return None, fmpq(0)
        if self.activation == "relu":
            return tuple(str(v / abs(first)) for v in x), abs(first)
        if self.activation == "tanh" and first < 0:
            return tuple(str(-v) for v in x), fmpq(-1)
        return tuple(str(v) for v in x), fmpq(1)


def _least(loss: Loss, law: Law, s: fmpq, ends: Ends) -> arb:
    """A lower bound of inf phi over the range; -inf if none is proved."""
    labels = [y for _, y, _ in law]
    positive = loss.profile.nonnegative or (loss.link is Link.CANONICAL and not any(labels))
    best = arb(0) if positive else arb("-inf")
    if not loss.profile.convex:
        return best

    def slope(at: arb) -> arb:
        return sum((arb(p * t) * loss.d1(Balls, arb(t) * at, arb(y)) for t, y, p in law), start=arb(0))

    low, high = ends
    at = arb(s)
    if low is not None and not at > low:
        at = arb(low.upper())
    if high is not None and not at < high:
        at = arb(high.lower())
    value = sum((arb(p) * loss.value(Balls, arb(t) * at, arb(y)) for t, y, p in law), start=arb(0))
    size, steep = 1 + arb(at.abs_upper()), slope(at).abs_upper()
    for exponent in STEPS:
        step = arb(2) ** exponent * size
        left, right = at - step, at + step
        held = (low is not None and left <= low) or slope(left) < 0
        if held and ((high is not None and right >= high) or slope(right) > 0):
            return max(best, value - steep * step, key=lambda bound: bounds(bound)[0])
    return best


# --- cells -------------------------------------------------------------------------------------------------------

Affine = tuple[list[fmpq], fmpq]
"""slope'V + offset."""


def check_cells(instance: NetworkInstance, lower: float) -> Check:
    """Whether inf L >= lower over all W, for up to two relu neurons with scalar inputs, one step, squared loss."""
    instance, least, count = instance.canonical, rational(lower), 0
    one = instance.adaptation.plain and (instance.adaptation.steps == 1 or instance.adaptation.eta == 0)
    if instance.family != "network" or instance.loss.name != "squared" or len(instance.features[0]) != 1 or not one:
        return Check(False, "scalar inputs, relu, the squared loss and one step are required")
    for live in itertools.product((0, 1), repeat=instance.width):
        outputs = [b for b, on in zip(instance.signs, live, strict=True) if on]
        patterns = list(itertools.product((1, -1), repeat=len(outputs)))
        for inner in patterns:
            for outer in itertools.product(patterns, repeat=len(instance.tasks)):
                count += 1
                if not _cell_is_above(_Cell(instance, outputs, inner, outer), least):
                    return Check(False, f"lower={lower!r} is not proved where W has signs {inner}, W_i {outer}", count)
    return Check(True, "every cell is proved", count)


class _Cell:
    """The quadratic q = sum mass r^2/2 of affine residuals r, and the constraints c >= 0 of a cell."""

    def __init__(
        self, instance: NetworkInstance, outputs: list[int], inner: tuple[int, ...], outer: tuple[tuple[int, ...], ...]
    ) -> None:
        m, rate = len(outputs), instance.adaptation.eta / instance.width

        def row(x: fmpq, signs: tuple[int, ...]) -> fmpq_mat:
            return fmpq_mat(1, m, [b * x if s * x > 0 else 0 for b, s in zip(outputs, signs, strict=True)])

        def signed(slopes: fmpq_mat, offsets: fmpq_mat, signs: tuple[int, ...]) -> Iterator[Affine]:
            for s, slope, offset in zip(signs, slopes.tolist(), offsets.entries(), strict=True):
                yield [s * v for v in slope], s * offset

        unit, zero = fmpq_mat(m, m, [int(i == j) for i in range(m) for j in range(m)]), fmpq_mat(m, 1)
        hessian, linear, self.size = fmpq_mat(m, m), zero, m
        self.constraints: list[Affine] = list(signed(unit, zero, inner))
        self.residuals: list[tuple[fmpq, Affine]] = []
        for task, signs in zip(instance.tasks, outer, strict=True):
            slopes, offsets = unit, zero
            for atom in task.inner:
                a = row(instance.features[atom.x][0], inner)
                slopes = slopes - a.transpose() * a * (rate * atom.p)
                offsets = offsets + a.transpose() * (rate * atom.p * atom.y)
            self.constraints += signed(slopes, offsets, signs)
            for atom in task.atoms:
                a, mass = row(instance.features[atom.x][0], signs), task.weight * atom.p
                slope, offset = a * slopes, (a * offsets)[0, 0] - atom.y
                self.residuals.append((mass, (slope.entries(), offset)))
                hessian, linear = (
                    hessian + slope.transpose() * slope * mass,
                    linear + slope.transpose() * (mass * offset),
                )
        self.hessian, self.linear = hessian.tolist(), linear.entries()

    def value(self, v: Sequence[fmpq]) -> fmpq:
        """q(v)."""
        return sum((mass * _at(r, v) ** 2 for mass, r in self.residuals), start=fmpq(0)) / 2

    def gradient(self, v: Sequence[fmpq]) -> list[fmpq]:
        """grad q(v)."""
        return [_at((row, b), v) for row, b in zip(self.hessian, self.linear, strict=True)]


def _at(affine: Affine, v: Sequence[fmpq]) -> fmpq:
    return sum((a * b for a, b in zip(affine[0], v, strict=True)), start=affine[1])


def _cell_is_above(cell: _Cell, least: fmpq) -> bool:
    """Whether q >= least on the closed cell is proved, or that the open one is empty."""
    m = cell.size
    for count in range(m + 1):
        for tight in itertools.combinations(cell.constraints, count):
            found = _stationary(cell, tight)
            if found is None or cell.value(found[0]) < least:
                continue
            v, multipliers = found
            pulled = [
                sum((f * c[0][i] for f, c in zip(multipliers, tight, strict=True)), start=fmpq(0)) for i in range(m)
            ]
            if cell.gradient(v) == pulled and all(f >= 0 for f in multipliers) and not any(_at(c, v) for c in tight):
                return True
    return any(_excludes(some) for n in range(1, m + 2) for some in itertools.combinations(cell.constraints, n))


def _stationary(cell: _Cell, tight: Sequence[Affine]) -> tuple[list[fmpq], list[fmpq]] | None:
    """v and multipliers with grad q(v) = sum multipliers grad c, c(v) = 0; None where they are not unique."""
    m, size = cell.size, cell.size + len(tight)
    if size == 0:
        return [], []
    rows = [cell.hessian[i] + [-c[0][i] for c in tight] for i in range(m)]
    rows += [c[0] + [fmpq(0)] * len(tight) for c in tight]
    system = fmpq_mat(size, size, [v for row in rows for v in row])
    if system.det() == 0:
        return None
    right = [-b for b in cell.linear] + [-c[1] for c in tight]
    solution = system.solve(fmpq_mat(size, 1, right)).entries()
    return solution[:m], solution[m:]


def _excludes(some: Sequence[Affine]) -> bool:
    """Whether a combination with factors >= 0, not all 0, is a constant <= 0: then not all can be > 0."""
    m, n = len(some[0][0]), len(some)
    if n == 1:
        return not any(some[0][0]) and some[0][1] <= 0
    reduced, rank = fmpq_mat(m, n, [c[0][i] for i in range(m) for c in some]).rref()
    if rank != n - 1:
        return False
    pivots = [next(j for j in range(n) if reduced[i, j] != 0) for i in range(rank)]
    (free,) = set(range(n)) - set(pivots)
    factors = [fmpq(0)] * n
    factors[free] = fmpq(1)
    for i, pivot in enumerate(pivots):
        factors[pivot] = -reduced[i, free]
    constant = sum((f * c[1] for f, c in zip(factors, some, strict=True)), start=fmpq(0))
    return all(f >= 0 for f in factors) and constant <= 0
