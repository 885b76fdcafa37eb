"""grad L of a network by Taylor arithmetic through the definition of L: no ell'', no Hessian, no meta-feature.

`gradient` in the whole space R^{md}, for small networks; `pairings` with the pattern features of any network: near W
an iterate is f(x; W^(k) + sum_A t_A psi_A) = f(x; W^(k)) + sum_A t_A <psi(x), psi_A>, so a parameter is a row of
tangents. Tangents go forward, step by step, where the meta-features' factors go back from the last step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..arithmetic import Balls, BallSeries, Matrix, Number, RationalSeries
from ..meta_sl.maml import Law
from ..meta_sl.taylor import series_terms
from .kernel import MetaFeatures
from .network import Iterate, NetworkProblem

Paths = Sequence[tuple[Law, Sequence[Iterate]]]
"""Per task its law and its iterates."""
Places = Sequence[Sequence[Mapping[int, int]]]


def _slope(problem: NetworkProblem, order: int, law: Law, z: Sequence[Number]) -> dict[int, Number]:
    """Per support point: the derivative of sum_y p ell (order 0) or of sum_y p ell' (order 1), read off a series."""
    s = BallSeries if problem.m is Balls else RationalSeries
    evaluate = (problem.loss.value, problem.loss.d1)[order]
    found: dict[int, Number] = {}
    for x, y, p in law.atoms:
        term = p * evaluate(s, s.series([z[x], 1]), y)[1]
        found[x] = found[x] + term if x in found else term
    return found


def _meta_slopes(problem: NetworkProblem, paths: Paths, places: Places, rows: Matrix, kernel: Matrix) -> list[Number]:
    """grad L in tangent coordinates [p].

    rows (b, p) the tangents of <psi, .> for the patterns of all iterates, kernel (b, b) <psi, psi'>; places: per task
    and iterate, input -> row.
    """
    m, count = problem.m, rows.ncols()
    total = m.matrix([[m.number(0)] * count])
    with series_terms(2):
        for (law, path), steps in zip(paths, places, strict=True):
            xs = path[-1].xs
            # What the steps so far did to the tangents of the parameter: minus the sum of moved[j] psi_j.
            moved: dict[int, list[Number]] = {}
            for place, here in zip(steps, path, strict=True):
                tangents = m.matrix([[rows[place[x], t] for t in range(count)] for x in xs])
                if moved:
                    pulls = m.matrix([[kernel[place[x], j] for j in moved] for x in xs])
                    tangents = tangents - pulls * m.matrix(list(moved.values()))
                if here is path[-1]:
                    slopes = _slope(problem, 0, law, here.predictions)
                    total = total + m.matrix([[law.weight * slopes[x] for x in xs]]) * tangents
                    continue
                bends = _slope(problem, 1, law, here.predictions)
                table: list[list[Any]] = tangents.tolist()
                for x, row in zip(xs, table, strict=True):
                    step = [problem.eta * bends[x] * t for t in row]
                    before = moved.get(place[x])
                    moved[place[x]] = step if before is None else [u + v for u, v in zip(before, step, strict=True)]
    return total.entries()


def gradient(problem: NetworkProblem, paths: Paths) -> list[Number]:
    """grad L(W) [m d]."""
    known: dict[tuple[int, bytes], int] = {}
    patterns: list[np.ndarray] = []
    inputs: list[int] = []
    places = []
    for _, path in paths:
        steps = []
        for here in path:
            place = {}
            for x, pattern in zip(here.xs, here.active.T, strict=True):
                place[x] = known.setdefault((x, pattern.tobytes()), len(known))
                if place[x] == len(patterns):
                    patterns.append(pattern)
                    inputs.append(x)
            steps.append(place)
        places.append(steps)
    rows = features(problem, np.array(patterns), inputs)
    return _meta_slopes(problem, paths, places, rows, rows * rows.transpose())


def features(problem: NetworkProblem, patterns: np.ndarray, xs: Sequence[int]) -> Matrix:
    """phi = m^{-1/2} (b_r S_r x)_r for patterns (a, m) at inputs xs: (a, m d)."""
    m, zero = problem.m, problem.m.number(0)
    rows = []
    for pattern, x in zip(patterns, xs, strict=True):
        scaled = [problem.shrink * m.number(v) for v in problem.inputs.rows[x]]
        row: list[Number] = []
        for on, b in zip(pattern, problem.instance.signs, strict=True):
            row += [b * v for v in scaled] if on else [zero] * len(scaled)
        rows.append(row)
    return m.matrix(rows)


def pairings(meta: MetaFeatures, paths: Paths) -> list[Number]:
    """<grad L(W), psi_A> for the basis of the meta-features: patterns of the iterates before the last, of the last."""
    places: list[list[dict[int, int]]] = []
    outer = len(meta.basis.inputs)
    for (_, path), steps in zip(paths, meta.basis.columns, strict=True):
        xs = path[-1].xs
        places.append([*steps, dict(zip(xs, range(outer, outer + len(xs)), strict=True))])
        outer += len(xs)
    return _meta_slopes(meta.problem, paths, places, meta.kernel, meta.kernel)
