r"""A ReLU network with given values at the inputs of a problem, built neuron by neuron.

Choose p with p'x > 0 for all inputs x != 0, any q, and order the inputs by tau(x) = q'x / p'x. A neuron whose weights
are a positive multiple of q - s p is active where tau(x) > s, and there p'x (tau(x) - s) is what it gives:

    f(x) = p'x g(tau(x)),    g(tau) = sum_r c_r (tau - s_r)_+,    W_r = m^{1/2} |c_r| (q - s_r p),    b_r = sign(c_r).

With s_1 < tau_1 < s_2 < tau_2 < ... the conditions g(tau_j) = f(x_j)/p'x_j are a triangular system, so N inputs on
different rays need N neurons of fitting signs. Inputs on one ray have one tau: their values must be in proportion.

Where the values are each task's best predictions at inputs that tasks do not dispute, every task's gradient vanishes
at them, no step is taken, and L is the functional lower bound: it is attained. All of this is a proposal in float64;
what the network is worth is for balls to say.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from ..arithmetic import Array, to_float
from ..meta_sl.instance import Functions
from .instance import NetworkInstance
from .weights import Weights

DIRECTIONS = 64
"""Directions q that are tried; the one that keeps the inputs' tau apart is taken."""
HINGE = 0.25
"""Where between two values of tau a neuron switches on: nearer to the lower one, so that slopes do not swing."""
LEAST_ANGLE = 1e-9
"""Rays whose tau are closer than this, in units of the spread of all, are not told apart in float64."""


def interpolant(instance: NetworkInstance, functions: Functions) -> Weights | None:
    """W with f(x; W) near the functions (n, k) at the inputs with mass; None where it cannot be built so.

    That is: where tasks dispute an input's value, no p is positive on all inputs, or neurons of a sign run out.
    """
    wanted = _agreed(instance, functions)
    if wanted is None:
        return None
    rows = np.array([[to_float(v) for v in instance.features[x]] for x in wanted])
    values = np.array(list(wanted.values()))
    live = (rows != 0).any(1)
    if (values[~live] != 0).any() or not live.any():
        return None
    rows, values = rows[live], values[live]
    above = _positive(rows)
    if above is None:
        return None
    signs = np.array(instance.signs)
    best: tuple[float, Array, Array, Array] | None = None
    for across in np.random.default_rng(0).standard_normal((DIRECTIONS, rows.shape[1])):
        found = _hinges(rows @ across / (rows @ above), values / (rows @ above))
        if found is None:
            continue
        apart, places, slopes = found
        enough = all((np.sign(slopes) == s).sum() <= (signs == s).sum() for s in (1, -1))
        if enough and (best is None or apart > best[0]):
            best = apart, across, places, slopes
    if best is None:
        return None
    _, across, places, slopes = best
    weights = np.tile(-above, (instance.width, 1))  # neurons that are not needed: off at every input
    for sign in (1, -1):
        chosen = np.flatnonzero(np.sign(slopes) == sign)
        neurons = np.flatnonzero(signs == sign)[: len(chosen)]
        directions = across - places[chosen, None] * above
        weights[neurons] = instance.width**0.5 * np.abs(slopes[chosen, None]) * directions
    return Weights(weights) if np.isfinite(weights).all() else None


def _agreed(instance: NetworkInstance, functions: Functions) -> dict[int, float] | None:
    """The value that the functions give each input with mass; None where two tasks give different ones."""
    wanted: dict[int, float] = {}
    for task, row in zip(instance.tasks, functions.values, strict=True):
        for atom in task.atoms:
            if (
                task.weight != 0
                and atom.p != 0
                and wanted.setdefault(atom.x, to_float(row[atom.x])) != to_float(row[atom.x])
            ):
                return None
    return wanted


def _positive(rows: Array) -> Array | None:
    """p with p'x > 0 for all rows x: the one with the largest margin in units of ||x||; None if there is none."""
    units = rows / np.sqrt((rows**2).sum(1, keepdims=True))
    d = rows.shape[1]
    system = np.hstack([-units, np.ones((len(units), 1))])
    bounds = [(-1.0, 1.0)] * d + [(None, 1.0)]
    found = linprog(np.append(np.zeros(d), -1.0), A_ub=system, b_ub=np.zeros(len(units)), bounds=bounds)
    if not found.success or not (units @ found.x[:d] > 0).all():
        return None
    direction: Array = found.x[:d]
    return direction


def _hinges(tau: Array, values: Array) -> tuple[float, Array, Array] | None:
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
