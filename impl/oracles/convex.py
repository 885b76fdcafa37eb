"""cvxpy's opinion: the trust-region problem of the misfit, and the squared meta-objective.

A solver's status is never evidence: its values are compared with enclosures, they decide nothing.
"""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from ..arithmetic import Array
from ..supervised.batch import batch_of
from ..supervised.batch_quantities import BatchQuantities
from ..supervised.instance import MetaSLInstance


def ball_least_squares(rows: Array, target: Array, radius: float) -> float:
    """min over ||v|| <= radius of ||u - A v||; rows (N, d), target (N,), by Clarabel."""
    v = cp.Variable(rows.shape[1])
    problem = cp.Problem(cp.Minimize(cp.norm(target - rows @ v)), [cp.norm(v) <= radius])
    problem.solve(solver=cp.CLARABEL)
    if problem.status != cp.OPTIMAL:
        raise ArithmeticError(f"cvxpy: status {problem.status!r}")
    return float(problem.value)


def float_misfit(instance: MetaSLInstance) -> float:
    """The misfit of the lifted form, its data from the float engine."""
    at = BatchQuantities(batch_of(instance))
    root = np.sqrt(at.mass[0])
    rows = (root[..., None] * at.meta_features[0]).reshape(-1, instance.dimension)
    return ball_least_squares(rows, (root * at.u[0]).ravel(), float(at.radius[0]))


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
