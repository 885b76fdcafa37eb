"""cvxpy's opinion: the l1 misfit, and the squared meta-objective.

A solver's status is never evidence: these values are compared with enclosures, they decide nothing.
"""

from __future__ import annotations

import cvxpy as cp
import numpy as np
from metagap.impl.arithmetic import Array
from metagap.impl.supervised.batch import batch_of
from metagap.impl.supervised.instance import MetaSLInstance


def least_l1(eps: float, rows: Array, target: Array) -> float:
    """min over v of eps ||v|| + sum_j |u_j - a_j'v|, by Clarabel."""
    v = cp.Variable(rows.shape[1])
    problem = cp.Problem(cp.Minimize(eps * cp.norm(v) + cp.norm1(target - rows @ v)))
    problem.solve(solver=cp.CLARABEL)
    if problem.status != cp.OPTIMAL:
        raise ArithmeticError(f"cvxpy: status {problem.status!r}")
    return float(problem.value)


def squared_meta_minimum(instance: MetaSLInstance, radius: float = np.inf) -> float:
    """The minimum over ||theta|| <= radius of the squared loss's meta-objective, one gradient step: a convex quadratic.

    Adapted predictions are affine in theta: z_i = F(theta - eta(H_i theta - c_i)), c_i = E[y phi].
    """
    batch = batch_of(instance)
    if instance.loss.name != "squared" or batch.steps != 1:
        raise ValueError(f"loss={instance.loss.name!r}, steps={batch.steps!r}: expected squared and 1")
    features, eta = batch.features[0], float(batch.rate[0])
    theta = cp.Variable(features.shape[1])
    total = 0
    for i, weight in enumerate(batch.weights[0]):
        masses, labels = batch.masses[0, i], batch.labels[0, i]
        inner, seen = masses, labels
        if batch.support_masses is not None and batch.support_labels is not None:
            inner, seen = batch.support_masses[0, i], batch.support_labels[0, i]
        hessian = features.T @ (inner.sum(1)[:, None] * features)
        pull = features.T @ (inner * seen).sum(1)
        adapted = theta - eta * (hessian @ theta - pull)
        for x, slot in np.argwhere(masses > 0):
            residual = features[x] @ adapted - labels[x, slot]
            total = total + float(weight * masses[x, slot]) / 2 * cp.square(residual)
    ball = [cp.norm(theta) <= radius] if np.isfinite(radius) else []
    problem = cp.Problem(cp.Minimize(total), ball)
    problem.solve(solver=cp.CLARABEL)
    if problem.status != cp.OPTIMAL:
        raise ArithmeticError(f"cvxpy: status {problem.status!r}")
    return float(problem.value)
