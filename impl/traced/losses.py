"""The losses that have names, in balls: values, slopes, and Bregman divergences by formulas that are never negative.

All of them are >= 0, convex in the predictions, and means over points. They are written here, not traced: what a file
calls by such a name is that loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from flint import arb

from ..arithmetic import Array, Balls, square

Points = Sequence[arb]


@dataclass(frozen=True)
class Named:
    """A risk of predictions z [n c], row after row, against labels y.

    value (z, y) -> R; slope (z, y) -> dR/dz [n c]; divergence (z, h) of one point [c] -> arb, R's is their mean
    valid   whether labels y go with predictions of shape (n, c)
    """

    value: Callable[[Points, Array], arb]
    slope: Callable[[Points, Array], list[arb]]
    divergence: Callable[[Points, Points], arb]
    valid: Callable[[Array, int, int], bool]


def _entries(y: Array) -> list[arb]:
    return [arb(float(v)) for v in np.ravel(y)]


def _mean(values: Sequence[arb]) -> arb:
    return sum(values, start=arb(0)) / len(values)


# --- mse: the mean over points and components of (z - y)^2/2 ------------------------------------------------------


def _mse(z: Points, y: Array) -> arb:
    return _mean([square(a - b) for a, b in zip(z, _entries(y), strict=True)]) / 2


def _mse_slope(z: Points, y: Array) -> list[arb]:
    return [(a - b) / len(z) for a, b in zip(z, _entries(y), strict=True)]


def squared(z: Points, h: Points) -> arb:
    """|h - z|^2/2 of one point, the mean over its components."""
    return _mean([square(b - a) for a, b in zip(z, h, strict=True)]) / 2


# --- cross_entropy: the mean over points of -log softmax(z)_y ----------------------------------------------------


def _points(z: Points, y: Array) -> list[Points]:
    c = len(z) // len(y)
    return [z[k : k + c] for k in range(0, len(z), c)]


def _cross_entropy(z: Points, y: Array) -> arb:
    return -_mean([_log_softmax(point)[int(label)] for point, label in zip(_points(z, y), y, strict=True)])


def _cross_entropy_slope(z: Points, y: Array) -> list[arb]:
    return [
        (log.exp() - (1 if a == label else 0)) / len(y)
        for point, label in zip(_points(z, y), y, strict=True)
        for a, log in enumerate(_log_softmax(point))
    ]


def softmax(z: Points, h: Points) -> arb:
    """KL(p_z || p_h) = sum_k p_k (e^(d_k) - 1 - d_k), d = log p_h - log p_z."""
    before, after = _log_softmax(z), _log_softmax(h)
    return sum((a.exp() * _excess(b - a) for a, b in zip(before, after, strict=True)), start=arb(0))


def _log_softmax(z: Points) -> list[arb]:
    shift = max((v.mid() for v in z), key=float)
    total = sum(((v - shift).exp() for v in z), start=arb(0)).log() + shift
    return [v - total for v in z]


def _excess(d: arb) -> arb:
    """e^d - 1 - d >= 0."""
    return Balls.positive(d.expm1() - d)


# --- bce: the mean over points and components of log(1 + e^z) - y z -----------------------------------------------


def _bce(z: Points, y: Array) -> arb:
    return _mean([Balls.softplus(a) - b * a for a, b in zip(z, _entries(y), strict=True)])


def _bce_slope(z: Points, y: Array) -> list[arb]:
    return [(Balls.sigmoid(a) - b) / len(z) for a, b in zip(z, _entries(y), strict=True)]


def bernoulli(z: Points, h: Points) -> arb:
    """KL of the two classes 1 and 0, of one logit; the mean over components."""
    return _mean([softmax([a, arb(0)], [b, arb(0)]) for a, b in zip(z, h, strict=True)])


def _real(y: Array, n: int, c: int) -> bool:
    return y.size == n * c and y.dtype.kind == "f"


def _classes(y: Array, n: int, c: int) -> bool:
    return y.shape == (n,) and y.dtype.kind == "i" and bool(((y >= 0) & (y < c)).all())


NAMED: dict[str, Named] = {
    "mse": Named(_mse, _mse_slope, squared, _real),
    "cross_entropy": Named(_cross_entropy, _cross_entropy_slope, softmax, _classes),
    "bce": Named(_bce, _bce_slope, bernoulli, lambda y, n, c: _real(y, n, c) and bool(((y >= 0) & (y <= 1)).all())),
}
