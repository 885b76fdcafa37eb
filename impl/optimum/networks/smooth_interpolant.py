r"""Smooth networks with given values at the inputs of a problem, as proposals in float64.

Softplus: log(1 + e^t) is t_+ but for e^{-|t|}, so a hinge c (n'x)_+ of `network.interpolant` is a pair of neurons of
opposite sign,

    m^{-1/2} [softplus(m^{1/2} (k + c) n'x) - softplus(m^{1/2} k n'x)]   (c >= 0; else the other way round),

with k so large that every input is far from the pair's switch. N inputs need N neurons of each sign.

Any activation: Levenberg-Marquardt on the values, with steps in the span of the gradient features (as many unknowns as
inputs). It may stop early; what is found is judged by its value, in balls.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...arithmetic import Array, Floats, least_squares
from ...models.weights import Weights
from ...supervised.instance import Functions, SmoothInstance
from .interpolant import agreed, hinges

FAR = 40.0
"""Least distance of an input from a pair's switch: e^{-40} is below float64's rounding."""
ROUNDS = 100
SCALES = (1.0, 4.0)
"""Sizes of random starts: rows of N(0, scale^2 I)."""
SHARES = (1.0, 0.5, 0.25)
"""Values beyond the reach of a network are tried smaller, too."""
LARGEST = 2**16
"""Largest product of inputs and parameters for which values are fitted."""


def interpolants(instance: SmoothInstance, functions: Functions) -> Iterator[Weights]:
    """Networks with values near the functions (n, k) at the inputs with mass; none where tasks dispute a value."""
    wanted = agreed(instance, functions)
    if wanted is None:
        return
    rows, values = wanted
    if instance.activation == "softplus" and (built := _pairs(instance, functions, rows)) is not None:
        yield Weights(built)
        return
    if rows.size * instance.width > LARGEST:
        return
    rng = np.random.default_rng(0)
    for share in SHARES:
        for scale in SCALES:
            start = scale * rng.standard_normal((instance.width, rows.shape[1]))
            yield Weights(fitted(instance, rows, share * values, start))


def _pairs(instance: SmoothInstance, functions: Functions, rows: Array) -> Array | None:
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


def fitted(instance: SmoothInstance, rows: Array, values: Array, weights: Array) -> Array:
    """W (m, d) where Levenberg-Marquardt on f(rows; W) - values stops, from the given weights."""
    share = np.array(instance.signs) / instance.width**0.5
    sigma, products = instance.sigma, rows @ rows.T
    damping = 1e-2

    def missing(at: Array) -> tuple[Array, Array]:
        drive = rows @ at.T
        return drive, values - sigma.value(Floats, drive) @ share

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
                return weights
            weights, drive, rest, damping = moved, new, left, max(damping / 10, 1e-15)
            if rest @ rest <= 1e-26 * max(values @ values, 1e-300):
                break
    return weights
