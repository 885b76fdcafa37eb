"""Derivatives of the meta-objective by Taylor arithmetic through its definition.

The independent route to grad L: along a line theta + t v, with power series in t, the softmax, the Bellman equation
V = (1-gamma) r_pi + gamma P_pi V (solved coefficient by coefficient), the adaptation and the return. No advantage, no
visitation, no score function and no meta-feature occurs.
"""

from __future__ import annotations

from typing import Any

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Matrix, Number, quotient, solved
from ..series import BallSeries, RationalSeries, combined, series_terms
from .instance import Adaptation
from .problem import NO_POLICY, Problem, Process

Series = Any
Table = list[list[Series]]
"""A series for each (state, action)."""


def _system(problem: Problem) -> Any:
    return BallSeries if problem.m is Balls else RationalSeries


def _softmax(problem: Problem, logits: Table) -> Table:
    s = _system(problem)
    found = []
    for row in logits:
        top = max(v[0].mid() for v in row) if problem.m is Balls else row[0][0]
        powers = [s.exp(v - top) for v in row]
        total = sum(powers[1:], start=powers[0])
        found.append([quotient(p, total) for p in powers])
    return found


def _prior(problem: Problem, direction: list[Number]) -> Table:
    """pi at omega + t direction."""
    series = _system(problem).series
    return _softmax(problem, [[series(energy) for energy in row] for row in problem.line(direction)])


def _moved(problem: Problem, theta: list[Series]) -> Table:
    """pi at phi'theta/tau."""
    count = problem.actions
    flat = [combined(row, theta) / problem.tau for row in problem.features.tolist()]
    return _softmax(problem, [flat[s * count : (s + 1) * count] for s in range(problem.states)])


def _values(
    problem: Problem, process: Process, policies: list[Table], order: int
) -> tuple[list[Matrix], list[list[list[Number]]]]:
    """Coefficients 0..order of V (S, D) and of Q [SA][D] along D lines from one point.

    V_0 and Q_0 are those of the point, once. K_0 V_k = sum_a sum_{0 < j <= k} pi_j Q_{k-j}, Q_k = gamma P V_k, with
    (1-gamma) r beside it for k = 0.
    """
    m, count, g = problem.m, problem.states, process.gamma
    select = problem.selector([[p[0] for p in row] for row in policies[0]])
    units = m.matrix([[m.number(int(i == j)) for j in range(count)] for i in range(count)])
    system = units - select * process.transitions * g
    rewards = process.rewards * (1 - g)
    lines = [[p for row in policy for p in row] for policy in policies]

    def moved(s: int, d: int, k: int) -> Number:
        places = range(s * problem.actions, (s + 1) * problem.actions)
        terms = (lines[d][x][j] * actions[k - j][x][d if j < k else 0] for j in range(1, k + 1) for x in places)
        return sum(terms, start=m.number(0))

    values: list[Matrix] = []
    actions: list[list[list[Number]]] = []
    for k in range(order + 1):
        right = m.matrix([[moved(s, d, k) for d in range(len(lines))] for s in range(count)]) if k else select * rewards
        values.append(solved(system, right))
        table = process.transitions * values[-1] * g
        actions.append((table + rewards if k == 0 else table).tolist())
    return values, actions


def _returns(problem: Problem, process: Process, policies: list[Table], order: int) -> list[Series]:
    """J = zeta'V as a series along every line."""
    here, *moves = [(process.start * v).entries() for v in _values(problem, process, policies, order)[0]]
    return [_system(problem).series([*here, *(row[d] for row in moves)]) for d in range(len(policies))]


def _action_values(problem: Problem, process: Process, policies: list[Table], order: int) -> list[Table]:
    """Q = (1-gamma) r + gamma P V as series along every line."""
    (here, *moves), series, count = (
        _values(problem, process, policies, order)[1],
        _system(problem).series,
        problem.actions,
    )
    found = []
    for d in range(len(policies)):
        flat = [series([*row, *(table[x][d] for table in moves)]) for x, row in enumerate(here)]
        found.append([flat[s * count : (s + 1) * count] for s in range(problem.states)])
    return found


def _units(problem: Problem, *chosen: int) -> list[Number]:
    return [problem.m.number(int(j in chosen)) for j in range(problem.dimension)]


Curves = dict[tuple[int, int], Series]


def _curves(problem: Problem) -> list[Curves]:
    """Per process J_i along e_j + e_k (along e_j where j = k) to second order."""
    pairs = [(j, k) for j in range(problem.dimension) for k in range(j, problem.dimension)]
    with series_terms(3):
        policies = [_prior(problem, _units(problem, *pair)) for pair in pairs]
        return [dict(zip(pairs, _returns(problem, process, policies, 2), strict=True)) for process in problem.processes]


def _parameter_step(problem: Problem, along: Curves, direction: list[Number]) -> list[Series]:
    """theta + eta grad J_i(theta) along the line, to first order: grad and Hessian from second-order Taylor
    coefficients along unit vectors and their sums."""
    d = problem.dimension
    own = [along[j, j] for j in range(d)]

    def second(j: int, k: int) -> Number:
        if j == k:
            return 2 * own[j][2]
        return along[min(j, k), max(j, k)][2] - own[j][2] - own[k][2]

    found = []
    series = _system(problem).series
    for j, (start, move) in enumerate(zip(problem.origin, direction, strict=True)):
        bend = sum((second(j, k) * v for k, v in enumerate(direction)), start=problem.m.number(0))
        found.append(series([start, move]) + problem.eta * series([own[j][1], bend]))
    return found


def _adapted(problem: Problem, process: Process, priors: list[Table], order: int) -> list[Table]:
    """The adapted policies along the lines of the priors, for steps on policies."""
    instance = problem.instance
    if instance.eta == 0:
        return priors
    values = _action_values(problem, process, priors, order)
    return [
        [_stepped(problem, *rows) for rows in zip(*tables, strict=True)] for tables in zip(priors, values, strict=True)
    ]


def _stepped(problem: Problem, pi: list[Series], row: list[Series]) -> list[Series]:
    """A state's policy after the step, by its action values."""
    if problem.instance.adaptation is Adaptation.RATIONAL_STEP:
        tilted = [p * (1 + problem.eta * q) for p, q in zip(pi, row, strict=True)]
    else:
        top = max(q[0].mid() for q in row) if problem.m is Balls else row[0][0]
        tilted = [p * _system(problem).exp(problem.eta * (q - top)) for p, q in zip(pi, row, strict=True)]
    total = sum(tilted[1:], start=tilted[0])
    if total[0] == 0:
        raise UndefinedQuantityError(NO_POLICY)
    return [quotient(t, total) for t in tilted]


def along(problem: Problem, direction: list[Number], order: int) -> list[Number]:
    """Taylor coefficients [order + 1] of t -> L(omega + t direction); order <= 1 for a step on the parameter."""
    return _along(problem, [direction], order)[0]


def _on_parameters(problem: Problem) -> bool:
    """Whether the adaptation is a step that moves the parameter."""
    return problem.instance.eta != 0 and problem.instance.adaptation is Adaptation.GRADIENT


def _along(problem: Problem, directions: list[list[Number]], order: int) -> list[list[Number]]:
    """The same along every direction."""
    assert order <= 1 or not _on_parameters(problem)
    curves = _curves(problem) if _on_parameters(problem) else None
    total = [[problem.m.number(0)] * (order + 1) for _ in directions]
    with series_terms(order + 1):
        priors = [_prior(problem, direction) for direction in directions] if curves is None else []
        for i, process in enumerate(problem.processes):
            if curves is None:
                policies = _adapted(problem, process, priors, order)
            else:
                policies = [_moved(problem, _parameter_step(problem, curves[i], v)) for v in directions]
            values = _returns(problem, process, policies, order)
            total = [
                [t + process.weight * value[k] for k, t in enumerate(row)]
                for row, value in zip(total, values, strict=True)
            ]
    return total


def gradient(problem: Problem) -> list[Number]:
    """grad L(omega) [d]."""
    return [one[1] for one in _along(problem, [_units(problem, j) for j in range(problem.dimension)], 1)]
