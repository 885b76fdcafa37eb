"""grad L of a network by Taylor arithmetic through the definition of L: no ell'', no Hessian, no meta-feature.

`gradient` in the whole space R^{md}, for small networks; `pairings` with the pattern features of any network: near W
the network is f(x; W + sum_A t_A psi_A) = f(x; W) + sum_A t_A <psi(x), psi_A>, so a parameter is a row of tangents.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arithmetic import Balls, BallSeries, Matrix, Number, RationalSeries
from ..meta_sl.maml import Law
from ..meta_sl.taylor import series_terms
from .network import Adapted, NetworkProblem


def _slope(problem: NetworkProblem, order: int, law: Law, z: Sequence[Number]) -> dict[int, Number]:
    """Per support point: the derivative of sum_y p ell (order 0) or of sum_y p ell' (order 1), read off a series."""
    s = BallSeries if problem.m is Balls else RationalSeries
    evaluate = (problem.loss.value, problem.loss.d1)[order]
    found: dict[int, Number] = {}
    for x, y, p in law.atoms:
        term = p * evaluate(s, s.series([z[x], 1]), y)[1]
        found[x] = found[x] + term if x in found else term
    return found


def _meta_slopes(
    problem: NetworkProblem,
    adapted: Sequence[tuple[Law, Adapted]],
    inner: Matrix,
    outer: Sequence[Matrix],
    pulls: Sequence[Matrix],
) -> list[Number]:
    """grad L in tangent coordinates [p].

    inner (k, p) the tangents of f(x; W) at fixed patterns, outer (a, p) those of f(x; W_i) if the step did not move,
    pulls (k, a) <phi_W(x'), phi_{W_i}(x)>.
    """
    m, count = problem.m, inner.ncols()
    total = m.matrix([[m.number(0)] * count])
    with series_terms(2):
        for (law, after), free, pull in zip(adapted, outer, pulls, strict=True):
            xs = after.xs
            bends = _slope(problem, 1, law, problem.omega.predictions)
            steps = m.matrix([[problem.eta * bends[x] * inner[x, t] for t in range(count)] for x in xs])
            own = m.matrix([[pull[x, a] for x in xs] for a in range(len(xs))])
            tangents = free - own * steps
            slopes = _slope(problem, 0, law, dict(zip(xs, after.predictions, strict=True)))  # type: ignore[arg-type]
            total = total + m.matrix([[law.weight * slopes[x] for x in xs]]) * tangents
    return total.entries()


def gradient(problem: NetworkProblem, adapted: Sequence[tuple[Law, Adapted]]) -> list[Number]:
    """grad L(W) [m d]."""
    inner = features(problem, problem.omega.active.T, list(range(problem.omega.active.shape[1])))
    outer = [features(problem, after.active.T, after.xs) for _, after in adapted]
    pulls = [inner * rows.transpose() for rows in outer]
    return _meta_slopes(problem, adapted, inner, outer, pulls)


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


def pairings(problem: NetworkProblem, adapted: Sequence[tuple[Law, Adapted]], kernel: Matrix) -> list[Number]:
    """<grad L(W), psi_A> for the basis of the meta-features: inner patterns at the support, outer at lifted points."""
    m, k, count = problem.m, problem.omega.active.shape[1], kernel.ncols()
    inner = m.matrix([[kernel[x, t] for t in range(count)] for x in range(k)])
    outer, pulls, place = [], [], k
    for _, after in adapted:
        rows = range(place, place + len(after.xs))
        outer.append(m.matrix([[kernel[a, t] for t in range(count)] for a in rows]))
        pulls.append(m.matrix([[kernel[x, a] for a in rows] for x in range(k)]))
        place += len(after.xs)
    return _meta_slopes(problem, adapted, inner, outer, pulls)
