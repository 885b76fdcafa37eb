"""Activations: sigma and two derivatives over the function sets of `arithmetic`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flint import fmpq

from ..arithmetic import Number

Evaluate = Callable[[Any, Number], Number]


@dataclass(frozen=True)
class Activation:
    """sigma, sigma' and sigma''/sigma' (bend) as functions of (function set, argument); 0 <= sigma' <= 1.

    curvature   sup |sigma''| in a function set
    steepest    where sigma'' is that, in float64
    odd         sigma(-t) = -sigma(t); else sigma'(t) + sigma'(-t) = 1 (`dependence`)
    bounded     |sigma| < 1, up to both ends; else sigma >= 0 has no upper end (`optimum.networks.floor`)
    kinked      sigma(s t) = s sigma(t) for s >= 0: no derivative at 0, and curvature 0 elsewhere
    """

    name: str
    value: Evaluate
    d1: Evaluate
    bend: Evaluate
    curvature: Callable[[Any], Number]
    steepest: float = 0.0
    odd: bool = False
    bounded: bool = False
    kinked: bool = False

    def d2(self, m: Any, t: Number) -> Number:
        """sigma''."""
        return self.d1(m, t) * self.bend(m, t)


def _tanh_slope(m: Any, t: Number) -> Number:
    root = m.sech(t)
    return root * root


ACTIVATIONS: dict[str, Activation] = {
    one.name: one
    for one in (
        Activation(
            "softplus",
            lambda m, t: m.softplus(t),
            lambda m, t: m.sigmoid(t),
            lambda m, t: m.sigmoid(-t),
            lambda m: m.number(fmpq(1, 4)),
        ),
        Activation(
            "tanh",
            lambda m, t: m.tanh(t),
            _tanh_slope,
            lambda m, t: -2 * m.tanh(t),
            lambda m: m.sqrt(m.number(fmpq(16, 27))),  # 4/(3 sqrt 3), at tanh(t)^2 = 1/3
            steepest=-math.atanh(3**-0.5),
            odd=True,
            bounded=True,
        ),
    )
}
"""The smooth ones, by the names in files."""

RELU = Activation(
    "relu",
    lambda m, t: m.positive(t),
    lambda m, t: m.step(t),
    lambda m, t: 0 * t,
    lambda m: m.number(fmpq(0)),
    kinked=True,
)
