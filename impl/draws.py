"""What the generators of every family draw: sizes, features, shares and task weights, on dyadic grids."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from .sources import Array, Source

B = TypeVar("B", bound=Any)


def draw_size(source: Source, largest: int) -> int:
    """A size 1..largest."""
    return source.choose(range(1, largest + 1))


def draw_features(source: Source, k: int, d: int) -> Array:
    """(B, k, d): plain, a near-singular or collinear spectrum, repeated inputs."""
    spectrum = source.choose(("plain", "plain", "near-singular", "collinear", "repeated"))
    plain = source.grid((k, d), -8, 8) / 4
    if spectrum == "near-singular" and d > 1:
        tilt = source.grid((k, d - 1), -4, 4) * 2.0**-12
        plain = np.concatenate([plain[..., :1], plain[..., :1] + tilt], axis=2)
    elif spectrum == "collinear":
        plain = plain[..., :1] * (source.grid((1, d), -4, 4) / 4)
    elif spectrum == "repeated" and k > 1:
        plain = np.concatenate([plain[:, :-1], plain[:, :1]], axis=1)
    return plain


def composition(source: Source, parts: int, shape: tuple[int, ...] = ()) -> Array:
    """Dyadic shares (B, *shape, parts) >= 0 that sum to 1 exactly."""
    cuts = np.sort(source.grid((*shape, parts - 1), 0, 64), axis=-1) / 64
    edge = np.zeros((source.size, *shape, 1))
    return np.diff(np.concatenate([edge, cuts, edge + 1], axis=-1), axis=-1)


def draw_weights(source: Source, n: int) -> Array:
    """Task weights (B, n): uniform (to the next power of two), general, or all but one tiny."""
    kind = source.choose(("uniform", "general", "tiny"))
    if kind == "general" and n > 1:
        return composition(source, n)
    share = 2.0**-20 if kind == "tiny" else 2.0 ** -np.ceil(np.log2(n))
    weights = np.full((source.size, n), share)
    weights[:, 0] = 1 - (n - 1) * share
    return weights


def with_radius(source: Source, batch: B) -> B:
    """A batch with a radius: the distance of omega and its rival (B, ...) rounded up, or anything from 1/8 to 8."""
    if source.choose(("distance", "any")) == "any" or batch.rival is None:
        return replace(batch, radius=(1 + source.grid((), 0, 63)) / 8)
    squares = ((batch.omega - batch.rival) ** 2).reshape(source.size, -1).sum(1)
    return replace(batch, radius=np.maximum(np.ceil(np.sqrt(squares) * 8), 1) / 8)


def draw_entries(source: Source, shape: tuple[int, ...]) -> Array:
    """(B, *shape), odd multiples of 2^-10 within +-2: weights of which none is 0."""
    return (2 * source.grid(shape, -1024, 1023) + 1) / 1024


def shifted(source: Source, weights: Array, exponents: tuple[int, int]) -> Array:
    """W (B, m, d) moved by about 2^e in Frobenius norm, e within the exponents, in a random direction."""
    move = draw_entries(source, weights.shape[1:])
    size = np.sqrt((move**2).sum((1, 2)))
    wanted = 2.0 ** source.grid((), *exponents)
    return weights + move * (2.0 ** np.round(np.log2(wanted / size)))[:, None, None]
