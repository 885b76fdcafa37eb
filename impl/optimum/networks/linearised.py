r"""The network linearised at W0, a linear model on the features phi_0, and the certified optimum of its meta-objective.

f_lin(x; W) = phi_0(x)'W = f(x; W0) + phi_0(x)'D, D = W - W0. Everything that matters of D is in the span of the
features, D = sum_x c_x phi_0(x), so the kernel K_0 = <phi_0, phi_0> of the support is enough, for any width:

    f = f_0 + K_0 c,   c^(k+1) = c^(k) - eta sum_y p ell'(f^(k), y),   L_lin = sum_i q_i R_i(f_0 + K_0 c_i^(K)),
    grad L_lin = sum_x gamma_x phi_0(x),   gamma = sum_i q_i s_i^(0),   s_i^(k) = s_i^(k+1) - eta ell''(f^(k)) o (K_0 s_i^(k+1)),

s_i^(K) the slopes at f_0 + K_0 c_i^(K). Where L_lin is convex (squared loss: all is affine; no step; one step below C8's
data-free threshold with B^2 = max_x K_0(x, x)), any c is a proof:

    inf_{||D|| <= B} L_lin >= L_lin(c) - gamma'K_0 c - B (gamma'K_0 gamma)^{1/2}.

Proof. Convexity: L_lin(D') >= L_lin(D) + <grad, D' - D>, and <grad, D'> >= -B ||grad||. Floats propose c, balls decide.
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import arb, arb_mat, ctx, fmpq

from ...arithmetic import PROPOSING, Floats, bounds, exact_floats, midpoint, root, to_float
from ...floats.infimum import ball_least_squares
from ...supervised.batch import laws_of
from ...supervised.constants import small_step_margin
from ...supervised.instance import Functions, NetworkInstance
from ..constrained import in_ball
from .floor import AnyProblem, NotConvexError, problem_of

PRECISION = 128
Array = np.ndarray


@dataclass(frozen=True)
class LinearisedOptimum:
    """lower <= inf L_lin over ||W - W0|| <= ball <= upper, and the adapted predictions where `upper` is reached."""

    lower: float
    upper: float
    ball: fmpq
    adapted: Functions


def convexity_margin(instance: NetworkInstance, kernel: arb_mat) -> arb:
    """Positive where L_lin is proved to be convex."""
    eta, profile = instance.adaptation.eta, instance.loss.profile
    if profile.convex and (eta == 0 or instance.loss.name == "squared"):
        return arb(1)
    if eta < 0 or instance.adaptation.steps > 1:
        return arb(-1)
    largest = arb(0)
    for x in range(kernel.nrows()):
        largest = largest.max(kernel[x, x])
    return small_step_margin(instance.loss, arb(eta) * largest)


@PROPOSING
def linearised_optimum(instance: NetworkInstance, ball: fmpq) -> LinearisedOptimum:
    """The certified optimum of L_lin over ||W - W0|| <= ball. Errors: NotConvexError."""
    instance = instance.canonical
    if instance.loss.outputs > 1:
        raise NotConvexError(f"loss={instance.loss.name!r}: one output is required")
    if not instance.adaptation.plain:
        raise NotConvexError("adaptation: one rate for all weights and no decay are required")
    with ctx.workprec(PRECISION):
        problem = problem_of(instance)
        kernel = problem.start.kernel
        if not convexity_margin(instance, kernel) > 0:
            got = f"loss={instance.loss.name!r}, eta={instance.adaptation.eta}, steps={instance.adaptation.steps}"
            raise NotConvexError(f"{got}: the squared loss or one small step is required (C8)")
        column = arb_mat([[arb(float(c))] for c in _proposed(problem, to_float(ball))])
        size = root((column.transpose() * kernel * column)[0, 0])
        if not size <= arb(ball):
            column = column * arb(((arb(ball) / size) * (1 - arb(2) ** -60)).lower())
        value, gamma, adapted = _evaluated(problem, column)
        inner = (gamma.transpose() * kernel * column)[0, 0]
        steepness = root((gamma.transpose() * kernel * gamma)[0, 0])
        lower = bounds(value - inner - arb(ball) * steepness)[0]
        rows = tuple(exact_floats(row) for row in adapted)
        return LinearisedOptimum(lower, bounds(value)[1], ball, Functions(rows))


def _evaluated(problem: AnyProblem, column: arb_mat) -> tuple[arb, arb_mat, list[list[arb]]]:
    """L_lin, gamma (k, 1) and the adapted predictions per task, at the coefficients c (k, 1)."""
    kernel, base = problem.start.kernel, arb_mat([[z] for z in problem.start.predictions])
    total, gamma, rows = arb(0), column * 0, []
    for law in problem.laws:
        here, path = column, []
        for _ in range(problem.instance.adaptation.steps):
            path.append((base + kernel * here).entries())
            here = here - arb_mat([[s * problem.eta] for s in problem.slopes(law, path[-1])])
        after = (base + kernel * here).entries()
        rows.append(after)
        slopes = arb_mat([[s] for s in problem.slopes(law, after)])
        for before in reversed(path):
            bends, pulled = problem.curvatures(law, before), (kernel * slopes).entries()
            slopes = slopes - arb_mat([[problem.eta * h * v] for (h,), v in zip(bends, pulled, strict=True)])
        total += law.weight * problem.risk(law, after)
        gamma += slopes * law.weight
    return total, gamma, rows


def _proposed(problem: AnyProblem, ball: float) -> Array:
    """Coefficients c [k] that nearly minimise L_lin over the ball, in float64; found in orthonormal coordinates."""
    table = np.array([[midpoint(v) for v in row] for row in problem.start.kernel.tolist()])
    if not np.isfinite(table).all():
        return np.zeros(len(table))
    values, vectors = np.linalg.eigh(table)
    kept = values > 1e-12 * max(float(values.max(initial=0.0)), 1e-300)
    if not kept.any():
        return np.zeros(len(table))
    rows = vectors[:, kept] * np.sqrt(values[kept])
    base = np.array([midpoint(z) for z in problem.start.predictions])
    instance = problem.instance
    loss, eta = instance.loss, to_float(instance.adaptation.eta)
    laws = laws_of(instance.loss, instance.tasks, len(base))
    labels, masses, weights = (laws[name][0] for name in ("labels", "masses", "weights"))
    whole = vectors[:, kept] / np.sqrt(values[kept])
    if loss.name == "squared":
        means, shares, steps = (masses * labels).sum(2), masses.sum(2), instance.adaptation.steps
        return whole @ _least_squares(rows, base, means, shares, weights, eta, steps, ball)

    def objective(a: Array) -> tuple[float, Array]:
        total, gradient = 0.0, 0 * a
        with np.errstate(over="ignore", invalid="ignore"):
            for q, y, p in zip(weights, labels, masses, strict=True):
                here, path = a, []
                for _ in range(instance.adaptation.steps):
                    path.append(base + rows @ here)
                    here = here - eta * (rows.T @ _sum(p, loss.d1(Floats, path[-1][:, None], y)))
                after = base + rows @ here
                pull = rows.T @ _sum(p, loss.d1(Floats, after[:, None], y))
                for z in reversed(path):
                    pull = pull - eta * (rows.T @ (_sum(p, loss.d2(Floats, z[:, None], y)) * (rows @ pull)))
                total += float(q) * float((p * loss.value(Floats, after[:, None], y)).sum())
                gradient = gradient + q * pull
        return total, gradient

    found = in_ball(objective, np.zeros(rows.shape[1]), ball)
    return np.zeros(len(table)) if found is None else whole @ found


def _least_squares(
    rows: Array, base: Array, means: Array, shares: Array, weights: Array, eta: float, steps: int, ball: float
) -> Array:
    """The a with ||a|| <= ball that minimises L_lin of the squared loss, whose steps are affine: a -> J a + o.

    Per task (n) and place (k), shares have the mass and means the mass times the mean label.
    """
    tall, aims = [], []
    for q, mean, share in zip(weights, means, shares, strict=True):
        moved, start = np.eye(rows.shape[1]), np.zeros(rows.shape[1])
        for _ in range(steps):
            start = start - eta * (rows.T @ (share * (base + rows @ start) - mean))
            moved = moved - eta * (rows.T @ (share[:, None] * (rows @ moved)))
        root = np.sqrt(q * share)
        tall.append(root[:, None] * (rows @ moved))
        aims.append(root * (mean / np.where(share > 0, share, 1.0) - base - rows @ start))
    found = ball_least_squares(np.concatenate(tall)[None], np.concatenate(aims)[None], np.array([ball]))[1][0]
    return found if np.isfinite(found).all() else np.zeros_like(found)


def _sum(p: Array, terms: Array) -> Array:
    return (p * terms).sum(1)
