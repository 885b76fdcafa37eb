"""cvxpy's opinion: the l1 misfit.

A solver's status is never evidence: its values are compared with enclosures, they decide nothing.
"""

from __future__ import annotations

import cvxpy as cp
from metagap.impl.arithmetic import Array


def least_l1(eps: float, rows: Array, target: Array) -> float:
    """min over v of eps ||v|| + sum_j |u_j - a_j'v|, by Clarabel."""
    v = cp.Variable(rows.shape[1])
    problem = cp.Problem(cp.Minimize(eps * cp.norm(v) + cp.norm1(target - rows @ v)))
    problem.solve(solver=cp.CLARABEL)
    if problem.status != cp.OPTIMAL:
        raise ArithmeticError(f"cvxpy: status {problem.status!r}")
    return float(problem.value)
