r"""Networks with given values at the inputs of a problem, as proposals in float64.

ReLU, built neuron by neuron: choose p with p'x > 0 for all inputs x != 0, any q, and order the inputs by
tau(x) = q'x / p'x. A neuron whose weights are a positive multiple of q - s p is active where tau(x) > s, and there
p'x (tau(x) - s) is what it gives:

    f(x) = p'x g(tau(x)),    g(tau) = sum_r c_r (tau - s_r)_+,    W_r = m^{1/2} |c_r| (q - s_r p),    b_r = sign(c_r).

With s_1 < tau_1 < s_2 < tau_2 < ... the conditions g(tau_j) = f(x_j)/p'x_j are a triangular system, so N inputs on
different rays need N neurons of fitting signs. Inputs on one ray have one tau: their values must be in proportion.

Where the values are each task's best predictions at inputs that tasks do not dispute, and the risks are differentiable
there, every task's gradient vanishes, no step is taken, and L is the functional lower bound (which is approached where
the best predictions lie at infinity). What the network is worth is for balls to say.

Softplus: log(1 + e^t) is t_+ but for e^{-|t|}, so a hinge c (n'x)_+ is a pair of neurons of opposite sign,

    m^{-1/2} [softplus(m^{1/2} (k + c) n'x) - softplus(m^{1/2} k n'x)]   (c >= 0; else the other way round),

with k so large that every input is far from the pair's switch. N inputs need N neurons of each sign.

Any smooth activation: Levenberg-Marquardt on the values, with steps in the span of the gradient features (as many
unknowns as inputs). It may stop early.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy

from ...arithmetic import Array, Floats, least_squares, to_float
from ...models.weights import Weights
from ...supervised.instance import Functions, NetworkInstance

DIRECTIONS = 64
"""Directions q that are tried; the one that keeps the inputs' tau apart is taken."""
HINGE = 0.25
"""Where between two values of tau a neuron switches on: nearer to the lower one, so that slopes do not swing."""
LEAST_ANGLE = 1e-9
"""Rays whose tau are closer than this, in units of the spread of all, are not told apart in float64."""
FAR = 40.0
"""Least distance of an input from a pair's switch: e^{-40} is below float64's rounding."""
ROUNDS = 100
SCALES = (1.0, 4.0)
"""Sizes of random starts: rows of N(0, scale^2 I)."""
SHARES = (1.0, 0.5, 0.25)
"""Values beyond the reach of a network are tried smaller, too."""
LARGEST = 2**16
"""Largest product of inputs and parameters for which values are fitted."""


@dataclass(frozen=True)
class Hinges:
    """f(x) = sum_r slopes_r (directions_r'x)_+ [N]: rows of directions (N, d); `below`'x < 0 for all inputs (d,)."""

    directions: Array
    slopes: Array
    below: Array


def interpolant(instance: NetworkInstance, functions: Functions) -> Weights | None:
    """W with f(x; W) near the functions (n, k) at the inputs with mass; None where it cannot be built so.

    That is: where tasks dispute an input's value, no p is positive on all inputs, or neurons of a sign run out.
    """
    signs = np.array(instance.signs)

    def enough(slopes: Array) -> bool:
        return all((np.sign(slopes) == s).sum() <= (signs == s).sum() for s in (1, -1))

    found = hinges(instance, functions, enough)
    if found is None:
        return None
    weights = np.tile(found.below, (instance.width, 1))  # neurons that are not needed: off at every input
    for sign in (1, -1):
        chosen = np.flatnonzero(np.sign(found.slopes) == sign)
        neurons = np.flatnonzero(signs == sign)[: len(chosen)]
        weights[neurons] = instance.width**0.5 * np.abs(found.slopes[chosen, None]) * found.directions[chosen]
    return Weights(weights)


def hinges(
    instance: NetworkInstance, functions: Functions, accepted: Callable[[Array], bool] = lambda slopes: True
) -> Hinges | None:
    """The functions at the inputs with mass as a sum of hinges, whose slopes are `accepted`; None if there is none."""
    wanted = agreed(instance, functions)
    if wanted is None:
        return None
    rows, values = wanted
    live = (rows != 0).any(1)
    if (values[~live] != 0).any() or not live.any():
        return None
    rows, values = rows[live], values[live]
    if not (np.isfinite(rows).all() and np.isfinite(values).all()):
        return None
    above = _positive(rows)
    if above is None:
        return None
    best: tuple[float, Hinges] | None = None
    for across in np.random.default_rng(0).standard_normal((DIRECTIONS, rows.shape[1])):
        found = _triangular(rows @ across / (rows @ above), values / (rows @ above))
        if found is not None and accepted(found[2]) and (best is None or found[0] > best[0]):
            apart, places, slopes = found
            best = apart, Hinges(across - places[:, None] * above, slopes, -above)
    return None if best is None else best[1]


def agreed(instance: NetworkInstance, functions: Functions) -> tuple[Array, Array] | None:
    """(inputs with mass (N, d), the value that the functions give each [N]); None where tasks give different ones."""
    wanted: dict[int, float] = {}
    for task, row in zip(instance.tasks, functions.values, strict=True):
        for atom in task.atoms if task.weight != 0 else ():
            value = to_float(row[atom.x])
            if atom.p != 0 and wanted.setdefault(atom.x, value) != value:
                return None
    rows = np.array([[to_float(v) for v in instance.features[x]] for x in wanted])
    return rows, np.array(list(wanted.values()))


def _positive(rows: Array) -> Array | None:
    """p with p'x > 0 for all rows x: the one with the largest margin in units of ||x||; None if there is none."""
    units = rows / np.abs(rows).max(1, keepdims=True)  # whose squares neither overflow nor vanish
    units = units / np.sqrt((units**2).sum(1, keepdims=True))
    d = rows.shape[1]
    system = np.hstack([-units, np.ones((len(units), 1))])
    bounds = [(-1.0, 1.0)] * d + [(None, 1.0)]
    found = scipy.optimize.linprog(np.append(np.zeros(d), -1.0), A_ub=system, b_ub=np.zeros(len(units)), bounds=bounds)
    if not found.success or not (units @ found.x[:d] > 0).all():
        return None
    return found.x[:d]


def _triangular(tau: Array, values: Array) -> tuple[float, Array, Array] | None:
    """(least distance of two tau, s_r, c_r) with sum_r c_r (tau_j - s_r)_+ = values_j; None where tau coincide."""
    order = np.argsort(tau)
    tau, values = tau[order], values[order]
    spread = max(float(tau[-1] - tau[0]), float(np.abs(tau).max()), 1e-300)
    same = np.append(False, np.diff(tau) <= LEAST_ANGLE * spread)
    if (np.abs(np.diff(values))[same[1:]] > 1e-9 * np.abs(values).max(initial=0.0)).any():
        return None
    tau, values = tau[~same], values[~same]
    steps = np.diff(tau, prepend=tau[0] - spread)
    places = tau - (1 - HINGE) * steps
    slopes: list[float] = []
    for j, value in enumerate(values):
        before = sum(c * (tau[j] - s) for c, s in zip(slopes, places, strict=False))
        slopes.append((value - before) / (tau[j] - places[j]))
    return float(steps.min()), places, np.array(slopes)


# --- any activation -----------------------------------------------------------------------------------------


def interpolants(instance: NetworkInstance, functions: Functions) -> Iterator[Weights]:
    """Networks with values near the functions (n, k) at the inputs with mass; none where tasks dispute a value."""
    wanted = agreed(instance, functions)
    if wanted is None:
        return
    if instance.sigma.kinked:
        if (found := interpolant(instance, functions)) is not None:
            yield found
        return
    rows, values = wanted
    if instance.sigma.name == "softplus" and (built := _pairs(instance, functions, rows)) is not None:
        yield Weights(built)
        return
    if rows.size * instance.width > LARGEST:
        return
    rng = np.random.default_rng(0)
    for share in SHARES:
        for scale in SCALES:
            start = scale * rng.standard_normal((instance.width, rows.shape[1]))
            at, met = fitted(instance, rows, share * values, start)
            yield Weights(at)
            if met and share == 1:
                return  # nothing is lower than the values themselves


def _pairs(instance: NetworkInstance, functions: Functions, rows: Array) -> Array | None:
    """W (m, d) of pairs of neurons; None where neurons or float64 do not suffice."""
    found = hinges(instance, functions)
    signs = np.array(instance.signs)
    if found is None:
        return None
    count = len(found.slopes)
    if any((signs == s).sum() < count for s in (1, -1)):
        return None
    root, live = instance.width**0.5, rows[(rows != 0).any(1)]
    with np.errstate(all="ignore"):
        steep = FAR / (root * np.abs(live @ found.directions.T).min(0))
        # Neurons that are not needed: off at every input.
        weights = np.tile(found.below * FAR / np.abs(live @ found.below).min(), (instance.width, 1))
        for sign in (1, -1):
            size = root * (steep + np.maximum(sign * found.slopes, 0.0))
            weights[np.flatnonzero(signs == sign)[:count]] = size[:, None] * found.directions
    return weights if np.isfinite(weights).all() else None


def fitted(instance: NetworkInstance, rows: Array, values: Array, weights: Array) -> tuple[Array, bool]:
    """W (m, d) where Levenberg-Marquardt on f(rows; W) - values stops, from the given weights; whether f meets them."""
    share = np.array(instance.signs) / instance.width**0.5
    sigma, products = instance.sigma, rows @ rows.T
    damping = 1e-2

    def missing(at: Array) -> tuple[Array, Array]:
        drive = rows @ at.T
        return drive, values - sigma.value(Floats, drive) @ share

    def met(rest: Array) -> bool:
        return bool(rest @ rest <= 1e-26 * max(values @ values, 1e-300))

    with np.errstate(all="ignore"):
        drive, rest = missing(weights)
        for _ in range(ROUNDS):
            slopes = sigma.d1(Floats, drive) * share
            gram = (slopes @ slopes.T) * products
            shift = np.trace(gram) / len(gram) * np.eye(len(gram))
            for _ in range(10):
                pull = least_squares(gram + damping * shift, rest)
                moved = weights + (slopes * pull[:, None]).T @ rows
                new, left = missing(moved)
                if left @ left < rest @ rest:
                    break
                damping *= 4
            else:
                break
            weights, drive, rest, damping = moved, new, left, max(damping / 10, 1e-15)
            if met(rest):
                break
    return weights, met(rest)
