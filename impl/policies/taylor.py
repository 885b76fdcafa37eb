"""Derivatives of the meta-objective by Taylor arithmetic through its definition.

The independent route to grad L: along a line theta + t v, with power series in t, the softmax, the Bellman equation
V = (1-gamma) r_pi + gamma P_pi V (solved coefficient by coefficient), the adaptation and the return. No advantage, no
visitation, no score function and no meta-feature occurs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flint import ctx

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, BallSeries, Matrix, Number, RationalSeries, quotient, solved
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
    flat = [_dot(row, theta) / problem.tau for row in problem.features.tolist()]
    return _softmax(problem, [flat[s * count : (s + 1) * count] for s in range(problem.states)])


def _dot(numbers: list[Number], series: list[Series]) -> Series:
    total = numbers[0] * series[0]
    for number, term in zip(numbers[1:], series[1:], strict=True):
        total = total + number * term
    return total


def _values(problem: Problem, process: Process, policy: Table, order: int) -> list[Matrix]:
    """Coefficients 0..order of V (S, 1)."""
    m, count = problem.m, problem.states
    selectors = [problem.selector([[p[k] for p in row] for row in policy]) for k in range(order + 1)]
    chains = [select * process.transitions for select in selectors]
    rewards = [select * process.rewards for select in selectors]
    one, zero, g = m.number(1), m.number(0), process.gamma
    identity = m.matrix([[one if i == j else zero for j in range(count)] for i in range(count)])
    found: list[Matrix] = []
    for k in range(order + 1):
        right = rewards[k] * (1 - g)
        for j in range(1, k + 1):
            right = right + chains[j] * found[k - j] * g
        found.append(solved(identity - chains[0] * g, right))
    return found


def _returns(problem: Problem, process: Process, policy: Table, order: int) -> Series:
    """J = zeta'V as a series."""
    return _system(problem).series([(process.start * v)[0, 0] for v in _values(problem, process, policy, order)])


def _action_values(problem: Problem, process: Process, policy: Table, order: int) -> Table:
    """Q = (1-gamma) r + gamma P V as series."""
    g, count = process.gamma, problem.actions
    ahead = [(process.transitions * v).entries() for v in _values(problem, process, policy, order)]
    rewards = process.rewards.entries()
    flat = [
        _system(problem).series([(1 - g) * r + g * ahead[0][j], *(g * a[j] for a in ahead[1:])])
        for j, r in enumerate(rewards)
    ]
    return [flat[s * count : (s + 1) * count] for s in range(problem.states)]


def _units(problem: Problem, *chosen: int) -> list[Number]:
    return [problem.m.number(int(j in chosen)) for j in range(problem.dimension)]


Curves = dict[tuple[int, int], Series]


def _curves(problem: Problem) -> list[Curves]:
    """Per process J_i along e_j + e_k (along e_j where j = k) to second order."""
    pairs = [(j, k) for j in range(problem.dimension) for k in range(j, problem.dimension)]
    with _terms(3):
        policies = {pair: _prior(problem, _units(problem, *pair)) for pair in pairs}
        return [
            {pair: _returns(problem, process, policy, 2) for pair, policy in policies.items()}
            for process in problem.processes
        ]


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


def _adapted(problem: Problem, process: Process, prior: Table, order: int) -> Table:
    """The adapted policy along the line of the prior, for steps on policies."""
    instance = problem.instance
    if instance.eta == 0:
        return prior
    values = _action_values(problem, process, prior, order)
    found = []
    for pi, row in zip(prior, values, strict=True):
        if instance.adaptation is Adaptation.RATIONAL_STEP:
            tilted = [p * (1 + problem.eta * q) for p, q in zip(pi, row, strict=True)]
        else:
            top = max(q[0].mid() for q in row) if problem.m is Balls else row[0][0]
            tilted = [p * _system(problem).exp(problem.eta * (q - top)) for p, q in zip(pi, row, strict=True)]
        total = sum(tilted[1:], start=tilted[0])
        if total[0] == 0:
            raise UndefinedQuantityError(NO_POLICY)
        found.append([quotient(t, total) for t in tilted])
    return found


def along(problem: Problem, direction: list[Number], order: int) -> list[Number]:
    """Taylor coefficients [order + 1] of t -> L(omega + t direction); with gradient adaptation order is at most 1."""
    return _along(problem, direction, order, _curves(problem) if _on_parameters(problem) else None)


def _on_parameters(problem: Problem) -> bool:
    """Whether the adaptation is a step that moves the parameter."""
    return problem.instance.eta != 0 and problem.instance.adaptation is Adaptation.GRADIENT


def _along(problem: Problem, direction: list[Number], order: int, curves: list[Curves] | None) -> list[Number]:
    assert order <= 1 or problem.instance.adaptation is not Adaptation.GRADIENT
    total = [problem.m.number(0)] * (order + 1)
    with _terms(order + 1):
        prior = _prior(problem, direction) if curves is None else []
        for i, process in enumerate(problem.processes):
            if curves is None:
                policy = _adapted(problem, process, prior, order)
            else:
                policy = _moved(problem, _parameter_step(problem, curves[i], direction))
            value = _returns(problem, process, policy, order)
            total = [t + process.weight * value[k] for k, t in enumerate(total)]
    return total


def gradient(problem: Problem) -> list[Number]:
    """grad L(omega) [d]."""
    curves = _curves(problem) if _on_parameters(problem) else None
    return [_along(problem, _units(problem, j), 1, curves)[1] for j in range(problem.dimension)]


@contextmanager
def _terms(count: int) -> Iterator[None]:
    """Within the block power series keep `count` terms."""
    before, ctx.cap = ctx.cap, count
    try:
        yield
    finally:
        ctx.cap = before
