"""grad L of a smooth network by Taylor arithmetic: no ell'', no sigma'', no meta-feature.

grad L = sum_i q_i g_i^(0), from g_i^(K) = grad R_i(W_i) back through the steps by

    g_i^(k) = g_i^(k+1) - eta (d/dt) grad R_i(W^(k) + t g_i^(k+1)) at t = 0:

R_i of the outer law at W_i, of the inner one in the steps: the Jacobian of step k is I - eta Hess R_i(W^(k)), which is
symmetric as R_i is twice differentiable, and a derivative along g is read off a series.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb, arb_mat

from ...arithmetic import BallSeries, Number
from ...models.smooth import Neurons
from ..maml import Law
from ..taylor import series_terms
from .problem import SmoothProblem


def gradient(problem: SmoothProblem, tasks: Sequence[tuple[Law, Sequence[Neurons]]]) -> arb_mat:
    """grad L(W) (m, d), from the tasks' laws and iterates."""
    total = problem.omega.weights * 0
    with series_terms(2):
        for law, path in tasks:
            *before, last = path
            pull = problem.risk_gradient(law, last)
            for at in reversed(before):
                pull = pull - _change(problem, law.inner, at.weights, pull) * problem.eta
            total += pull * law.weight
    return total


def _change(problem: SmoothProblem, law: Law, weights: arb_mat, along: arb_mat) -> arb_mat:
    """(d/dt) grad R_i(W + t V) at t = 0 (m, d)."""
    s, sigma, used = BallSeries, problem.sigma, tuple(law.rho)
    here, move = (problem.neurons(each, used) for each in (weights, along))
    drives = [s.series(pair) for pair in zip(here.drives.entries(), move.drives.entries(), strict=True)]
    values = arb_mat(len(problem.output), 2 * len(used), [c for t in drives for c in _two(sigma.value(s, t))])
    total = (arb_mat(1, len(problem.output), problem.output) * values).entries()
    predictions = {x: s.series(total[2 * j : 2 * j + 2]) for j, x in enumerate(used)}
    slopes = {x: s.series([arb(0)]) for x in used}
    for x, y, p in law.atoms:
        slopes[x] = slopes[x] + p * problem.loss.d1(s, predictions[x], y)
    # (gate times slope)[1], the gate's series times the slope's.
    pairs = [_two(slopes[x]) for x in used] * len(problem.output)
    gates = (_two(sigma.d1(s, t)) for t in drives)
    changes = [g[0] * t[1] + g[1] * t[0] for g, t in zip(gates, pairs, strict=True)]
    scaled = [b * c for b, row in zip(problem.output, _rows(changes, len(used)), strict=True) for c in row]
    return arb_mat(len(problem.output), len(used), scaled) * here.inputs


def _two(series: Number) -> tuple[arb, arb]:
    return series[0], series[1]


def _rows(values: list[arb], count: int) -> list[list[arb]]:
    return [values[j : j + count] for j in range(0, len(values), count)]
