"""grad L of a smooth network by Taylor arithmetic: no ell'', no sigma'', no meta-feature.

grad L = sum_i q_i g_i^(0), from g_i^(K) = grad R_i(W_i) back through the steps by

    g_i^(k) = g_i^(k+1) - eta (d/dt) grad R_i(W^(k) + t g_i^(k+1)) at t = 0:

the Jacobian of step k is I - eta Hess R_i(W^(k)), which is symmetric as R_i is twice differentiable, and a derivative
along g is read off a series.
"""

from __future__ import annotations

from flint import arb, arb_mat

from ..arithmetic import BallSeries
from ..meta_sl.maml import Law
from ..meta_sl.taylor import series_terms
from .problem import SmoothProblem


def gradient(problem: SmoothProblem, laws: list[Law]) -> arb_mat:
    """grad L(W) (m, d)."""
    total = problem.omega * 0
    with series_terms(2):
        for law in laws:
            *before, last = problem.path(law, problem.omega)
            pull = problem.risk_gradient(law, last)
            for weights in reversed(before):
                pull = pull - _change(problem, law, weights, pull) * problem.eta
            total += pull * law.weight
    return total


def _change(problem: SmoothProblem, law: Law, weights: arb_mat, along: arb_mat) -> arb_mat:
    """(d/dt) grad R_i(W + t V) at t = 0 (m, d)."""
    s, sigma, used = BallSeries, problem.sigma, list(law.rho)
    here, moves = problem.drives(weights).tolist(), problem.drives(along).tolist()
    values = {x: s.series([arb(0)]) for x in used}
    gates = []
    for b, row, move in zip(problem.output, here, moves, strict=True):
        drive = {x: s.series([row[x], move[x]]) for x in used}
        for x in used:
            values[x] = values[x] + b * sigma.value(s, drive[x])
        gates.append({x: b * sigma.d1(s, drive[x]) for x in used})
    slopes = {x: s.series([arb(0)]) for x in used}
    for x, y, p in law.atoms:
        slopes[x] = slopes[x] + p * problem.loss.d1(s, values[x], y)
    zero = arb(0)
    count = len(problem.instance.features)
    table = [[(row[x] * slopes[x])[1] if x in row else zero for x in range(count)] for row in gates]
    return arb_mat(table) * problem.inputs
