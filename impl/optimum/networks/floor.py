r"""Certified lower bounds of the meta-objective, for any width: over all networks, and over a ball around W0.

Over all networks: whatever W, adapted or not, inputs that share one number s have the predictions t s, and s has a
range. ReLU: f(t x) = t f(x) along a ray, t >= 0, and f >= 0 (f <= 0) if every b_r is 1 (-1). tanh: |f| < sqrt m and
f(-x) = -f(x). Softplus: f > 0 (f < 0) if every b_r is 1 (-1). At x = 0 it is f(0), which W does not change. So no
network does better than the best s of every group (`prediction_floor`), and wide ones come close; without a step
(eta = 0) tasks share one network.

In the ball, task by task:

For ||W - W0|| <= B the prediction at x is f(x; W0) + phi_0(x)'(W - W0) + e with |e| <= E(x): for ReLU networks the
closed form at an atom (N4), else min(B ||x||, c2 B^2 ||x||^2/(2 sqrt m)) with c2 = sup |sigma''|. With ell convex, for
every z, and g_j = ell'(z_j, y_j):

    R_i(W) >= sum_j p_j [ ell(z_j, y_j) + g_j (f(x_j; W0) - z_j) - |g_j| E(x_j) ] - B ||sum_j p_j g_j phi_0(x_j)||.

Proof. ell(z') >= ell(z) + g (z' - z) at the prediction z'; Cauchy-Schwarz on W - W0. The best z are the predictions
that minimise the relaxed risk, as a solver proposes them; any z is a proof, checked here in balls. After a step from
the ball of radius B networks lie in one of radius B + |eta| sup ||grad R_i||, where ||grad R_i(W)|| <= sum_j p_j
|ell'(f(x_j; W), y_j)| ||x_j|| and |f(x; W) - f(x; W0)| <= B ||x||, and so on, step by step: so the same bounds the
meta-objective (`ball_floor`). With rates D and decay W' - W0 = S (W - W0) - (I - S) W0 - eta D grad R_i, S = I - eta
decay D: the radius is max |S| B + max |1 - S| ||W0|| + max |eta D| sup ||grad R_i||.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from flint import arb, arb_mat, ctx, fmpq

from ...arithmetic import (
    Balls,
    Floats,
    Rationals,
    bounds,
    exact_floats,
    midpoint,
    proposed,
    rational,
    root,
    square,
    to_float,
)
from ...bracket import UnsupportedError
from ...instances import Vector
from ...losses import Link, Loss
from ...models import flips
from ...models.activation import Activation
from ...models.dependence import place
from ...models.rows import lengths
from ...models.weights import Weights, squared_distance
from ...supervised.instance import Functions, NetworkInstance, Task
from ...supervised.maml import Law
from ...supervised.relu.problem import NetworkProblem
from ...supervised.smooth.problem import SmoothProblem
from ..exact import FAR, PRECISION, Ends, bisected, least_on_ray, on_line, together


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


def functions_of(instance: NetworkInstance, rows: Sequence[Sequence[fmpq]]) -> Functions:
    """Rows per task, or one row of tasks that are one, for each task."""
    each = rows if len(rows) == len(instance.tasks) else [rows[0]] * len(instance.tasks)
    return Functions(tuple(tuple(row) for row in each))


# --- over all networks --------------------------------------------------------------------------------------

Labels = list[tuple[fmpq, fmpq, fmpq]]
"""(t, y, p): the prediction is t s."""


def place_of(x: Vector, sigma: Activation) -> tuple[tuple[str, ...], fmpq]:
    """A name of the inputs that share one number s with x, and the t with f(x) = t s; 0 at x = 0."""
    if not sigma.kinked:
        return place(x, odd=sigma.odd)
    size = next((abs(v) for v in x if v != 0), fmpq(0))
    return tuple(str(v / size) if size != 0 else "0" for v in x), size


def prediction_floor(instance: NetworkInstance) -> Floor:
    """sum_i q_i sum over groups of inf_s E[ell(t s, y)], s in its range: no network, of whatever width, does better.

    Errors: UnsupportedError for a loss of one's own, of whose infimum nothing is proved.
    """
    if instance.loss.profile.own:
        known = "a loss of the table is required of networks; of one's own no lower bound is proved"
        raise UnsupportedError(f"loss={instance.loss.name!r}: {known} (linear models: `optimum --radius`)")
    shared = together(instance)
    places = [place_of(x, instance.sigma) for x in instance.features]
    total, rows = arb(0), []
    with ctx.workprec(PRECISION):
        fixed = _at_zero(shared)
        still = exact_floats([fixed])[0]
        for task in shared.tasks:
            groups: dict[tuple[str, ...], Labels] = {}
            for atom in task.atoms:
                name, t = places[atom.x]
                if t == 0:
                    total += task.weight * atom.p * shared.loss.value(Balls, fixed, arb(atom.y))
                else:
                    groups.setdefault(name, []).append((t, atom.y, atom.p))
            found = {}
            for name, labels in groups.items():
                value, found[name] = _least(shared, labels)
                total += task.weight * value
            rows.append([still if t == 0 else t * found.get(name, fmpq(0)) for name, t in places])
    return Floor(
        total, "the best prediction at every input, in the range of the networks", functions_of(instance, rows)
    )


def _at_zero(instance: NetworkInstance) -> arb:
    """f(0; W), of every W."""
    value: arb = instance.sigma.value(Balls, arb(0))
    return value * sum(instance.signs) / root(arb(instance.width))


def _least(instance: NetworkInstance, labels: Labels) -> tuple[arb, fmpq]:
    """A lower bound of inf_s sum p ell(t s, y) over the range of s, and a float64 s that nearly has it."""
    if instance.sigma.bounded:
        return least_between(instance.loss, labels, root(arb(instance.width)))
    ends: Ends = (-1 in instance.signs, 1 in instance.signs)
    return least_on_ray(instance.loss, labels, ends)


def least_between(loss: Loss, labels: Labels, limit: arb) -> tuple[arb, fmpq]:
    """A lower bound of min_{|s| <= limit} sum p ell(t s, y), and a float64 s that nearly has it."""
    if not loss.profile.convex:
        return arb(0), fmpq(0)  # each label's own infimum, which is 0 in the table

    high = arb(limit.upper())
    return bisected(*on_line(loss, labels), -high, high, arb(2) ** -100)


# --- several outputs ---------------------------------------------------------------------------------------


def functions_floor(instance: NetworkInstance) -> Floor:
    """sum_i q_i E inf_z E[ell(z, y) | x], z in R^c: no functions of task and input do better. Of softmax the entropy of
    the labels, of the squared loss half their variance; functions that attain it, or nearly."""
    loss, c, total, rows = instance.loss, instance.loss.outputs, arb(0), []
    with ctx.workprec(PRECISION):
        for task in instance.canonical.tasks:
            row = [fmpq(0)] * (c * len(instance.features))
            for x in sorted({atom.x for atom in task.atoms}):
                atoms = [(loss.label(Rationals, atom.y), atom.p) for atom in task.atoms if atom.x == x]
                mass = sum((p for _, p in atoms), start=fmpq(0))
                best = [sum((p * y[a] for y, p in atoms), start=fmpq(0)) / mass for a in range(c)]
                if loss.link is Link.CLASS:
                    total -= task.weight * mass * sum((arb(q) * arb(q).log() for q in best if q > 0), start=arb(0))
                    best = [exact_floats([arb(q).log()])[0] if q > 0 else fmpq(-FAR) for q in best]
                else:
                    apart = sum(p * (v - z) * (v - z) for y, p in atoms for v, z in zip(y, best, strict=True))
                    total += task.weight * apart / 2
                row[x * c : x * c + c] = best
            rows.append(row)
    return Floor(total, "the best functions of task and input", functions_of(instance, rows))


# --- in a ball around W0 -------------------------------------------------------------------------------------


AnyProblem = NetworkProblem | SmoothProblem


def problem_of(instance: NetworkInstance) -> AnyProblem:
    """A canonical instance in balls."""
    return NetworkProblem(instance, Balls) if instance.sigma.kinked else SmoothProblem(instance)


class Centre:
    """The linearisation of a network at W0, in balls; start: f(x; W0) [k]."""

    def __init__(self, problem: AnyProblem) -> None:
        self.problem = problem
        self.start: list[arb] = problem.start.predictions

    def kernel(self, xs: Sequence[int]) -> arb_mat:
        """The Gram matrix of phi_0 at the inputs xs."""
        whole = self.problem.start.kernel
        return Balls.matrix([[whole[x, y] for y in xs] for x in xs])

    @cached_property
    def sizes(self) -> list[arb]:
        """||x|| [k]: f is Lipschitz in W with that constant."""
        return lengths(self.problem.instance.features)

    def worst(self, budget: arb) -> list[arb]:
        """The error E of the linearisation in the ball of that radius [k]."""
        if isinstance(self.problem, NetworkProblem):
            return flips.worst_cases(self.problem, budget)
        bend = self.problem.sigma.curvature(Balls) * abs(self.problem.output[0][0]) / 2
        return [(budget * size).min(bend * square(budget * size)) for size in self.sizes]


def ball_floor(instance: NetworkInstance, radius: fmpq) -> Floor:
    """sum_i q_i times the floor of R_i over the ball that W_i cannot leave, ||W - W0|| <= radius. Convex losses.

    Errors: NotConvexError, UnboundedError.
    """
    shared = together(instance)
    total, rows = arb(0), []
    with ctx.workprec(PRECISION):
        centre = Centre(problem_of(shared))
        for task, law in zip(shared.tasks, centre.problem.laws, strict=True):
            budget = reach(centre, law, arb(radius))
            proposal = _relaxed(centre, task, budget)
            total += task.weight * task_risk_floor(centre, law, budget, [to_float(proposal[a.x]) for a in task.atoms])
            rows.append([proposal.get(x, fmpq(0)) for x in range(len(shared.features))])
    return Floor(total, "the linearisation at W0 with its worst error in the ball", functions_of(instance, rows))


def reach(centre: Centre, law: Law, radius: arb) -> fmpq:
    """B', rounded up: W_i is no further from W0. Errors: UnboundedError."""
    problem, adaptation = centre.problem, centre.problem.instance.adaptation
    fades = [adaptation.decay * end for end in adaptation.span]
    kept, start = max(abs(1 - fade) for fade in fades), problem.instance.initial
    lost = max(map(abs, fades)) * root(arb(squared_distance(start, Weights(np.zeros_like(start.floats)))))
    for _ in range(adaptation.steps):
        steepest = arb(0)
        for x, y, p in law.atoms:
            size, at = centre.sizes[x], centre.start[x]
            span = (at - radius * size).union(at + radius * size)
            steepest += p * problem.loss.range(1, span, y).abs_upper() * size
        most = bounds(kept * radius + lost + arb(adaptation.largest) * steepest)[1]
        if not most < np.inf:
            raise UnboundedError(f"eta={problem.eta}: steps of a length that float64 can hold are required")
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
    count, loss = len(xs), centre.problem.loss
    map_ = np.concatenate([rows, np.diag(limits)], axis=1)[place]

    def risk(v: np.ndarray) -> tuple[float, np.ndarray]:
        with np.errstate(over="ignore", invalid="ignore"):
            z = base[place] + map_ @ v
            slope = masses * loss.d1(Floats, z, labels)
            return float(masses @ loss.value(Floats, z, labels)), map_.T @ slope

    inside = {
        "type": "ineq",
        "fun": lambda v: 1 - v[:count] @ v[:count],
        "jac": lambda v: np.concatenate([-2 * v[:count], np.zeros(len(v) - count)]),
    }
    sides = [(-1.0, 1.0)] * (2 * count)
    found = scipy.optimize.minimize(
        risk, np.zeros(2 * count), jac=True, method="SLSQP", bounds=sides, constraints=[inside]
    )
    v = found.x if np.isfinite(found.x).all() else np.zeros(2 * count)
    best = base + np.concatenate([rows, np.diag(limits)], axis=1) @ v
    return dict(zip(xs, proposed(best), strict=True))


def task_risk_floor(centre: Centre, law: Law, budget: fmpq, proposal: Sequence[float]) -> arb:
    """A lower bound of R_i(W) over ||W - W0|| <= budget, from proposed predictions at the law's atoms [a].

    Errors: NotConvexError.
    """
    loss = centre.problem.loss
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
