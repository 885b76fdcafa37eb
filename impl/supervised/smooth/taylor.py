"""grad L of a smooth network by Taylor arithmetic: no ell'', no sigma'', no meta-feature.

grad L = sum_i q_i g_i^(0), from g_i^(K) = grad R_i(W_i) back through the steps by

    g_i^(k) = S g_i^(k+1) - eta (d/dt) grad R_i(W^(k) + t D g_i^(k+1)) at t = 0:

R_i of the outer law at W_i, of the inner one in the steps: the Jacobian of step k is S - eta D Hess R_i(W^(k)), the
Hessian symmetric as R_i is twice differentiable, and a derivative along D g is read off a series (D the rates, S = I -
eta decay D).
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb, arb_mat

from ...arithmetic import Balls, Number
from ...models.smooth import Neurons
from ...series import BallSeries, series_terms
from ..maml import Law
from .problem import SmoothProblem


def gradient(problem: SmoothProblem, tasks: Sequence[tuple[Law, Sequence[Neurons]]]) -> arb_mat:
    """grad L(W) (m, d), from the tasks' laws and iterates."""
    total = problem.omega.weights * 0
    with series_terms(2):
        for law, path in tasks:
            *before, last = path
            pull = problem.risk_gradient(law, last)
            for at in reversed(before):
                change = _change(problem, law.inner, at.weights, problem.paced(pull))
                pull = problem.kept(pull) - change * problem.eta
            total += pull * law.weight
    return total


def _change(problem: SmoothProblem, law: Law, weights: arb_mat, along: arb_mat) -> arb_mat:
    """(d/dt) grad R_i(W + t V) at t = 0 (m, d)."""
    s, sigma = BallSeries, problem.sigma
    here, move = (problem.neurons(each, tuple(law.rho)) for each in (weights, along))
    width, count, places = len(problem.output[0]), len(here.xs), here.places
    drives = [s.series(pair) for pair in zip(here.drives.entries(), move.drives.entries(), strict=True)]
    values = arb_mat(width, 2 * count, [c for t in drives for c in _two(sigma.value(s, t))])
    totals = [zip(row[::2], row[1::2], strict=True) for row in (Balls.matrix(problem.output) * values).tolist()]
    predictions = [s.series([arb(0)])] * (problem.inputs.nrows() * len(totals))
    for place, pair in zip(places, (pair for row in zip(*totals, strict=True) for pair in row), strict=True):
        predictions[place] = s.series(pair)
    slopes = problem.slopes(law, predictions, s)
    # (gate times slope)[1], the gate's series times the slope's, over all components.
    pulls = [_two(s.series([arb(0)]) + slopes[place]) for place in places]
    c, gates = len(totals), [_two(sigma.d1(s, t)) for t in drives]
    outgoing = list(zip(*problem.output, strict=True))
    changes = []
    for r in range(width):
        for j in range(count):
            g, own = gates[r * count + j], pulls[j * c : j * c + c]
            first, *others = (b * (g[0] * t[1] + g[1] * t[0]) for b, t in zip(outgoing[r], own, strict=True))
            changes.append(sum(others, start=first))
    return arb_mat(width, count, changes) * here.inputs


def _two(series: Number) -> tuple[arb, arb]:
    return series[0], series[1]
