r"""Certified lower bounds of the meta-objective, for any width: over all networks, and over a ball around W0.

Over all networks: f(t x) = t f(x) for t >= 0, and f >= 0 (f <= 0) if every b_r is 1 (-1). So per task and ray of
inputs no network, adapted or not, does better than the best slope s along the ray (`ray_floor`). With as many neurons
of each sign as there are rays that is the infimum of the task's risk; without a step (eta = 0) tasks share one network.

In the ball, task by task:

For ||W - W0|| <= B the prediction at x is f(x; W0) + phi_0(x)'(W - W0) + e with |e| <= E(x), for ReLU networks the
closed form at an atom (N4). With ell convex, for every z, and g_j = ell'(z_j, y_j):

    R_i(W) >= sum_j p_j [ ell(z_j, y_j) + g_j (f(x_j; W0) - z_j) - |g_j| E(x_j) ] - B ||sum_j p_j g_j phi_0(x_j)||.

Proof. ell(z') >= ell(z) + g (z' - z) at the prediction z'; Cauchy-Schwarz on W - W0. The best z are the predictions
that minimise the relaxed risk, as a solver proposes them; any z is a proof, checked here in balls. After a step from
the ball of radius B networks lie in one of radius B + |eta| sup ||grad R_i||, where ||grad R_i(W)|| <= sum_j p_j
|ell'(f(x_j; W), y_j)| ||x_j|| and |f(x; W) - f(x; W0)| <= B ||x||, and so on, step by step: so the same bounds the
meta-objective (`ball_floor`; of any activation with slopes up to 1, `centred_floor`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import scipy
from flint import arb, arb_mat, ctx, fmpq

from ...arithmetic import Balls, Floats, Number, bounds, midpoint, proposed, rational, root, to_float
from ...instances import Vector
from ...losses import Loss
from ...models import flips
from ...supervised.instance import Atom, Functions, NetworkInstance, Task
from ...supervised.maml import Law
from ...supervised.relu.problem import NetworkProblem
from ..exact import PRECISION, Ends, least_on_ray


class NotConvexError(ValueError):
    """The loss is not convex: the relaxation is no bound."""


class UnboundedError(ValueError):
    """The ball that an adapted network cannot leave is beyond float64."""


@dataclass(frozen=True)
class Floor:
    """A certified lower bound of L, how it was proved, and functions per task (n, k) that nearly attain it."""

    value: arb
    method: str
    functions: Functions


def pooled(instance: NetworkInstance) -> NetworkInstance:
    """Without a step every task has the network W itself: one task with the mixed law. Else the instance."""
    if instance.adaptation.eta != 0 or len(instance.tasks) == 1:
        return instance
    atoms = [Atom(a.x, a.y, task.weight * a.p) for task in instance.tasks for a in task.atoms]
    mixed = replace(instance, tasks=(Task(fmpq(1), tuple(atoms)),), comparator=instance.omega)
    return mixed.canonical


def functions_of(instance: NetworkInstance, rows: Sequence[Sequence[fmpq]]) -> Functions:
    """Rows per task of the (pooled) instance, for each task."""
    each = rows if len(rows) == len(instance.tasks) else [rows[0]] * len(instance.tasks)
    return Functions(tuple(tuple(row) for row in each))


def ray_of(x: Vector) -> tuple[tuple[str, ...], fmpq]:
    """A name of the direction of x, and t >= 0 with x = t times its representative."""
    size = next((abs(v) for v in x if v != 0), fmpq(0))
    return tuple(str(v / size) if size != 0 else "0" for v in x), size


def ray_floor(instance: NetworkInstance) -> Floor:
    """sum_i q_i sum over rays of inf_s E[ell(t s, y)]: no network, of whatever width, does better."""
    shared = pooled(instance.canonical)
    ends: Ends = (-1 in instance.signs, 1 in instance.signs)
    rays = [ray_of(x) for x in instance.features]
    total, rows = arb(0), []
    with ctx.workprec(PRECISION):
        for task in shared.tasks:
            along: dict[tuple[str, ...], list[tuple[fmpq, fmpq, fmpq]]] = {}
            for atom in task.atoms:
                name, t = rays[atom.x]
                along.setdefault(name, []).append((t, atom.y, atom.p))
            slopes = {}
            for name, atoms in along.items():
                value, slopes[name] = least_on_ray(instance.loss, atoms, ends)
                total += task.weight * value
            rows.append([slopes.get(name, fmpq(0)) * t for name, t in rays])
    return Floor(total, "the best slope along every ray of inputs", functions_of(instance, rows))


@dataclass(frozen=True)
class Centre:
    """The linearisation of a network at W0, with its laws and steps: what a floor in the ball around W0 needs.

    start [k] f(x; W0), sizes [k] ||x|| (f is Lipschitz in W with that constant), worst(B) [k] the error E of the
    linearisation in the ball, kernel(xs) the Gram matrix of phi_0 at the inputs xs
    """

    loss: Loss
    laws: tuple[Law, ...]
    eta: Number
    steps: int
    start: list[Number]
    sizes: list[arb]
    worst: Callable[[arb], list[arb]]
    kernel: Callable[[Sequence[int]], arb_mat]


def relu_centre(problem: NetworkProblem) -> Centre:
    """That of a ReLU network, in balls."""

    def kernel(xs: Sequence[int]) -> arb_mat:
        active = problem.start.active[:, list(xs)]
        return problem.kernel(active, list(xs), active, list(xs))

    sizes = [root(arb(problem.inputs.products[x][x])) for x in range(len(problem.inputs.rows))]
    start = problem.start.predictions
    worst = partial(flips.worst_cases, problem)
    steps = problem.instance.adaptation.steps
    return Centre(problem.loss, problem.laws, problem.eta, steps, start, sizes, worst, kernel)


def ball_floor(instance: NetworkInstance, radius: fmpq) -> Floor:
    """The floor over ||W - W0|| <= radius of a ReLU network. Errors: NotConvexError, UnboundedError."""
    return centred_floor(instance, radius, lambda shared: relu_centre(NetworkProblem(shared, Balls)))


def centred_floor(instance: NetworkInstance, radius: fmpq, centre_of: Callable[[Any], Centre]) -> Floor:
    """sum_i q_i times the floor of R_i over the ball that W_i cannot leave, ||W - W0|| <= radius. Convex losses.

    Errors: NotConvexError, UnboundedError.
    """
    shared = pooled(instance.canonical)
    total, rows = arb(0), []
    with ctx.workprec(PRECISION):
        centre = centre_of(shared)
        for task, law in zip(shared.tasks, centre.laws, strict=True):
            budget = reach(centre, law, arb(radius))
            proposal = _relaxed(centre, task, budget)
            total += task.weight * task_risk_floor(centre, law, budget, [to_float(proposal[a.x]) for a in task.atoms])
            rows.append([proposal.get(x, fmpq(0)) for x in range(len(shared.features))])
    return Floor(total, "the linearisation at W0 with its worst error in the ball", functions_of(instance, rows))


def reach(centre: Centre, law: Law, radius: arb) -> fmpq:
    """B', rounded up: W_i is no further from W0. Errors: UnboundedError."""
    for _ in range(centre.steps):
        steepest = arb(0)
        for x, y, p in law.atoms:
            size, at = centre.sizes[x], centre.start[x]
            span = (at - radius * size).union(at + radius * size)
            steepest += p * centre.loss.range(1, span, y).abs_upper() * size
        most = bounds(radius + Balls.magnitude(centre.eta) * steepest)[1]
        if not most < np.inf:
            raise UnboundedError(f"eta={centre.eta}: steps of a length that float64 can hold are required")
        radius = arb(most)
    return rational(bounds(radius)[1])


def _relaxed(centre: Centre, task: Task, budget: fmpq) -> dict[int, fmpq]:
    """Predictions per support point that nearly minimise the relaxed risk, in float64; a proposal."""
    xs = sorted({a.x for a in task.atoms})
    table = centre.kernel(xs).tolist()
    values, vectors = np.linalg.eigh(np.array([[midpoint(v) for v in row] for row in table]))
    rows = vectors * np.sqrt(np.maximum(values, 0.0)) * to_float(budget)
    base = np.array([midpoint(centre.start[x]) for x in xs])
    limits = np.array([midpoint(e) for e in centre.worst(arb(budget))])[xs]
    place = [xs.index(a.x) for a in task.atoms]
    labels, masses = (np.array([to_float(v) for v in c]) for c in zip(*((a.y, a.p) for a in task.atoms), strict=True))
    count = len(xs)
    map_ = np.concatenate([rows, np.diag(limits)], axis=1)[place]

    def risk(v: np.ndarray) -> tuple[float, np.ndarray]:
        with np.errstate(over="ignore", invalid="ignore"):
            z = base[place] + map_ @ v
            slope = masses * centre.loss.d1(Floats, z, labels)
            return float(masses @ centre.loss.value(Floats, z, labels)), map_.T @ slope

    inside = {"type": "ineq", "fun": lambda v: 1 - v[:count] @ v[:count], "jac": lambda v: _inward(v, count)}
    sides = [(-1.0, 1.0)] * (2 * count)
    found = scipy.optimize.minimize(
        risk, np.zeros(2 * count), jac=True, method="SLSQP", bounds=sides, constraints=[inside]
    )
    v = found.x if np.isfinite(found.x).all() else np.zeros(2 * count)
    best = base + np.concatenate([rows, np.diag(limits)], axis=1) @ v
    return dict(zip(xs, proposed(best), strict=True))


def _inward(v: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([-2 * v[:count], np.zeros(len(v) - count)])


def task_risk_floor(centre: Centre, law: Law, budget: fmpq, proposal: Sequence[float]) -> arb:
    """A lower bound of R_i(W) over ||W - W0|| <= budget, from proposed predictions at the law's atoms [a].

    Errors: NotConvexError.
    """
    loss = centre.loss
    if not loss.profile.convex:
        raise NotConvexError(f"loss={loss.name!r}: a convex loss is required")
    worst, total = centre.worst(arb(budget)), arb(0)
    pulls: dict[int, arb] = {}
    for (x, y, p), z in zip(law.atoms, proposal, strict=True):
        at = arb(z)
        slope = loss.d1(Balls, at, y)
        change = slope * (centre.start[x] - at) - Balls.magnitude(slope) * worst[x]
        total += p * (loss.value(Balls, at, y) + change)
        pulls[x] = pulls.get(x, arb(0)) + p * slope
    xs = list(pulls)
    column = arb_mat(len(xs), 1, [pulls[x] for x in xs])
    return total - arb(budget) * root((column.transpose() * centre.kernel(xs) * column)[0, 0])
