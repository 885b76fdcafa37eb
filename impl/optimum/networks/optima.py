r"""The infimum of L for one or two neurons with scalar inputs, squared loss, one step: by enumeration, exactly.

Over all W, with 1{0 > 0} = 0: a neuron with V_r = 0 is off and stays at 0, so that face is the problem of the others.

In V = W/sqrt m the network is sum_r b_r relu(V_r x) and the step size eta/m, so that everything is rational. Where the
signs of V and of all V_i are fixed (a cell), L is a convex quadratic and the cell an open polyhedron: its infimum over
the cell is a minimum over the closure, at a point with at most m tight constraints. The closure lies in an orthant, has
a vertex, and so has the minimiser's face. L may jump at the boundary: then the infimum is not attained.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from flint import fmpq, fmpq_mat

from ...arithmetic import dot
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


Affine = tuple[fmpq, ...]
"""slope'V + offset, as (*slope, offset): its value is the product with (*V, 1)."""


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
    best: ExactInfimum | None = None
    count = 0
    patterns = list(itertools.product((1, -1), repeat=len(outputs)))
    for inner in patterns:
        for outer in itertools.product(patterns, repeat=len(instance.tasks)):
            constraints, quadratic = _cell(instance, outputs, inner, outer)
            if not _has_interior(constraints):
                continue
            count += 1
            for point in _candidates(constraints, quadratic):
                slack = min(dot(c, point) for c in constraints)
                if slack < 0:
                    continue
                value = dot(point, (quadratic * fmpq_mat(len(point), 1, list(point))).entries()) / 2
                if best is None or (value, slack == 0) < (best.value, not best.attained):
                    best = ExactInfimum(value, point[:-1], slack > 0, 0)
    assert best is not None
    whole = iter(best.at)
    return replace(best, at=tuple(next(whole) if on else fmpq(0) for on in live), cells=count)


def _cell(
    instance: NetworkInstance, outputs: tuple[int, ...], inner: tuple[int, ...], outer: tuple[tuple[int, ...], ...]
) -> tuple[list[Affine], fmpq_mat]:
    """The cell's constraints (>= 0), and Q with L = (V, 1)'Q(V, 1)/2, for the signs of V and of the V_i."""
    m, eta = len(outputs), instance.adaptation.eta / instance.width
    neurons = fmpq_mat(m, m + 1, [int(r == j) for r in range(m) for j in range(m + 1)])
    one = fmpq_mat(1, m + 1, [int(j == m) for j in range(m + 1)])

    def features(x: fmpq, pattern: tuple[int, ...]) -> fmpq_mat:
        """What the prediction at x takes of the neurons (1, m)."""
        return fmpq_mat(1, m, [b * x if s * x > 0 else 0 for b, s in zip(outputs, pattern, strict=True)])

    def signed(layer: fmpq_mat, pattern: tuple[int, ...]) -> list[Affine]:
        return [tuple(s * v for v in row) for s, row in zip(pattern, layer.tolist(), strict=True)]

    constraints, quadratic = signed(neurons, inner), fmpq_mat(m + 1, m + 1)
    for task, pattern in zip(instance.tasks, outer, strict=True):
        if task.weight == 0:
            continue
        moved = neurons
        for atom in task.inner:
            seen = features(instance.features[atom.x][0], inner)
            moved = moved - seen.transpose() * (seen * neurons - one * atom.y) * (eta * atom.p)
        constraints += signed(moved, pattern)
        for atom in task.atoms:
            rest = features(instance.features[atom.x][0], pattern) * moved - one * atom.y
            quadratic += rest.transpose() * rest * (task.weight * atom.p)
    # A neuron that its task does not move repeats its constraint.
    return list(dict.fromkeys(constraints)), quadratic


def _solved(rows: Sequence[Sequence[fmpq]], right: Sequence[fmpq]) -> Vector | None:
    """The solution of a square system; None where it is not unique."""
    system = fmpq_mat(len(rows), len(rows), [v for row in rows for v in row])
    return None if system.det() == 0 else tuple(system.solve(fmpq_mat(len(rows), 1, list(right))).entries())


def _candidates(constraints: list[Affine], quadratic: fmpq_mat) -> Iterator[Affine]:
    """Minimisers (V, 1) of the quadratic on the faces where at most m constraints are tight, where unique."""
    *bends, _ = quadratic.tolist()
    m = len(bends)
    for count in range(m + 1):
        for tight in itertools.combinations(constraints, count):
            rows = [[*bend[:m], *(c[i] for c in tight)] for i, bend in enumerate(bends)]
            rows += [[*c[:m], *[fmpq(0)] * count] for c in tight]
            found = _solved(rows, [-row[m] for row in (*bends, *tight)])
            if found is not None:
                yield (*found[:m], fmpq(1))


def _has_interior(constraints: list[Affine]) -> bool:
    """Whether some point satisfies every constraint strictly.

    The vertices, and points along the unbounded edges, span the polyhedron: then their mean is such a point.
    """
    m = len(constraints[0]) - 1
    systems = itertools.combinations(constraints, m)
    solved = (_solved([c[:m] for c in tight], [-c[m] for c in tight]) for tight in systems)
    vertices = {(*v, fmpq(1)) for v in solved if v is not None}
    edges = [(fmpq(1),), (fmpq(-1),)] if m == 1 else [(s * c[1], -s * c[0]) for c in constraints for s in (1, -1)]

    def inside(points: Iterable[Affine]) -> set[Affine]:
        return {p for p in points if all(dot(c, p) >= 0 for c in constraints)}

    points = inside(vertices)
    points |= inside(tuple(a + b for a, b in zip(v, (*e, fmpq(0)), strict=True)) for v in points for e in edges)
    mean = [sum(column, start=fmpq(0)) for column in zip(*points, strict=True)]
    return bool(points) and all(dot(c, mean) > 0 for c in constraints)
