r"""Where the meta-objective is convex: a floor of its Hessian on a ball of parameters, from the data.

Setting. Task i has atoms a with features x_a, masses p_a; X the matrix of rows x_a', A = XX'. For predictions z let
s = (p_a ell'(z_a)), D = diag(p_a ell''(z_a)), T = diag(p_a ell'''(z_a)); s+, D+ the same at z+ = z - eta A s, the
predictions after one gradient step. L_i(theta) = F(X theta) with F(z) = sum_a p_a ell(z+_a), and

    Hess L_i = X'[(I - eta D A) D+ (I - eta A D) - eta T diag(A s+)] X.                                          (1)

(F' = (I - eta D A)s+, and the derivative of D A s+ with s+ held is T diag(A s+).)

Data-dependent C8. On a set of theta let for all its points, atom by atom,
    tau_a >= |(A s)_a|,  tau+_a >= |(A s+)_a|    (what a step moves predictions by, over eta),
    |ell'''| <= kappa_a ell'' on the predictions before the step,
    c_i <= ell''(z+_a)/ell''(z_a) for all a of the task, sigma_i >= lambda_max(X'DX), nu_i = min over [0, sigma_i] of
    (1 - eta s)^2: (1 - eta sigma_i)^2 if eta > 0 and eta sigma_i <= 1; 0 if more; 1 if eta < 0.
Then, with S = D^(1/2) A D^(1/2), whose eigenvalues are 0 and those of X'DX,

    (I - eta D A) D+ (I - eta A D) >= c_i (I - eta D A) D (I - eta A D) = c_i D^(1/2)(I - eta S)^2 D^(1/2)
                                   >= c_i nu_i D,
    eta T diag(A s+) <= |eta| diag(kappa_a tau+_a) D,
    Hess L >= sum_i q_i X'diag(nu_a p_a ell''(z_a))X,   nu_a = c_i nu_i - |eta| kappa_a tau+_a.                  (2)

Where every nu_a >= 0, L is convex on the set. In any case Hess L >= M := X'diag(q_i p_a nu_a e_a)X over all rows, with
e_a the least ell'' over the set where nu_a >= 0 and the largest where nu_a < 0: a matrix whose least eigenvalue is
enclosed (`least_eigenvalue`).

C8 itself bounds |ell'| <= m1, ell'' <= m2, |x| <= B. Here, in two rounds, the second only where the first does not do:
    sigma_i    1: the trace sum_a p_a sup ell'' |x_a|^2.   2: the largest eigenvalue of X'diag(p_a sup ell'')X.
    tau_a      1: |x_a| sum_b p_b sup|ell'_b| |x_b|.
               2: also |x_a| (lambda_max(X'PX) sum_b p_b sup ell'_b^2)^(1/2), as X's = X'P^(1/2) P^(1/2)ell';
                  and, of tasks with few atoms, the range of sum_b A_ab s_b over s_b in p_b [inf ell'_b, sup ell'_b].
    kappa_a    the loss's constant, or sup|ell'''|/inf ell'' over the predictions that can occur.
    c_i        exp(-kappa |eta| tau_a), with kappa for all predictions from z to z+, as (log ell'')' >= -kappa; or
               inf ell''(z+)/sup ell''(z).
Over a ball ||theta - theta_0|| <= r predictions lie within r|x_a| of x_a'theta_0, and each inf and sup is exact there
(`LossRanges.over`); over all parameters they are the loss's constants.

Several steps. z_0 = z, z_(k+1) = z_k - eta A s_k; D_k, T_k at z_k; dz_k = J_k X dtheta with J_k = (I - eta A D_(k-1))
... (I - eta A D_0); v_K = s_K, v_k = (I - eta D_k A)v_(k+1), the derivative of F by z_k. As in (1),

    Hess L_i = X'[J_K'D_K J_K - eta sum_(k<K) J_k'T_k diag(A v_(k+1)) J_k]X,

J_(k+1) = (I - eta A D_k)J_k, and (2) with D_k, D_(k+1) for D, D+ gives, from k = K - 1 down to 0 with nu_K = 1,

    J_(k+1)'diag(nu_(k+1))D_(k+1)J_(k+1) - eta J_k'T_k diag(A v_(k+1))J_k >= J_k'diag(nu_k)D_k J_k,
    nu_(k,a) = (min_b nu_(k+1,b)) c_k nu_i(sigma_k) - |eta| kappa_(k,a) tau_(k+1,a),  if that minimum is >= 0,      (3)

and Hess L >= sum_i q_i X'diag(nu_0)D_0 X. tau_K as above; A v_(k+1) = X u with u = (I - eta X'D_(k+1)X) ... X's_K, so
that tau_(k+1,a) = |x_a| ||X's_K|| prod_(j>k) max(1, |eta sigma_j - 1|); for eta < 0 the factors are 1 + |eta| sigma_j.

No adaptation (eta = 0): Hess L = X'diag(q p ell'')X, (2) with nu = 1. Squared loss, any number of steps: adapted
predictions are affine in theta, so that L is a convex quadratic; its Hessian is W'diag(q p)W with W = dz+/dtheta:
W <- W - eta A diag(p) W for every step.

The last two are the same where a task adapts on a support of its own: with X_s, P_s of the support, X_q, P_q of the
query and M_i = I - eta X_s'P_s X_s, Hess L = sum_i q_i (M_i^K)'X_q'P_q X_q M_i^K for the squared loss, and that of the
query rows without adaptation. Otherwise (1) has D, T and s of the support, D+ and s+ of the query: nothing bounds the
last term by the first, and L is not convex for any eta > 0.

A rate for each parameter: A = X R X' with R = diag(rates). For rates >= 0 that is YY' with Y = X R^(1/2), and all of
the above holds with Y where a step is meant, and X outside. Rates of both signs leave the squared loss alone.
Weight decay: only of the squared loss, with one rate: then dz follows (1 - eta decay - eta A D).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr

from ..arithmetic import Array, bounds
from ..blas import product
from ..elementary import MidRads
from ..midrad import MidRad, U, contract, product_ends
from ..supervised.adaptation import Gradient
from ..supervised.instance import MetaSLInstance, split
from .stack import Balls2, Stack, gamma, norms

LESS, MORE = 1 - 2.0**-40, 1 + 2.0**-40
"""More than what some thousand roundings take away or add: bounds of the Hessian need few digits."""
RANK, MULTIPLE = 1e-10, 12.0
"""Where float64 takes columns for dependent, and what coefficients of dependent columns are multiples of, inverted."""
FEW = 1024
"""Atoms of a task up to which the ranges of sums over its own Gram matrix are taken."""


def applies(instance: MetaSLInstance) -> bool:
    """Whether a floor of the Hessian is known for such a problem, be it positive or not."""
    return not unknown(instance)


def unknown(instance: MetaSLInstance) -> str:
    """Why none is known; empty where one is."""
    adaptation, loss = instance.adaptation.canonical, instance.loss
    if not isinstance(adaptation, Gradient):
        return "the inner step is implicit"
    if adaptation.decay != 0 and (adaptation.rates is not None or loss.name != "squared"):
        return "the inner steps have weight decay"
    if adaptation.rates is not None and min(adaptation.rates) < 0 and loss.name != "squared":
        return "the rates of the parameters have both signs"
    if not loss.profile.convex or loss.profile.kinked:
        return f"the {loss.name} loss is not convex with a continuous slope"
    if loss.profile.joints and adaptation.eta != 0:
        return f"the curvature of the {loss.name} loss jumps"
    if split(instance) and adaptation.eta != 0 and loss.name != "squared":
        return "tasks adapt on a support of their own"
    return ""


def least_eigenvalue(matrix: Array, error: float) -> float:
    """A number below which no symmetric S with ||S - matrix|| <= error has an eigenvalue; -inf if none is found.

    With any number t and any matrix R, C - t = RR' + E and RR' >= 0 give lambda_min(C) >= t - ||E||_F: LAPACK proposes
    both, and E is enclosed here.
    """
    if not (np.isfinite(matrix).all() and math.isfinite(error)):
        return -math.inf
    c = (matrix + matrix.T) / 2
    d, size = len(c), float(norms(c.ravel(), 0))
    low = float(np.linalg.eigvalsh(c)[0]) - 16 * d * U * size
    shifted = c - low * np.eye(d)
    try:
        factor = np.linalg.cholesky(shifted)
    except np.linalg.LinAlgError:
        return -math.inf
    rest = float(norms((shifted - product(factor, factor.T)).ravel(), 0))
    rounding = (gamma(d) + 4 * U) * float(norms(factor.ravel(), 0)) ** 2 + 8 * U * (size + abs(low) * d)
    return low - (rest + rounding + error) * MORE - 4 * U * abs(low)


@dataclass(frozen=True)
class Region:
    """Parameters within `radius` of a centre, or all (radius inf): what predictions there are (N,)."""

    low: Array
    high: Array
    radius: float


def around(stack: Stack, centre: Array, radius: float) -> Region:
    """The region around a centre (d,); radius inf: all parameters."""
    if not math.isfinite(radius):
        wide = np.full(stack.count, math.inf)
        return Region(-wide, wide, radius)
    z = stack.predictions(Balls2(centre[None], np.array([radius])))
    return Region(z.low, z.high, radius)


@dataclass(frozen=True)
class Floor:
    """Hess L >= X'diag(weights)X on a region, weights (N,); nan where nothing is known."""

    weights: Array

    @property
    def convex(self) -> bool:
        """Whether this makes L convex."""
        return bool((self.weights >= 0).all())

    def least(self, stack: Stack, columns: Array | None = None) -> float:
        """A number that no eigenvalue of Hess L (its rows and columns, if some are named) is below on the region."""
        if not np.isfinite(self.weights).all():
            return -math.inf
        x = stack.x if columns is None else stack.x[:, columns]
        return least_eigenvalue(*gram(x, self.weights, stack.error))


def gram(x: Array, weights: Array, error: float) -> tuple[Array, float]:
    """X'diag(weights)X and a bound of its error's norm, if entries of X err by no more than `error` of themselves.

    |fl - exact| <= (gamma_(N+2) + 2 error) |X|'|w||X| entry by entry, of norm at most ||X|w|^(1/2)||_F^2.
    """
    if not len(x):
        return np.zeros((x.shape[1], x.shape[1])), 0.0
    size = float((np.abs(weights) * norms(x, 1) ** 2).sum()) * MORE
    return product(x.T, weights[:, None] * x), size * (gamma(len(x) + 4) + 3 * error)


def floor(stack: Stack, region: Region) -> Floor:
    """The floor (2), (3) of Hess L on the region, for problems to which it `applies`."""
    ranges = Ranged(stack)
    low, high = ranges.of(2, region.low, region.high)
    weights = stack.row_weights.low
    if stack.loss.name == "squared" and stack.steps:
        return Floor(np.zeros(stack.count))
    if not stack.steps:
        return Floor(weights * low * LESS)
    nu = np.full(stack.count, math.nan)
    for sharp in (False, True):
        nu = _nu(stack, region, ranges, sharp)
        if (nu >= 0).all():
            break
    up = stack.row_weights.high
    return Floor(np.where(nu >= 0, weights * nu * low * LESS, up * nu * high * MORE))


class Ranged:
    """Ranges of ell and its derivatives over predictions; over all of them, the loss's constants."""

    def __init__(self, stack: Stack) -> None:
        self._stack, constants = stack, stack.loss.constants()
        self.kappa, self._most = _upper(constants.kappa), (_upper(constants.m1), _upper(constants.m2))

    def of(self, order: int, low: Array, high: Array) -> tuple[Array, Array]:
        """The ends of ell^(order), order 1, 2, 3."""
        if np.isfinite(low).all() and np.isfinite(high).all():
            return self._stack.ranges.over(order, low, high)
        most = np.full(low.shape, math.inf if order == 3 else self._most[order - 1])
        return (np.zeros(low.shape) if order == 2 else -most), most

    def size(self, order: int, low: Array, high: Array) -> Array:
        """At least |ell^(order)|."""
        return np.maximum(*(np.abs(end) for end in self.of(order, low, high)))

    def bend(self, low: Array, high: Array) -> Array:
        """kappa_a: at least |ell'''|/ell''."""
        with np.errstate(divide="ignore", invalid="ignore"):
            local = self.size(3, low, high) / self.of(2, low, high)[0] * MORE
        return np.where(local <= self.kappa, local, self.kappa)


def _upper(value: object) -> float:
    return math.inf if value is None else bounds(value)[1]  # type: ignore[arg-type]


def _nu(stack: Stack, region: Region, ranges: Ranged, sharp: bool) -> Array:
    """nu_a (N,) of (3), rounded down; nan where an inner one may be negative."""
    low, high, eta, levels = region.low, region.high, abs(float(stack.rate.high)), []
    stack = stack.scaled
    for _ in range(stack.steps):
        curved = ranges.of(2, low, high)[1]
        step = _moved(stack, *ranges.of(1, low, high), sharp)
        after, moved = _after(stack, low, high, *step), eta * np.maximum(*map(np.abs, step)) * MORE
        kappa = ranges.bend(np.minimum(low, after[0]), np.maximum(high, after[1]))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            kept = MidRads.exp(MidRad(-kappa * moved * MORE)).low
            kept = np.fmax(kept, ranges.of(2, *after)[0] / curved * LESS)
        moving = eta * largest(stack, curved, sharp) * MORE
        forwards = stack.rate.high > 0
        contracted = np.maximum(1 - moving, 0.0) ** 2 * LESS if forwards else np.ones(len(moving))
        grown = np.maximum(moving - 1, 1.0) if forwards else (1 + moving) * MORE
        least = _least(stack, kept)
        levels.append(((least * contracted), ranges.bend(low, high), grown))
        low, high = after
    slopes = ranges.of(1, low, high)
    pushed, pull = np.maximum(*map(np.abs, _moved(stack, *slopes, sharp))), _pull(stack, *slopes, sharp)
    nu = np.ones(stack.count)
    for shrunk, bend, grown in reversed(levels):
        inner = _least(stack, nu)
        inner = np.where(inner >= 0, inner, math.nan)
        nu = (inner * shrunk)[stack.task] * LESS - eta * bend * pushed * MORE
        pull = pull * grown * MORE
        pushed = stack.lengths * pull[stack.task] * MORE
    return nu


def _least(stack: Stack, values: Array) -> Array:
    """The least of each task's (n,)."""
    return np.array([values[own].min() for own in stack.slices])


def _after(stack: Stack, low: Array, high: Array, least: Array, most: Array) -> tuple[Array, Array]:
    """The ends of z - eta (A s), with z between low and high, A s between least and most (N,)."""
    ends = product_ends(-stack.rate, MidRad.between(least, most))
    low, high = low + ends[0], high + ends[1]
    return low - 4 * U * np.abs(low), high + 4 * U * np.abs(high)


def _pull(stack: Stack, low: Array, high: Array, sharp: bool) -> Array:
    """At least ||X_i's|| per task (n,) for ell'_b between low and high."""
    most = np.maximum(np.abs(low), np.abs(high))
    steep = stack.masses.high * most * MORE
    pull = np.array([(steep[own] * stack.lengths[own]).sum() for own in stack.slices]) * MORE
    if not sharp:
        return pull
    square = np.array([(steep[own] * most[own]).sum() for own in stack.slices]) * MORE
    return np.fmin(pull, np.sqrt(largest(stack, np.ones(stack.count), sharp=True) * square) * MORE)


def _moved(stack: Stack, low: Array, high: Array, sharp: bool) -> tuple[Array, Array]:
    """The ends of (A s)_a (N,) for ell'_b between low and high."""
    most = stack.lengths * _pull(stack, low, high, sharp)[stack.task] * MORE
    least = -most
    if not sharp:
        return least, most
    for own in stack.slices:
        s = stack.masses[own] * MidRad.between(low[own], high[own])
        if own.stop - own.start <= FEW and np.isfinite(s.size).all():
            x, lengths = stack.x[own], stack.lengths[own]
            a = MidRad(product(x, x.T), (gamma(stack.dimension) + 3 * stack.error) * np.outer(lengths, lengths) * MORE)
            found = contract("ij,j->i", a, s)
            most[own], least[own] = np.fmin(most[own], found.high), np.fmax(least[own], found.low)
    return least, most


def largest(stack: Stack, curved: Array, sharp: bool) -> Array:
    """sigma_i: at least lambda_max(X'diag(p_a curved_a)X) per task (n,)."""
    weights = stack.masses.high * curved * MORE
    trace = np.array([(weights[own] * stack.lengths[own] ** 2).sum() for own in stack.slices]) * MORE
    if not sharp or not np.isfinite(weights).all():
        return trace
    found = []
    for own in stack.slices:
        x, w = stack.x[own], weights[own]
        if len(x) < stack.dimension:
            # The same eigenvalues, of the smaller product: rows scaled by roots, which err by 2u.
            rows = x * np.sqrt(w)[:, None]
            matrix, error = gram(rows.T, np.ones(stack.dimension), stack.error + 4 * U)
        else:
            matrix, error = gram(x, w, stack.error)
        found.append(-least_eigenvalue(-matrix, error))
    return np.minimum(trace, np.array(found))


def spanning(stack: Stack) -> Array:
    """Columns of X of which the others are exact combinations; all, where that is not proved.

    Float64 proposes columns and coefficients c/12; m X_j = X_S c is verified in whole numbers below 2^53, which float64
    adds and multiplies exactly.
    """
    x, everything = stack.x, np.arange(stack.dimension)
    size = np.abs(x).max(initial=0.0)
    if stack.error > 0 or not 0 < size < math.inf:
        return everything
    diagonal, order = qr(x, mode="r", pivoting=True)
    rank = int((np.abs(np.diag(diagonal)) > RANK * np.abs(diagonal[0, 0])).sum())
    chosen, rest = np.sort(order[:rank]), order[rank:]
    if not len(rest):
        return everything
    whole = np.ldexp(x, 52 - int(np.frexp(size)[1]))
    while (whole == np.rint(whole)).all() and not (np.rint(whole) % 2 != 0).any():
        whole = whole / 2
    coefficients = np.rint(np.linalg.lstsq(x[:, chosen], x[:, rest], rcond=None)[0] * MULTIPLE)
    most = np.abs(whole).max() * max(float(np.abs(coefficients).sum(0).max(initial=0.0)), MULTIPLE)
    exact = (whole == np.rint(whole)).all() and most < 2.0**53
    verified = (MULTIPLE * whole[:, rest] == product(whole[:, chosen], coefficients)).all()
    return chosen if exact and verified else everything
