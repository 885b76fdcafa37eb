r"""The infimum of L for one or two neurons with scalar inputs, squared loss, one step: by enumeration, exactly.

Over all W, with 1{0 > 0} = 0: a neuron with V_r = 0 is off and stays at 0, so that face is the problem of the others.

In V = W/sqrt m the network is sum_r b_r relu(V_r x) and the step size eta/m, so that everything is rational. Where the
signs of V and of all V_i are fixed (a cell), L is a convex quadratic and the cell an open polyhedron: its infimum over
the cell is a minimum over the closure, at a point with at most m tight constraints. The closure lies in an orthant, has
a vertex, and so has the minimiser's face. L may jump at the boundary: then the infimum is not attained.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from flint import fmpq, fmpq_mat

from ...instances import Vector
from ...supervised.instance import NetworkInstance

NEURONS = 2


class NotEnumerableError(ValueError):
    """The instance has too many neurons, coordinates or steps, or another loss."""


@dataclass(frozen=True)
class ExactInfimum:
    """The infimum of L and the point V = W/sqrt m (m,) where it is approached or attained.

    attained   whether the point lies in an open cell (or in that of a face), so that L takes the value there
    """

    value: fmpq
    at: Vector
    attained: bool
    cells: int


@dataclass(frozen=True)
class _Affine:
    """slope'V + offset."""

    slope: Vector
    offset: fmpq

    def __call__(self, point: Vector) -> fmpq:
        return sum((a * v for a, v in zip(self.slope, point, strict=True)), start=self.offset)

    def plus(self, other: _Affine, factor: fmpq) -> _Affine:
        """self + factor other."""
        slope = tuple(a + factor * b for a, b in zip(self.slope, other.slope, strict=True))
        return _Affine(slope, self.offset + factor * other.offset)


def infimum(instance: NetworkInstance) -> ExactInfimum:
    """inf L over all W. Errors: NotEnumerableError."""
    d, adaptation = len(instance.features[0]), instance.adaptation
    one = adaptation.plain and (adaptation.steps == 1 or adaptation.eta == 0)
    if not instance.sigma.kinked or instance.loss.name != "squared" or instance.width > NEURONS or d != 1 or not one:
        got = f"{instance.sigma.name}, loss={instance.loss.name!r}, m={instance.width}, d={d}, steps={adaptation.steps}"
        raise NotEnumerableError(
            f"{got}: the squared loss, at most {NEURONS} neurons, d=1 and one step of a ReLU network are required"
        )
    instance = instance.canonical
    # W = 0: every neuron is off.
    value = sum((t.weight * a.p * a.y * a.y for t in instance.tasks for a in t.atoms), start=fmpq(0)) / 2
    best = ExactInfimum(value, (fmpq(0),) * instance.width, True, 1)
    for live in itertools.product((False, True), repeat=instance.width):
        if any(live):
            found = _off_kinks(instance, live)
            better = (found.value, not found.attained) < (best.value, not best.attained)
            best = replace(found if better else best, cells=best.cells + found.cells)
    return best


def _off_kinks(instance: NetworkInstance, live: tuple[bool, ...]) -> ExactInfimum:
    """inf L over V_r != 0 for the neurons that live, V_r = 0 for the others."""
    outputs = tuple(b for b, on in zip(instance.signs, live, strict=True) if on)
    eta = instance.adaptation.eta / instance.width
    best: ExactInfimum | None = None
    count = 0
    patterns = list(itertools.product((1, -1), repeat=len(outputs)))
    for inner in patterns:
        for outer in itertools.product(patterns, repeat=len(instance.tasks)):
            constraints, residuals = _cell(instance, outputs, eta, inner, outer)
            if not _has_interior(constraints):
                continue
            count += 1
            for point in _candidates(constraints, residuals):
                slack = [c(point) for c in constraints]
                if min(slack) < 0:
                    continue
                value = sum((mass * r(point) ** 2 for mass, r in residuals), start=fmpq(0)) / 2
                inside = min(slack) > 0
                if best is None or (value, not inside) < (best.value, not best.attained):
                    best = ExactInfimum(value, point, inside, 0)
    assert best is not None
    whole = iter(best.at)
    return replace(best, at=tuple(next(whole) if on else fmpq(0) for on in live), cells=count)


def _cell(
    instance: NetworkInstance,
    outputs: tuple[int, ...],
    eta: fmpq,
    inner: tuple[int, ...],
    outer: tuple[tuple[int, ...], ...],
) -> tuple[list[_Affine], list[tuple[fmpq, _Affine]]]:
    """The cell's constraints (>= 0) and L's residuals with their masses, for the signs of V and of the V_i."""
    m = len(outputs)
    neurons = [_Affine(tuple(fmpq(int(r == j)) for j in range(m)), fmpq(0)) for r in range(m)]
    zero = _Affine((fmpq(0),) * m, fmpq(0))
    constraints = [zero.plus(v, fmpq(s)) for v, s in zip(neurons, inner, strict=True)]
    residuals = []
    for task, pattern in zip(instance.tasks, outer, strict=True):
        if task.weight == 0:
            continue
        moved = list(neurons)
        for atom in task.inner:
            x = instance.features[atom.x][0]
            error = _predicted(outputs, neurons, inner, x).plus(_Affine(zero.slope, fmpq(1)), -atom.y)
            for r, (b, s) in enumerate(zip(outputs, inner, strict=True)):
                if s * x > 0:
                    moved[r] = moved[r].plus(error, -eta * atom.p * b * x)
        constraints += [zero.plus(v, fmpq(s)) for v, s in zip(moved, pattern, strict=True)]
        for atom in task.atoms:
            prediction = _predicted(outputs, moved, pattern, instance.features[atom.x][0])
            residuals.append((task.weight * atom.p, prediction.plus(_Affine(zero.slope, fmpq(1)), -atom.y)))
    # A neuron that its task does not move repeats its constraint.
    return list(dict.fromkeys(constraints)), residuals


def _predicted(outputs: tuple[int, ...], neurons: list[_Affine], pattern: tuple[int, ...], x: fmpq) -> _Affine:
    total = _Affine((fmpq(0),) * len(outputs), fmpq(0))
    for v, b, s in zip(neurons, outputs, pattern, strict=True):
        if s * x > 0:
            total = total.plus(v, b * x)
    return total


def _candidates(constraints: list[_Affine], residuals: list[tuple[fmpq, _Affine]]) -> Iterator[Vector]:
    """Minimisers of the quadratic on the faces where at most m constraints are tight, where unique."""
    m = len(constraints[0].slope)
    hessian = [[fmpq(0)] * m for _ in range(m)]
    linear = [fmpq(0)] * m
    for mass, r in residuals:
        for i in range(m):
            linear[i] += mass * r.slope[i] * r.offset
            for j in range(m):
                hessian[i][j] += mass * r.slope[i] * r.slope[j]
    for count in range(m + 1):
        for tight in itertools.combinations(constraints, count):
            size = m + count
            rows = [hessian[i] + [c.slope[i] for c in tight] for i in range(m)]
            rows += [list(c.slope) + [fmpq(0)] * count for c in tight]
            right = [-v for v in linear] + [-c.offset for c in tight]
            system = fmpq_mat(size, size, [v for row in rows for v in row])
            if system.det() != 0:
                solution = system.solve(fmpq_mat(size, 1, right))
                yield tuple(solution[i, 0] for i in range(m))


def _has_interior(constraints: list[_Affine]) -> bool:
    """Whether some point satisfies every constraint strictly.

    The vertices, and points along the unbounded edges, span the polyhedron: then their mean is such a point.
    """
    m = len(constraints[0].slope)
    vertices = []
    for tight in itertools.combinations(constraints, m):
        system = fmpq_mat(m, m, [v for c in tight for v in c.slope])
        if system.det() != 0:
            solution = system.solve(fmpq_mat(m, 1, [-c.offset for c in tight]))
            vertices.append(tuple(solution[i, 0] for i in range(m)))
    edges: list[Vector] = [(fmpq(1),), (fmpq(-1),)] if m == 1 else []
    if m == 2:
        for c in constraints:
            edges += [(c.slope[1], -c.slope[0]), (-c.slope[1], c.slope[0])]
    points = {v for v in vertices if all(c(v) >= 0 for c in constraints)}
    rays = {tuple(a + b for a, b in zip(v, e, strict=True)) for v in points for e in edges}
    points |= {p for p in rays if all(c(p) >= 0 for c in constraints)}
    if not points:
        return False
    mean = tuple(sum((p[i] for p in points), start=fmpq(0)) / len(points) for i in range(m))
    return all(c(mean) > 0 for c in constraints)
