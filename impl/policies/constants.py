"""A priori constants of one task, in balls, rationals or midpoint-radius arrays: see `theory.meta_rl`, T3d and T3e."""

from __future__ import annotations

from ..arithmetic import Number, square


def half_span(gamma: Number, span: Number) -> Number:
    """span(r)/(2(1-gamma)): at least |A|/(1-gamma) in the mean, for any policy."""
    return span / (2 * (1 - gamma))


def lookahead(step: Number, gamma: Number, span: Number) -> Number:
    """kappa = |eta| gamma span(r)/(2(1-gamma)), of step = |eta|."""
    return step * gamma * half_span(gamma, span)


def lipschitz(half_width: Number, gamma: Number, span: Number, ahead: Number) -> Number:
    """span/(2(1-gamma)) b (1 + kappa), of half_width = b and ahead = kappa."""
    return half_span(gamma, span) * half_width * (1 + ahead)


def smoothness(half_width: Number, gamma: Number, span: Number, ahead: Number) -> Number:
    """span [b^2 (1 + kappa)^2 + kappa b^2]/(1-gamma)^2."""
    return span * (square(half_width * (1 + ahead)) + ahead * square(half_width)) / square(1 - gamma)
