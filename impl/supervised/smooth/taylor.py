"""grad L of a smooth network by Taylor arithmetic: no ell'', no formula of sigma'', no meta-feature.

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
        known: dict[tuple[int, int], Lines] = {}
        for law, path in tasks:
            *before, last = path
            pull = problem.risk_gradient(law, last)
            for at in reversed(before):
                change = _change(problem, law.inner, at, problem.paced(pull), known)
                pull = problem.kept(pull) - change * problem.eta
            total += pull * law.weight
    return total


Lines = list[tuple[arb, arb, arb]]
"""Of an input [m]: sigma at the neurons' drives, with its derivatives by the drive."""


def _lines(problem: SmoothProblem, at: Neurons, x: int) -> Lines:
    """Read off the series of sigma along the drive, which has one term more: the slope has one of its own."""
    drives, column = at.drives, at.xs.index(x)
    with series_terms(3):
        lines = [problem.sigma.value(BallSeries, BallSeries.series([row[column], 1])) for row in drives.tolist()]
        return [(line[0], line[1], 2 * line[2]) for line in lines]


def _change(
    problem: SmoothProblem, law: Law, at: Neurons, along: arb_mat, known: dict[tuple[int, int], Lines]
) -> arb_mat:
    """(d/dt) grad R_i(W + t V) at t = 0 (m, d); known: of networks (by their id) and inputs what tasks share."""
    s, here = BallSeries, problem.neurons(along, tuple(law.rho))
    rows = []
    for x in here.xs:
        key = (id(at), x)
        if key not in known:
            known[key] = _lines(problem, at, x)
        rows.append(known[key])
    width, count, places = len(problem.output[0]), len(here.xs), here.places
    # Along V a neuron's drive moves by V_r'x, and a series of two terms by as much times its slope.
    table = list(zip(zip(*rows, strict=True), here.drives.tolist(), strict=True))
    moved = [c for row, moves in table for line, v in zip(row, moves, strict=True) for c in (line[0], line[1] * v)]
    values = arb_mat(width, 2 * count, moved)
    totals = [zip(row[::2], row[1::2], strict=True) for row in (Balls.matrix(problem.output) * values).tolist()]
    predictions = [s.series([arb(0)])] * (problem.inputs.nrows() * len(totals))
    for place, pair in zip(places, (pair for row in zip(*totals, strict=True) for pair in row), strict=True):
        predictions[place] = s.series(pair)
    slopes = problem.slopes(law, predictions, s)
    # (gate times slope)[1], the gate's series times the slope's, over all components.
    pulls = [_two(s.series([arb(0)]) + slopes[place]) for place in places]
    c, outgoing = len(totals), list(zip(*problem.output, strict=True))
    changes = []
    for b, (row, moves) in zip(outgoing, table, strict=True):
        for j, (line, v) in enumerate(zip(row, moves, strict=True)):
            gate, bend = line[1], line[2] * v
            own = zip(b, pulls[j * c : j * c + c], strict=True)
            first, *others = (a * (gate * t[1] + bend * t[0]) for a, t in own)
            changes.append(sum(others, start=first))
    return arb_mat(width, count, changes) * here.inputs


def _two(series: Number) -> tuple[arb, arb]:
    return series[0], series[1]
