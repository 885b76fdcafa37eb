r"""A certified lower bound of a task's risk over all networks in a ball around W0, for any width.

For ||W - W0|| <= B the prediction at x is phi_0(x)'W + e with |e| <= E(x), the closed form at an atom (N4). With ell
convex, for every z, and g_j = ell'(z_j, y_j):

    R_i(W) >= sum_j p_j [ ell(z_j, y_j) + g_j (phi_0(x_j)'W0 - z_j) - |g_j| E(x_j) ] - B ||sum_j p_j g_j phi_0(x_j)||.

Proof. ell(z') >= ell(z) + g (z' - z) at z' = phi_0'W + e; Cauchy-Schwarz on W - W0. The best z, which cvxpy proposes
(oracles), are the predictions that minimise the relaxed risk; any z is a proof, checked here in balls. Adapted networks
lie in a larger ball, so the same bounds the meta-objective.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb, arb_mat, fmpq

from ..arithmetic import Balls, root
from . import flips
from .instance import NetworkInstance
from .network import NetworkProblem


class NotConvexError(ValueError):
    """The loss is not convex: the relaxation is no bound."""


def task_risk_floor(instance: NetworkInstance, task: int, budget: fmpq, proposal: Sequence[float]) -> arb:
    """A lower bound of R_i(W) over ||W - W0|| <= budget, from proposed predictions at the task's atoms [a].

    Errors: NotConvexError.
    """
    if not instance.loss.profile.convex:
        raise NotConvexError(f"loss={instance.loss.name!r}: a convex loss is required")
    problem = NetworkProblem(instance.canonical, Balls)
    law, start, loss = problem.laws[task], problem.start, problem.loss
    still, worst = start.predictions, flips.worst_cases(problem, arb(budget))
    total = arb(0)
    pulls: dict[int, arb] = {}
    for (x, y, p), z in zip(law.atoms, proposal, strict=True):
        at = arb(z)
        slope = loss.d1(Balls, at, y)
        total += p * (loss.value(Balls, at, y) + slope * (still[x] - at) - Balls.magnitude(slope) * worst[x])
        pulls[x] = pulls.get(x, arb(0)) + p * slope
    xs = list(pulls)
    active = start.active[:, xs]
    kernel = problem.kernel(active, xs, active, xs)
    column = arb_mat(len(xs), 1, [pulls[x] for x in xs])
    return total - arb(budget) * root((column.transpose() * kernel * column)[0, 0])
