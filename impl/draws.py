"""What the generators of every family draw: sizes, features, shares and task weights, on dyadic grids."""

from __future__ import annotations

import numpy as np

from .sources import Array, Source


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
