"""Bregman divergences of the losses that have names, in balls, by formulas that are never negative."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flint import arb

from ..arithmetic import Balls, square

Divergence = Callable[[Sequence[arb], Sequence[arb]], arb]


def squared(z: Sequence[arb], h: Sequence[arb]) -> arb:
    """|h - z|^2/2 of one point, the mean over its components."""
    return sum((square(b - a) for a, b in zip(z, h, strict=True)), start=arb(0)) / (2 * len(z))


def softmax(z: Sequence[arb], h: Sequence[arb]) -> arb:
    """KL(p_z || p_h) = sum_k p_k (e^(d_k) - 1 - d_k), d = log p_h - log p_z."""
    before, after = _log_softmax(z), _log_softmax(h)
    return sum((a.exp() * _excess(b - a) for a, b in zip(before, after, strict=True)), start=arb(0))


def bernoulli(z: Sequence[arb], h: Sequence[arb]) -> arb:
    """The same of the two classes 1 and 0, of one logit; the mean over components."""
    pairs = (softmax([a, arb(0)], [b, arb(0)]) for a, b in zip(z, h, strict=True))
    return sum(pairs, start=arb(0)) / len(z)


def _log_softmax(z: Sequence[arb]) -> list[arb]:
    shift = max((v.mid() for v in z), key=float)
    total = sum(((v - shift).exp() for v in z), start=arb(0)).log() + shift
    return [v - total for v in z]


def _excess(d: arb) -> arb:
    """e^d - 1 - d >= 0."""
    return Balls.positive(d.expm1() - d)


DIVERGENCES: dict[str, Divergence] = {"mse": squared, "cross_entropy": softmax, "bce": bernoulli}
"""Of the losses that have names: all of them >= 0, and convex in the predictions; means over points."""
