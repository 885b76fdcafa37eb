"""cvxpy's opinion: the trust-region problem of the misfit.

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
