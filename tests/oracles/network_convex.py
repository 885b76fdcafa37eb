"""cvxpy's opinion on networks in a ball around W0: the relaxed task risk, and one program for fixed patterns.

A solver's status is never evidence: what it proposes is certified in `network.floor`.
"""

from __future__ import annotations

import math
import warnings

import cvxpy as cp
import numpy as np
from flint import arb, fmpq
from metagap.impl.arithmetic import Balls, midpoint, to_float
from metagap.impl.models import flips
from metagap.impl.supervised.instance import NetworkInstance
from metagap.impl.supervised.relu.problem import NetworkProblem

Array = np.ndarray


def _solved(problem: cp.Problem) -> float:
    problem.solve(solver=cp.CLARABEL)
    if problem.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
        raise ArithmeticError(f"cvxpy: status {problem.status!r}")
    return float(problem.value)


def _loss(instance: NetworkInstance, z: cp.Expression, y: Array) -> cp.Expression:
    """ell per atom."""
    if instance.loss.name == "squared":
        return cp.square(z - y) / 2
    if instance.loss.name == "logistic":
        return cp.logistic(-cp.multiply(y, z))
    raise ValueError(f"loss={instance.loss.name!r}: expected squared or logistic")


def relaxed_risk(instance: NetworkInstance, task: int, budget: fmpq) -> tuple[float, list[float]]:
    """(min of the relaxed risk over the ball, the predictions at the task's atoms that attain it)."""
    problem = NetworkProblem(instance.canonical, Balls)
    start, atoms = problem.start, instance.canonical.tasks[task].atoms
    worst = [midpoint(e) for e in flips.worst_cases(problem, arb(budget))]
    gates = start.active * (problem.output.T * problem.width**-0.5)
    inputs = problem.inputs.floats
    rows = np.array([(gates[:, a.x, None] * inputs[a.x]).ravel() for a in atoms])
    moved, slack = cp.Variable(rows.shape[1]), cp.Variable(len(atoms))
    base = np.array([midpoint(start.predictions[a.x]) for a in atoms])
    z = base + rows @ moved + slack
    masses, labels = (
        np.array([to_float(v) for v in column]) for column in zip(*((a.p, a.y) for a in atoms), strict=True)
    )
    limits = np.array([worst[a.x] for a in atoms])
    objective = cp.Minimize(masses @ _loss(instance, z, labels))
    value = _solved(cp.Problem(objective, [cp.norm(moved) <= to_float(budget), cp.abs(slack) <= limits]))
    return value, [float(v) for v in np.atleast_1d(z.value)]


def least_risk_by_patterns(instance: NetworkInstance, task: int, budget: fmpq) -> float:
    """min of R_i over the ball: one convex program for each pattern of the neurons at the task's inputs. Not a number
    where Clarabel solves one of them to less than its own tolerance, which may be the least."""
    problem = NetworkProblem(instance.canonical, Balls)
    atoms = instance.canonical.tasks[task].atoms
    xs = sorted({a.x for a in atoms})
    inputs, initial = problem.inputs.floats, instance.initial.floats
    output = problem.output[0] * problem.width**-0.5
    masses, labels = (
        np.array([to_float(v) for v in column]) for column in zip(*((a.p, a.y) for a in atoms), strict=True)
    )
    best = np.inf
    for bits in range(2 ** (instance.width * len(xs))):
        pattern = np.array([(bits >> j) & 1 for j in range(instance.width * len(xs))]).reshape(instance.width, -1)
        weights = cp.Variable(initial.shape)
        drive = weights @ inputs[xs].T
        place = [xs.index(a.x) for a in atoms]
        z = output @ cp.multiply(pattern, drive)
        constraints = [cp.multiply(2 * pattern - 1, drive) >= 0, cp.norm(weights - initial, "fro") <= to_float(budget)]
        program = cp.Problem(cp.Minimize(masses @ _loss(instance, z[place], labels)), constraints)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the status says the same
            program.solve(solver=cp.CLARABEL)
        if program.status == cp.OPTIMAL_INACCURATE:
            return math.nan
        if program.status == cp.OPTIMAL:
            best = min(best, float(program.value))
    return best
